"""OpenFlow 1.0 with Open vSwitch's extensions (OpenFlow 1.0.2, section 5; ovs-fields(7), "NXM").

1.0 has matches of a fixed 40 bytes, 16-bit ports and no groups.  Open vSwitch extended it long before later
versions came: NXM matches (``NXT_FLOW_MOD``, ``NXST_FLOW``), tables other than 0, registers, groups, roles.
Both forms are read; which one the switch sends depends on what the controller asked for (``connection``).

A 1.0 match cannot say everything.  Encoding leaves out what it cannot say, as Open vSwitch does for a
controller that did not ask for NXM.  Not here: the vendor's messages that are the same in every version
(``codec_nicira``).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec_actions_old import DECODE_10, OF10
from pyovn.wire.openflow.codec_match import decode_terms, encode_nxm
from pyovn.wire.openflow.codec_of13 import counters, known_counters
from pyovn.wire.openflow.errors import BAD_MATCH, BAD_REQUEST_LEN, CodecError
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.flow import CHECK_OVERLAP, RESET_COUNTS, SEND_FLOW_REM, Flow
from pyovn.wire.openflow.match import Match, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MATCH: Final = struct.Struct("!IH6s6sHBxHBB2xIIHH")
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
_ALL_COOKIE: Final = 0xFFFFFFFFFFFFFFFF

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


# -- matches ---------------------------------------------------------------------------------------


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
    return _MATCH.pack(
        wild, values["in_port"], values["eth_src"].to_bytes(6, "big"), values["eth_dst"].to_bytes(6, "big"),
        vlan, pcp, kind, values["tos"], values["nw_proto"], address["src"], address["dst"], *ports,
    )  # fmt: skip


def decode_match(data: bytes, offset: int) -> Match:
    """The ofp_match at ``offset``."""
    wild, in_port, src, dst, vlan, pcp, kind, tos, proto, nw_src, nw_dst, tp_src, tp_dst = _MATCH.unpack_from(
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


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) & 7)


def _nxm(data: bytes, offset: int, size: int) -> tuple[Match, int]:
    """The NXM match of ``size`` bytes at ``offset``, and the offset after its padding."""
    if offset + size > len(data):
        raise CodecError(*BAD_REQUEST_LEN, "a match is cut short")
    return decode_terms(data[offset : offset + size]), offset + size + (-size & 7)


def _cut_cookie(data: bytes) -> tuple[bytes, int, int]:
    """Take NXM_NX_COOKIE, which is no field of packets, out of a match: the rest, cookie, mask."""
    offset, out, cookie, mask = 0, b"", 0, 0
    while offset + 4 <= len(data):
        (word,) = struct.unpack_from("!I", data, offset)
        end = offset + 4 + (word & 0xFF)
        if word == _COOKIE:
            (cookie,), mask = struct.unpack_from("!Q", data, offset + 4), _ALL_COOKIE
        elif word == _COOKIE_MASKED:
            cookie, mask = struct.unpack_from("!QQ", data, offset + 4)
        else:
            out += data[offset:end]
        offset = end
    return out + data[offset:], cookie, mask


def _cookie(value: int, mask: int) -> bytes:
    if not mask:
        return b""
    if mask == _ALL_COOKIE:
        return struct.pack("!IQ", _COOKIE, value)
    return struct.pack("!IQQ", _COOKIE_MASKED, value & mask, mask)


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
        cookie = _ALL_COOKIE
    if not mod.cookie_mask and expressible(flow.match):
        return 14, (
            encode_match(flow.match)
            + _FLOW_MOD.pack(
                flow.cookie, _command(mod), flow.idle_timeout, flow.hard_timeout, flow.priority,
                mod.buffer_id, mod.out_port, flags,
            )
            + actions
        )  # fmt: skip
    terms = encode_nxm(flow.match) + _cookie(flow.cookie, mod.cookie_mask)
    head = _NX_FLOW_MOD.pack(
        cookie, _command(mod), flow.idle_timeout, flow.hard_timeout, flow.priority, mod.buffer_id,
        mod.out_port, flags, len(terms),
    )  # fmt: skip
    return 4, struct.pack("!II", 0x2320, 13) + head + _padded(terms) + actions


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
    modifying = command in (ofp.MODIFY, ofp.MODIFY_STRICT) and new != _ALL_COOKIE and not mask
    return ofp.FlowMod(command, flow, mask, buffer, port, modify_cookie=modifying)


def _decode_flow_mod(body: bytes) -> ofp.FlowMod:
    match = decode_match(body, 0)
    cookie, command, idle, hard, *rest = _FLOW_MOD.unpack_from(body, _MATCH.size)
    actions = DECODE_10.decode(body[_MATCH.size + _FLOW_MOD.size :])
    priority, buffer, port, flags = rest
    if command & 0xFF in (ofp.DELETE, ofp.DELETE_STRICT):
        cookie = 0
    return _flow_mod(command, match, actions, (cookie, 0, 0), (idle, hard), (priority, buffer, port, flags))


def _decode_nx_flow_mod(body: bytes) -> ofp.FlowMod:
    cookie, command, idle, hard, priority, buffer, port, flags, size = _NX_FLOW_MOD.unpack_from(body)
    start = _NX_FLOW_MOD.size
    if start + size > len(body):
        raise CodecError(*BAD_REQUEST_LEN, "a match is cut short")
    terms, matched, mask = _cut_cookie(body[start : start + size])
    actions = DECODE_10.decode(body[start + size + (-size & 7) :])
    return _flow_mod(
        command, decode_terms(terms), actions, (cookie, matched, mask), (idle, hard),
        (priority, buffer, port, flags),
    )  # fmt: skip


def _encode_flows(request: mp.FlowDescRequest | mp.AggregateRequest) -> bytes:
    terms = encode_nxm(request.match) + _cookie(request.cookie, request.cookie_mask)
    return _NX_REQUEST.pack(request.out_port, len(terms), request.table) + _padded(terms)


def _decode_flows(kind: type[Any]) -> Callable[[bytes], Any]:
    def decode(body: bytes) -> Any:
        match = decode_match(body, 0)
        table, port = struct.unpack_from("!BxH", body, _MATCH.size)
        return kind(table, match, 0, 0, port)

    return decode


def _decode_nx_flows(kind: type[Any]) -> Callable[[bytes], Any]:
    def decode(body: bytes) -> Any:
        port, size, table = _NX_REQUEST.unpack_from(body)
        terms, cookie, mask = _cut_cookie(body[_NX_REQUEST.size : _NX_REQUEST.size + size])
        return kind(table, decode_terms(terms), cookie, mask, port)

    return decode


def _encode_flow_stats(desc: mp.FlowDesc) -> bytes:
    flow = desc.flow
    actions = OF10.encode(flow.actions)
    size = _FLOW_STATS.size + _MATCH.size + _FLOW_STATS_REST.size + len(actions)
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
    at = _FLOW_STATS.size + _MATCH.size
    seconds, rest, priority, idle, hard, cookie, packets, octets = _FLOW_STATS_REST.unpack_from(data, at)
    actions = DECODE_10.decode(data[at + _FLOW_STATS_REST.size :])
    flow = Flow(table, priority, match, actions, cookie, idle, hard)
    return mp.FlowDesc(flow, packets, octets, seconds * _SECOND + rest)


def _encode_nx_flow_stats(desc: mp.FlowDesc) -> bytes:
    flow = desc.flow
    terms, actions = encode_nxm(flow.match), OF10.encode(flow.actions)
    body = _padded(terms) + actions
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
    match, offset = _nxm(data, _NX_FLOW_STATS.size, size)
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
        body, _MATCH.size
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
    return head + _padded(terms)


def _decode_nx_flow_removed(body: bytes) -> ofp.FlowRemovedNxt:
    cookie, priority, reason, table, seconds, rest, idle, size, packets, octets = (
        _NX_FLOW_REMOVED.unpack_from(body)
    )
    match, _ = _nxm(body, _NX_FLOW_REMOVED.size, size)
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
        match, offset = _nxm(body, offset + _MONITOR.size, size)
        monitors.append(mp.FlowMonitor(ident, flags, port, table, match))
    return mp.FlowMonitorRequest(tuple(monitors))


def _encode_monitors(request: mp.FlowMonitorRequest) -> bytes:
    out = b""
    for monitor in request.monitors:
        terms = encode_nxm(monitor.match)
        head = _MONITOR.pack(monitor.id, monitor.flags, monitor.out_port, len(terms), monitor.table)
        out += head + _padded(terms)
    return out


def _encode_update(update: mp.FlowUpdate) -> bytes:
    if update.event == mp.FLOW_ABBREVIATED:
        return _ABBREVIATED.pack(8, update.event, update.xid)
    flow = update.flow
    terms = encode_nxm(flow.match)
    tail = _padded(terms) + OF10.encode(flow.actions)
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
    match, offset = _nxm(data, _UPDATE.size, size)
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
    return ofp.PacketInStandard(body[10:], metadata, total, reason, 0, _ALL_COOKIE, buffer)


def _encode_nx_packet_in(message: ofp.PacketInStandard) -> bytes:
    terms = encode_nxm(message.metadata)
    head = _NX_PACKET_IN.pack(
        message.buffer_id, message.total_len, message.reason, message.table, message.cookie, len(terms)
    )
    return head + _padded(terms) + bytes(2) + message.data


def _decode_nx_packet_in(body: bytes) -> ofp.PacketInNxt:
    buffer, total, reason, table, cookie, size = _NX_PACKET_IN.unpack_from(body)
    metadata, offset = _nxm(body, _NX_PACKET_IN.size, size)
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


# -- errors and roles ------------------------------------------------------------------------------

_VENDOR_ERROR: Final = 0xB0C2
_NICIRA: Final = 0x2320
_EXPERIMENTER: Final = 0xFFFF
_EXPERIMENTER_ERRORS: Final = 511
_UNENCODABLE: Final = (1, 521)
_STANDARD_ERRORS: Final = {
    (0, 0): (0, 0),
    (0, 1): (0, 1),
    **{(1, code): (1, code) for code in range(9)},
    **{(2, code): (2, code) for code in range(9)},
    (5, 1): (3, 0),
    (5, 3): (3, 1),
    (5, 4): (3, 2),
    (5, 6): (3, 4),
    (7, 0): (4, 0),
    (7, 1): (4, 1),
}
"""Errors of 1.5 that 1.0 has, too."""

_VENDOR_ERRORS: Final = {
    **{(6, code): (6, code) for code in range(17)},
    (2, 9): (2, 9),
    (4, 0): (1, 256),
    (4, 6): (1, 257),
    (4, 7): (1, 258),
    (4, 8): (1, 259),
    (4, 9): (1, 260),
    (4, 10): (1, 261),
    (4, 5): (1, 262),
    (5, 2): (1, 512),
    (1, 9): (1, 512),
    (11, 2): (1, 513),
    (1, 11): (1, 514),
    (16, 1): (1, 517),
    (16, 5): (1, 518),
    (16, 3): (1, 519),
    (2, 10): (1, 522),
    (2, 13): (1, 523),
    (2, 14): (1, 524),
    (2, 15): (1, 525),
    (3, 1): (2, 257),
    (5, 7): (3, 258),
}
"""Errors of 1.5 that Open vSwitch's envelope carries in 1.0; what neither table has cannot be said there."""

_STANDARD_LATER: Final = {old: new for new, old in _STANDARD_ERRORS.items()}
_VENDOR_LATER: Final = {old: new for new, old in _VENDOR_ERRORS.items()}


def encode_error(error: ofp.Error) -> bytes:
    """Body of OFPT_ERROR."""
    key = (error.type, error.code)
    standard = _STANDARD_ERRORS.get(key)
    if standard is not None:
        return struct.pack("!HH", *standard) + error.data
    if error.type == _EXPERIMENTER:
        inner = (1, error.code + _EXPERIMENTER_ERRORS)
    else:
        inner = _VENDOR_ERRORS.get(key, _UNENCODABLE)
    return struct.pack("!HHIHH", _VENDOR_ERROR, 0, _NICIRA, *inner) + error.data


def decode_error(body: bytes) -> ofp.Error:
    """Body of OFPT_ERROR."""
    kind, code = struct.unpack_from("!HH", body)
    if kind == _VENDOR_ERROR and len(body) >= 12:
        vendor, inner, number = struct.unpack_from("!IHH", body, 4)
        known = _VENDOR_LATER.get((inner, number))
        if known is not None:
            return ofp.Error(*known, body[12:])
        return ofp.Error(_EXPERIMENTER, number - _EXPERIMENTER_ERRORS & 0xFFFF, body[12:], vendor)
    kind, code = _STANDARD_LATER.get((kind, code), (kind, code))
    return ofp.Error(kind, code, body[4:])


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
