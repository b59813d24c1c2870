"""Open vSwitch's own messages: packet_in2 and resume, the tunnel option table, and small settings.

All are OFPT_EXPERIMENTER with vendor 0x2320 and a subtype.  NXT_PACKET_IN2 is a list of properties;
its continuation is opaque to everyone but the switch that made it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.codec_group import encode_property, properties
from pyovn.wire.openflow.codec_match import decode_terms, encode_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NICIRA: Final = 0x00002320

_HEADER: Final = struct.Struct("!II")
_TLV: Final = struct.Struct("!HBBHH")


def _encode_packet_in(message: ofp.PacketIn) -> bytes:
    parts = [encode_property(0, message.data)] if message.data else []
    if message.full_len is not None:
        parts.append(encode_property(1, message.full_len.to_bytes(4, "big")))
    if message.buffer_id != ofp.NO_BUFFER:
        parts.append(encode_property(2, message.buffer_id.to_bytes(4, "big")))
    parts.append(encode_property(3, bytes((message.table,))))
    if message.cookie != ofp.NO_COOKIE:
        parts.append(encode_property(4, bytes(4) + message.cookie.to_bytes(8, "big")))
    parts.append(encode_property(5, bytes((message.reason,))))
    if message.metadata:
        parts.append(encode_property(6, encode_terms(message.metadata)))
    if message.userdata:
        parts.append(encode_property(7, message.userdata))
    if message.continuation:
        parts.append(encode_property(8, message.continuation))
    return b"".join(parts)


def _decode_packet_in(body: bytes, *, resume: bool) -> ofp.PacketIn:
    found = dict(properties(body))
    full = found.get(1)
    return ofp.PacketIn(
        data=found.get(0, b""),
        metadata=decode_terms(found.get(6, b"")),
        userdata=found.get(7, b""),
        table=_number(found.get(3), 0),
        cookie=_number(found.get(4, b"")[4:], ofp.NO_COOKIE),
        reason=_number(found.get(5), 0),
        continuation=found.get(8, b""),
        full_len=None if full is None else int.from_bytes(full, "big"),
        buffer_id=_number(found.get(2), ofp.NO_BUFFER),
        resume=resume,
    )


def _number(data: bytes | None, default: int) -> int:
    return default if not data else int.from_bytes(data, "big")


def _encode_maps(maps: tuple[ofp.TlvMap, ...]) -> bytes:
    return b"".join([_TLV.pack(m.option_class, m.option_type, m.length, m.index, 0) for m in maps])


def _decode_maps(data: bytes) -> tuple[ofp.TlvMap, ...]:
    return tuple([ofp.TlvMap(*entry[:4]) for entry in _TLV.iter_unpack(data)])


def _decode_tlv_reply(body: bytes) -> ofp.TlvTableReply:
    space, fields = struct.unpack_from("!IH", body)
    return ofp.TlvTableReply(_decode_maps(body[16:]), space, fields)


def encode_masks(masks: tuple[tuple[int, int], ...]) -> bytes:
    """Asynchronous message configuration: (type, mask of reasons)."""
    return b"".join([struct.pack("!HHI", kind, 8, mask) for kind, mask in masks])


def decode_masks(data: bytes) -> tuple[tuple[int, int], ...]:
    """The inverse of ``encode_masks``."""
    return tuple([(kind, int.from_bytes(value, "big")) for kind, value in properties(data)])


_ENCODERS: Final[Mapping[type, Callable[[Any], tuple[int, bytes]]]] = {
    ofp.PacketIn: lambda m: (28 if m.resume else 30, _encode_packet_in(m)),
    ofp.TlvTableMod: lambda m: (24, struct.pack("!H6x", m.command) + _encode_maps(m.maps)),
    ofp.TlvTableRequest: lambda _: (25, b""),
    ofp.TlvTableReply: lambda m: (
        26,
        struct.pack("!IH10x", m.max_space, m.max_fields) + _encode_maps(m.maps),
    ),
    ofp.SetPacketInFormat: lambda m: (16, m.format.to_bytes(4, "big")),
    ofp.SetFlowFormat: lambda m: (12, m.format.to_bytes(4, "big")),
    ofp.FlowModTableId: lambda m: (15, bytes((m.on,)) + bytes(7)),
    ofp.FlowMonitorCancel: lambda m: (21, m.id.to_bytes(4, "big")),
    ofp.SetControllerId: lambda m: (20, bytes(6) + m.id.to_bytes(2, "big")),
    ofp.CtFlushZone: lambda m: (29, bytes(6) + m.zone.to_bytes(2, "big")),
    ofp.SetAsync: lambda m: (27, encode_masks(m.masks)),
}

_DECODERS: Final[Mapping[int, Callable[[bytes], ofp.Message]]] = {
    12: lambda body: ofp.SetFlowFormat(*struct.unpack_from("!I", body)),
    15: lambda body: ofp.FlowModTableId(bool(body[0])),
    16: lambda body: ofp.SetPacketInFormat(*struct.unpack_from("!I", body)),
    20: lambda body: ofp.SetControllerId(*struct.unpack_from("!6xH", body)),
    21: lambda body: ofp.FlowMonitorCancel(*struct.unpack_from("!I", body)),
    24: lambda body: ofp.TlvTableMod(struct.unpack_from("!H", body)[0], _decode_maps(body[8:])),
    25: lambda _: ofp.TlvTableRequest(),
    26: _decode_tlv_reply,
    27: lambda body: ofp.SetAsync(decode_masks(body), nicira=True),
    28: lambda body: _decode_packet_in(body, resume=True),
    29: lambda body: ofp.CtFlushZone(*struct.unpack_from("!6xH", body)),
    30: lambda body: _decode_packet_in(body, resume=False),
}


class VendorCodec:
    """Open vSwitch's own messages in one version: those of all versions, and ``more`` of that one."""

    __slots__ = ("_decoders", "more")

    def __init__(
        self,
        more: Mapping[type, tuple[int, Callable[[Any], bytes]]],
        decoders: Mapping[int, Callable[[bytes], Any]],
    ) -> None:
        self.more = more
        self._decoders: dict[int, Callable[[bytes], Any]] = {**_DECODERS, **decoders}

    def encode(self, message: Any) -> bytes:
        """Body of OFPT_EXPERIMENTER."""
        found = self.more.get(type(message))
        subtype, body = _ENCODERS[type(message)](message) if found is None else (found[0], found[1](message))
        return _HEADER.pack(NICIRA, subtype) + body

    def decode(self, body: bytes) -> Any:
        """Body of OFPT_EXPERIMENTER; an unknown one becomes ``Experimenter``."""
        vendor, subtype = _HEADER.unpack_from(body)
        decoder = self._decoders.get(subtype) if vendor == NICIRA else None
        return ofp.Experimenter(vendor, subtype, body[8:]) if decoder is None else decoder(body[8:])


OF15: Final = VendorCodec({}, {})
