"""The process that hosts a sandbox: a deployment in a directory, and control commands for it.

Started by ``main`` as ``python -m pyovn.sandbox.host DIRECTORY HYPERVISORS [--no-2015]`` with a pipe as
standard input; it writes one line when everything is ready and lives until the pipe is closed, however its
parent ends.

Control commands (``ovs-appctl -t sandbox ...``, or ``pyovn sandbox ...``)::

    list                                     hypervisors, their interfaces and logical ports
    add-hypervisor NAME
    remove-hypervisor NAME
    plug HYPERVISOR INTERFACE LOGICAL-PORT   start a VM; prints what is unusual about the port
    unplug HYPERVISOR INTERFACE              stop it
    send LOGICAL-PORT DST [SRC]              a frame from a port; prints where it arrived
    cut HYPERVISOR HYPERVISOR                the link between two hypervisors
    mend HYPERVISOR HYPERVISOR
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

from pyovn.daemon import collector
from pyovn.daemon.main import DaemonSpec
from pyovn.daemon.process import CRASHED
from pyovn.daemon.unixctl import CommandError, Deferred
from pyovn.sandbox import wrappers
from pyovn.sandbox.deployment import Delivery, Deployment, DeploymentError
from pyovn.sandbox.frames import datagram, headers
from pyovn.sandbox.hosting import HostedMakers
from pyovn.sandbox.links import CENTRAL
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.sim.real import RealRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.sim.runtime import Runtime

READY: Final = "ready"
NO_2015: Final = "--no-2015"
LONGEST_FLIGHT: Final = 5.0
"""Seconds after which a frame that still travels is reported as such."""


class Host:
    """A hosted deployment and its control commands."""

    def __init__(self, runtime: Runtime, directory: str, hypervisors: int, *, names2015: bool = True) -> None:
        self.runtime = runtime
        self.makers = HostedMakers(runtime, directory)
        self.deployment = Deployment(runtime, self.makers, names2015=names2015)
        self.daemon = daemon = self.makers.daemon(runtime, CENTRAL, SPEC)
        commands: tuple[tuple[str, str, int, int, Callable[[Sequence[str]], str | Deferred]], ...] = (
            ("list", "", 0, 0, self._list),
            ("add-hypervisor", "NAME", 1, 1, self._add),
            ("remove-hypervisor", "NAME", 1, 1, self._remove),
            ("plug", "HYPERVISOR INTERFACE LOGICAL-PORT", 3, 3, self._plug),
            ("unplug", "HYPERVISOR INTERFACE", 2, 2, self._unplug),
            ("send", "LOGICAL-PORT DST [SRC]", 2, 3, self._send),
            ("cut", "HYPERVISOR HYPERVISOR", 2, 2, self._cut),
            ("mend", "HYPERVISOR HYPERVISOR", 2, 2, self._mend),
        )
        for name, usage, low, high, handler in commands:
            daemon.control.register(name, usage, low, high, _guarded(handler))
        for number in range(1, hypervisors + 1):
            self.deployment.add_hypervisor(f"hv{number}")

    def is_ready(self) -> bool:
        """Every hypervisor is a chassis and its controller has a switch."""
        return all(
            h.controller.connection_status == "connected" and h.controller.model.our_chassis() is not None
            for h in self.deployment.hypervisors.values()
        )

    # -- commands ------------------------------------------------------------------------------

    def _list(self, _args: Sequence[str]) -> str:
        lines = []
        for hypervisor in self.deployment.hypervisors.values():
            lines.append(f"{hypervisor.name} ({hypervisor.ip})")
            lines += [f"    {i}: {port}" for i, port in sorted(hypervisor.interfaces().items())]
        return "".join(line + "\n" for line in lines)

    def _add(self, args: Sequence[str]) -> Deferred:
        hidden = wrappers.hides(args[0])
        if hidden is not None:
            raise DeploymentError(f"{args[0]} cannot name a hypervisor: its command would hide {hidden}")
        answer = Deferred()
        self.deployment.add_hypervisor(args[0], _tell(answer))
        return answer

    def _remove(self, args: Sequence[str]) -> Deferred:
        answer = Deferred()
        self.deployment.remove_hypervisor(args[0], answer.resolve)
        return answer

    def _plug(self, args: Sequence[str]) -> Deferred:
        """Answer when the rows are written; what the user may not expect of the port is said with it."""
        hypervisor, interface, port = args
        remarks = []
        if port not in self._logical_ports():
            remarks.append(f"no logical port {port} yet\n")
        holder = self.deployment.bound_on(port)
        if holder is not None and holder != hypervisor:
            remarks.append(f"{port} is bound on {holder}: {hypervisor} takes it over\n")
        answer = Deferred()
        self.deployment.plug(hypervisor, interface, port, _tell(answer, "".join(remarks)))
        return answer

    def _unplug(self, args: Sequence[str]) -> Deferred:
        hypervisor, interface = args
        answer = Deferred()
        self.deployment.unplug(hypervisor, interface, _tell(answer))
        return answer

    def _send(self, args: Sequence[str]) -> Deferred:
        """Send one frame and answer when nothing of it is under way any more."""
        port, destination = args[0], args[1]
        source = args[2] if len(args) > 2 else self._address(port)
        hypervisor, interface = self.deployment.find(port)
        before = len(self.deployment.deliveries)
        self.deployment.send(hypervisor, interface, datagram(source, self._target(destination)))
        answer = Deferred()
        deadline = self.runtime.now() + LONGEST_FLIGHT

        def landed() -> None:
            if self.deployment.underlay.in_flight and self.runtime.now() < deadline:
                self.runtime.call_soon(landed)
                return
            deliveries = self.deployment.deliveries[before:]
            answer.resolve("".join(map(_line, deliveries)) or "delivered nowhere\n")

        landed()
        return answer

    def _target(self, destination: str) -> str:
        """An Ethernet address, ``broadcast``, or a logical port's address."""
        if ":" in destination or destination == "broadcast":
            return destination
        return self._address(destination)

    def _address(self, port: str) -> str:
        """The first Ethernet address of a logical port, from the northbound."""
        addresses = self._logical_ports().get(port)
        if addresses is None:
            raise DeploymentError(f"there is no logical port {port}")
        for address in sorted(addresses):
            if ":" in address:
                return address.split()[0]
        raise DeploymentError(f"logical port {port} has no Ethernet address")

    def _logical_ports(self) -> dict[str, list[str]]:
        """The addresses of all logical switch ports, by name."""
        table = self.deployment.central.databases[NORTHBOUND.name].database.tables["Logical_Switch_Port"]
        name, addresses = (table.by_name[column].position for column in ("name", "addresses"))
        return {
            str(row.values[name]): [str(address) for address in self._members(row.values[addresses])]
            for row in table.rows.values()
        }

    @staticmethod
    def _members(value: object) -> frozenset[object]:
        return value if isinstance(value, frozenset) else frozenset()

    def _cut(self, args: Sequence[str]) -> str:
        self.deployment.underlay.cut(*self._ends(args))
        return ""

    def _mend(self, args: Sequence[str]) -> str:
        self.deployment.underlay.mend(*self._ends(args))
        return ""

    def _ends(self, args: Sequence[str]) -> tuple[str, str]:
        return self.deployment.hypervisor(args[0]).ip, self.deployment.hypervisor(args[1]).ip


def _guarded(handler: Callable[[Sequence[str]], str | Deferred]) -> Callable[[Sequence[str]], str | Deferred]:
    """What cannot be done is the command's error, not the host's."""

    def run(args: Sequence[str]) -> str | Deferred:
        try:
            return handler(args)
        except (DeploymentError, ValueError) as error:
            raise CommandError(str(error)) from error

    return run


def _tell(answer: Deferred, text: str = "") -> Callable[[str | None], None]:
    """Turn the outcome of a change into the answer to the command that asked for it."""

    def done(error: str | None) -> None:
        if error is None:
            answer.resolve(text)
        else:
            answer.fail(error)

    return done


def _line(delivery: Delivery) -> str:
    seen = headers(delivery.frame)
    return (
        f"delivered to {delivery.logical_port} on {delivery.hypervisor} ({delivery.interface}): "
        f"{seen.source} -> {seen.destination}, {seen.size} bytes\n"
    )


def _start(_daemon: Daemon) -> None:
    """A sandbox is started by ``main`` below, never by ``daemon.run``."""


SPEC: Final = DaemonSpec(name="sandbox", family="ovn", summary="pyovn sandbox", start=_start)


def main(argv: Sequence[str]) -> int:
    """Host a sandbox until standard input is closed."""
    directory, hypervisors = argv[0], int(argv[1])
    collector.relax()
    runtime = RealRuntime()
    host = Host(runtime, directory, hypervisors, names2015=NO_2015 not in argv)
    if not runtime.run_until(host.is_ready, 30):
        print("the sandbox did not become ready within 30 s", flush=True)
        return 1
    print(READY, flush=True)
    runtime.loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(0, 4096) else runtime.stop())
    status = 0
    try:
        runtime.run_forever()
    except Exception:  # noqa: BLE001 - the sandbox ends here; those who ask why find the reason in its log
        host.daemon.log.module("main").emer("%s", traceback.format_exc().rstrip())
        print(f"the sandbox has ended by a defect; its log is {directory}/sandbox.log", file=sys.stderr)
        status = CRASHED
    host.makers.close()
    runtime.close()
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
