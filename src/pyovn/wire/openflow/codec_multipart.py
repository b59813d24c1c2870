"""Multipart requests and replies on the wire (OpenFlow 1.5.1, section 7.3.5).

``split_reply`` cuts a reply of any length into messages that fit OpenFlow's 16-bit length, with the
"more" flag on all but the last.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping  # noqa: TC003  # a NamedTuple's fields
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.wire.openflow import codec_actions, codec_actions_decode
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec_flow import (
    decode_aggregate,
    decode_flow_desc,
    encode_aggregate,
    encode_flow_desc,
)
from pyovn.wire.openflow.codec_group import (
    decode_group_desc,
    decode_group_stats,
    decode_meter_desc,
    encode_group_desc,
    encode_group_stats,
    encode_meter_desc,
)
from pyovn.wire.openflow.codec_match import decode_match, encode_match, narrow_port, wide_port
from pyovn.wire.openflow.codec_port import decode_port, decode_port_stats, encode_port, encode_port_stats
from pyovn.wire.openflow.errors import BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REQUEST: Final = 18
REPLY: Final = 19
_MORE: Final = 1
_LIMIT: Final = 0xFFFF - 16

_FLOWS: Final = struct.Struct("!B3xII4xQQ")
_TABLE: Final = struct.Struct("!B3xIQQ")


def _encode_flows(request: mp.FlowDescRequest | mp.AggregateRequest) -> bytes:
    head = _FLOWS.pack(
        request.table, _wide(request.out_port), request.out_group, request.cookie, request.cookie_mask
    )
    return head + encode_match(request.match)


def _wide(port: int) -> int:
    return 0xFFFFFFFF if port == mp.ANY_PORT else wide_port(port)


def _decode_flows(kind: type[Any]) -> Callable[[bytes], Any]:
    def decode(body: bytes) -> Any:
        table, port, group, cookie, mask = _FLOWS.unpack_from(body)
        match, _ = decode_match(body, 32)
        return kind(table, match, cookie, mask, narrow_port(port), group)

    return decode


def _text(text: str, size: int) -> bytes:
    return text.encode()[: size - 1].ljust(size, b"\0")


def _encode_desc(reply: mp.DescReply) -> bytes:
    sizes = ((reply.manufacturer, 256), (reply.hardware, 256), (reply.software, 256), (reply.serial, 32))
    return b"".join([_text(*each) for each in (*sizes, (reply.datapath, 256))])


def _decode_desc(body: bytes) -> mp.DescReply:
    parts = struct.unpack_from("!256s256s256s32s256s", body)
    return mp.DescReply(*[part.split(b"\0", 1)[0].decode("utf-8", "replace") for part in parts])


def _number(request: type[Any], port: bool = False) -> Callable[[bytes], Any]:
    def decode(body: bytes) -> Any:
        (number,) = struct.unpack_from("!I", body)
        return request(narrow_port(number) if port else number)

    return decode


_NO_BODY: Final[Callable[[Any], bytes]] = lambda _: b""  # noqa: E731  # an entry of a table, as the rest
_PORT: Final[Callable[[Any], bytes]] = lambda r: struct.pack("!I4x", _wide(r.port))  # noqa: E731

_REQUESTS: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.DescRequest: (0, _NO_BODY),
    mp.FlowDescRequest: (1, _encode_flows),
    mp.AggregateRequest: (2, _encode_flows),
    mp.TableStatsRequest: (3, _NO_BODY),
    mp.PortStatsRequest: (4, _PORT),
    mp.GroupStatsRequest: (6, lambda r: struct.pack("!I4x", r.group)),
    mp.GroupDescRequest: (7, lambda r: struct.pack("!I4x", r.group)),
    mp.GroupFeaturesRequest: (8, _NO_BODY),
    mp.MeterDescRequest: (10, lambda r: struct.pack("!I4x", r.meter)),
    mp.MeterFeaturesRequest: (11, _NO_BODY),
    mp.PortDescRequest: (13, _PORT),
    mp.TableDescRequest: (14, _NO_BODY),
}
_REQUEST_DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    0: lambda _: mp.DescRequest(),
    1: _decode_flows(mp.FlowDescRequest),
    2: _decode_flows(mp.AggregateRequest),
    3: lambda _: mp.TableStatsRequest(),
    4: _number(mp.PortStatsRequest, port=True),
    6: _number(mp.GroupStatsRequest),
    7: _number(mp.GroupDescRequest),
    8: lambda _: mp.GroupFeaturesRequest(),
    10: _number(mp.MeterDescRequest),
    11: lambda _: mp.MeterFeaturesRequest(),
    13: _number(mp.PortDescRequest, port=True),
    14: lambda _: mp.TableDescRequest(),
}

_REPLIES: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.DescReply: (0, _encode_desc),
    mp.AggregateReply: (2, lambda r: encode_aggregate(r.packets, r.bytes, r.flows)),
    mp.GroupFeaturesReply: (
        8,
        lambda r: struct.pack("!II4I4I", r.types, r.capabilities, *r.max_groups, *r.actions),
    ),
    mp.MeterFeaturesReply: (
        11,
        lambda r: struct.pack(
            "!IIIBB2xI4x", r.max_meter, r.band_types, r.capabilities, r.max_bands, r.max_color, 0
        ),
    ),
}
_ENTRY_REPLIES: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.FlowDescReply: (1, encode_flow_desc),
    mp.TableStatsReply: (3, lambda t: _TABLE.pack(t.table, t.active, t.lookups, t.matched)),
    mp.PortStatsReply: (4, encode_port_stats),
    mp.GroupStatsReply: (6, encode_group_stats),
    mp.GroupDescReply: (7, encode_group_desc),
    mp.MeterDescReply: (10, encode_meter_desc),
    mp.PortDescReply: (13, encode_port),
    mp.TableDescReply: (14, lambda t: struct.pack("!HBxIHHI", 16, t.table, t.config, 2, 8, 7)),
}


def _cut(body: bytes, at: int, fixed: int = 0) -> Iterator[bytes]:
    """Entries of a body whose 16-bit length stands ``at`` bytes in, or that all have one length."""
    offset = 0
    while offset < len(body):
        size = fixed or int.from_bytes(body[offset + at : offset + at + 2], "big")
        if size < 8 or offset + size > len(body):
            raise CodecError(*BAD_REQUEST_LEN, f"an entry of {size} bytes")
        yield body[offset : offset + size]
        offset += size


def _group_features(body: bytes) -> mp.GroupFeaturesReply:
    types, capabilities, *rest = struct.unpack_from("!II4I4I", body)
    return mp.GroupFeaturesReply(types, capabilities, tuple(rest[:4]), tuple(rest[4:]))


_REPLY_DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    0: _decode_desc,
    2: lambda body: mp.AggregateReply(*decode_aggregate(body)),
    8: _group_features,
    11: lambda body: mp.MeterFeaturesReply(*struct.unpack_from("!IIIBB", body)),
}
_ENTRY_DECODERS: Final[Mapping[int, tuple[type[Any], Callable[[bytes], Any], int, int]]] = {
    # type -> reply, decoder of an entry, place of its length, its length when fixed
    1: (mp.FlowDescReply, decode_flow_desc, 0, 0),
    3: (mp.TableStatsReply, lambda e: mp.TableStats(*_TABLE.unpack(e)), 0, _TABLE.size),
    4: (mp.PortStatsReply, decode_port_stats, 0, 0),
    6: (mp.GroupStatsReply, decode_group_stats, 0, 0),
    7: (mp.GroupDescReply, decode_group_desc, 0, 0),
    10: (mp.MeterDescReply, decode_meter_desc, 0, 0),
    13: (mp.PortDescReply, decode_port, 4, 0),
    14: (mp.TableDescReply, lambda e: mp.TableDesc(*struct.unpack_from("!2xBxI", e)), 0, 0),
}


_MONITOR: Final = struct.Struct("!IIIHBB")
_UPDATE: Final = struct.Struct("!HHBBHHH4xQ")
_SHARED_FLAGS: Final = 0x1F
_OWN: Final = 0x40
_OWN_IN_FULL: Final = 0x60
"""Open vSwitch asks for the controller's own changes by the bit that the standard calls ONLY_OWN."""

_ADDED: Final = 1
_ABBREVIATED: Final = 4


def _decode_monitor(body: bytes) -> mp.FlowMonitorRequest:
    ident, port, group, flags, table, _command = _MONITOR.unpack_from(body)
    match, _ = decode_match(body, _MONITOR.size)
    flags = flags & _SHARED_FLAGS | (mp.MONITOR_OWN if flags & _OWN_IN_FULL else 0)
    return mp.FlowMonitorRequest((mp.FlowMonitor(ident, flags, narrow_port(port), table, match, group),))


def _monitor_flags(monitor: mp.FlowMonitor) -> int:
    return monitor.flags & _SHARED_FLAGS | (_OWN if monitor.flags & mp.MONITOR_OWN else 0)


def _encode_monitor(request: mp.FlowMonitorRequest) -> bytes:
    return b"".join(
        [
            _MONITOR.pack(m.id, _wide(m.out_port), m.out_group, _monitor_flags(m), m.table, 0)
            + encode_match(m.match)
            for m in request.monitors
        ]
    )


def _encode_update(update: mp.FlowUpdate) -> bytes:
    # The standard counts its events from "initial", which Open vSwitch's older extension calls "added".
    event = update.event + _ADDED
    if update.event == mp.FLOW_ABBREVIATED:
        return struct.pack("!HHI", 8, _ABBREVIATED, update.xid)
    flow = update.flow
    tail = encode_match(flow.match) + codec_actions.encode_instructions(flow.actions)
    head = _UPDATE.pack(
        _UPDATE.size + len(tail), event, flow.table, update.reason, flow.idle_timeout, flow.hard_timeout,
        flow.priority, flow.cookie,
    )  # fmt: skip
    return head + tail


def _decode_update(data: bytes) -> mp.FlowUpdate:
    if len(data) == 8:
        return mp.FlowUpdate(mp.FLOW_ABBREVIATED, Flow(0, 0, ANY, ()), 0, int.from_bytes(data[4:], "big"))
    _, event, table, reason, idle, hard, priority, cookie = _UPDATE.unpack_from(data)
    match, offset = decode_match(data, _UPDATE.size)
    actions = codec_actions_decode.decode_instructions(data[offset:])
    flow = Flow(table, priority, match, actions, cookie, idle, hard)
    return mp.FlowUpdate(event - _ADDED, flow, reason)


class MultipartTables(NamedTuple):
    """How one version encodes and decodes each multipart; by type of message, or by number.

    Numbers of Open vSwitch's own multiparts are ``NICIRA_MULTIPART`` and their subtype.
    """

    requests: Mapping[type, tuple[int, Callable[[Any], bytes]]]
    request_decoders: Mapping[int, Callable[[bytes], Any]]
    replies: Mapping[type, tuple[int, Callable[[Any], bytes]]]
    reply_decoders: Mapping[int, Callable[[bytes], Any]]
    entries: Mapping[type, tuple[int, Callable[[Any], bytes]]]
    entry_decoders: Mapping[int, tuple[type[Any], Callable[[bytes], Any], int, int]]
    request: int = REQUEST
    reply: int = REPLY
    head: int = 8


TABLES_15: Final = MultipartTables(
    {**_REQUESTS, mp.FlowMonitorRequest: (16, _encode_monitor)},
    {**_REQUEST_DECODERS, 16: _decode_monitor},
    _REPLIES,
    _REPLY_DECODERS,
    {**_ENTRY_REPLIES, mp.FlowMonitorReply: (16, _encode_update)},
    {**_ENTRY_DECODERS, 16: (mp.FlowMonitorReply, _decode_update, 0, 0)},
)
NICIRA_MULTIPART: Final = 0x10000
_EXPERIMENTER: Final = 0xFFFF
_NICIRA: Final = 0x2320


class MultipartCodec:
    """Multiparts of one version of OpenFlow."""

    __slots__ = ("tables",)

    def __init__(self, tables: MultipartTables) -> None:
        self.tables = tables

    def _head(self, number: int, flags: int) -> bytes:
        if number >= NICIRA_MULTIPART:
            # Before 1.1 the vendor's number follows at once, and its subtype is padded.
            if self.tables.head == 4:
                return struct.pack("!HHIIxxxx", _EXPERIMENTER, flags, _NICIRA, number - NICIRA_MULTIPART)
            return struct.pack("!HHxxxxII", _EXPERIMENTER, flags, _NICIRA, number - NICIRA_MULTIPART)
        return struct.pack("!HH", number, flags) + bytes(self.tables.head - 4)

    def encode(self, message: Any) -> tuple[int, bytes] | None:
        """OFPT type and body of a multipart message, or None for any other message."""
        tables = self.tables
        kind = type(message)
        for way, known in ((tables.request, tables.requests), (tables.reply, tables.replies)):
            found = known.get(kind)
            if found is not None:
                return way, self._head(found[0], 0) + found[1](message)
        found = tables.entries.get(kind)
        if found is not None:
            number, encode = found
            body = b"".join([encode(entry) for entry in message.entries])
            return tables.reply, self._head(number, _MORE if message.more else 0) + body
        if isinstance(message, mp.RawMultipart):
            head = self._head(message.type, message.flags)
            return tables.reply if message.reply else tables.request, head + message.body
        return None

    def split_reply(self, reply: type[Any], entries: Iterable[Any]) -> Iterator[tuple[int, bytes]]:
        """OFPT type and body of each message that it takes to carry ``entries``; at least one."""
        number, encode = self.tables.entries[reply]
        segment: list[bytes] = []
        size = 0
        for entry in entries:
            data = encode(entry)
            if size + len(data) > _LIMIT:
                yield self.tables.reply, self._head(number, _MORE) + b"".join(segment)
                segment, size = [], 0
            segment.append(data)
            size += len(data)
        yield self.tables.reply, self._head(number, 0) + b"".join(segment)

    def _cut_head(self, body: bytes) -> tuple[int, int, bytes]:
        """Number, flags and what follows."""
        number, flags = struct.unpack_from("!HH", body)
        if number == _EXPERIMENTER and len(body) >= 16:
            vendor, subtype = struct.unpack_from("!II", body, self.tables.head)
            if vendor == _NICIRA:
                return NICIRA_MULTIPART + subtype, flags, body[16:]
        if len(body) < self.tables.head:
            raise CodecError(*BAD_REQUEST_LEN, f"a multipart of {len(body)} bytes")
        return number, flags, body[self.tables.head :]

    def decode_request(self, body: bytes) -> Any:
        """Body of OFPT_MULTIPART_REQUEST."""
        number, flags, rest = self._cut_head(body)
        decoder = self.tables.request_decoders.get(number)
        return mp.RawMultipart(number, rest, flags=flags) if decoder is None else decoder(rest)

    def decode_reply(self, body: bytes) -> Any:
        """Body of OFPT_MULTIPART_REPLY."""
        number, flags, rest = self._cut_head(body)
        decoder = self.tables.reply_decoders.get(number)
        if decoder is not None:
            return decoder(rest)
        found = self.tables.entry_decoders.get(number)
        if found is None:
            return mp.RawMultipart(number, rest, reply=True, flags=flags)
        reply, decode, at, fixed = found
        return reply(tuple([decode(entry) for entry in _cut(rest, at, fixed)]), bool(flags & _MORE))


OF15: Final = MultipartCodec(TABLES_15)
