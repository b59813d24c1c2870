"""Databases, northd and hypervisors as objects, wired together in one process.

The central server holds the northbound and the southbound.  Each hypervisor has its own server with its
Open_vSwitch database, a switch and a controller; their tunnels meet on an ``Underlay``.  All of it runs on
one ``Runtime``, real or virtual, and all databases are read without JSON (``LocalClient``).

Who makes the daemons is a parameter (``Makers``): plain objects for tests, daemons with control sockets and
logs for the sandbox (``hosting``).  What is wired is the same.  Every daemon has a ``DaemonSlot``: it can be
killed and started again at any time.  What connects them can be cut (``links``).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pyovn.compat2015 import compat as compat_module
from pyovn.controller import interest
from pyovn.controller.controller import SB_COLUMNS, VS_COLUMNS
from pyovn.northd import northd as northd_module
from pyovn.ovsdb.local import LocalClient
from pyovn.sandbox import reads
from pyovn.sandbox.lifecycle import DaemonSlot, LifeError
from pyovn.sandbox.links import CENTRAL, NB, OVN, SB, Links
from pyovn.sandbox.makers import Makers
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.ovn2015 import OVN_2015
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.underlay import Underlay
from pyovn.vswitch.confdb import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pyovn.compat2015.compat import Compat2015
    from pyovn.controller.controller import Controller
    from pyovn.northd.northd import Northd
    from pyovn.ovsdb.requests import Reply
    from pyovn.ovsdb.server import Server
    from pyovn.sandbox.lifecycle import P
    from pyovn.schemas.columns import Database as TypedDatabase
    from pyovn.sim.runtime import Runtime
    from pyovn.vswitch.switch import Switch

    Told = Callable[[str | None], None]
    """Who waits for a change: called when it is made, with None or with what went wrong."""

LOCAL_REMOTE: Final = "local"
"""What ``ovn-remote`` says where the southbound is in the same process."""


BRIDGE: Final = "br-int"
"""The bridge of a hypervisor on which its VMs are; its controller makes it."""

BRIDGE_TIMEOUT: Final = 5000
"""Milliseconds that a VM waits for the bridge of a hypervisor that has just been added."""

REMOVAL_TIMEOUT: Final = 5.0
"""Seconds that a controller has to release what is its own when its hypervisor is removed."""

_UNDERLAY: Final = int(ipaddress.IPv4Address("192.168.0.0"))

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


class Serving:
    """A server as a program: while it runs, lines to its databases lead to it."""

    def __init__(self, place: str, server: Server, links: Links) -> None:
        self.server = server
        self._place = place
        self._links = links

    def start(self) -> None:
        """Be reachable."""
        self._links.serve(self._place, self.server)

    def stop(self) -> None:
        """Be gone."""
        self._links.serve(self._place, None)


@dataclass(slots=True)
class Hypervisor:
    """One hypervisor and its daemons."""

    name: str
    ip: str
    rundir: str
    ovsdb_server: DaemonSlot[Serving]
    ovs_vswitchd: DaemonSlot[Switch]
    ovn_controller: DaemonSlot[Controller]

    @property
    def server(self) -> Server:
        """The server that runs, or the last that did: what it holds is what its file does."""
        return self.ovsdb_server.program.server

    @property
    def switch(self) -> Switch:
        """The switch that runs, or the last that did."""
        return self.ovs_vswitchd.program

    @property
    def controller(self) -> Controller:
        """The controller that runs, or the last that did."""
        return self.ovn_controller.program

    def daemons(self) -> tuple[DaemonSlot[Any], ...]:
        """Its daemons, in the order in which they are started."""
        return self.ovsdb_server, self.ovs_vswitchd, self.ovn_controller

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

    def own_interfaces(self) -> frozenset[str]:
        """Interfaces that no VM has: of bridges, and tunnels and patch ports that a controller made."""
        rows = self._columns("Interface", "name", "type", "external_ids").values()
        return frozenset(name for name, kind, ids in rows if kind and "iface-id" not in ids)

    def port(self, name: str) -> str | None:
        """The UUID of a Port row."""
        rows = self._columns("Port", "name")
        return next((uuid for uuid, (row_name,) in rows.items() if row_name == name), None)

    def _columns(self, table: str, *columns: str) -> dict[str, list[Any]]:
        """Some columns of all rows of a table of the hypervisor's database."""
        source = self.server.databases[OPEN_VSWITCH.name].database.tables[table]
        places = [source.by_name[column].position for column in columns]
        return {uuid: [row.values[place] for place in places] for uuid, row in source.rows.items()}


class Deployment:
    """See the module.  ``names2015``: with the database of 2015, and the daemon that keeps it."""

    def __init__(self, runtime: Runtime, makers: Makers | None = None, *, names2015: bool = False) -> None:
        self.runtime = runtime
        self.makers = makers if makers is not None else Makers(runtime)
        self.underlay = Underlay(runtime)
        self.hypervisors: dict[str, Hypervisor] = {}
        self.links = Links(self.underlay, lambda: {h.name: h.ip for h in self.hypervisors.values()})
        self.deliveries: list[Delivery] = []
        self.on_delivery: list[Callable[[Delivery], None]] = []
        """Told of each delivery, too."""
        self._next_ip = 1
        self._leaving: set[str] = set()
        self.makers.exited = lambda place, name: self.daemon(place, name).ended()
        old = (OVN_2015,) if names2015 else ()
        self.ovsdb_server = self._serving(CENTRAL, (NORTHBOUND, SOUTHBOUND, *old))
        self.ovn_northd = self._slot(CENTRAL, "ovn-northd", self._make_northd)
        self.ovn_compat2015 = (
            self._slot(CENTRAL, "ovn-compat2015", self._make_compat2015) if names2015 else None
        )
        for slot in self.central_daemons():
            slot.start()

    @property
    def central(self) -> Server:
        """The central server that runs, or the last that did."""
        return self.ovsdb_server.program.server

    @property
    def northd(self) -> Northd:
        """The northd that runs, or the last that did."""
        return self.ovn_northd.program

    # -- daemons -------------------------------------------------------------------------------

    def _slot(self, place: str, name: str, make: Callable[[Runtime], P]) -> DaemonSlot[P]:
        def ended(crashed: bool) -> None:
            self.makers.ended(place, name, crashed=crashed)

        return DaemonSlot(self.runtime, place, name, make, ended)

    def _serving(self, place: str, databases: Sequence[TypedDatabase]) -> DaemonSlot[Serving]:
        def make(process: Runtime) -> Serving:
            return Serving(place, self.makers.server(process, place, databases), self.links)

        return self._slot(place, "ovsdb-server", make)

    def _make_northd(self, process: Runtime) -> Northd:
        return self.makers.northd(
            process,
            self._client(process, "ovn-northd", NB, NORTHBOUND, northd_module.NB_COLUMNS),
            self._client(process, "ovn-northd", SB, SOUTHBOUND, northd_module.SB_COLUMNS),
        )

    def _make_compat2015(self, process: Runtime) -> Compat2015:
        name = "ovn-compat2015"
        return self.makers.compat2015(
            process,
            self._client(process, name, NB, NORTHBOUND, compat_module.NB_COLUMNS),
            self._client(process, name, SB, SOUTHBOUND, compat_module.SB_COLUMNS),
            self._client(process, name, OVN, OVN_2015, compat_module.OVN_COLUMNS),
        )

    def central_daemons(self) -> tuple[DaemonSlot[Any], ...]:
        """The daemons of the central node, in the order in which they are started."""
        old = () if self.ovn_compat2015 is None else (self.ovn_compat2015,)
        return self.ovsdb_server, self.ovn_northd, *old

    def _make_switch(self, hypervisor: str, process: Runtime) -> Switch:
        client = self._client(process, f"{hypervisor}/ovs-vswitchd", f"{hypervisor}/db", OPEN_VSWITCH, TABLES)
        switch = self.makers.switch(process, hypervisor, client, self.underlay)
        switch.on_frame = partial(self._left, hypervisor)
        return switch

    def _make_controller(self, hypervisor: str, process: Runtime) -> Controller:
        name = f"{hypervisor}/ovn-controller"
        self.links.line(name, SB)  # there before it is used, so that it can be cut

        def connect_sb(_remote: str) -> LocalClient:
            return self._client(process, name, SB, SOUTHBOUND, SB_COLUMNS, conditions=interest.NOTHING)

        client = self._client(process, name, f"{hypervisor}/db", OPEN_VSWITCH, VS_COLUMNS)
        return self.makers.controller(process, hypervisor, client, connect_sb)

    def _client(
        self,
        process: Runtime,
        daemon: str,
        name: str,
        database: TypedDatabase,
        columns: Mapping[str, Sequence[str]],
        **options: Any,
    ) -> LocalClient:
        line = self.links.line(daemon, name)
        return LocalClient(process, line, database.name, columns, expected=database.schema, **options)

    def client(self, name: str, database: TypedDatabase, columns: Mapping[str, Sequence[str]]) -> LocalClient:
        """A client of nobody's for a database (``nb``, ``sb``, ``hv1/db``), not started."""
        return self._client(self.runtime, "", name, database, columns)

    def daemons(self) -> Iterator[DaemonSlot[Any]]:
        """All daemons, in the order in which they are started."""
        yield from self.central_daemons()
        for hypervisor in self.hypervisors.values():
            yield from hypervisor.daemons()

    def servers(self) -> Iterator[DaemonSlot[Serving]]:
        """All database servers, the central one first."""
        yield self.ovsdb_server
        for hypervisor in self.hypervisors.values():
            yield hypervisor.ovsdb_server

    def close(self) -> None:
        """End all daemons at once; what they leave is theirs."""
        for slot in reversed(list(self.daemons())):
            slot.ended()

    def daemon(self, place: str, name: str) -> DaemonSlot[Any]:
        """Look one up by ``central`` or a hypervisor's name, and its own; raises ``DeploymentError``."""
        there: tuple[DaemonSlot[Any], ...] = self.central_daemons()
        if place != CENTRAL:
            there = self.hypervisor(place).daemons()
        found = next((slot for slot in there if slot.name == name), None)
        if found is None:
            names = ", ".join(slot.name for slot in there)
            raise DeploymentError(f"there is no daemon {name} on {place}; there are: {names}")
        return found

    def kill(self, place: str, name: str) -> None:
        """Have a daemon die as by SIGKILL; raises ``DeploymentError``."""
        try:
            self.daemon(place, name).kill()
        except LifeError as error:
            raise DeploymentError(str(error)) from error

    def start(self, place: str, name: str) -> None:
        """Start a daemon that died, on what its databases hold; raises ``DeploymentError``."""
        slot = self.daemon(place, name)
        try:
            slot.start()
        except (LifeError, OSError) as error:
            raise DeploymentError(str(error)) from error

    # -- hypervisors ---------------------------------------------------------------------------

    def add_hypervisor(
        self, name: str, done: Told = _must_succeed, *, restored_ip: str | None = None
    ) -> Hypervisor:
        """A hypervisor more, with a chassis of that name and an address on the underlay.

        One with a ``restored_ip`` finds in its database what it is.
        """
        check_name("a hypervisor", name)
        if name in self.hypervisors:
            raise DeploymentError(f"there is a hypervisor {name} already")
        self.makers.check(name)
        hypervisor = Hypervisor(
            name,
            restored_ip or f"192.168.{self._next_ip >> 8}.{self._next_ip & 255}",
            self.makers.rundir(name),
            self._serving(name, (OPEN_VSWITCH,)),
            self._slot(name, "ovs-vswitchd", partial(self._make_switch, name)),
            self._slot(name, "ovn-controller", partial(self._make_controller, name)),
        )
        self.hypervisors[name] = hypervisor
        try:
            hypervisor.ovsdb_server.start()
            if restored_ip is None:
                self._name_chassis(hypervisor, done)
            hypervisor.ovs_vswitchd.start()
            hypervisor.ovn_controller.start()
        except OSError as error:
            self._discard(hypervisor)
            raise DeploymentError(f"hypervisor {name} cannot be made: {error}") from error
        self._next_ip = max(self._next_ip, int(ipaddress.IPv4Address(hypervisor.ip)) - _UNDERLAY) + 1
        return hypervisor

    def _name_chassis(self, hypervisor: Hypervisor, done: Told) -> None:
        """Tell a hypervisor's database who it is and where the southbound is."""
        ids = {
            "system-id": hypervisor.name,
            "ovn-remote": LOCAL_REMOTE,
            "ovn-encap-type": "geneve",
            "ovn-encap-ip": hypervisor.ip,
        }
        row = {"external_ids": ["map", list(map(list, ids.items()))]}
        insert = {"op": "insert", "table": "Open_vSwitch", "row": row}
        self._write_local(hypervisor, [insert], done)

    def _discard(self, hypervisor: Hypervisor) -> None:
        """Have a hypervisor gone, whatever of it there is."""
        for slot in reversed(hypervisor.daemons()):
            slot.ended()
        self.links.forget(hypervisor.name)
        del self.hypervisors[hypervisor.name]
        self.makers.remove(hypervisor.name)

    def remove_hypervisor(self, name: str, done: Callable[[], None] = lambda: None) -> None:
        """Shut a hypervisor down in good order: its chassis and bindings go first, if its controller can."""
        hypervisor = self.hypervisor(name)
        if name in self._leaving:
            raise DeploymentError(f"{name} is being removed")
        self._leaving.add(name)

        def gone() -> None:
            if name in self._leaving:
                self._leaving.discard(name)
                timer.cancel()
                self._discard(hypervisor)
                done()

        timer = self.runtime.call_later(REMOVAL_TIMEOUT, gone)

        if hypervisor.ovn_controller.is_running:
            hypervisor.controller.exit(gone)
        else:
            self.runtime.call_soon(gone)

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
        self._write_local(
            place,
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
            done,
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
        self._write_local(place, [mutation], done)

    def send(self, hypervisor: str, interface: str, frame: bytes) -> None:
        """A VM sends a frame; where it arrives is added to ``deliveries``, when it does."""
        place = self.hypervisor(hypervisor)
        if not place.ovs_vswitchd.is_running:
            raise DeploymentError(f"{place.ovs_vswitchd} is not running: its ports carry nothing")
        try:
            place.switch.inject(interface, frame)
        except KeyError:
            raise DeploymentError(f"{hypervisor} has no port {interface}") from None

    def find(self, logical_port: str) -> tuple[str, str]:
        """(hypervisor, interface) of a logical port; raises ``DeploymentError``."""
        places = self.places(logical_port)
        if not places:
            raise DeploymentError(f"no hypervisor has an interface for logical port {logical_port}")
        if len(places) > 1:
            holder = self.bound_on(logical_port)
            places = [place for place in places if place[0] == holder] or places
        return places[0]

    def places(self, logical_port: str) -> list[tuple[str, str]]:
        """All (hypervisor, interface) that claim a logical port."""
        return [
            (hypervisor.name, interface)
            for hypervisor in self.hypervisors.values()
            for interface, port in hypervisor.interfaces().items()
            if port == logical_port
        ]

    def bindings(self) -> dict[str, tuple[str | None, bool]]:
        """The chassis that has claimed each logical port, and whether it is up, as the southbound has it."""
        return reads.bindings(self.central)

    def bound_on(self, logical_port: str) -> str | None:
        """The chassis that has claimed a logical port."""
        return self.bindings().get(logical_port, (None, False))[0]

    def chassis_names(self) -> frozenset[str]:
        """All chassis of the southbound."""
        return frozenset(reads.chassis_names(self.central).values())

    def _left(self, name: str, interface: str, frame: bytes) -> None:
        hypervisor = self.hypervisors[name]
        logical_port = hypervisor.interfaces().get(interface)
        if logical_port is not None:
            delivery = Delivery(name, interface, logical_port, frame)
            self.deliveries.append(delivery)
            for told in tuple(self.on_delivery):
                told(delivery)

    def transact(self, operations: Sequence[Any], done: Callable[[Reply], None] | None = None) -> None:
        """Write to the northbound as a cloud system would."""
        self._write(
            self.ovsdb_server, NB, NORTHBOUND, operations, done or (lambda reply: _must_succeed(reply.error))
        )

    def _write_local(self, place: Hypervisor, operations: Sequence[Any], done: Told) -> None:
        """Write to a hypervisor's database."""
        self._write(
            place.ovsdb_server,
            f"{place.name}/db",
            OPEN_VSWITCH,
            operations,
            lambda reply: done(reply.error),
        )

    def _write(
        self,
        server: DaemonSlot[Serving],
        name: str,
        database: TypedDatabase,
        operations: Sequence[Any],
        done: Callable[[Reply], None],
    ) -> None:
        """Run a transaction; ``done`` is called with its reply."""
        if not server.is_running:
            raise DeploymentError(f"{server} is not running")
        client = self._client(self.runtime, "", name, database, {})

        def finished(reply: Reply) -> None:
            client.stop()
            done(reply)

        client.start()
        client.transact(operations, finished)
