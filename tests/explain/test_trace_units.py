"""Port security as ovn-nb(5) has it, and packets as text."""

from __future__ import annotations

import pytest

from pyovn.explain.constraints import MicroflowError, parse_microflow
from pyovn.explain.microflow import format_microflow
from pyovn.explain.port_security import permits_input, permits_output
from pyovn.logical.parse import parse_expr

MAC = "eth.src == 00:00:00:00:01:01 && "
TO = "eth.dst == 00:00:00:00:01:01 && "


def flow(text: str) -> dict[str, int]:
    return parse_microflow(parse_expr(text), {"p1": 1}.get)


@pytest.mark.parametrize(
    ("entry", "packet", "allowed"),
    [
        ("", "eth.src == 00:00:00:00:00:09", True),
        ("not an address", "eth.src == 00:00:00:00:00:09", True),
        ("00:00:00:00:01:01", MAC + "ip4", True),
        ("00:00:00:00:01:01", "eth.src == 00:00:00:00:01:02", False),
        ("00:00:00:00:01:01 10.0.0.4", MAC + "ip4.src == 10.0.0.4", True),
        ("00:00:00:00:01:01 10.0.0.4", MAC + "ip4.src == 10.0.0.5", False),
        ("00:00:00:00:01:01 10.0.0.4/24", MAC + "ip4.src == 10.0.0.5", False),
        ("00:00:00:00:01:01 10.0.0.0/24", MAC + "ip4.src == 10.0.0.5", True),
        ("00:00:00:00:01:01 10.0.0.4", MAC + "ip6.src == fd00::1", False),
        ("00:00:00:00:01:01 fd00::1", MAC + "ip6.src == fd00::1", True),
        ("00:00:00:00:01:01 fd00::1", MAC + "ip6.src == ::", True),
        ("00:00:00:00:01:01 fd00::1", MAC + "ip4.src == 10.0.0.4", False),
        ("00:00:00:00:01:01 fd00::1", MAC + "arp.sha == 00:00:00:00:01:01", False),
        ("00:00:00:00:01:01", MAC + "arp.sha == 00:00:00:00:01:02", False),
        ("00:00:00:00:01:01", MAC + "nd_ns && nd.sll == 00:00:00:00:01:02", False),
        ("00:00:00:00:01:01", MAC + "nd_na && nd.tll == 00:00:00:00:01:01", True),
    ],
)
def test_what_a_port_may_send(entry: str, packet: str, allowed: bool) -> None:
    assert permits_input([entry] if entry else [], flow(packet)) is allowed


@pytest.mark.parametrize(
    ("entry", "packet", "allowed"),
    [
        ("00:00:00:00:01:01", TO + "ip4.dst == 1.2.3.4", True),
        ("00:00:00:00:01:01", "eth.dst == 00:00:00:00:01:02", False),
        ("00:00:00:00:01:01 10.0.0.4/24", TO + "ip4.dst == 10.0.0.255", True),
        ("00:00:00:00:01:01 10.0.0.4", TO + "ip4.dst == 10.0.0.5", False),
        ("00:00:00:00:01:01 10.0.0.4", TO + "ip4.dst == 255.255.255.255", True),
        ("00:00:00:00:01:01 10.0.0.4", TO + "ip6.dst == fd00::1", False),
        ("00:00:00:00:01:01 fd00::1", TO + "ip6.dst == ff02::1", True),
        ("00:00:00:00:01:01 fd00::1", TO + "ip6.dst == fe80::200:ff:fe00:101", True),
    ],
)
def test_what_a_port_may_receive(entry: str, packet: str, allowed: bool) -> None:
    assert permits_output([entry], flow(packet)) is allowed


def test_a_packet_as_text() -> None:
    packet = flow('inport == "p1" && ip4.src == 10.0.0.1 && ip.dscp == 8 && ip.ecn == 1 && tcp.dst == 80')
    assert format_microflow(packet) == (
        "tcp,reg14=0x1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,"
        "nw_src=10.0.0.1,nw_dst=0.0.0.0,nw_tos=32,nw_ecn=1,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=80,tcp_flags=0"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ip4 && ip6", "Constraints are contradictory."),
        ("ip4 || ip6", "Constraints are ambiguous: eth.type == 0x800 || eth.type == 0x86dd."),
        ("eth.src != 1", "Constraints are ambiguous: eth.src != 0x1."),
        ("ip4 && arp", "Constraints are contradictory."),
        ("ip4.src == 10.0.0.1 && ip4.src != 10.0.0.0/8", "Constraints are contradictory."),
        (
            "reg7[4] && vlan.vid != 0",
            "Constraints are ambiguous: xxreg1[4] && vlan.tci[0..11] != 0 && vlan.tci[12].",
        ),
    ],
)
def test_expressions_that_name_no_packet(text: str, message: str) -> None:
    with pytest.raises(MicroflowError) as error:
        flow(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "(ip4 || ip6) && ip.ttl == 3 && eth.type == 0x800",
        "tcp.dst == 80 && ip4 && tcp.dst != {81, 82}",
        "ip4 && ip.frag == 1 && ip.first_frag",
        'is_chassis_resident("p1") && ip4',
    ],
)
def test_alternatives_that_contradict_the_rest_are_none(text: str) -> None:
    assert flow(text)["eth_type"] == 0x800
