"""A whole deployment in virtual time, for the tests of the controller and for end-to-end tests.

``Lab`` builds logical switches, plugs interfaces, sends frames and tells where they arrived; it restarts
daemons and records what a daemon sends: transactions and flow mods.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyovn.controller import interest
from pyovn.controller.controller import SB_COLUMNS, VS_COLUMNS, Controller
from pyovn.controller.required import SB_REQUIRED
from pyovn.northd.northd import NB_COLUMNS
from pyovn.northd.northd import SB_COLUMNS as NORTHD_SB_COLUMNS
from pyovn.ovsdb.client import Client
from pyovn.ovsdb.listen import Remote
from pyovn.sandbox.deployment import LOCAL_REMOTE, Deployment, Hypervisor
from pyovn.sandbox.makers import Makers
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.ovn2015 import OVN_2015
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.virtual import VirtualRuntime
from pyovn.vswitch.confdb import TABLES
from pyovn.wire.openflow.multiparts import FlowDescRequest
from pyovn.wire.packet import Arp, Ethernet, IPv4, Udp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.northd.northd import Northd
    from pyovn.ovsdb.engine import Database
    from pyovn.ovsdb.local import LocalClient
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.ovsdb.server import Server
    from pyovn.schemas.columns import Database as TypedDatabase
    from pyovn.sim.runtime import Runtime
    from pyovn.sim.underlay import Underlay
    from pyovn.sync.database import DatabaseClient
    from pyovn.sync.flowtable import FlowTable
    from pyovn.vswitch.switch import Switch
    from pyovn.wire.openflow.messages import FlowMod

ALL = FlowDescRequest()
BROADCAST = 0xFFFF_FFFF_FFFF


def mac(number: int) -> int:
    """The MAC address of VM ``number``."""
    return 0x0200_0000_0000 | number


def mac_text(number: int) -> str:
    return ":".join(f"{octet:02x}" for octet in mac(number).to_bytes(6, "big"))


def ip(number: int) -> int:
    return 0x0A00_0000 | number


def ip_text(number: int) -> str:
    return f"10.0.{number >> 8}.{number & 255}"


def datagram(source: int, target: int, *, src: int | None = None, spa: int | None = None) -> bytes:
    """A UDP datagram from VM to VM; ``src`` and ``spa`` forge the sender's addresses."""
    to = BROADCAST if target == BROADCAST else mac(target)
    to_ip = 0xFFFF_FFFF if target == BROADCAST else ip(target)
    from_ip = ip(source) if spa is None else spa
    outer = IPv4(from_ip, to_ip, 17)
    inner = outer.build(Udp(1000, 2000).build(b"x" * 26, outer))
    return Ethernet(to, mac(source) if src is None else src, 0x0800).build(inner)


def arp_request(source: int, target: int, *, spa: int | None = None) -> bytes:
    claimed = ip(source) if spa is None else spa
    question = Arp(1, mac(source), claimed, 0, ip(target))
    return Ethernet(BROADCAST, mac(source), 0x0806).build(question.build())


@dataclass(slots=True)
class Sent:
    """What a controller has sent since it was watched."""

    southbound: list[list[dict[str, Any]]] = field(default_factory=list)
    local: list[list[dict[str, Any]]] = field(default_factory=list)
    flow_mods: list[FlowMod] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return not (self.southbound or self.local or self.flow_mods)


class LabMakers(Makers):
    """``schemas`` replaces schemas; ``wire`` puts the daemons' database connections on streams."""

    def __init__(self, runtime: VirtualRuntime, schemas: dict[str, DatabaseSchema], *, wire: bool) -> None:
        super().__init__(runtime)
        self.virtual = runtime
        self.schemas = schemas
        self.wire = wire
        self.remotes: dict[str, Remote] = {}
        self.servers: dict[str, Server] = {}
        self.sent: dict[str, Sent] = {}

    def schema(self, database: TypedDatabase) -> DatabaseSchema:
        return self.schemas.get(database.name, database.schema)

    def server(self, runtime: Runtime, place: str, databases: Sequence[TypedDatabase]) -> Server:
        self.servers[place] = super().server(runtime, place, databases)
        if self.wire:
            self.listen(place)
        return self.servers[place]

    def listen(self, name: str) -> None:
        server = self.servers[name]
        self.remotes[name] = Remote(server.runtime, server, f"punix:/{name}/db.sock")

    def northd(self, runtime: Runtime, nb_client: DatabaseClient, sb_client: DatabaseClient) -> Northd:
        if self.wire:
            nb_client = _client(runtime, "central", NORTHBOUND, NB_COLUMNS)
            sb_client = _client(runtime, "central", SOUTHBOUND, NORTHD_SB_COLUMNS)
        return super().northd(runtime, nb_client, sb_client)

    def switch(
        self, runtime: Runtime, hypervisor: str, client: Client | LocalClient, underlay: Underlay
    ) -> Switch:
        if self.wire:
            client = _client(runtime, hypervisor, OPEN_VSWITCH, TABLES)
        return super().switch(runtime, hypervisor, client, underlay)

    def controller(
        self,
        runtime: Runtime,
        hypervisor: str,
        client: DatabaseClient,
        connect_sb: Callable[[str], DatabaseClient],
    ) -> Controller:
        if self.wire:
            client = _client(runtime, hypervisor, OPEN_VSWITCH, VS_COLUMNS)

            def connect_sb(remote: str) -> DatabaseClient:
                return Client(
                    runtime, "unix:/central/db.sock" if remote == LOCAL_REMOTE else remote,
                    SOUTHBOUND.name, SB_COLUMNS, conditions=interest.NOTHING,
                    expected=SOUTHBOUND.schema, required=SB_REQUIRED,
                )  # fmt: skip

        controller = super().controller(runtime, hypervisor, client, connect_sb)
        self.sent[hypervisor] = watch(controller)
        return controller


def _client(
    runtime: Runtime, place: str, database: TypedDatabase, columns: Mapping[str, Sequence[str]]
) -> Client:
    return Client(
        runtime, f"unix:/{place}/db.sock", database.name, columns, expected=database.schema
    )  # fmt: skip


def watch(controller: Controller) -> Sent:
    """Record what ``controller`` sends from now on."""
    sent = Sent()
    tables: set[FlowTable] = set()

    def watch_table(table: FlowTable) -> None:
        plan = table.plan

        def planned() -> list[FlowMod]:
            mods = plan()
            sent.flow_mods += mods
            return mods

        setattr(table, "plan", planned)  # noqa: B010 - mypy refuses the plain assignment to a method
        tables.add(table)

    follow = controller._follow_remote

    def followed() -> None:
        follow()
        if controller.flow_table not in tables:
            watch_table(controller.flow_table)
        controller.vs_reconciler.sent = sent.local
        if controller.sb_reconciler is not None:
            controller.sb_reconciler.sent = sent.southbound

    setattr(controller, "_follow_remote", followed)  # noqa: B010 - as above
    return sent


class Lab:
    """See the module.  Logical port ``vmN`` has MAC ``mac(N)`` and address ``ip(N)``."""

    def __init__(
        self,
        *hypervisors: str,
        seed: int = 1,
        wire: bool = False,
        schemas: dict[str, DatabaseSchema] | None = None,
        names2015: bool = False,
    ) -> None:
        self.runtime = VirtualRuntime(seed=seed)
        self.makers = LabMakers(self.runtime, schemas or {}, wire=wire)
        self.deployment = Deployment(self.runtime, self.makers, names2015=names2015)
        self.runtime.settle()
        for name in hypervisors:
            self.deployment.add_hypervisor(name)
        self.runtime.advance(3)

    # -- databases -----------------------------------------------------------------------------

    def database(self, place: str) -> Database:
        """``nb``, ``sb``, ``ovn`` (of 2015) or a hypervisor's."""
        names = {"nb": NORTHBOUND.name, "sb": SOUTHBOUND.name, "ovn": OVN_2015.name}
        if place in names:
            return self.deployment.central.databases[names[place]].database
        return self.makers.servers[place].databases[OPEN_VSWITCH.name].database

    def transact(self, place: str, *operations: dict[str, Any]) -> list[Any]:
        outcome = self.database(place).transact(list(operations))
        assert not any(r and "error" in r for r in outcome.results), outcome.results
        self.runtime.settle()
        return list(outcome.results)

    def rows(self, place: str, table: str, **columns: str) -> list[dict[str, Any]]:
        """Rows whose string columns are ``columns``, as JSON."""
        conditions = [[column, "==", value] for column, value in columns.items()]
        result = self.transact(place, {"op": "select", "table": table, "where": conditions})
        return list(result[0]["rows"])

    def row(self, place: str, table: str, **columns: str) -> dict[str, Any]:
        (row,) = self.rows(place, table, **columns)
        return row

    def update(self, place: str, table: str, values: dict[str, Any], **columns: str) -> None:
        conditions = [[column, "==", value] for column, value in columns.items()]
        self.transact(place, {"op": "update", "table": table, "where": conditions, "row": values})

    def delete(self, place: str, table: str, **columns: str) -> None:
        conditions = [[column, "==", value] for column, value in columns.items()]
        self.transact(place, {"op": "delete", "table": table, "where": conditions})

    # -- the network ---------------------------------------------------------------------------

    def switch(self, name: str) -> None:
        self.transact("nb", {"op": "insert", "table": "Logical_Switch", "row": {"name": name}})

    def port(self, switch: str, number: int, *, security: str | None = None, **columns: Any) -> str:
        """Add ``vmN``; ``security`` is its port_security."""
        name = f"vm{number}"
        row = {"name": name, "addresses": f"{mac_text(number)} {ip_text(number)}", **columns}
        if security is not None:
            row["port_security"] = security
        self.transact(
            "nb",
            {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "p", "row": row},
            {
                "op": "mutate", "table": "Logical_Switch", "where": [["name", "==", switch]],
                "mutations": [["ports", "insert", ["named-uuid", "p"]]],
            },
        )  # fmt: skip
        return name

    def plug(self, hypervisor: str, number: int) -> None:
        """Start VM ``number`` on a hypervisor; its interface is ``vifN``."""
        self.deployment.plug(hypervisor, f"vif{number}", f"vm{number}")
        self.runtime.settle()

    def unplug(self, hypervisor: str, number: int) -> None:
        self.deployment.unplug(hypervisor, f"vif{number}")
        self.runtime.settle()

    def build(self, switch: str, where: dict[int, str], security: str = "") -> None:
        """A switch with VMs by hypervisor; ``security``: "", "mac" or "ip"."""
        self.switch(switch)
        for number, hypervisor in where.items():
            rule = {"": None, "mac": mac_text(number), "ip": f"{mac_text(number)} {ip_text(number)}"}[
                security
            ]
            self.port(switch, number, security=rule)
            self.plug(hypervisor, number)
        self.sync()

    def sync(self) -> None:
        """``ovn-nbctl --wait=hv sync``."""
        count = {"op": "mutate", "table": "NB_Global", "where": [], "mutations": [["nb_cfg", "+=", 1]]}
        self.transact("nb", count)

        def reached() -> bool:
            row = self.row("nb", "NB_Global")
            return bool(row["hv_cfg"] == row["nb_cfg"])

        assert self.runtime.run_until(reached, 30), (self.row("nb", "NB_Global"), self.notices())

    def bindings(self) -> dict[str, str | None]:
        """Logical port to chassis name."""
        names = {row["_uuid"][1]: row["name"] for row in self.rows("sb", "Chassis")}
        return {
            row["logical_port"]: None if row["chassis"] == ["set", []] else names[row["chassis"][1]]
            for row in self.rows("sb", "Port_Binding")
        }

    def up(self, number: int) -> bool:
        return bool(self.row("sb", "Port_Binding", logical_port=f"vm{number}")["up"] is True)

    def notes(self, hypervisor: str, number: int) -> dict[str, str]:
        """An interface's external_ids."""
        ids = self.row(hypervisor, "Interface", name=f"vif{number}")["external_ids"]
        return dict(ids[1])

    def frames(self, hypervisor: str, number: int, frame: bytes) -> list[tuple[str, str]]:
        """(hypervisor, logical port) where a frame from VM ``number`` arrives, unchanged and sorted."""
        self.deployment.deliveries.clear()
        self.deployment.send(hypervisor, f"vif{number}", frame)
        self.runtime.advance(0.1)
        found = self.deployment.deliveries
        assert all(delivery.frame == frame for delivery in found)
        return sorted((delivery.hypervisor, delivery.logical_port) for delivery in found)

    # -- daemons -------------------------------------------------------------------------------

    def hypervisor(self, name: str) -> Hypervisor:
        return self.deployment.hypervisor(name)

    def controller(self, name: str) -> Controller:
        return self.hypervisor(name).controller

    def watch(self, name: str) -> Sent:
        """What a controller sends from now on."""
        sent = self.makers.sent[name]
        for record in (sent.southbound, sent.local, sent.flow_mods):
            record.clear()
        return sent

    def kill_controller(self, name: str) -> None:
        """As SIGKILL would: nothing is said to anybody."""
        self.deployment.kill(name, "ovn-controller")

    def start_controller(self, name: str) -> Sent:
        """A new process; what it sends is recorded from its first moment on."""
        self.deployment.start(name, "ovn-controller")
        return self.makers.sent[name]

    def restart_controller(self, name: str) -> Sent:
        """Kill and start again, and let it settle."""
        self.kill_controller(name)
        self.runtime.advance(1)
        sent = self.start_controller(name)
        self.runtime.advance(5)
        return sent

    def kill_northd(self) -> None:
        self.deployment.kill("central", "ovn-northd")

    def start_northd(self) -> None:
        self.deployment.start("central", "ovn-northd")

    def restart_northd(self) -> None:
        self.kill_northd()
        self.runtime.advance(1)
        self.start_northd()
        self.runtime.advance(1)

    def notices(self) -> dict[str, list[str]]:
        """What does not work, by daemon; empty lists are left out."""
        found = self.controller_notices()
        found["northd"] = self.deployment.northd.notices()
        return {name: lines for name, lines in found.items() if lines}

    def controller_notices(self) -> dict[str, list[str]]:
        """What does not work in controllers."""
        found = {name: self.controller(name).notices() for name in self.deployment.hypervisors}
        return {name: lines for name, lines in found.items() if lines}

    def installed(self, name: str) -> set[Any]:
        """The flows that the switch has."""
        state = self.hypervisor(name).switch.bridges["br-int"].state
        return {
            (rule.table, rule.priority, rule.match, rule.actions) for rule in state.select(0xFF, 0, 0, ALL)
        }
