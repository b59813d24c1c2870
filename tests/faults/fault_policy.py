"""What policy allows while everything is changing: the oracle for frames sent in the middle of faults.

While a change is under way, each hypervisor may act on what was or on what is, for each single fact.  So a
delivery is *forbidden* only if no mixture of the facts that held since the last moment at which all was
settled allows it: the sets below grow with every change and shrink when the deployment has settled.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from deployment_lab import ip, mac

BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Port:
    """One logical port as the cloud system has it now."""

    switch: str
    security: str = ""
    """"", "mac" or "ip": which addresses the VM may send from, and be sent to."""
    enabled: bool = True
    unknown: bool = False
    """Whether frames to addresses that nobody has are for it, too."""

    def admits(self, number: int, source: int, source_ip: int) -> bool:
        """Whether VM ``number`` may send from these addresses."""
        return (not self.security or source == mac(number)) and (
            self.security != "ip" or source_ip == ip(number)
        )


@dataclass(frozen=True, slots=True)
class Probe:
    """A frame and who sent it."""

    sender: int
    hypervisor: str
    target: int | str
    """A VM's number, or BROADCAST."""
    source: int
    source_ip: int
    asked: int
    """Whose address an ARP request asks for; 0 for other frames."""
    frame: bytes


@dataclass(slots=True)
class Policy:
    """All ports now, and all that each has been since everything was settled."""

    ports: dict[int, Port] = field(default_factory=dict)
    been: dict[int, set[Port]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    """Ports that were not there at some time since then."""

    def put(self, number: int, port: Port | None) -> None:
        """A port comes, changes or goes."""
        if port is None or number not in self.ports:
            self.gone.add(number)
        if port is None:
            self.ports.pop(number, None)
        else:
            self.ports[number] = port
            self.been.setdefault(number, set()).add(port)

    def settled(self) -> None:
        """Everything is now as ``ports`` says, everywhere."""
        self.been = {number: {port} for number, port in self.ports.items()}
        self.gone = set()

    def forbids(self, probe: Probe, receiver: int) -> str | None:
        """Why this VM may not get this frame, or None."""
        senders, receivers = self.been.get(probe.sender, set()), self.been.get(receiver, set())
        if receiver == probe.sender:
            return "a VM got its own frame"
        if not receivers or not senders:
            return "one of the ports does not exist"
        if not {port.switch for port in senders} & {port.switch for port in receivers}:
            return "they are on different switches"
        if not any(port.enabled for port in senders) or not any(port.enabled for port in receivers):
            return "one of the ports is disabled"
        if not any(port.admits(probe.sender, probe.source, probe.source_ip) for port in senders):
            return "its sender's port security forbids its source"
        if probe.target in (BROADCAST, receiver):
            return None
        if not any(port.unknown and port.security == "" for port in receivers):
            return "it is for somebody else"
        return self._known(probe, receiver)

    def forbids_answer(self, probe: Probe, receiver: int) -> str | None:
        """Why this VM may not get an answer that OVN gives to an ARP request, or None."""
        if receiver != probe.sender:
            return "it is the answer to somebody else's question"
        asked = self.been.get(probe.asked, set())
        if not {port.switch for port in asked} & {port.switch for port in self.been.get(receiver, set())}:
            return "nobody on its switch has the address that it asked for"
        return None

    def _known(self, probe: Probe, receiver: int) -> str | None:
        """A frame to an address that was somebody's all the time is for nobody else."""
        assert isinstance(probe.target, int)
        target = self.been.get(probe.target, set())
        switches = {port.switch for n in (probe.sender, receiver) for port in self.been[n]}
        on_one = len(switches) == 1 and {port.switch for port in target} == switches
        if on_one and probe.target not in self.gone and all(port.enabled for port in target):
            return "it is for somebody else, whose address has been known all the time"
        return None
