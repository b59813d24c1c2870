"""The ``Open_vSwitch`` database as the switch reads and writes it (ovs-vswitchd.conf.db(5)).

The classes name the columns that the switch asks for, in the order in which the replica holds them.
``Writer`` collects what the switch wants to stand in rows and yields the operations for what differs
from the replica, so that writing the same state twice sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.values import UUID, FrozenMap, Value, atom_to_json, value_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.ovsdb.replica import Replica


class RootRow(NamedTuple):
    """Table ``Open_vSwitch``."""

    bridges: frozenset[UUID]
    datapaths: FrozenMap[str, UUID]
    next_cfg: int
    cur_cfg: int
    other_config: FrozenMap[str, str]
    external_ids: FrozenMap[str, str]
    ovs_version: str | None
    db_version: str | None
    datapath_types: frozenset[str]
    iface_types: frozenset[str]
    dpdk_initialized: bool
    dpdk_version: str | None


class BridgeRow(NamedTuple):
    """Table ``Bridge``."""

    name: str
    ports: frozenset[UUID]
    datapath_type: str
    datapath_id: str | None
    datapath_version: str
    fail_mode: str | None
    other_config: FrozenMap[str, str]
    controller: frozenset[UUID]
    protocols: frozenset[str]


class PortRow(NamedTuple):
    """Table ``Port``."""

    name: str
    interfaces: frozenset[UUID]
    tag: int | None
    trunks: frozenset[int]
    vlan_mode: str | None


class InterfaceRow(NamedTuple):
    """Table ``Interface``."""

    name: str
    type: str
    options: FrozenMap[str, str]
    mac: str | None
    mtu_request: int | None
    ofport_request: int | None
    ofport: int | None
    error: str | None
    mac_in_use: str | None
    admin_state: str | None
    link_state: str | None
    link_resets: int | None
    ifindex: int | None
    mtu: int | None
    status: FrozenMap[str, str]
    statistics: FrozenMap[str, int]


class ControllerRow(NamedTuple):
    """Table ``Controller``."""

    target: str
    max_backoff: int | None
    inactivity_probe: int | None
    is_connected: bool
    role: str | None
    status: FrozenMap[str, str]


_ROWS: Final[dict[str, Any]] = {
    "Open_vSwitch": RootRow,
    "Bridge": BridgeRow,
    "Port": PortRow,
    "Interface": InterfaceRow,
    "Controller": ControllerRow,
}
TABLES: Final[Mapping[str, tuple[str, ...]]] = {name: row._fields for name, row in _ROWS.items()}
"""What to give to ``ovsdb.client.Client`` as its tables."""

REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "Open_vSwitch": ("bridges", "next_cfg", "cur_cfg"),
    "Bridge": ("name", "ports"),
    "Port": ("name", "interfaces"),
    "Interface": ("name", "type", "options", "ofport"),
}
"""Without these there is no configuration to follow; what else the server lacks is left out."""

DATAPATH_TYPES: Final = frozenset(("dummy", "netdev", "system"))
INTERFACE_TYPES: Final = frozenset(
    ("dummy", "dummy-internal", "geneve", "internal", "patch", "system", "vxlan")
)

CAPABILITIES: Final = FrozenMap(
    {
        "add_mpls": "false",
        "check_pkt_len": "true",
        "clone": "true",
        "ct_clear": "true",
        "ct_eventmask": "false",
        "ct_flush": "true",
        "ct_label": "true",
        "ct_mark": "true",
        "ct_orig_tuple": "true",
        "ct_orig_tuple6": "true",
        "ct_state": "true",
        "ct_state_nat": "false",
        "ct_timeout": "false",
        "ct_zero_snat": "true",
        "ct_zone": "true",
        "explicit_drop_action": "true",
        "max_mpls_depth": "0",
        "max_vlan_headers": "2",
        "nd_ext": "true",
        "recirc": "true",
        "sample_nesting": "0",
        "tnl_push_pop": "false",
        "trunc": "true",
        "ufid": "false",
    }
)
"""What a ``Datapath`` row tells controllers (ovs-vswitchd.conf.db(5), "Datapath TABLE")."""


class View:
    """The replica as rows by name of column."""

    __slots__ = ("_replica",)

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def root(self) -> tuple[UUID, RootRow] | None:
        """The only row of ``Open_vSwitch``."""
        for uuid, row in self._replica.table("Open_vSwitch").rows.items():
            return uuid, RootRow(*row)  # type: ignore[arg-type]  # the schema gives the columns these types
        return None

    def bridge(self, uuid: UUID) -> BridgeRow | None:
        """A row of ``Bridge``; None while it has not arrived."""
        row = self._replica.table("Bridge").rows.get(uuid)
        return None if row is None else BridgeRow(*row)  # type: ignore[arg-type]  # as above

    def port(self, uuid: UUID) -> PortRow | None:
        """A row of ``Port``."""
        row = self._replica.table("Port").rows.get(uuid)
        return None if row is None else PortRow(*row)  # type: ignore[arg-type]  # as above

    def interface(self, uuid: UUID) -> InterfaceRow | None:
        """A row of ``Interface``."""
        row = self._replica.table("Interface").rows.get(uuid)
        return None if row is None else InterfaceRow(*row)  # type: ignore[arg-type]  # as above

    def controllers(self, uuids: frozenset[UUID]) -> dict[UUID, ControllerRow]:
        """Rows of ``Controller``; those that have not arrived are left out."""
        rows = self._replica.table("Controller").rows
        return {uuid: ControllerRow(*rows[uuid]) for uuid in uuids if uuid in rows}  # type: ignore[arg-type]  # as above


class Writer:
    """Collects operations for one transaction."""

    __slots__ = ("_replica", "operations")

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self.operations: list[Any] = []

    def update(self, table: str, uuid: UUID, columns: Mapping[str, Value]) -> None:
        """Have ``columns`` of a row hold these values; columns that the server lacks are left out."""
        known = self._replica.table(table)
        row = known.rows.get(uuid)
        if row is None:
            return
        present = known.present
        changed = {
            name: value_to_json(value)
            for name, value in columns.items()
            if name in present and row[known.columns.index(name)] != value
        }
        if changed:
            where = [["_uuid", "==", atom_to_json(uuid)]]
            self.operations.append({"op": "update", "table": table, "where": where, "row": changed})

    def add_datapath(self, root: UUID, kind: str) -> None:
        """Insert a ``Datapath`` row and refer to it under its type."""
        name = f"datapath_{kind}"
        self.operations += [
            {
                "op": "insert",
                "table": "Datapath",
                "uuid-name": name,
                "row": {"capabilities": value_to_json(CAPABILITIES)},
            },
            {
                "op": "mutate",
                "table": "Open_vSwitch",
                "where": [["_uuid", "==", atom_to_json(root)]],
                "mutations": [["datapaths", "insert", ["map", [[kind, ["named-uuid", name]]]]]],
            },
        ]
