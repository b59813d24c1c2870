"""Evidence that nobody gives: our own daemons run on copies of the databases, in this process.

Where ovn-northd is C's or out of reach, ours derives the logical flows from a copy of both databases; what
it has in common with the southbound it takes over, so that it can say of each of those flows why it is there.
Where a hypervisor is out of reach, a switch and an ovn-controller of ours are what its chassis should be: the
ports that the southbound binds there, its encapsulations, its bridge mappings; their flows are asked.

Everything runs in virtual time on copies: nothing outside of this process is touched.  What is derived is
what *should* be, and is marked so; what is really installed only the hypervisor knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.controller import controller as controller_module
from pyovn.controller import interest
from pyovn.controller.controller import Controller
from pyovn.controller.localnet import mapping
from pyovn.explain.deployed import copy, reasons_of, tracer
from pyovn.explain.evidence import VS_COLUMNS, EvidenceError
from pyovn.northd import northd as northd_module
from pyovn.northd.northd import Northd
from pyovn.ovn.ports import LOCALPORT, VIF
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.loading import load
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.underlay import Underlay
from pyovn.sim.virtual import VirtualRuntime
from pyovn.vswitch import confdb
from pyovn.vswitch.control import Commands
from pyovn.vswitch.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyovn.explain.evidence import Evidence, Hypervisor
    from pyovn.ovsdb.replica import Replica
    from pyovn.schemas.columns import Database as TypedDatabase

NORTHD: Final = "derived again from the northbound and the southbound, by pyovn's rules"
SWITCH: Final = "derived from the southbound by pyovn's rules: what should be there"
_SETTLE: Final = 5.0
"""Virtual seconds in which a controller and a switch have done everything that they are going to do."""


def complete(evidence: Evidence) -> None:
    """Stand in for whatever cannot be asked."""
    if not evidence.why_source and evidence.northbound is not None:
        evidence.why, evidence.why_source = Reasons(evidence), NORTHD
    stand_in = StandIn(evidence)
    evidence.derive = stand_in.hypervisor


class Reasons:
    """``flow/why`` of a northd of our own; it runs at the first question."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._northd: Northd | None = None

    def __call__(self, prefix: str) -> list[str]:
        """The lines of ``flow/why``."""
        if self._northd is None:
            self._northd = self._run()
        return self._northd.why(prefix)

    def _run(self) -> Northd:
        assert self._evidence.northbound is not None
        runtime = VirtualRuntime(seed=0)
        server = Server(runtime)
        for schema, replica in (
            (NORTHBOUND, self._evidence.northbound),
            (SOUTHBOUND, self._evidence.southbound),
        ):
            server.add_database(filled(schema, replica, runtime))
        clients = [
            LocalClient(runtime, server, schema.name, columns, expected=schema.schema)
            for schema, columns in (
                (NORTHBOUND, northd_module.NB_COLUMNS),
                (SOUTHBOUND, northd_module.SB_COLUMNS),
            )
        ]
        northd = Northd(runtime, clients[0], clients[1], _say_nothing)
        northd.start()
        runtime.settle()
        return northd


def filled(schema: TypedDatabase, replica: Replica, runtime: VirtualRuntime) -> Database:
    """A database with the rows of a replica, less what refers to rows that the replica lacks."""
    database = Database(schema.schema, runtime.random)
    there = {name: table.rows.keys() for name, table in replica.tables.items()}
    contents: dict[str, dict[UUID, list[Any]]] = {}
    for name, source in replica.tables.items():
        table = database.tables.get(name)
        if table is None:
            continue
        places = {column: place for place, column in enumerate(source.columns)}
        made = contents[name] = {}
        for uuid, row in source.rows.items():
            made[uuid] = [
                _known(column, row[places[column_name]], there)
                if column_name in places and row[places[column_name]] is not None
                else column.type.default()
                for column_name, column in table.by_name.items()
            ]
    if not load(database.tables, contents, 0):
        raise EvidenceError(f"{schema.name} contradicts itself: nothing can be derived from it")
    return database


def _known(column: Any, value: Any, there: Mapping[str, Any]) -> Any:
    """``value`` without references to rows that are not there."""
    kind = column.type

    def is_there(ref_table: str | None, atom: Any) -> bool:
        return ref_table is None or atom in there.get(ref_table, ())

    key_ref = kind.key.ref_table
    value_ref = None if kind.value is None else kind.value.ref_table
    if isinstance(value, frozenset):
        return frozenset(atom for atom in value if is_there(key_ref, atom))
    if isinstance(value, FrozenMap):
        return FrozenMap({k: v for k, v in value.items() if is_there(key_ref, k) and is_there(value_ref, v)})
    if isinstance(value, UUID) and not is_there(key_ref, value) and kind.min == 0:
        return None
    return value


class StandIn:
    """Hypervisors of our own in the place of those that are out of reach."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._runtime = VirtualRuntime(seed=0)
        self._underlay = Underlay(self._runtime)
        self._central: Server | None = None

    def hypervisor(self, place: Hypervisor) -> None:
        """Fill in the database, the switch and the reasons of ``place``."""
        chassis = next((row for row in self._evidence.chassis() if row.name == place.name), None)
        if chassis is None:
            return
        runtime, rundir = self._runtime, f"/{place.name}"
        server = Server(runtime)
        server.add_database(Database(OPEN_VSWITCH.schema, runtime.random))
        self._configure(server, place.name)
        switch = Switch(
            runtime, self._client(server, OPEN_VSWITCH, confdb.TABLES), self._underlay, rundir, _say_nothing
        )
        controller = Controller(
            runtime,
            self._client(server, OPEN_VSWITCH, controller_module.VS_COLUMNS),
            lambda _remote: self._client(
                self._southbound(), SOUTHBOUND, controller_module.SB_COLUMNS, conditions=interest.NOTHING
            ),
            rundir=rundir,
            hostname=chassis.hostname,
            log=_say_nothing,
        )
        switch.start()
        controller.start()
        runtime.advance(_SETTLE)
        place.vswitch = copy(server, OPEN_VSWITCH, VS_COLUMNS)
        place.trace, place.why = tracer(Commands(switch)), reasons_of(controller)
        place.source = SWITCH

    def _southbound(self) -> Server:
        if self._central is None:
            self._central = Server(self._runtime)
            self._central.add_database(filled(SOUTHBOUND, self._evidence.southbound, self._runtime))
        return self._central

    def _client(
        self, server: Server, schema: TypedDatabase, columns: Mapping[str, Sequence[str]], **options: Any
    ) -> LocalClient:
        return LocalClient(self._runtime, server, schema.name, columns, expected=schema.schema, **options)

    def _configure(self, server: Server, name: str) -> None:
        """The rows that a chassis like this has, as far as the southbound tells."""
        encaps = self._evidence.encaps(name)
        chassis = next(row for row in self._evidence.chassis() if row.name == name)
        mappings = chassis.other_config.get(
            "ovn-bridge-mappings", chassis.external_ids.get("ovn-bridge-mappings", "")
        )
        ids = {
            "system-id": name,
            "ovn-remote": "local",
            "ovn-encap-type": ",".join(dict.fromkeys(encap.type for encap in encaps)),
            "ovn-encap-ip": ",".join(dict.fromkeys(encap.ip for encap in encaps)),
            "ovn-bridge-mappings": mappings,
        }
        ports = [
            binding.logical_port
            for binding in self._evidence.bindings()
            if binding.type == LOCALPORT
            or (binding.type == VIF and not binding.parent_port and binding.chassis == chassis.uuid)
        ]
        operations = [_bridge("br-int", ports), *(_bridge(b, []) for b in set(mapping(mappings).values()))]
        bridges = [["named-uuid", f"b{_word(b)}"] for b in ("br-int", *set(mapping(mappings).values()))]
        row = {"external_ids": ["map", [[k, v] for k, v in ids.items() if v]], "bridges": ["set", bridges]}
        flat = [operation for group in operations for operation in group]
        outcome = server.databases[OPEN_VSWITCH.name].database.transact(
            [*flat, {"op": "insert", "table": "Open_vSwitch", "row": row}]
        )
        if outcome.error is not None:
            raise EvidenceError(f"{name} cannot be derived: {outcome.error}")


def _bridge(name: str, ports: list[str]) -> list[dict[str, Any]]:
    """Operations that make a bridge with its own port, and an interface for each logical port."""
    operations: list[dict[str, Any]] = []
    made = [(name, "internal", ""), *((f"vif{n}", "", port) for n, port in enumerate(sorted(ports), 1))]
    for interface, kind, port in made:
        word = _word(interface) if not port else f"{_word(name)}_{_word(interface)}"
        ids = ["map", [["iface-id", port]] if port else []]
        operations += [
            {
                "op": "insert", "table": "Interface", "uuid-name": f"i{word}",
                "row": {"name": interface, "type": kind, "external_ids": ids},
            },
            {
                "op": "insert", "table": "Port", "uuid-name": f"p{word}",
                "row": {"name": interface, "interfaces": ["named-uuid", f"i{word}"]},
            },
        ]  # fmt: skip
    references = [["named-uuid", op["uuid-name"]] for op in operations if op["table"] == "Port"]
    row = {"name": name, "ports": ["set", references]}
    return [*operations, {"op": "insert", "table": "Bridge", "uuid-name": f"b{_word(name)}", "row": row}]


def _word(name: str) -> str:
    """A name as part of a ``uuid-name``."""
    return "".join(letter if letter.isalnum() else f"_{ord(letter):x}_" for letter in name)


def _say_nothing(_level: str, _text: str) -> None:
    """Daemons on copies have nobody to tell."""
