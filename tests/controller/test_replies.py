"""Packets that the controller answers."""

from __future__ import annotations

import pytest

from pyovn.controller.replies import reply
from pyovn.logical.actions_controller import Code, userdata
from pyovn.ovn import registers as reg
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.actions import PORT_CONTROLLER, Resubmit, SetField
from pyovn.wire.openflow.codec_actions import encode_actions
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.match import Match
from pyovn.wire.packet import Ethernet, Icmpv6, IPv6, NeighborAdvert, NeighborSolicit, Vlan, parse_frame

ASKER, TARGET = 0xFD00 << 112 | 1, 0xFD00 << 112 | 2
MAC = 0x0200_0000_0001
NESTED = (Resubmit(37),)
METADATA = Match.of({reg.LOG_DATAPATH: 5, reg.LOG_INPORT: 3, "in_port": 9})


def solicitation(source: int = ASKER, *, tag: int | None = None) -> bytes:
    outer = IPv6(source, TARGET, 58, ttl=255)
    data = outer.build(NeighborSolicit(TARGET, MAC).build(outer))
    if tag is None:
        return Ethernet(0x3333_FF00_0002, MAC, 0x86DD).build(data)
    return Ethernet(0x3333_FF00_0002, MAC, 0x8100).build(Vlan(tag, 0x86DD).build(data))


def packet_in(data: bytes, code: Code = Code.ND_NA, extra: bytes | None = None) -> ofp.PacketIn:
    nested = encode_actions(NESTED) if extra is None else extra
    return ofp.PacketIn(data, METADATA, userdata(code, nested))


@pytest.mark.parametrize(("code", "flags"), [(Code.ND_NA, 3), (Code.ND_NA_ROUTER, 7)])
def test_a_solicitation_becomes_an_advertisement(code: Code, flags: int) -> None:
    answer = reply(packet_in(solicitation(), code))
    assert answer is not None
    assert answer.in_port == PORT_CONTROLLER
    assert answer.actions == (
        SetField(FIELDS[reg.LOG_DATAPATH], 5), SetField(FIELDS[reg.LOG_INPORT], 3), *NESTED,
    )  # fmt: skip
    frame = parse_frame(answer.data)
    assert isinstance(frame.ip, IPv6)
    assert isinstance(frame.transport, Icmpv6)
    assert (frame.ip.source, frame.ip.destination, frame.ip.ttl) == (TARGET, ASKER, 255)
    assert frame.ethernet.destination == MAC
    told = NeighborAdvert.parse(frame.transport, frame.payload)
    assert told == NeighborAdvert(TARGET, frame.ethernet.source, flags)


def test_one_without_an_address_is_answered_among_all_nodes() -> None:
    answer = reply(packet_in(solicitation(0)))
    assert answer is not None
    frame = parse_frame(answer.data)
    assert isinstance(frame.ip, IPv6)
    assert isinstance(frame.transport, Icmpv6)
    assert frame.ethernet.destination == 0x3333_0000_0001
    assert frame.ip.destination == 0xFF02 << 112 | 1
    assert NeighborAdvert.parse(frame.transport, frame.payload).flags == 1


def test_the_answer_has_the_tag_of_the_question() -> None:
    answer = reply(packet_in(solicitation(tag=7)))
    assert answer is not None
    assert [vlan.tci for vlan in parse_frame(answer.data).vlans] == [7]


@pytest.mark.parametrize(
    "message",
    [
        ofp.EchoRequest(),
        packet_in(solicitation(), Code.PUT_FDB),
        packet_in(solicitation()[:60]),
        packet_in(Ethernet(1, 2, 0x88B5).build(b"x" * 46)),
        packet_in(solicitation(), extra=b"\xff" * 11),
        ofp.PacketIn(solicitation(), METADATA, b"\x00"),
    ],
    ids=["no packet", "another action", "cut short", "no solicitation", "no actions", "no code"],
)
def test_what_cannot_be_answered_is_not(message: object) -> None:
    assert reply(message) is None
