"""The ``OVN_IC_Northbound`` database as typed tables: transit switches between availability zones.

Equal to version 1.3.0 of the schema in tables, columns, types, constraints and indexes; a test
compares them.  The meaning of a column is ovn-ic-nb(5)'s; a comment stands where pyovn's use of it needs one.
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
)


class ICNBGlobal(Row, table="IC_NB_Global", root=True, max_rows=1):
    """Table ``IC_NB_Global`` of ovn-ic-nb(5)."""

    nb_ic_cfg = scalar(integer())
    sb_ic_cfg = scalar(integer())
    external_ids = mapping(string(), string())
    connections = many(strong("Connection"))
    ssl = optional(strong("SSL"))
    options = mapping(string(), string())


class TransitSwitch(Row, table="Transit_Switch", root=True, indexes=(("name",),)):
    """Table ``Transit_Switch`` of ovn-ic-nb(5)."""

    name = scalar(string())
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())


class TransitRouter(Row, table="Transit_Router", root=True, indexes=(("name",),)):
    """Table ``Transit_Router`` of ovn-ic-nb(5)."""

    name = scalar(string())
    ports = many(strong("Transit_Router_Port"))
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())


class TransitRouterPort(Row, table="Transit_Router_Port", indexes=(("name",),)):
    """Table ``Transit_Router_Port`` of ovn-ic-nb(5)."""

    name = scalar(string())
    other_config = mapping(string(), string())
    mac = scalar(string())
    chassis = scalar(string())
    networks = many(string())
    tr_uuid = scalar(uuid())


class Connection(Row, table="Connection", indexes=(("target",),)):
    """Table ``Connection`` of ovn-ic-nb(5)."""

    target = scalar(string())
    max_backoff = optional(integer(min=1000))
    inactivity_probe = optional(integer())
    other_config = mapping(string(), string())
    external_ids = mapping(string(), string())
    is_connected = scalar(boolean(), ephemeral=True)
    status = mapping(string(), string(), ephemeral=True)


class SSL(Row, table="SSL", max_rows=1):
    """Table ``SSL`` of ovn-ic-nb(5)."""

    private_key = scalar(string())
    certificate = scalar(string())
    ca_cert = scalar(string())
    bootstrap_ca_cert = scalar(boolean())
    ssl_protocols = scalar(string())
    ssl_ciphers = scalar(string())
    ssl_ciphersuites = scalar(string())
    external_ids = mapping(string(), string())


IC_NORTHBOUND = Database(
    "OVN_IC_Northbound",
    version="1.3.0",
    cksum="1918565391 5082",
    tables=(
        ICNBGlobal,
        TransitSwitch,
        TransitRouter,
        TransitRouterPort,
        Connection,
        SSL,
    ),
)
