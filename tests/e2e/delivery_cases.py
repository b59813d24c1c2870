"""The table of delivery cases; see ``delivery``.

``cases(n)`` gives them for ``n`` hypervisors: those that are about reach have a VM on each.
"""

from __future__ import annotations

from typing import Any, Final

from delivery import (
    NETWORK,
    WIRE,
    Arrival,
    Case,
    Learn,
    Move,
    Port,
    Send,
    Set,
    Step,
    advertisement,
    arp_reply,
    debians_objection,
    objection,
    solicitation,
    tagged,
    to,
    to_group,
)

from deployment_lab import BROADCAST, arp_request, datagram, ip, mac

STRANGER: Final = 77
"""The number of an address that no port has."""


def cases(hypervisors: int) -> tuple[Case, ...]:
    """All of them."""
    return (
        unicast(hypervisors),
        broadcast(hypervisors),
        multicast(),
        unknown(),
        answered(),
        mac_security(),
        ip_security(),
        ip6_security(),
        containers(),
        localnet(2, None),
        localnet(hypervisors, 7),
        localport(),
        learning(),
        disabled(),
        moved(),
    )


def _spread(hypervisors: int, **options: Any) -> tuple[Port, ...]:
    """A VM on each hypervisor, and two more on the first two."""
    return tuple(Port(number, (number - 1) % hypervisors, **options) for number in range(1, hypervisors + 3))


def _one_way(*pairs: tuple[int, int]) -> tuple[Send, ...]:
    return tuple(Send(a, datagram(a, b), to(datagram(a, b), b)) for a, b in pairs)


def unicast(n: int) -> Case:
    ports = _spread(n)
    others = [port.number for port in ports[1:]]
    pairs = [pair for other in others for pair in ((1, other), (other, 1))]
    neighbour = Port(101, 1, switch="b")
    return Case(
        "unicast",
        (*ports, neighbour),
        (
            *_one_way(*pairs),
            Send(1, datagram(1, 1), why="to itself"),
            Send(1, datagram(1, 101), why="to another switch"),
        ),
    )


def _to_all(name: str, n: int, frames: dict[int, bytes]) -> Case:
    """Each of ``frames`` is for everybody on the switch of its sender."""
    ports = _spread(n)
    numbers = [port.number for port in ports]
    steps = tuple(
        Send(source, frame, to(frame, *(x for x in numbers if x != source)))
        for source, frame in frames.items()
    )
    return Case(name, (*ports, Port(101, 0, switch="b"), Port(102, 1, switch="b")), steps)


def broadcast(n: int) -> Case:
    return _to_all("broadcast", n, {number: datagram(number, BROADCAST) for number in (1, 2, n + 2)})


def multicast() -> Case:
    groups = {1: 0x0100_5E00_00FB, 2: 0x3333_0000_0001, 4: 0x0180_C200_000E}
    return _to_all("multicast", 2, {number: to_group(number, group) for number, group in groups.items()})


def unknown() -> Case:
    """What no port has goes to the ports that take it; to nobody where there are none."""
    lost = datagram(1, STRANGER)
    return Case(
        "unknown",
        (
            Port(1, 0),
            Port(2, 1),
            Port(3, 0, addresses="unknown"),
            Port(4, 1, addresses="unknown"),
            Port(11, 0, switch="b"),
            Port(12, 1, switch="b"),
        ),
        (
            Send(1, lost, to(lost, 3, 4)),
            Send(3, datagram(3, STRANGER), to(datagram(3, STRANGER), 4)),
            *_one_way((1, 2), (2, 1)),
            Send(11, datagram(11, STRANGER), why="nobody takes unknown addresses here"),
        ),
    )


def answered() -> Case:
    """The switch answers for the addresses that it knows; other questions reach everybody.

    Port 71 asks for its own address, which is what controllers announce for VMs with a localnet, the same
    frame: so no case with a localnet has a 71.
    """
    places = ((1, 0), (2, 1), (3, 0), (71, 0))
    return Case(
        "answered",
        tuple(Port(number, at, addresses="ip6") for number, at in places),
        (
            Send(1, arp_request(1, 2), to(arp_reply(2, 1), 1)),
            Send(71, arp_request(71, 71), to(arp_request(71, 71), 1, 2, 3), why="is my address in use?"),
            Send(2, arp_request(2, 99), to(arp_request(2, 99), 1, 3, 71)),
            Send(1, solicitation(1, 2), to(advertisement(2, 1), 1)),
            Send(2, solicitation(2, 99), to(solicitation(2, 99), 1, 3, 71)),
            Send(
                1,
                solicitation(1, 2, unspecified=True),
                to(objection(2), 1),
                why="may I have this address?",
                debian=to(debians_objection(2, 1), 1),
            ),
        ),
    )


def mac_security() -> Case:
    forged = datagram(1, 2, src=mac(3))
    flooded = datagram(1, BROADCAST, src=mac(3))
    return Case(
        "macsec",
        (Port(1, 0, security="mac"), Port(2, 1, security="mac"), Port(3, 0, security="mac")),
        (
            *_one_way((1, 2), (1, 3)),
            Send(1, forged, why="a MAC of another port"),
            Send(1, datagram(1, 2, src=mac(STRANGER)), why="a MAC of nobody"),
            Send(1, flooded, why="a broadcast with the MAC of another port"),
            Send(1, arp_reply(1, 2, sha=mac(3)), why="ARP that names the MAC of another port"),
            Send(1, datagram(1, 2, spa=ip(9)), to(datagram(1, 2, spa=ip(9)), 2), why="any IP is allowed"),
        ),
    )


def ip_security() -> Case:
    stranger = datagram(3, STRANGER)
    to_it = stranger[:0] + mac(1).to_bytes(6, "big") + stranger[6:]
    return Case(
        "ipsec",
        (Port(1, 0, security="ip"), Port(2, 1, security="ip"), Port(3, 1)),
        (
            *_one_way((1, 2), (2, 1), (3, 1)),
            Send(1, datagram(1, 2, src=mac(3)), why="a forged MAC"),
            Send(1, datagram(1, 2, spa=ip(3)), why="a forged IP"),
            Send(1, datagram(1, BROADCAST, spa=ip(3)), why="a broadcast with a forged IP"),
            Send(1, arp_reply(1, 2), to(arp_reply(1, 2), 2)),
            Send(1, arp_reply(1, 2, sha=mac(3)), why="ARP with a forged MAC"),
            Send(1, arp_reply(1, 2, spa=ip(3)), why="ARP with a forged IP"),
            Send(1, arp_request(1, 99, spa=ip(3)), why="a question with a forged IP"),
            Send(1, solicitation(1, 99), why="IPv6, which the port does not have"),
            Send(3, to_it, why="to the MAC of a port, and to an IP that it does not have"),
            Send(1, datagram(1, BROADCAST), to(datagram(1, BROADCAST), 2, 3)),
        ),
    )


def ip6_security() -> Case:
    forged = solicitation(1, 99, sll=mac(3))
    return Case(
        "ip6sec",
        (Port(1, 0, security="ip6"), Port(2, 1, security="ip6"), Port(3, 1)),
        (
            Send(1, solicitation(1, 99), to(solicitation(1, 99), 2, 3)),
            # The flow of 23.03 that would drop it asks for a hop limit of 225, where RFC 4861 has 255.
            Send(1, forged, why="a question with a forged MAC in it", debian=to(forged, 2, 3)),
            Send(1, advertisement(1, 2), to(advertisement(1, 2), 2)),
            Send(1, advertisement(1, 2, tll=mac(3)), why="an answer with a forged MAC in it"),
            Send(1, advertisement(1, 2, claimed=3), why="an answer for another's address"),
        ),
    )


def containers() -> Case:
    """Two VMs with containers on two logical switches that are none of the VMs'."""
    return Case(
        "nested",
        (
            Port(1, 0),
            Port(2, 1),
            Port(11, switch="b", parent=1, columns={"tag": 5}),
            Port(12, switch="b", parent=2, columns={"tag": 6}),
            Port(13, switch="b", parent=1, columns={"tag": 7}),
            Port(21, switch="c", parent=1, columns={"tag": 8}),
            Port(22, switch="c", parent=2, columns={"tag": 5}),
        ),
        (
            *_one_way((1, 2), (2, 1)),
            Send(1, tagged(datagram(11, 12), 5), to(tagged(datagram(11, 12), 6), 2), why="across"),
            Send(2, tagged(datagram(12, 11), 6), to(tagged(datagram(12, 11), 5), 1), why="and back"),
            Send(1, tagged(datagram(11, 13), 5), to(tagged(datagram(11, 13), 7), 1), why="within a VM"),
            Send(1, tagged(datagram(21, 22), 8), to(tagged(datagram(21, 22), 5), 2), why="the other switch"),
            Send(1, tagged(datagram(11, 22), 5), why="to the other containers' switch"),
            Send(1, tagged(datagram(11, 1), 5), why="to the VM's switch"),
            Send(1, datagram(1, 11), why="from the VM's switch"),
            Send(1, tagged(datagram(11, 12), 9), why="nobody's tag"),
            Send(2, tagged(datagram(12, 11), 8), why="the tag of a container in another VM"),
            Send(
                1,
                tagged(datagram(11, BROADCAST), 5),
                (
                    Arrival(1, tagged(datagram(11, BROADCAST), 7)),
                    Arrival(2, tagged(datagram(11, BROADCAST), 6)),
                ),
                why="a broadcast reaches the containers of its switch",
            ),
            Send(1, datagram(1, BROADCAST), to(datagram(1, BROADCAST), 2), why="the VM's reaches VMs"),
        ),
    )


def localnet(n: int, tag: int | None) -> Case:
    """The wire joins all hypervisors: there are no tunnels between the ports of such a switch."""

    def on_wire(frame: bytes) -> bytes:
        return frame if tag is None else tagged(frame, tag)

    columns: dict[str, Any] = {"type": "localnet", "options": ["map", [["network_name", NETWORK]]]}
    if tag is not None:
        columns["tag"] = tag
    ports = _spread(n)
    numbers = [port.number for port in ports]
    beside = n + 1  # on the same hypervisor as 1
    to_remote, to_local = datagram(1, 2), datagram(1, beside)
    out, back = datagram(1, STRANGER), datagram(STRANGER, 1)
    flooded, from_outside = datagram(1, BROADCAST), datagram(STRANGER, BROADCAST)
    wrong_tag = tagged(back, 8)
    return Case(
        "localnet" if tag is None else "vlan",
        (*ports, Port(100, addresses="unknown", columns=columns)),
        (
            Send(1, to_remote, (Arrival(WIRE, on_wire(to_remote)), Arrival(2, to_remote))),
            Send(1, to_local, to(to_local, beside), why="on one hypervisor nothing leaves"),
            Send(1, out, to(on_wire(out), WIRE), why="to the physical network"),
            Send(WIRE, on_wire(back), to(back, 1), why="from the physical network"),
            Send(
                1,
                flooded,
                (Arrival(WIRE, on_wire(flooded)), *to(flooded, *(x for x in numbers if x != 1))),
            ),
            Send(WIRE, on_wire(from_outside), to(from_outside, *numbers)),
            Send(WIRE, wrong_tag, why="another VLAN"),
        ),
    )


def localport() -> Case:
    """It is on every hypervisor, and what it sends stays there."""
    flooded, to_it = datagram(1, BROADCAST), datagram(1, 60)
    near, far = datagram(60, 1), datagram(60, 2)
    return Case(
        "localport",
        (Port(1, 0), Port(2, 1), Port(3, 0), Port(60, everywhere=True, columns={"type": "localport"})),
        (
            Send(1, to_it, (Arrival(60, to_it, at=0),)),
            Send(2, datagram(2, 60), (Arrival(60, datagram(2, 60), at=1),)),
            Send(60, near, to(near, 1), at=0),
            Send(60, far, at=0, why="a VM of another hypervisor"),
            Send(60, far, to(far, 2), at=1),
            Send(1, flooded, (*to(flooded, 2, 3), Arrival(60, flooded, at=0))),
        ),
    )


def learning() -> Case:
    """A station behind a port that takes unknown addresses: flooded until it is known, then sent there."""
    lost = datagram(1, STRANGER)

    def speaks(behind: int) -> Send:
        frame = datagram(behind, 1, src=mac(STRANGER))
        return Send(behind, frame, to(frame, 1))

    return Case(
        "fdb",
        (Port(1, 0), Port(2, 1, addresses="unknown"), Port(3, 0, addresses="unknown")),
        (
            Send(1, lost, to(lost, 2, 3)),
            speaks(2),
            Learn(2, mac(STRANGER)),
            Send(1, lost, to(lost, 2), why="known"),
            speaks(3),
            Learn(3, mac(STRANGER)),
            Send(1, lost, to(lost, 3), why="moved"),
        ),
    )


def disabled() -> Case:
    flooded = datagram(1, BROADCAST)
    return Case(
        "disabled",
        (Port(1, 0), Port(2, 1), Port(3, 1)),
        (
            *_one_way((1, 2), (2, 1)),
            Set(2, {"enabled": False}),
            Send(1, datagram(1, 2)),
            Send(2, datagram(2, 1)),
            Send(1, flooded, to(flooded, 3)),
            Set(2, {"enabled": True}),
            *_one_way((1, 2), (2, 1)),
        ),
    )


def moved() -> Case:
    flooded = datagram(2, BROADCAST)
    steps: tuple[Step, ...] = (
        *_one_way((1, 2), (2, 1)),
        Move(1, 1),
        *_one_way((1, 2), (2, 1), (3, 1)),
        Send(2, flooded, to(flooded, 1, 3)),
        Move(1, 0),
        *_one_way((1, 2), (2, 1), (3, 1)),
    )
    return Case("moved", (Port(1, 0), Port(2, 1), Port(3, 0)), steps)
