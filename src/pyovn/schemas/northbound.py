"""The ``OVN_Northbound`` database as typed tables: what a cloud system asks for.

Equal to version 7.18.0 of the schema in tables, columns, types, constraints and indexes; a test
compares them.  The meaning of a column is ovn-nb(5)'s; a comment stands where pyovn's use of it needs one.
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
    weak,
)


class NBGlobal(Row, table="NB_Global", root=True, max_rows=1):
    """Table ``NB_Global`` of ovn-nb(5)."""

    name = scalar(string())
    nb_cfg = scalar(integer())
    nb_cfg_timestamp = scalar(integer())
    sb_cfg = scalar(integer())
    sb_cfg_timestamp = scalar(integer())
    hv_cfg = scalar(integer())
    hv_cfg_timestamp = scalar(integer())
    external_ids = mapping(string(), string())
    connections = many(strong("Connection"))
    ssl = optional(strong("SSL"))
    options = mapping(string(), string())
    ipsec = scalar(boolean())


class SampleCollector(Row, table="Sample_Collector", root=True, indexes=(("id",),)):
    """Table ``Sample_Collector`` of ovn-nb(5)."""

    id = scalar(integer(min=1, max=255))
    name = scalar(string())
    probability = scalar(integer(min=0, max=65535))
    set_id = scalar(integer(min=1, max=4294967295))
    external_ids = mapping(string(), string())


class Sample(Row, table="Sample", indexes=(("metadata",),)):
    """Table ``Sample`` of ovn-nb(5)."""

    collectors = many(strong("Sample_Collector"))
    metadata = scalar(integer(min=1, max=4294967295))


class Copp(Row, table="Copp", root=True, indexes=(("name",),)):
    """Table ``Copp`` of ovn-nb(5)."""

    name = scalar(string())
    meters = mapping(string(), string())
    external_ids = mapping(string(), string())


class LogicalSwitch(Row, table="Logical_Switch", root=True):
    """Table ``Logical_Switch`` of ovn-nb(5)."""

    name = scalar(string())
    ports = many(strong("Logical_Switch_Port"))
    acls = many(strong("ACL"))
    qos_rules = many(strong("QoS"))
    load_balancer = many(weak("Load_Balancer"))
    load_balancer_group = many(strong("Load_Balancer_Group"))
    dns_records = many(weak("DNS"))
    copp = optional(weak("Copp"))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    forwarding_groups = many(strong("Forwarding_Group"))


class LogicalSwitchPort(Row, table="Logical_Switch_Port", indexes=(("name",),)):
    """Table ``Logical_Switch_Port`` of ovn-nb(5)."""

    name = scalar(string())
    type = scalar(string())
    options = mapping(string(), string())
    parent_name = optional(string())
    tag_request = optional(integer(min=0, max=4095))
    tag = optional(integer(min=1, max=4095))
    addresses = many(string())
    dynamic_addresses = optional(string())
    port_security = many(string())
    peer = optional(string())
    up = optional(boolean())
    enabled = optional(boolean())
    dhcpv4_options = optional(weak("DHCP_Options"))
    dhcpv6_options = optional(weak("DHCP_Options"))
    mirror_rules = many(weak("Mirror"))
    ha_chassis_group = optional(strong("HA_Chassis_Group"))
    health_checks = many(strong("Logical_Switch_Port_Health_Check"))
    external_ids = mapping(string(), string())


class NetworkFunctionHealthCheck(Row, table="Network_Function_Health_Check", indexes=(("name",),)):
    """Table ``Network_Function_Health_Check`` of ovn-nb(5)."""

    name = scalar(string())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class NetworkFunction(
    Row,
    table="Network_Function",
    root=True,
    indexes=(
        ("name",),
        ("id",),
    ),
):
    """Table ``Network_Function`` of ovn-nb(5)."""

    name = scalar(string())
    outport = scalar(strong("Logical_Switch_Port"))
    inport = scalar(strong("Logical_Switch_Port"))
    health_check = optional(strong("Network_Function_Health_Check"))
    id = scalar(integer(min=1, max=255))
    external_ids = mapping(string(), string())


class NetworkFunctionGroup(
    Row,
    table="Network_Function_Group",
    root=True,
    indexes=(
        ("name",),
        ("id",),
    ),
):
    """Table ``Network_Function_Group`` of ovn-nb(5)."""

    name = scalar(string())
    fallback = optional(string(enum=("fail-open", "fail-close")))
    network_function = many(strong("Network_Function"))
    network_function_active = optional(strong("Network_Function"))
    mode = scalar(string(enum=("inline",)))
    id = scalar(integer(min=1, max=255))
    external_ids = mapping(string(), string())


class LogicalSwitchPortHealthCheck(Row, table="Logical_Switch_Port_Health_Check"):
    """Table ``Logical_Switch_Port_Health_Check`` of ovn-nb(5)."""

    protocol = scalar(string(enum=("tcp", "udp", "icmp")))
    src_ip = scalar(string())
    port = scalar(integer(min=0, max=65535))
    address = scalar(string())
    status = optional(string(enum=("online", "offline", "error")))
    options = mapping(string(), string())


class ForwardingGroup(Row, table="Forwarding_Group"):
    """Table ``Forwarding_Group`` of ovn-nb(5)."""

    name = scalar(string())
    vip = scalar(string())
    vmac = scalar(string())
    liveness = scalar(boolean())
    external_ids = mapping(string(), string())
    child_port = many(string(), min=1)


class AddressSet(Row, table="Address_Set", root=True, indexes=(("name",),)):
    """Table ``Address_Set`` of ovn-nb(5)."""

    name = scalar(string())
    addresses = many(string())
    external_ids = mapping(string(), string())


class PortGroup(Row, table="Port_Group", root=True, indexes=(("name",),)):
    """Table ``Port_Group`` of ovn-nb(5)."""

    name = scalar(string())
    ports = many(weak("Logical_Switch_Port"))
    acls = many(strong("ACL"))
    external_ids = mapping(string(), string())


class LoadBalancer(Row, table="Load_Balancer", root=True):
    """Table ``Load_Balancer`` of ovn-nb(5)."""

    name = scalar(string())
    vips = mapping(string(), string())
    protocol = optional(string(enum=("tcp", "udp", "sctp")))
    health_check = many(strong("Load_Balancer_Health_Check"))
    ip_port_mappings = mapping(string(), string())
    selection_fields = many(
        string(enum=("eth_src", "eth_dst", "ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "tp_src", "tp_dst"))
    )
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class LoadBalancerGroup(Row, table="Load_Balancer_Group", root=True, indexes=(("name",),)):
    """Table ``Load_Balancer_Group`` of ovn-nb(5)."""

    name = scalar(string())
    load_balancer = many(weak("Load_Balancer"))


class LoadBalancerHealthCheck(Row, table="Load_Balancer_Health_Check"):
    """Table ``Load_Balancer_Health_Check`` of ovn-nb(5)."""

    vip = scalar(string())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class ACL(Row, table="ACL"):
    """Table ``ACL`` of ovn-nb(5)."""

    name = optional(string(max_length=63))
    priority = scalar(integer(min=0, max=32767))
    direction = scalar(string(enum=("from-lport", "to-lport")))
    match = scalar(string())
    action = scalar(string(enum=("allow", "allow-related", "allow-stateless", "drop", "reject", "pass")))
    network_function_group = optional(strong("Network_Function_Group"))
    log = scalar(boolean())
    severity = optional(string(enum=("alert", "warning", "notice", "info", "debug")))
    meter = optional(string())
    label = scalar(integer(min=0, max=4294967295))
    tier = scalar(integer(min=0, max=3))
    sample_new = optional(strong("Sample"))
    sample_est = optional(strong("Sample"))
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class QoS(Row, table="QoS"):
    """Table ``QoS`` of ovn-nb(5)."""

    priority = scalar(integer(min=0, max=32767))
    direction = scalar(string(enum=("from-lport", "to-lport")))
    match = scalar(string())
    action = mapping(string(enum=("dscp", "mark")), integer(min=0, max=4294967295))
    bandwidth = mapping(string(enum=("rate", "burst")), integer(min=1, max=4294967295))
    external_ids = mapping(string(), string())


class Mirror(Row, table="Mirror", root=True, indexes=(("name",),)):
    """Table ``Mirror`` of ovn-nb(5)."""

    name = scalar(string())
    filter = scalar(string(enum=("from-lport", "to-lport", "both")))
    sink = scalar(string())
    type = scalar(string(enum=("gre", "erspan", "local", "lport")))
    index = scalar(integer())
    mirror_rules = many(strong("Mirror_Rule"))
    external_ids = mapping(string(), string())


class MirrorRule(Row, table="Mirror_Rule"):
    """Table ``Mirror_Rule`` of ovn-nb(5)."""

    match = scalar(string())
    action = scalar(string(enum=("mirror", "skip")))
    priority = scalar(integer(min=0, max=32767))


class Meter(Row, table="Meter", root=True, indexes=(("name",),)):
    """Table ``Meter`` of ovn-nb(5)."""

    name = scalar(string())
    unit = scalar(string(enum=("kbps", "pktps")))
    bands = many(strong("Meter_Band"), min=1)
    fair = optional(boolean())
    external_ids = mapping(string(), string())


class MeterBand(Row, table="Meter_Band"):
    """Table ``Meter_Band`` of ovn-nb(5)."""

    action = scalar(string(enum=("drop",)))
    rate = scalar(integer(min=1, max=4294967295))
    burst_size = scalar(integer(min=0, max=4294967295))
    external_ids = mapping(string(), string())


class LogicalRouter(Row, table="Logical_Router", root=True):
    """Table ``Logical_Router`` of ovn-nb(5)."""

    name = scalar(string())
    ports = many(strong("Logical_Router_Port"))
    static_routes = many(strong("Logical_Router_Static_Route"))
    policies = many(strong("Logical_Router_Policy"))
    enabled = optional(boolean())
    nat = many(strong("NAT"))
    load_balancer = many(weak("Load_Balancer"))
    load_balancer_group = many(strong("Load_Balancer_Group"))
    copp = optional(weak("Copp"))
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class LogicalRouterPort(Row, table="Logical_Router_Port", indexes=(("name",),)):
    """Table ``Logical_Router_Port`` of ovn-nb(5)."""

    name = scalar(string())
    gateway_chassis = many(strong("Gateway_Chassis"))
    ha_chassis_group = optional(strong("HA_Chassis_Group"))
    options = mapping(string(), string())
    networks = many(string())
    mac = scalar(string())
    peer = optional(string())
    enabled = optional(boolean())
    ipv6_ra_configs = mapping(string(), string())
    ipv6_prefix = many(string())
    dhcp_relay = optional(strong("DHCP_Relay"))
    external_ids = mapping(string(), string())
    status = mapping(string(), string())


class LogicalRouterStaticRoute(Row, table="Logical_Router_Static_Route"):
    """Table ``Logical_Router_Static_Route`` of ovn-nb(5)."""

    route_table = scalar(string())
    ip_prefix = scalar(string())
    policy = optional(string(enum=("src-ip", "dst-ip")))
    nexthop = scalar(string())
    output_port = optional(string())
    bfd = optional(weak("BFD"))
    selection_fields = many(
        string(
            enum=(
                "eth_src",
                "eth_dst",
                "ip_proto",
                "ip_src",
                "ip_dst",
                "ipv6_src",
                "ipv6_dst",
                "tp_src",
                "tp_dst",
            )
        )
    )
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class LogicalRouterPolicy(Row, table="Logical_Router_Policy"):
    """Table ``Logical_Router_Policy`` of ovn-nb(5)."""

    priority = scalar(integer(min=0, max=32767))
    chain = optional(string())
    match = scalar(string())
    action = scalar(string(enum=("allow", "drop", "reroute", "jump")))
    jump_chain = optional(string())
    nexthop = optional(string())
    nexthops = many(string())
    output_port = optional(weak("Logical_Router_Port"))
    bfd_sessions = many(weak("BFD"))
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class NAT(Row, table="NAT"):
    """Table ``NAT`` of ovn-nb(5)."""

    external_ip = scalar(string())
    external_mac = optional(string())
    external_port_range = scalar(string())
    logical_ip = scalar(string())
    logical_port = optional(string())
    type = scalar(string(enum=("dnat", "snat", "dnat_and_snat")))
    allowed_ext_ips = optional(strong("Address_Set"))
    exempted_ext_ips = optional(strong("Address_Set"))
    gateway_port = optional(weak("Logical_Router_Port"))
    priority = scalar(integer(min=0, max=32767))
    match = scalar(string())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class DHCPOptions(Row, table="DHCP_Options", root=True):
    """Table ``DHCP_Options`` of ovn-nb(5)."""

    cidr = scalar(string())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class DHCPRelay(Row, table="DHCP_Relay", root=True):
    """Table ``DHCP_Relay`` of ovn-nb(5)."""

    name = scalar(string())
    servers = optional(string())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class Connection(Row, table="Connection", indexes=(("target",),)):
    """Table ``Connection`` of ovn-nb(5)."""

    target = scalar(string())
    max_backoff = optional(integer(min=1000))
    inactivity_probe = optional(integer())
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    is_connected = scalar(boolean(), ephemeral=True)
    status = mapping(string(), string(), ephemeral=True)


class DNS(Row, table="DNS", root=True):
    """Table ``DNS`` of ovn-nb(5)."""

    records = mapping(string(), string())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


class SSL(Row, table="SSL", max_rows=1):
    """Table ``SSL`` of ovn-nb(5)."""

    private_key = scalar(string())
    certificate = scalar(string())
    ca_cert = scalar(string())
    bootstrap_ca_cert = scalar(boolean())
    ssl_protocols = scalar(string())
    ssl_ciphers = scalar(string())
    ssl_ciphersuites = scalar(string())
    external_ids = mapping(string(), string())


class GatewayChassis(Row, table="Gateway_Chassis", indexes=(("name",),)):
    """Table ``Gateway_Chassis`` of ovn-nb(5)."""

    name = scalar(string())
    chassis_name = scalar(string())
    priority = scalar(integer(min=0, max=32767))
    external_ids = mapping(string(), string())
    options = mapping(string(), string())


class HAChassis(Row, table="HA_Chassis"):
    """Table ``HA_Chassis`` of ovn-nb(5)."""

    chassis_name = scalar(string())
    priority = scalar(integer(min=0, max=32767))
    external_ids = mapping(string(), string())


class HAChassisGroup(Row, table="HA_Chassis_Group", root=True, indexes=(("name",),)):
    """Table ``HA_Chassis_Group`` of ovn-nb(5)."""

    name = scalar(string())
    ha_chassis = many(strong("HA_Chassis"))
    external_ids = mapping(string(), string())


class BFD(Row, table="BFD", root=True, indexes=(("logical_port", "dst_ip"),)):
    """Table ``BFD`` of ovn-nb(5)."""

    logical_port = scalar(string())
    dst_ip = scalar(string())
    min_tx = optional(integer(min=1))
    min_rx = optional(integer())
    detect_mult = optional(integer(min=1))
    status = optional(string(enum=("down", "init", "up", "admin_down")))
    external_ids = mapping(string(), string())
    options = mapping(string(), string())


class StaticMACBinding(Row, table="Static_MAC_Binding", root=True, indexes=(("logical_port", "ip"),)):
    """Table ``Static_MAC_Binding`` of ovn-nb(5)."""

    logical_port = scalar(string())
    ip = scalar(string())
    mac = scalar(string())
    override_dynamic_mac = scalar(boolean())


class ChassisTemplateVar(Row, table="Chassis_Template_Var", root=True, indexes=(("chassis",),)):
    """Table ``Chassis_Template_Var`` of ovn-nb(5)."""

    chassis = scalar(string())
    variables = mapping(string(), string())
    external_ids = mapping(string(), string())


class SamplingApp(Row, table="Sampling_App", root=True, indexes=(("type",),)):
    """Table ``Sampling_App`` of ovn-nb(5)."""

    type = scalar(string(enum=("drop", "acl-new", "acl-est")))
    id = scalar(integer(min=1, max=255))
    external_ids = mapping(string(), string())


NORTHBOUND = Database(
    "OVN_Northbound",
    version="7.18.0",
    cksum="1537030958 45190",
    tables=(
        NBGlobal,
        SampleCollector,
        Sample,
        Copp,
        LogicalSwitch,
        LogicalSwitchPort,
        NetworkFunctionHealthCheck,
        NetworkFunction,
        NetworkFunctionGroup,
        LogicalSwitchPortHealthCheck,
        ForwardingGroup,
        AddressSet,
        PortGroup,
        LoadBalancer,
        LoadBalancerGroup,
        LoadBalancerHealthCheck,
        ACL,
        QoS,
        Mirror,
        MirrorRule,
        Meter,
        MeterBand,
        LogicalRouter,
        LogicalRouterPort,
        LogicalRouterStaticRoute,
        LogicalRouterPolicy,
        NAT,
        DHCPOptions,
        DHCPRelay,
        Connection,
        DNS,
        SSL,
        GatewayChassis,
        HAChassis,
        HAChassisGroup,
        BFD,
        StaticMACBinding,
        ChassisTemplateVar,
        SamplingApp,
    ),
)
