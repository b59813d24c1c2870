"""The switch's commands on the control socket (ovs-vswitchd(8), "RUNTIME MANAGEMENT COMMANDS").

``register`` adds them to a daemon's ``ControlServer``.  Texts have the shape of Open vSwitch's, which
people and scripts read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn.daemon.unixctl import MANY, CommandError
from pyovn.vswitch.compose import compose, parse_datapath_flow
from pyovn.vswitch.flowkey import SLOTS, UnknownFieldError, pack_match
from pyovn.vswitch.keytext import format_slot
from pyovn.vswitch.packetflow import extract
from pyovn.vswitch.trace import parse_state, trace
from pyovn.wire.openflow.text import format_actions, format_match, parse_match
from pyovn.wire.openflow.text_values import TextError, format_mac

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.unixctl import ControlServer
    from pyovn.vswitch.bridge import Bridge
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.vswitch.switch import Switch

_HEX: Final = re.compile(r"[0-9a-fA-F]{28,}")
_KINDS: Final = {"": "system", "internal": "dummy-internal"}
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}


class Commands:
    """The commands of one switch."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def register(self, server: ControlServer) -> None:
        """Add all commands, and what the daemon reports of its memory."""
        table: tuple[tuple[str, str, int, int, Callable[[Sequence[str]], str]], ...] = (
            ("bridge/dump-flows", "[--offload-stats] bridge", 1, 2, self.dump_flows),
            ("dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", 0, MANY, self.dump_conntrack),
            ("dpctl/flush-conntrack", "[dp] [zone=N]", 0, MANY, self.flush_conntrack),
            ("dpif/dump-dps", "", 0, 0, self.dump_datapaths),
            ("dpif/show", "", 0, 0, self.show_datapath),
            ("fdb/flush", "[bridge]", 0, 1, self.flush_fdb),
            ("fdb/show", "bridge", 1, 1, self.show_fdb),
            (
                "netdev-dummy/receive",
                "name [--qid queue_id] packet|flow [--len packet_len]",
                2,
                MANY,
                self.receive,
            ),
            ("netdev-dummy/set-admin-state", "[netdev] up|down", 1, 2, self.set_admin_state),
            ("ofproto/list", "", 0, 0, self.list_bridges),
            ("ofproto/list-tunnels", "", 0, 0, self.list_tunnels),
            ("ofproto/trace", "bridge br_flow [OPTIONS...] [-generate|packet]", 1, MANY, self.trace),
            ("revalidator/purge", "", 0, 0, self.purge),
            ("revalidator/wait", "", 0, 0, lambda _args: ""),
            ("upcall/show", "", 0, 0, self.show_cache),
        )
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

    def _bridge(self, name: str, refusal: str) -> Bridge:
        bridge = self.switch.bridges.get(name)
        if bridge is None:
            raise CommandError(refusal)
        return bridge

    # -- flows -----------------------------------------------------------------------------------

    def dump_flows(self, args: Sequence[str]) -> str:
        """``bridge/dump-flows``."""
        bridge = self._bridge(args[-1], "Unknown bridge")
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
        """``ofproto/trace``: a bridge, a flow or a packet in hexadecimal, and options."""
        words: list[str] = []
        states: list[int] = []
        rest = iter(args)
        for word in rest:
            if word == "--ct-next":
                try:
                    states.append(parse_state(next(rest, "")))
                except ValueError as e:
                    raise CommandError(str(e)) from None
            elif word not in {"-generate", "--generate"}:
                words.append(word)
        if not words:
            raise CommandError("Must specify bridge name")
        bridge = self._bridge(words[0], f"{words[0]}: unknown bridge")
        key, frame = 0, b""
        for word in words[1:]:
            if _HEX.fullmatch(word):
                frame = _packet(word)
            else:
                key = self._flow_key(bridge, word)
        if frame:
            key = extract(frame, key & SLOTS["in_port"].mask)
        return trace(bridge.pipeline, key, len(frame), states or None)

    def _flow_key(self, bridge: Bridge, text: str) -> int:
        names = {name: port.number for name, port in bridge.ports.items()}
        try:
            if "(" in text:
                key = parse_datapath_flow(text)
                return self._from_datapath(bridge, key)
            return pack_match(parse_match(text, names))[0]
        except (TextError, UnknownFieldError, ValueError, KeyError) as e:
            raise CommandError(f"Bad openflow flow syntax: {text}: {e}") from None

    @staticmethod
    def _from_datapath(bridge: Bridge, key: int) -> int:
        """Turn the datapath's number of the input port into OpenFlow's."""
        slot = SLOTS["in_port"]
        for port in bridge.ports.values():
            if port.datapath_number == slot.read(key):
                return key & ~slot.mask | port.number << slot.offset
        return key

    # -- ports and packets -----------------------------------------------------------------------

    def receive(self, args: Sequence[str]) -> str:
        """``netdev-dummy/receive``: frames in hexadecimal, or in the datapath's notation."""
        name, *words = args
        port = self.switch.port(name)
        if port is None:
            raise CommandError("no such dummy netdev")
        length = 0
        frames: list[bytes] = []
        rest = iter(words)
        for word in rest:
            if word in {"--qid", "--len"}:
                value = next(rest, "")
                if not value.isdigit():
                    raise CommandError(f"{word} needs a number")
                length = int(value) if word == "--len" else length
            elif _HEX.fullmatch(word):
                frames.append(_packet(word))
            else:
                try:
                    frames.append(compose(parse_datapath_flow(word)))
                except (ValueError, KeyError, TextError) as e:
                    raise CommandError(f"bad flow syntax: {e}") from None
        for frame in frames:
            self.switch.inject(name, frame + bytes(max(0, length - len(frame))))
        return ""

    def set_admin_state(self, args: Sequence[str]) -> str:
        """``netdev-dummy/set-admin-state``."""
        *names, state = args
        if state not in {"up", "down"}:
            raise CommandError("Invalid Admin State")
        for name in names:
            if self.switch.port(name) is None:
                raise CommandError("Unknown Dummy Interface")
        self.switch.set_admin_state(names, up=state == "up")
        return "OK"

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
                    addresses = f"{config.local or '0.0.0.0'}->{config.remote or 'flow'}"  # noqa: S104 - text
                    where = f"dp port={port.datapath_number}"
                    lines.append(
                        f"port {port.datapath_number}: {port.name} ({config.kind}: {addresses}, key={key}, "
                        f"legacy_l2, {where}, ttl=64)\n"
                    )
        return "".join(lines)

    def dump_datapaths(self, _args: Sequence[str]) -> str:
        """``dpif/dump-dps``."""
        return "".join(f"dummy@ovs-dummy {name}\n" for name in sorted(self.switch.bridges))

    def show_datapath(self, _args: Sequence[str]) -> str:
        """``dpif/show``."""
        datapath = self.switch.datapath
        lines = [f"dummy@ovs-dummy: hit:{datapath.hits} missed:{datapath.misses}\n"]
        for name, bridge in sorted(self.switch.bridges.items()):
            lines.append(f"  {name}:\n")
            lines += [f"    {self._describe(port)}\n" for _, port in sorted(bridge.ports.items())]
        return "".join(lines)

    @staticmethod
    def _describe(port: SwitchPort) -> str:
        if port.kind == "patch":
            peer = port.peer.name if port.peer is not None else "none"
            return f"{port.name} {port.number}/none: (patch: peer={peer})"
        return f"{port.name} {port.number}/{port.datapath_number}: ({_KINDS.get(port.kind, port.kind)})"

    # -- learned addresses and connections -------------------------------------------------------

    def show_fdb(self, args: Sequence[str]) -> str:
        """``fdb/show``."""
        bridge = self._bridge(args[0], "no such bridge")
        now = self.switch.runtime.now()
        lines = [" port  VLAN  MAC                Age\n"]
        for (vlan, mac), (number, seen) in bridge.pipeline.fdb.entries.items():
            where = "LOCAL" if number == 0xFFFE else str(number)
            lines.append(f"{where:>5s}  {vlan:4d}  {format_mac(mac)}  {int(now - seen):3d}\n")
        return "".join(lines)

    def flush_fdb(self, args: Sequence[str]) -> str:
        """``fdb/flush``."""
        bridges = [self._bridge(args[0], "no such bridge")] if args else list(self.switch.bridges.values())
        for bridge in bridges:
            bridge.pipeline.fdb.entries.clear()
        self.switch.datapath.invalidate()
        return "table successfully flushed"

    def dump_conntrack(self, args: Sequence[str]) -> str:
        """``dpctl/dump-conntrack``."""
        zone = _zone(args)
        lines = []
        seen = set()
        for connection in self.switch.datapath.tracker.connections.values():
            if id(connection) in seen or (zone is not None and connection.zone != zone):
                continue
            seen.add(id(connection))
            kind, proto, src, dst, sport, dport = connection.origin
            form = "ipv4" if kind == 0x0800 else "ipv6"
            a, b = format_slot(form, src), format_slot(form, dst)
            words = [_PROTOCOLS.get(proto, str(proto))]
            words.append(f"orig=(src={a},dst={b},sport={sport},dport={dport})")
            words.append(f"reply=(src={b},dst={a},sport={dport},dport={sport})")
            for name, value in (("zone", connection.zone),):
                words += [f"{name}={value}"] if value else []
            words += [f"mark={connection.mark}"] if connection.mark else []
            words += [f"labels={connection.label:#x}"] if connection.label else []
            lines.append(",".join(words) + "\n")
        return "".join(lines)

    def flush_conntrack(self, args: Sequence[str]) -> str:
        """``dpctl/flush-conntrack``."""
        self.switch.datapath.tracker.flush(_zone(args))
        return ""

    def purge(self, _args: Sequence[str]) -> str:
        """``revalidator/purge``: empty the datapath's cache."""
        self.switch.datapath.invalidate()
        return ""

    def show_cache(self, _args: Sequence[str]) -> str:
        """``upcall/show``."""
        return f"dummy@ovs-dummy:\n  flows         : (current {self.switch.datapath.cached})\n"


def _packet(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise CommandError("Trailing garbage in packet data") from None


def _zone(args: Sequence[str]) -> int | None:
    for arg in args:
        name, _, value = arg.partition("=")
        if name == "zone":
            if not value.isdigit():
                raise CommandError(f"invalid zone {value!r}")
            return int(value)
    return None
