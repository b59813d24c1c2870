"""Frames from microflows, and what is no frame."""

from __future__ import annotations

import pytest

from pyovn.tools.microframe import frame_of_microflow
from pyovn.wire.packet import Tcp, parse_frame


def test_a_microflow_becomes_the_frame_that_it_means() -> None:
    port, data = frame_of_microflow(
        'inport == "vm1" && eth.src == 02:00:00:00:00:01 && eth.dst == 02:00:00:00:00:02 && vlan.vid == 42 '
        "&& ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && tcp.dst == 80"
    )
    frame = parse_frame(data)
    assert port == "vm1"
    assert (frame.ethernet.source, frame.ethernet.destination) == (0x020000000001, 0x020000000002)
    assert [tag.vid for tag in frame.vlans] == [42]
    assert frame.ip is not None
    assert (frame.ip.source, frame.ip.destination, frame.ip.ttl) == (0x0A000001, 0x0A000002, 64)
    assert isinstance(frame.transport, Tcp)
    assert frame.transport.destination == 80


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("eth.src ==", "error parsing flow: "),
        ("eth.src == 02:00:00:00:00:01", "names no port to send from"),
        ('inport == "a" && reg0 == 5', "xxreg0 is no part of a packet and cannot be sent"),
        ('inport == "a" && ct.est', "ct_state is no part of a packet"),
        ('inport == "a" && (ip4 || ip6)', "error parsing flow: Constraints are ambiguous"),
    ],
)
def test_what_is_no_frame_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        frame_of_microflow(text)
