"""One daemon's view of a runtime that it shares with others, so that it can be taken away at once.

A ``Process`` is what dies when a daemon is killed: its callbacks run no more, its listeners close, its
streams break off.  Nothing is flushed and nothing is said; peers see a reset.  All callbacks run to their
ends, so a daemon dies between two of them, which is where a real one loses what it has not sent yet.

Its random numbers come from its own generator, seeded by the runtime's: what one daemon draws does not
depend on how often another one draws.

Not here: what a daemon holds in the same process beyond its runtime (clients without a wire, a place on an
underlay); who kills it takes that away too.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Listener, Runtime, Stream, Timer


class _Mortal(Protocol):
    """What the streams of a runtime itself have, real or virtual, beyond what their users see."""

    closed: bool

    def abort(self) -> None:
        """Close as a process that dies does."""


class Process:
    """Implements ``runtime.Runtime``; see the module."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        """View ``runtime`` as the process ``name``."""
        self.name = name
        self.alive = True
        self.random = random.Random(runtime.random.random())  # noqa: S311 - reproducible by purpose
        self._runtime = runtime
        self._streams: list[_Mortal] = []
        self._sweep_at = 64
        self._listeners: list[Listener] = []

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

        def adopt(stream: Stream) -> None:
            if not self.alive:
                cast("_Mortal", stream).abort()
                return
            self._keep(stream)
            connected(stream)

        def fail(why: str) -> None:
            if self.alive:
                failed(why)

        self._runtime.connect(address, adopt, fail)

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
        if len(self._streams) >= self._sweep_at:
            self._streams = [kept for kept in self._streams if not kept.closed]
            self._sweep_at = 64 + 2 * len(self._streams)
        self._streams.append(cast("_Mortal", stream))


def _conforms(process: Process) -> Runtime:
    """Let the type checker hold the class to the protocol."""
    return process
