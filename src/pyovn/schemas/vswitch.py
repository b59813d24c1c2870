"""The ``Open_vSwitch`` database as typed tables: the configuration and state of one hypervisor's switch.

Equal to version 8.8.0 of the schema in tables, columns, types, constraints and indexes; a test
compares them.  The meaning of a column is that of ovs-vswitchd.conf.db(5).
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


class OpenVSwitch(Row, table="Open_vSwitch", root=True, max_rows=1):
    """Table ``Open_vSwitch`` of ovs-vswitchd.conf.db(5)."""

    datapaths = mapping(string(), strong("Datapath"))
    bridges = many(strong("Bridge"))
    manager_options = many(strong("Manager"))
    ssl = optional(strong("SSL"))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    next_cfg = scalar(integer())
    cur_cfg = scalar(integer())
    statistics = mapping(string(), string(), ephemeral=True)
    ovs_version = optional(string())
    db_version = optional(string())
    system_type = optional(string())
    system_version = optional(string())
    datapath_types = many(string())
    iface_types = many(string())
    dpdk_initialized = scalar(boolean())
    dpdk_version = optional(string())


class Bridge(Row, table="Bridge", indexes=(("name",),)):
    """Table ``Bridge`` of ovs-vswitchd.conf.db(5)."""

    name = scalar(string(), mutable=False)
    datapath_type = scalar(string())
    datapath_version = scalar(string())
    datapath_id = optional(string(), ephemeral=True)
    stp_enable = scalar(boolean())
    rstp_enable = scalar(boolean())
    mcast_snooping_enable = scalar(boolean())
    ports = many(strong("Port"))
    mirrors = many(strong("Mirror"))
    netflow = optional(strong("NetFlow"))
    sflow = optional(strong("sFlow"))
    ipfix = optional(strong("IPFIX"))
    controller = many(strong("Controller"))
    protocols = many(
        string(enum=("OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"))
    )
    fail_mode = optional(string(enum=("standalone", "secure")))
    status = mapping(string(), string(), ephemeral=True)
    rstp_status = mapping(string(), string(), ephemeral=True)
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    flood_vlans = many(integer(min=0, max=4095), max=4096)
    flow_tables = mapping(integer(min=0, max=254), strong("Flow_Table"))
    auto_attach = optional(strong("AutoAttach"))


class Port(Row, table="Port", indexes=(("name",),)):
    """Table ``Port`` of ovs-vswitchd.conf.db(5)."""

    name = scalar(string(), mutable=False)
    interfaces = many(strong("Interface"), min=1)
    trunks = many(integer(min=0, max=4095), max=4096)
    cvlans = many(integer(min=0, max=4095), max=4096)
    tag = optional(integer(min=0, max=4095))
    vlan_mode = optional(string(enum=("trunk", "access", "native-tagged", "native-untagged", "dot1q-tunnel")))
    qos = optional(strong("QoS"))
    mac = optional(string())
    bond_mode = optional(string(enum=("balance-tcp", "balance-slb", "active-backup")))
    lacp = optional(string(enum=("active", "passive", "off")))
    bond_updelay = scalar(integer())
    bond_downdelay = scalar(integer())
    bond_active_slave = optional(string())
    bond_fake_iface = scalar(boolean())
    fake_bridge = scalar(boolean())
    status = mapping(string(), string(), ephemeral=True)
    rstp_status = mapping(string(), string(), ephemeral=True)
    rstp_statistics = mapping(string(), integer(), ephemeral=True)
    statistics = mapping(string(), integer(), ephemeral=True)
    protected = scalar(boolean())
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())


class Interface(Row, table="Interface", indexes=(("name",),)):
    """Table ``Interface`` of ovs-vswitchd.conf.db(5)."""

    name = scalar(string(), mutable=False)
    type = scalar(string())
    options = mapping(string(), string())
    ingress_policing_rate = scalar(integer(min=0))
    ingress_policing_burst = scalar(integer(min=0))
    ingress_policing_kpkts_rate = scalar(integer(min=0))
    ingress_policing_kpkts_burst = scalar(integer(min=0))
    mac_in_use = optional(string(), ephemeral=True)
    mac = optional(string())
    ifindex = optional(integer(min=0, max=4294967295), ephemeral=True)
    external_ids = mapping(string(), string())
    ofport = optional(integer())
    ofport_request = optional(integer(min=1, max=65279))
    bfd = mapping(string(), string())
    bfd_status = mapping(string(), string(), ephemeral=True)
    cfm_mpid = optional(integer())
    cfm_remote_mpids = many(integer(), ephemeral=True)
    cfm_flap_count = optional(integer())
    cfm_fault = optional(boolean(), ephemeral=True)
    cfm_fault_status = many(string(), ephemeral=True)
    cfm_remote_opstate = optional(string(enum=("up", "down")), ephemeral=True)
    cfm_health = optional(integer(min=0, max=100), ephemeral=True)
    lacp_current = optional(boolean(), ephemeral=True)
    lldp = mapping(string(), string())
    other_config = mapping(string(), string())
    statistics = mapping(string(), integer(), ephemeral=True)
    status = mapping(string(), string(), ephemeral=True)
    admin_state = optional(string(enum=("up", "down")), ephemeral=True)
    link_state = optional(string(enum=("up", "down")), ephemeral=True)
    link_resets = optional(integer(), ephemeral=True)
    link_speed = optional(integer(), ephemeral=True)
    duplex = optional(string(enum=("half", "full")), ephemeral=True)
    mtu = optional(integer(), ephemeral=True)
    mtu_request = optional(integer(min=1))
    error = optional(string())


class FlowTable(Row, table="Flow_Table"):
    """Table ``Flow_Table`` of ovs-vswitchd.conf.db(5)."""

    name = optional(string())
    flow_limit = optional(integer(min=0))
    overflow_policy = optional(string(enum=("refuse", "evict")))
    groups = many(string())
    prefixes = many(string(), max=4)
    external_ids = mapping(string(), string())


class QoS(Row, table="QoS", root=True):
    """Table ``QoS`` of ovs-vswitchd.conf.db(5)."""

    type = scalar(string())
    queues = mapping(integer(min=0, max=4294967295), strong("Queue"))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())


class Queue(Row, table="Queue", root=True):
    """Table ``Queue`` of ovs-vswitchd.conf.db(5)."""

    dscp = optional(integer(min=0, max=63))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())


class Mirror(Row, table="Mirror"):
    """Table ``Mirror`` of ovs-vswitchd.conf.db(5)."""

    name = scalar(string())
    select_all = scalar(boolean())
    select_src_port = many(weak("Port"))
    select_dst_port = many(weak("Port"))
    select_vlan = many(integer(min=0, max=4095), max=4096)
    output_port = optional(weak("Port"))
    output_vlan = optional(integer(min=1, max=4095))
    snaplen = optional(integer(min=14, max=65535))
    statistics = mapping(string(), integer(), ephemeral=True)
    filter = optional(string())
    external_ids = mapping(string(), string())


class NetFlow(Row, table="NetFlow"):
    """Table ``NetFlow`` of ovs-vswitchd.conf.db(5)."""

    targets = many(string(), min=1)
    engine_type = optional(integer(min=0, max=255))
    engine_id = optional(integer(min=0, max=255))
    add_id_to_interface = scalar(boolean())
    active_timeout = scalar(integer(min=-1))
    external_ids = mapping(string(), string())


class SFlow(Row, table="sFlow"):
    """Table ``sFlow`` of ovs-vswitchd.conf.db(5)."""

    targets = many(string(), min=1)
    sampling = optional(integer())
    polling = optional(integer())
    header = optional(integer())
    agent = optional(string())
    external_ids = mapping(string(), string())


class IPFIX(Row, table="IPFIX"):
    """Table ``IPFIX`` of ovs-vswitchd.conf.db(5)."""

    targets = many(string())
    sampling = optional(integer(min=1, max=4294967295))
    obs_domain_id = optional(integer(min=0, max=4294967295))
    obs_point_id = optional(integer(min=0, max=4294967295))
    cache_active_timeout = optional(integer(min=0, max=4200))
    cache_max_flows = optional(integer(min=0, max=4294967295))
    stats_interval = optional(integer(min=1, max=3600))
    template_interval = optional(integer(min=1, max=3600))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())


class FlowSampleCollectorSet(Row, table="Flow_Sample_Collector_Set", root=True, indexes=(("id", "bridge"),)):
    """Table ``Flow_Sample_Collector_Set`` of ovs-vswitchd.conf.db(5)."""

    id = scalar(integer(min=0, max=4294967295))
    bridge = scalar(strong("Bridge"))
    ipfix = optional(strong("IPFIX"))
    local_group_id = optional(integer(min=0, max=4294967295))
    external_ids = mapping(string(), string())


class Controller(Row, table="Controller"):
    """Table ``Controller`` of ovs-vswitchd.conf.db(5)."""

    type = optional(string(enum=("primary", "service")))
    target = scalar(string())
    max_backoff = optional(integer(min=1000))
    inactivity_probe = optional(integer())
    connection_mode = optional(string(enum=("in-band", "out-of-band")))
    local_ip = optional(string())
    local_netmask = optional(string())
    local_gateway = optional(string())
    enable_async_messages = optional(boolean())
    controller_queue_size = optional(integer(min=1, max=512))
    controller_rate_limit = optional(integer(min=100))
    controller_burst_limit = optional(integer(min=25))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    is_connected = scalar(boolean(), ephemeral=True)
    role = optional(string(enum=("other", "master", "slave")), ephemeral=True)
    status = mapping(string(), string(), ephemeral=True)


class Manager(Row, table="Manager", indexes=(("target",),)):
    """Table ``Manager`` of ovs-vswitchd.conf.db(5)."""

    target = scalar(string())
    max_backoff = optional(integer(min=1000))
    inactivity_probe = optional(integer())
    connection_mode = optional(string(enum=("in-band", "out-of-band")))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    is_connected = scalar(boolean(), ephemeral=True)
    status = mapping(string(), string(), ephemeral=True)


class Datapath(Row, table="Datapath"):
    """Table ``Datapath`` of ovs-vswitchd.conf.db(5)."""

    datapath_version = scalar(string())
    ct_zones = mapping(integer(min=0, max=65535), strong("CT_Zone"))
    capabilities = mapping(string(), string())
    ct_zone_default_limit = optional(integer(min=0, max=4294967295))
    external_ids = mapping(string(), string())


class CTZone(Row, table="CT_Zone"):
    """Table ``CT_Zone`` of ovs-vswitchd.conf.db(5)."""

    timeout_policy = optional(strong("CT_Timeout_Policy"))
    limit = optional(integer(min=0, max=4294967295))
    external_ids = mapping(string(), string())


class CTTimeoutPolicy(Row, table="CT_Timeout_Policy"):
    """Table ``CT_Timeout_Policy`` of ovs-vswitchd.conf.db(5)."""

    timeouts = mapping(
        string(
            enum=(
                "tcp_syn_sent",
                "tcp_syn_recv",
                "tcp_established",
                "tcp_fin_wait",
                "tcp_close_wait",
                "tcp_last_ack",
                "tcp_time_wait",
                "tcp_close",
                "tcp_syn_sent2",
                "tcp_retransmit",
                "tcp_unack",
                "udp_first",
                "udp_single",
                "udp_multiple",
                "icmp_first",
                "icmp_reply",
            )
        ),
        integer(min=0, max=4294967295),
    )
    external_ids = mapping(string(), string())


class SSL(Row, table="SSL", max_rows=1):
    """Table ``SSL`` of ovs-vswitchd.conf.db(5)."""

    private_key = scalar(string())
    certificate = scalar(string())
    ca_cert = scalar(string())
    bootstrap_ca_cert = scalar(boolean())
    external_ids = mapping(string(), string())


class AutoAttach(Row, table="AutoAttach"):
    """Table ``AutoAttach`` of ovs-vswitchd.conf.db(5)."""

    system_name = scalar(string())
    system_description = scalar(string())
    mappings = mapping(integer(min=0, max=16777215), integer(min=0, max=4095))


OPEN_VSWITCH = Database(
    "Open_vSwitch",
    version="8.8.0",
    cksum="2823623553 27869",
    tables=(
        OpenVSwitch,
        Bridge,
        Port,
        Interface,
        FlowTable,
        QoS,
        Queue,
        Mirror,
        NetFlow,
        SFlow,
        IPFIX,
        FlowSampleCollectorSet,
        Controller,
        Manager,
        Datapath,
        CTZone,
        CTTimeoutPolicy,
        SSL,
        AutoAttach,
    ),
)
