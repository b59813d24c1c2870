"""ovs-ofctl's commands on flows: dump, add, modify, delete, replace, compare.

Where port names may stand in text, the switch is asked for its ports, but only when something in the
text is not a number: a script that adds flows one by one pays one round trip less.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

import msgspec

from pyovn.tools import ofctl_protocols as protocols
from pyovn.tools.ofctl_connection import (
    CommandError,
    OpenFlowConnection,
    UnreachableError,
    address_of,
    connect,
    version_tag,
)
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.flow import DEFAULT_PRIORITY, SEND_FLOW_REM, Flow
from pyovn.wire.openflow.match import Match
from pyovn.wire.openflow.text import (
    TextError,
    format_actions,
    format_flow_desc,
    format_match,
    parse_flow_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pyovn.tools.ofctl_settings import Settings

Key = tuple[int, int, Match]

_COMMAND_WORD: Final = re.compile(r"\s*(add|modify|modify_strict|delete|delete_strict)\s+")
_COMMANDS: Final = {
    "add": ofp.ADD,
    "modify": ofp.MODIFY,
    "modify_strict": ofp.MODIFY_STRICT,
    "delete": ofp.DELETE,
    "delete_strict": ofp.DELETE_STRICT,
}
_NAMED_PORT: Final = re.compile(
    r"(?:in_port|out_port|output|resubmit|port|watch_port|enqueue|IN_PORT)[=:(]+\"?(?!reg|NXM|OXM)[A-Za-z_]"
)
_PLAIN_WORDS: Final = frozenset(
    "LOCAL NORMAL FLOOD ALL CONTROLLER IN_PORT TABLE NONE ANY drop exit ct_clear dec_ttl strip_vlan pop_vlan "
    "pop_queue clear_actions".casefold().split()
)


def write(line: str) -> None:
    """One line to standard output."""
    sys.stdout.write(line + "\n")


def nx(switch: OpenFlowConnection, name: str) -> str:
    """The name of a multipart that is Open vSwitch's own in OpenFlow 1.0."""
    return f"{'NXST' if switch.version == 1 else 'OFPST'}_{name}"


def _port_descs(switch: OpenFlowConnection) -> list[mp.PortDesc]:
    replies = switch.request(mp.PortDescRequest())
    return [desc for reply in replies if isinstance(reply, mp.PortDescReply) for desc in reply.entries]


def ports_by_name(switch: OpenFlowConnection) -> dict[str, int]:
    """Name -> number of the switch's ports."""
    return {desc.name: desc.port for desc in _port_descs(switch)}


def names_by_port(switch: OpenFlowConnection) -> dict[int, str]:
    """Number -> name."""
    return {desc.port: desc.name for desc in _port_descs(switch)}


def names_where_needed(switch: OpenFlowConnection, text: str) -> dict[str, int] | None:
    """``ports_by_name`` when ``text`` may hold a port's name, else None."""
    actions = text.partition("actions=")[2] or text.partition("action=")[2]
    bare = [word for word in re.split(r"[,\s]+", actions) if word.isidentifier()]
    if _NAMED_PORT.search(text) or any(word.casefold() not in _PLAIN_WORDS for word in bare):
        return ports_by_name(switch)
    return None


def read_lines(path: str) -> list[tuple[int, str]]:
    """(line number, text) of a file's lines, or of standard input for ``-``; comments and blanks go."""
    try:
        if path == "-":
            lines = sys.stdin.readlines()
        else:
            with open(path, encoding="utf-8") as stream:  # noqa: PTH123 - pathlib is slow to import
                lines = stream.readlines()
    except OSError as error:
        raise CommandError(f"{path}: open ({error.strerror})") from error
    cleaned = [(i, line.partition("#")[0].strip()) for i, line in enumerate(lines, 1)]
    return [(i, line) for i, line in cleaned if line]


def stats_request(switch: OpenFlowConnection, arguments: list[str]) -> mp.FlowDescRequest:
    """The request that a FLOW argument describes; all flows without one."""
    if not arguments:
        return mp.FlowDescRequest()
    text = parse_flow_text(arguments[0], names_where_needed(switch, arguments[0]))
    return mp.FlowDescRequest(
        text.flow.table if text.table_given else mp.ALL_TABLES,
        text.flow.match,
        text.flow.cookie,
        text.cookie_mask or 0,
        mp.ANY_PORT if text.out_port is None else text.out_port,
        mp.ANY_GROUP if text.out_group is None else text.out_group,
    )


def _fetch(switch: OpenFlowConnection, request: mp.FlowDescRequest) -> list[mp.FlowDesc]:
    replies = switch.request(request)
    return [desc for reply in replies if isinstance(reply, mp.FlowDescReply) for desc in reply.entries]


def dump_flows(settings: Settings, arguments: list[str]) -> int:
    """dump-flows: plain, or sorted, with names and without statistics as the options say."""
    with connect(settings, arguments[0]) as switch:
        names = names_by_port(switch) if settings.names else None
        version = switch.version
        descs = _fetch(switch, stats_request(switch, arguments[1:]))
        if names is None and settings.stats and settings.sort is None:
            write(f"{nx(switch, 'FLOW')} reply{switch.tag} (xid={switch.last_xid:#x}):")
    if version == 1 and (names is not None or not settings.stats or settings.sort is not None):
        # C asks for OpenFlow 1.0's own statistics then, which know no ages.
        descs = [msgspec.structs.replace(desc, idle_age=None, hard_age=None) for desc in descs]
    if settings.sort is not None:
        descs = _sorted(descs, settings.sort, settings.descending)
    sys.stdout.write(
        "".join(
            [f" {format_flow_desc(desc, names, stats=settings.stats, version=version)}\n" for desc in descs]
        )
    )
    return 0


def _sorted(descs: list[mp.FlowDesc], name: str, descending: bool) -> list[mp.FlowDesc]:
    """By a field's value, flows without it last; "priority" is no field but is sorted by all the same."""
    if name == "priority":
        return sorted(descs, key=lambda desc: desc.flow.priority, reverse=descending)

    def value(desc: mp.FlowDesc) -> int | None:
        found = desc.flow.match.get(name)
        return None if found is None else found[0]

    try:
        with_it = [desc for desc in descs if value(desc) is not None]
    except KeyError:
        raise CommandError(f"{name}: unknown field to sort by") from None
    with_it.sort(key=lambda desc: value(desc) or 0, reverse=descending)
    return with_it + [desc for desc in descs if value(desc) is None]


def _parse_mod(command: int, line: str, names: Mapping[str, int] | None) -> ofp.FlowMod:
    deleting = command in (ofp.DELETE, ofp.DELETE_STRICT)
    text = parse_flow_text(line, names, need_actions=not deleting)
    flow = text.flow
    if command == ofp.ADD and text.cookie_mask is not None:
        raise TextError("flow additions cannot use a cookie mask")
    if text.cookie_mask is None and flow.cookie and deleting:
        raise TextError(
            f"cannot set cookie (to match on a cookie, specify a mask, e.g. cookie={flow.cookie:#x}/-1)"
        )
    if deleting and not text.table_given:
        flow = msgspec.structs.replace(flow, table=mp.ALL_TABLES)
    return ofp.FlowMod(
        command,
        flow,
        text.cookie_mask or 0,
        out_port=mp.ANY_PORT if text.out_port is None else text.out_port,
        out_group=mp.ANY_GROUP if text.out_group is None else text.out_group,
    )


def _check_protocols(mods: Iterable[ofp.FlowMod], version: int) -> None:
    """Refuse flows that the version in use cannot carry, as C does before it sends any of them."""
    can = protocols.ANY
    for mod in mods:
        can &= protocols.usable(mod.flow, table_given=mod.flow.table not in (0, mp.ALL_TABLES))
    allowed = protocols.allowed((version,))
    if not can & allowed:
        raise CommandError(
            f"none of the usable flow formats ({protocols.describe(can)}) is among the allowed flow formats "
            f"({protocols.describe(allowed)})"
        )


def _change_flow(command: int) -> Callable[[Settings, list[str]], int]:
    """add-flow, mod-flows or del-flows."""

    def run(settings: Settings, arguments: list[str]) -> int:
        if len(arguments) > 1 and arguments[1] == "-":
            return _change_from(settings, arguments, command)
        text = arguments[1] if len(arguments) > 1 else ""
        wanted = command
        if settings.strict and command in (ofp.MODIFY, ofp.DELETE):
            wanted += 1
        with connect(settings, arguments[0]) as switch:
            mod = _parse_mod(wanted, text, names_where_needed(switch, text))
            _check_protocols([mod], switch.version)
            (switch.bundle if settings.bundle else switch.change)([mod])
        return 0

    return run


add_flow = _change_flow(ofp.ADD)
mod_flows = _change_flow(ofp.MODIFY)
del_flows = _change_flow(ofp.DELETE)


def add_flows(settings: Settings, arguments: list[str]) -> int:
    """add-flows: a file's lines may begin with another command, such as ``delete``."""
    return _change_from(settings, arguments, ofp.ADD)


def parse_line(text: str, default: int, names: Mapping[str, int] | None) -> ofp.FlowMod:
    """A line of a file of flows, which may begin with a command such as ``delete``."""
    found = _COMMAND_WORD.match(text)
    command = _COMMANDS[found[1]] if found else default
    return _parse_mod(command, text[found.end() :] if found else text, names)


def _read_mods(
    path: str, default: int, names: Mapping[str, int] | None, *, commands: bool = True
) -> list[ofp.FlowMod]:
    mods: list[ofp.FlowMod] = []
    for line, text in read_lines(path):
        try:
            mods.append(parse_line(text, default, names) if commands else _parse_mod(default, text, names))
        except ValueError as error:
            raise CommandError(f"{path}:{line}: {error}") from error
    return mods


def _change_from(settings: Settings, arguments: list[str], command: int) -> int:
    with connect(settings, arguments[0]) as switch:
        mods = _read_mods(arguments[1], command, ports_by_name(switch))
        _check_protocols(mods, switch.version)
        (switch.bundle if settings.bundle else switch.change)(mods)
    return 0


def print_parsed(lines: Iterable[tuple[int, str]], versions: tuple[int, ...]) -> int:
    """parse-flow and parse-flows: the flow_mods that the text means."""
    from pyovn.wire.openflow.text_messages import format_flow_mod

    mods = [parse_line(text, ofp.ADD, None) for _, text in lines]
    can = protocols.ANY
    for mod in mods:
        can &= protocols.usable(mod.flow, table_given=mod.flow.table not in (0, mp.ALL_TABLES))
    write(f"usable protocols: {protocols.describe(can)}")
    allowed = can & protocols.allowed(versions)
    chosen = protocols.choose(allowed)
    if chosen is None:
        raise CommandError("no usable protocol")
    write(f"chosen protocol: {chosen}")
    version = protocols.version_of(chosen)
    for xid, mod in enumerate(mods, 1):
        name = "NXT_FLOW_MOD" if chosen.startswith("NXM") else "OFPT_FLOW_MOD"
        shown = format_flow_mod(mod, version=version)
        write(f"{name}{version_tag(version)} (xid={xid:#x}): {shown}")
    return 0


def _from_file(path: str, names: Mapping[str, int] | None) -> dict[Key, Flow]:
    return {mod.flow.key: mod.flow for mod in _read_mods(path, ofp.ADD, names, commands=False)}


def _from_switch(switch: OpenFlowConnection) -> dict[Key, Flow]:
    return {desc.flow.key: desc.flow for desc in _fetch(switch, mp.FlowDescRequest())}


def _same(left: Flow, right: Flow) -> bool:
    return (left.actions, left.cookie, left.idle_timeout, left.hard_timeout, left.importance) == (
        right.actions, right.cookie, right.idle_timeout, right.hard_timeout, right.importance,
    ) and (left.flags ^ right.flags) & SEND_FLOW_REM == 0  # fmt: skip


def replace_flows(settings: Settings, arguments: list[str]) -> int:
    """replace-flows: only what differs is changed, unless ``--readd``."""
    with connect(settings, arguments[0]) as switch:
        wanted = _from_file(arguments[1], ports_by_name(switch))
        actual = _from_switch(switch)
        mods = [
            ofp.FlowMod(ofp.ADD, flow)
            for key, flow in wanted.items()
            if settings.readd or key not in actual or not _same(flow, actual[key])
        ]
        gone = [flow for key, flow in actual.items() if key not in wanted]
        mods += [
            ofp.FlowMod(ofp.DELETE_STRICT, Flow(flow.table, flow.priority, flow.match, ())) for flow in gone
        ]
        (switch.bundle if settings.bundle else switch.change)(mods)
    return 0


def _source(settings: Settings, name: str) -> dict[Key, Flow]:
    try:
        address = address_of(name, settings.rundir)
    except UnreachableError:
        return _from_file(name, None)
    with OpenFlowConnection(address, settings.timeout, settings.versions) as switch:
        return _from_switch(switch)


def _diff_line(sign: str, flow: Flow) -> str:
    parts = [f"table={flow.table} "] if flow.table else []
    priority = f"priority={flow.priority}" if flow.priority != DEFAULT_PRIORITY else ""
    parts.append(",".join(filter(None, (priority, format_match(flow.match)))))
    if flow.cookie:
        parts.append(f" cookie={flow.cookie:#x}")
    if flow.idle_timeout:
        parts.append(f" idle_timeout={flow.idle_timeout}")
    if flow.hard_timeout:
        parts.append(f" hard_timeout={flow.hard_timeout}")
    if flow.importance:
        parts.append(f" importance={flow.importance}")
    return f"{sign}{''.join(parts)} actions={format_actions(flow.actions)}"


def diff_flows(settings: Settings, arguments: list[str]) -> int:
    """diff-flows: ``-`` lines only in the first, ``+`` only in the second; 2 when there are any."""
    left, right = (_source(settings, name) for name in arguments)
    lines: list[str] = []
    for key in sorted(left.keys() | right.keys(), key=lambda k: (k[0], -k[1], format_match(k[2]))):
        ours, theirs = left.get(key), right.get(key)
        if ours is not None and theirs is not None and _same(ours, theirs):
            continue
        lines += [_diff_line("-", ours)] if ours is not None else []
        lines += [_diff_line("+", theirs)] if theirs is not None else []
    for line in lines:
        write(line)
    return 2 if lines else 0
