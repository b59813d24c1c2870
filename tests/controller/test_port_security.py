"""Port security against packets, through a whole switch; the rules of ovn-nb(5), port_security."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployment_lab import Lab, mac, mac_text
from pyovn.controller.port_security import Rule, parse_rule
from pyovn.wire.packet import Arp, Ethernet, Icmpv6, IPv4, IPv6, NeighborAdvert, NeighborSolicit, Udp

if TYPE_CHECKING:
    from collections.abc import Callable

ME, PEER = 1, 2
LINK_LOCAL = 0xFE80 << 112 | 0x0000_00FF_FE00_0001


def v4(text: str) -> int:
    return int(ip_address(text))


v6 = v4


@lru_cache
def lab() -> Lab:
    """One switch, VM 1 under test and VM 2 without rules; made once, as only rules change."""
    lab = Lab("hv1")
    lab.build("sw0", {ME: "hv1", PEER: "hv1"})
    return lab


def set_rules(rules: str | None) -> Lab:
    network = lab()
    value = ["set", []] if rules is None else rules.replace("MAC", mac_text(ME))
    network.update("nb", "Logical_Switch_Port", {"port_security": value}, name=f"vm{ME}")
    network.sync()
    return network


def passes(rules: str | None, frame: bytes, sender: int = ME) -> bool:
    receiver = PEER if sender == ME else ME
    return set_rules(rules).frames("hv1", sender, frame) == [("hv1", f"vm{receiver}")]


def ip4(
    src: str,
    dst: str = "10.0.0.2",
    *,
    eth_src: int = mac(ME),
    eth_dst: int = mac(PEER),
    ports: tuple[int, int] = (1, 2),
) -> bytes:
    outer = IPv4(v4(src), v4(dst), 17)
    return Ethernet(eth_dst, eth_src, 0x0800).build(outer.build(Udp(*ports).build(b"x" * 26, outer)))


def ip6(src: str, dst: str = "fd00::2", *, eth_src: int = mac(ME), eth_dst: int = mac(PEER)) -> bytes:
    outer = IPv6(v6(src), v6(dst), 17)
    return Ethernet(eth_dst, eth_src, 0x86DD).build(outer.build(Udp(1, 2).build(b"x" * 26, outer)))


def arp(spa: str, sha: int = mac(ME), eth_src: int = mac(ME)) -> bytes:
    return Ethernet(mac(PEER), eth_src, 0x0806).build(Arp(2, sha, v4(spa), mac(PEER), v4("10.0.0.2")).build())


def nd(src: str, message: NeighborSolicit | NeighborAdvert, hops: int = 255) -> bytes:
    outer = IPv6(v6(src), v6("fd00::2"), 58, ttl=hops)
    return Ethernet(mac(PEER), mac(ME), 0x86DD).build(outer.build(message.build(outer)))


def ask(src: str, target: str, sll: int | None = None) -> bytes:
    return nd(src, NeighborSolicit(v6(target), sll))


def tell(src: str, target: str, tll: int) -> bytes:
    return nd(src, NeighborAdvert(v6(target), tll))


def report(src: str, kind: int = 143) -> bytes:
    outer = IPv6(v6(src), v6("ff02::16"), 58, ttl=1)
    body = Icmpv6(kind, 0, 0).build(b"\0" * 16, outer)
    return Ethernet(mac(PEER), mac(ME), 0x86DD).build(outer.build(body))


class Case(NamedTuple):
    name: str
    rules: str | None
    frame: Callable[[], bytes]
    passes: bool


L2, V4, NET4, V6, BOTH = "MAC", "MAC 10.0.0.1", "MAC 10.0.0.0/24", "MAC fd00::1", "MAC 10.0.0.1 fd00::1"
SELF6 = "fe80::ff:fe00:1"
OTHER = mac(9)

SENDING = (
    Case("no rules, any mac", None, lambda: ip4("10.9.9.9", eth_src=OTHER), True),
    Case("l2, own mac, any address", L2, lambda: ip4("10.9.9.9"), True),
    Case("l2, own mac, any v6", L2, lambda: ip6("fd00::99"), True),
    Case("l2, own mac, no ip", L2, lambda: Ethernet(mac(PEER), mac(ME), 0x88B5).build(b"x" * 46), True),
    Case("l2, other mac", L2, lambda: ip4("10.0.0.1", eth_src=OTHER), False),
    Case("l2, arp", L2, lambda: arp("10.9.9.9"), True),
    Case("l2, arp for another mac", L2, lambda: arp("10.0.0.1", sha=OTHER), False),
    Case("l2, solicitation", L2, lambda: ask("fd00::9", "fd00::2", mac(ME)), True),
    Case("l2, forged solicitation", L2, lambda: ask("fd00::9", "fd00::2", OTHER), False),
    Case("l2, forged advertisement", L2, lambda: tell("fd00::9", "fd00::9", OTHER), False),
    Case("v4, own", V4, lambda: ip4("10.0.0.1"), True),
    Case("v4, other address", V4, lambda: ip4("10.0.0.3"), False),
    Case("v4, other mac", V4, lambda: ip4("10.0.0.1", eth_src=OTHER), False),
    Case("v4, but v6", V4, lambda: ip6("fd00::1"), False),
    Case("v4, dhcp", V4, lambda: ip4("0.0.0.0", "255.255.255.255", ports=(68, 67)), True),
    Case("v4, not dhcp", V4, lambda: ip4("0.0.0.0", "255.255.255.255", ports=(68, 69)), False),
    Case("v4, arp", V4, lambda: arp("10.0.0.1"), True),
    Case("v4, arp for another address", V4, lambda: arp("10.0.0.3"), False),
    Case("v4, arp for another mac", V4, lambda: arp("10.0.0.1", sha=OTHER), False),
    Case("v4, arp from another mac", V4, lambda: arp("10.0.0.1", sha=OTHER, eth_src=OTHER), False),
    Case("subnet, inside", NET4, lambda: ip4("10.0.0.77"), True),
    Case("subnet, outside", NET4, lambda: ip4("10.0.1.1"), False),
    Case("subnet, arp inside", NET4, lambda: arp("10.0.0.77"), True),
    Case("address in a subnet, is alone", "MAC 10.0.0.1/24", lambda: ip4("10.0.0.77"), False),
    Case("address in a subnet, own", "MAC 10.0.0.1/24", lambda: ip4("10.0.0.1"), True),
    Case("v6, own", V6, lambda: ip6("fd00::1"), True),
    Case("v6, other", V6, lambda: ip6("fd00::3"), False),
    Case("v6, link-local of the mac", V6, lambda: ip6(SELF6), True),
    Case("v6, another link-local", V6, lambda: ip6("fe80::1"), False),
    Case("v6, but v4", V6, lambda: ip4("10.0.0.1"), False),
    Case("v6, report from nowhere", V6, lambda: report("::"), True),
    Case("v6, echo from nowhere", V6, lambda: report("::", kind=128), False),
    Case("v6, solicitation", V6, lambda: ask("fd00::1", "fd00::2", mac(ME)), True),
    Case("v6, forged solicitation", V6, lambda: ask("fd00::1", "fd00::2", OTHER), False),
    Case("v6, duplicate address detection", V6, lambda: ask("fd00::1", "fd00::1"), True),
    Case("v6, advertisement", V6, lambda: tell("fd00::1", "fd00::1", mac(ME)), True),
    Case("v6, advertisement of link-local", V6, lambda: tell(SELF6, SELF6, mac(ME)), True),
    Case("v6, advertises another", V6, lambda: tell("fd00::1", "fd00::3", mac(ME)), False),
    Case("v6, advertises for another", V6, lambda: tell("fd00::1", "fd00::1", OTHER), False),
    Case("both, v4", BOTH, lambda: ip4("10.0.0.1"), True),
    Case("both, v6", BOTH, lambda: ip6("fd00::1"), True),
    Case("both, other v4", BOTH, lambda: ip4("10.0.0.3"), False),
    Case("both, other v6", BOTH, lambda: ip6("fd00::3"), False),
    Case("two macs", f"MAC 10.0.0.1,{mac_text(9)} 10.0.0.9", lambda: ip4("10.0.0.1"), True),
)  # fmt: skip


@pytest.mark.parametrize("case", SENDING, ids=lambda case: case.name)
def test_sending(case: Case) -> None:
    assert passes(case.rules, case.frame()) is case.passes


def to_me(src: str, dst: str, eth_dst: int = mac(ME)) -> bytes:
    frame = ip6 if ":" in dst else ip4
    return frame(src, dst, eth_src=mac(PEER), eth_dst=eth_dst)


RECEIVING = (
    Case("v4, own", V4, lambda: to_me("10.0.0.2", "10.0.0.1"), True),
    Case("v4, other", V4, lambda: to_me("10.0.0.2", "10.0.0.3"), False),
    Case("v4, broadcast address", V4, lambda: to_me("10.0.0.2", "255.255.255.255"), True),
    Case("v4, multicast address", V4, lambda: to_me("10.0.0.2", "224.0.0.5"), True),
    Case("v4, broadcast of the subnet", "MAC 10.0.0.1/24", lambda: to_me("10.0.0.2", "10.0.0.255"), True),
    Case("v4, but v6", V4, lambda: to_me("fd00::2", "fd00::1"), False),
    Case("v6, own", V6, lambda: to_me("fd00::2", "fd00::1"), True),
    Case("v6, link-local", V6, lambda: to_me("fd00::2", SELF6), True),
    Case("v6, multicast", V6, lambda: to_me("fd00::2", "ff02::5"), True),
    Case("v6, other", V6, lambda: to_me("fd00::2", "fd00::3"), False),
    Case("l2, any address", L2, lambda: to_me("10.0.0.2", "10.9.9.9"), True),
    Case("v4, broadcast frame", V4, lambda: to_me("10.0.0.2", "10.0.0.255", 0xFFFF_FFFF_FFFF), True),
)  # fmt: skip


@pytest.mark.parametrize("case", RECEIVING, ids=lambda case: case.name)
def test_receiving(case: Case) -> None:
    assert passes(case.rules, case.frame(), sender=PEER) is case.passes


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", None),
        ("not a mac", None),
        ("00:00:00:00:00", None),
        ("00:00:00:00:00:1g", None),
        ("00:00:00:00:00:01", Rule(1, (), ())),
        ("00:00:00:00:00:01 10.0.0.1 nonsense", Rule(1, (IPv4Interface("10.0.0.1"),), ())),
        ("00:00:00:00:00:01 fd00::1/64", Rule(1, (), (IPv6Interface("fd00::1/64"),))),
    ],
)
def test_rules_as_text(text: str, rule: Rule | None) -> None:
    assert parse_rule(text) == rule


@settings(max_examples=50)
@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_none(text: str) -> None:
    rule = parse_rule(text)
    assert rule is None or 0 <= rule.mac < 1 << 48
