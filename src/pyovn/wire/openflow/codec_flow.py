"""Flows on the wire: flow_mod, flow descriptions with their OXS counters, flow_removed.

OpenFlow 1.5.1, sections 7.3.4.2, 7.3.5.2, 7.4.2 and 7.2.4 (OXS).  A flow_mod is the hot path of a
controller: everything that can be remembered (match, instructions) is, the rest is one struct.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import codec_actions, codec_actions_decode
from pyovn.wire.openflow.codec_match import decode_match, encode_match, narrow_port, wide_port
from pyovn.wire.openflow.errors import BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.messages import FlowMod, FlowRemoved
from pyovn.wire.openflow.multiparts import ANY_PORT, FlowDesc

if TYPE_CHECKING:
    from pyovn.wire.openflow.codec_actions import ActionEncoder
    from pyovn.wire.openflow.codec_actions_decode import ActionDecoder

_MOD: Final = struct.Struct("!BBHIQQBBHHHIIIHH")
_MOD_BODY: Final = struct.Struct("!QQBBHHHIIIHH")
_DESC: Final = struct.Struct("!H2xBxHHHHHQ")
_REMOVED: Final = struct.Struct("!BBHHHQ")
_TIME: Final = struct.Struct("!II")
_STATS: Final = struct.Struct("!HHIIIIIIIQIQ")
_STATS_NO_IDLE: Final = struct.Struct("!HHIIIIQIQ")

_DURATION: Final = 0x80020008
_IDLE: Final = 0x80020208
_FLOWS: Final = 0x80020604
_PACKETS: Final = 0x80020808
_BYTES: Final = 0x80020A08
_SECOND: Final = 1_000_000_000


def encode_flow_mod(
    mod: FlowMod, xid: int, version: int = 6, encoder: ActionEncoder = codec_actions.OF15
) -> bytes:
    """The whole message, header included: it is too frequent for a join of two parts."""
    flow = mod.flow
    tail = (flow.match.wire or encode_match(flow.match)) + encoder.encode_instructions(flow.actions)
    port = mod.out_port
    return (
        _MOD.pack(
            version,
            14,
            48 + len(tail),
            xid,
            flow.cookie,
            mod.cookie_mask,
            flow.table,
            mod.command,
            flow.idle_timeout,
            flow.hard_timeout,
            flow.priority,
            mod.buffer_id,
            0xFFFFFFFF if port == ANY_PORT else wide_port(port),
            mod.out_group,
            flow.flags,
            flow.importance,
        )
        + tail
    )


def decode_flow_mod(body: bytes, decoder: ActionDecoder = codec_actions_decode.OF15) -> FlowMod:
    """Body of OFPT_FLOW_MOD, without the header."""
    cookie, cookie_mask, table, command, idle, hard, priority, buffer, port, group, flags, importance = (
        _MOD_BODY.unpack_from(body)
    )
    match, offset = decode_match(body, 40)
    actions = decoder.decode_instructions(body[offset:])
    flow = Flow(table, priority, match, actions, cookie, idle, hard, flags, importance)
    return FlowMod(command, flow, cookie_mask, buffer, narrow_port(port), group)


def encode_stats(desc: FlowDesc) -> bytes:
    """ofp_stats with the OXS fields that Open vSwitch sends."""
    seconds, rest = divmod(desc.duration, _SECOND)
    if desc.idle_age is None:
        return _STATS_NO_IDLE.pack(
            0, 40, _DURATION, seconds, rest, _PACKETS, desc.packets, _BYTES, desc.bytes
        )
    known = _STATS.pack(
        0, 52, _DURATION, seconds, rest, _IDLE, desc.idle_age, 0, _PACKETS, desc.packets, _BYTES, desc.bytes
    )
    return known + b"\0\0\0\0"


def encode_aggregate(packets: int, octets: int, flows: int) -> bytes:
    """ofp_stats of an aggregate reply: packets, bytes, flows."""
    return struct.pack("!HHIQIQII4x", 0, 36, _PACKETS, packets, _BYTES, octets, _FLOWS, flows)


def decode_stats(data: bytes, offset: int) -> tuple[dict[int, int], int]:
    """OXS header -> value (times in ns), and the offset after the padding."""
    size = data[offset + 2] << 8 | data[offset + 3]
    end = offset + size
    if size < 4 or end > len(data):
        raise CodecError(*BAD_REQUEST_LEN, f"statistics of {size} bytes")
    found: dict[int, int] = {}
    at = offset + 4
    while at < end:
        header = int.from_bytes(data[at : at + 4], "big")
        length = header & 0xFF
        if at + 4 + length > end:
            raise CodecError(*BAD_REQUEST_LEN, "a statistic is cut short")
        if header in (_DURATION, _IDLE):
            seconds, rest = _TIME.unpack_from(data, at + 4)
            found[header] = seconds * _SECOND + rest
        else:
            found[header] = int.from_bytes(data[at + 4 : at + 4 + length], "big")
        at += 4 + length
    return found, end + (-size & 7)


def decode_aggregate(body: bytes) -> tuple[int, int, int]:
    """Packets, bytes, flows."""
    found, _ = decode_stats(body, 0)
    return found.get(_PACKETS, 0), found.get(_BYTES, 0), found.get(_FLOWS, 0)


def _stats_to_desc(flow: Flow, stats: dict[int, int]) -> FlowDesc:
    idle = stats.get(_IDLE)
    return FlowDesc(
        flow,
        stats.get(_PACKETS, 0),
        stats.get(_BYTES, 0),
        stats.get(_DURATION, 0),
        None if idle is None else idle // _SECOND,
    )


def encode_flow_desc(desc: FlowDesc) -> bytes:
    """One entry of OFPMP_FLOW_DESC."""
    flow = desc.flow
    tail = (
        (flow.match.wire or encode_match(flow.match))
        + encode_stats(desc)
        + codec_actions.encode_instructions(flow.actions)
    )
    return (
        _DESC.pack(
            24 + len(tail),
            flow.table,
            flow.priority,
            flow.idle_timeout,
            flow.hard_timeout,
            flow.flags,
            flow.importance,
            flow.cookie,
        )
        + tail
    )


def decode_flow_desc(data: bytes) -> FlowDesc:
    """One entry of OFPMP_FLOW_DESC, cut to its length."""
    _, table, priority, idle, hard, flags, importance, cookie = _DESC.unpack_from(data)
    match, offset = decode_match(data, 24)
    stats, offset = decode_stats(data, offset)
    actions = codec_actions_decode.decode_instructions(data[offset:])
    return _stats_to_desc(Flow(table, priority, match, actions, cookie, idle, hard, flags, importance), stats)


def encode_flow_removed(message: FlowRemoved) -> bytes:
    """Body of OFPT_FLOW_REMOVED."""
    flow = message.desc.flow
    head = _REMOVED.pack(
        flow.table, message.reason, flow.priority, flow.idle_timeout, flow.hard_timeout, flow.cookie
    )
    return head + encode_match(flow.match) + encode_stats(message.desc)


def decode_flow_removed(body: bytes) -> FlowRemoved:
    """Body of OFPT_FLOW_REMOVED."""
    table, reason, priority, idle, hard, cookie = _REMOVED.unpack_from(body)
    match, offset = decode_match(body, 16)
    stats, _ = decode_stats(body, offset)
    return FlowRemoved(_stats_to_desc(Flow(table, priority, match, (), cookie, idle, hard), stats), reason)
