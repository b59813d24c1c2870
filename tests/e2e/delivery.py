"""A case of delivery: a small network, what is sent in it, and who must get which frame.

A case is data.  It is written once (``delivery_cases``) and run in every world (``delivery_worlds``): in
virtual time and with Debian's daemons.  What is expected of a frame is all of it: ``Send`` lists every
arrival in the whole deployment, so a frame that also goes where it must not is a failure.

All cases live in one deployment at the same time, each on its own logical switches and with its own port
names, but with the same MAC and IP addresses: what leaks from one case to another is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from deployment_lab import ip, ip_text, mac, mac_text
from pyovn.wire.packet import Arp, Ethernet, IPv6, NeighborAdvert, NeighborSolicit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WIRE: Final = 0
"""The number of the physical network, as a sender and as a place of arrival."""
WIRE_INTERFACE: Final = "wire"
NETWORK: Final = "phys"
ALL_NODES: Final = 0xFF02 << 112 | 1


# -- frames --------------------------------------------------------------------------------------


def ip6(number: int) -> int:
    """The IPv6 address of VM ``number``."""
    return 0xFD00 << 112 | number


def ip6_text(number: int) -> str:
    return f"fd00::{number:x}"


def tagged(frame: bytes, tag: int) -> bytes:
    return frame[:12] + bytes([0x81, 0x00]) + tag.to_bytes(2, "big") + frame[12:]


def to_group(source: int, group: int) -> bytes:
    """A frame to an Ethernet multicast address, of no protocol that anybody knows."""
    return Ethernet(group, mac(source), 0x88B5).build(b"x" * 46)


def arp_reply(source: int, target: int, *, sha: int | None = None, spa: int | None = None) -> bytes:
    """``source`` tells ``target`` where its address is; ``sha`` and ``spa`` forge what it says of itself."""
    answer = Arp(
        2, mac(source) if sha is None else sha, ip(source) if spa is None else spa, mac(target), ip(target)
    )
    return Ethernet(mac(target), mac(source), 0x0806).build(answer.build())


def solicitation(source: int, target: int, *, sll: int | None = None, unspecified: bool = False) -> bytes:
    """Ask all who has ``target``'s IPv6 address; ``sll`` forges the sender's.

    ``unspecified``: the sender has no address yet and wants to know whether it may have this one.
    """
    wanted = ip6(target)
    group = 0xFF02_0000_0000_0000_0000_0001_FF00_0000 | wanted & 0xFFFFFF
    outer = IPv6(0 if unspecified else ip6(source), group, 58, ttl=255)
    own = None if unspecified else mac(source)
    question = NeighborSolicit(wanted, own if sll is None else sll).build(outer)
    return Ethernet(0x3333_0000_0000 | group & 0xFFFFFFFF, mac(source), 0x86DD).build(outer.build(question))


def advertisement(
    source: int, target: int, *, claimed: int | None = None, flags: int = 3, tll: int | None = None
) -> bytes:
    """``source`` tells ``target`` that its IPv6 address, or ``claimed``, is at its MAC, or at ``tll``."""
    outer = IPv6(ip6(source if claimed is None else claimed), ip6(target), 58, ttl=255)
    answer = NeighborAdvert(outer.source, mac(source) if tll is None else tll, flags).build(outer)
    return Ethernet(mac(target), mac(source), 0x86DD).build(outer.build(answer))


def objection(owner: int) -> bytes:
    """What one without an address hears when it asks for ``owner``'s (RFC 4861 section 7.2.4)."""
    return _objection(owner, 0x3333_0000_0001, ALL_NODES, 1)


def debians_objection(owner: int, asker: int) -> bytes:
    """The same of 23.03: to the MAC of ``asker``, but to the address ``::``, which nobody has."""
    return _objection(owner, mac(asker), 0, 3)


def _objection(owner: int, to_mac: int, to_ip: int, flags: int) -> bytes:
    outer = IPv6(ip6(owner), to_ip, 58, ttl=255)
    answer = NeighborAdvert(outer.source, mac(owner), flags).build(outer)
    return Ethernet(to_mac, mac(owner), 0x86DD).build(outer.build(answer))


# -- cases ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Port:
    """A logical port; VM ``number`` has ``mac(number)``, ``ip(number)`` and ``ip6(number)``."""

    number: int
    at: int | None = None
    """The hypervisor of its interface, counted from 0; None: it has none of its own."""
    switch: str = "a"
    addresses: str = "ip"
    """``mac``, ``ip``, ``ip6`` (all three), or what the column shall say."""
    security: str = ""
    """"" for none, or as ``addresses``."""
    everywhere: bool = False
    """Each hypervisor has an interface of it."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    parent: int | None = None
    """The number of the VM that this container is in."""

    @property
    def is_bound(self) -> bool:
        """Whether some hypervisor claims it, so that it comes up."""
        return not self.everywhere and self.columns.get("type", "") == ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame that leaves by the interface of VM ``number``, or on the wire."""

    number: int
    frame: bytes
    at: int | None = None
    """The hypervisor, for a port that is everywhere."""


@dataclass(frozen=True, slots=True)
class Send:
    """VM ``source`` (or the wire) sends ``frame``: ``arrivals`` is all that happens."""

    source: int
    frame: bytes
    arrivals: tuple[Arrival, ...] = ()
    at: int | None = None
    """The hypervisor, of a port that is everywhere."""
    why: str = ""
    debian: tuple[Arrival, ...] | None = None
    """All that happens with Debian's controllers, where that is known to be another thing."""


@dataclass(frozen=True, slots=True)
class Set:
    """Northbound columns of a port are changed."""

    number: int
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """A VM is stopped on one hypervisor and then started on another."""

    number: int
    to: int


@dataclass(frozen=True, slots=True)
class Learn:
    """Wait until the southbound knows that ``address`` is behind port ``number``."""

    number: int
    address: int


Step = Send | Set | Move | Learn


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    ports: tuple[Port, ...]
    steps: tuple[Step, ...]

    def port_name(self, number: int) -> str:
        return f"{self.name}-{number}"

    def switch_name(self, switch: str) -> str:
        return f"{self.name}-{switch}"

    def interface(self, number: int) -> str:
        return WIRE_INTERFACE if number == WIRE else f"v{self.name}{number}"

    def row(self, port: Port) -> dict[str, Any]:
        """The port's northbound row."""
        row: dict[str, Any] = {
            "name": self.port_name(port.number),
            "addresses": _addresses(port.number, port.addresses),
            **port.columns,
        }
        if port.security:
            row["port_security"] = _addresses(port.number, port.security)
        if port.parent is not None:
            row["parent_name"] = self.port_name(port.parent)
        return row


def _addresses(number: int, kind: str) -> str:
    known = {
        "mac": mac_text(number),
        "ip": f"{mac_text(number)} {ip_text(number)}",
        "ip6": f"{mac_text(number)} {ip_text(number)} {ip6_text(number)}",
    }
    return known.get(kind, kind)


def to(frame: bytes, *numbers: int) -> tuple[Arrival, ...]:
    """The same frame at each of ``numbers``."""
    return tuple(Arrival(number, frame) for number in numbers)


# -- running -------------------------------------------------------------------------------------

Seen = tuple[str, str, bytes]
"""Hypervisor, interface, frame; the hypervisor of the wire is ""."""


class World(Protocol):
    """What a case needs of a deployment."""

    names: list[str]
    """The hypervisors."""
    controllers: str
    """Whose they are: ``ours`` or ``debian``."""

    def transact(self, *operations: dict[str, Any]) -> None:
        """Write to the northbound."""

    def plug(self, hypervisor: str, interface: str, logical_port: str) -> None: ...

    def unplug(self, hypervisor: str, interface: str) -> None: ...

    def ready(self, ports: Iterable[str]) -> None:
        """Wait until ``ports`` are up and every hypervisor has caught up."""

    def learnt(self, logical_port: str, address: str) -> None:
        """Wait until the southbound has an FDB row, and every hypervisor has it."""

    def send(self, hypervisor: str, interface: str, frame: bytes, expected: int) -> list[Seen]:
        """All that arrives anywhere; ``expected`` is for how many a world in real time waits."""


def build(world: World, cases: Iterable[Case]) -> None:
    """Make the networks of all ``cases``, and wait until they work."""
    up: list[str] = []
    for case in cases:
        for switch in dict.fromkeys(port.switch for port in case.ports):
            world.transact(
                {"op": "insert", "table": "Logical_Switch", "row": {"name": case.switch_name(switch)}},
                *(op for port in case.ports if port.switch == switch for op in _insert(case, port)),
            )
        for port in case.ports:
            if port.everywhere:
                for name in world.names:
                    world.plug(name, case.interface(port.number), case.port_name(port.number))
            elif port.at is not None:
                place = _place(world, port.at)
                world.plug(place, case.interface(port.number), case.port_name(port.number))
        up += [case.port_name(port.number) for port in case.ports if port.is_bound]
    world.ready(up)


def _insert(case: Case, port: Port) -> Iterable[dict[str, Any]]:
    name = f"p{port.number}"
    yield {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": name, "row": case.row(port)}
    yield {
        "op": "mutate", "table": "Logical_Switch", "where": [["name", "==", case.switch_name(port.switch)]],
        "mutations": [["ports", "insert", ["named-uuid", name]]],
    }  # fmt: skip


def _place(world: World, at: int) -> str:
    return world.names[at % len(world.names)]


def run(world: World, case: Case) -> list[str]:
    """Carry out the steps of a case that was built; what was not as it must be."""
    at = {port.number: port.at for port in case.ports}
    wrong: list[str] = []
    for number, step in enumerate(case.steps):
        match step:
            case Send():
                found = _send(world, case, step, at)
                if found is not None:
                    wrong.append(f"step {number}{f' ({step.why})' if step.why else ''}: {found}")
            case Set():
                name = case.port_name(step.number)
                world.transact(
                    {
                        "op": "update", "table": "Logical_Switch_Port", "where": [["name", "==", name]],
                        "row": dict(step.columns),
                    }
                )  # fmt: skip
                world.ready(())
            case Move():
                interface, name = case.interface(step.number), case.port_name(step.number)
                here = at[step.number]
                assert here is not None
                world.unplug(_place(world, here), interface)
                world.ready(())
                at[step.number] = step.to
                world.plug(_place(world, step.to), interface, name)
                world.ready((name,))
            case Learn():
                world.learnt(case.port_name(step.number), mac_of(step.address))
    return wrong


def mac_of(address: int) -> str:
    return address.to_bytes(6, "big").hex(":")


def _send(world: World, case: Case, step: Send, at: Mapping[int, int | None]) -> str | None:
    def place(number: int, there: int | None) -> str:
        if number == WIRE:
            return ""
        index = at[number] if there is None else there
        assert index is not None, f"{case.name}: port {number} is nowhere"
        return _place(world, index)

    arrivals = step.arrivals
    if world.controllers == "debian" and step.debian is not None:
        arrivals = step.debian
    expected = sorted((place(a.number, a.at), case.interface(a.number), a.frame) for a in arrivals)
    source = place(step.source, step.at)
    seen = sorted(world.send(source, case.interface(step.source), step.frame, len(expected)))
    if seen == expected:
        return None
    missing, extra = list(expected), []
    for arrival in seen:
        if arrival in missing:
            missing.remove(arrival)
        else:
            extra.append(arrival)
    lines = [f"{step.source} sent {step.frame[:18].hex()}..."]
    lines += [f"missing at {where} {interface}: {frame[:18].hex()}" for where, interface, frame in missing]
    lines += [f"also at {where} {interface}: {frame[:18].hex()}" for where, interface, frame in extra]
    return "; ".join(lines)
