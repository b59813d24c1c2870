"""The datapath: frames in, frames out; it remembers what the pipeline decided for earlier frames.

A frame's key is looked up in a cache of translations first.  The cache is a tuple-space search like a
flow table's: translations are grouped by the bits that they consulted, so one entry serves every
packet that agrees in those.  Any change of flows, groups, ports or learned addresses empties it
(``invalidate``); what the entries counted is added to the flows then, or when statistics are read
(``collect``), so a packet costs two additions however many flows it passed.

Packets that connection tracking puts back into the pipeline, and packets that arrive while another is
processed, wait in a queue: a callback never runs inside another packet's steps.

Not here: what a port leads to (``ports``, ``bridge``), OpenFlow connections (``ofserver``).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.conntrack import Tracker
from pyovn.vswitch.flowkey import SLOTS
from pyovn.vswitch.packetflow import extract
from pyovn.vswitch.translate import Translation

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.vswitch.classifier import Rule
    from pyovn.vswitch.groups import Bucket, SwitchGroup
    from pyovn.vswitch.pipeline import Frozen, Pipeline
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.vswitch.program import Program
    from pyovn.vswitch.steps import PacketIn, Step

CACHE_LIMIT: Final = 20_000
MASK_LIMIT: Final = 64
"""Entries and groups of the cache; beyond either, it starts afresh."""

PAUSED_LIMIT: Final = 4096
"""Packets that wait for a controller; beyond it the oldest is lost."""

RECIRCULATION_LIMIT: Final = 64
"""Passes through connection tracking that one packet may make."""

_FIRST_TABLE: Final = SLOTS["first_table"]
_BRIDGE: Final = SLOTS["bridge"]


class CacheEntry:
    """A translation that is being reused, and what it has counted since ``collect``.

    ``pipeline`` and ``key`` are of the packet that made it; that packet is not among ``hits`` and
    ``hit_bytes``, which are brought up to date by ``collect``.
    """

    __slots__ = ("bytes", "hit_bytes", "hits", "key", "packets", "pipeline", "rules", "steps", "used")

    def __init__(
        self,
        steps: tuple[Step, ...],
        rules: tuple[Rule | SwitchGroup | Bucket, ...],
        pipeline: Pipeline,
        key: int = 0,
        length: int = 0,
    ) -> None:
        self.pipeline = pipeline
        self.key = key
        self.hits, self.hit_bytes = -1, -length
        self.steps = steps
        self.rules = rules
        self.packets = 0
        self.bytes = 0
        self.used = 0.0


class Datapath:
    """All bridges of a switch share one.  ``packet_in`` is set by the switch."""

    __slots__ = (
        "_busy", "_cache", "_entries", "_index", "_paused", "_paused_count", "_queue", "hits", "misses",
        "now", "packet_in", "tracker",
    )  # fmt: skip

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.tracker = Tracker(now)
        self.packet_in: Callable[[PacketIn, bytes, int, bytes], None] = _nobody
        self.hits = self.misses = 0
        self._cache: list[tuple[int, dict[int, CacheEntry]]] = []
        self._index: dict[int, dict[int, CacheEntry]] = {}
        self._entries = 0
        self._queue: deque[tuple[Pipeline, int, bytes, int]] = deque()
        self._busy = 0
        self._paused: dict[int, Frozen] = {}
        self._paused_count = 0

    def receive(self, port: SwitchPort, frame: bytes, metadata: int = 0) -> None:
        """A frame comes in; ``metadata`` holds the tunnel's fields when the port is one."""
        if len(frame) < 14 or not port.usable:
            port.rx_dropped += 1
            return
        port.rx_packets += 1
        port.rx_bytes += len(frame)
        self._queue.append((port.pipeline, extract(frame, port.key | metadata), frame, 0))
        if not self._busy:
            self._drain()

    def queue(self, pipeline: Pipeline, key: int, frame: bytes) -> None:
        """Put a packet back into the pipeline; called by steps."""
        if self._busy <= RECIRCULATION_LIMIT:
            self._queue.append((pipeline, key, frame, self._busy))

    def _drain(self) -> None:
        queue = self._queue
        try:
            while queue:
                pipeline, key, frame, depth = queue.popleft()
                self._busy = depth + 1
                self._process(pipeline, key, frame)
        finally:
            self._busy = 0

    def _process(self, pipeline: Pipeline, key: int, frame: bytes) -> None:
        for mask, entries in self._cache:
            entry = entries.get(key & mask)
            if entry is not None:
                self.hits += 1
                break
        else:
            entry = self._translate(pipeline, key, len(frame))
        entry.packets += 1
        entry.bytes += len(frame)
        entry.used = self.now()
        for step in entry.steps:
            step.run(self, frame, key)

    def _translate(self, pipeline: Pipeline, key: int, length: int) -> CacheEntry:
        self.misses += 1
        x = Translation(pipeline, key, length)
        x.run_table(_FIRST_TABLE.read(key))
        entry = CacheEntry(tuple(x.steps), tuple(x.rules), pipeline, key, length)
        # One that may not be reused stands under a key that no packet has: it is only to be counted.
        mask, value = (x.wc, key & x.wc) if x.cacheable else (0, ~self.misses)
        entries = self._index.get(mask)
        if entries is None:
            entries = self._index[mask] = {}
            if mask:
                self._cache.append((mask, entries))
        entries[value] = entry
        self._entries += 1
        if self._entries > CACHE_LIMIT or len(self._cache) > MASK_LIMIT:
            # The entry counts its first packet after this; it stays among the new ones for that.
            self.invalidate()
            self._index = {0: {~self.misses: entry}}
            self._entries = 1
        return entry

    def execute(self, pipeline: Pipeline, program: Program, in_port: int, frame: bytes, metadata: int) -> str:
        """Carry out a packet-out; returns an error's text or nothing."""
        metadata |= in_port << SLOTS["in_port"].offset | pipeline.index << _BRIDGE.offset
        x = Translation(pipeline, extract(frame, metadata), len(frame))
        x.run_program(program)
        self._finish(x, frame)
        return x.error

    def pause(self, frozen: Frozen) -> bytes:
        """Keep a paused packet's pipeline; the continuation by which it is resumed."""
        self._paused_count += 1
        self._paused[self._paused_count] = frozen
        if len(self._paused) > PAUSED_LIMIT:
            del self._paused[next(iter(self._paused))]
        return self._paused_count.to_bytes(8, "big")

    def resume(self, continuation: bytes, frame: bytes, metadata: int) -> bool:
        """Go on with a paused packet, as the controller gives it back; false when it is not known."""
        frozen = self._paused.pop(int.from_bytes(continuation, "big"), None)
        if frozen is None:
            return False
        pipeline = frozen.pipeline
        x = Translation(pipeline, extract(frame, metadata | pipeline.index << _BRIDGE.offset), len(frame))
        x.thaw(frozen)
        self._finish(x, frame)
        return True

    def _finish(self, x: Translation, frame: bytes) -> None:
        """Count and carry out a translation that is used once."""
        entry = CacheEntry((), tuple(x.rules), x.pipeline)
        entry.packets, entry.bytes, entry.used = 1, len(frame), self.now()
        _account(entry)
        nested = self._busy
        self._busy = nested or 1
        try:
            for step in x.steps:
                step.run(self, frame, x.base)
        finally:
            self._busy = nested
        if not nested:
            self._drain()

    def collect(self) -> None:
        """Bring the flows' counters up to date."""
        for entries in self._index.values():
            for entry in entries.values():
                if entry.packets:
                    _account(entry)

    def invalidate(self) -> None:
        """Forget all translations: something that they read has changed."""
        if self._index:
            self.collect()
            self._index = {}
            self._cache = []
            self._entries = 0

    def flows(self) -> list[tuple[int, CacheEntry]]:
        """The translations that are remembered, each with the bits that it depends on."""
        self.collect()
        return [(mask, entry) for mask, entries in self._cache for entry in entries.values()]

    @property
    def cached(self) -> int:
        """How many translations are remembered."""
        return self._entries


def _account(entry: CacheEntry) -> None:
    packets, size, used = entry.packets, entry.bytes, entry.used
    for rule in entry.rules:
        rule.packets += packets
        rule.bytes += size
        rule.used = max(rule.used, used)
    entry.hits += packets
    entry.hit_bytes += size
    entry.packets = entry.bytes = 0


def _nobody(_step: PacketIn, _frame: bytes, _key: int, _continuation: bytes) -> None:
    """Packet-ins before any bridge is set up."""
