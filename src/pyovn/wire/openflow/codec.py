"""OpenFlow messages to bytes and back; framing (OpenFlow 1.5.1, sections 7.1 and 7.3).

``encode(message, xid)`` gives a whole message, ``decode(data)`` takes one; ``Framer`` cuts a byte stream
into messages.  A version is a ``Dialect``: tables of encoders and decoders.  1.5 has the whole set, and
the older ones are laid over it (``codec_of13``, ``codec_of10``).  Of versions without a dialect only hello,
error and echo are read, which is what version negotiation needs, the rest is ``Raw``.

Input is never trusted: whatever the bytes, ``decode`` returns a message or raises ``CodecError``, and the
error has the numbers that a switch answers with.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping  # noqa: TC003  # a NamedTuple's fields
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.wire.openflow import codec_actions
from pyovn.wire.openflow import codec_multipart as multipart_codec
from pyovn.wire.openflow import codec_nicira as vendor_codec
from pyovn.wire.openflow import codec_of10 as of10
from pyovn.wire.openflow import codec_of10_errors as of10_errors
from pyovn.wire.openflow import codec_of13 as of13
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec_actions import ActionEncoder, encode_actions
from pyovn.wire.openflow.codec_actions_decode import decode_actions
from pyovn.wire.openflow.codec_actions_old import DECODE_10, DECODE_13, OF10, OF13
from pyovn.wire.openflow.codec_flow import (
    decode_flow_mod,
    decode_flow_removed,
    encode_flow_mod,
    encode_flow_removed,
)
from pyovn.wire.openflow.codec_group import (
    decode_group_desc,
    decode_group_mod,
    decode_meter_mod,
    encode_group_desc,
    encode_group_mod,
    encode_meter_mod,
)
from pyovn.wire.openflow.codec_match import decode_match, encode_match
from pyovn.wire.openflow.codec_multipart import (
    NICIRA_MULTIPART,
    TABLES_15,
    MultipartCodec,
    MultipartTables,
)
from pyovn.wire.openflow.codec_nicira import VendorCodec, decode_masks, encode_masks
from pyovn.wire.openflow.codec_port import decode_port, decode_port_mod, encode_port, encode_port_mod
from pyovn.wire.openflow.errors import BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DIALECTS",
    "VERSION",
    "CodecError",
    "Framer",
    "can_encode_reply",
    "decode",
    "encode",
    "encode_reply",
]

VERSION: Final = 6
_HEADER: Final = struct.Struct("!BBHI")
_MAX_LENGTH: Final = 0xFFFF


def _encode_hello(hello: ofp.Hello) -> bytes:
    words = [0] * (max(hello.versions, default=0) // 32 + 1)
    for version in hello.versions:
        words[version // 32] |= 1 << version % 32
    size = 4 + 4 * len(words)
    return struct.pack(f"!HH{len(words)}I", 1, size, *words) + bytes(-size & 7)


def _decode_hello(version: int, body: bytes) -> ofp.Hello:
    offset = 0
    while offset + 4 <= len(body):
        kind, size = struct.unpack_from("!HH", body, offset)
        if size < 4 or offset + size > len(body):
            break
        if kind == 1:
            bits = 0
            for index, (word,) in enumerate(struct.iter_unpack("!I", body[offset + 4 : offset + size])):
                bits |= word << 32 * index
            return ofp.Hello(tuple([n for n in range(bits.bit_length()) if bits >> n & 1]))
        offset += size + (-size & 7)
    # Without a bitmap the header's version is the highest that the peer speaks (section 6.3.1).
    return ofp.Hello(tuple(range(1, version + 1)))


def _encode_error(error: ofp.Error) -> bytes:
    vendor = error.vendor.to_bytes(4, "big") if error.type == 0xFFFF else b""
    return struct.pack("!HH", error.type, error.code) + vendor + error.data


def _decode_features(body: bytes) -> ofp.FeaturesReply:
    return ofp.FeaturesReply(*struct.unpack_from("!QIBB2xI", body))


def _encode_packet_out(message: ofp.PacketOut) -> bytes:
    actions = encode_actions(message.actions)
    match = message.metadata.merge(Match.of({"in_port": message.in_port}))
    if match is None:
        raise CodecError(*BAD_REQUEST_LEN, "metadata of a packet_out has another in_port")
    head = struct.pack("!IH2x", message.buffer_id, len(actions))
    return head + encode_match(match) + actions + message.data


def _decode_packet_out(body: bytes) -> ofp.PacketOut:
    buffer, size = struct.unpack_from("!IH", body)
    match, offset = decode_match(body, 8)
    if offset + size > len(body):
        raise CodecError(*BAD_REQUEST_LEN, "the actions of a packet_out are cut short")
    port = match.get("in_port")
    rest = Match(tuple([term for term in match.terms if term[0].name != "in_port"]))
    actions = decode_actions(body[offset : offset + size])
    return ofp.PacketOut(actions, body[offset + size :], port[0] if port else 0xFFFD, rest, buffer)


def _encode_packet_in(message: ofp.PacketInStandard) -> bytes:
    head = struct.pack(
        "!IHBBQ", message.buffer_id, message.total_len, message.reason, message.table, message.cookie
    )
    return head + encode_match(message.metadata) + b"\0\0" + message.data


def _decode_packet_in(body: bytes) -> ofp.PacketInStandard:
    buffer, total, reason, table, cookie = struct.unpack_from("!IHBBQ", body)
    match, offset = decode_match(body, 16)
    return ofp.PacketInStandard(body[offset + 2 :], match, total, reason, table, cookie, buffer)


def _decode_port_status(body: bytes) -> ofp.PortStatus:
    return ofp.PortStatus(body[0], decode_port(body[8:]))


def _decode_role(kind: type[Any]) -> Callable[[bytes], ofp.Message]:
    def decode(body: bytes) -> ofp.Message:
        message: ofp.Message = kind(*struct.unpack_from("!I4xQ", body))
        return message

    return decode


def _decode_bundle_add(body: bytes) -> ofp.BundleAdd:
    ident, flags = struct.unpack_from("!I2xH", body)
    _, message = decode(body[8:], nested=True)
    return ofp.BundleAdd(ident, message, flags)


_VENDOR_15: Final = vendor_codec.OF15
_VENDOR_MESSAGES: Final = (
    ofp.PacketIn, ofp.TlvTableMod, ofp.TlvTableRequest, ofp.TlvTableReply, ofp.SetPacketInFormat,
    ofp.SetControllerId, ofp.CtFlushZone, ofp.SetFlowFormat, ofp.FlowModTableId, ofp.FlowMonitorCancel,
)  # fmt: skip

_ENCODERS: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    ofp.Hello: (0, _encode_hello),
    ofp.Error: (1, _encode_error),
    ofp.EchoRequest: (2, lambda m: m.data),
    ofp.EchoReply: (3, lambda m: m.data),
    ofp.Experimenter: (4, lambda m: struct.pack("!II", m.vendor, m.subtype) + m.body),
    ofp.FeaturesRequest: (5, lambda _: b""),
    ofp.FeaturesReply: (
        6,
        lambda m: struct.pack(
            "!QIBB2xII", m.datapath_id, m.n_buffers, m.n_tables, m.auxiliary_id, m.capabilities, 0
        ),
    ),
    ofp.GetConfigRequest: (7, lambda _: b""),
    ofp.GetConfigReply: (8, lambda m: struct.pack("!HH", m.flags, m.miss_send_len)),
    ofp.SetConfig: (9, lambda m: struct.pack("!HH", m.flags, m.miss_send_len)),
    ofp.PacketInStandard: (10, _encode_packet_in),
    ofp.FlowRemoved: (11, encode_flow_removed),
    ofp.PortStatus: (12, lambda m: bytes((m.reason,)) + bytes(7) + encode_port(m.desc)),
    ofp.PacketOut: (13, _encode_packet_out),
    ofp.GroupMod: (15, encode_group_mod),
    ofp.PortMod: (16, encode_port_mod),
    ofp.TableMod: (17, lambda m: struct.pack("!B3xI", m.table, m.config)),
    ofp.BarrierRequest: (20, lambda _: b""),
    ofp.BarrierReply: (21, lambda _: b""),
    ofp.RoleRequest: (24, lambda m: struct.pack("!I4xQ", m.role, m.generation_id)),
    ofp.RoleReply: (25, lambda m: struct.pack("!I4xQ", m.role, m.generation_id)),
    ofp.GetAsyncRequest: (26, lambda _: b""),
    ofp.GetAsyncReply: (27, lambda m: encode_masks(m.masks)),
    ofp.MeterMod: (29, encode_meter_mod),
    ofp.BundleControl: (33, lambda m: struct.pack("!IHH", m.id, m.type, m.flags)),
    **dict.fromkeys(_VENDOR_MESSAGES, (4, _VENDOR_15.encode)),
}

_DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    4: _VENDOR_15.decode,
    5: lambda _: ofp.FeaturesRequest(),
    6: _decode_features,
    7: lambda _: ofp.GetConfigRequest(),
    8: lambda body: ofp.GetConfigReply(*struct.unpack_from("!HH", body)),
    9: lambda body: ofp.SetConfig(*struct.unpack_from("!HH", body)),
    10: _decode_packet_in,
    11: decode_flow_removed,
    12: _decode_port_status,
    13: _decode_packet_out,
    14: decode_flow_mod,
    15: decode_group_mod,
    16: decode_port_mod,
    17: lambda body: ofp.TableMod(*struct.unpack_from("!B3xI", body)),
    18: multipart_codec.OF15.decode_request,
    19: multipart_codec.OF15.decode_reply,
    20: lambda _: ofp.BarrierRequest(),
    21: lambda _: ofp.BarrierReply(),
    24: _decode_role(ofp.RoleRequest),
    25: _decode_role(ofp.RoleReply),
    26: lambda _: ofp.GetAsyncRequest(),
    27: lambda body: ofp.GetAsyncReply(decode_masks(body)),
    28: lambda body: ofp.SetAsync(decode_masks(body)),
    29: decode_meter_mod,
    33: lambda body: ofp.BundleControl(*struct.unpack_from("!IHH", body)),
    34: _decode_bundle_add,
}


class Dialect(NamedTuple):
    """One version of OpenFlow: how its messages are encoded, by type, and decoded, by number."""

    version: int
    encoders: Mapping[type, tuple[int, Callable[[Any], bytes]]]
    decoders: Mapping[int, Callable[[bytes], Any]]
    multipart: MultipartCodec
    actions: ActionEncoder = codec_actions.OF15


def _vendor(codec: VendorCodec, *kinds: type) -> dict[type, tuple[int, Callable[[Any], bytes]]]:
    return dict.fromkeys((*_VENDOR_MESSAGES, *kinds), (4, codec.encode))


_VENDOR_10: Final = VendorCodec(
    {**of10.VENDOR, ofp.GroupMod: (31, partial(encode_group_mod, encoder=OF10))},
    {
        **of10.VENDOR_DECODERS,
        19: lambda body: ofp.SetAsync(of13.decode_async(body), nicira=True),
        31: partial(decode_group_mod, decoder=DECODE_10),
    },
)


def _decode_vendor_13(body: bytes) -> Any:
    """Vendor messages of 1.3: Open vSwitch's, and ONF's bundles."""
    if len(body) >= 16 and struct.unpack_from("!I", body)[0] == of13.ONF:
        (subtype,) = struct.unpack_from("!I", body, 4)
        if subtype == of13.BUNDLE_CONTROL_13:
            return ofp.BundleControl(*struct.unpack_from("!IHH", body, 8))
        if subtype == of13.BUNDLE_ADD_13:
            return _decode_bundle_add(body[8:])
    return _VENDOR_15.decode(body)


_HEAD_10: Final = {"request": 16, "reply": 17, "head": 4}
_TABLES_10: Final = MultipartTables(
    of10.REQUESTS,
    of10.REQUEST_DECODERS,
    {**of10.REPLIES, mp.DescReply: TABLES_15.replies[mp.DescReply],
     mp.GroupFeaturesReply: (NICIRA_MULTIPART + 9, of10.encode_group_features)},
    {**of10.REPLY_DECODERS, 0: TABLES_15.reply_decoders[0],
     NICIRA_MULTIPART + 9: TABLES_15.reply_decoders[8]},
    {**of10.ENTRIES,
     mp.GroupStatsReply: (NICIRA_MULTIPART + 7, TABLES_15.entries[mp.GroupStatsReply][1]),
     mp.GroupDescReply: (NICIRA_MULTIPART + 8, partial(encode_group_desc, encoder=OF10))},
    {**of10.ENTRY_DECODERS,
     NICIRA_MULTIPART + 7: TABLES_15.entry_decoders[6],
     NICIRA_MULTIPART + 8: (mp.GroupDescReply, partial(decode_group_desc, decoder=DECODE_10), 0, 0)},
    **_HEAD_10,
)  # fmt: skip
_EMPTY: Final[Callable[[Any], bytes]] = lambda _: b""  # noqa: E731  # an entry of tables
_TABLES_14: Final = TABLES_15._replace(
    # Only 1.5 asks for one port or one group.
    requests={**TABLES_15.requests, mp.PortDescRequest: (13, _EMPTY), mp.GroupDescRequest: (7, _EMPTY)},
    request_decoders={
        **TABLES_15.request_decoders,
        7: lambda _: mp.GroupDescRequest(),
        13: lambda _: mp.PortDescRequest(),
    },
    replies={**TABLES_15.replies, **of13.REPLIES_14},
    reply_decoders={**TABLES_15.reply_decoders, **of13.REPLY_DECODERS_14},
    entries={**TABLES_15.entries, **of13.ENTRIES_14},
    entry_decoders={**TABLES_15.entry_decoders, **of13.ENTRY_DECODERS_14},
)
_TABLES_13: Final = _TABLES_14._replace(
    entries={**_TABLES_14.entries, **of13.ENTRIES_13},
    entry_decoders={**_TABLES_14.entry_decoders, **of13.ENTRY_DECODERS_13},
)
_FLOW_MOD_13: Final = partial(decode_flow_mod, decoder=DECODE_13)
_KEPT_10: Final = (
    ofp.Hello, ofp.EchoRequest, ofp.EchoReply, ofp.Experimenter, ofp.FeaturesRequest, ofp.GetConfigRequest,
    ofp.GetConfigReply, ofp.SetConfig,
)  # fmt: skip

DIALECTS: Final[Mapping[int, Dialect]] = {
    1: Dialect(
        1,
        {
            **{kind: _ENCODERS[kind] for kind in _KEPT_10},
            **_vendor(_VENDOR_10, *_VENDOR_10.more),
            **of10.MESSAGES,
        },
        {
            **{number: _DECODERS[number] for number in (5, 7, 8, 9)},
            **of10.DECODERS,
            4: _VENDOR_10.decode,
            16: MultipartCodec(_TABLES_10).decode_request,
            17: MultipartCodec(_TABLES_10).decode_reply,
        },
        MultipartCodec(_TABLES_10),
        OF10,
    ),
    4: Dialect(
        4,
        {**_ENCODERS, **of13.MESSAGES_13},
        {
            **_DECODERS,
            **of13.DECODERS_13,
            4: _decode_vendor_13,
            14: _FLOW_MOD_13,
            18: MultipartCodec(_TABLES_13).decode_request,
            19: MultipartCodec(_TABLES_13).decode_reply,
        },
        MultipartCodec(_TABLES_13),
        OF13,
    ),
    5: Dialect(
        5,
        {**_ENCODERS, **of13.MESSAGES_14},
        {
            **_DECODERS,
            **of13.DECODERS_14,
            14: _FLOW_MOD_13,
            18: MultipartCodec(_TABLES_14).decode_request,
            19: MultipartCodec(_TABLES_14).decode_reply,
        },
        MultipartCodec(_TABLES_14),
        OF13,
    ),
    6: Dialect(6, _ENCODERS, _DECODERS, multipart_codec.OF15),
}  # fmt: skip
"""By wire number: OpenFlow 1.0, 1.3, 1.4 and 1.5.  1.1 and 1.2 are not spoken."""


def _frame(kind: int, body: bytes, xid: int, version: int) -> bytes:
    size = 8 + len(body)
    if size > _MAX_LENGTH:
        raise CodecError(*BAD_REQUEST_LEN, f"a message of {size} bytes does not fit OpenFlow's length")
    return _HEADER.pack(version, kind, size, xid) + body


def encode(message: ofp.Message, xid: int, version: int = VERSION) -> bytes:
    """A whole message.  Raises ``CodecError`` for what OpenFlow cannot carry."""
    kind = type(message)
    dialect = DIALECTS.get(version, _LATEST)
    try:
        if kind is ofp.FlowMod:
            if version == 1:
                return _frame(*of10.encode_flow_mod(message), xid, version)  # type: ignore[arg-type]  # `is`
            return encode_flow_mod(message, xid, version, dialect.actions)  # type: ignore[arg-type]  # as above
        if kind is ofp.BundleAdd:
            return _encode_bundle_add(message, xid, version)  # type: ignore[arg-type]  # as above
        found = dialect.encoders.get(kind)
        if found is not None:
            return _frame(found[0], found[1](message), xid, version)
        if isinstance(message, ofp.SetAsync):
            return _frame(*_encode_set_async(message, version), xid, version)
        if isinstance(message, ofp.Raw):
            return _frame(message.type, message.body, xid, message.version)
        multipart = dialect.multipart.encode(message)
    except (struct.error, OverflowError) as error:
        raise CodecError(*BAD_REQUEST_LEN, f"{kind.__name__}: {error}") from error
    if multipart is None:
        raise CodecError(*BAD_REQUEST_LEN, f"{kind.__name__} is not a message of this version of OpenFlow")
    return _frame(multipart[0], multipart[1], xid, version)


def _encode_set_async(message: ofp.SetAsync, version: int) -> tuple[int, bytes]:
    if version == 1:
        return 4, struct.pack("!II", 0x2320, 19) + of13.encode_async(message.masks)
    if message.nicira:
        return 4, _VENDOR_15.encode(message)
    return 28, of13.encode_async(message.masks) if version == 4 else encode_masks(message.masks)


def _encode_bundle_add(message: ofp.BundleAdd, xid: int, version: int) -> bytes:
    inner = encode(message.message, xid, version)
    head = struct.pack("!I2xH", message.id, message.flags)
    if version == 4:
        return _frame(4, struct.pack("!II", of13.ONF, of13.BUNDLE_ADD_13) + head + inner, xid, version)
    return _frame(34, head + inner, xid, version)


def encode_reply(reply: type[Any], entries: Iterable[Any], xid: int, version: int = VERSION) -> list[bytes]:
    """A multipart reply of any number of entries as the messages it takes.

    ``reply`` is the type, e.g. ``multiparts.FlowDescReply``.
    """
    multipart = DIALECTS[version].multipart
    return [_frame(kind, body, xid, version) for kind, body in multipart.split_reply(reply, entries)]


def can_encode_reply(reply: type[Any], version: int) -> bool:
    """Whether a version of OpenFlow has a multipart."""
    tables = DIALECTS[version].multipart.tables
    return reply in tables.entries or reply in tables.replies


def decode(data: bytes, *, nested: bool = False) -> tuple[int, ofp.Message]:
    """Transaction id and message of one whole message; raises ``CodecError`` and nothing else."""
    if len(data) < 8:
        raise CodecError(*BAD_REQUEST_LEN, f"a message of {len(data)} bytes")
    version, kind, size, xid = _HEADER.unpack_from(data)
    if size != len(data) and not (nested and 8 <= size <= len(data)):
        raise CodecError(*BAD_REQUEST_LEN, f"a message of {len(data)} bytes says it has {size}")
    body = data[8:size]
    try:
        if kind == 0:
            return xid, _decode_hello(version, body)
        if kind == 1:
            return xid, of10_errors.decode_error(body) if version == 1 else of13.decode_error(body)
        if kind == 2:
            return xid, ofp.EchoRequest(body)
        if kind == 3:
            return xid, ofp.EchoReply(body)
        dialect = DIALECTS.get(version)
        decoder = dialect.decoders.get(kind) if dialect is not None else None
        if decoder is None or (nested and kind == 34):
            return xid, ofp.Raw(kind, body, version)
        return xid, decoder(body)
    except CodecError:
        raise
    except (struct.error, IndexError, RecursionError, ValueError, OverflowError) as error:
        # Short input shows as one of the first two, actions nested without end as the third.
        raise CodecError(*BAD_REQUEST_LEN, f"message of type {kind}: {error}") from error


_LATEST: Final = DIALECTS[VERSION]


class Framer:
    """Cuts a byte stream into messages; bytes come in any pieces, time is linear."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        """Start with nothing."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now; raises ``CodecError`` when the length cannot be right."""
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        start, end = 0, len(buffer)
        while end - start >= 8:
            size = buffer[start + 2] << 8 | buffer[start + 3]
            if size < 8:
                raise CodecError(*BAD_REQUEST_LEN, f"a header gives {size} bytes")
            if end - start < size:
                break
            messages.append(bytes(buffer[start : start + size]))
            start += size
        del buffer[:start]
        return messages
