"""Simulated VMs: what they answer, and what leaves them silent."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyovn.northd.addresses import addresses_of
from pyovn.sandbox.frames import describe, frame_of, headers, tagged, untagged
from pyovn.sandbox.guests import Guest


def guest(number: int) -> Guest:
    addresses = addresses_of(f"02:00:00:00:00:0{number} 10.0.0.{number} fd00::{number}")
    assert addresses is not None
    return Guest.of(f"vm{number}", addresses)


def talk(*guests: Guest, first: list[bytes]) -> list[str]:
    """Give every frame to everybody else until nobody says any more; what was said."""
    said: list[str] = []
    queue = [(guests[0], frame) for frame in first]
    while queue:
        sender, frame = queue.pop(0)
        said.append(f"{sender.name}: {describe(frame)}")
        assert len(said) < 100
        for other in guests:
            if other is not sender:
                queue += [(other, reply) for reply in other.receive(frame)]
    return said


@pytest.mark.parametrize("version", [4, 6])
def test_two_guests_ping(version: int) -> None:
    one, two, three = guest(1), guest(2), guest(3)
    source, target = (next(a for a in each.addresses if a.version == version) for each in (one, two))
    said = talk(one, two, three, first=one.ping(source, target, 77))
    assert said == [
        f"vm1: who has {target}?",
        f"vm2: {target} is here",
        f"vm1: echo request {source} -> {target}",
        f"vm2: echo reply {target} -> {source}",
    ]
    assert one.echoes == [77]
    assert (two.asked, three.asked) == (1, 0)
    assert [line.split(":")[1] for line in talk(one, two, first=one.ping(source, target, 78))] == [
        f" echo request {source} -> {target}".split(":")[0],
        f" echo reply {target} -> {source}".split(":")[0],
    ], "the second time everybody knows everybody"
    assert one.echoes == [77, 78]


def test_a_guest_answers_for_itself_alone() -> None:
    one, two = guest(1), guest(2)
    nobody = ipaddress.IPv4Address("10.0.0.9")
    assert talk(one, two, first=one.ping(one.addresses[0], nobody, 1)) == ["vm1: who has 10.0.0.9?"]
    one.neighbours[two.addresses[0]] = 0x0600_0000_0009
    (stray,) = one.ping(one.addresses[0], two.addresses[0], 1)
    assert two.receive(stray) == [], "a frame for another MAC"


@given(st.binary(max_size=120), st.sampled_from([b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00"]))
def test_no_frame_upsets_a_guest(rest: bytes, kind: bytes) -> None:
    for data in (rest, b"\xff" * 6 + b"\x02\0\0\0\0\1" + kind + rest):
        guest(1).receive(data)
        describe(data)


@given(st.binary(min_size=14, max_size=100), st.integers(0, 4095))
def test_a_tag_comes_off_as_it_went_on(frame: bytes, vid: int) -> None:
    assert untagged(tagged(frame, vid)) == (vid, frame)
    assert tagged(frame, None) == frame
    assert headers(tagged(frame, vid)).size == len(frame) + 4
    assert frame_of(frame.hex(" ")) == frame


@pytest.mark.parametrize("text", ["", "00", "zz" * 20, "0" * 29])
def test_what_is_no_frame(text: str) -> None:
    with pytest.raises(ValueError, match="is no frame"):
        frame_of(text)
