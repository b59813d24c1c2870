"""The object ``ovn`` of the pytest plugin: a network to build, use, break and look into.

All of it is the sandbox's deployment on a virtual clock: time passes only when a method lets it, so a test
waits for nothing and every run of it is the same.  What takes effect elsewhere is waited for: ``plug`` ends
and ``ping`` and ``send`` begin with ``sync``, or with a second where a daemon is dead or cut off.

A VM that nobody has plugged is plugged by the first ``ping`` or ``send`` that names it, on the hypervisors in
turn, so that neighbours in a test are on different ones.

What cannot be done raises an error that says why.  A ``ping`` that is not answered is false, and its report
(each step, and what ``pyovn explain`` says) is shown with the test that failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.explain import deployed
from pyovn.explain.evidence import EvidenceError
from pyovn.explain.network import TABLES, Network
from pyovn.explain.render import Painter, verdicts
from pyovn.explain.trace import trace
from pyovn.sandbox.claims import notices
from pyovn.sandbox.deployment import Deployment, DeploymentError
from pyovn.sandbox.frames import datagram, describe, frame_of, tagged, untagged
from pyovn.sandbox.links import CENTRAL
from pyovn.sandbox.network import address_of, logical_port, logical_ports, place_of
from pyovn.sandbox.ping import Ping, PingResult
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.sim.virtual import VirtualRuntime
from pyovn.testing.lines import Lines
from pyovn.tools.microframe import frame_of_microflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.explain.model import Explanation
    from pyovn.sandbox.deployment import Hypervisor

JOIN_TIMEOUT: Final = 30.0
SETTLE: Final = 0.1
"""Virtual seconds that a frame has, packets that go through a controller included."""


class Arrival(NamedTuple):
    """A frame that arrived: at which logical port (a container's, too), and where that is."""

    port: str
    hypervisor: str
    interface: str
    frame: bytes

    def __str__(self) -> str:
        return f"{self.port} on {self.hypervisor}: {describe(self.frame)}"


class Ovn:
    """See the module."""

    def __init__(
        self, hypervisors: int = 2, *, seed: int = 0, report: Callable[[str, str], None] = lambda _t, _x: None
    ) -> None:
        self.runtime = VirtualRuntime(seed)
        self.deployment = Deployment(self.runtime)
        self.deliveries: list[Arrival] = []
        """Everything that has arrived by ``send``."""
        self._report = report
        self._lines = Lines(self.runtime, self.deployment)
        self._turn = 0
        self.nbctl = self._lines.nbctl
        self.sbctl = self._lines.sbctl
        self.vsctl = self._lines.vsctl
        for number in range(1, hypervisors + 1):
            self.deployment.add_hypervisor(f"hv{number}")
        assert self.runtime.run_until(self._joined, JOIN_TIMEOUT), "the hypervisors have not joined"

    def _joined(self) -> bool:
        return all(
            h.controller.connection_status == "connected" and h.controller.model.our_chassis() is not None
            for h in self.deployment.hypervisors.values()
        )

    def close(self) -> None:
        """End everything."""
        self._lines.close()
        self.deployment.close()

    # -- time ----------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self.runtime.now()

    def at(self, seconds: float) -> None:
        """Let time pass until ``seconds`` after the beginning; it does not go back."""
        if seconds < self.now:
            raise ValueError(f"it is {self.now:g} s already, and time does not go back to {seconds:g} s")
        self.runtime.advance(seconds - self.now)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self.runtime.advance(seconds)

    def sync(self) -> None:
        """Wait until all hypervisors have installed what the northbound asks for (``--wait=hv sync``)."""
        self.nbctl("--wait=hv sync")

    def _sync_if_possible(self) -> None:
        broken = bool(self.deployment.links.cut_lines()) or not all(
            slot.is_running for slot in self.deployment.daemons()
        )
        if broken:
            self.runtime.advance(1)
        else:
            self.sync()

    # -- hypervisors and VMs -------------------------------------------------------------------

    def hv(self, name: str) -> Hypervisor:
        """A hypervisor: its database server, switch and controller as objects."""
        return self.deployment.hypervisor(name)

    def add_hypervisor(self, name: str) -> Hypervisor:
        """A hypervisor more."""
        made = self.deployment.add_hypervisor(name)
        assert self.runtime.run_until(self._joined, JOIN_TIMEOUT), f"{name} has not joined"
        return made

    def remove_hypervisor(self, name: str) -> None:
        """Shut one down in good order."""
        self._done(lambda told: self.deployment.remove_hypervisor(name, lambda: told(None)))

    def plug(self, hypervisor: str, port: str, interface: str | None = None) -> None:
        """Start a VM: an interface on br-int, of the port's name unless another is given."""
        self._done(lambda told: self.deployment.plug(hypervisor, interface or port, port, told))
        self._sync_if_possible()

    def unplug(self, port: str) -> None:
        """Stop a VM."""
        place = self.deployment.find(port)
        self._done(lambda told: self.deployment.unplug(*place, told))
        self._sync_if_possible()

    def move(self, port: str, hypervisor: str) -> None:
        """A live migration: plugged there and claimed there, then unplugged here."""
        source, interface = self.deployment.find(port)
        if source == hypervisor:
            raise DeploymentError(f"{port} is on {hypervisor} already")
        self._done(lambda told: self.deployment.plug(hypervisor, interface, port, told))
        claimed = lambda: self.deployment.bindings().get(port) == (hypervisor, True)  # noqa: E731
        if not self.runtime.run_until(claimed, 10):
            raise DeploymentError(f"{hypervisor} does not claim {port}")
        self._done(lambda told: self.deployment.unplug(source, interface, told))
        self._sync_if_possible()

    def bound_on(self, port: str) -> str | None:
        """The chassis that has claimed a port."""
        return self.deployment.bound_on(port)

    def up(self, port: str) -> bool:
        """Whether a port is bound and its flows are installed."""
        return self.deployment.bindings().get(port, (None, False))[1]

    def _done(self, act: Callable[[Callable[[str | None], None]], None]) -> None:
        """Do something that answers later; raises ``DeploymentError`` when the answer is an error."""
        answers: list[str | None] = []
        act(answers.append)
        if not self.runtime.run_until(lambda: bool(answers), 30):
            raise DeploymentError("no answer within 30 s of virtual time")
        if answers[0] is not None:
            raise DeploymentError(answers[0])

    def _plugged(self, *ports: str) -> None:
        """Plug those VMs that are nowhere, each on the next hypervisor, and wait for what was asked for."""
        names = list(self.deployment.hypervisors)
        known = logical_ports(self.deployment)
        for port in ports:
            carrier = logical_port(self.deployment, port).parent or port
            if not self.deployment.places(carrier) and (carrier in known):
                target = names[self._turn % len(names)]
                self._turn += 1
                self._done(lambda told, p=carrier, t=target: self.deployment.plug(t, p, p, told))  # type: ignore[misc]  # bound now
        self._sync_if_possible()

    # -- packets -------------------------------------------------------------------------------

    def ping(self, source: str, target: str) -> PingResult:
        """Address resolution and an echo from a port to another, or to an IP address; true when answered."""
        self._plugged(*(name for name in (source, target) if name == source or not _is_address(name)))
        got: list[PingResult] = []
        Ping(self.deployment, source, target, got.append)
        self.runtime.run_until(lambda: bool(got), 30)
        result = got[0]
        if not result:
            self._report("ovn", f"{result}\n\n{self._why(source, target)}")
        return result

    def _why(self, source: str, target: str) -> str:
        """What ``pyovn explain`` says of the way there, and what does not fit together."""
        try:
            text = verdicts(self.explain(source, target), Painter(colour=False))
        except EvidenceError as error:
            text = str(error)
        return "\n".join([text, *notices(self.deployment), *self.deployment.northd.notices()])

    def send(
        self, port: str, what: str | bytes = "", *, source: str | None = None, vlan: int | None = None
    ) -> list[Arrival]:
        """Send one frame, and tell where it arrived.

        ``send("vm1", "vm2")`` goes to a port's MAC, to a MAC, or to "broadcast", from the port's own MAC or
        ``source``; ``send("vm1", frame)`` sends bytes, ``send(microflow)`` what an expression of ovn-trace
        means.  VMs do not answer.
        """
        if isinstance(what, bytes):
            frame = frame_of(what.hex())
        elif not what:
            try:
                port, frame = frame_of_microflow(port)
            except ValueError as error:
                raise DeploymentError(str(error)) from None
        else:
            if what != "broadcast" and what.count(":") != 5:
                self._plugged(what)
            frame = datagram(self._mac(source or port), self._mac(what))
        self._plugged(port)
        place = place_of(self.deployment, port)
        before = len(self.deployment.deliveries)
        self.deployment.send(place.hypervisor, place.interface, tagged(tagged(frame, vlan), place.tag))
        self.runtime.advance(SETTLE)
        arrived = [self._arrival(*delivery) for delivery in _fields(self.deployment.deliveries[before:])]
        self.deliveries += arrived
        return arrived

    def _mac(self, text: str) -> str:
        return text if text == "broadcast" or text.count(":") == 5 else address_of(self.deployment, text).mac

    def _arrival(self, hypervisor: str, interface: str, port: str, frame: bytes) -> Arrival:
        """With a container's port where the tag is one's."""
        tag, bare = untagged(frame)
        for other in logical_ports(self.deployment).values() if tag is not None else ():
            if (other.parent, other.tag) == (port, tag):
                return Arrival(other.name, hypervisor, interface, bare)
        return Arrival(port, hypervisor, interface, frame)

    def trace(self, microflow: str, datapath: str | None = None, form: str = "detailed") -> str:
        """What ovn-trace prints; ``form`` is detailed, summary or minimal."""
        replica = deployed.copy(self.deployment.central, SOUTHBOUND, TABLES)
        return trace(Network(replica), datapath, microflow, [form])

    def explain(self, *words: str, **wish: Any) -> Explanation:
        """What ``pyovn explain`` finds: a port and a target, or a microflow."""
        return deployed.explain(self.deployment, *words, **wish)

    # -- faults --------------------------------------------------------------------------------

    def kill(self, *daemon: str) -> None:
        """Have a daemon die as by SIGKILL: ``kill("ovn-northd")``, ``kill("hv1", "ovs-vswitchd")``."""
        self.deployment.kill(*_daemon(daemon))

    def start(self, *daemon: str) -> None:
        """Start a daemon that died."""
        self.deployment.start(*_daemon(daemon))
        self.runtime.advance(1)

    def cut(self, one: str, other: str) -> None:
        """Cut the tunnel between two hypervisors, or a daemon's connection to a database."""
        self.deployment.links.cut(one, other)

    def mend(self, one: str, other: str) -> None:
        """Undo ``cut``."""
        self.deployment.links.mend(one, other)
        self.runtime.advance(1)


def _daemon(words: tuple[str, ...]) -> tuple[str, str]:
    if not 1 <= len(words) <= 2:
        raise DeploymentError("a daemon is named by its name, after its hypervisor if it has one")
    return (words[0], words[1]) if len(words) == 2 else (CENTRAL, words[0])


def _fields(deliveries: list[Any]) -> list[tuple[str, str, str, bytes]]:
    return [(d.hypervisor, d.interface, d.logical_port, d.frame) for d in deliveries]


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdecimal()
