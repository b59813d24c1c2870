"""The commands of ovs-ofctl, as data: name, number of arguments, function (ovs-ofctl(8), "Commands").

Each function takes the settings and the arguments, writes to standard output, and returns the exit
status.  Errors are raised; ``ofctl.main`` words them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.tools import ofctl_flows as flows
from pyovn.tools.ofctl_connection import OpenFlowConnection, address_of
from pyovn.tools.ofctl_flows import CommandError, ports_by_name, read_lines, write
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.text import parse_actions, parse_match
from pyovn.wire.openflow.text_groups import format_group, parse_group_id, parse_group_mod
from pyovn.wire.openflow.text_match import split_words
from pyovn.wire.openflow.text_messages import format_config, format_features, format_port_desc, format_tables
from pyovn.wire.openflow.text_values import number, parse_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.tools.ofctl_settings import Settings

__all__ = ["COMMANDS", "USAGE", "CommandError"]

USAGE: Final = """ovs-ofctl: OpenFlow switch management utility
usage: ovs-ofctl [OPTIONS] COMMAND [ARG...]

For OpenFlow switches:
  show SWITCH                 show OpenFlow information
  dump-desc SWITCH            print switch description
  dump-tables SWITCH          print table stats
  mod-port SWITCH IFACE ACT   modify port behavior
  get-frags SWITCH            print fragment handling behavior
  dump-ports-desc SWITCH [PORT]  print port descriptions
  dump-flows SWITCH           print all flow entries
  dump-flows SWITCH FLOW      print matching FLOWs
  dump-aggregate SWITCH       print aggregate flow statistics
  dump-aggregate SWITCH FLOW  print aggregate stats for FLOWs
  add-flow SWITCH FLOW        add flow described by FLOW
  add-flows SWITCH FILE       add flows from FILE
  mod-flows SWITCH FLOW       modify actions of matching FLOWs
  del-flows SWITCH [FLOW]     delete matching FLOWs
  replace-flows SWITCH FILE   replace flows with those in FILE
  diff-flows SOURCE1 SOURCE2  compare flows from two sources
  packet-out SWITCH IN_PORT ACTIONS PACKET...
                              execute ACTIONS on PACKET
  add-group SWITCH GROUP      add group described by GROUP
  add-groups SWITCH FILE      add group from FILE
  [--may-create] mod-group SWITCH GROUP   modify specific group
  del-groups SWITCH [GROUP]   delete matching GROUPs
  insert-buckets SWITCH [GROUP] add buckets to GROUP
  remove-buckets SWITCH [GROUP] remove buckets from GROUP
  dump-groups SWITCH [GROUP]  print group description
  add-tlv-map SWITCH MAP      add TLV option MAPpings
  del-tlv-map SWITCH [MAP]    delete TLV option MAPpings
  dump-tlv-map SWITCH         print TLV option mappings
  ct-flush-zone SWITCH ZONE   flush conntrack entries in ZONE
  probe TARGET                probe whether TARGET is up

Offline:
  parse-flow FLOW             print FLOW in canonical form
  parse-flows FILE            print the flows of FILE in canonical form

"""


def _connect(settings: Settings, name: str) -> OpenFlowConnection:
    return OpenFlowConnection(address_of(name, settings.rundir), settings.timeout)


def _show(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        for features in switch.request(ofp.FeaturesRequest()):
            if isinstance(features, ofp.FeaturesReply):
                write(format_features(features, switch.last_xid))
        _print_ports(switch, mp.ANY_PORT)
        switch.next_xid()
        for config in switch.request(ofp.GetConfigRequest()):
            if isinstance(config, ofp.GetConfigReply):
                write(format_config(config, switch.last_xid))
    return 0


def _print_ports(switch: OpenFlowConnection, port: int) -> None:
    replies = switch.request(mp.PortDescRequest(port))
    write(f"OFPST_PORT_DESC reply (OF1.5) (xid={switch.last_xid:#x}):")
    for reply in replies:
        if isinstance(reply, mp.PortDescReply):
            for desc in reply.entries:
                write(format_port_desc(desc))


def _dump_ports_desc(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        port = mp.ANY_PORT
        if len(arguments) > 1:
            names = None if arguments[1].isdigit() else ports_by_name(switch)
            port = parse_port(arguments[1], names)
        _print_ports(switch, port)
    return 0


def _dump_desc(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        for reply in switch.request(mp.DescRequest()):
            if isinstance(reply, mp.DescReply):
                write(f"OFPST_DESC reply (OF1.5) (xid={switch.last_xid:#x}):")
                write(f"Manufacturer: {reply.manufacturer}\nHardware: {reply.hardware}")
                write(f"Software: {reply.software}\nSerial Num: {reply.serial}")
                write(f"DP Description: {reply.datapath}")
    return 0


def _dump_tables(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        replies = switch.request(mp.TableStatsRequest())
        write(f"OFPST_TABLE reply (OF1.5) (xid={switch.last_xid:#x}):")
        tables = [
            entry for reply in replies if isinstance(reply, mp.TableStatsReply) for entry in reply.entries
        ]
        for line in format_tables(tables):
            write(line)
    return 0


def _get_frags(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        for config in switch.request(ofp.GetConfigRequest()):
            if isinstance(config, ofp.GetConfigReply):
                write({0: "normal", 1: "drop", 2: "reassemble", 3: "nx-match"}[config.flags & 3])
    return 0


_PORT_ACTIONS: Final[Mapping[str, tuple[int, int]]] = {
    "up": (0, 1),
    "down": (1, 1),
    "receive": (0, 4),
    "no-receive": (4, 4),
    "forward": (0, 32),
    "no-forward": (32, 32),
    "packet-in": (0, 64),
    "no-packet-in": (64, 64),
}


def _mod_port(settings: Settings, arguments: list[str]) -> int:
    name, action = arguments[1:]
    if action not in _PORT_ACTIONS:
        raise CommandError(f"unknown mod-port command '{action}'")
    with _connect(settings, arguments[0]) as switch:
        port = parse_port(name, ports_by_name(switch))
        for reply in switch.request(mp.PortDescRequest(port)):
            for desc in reply.entries if isinstance(reply, mp.PortDescReply) else ():
                if desc.port == port:
                    switch.change([ofp.PortMod(port, desc.hw_addr, *_PORT_ACTIONS[action])])
                    return 0
    raise CommandError(f"couldn't find port `{name}'")


def _dump_aggregate(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        request = flows.stats_request(switch, arguments[1:])
        for reply in switch.request(
            mp.AggregateRequest(*[getattr(request, f) for f in request.__struct_fields__])
        ):
            if isinstance(reply, mp.AggregateReply):
                write(
                    f"OFPST_AGGREGATE reply (OF1.5) (xid={switch.last_xid:#x}): packet_count={reply.packets} "
                    f"byte_count={reply.bytes} flow_count={reply.flows}"
                )
    return 0


def _packet_out(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        names = ports_by_name(switch)
        if len(arguments) == 2:
            message = _parse_packet_out(arguments[1], names)
            switch.change([message])
            return 0
        if len(arguments) < 4:
            raise CommandError("packet-out needs IN_PORT, ACTIONS and PACKET")
        port = mp.ANY_PORT if arguments[1].lower() == "none" else parse_port(arguments[1], names)
        actions = parse_actions(arguments[2], names)
        switch.change([ofp.PacketOut(actions, _packet(text), port) for text in arguments[3:]])
    return 0


def _packet(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise CommandError(f"Trailing garbage in packet data: {text}") from None


def _parse_packet_out(text: str, names: Mapping[str, int]) -> ofp.PacketOut:
    head, found, actions = text.partition("actions=")
    if not found:
        raise CommandError("must specify an action")
    data, port, rest = b"", 0xFFFD, []
    for key, value in split_words(head):
        if key == "packet":
            data = _packet(value)
        elif key == "in_port":
            port = parse_port(value, names)
        else:
            rest.append(f"{key}={value}" if value else key)
    return ofp.PacketOut(parse_actions(actions, names), data, port, parse_match(",".join(rest)))


def _dump_groups(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        names = flows.names_by_port(switch) if settings.names else None
        group = (
            parse_group_id(arguments[1].removeprefix("group_id=")) if len(arguments) > 1 else mp.ALL_GROUPS
        )
        replies = switch.request(mp.GroupDescRequest(group))
        write(f"OFPST_GROUP_DESC reply (OF1.5) (xid={switch.last_xid:#x}):")
        for reply in replies:
            for entry in reply.entries if isinstance(reply, mp.GroupDescReply) else ():
                write(" " + format_group(entry, names))
    return 0


def _change_group(command: int) -> Callable[[Settings, list[str]], int]:
    def run(settings: Settings, arguments: list[str]) -> int:
        text = arguments[1] if len(arguments) > 1 else "group_id=all"
        with _connect(settings, arguments[0]) as switch:
            names = flows.names_where_needed(switch, text)
            wanted = command
            if command == ofp.GROUP_MODIFY and settings.may_create:
                wanted = ofp.GROUP_ADD_OR_MODIFY
            mod = parse_group_mod(wanted, text, names)
            (switch.bundle if settings.bundle else switch.change)([mod])
        return 0

    return run


def _add_groups(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
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
        with _connect(settings, arguments[0]) as switch:
            switch.change([ofp.TlvTableMod(wanted, maps)])
        return 0

    return run


def _dump_tlv_map(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        for reply in switch.request(ofp.TlvTableRequest()):
            if isinstance(reply, ofp.TlvTableReply):
                space = sum(entry.length for entry in reply.maps)
                write(f"NXT_TLV_TABLE_REPLY (OF1.5) (xid={switch.last_xid:#x}):")
                write(f" max option space={reply.max_space} max fields={reply.max_fields}")
                write(f" allocated option space={space}\n\n mapping table:")
                write("  class  type  length  match field\n ------  ----  ------  --------------")
                for entry in reply.maps:
                    write(
                        f" {entry.option_class:#6x}  {entry.option_type:#4x}  {entry.length:>6}  "
                        f"tun_metadata{entry.index}"
                    )
    return 0


def _ct_flush_zone(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        switch.change([ofp.CtFlushZone(number(arguments[1]))])
    return 0


def _probe(settings: Settings, arguments: list[str]) -> int:
    with _connect(settings, arguments[0]) as switch:
        switch.request(ofp.EchoRequest())
    return 0


def _parse_flow(_settings: Settings, arguments: list[str]) -> int:
    return flows.print_parsed([(0, arguments[0])])


def _parse_flows(_settings: Settings, arguments: list[str]) -> int:
    return flows.print_parsed(read_lines(arguments[0]))


@dataclass(frozen=True, slots=True)
class Command:
    """A command takes ``least`` to ``most`` arguments."""

    run: Callable[[Settings, list[str]], int]
    least: int
    most: int


_MANY: Final = sys.maxsize
COMMANDS: Final[Mapping[str, Command]] = {
    "show": Command(_show, 1, 1),
    "dump-desc": Command(_dump_desc, 1, 1),
    "dump-tables": Command(_dump_tables, 1, 1),
    "dump-ports-desc": Command(_dump_ports_desc, 1, 2),
    "mod-port": Command(_mod_port, 3, 3),
    "get-frags": Command(_get_frags, 1, 1),
    "dump-flows": Command(flows.dump_flows, 1, 2),
    "dump-aggregate": Command(_dump_aggregate, 1, 2),
    "add-flow": Command(flows.change_flow(ofp.ADD), 2, 2),
    "add-flows": Command(flows.add_flows, 2, 2),
    "mod-flows": Command(flows.change_flow(ofp.MODIFY), 2, 2),
    "del-flows": Command(flows.change_flow(ofp.DELETE), 1, 2),
    "replace-flows": Command(flows.replace_flows, 2, 2),
    "diff-flows": Command(flows.diff_flows, 2, 2),
    "packet-out": Command(_packet_out, 2, _MANY),
    "add-group": Command(_change_group(ofp.GROUP_ADD), 2, 2),
    "add-groups": Command(_add_groups, 2, 2),
    "mod-group": Command(_change_group(ofp.GROUP_MODIFY), 2, 2),
    "del-groups": Command(_change_group(ofp.GROUP_DELETE), 1, 2),
    "insert-buckets": Command(_change_group(ofp.GROUP_INSERT_BUCKET), 2, 2),
    "insert-bucket": Command(_change_group(ofp.GROUP_INSERT_BUCKET), 2, 2),
    "remove-buckets": Command(_change_group(ofp.GROUP_REMOVE_BUCKET), 2, 2),
    "remove-bucket": Command(_change_group(ofp.GROUP_REMOVE_BUCKET), 2, 2),
    "dump-groups": Command(_dump_groups, 1, 2),
    "add-tlv-map": Command(_change_tlv_map(ofp.TLV_ADD), 2, 2),
    "del-tlv-map": Command(_change_tlv_map(ofp.TLV_DELETE), 1, 2),
    "dump-tlv-map": Command(_dump_tlv_map, 1, 1),
    "ct-flush-zone": Command(_ct_flush_zone, 2, 2),
    "probe": Command(_probe, 1, 1),
    "parse-flow": Command(_parse_flow, 1, 1),
    "parse-flows": Command(_parse_flows, 1, 1),
}
