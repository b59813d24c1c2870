"""Packets from text: what tests and ``ovs-appctl`` feed a switch with.

``parse_datapath_flow`` reads the datapath's own notation, e.g.
``in_port(1),eth(src=...,dst=...),eth_type(0x0800),ipv4(src=...,dst=...,proto=17),udp(src=1,dst=2)``
(ovs-dpctl(8)), into a flow key; ``compose`` makes the shortest frame that has a given key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS
from pyovn.vswitch.packetflow import ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_RARP
from pyovn.wire.openflow.text_values import parse_ipv4, parse_ipv6, parse_mac
from pyovn.wire.packet import (
    Arp,
    Ethernet,
    Frame,
    Icmp,
    Icmpv6,
    IPv4,
    IPv6,
    NeighborAdvert,
    NeighborSolicit,
    Tcp,
    Udp,
    Vlan,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_WORD: Final = re.compile(r"(\w+)\(((?:[^()]|\([^()]*\))*)\)")


def _number(text: str) -> int:
    return int(text, 0)


def _fragment(text: str) -> int:
    return {"no": 0, "first": 1, "later": 3}[text]


# header -> member -> (slot, reader); the member "" is the header's only, unnamed value.
_HEADERS: Final[dict[str, dict[str, tuple[str, Callable[[str], int]]]]] = {
    "in_port": {"": ("in_port", _number)},
    "eth": {"src": ("eth_src", parse_mac), "dst": ("eth_dst", parse_mac)},
    "eth_type": {"": ("eth_type", _number)},
    "vlan": {"vid": ("vlan_vid", lambda text: _number(text) | 0x1000), "pcp": ("vlan_pcp", _number)},
    "ipv4": {
        "src": ("ip_src", parse_ipv4), "dst": ("ip_dst", parse_ipv4), "proto": ("ip_proto", _number),
        "tos": ("ip_tos", _number), "ttl": ("ip_ttl", _number), "frag": ("ip_frag", _fragment),
    },
    "ipv6": {
        "src": ("ipv6_src", parse_ipv6), "dst": ("ipv6_dst", parse_ipv6), "proto": ("ip_proto", _number),
        "label": ("ipv6_label", _number), "tclass": ("ip_tos", _number), "hlimit": ("ip_ttl", _number),
        "frag": ("ip_frag", _fragment),
    },
    "arp": {
        "sip": ("arp_spa", parse_ipv4), "tip": ("arp_tpa", parse_ipv4), "op": ("arp_op", _number),
        "sha": ("arp_sha", parse_mac), "tha": ("arp_tha", parse_mac),
    },
    "nd": {"target": ("nd_target", parse_ipv6), "sll": ("nd_sll", parse_mac), "tll": ("nd_tll", parse_mac)},
    "icmp": {"type": ("icmp_type", _number), "code": ("icmp_code", _number)},
    "tcp_flags": {"": ("tcp_flags", _number)},
}  # fmt: skip
_HEADERS["icmpv6"] = _HEADERS["icmp"]
for _protocol in ("tcp", "udp", "sctp"):
    _HEADERS[_protocol] = {"src": ("tp_src", _number), "dst": ("tp_dst", _number)}

_IGNORED: Final = frozenset(("packet_type", "recirc_id", "dp_hash", "skb_priority", "skb_mark", "ct_state"))


def parse_datapath_flow(text: str) -> int:
    """A flow key; raises ``ValueError``."""
    key = 0
    end = 0
    for found in _WORD.finditer(text):
        if text[end : found.start()].strip(", "):
            break
        end = found.end()
        header, inside = found.groups()
        if header in _IGNORED:
            continue
        if header == "encap":
            outer = SLOTS["eth_type"].read(key)
            key = key & ~SLOTS["eth_type"].mask | outer << SLOTS["vlan_tpid"].offset
            key |= parse_datapath_flow(inside)
            continue
        members = _HEADERS.get(header)
        if members is None:
            raise ValueError(f"unknown header {header}")
        for member in inside.split(","):
            name, equals, value = member.partition("=")
            slot_name, read = members[name if equals else ""]
            key &= ~SLOTS[slot_name].mask
            key |= read((value if equals else name).partition("/")[0]) << SLOTS[slot_name].offset
    if text[end:].strip(", "):
        raise ValueError(f"syntax error at {text[end:]!r}")
    if SLOTS["vlan_tci"].read(key) and SLOTS["eth_type"].read(key) == 0x8100:
        raise ValueError("a vlan needs encap(eth_type(...))")
    return key


def compose(key: int, payload: bytes = b"") -> bytes:
    """The shortest frame with the headers of ``key``; its own ``extract`` gives that key again."""

    def get(name: str) -> int:
        return SLOTS[name].read(key)

    kind = get("eth_type")
    tci, vlans = get("vlan_tci"), []
    outer = kind
    if tci & 0x1000:
        vlans.append(Vlan(tci & 0xEFFF, kind))
        outer = get("vlan_tpid") or 0x8100
    ethernet = Ethernet(get("eth_dst"), get("eth_src"), outer)
    if kind in {ETH_ARP, ETH_RARP}:
        arp = Arp(get("arp_op"), get("arp_sha"), get("arp_spa"), get("arp_tha"), get("arp_tpa"))
        return Frame(ethernet, tuple(vlans), arp=arp, payload=payload).build()
    if kind not in {ETH_IPV4, ETH_IPV6}:
        return Frame(ethernet, tuple(vlans), payload=payload).build()
    ip: IPv4 | IPv6
    if kind == ETH_IPV4:
        frag = get("ip_frag")
        ip = IPv4(
            get("ip_src"), get("ip_dst"), get("ip_proto"), get("ip_ttl"), get("ip_tos"),
            flags=1 if frag & 1 else 0, fragment_offset=100 if frag & 2 else 0,
        )  # fmt: skip
    else:
        ip = IPv6(
            get("ipv6_src"), get("ipv6_dst"), get("ip_proto"), get("ip_ttl"), get("ip_tos"), get("ipv6_label")
        )
    transport, payload = _transport(key, ip, payload)
    return Frame(ethernet, tuple(vlans), ip=ip, transport=transport, payload=payload).build()


def _transport(key: int, ip: IPv4 | IPv6, payload: bytes) -> tuple[Tcp | Udp | Icmp | Icmpv6 | None, bytes]:
    def get(name: str) -> int:
        return SLOTS[name].read(key)

    if get("ip_frag") & 2:
        return None, payload
    if ip.protocol == 6:
        return Tcp(get("tp_src"), get("tp_dst"), flags=get("tcp_flags")), payload
    if ip.protocol == 17:
        return Udp(get("tp_src"), get("tp_dst")), payload
    if ip.protocol == 1 and isinstance(ip, IPv4):
        return Icmp(get("icmp_type"), get("icmp_code")), payload
    if ip.protocol != 58 or not isinstance(ip, IPv6):
        return None, payload
    kind, target = get("icmp_type"), get("nd_target")
    if kind == 135 and get("icmp_code") == 0:
        return None, NeighborSolicit(target, get("nd_sll") or None).build(ip)
    if kind == 136 and get("icmp_code") == 0:
        return None, NeighborAdvert(target, get("nd_tll") or None).build(ip)
    return Icmpv6(kind, get("icmp_code")), payload
