"""What the datapath remembers, in the datapath's own notation (ovs-dpctl(8), "dump-flows").

A flow is what a packet was like in the bits that decided about it.  Headers stand in fixed order; a
field that did not matter is left out, one that mattered in part shows its mask.  ``recirc_id`` is the
table where a packet goes on after connection tracking, and 0 at its first pass.

Not here: reading the notation back (``compose``), the words of OpenFlow (``keytext``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS
from pyovn.vswitch.keytext import format_slot
from pyovn.vswitch.packetflow import ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_RARP

if TYPE_CHECKING:
    from collections.abc import Callable

_STATES: Final = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
_FRAGMENTS: Final = ("no", "first", "no", "later")
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}

# (member, slot, form); a header's only, unnamed member is "".
_METADATA: Final = (
    ("ct_zone", (("", "ct_zone", "hex"),)),
    ("ct_mark", (("", "ct_mark", "hex"),)),
    ("ct_label", (("", "ct_label", "hex"),)),
)
_TUNNEL: Final = (("tun_id", "tun_id", "hex"), ("src", "tun_src", "ipv4"), ("dst", "tun_dst", "ipv4"))
_ETH: Final = (("src", "eth_src", "mac"), ("dst", "eth_dst", "mac"))
_IP: Final = (("proto", "ip_proto", ""), ("tos", "ip_tos", "hex"), ("ttl", "ip_ttl", ""))
_IPV4: Final = (("src", "ip_src", "ipv4"), ("dst", "ip_dst", "ipv4"), *_IP)
_IPV6: Final = (
    ("src", "ipv6_src", "ipv6"), ("dst", "ipv6_dst", "ipv6"), ("label", "ipv6_label", "hex"),
    ("proto", "ip_proto", ""), ("tclass", "ip_tos", "hex"), ("hlimit", "ip_ttl", ""),
)  # fmt: skip
_ARP: Final = (
    ("sip", "arp_spa", "ipv4"), ("tip", "arp_tpa", "ipv4"), ("op", "arp_op", ""),
    ("sha", "arp_sha", "mac"), ("tha", "arp_tha", "mac"),
)  # fmt: skip
_PORTS: Final = (("src", "tp_src", ""), ("dst", "tp_dst", ""))
_ICMP: Final = (("type", "icmp_type", ""), ("code", "icmp_code", ""))
_ND: Final = (("target", "nd_target", "ipv6"), ("sll", "nd_sll", "mac"), ("tll", "nd_tll", "mac"))


def _members(fields: tuple[tuple[str, str, str], ...], key: int, mask: int) -> list[str]:
    words = []
    for name, slot_name, form in fields:
        slot = SLOTS[slot_name]
        bits = slot.read(mask)
        if not bits:
            continue
        text = format_slot(form, slot.read(key) & bits)
        if bits != slot.ones:
            text += f"/{format_slot(form or 'hex', bits)}"
        words.append(f"{name}={text}" if name else text)
    return words


def _header(name: str, fields: tuple[tuple[str, str, str], ...], key: int, mask: int) -> list[str]:
    words = _members(fields, key, mask)
    return [f"{name}({','.join(words)})"] if words else []


def _state(key: int, mask: int) -> list[str]:
    slot = SLOTS["ct_state"]
    value, bits = slot.read(key), slot.read(mask)
    words = [f"{'+' if value >> n & 1 else '-'}{name}" for n, name in enumerate(_STATES) if bits >> n & 1]
    return [f"ct_state({''.join(words)})"] if words else []


def _network(key: int, mask: int) -> list[str]:
    kind, proto = SLOTS["eth_type"].read(key), SLOTS["ip_proto"].read(key)
    if kind in {ETH_ARP, ETH_RARP}:
        return _header("arp" if kind == ETH_ARP else "rarp", _ARP, key, mask)
    if kind not in {ETH_IPV4, ETH_IPV6}:
        return []
    name, fields = ("ipv4", _IPV4) if kind == ETH_IPV4 else ("ipv6", _IPV6)
    fragment = f"frag={_FRAGMENTS[SLOTS['ip_frag'].read(key) & 3]}"
    words = [f"{name}({','.join([*_members(fields, key, mask), fragment])})"]
    transport = _PROTOCOLS.get(proto)
    if transport is None or not SLOTS["ip_proto"].read(mask):
        return words
    words += _header(transport, _ICMP if transport.startswith("icmp") else _PORTS, key, mask)
    if transport == "tcp":
        words += _header("tcp_flags", (("", "tcp_flags", "hex"),), key, mask)
    if transport == "icmpv6":
        words += _header("nd", _ND, key, mask)
    return words


def format_flow(key: int, mask: int, port: Callable[[int], str]) -> str:
    """The bits ``mask`` of ``key``; ``port`` gives the datapath's name of an OpenFlow number."""
    words = _header("tunnel", _TUNNEL, key, mask) + _state(key, mask)
    for name, fields in _METADATA:
        words += _header(name, fields, key, mask)
    table = SLOTS["first_table"].read(key)
    words.append(f"recirc_id({table:#x})" if table else "recirc_id(0)")
    words.append(f"in_port({port(SLOTS['in_port'].read(key) & 0xFFFF)})")
    words.append("packet_type(ns=0,id=0)")
    words += _header("eth", _ETH, key, mask)
    kind, inside = SLOTS["eth_type"].read(key), _network(key, mask)
    inner = [f"eth_type(0x{kind:04x})" if kind else "eth_type(0/0xffff)", *inside]
    tci = SLOTS["vlan_tci"].read(key)
    if tci & 0x1000:
        words.append(f"eth_type(0x{SLOTS['vlan_tpid'].read(key) or 0x8100:04x})")
        words.append(f"vlan(vid={tci & 0xFFF},pcp={tci >> 13})")
        words.append(f"encap({','.join(inner)})")
    else:
        words += inner
    return ",".join(words)
