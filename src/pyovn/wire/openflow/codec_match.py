"""OXM and NXM: how a match, a set_field and the name of a subfield look on the wire.

A TLV is a 32-bit header (class, field, has-mask bit, length of the payload), an experimenter number
in class 0xffff, the value, and the mask when the has-mask bit is set (OpenFlow 1.5.1, section
7.2.3.2).  Open vSwitch speaks OXM where the standard has a field and NXM elsewhere, and so do we.

Three fields differ from their TLV: ``in_port`` has 16 bits here and 32 in OXM, ``vlan_tci`` is OXM's
vlan_vid and vlan_pcp where those can say it, and ``tun_metadata`` is as long as its option.
Encoded terms are remembered, for networks repeat them: a dict look-up replaces the packing.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow.errors import (
    BAD_FIELD,
    BAD_LEN,
    BAD_MATCH,
    BAD_VALUE,
    BAD_WILDCARDS,
    DUP_FIELD,
    CodecError,
)
from pyovn.wire.openflow.fields import FIELDS, FIELDS_BY_CODE, NXM0, OXM_BASIC, OXM_EXPERIMENTER, Code, Field
from pyovn.wire.openflow.match import ANY, Match, Term, shared

if TYPE_CHECKING:
    from pyovn.wire.openflow.actions import Subfield

_IN_PORT: Final = FIELDS["in_port"]
_IN_PORT_OXM: Final = FIELDS["in_port_oxm"]
_IP_DSCP: Final = FIELDS["ip_dscp"]
_VLAN_TCI: Final = FIELDS["vlan_tci"]
_MEMORY_LIMIT: Final = 1 << 16

_terms: dict[Term, bytes] = {}
_nxm_terms: dict[Term, bytes] = {}
_headers: dict[bytes, tuple[Field, int, bool]] = {}

U32: Final = struct.Struct("!I")


def wide_port(port: int) -> int:
    """Open vSwitch's 16-bit port as OpenFlow 1.1's 32 bits: the reserved ones move to the top."""
    return port + 0xFFFF0000 if port >= 0xFF00 else port


def narrow_port(port: int) -> int:
    """The inverse of ``wide_port``; raises ``CodecError`` for ports that 16 bits cannot hold."""
    if port < 0xFF00:
        return port
    if port >= 0xFFFFFF00:
        return port - 0xFFFF0000
    raise CodecError(*BAD_VALUE, f"port {port:#x} is out of range")


def header(code: Code, length: int, *, masked: bool = False) -> bytes:
    """The TLV header for a payload of ``length`` bytes, value and mask together."""
    word = code.oxm_class << 16 | code.oxm_field << 9
    if code.oxm_class == OXM_EXPERIMENTER:
        return (word | masked << 8 | length + 4).to_bytes(4, "big") + code.experimenter.to_bytes(4, "big")
    return (word | masked << 8 | length).to_bytes(4, "big")


def option_size(bits: int) -> int:
    """Bytes of a tunnel option that holds ``bits``: Geneve's come in fours (RFC 8926, section 3.5).

    Open vSwitch wants the very length of the option, which only its TLV table knows; OVN's has 4.
    """
    return max(4, (bits + 31) // 32 * 4)


def encode_value(field: Field, value: int, mask: int | None, code: Code) -> bytes:
    """One TLV; ``mask`` None for all bits."""
    size = field.nbytes
    if field.form == "metadata":
        care = value if mask is None or mask == field.full else value | mask
        size = option_size(care.bit_length())
    if mask is None or mask == field.full:
        return header(code, size) + value.to_bytes(size, "big")
    return header(code, 2 * size, masked=True) + value.to_bytes(size, "big") + mask.to_bytes(size, "big")


def _encode_vlan(value: int, mask: int) -> bytes:
    vid, pcp = mask & 0x1FFF, mask & 0xE000
    if pcp not in (0, 0xE000) or (pcp and not value & mask & 0x1000):
        return encode_value(_VLAN_TCI, value, mask, Code(NXM0, 4))
    out = encode_value(FIELDS["vlan_vid"], value & vid, vid, Code(OXM_BASIC, 6))
    if pcp:
        out += encode_value(FIELDS["vlan_pcp"], value >> 13, None, Code(OXM_BASIC, 7))
    return out


def _encode_term(term: Term) -> bytes:
    field, value, mask = term
    if field is _IN_PORT:
        out = header(field.code, 4) + wide_port(value).to_bytes(4, "big")
    elif field is _VLAN_TCI:
        out = _encode_vlan(value, mask)
    else:
        out = encode_value(field, value, mask, field.code)
    if len(_terms) >= _MEMORY_LIMIT:
        _terms.clear()
    _terms[term] = out
    return out


def encode_terms(match: Match) -> bytes:
    """The TLVs of a match, without ofp_match around them."""
    known = _terms.get
    return b"".join([known(term) or _encode_term(term) for term in match.terms])


def encode_match(match: Match) -> bytes:
    """ofp_match: type 1, length without padding, TLVs, zeros to a multiple of 8."""
    wire = match.wire
    if wire is None:
        body = encode_terms(match)
        size = len(body) + 4
        wire = match.wire = b"\0\1" + size.to_bytes(2, "big") + body + bytes(-size & 7)
    return wire


def _encode_nxm_term(term: Term) -> bytes:
    field, value, mask = term
    if field is _IP_DSCP:
        # NXM has the whole byte and no way to match a part of it.
        return header(field.nxm_code, 1) + bytes((value << 2,))
    if field is _IN_PORT:
        return header(field.nxm_code, 2) + value.to_bytes(2, "big")
    return encode_value(field, value, mask, field.nxm_code)


def encode_nxm(match: Match) -> bytes:
    """The TLVs of a match as NXM, the flexible match of Open vSwitch's extension of OpenFlow 1.0."""
    known = _nxm_terms.get
    return b"".join([known(term) or _remember_nxm(term) for term in match.terms])


def _remember_nxm(term: Term) -> bytes:
    out = _encode_nxm_term(term)
    if len(_nxm_terms) >= _MEMORY_LIMIT:
        _nxm_terms.clear()
    _nxm_terms[term] = out
    return out


def _read_header(data: bytes, offset: int) -> tuple[Field, int, bool]:
    """Field, size of the value and has-mask of the TLV at ``offset``; knows what it has seen."""
    word = data[offset : offset + 4]
    if word[:2] == b"\xff\xff":
        word = data[offset : offset + 8]
    known = _headers.get(word)
    if known is not None:
        return known
    if len(word) < 4 or (word[:2] == b"\xff\xff" and len(word) < 8):
        raise CodecError(*BAD_LEN, "a match ends within a field's header")
    (bits,) = U32.unpack_from(word)
    experimenter = U32.unpack_from(word, 4)[0] if len(word) == 8 else 0
    field = FIELDS_BY_CODE.get(Code(bits >> 16, bits >> 9 & 0x7F, experimenter))
    if field is None:
        raise CodecError(*BAD_FIELD, f"unknown field {word.hex()}")
    masked = bool(bits & 0x100)
    size = (bits & 0xFF) - (4 if experimenter else 0)
    if masked:
        if size & 1:
            raise CodecError(*BAD_LEN, f"{field.name} has {size} bytes of value and mask")
        size //= 2
    if size != field.nbytes and not (field.form == "metadata" and 1 <= size <= field.nbytes):
        # OXM has in_port in 32 bits, NXM in 16: both are in_port, told apart by their codes.
        raise CodecError(*BAD_LEN, f"{field.name} has {size} bytes")
    found = (field, size, masked)
    if len(_headers) >= _MEMORY_LIMIT:
        _headers.clear()
    _headers[word] = found
    return found


def decode_value(data: bytes, offset: int) -> tuple[Field, int, int | None, int]:
    """The TLV at ``offset``: field, value, mask or None, offset after it; raises ``CodecError``."""
    field, size, masked = _read_header(data, offset)
    start = offset + (8 if field.oxm_class == OXM_EXPERIMENTER else 4)
    end = start + size
    value = int.from_bytes(data[start:end], "big")
    mask = None
    if masked:
        mask = int.from_bytes(data[end : end + size], "big")
        end += size
        if value & ~mask:
            raise CodecError(*BAD_WILDCARDS, f"{field.name} has value bits that its mask excludes")
    if end > len(data):
        raise CodecError(*BAD_LEN, f"the value of {field.name} is cut short")
    if value > field.full:
        raise CodecError(*BAD_VALUE, f"{field.name} has value {value:#x}")
    return field, value, mask, end


def decode_terms(data: bytes) -> Match:
    """TLVs to a ``Match``; raises ``CodecError`` for unknown, malformed or contradicting ones."""
    if not data:
        return ANY
    terms: list[Term] = []
    offset, end = 0, len(data)
    known = _headers.get
    integer = int.from_bytes
    while offset < end:
        found = known(data[offset : offset + 4])
        if found is None or found[2] or offset + 4 + found[1] > end:
            # New, experimenter's, masked or cut short: all of these take the careful way.
            field, value, mask, offset = decode_value(data, offset)
        else:
            field, size, _ = found
            start = offset + 4
            offset = start + size
            value, mask = integer(data[start:offset], "big"), None
            if value > field.full:
                raise CodecError(*BAD_VALUE, f"{field.name} has value {value:#x}")
        if field is _IN_PORT_OXM:
            value = narrow_port(value)
        terms.append((field, value, field.full if mask is None else mask & field.full))
    match = Match.from_terms(terms)
    if match is None:
        raise CodecError(*DUP_FIELD, "fields of a match contradict each other")
    return shared(match)


def decode_match(data: bytes, offset: int) -> tuple[Match, int]:
    """ofp_match at ``offset`` and the offset after its padding."""
    if len(data) < offset + 4:
        raise CodecError(*BAD_LEN, "a message ends before its match")
    kind = data[offset] << 8 | data[offset + 1]
    size = data[offset + 2] << 8 | data[offset + 3]
    end = offset + size
    if kind != 1 or size < 4 or end > len(data):
        raise CodecError(*BAD_MATCH, f"match of type {kind} and length {size}")
    return decode_terms(data[offset + 4 : end]), end + (-size & 7)


def subfield_header(subfield: Subfield) -> bytes:
    """The TLV header that names a subfield's field in an action."""
    field = subfield.field
    if field.form == "metadata":
        return header(field.subfield_code, option_size(subfield.ofs + subfield.bits))
    return header(field.subfield_code, field.nbytes)


def nxm_subfield_header(subfield: Subfield) -> bytes:
    """The header by which vendor actions before OpenFlow 1.5 name a field: NXM's where it has one."""
    field = subfield.field
    if field.form == "metadata":
        return header(field.nxm_code, option_size(subfield.ofs + subfield.bits))
    return header(field.nxm_code, 2 if field is _IN_PORT else field.nbytes)


def decode_subfield_header(data: bytes, offset: int) -> tuple[Field, int]:
    """The field named at ``offset``, and the offset after the name."""
    field, _, _ = _read_header(data, offset)
    return field, offset + (8 if field.oxm_class == OXM_EXPERIMENTER else 4)
