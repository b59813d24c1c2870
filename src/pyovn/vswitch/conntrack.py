"""Connection tracking: which packets belong together (ovs-actions(7), "The ct action").

One table for all zones, keyed by (zone, tuple); a connection stands in it twice, once for each
direction.  States are those of ovs-fields(7) "ct_state": a packet of no known connection is ``new``;
a known one is ``est`` once its other side has answered, and ``new`` until then; packets against the
direction that opened the connection are ``rpl``; an ICMP error about a known connection is ``rel``;
what cannot be tracked is ``inv``.

A connection exists only after a ``commit``.  It goes when its timeout has passed since the last
packet (the defaults of OVS's user-space datapath, roughly), or when TCP has been reset.

Not here: NAT, helpers (ALG), reassembly, TCP windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS
from pyovn.vswitch.packetflow import ETH_IPV4, ETH_IPV6, extract

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.vswitch.steps import Track

NEW, EST, REL, RPL, INV, TRK = 1, 2, 4, 8, 16, 32

_STATE, _ZONE, _MARK, _LABEL = SLOTS["ct_state"], SLOTS["ct_zone"], SLOTS["ct_mark"], SLOTS["ct_label"]
_TYPE, _PROTO, _FRAG = SLOTS["eth_type"], SLOTS["ip_proto"], SLOTS["ip_frag"]
_FLAGS, _ICMP_TYPE = SLOTS["tcp_flags"], SLOTS["icmp_type"]
_PORTS: Final = (SLOTS["tp_src"], SLOTS["tp_dst"])
_IP4: Final = (SLOTS["ip_src"], SLOTS["ip_dst"])
_IP6: Final = (SLOTS["ipv6_src"], SLOTS["ipv6_dst"])
_CT4: Final = (SLOTS["ct_nw_src"], SLOTS["ct_nw_dst"])
_CT6: Final = (SLOTS["ct_ipv6_src"], SLOTS["ct_ipv6_dst"])
_CT_PROTO, _CT_PORTS = SLOTS["ct_nw_proto"], (SLOTS["ct_tp_src"], SLOTS["ct_tp_dst"])

_ICMP4, _TCP, _UDP, _ICMP6, _SCTP = 1, 6, 17, 58, 132
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_QUERIES: Final = {_ICMP4: {8: 0, 13: 14, 17: 18}, _ICMP6: {128: 129}}
_REPLIES: Final = {p: {r: q for q, r in pairs.items()} for p, pairs in _QUERIES.items()}
_ERRORS: Final = {_ICMP4: frozenset((3, 4, 5, 11, 12)), _ICMP6: frozenset((1, 2, 3, 4))}

Tuple = tuple[int, int, int, int, int, int]
"""(Ethernet type, protocol, source, destination, source port, destination port)."""


class Connection:
    """A committed connection; ``origin`` is the tuple of the packet that opened it."""

    __slots__ = ("closing", "expires", "label", "mark", "origin", "replied", "zone")

    def __init__(self, zone: int, origin: Tuple) -> None:
        self.zone = zone
        self.origin = origin
        self.mark = 0
        self.label = 0
        self.replied = False
        self.closing = False
        self.expires = 0.0

    def timeout(self) -> float:
        """Seconds that it lives without packets."""
        if self.origin[1] == _TCP:
            return 30.0 if self.closing else 86400.0 if self.replied else 30.0
        if self.origin[1] in {_ICMP4, _ICMP6}:
            return 30.0
        return 60.0 if self.replied else 30.0


def _reverse(t: Tuple) -> Tuple:
    """The tuple of a packet in the other direction."""
    kind, proto, src, dst, sport, dport = t
    if proto in {_ICMP4, _ICMP6}:
        answers = _QUERIES[proto] | _REPLIES[proto]
        return (kind, proto, dst, src, sport, answers.get(dport, dport))
    return (kind, proto, dst, src, dport, sport)


def _transport_offset(frame: bytes, key: int) -> int:
    at = 14
    while frame[at - 2 : at] in {b"\x81\x00", b"\x88\xa8"}:
        at += 4
    return at + (40 if _TYPE.read(key) == ETH_IPV6 else (frame[at] & 15) * 4)


def tuple_of(frame: bytes, key: int) -> Tuple | None:
    """The tuple of a packet, or ``None`` when it has none that can be tracked.

    For ICMP queries the identifier stands for the source port and the type for the destination port.
    """
    kind, proto = _TYPE.read(key), _PROTO.read(key)
    if kind not in {ETH_IPV4, ETH_IPV6} or _FRAG.read(key) & 2:
        return None
    src, dst = _IP4 if kind == ETH_IPV4 else _IP6
    if proto in {_ICMP4, _ICMP6}:
        icmp = _ICMP_TYPE.read(key)
        if icmp not in _QUERIES[proto] and icmp not in _REPLIES[proto]:
            return None
        at = _transport_offset(frame, key)
        return (
            kind,
            proto,
            src.read(key),
            dst.read(key),
            int.from_bytes(frame[at + 4 : at + 6], "big"),
            icmp,
        )
    return (kind, proto, src.read(key), dst.read(key), _PORTS[0].read(key), _PORTS[1].read(key))


def _may_open(flags: int) -> bool:
    """Tell whether a TCP segment may be the first that is seen of a connection.

    It need not be a SYN: connections are picked up in the middle.  Flags that TCP does not know in this
    combination are invalid.
    """
    if flags & _SYN:
        return not flags & (_FIN | _RST | _ACK)
    return bool(flags & (_FIN | _RST | _ACK))


class Tracker:
    """All connections of a switch."""

    __slots__ = ("_now", "connections")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.connections: dict[tuple[int, Tuple], Connection] = {}

    def track(self, step: Track, frame: bytes, key: int) -> int:
        """Track one packet as ``step`` says; the ct fields of its key, in place."""
        now = self._now()
        zone = step.zone
        found = tuple_of(frame, key)
        if found is None:
            related = self._related(zone, frame, key, now)
            if related is None:
                return self._untracked(TRK | INV, zone)
            return self._bits(related[0], TRK | REL | (RPL if related[1] else 0))
        connection = self._find(zone, found, now)
        action = step.action
        if connection is not None and action.force and found != connection.origin:
            self.remove(connection)
            connection = None
        flags = _FLAGS.read(key) if found[1] == _TCP else 0
        if connection is None:
            if found[1] == _TCP and not _may_open(flags):
                return self._untracked(TRK | INV, zone)
            if found[1] in _REPLIES and found[5] in _REPLIES[found[1]]:
                return self._untracked(TRK | INV, zone)
            connection = Connection(zone, found)
            state = TRK | NEW
            if action.commit:
                self._insert(connection)
        else:
            state = self._advance(connection, found, flags)
        if action.commit:
            self._assign(connection, step)
        connection.expires = now + connection.timeout()
        return self._bits(connection, state)

    def _find(self, zone: int, found: Tuple, now: float) -> Connection | None:
        connection = self.connections.get((zone, found))
        if connection is not None and connection.expires < now:
            self.remove(connection)
            return None
        return connection

    @staticmethod
    def _advance(connection: Connection, found: Tuple, flags: int) -> int:
        """A further packet of a known connection; its state."""
        reply = found != connection.origin
        if reply:
            connection.replied = True
        if flags & (_FIN | _RST):
            connection.closing = True
        if not connection.replied:
            return TRK | NEW
        return TRK | EST | (RPL if reply else 0)

    @staticmethod
    def _assign(connection: Connection, step: Track) -> None:
        value, mask = step.mark
        connection.mark = connection.mark & ~mask | value & mask
        value, mask = step.label
        connection.label = connection.label & ~mask | value & mask

    def _insert(self, connection: Connection) -> None:
        self.connections[connection.zone, connection.origin] = connection
        self.connections[connection.zone, _reverse(connection.origin)] = connection

    def remove(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.pop((connection.zone, connection.origin), None)
        self.connections.pop((connection.zone, _reverse(connection.origin)), None)

    def flush(self, zone: int | None = None) -> None:
        """Forget all connections, or those of one zone."""
        for connection in {id(c): c for c in self.connections.values()}.values():
            if zone is None or connection.zone == zone:
                self.remove(connection)

    def _related(self, zone: int, frame: bytes, key: int, now: float) -> tuple[Connection, bool] | None:
        """The connection that an ICMP error is about, and whether it travels as a reply."""
        proto = _PROTO.read(key)
        if proto not in _ERRORS or _FRAG.read(key) & 2 or _ICMP_TYPE.read(key) not in _ERRORS[proto]:
            return None
        inner = frame[_transport_offset(frame, key) + 8 :]
        inner += bytes(max(0, 60 - len(inner)))
        header = bytes(12) + _TYPE.read(key).to_bytes(2, "big") + inner
        quoted = tuple_of(header, extract(_with_whole_transport(header)))
        connection = None if quoted is None else self._find(zone, quoted, now)
        if connection is None:
            return None
        return connection, quoted == connection.origin

    @staticmethod
    def _untracked(state: int, zone: int) -> int:
        return state << _STATE.offset | zone << _ZONE.offset

    @staticmethod
    def _bits(connection: Connection, state: int) -> int:
        """The ct fields: state, zone, mark, label, and the tuple that opened the connection."""
        kind, proto, src, dst, sport, dport = connection.origin
        src_slot, dst_slot = _CT4 if kind == ETH_IPV4 else _CT6
        return (
            state << _STATE.offset
            | connection.zone << _ZONE.offset
            | connection.mark << _MARK.offset
            | connection.label << _LABEL.offset
            | proto << _CT_PROTO.offset
            | src << src_slot.offset
            | dst << dst_slot.offset
            | sport << _CT_PORTS[0].offset
            | dport << _CT_PORTS[1].offset
        )


def _with_whole_transport(header: bytes) -> bytes:
    """An ICMP error quotes as little as 8 bytes of transport header; ``extract`` wants all of it."""
    return header + bytes(20)
