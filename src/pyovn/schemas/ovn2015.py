"""The ``OVN`` database of April 2015 as typed tables: what OVN_Southbound was before it was today's.

The tables, columns, types and constraints of version 1.0.0 as of 2015-04-21.  There is no table of datapaths
yet: ``logical_datapath`` is the UUID of the logical switch in the northbound.  ``compat2015`` keeps it in
step with today's databases.
"""

from __future__ import annotations

from pyovn.schemas.columns import (
    Database,
    Row,
    integer,
    many,
    mapping,
    optional,
    scalar,
    string,
    strong,
    uuid,
)


class Chassis(Row, table="Chassis", root=True, indexes=(("name",),)):
    """A hypervisor or gateway."""

    name = scalar(string())
    encaps = many(strong("Encap"), min=1)
    gateway_ports = mapping(string(), strong("Gateway"))


class Encap(Row, table="Encap"):
    """How a chassis is reached; the type was not constrained yet."""

    type = scalar(string())
    options = mapping(string(), string())
    ip = scalar(string())


class Gateway(Row, table="Gateway"):
    """A physical port of a gateway, and the logical port of each VLAN there; nothing filled it in 2015."""

    attached_port = scalar(string())
    vlan_map = mapping(integer(min=0, max=4095), string())


class Pipeline(Row, table="Pipeline", root=True):
    """A logical flow of one of four tables."""

    logical_datapath = scalar(uuid())
    table_id = scalar(integer(min=0, max=127))
    priority = scalar(integer(min=0, max=65535))
    match = scalar(string())
    actions = scalar(string())


class Bindings(Row, table="Bindings", root=True, indexes=(("logical_port",),)):
    """A logical port and the name of the chassis that it is on; "" is nowhere."""

    logical_datapath = scalar(uuid())
    logical_port = scalar(string())
    parent_port = optional(string())
    tag = optional(integer(min=0, max=4095))
    chassis = scalar(string())
    mac = many(string())


OVN_2015 = Database(
    "OVN",
    version="1.0.0",
    tables=(Chassis, Encap, Gateway, Pipeline, Bindings),
)
