"""The matches of OpenFlow 1.0: the fixed 40 bytes, and NXM as Open vSwitch's extensions carry it.

A 1.0 match (OpenFlow 1.0.2, section 5.2.3) cannot say everything: encoding leaves out what it cannot say.
A flow's cookie is a field of an NXM match (ovs-fields(7), "cookie") and none of ours: it is cut out and put
in.
"""

from __future__ import annotations

import struct
from typing import Final

from pyovn.wire.openflow.codec_match import decode_terms
from pyovn.wire.openflow.errors import BAD_MATCH, BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.match import Match, Term

MATCH: Final = struct.Struct("!IH6s6sHBxHBB2xIIHH")
ALL_COOKIE: Final = 0xFFFFFFFFFFFFFFFF

_W_IN_PORT, _W_VLAN, _W_SRC, _W_DST, _W_TYPE, _W_PROTO, _W_TP_SRC, _W_TP_DST = (1 << n for n in range(8))
_W_NW_SRC, _W_NW_DST = 8, 14
_W_PCP, _W_TOS = 1 << 20, 1 << 21
_W_ALL: Final = 0x3FFFFF
_COOKIE, _COOKIE_MASKED = 0x00013C08, 0x00013D10

_F: Final = FIELDS
_ARP_TYPES: Final = (0x0806, 0x8035)
_TRANSPORT: Final = {
    6: ("tcp_src", "tcp_dst"),
    17: ("udp_src", "udp_dst"),
    1: ("icmp_type", "icmp_code"),
}


def _prefix_bits(mask: int) -> int:
    """Wildcarded low bits of an address's mask; 32 where it is no prefix, for 1.0 cannot say it."""
    inverted = ~mask & 0xFFFFFFFF
    return inverted.bit_length() if inverted & (inverted + 1) == 0 else 32


def encode_match(match: Match) -> bytes:
    """ofp_match; what it cannot say is left out."""
    wild = _W_ALL
    values = {"in_port": 0, "eth_src": 0, "eth_dst": 0, "eth_type": 0, "tos": 0, "nw_proto": 0}
    vlan = pcp = 0
    address = {"src": 0, "dst": 0}
    ports = [0, 0]
    for name, bit in (
        ("in_port", _W_IN_PORT), ("eth_src", _W_SRC), ("eth_dst", _W_DST), ("eth_type", _W_TYPE),
        ("nw_proto", _W_PROTO),
    ):  # fmt: skip
        value = match.exact(name)
        if value is not None:
            values[name] = value
            wild &= ~bit
    kind = values["eth_type"]
    dscp = match.exact("ip_dscp")
    if dscp is not None and kind == 0x0800:
        values["tos"] = dscp << 2
        wild &= ~_W_TOS
    arp_op = match.exact("arp_op")
    if kind in _ARP_TYPES and arp_op is not None:
        values["nw_proto"] = arp_op & 0xFF
        wild &= ~_W_PROTO
    tag = match.get("vlan_tci")
    if tag is not None:
        value, mask = tag
        if mask & 0x1FFF == 0x1FFF:
            vlan, wild = (value & 0xFFF) if value & 0x1000 else 0xFFFF, wild & ~_W_VLAN
        if mask & 0xE000 == 0xE000 and value & 0x1000:
            pcp, wild = value >> 13, wild & ~_W_PCP
    names = ("arp_spa", "arp_tpa") if kind in _ARP_TYPES else ("ip_src", "ip_dst")
    for name, side, shift in zip(names, ("src", "dst"), (_W_NW_SRC, _W_NW_DST), strict=True):
        found = match.get(name)
        if found is not None:
            address[side] = found[0]
            wild = wild & ~(0x3F << shift) | _prefix_bits(found[1]) << shift
    for at, name in enumerate(_TRANSPORT.get(values["nw_proto"], ()) if kind == 0x0800 else ()):
        value = match.exact(name)
        if value is not None:
            ports[at] = value
            wild &= ~(_W_TP_SRC, _W_TP_DST)[at]
    # A field of addresses that is wild altogether has 63 in Open vSwitch's own messages; 32 says the same.
    return MATCH.pack(
        wild, values["in_port"], values["eth_src"].to_bytes(6, "big"), values["eth_dst"].to_bytes(6, "big"),
        vlan, pcp, kind, values["tos"], values["nw_proto"], address["src"], address["dst"], *ports,
    )  # fmt: skip


def decode_match(data: bytes, offset: int) -> Match:
    """The ofp_match at ``offset``."""
    wild, in_port, src, dst, vlan, pcp, kind, tos, proto, nw_src, nw_dst, tp_src, tp_dst = MATCH.unpack_from(
        data, offset
    )
    terms: list[Term] = []

    def take(name: str, value: int, mask: int | None = None) -> None:
        field = _F[name]
        terms.append((field, value & field.full, field.full if mask is None else mask))

    for bit, name, value in (
        (_W_IN_PORT, "in_port", in_port),
        (_W_SRC, "eth_src", int.from_bytes(src, "big")),
        (_W_DST, "eth_dst", int.from_bytes(dst, "big")),
        (_W_TYPE, "eth_type", kind),
    ):
        if not wild & bit:
            take(name, value)
    terms += _decode_tag(wild, vlan, pcp)
    if not wild & _W_TYPE:
        terms += _decode_network(wild, kind, tos, proto, (nw_src, nw_dst), (tp_src, tp_dst))
    match = Match.from_terms(terms)
    if match is None:
        raise CodecError(*BAD_MATCH, "fields of a match contradict each other")
    return match


def _decode_tag(wild: int, vlan: int, pcp: int) -> list[Term]:
    terms: list[Term] = []
    if not wild & _W_VLAN:
        if vlan == 0xFFFF:
            return [(_F["vlan_tci"], 0, 0xFFFF)]
        terms.append((_F["vlan_tci"], vlan & 0xFFF | 0x1000, 0x1FFF))
    if not wild & _W_PCP:
        terms.append((_F["vlan_tci"], (pcp & 7) << 13 | 0x1000, 0xF000))
    return terms


def _decode_network(
    wild: int, kind: int, tos: int, proto: int, addresses: tuple[int, int], ports: tuple[int, int]
) -> list[Term]:
    """What an Ethernet type gives meaning to; fields without meaning are ignored (section 3.4)."""
    arp = kind in _ARP_TYPES
    if kind != 0x0800 and not arp:
        if kind == 0x86DD and not wild & _W_PROTO:
            return [(_F["nw_proto"], proto, 0xFF)]
        return []
    terms: list[Term] = []
    names = ("arp_spa", "arp_tpa") if arp else ("ip_src", "ip_dst")
    for name, value, shift in zip(names, addresses, (_W_NW_SRC, _W_NW_DST), strict=True):
        bits = min(wild >> shift & 0x3F, 32)
        mask = 0xFFFFFFFF << bits & 0xFFFFFFFF
        terms.append((_F[name], value & mask, mask))
    if not wild & _W_TOS and not arp:
        terms.append((_F["ip_dscp"], tos >> 2, 0x3F))
    if not wild & _W_PROTO:
        terms.append((_F["arp_op"], proto, 0xFFFF) if arp else (_F["nw_proto"], proto, 0xFF))
        for name, value, bit in zip(
            _TRANSPORT.get(proto, ("", "")), ports, (_W_TP_SRC, _W_TP_DST), strict=True
        ):
            if name and not arp and not wild & bit:
                terms.append((_F[name], value & _F[name].full, _F[name].full))
    return terms


def padded(data: bytes) -> bytes:
    """Zeros up to a multiple of 8."""
    return data + bytes(-len(data) & 7)


def nxm(data: bytes, offset: int, size: int) -> tuple[Match, int]:
    """The NXM match of ``size`` bytes at ``offset``, and the offset after its padding."""
    if offset + size > len(data):
        raise CodecError(*BAD_REQUEST_LEN, "a match is cut short")
    return decode_terms(data[offset : offset + size]), offset + size + (-size & 7)


def cut_cookie(data: bytes) -> tuple[bytes, int, int]:
    """Take NXM_NX_COOKIE, which is no field of packets, out of a match: the rest, cookie, mask."""
    offset, out, cookie, mask = 0, b"", 0, 0
    while offset + 4 <= len(data):
        (word,) = struct.unpack_from("!I", data, offset)
        end = offset + 4 + (word & 0xFF)
        if word == _COOKIE:
            (cookie,), mask = struct.unpack_from("!Q", data, offset + 4), ALL_COOKIE
        elif word == _COOKIE_MASKED:
            cookie, mask = struct.unpack_from("!QQ", data, offset + 4)
        else:
            out += data[offset:end]
        offset = end
    return out + data[offset:], cookie, mask


def cookie_terms(value: int, mask: int) -> bytes:
    """A cookie as a term of an NXM match; nothing when no bit of it is asked for."""
    if not mask:
        return b""
    if mask == ALL_COOKIE:
        return struct.pack("!IQ", _COOKIE, value)
    return struct.pack("!IQQ", _COOKIE_MASKED, value & mask, mask)
