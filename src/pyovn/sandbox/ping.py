"""A ping between two VMs of a deployment: address resolution, echo request and reply, what became of each.

While a ``Ping`` runs, every logical port that is plugged somewhere is a ``Guest`` and answers; before and
after, VMs are silent, so that what arrives by ``send`` is what was sent.  It ends with the echo reply, or
when nothing has moved for ``PATIENCE`` seconds.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyovn.sandbox.deployment import DeploymentError
from pyovn.sandbox.frames import describe, mac_to_text, tagged, untagged
from pyovn.sandbox.guests import Guest
from pyovn.sandbox.network import address_of, logical_port, logical_ports, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sandbox.deployment import Delivery, Deployment
    from pyovn.sandbox.guests import Ip

PATIENCE: Final = 1.0
_MOST_FRAMES: Final = 1000
"""Frames that VMs send in one ping; more is a loop."""


@dataclass(slots=True)
class Step:
    """A frame that a VM has sent, and where it came out."""

    sender: str
    frame: bytes
    arrivals: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        where = f"arrived at {', '.join(self.arrivals)}" if self.arrivals else "arrived at no VM"
        return f"{self.sender} sent {describe(self.frame)}: {where}"


@dataclass(frozen=True, slots=True, repr=False)
class PingResult:
    """Whether there was an answer; true if so.  ``steps`` tell all that happened, in order."""

    answered: bool
    source: str
    target: str
    source_ip: str
    target_ip: str
    steps: tuple[Step, ...]
    reason: str

    def __bool__(self) -> bool:
        return self.answered

    def __repr__(self) -> str:
        return str(self).partition("\n")[0]

    def __str__(self) -> str:
        verdict = "answered" if self.answered else f"no answer: {self.reason}"
        head = f"{self.source} ({self.source_ip}) -> {self.target} ({self.target_ip}): {verdict}"
        return "\n".join([head, *(f"    {step}" for step in self.steps)])


class Ping:
    """One run; ``done`` is called later with the result.  Raises ``DeploymentError`` when it cannot begin."""

    def __init__(
        self, deployment: Deployment, source: str, target: str, done: Callable[[PingResult], None]
    ) -> None:
        self._deployment = deployment
        self._done = done
        self._guests: dict[str, Guest] = {}
        self._steps: list[Step] = []
        self._moved = deployment.runtime.now()
        self._source, self._target = source, target
        self._guest = self._guest_of(source)
        place_of(deployment, source)
        self._from, self._to = self._addresses()
        self._identifier = deployment.runtime.random.randrange(1, 1 << 16)
        deployment.on_delivery.append(self._delivered)
        try:
            self._send(self._guest, self._guest.ping(self._from, self._to, self._identifier))
        except DeploymentError:
            deployment.on_delivery.remove(self._delivered)
            raise
        self._watch()

    def _addresses(self) -> tuple[Ip, Ip]:
        """The source's and the target's addresses, of one family."""
        mine = self._guest.addresses
        try:
            theirs: tuple[Ip, ...] = (ipaddress.ip_address(self._target),)
        except ValueError:
            place_of(self._deployment, self._target)
            theirs = self._guest_of(self._target).addresses
        for target in theirs:
            for source in mine:
                if source.version == target.version:
                    return source, target
        for name, has in ((self._source, mine), (self._target, theirs)):
            if not has:
                raise DeploymentError(
                    f"logical port {name} has no IP address: ovn-nbctl lsp-set-addresses {name} 'MAC IP'"
                )
        raise DeploymentError(f"{self._source} and {self._target} have no addresses of one IP version")

    def _guest_of(self, port: str) -> Guest:
        guest = self._guests.get(port)
        if guest is None:
            guest = self._guests[port] = Guest.of(port, address_of(self._deployment, port))
        return guest

    def _send(self, guest: Guest, frames: list[bytes]) -> None:
        place = place_of(self._deployment, guest.name)
        for frame in frames:
            if len(self._steps) < _MOST_FRAMES:
                self._steps.append(Step(guest.name, frame))
                self._moved = self._deployment.runtime.now()
                self._deployment.send(place.hypervisor, place.interface, tagged(frame, place.tag))

    def _delivered(self, delivery: Delivery) -> None:
        """Note where it came out; the VM there answers once all of this is over."""
        tag, frame = untagged(delivery.frame)
        name = self._receiver(delivery.logical_port, tag)
        self._moved = self._deployment.runtime.now()
        sent = next((step for step in reversed(self._steps) if step.frame == frame), None)
        if sent is not None:
            sent.arrivals.append(f"{name} on {delivery.hypervisor}")
        else:
            self._steps.append(Step("the network", frame, [f"{name} on {delivery.hypervisor}"]))
        self._deployment.runtime.call_soon(lambda: self._answer(name, frame))

    def _receiver(self, port: str, tag: int | None) -> str:
        """The container behind an interface that a tag is for, or the VM itself."""
        if tag is not None:
            for other in logical_ports(self._deployment).values():
                if (other.parent, other.tag) == (port, tag):
                    return other.name
        return port

    def _answer(self, name: str, frame: bytes) -> None:
        try:
            if logical_port(self._deployment, name).addresses:
                guest = self._guest_of(name)
                self._send(guest, guest.receive(frame))
        except DeploymentError:
            return  # the port, its interface or its switch has gone meanwhile: there is no VM to answer

    def _watch(self) -> None:
        runtime = self._deployment.runtime
        if self._identifier in self._guest.echoes or runtime.now() - self._moved >= PATIENCE:
            self._deployment.on_delivery.remove(self._delivered)
            self._done(self._result())
        else:
            runtime.call_later(0.005, self._watch)

    def _result(self) -> PingResult:
        answered = self._identifier in self._guest.echoes
        return PingResult(
            answered,
            self._source,
            self._target,
            str(self._from),
            str(self._to),
            tuple(self._steps),
            "" if answered else self._reason(),
        )

    def _reason(self) -> str:
        """What was missing; the last step that was not taken."""
        mac = self._guest.neighbours.get(self._to)
        if mac is None:
            return f"{self._source} does not learn who has {self._to}"
        lost = next((step for step in reversed(self._steps) if not step.arrivals), None)
        if lost is not None:
            return f"what {lost.sender} sent last arrived at no VM ({describe(lost.frame)})"
        return f"{self._to} at {mac_to_text(mac)} does not answer"
