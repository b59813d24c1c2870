"""The ``OVN_Southbound`` database as typed tables: what ovn-northd and the ovn-controllers tell each other.

Equal to version 21.8.0 of the schema in tables, columns, types, constraints and indexes; a test
compares them.  The meaning of a column is ovn-sb(5)'s; a comment stands where pyovn's use of it needs one.
"""

from __future__ import annotations

from pyovn.schemas.columns import (
    Database,
    Row,
    boolean,
    integer,
    many,
    mapping,
    optional,
    scalar,
    string,
    strong,
    uuid,
    weak,
)


class SBGlobal(Row, table="SB_Global", root=True, max_rows=1):
    """Table ``SB_Global`` of ovn-sb(5)."""

    nb_cfg = scalar(integer())
    external_ids = mapping(string(), string())
    connections = many(strong("Connection"))
    ssl = optional(strong("SSL"))
    options = mapping(string(), string())
    ipsec = scalar(boolean())


class Chassis(Row, table="Chassis", root=True, indexes=(("name",),)):
    """Table ``Chassis`` of ovn-sb(5)."""

    name = scalar(string())
    hostname = scalar(string())
    encaps = many(strong("Encap"), min=1)
    vtep_logical_switches = many(string())
    nb_cfg = scalar(integer())
    external_ids = mapping(string(), string())
    other_config = mapping(string(), string())
    transport_zones = many(string())


class ChassisPrivate(Row, table="Chassis_Private", root=True, indexes=(("name",),)):
    """Table ``Chassis_Private`` of ovn-sb(5)."""

    name = scalar(string())
    chassis = optional(weak("Chassis"))
    nb_cfg = scalar(integer())
    nb_cfg_timestamp = scalar(integer())
    external_ids = mapping(string(), string())


class Encap(Row, table="Encap", indexes=(("type", "ip"),)):
    """Table ``Encap`` of ovn-sb(5)."""

    type = scalar(string(enum=("geneve", "vxlan")))
    options = mapping(string(), string())
    ip = scalar(string())
    chassis_name = scalar(string())


class AddressSet(Row, table="Address_Set", root=True, indexes=(("name",),)):
    """Table ``Address_Set`` of ovn-sb(5)."""

    name = scalar(string())
    addresses = many(string())


class PortGroup(Row, table="Port_Group", root=True, indexes=(("name",),)):
    """Table ``Port_Group`` of ovn-sb(5)."""

    name = scalar(string())
    ports = many(string())


class LogicalFlow(Row, table="Logical_Flow", root=True):
    """Table ``Logical_Flow`` of ovn-sb(5)."""

    logical_datapath = optional(strong("Datapath_Binding"))
    logical_dp_group = optional(strong("Logical_DP_Group"))
    pipeline = scalar(string(enum=("ingress", "egress")))
    table_id = scalar(integer(min=0, max=33))
    priority = scalar(integer(min=0, max=65535))
    match = scalar(string())
    actions = scalar(string())
    tags = mapping(string(), string())
    controller_meter = optional(string())
    external_ids = mapping(string(), string())
    flow_desc = optional(string())


class LogicalDPGroup(Row, table="Logical_DP_Group"):
    """Table ``Logical_DP_Group`` of ovn-sb(5)."""

    datapaths = many(weak("Datapath_Binding"))


class MulticastGroup(
    Row,
    table="Multicast_Group",
    root=True,
    indexes=(
        ("datapath", "tunnel_key"),
        ("datapath", "name"),
    ),
):
    """Table ``Multicast_Group`` of ovn-sb(5)."""

    datapath = scalar(strong("Datapath_Binding"))
    name = scalar(string())
    tunnel_key = scalar(integer(min=32768, max=65535))
    ports = many(weak("Port_Binding"))


class Mirror(Row, table="Mirror", root=True, indexes=(("name",),)):
    """Table ``Mirror`` of ovn-sb(5)."""

    name = scalar(string())
    filter = scalar(string(enum=("from-lport", "to-lport", "both")))
    sink = scalar(string())
    type = scalar(string(enum=("gre", "erspan", "local", "lport")))
    index = scalar(integer())
    external_ids = mapping(string(), string())


class Meter(Row, table="Meter", root=True, indexes=(("name",),)):
    """Table ``Meter`` of ovn-sb(5)."""

    name = scalar(string())
    unit = scalar(string(enum=("kbps", "pktps")))
    bands = many(strong("Meter_Band"), min=1)


class MeterBand(Row, table="Meter_Band"):
    """Table ``Meter_Band`` of ovn-sb(5)."""

    action = scalar(string(enum=("drop",)))
    rate = scalar(integer(min=1, max=4294967295))
    burst_size = scalar(integer(min=0, max=4294967295))


class DatapathBinding(Row, table="Datapath_Binding", root=True, indexes=(("tunnel_key",),)):
    """Table ``Datapath_Binding`` of ovn-sb(5)."""

    tunnel_key = scalar(integer(min=1, max=16777215))
    load_balancers = many(uuid())
    type = optional(string(enum=("logical-switch", "logical-router")))
    nb_uuid = optional(uuid())
    external_ids = mapping(string(), string())


class PortBinding(
    Row,
    table="Port_Binding",
    root=True,
    indexes=(
        ("datapath", "tunnel_key"),
        ("logical_port",),
    ),
):
    """Table ``Port_Binding`` of ovn-sb(5)."""

    logical_port = scalar(string())
    type = scalar(string())
    gateway_chassis = many(strong("Gateway_Chassis"))
    ha_chassis_group = optional(strong("HA_Chassis_Group"))
    options = mapping(string(), string())
    datapath = scalar(strong("Datapath_Binding"))
    tunnel_key = scalar(integer(min=1, max=32767))
    parent_port = optional(string())
    mirror_port = optional(string())
    tag = optional(integer(min=1, max=4095))
    virtual_parent = optional(string())
    chassis = optional(weak("Chassis"))
    additional_chassis = many(weak("Chassis"))
    encap = optional(weak("Encap"))
    additional_encap = many(weak("Encap"))
    mirror_rules = many(weak("Mirror"))
    mac = many(string())
    port_security = many(string())
    nat_addresses = many(string())
    up = optional(boolean())
    external_ids = mapping(string(), string())
    requested_chassis = optional(weak("Chassis"))
    requested_additional_chassis = many(weak("Chassis"))


class MACBinding(Row, table="MAC_Binding", root=True, indexes=(("logical_port", "ip"),)):
    """Table ``MAC_Binding`` of ovn-sb(5)."""

    logical_port = scalar(string())
    ip = scalar(string())
    mac = scalar(string())
    timestamp = scalar(integer())
    datapath = scalar(strong("Datapath_Binding"))


class DHCPOptions(Row, table="DHCP_Options", root=True):
    """Table ``DHCP_Options`` of ovn-sb(5)."""

    name = scalar(string())
    code = scalar(integer(min=0, max=254))
    type = scalar(
        string(
            enum=("bool", "uint8", "uint16", "uint32", "ipv4", "static_routes", "str", "host_id", "domains")
        )
    )


class DHCPv6Options(Row, table="DHCPv6_Options", root=True):
    """Table ``DHCPv6_Options`` of ovn-sb(5)."""

    name = scalar(string())
    code = scalar(integer(min=0, max=254))
    type = scalar(string(enum=("ipv6", "str", "mac", "domain")))


class Connection(Row, table="Connection", indexes=(("target",),)):
    """Table ``Connection`` of ovn-sb(5)."""

    target = scalar(string())
    max_backoff = optional(integer(min=1000))
    inactivity_probe = optional(integer())
    read_only = scalar(boolean())
    role = scalar(string())
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    is_connected = scalar(boolean(), ephemeral=True)
    status = mapping(string(), string(), ephemeral=True)


class SSL(Row, table="SSL", max_rows=1):
    """Table ``SSL`` of ovn-sb(5)."""

    private_key = scalar(string())
    certificate = scalar(string())
    ca_cert = scalar(string())
    bootstrap_ca_cert = scalar(boolean())
    ssl_protocols = scalar(string())
    ssl_ciphers = scalar(string())
    ssl_ciphersuites = scalar(string())
    external_ids = mapping(string(), string())


class DNS(Row, table="DNS", root=True):
    """Table ``DNS`` of ovn-sb(5)."""

    records = mapping(string(), string())
    datapaths = many(strong("Datapath_Binding"), min=1)
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class RBACRole(Row, table="RBAC_Role", root=True):
    """Table ``RBAC_Role`` of ovn-sb(5)."""

    name = scalar(string())
    permissions = mapping(string(), weak("RBAC_Permission"))


class RBACPermission(Row, table="RBAC_Permission", root=True):
    """Table ``RBAC_Permission`` of ovn-sb(5)."""

    table = scalar(string())
    authorization = many(string())
    insert_delete = scalar(boolean())
    update = many(string())


class GatewayChassis(Row, table="Gateway_Chassis", indexes=(("name",),)):
    """Table ``Gateway_Chassis`` of ovn-sb(5)."""

    name = scalar(string())
    chassis = optional(weak("Chassis"))
    priority = scalar(integer(min=0, max=32767))
    external_ids = mapping(string(), string())
    options = mapping(string(), string())


class HAChassis(Row, table="HA_Chassis"):
    """Table ``HA_Chassis`` of ovn-sb(5)."""

    chassis = optional(weak("Chassis"))
    priority = scalar(integer(min=0, max=32767))
    external_ids = mapping(string(), string())


class HAChassisGroup(Row, table="HA_Chassis_Group", root=True, indexes=(("name",),)):
    """Table ``HA_Chassis_Group`` of ovn-sb(5)."""

    name = scalar(string())
    ha_chassis = many(strong("HA_Chassis"))
    ref_chassis = many(weak("Chassis"))
    external_ids = mapping(string(), string())


class ControllerEvent(Row, table="Controller_Event", root=True):
    """Table ``Controller_Event`` of ovn-sb(5)."""

    event_type = scalar(string(enum=("empty_lb_backends",)))
    event_info = mapping(string(), string())
    chassis = optional(weak("Chassis"))
    seq_num = scalar(integer())


class IPMulticast(Row, table="IP_Multicast", root=True, indexes=(("datapath",),)):
    """Table ``IP_Multicast`` of ovn-sb(5)."""

    datapath = scalar(weak("Datapath_Binding"))
    enabled = optional(boolean())
    querier = optional(boolean())
    eth_src = scalar(string())
    ip4_src = scalar(string())
    ip6_src = scalar(string())
    table_size = optional(integer())
    idle_timeout = optional(integer())
    query_interval = optional(integer())
    query_max_resp = optional(integer())
    seq_no = scalar(integer())


class IGMPGroup(Row, table="IGMP_Group", root=True, indexes=(("address", "datapath", "chassis"),)):
    """Table ``IGMP_Group`` of ovn-sb(5)."""

    address = scalar(string())
    protocol = scalar(string())
    datapath = optional(weak("Datapath_Binding"))
    chassis = optional(weak("Chassis"))
    ports = many(weak("Port_Binding"))
    chassis_name = scalar(string())


class ServiceMonitor(
    Row, table="Service_Monitor", root=True, indexes=(("logical_port", "ip", "port", "protocol"),)
):
    """Table ``Service_Monitor`` of ovn-sb(5)."""

    type = optional(string(enum=("load-balancer", "network-function", "logical-switch-port")))
    ip = scalar(string())
    mac = scalar(string())
    protocol = optional(string(enum=("tcp", "udp", "icmp")))
    port = scalar(integer(min=0, max=65535))
    logical_input_port = scalar(string())
    logical_port = scalar(string())
    src_mac = scalar(string())
    src_ip = scalar(string())
    chassis_name = scalar(string())
    status = optional(string(enum=("online", "offline", "error")))
    ic_learned = scalar(boolean())
    remote = scalar(boolean())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class LoadBalancer(Row, table="Load_Balancer", root=True):
    """Table ``Load_Balancer`` of ovn-sb(5)."""

    name = scalar(string())
    vips = mapping(string(), string())
    protocol = optional(string(enum=("tcp", "udp", "sctp")))
    datapaths = many(strong("Datapath_Binding"))
    datapath_group = optional(strong("Logical_DP_Group"))
    ls_datapath_group = optional(strong("Logical_DP_Group"))
    lr_datapath_group = optional(strong("Logical_DP_Group"))
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class BFD(Row, table="BFD", root=True, indexes=(("logical_port", "dst_ip", "src_port", "disc"),)):
    """Table ``BFD`` of ovn-sb(5)."""

    src_port = scalar(integer(min=49152, max=65535))
    disc = scalar(integer())
    logical_port = scalar(string())
    dst_ip = scalar(string())
    min_tx = scalar(integer())
    min_rx = scalar(integer())
    detect_mult = scalar(integer())
    status = scalar(string(enum=("down", "init", "up", "admin_down")))
    external_ids = mapping(string(), string())
    options = mapping(string(), string())
    chassis_name = scalar(string())


class FDB(Row, table="FDB", root=True, indexes=(("mac", "dp_key"),)):
    """Table ``FDB`` of ovn-sb(5)."""

    mac = scalar(string())
    dp_key = scalar(integer(min=1, max=16777215))
    port_key = scalar(integer(min=1, max=16777215))
    timestamp = scalar(integer())


class StaticMACBinding(Row, table="Static_MAC_Binding", root=True, indexes=(("logical_port", "ip"),)):
    """Table ``Static_MAC_Binding`` of ovn-sb(5)."""

    logical_port = scalar(string())
    ip = scalar(string())
    mac = scalar(string())
    override_dynamic_mac = scalar(boolean())
    datapath = scalar(strong("Datapath_Binding"))


class ECMPNexthop(Row, table="ECMP_Nexthop", root=True, indexes=(("nexthop", "port"),)):
    """Table ``ECMP_Nexthop`` of ovn-sb(5)."""

    nexthop = scalar(string())
    port = scalar(strong("Port_Binding"))
    datapath = scalar(strong("Datapath_Binding"))
    mac = scalar(string())
    external_ids = mapping(string(), string())


class ChassisTemplateVar(Row, table="Chassis_Template_Var", root=True, indexes=(("chassis",),)):
    """Table ``Chassis_Template_Var`` of ovn-sb(5)."""

    chassis = scalar(string())
    variables = mapping(string(), string())


class AdvertisedRoute(
    Row,
    table="Advertised_Route",
    root=True,
    indexes=(("datapath", "logical_port", "ip_prefix", "tracked_port"),),
):
    """Table ``Advertised_Route`` of ovn-sb(5)."""

    datapath = scalar(strong("Datapath_Binding"))
    logical_port = scalar(strong("Port_Binding"))
    ip_prefix = scalar(string())
    tracked_port = optional(strong("Port_Binding"))
    external_ids = mapping(string(), string())


class LearnedRoute(
    Row, table="Learned_Route", root=True, indexes=(("datapath", "logical_port", "ip_prefix", "nexthop"),)
):
    """Table ``Learned_Route`` of ovn-sb(5)."""

    datapath = scalar(strong("Datapath_Binding"))
    logical_port = scalar(strong("Port_Binding"))
    ip_prefix = scalar(string())
    nexthop = scalar(string())
    external_ids = mapping(string(), string())


class ACLID(Row, table="ACL_ID", root=True):
    """Table ``ACL_ID`` of ovn-sb(5)."""

    id = scalar(integer(min=0, max=32767))


class AdvertisedMACBinding(
    Row, table="Advertised_MAC_Binding", root=True, indexes=(("datapath", "logical_port", "ip", "mac"),)
):
    """Table ``Advertised_MAC_Binding`` of ovn-sb(5)."""

    datapath = scalar(strong("Datapath_Binding"))
    logical_port = scalar(strong("Port_Binding"))
    ip = scalar(string())
    mac = scalar(string())
    external_ids = mapping(string(), string())


SOUTHBOUND = Database(
    "OVN_Southbound",
    version="21.8.0",
    cksum="614397313 36713",
    tables=(
        SBGlobal,
        Chassis,
        ChassisPrivate,
        Encap,
        AddressSet,
        PortGroup,
        LogicalFlow,
        LogicalDPGroup,
        MulticastGroup,
        Mirror,
        Meter,
        MeterBand,
        DatapathBinding,
        PortBinding,
        MACBinding,
        DHCPOptions,
        DHCPv6Options,
        Connection,
        SSL,
        DNS,
        RBACRole,
        RBACPermission,
        GatewayChassis,
        HAChassis,
        HAChassisGroup,
        ControllerEvent,
        IPMulticast,
        IGMPGroup,
        ServiceMonitor,
        LoadBalancer,
        BFD,
        FDB,
        StaticMACBinding,
        ECMPNexthop,
        ChassisTemplateVar,
        AdvertisedRoute,
        LearnedRoute,
        ACLID,
        AdvertisedMACBinding,
    ),
)
