"""ovs-ofctl's listings of counters and abilities: ports, groups, tables (ovs-ofctl(8))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ofctl_connection import CommandError, OpenFlowConnection, connect
from pyovn.tools.ofctl_flows import names_by_port, nx, ports_by_name, write
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.text_groups import parse_group_id
from pyovn.wire.openflow.text_messages import format_action_bits
from pyovn.wire.openflow.text_values import format_port, parse_port

if TYPE_CHECKING:
    from pyovn.tools.ofctl_settings import Settings

_SECOND: Final = 1_000_000_000
_KINDS: Final = ("all", "select", "indirect", "fast failover")
_FRAGMENTS: Final = {"normal": 0, "drop": 1, "reassemble": 2, "nx-match": 3}
_ONE_DIGIT: Final = 10
_FIRST_WITH_DURATION: Final = 4
_FIRST_WITH_TABLE_DESC: Final = 5


def _seconds(nanoseconds: int) -> str:
    return f"{nanoseconds // _SECOND}.{nanoseconds % _SECOND // 1_000_000:03d}s"


def _count(name: str, value: int | None) -> str:
    return f"{name}={'?' if value is None else value}"


def dump_ports(settings: Settings, arguments: list[str]) -> int:
    """Counters of all ports, or of one."""
    with connect(settings, arguments[0]) as switch:
        port = mp.ANY_PORT
        if len(arguments) > 1:
            port = parse_port(arguments[1], None if arguments[1].isdigit() else ports_by_name(switch))
        names = names_by_port(switch) if settings.names else None
        replies = switch.request(mp.PortStatsRequest(port))
        found = [s for reply in replies if isinstance(reply, mp.PortStatsReply) for s in reply.entries]
        write(f"OFPST_PORT reply{switch.tag} (xid={switch.last_xid:#x}): {len(found)} ports")
        for stats in found:
            _write_port(stats, format_port(stats.port, names), timed=switch.version >= _FIRST_WITH_DURATION)
    return 0


def _write_port(stats: mp.PortStats, name: str, *, timed: bool) -> None:
    rx = (
        _count("pkts", stats.rx_packets), _count("bytes", stats.rx_bytes), _count("drop", stats.rx_dropped),
        _count("errs", stats.rx_errors), _count("frame", stats.rx_frame_errors),
        _count("over", stats.rx_over_errors), _count("crc", stats.rx_crc_errors),
    )  # fmt: skip
    tx = (
        _count("pkts", stats.tx_packets), _count("bytes", stats.tx_bytes), _count("drop", stats.tx_dropped),
        _count("errs", stats.tx_errors), _count("coll", stats.collisions),
    )  # fmt: skip
    gap = " " if stats.port < _ONE_DIGIT else ""
    write(f"  port {gap}{name}: rx {', '.join(rx)}")
    write(f"           tx {', '.join(tx)}")
    if timed:
        write(f"           duration={_seconds(stats.duration)}")


def dump_group_stats(settings: Settings, arguments: list[str]) -> int:
    """Counters of all groups, or of one."""
    with connect(settings, arguments[0]) as switch:
        text = arguments[1].removeprefix("group_id=") if len(arguments) > 1 else "all"
        replies = switch.request(mp.GroupStatsRequest(parse_group_id(text)))
        write(f"{nx(switch, 'GROUP')} reply{switch.tag} (xid={switch.last_xid:#x}):")
        for reply in replies:
            for group in reply.entries if isinstance(reply, mp.GroupStatsReply) else ():
                buckets = [
                    f"bucket{n}:packet_count={packets},byte_count={octets}"
                    for n, (packets, octets) in enumerate(group.buckets)
                ]
                words = [
                    f"group_id={group.group}", f"duration={_seconds(group.duration)}",
                    f"ref_count={group.ref_count}", f"packet_count={group.packets}",
                    f"byte_count={group.bytes}", *buckets,
                ]  # fmt: skip
                write(" " + ",".join(words))
    return 0


def dump_group_features(settings: Settings, arguments: list[str]) -> int:
    """What groups the switch can."""
    with connect(settings, arguments[0]) as switch:
        for reply in switch.request(mp.GroupFeaturesRequest()):
            if not isinstance(reply, mp.GroupFeaturesReply):
                continue
            write(f"{nx(switch, 'GROUP_FEATURES')} reply{switch.tag} (xid={switch.last_xid:#x}):")
            write(" Group table:")
            write(f"    Types:  {reply.types:#x}\n    Capabilities:  {reply.capabilities:#x}")
            for kind, name in enumerate(_KINDS):
                if reply.types >> kind & 1:
                    write(f"    {name} group:\n       max_groups={reply.max_groups[kind]:#x}")
                    write(f"       actions: {format_action_bits(reply.actions[kind], switch.version)}")
    return 0


def dump_table_desc(settings: Settings, arguments: list[str]) -> int:
    """Configurations of tables; one paragraph each."""
    with connect(settings, arguments[0]) as switch:
        _need(switch, _FIRST_WITH_TABLE_DESC, "dump-table-desc")
        replies = switch.request(mp.TableDescRequest())
        tables = [t for reply in replies if isinstance(reply, mp.TableDescReply) for t in reply.entries]
        write(f"OFPST_TABLE_DESC reply{switch.tag} (xid={switch.last_xid:#x}):")
        for at, table in enumerate(tables):
            eviction, vacancy = ("on" if table.config & bit else "off" for bit in (4, 8))
            write(f"  table {table.table}:\n   eviction={eviction} eviction_flags=OTHER|IMPORTANCE|LIFETIME")
            write(f"   vacancy={vacancy}" + ("\n" if at + 1 < len(tables) else ""))
    return 0


def _need(switch: OpenFlowConnection, version: int, command: str) -> None:
    if switch.version < version:
        wanted = version - 1
        raise CommandError(f"{command} needs OpenFlow 1.{wanted} or later ('-O OpenFlow1{wanted}')")


def set_frags(settings: Settings, arguments: list[str]) -> int:
    """How fragments are to be handled."""
    mode = _FRAGMENTS.get(arguments[1])
    if mode is None:
        raise CommandError(f"{arguments[1]}: unknown fragment handling mode")
    with connect(settings, arguments[0]) as switch:
        for config in switch.request(ofp.GetConfigRequest()):
            if isinstance(config, ofp.GetConfigReply) and config.flags & 3 != mode:
                switch.change([ofp.SetConfig(config.flags & ~3 | mode, config.miss_send_len)])
        for config in switch.request(ofp.GetConfigRequest()):
            if isinstance(config, ofp.GetConfigReply) and config.flags & 3 != mode:
                raise CommandError(
                    f"{arguments[0]}: setting fragment handling mode failed (this switch probably doesn't "
                    f'support mode "{arguments[1]}")'
                )
    return 0
