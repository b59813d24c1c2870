"""What a daemon needs of the world: a clock, timers, byte streams and randomness, as one parameter.

Every daemon is written against ``Runtime`` and runs unchanged on two of them: ``real`` (sockets, the
machine's clock) and ``virtual`` (one process, no sockets, time that moves only when
nothing is left to do).  Everything happens in callbacks on one thread: a callback runs to its end
before the next one starts, so no state is ever seen half-updated and no lock is needed.

Addresses are OVSDB's connection methods (ovsdb(7), "Connection Methods"): ``unix:PATH``,
``tcp:HOST:PORT`` to connect, ``punix:PATH``, ``ptcp:PORT[:HOST]`` to listen; ``mem:NAME`` is a pair
of queues within the process, the same word on both sides.

Not here: TLS, which lies over any runtime (``secured``); reconnecting and framing, which belong to the
protocols above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


class Timer(Protocol):
    """A call that has been asked for and has not happened yet."""

    def cancel(self) -> None:
        """Forget the call; harmless when it has happened already."""


class Stream(Protocol):
    """A byte stream in both directions.

    The owner sets ``on_data`` and ``on_close`` as soon as it gets the stream; bytes that arrive
    before are kept.  ``on_close`` is called once, with the reason as text, whichever side closed,
    but not for the owner's own ``close()``.
    """

    on_data: Callable[[bytes], None]
    on_close: Callable[[str], None]
    peer: str

    @property
    def identity(self) -> str | None:
        """The common name in the peer's certificate, when TLS has verified one."""

    def write(self, data: bytes) -> None:
        """Queue ``data``; never blocks.  After a close it is dropped."""

    def send_now(self, data: bytes) -> int:
        """Send what can leave at once, if nothing waits before it; how many bytes that is, maybe none."""

    def close(self) -> None:
        """Send what is queued, then close."""

    def abort(self) -> None:
        """Close at once; what is queued is lost."""

    def backlog(self) -> int:
        """Bytes that were written and that the other side has not taken yet."""


class Listener(Protocol):
    """A place where peers connect."""

    address: str
    """The bound address in its passive form, with the real port where 0 was asked for."""

    def close(self) -> None:
        """Stop listening; removes the socket file."""


class Runtime(Protocol):
    """Clock, timers, streams and randomness."""

    random: random.Random

    def now(self) -> float:
        """Seconds on a clock that never goes back; its zero means nothing."""

    def wall(self) -> float:
        """Seconds since 1970, for timestamps that people and databases see."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` after the current one, in the order of asking."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` in ``delay`` seconds."""

    def listen(self, address: str, accept: Callable[[Stream], None]) -> Listener:
        """Accept streams at a passive address; raises ``OSError``."""

    def connect(
        self, address: str, connected: Callable[[Stream], None], failed: Callable[[str], None]
    ) -> None:
        """Connect to an active address; exactly one of the two callbacks is called, later."""
