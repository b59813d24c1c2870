"""Messages as ovs-ofctl prints them: the head lines of replies, ports, features, errors.

Wordings are those of ``ovs-ofctl show``, ``dump-ports-desc``, ``dump-aggregate`` and of refused requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.codec_of10 import expressible
from pyovn.wire.openflow.flow import DEFAULT_PRIORITY
from pyovn.wire.openflow.multiparts import ALL_TABLES
from pyovn.wire.openflow.text import FLAG_NAMES
from pyovn.wire.openflow.text_actions import format_actions
from pyovn.wire.openflow.text_groups import format_group
from pyovn.wire.openflow.text_match import format_match
from pyovn.wire.openflow.text_values import c_hex, format_mac, format_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.wire.openflow.multiparts import PortDesc, TableStats

_CAPABILITIES: Final = (
    (1 << 0, "FLOW_STATS"),
    (1 << 1, "TABLE_STATS"),
    (1 << 2, "PORT_STATS"),
    (1 << 3, "GROUP_STATS"),
    (1 << 5, "IP_REASM"),
    (1 << 6, "QUEUE_STATS"),
    (1 << 8, "PORT_BLOCKED"),
    (1 << 9, "BUNDLES"),
    (1 << 10, "FLOW_MONITORING"),
)
_PORT_CONFIG: Final = ((1, "PORT_DOWN"), (4, "NO_RECV"), (32, "NO_FWD"), (64, "NO_PACKET_IN"))
_PORT_STATE: Final = ((1, "LINK_DOWN"), (2, "BLOCKED"), (4, "LIVE"))
_FEATURES: Final = (
    "10MB-HD", "10MB-FD", "100MB-HD", "100MB-FD", "1GB-HD", "1GB-FD", "10GB-FD", "40GB-FD", "100GB-FD",
    "1TB-FD", "OTHER", "COPPER", "FIBER", "AUTO_NEG", "AUTO_PAUSE", "AUTO_PAUSE_ASYM",
)  # fmt: skip
_COMMANDS: Final = ("ADD", "MOD", "MOD_STRICT", "DEL", "DEL_STRICT")
_GROUP_COMMANDS: Final = {
    0: "ADD",
    1: "MOD",
    2: "DEL",
    3: "INSERT_BUCKET",
    5: "REMOVE_BUCKET",
    0x8000: "ADD_OR_MOD",
}
_BUNDLE_TYPES: Final = (
    "OPEN_REQUEST", "OPEN_REPLY", "CLOSE_REQUEST", "CLOSE_REPLY", "COMMIT_REQUEST", "COMMIT_REPLY",
    "DISCARD_REQUEST", "DISCARD_REPLY",
)  # fmt: skip

_ERRORS: Final[dict[int, tuple[str, list[str]]]] = {}
"""Type -> prefix and names of its codes from 0 (OpenFlow 1.5.1, section 7.5.4)."""

_ERROR_TEXT: Final = """
0 OFPHFC_ INCOMPATIBLE EPERM;
1 OFPBRC_ BAD_VERSION BAD_TYPE BAD_STAT BAD_EXPERIMENTER BAD_EXP_TYPE EPERM BAD_LEN BUFFER_EMPTY
  BUFFER_UNKNOWN BAD_TABLE_ID IS_SLAVE BAD_PORT BAD_PACKET MULTIPART_BUFFER_OVERFLOW;
2 OFPBAC_ BAD_TYPE BAD_LEN BAD_EXPERIMENTER BAD_EXP_TYPE BAD_OUT_PORT BAD_ARGUMENT EPERM TOO_MANY
  BAD_QUEUE BAD_OUT_GROUP MATCH_INCONSISTENT UNSUPPORTED_ORDER BAD_TAG BAD_SET_TYPE BAD_SET_LEN
  BAD_SET_ARGUMENT BAD_SET_MASK BAD_METER;
3 OFPBIC_ UNKNOWN_INST UNSUP_INST BAD_TABLE_ID UNSUP_METADATA UNSUP_METADATA_MASK BAD_EXPERIMENTER
  BAD_EXP_TYPE BAD_LEN EPERM DUP_INST;
4 OFPBMC_ BAD_TYPE BAD_LEN BAD_TAG BAD_DL_ADDR_MASK BAD_NW_ADDR_MASK BAD_WILDCARDS BAD_FIELD
  BAD_VALUE BAD_MASK BAD_PREREQ DUP_FIELD EPERM;
5 OFPFMFC_ UNKNOWN TABLE_FULL BAD_TABLE_ID OVERLAP EPERM BAD_TIMEOUT BAD_COMMAND BAD_FLAGS CANT_SYNC
  BAD_PRIORITY;
6 OFPGMFC_ GROUP_EXISTS INVALID_GROUP WEIGHT_UNSUPPORTED OUT_OF_GROUPS OUT_OF_BUCKETS
  CHAINING_UNSUPPORTED WATCH_UNSUPPORTED LOOP UNKNOWN_GROUP CHAINED_GROUP BAD_TYPE BAD_COMMAND
  BAD_BUCKET BAD_WATCH EPERM UNKNOWN_BUCKET BUCKET_EXISTS;
7 OFPPMFC_ BAD_PORT BAD_HW_ADDR BAD_CONFIG BAD_ADVERTISE EPERM;
8 OFPTMFC_ BAD_TABLE BAD_CONFIG EPERM;
10 OFPSCFC_ BAD_FLAGS BAD_LEN EPERM;
11 OFPRRFC_ STALE UNSUP BAD_ROLE ID_UNSUP ID_IN_USE;
12 OFPMMFC_ UNKNOWN METER_EXISTS INVALID_METER UNKNOWN_METER BAD_COMMAND BAD_FLAGS BAD_RATE
  BAD_BURST BAD_BAND BAD_BAND_DETAIL OUT_OF_METERS OUT_OF_BANDS;
16 OFPMOFC_ UNKNOWN MONITOR_EXISTS INVALID_MONITOR UNKNOWN_MONITOR BAD_COMMAND BAD_FLAGS BAD_TABLE_ID BAD_OUT;
17 OFPBFC_ UNKNOWN EPERM BAD_ID BUNDLE_EXIST BUNDLE_CLOSED OUT_OF_BUNDLES BAD_TYPE BAD_FLAGS
  MSG_BAD_LEN MSG_BAD_XID MSG_UNSUP MSG_CONFLICT MSG_TOO_MANY MSG_FAILED TIMEOUT BUNDLE_IN_PROGRESS
"""
for _line in _ERROR_TEXT.split(";"):
    _type, _prefix, *_names = _line.split()
    _ERRORS[int(_type)] = (_prefix, _names)


_NICIRA: Final = 0x2320
_VENDOR_ERRORS: Final = {
    10: "NXBRC_UNENCODABLE_ERROR",
    16: "NXTTMFC_BAD_COMMAND",
    17: "NXTTMFC_BAD_OPT_LEN",
    18: "NXTTMFC_BAD_FIELD_IDX",
    19: "NXTTMFC_TABLE_FULL",
    20: "NXTTMFC_ALREADY_MAPPED",
    21: "NXTTMFC_DUP_ENTRY",
    22: "NXR_NOT_SUPPORTED",
    23: "NXR_STALE",
}


def format_error(error: ofp.Error) -> str:
    """The name of an error, e.g. ``OFPBAC_BAD_OUT_GROUP``, or its numbers."""
    prefix, codes = _ERRORS.get(error.type, ("", []))
    if error.code < len(codes):
        return prefix + codes[error.code]
    if (error.vendor, error.type) == (_NICIRA, 0xFFFF) and error.code in _VENDOR_ERRORS:
        return _VENDOR_ERRORS[error.code]
    vendor = f", vendor {error.vendor:#x}" if error.vendor else ""
    return f"type {error.type}, code {error.code}{vendor}"


def format_flow_mod(mod: ofp.FlowMod, names: Mapping[int, str] | None = None, version: int = 6) -> str:
    """``ADD table:3 priority=5,ip cookie:0x1 actions=drop``, as messages that were refused are shown."""
    flow = mod.flow
    parts = [_COMMANDS[mod.command] if mod.command < len(_COMMANDS) else f"cmd:{mod.command}"]
    if flow.table not in (0, ALL_TABLES):
        parts.append(f"table:{flow.table}")
    match = format_match(flow.match, names)
    priority = f"priority={flow.priority}" if flow.priority != DEFAULT_PRIORITY else ""
    if match or priority:
        parts.append(",".join(filter(None, (priority, match))))
    if flow.cookie or mod.cookie_mask:
        parts.append(f"cookie:{flow.cookie:#x}" + (f"/{mod.cookie_mask:#x}" if mod.cookie_mask else ""))
    for name, value in (
        ("idle", flow.idle_timeout),
        ("hard", flow.hard_timeout),
        ("importance", flow.importance),
    ):
        if value:
            parts.append(f"{name}:{value}")
    parts += [name for bit, name in FLAG_NAMES if flow.flags & bit]
    parts.append(f"actions={format_actions(flow.actions, names, version)}")
    return " ".join(parts)


_TLV_COMMANDS: Final = ("ADD", "DEL", "CLEAR")


def format_maps(maps: tuple[ofp.TlvMap, ...]) -> str:
    """A table of tunnel options."""
    lines = ["  class  type  length  match field", " ------  ----  ------  --------------"]
    lines += [
        f" {m.option_class:#6x}  {m.option_type:#4x}  {m.length:>6}  tun_metadata{m.index}" for m in maps
    ]
    return "\n".join(lines)


def tag_of(version: int) -> str:
    """`` (OF1.5)``; nothing for 1.0."""
    return "" if version == 1 else f" (OF1.{version - 1})"


def format_request(message: ofp.Message, xid: int, version: int = 6) -> str:
    """The message that an error is about."""
    tag = tag_of(version)
    if isinstance(message, ofp.FlowMod):
        name, shown = _flow_mod_name(message, version), format_flow_mod(message, version=version)
        return f"{name}{tag} (xid={xid:#x}): {shown}"
    if isinstance(message, ofp.GroupMod):
        name = "NXT_GROUP_MOD" if version == 1 else "OFPT_GROUP_MOD"
        command = _GROUP_COMMANDS.get(message.command, str(message.command))
        return f"{name}{tag} (xid={xid:#x}):\n {command} {format_group(message.group, None, version)}"
    if isinstance(message, ofp.TlvTableMod):
        command = _TLV_COMMANDS[message.command]
        return (
            f"NXT_TLV_TABLE_MOD{tag} (xid={xid:#x}):\n {command} mapping table:\n{format_maps(message.maps)}"
        )
    if isinstance(message, ofp.BundleControl):
        kind = _BUNDLE_TYPES[message.type] if message.type < len(_BUNDLE_TYPES) else str(message.type)
        flags = " ".join([name for bit, name in ((1, "atomic"), (2, "ordered")) if message.flags & bit])
        name = "ONFT_BUNDLE_CONTROL" if version == 4 else "OFPT_BUNDLE_CONTROL"
        head = f"{name}{tag} (xid={xid:#x}):"
        return f"{head}\n bundle_id={c_hex(message.id)} type={kind} flags={flags}"
    if isinstance(message, ofp.BundleAdd):
        return format_request(message.message, xid, version)
    return f"{type(message).__name__}{tag} (xid={xid:#x}):"


def _flow_mod_name(mod: ofp.FlowMod, version: int) -> str:
    plain = version > 1 or (not mod.cookie_mask and expressible(mod.flow.match))
    return "OFPT_FLOW_MOD" if plain else "NXT_FLOW_MOD"


def _flags(value: int, names: tuple[tuple[int, str], ...]) -> str:
    return " ".join([name for bit, name in names if value & bit]) or "0"


def format_port_desc(port: PortDesc) -> str:
    """One port of ``show`` or ``dump-ports-desc``: several lines, no newline at the end."""
    lines = [
        f" {format_port(port.port)}({port.name}): addr:{format_mac(port.hw_addr)}",
        f"     config:     {_flags(port.config, _PORT_CONFIG)}",
        f"     state:      {_flags(port.state, _PORT_STATE)}",
    ]
    for label, value in (
        ("current", port.current),
        ("advertised", port.advertised),
        ("supported", port.supported),
        ("peer", port.peer),
    ):
        if value:
            words = [name for bit, name in enumerate(_FEATURES) if value >> bit & 1]
            lines.append(f"     {label + ':':<11} {' '.join(words)}")
    lines.append(f"     speed: {port.current_speed // 1000} Mbps now, {port.max_speed // 1000} Mbps max")
    return "\n".join(lines)


_CAPABILITIES_10: Final = (
    (1 << 0, "FLOW_STATS"),
    (1 << 1, "TABLE_STATS"),
    (1 << 2, "PORT_STATS"),
    (1 << 3, "STP"),
    (1 << 5, "IP_REASM"),
    (1 << 6, "QUEUE_STATS"),
    (1 << 7, "ARP_MATCH_IP"),
)
_ACTIONS_10: Final = (
    "output", "set_vlan_vid", "set_vlan_pcp", "strip_vlan", "mod_dl_src", "mod_dl_dst", "mod_nw_src",
    "mod_nw_dst", "mod_nw_tos", "mod_tp_src", "mod_tp_dst", "enqueue",
)  # fmt: skip
_SHOWN_SECOND: Final = "enqueue"


_LATER_ACTIONS: Final = {
    0: "output", 11: "copy_ttl_out", 12: "copy_ttl_in", 15: "set_mpls_ttl", 16: "dec_mpls_ttl",
    17: "push_vlan", 18: "strip_vlan", 19: "push_mpls", 20: "pop_mpls", 21: "set_queue", 22: "group",
    23: "mod_nw_ttl", 24: "dec_ttl", 25: "set_field",
}  # fmt: skip
_SHOWN_LATER: Final = (0, 22, 25, 18, 17, 23, 24, 15, 16, 19, 20, 21)


def format_action_bits(bits: int, version: int) -> str:
    """A bit mask of actions, in the order in which ovs-ofctl shows them."""
    if version == 1:
        return _actions_10(bits)
    return " ".join([_LATER_ACTIONS[bit] for bit in _SHOWN_LATER if bits >> bit & 1])


def _actions_10(bits: int) -> str:
    names = [name for bit, name in enumerate(_ACTIONS_10) if bits >> bit & 1]
    if _SHOWN_SECOND in names:
        names.remove(_SHOWN_SECOND)
        names.insert(1, _SHOWN_SECOND)
    return " ".join(names)


def format_features(reply: ofp.FeaturesReply, xid: int, version: int = 6) -> str:
    """The first part of ``show``; all of it but the last line in OpenFlow 1.0."""
    names = _CAPABILITIES_10 if version == 1 else _CAPABILITIES
    lines = [
        f"OFPT_FEATURES_REPLY{tag_of(version)} (xid={xid:#x}): dpid:{reply.datapath_id:016x}",
        f"n_tables:{reply.n_tables}, n_buffers:{reply.n_buffers}",
        f"capabilities: {_flags(reply.capabilities, names)}",
    ]
    if version == 1:
        lines.append(f"actions: {_actions_10(reply.actions)}")
        lines += [format_port_desc(port) for port in sorted(reply.ports, key=lambda port: port.port)]
    return "\n".join(lines)


def format_config(reply: ofp.GetConfigReply, xid: int, version: int = 6) -> str:
    """The last line of ``show``."""
    frags = {0: "normal", 1: "drop", 2: "reassemble", 3: "nx-match"}.get(reply.flags & 3, "")
    head = f"OFPT_GET_CONFIG_REPLY{tag_of(version)} (xid={xid:#x}):"
    return f"{head} frags={frags} miss_send_len={reply.miss_send_len}"


_DETAILS: Final = """    max_entries={most}
    matching:
      exact match or wildcard: in_port eth_{{src,dst,type}} vlan_{{vid,pcp}} ip_{{src,dst}} nw_{{proto,tos}} \
tcp_{{src,dst}}"""


def format_tables(entries: list[TableStats], *, details: bool = False) -> list[str]:
    """The body of ``dump-tables``: runs of equal tables are folded into "ditto".

    With ``details`` also what tables match, which OpenFlow 1.0 tells with the counters.
    """
    lines: list[str] = []
    previous: tuple[object, ...] | None = None
    features: tuple[int, int] | None = None
    same: list[int] = []

    def flush() -> None:
        if same:
            span = f"table {same[0]}" if len(same) == 1 else f"tables {same[0]}...{same[-1]}"
            lines.append(f"  {span}: ditto")
            lines.append("")
            same.clear()

    for table in entries:
        has = (table.wildcards, table.max_entries)
        shown = (table.active, table.lookups, table.matched, details and has == features)
        if shown == previous:
            same.append(table.table)
            continue
        flush()
        lines.append(f"  table {table.table}:")
        lines.append(f"    active={table.active}, lookup={table.lookups}, matched={table.matched}")
        if details and has == features:
            lines.append("    (same features)")
        elif details:
            lines += _DETAILS.format(most=table.max_entries).split("\n")
        lines.append("")
        previous, features = shown, has
    flush()
    return lines[:-1]
