"""ovs-ofctl's commands on groups and on the table of tunnel options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.tools import ofctl_flows as flows
from pyovn.tools.ofctl_connection import CommandError, connect
from pyovn.tools.ofctl_flows import nx, ports_by_name, read_lines, write
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.text_groups import format_group, parse_group_id, parse_group_mod
from pyovn.wire.openflow.text_match import split_words
from pyovn.wire.openflow.text_messages import format_maps
from pyovn.wire.openflow.text_values import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.tools.ofctl_settings import Settings


def dump_groups(settings: Settings, arguments: list[str]) -> int:
    """All groups, or one."""
    with connect(settings, arguments[0]) as switch:
        names = flows.names_by_port(switch) if settings.names else None
        group = (
            parse_group_id(arguments[1].removeprefix("group_id=")) if len(arguments) > 1 else mp.ALL_GROUPS
        )
        replies = switch.request(mp.GroupDescRequest(group))
        write(f"{nx(switch, 'GROUP_DESC')} reply{switch.tag} (xid={switch.last_xid:#x}):")
        for reply in replies:
            for entry in reply.entries if isinstance(reply, mp.GroupDescReply) else ():
                write(" " + format_group(entry, names, switch.version))
    return 0


def _change_group(command: int) -> Callable[[Settings, list[str]], int]:
    def run(settings: Settings, arguments: list[str]) -> int:
        text = arguments[1] if len(arguments) > 1 else "group_id=all"
        with connect(settings, arguments[0]) as switch:
            names = flows.names_where_needed(switch, text)
            wanted = command
            if command == ofp.GROUP_MODIFY and settings.may_create:
                wanted = ofp.GROUP_ADD_OR_MODIFY
            mod = parse_group_mod(wanted, text, names)
            (switch.bundle if settings.bundle else switch.change)([mod])
        return 0

    return run


def add_groups(settings: Settings, arguments: list[str]) -> int:
    """Add the groups of a file."""
    with connect(settings, arguments[0]) as switch:
        names = ports_by_name(switch)
        mods = [parse_group_mod(ofp.GROUP_ADD, text, names) for _, text in read_lines(arguments[1])]
        (switch.bundle if settings.bundle else switch.change)(mods)
    return 0


def _parse_maps(text: str) -> tuple[ofp.TlvMap, ...]:
    maps = []
    for part in text.replace("},{", "} {").split():
        option, arrow, field = part.partition("->")
        words = dict(split_words(option.strip("{}")))
        if not arrow or not field.startswith("tun_metadata") or not {"class", "type", "len"} <= words.keys():
            raise CommandError(f"{part}: invalid TLV mapping")
        index = number(field.removeprefix("tun_metadata").rstrip(","))
        option_class, option_type, length = (number(words[name]) for name in ("class", "type", "len"))
        maps.append(ofp.TlvMap(option_class, option_type, length, index))
    return tuple(maps)


def _change_tlv_map(command: int) -> Callable[[Settings, list[str]], int]:
    def run(settings: Settings, arguments: list[str]) -> int:
        maps = _parse_maps(arguments[1]) if len(arguments) > 1 else ()
        wanted = ofp.TLV_CLEAR if command == ofp.TLV_DELETE and not maps else command
        with connect(settings, arguments[0]) as switch:
            switch.change([ofp.TlvTableMod(wanted, maps)])
        return 0

    return run


def dump_tlv_map(settings: Settings, arguments: list[str]) -> int:
    """The table of tunnel options."""
    with connect(settings, arguments[0]) as switch:
        for reply in switch.request(ofp.TlvTableRequest()):
            if isinstance(reply, ofp.TlvTableReply):
                space = sum(entry.length for entry in reply.maps)
                write(f"NXT_TLV_TABLE_REPLY{switch.tag} (xid={switch.last_xid:#x}):")
                write(f" max option space={reply.max_space} max fields={reply.max_fields}")
                write(f" allocated option space={space}\n\n mapping table:")
                write(format_maps(reply.maps))
    return 0


add_group = _change_group(ofp.GROUP_ADD)
mod_group = _change_group(ofp.GROUP_MODIFY)
del_groups = _change_group(ofp.GROUP_DELETE)
insert_buckets = _change_group(ofp.GROUP_INSERT_BUCKET)
remove_buckets = _change_group(ofp.GROUP_REMOVE_BUCKET)
add_tlv_map = _change_tlv_map(ofp.TLV_ADD)
del_tlv_map = _change_tlv_map(ofp.TLV_DELETE)
