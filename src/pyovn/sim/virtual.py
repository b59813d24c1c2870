"""A runtime in which time is a number and every run with one seed is the same run.

Nothing sleeps: ``settle`` runs what is ready, ``advance`` moves the clock from timer to timer, and a
test says which of them it wants.  The order of callbacks is the order of asking; timers that are due
at one instant fire in the order of asking too; so two runs with the same seed and the same calls are
identical callback by callback, and a failure found once is found again.

All streams are pipes in memory, whatever the family of the address, and all daemons that share a
``VirtualRuntime`` share its network: ``punix:`` paths and ``ptcp:`` ports are names in one table.

A daemon that is to be killed as ``kill -9`` kills gets a view of the runtime of its own (``process``).

Faults are the caller's to choose: ``step`` runs one callback, and between any two of them a process may be
killed or one of the ``connections`` severed; ``disturbance`` delays messages.  Who draws these choices from
``random`` gets another run from each seed, and the same run again from the same seed.

A run-away guard turns a livelock (two daemons that keep answering each other without time passing)
into ``RunawayError`` with the callback that was about to run.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from typing import TYPE_CHECKING, Final

from pyovn.sim.memory import Disturbance, MemoryStream, Switchboard
from pyovn.sim.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.memory import MemoryListener
    from pyovn.sim.runtime import Runtime, Stream

EPOCH: Final = 1_700_000_000.0
"""The wall clock at virtual time 0; any fixed number does, and this one is easy to recognise."""

RUNAWAY_LIMIT: Final = 5_000_000
"""Callbacks at one instant after which a run is taken for a livelock."""


class RunawayError(RuntimeError):
    """Too many callbacks ran without time passing."""


class VirtualTimer:
    """A call in the heap; implements ``runtime.Timer``."""

    __slots__ = ("callback", "sequence", "when")

    def __init__(self, when: float, sequence: int, callback: Callable[[], None]) -> None:
        """Ask for ``callback`` at ``when``; ``sequence`` breaks ties."""
        self.when = when
        self.sequence = sequence
        self.callback: Callable[[], None] | None = callback

    def __lt__(self, other: VirtualTimer) -> bool:
        return (self.when, self.sequence) < (other.when, other.sequence)

    def cancel(self) -> None:
        """Forget the call."""
        self.callback = None


class VirtualRuntime:
    """Implements ``runtime.Runtime``; see the module."""

    def __init__(self, seed: int = 0, *, runaway_limit: int = RUNAWAY_LIMIT) -> None:
        """Begin at time 0 with nothing to do."""
        self.random = random.Random(seed)  # noqa: S311 - reproducible by purpose, never a secret
        self.runaway_limit = runaway_limit
        self.callbacks_run = 0
        self.default_latency = 0.0
        self._now = 0.0
        self._sequence = 0
        self._ready: deque[Callable[[], None]] = deque()
        self._timers: list[VirtualTimer] = []
        self._latencies: dict[str, float] = {}
        self._streams: list[MemoryStream] = []
        self._sweep_at = 64
        self.disturbance = Disturbance()
        self._board = Switchboard(self, self.disturbance)

    def now(self) -> float:
        """Virtual seconds since the runtime was made."""
        return self._now

    def wall(self) -> float:
        """Virtual seconds since 1970."""
        return EPOCH + self._now

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` after all that is ready already."""
        self._ready.append(callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        """Run ``callback`` when ``advance`` passes ``delay`` seconds from now; 0 is still a timer."""
        self._sequence += 1
        timer = VirtualTimer(self._now + max(0.0, delay), self._sequence, callback)
        heapq.heappush(self._timers, timer)
        return timer

    def listen(self, address: str, accept: Callable[[Stream], None]) -> MemoryListener:
        """Accept streams at a passive address of any family."""
        return self._board.listen(address, accept)

    def connect(
        self, address: str, connected: Callable[[Stream], None], failed: Callable[[str], None]
    ) -> None:
        """Connect to an active address, with the latency set for it."""
        latency = self._latencies.get(address, self.default_latency)

        def keep(stream: MemoryStream) -> None:
            if len(self._streams) >= self._sweep_at:
                self._streams = self.connections()
                self._sweep_at = 64 + 2 * len(self._streams)
            self._streams.append(stream)
            connected(stream)

        self._board.connect(address, keep, failed, latency=latency)

    def connections(self) -> list[MemoryStream]:
        """The connecting ends of all open connections, in the order in which they were made."""
        return [stream for stream in self._streams if not stream.closed]

    def set_latency(self, address: str, seconds: float) -> None:
        """Delay each write on connections to ``address`` that are made from now on."""
        self._latencies[address] = seconds

    def process(self, name: str) -> Process:
        """Return a view of this runtime for one daemon that may be killed."""
        return Process(self, name)

    def settle(self) -> int:
        """Run everything that is ready, and timers already due, without moving time.

        Returns how many callbacks ran; raises ``RunawayError``.
        """
        ready, count = self._ready, 0
        while True:
            while ready:
                callback = ready.popleft()
                if count >= self.runaway_limit:
                    raise RunawayError(f"{count} callbacks at {self._now:.3f} s; the next one: {callback!r}")
                count += 1
                self.callbacks_run += 1
                callback()
            timer = self._due(self._now)
            if timer is None:
                return count
            ready.append(timer)

    def step(self, until: float) -> bool:
        """Run one callback: the next that is ready, or else the next timer's, if it is due by ``until``.

        Returns False, with time at ``until``, when there is none.
        """
        if not self._ready:
            when = self.next_timer()
            if when is None or when > until:
                self._now = max(self._now, until)
                return False
            self._now = max(self._now, when)
            timer = self._due(self._now)
            assert timer is not None
            self._ready.append(timer)
        self.callbacks_run += 1
        self._ready.popleft()()
        return True

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass: settle, then fire timer after timer, settling after each instant."""
        until = self._now + seconds
        self.settle()
        while self._step(until):
            pass
        self._now = until

    def run_until(self, predicate: Callable[[], bool], timeout: float = 60.0) -> bool:
        """Let time pass until ``predicate()`` holds, at most ``timeout`` virtual seconds.

        The predicate is asked whenever an instant has settled.  Returns whether it held in the end;
        time stops at the instant at which it first did.
        """
        until = self._now + timeout
        self.settle()
        while not predicate():
            if not self._step(until):
                self._now = until
                return predicate()
        return True

    def next_timer(self) -> float | None:
        """When the next timer is due, on the clock of ``now()``; None when there is none."""
        timers = self._timers
        while timers and timers[0].callback is None:
            heapq.heappop(timers)
        return timers[0].when if timers else None

    def idle(self) -> bool:
        """Whether nothing is ready and no timer is pending: nothing will ever happen again."""
        return not self._ready and self.next_timer() is None

    def _step(self, until: float) -> bool:
        """Move to the next timer's instant and settle there; False when it is after ``until``."""
        when = self.next_timer()
        if when is None or when > until:
            return False
        self._now = max(self._now, when)
        self.settle()
        return True

    def _due(self, now: float) -> Callable[[], None] | None:
        timers = self._timers
        while timers and timers[0].when <= now:
            timer = heapq.heappop(timers)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                return callback
        return None


def _conforms(runtime: VirtualRuntime) -> Runtime:
    """Let the type checker hold the class to the protocol."""
    return runtime
