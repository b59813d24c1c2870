"""OpenFlow 1.0 with Open vSwitch's extensions (OpenFlow 1.0.2, section 5; ovs-fields(7), "NXM").

1.0 has matches of a fixed 40 bytes, 16-bit ports and no groups.  Open vSwitch extended it long before later
versions came: NXM matches (``NXT_FLOW_MOD``, ``NXST_FLOW``), tables other than 0, registers, groups, roles.
Both forms are read; which one the switch sends depends on what the controller asked for (``connection``).

A 1.0 match cannot say everything.  Encoding leaves out what it cannot say, as Open vSwitch does for a
controller that did not ask for NXM.  Not here: the vendor's messages that are the same in every version
(``codec_nicira``), matches (``codec_of10_match``), the numbers of errors (``codec_of10_errors``).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec_actions_old import DECODE_10, OF10
from pyovn.wire.openflow.codec_match import decode_terms, encode_nxm
from pyovn.wire.openflow.codec_of10_errors import encode_error
from pyovn.wire.openflow.codec_of10_match import (
    ALL_COOKIE,
    MATCH,
    cookie_terms,
    cut_cookie,
    decode_match,
    encode_match,
    nxm,
    padded,
)
from pyovn.wire.openflow.codec_of13 import counters, known_counters
from pyovn.wire.openflow.errors import BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.flow import CHECK_OVERLAP, RESET_COUNTS, SEND_FLOW_REM, Flow
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FLOW_MOD: Final = struct.Struct("!QHHHHIHH")
_NX_FLOW_MOD: Final = struct.Struct("!QHHHHIHHH6x")
_FLOW_STATS: Final = struct.Struct("!HBx")
_FLOW_STATS_REST: Final = struct.Struct("!IIHHH6xQQQ")
_NX_FLOW_STATS: Final = struct.Struct("!HBxIIHHHHHHQQQ")
_NX_REQUEST: Final = struct.Struct("!HHB3x")
_FLOW_REMOVED: Final = struct.Struct("!QHBxIIH2xQQ")
_NX_FLOW_REMOVED: Final = struct.Struct("!QHBBIIHHQQ")
_NX_PACKET_IN: Final = struct.Struct("!IHBBQH6x")
_PORT: Final = struct.Struct("!H6s16sIIIIII")
_PORT_STATS: Final = struct.Struct("!H6x12Q")
_TABLE_STATS: Final = struct.Struct("!B3x32sIIIQQ")
_SECOND: Final = 1_000_000_000


# -- flows -----------------------------------------------------------------------------------------

_FLAGS: Final = SEND_FLOW_REM | CHECK_OVERLAP


def _command(mod: ofp.FlowMod) -> int:
    """The command with the table above it; 0 there when all tables are meant, for 1.0 has one table."""
    return mod.command | mod.flow.table << 8


def encode_flow_mod(mod: ofp.FlowMod) -> tuple[int, bytes]:
    """OFPT type and body of a flow_mod, as OFPT_FLOW_MOD where that can say it, else as NXT_FLOW_MOD."""
    flow = mod.flow
    flags = flow.flags & _FLAGS
    actions = OF10.encode(flow.actions)
    cookie = flow.cookie
    adding = mod.command == ofp.ADD
    if not adding and not mod.modify_cookie:
        cookie = ALL_COOKIE
    if not mod.cookie_mask and expressible(flow.match):
        return 14, (
            encode_match(flow.match)
            + _FLOW_MOD.pack(
                flow.cookie, _command(mod), flow.idle_timeout, flow.hard_timeout, flow.priority,
                mod.buffer_id, mod.out_port, flags,
            )
            + actions
        )  # fmt: skip
    terms = encode_nxm(flow.match) + cookie_terms(flow.cookie, mod.cookie_mask)
    head = _NX_FLOW_MOD.pack(
        cookie, _command(mod), flow.idle_timeout, flow.hard_timeout, flow.priority, mod.buffer_id,
        mod.out_port, flags, len(terms),
    )  # fmt: skip
    return 4, struct.pack("!II", 0x2320, 13) + head + padded(terms) + actions


def expressible(match: Match) -> bool:
    """Whether OpenFlow 1.0's own match can say all of ``match``."""
    return decode_match(encode_match(match), 0) == match


def _flow_mod(
    command: int, match: Match, actions: tuple[act.Action, ...], cookies: tuple[int, int, int],
    timeouts: tuple[int, int], rest: tuple[int, int, int, int],
) -> ofp.FlowMod:  # fmt: skip
    """``cookies`` are the new one, and the one that is matched with its mask."""
    new, matched, mask = cookies
    priority, buffer, port, flags = rest
    table, command = command >> 8, command & 0xFF
    adding = command == ofp.ADD
    # An addition of 1.0 starts to count afresh (OpenFlow 1.0.2, section 4.6).
    kept = flags & _FLAGS | (RESET_COUNTS if adding else 0)
    flow = Flow(
        table, priority, match, act.in_context(actions, match), new if adding or not mask else matched,
        *timeouts, kept,
    )  # fmt: skip
    modifying = command in (ofp.MODIFY, ofp.MODIFY_STRICT) and new != ALL_COOKIE and not mask
    return ofp.FlowMod(command, flow, mask, buffer, port, modify_cookie=modifying)


def _decode_flow_mod(body: bytes) -> ofp.FlowMod:
    match = decode_match(body, 0)
    cookie, command, idle, hard, *rest = _FLOW_MOD.unpack_from(body, MATCH.size)
    actions = DECODE_10.decode(body[MATCH.size + _FLOW_MOD.size :])
    priority, buffer, port, flags = rest
    if command & 0xFF in (ofp.DELETE, ofp.DELETE_STRICT):
        cookie = 0
    return _flow_mod(command, match, actions, (cookie, 0, 0), (idle, hard), (priority, buffer, port, flags))


def _decode_nx_flow_mod(body: bytes) -> ofp.FlowMod:
    cookie, command, idle, hard, priority, buffer, port, flags, size = _NX_FLOW_MOD.unpack_from(body)
    start = _NX_FLOW_MOD.size
    if start + size > len(body):
        raise CodecError(*BAD_REQUEST_LEN, "a match is cut short")
    terms, matched, mask = cut_cookie(body[start : start + size])
    actions = DECODE_10.decode(body[start + size + (-size & 7) :])
    return _flow_mod(
        command, decode_terms(terms), actions, (cookie, matched, mask), (idle, hard),
        (priority, buffer, port, flags),
    )  # fmt: skip


def _encode_flows(request: mp.FlowDescRequest | mp.AggregateRequest) -> bytes:
    terms = encode_nxm(request.match) + cookie_terms(request.cookie, request.cookie_mask)
    return _NX_REQUEST.pack(request.out_port, len(terms), request.table) + padded(terms)


def _decode_flows(kind: type[Any]) -> Callable[[bytes], Any]:
    def decode(body: bytes) -> Any:
        match = decode_match(body, 0)
        table, port = struct.unpack_from("!BxH", body, MATCH.size)
        return kind(table, match, 0, 0, port)

    return decode


def _decode_nx_flows(kind: type[Any]) -> Callable[[bytes], Any]:
    def decode(body: bytes) -> Any:
        port, size, table = _NX_REQUEST.unpack_from(body)
        terms, cookie, mask = cut_cookie(body[_NX_REQUEST.size : _NX_REQUEST.size + size])
        return kind(table, decode_terms(terms), cookie, mask, port)

    return decode


def _encode_flow_stats(desc: mp.FlowDesc) -> bytes:
    flow = desc.flow
    actions = OF10.encode(flow.actions)
    size = _FLOW_STATS.size + MATCH.size + _FLOW_STATS_REST.size + len(actions)
    return (
        _FLOW_STATS.pack(size, flow.table)
        + encode_match(flow.match)
        + _FLOW_STATS_REST.pack(
            *divmod(desc.duration, _SECOND), flow.priority, flow.idle_timeout, flow.hard_timeout, flow.cookie,
            desc.packets, desc.bytes,
        )
        + actions
    )  # fmt: skip


def _decode_flow_stats(data: bytes) -> mp.FlowDesc:
    _, table = _FLOW_STATS.unpack_from(data)
    match = decode_match(data, _FLOW_STATS.size)
    at = _FLOW_STATS.size + MATCH.size
    seconds, rest, priority, idle, hard, cookie, packets, octets = _FLOW_STATS_REST.unpack_from(data, at)
    actions = DECODE_10.decode(data[at + _FLOW_STATS_REST.size :])
    flow = Flow(table, priority, match, actions, cookie, idle, hard)
    return mp.FlowDesc(flow, packets, octets, seconds * _SECOND + rest)


def _encode_nx_flow_stats(desc: mp.FlowDesc) -> bytes:
    flow = desc.flow
    terms, actions = encode_nxm(flow.match), OF10.encode(flow.actions)
    body = padded(terms) + actions
    idle_age = 0 if desc.idle_age is None else min(desc.idle_age, 0xFFFE) + 1
    known_age = desc.duration // _SECOND if desc.hard_age is None else desc.hard_age
    hard_age = min(known_age, 0xFFFE) + 1
    return (
        _NX_FLOW_STATS.pack(
            _NX_FLOW_STATS.size + len(body), flow.table, *divmod(desc.duration, _SECOND), flow.priority,
            flow.idle_timeout, flow.hard_timeout, len(terms), idle_age, hard_age, flow.cookie, desc.packets,
            desc.bytes,
        )
        + body
    )  # fmt: skip


def _decode_nx_flow_stats(data: bytes) -> mp.FlowDesc:
    (_, table, seconds, rest, priority, idle, hard, size, idle_age, hard_age, cookie, packets, octets) = (
        _NX_FLOW_STATS.unpack_from(data)
    )
    match, offset = nxm(data, _NX_FLOW_STATS.size, size)
    flow = Flow(table, priority, match, DECODE_10.decode(data[offset:]), cookie, idle, hard)
    ages = [age - 1 if age else None for age in (idle_age, hard_age)]
    return mp.FlowDesc(flow, packets, octets, seconds * _SECOND + rest, *ages)


def _encode_flow_removed(message: ofp.FlowRemoved) -> bytes:
    desc, flow = message.desc, message.desc.flow
    return encode_match(flow.match) + _FLOW_REMOVED.pack(
        flow.cookie, flow.priority, message.reason, *divmod(desc.duration, _SECOND), flow.idle_timeout,
        desc.packets, desc.bytes,
    )  # fmt: skip


def _decode_flow_removed(body: bytes) -> ofp.FlowRemoved:
    match = decode_match(body, 0)
    cookie, priority, reason, seconds, rest, idle, packets, octets = _FLOW_REMOVED.unpack_from(
        body, MATCH.size
    )
    flow = Flow(0, priority, match, (), cookie, idle)
    return ofp.FlowRemoved(mp.FlowDesc(flow, packets, octets, seconds * _SECOND + rest), reason)


def _encode_nx_flow_removed(message: ofp.FlowRemoved) -> bytes:
    desc, flow = message.desc, message.desc.flow
    terms = encode_nxm(flow.match)
    head = _NX_FLOW_REMOVED.pack(
        flow.cookie, flow.priority, message.reason, flow.table + 1, *divmod(desc.duration, _SECOND),
        flow.idle_timeout, len(terms), desc.packets, desc.bytes,
    )  # fmt: skip
    return head + padded(terms)


def _decode_nx_flow_removed(body: bytes) -> ofp.FlowRemovedNxt:
    cookie, priority, reason, table, seconds, rest, idle, size, packets, octets = (
        _NX_FLOW_REMOVED.unpack_from(body)
    )
    match, _ = nxm(body, _NX_FLOW_REMOVED.size, size)
    flow = Flow(max(table - 1, 0), priority, match, (), cookie, idle)
    return ofp.FlowRemovedNxt(mp.FlowDesc(flow, packets, octets, seconds * _SECOND + rest), reason)


# -- monitors of flows -----------------------------------------------------------------------------

_MONITOR: Final = struct.Struct("!IHHHB5x")
_UPDATE: Final = struct.Struct("!HHHHHHHBxQ")
_ABBREVIATED: Final = struct.Struct("!HHI")


def _decode_monitors(body: bytes) -> mp.FlowMonitorRequest:
    monitors = []
    offset = 0
    while offset < len(body):
        ident, flags, port, size, table = _MONITOR.unpack_from(body, offset)
        match, offset = nxm(body, offset + _MONITOR.size, size)
        monitors.append(mp.FlowMonitor(ident, flags, port, table, match))
    return mp.FlowMonitorRequest(tuple(monitors))


def _encode_monitors(request: mp.FlowMonitorRequest) -> bytes:
    out = b""
    for monitor in request.monitors:
        terms = encode_nxm(monitor.match)
        head = _MONITOR.pack(monitor.id, monitor.flags, monitor.out_port, len(terms), monitor.table)
        out += head + padded(terms)
    return out


def _encode_update(update: mp.FlowUpdate) -> bytes:
    if update.event == mp.FLOW_ABBREVIATED:
        return _ABBREVIATED.pack(8, update.event, update.xid)
    flow = update.flow
    terms = encode_nxm(flow.match)
    tail = padded(terms) + OF10.encode(flow.actions)
    return (
        _UPDATE.pack(
            _UPDATE.size + len(tail), max(update.event, mp.FLOW_ADDED), update.reason, flow.priority,
            flow.idle_timeout, flow.hard_timeout, len(terms), flow.table, flow.cookie,
        )
        + tail
    )  # fmt: skip


def _decode_update(data: bytes) -> mp.FlowUpdate:
    if len(data) == _ABBREVIATED.size:
        _, event, xid = _ABBREVIATED.unpack(data)
        return mp.FlowUpdate(event, Flow(0, 0, Match(()), ()), 0, xid)
    _, event, reason, priority, idle, hard, size, table, cookie = _UPDATE.unpack_from(data)
    match, offset = nxm(data, _UPDATE.size, size)
    flow = Flow(table, priority, match, DECODE_10.decode(data[offset:]), cookie, idle, hard)
    return mp.FlowUpdate(event, flow, reason)


# -- packets ---------------------------------------------------------------------------------------


def _encode_packet_out(message: ofp.PacketOut) -> bytes:
    actions = OF10.encode(message.actions)
    return struct.pack("!IHH", message.buffer_id, message.in_port, len(actions)) + actions + message.data


def _decode_packet_out(body: bytes) -> ofp.PacketOut:
    buffer, port, size = struct.unpack_from("!IHH", body)
    if 8 + size > len(body):
        raise CodecError(*BAD_REQUEST_LEN, "the actions of a packet_out are cut short")
    return ofp.PacketOut(DECODE_10.decode(body[8 : 8 + size]), body[8 + size :], port, buffer_id=buffer)


def _reason(reason: int) -> int:
    """1.0 knows two reasons; what came later is an action to it, as an invalid TTL is no match's."""
    return reason if reason < 2 else 1


def _encode_packet_in(message: ofp.PacketInStandard) -> bytes:
    port = message.metadata.exact("in_port") or 0
    head = struct.pack("!IHHBx", message.buffer_id, message.total_len, port, _reason(message.reason))
    return head + message.data


def _decode_packet_in(body: bytes) -> ofp.PacketInStandard:
    buffer, total, port, reason = struct.unpack_from("!IHHBx", body)
    metadata = Match.of({"in_port": port})
    return ofp.PacketInStandard(body[10:], metadata, total, reason, 0, ALL_COOKIE, buffer)


def _encode_nx_packet_in(message: ofp.PacketInStandard) -> bytes:
    terms = encode_nxm(message.metadata)
    head = _NX_PACKET_IN.pack(
        message.buffer_id, message.total_len, message.reason, message.table, message.cookie, len(terms)
    )
    return head + padded(terms) + bytes(2) + message.data


def _decode_nx_packet_in(body: bytes) -> ofp.PacketInNxt:
    buffer, total, reason, table, cookie, size = _NX_PACKET_IN.unpack_from(body)
    metadata, offset = nxm(body, _NX_PACKET_IN.size, size)
    return ofp.PacketInNxt(body[offset + 2 :], metadata, total, reason, table, cookie, buffer)


# -- ports and tables ------------------------------------------------------------------------------


def _features_10(bits: int) -> int:
    """Later features in 1.0's bits, which lack 40 Gb/s and more."""
    return bits & 0x7F | bits >> 4 & 0xF80


def _features_later(bits: int) -> int:
    return bits & 0x7F | (bits & 0xF80) << 4


def encode_port(port: mp.PortDesc) -> bytes:
    """ofp_phy_port."""
    features = (port.current, port.advertised, port.supported, port.peer)
    return _PORT.pack(
        port.port, port.hw_addr.to_bytes(6, "big"), port.name.encode()[:15], port.config, port.state & 1,
        *[_features_10(bits) for bits in features],
    )  # fmt: skip


def decode_port(data: bytes) -> mp.PortDesc:
    """ofp_phy_port."""
    number, hw_addr, name, config, state, *features = _PORT.unpack_from(data)
    text = name.split(b"\0", 1)[0].decode("utf-8", "replace")
    shown = [_features_later(bits) for bits in features]
    return mp.PortDesc(number, text, int.from_bytes(hw_addr, "big"), config, state, *shown)


def _ports(data: bytes) -> tuple[mp.PortDesc, ...]:
    size = _PORT.size
    return tuple([decode_port(data[at : at + size]) for at in range(0, len(data) // size * size, size)])


def _encode_features(reply: ofp.FeaturesReply) -> bytes:
    head = struct.pack(
        "!QIB3xII", reply.datapath_id, reply.n_buffers, reply.n_tables, reply.capabilities, reply.actions
    )
    return head + b"".join([encode_port(port) for port in reply.ports])


def _decode_features(body: bytes) -> ofp.FeaturesReply:
    datapath, buffers, tables, capabilities, actions = struct.unpack_from("!QIB3xII", body)
    return ofp.FeaturesReply(datapath, buffers, tables, 0, capabilities, actions, _ports(body[24:]))


def _encode_port_mod(mod: ofp.PortMod) -> bytes:
    return struct.pack(
        "!H6sIII4x", mod.port, mod.hw_addr.to_bytes(6, "big"), mod.config, mod.mask,
        _features_10(mod.advertise),
    )  # fmt: skip


def _decode_port_mod(body: bytes) -> ofp.PortMod:
    port, hw_addr, config, mask, advertise = struct.unpack_from("!H6sIII4x", body)
    return ofp.PortMod(port, int.from_bytes(hw_addr, "big"), config, mask, _features_later(advertise))


def _encode_port_stats(stats: mp.PortStats) -> bytes:
    return _PORT_STATS.pack(stats.port, *counters(stats))


def _decode_port_stats(data: bytes) -> mp.PortStats:
    port, *numbers = _PORT_STATS.unpack_from(data)
    return mp.PortStats(port, 0, *known_counters(numbers))


def _encode_table(table: mp.TableStats) -> bytes:
    return _TABLE_STATS.pack(
        table.table, table.name.encode()[:31], table.wildcards, table.max_entries, table.active,
        table.lookups, table.matched,
    )  # fmt: skip


def _decode_table(data: bytes) -> mp.TableStats:
    number, name, wildcards, most, active, lookups, matched = _TABLE_STATS.unpack(data)
    text = name.split(b"\0", 1)[0].decode("utf-8", "replace")
    return mp.TableStats(number, active, lookups, matched, text, wildcards, most)


# -- roles and groups --------------------------------------------------------------------------------


def _encode_role(message: ofp.RoleRequest | ofp.RoleReply) -> bytes:
    return struct.pack("!I", max(message.role - 1, 0))


def _decode_role(kind: type[Any]) -> Callable[[bytes], Any]:
    return lambda body: kind(struct.unpack_from("!I", body)[0] + 1)


_ALL_ACTIONS: Final = 0xFFF


def encode_group_features(reply: mp.GroupFeaturesReply) -> bytes:
    """NXST_GROUP_FEATURES; its bits of actions are 1.0's, of which every kind of group has all."""
    return struct.pack("!II4I4I", reply.types, reply.capabilities, *reply.max_groups, *[_ALL_ACTIONS] * 4)


# -- tables ----------------------------------------------------------------------------------------

MESSAGES: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    ofp.Error: (1, encode_error),
    ofp.FeaturesReply: (6, _encode_features),
    ofp.PacketInStandard: (10, _encode_packet_in),
    ofp.FlowRemoved: (11, _encode_flow_removed),
    ofp.PortStatus: (12, lambda m: bytes((m.reason,)) + bytes(7) + encode_port(m.desc)),
    ofp.PacketOut: (13, _encode_packet_out),
    ofp.PortMod: (15, _encode_port_mod),
    ofp.BarrierRequest: (18, lambda _: b""),
    ofp.BarrierReply: (19, lambda _: b""),
}
DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    6: _decode_features,
    10: _decode_packet_in,
    11: _decode_flow_removed,
    12: lambda body: ofp.PortStatus(body[0], decode_port(body[8:])),
    13: _decode_packet_out,
    14: _decode_flow_mod,
    15: _decode_port_mod,
    18: lambda _: ofp.BarrierRequest(),
    19: lambda _: ofp.BarrierReply(),
}
VENDOR: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    ofp.RoleRequest: (10, _encode_role),
    ofp.RoleReply: (11, _encode_role),
    ofp.FlowRemovedNxt: (14, _encode_nx_flow_removed),
    ofp.PacketInNxt: (17, _encode_nx_packet_in),
}
"""Messages that are vendor's ones in 1.0 only: subtype and body."""
VENDOR_DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    10: _decode_role(ofp.RoleRequest),
    11: _decode_role(ofp.RoleReply),
    13: _decode_nx_flow_mod,
    14: _decode_nx_flow_removed,
    17: _decode_nx_packet_in,
}

NX: Final = 0x10000
REQUESTS: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.DescRequest: (0, lambda _: b""),
    mp.FlowDescRequest: (NX, _encode_flows),
    mp.AggregateRequest: (NX + 1, _encode_flows),
    mp.TableStatsRequest: (3, lambda _: b""),
    mp.PortStatsRequest: (4, lambda r: struct.pack("!H6x", r.port)),
    mp.GroupStatsRequest: (NX + 7, lambda r: struct.pack("!I4x", r.group)),
    mp.GroupDescRequest: (NX + 8, lambda r: struct.pack("!I4x", r.group)),
    mp.GroupFeaturesRequest: (NX + 9, lambda _: b""),
    mp.PortDescRequest: (13, lambda _: b""),
    mp.FlowMonitorRequest: (NX + 2, _encode_monitors),
}
REQUEST_DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    0: lambda _: mp.DescRequest(),
    1: _decode_flows(mp.FlowDescRequest),
    2: _decode_flows(mp.AggregateRequest),
    3: lambda _: mp.TableStatsRequest(),
    4: lambda body: mp.PortStatsRequest(struct.unpack_from("!H", body)[0]),
    13: lambda _: mp.PortDescRequest(),
    NX: _decode_nx_flows(mp.FlowDescRequestNxt),
    NX + 1: _decode_nx_flows(mp.AggregateRequestNxt),
    NX + 2: _decode_monitors,
    NX + 7: lambda body: mp.GroupStatsRequest(struct.unpack_from("!I", body)[0]),
    NX + 8: lambda body: mp.GroupDescRequest(struct.unpack_from("!I", body)[0]),
    NX + 9: lambda _: mp.GroupFeaturesRequest(),
}
ENTRIES: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.FlowDescReply: (1, _encode_flow_stats),
    mp.FlowDescReplyNxt: (NX, _encode_nx_flow_stats),
    mp.TableStatsReply: (3, _encode_table),
    mp.PortStatsReply: (4, _encode_port_stats),
    mp.PortDescReply: (13, encode_port),
    mp.FlowMonitorReply: (NX + 2, _encode_update),
}
ENTRY_DECODERS: Final[Mapping[int, tuple[type[Any], Callable[[bytes], Any], int, int]]] = {
    1: (mp.FlowDescReply, _decode_flow_stats, 0, 0),
    NX: (mp.FlowDescReply, _decode_nx_flow_stats, 0, 0),
    3: (mp.TableStatsReply, _decode_table, 0, _TABLE_STATS.size),
    4: (mp.PortStatsReply, _decode_port_stats, 0, _PORT_STATS.size),
    13: (mp.PortDescReply, decode_port, 0, _PORT.size),
    NX + 2: (mp.FlowMonitorReply, _decode_update, 0, 0),
}
REPLIES: Final[Mapping[type, tuple[int, Callable[[Any], bytes]]]] = {
    mp.AggregateReply: (2, lambda r: struct.pack("!QQI4x", r.packets, r.bytes, r.flows)),
    mp.AggregateReplyNxt: (NX + 1, lambda r: struct.pack("!QQI4x", r.packets, r.bytes, r.flows)),
}
REPLY_DECODERS: Final[Mapping[int, Callable[[bytes], Any]]] = {
    2: lambda body: mp.AggregateReply(*struct.unpack_from("!QQI4x", body)),
    NX + 1: lambda body: mp.AggregateReply(*struct.unpack_from("!QQI4x", body)),
}
