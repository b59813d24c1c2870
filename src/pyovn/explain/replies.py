"""The packets that OVN makes of another one, before the nested actions change them (ovn-sb(5), Logical_Flow).

``reject`` is the one that fits: a TCP reset, an SCTP abort, else an ICMP error, and it goes back where the
packet came from.  It is not rejected in its turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.explain.report import Kind
from pyovn.logical import actions_reply
from pyovn.wire.packet.icmp import NEIGHBOR_ADVERT, NEIGHBOR_SOLICIT
from pyovn.wire.packet.link import ETH_ARP, ETH_IPV4
from pyovn.wire.packet.network import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.explain.effects import Place
    from pyovn.explain.microflow import Microflow

_SCTP: Final = 132
_TYPES: Final = ("icmp_type", "icmpv6_type")
_RST: Final = 1 << 2
_TURNED: Final = (("eth_src", "eth_dst"), ("ip_src", "ip_dst"), ("ipv6_src", "ipv6_dst"))
_LINK: Final = ("eth_src", "eth_dst", "vlan_tci")
_KEPT: Final = frozenset(
    (
        *_LINK,
        "eth_type",
        "ip_src",
        "ip_dst",
        "ipv6_src",
        "ipv6_dst",
        "ipv6_label",
        "ip_dscp",
        "nw_ecn",
        "ip_frag",
    )
)
"""Fields that a packet over IP shares with the one of which it is made."""
_HEADERS: Final = frozenset(
    (*_KEPT, "nw_proto", "nw_ttl", "icmp_type", "icmp_code", "icmpv6_type", "icmpv6_code", "tcp_src",
     "tcp_dst", "tcp_flags", "udp_src", "udp_dst", "sctp_src", "sctp_dst", "arp_op", "arp_spa", "arp_tpa",
     "arp_sha", "arp_tha", "nd_target", "nd_sll", "nd_tll")
)  # fmt: skip


def _over_ip(packet: Microflow, protocol: int, **fields: int) -> Microflow:
    """A packet between the same addresses; what is logical (registers, ports) stays."""
    kept = {name: v for name, v in packet.items() if name in _KEPT or name not in _HEADERS}
    return kept | {"nw_proto": protocol, "nw_ttl": 255} | fields


def _arp(packet: Microflow) -> Microflow:
    """A request for the address that an IPv4 packet goes to."""
    made = {name: v for name, v in packet.items() if name in _LINK or name not in _HEADERS}
    addresses = {"arp_spa": packet.get("ip_src", 0), "arp_tpa": packet.get("ip_dst", 0)}
    return made | {"eth_type": ETH_ARP, "arp_op": 1, "arp_sha": packet.get("eth_src", 0)} | addresses


def _icmp(packet: Microflow) -> Microflow:
    """Host unreachable, or for IPv6 administratively prohibited."""
    if packet.get("eth_type") != ETH_IPV4:
        return _over_ip(packet, PROTO_ICMPV6, icmpv6_type=1, icmpv6_code=1)
    return _over_ip(packet, PROTO_ICMP, icmp_type=3, icmp_code=1)


def _tcp_reset(packet: Microflow) -> Microflow:
    ports = {name: packet.get(name, 0) for name in ("tcp_src", "tcp_dst")}
    return _over_ip(packet, PROTO_TCP, tcp_flags=_RST, **ports)


def _sctp_abort(packet: Microflow) -> Microflow:
    ports = {name: packet.get(name, 0) for name in ("sctp_src", "sctp_dst")}
    return _over_ip(packet, _SCTP, **ports)


def _solicitation(packet: Microflow) -> Microflow:
    """To the solicited-node multicast address of the IPv6 address that the packet goes to (RFC 4861, 4.3)."""
    target = packet.get("ipv6_dst", 0)
    made = _over_ip(packet, PROTO_ICMPV6, icmpv6_type=NEIGHBOR_SOLICIT, icmpv6_code=0, nd_target=target)
    return made | {"eth_dst": 0x3333FF000000 | target & 0xFFFFFF, "nd_sll": packet.get("eth_src", 0)}


def _advertisement(packet: Microflow) -> Microflow:
    """The answer to a solicitation."""
    return packet | {
        "eth_src": packet.get("eth_dst", 0),
        "eth_dst": packet.get("eth_src", 0),
        "ipv6_src": packet.get("nd_target", 0),
        "ipv6_dst": packet.get("ipv6_src", 0),
        "icmpv6_type": NEIGHBOR_ADVERT,
        "nd_sll": 0,
        "nd_tll": packet.get("eth_dst", 0),
    }


_MAKERS: Final[dict[str, tuple[str, Callable[[Microflow], Microflow]]]] = {
    "arp": ("arp", _arp),
    "nd_ns": ("nd_ns", _solicitation),
    "nd_na": ("nd_na", _advertisement),
    "nd_na_router": ("nd_na_router", _advertisement),
    "icmp4": ("icmp4", _icmp),
    "icmp4_error": ("icmp4", _icmp),
    "icmp6": ("icmp6", _icmp),
    "icmp6_error": ("icmp6", _icmp),
    "tcp_reset": ("tcp_reset", _tcp_reset),
    "sctp_abort": ("sctp_abort", _sctp_abort),
}
"""By action: what the trace calls the packet, and what makes it."""


def reply(place: Place, action: actions_reply.Reply) -> None:
    """Make the packet and execute the nested actions on it."""
    packet, name = place.packet, action.name
    if name == "reject":
        if _is_refusal(packet):
            return
        packet = dict(packet)
        for left, right in _TURNED:
            packet[left], packet[right] = packet.get(right, 0), packet.get(left, 0)
        name = _rejection(packet)
    shown, make = _MAKERS[name]
    below = place.fork(Kind.TRANSFORMATION, shown)
    below.packet.clear()
    below.packet.update(make(packet))
    place.walk.execute(action.actions, below)


def _is_refusal(packet: Microflow) -> bool:
    """Whether it is already what would be made of it: two ends that reject would go on for ever."""
    protocol, kind = packet.get("nw_proto", 0), packet.get("eth_type")
    if protocol == PROTO_TCP:
        return packet.get("tcp_flags", 0) == _RST
    made = _icmp({"eth_type": kind or 0})
    return protocol == made["nw_proto"] and all(packet.get(name, 0) == made.get(name, 0) for name in _TYPES)


def _rejection(packet: Microflow) -> str:
    ordinary = "icmp4" if packet.get("eth_type") == ETH_IPV4 else "icmp6"
    return {PROTO_TCP: "tcp_reset", _SCTP: "sctp_abort"}.get(packet.get("nw_proto", 0), ordinary)


EFFECTS: Final[dict[type, Callable[[Place, Any], None]]] = {actions_reply.Reply: reply}
