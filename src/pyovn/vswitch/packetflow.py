"""Frames to flow keys and back: what the switch reads of a packet, and how it writes it.

``extract`` reads a frame once, with as few operations as the wire allows: fields that are neighbours
in a header are neighbours in the key, so one slice of the frame fills several slots.  ``rewrite`` goes
the other way: it compares the key that a frame was extracted to with the key that the flows made of
it, and patches exactly the headers that differ; checksums are updated by difference (RFC 1624), so a
payload that arrived damaged leaves damaged.

What a damaged or short header cannot tell reads as zero, as in ovs-fields(7): a packet that ends before
its transport header still matches by its network header; a frame that ends before the packet that it says
it carries has the Ethernet type only, and padding after the packet is not read.

Not here: building packets from text (``compose``), tunnels (``tunnels``).
"""

from __future__ import annotations

from typing import Final

from pyovn.vswitch.flowkey import HEADER_BITS, SLOTS, mask_of

ETH_IPV4: Final = 0x0800
ETH_ARP: Final = 0x0806
ETH_RARP: Final = 0x8035
ETH_IPV6: Final = 0x86DD
ETH_VLAN: Final = 0x8100
ETH_QINQ: Final = 0x88A8
_TAGS: Final = (ETH_VLAN, ETH_QINQ)
VLAN_PRESENT: Final = 0x1000

_ICMP4, _TCP, _UDP, _ICMP6, _SCTP = 1, 6, 17, 58, 132
_FRAG_ANY, _FRAG_LATER = 1, 2
_EXTENSIONS: Final = frozenset((0, 43, 44, 51, 60, 135))

_at: Final = {name: slot.offset for name, slot in SLOTS.items()}
_ETH, _TYPE, _TCI, _TPID = _at["eth_src"], _at["eth_type"], _at["vlan_tci"], _at["vlan_tpid"]
_TCI2, _TPID2 = _at["vlan2_tci"], _at["vlan2_tpid"]
_IP_MISC, _IP4, _IP6, _LABEL = _at["ip_proto"], _at["ip_dst"], _at["ipv6_dst"], _at["ipv6_label"]
_PORTS, _FLAGS, _ICMP = _at["tp_dst"], _at["tcp_flags"], _at["icmp_code"]
_ARP_OP, _ARP = _at["arp_op"], _at["arp_tpa"]
_ND_TARGET, _ND_SLL, _ND_TLL = _at["nd_target"], _at["nd_sll"], _at["nd_tll"]
_ND_RESERVED, _ND_TYPE = _at["nd_reserved"], _at["nd_options_type"]

_from = int.from_bytes


def extract(frame: bytes, metadata: int = 0) -> int:
    """The flow key of ``frame``; ``metadata`` is a key that holds metadata only (in_port, tunnel)."""
    key = metadata | _from(frame[:12], "big") << _ETH
    kind = _from(frame[12:14], "big")
    at = 14
    if kind in _TAGS and len(frame) >= 18:
        tag = _from(frame[14:18], "big")
        key |= (tag >> 16 | VLAN_PRESENT) << _TCI | kind << _TPID
        kind = tag & 0xFFFF
        at = 18
        if kind in _TAGS and len(frame) >= 22:
            tag = _from(frame[18:22], "big")
            key |= (tag >> 16 | VLAN_PRESENT) << _TCI2 | kind << _TPID2
            kind = tag & 0xFFFF
            at = 22
    if kind < 0x600:
        kind = _llc_type(frame, at)
    key |= kind << _TYPE
    if kind == ETH_IPV4:
        return _ipv4(key, frame, at)
    if kind == ETH_IPV6:
        return _ipv6(key, frame, at)
    if kind in {ETH_ARP, ETH_RARP} and len(frame) >= at + 28 and frame[at : at + 6] == b"\0\1\10\0\6\4":
        op = _from(frame[at + 6 : at + 8], "big")
        if op < 256:
            key |= op << _ARP_OP
        key |= _from(frame[at + 8 : at + 28], "big") << _ARP
    return key


def _llc_type(frame: bytes, at: int) -> int:
    """The Ethernet type within a SNAP header, or OVS's 0x5ff for a frame that has none."""
    if frame[at : at + 6] == b"\xaa\xaa\x03\0\0\0" and len(frame) >= at + 8:
        kind = _from(frame[at + 6 : at + 8], "big")
        return kind if kind >= 0x600 else 0x5FF
    return 0x5FF


def _ipv4(key: int, frame: bytes, at: int) -> int:
    if len(frame) < at + 20:
        return key
    size = (frame[at] & 15) * 4
    total = _from(frame[at + 2 : at + 4], "big")
    if frame[at] >> 4 != 4 or not 20 <= size <= total <= len(frame) - at:
        return key
    if at + total < len(frame):
        frame = frame[: at + total]
    proto = frame[at + 9]
    fragment = _from(frame[at + 6 : at + 8], "big")
    frag = 0
    if fragment & 0x3FFF:
        frag = _FRAG_ANY | _FRAG_LATER if fragment & 0x1FFF else _FRAG_ANY
    key |= (frag << 24 | frame[at + 1] << 16 | frame[at + 8] << 8 | proto) << _IP_MISC
    key |= _from(frame[at + 12 : at + 20], "big") << _IP4
    if frag & _FRAG_LATER:
        return key
    at += size
    if proto == _ICMP4:
        return key | _from(frame[at : at + 2], "big") << _ICMP if len(frame) >= at + 8 else key
    return _ports(key, frame, at, proto)


def _ports(key: int, frame: bytes, at: int, proto: int) -> int:
    if proto == _TCP:
        if len(frame) >= at + 20:
            flags = _from(frame[at + 12 : at + 14], "big") & 0xFFF
            return key | (flags << 32 | _from(frame[at : at + 4], "big")) << _PORTS
    elif (proto == _UDP and len(frame) >= at + 8) or (proto == _SCTP and len(frame) >= at + 12):
        return key | _from(frame[at : at + 4], "big") << _PORTS
    return key


def _skip_extensions(frame: bytes, at: int) -> tuple[int, int, int]:
    """From an IPv6 header: (protocol, its offset, fragment bits)."""
    proto, frag = frame[at + 6], 0
    at += 40
    while proto in _EXTENSIONS and len(frame) >= at + 8:
        if proto == 44:
            word = _from(frame[at + 2 : at + 4], "big")
            if word & 0xFFF9:
                frag = _FRAG_ANY | _FRAG_LATER if word & 0xFFF8 else _FRAG_ANY
            proto, at = frame[at], at + 8
            if frag & _FRAG_LATER:
                break
        elif proto == 51:
            proto, at = frame[at], at + (frame[at + 1] + 2) * 4
        else:
            proto, at = frame[at], at + (frame[at + 1] + 1) * 8
    return proto, at, frag


def _ipv6(key: int, frame: bytes, at: int) -> int:
    if len(frame) < at + 40 or frame[at] >> 4 != 6:
        return key
    total = 40 + _from(frame[at + 4 : at + 6], "big")
    if total > len(frame) - at:
        return key
    if at + total < len(frame):
        frame = frame[: at + total]
    word = _from(frame[at : at + 4], "big")
    proto, l4, frag = _skip_extensions(frame, at)
    key |= (frag << 24 | (word >> 20 & 0xFF) << 16 | frame[at + 7] << 8 | proto) << _IP_MISC
    key |= _from(frame[at + 8 : at + 40], "big") << _IP6
    key |= (word & 0xFFFFF) << _LABEL
    if frag & _FRAG_LATER:
        return key
    if proto == _ICMP6:
        if len(frame) < l4 + 8:
            return key
        key |= _from(frame[l4 : l4 + 2], "big") << _ICMP
        return _nd(key, frame, l4) if frame[l4] in {135, 136} and frame[l4 + 1] == 0 else key
    return _ports(key, frame, l4, proto)


def _nd_option(frame: bytes, l4: int, kind: int) -> int:
    """Where the link-layer address of the option ``kind`` starts, or 0 (RFC 4861 section 4.6.1)."""
    at = l4 + 24
    while len(frame) >= at + 8:
        size = frame[at + 1] * 8
        if size == 0:
            return 0
        if frame[at] == kind and size == 8:
            return at + 2
        at += size
    return 0


def _nd(key: int, frame: bytes, l4: int) -> int:
    if len(frame) < l4 + 24:
        return key
    key |= _from(frame[l4 + 8 : l4 + 24], "big") << _ND_TARGET
    key |= _from(frame[l4 + 4 : l4 + 8], "big") << _ND_RESERVED
    kind, slot = (1, _ND_SLL) if frame[l4] == 135 else (2, _ND_TLL)
    at = _nd_option(frame, l4, kind)
    if at:
        key |= _from(frame[at : at + 6], "big") << slot | kind << _ND_TYPE
    return key


_VLAN_BITS: Final = mask_of("vlan_tci", "vlan_tpid", "vlan2_tci", "vlan2_tpid")
_ETH_BITS: Final = mask_of("eth_src", "eth_dst")
_L4_BITS: Final = mask_of(
    "tp_src", "tp_dst", "icmp_type", "icmp_code", "nd_target", "nd_sll", "nd_tll", "nd_reserved"
)
_ADDRESS4: Final = mask_of("ip_src", "ip_dst")
_ADDRESS6: Final = mask_of("ipv6_src", "ipv6_dst")


def rewrite(frame: bytes, old: int, new: int) -> bytes:
    """``frame``, whose key is ``old``, with the headers of ``new``."""
    diff = (old ^ new) & HEADER_BITS
    if not diff:
        return frame
    out = bytearray(frame)
    if diff & _ETH_BITS:
        out[:12] = (new >> _ETH & (1 << 96) - 1).to_bytes(12, "big")
    at = 14 + 4 * _tags(old)
    rest = diff & ~(_ETH_BITS | _VLAN_BITS)
    if rest:
        kind = old >> _TYPE & 0xFFFF
        if kind == ETH_IPV4 and len(out) >= at + 20:
            _patch_ipv4(out, at, old, new, rest)
        elif kind == ETH_IPV6 and len(out) >= at + 40:
            _patch_ipv6(out, at, old, new, rest)
        elif kind in {ETH_ARP, ETH_RARP} and len(out) >= at + 28:
            out[at + 6 : at + 8] = (new >> _ARP_OP & 0xFFFF).to_bytes(2, "big")
            out[at + 8 : at + 28] = (new >> _ARP & (1 << 160) - 1).to_bytes(20, "big")
    if diff & _VLAN_BITS:
        out[12 : at - 2] = _tag_bytes(new)
    return bytes(out)


def _tags(key: int) -> int:
    """How many VLAN tags the frame of ``key`` carries."""
    if not key >> _TCI & VLAN_PRESENT:
        return 0
    return 2 if key >> _TCI2 & VLAN_PRESENT else 1


def _tag_bytes(key: int) -> bytes:
    """The tags of ``key`` as they stand before the Ethernet type; the CFI bit is sent as zero."""
    out = b""
    for tci_at, tpid_at in ((_TCI, _TPID), (_TCI2, _TPID2)):
        tci = key >> tci_at & 0xFFFF
        if not tci & VLAN_PRESENT:
            break
        tpid = key >> tpid_at & 0xFFFF or ETH_VLAN
        out += tpid.to_bytes(2, "big") + (tci & 0xEFFF).to_bytes(2, "big")
    return out


def _checksum(csum: int, old: int, new: int) -> int:
    """RFC 1624, equation 3, on whole fields: 2**16 is 1 modulo 65535, so a field is its own sum."""
    total = (0xFFFF - csum + new - old) % 0xFFFF
    return 0xFFFF - (total or 0xFFFF)


def _fix(out: bytearray, at: int, old: int, new: int) -> None:
    csum = _checksum(_from(out[at : at + 2], "big"), old, new)
    out[at : at + 2] = csum.to_bytes(2, "big")


# Offset of the checksum within the transport header, and the least length of that header.
_CSUM_AT: Final = {_TCP: (16, 20), _UDP: (6, 8), _ICMP4: (2, 8), _ICMP6: (2, 8)}


def _fix_transport(out: bytearray, l4: int, proto: int, old: int, new: int) -> None:
    """Account in the transport checksum for ``old`` having become ``new``."""
    found = _CSUM_AT.get(proto)
    if found is None or len(out) < l4 + found[1]:
        return
    at = l4 + found[0]
    csum = _from(out[at : at + 2], "big")
    if proto == _UDP and csum == 0:
        return
    csum = _checksum(csum, old, new)
    out[at : at + 2] = (0xFFFF if proto == _UDP and csum == 0 else csum).to_bytes(2, "big")


def _patch_ipv4(out: bytearray, at: int, old: int, new: int, diff: int) -> None:
    misc = new >> _IP_MISC
    before = _from(out[at : at + 20], "big") - _from(out[at + 10 : at + 12], "big") * (1 << 64)
    size = (out[at] & 15) * 4
    out[at + 1] = misc >> 16 & 0xFF
    out[at + 8] = misc >> 8 & 0xFF
    if diff & _ADDRESS4:
        out[at + 12 : at + 20] = (new >> _IP4 & (1 << 64) - 1).to_bytes(8, "big")
    after = _from(out[at : at + 20], "big") - _from(out[at + 10 : at + 12], "big") * (1 << 64)
    _fix(out, at + 10, before, after)
    proto, later = out[at + 9], _from(out[at + 6 : at + 8], "big") & 0x1FFF
    if later:
        return
    if diff & _ADDRESS4 and proto != _ICMP4:
        _fix_transport(out, at + size, proto, old >> _IP4 & (1 << 64) - 1, new >> _IP4 & (1 << 64) - 1)
    if diff & _L4_BITS:
        _patch_transport(out, at + size, proto, old, new)


def _patch_ipv6(out: bytearray, at: int, old: int, new: int, diff: int) -> None:
    proto, l4, frag = _skip_extensions(bytes(out), at)
    misc = new >> _IP_MISC
    word = _from(out[at : at + 4], "big") & 0xF0000000
    word |= (misc >> 16 & 0xFF) << 20 | new >> _LABEL & 0xFFFFF
    out[at : at + 4] = word.to_bytes(4, "big")
    out[at + 7] = misc >> 8 & 0xFF
    if diff & _ADDRESS6:
        ones = (1 << 256) - 1
        out[at + 8 : at + 40] = (new >> _IP6 & ones).to_bytes(32, "big")
        if not frag & _FRAG_LATER:
            _fix_transport(out, l4, proto, old >> _IP6 & ones, new >> _IP6 & ones)
    if diff & _L4_BITS and not frag & _FRAG_LATER:
        _patch_transport(out, l4, proto, old, new)


def _patch_transport(out: bytearray, l4: int, proto: int, old: int, new: int) -> None:
    if proto in {_TCP, _UDP, _SCTP} and len(out) >= l4 + 8:
        was, now = old >> _PORTS & 0xFFFFFFFF, new >> _PORTS & 0xFFFFFFFF
        out[l4 : l4 + 4] = now.to_bytes(4, "big")
        if proto == _SCTP:
            _fix_crc32c(out, l4)
        else:
            _fix_transport(out, l4, proto, was, now)
    elif proto in {_ICMP4, _ICMP6} and len(out) >= l4 + 8:
        was, now = old >> _ICMP & 0xFFFF, new >> _ICMP & 0xFFFF
        out[l4 : l4 + 2] = now.to_bytes(2, "big")
        _fix_transport(out, l4, proto, was, now)
        if proto == _ICMP6 and len(out) >= l4 + 24:
            _patch_nd(out, l4, old, new)


def _patch_nd(out: bytearray, l4: int, old: int, new: int) -> None:
    fields = [(l4 + 8, 16, _ND_TARGET), (l4 + 4, 4, _ND_RESERVED)]
    sll, tll = _nd_option(bytes(out), l4, 1), _nd_option(bytes(out), l4, 2)
    if sll:
        fields.append((sll, 6, _ND_SLL))
    if tll:
        fields.append((tll, 6, _ND_TLL))
    for at, size, slot in fields:
        ones = (1 << 8 * size) - 1
        was, now = old >> slot & ones, new >> slot & ones
        if was != now:
            out[at : at + size] = now.to_bytes(size, "big")
            _fix_transport(out, l4, _ICMP6, was, now)


def _crc32c_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC32C: Final = _crc32c_table()


def _fix_crc32c(out: bytearray, l4: int) -> None:
    """SCTP's checksum covers the whole packet and cannot be updated by difference (RFC 9260, appendix A)."""
    out[l4 + 8 : l4 + 12] = b"\0\0\0\0"
    crc = 0xFFFFFFFF
    for byte in out[l4:]:
        crc = _CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    out[l4 + 8 : l4 + 12] = (crc ^ 0xFFFFFFFF).to_bytes(4, "little")
