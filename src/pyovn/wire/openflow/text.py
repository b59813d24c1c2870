"""Flows and groups in ovs-ofctl's syntax: what people and tests read and write.

``format_flow`` gives the line of ``ovs-ofctl dump-flows --no-stats``; with counters see
``format_flow_desc``.  ``parse_flow`` reads ``table=0,priority=5,ip,actions=drop``, also lines of a
dump (counters and durations are ignored).  ovs-ofctl(8), "Flow Syntax" and "Group Syntax".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.wire.openflow import flow as flows
from pyovn.wire.openflow.actions import in_context
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.text_actions import format_actions, format_subfield
from pyovn.wire.openflow.text_match import MatchBuilder, format_match, parse_match, split_words
from pyovn.wire.openflow.text_parse import parse_actions, parse_subfield
from pyovn.wire.openflow.text_values import TextError, number, parse_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.wire.openflow.multiparts import FlowDesc

__all__ = [
    "FLAG_NAMES",
    "FlowText",
    "TextError",
    "format_actions",
    "format_flow",
    "format_flow_desc",
    "format_match",
    "format_subfield",
    "parse_actions",
    "parse_flow",
    "parse_flow_text",
    "parse_match",
    "parse_subfield",
]

FLAG_NAMES: Final = (
    (flows.SEND_FLOW_REM, "send_flow_rem"),
    (flows.CHECK_OVERLAP, "check_overlap"),
    (flows.RESET_COUNTS, "reset_counts"),
    (flows.NO_PACKET_COUNTS, "no_packet_counts"),
    (flows.NO_BYTE_COUNTS, "no_byte_counts"),
)
_SECOND: Final = 1_000_000_000
_FLAGS: Final = {name: bit for bit, name in FLAG_NAMES}
_IGNORED: Final = frozenset(("duration", "n_packets", "n_bytes", "idle_age", "hard_age"))


class FlowText:
    """What a line of flow text says, with the things that only commands use."""

    __slots__ = ("cookie_mask", "flow", "has_actions", "out_group", "out_port", "table_given")

    def __init__(self, flow: Flow) -> None:
        """``out_port`` and ``out_group`` restrict dumps and deletions; None is any."""
        self.flow = flow
        self.table_given = False
        self.has_actions = False
        self.cookie_mask: int | None = None
        self.out_port: int | None = None
        self.out_group: int | None = None


def parse_flow(text: str, ports: Mapping[str, int] | None = None) -> Flow:
    """One flow; raises ``TextError`` or ``FieldError``."""
    return parse_flow_text(text, ports).flow


def _split_actions(text: str) -> tuple[str, str | None]:
    for word in ("actions", "action"):
        at = text.find(f"{word}=")
        if at >= 0 and (at == 0 or text[at - 1] in ", \t"):
            return text[:at], text[at + len(word) + 1 :]
    return text, None


def parse_flow_text(
    text: str, ports: Mapping[str, int] | None = None, *, need_actions: bool = False
) -> FlowText:
    """Read a flow or, without ``actions=``, a pattern of flows, unless that is not wanted."""
    head, action_text = _split_actions(text.strip())
    if need_actions and action_text is None:
        raise TextError("must specify an action")
    builder = MatchBuilder(ports)
    numbers = {"table": 0, "priority": flows.DEFAULT_PRIORITY}
    flags = 0
    result = FlowText.__new__(FlowText)
    result.cookie_mask = result.out_port = result.out_group = None
    for key, value in split_words(head):
        if key in _NUMBERS:
            numbers[key] = number(value)
        elif key == "cookie":
            cookie, slash, mask = value.partition("/")
            numbers["cookie"] = 0 if cookie == "-1" else number(cookie)
            result.cookie_mask = (0xFFFFFFFFFFFFFFFF if mask == "-1" else number(mask)) if slash else None
        elif key in _FLAGS and not value:
            flags |= _FLAGS[key]
        elif key == "out_port":
            result.out_port = parse_port(value, ports)
        elif key == "out_group":
            result.out_group = number(value)
        elif key not in _IGNORED and not builder.add(key, value):
            raise TextError(f"unknown keyword {key}" if value else f"field {key} missing value")
    actions = () if action_text is None else parse_actions(action_text, ports)
    result.table_given = "table" in head
    result.has_actions = action_text is not None
    if numbers["table"] > 0xFF:
        raise TextError(f'unknown table "{numbers["table"]}"')
    match = builder.build()
    result.flow = Flow(match=match, actions=in_context(actions, match), flags=flags, **numbers)
    return result


_NUMBERS: Final = frozenset(("table", "priority", "idle_timeout", "hard_timeout", "importance"))


def _settings(flow: Flow) -> str:
    text = ""
    if flow.idle_timeout:
        text += f"idle_timeout={flow.idle_timeout}, "
    if flow.hard_timeout:
        text += f"hard_timeout={flow.hard_timeout}, "
    if flow.flags:
        names = [name for bit, name in FLAG_NAMES if flow.flags & bit]
        text += " ".join(names) + " "
    if flow.importance:
        text += f"importance={flow.importance}, "
    return text


def _tail(flow: Flow, names: Mapping[int, str] | None, version: int) -> str:
    match = format_match(flow.match, names)
    if flow.priority != flows.DEFAULT_PRIORITY:
        match = f"priority={flow.priority},{match}" if match else f"priority={flow.priority}"
    return f"{match + ' ' if match else ''}actions={format_actions(flow.actions, names, version)}"


def format_flow(
    flow: Flow, names: Mapping[int, str] | None = None, *, show_table: bool | None = None, version: int = 6
) -> str:
    """The flow as ``dump-flows --no-stats`` shows it: cookie and table only where they are not 0."""
    head = f"cookie={flow.cookie:#x}, " if flow.cookie else ""
    if flow.table if show_table is None else show_table:
        head += f"table={flow.table}, "
    return head + _settings(flow) + _tail(flow, names, version)


def format_flow_desc(
    desc: FlowDesc, names: Mapping[int, str] | None = None, *, stats: bool = True, version: int = 6
) -> str:
    """The line of ``ovs-ofctl dump-flows``, without its leading blank."""
    flow = desc.flow
    if not stats:
        return format_flow(flow, names, version=version)
    text = f"cookie={flow.cookie:#x}, duration={format_duration(desc.duration)}s, table={flow.table}, "
    text += f"n_packets={desc.packets}, n_bytes={desc.bytes}, " + _settings(flow)
    if desc.idle_age is not None:
        text += f"idle_age={desc.idle_age}, "
    if desc.hard_age is not None and desc.hard_age != desc.duration // _SECOND:
        text += f"hard_age={desc.hard_age}, "
    return text + _tail(flow, names, version)


def format_duration(nanoseconds: int) -> str:
    """Seconds with millisecond digits, as ovs-ofctl rounds them; whole seconds stay whole."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    if not rest:
        return str(seconds)
    return f"{seconds}.{rest // 1_000_000:03d}"
