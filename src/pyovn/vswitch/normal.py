"""NORMAL: what a learning Ethernet switch does (ovs-actions(7), "The normal action").

Addresses are learned per VLAN and forgotten after 300 s (``mac-aging-time``'s default) or when the
port goes.  Unknown and group addresses are flooded within the VLAN.  Ports with a ``tag`` are access
ports, others trunks; ``vlan_mode`` as in ovs-vswitchd.conf.db(5).

Not here: spanning tree, bonds, mirrors, IGMP snooping.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS, mask_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.vswitch.translate import Translation

AGING: Final = 300.0
LIMIT: Final = 8192
"""Addresses that a bridge knows at most (``mac-table-size``'s default)."""

STATIC: Final = math.inf
COUNTS: Final = ("learned", "expired", "evicted", "moved")
_IN_PORT, _SRC, _DST = SLOTS["in_port"], SLOTS["eth_src"], SLOTS["eth_dst"]
_TCI, _TPID = SLOTS["vlan_tci"], SLOTS["vlan_tpid"]
_READ: Final = mask_of("eth_src", "eth_dst", "vlan_vid", "vlan_tpid", "in_port")
_GROUP_ADDRESS: Final = 1 << 40
_RESERVED_LOW, _RESERVED_HIGH = 0x0180C2000000, 0x0180C200000F


def _ignore() -> None:
    """Stand in for a callback that nobody has set."""


class Learning:
    """A bridge's forwarding database: (VLAN, address) to (port, time of the last packet).

    ``entries`` stands in the order of use, the oldest first; a static entry has the time ``STATIC``, which
    no age reaches, and packets do not move it.  ``on_news`` is called when an address is new or has moved.
    ``counts`` is of learned, expired, evicted and moved addresses.
    """

    __slots__ = ("aging", "counts", "entries", "limit", "on_news")

    def __init__(self) -> None:
        self.on_news: Callable[[], None] = _ignore
        self.entries: dict[tuple[int, int], tuple[int, float]] = {}
        self.aging = AGING
        self.limit = LIMIT
        self.counts = dict.fromkeys(COUNTS, 0)

    def learn(self, vlan: int, mac: int, port: int, now: float) -> bool:
        """Note where ``mac`` was seen; tells whether that is news."""
        old = self.entries.pop((vlan, mac), None)
        if old is not None and old[1] == STATIC:
            self.entries[vlan, mac] = old
            return False
        if old is None:
            if len(self.entries) >= self.limit and not self._evict():
                return False
            self.counts["learned"] += 1
        self.entries[vlan, mac] = (port, now)
        if old is not None and old[0] == port:
            return False
        self.counts["moved"] += old is not None
        self.on_news()
        return True

    def _evict(self) -> bool:
        """Make room: forget the address that was not heard of for longest; false if all are static."""
        oldest = next((k for k, (_, seen) in self.entries.items() if seen != STATIC), None)
        if oldest is None:
            return False
        del self.entries[oldest]
        self.counts["evicted"] += 1
        return True

    def add_static(self, vlan: int, mac: int, port: int) -> None:
        """Have an address behind ``port`` until ``remove_static``."""
        self.entries[vlan, mac] = (port, STATIC)

    def remove_static(self, vlan: int, mac: int) -> bool:
        """Take a static entry back; tells whether there was one."""
        found = self.entries.get((vlan, mac))
        if found is None or found[1] != STATIC:
            return False
        del self.entries[vlan, mac]
        return True

    @property
    def static(self) -> int:
        """How many entries are static."""
        return sum(seen == STATIC for _, seen in self.entries.values())

    def flush(self) -> None:
        """Forget what was learned."""
        self.entries = {k: e for k, e in self.entries.items() if e[1] == STATIC}

    def lookup(self, vlan: int, mac: int) -> int | None:
        """The port behind which ``mac`` is."""
        found = self.entries.get((vlan, mac))
        return None if found is None else found[0]

    def expire(self, now: float) -> bool:
        """Forget what is too old; tells whether anything was."""
        old = [k for k, (_, seen) in self.entries.items() if now - seen > self.aging]
        for entry in old:
            del self.entries[entry]
        self.counts["expired"] += len(old)
        return bool(old)

    def forget_port(self, port: int) -> None:
        """Forget what is known of ``port``."""
        for entry in [k for k, (where, _) in self.entries.items() if where == port]:
            del self.entries[entry]


def forward_normal(x: Translation) -> list[int]:
    """Decide on the ports that the packet goes to, and prepare its tag; used by ``Translation``."""
    from pyovn.vswitch.steps import Learn  # steps imports the datapath's types, which import this

    x.wc |= _READ
    key, pipeline = x.key, x.pipeline
    in_port = _IN_PORT.read(key) & 0xFFFF
    source = pipeline.ports.get(in_port)
    if source is None:
        x.note("no OpenFlow port for the input port, dropping packet")
        return []
    vlan = _TCI.read(key) & 0xFFF
    if source.tag is not None and source.vlan_mode in {None, "access"}:
        if vlan:
            x.note("dropping packet with a VLAN tag received on an access port")
            return []
        vlan = source.tag
    elif vlan == 0 and source.tag is not None and source.vlan_mode != "trunk":
        vlan = source.tag
    elif not source.carries(vlan):
        x.note(f"dropping packet of VLAN {vlan}, which the input port does not trunk")
        return []
    destination, origin = _DST.read(key), _SRC.read(key)
    if _RESERVED_LOW <= destination <= _RESERVED_HIGH:
        x.note("dropping packet to a reserved address")
        return []
    if not origin & _GROUP_ADDRESS:
        x.steps.append(Learn(pipeline, vlan, origin, in_port))
    known = None if destination & _GROUP_ADDRESS else pipeline.fdb.lookup(vlan, destination)
    if known is None:
        x.note("no learned MAC for destination, flooding")
        targets = [n for n, p in pipeline.ports.items() if n != in_port and p.carries(vlan)]
    elif known == in_port:
        x.note("learned port is input port, dropping")
        targets = []
    else:
        x.note("forwarding to learned port")
        targets = [known]
    return _tagged_last(x, vlan, targets)


def _tagged_last(x: Translation, vlan: int, targets: list[int]) -> list[int]:
    """Order the ports so that one change of the tag serves all.

    Ports that take the packet as it stands go first.  Ports of both kinds in one flood are served by
    the tag that most need; the rest would need a second form, which is sent by itself.
    """
    ports = x.pipeline.ports
    tagged_now = bool(_TCI.read(x.key) & 0x1000) and _TCI.read(x.key) & 0xFFF == vlan and vlan != 0
    same = [n for n in targets if ports[n].is_untagged(vlan) != tagged_now or vlan == 0]
    other = [n for n in targets if n not in same]
    if not other:
        return same
    for number in other:
        _send_retagged(x, number, vlan, tagged_now)
    return same


def _send_retagged(x: Translation, number: int, vlan: int, tagged_now: bool) -> None:
    """Send with the tag added or removed, and leave the packet as it was."""
    from pyovn.vswitch.steps import Send

    port = x.pipeline.ports[number]
    if not port.usable or port.peer is not None:
        return
    tag_bits = _TCI.mask | _TPID.mask
    tag = 0 if tagged_now else (0x1000 | vlan) << _TCI.offset | 0x8100 << _TPID.offset
    x.steps.append(Send(port, x.written | tag_bits, x.key & ~tag_bits | tag))
