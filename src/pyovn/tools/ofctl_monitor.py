"""ovs-ofctl's monitor and snoop: what a switch says by itself, printed as it comes (ovs-ofctl(8)).

As in C, it goes to standard error, which nothing buffers.  A packet is shown as the flow that its headers
make, with the checksum of its transport, which no flow has.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from pyovn.tools.ofctl_connection import (
    CommandError,
    OpenFlowConnection,
    address_of,
    connect,
    version_tag,
)
from pyovn.tools.ofctl_flows import names_where_needed
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.text import format_actions, format_match, parse_match
from pyovn.wire.openflow.text_actions import REASONS
from pyovn.wire.openflow.text_match import split_words
from pyovn.wire.openflow.text_messages import format_port_desc, format_request
from pyovn.wire.openflow.text_values import c_hex, number, parse_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.tools.ofctl_settings import Settings
    from pyovn.wire.openflow.match import Match

_REMOVED: Final = ("idle", "hard", "delete", "group_delete", "meter_delete", "eviction")
_PORT_REASONS: Final = ("ADD", "DEL", "MOD")
_EVENTS: Final = {
    mp.FLOW_INITIAL: "INITIAL", mp.FLOW_ADDED: "ADDED", mp.FLOW_DELETED: "DELETED",
    mp.FLOW_MODIFIED: "MODIFIED",
}  # fmt: skip
_FORMATS: Final = {
    "standard": ofp.PACKET_IN_STANDARD, "openflow10": ofp.PACKET_IN_STANDARD,
    "nxt_packet_in": ofp.PACKET_IN_NXT, "nxm": ofp.PACKET_IN_NXT, "nxt_packet_in2": ofp.PACKET_IN_NXT2,
}  # fmt: skip
_CHECKSUMS: Final = {1: ("icmp", 2), 6: ("tcp", 16), 17: ("udp", 6), 58: ("icmp6", 2), 132: ("sctp", 8)}
_WATCH_FLAGS: Final = {
    "initial": mp.MONITOR_INITIAL, "add": mp.MONITOR_ADD, "delete": mp.MONITOR_DELETE,
    "modify": mp.MONITOR_MODIFY, "actions": mp.MONITOR_ACTIONS, "own": mp.MONITOR_OWN,
}  # fmt: skip
_INVALID_TTL: Final = 4


def format_packet(frame: bytes) -> str:
    """The headers of a frame as a flow, and its transport's checksum."""
    from pyovn.vswitch.flowkey import SLOTS
    from pyovn.vswitch.keytext import format_key
    from pyovn.vswitch.packetflow import extract

    key = extract(frame, 0)
    words = [word for word in format_key(key).split(",") if not word.startswith("in_port=")]
    text = ",".join(words)
    kind = SLOTS["eth_type"].read(key)
    found = _CHECKSUMS.get(SLOTS["ip_proto"].read(key))
    if found is None or kind not in (0x0800, 0x86DD) or SLOTS["ip_frag"].read(key) & 2:
        return text
    start = 14
    while frame[start - 2 : start] in (b"\x81\x00", b"\x88\xa8"):
        start += 4
    start += (frame[start] & 15) * 4 if kind == 0x0800 else 40
    name, ofs = found
    checksum = frame[start + ofs : start + ofs + 2]
    return f"{text} {name}_csum:{int.from_bytes(checksum, 'big'):x}"


def _packet_in(message: ofp.PacketIn | ofp.PacketInStandard, version: int, xid: int) -> str:
    if isinstance(message, ofp.PacketIn):
        name, total = "NXT_PACKET_IN2", message.full_len or len(message.data)
    else:
        name = "NXT_PACKET_IN" if isinstance(message, ofp.PacketInNxt) else "OFPT_PACKET_IN"
        total = message.total_len
    text = f"{name}{version_tag(version)} (xid={xid:#x}):"
    if message.table:
        text += f" table_id={message.table}"
    if message.cookie != (1 << 64) - 1:
        text += f" cookie=0x{message.cookie:x}"
    reason = REASONS.get(message.reason, str(message.reason))
    text += f" total_len={total} {format_match(message.metadata)} (via {reason})"
    text += f" data_len={len(message.data)}"
    text += " (unbuffered)" if message.buffer_id == ofp.NO_BUFFER else f" buffer=0x{message.buffer_id:08x}"
    if total != len(message.data):
        text += " (***total_len != data_len***)"
    userdata = message.userdata if isinstance(message, ofp.PacketIn) else b""
    text += f"\n userdata={userdata.hex('.')}" if userdata else ""
    if isinstance(message, ofp.PacketIn) and message.continuation:
        text += f"\n continuation.data={message.continuation.hex('.')}"
    return f"{text}\n{format_packet(message.data)}"


def _flow_removed(message: ofp.FlowRemoved, version: int, xid: int) -> str:
    name = "NXT_FLOW_REMOVED" if isinstance(message, ofp.FlowRemovedNxt) else "OFPT_FLOW_REMOVED"
    desc, flow = message.desc, message.desc.flow
    words = [f"{name}{version_tag(version)} (xid={xid:#x}):"]
    match = format_match(flow.match)
    priority = f"priority={flow.priority}" if flow.priority != 0x8000 else ""
    words.append(",".join([word for word in (priority, match) if word]))
    words.append(f"reason={_REMOVED[message.reason] if message.reason < len(_REMOVED) else message.reason}")
    if flow.table:
        words.append(f"table_id={flow.table}")
    if flow.cookie:
        words.append(f"cookie:{flow.cookie:#x}")
    words.append(f"duration{desc.duration / 1e9:.9g}s")
    words.append(f"idle{flow.idle_timeout}")
    if flow.hard_timeout:
        words.append(f"hard{flow.hard_timeout}")
    return " ".join([*words, f"pkts{desc.packets}", f"bytes{desc.bytes}"])


def _port_status(message: ofp.PortStatus, version: int, xid: int) -> str:
    head = f"OFPT_PORT_STATUS{version_tag(version)} (xid={xid:#x}): {_PORT_REASONS[message.reason]}:"
    return head + format_port_desc(message.desc)


def _flow_update(update: mp.FlowUpdate, version: int) -> str:
    if update.event == mp.FLOW_ABBREVIATED:
        return f" event=ABBREV xid={update.xid:#x}"
    flow = update.flow
    text = f" event={_EVENTS.get(update.event, str(update.event))}"
    if update.event == mp.FLOW_DELETED:
        text += f" reason={_REMOVED[update.reason] if update.reason < len(_REMOVED) else update.reason}"
    text += f" table={flow.table}"
    if flow.idle_timeout:
        text += f" idle_timeout={flow.idle_timeout}"
    if flow.hard_timeout:
        text += f" hard_timeout={flow.hard_timeout}"
    text += f" cookie={c_hex(flow.cookie)} "
    match = format_match(flow.match)
    text += ",".join(
        [w for w in (f"priority={flow.priority}" if flow.priority != 0x8000 else "", match) if w]
    )
    return f"{text} actions={format_actions(flow.actions, None, version)}" if flow.actions else text


def _flow_updates(message: mp.FlowMonitorReply, version: int, xid: int) -> str:
    name = "NXST_FLOW_MONITOR" if version == 1 else "OFPST_FLOW_MONITOR"
    head = f"{name} reply{version_tag(version)} (xid={xid:#x}):"
    return "\n".join([head, *[_flow_update(update, version) for update in message.entries]])


_PRINTERS: Final[Mapping[type, Callable[..., str]]] = {
    ofp.PacketIn: _packet_in,
    ofp.PacketInStandard: _packet_in,
    ofp.PacketInNxt: _packet_in,
    ofp.FlowRemoved: _flow_removed,
    ofp.FlowRemovedNxt: _flow_removed,
    ofp.PortStatus: _port_status,
    mp.FlowMonitorReply: _flow_updates,
}


def _show(switch: OpenFlowConnection, settings: Settings) -> int:
    """Print until the switch hangs up."""
    for xid, message in switch.messages():
        if isinstance(message, ofp.BarrierReply | ofp.GetConfigReply):
            continue
        if settings.timestamp:
            now = time.time()
            stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now))
            sys.stderr.write(f"{stamp}.{int(now % 1 * 1000):03d}: ")
        printer = _PRINTERS.get(type(message))
        if isinstance(message, ofp.Error):
            from pyovn.wire.openflow.text_messages import format_error

            text = f"OFPT_ERROR{switch.tag} (xid={xid:#x}): {format_error(message)}"
        elif printer is None:
            text = format_request(message, xid, switch.version)
        else:
            text = printer(message, switch.version, xid)
        sys.stderr.write(text + "\n")
    return 0


def _parse_watch(text: str, ident: int, ports: Mapping[str, int] | None) -> mp.FlowMonitor:
    """``[!]initial,[!]add,...,table=N,out_port=P,FIELD=VALUE`` of ``watch:``."""
    flags = sum(_WATCH_FLAGS.values())
    only = 0
    out_port, table, rest = mp.ANY_PORT, mp.ALL_TABLES, []
    for key, value in split_words(text):
        if key.startswith("!") and key[1:] in _WATCH_FLAGS:
            flags &= ~_WATCH_FLAGS[key[1:]]
        elif key in _WATCH_FLAGS:
            only |= _WATCH_FLAGS[key]
        elif key == "table":
            table = number(value)
        elif key == "out_port":
            out_port = parse_port(value, ports)
        else:
            rest.append(f"{key}={value}" if value else key)
    match: Match = parse_match(",".join(rest), ports)
    return mp.FlowMonitor(ident, only or flags, out_port, table, match)


def monitor(settings: Settings, arguments: list[str]) -> int:
    """Monitor SWITCH [MISSLEN] [invalid_ttl] [watch:[...]]."""
    with connect(settings, arguments[0]) as switch:
        watches: list[mp.FlowMonitor] = []
        length, flags = 0, 0
        for word in arguments[1:]:
            if word.isdigit():
                length = int(word)
            elif word == "invalid_ttl":
                flags = _INVALID_TTL
            elif word.startswith("watch:"):
                text = word.removeprefix("watch:")
                watches.append(_parse_watch(text, len(watches), names_where_needed(switch, text)))
            else:
                raise CommandError(f'{word}: unsupported "monitor" argument')
        if length or flags:
            switch.request(ofp.GetConfigRequest())
            switch.tell(ofp.SetConfig(flags, length))
        wanted = settings.packet_in_format
        if wanted is not None and wanted not in _FORMATS:
            raise CommandError(f'unknown packet-in format "{wanted}"')
        if wanted is None or _FORMATS[wanted] != ofp.PACKET_IN_STANDARD:
            switch.tell(ofp.SetPacketInFormat(_FORMATS[wanted] if wanted else ofp.PACKET_IN_NXT2))
        for watch in watches:
            switch.tell(mp.FlowMonitorRequest((watch,)))
        return _show(switch, settings)


def snoop(settings: Settings, arguments: list[str]) -> int:
    """Snoop SWITCH: what passes between the switch and its controllers."""
    address = address_of(arguments[0], settings.rundir).replace(".mgmt", ".snoop")
    with OpenFlowConnection(address, settings.timeout, settings.versions) as switch:
        return _show(switch, settings)
