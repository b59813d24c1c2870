"""The southbound database as a packet meets it: datapaths, their ports, groups and flows.

Ports and multicast groups share one space of keys per datapath (ovn-architecture(7)), so ``names`` has
both.  Long names of a cloud management system have friendlier ones beside them; ``friendly`` replaces
them in everything that is printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovn.ports import CHASSISREDIRECT, L3GATEWAY, PATCH_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.replica import Replica

TABLES: Final[dict[str, tuple[str, ...]]] = {
    "Datapath_Binding": ("tunnel_key", "external_ids"),
    "Port_Binding": (
        "datapath", "logical_port", "tunnel_key", "type", "port_security", "external_ids", "options",
    ),
    "Multicast_Group": ("datapath", "name", "tunnel_key", "ports"),
    "Logical_Flow": (
        "logical_datapath", "logical_dp_group", "pipeline", "table_id", "priority", "match", "actions",
        "external_ids",
    ),
    "Logical_DP_Group": ("datapaths",),
    "Address_Set": ("name", "addresses"),
    "Port_Group": ("name", "ports"),
    "FDB": ("dp_key", "port_key", "mac"),
    "MAC_Binding": ("logical_port", "ip", "mac"),
    "Static_MAC_Binding": ("logical_port", "ip", "mac"),
}  # fmt: skip
_QUOTED: Final = re.compile(r'"([^"\\]*)"')


@dataclass(frozen=True, slots=True)
class Flow:
    """One logical flow."""

    uuid: str
    table: int
    priority: int
    match: str
    actions: str
    stage: str
    source: str
    """Where northd made it, as C's FILE:LINE."""
    hint: str = ""
    """The beginning of the UUID of the northbound row that it is for."""


@dataclass(frozen=True, slots=True)
class Port:
    """A logical port."""

    name: str
    key: int
    type: str
    security: tuple[str, ...]
    peer: str = ""
    """The port at the other end, of a patch or a gateway's port."""
    distributed: str = ""
    """The port that a chassisredirect port stands for on its chassis."""


@dataclass(frozen=True, slots=True)
class Group:
    """A multicast group."""

    name: str
    key: int
    ports: tuple[Port, ...]


@dataclass(slots=True, eq=False)
class Datapath:
    """A logical switch or router."""

    uuid: str
    key: int
    names: tuple[str, ...]
    """Under which it may be asked for."""
    shown: str
    is_router: bool = False
    ports: dict[str, Port] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    ports_by_key: dict[int, Port] = field(default_factory=dict)
    groups_by_key: dict[int, Group] = field(default_factory=dict)
    port_groups: dict[str, list[str]] = field(default_factory=dict)
    """The ports here of each group.  Its row in the southbound is named by key and name: ``3_group``."""
    flows: dict[tuple[str, int], list[Flow]] = field(default_factory=dict)
    """By pipeline and table, falling priority."""

    @property
    def is_gateway(self) -> bool:
        """Whether this is a gateway router: one that lives on one chassis (ovn-trace(8), ct_snat)."""
        return any(port.type == L3GATEWAY for port in self.ports.values())

    def key_of(self, name: str) -> int | None:
        """The key of a port or group."""
        found = self.ports.get(name) or self.groups.get(name)
        return None if found is None else found.key

    def name_of(self, key: int) -> str:
        """The port's or group's name, empty for key 0."""
        found = self.ports_by_key.get(key) or self.groups_by_key.get(key)
        if found is not None:
            return found.name
        return f"(unnamed port {key})" if key else ""


def _buckets(rows: int) -> int:
    """How many buckets C's hash tables have for so many rows.

    Of flows of one priority that match one packet any may be executed.  C's ovn-trace takes the first in its
    table of rows, where a row's bucket is the low bits of its UUID's first 32; so does ours, to trace alike.
    """
    if rows < 8:
        return 4 if rows > 1 else 1
    return 1 << rows.bit_length() - 1


def _silent(_text: str) -> None:
    """The doubts of a caller who does not want them."""


class Network:
    """Everything that a trace reads; built once from a replica."""

    def __init__(
        self, replica: Replica, *, friendly_names: bool = True, warn: Callable[[str], None] = _silent
    ) -> None:
        self._replica = replica
        self.warn = warn
        """Takes what is doubtful about the question or the database, a line each."""
        self._friendly: dict[str, str] = {}
        self._use_friendly = friendly_names
        self.datapaths: dict[str, Datapath] = {}
        self.address_sets: dict[str, list[str]] = {}
        self.port_groups: dict[str, list[str]] = {}
        """By the names of the northbound, the ports of all datapaths together."""
        self.fdb: dict[tuple[int, str], int] = {}
        self.mac_bindings: dict[tuple[str, str], str] = {}
        """Ethernet addresses by router port and canonical IP address; static ones prevail."""
        self._load_datapaths()
        ports = self._load_ports()
        self._load_groups(ports)
        self._load_flows()
        self._load_sets()

    def _rows(self, table: str) -> list[tuple[str, dict[str, Any]]]:
        content = self._replica.table(table)
        return [
            (str(uuid), dict(zip(content.columns, row, strict=True)))
            for uuid, row in sorted(content.rows.items())
        ]

    def _befriend(self, name: str, friendly: str | None) -> None:
        if friendly and friendly != name:
            self._friendly[name] = friendly

    def _load_datapaths(self) -> None:
        for uuid, row in self._rows("Datapath_Binding"):
            ids = row["external_ids"]
            northbound = ids.get("logical-switch") or ids.get("logical-router")
            name, friendly = ids.get("name", ""), ids.get("name2", "")
            names = tuple(filter(None, (name, friendly, northbound, uuid)))
            shown = northbound or uuid
            if self._use_friendly:
                shown = friendly or name or shown
            is_router = "logical-router" in ids
            self.datapaths[uuid] = Datapath(uuid, row["tunnel_key"], names, shown, is_router)
            self._befriend(name, friendly)

    def _load_ports(self) -> dict[str, Port]:
        ports = {}
        for uuid, row in self._rows("Port_Binding"):
            name = row["logical_port"]
            peer = row["options"].get("peer", "") if row["type"] in PATCH_TYPES else ""
            far = row["options"].get("distributed-port", "") if row["type"] == CHASSISREDIRECT else ""
            port = Port(name, row["tunnel_key"], row["type"], tuple(sorted(row["port_security"])), peer, far)
            self._befriend(name, row["external_ids"].get("name"))
            datapath = self.datapaths.get(row["datapath"])
            if datapath is not None:
                ports[uuid] = datapath.ports[name] = datapath.ports_by_key[port.key] = port
        return ports

    def _load_groups(self, ports: dict[str, Port]) -> None:
        for _, row in self._rows("Multicast_Group"):
            members = sorted((ports[p] for p in row["ports"] if p in ports), key=lambda port: port.name)
            group = Group(row["name"], row["tunnel_key"], tuple(members))
            datapath = self.datapaths.get(row["datapath"])
            if datapath is not None:
                datapath.groups[group.name] = datapath.groups_by_key[group.key] = group

    def _load_flows(self) -> None:
        groups = {uuid: row["datapaths"] for uuid, row in self._rows("Logical_DP_Group")}
        rows = self._rows("Logical_Flow")
        mask = _buckets(len(rows)) - 1
        for uuid, row in rows:
            owners = set(groups.get(row["logical_dp_group"], ()))
            if row["logical_datapath"] is not None:
                owners.add(row["logical_datapath"])
            ids = row["external_ids"]
            flow = Flow(
                uuid,
                row["table_id"],
                row["priority"],
                row["match"],
                row["actions"],
                ids.get("stage-name", ""),
                ids.get("source", ""),
                ids.get("stage-hint", ""),
            )
            for owner in owners:
                datapath = self.datapaths.get(owner)
                if datapath is not None:
                    datapath.flows.setdefault((row["pipeline"], flow.table), []).append(flow)
        for datapath in self.datapaths.values():
            for flows in datapath.flows.values():
                flows.sort(key=lambda flow: (-flow.priority, int(flow.uuid[:8], 16) & mask, flow.uuid))

    def _load_sets(self) -> None:
        for _, row in self._rows("Address_Set"):
            self.address_sets[row["name"]] = sorted(row["addresses"])
        by_key = {str(datapath.key): datapath for datapath in self.datapaths.values()}
        for _, row in self._rows("Port_Group"):
            key, _, name = row["name"].partition("_")
            if name and key in by_key:
                by_key[key].port_groups[name] = sorted(row["ports"])
            self.port_groups.setdefault(name if key in by_key else row["name"], []).extend(row["ports"])
        for _, row in self._rows("FDB"):
            self.fdb[row["dp_key"], row["mac"].lower()] = row["port_key"]
        for table in ("MAC_Binding", "Static_MAC_Binding"):
            for _, row in self._rows(table):
                try:
                    ip = str(ip_address(row["ip"]))
                except ValueError:
                    continue  # no packet asks for what is no address
                self.mac_bindings[row["logical_port"], ip] = row["mac"].lower()

    def datapath(self, name: str) -> Datapath | None:
        """The datapath with this name or UUID."""
        found = [d for d in self.datapaths.values() if name in d.names]
        if len(found) > 1:
            self.warn(f'name "{name}" is not unique')
        return found[0] if found else None

    def datapath_of_port(self, name: str) -> Datapath | None:
        """The datapath with a port of this name."""
        return next((d for d in self.datapaths.values() if name in d.ports), None)

    def peer_of(self, port: Port) -> tuple[Datapath, Port] | None:
        """Where a patch leads; None for a port that leads nowhere in the logical network."""
        datapath = self.datapath_of_port(port.peer) if port.peer else None
        return None if datapath is None else (datapath, datapath.ports[port.peer])

    def friendly(self, text: str) -> str:
        """``text`` with quoted names replaced by their friendlier ones."""
        if not self._use_friendly or not self._friendly:
            return text
        return _QUOTED.sub(lambda m: f'"{self._friendly.get(m[1], m[1])}"', text)
