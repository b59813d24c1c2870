"""``fdb/*`` on the control socket: a bridge's learned and static addresses.

The commands are in ovs-vswitchd(8), "BRIDGE COMMANDS".  A static entry is put in and taken out
here only; flushing leaves it, and it goes with its port.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon.unixctl import CommandError
from pyovn.vswitch.normal import STATIC
from pyovn.wire.openflow.actions import PORT_LOCAL
from pyovn.wire.openflow.text_values import TextError, format_mac, parse_mac

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.vswitch.bridge import Bridge
    from pyovn.vswitch.switch import Switch

    Entry = tuple[str, str, int, int, Callable[[Sequence[str]], str]]
    """A command: name, usage, least and most arguments, what it does."""

_TOTALS: Final = (
    ("learned MAC entries     ", "learned"),
    ("expired MAC entries     ", "expired"),
    ("evicted MAC entries     ", "evicted"),
    ("port moved MAC entries  ", "moved"),
)


class FdbCommands:
    """The commands of one switch."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def table(self) -> tuple[Entry, ...]:
        """All of them."""
        return (
            ("fdb/add", "bridge port vlan mac", 4, 4, self.add),
            ("fdb/del", "bridge vlan mac", 3, 3, self.remove),
            ("fdb/flush", "[bridge]", 0, 1, self.flush),
            ("fdb/show", "bridge", 1, 1, self.show),
            ("fdb/stats-clear", "[bridge]", 0, 1, self.clear_stats),
            ("fdb/stats-show", "bridge", 1, 1, self.show_stats),
        )

    def _bridge(self, name: str) -> Bridge:
        bridge = self.switch.bridges.get(name)
        if bridge is None:
            raise CommandError("no such bridge")
        return bridge

    def _bridges(self, args: Sequence[str]) -> list[Bridge]:
        return [self._bridge(args[0])] if args else list(self.switch.bridges.values())

    def add(self, args: Sequence[str]) -> str:
        """``fdb/add``."""
        bridge = self._bridge(args[0])
        vlan, mac = _address(args[2], args[3])
        port = bridge.ports.get(args[1])
        if port is None:
            raise CommandError("software error, odp port is present but no ofp port")
        bridge.pipeline.fdb.add_static(vlan, mac, port.number)
        self.switch.datapath.invalidate()
        return ""

    def remove(self, args: Sequence[str]) -> str:
        """``fdb/del``."""
        bridge = self._bridge(args[0])
        if not bridge.pipeline.fdb.remove_static(*_address(args[1], args[2])):
            raise CommandError("could not find static mac entry")
        self.switch.datapath.invalidate()
        return ""

    def show(self, args: Sequence[str]) -> str:
        """``fdb/show``."""
        bridge = self._bridge(args[0])
        now = self.switch.runtime.now()
        lines = [" port  VLAN  MAC                Age\n"]
        for (vlan, mac), (number, seen) in bridge.pipeline.fdb.entries.items():
            where = "LOCAL" if number == PORT_LOCAL else str(number)
            age = "static" if seen == STATIC else f"{int(now - seen):3d}"
            lines.append(f"{where:>5s}  {vlan:4d}  {format_mac(mac)}  {age}\n")
        return "".join(lines)

    def flush(self, args: Sequence[str]) -> str:
        """``fdb/flush``."""
        for bridge in self._bridges(args):
            bridge.pipeline.fdb.flush()
        self.switch.datapath.invalidate()
        return "table successfully flushed"

    def show_stats(self, args: Sequence[str]) -> str:
        """``fdb/stats-show``."""
        bridge = self._bridge(args[0])
        fdb = bridge.pipeline.fdb
        lines = [
            f'Statistics for bridge "{bridge.name}":\n',
            f"  Current/maximum MAC entries in the table: {len(fdb.entries)}/{fdb.limit}\n",
            f"  Current static MAC entries in the table : {fdb.static}\n",
        ]
        lines += [f"  Total number of {words}: {fdb.counts[name]}\n" for words, name in _TOTALS]
        return "".join(lines)

    def clear_stats(self, args: Sequence[str]) -> str:
        """``fdb/stats-clear``."""
        for bridge in self._bridges(args):
            counts = bridge.pipeline.fdb.counts
            counts.update(dict.fromkeys(counts, 0))
        return "statistics successfully cleared"


def _address(vlan: str, mac: str) -> tuple[int, int]:
    try:
        address = parse_mac(mac)
    except (TextError, ValueError):
        raise CommandError("bad MAC address") from None
    if not vlan.isdecimal():
        raise CommandError("bad VLAN")
    return int(vlan), address
