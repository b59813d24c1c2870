"""Databases, northd and hypervisors as objects, wired together in one process.

The central server holds the northbound and the southbound.  Each hypervisor has its own server with its
Open_vSwitch database, a switch and a controller; their tunnels meet on an ``Underlay``.  All of it runs on
one ``Runtime``, real or virtual, and all databases are read without JSON (``LocalClient``).

Who makes the daemons is a parameter (``Makers``): plain objects for tests, daemons with control sockets and
logs for the sandbox (``hosting``).  What is wired is the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller import interest
from pyovn.controller.controller import SB_COLUMNS, VS_COLUMNS, Controller
from pyovn.northd import northd as northd_module
from pyovn.northd.northd import Northd
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import UUID
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.underlay import Underlay
from pyovn.vswitch.confdb import TABLES
from pyovn.vswitch.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.ovsdb.requests import Reply
    from pyovn.schemas.columns import Database as TypedDatabase
    from pyovn.sim.runtime import Runtime
    from pyovn.sync.database import DatabaseClient

    Told = Callable[[str | None], None]
    """Who waits for a change: called when it is made, with None or with what went wrong."""

LOCAL_REMOTE: Final = "local"
"""What ``ovn-remote`` says where the southbound is in the same process."""


BRIDGE: Final = "br-int"
"""The bridge of a hypervisor on which its VMs are; its controller makes it."""

BRIDGE_TIMEOUT: Final = 5000
"""Milliseconds that a VM waits for the bridge of a hypervisor that has just been added."""

_NAME: Final = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


class DeploymentError(Exception):
    """What was asked for cannot be done; the message says why."""


def check_name(what: str, name: str) -> None:
    """Refuse what cannot name a hypervisor or an interface, as it becomes part of file names."""
    if _NAME.fullmatch(name) is None:
        raise DeploymentError(
            f'"{name}" cannot name {what}: 1 to 32 of A-Z a-z 0-9 . _ - can, a letter or a digit first'
        )


def _must_succeed(error: str | None) -> None:
    """Be told by nobody in particular: whoever runs the deployment hears of a failure."""
    if error is not None:
        raise DeploymentError(error)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A frame that left a switch by a port that belongs to a VM."""

    hypervisor: str
    interface: str
    logical_port: str
    frame: bytes


@dataclass(slots=True)
class Hypervisor:
    """One hypervisor and its daemons."""

    name: str
    ip: str
    rundir: str
    server: Server
    switch: Switch
    controller: Controller

    def interfaces(self) -> dict[str, str]:
        """Logical port by interface, as external_ids:iface-id has it."""
        found: dict[str, str] = {}
        for name, ids in self._columns("Interface", "name", "external_ids").values():
            if "iface-id" in ids:
                found[name] = ids["iface-id"]
        return found

    def interface_names(self) -> frozenset[str]:
        """All interfaces, those of nobody's VM, too."""
        return frozenset(name for (name,) in self._columns("Interface", "name").values())

    def port(self, name: str) -> str | None:
        """The UUID of a Port row."""
        rows = self._columns("Port", "name")
        return next((uuid for uuid, (row_name,) in rows.items() if row_name == name), None)

    def _columns(self, table: str, *columns: str) -> dict[str, list[Any]]:
        """Some columns of all rows of a table of the hypervisor's database."""
        source = self.server.databases[OPEN_VSWITCH.name].database.tables[table]
        places = [source.by_name[column].position for column in columns]
        return {uuid: [row.values[place] for place in places] for uuid, row in source.rows.items()}


class Makers:
    """How servers and daemons come into being; the plain way.  ``lines`` collects what they log."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.lines: list[tuple[str, str, str]] = []

    def _log(self, who: str) -> Callable[[str, str], None]:
        return lambda level, text: self.lines.append((who, level, text))

    def rundir(self, hypervisor: str) -> str:
        """Where a hypervisor's management sockets are."""
        return f"/{hypervisor}"

    def server(self, name: str, schemas: Sequence[TypedDatabase]) -> Server:
        """A server with empty databases; ``name`` is "central" or a hypervisor's."""
        del name
        server = Server(self.runtime)
        for schema in schemas:
            server.add_database(Database(schema.schema, self.runtime.random))
        return server

    def northd(self, nb_client: DatabaseClient, sb_client: DatabaseClient) -> Northd:
        """An ovn-northd, not started."""
        return Northd(self.runtime, nb_client, sb_client, self._log("ovn-northd"))

    def switch(self, hypervisor: str, client: LocalClient, underlay: Underlay) -> Switch:
        """A switch, not started."""
        log = self._log(f"{hypervisor}/ovs-vswitchd")
        return Switch(self.runtime, client, underlay, self.rundir(hypervisor), log)

    def controller(
        self, hypervisor: str, client: DatabaseClient, connect_sb: Callable[[str], DatabaseClient]
    ) -> Controller:
        """A controller, not started."""
        return Controller(
            self.runtime,
            client,
            connect_sb,
            rundir=self.rundir(hypervisor),
            hostname=hypervisor,
            log=self._log(f"{hypervisor}/ovn-controller"),
        )

    def check(self, hypervisor: str) -> None:
        """Raise ``DeploymentError`` when no hypervisor can have this name here."""

    def remove(self, hypervisor: str) -> None:
        """The hypervisor is gone."""


class Deployment:
    """See the module."""

    def __init__(self, runtime: Runtime, makers: Makers | None = None) -> None:
        self.runtime = runtime
        self.makers = makers if makers is not None else Makers(runtime)
        self.underlay = Underlay(runtime)
        self.hypervisors: dict[str, Hypervisor] = {}
        self.deliveries: list[Delivery] = []
        self._next_ip = 1
        self.central = self.makers.server("central", (NORTHBOUND, SOUTHBOUND))
        self.northd = self.makers.northd(
            self._local(self.central, NORTHBOUND, northd_module.NB_COLUMNS),
            self._local(self.central, SOUTHBOUND, northd_module.SB_COLUMNS),
        )
        self.northd.start()

    def _local(
        self, server: Server, database: TypedDatabase, columns: Mapping[str, Sequence[str]], **options: Any
    ) -> LocalClient:
        return LocalClient(self.runtime, server, database.name, columns, expected=database.schema, **options)

    # -- hypervisors ---------------------------------------------------------------------------

    def add_hypervisor(self, name: str, done: Told = _must_succeed) -> Hypervisor:
        """A hypervisor more, with a chassis of that name and an address on the underlay."""
        check_name("a hypervisor", name)
        if name in self.hypervisors:
            raise DeploymentError(f"there is a hypervisor {name} already")
        self.makers.check(name)
        try:
            hypervisor = self._make(name, f"192.168.{self._next_ip >> 8}.{self._next_ip & 255}")
        except OSError as error:
            self.makers.remove(name)
            raise DeploymentError(f"hypervisor {name} cannot be made: {error}") from error
        self._next_ip += 1
        self.hypervisors[name] = hypervisor
        ids = {
            "system-id": name,
            "ovn-remote": LOCAL_REMOTE,
            "ovn-encap-type": "geneve",
            "ovn-encap-ip": hypervisor.ip,
        }
        row = {"external_ids": ["map", list(map(list, ids.items()))]}
        insert = {"op": "insert", "table": "Open_vSwitch", "row": row}
        self._write(hypervisor.server, OPEN_VSWITCH, [insert], lambda reply: done(reply.error))
        hypervisor.switch.start()
        hypervisor.controller.start()
        return hypervisor

    def _make(self, name: str, ip: str) -> Hypervisor:
        """A hypervisor's daemons, not started."""
        server = self.makers.server(name, (OPEN_VSWITCH,))
        switch = self.makers.switch(name, self._local(server, OPEN_VSWITCH, TABLES), self.underlay)
        controller = self.makers.controller(
            name,
            self._local(server, OPEN_VSWITCH, VS_COLUMNS),
            lambda _remote: self._local(self.central, SOUTHBOUND, SB_COLUMNS, conditions=interest.NOTHING),
        )
        hypervisor = Hypervisor(name, ip, self.makers.rundir(name), server, switch, controller)
        switch.on_frame = lambda interface, frame: self._left(hypervisor, interface, frame)
        return hypervisor

    def remove_hypervisor(self, name: str, done: Callable[[], None] = lambda: None) -> None:
        """Shut a hypervisor down in good order: its chassis and bindings go first."""
        hypervisor = self.hypervisors.pop(name, None)
        if hypervisor is None:
            raise DeploymentError(f"there is no hypervisor {name}")

        def gone() -> None:
            hypervisor.switch.stop()
            hypervisor.server.close()
            self.makers.remove(name)
            done()

        hypervisor.controller.exit(gone)

    def hypervisor(self, name: str) -> Hypervisor:
        """Look one up; raises ``DeploymentError``."""
        found = self.hypervisors.get(name)
        if found is None:
            raise DeploymentError(f"there is no hypervisor {name}; there are: {', '.join(self.hypervisors)}")
        return found

    # -- interfaces and frames -----------------------------------------------------------------

    def plug(self, hypervisor: str, interface: str, logical_port: str, done: Told = _must_succeed) -> None:
        """What starting a VM does: a port on br-int whose interface names its logical port."""
        place = self.hypervisor(hypervisor)
        check_name("an interface", interface)
        if interface in place.interface_names():
            raise DeploymentError(f"{hypervisor} has an interface {interface} already")
        if not logical_port:
            raise DeploymentError("a logical port has a name")
        self._write(
            place.server,
            OPEN_VSWITCH,
            [
                {
                    "op": "wait",
                    "timeout": BRIDGE_TIMEOUT,
                    "table": "Bridge",
                    "where": [["name", "==", BRIDGE]],
                    "columns": ["name"],
                    "until": "==",
                    "rows": [{"name": BRIDGE}],
                },
                {
                    "op": "insert",
                    "table": "Interface",
                    "uuid-name": "interface",
                    "row": {"name": interface, "external_ids": ["map", [["iface-id", logical_port]]]},
                },
                {
                    "op": "insert",
                    "table": "Port",
                    "uuid-name": "port",
                    "row": {"name": interface, "interfaces": ["named-uuid", "interface"]},
                },
                {
                    "op": "mutate",
                    "table": "Bridge",
                    "where": [["name", "==", BRIDGE]],
                    "mutations": [["ports", "insert", ["named-uuid", "port"]]],
                },
            ],
            lambda reply: done(reply.error),
        )

    def unplug(self, hypervisor: str, interface: str, done: Told = _must_succeed) -> None:
        """What stopping a VM does."""
        place = self.hypervisor(hypervisor)
        port = place.port(interface)
        if port is None:
            raise DeploymentError(f"{hypervisor} has no port {interface}")
        mutation = {
            "op": "mutate",
            "table": "Bridge",
            "where": [],
            "mutations": [["ports", "delete", ["uuid", port]]],
        }
        self._write(place.server, OPEN_VSWITCH, [mutation], lambda reply: done(reply.error))

    def send(self, hypervisor: str, interface: str, frame: bytes) -> None:
        """A VM sends a frame; where it arrives is added to ``deliveries``, when it does."""
        place = self.hypervisor(hypervisor)
        try:
            place.switch.inject(interface, frame)
        except KeyError:
            raise DeploymentError(f"{hypervisor} has no port {interface}") from None

    def find(self, logical_port: str) -> tuple[str, str]:
        """(hypervisor, interface) of a logical port; raises ``DeploymentError``."""
        for hypervisor in self.hypervisors.values():
            for interface, port in hypervisor.interfaces().items():
                if port == logical_port:
                    return hypervisor.name, interface
        raise DeploymentError(f"no hypervisor has an interface for logical port {logical_port}")

    def bound_on(self, logical_port: str) -> str | None:
        """The chassis that has claimed a logical port, as the southbound has it."""
        tables = self.central.databases[SOUTHBOUND.name].database.tables
        bindings, chassis = tables["Port_Binding"], tables["Chassis"]
        name, place = (bindings.by_name[column].position for column in ("logical_port", "chassis"))
        for row in bindings.rows.values():
            holder_uuid = row.values[place]
            if row.values[name] == logical_port and isinstance(holder_uuid, UUID):
                holder = chassis.rows[holder_uuid]
                return str(holder.values[chassis.by_name["name"].position])
        return None

    def _left(self, hypervisor: Hypervisor, interface: str, frame: bytes) -> None:
        logical_port = hypervisor.interfaces().get(interface)
        if logical_port is not None:
            self.deliveries.append(Delivery(hypervisor.name, interface, logical_port, frame))

    # -- writing -------------------------------------------------------------------------------

    def transact(self, operations: Sequence[Any], done: Callable[[Reply], None] | None = None) -> None:
        """Write to the northbound as a cloud system would."""
        self._write(self.central, NORTHBOUND, operations, done or (lambda reply: _must_succeed(reply.error)))

    def _write(
        self,
        server: Server,
        database: TypedDatabase,
        operations: Sequence[Any],
        done: Callable[[Reply], None],
    ) -> None:
        """Run a transaction; ``done`` is called with its reply."""
        client = self._local(server, database, {})

        def finished(reply: Reply) -> None:
            client.stop()
            done(reply)

        client.start()
        client.transact(operations, finished)
