"""ovs-ofctl's commands on a switch and its ports, on packets and sums of flows.

Each takes the settings and the arguments, writes to standard output, and returns the exit status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools import ofctl_flows as flows
from pyovn.tools.ofctl_connection import CommandError, OpenFlowConnection, connect
from pyovn.tools.ofctl_flows import nx, ports_by_name, read_lines, write
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.text import parse_actions, parse_match
from pyovn.wire.openflow.text_match import split_words
from pyovn.wire.openflow.text_messages import format_config, format_features, format_port_desc, format_tables
from pyovn.wire.openflow.text_values import TextError, number, parse_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.tools.ofctl_settings import Settings


def show(settings: Settings, arguments: list[str]) -> int:
    """Features, ports and configuration."""
    with connect(settings, arguments[0]) as switch:
        for features in switch.request(ofp.FeaturesRequest()):
            if isinstance(features, ofp.FeaturesReply):
                write(format_features(features, switch.last_xid, switch.version))
        if switch.version > 1:
            _print_ports(switch, mp.ANY_PORT)
        switch.next_xid()
        for config in switch.request(ofp.GetConfigRequest()):
            if isinstance(config, ofp.GetConfigReply):
                write(format_config(config, switch.last_xid, switch.version))
    return 0


def _print_ports(switch: OpenFlowConnection, port: int) -> None:
    replies = switch.request(mp.PortDescRequest(port if switch.version == NEWEST else mp.ANY_PORT))
    write(f"OFPST_PORT_DESC reply{switch.tag} (xid={switch.last_xid:#x}):")
    descs = [desc for reply in replies if isinstance(reply, mp.PortDescReply) for desc in reply.entries]
    # Only 1.5 can ask for one port; as in C, the others show all.
    for desc in sorted(descs, key=lambda desc: desc.port):
        write(format_port_desc(desc))


def dump_ports_desc(settings: Settings, arguments: list[str]) -> int:
    """All ports, or one by name or number."""
    with connect(settings, arguments[0]) as switch:
        port = mp.ANY_PORT
        if len(arguments) > 1:
            names = None if arguments[1].isdigit() else ports_by_name(switch)
            port = parse_port(arguments[1], names)
        _print_ports(switch, port)
    return 0


def dump_desc(settings: Settings, arguments: list[str]) -> int:
    """Who made the switch."""
    with connect(settings, arguments[0]) as switch:
        for reply in switch.request(mp.DescRequest()):
            if isinstance(reply, mp.DescReply):
                write(f"OFPST_DESC reply{switch.tag} (xid={switch.last_xid:#x}):")
                write(f"Manufacturer: {reply.manufacturer}\nHardware: {reply.hardware}")
                write(f"Software: {reply.software}\nSerial Num: {reply.serial}")
                write(f"DP Description: {reply.datapath}")
    return 0


def dump_tables(settings: Settings, arguments: list[str]) -> int:
    """Counters of the tables."""
    with connect(settings, arguments[0]) as switch:
        replies = switch.request(mp.TableStatsRequest())
        write(f"OFPST_TABLE reply{switch.tag} (xid={switch.last_xid:#x}):")
        tables = [
            entry for reply in replies if isinstance(reply, mp.TableStatsReply) for entry in reply.entries
        ]
        for line in format_tables(tables, details=switch.version == 1):
            write(line)
    return 0


def get_frags(settings: Settings, arguments: list[str]) -> int:
    """How fragments are handled."""
    with connect(settings, arguments[0]) as switch:
        for config in switch.request(ofp.GetConfigRequest()):
            if isinstance(config, ofp.GetConfigReply):
                write({0: "normal", 1: "drop", 2: "reassemble", 3: "nx-match"}[config.flags & 3])
    return 0


NEWEST: Final = 6
"""OpenFlow 1.5's number: it alone can ask for one port."""

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


def mod_port(settings: Settings, arguments: list[str]) -> int:
    """Bring a port up or down, or change what it forwards."""
    name, action = arguments[1:]
    if action not in _PORT_ACTIONS:
        raise CommandError(f"unknown mod-port command '{action}'")
    with connect(settings, arguments[0]) as switch:
        missing = f"{arguments[0]}: couldn't find port `{name}'"
        try:
            port = parse_port(name, ports_by_name(switch))
        except TextError:
            raise CommandError(missing) from None
        for reply in switch.request(mp.PortDescRequest()):
            for desc in reply.entries if isinstance(reply, mp.PortDescReply) else ():
                if desc.port == port:
                    switch.change([ofp.PortMod(port, desc.hw_addr, *_PORT_ACTIONS[action])])
                    return 0
    raise CommandError(missing)


def dump_aggregate(settings: Settings, arguments: list[str]) -> int:
    """Sums over all flows, or those that match."""
    with connect(settings, arguments[0]) as switch:
        request = flows.stats_request(switch, arguments[1:])
        for reply in switch.request(
            mp.AggregateRequest(*[getattr(request, f) for f in request.__struct_fields__])
        ):
            if isinstance(reply, mp.AggregateReply):
                write(
                    f"{nx(switch, 'AGGREGATE')} reply{switch.tag} (xid={switch.last_xid:#x}): "
                    f"packet_count={reply.packets} byte_count={reply.bytes} flow_count={reply.flows}"
                )
    return 0


def packet_out(settings: Settings, arguments: list[str]) -> int:
    """Send packets: IN_PORT ACTIONS PACKET..., or all in one argument."""
    with connect(settings, arguments[0]) as switch:
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
        raise CommandError("Trailing garbage in packet data") from None


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


def ct_flush_zone(settings: Settings, arguments: list[str]) -> int:
    """Forget the connections of a zone."""
    with connect(settings, arguments[0]) as switch:
        switch.change([ofp.CtFlushZone(number(arguments[1]))])
    return 0


def probe(settings: Settings, arguments: list[str]) -> int:
    """Ask for an echo."""
    with connect(settings, arguments[0]) as switch:
        switch.request(ofp.EchoRequest())
    return 0


def parse_flow(settings: Settings, arguments: list[str]) -> int:
    """Print one flow in canonical form."""
    return flows.print_parsed([(0, arguments[0])], settings.versions)


def parse_flows(settings: Settings, arguments: list[str]) -> int:
    """Print a file of flows in canonical form."""
    return flows.print_parsed(read_lines(arguments[0]), settings.versions)
