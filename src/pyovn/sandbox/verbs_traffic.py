"""Verbs that send: one frame, or a ping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon.unixctl import Deferred
from pyovn.sandbox.answers import finish_when
from pyovn.sandbox.deployment import DeploymentError
from pyovn.sandbox.frames import DIGITS, HEXADECIMAL, datagram, frame_of, headers, tagged, untagged
from pyovn.sandbox.network import address_of, logical_ports, place_of
from pyovn.sandbox.ping import Ping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.sandbox.deployment import Delivery, Deployment
    from pyovn.sandbox.host import Host
    from pyovn.sandbox.ping import PingResult

LONGEST_FLIGHT: Final = 5.0
"""Seconds after which a frame that still travels is reported as such."""


def build(deployment: Deployment, args: Sequence[str]) -> tuple[str, bytes]:
    """The port and the frame that the arguments of ``send`` mean, the frame with all its tags."""
    words = [arg for arg in args if not arg.startswith("--")]
    vid = None
    for option in (arg for arg in args if arg.startswith("--")):
        name, _, value = option.partition("=")
        if name != "--vlan" or not value.isdecimal():
            raise DeploymentError(f"{option} is no option of send; there is --vlan=VID")
        vid = int(value)
    port = words[0]
    if len(words) == 1:
        raise DeploymentError(f"what is to be sent from {port}?  A destination, a frame, or a microflow")
    if len(words) == 2 and HEXADECIMAL.fullmatch(words[1]):
        return port, tagged(frame_of(words[1]), vid)
    if len(words) == 2 and DIGITS.fullmatch(words[1]) and words[1] not in logical_ports(deployment):
        raise DeploymentError(f"{words[1]} is no logical port, and no frame: that is 14 bytes or more")
    if len(words) > 3:
        raise DeploymentError(f"{words[3]} is one word too many")
    source = _mac(deployment, words[2] if len(words) > 2 else port)
    return port, tagged(datagram(source, _mac(deployment, words[1])), vid)


def _mac(deployment: Deployment, text: str) -> str:
    """An Ethernet address, ``broadcast``, or a logical port's address."""
    if text.count(":") == 5 or text == "broadcast":
        return text
    if not text:
        raise DeploymentError("an Ethernet address, a logical port or broadcast is not empty")
    return address_of(deployment, text).mac


def send(host: Host, args: Sequence[str]) -> Deferred:
    """``send``: answers when nothing of it is under way any more."""
    deployment = host.deployment
    port, frame = build(deployment, args)
    place = place_of(deployment, port)
    before = len(deployment.deliveries)
    lost = deployment.underlay.lost
    deployment.send(place.hypervisor, place.interface, tagged(frame, place.tag))
    answer = Deferred()

    def landed(error: str | None) -> None:
        deliveries = deployment.deliveries[before:]
        del deployment.deliveries[before:]
        lines = [describe_delivery(deployment, delivery) for delivery in deliveries]
        if deployment.underlay.lost > lost:
            lines.append(f"{deployment.underlay.lost - lost} lost between hypervisors\n")
        if error is not None:
            lines.append(error)
        answer.resolve("".join(lines) or "delivered nowhere\n")

    finish_when(
        host.runtime,
        lambda: not deployment.underlay.in_flight,
        LONGEST_FLIGHT,
        f"still under way after {LONGEST_FLIGHT:g} s\n",
        landed,
    )
    return answer


def describe_delivery(deployment: Deployment, delivery: Delivery) -> str:
    """One line."""
    seen = headers(delivery.frame)
    tag, _ = untagged(delivery.frame)
    where = f"{delivery.logical_port} on {delivery.hypervisor} ({delivery.interface})"
    if tag is not None:
        behind = (delivery.logical_port, tag)
        ports = logical_ports(deployment).values()
        inner = next((port.name for port in ports if (port.parent, port.tag) == behind), None)
        where += f" with VLAN {tag}" + (f", that is {inner}" if inner is not None else "")
    return f"delivered to {where}: {seen.source} -> {seen.destination}, {seen.size} bytes\n"


def ping(host: Host, args: Sequence[str]) -> Deferred:
    """``ping``."""
    answer = Deferred()

    def done(result: PingResult) -> None:
        (answer.resolve if result else answer.fail)(f"{result}\n")

    Ping(host.deployment, args[0], args[1], done)
    return answer
