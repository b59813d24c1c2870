"""The ``OVN_IC_Southbound`` database as typed tables: what the availability zones tell each other.

Equal to version 2.4.0 of the schema in tables, columns, types, constraints and indexes; a test
compares them.  The meaning of a column is ovn-ic-sb(5)'s; a comment stands where pyovn's use of it needs one.
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


class ICSBGlobal(Row, table="IC_SB_Global", root=True, max_rows=1):
    """Table ``IC_SB_Global`` of ovn-ic-sb(5)."""

    nb_ic_cfg = scalar(integer())
    external_ids = mapping(string(), string())
    connections = many(strong("Connection"))
    ssl = optional(strong("SSL"))
    options = mapping(string(), string())


class AvailabilityZone(Row, table="Availability_Zone", root=True, indexes=(("name",),)):
    """Table ``Availability_Zone`` of ovn-ic-sb(5)."""

    name = scalar(string())
    nb_ic_cfg = scalar(integer())


class Gateway(Row, table="Gateway", root=True, indexes=(("name",),)):
    """Table ``Gateway`` of ovn-ic-sb(5)."""

    name = scalar(string())
    availability_zone = scalar(strong("Availability_Zone"))
    hostname = scalar(string())
    encaps = many(strong("Encap"), min=1)
    external_ids = mapping(string(), string())


class Encap(Row, table="Encap", indexes=(("type", "ip"),)):
    """Table ``Encap`` of ovn-ic-sb(5)."""

    type = scalar(string(enum=("geneve", "vxlan")))
    options = mapping(string(), string())
    ip = scalar(string())
    gateway_name = scalar(string())


class DatapathBinding(Row, table="Datapath_Binding", root=True, indexes=(("nb_ic_uuid", "tunnel_key"),)):
    """Table ``Datapath_Binding`` of ovn-ic-sb(5)."""

    transit_switch = scalar(string())
    type = optional(string(enum=("transit-switch", "transit-router")))
    nb_ic_uuid = optional(uuid())
    tunnel_key = scalar(integer(min=1, max=16777215))
    external_ids = mapping(string(), string())


class PortBinding(
    Row,
    table="Port_Binding",
    root=True,
    indexes=(
        ("transit_switch", "tunnel_key"),
        ("logical_port",),
    ),
):
    """Table ``Port_Binding`` of ovn-ic-sb(5)."""

    logical_port = scalar(string())
    transit_switch = scalar(string())
    availability_zone = scalar(strong("Availability_Zone"))
    tunnel_key = scalar(integer(min=1, max=32767))
    gateway = scalar(string())
    encap = optional(weak("Encap"))
    address = scalar(string())
    type = optional(string(enum=("transit-switch-port", "transit-router-port")))
    nb_ic_uuid = optional(uuid())
    external_ids = mapping(string(), string())


class Route(
    Row,
    table="Route",
    root=True,
    indexes=(("transit_switch", "availability_zone", "route_table", "ip_prefix", "nexthop"),),
):
    """Table ``Route`` of ovn-ic-sb(5)."""

    transit_switch = scalar(string())
    availability_zone = scalar(strong("Availability_Zone"))
    route_table = scalar(string())
    ip_prefix = scalar(string())
    nexthop = scalar(string())
    origin = scalar(string(enum=("connected", "static", "loadbalancer")))
    external_ids = mapping(string(), string())


class Connection(Row, table="Connection", indexes=(("target",),)):
    """Table ``Connection`` of ovn-ic-sb(5)."""

    target = scalar(string())
    max_backoff = optional(integer(min=1000))
    inactivity_probe = optional(integer())
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    is_connected = scalar(boolean(), ephemeral=True)
    status = mapping(string(), string(), ephemeral=True)


class SSL(Row, table="SSL", max_rows=1):
    """Table ``SSL`` of ovn-ic-sb(5)."""

    private_key = scalar(string())
    certificate = scalar(string())
    ca_cert = scalar(string())
    bootstrap_ca_cert = scalar(boolean())
    ssl_protocols = scalar(string())
    ssl_ciphers = scalar(string())
    ssl_ciphersuites = scalar(string())
    external_ids = mapping(string(), string())


class ServiceMonitor(Row, table="Service_Monitor", root=True):
    """Table ``Service_Monitor`` of ovn-ic-sb(5)."""

    type = optional(string(enum=("load-balancer",)))
    ip = scalar(string())
    protocol = optional(string(enum=("tcp", "udp")))
    port = scalar(integer(min=0, max=65535))
    logical_port = scalar(string())
    src_ip = scalar(string())
    src_mac = scalar(string())
    status = optional(string(enum=("online", "offline", "error")))
    target_availability_zone = scalar(string())
    source_availability_zone = scalar(string())
    options = mapping(string(), string())
    external_ids = mapping(string(), string())


IC_SOUTHBOUND = Database(
    "OVN_IC_Southbound",
    version="2.4.0",
    cksum="859073048 9662",
    tables=(
        ICSBGlobal,
        AvailabilityZone,
        Gateway,
        Encap,
        DatapathBinding,
        PortBinding,
        Route,
        Connection,
        SSL,
        ServiceMonitor,
    ),
)
