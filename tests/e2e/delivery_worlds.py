"""Deployments in which the cases of ``delivery`` run.

``VirtualWorld``   our northd, controllers and switches in virtual time
``RealWorld``      our servers and switches in this process, in real time and on sockets; ovn-northd or the
                   ovn-controllers, or both, are Debian's, as processes

Every hypervisor has a bridge ``br-phys`` with a port ``wire``; all wires are one: what leaves by one of them
arrives at all others.

Nothing is waited for by time.  That a port works everywhere is known from the databases: it is up, the
tunnels have their OpenFlow ports, and then every hypervisor has reported the nb_cfg of a sync.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from delivery import NETWORK, WIRE_INTERFACE, Seen

from pyovn.ovsdb.listen import Remote
from pyovn.sandbox.deployment import BRIDGE, Deployment
from pyovn.sandbox.makers import Makers
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.real import RealRuntime
from pyovn.sim.virtual import VirtualRuntime
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.multiparts import FlowDescRequest
from pyovn.wire.openflow.text import format_flow
from pyovn.wire.packet import PacketError, parse_frame
from pyovn.wire.packet.link import ETH_RARP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyovn.controller.controller import Controller
    from pyovn.northd.northd import Northd
    from pyovn.ovsdb.engine import Database
    from pyovn.ovsdb.server import Server
    from pyovn.sandbox.deployment import Hypervisor
    from pyovn.schemas.columns import Database as TypedDatabase
    from pyovn.sim.runtime import Runtime
    from pyovn.sync.database import DatabaseClient

MOST_FRAMES = 2_000
"""Arrivals of one frame; more is a loop."""
PHYSICAL = "br-phys"


def is_announcement(frame: bytes) -> bool:
    """Whether a controller says on a physical network where a VM is; it does so by itself, now and then."""
    try:
        parsed = parse_frame(frame)
    except PacketError:
        return False
    arp = parsed.arp
    if arp is None:
        kind = parsed.vlans[-1].ethertype if parsed.vlans else parsed.ethernet.ethertype
        return kind == ETH_RARP
    return arp.operation == 1 and arp.sender_ip == arp.target_ip


class BaseWorld:
    """What both worlds share; they know how to run."""

    runtime: VirtualRuntime | RealRuntime
    deployment: Deployment
    controllers = "ours"

    def __init__(self, hypervisors: int, encaps: str) -> None:
        self.names = [f"hv{number}" for number in range(1, hypervisors + 1)]
        self._encaps = encaps
        self._seen: list[Seen] = []
        self._sent = b""
        """The frame on its way: a case may send what looks like an announcement."""

    def until(self, predicate: Callable[[], bool], what: Callable[[], object]) -> None:
        """Run until ``predicate``; fails with ``what``."""
        raise NotImplementedError

    def landed(self, expected: int) -> None:
        """Run until nothing is under way."""
        raise NotImplementedError

    def problems(self) -> dict[str, Any]:
        """What the daemons that are ours call wrong."""
        raise NotImplementedError

    # -- databases -----------------------------------------------------------------------------

    def database(self, server: Server, schema: TypedDatabase) -> Database:
        return server.databases[schema.name].database

    def rows(self, schema: TypedDatabase, table: str) -> list[dict[str, Any]]:
        """All rows of a central table, as JSON."""
        return self._select(self.deployment.central, schema, table)

    def _select(self, server: Server, schema: TypedDatabase, table: str) -> list[dict[str, Any]]:
        select = {"op": "select", "table": table, "where": []}
        return list(self._run(server, schema, [select])[0]["rows"])

    def _run(self, server: Server, schema: TypedDatabase, operations: list[dict[str, Any]]) -> list[Any]:
        outcome = self.database(server, schema).transact(operations)
        assert not any(r and "error" in r for r in outcome.results), outcome.results
        return list(outcome.results)

    def transact(self, *operations: dict[str, Any]) -> None:
        self._run(self.deployment.central, NORTHBOUND, list(operations))

    # -- hypervisors ---------------------------------------------------------------------------

    def add_hypervisors(self) -> None:
        for name in self.names:
            hypervisor = self.deployment.add_hypervisor(name)
            hypervisor.switch.on_frame = self._leaver(name)
            self.until(lambda h=hypervisor: self._has_row(h), lambda: "no Open_vSwitch row")  # type: ignore[misc]
            self._configure(hypervisor)

    def _has_row(self, hypervisor: Hypervisor) -> bool:
        return bool(self._select(hypervisor.server, OPEN_VSWITCH, "Open_vSwitch"))

    def settings(self, name: str) -> dict[str, str]:
        """``external_ids`` of a hypervisor, beside the usual."""
        return {"ovn-encap-type": self._encaps_of(name), "ovn-bridge-mappings": f"{NETWORK}:{PHYSICAL}"}

    def _encaps_of(self, name: str) -> str:
        """``mixed``: every other hypervisor has VXLAN only, the others prefer Geneve."""
        if self._encaps != "mixed":
            return self._encaps
        return "vxlan" if self.names.index(name) % 2 else "geneve,vxlan"

    def _configure(self, hypervisor: Hypervisor) -> None:
        """Its settings, and the bridge of the physical network."""
        operations: list[dict[str, Any]] = []
        for name, kind in ((PHYSICAL, "internal"), (WIRE_INTERFACE, "")):
            row = {"name": name, "type": kind}
            operations += (
                {"op": "insert", "table": "Interface", "uuid-name": f"i_{kind}", "row": row},
                {
                    "op": "insert", "table": "Port", "uuid-name": f"p_{kind}",
                    "row": {"name": name, "interfaces": ["named-uuid", f"i_{kind}"]},
                },
            )  # fmt: skip
        bridge = {"name": PHYSICAL, "ports": ["set", [["named-uuid", "p_internal"], ["named-uuid", "p_"]]]}
        ids = self.settings(hypervisor.name)
        operations += (
            {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": bridge},
            {
                "op": "mutate", "table": "Open_vSwitch", "where": [],
                "mutations": [
                    ["bridges", "insert", ["named-uuid", "b"]],
                    ["external_ids", "delete", ["set", list(ids)]],
                    ["external_ids", "insert", ["map", [list(item) for item in ids.items()]]],
                ],
            },
        )  # fmt: skip
        self._run(hypervisor.server, OPEN_VSWITCH, operations)

    def plug(self, hypervisor: str, interface: str, logical_port: str) -> None:
        self.deployment.plug(hypervisor, interface, logical_port)

    def unplug(self, hypervisor: str, interface: str) -> None:
        self.deployment.unplug(hypervisor, interface)

    # -- waiting -------------------------------------------------------------------------------

    def ready(self, ports: Iterable[str]) -> None:
        wanted = frozenset(ports)
        self.until(lambda: wanted <= self.up(), lambda: ("not up", sorted(wanted - self.up())))
        self.sync()

    def up(self) -> set[str]:
        rows = self.rows(SOUTHBOUND, "Port_Binding")
        return {row["logical_port"] for row in rows if row["up"] is True}

    def sync(self) -> None:
        """``ovn-nbctl --wait=hv sync``."""
        count = {"op": "mutate", "table": "NB_Global", "where": [], "mutations": [["nb_cfg", "+=", 1]]}
        self.transact(count)

        def reached() -> bool:
            (row,) = self.rows(NORTHBOUND, "NB_Global")
            return bool(row["hv_cfg"] == row["nb_cfg"])

        self.until(reached, lambda: self.rows(NORTHBOUND, "NB_Global"))

    def joined(self) -> None:
        """Every hypervisor is a chassis with a working tunnel to each other one."""
        count = len(self.names)
        self.until(
            lambda: len(self.rows(SOUTHBOUND, "Chassis_Private")) == count,
            lambda: self.rows(SOUTHBOUND, "Chassis_Private"),
        )
        for hypervisor in self.deployment.hypervisors.values():
            self.until(
                lambda h=hypervisor: self._tunnels(h) >= count - 1,  # type: ignore[misc]
                lambda h=hypervisor: (h.name, "tunnels", self._tunnels(h)),  # type: ignore[misc]
            )

    def _tunnels(self, hypervisor: Hypervisor) -> int:
        rows = self._select(hypervisor.server, OPEN_VSWITCH, "Interface")
        kinds = self._encaps_of(hypervisor.name).split(",")
        return sum(row["type"] in kinds and row["ofport"] not in (["set", []], -1) for row in rows)

    def learnt(self, logical_port: str, address: str) -> None:
        keys = {row["logical_port"]: row["tunnel_key"] for row in self.rows(SOUTHBOUND, "Port_Binding")}

        def is_known() -> bool:
            found = {(row["mac"], row["port_key"]) for row in self.rows(SOUTHBOUND, "FDB")}
            return (address, keys[logical_port]) in found

        self.until(is_known, lambda: self.rows(SOUTHBOUND, "FDB"))
        self.sync()

    # -- frames --------------------------------------------------------------------------------

    def _leaver(self, name: str) -> Callable[[str, bytes], None]:
        def left(interface: str, frame: bytes) -> None:
            on_wire = interface == WIRE_INTERFACE
            if on_wire:
                self._on_wire(frame, name)
            elif interface in {BRIDGE, PHYSICAL}:
                return
            if frame == self._sent or not is_announcement(frame):
                assert len(self._seen) < MOST_FRAMES, f"a loop: {self._seen[-3:]}"
                self._seen.append(("" if on_wire else name, interface, frame))

        return left

    def _on_wire(self, frame: bytes, sender: str) -> None:
        """All hypervisors but the sender hear what is on the wire."""
        for name, hypervisor in self.deployment.hypervisors.items():
            if name != sender:
                hypervisor.switch.inject(WIRE_INTERFACE, frame)

    def send(self, hypervisor: str, interface: str, frame: bytes, expected: int) -> list[Seen]:
        self._seen.clear()
        self._sent = frame
        if interface == WIRE_INTERFACE:
            self._on_wire(frame, "")
        else:
            self.deployment.send(hypervisor, interface, frame)
        self.landed(expected)
        return list(self._seen)


class VirtualWorld(BaseWorld):
    """Everything is ours, and time is virtual."""

    def __init__(self, hypervisors: int, encaps: str = "geneve") -> None:
        super().__init__(hypervisors, encaps)
        self.runtime: VirtualRuntime = VirtualRuntime(seed=1)
        self.deployment = Deployment(self.runtime)
        self.runtime.settle()
        self.add_hypervisors()
        self.joined()

    def until(self, predicate: Callable[[], bool], what: Callable[[], object]) -> None:
        assert self.runtime.run_until(predicate, 60), (what(), self.problems())

    def transact(self, *operations: dict[str, Any]) -> None:
        super().transact(*operations)
        self.runtime.settle()

    def plug(self, hypervisor: str, interface: str, logical_port: str) -> None:
        super().plug(hypervisor, interface, logical_port)
        self.runtime.settle()

    def unplug(self, hypervisor: str, interface: str) -> None:
        super().unplug(hypervisor, interface)
        self.runtime.settle()

    def landed(self, expected: int) -> None:
        del expected
        self.runtime.settle()

    def problems(self) -> dict[str, list[str]]:
        found = {h.name: h.controller.notices() for h in self.deployment.hypervisors.values()}
        found["northd"] = self.deployment.northd.notices()
        return {name: lines for name, lines in found.items() if lines}

    def close(self) -> None:
        """Nothing is left of virtual time."""


class Process:
    """A daemon of Debian's in the place of one of ours: ``launch`` starts it."""

    def __init__(self, directory: Path, *command: str) -> None:
        self.directory = directory
        self.name = Path(command[0]).name
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """What a deployment calls: too early, as nothing is configured."""

    def launch(self) -> None:
        place = str(self.directory)
        environment = {
            f"{family}_{name}": place for family in ("OVS", "OVN") for name in ("RUNDIR", "LOGDIR")
        }
        self._process = subprocess.Popen(
            [*self._command, "-vconsole:off", f"--log-file={place}/{self.name}.log"],
            env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def status(self) -> int | None:
        """The exit status of one that ended by itself; a signal's number is negative."""
        return self._process.poll() if self._process is not None else None

    def stop(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class RealMakers(Makers):
    """Servers and switches of ours on sockets; ``northd`` and ``controllers`` say whose these are."""

    def __init__(
        self,
        runtime: RealRuntime,
        directory: Path,
        peer: Callable[[str], str],
        *,
        northd: str,
        controllers: str,
    ) -> None:
        super().__init__(runtime)
        self._directory = directory
        self._peer = peer
        self._whose = {"northd": northd, "controllers": controllers}
        self.remotes: list[Remote] = []
        self.processes: list[Process] = []

    def use_own_controllers(self) -> None:
        """Those that start from now on are ours."""
        self._whose["controllers"] = "ours"

    def rundir(self, hypervisor: str) -> str:
        return str(self._directory / hypervisor)

    def address(self, name: str) -> str:
        return f"unix:{self.rundir(name)}/db.sock"

    def server(self, runtime: Runtime, place: str, databases: Sequence[TypedDatabase]) -> Server:
        Path(self.rundir(place)).mkdir()
        server = super().server(runtime, place, databases)
        self.remotes.append(Remote(runtime, server, f"p{self.address(place)}"))
        return server

    def _process(self, *command: str, place: str) -> Process:
        process = Process(Path(self.rundir(place)), *command)
        self.processes.append(process)
        return process

    def northd(self, runtime: Runtime, nb_client: DatabaseClient, sb_client: DatabaseClient) -> Northd:
        if self._whose["northd"] == "ours":
            return super().northd(runtime, nb_client, sb_client)
        both = [f"--ovn{db}-db={self.address('central')}" for db in ("nb", "sb")]
        return cast("Northd", self._process(self._peer("ovn-northd"), *both, place="central"))

    def controller(
        self,
        runtime: Runtime,
        hypervisor: str,
        client: DatabaseClient,
        connect_sb: Callable[[str], DatabaseClient],
    ) -> Controller:
        if self._whose["controllers"] == "ours":
            return super().controller(runtime, hypervisor, client, connect_sb)
        program, address = self._peer("ovn-controller"), self.address(hypervisor)
        return cast("Controller", self._process(program, address, place=hypervisor))


class RealWorld(BaseWorld):
    """See the module; ``close`` must be called, whatever happened."""

    def __init__(
        self,
        hypervisors: int,
        encaps: str,
        peer: Callable[[str], str],
        *,
        northd: str = "ours",
        controllers: str = "ours",
    ) -> None:
        super().__init__(hypervisors, encaps)
        self.controllers = controllers
        self._patience = 120 + 4 * hypervisors
        """Seconds; a limit for what is broken, and no pace of anything: where many others want the two
        cores, what takes one second alone takes thirty."""
        self.runtime: RealRuntime = RealRuntime()
        self.directory = Path(tempfile.mkdtemp(prefix="pyovn-", dir="/tmp"))
        self.makers = RealMakers(self.runtime, self.directory, peer, northd=northd, controllers=controllers)
        try:
            self.deployment = Deployment(self.runtime, self.makers)
            self.add_hypervisors()
            self._launch()
            self.joined()
        except BaseException:
            self.close()
            raise

    def _launch(self) -> None:
        """Start Debian's daemons: northd and, when it has written, the controllers.

        ovn-controller 23.03 reads an option of SB_Global's row without asking whether there is one, and
        dies of a southbound database whose northd was never there.
        """
        northds = [process for process in self.makers.processes if process.name == "ovn-northd"]
        for process in northds:
            process.launch()
        self.until(lambda: bool(self.rows(SOUTHBOUND, "SB_Global")), lambda: "no SB_Global row")
        for process in self.makers.processes:
            if process not in northds:
                process.launch()

    def settings(self, name: str) -> dict[str, str]:
        return {**super().settings(name), "ovn-remote": self.makers.address("central"), "hostname": name}

    def take_over(self) -> None:
        """Debian's controllers die, and ours go on with what they left."""
        self.makers.use_own_controllers()
        for name in self.names:
            self.deployment.kill(name, "ovn-controller")
            self.deployment.start(name, "ovn-controller")
        self.controllers = "ours"
        self.sync()

    def flows(self, name: str) -> set[str]:
        """br-int's, as text."""
        state = self.deployment.hypervisor(name).switch.bridges[BRIDGE].state
        return {
            format_flow(Flow(rule.table, rule.priority, rule.match, rule.actions, rule.cookie))
            for rule in state.select(0xFF, 0, 0, FlowDescRequest())
        }

    def until(self, predicate: Callable[[], bool], what: Callable[[], object]) -> None:
        assert self.runtime.run_until(predicate, self._patience), (what(), self.problems())

    def landed(self, expected: int) -> None:
        """Nothing is in the underlay, and what a controller answers has come, too."""
        deadline = self.runtime.now() + self._patience / 4
        underlay = self.deployment.underlay

        def look() -> None:
            waiting = len(self._seen) < expected and self.runtime.now() < deadline
            if underlay.in_flight or waiting:
                self.runtime.call_later(0, look)
            else:
                self.runtime.stop()

        self.runtime.call_soon(look)
        self.runtime.run_forever()

    def problems(self) -> dict[str, list[str]]:
        """What became of Debian's daemons that ended, and the ends of the logs of all."""
        ended = {
            f"{process.name} in {process.directory}": [f"ended with {process.status()}"]
            for process in self.makers.processes
            if process.status() is not None
        }
        logs = sorted(self.directory.rglob("*.log"))
        return ended | {str(path): path.read_text(errors="replace").splitlines()[-8:] for path in logs}

    def close(self) -> None:
        for process in self.makers.processes:
            process.stop()
        with contextlib.suppress(AttributeError):
            for hypervisor in self.deployment.hypervisors.values():
                hypervisor.switch.stop()
        for remote in self.makers.remotes:
            remote.close()
        self.runtime.close()
        shutil.rmtree(self.directory)
