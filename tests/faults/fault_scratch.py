"""What fresh daemons make of the same databases: what a deployment that has settled must have come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployment_lab import ALL, Lab, LabMakers
from pyovn.northd.northd import NB_COLUMNS, SB_COLUMNS, Northd
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.sandbox.deployment import Deployment
from pyovn.sandbox.makers import reread
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.virtual import VirtualRuntime
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.text import format_flow

if TYPE_CHECKING:
    from pyovn.ovsdb.transaction import Transaction

OF_CONTROLLERS = ("Chassis", "Chassis_Private", "Encap")
"""Tables of the southbound that only controllers write: northd derives from them."""

NOT_DERIVED = {
    "Datapath_Binding": {"tunnel_key"},
    "Port_Binding": {"tunnel_key", "chassis", "up", "encap", "additional_chassis", "additional_encap"},
    "Logical_Flow": {"external_ids"},
    "SB_Global": {"options"},
}
"""Columns that are allotted or the controllers'.  A flow's external_ids say for whom it was made first, and
stay when it is wanted by another; SB_Global.options holds copies of NB_Global.options."""


def southbound(database: Database) -> dict[str, list[Any]]:
    """What northd has derived, with names for UUIDs, in an order that does not depend on them."""
    tables = {name: {u: _cells(t, r) for u, r in t.rows.items()} for name, t in database.tables.items()}
    names: dict[UUID, Any] = {}
    for uuid, row in tables["Datapath_Binding"].items():
        names[uuid] = ("datapath", row["external_ids"].get("logical-switch"))
    for uuid, row in tables["Port_Binding"].items():
        names[uuid] = ("port", row["logical_port"])
    for uuid, row in tables["RBAC_Permission"].items():
        names[uuid] = ("permission", row["table"])
    for uuid, row in tables["Logical_DP_Group"].items():
        names[uuid] = ("group", tuple(sorted(repr(names[u]) for u in _set(row["datapaths"]))))
    return {
        name: sorted(repr(_named(row, names, NOT_DERIVED.get(name, set()))) for row in rows.values())
        for name, rows in tables.items()
        if name not in {*OF_CONTROLLERS, "Logical_DP_Group", "Connection", "SSL", "FDB", "MAC_Binding"}
    }


def _cells(table: Any, row: Any) -> dict[str, Any]:
    return {column.name: row.values[column.position] for column in table.columns}


def _set(value: Any) -> Any:
    return value if isinstance(value, frozenset) else (value,)


def _named(row: dict[str, Any], names: dict[UUID, Any], without: set[str]) -> list[Any]:
    def name(value: Any) -> Any:
        if isinstance(value, frozenset):
            return sorted((name(v) for v in value), key=repr)
        if isinstance(value, FrozenMap):
            return sorted((k, name(v)) for k, v in value.items())
        return names.get(value, value) if isinstance(value, UUID) else value

    return [(column, name(value)) for column, value in row.items() if column not in without]


def fresh_southbound(lab: Lab) -> dict[str, list[Any]]:
    """What a northd that finds only the controllers' rows makes of the northbound."""
    runtime = VirtualRuntime(seed=0)
    server = Server(runtime)
    there = Database(SOUTHBOUND.schema, runtime.random)
    here = lab.database("sb")

    def fill(transaction: Transaction) -> None:
        for name in OF_CONTROLLERS:
            for uuid, row in here.tables[name].rows.items():
                transaction.put(there.tables[name], uuid, row.values)

    there.replace(fill)
    server.add_database(reread(lab.database("nb"), runtime.random))
    server.add_database(there)
    nb = LocalClient(runtime, server, NORTHBOUND.name, NB_COLUMNS, expected=NORTHBOUND.schema)
    sb = LocalClient(runtime, server, SOUTHBOUND.name, SB_COLUMNS, expected=SOUTHBOUND.schema)
    Northd(runtime, nb, sb, lambda _level, _text: None).start()
    runtime.advance(1)
    return southbound(there)


class Fresh:
    """New daemons, and switches without flows, on copies of all databases of ``lab``."""

    def __init__(self, lab: Lab) -> None:
        self.runtime = VirtualRuntime(seed=0)
        self.makers = LabMakers(self.runtime, {}, wire=False)
        hypervisors = list(lab.deployment.hypervisors)
        places = [("central", NORTHBOUND, "nb"), ("central", SOUTHBOUND, "sb")]
        places += [(name, OPEN_VSWITCH, name) for name in hypervisors]
        for place, database, name in places:
            self.makers._stored[place, database.name] = lab.database(name)
        self.deployment = Deployment(self.runtime, self.makers)
        for name in hypervisors:
            # The database has its one Open_vSwitch row already, with the address of this name.
            self.deployment.add_hypervisor(name, done=lambda _error: None)
        databases = [self.makers._stored[place, database.name] for place, database, _name in places]
        self.written: list[Any] = []
        self.runtime.settle()
        for copy in databases[:2]:
            copy.followers.append(self.written.append)
        self.runtime.advance(6)

    def flows(self, name: str) -> set[str]:
        """The flows of a switch."""
        return flows(self.deployment, name)


def flows(deployment: Deployment, name: str) -> set[str]:
    """The flows of a hypervisor's integration bridge as text, without cookies and counters."""
    state = deployment.hypervisor(name).switch.bridges["br-int"].state
    found = [Flow(r.table, r.priority, r.match, r.actions) for r in state.select(0xFF, 0, 0, ALL)]
    return {format_flow(flow) for flow in found}
