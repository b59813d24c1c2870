"""``dpif/*`` and ``dpctl/*`` on the control socket: ports, remembered flows and connections of the datapath.

All bridges share one datapath, ``dummy@ovs-dummy`` (ovs-vswitchd(8), "DATAPATH COMMANDS"; ovs-dpctl(8)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon.unixctl import MANY, CommandError
from pyovn.vswitch.flowtext import format_flow
from pyovn.vswitch.keytext import format_slot
from pyovn.vswitch.trace import format_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyovn.vswitch.conntrack import Connection
    from pyovn.vswitch.datapath import CacheEntry
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.vswitch.switch import Switch

    Entry = tuple[str, str, int, int, Callable[[Sequence[str]], str]]

DATAPATH: Final = "dummy@ovs-dummy"
_KINDS: Final = {"": "system", "internal": "dummy-internal"}
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}


class DatapathCommands:
    """The commands of one switch."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def table(self) -> tuple[Entry, ...]:
        """All of them."""
        return (
            ("dpctl/ct-get-nconns", "[dp]", 0, 1, self.count_connections),
            ("dpctl/ct-stats-show", "[dp] [zone=N]", 0, MANY, self.show_conntrack_stats),
            ("dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", 0, MANY, self.dump_conntrack),
            ("dpctl/dump-dps", "", 0, 0, lambda _args: f"{DATAPATH}\n"),
            ("dpctl/dump-flows", "[--names] [dp]", 0, MANY, self.dump_all_flows),
            ("dpctl/flush-conntrack", "[dp] [zone=N]", 0, MANY, self.flush_conntrack),
            ("dpctl/show", "[-s] [dp...]", 0, MANY, self.show),
            ("dpif/dump-dps", "", 0, 0, self.dump_bridges),
            ("dpif/dump-flows", "[--names | --no-names] bridge", 1, MANY, self.dump_flows),
            ("dpif/show", "", 0, 0, self.show_bridges),
        )

    def _ports(self) -> list[SwitchPort]:
        """The datapath's ports, by number."""
        ports = [p for b in self.switch.bridges.values() for p in b.ports.values() if p.datapath_number]
        return sorted(ports, key=lambda port: port.datapath_number)

    # -- ports -----------------------------------------------------------------------------------

    def dump_bridges(self, _args: Sequence[str]) -> str:
        """``dpif/dump-dps``."""
        return "".join(f"dummy@{name}\n" for name in sorted(self.switch.bridges))

    def show_bridges(self, _args: Sequence[str]) -> str:
        """``dpif/show``."""
        datapath = self.switch.datapath
        lines = [f"{DATAPATH}: hit:{datapath.hits} missed:{datapath.misses}\n"]
        for name, bridge in sorted(self.switch.bridges.items()):
            lines.append(f"  {name}:\n")
            lines += [f"    {self._describe(port)}\n" for _, port in sorted(bridge.ports.items())]
        return "".join(lines)

    def _describe(self, port: SwitchPort) -> str:
        if port.kind == "patch":
            peer = port.peer.name if port.peer is not None else "none"
            return f"{port.name} {port.number}/none: (patch: peer={peer})"
        what = _KINDS.get(port.kind, port.kind)
        config = self.switch.tunnels.config(port)
        if config is not None:
            keys = {"key": config.in_key}
            if config.in_key != config.out_key:
                keys = {"in_key": config.in_key, "out_key": config.out_key}
            words = [f"{name}={'flow' if key is None else key}" for name, key in keys.items()]
            words += [f"local_ip={config.local}"] if config.local else []
            words.append(f"remote_ip={config.remote or 'flow'}")
            what += f": {', '.join(words)}"
        return f"{port.name} {port.number}/{port.datapath_number}: ({what})"

    def show(self, args: Sequence[str]) -> str:
        """``dpctl/show``."""
        names, options = _split(args, {"-s", "--statistics"})
        for name in names:
            _check(name)
        datapath = self.switch.datapath
        lines = [f"{DATAPATH}:\n", f"  lookups: hit:{datapath.hits} missed:{datapath.misses} lost:0\n"]
        lines.append(f"  flows: {datapath.cached}\n")
        rows = [(0, "ovs-dummy", "dummy-internal", (0, 0, 0, 0))] if self.switch.bridges else []
        for port in self._ports():
            counts = (port.rx_packets, port.tx_packets, port.rx_bytes, port.tx_bytes)
            rows.append((port.datapath_number, port.name, _KINDS.get(port.kind, port.kind), counts))
        for number, name, kind, (rx, tx, rx_bytes, tx_bytes) in rows:
            lines.append(f"  port {number}: {name} ({kind})\n")
            if options:
                lines.append(f"    RX packets:{rx} errors:? dropped:? overruns:? frame:?\n")
                lines.append(f"    TX packets:{tx} errors:? dropped:? aborted:? carrier:?\n")
                lines.append("    collisions:?\n")
                lines.append(f"    RX bytes:{rx_bytes}  TX bytes:{tx_bytes}\n")
        return "".join(lines)

    # -- flows -----------------------------------------------------------------------------------

    def dump_flows(self, args: Sequence[str]) -> str:
        """``dpif/dump-flows``: the flows whose packets come in at a bridge."""
        names, options = _split(args, {"--names", "--no-names"})
        bridge = self.switch.bridges.get(names[-1]) if names else None
        if bridge is None:
            raise CommandError("no such bridge")
        pipeline = bridge.pipeline
        flows = [(mask, entry) for mask, entry in self.switch.datapath.flows() if entry.pipeline is pipeline]
        return self._format_flows(flows, named="--names" in options)

    def dump_all_flows(self, args: Sequence[str]) -> str:
        """``dpctl/dump-flows``."""
        names, options = _split(args, {"--names", "--no-names"})
        for name in names:
            _check(name)
        flows = self.switch.datapath.flows()
        text = self._format_flows(flows, named="--names" in options)
        return f"flow-dump from the main thread:\n{text}" if flows else ""

    def _format_flows(self, flows: list[tuple[int, CacheEntry]], *, named: bool) -> str:
        now = self.switch.runtime.now()
        lines = []
        for mask, entry in flows:
            ports = entry.pipeline.ports

            def shown(number: int, ports: dict[int, SwitchPort] = ports) -> str:
                port = ports.get(number)
                if port is None:
                    return str(number)
                return port.name if named else str(port.datapath_number)

            used = f"{now - entry.used:.3f}s" if entry.hits else "never"
            lines.append(
                f"{format_flow(entry.key, mask, shown)}, packets:{entry.hits}, bytes:{entry.hit_bytes}, "
                f"used:{used}, actions:{format_steps(list(entry.steps), entry.key, named=named)}\n"
            )
        return "".join(lines)

    # -- connections -----------------------------------------------------------------------------

    def _connections(self, zone: int | None) -> Iterable[Connection]:
        """Each once, though it is found by either direction."""
        found = {id(c): c for c in self.switch.datapath.tracker.connections.values()}
        return [c for c in found.values() if zone is None or c.zone == zone]

    def dump_conntrack(self, args: Sequence[str]) -> str:
        """``dpctl/dump-conntrack``."""
        lines = []
        for connection in self._connections(_zone(args)):
            kind, proto, src, dst, sport, dport = connection.origin
            form = "ipv4" if kind == 0x0800 else "ipv6"
            a, b = format_slot(form, src), format_slot(form, dst)
            words = [_PROTOCOLS.get(proto, str(proto))]
            words.append(f"orig=(src={a},dst={b},sport={sport},dport={dport})")
            words.append(f"reply=(src={b},dst={a},sport={dport},dport={sport})")
            words += [f"zone={connection.zone}"] if connection.zone else []
            words += [f"mark={connection.mark}"] if connection.mark else []
            words += [f"labels={connection.label:#x}"] if connection.label else []
            lines.append(",".join(words) + "\n")
        return "".join(lines)

    def flush_conntrack(self, args: Sequence[str]) -> str:
        """``dpctl/flush-conntrack``."""
        self.switch.datapath.tracker.flush(_zone(args))
        return ""

    def count_connections(self, args: Sequence[str]) -> str:
        """``dpctl/ct-get-nconns``."""
        return f"{len(list(self._connections(_zone(args))))}\n"

    def show_conntrack_stats(self, args: Sequence[str]) -> str:
        """``dpctl/ct-stats-show``: how many connections there are of each protocol."""
        counts: dict[str, int] = {}
        for connection in self._connections(_zone(args)):
            name = _PROTOCOLS.get(connection.origin[1], "other").upper()
            counts[name] = counts.get(name, 0) + 1
        lines = ["Connections Stats:\n", f"    Total: {sum(counts.values())}\n"]
        lines += [f"\t{name}: {count}\n" for name, count in sorted(counts.items())]
        return "".join(lines)


def _split(args: Sequence[str], known: set[str]) -> tuple[list[str], set[str]]:
    """Names and options; raises ``CommandError`` for an option that is not ``known``."""
    options = {arg for arg in args if arg.startswith("-")}
    for option in sorted(options - known):
        raise CommandError(f"unknown option {option}")
    return [arg for arg in args if not arg.startswith("-")], options


def _check(name: str) -> None:
    if name != DATAPATH:
        raise CommandError(f"ovs-vswitchd: opening datapath {name} failed (No such device)")


def _zone(args: Sequence[str]) -> int | None:
    """The zone that ``zone=N`` names; a word of another kind is a datapath's name or an option."""
    zone = None
    for arg in args:
        name, equals, value = arg.partition("=")
        if name == "zone":
            if not value.isdecimal():
                raise CommandError(f"invalid zone {value!r}")
            zone = int(value)
        elif not equals and not arg.startswith("-"):
            _check(arg)
    return zone
