"""A runtime in which time is a number and every run with one seed is the same run.

Nothing sleeps: ``settle`` runs what is ready, ``advance`` moves the clock from timer to timer, and a
test says which of them it wants.  The order of callbacks is the order of asking; timers that are due
at one instant fire in the order of asking too; so two runs with the same seed and the same calls are
identical callback by callback, and a failure found once is found again.

All streams are pipes in memory, whatever the family of the address, and all daemons that share a
``VirtualRuntime`` share its network: ``punix:`` paths and ``ptcp:`` ports are names in one table.

A ``VirtualProcess`` is a view of the runtime that remembers what was asked for through it, so that a
daemon can be killed as ``kill -9`` kills: its timers never fire, its streams are reset, its listeners
are gone, and no line of its code runs again.

A run-away guard turns a livelock (two daemons that keep answering each other without time passing)
into ``RunawayError`` with the callback that was about to run.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from typing import TYPE_CHECKING, Final

from pyovn.sim.memory import MemoryStream, Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.memory import MemoryListener
    from pyovn.sim.runtime import Listener, Runtime, Stream, Timer

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
        self._board = Switchboard(self)

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
        self.join(address, connected, failed)

    def join(
        self, address: str, connected: Callable[[MemoryStream], None], failed: Callable[[str], None]
    ) -> None:
        """Connect as ``connect`` does, to a caller that wants the pipe's own type."""
        latency = self._latencies.get(address, self.default_latency)
        self._board.connect(address, connected, failed, latency=latency)

    def set_latency(self, address: str, seconds: float) -> None:
        """Delay each write on connections to ``address`` that are made from now on."""
        self._latencies[address] = seconds

    def process(self, name: str) -> VirtualProcess:
        """Return a view of this runtime for one daemon that may be killed."""
        return VirtualProcess(self, name)

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


class VirtualProcess:
    """What one daemon asks of a ``VirtualRuntime``, so that it can be taken away at once.

    Implements ``runtime.Runtime``.  Its random numbers come from its own generator, seeded by the
    runtime's: what one daemon draws does not depend on how often another one draws.
    """

    def __init__(self, runtime: VirtualRuntime, name: str) -> None:
        """View ``runtime`` as the process ``name``."""
        self.name = name
        self.alive = True
        self.random = random.Random(runtime.random.random())  # noqa: S311 - reproducible by purpose
        self._runtime = runtime
        self._streams: list[MemoryStream] = []
        self._sweep_at = 64
        self._listeners: list[MemoryListener] = []

    def now(self) -> float:
        """Seconds of the shared clock."""
        return self._runtime.now()

    def wall(self) -> float:
        """Seconds since 1970 of the shared clock."""
        return self._runtime.wall()

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` unless the process has died by then."""
        if self.alive:
            self._runtime.call_soon(self._mortal(callback))

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` later unless the process has died by then."""
        return self._runtime.call_later(delay, self._mortal(callback))

    def listen(self, address: str, accept: Callable[[Stream], None]) -> Listener:
        """Listen; the listener goes with the process."""

        def adopt(stream: Stream) -> None:
            self._keep(stream)
            accept(stream)

        listener = self._runtime.listen(address, adopt)
        self._listeners.append(listener)
        return listener

    def connect(
        self, address: str, connected: Callable[[Stream], None], failed: Callable[[str], None]
    ) -> None:
        """Connect; the stream goes with the process."""

        def adopt(stream: MemoryStream) -> None:
            if not self.alive:
                stream.abort()
                return
            self._keep(stream)
            connected(stream)

        def fail(why: str) -> None:
            if self.alive:
                failed(why)

        self._runtime.join(address, adopt, fail)

    def kill(self) -> None:
        """Die as by SIGKILL: nothing is flushed, peers see a reset, no callback runs again."""
        self.alive = False
        for listener in self._listeners:
            listener.close()
        for stream in self._streams:
            stream.abort()
        self._listeners.clear()
        self._streams.clear()

    def _mortal(self, callback: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            if self.alive:
                callback()

        return run

    def _keep(self, stream: Stream) -> None:
        assert isinstance(stream, MemoryStream)
        if len(self._streams) >= self._sweep_at:
            self._streams = [kept for kept in self._streams if not kept.closed]
            self._sweep_at = 64 + 2 * len(self._streams)
        self._streams.append(stream)


def _conforms(runtime: VirtualRuntime, process: VirtualProcess) -> tuple[Runtime, Runtime]:
    """Let the type checker hold both classes to the protocol."""
    return runtime, process
