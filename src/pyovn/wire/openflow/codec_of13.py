"""OpenFlow 1.3 and 1.4: the bodies in which they differ from 1.5 (OpenFlow 1.3.5 and 1.4.1, section A.3).

What is the same in 1.5 (most of all) is not here; ``codec`` lays these tables over those of 1.5.  1.4 has
1.5's properties of ports and asynchronous configuration, 1.3 has fixed structures instead, and bundles only
as ONF's extension 230.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec_actions_old import DECODE_13, OF13
from pyovn.wire.openflow.codec_match import decode_match, encode_match, narrow_port, wide_port
from pyovn.wire.openflow.errors import BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ONF: Final = 0x4F4E4600
BUNDLE_CONTROL_13: Final = 2300
BUNDLE_ADD_13: Final = 2301

_FLOW_DESC: Final = struct.Struct("!HBxIIHHHHH2xQQQ")
_FLOW_REMOVED: Final = struct.Struct("!QHBBIIHHQQ")
_PORT: Final = struct.Struct("!I4x6s2x16sIIIIIIII")
_PORT_STATS: Final = struct.Struct("!I4x12QII")
_PORT_MOD: Final = struct.Struct("!I4x6s2xIII4x")
_BUCKET: Final = struct.Struct("!HHII4x")
_GROUP: Final = struct.Struct("!HBxI")
_UNKNOWN: Final = 0xFFFFFFFFFFFFFFFF
_SECOND: Final = 1_000_000_000
_NO_GROUP: Final = 0xFFFFFFFF
_WEIGHTED: Final = 1


def _encode_flow_desc(desc: mp.FlowDesc) -> bytes:
    flow = desc.flow
    tail = encode_match(flow.match) + OF13.encode_instructions(flow.actions)
    seconds, rest = divmod(desc.duration, _SECOND)
    return (
        _FLOW_DESC.pack(
            _FLOW_DESC.size + len(tail), flow.table, seconds, rest, flow.priority, flow.idle_timeout,
            flow.hard_timeout, flow.flags, flow.importance, flow.cookie, desc.packets, desc.bytes,
        )
        + tail
    )  # fmt: skip


def _decode_flow_desc(data: bytes) -> mp.FlowDesc:
    _, table, seconds, rest, priority, idle, hard, flags, importance, cookie, packets, octets = (
        _FLOW_DESC.unpack_from(data)
    )
    match, offset = decode_match(data, _FLOW_DESC.size)
    actions = DECODE_13.decode_instructions(data[offset:])
    flow = Flow(table, priority, match, actions, cookie, idle, hard, flags, importance)
    return mp.FlowDesc(flow, packets, octets, seconds * _SECOND + rest)


def encode_flow_removed(message: ofp.FlowRemoved) -> bytes:
    """Body of OFPT_FLOW_REMOVED."""
    desc, flow = message.desc, message.desc.flow
    seconds, rest = divmod(desc.duration, _SECOND)
    head = _FLOW_REMOVED.pack(
        flow.cookie, flow.priority, message.reason, flow.table, seconds, rest, flow.idle_timeout,
        flow.hard_timeout, desc.packets, desc.bytes,
    )  # fmt: skip
    return head + encode_match(flow.match)


def decode_flow_removed(body: bytes) -> ofp.FlowRemoved:
    """Body of OFPT_FLOW_REMOVED."""
    cookie, priority, reason, table, seconds, rest, idle, hard, packets, octets = _FLOW_REMOVED.unpack_from(
        body
    )
    match, _ = decode_match(body, _FLOW_REMOVED.size)
    flow = Flow(table, priority, match, (), cookie, idle, hard)
    return ofp.FlowRemoved(mp.FlowDesc(flow, packets, octets, seconds * _SECOND + rest), reason)


def encode_packet_out(message: ofp.PacketOut) -> bytes:
    """Body of OFPT_PACKET_OUT; only 1.5 carries metadata beside the port."""
    actions = OF13.encode(message.actions)
    head = struct.pack("!IIH6x", message.buffer_id, wide_port(message.in_port), len(actions))
    return head + actions + message.data


def decode_packet_out(body: bytes) -> ofp.PacketOut:
    """Body of OFPT_PACKET_OUT."""
    buffer, port, size = struct.unpack_from("!IIH6x", body)
    if 16 + size > len(body):
        raise CodecError(*BAD_REQUEST_LEN, "the actions of a packet_out are cut short")
    actions = DECODE_13.decode(body[16 : 16 + size])
    return ofp.PacketOut(actions, body[16 + size :], narrow_port(port), buffer_id=buffer)


def _encode_port(port: mp.PortDesc) -> bytes:
    return _PORT.pack(
        wide_port(port.port), port.hw_addr.to_bytes(6, "big"), port.name.encode()[:15], port.config,
        port.state, port.current, port.advertised, port.supported, port.peer, port.current_speed,
        port.max_speed,
    )  # fmt: skip


def _decode_port(data: bytes) -> mp.PortDesc:
    number, hw_addr, name, *rest = _PORT.unpack_from(data)
    text = name.split(b"\0", 1)[0].decode("utf-8", "replace")
    return mp.PortDesc(narrow_port(number), text, int.from_bytes(hw_addr, "big"), *rest)


def counters(stats: mp.PortStats) -> list[int]:
    """The twelve counters of OpenFlow 1.0 to 1.3; what is not known is all ones."""
    known = (
        stats.rx_packets, stats.tx_packets, stats.rx_bytes, stats.tx_bytes, stats.rx_dropped,
        stats.tx_dropped, stats.rx_errors, stats.tx_errors, stats.rx_frame_errors, stats.rx_over_errors,
        stats.rx_crc_errors, stats.collisions,
    )  # fmt: skip
    return [_UNKNOWN if counter is None else counter for counter in known]


def known_counters(numbers: list[int]) -> list[int | None]:
    """The inverse of ``counters``."""
    return [None if number == _UNKNOWN else number for number in numbers]


def _encode_port_stats(stats: mp.PortStats) -> bytes:
    return _PORT_STATS.pack(wide_port(stats.port), *counters(stats), *divmod(stats.duration, _SECOND))


def _decode_port_stats(data: bytes) -> mp.PortStats:
    port, *numbers = _PORT_STATS.unpack_from(data)
    duration = numbers[12] * _SECOND + numbers[13]
    return mp.PortStats(narrow_port(port), duration, *known_counters(numbers[:12]))


def _encode_port_mod(mod: ofp.PortMod) -> bytes:
    hw_addr = mod.hw_addr.to_bytes(6, "big")
    return _PORT_MOD.pack(wide_port(mod.port), hw_addr, mod.config, mod.mask, mod.advertise)


def _decode_port_mod(body: bytes) -> ofp.PortMod:
    port, hw_addr, *rest = _PORT_MOD.unpack_from(body)
    return ofp.PortMod(narrow_port(port), int.from_bytes(hw_addr, "big"), *rest)


def _encode_buckets(group: mp.GroupEntry) -> bytes:
    out = b""
    for bucket in group.buckets:
        actions = OF13.encode(bucket.actions)
        weight = bucket.weight if bucket.weight is not None else int(group.type == _WEIGHTED)
        port = _NO_GROUP if bucket.watch_port is None else wide_port(bucket.watch_port)
        watch = _NO_GROUP if bucket.watch_group is None else bucket.watch_group
        out += _BUCKET.pack(_BUCKET.size + len(actions), weight, port, watch) + actions
    return out


def _decode_buckets(data: bytes) -> tuple[mp.Bucket, ...]:
    """Buckets; they have no numbers in this version, so they are counted from 0."""
    buckets: list[mp.Bucket] = []
    offset = 0
    while offset < len(data):
        size, weight, port, watch = _BUCKET.unpack_from(data, offset)
        if size < _BUCKET.size or offset + size > len(data):
            raise CodecError(*BAD_REQUEST_LEN, f"a bucket of {size} bytes")
        buckets.append(
            mp.Bucket(
                DECODE_13.decode(data[offset + _BUCKET.size : offset + size]),
                len(buckets),
                weight,
                None if port == _NO_GROUP else narrow_port(port),
                None if watch == _NO_GROUP else watch,
            )
        )
        offset += size
    return tuple(buckets)


def _encode_group_mod(mod: ofp.GroupMod) -> bytes:
    group = mod.group
    return _GROUP.pack(mod.command & 0xFFFF, group.type, group.id) + _encode_buckets(group)


def _decode_group_mod(body: bytes) -> ofp.GroupMod:
    command, kind, ident = _GROUP.unpack_from(body)
    return ofp.GroupMod(command, mp.GroupEntry(ident, kind, _decode_buckets(body[_GROUP.size :])))


def _encode_group_desc(group: mp.GroupEntry) -> bytes:
    buckets = _encode_buckets(group)
    return _GROUP.pack(_GROUP.size + len(buckets), group.type, group.id) + buckets


def _decode_group_desc(data: bytes) -> mp.GroupEntry:
    _, kind, ident = _GROUP.unpack_from(data)
    return mp.GroupEntry(ident, kind, _decode_buckets(data[_GROUP.size :]))


def encode_async(masks: tuple[tuple[int, int], ...]) -> bytes:
    """Fixed masks: packet-in, port status, flow removed, each for a master and for a slave."""
    found = dict(masks)
    # A property of 1.4 has the slave's mask under an even number and the master's under the next.
    return struct.pack("!6I", *[found.get(kind, 0) for kind in (1, 0, 3, 2, 5, 4)])


def decode_async(data: bytes) -> tuple[tuple[int, int], ...]:
    """The inverse of ``encode_async``."""
    return tuple(sorted(zip((1, 0, 3, 2, 5, 4), struct.unpack_from("!6I", data), strict=True)))


_EXPERIMENTER: Final = 0xFFFF
_BUNDLE_FAILED: Final = 17
_BUNDLE_ERRORS: Final = 2300


def encode_error(error: ofp.Error) -> bytes:
    """Body of OFPT_ERROR in 1.3, where errors about bundles are those of ONF's extension."""
    if error.type == _BUNDLE_FAILED:
        return struct.pack("!HHI", _EXPERIMENTER, _BUNDLE_ERRORS + error.code, ONF) + error.data
    vendor = error.vendor.to_bytes(4, "big") if error.type == _EXPERIMENTER else b""
    return struct.pack("!HH", error.type, error.code) + vendor + error.data


def decode_error(body: bytes) -> ofp.Error:
    """Body of OFPT_ERROR of any version from 1.3 on."""
    kind, code = struct.unpack_from("!HH", body)
    if kind != _EXPERIMENTER:
        return ofp.Error(kind, code, body[4:])
    (vendor,) = struct.unpack_from("!I", body, 4)
    if vendor == ONF and _BUNDLE_ERRORS <= code < _BUNDLE_ERRORS + 100:
        return ofp.Error(_BUNDLE_FAILED, code - _BUNDLE_ERRORS, body[8:])
    return ofp.Error(kind, code, body[8:], vendor)


def _encode_stats(flows: tuple[int, int, int]) -> bytes:
    return struct.pack("!QQI4x", *flows)


MESSAGES_14: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    ofp.FlowRemoved: (11, encode_flow_removed),
    ofp.PacketOut: (13, encode_packet_out),
    ofp.GroupMod: (15, _encode_group_mod),
}
DECODERS_14: Final[Mapping[int, Callable[[bytes], Any]]] = {
    11: decode_flow_removed,
    13: decode_packet_out,
    15: _decode_group_mod,
}
MESSAGES_13: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    **MESSAGES_14,
    ofp.Error: (1, encode_error),
    ofp.PortStatus: (12, lambda m: bytes((m.reason,)) + bytes(7) + _encode_port(m.desc)),
    ofp.PortMod: (16, _encode_port_mod),
    ofp.GetAsyncReply: (27, lambda m: encode_async(m.masks)),
    ofp.BundleControl: (
        4,
        lambda m: struct.pack("!IIIHH", ONF, BUNDLE_CONTROL_13, m.id, m.type, m.flags),
    ),
}
DECODERS_13: Final[Mapping[int, Callable[[bytes], Any]]] = {
    **DECODERS_14,
    12: lambda body: ofp.PortStatus(body[0], _decode_port(body[8:])),
    16: _decode_port_mod,
    27: lambda body: ofp.GetAsyncReply(decode_async(body)),
    28: lambda body: ofp.SetAsync(decode_async(body)),
}

ENTRIES_14: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.FlowDescReply: (1, _encode_flow_desc),
    mp.GroupDescReply: (7, _encode_group_desc),
}
ENTRY_DECODERS_14: Final[Mapping[int, tuple[type[Any], Callable[[bytes], Any], int, int]]] = {
    1: (mp.FlowDescReply, _decode_flow_desc, 0, 0),
    7: (mp.GroupDescReply, _decode_group_desc, 0, 0),
}
ENTRIES_13: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    **ENTRIES_14,
    mp.PortStatsReply: (4, _encode_port_stats),
    mp.PortDescReply: (13, _encode_port),
}
ENTRY_DECODERS_13: Final[Mapping[int, tuple[type[Any], Callable[[bytes], Any], int, int]]] = {
    **ENTRY_DECODERS_14,
    4: (mp.PortStatsReply, _decode_port_stats, 0, _PORT_STATS.size),
    13: (mp.PortDescReply, _decode_port, 0, _PORT.size),
}
REPLIES_14: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.AggregateReply: (2, lambda r: _encode_stats((r.packets, r.bytes, r.flows))),
}
REPLY_DECODERS_14: Final[Mapping[int, Callable[[bytes], Any]]] = {
    2: lambda body: mp.AggregateReply(*struct.unpack_from("!QQI4x", body)),
}
