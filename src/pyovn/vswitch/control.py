"""The switch's commands on the control socket (ovs-vswitchd(8), "RUNTIME MANAGEMENT COMMANDS").

``register`` adds them to a daemon's ``ControlServer``.  Texts are Open vSwitch's, which people and scripts
read.  A family of commands has a module of its own: ``control_fdb``, ``control_dp``, ``control_dummy``,
``control_trace``; here is what is left.  What the switch has not (bonds, QoS, spanning tree, ...) is not a
command either, and refused as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.daemon.unixctl import MANY, CommandError
from pyovn.vswitch.control_dp import DatapathCommands
from pyovn.vswitch.control_dummy import DummyCommands
from pyovn.vswitch.control_fdb import FdbCommands
from pyovn.vswitch.control_trace import USAGE, trace_command
from pyovn.wire.openflow.text import format_actions, format_match

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.unixctl import ControlServer
    from pyovn.vswitch.bridge import Bridge
    from pyovn.vswitch.switch import Switch


class Commands:
    """The commands of one switch."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def register(self, server: ControlServer) -> None:
        """Add all commands, and what the daemon reports of its memory."""
        switch = self.switch
        own: tuple[tuple[str, str, int, int, Callable[[Sequence[str]], str]], ...] = (
            ("bridge/dump-flows", "[--offload-stats] bridge", 1, 2, self.dump_flows),
            ("bridge/reconnect", "[bridge]", 0, 1, self.reconnect),
            ("ofproto/list", "", 0, 0, self.list_bridges),
            ("ofproto/list-tunnels", "", 0, 0, self.list_tunnels),
            ("ofproto/trace", USAGE, 1, MANY, self.trace),
            ("revalidator/purge", "", 0, 0, self.purge),
            ("revalidator/wait", "", 0, 0, lambda _args: ""),
            ("upcall/show", "", 0, 0, self.show_cache),
        )
        families = (FdbCommands(switch), DatapathCommands(switch), DummyCommands(switch))
        for table in (own, *(family.table() for family in families)):
            for name, usage, least, most, handler in table:
                server.register(name, usage, least, most, handler)
        server.memory.append(self.memory)

    def memory(self) -> dict[str, int]:
        """How many things the switch holds."""
        bridges = self.switch.bridges.values()
        return {
            "ports": sum(len(b.ports) for b in bridges),
            "rules": sum(len(t) for b in bridges for t in b.pipeline.tables if t is not None),
            "ofconns": sum(len(b.server.connections) for b in bridges),
            "cached flows": self.switch.datapath.cached,
            "connections": len(self.switch.datapath.tracker.connections) // 2,
        }

    def _bridge(self, name: str) -> Bridge:
        bridge = self.switch.bridges.get(name)
        if bridge is None:
            raise CommandError("Unknown bridge")
        return bridge

    def dump_flows(self, args: Sequence[str]) -> str:
        """``bridge/dump-flows``."""
        bridge = self._bridge(args[-1])
        self.switch.datapath.collect()
        now = self.switch.runtime.now()
        lines = []
        for table in bridge.pipeline.tables:
            for rule in table or ():
                words = [
                    f"duration={int(now - rule.created)}s",
                    f"n_packets={rule.packets}",
                    f"n_bytes={rule.bytes}",
                ]
                if rule.table:
                    words.insert(0, f"table_id={rule.table}")
                match = format_match(rule.match)
                what = [
                    w for w in ("" if rule.priority == 0x8000 else f"priority={rule.priority}", match) if w
                ]
                actions = f"actions={format_actions(rule.actions)}"
                lines.append(f"{', '.join(words)}, {','.join(what)},{actions}\n")
        return "".join(lines)

    def trace(self, args: Sequence[str]) -> str:
        """``ofproto/trace``."""
        return trace_command(self.switch, args)

    def reconnect(self, args: Sequence[str]) -> str:
        """``bridge/reconnect``: leave the controllers, and connect to them again."""
        bridges = [self._bridge(args[0])] if args else list(self.switch.bridges.values())
        for bridge in bridges:
            bridge.controllers.reconnect()
        return ""

    def list_bridges(self, _args: Sequence[str]) -> str:
        """``ofproto/list``."""
        return "".join(f"{name}\n" for name in sorted(self.switch.bridges))

    def list_tunnels(self, _args: Sequence[str]) -> str:
        """``ofproto/list-tunnels``."""
        lines = []
        for bridge in self.switch.bridges.values():
            for port in bridge.ports.values():
                config = self.switch.tunnels.config(port)
                if config is not None:
                    key = "flow" if config.out_key is None else f"{config.out_key:#x}"
                    addresses = f"{config.local or '::'}->{config.remote or 'flow'}"
                    where = f"dp port={port.datapath_number}"
                    lines.append(
                        f"port {port.datapath_number}: {port.name} ({config.kind}: {addresses}, key={key}, "
                        f"legacy_l2, {where}, ttl=64)\n"
                    )
        return "".join(lines)

    def purge(self, _args: Sequence[str]) -> str:
        """``revalidator/purge``: empty the datapath's cache."""
        self.switch.datapath.invalidate()
        return ""

    def show_cache(self, _args: Sequence[str]) -> str:
        """``upcall/show``."""
        return f"dummy@ovs-dummy:\n  flows         : (current {self.switch.datapath.cached})\n"
