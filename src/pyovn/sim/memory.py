"""Byte streams within the process: every stream of the virtual runtime, ``mem:`` of the real one.

A pipe is two ``MemoryStream`` ends.  What one end writes is delivered to the other in a later
callback, in order, and what was written before one delivery arrives joined, as it would from a
socket; a pipe with latency delivers every write ``latency`` seconds later and keeps them apart by
time.  A ``Disturbance`` makes each write take longer, by another time each, and never overtake the one before
it: messages on one pipe keep their order, messages on two pipes do not.  Bytes count in ``backlog()``
until the other end's ``on_data`` has been called with them.

A pipe ends in three ways: ``close`` (what was written still arrives), ``abort`` (the process at one end
has died) and ``sever`` (the network between the ends has).  Of what is under way in the last two, the
disturbance says how much arrives.

Invariants: nothing is called back from within ``write`` or ``close`` or an assignment; a close
overtakes no data; after an end is closed it is called no more.

Not here: any choice of order. The runtime's queue is the only order there is.
"""

# ruff: noqa: SLF001 - the two ends of a pipe are one object in two halves

from __future__ import annotations

import errno
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from pyovn.sim import address as addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Stream, Timer

CLOSED_BY_PEER: Final = "connection closed by peer"
RESET_BY_PEER: Final = "connection dropped (Connection reset by peer)"
"""The two ends a connection comes to, in the words in which operators know them from logs."""

FIRST_FREE_PORT: Final = 49152
"""The first port given to a listener that asks for port 0 (RFC 6335, section 6)."""


class Disturbance:
    """How the network between processes misbehaves; as it is made, it does not.  May change at any time.

    ``delay()``          how much longer than its latency a connect or a message takes.
    ``arriving(count)``  how many of ``count`` messages under way still arrive when a process dies or a
                         connection is severed.
    """

    __slots__ = ("arriving", "delay")

    def __init__(
        self,
        delay: Callable[[], float] = lambda: 0.0,
        arriving: Callable[[int], int] = lambda _count: 0,
    ) -> None:
        self.delay = delay
        self.arriving = arriving


class Clock(Protocol):
    """The part of a runtime that pipes need."""

    def now(self) -> float:
        """Return seconds."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run after the current callback."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run later."""


class MemoryStream:
    """One end of a pipe; implements ``runtime.Stream``."""

    __slots__ = (
        "_backlog",
        "_clock",
        "_closed",
        "_disturbance",
        "_due",
        "_farewell",
        "_inbox",
        "_on_close",
        "_on_data",
        "_other",
        "_scheduled",
        "latency",
        "peer",
    )

    def __init__(self, clock: Clock, peer: str, latency: float) -> None:
        """Make an end that is not joined yet; ``pipe`` makes both."""
        self._clock = clock
        self.peer = peer
        self.latency = latency
        self._disturbance: Disturbance | None = None
        self._due = 0.0
        self._inbox: deque[tuple[float, bytes]] = deque()
        self._scheduled = False
        self._backlog = 0
        self._closed = False
        self._farewell: tuple[float, str] | None = None
        self._on_data: Callable[[bytes], None] | None = None
        self._on_close: Callable[[str], None] | None = None
        self._other: MemoryStream

    @property
    def identity(self) -> None:
        """No certificate vouches for the peer."""

    @property
    def on_data(self) -> Callable[[bytes], None]:
        """The owner's receiver of bytes."""
        return self._on_data or _ignore

    @on_data.setter
    def on_data(self, callback: Callable[[bytes], None]) -> None:
        self._on_data = callback
        self._schedule()

    @property
    def on_close(self) -> Callable[[str], None]:
        """The owner's receiver of the end."""
        return self._on_close or _ignore

    @on_close.setter
    def on_close(self, callback: Callable[[str], None]) -> None:
        self._on_close = callback
        self._schedule()

    def write(self, data: bytes) -> None:
        """Queue ``data`` for the other end."""
        other = self._other
        if self._closed or other._closed or self._farewell is not None or not data:
            return
        self._backlog += len(data)
        other._inbox.append((self._next_due(), bytes(data)))
        other._schedule()

    def send_now(self, data: bytes) -> int:
        """Nothing leaves before its time."""
        del data
        return 0

    def _next_due(self) -> float:
        """When what is written now arrives."""
        due = self._clock.now() + self.latency
        if self._disturbance is not None:
            due += self._disturbance.delay()
        self._due = max(self._due, due)
        return self._due

    def close(self) -> None:
        """Close this end; what it has written still arrives."""
        self._end(CLOSED_BY_PEER)

    def abort(self, why: str = RESET_BY_PEER) -> None:
        """Close this end as a process that dies does: what has not arrived is lost."""
        if not self._closed:
            self._other._lose()
        self._end(why)

    def sever(self, why: str = RESET_BY_PEER) -> None:
        """Lose the connection, as both ends will learn."""
        for end in (self, self._other):
            if not end._closed and end._farewell is None:
                end._lose()
                end._farewell = (end._inbox[-1][0] if end._inbox else self._clock.now(), why)
                end._schedule()

    def _lose(self) -> None:
        """Of what is on its way to this end, only the first writes arrive."""
        kept = 0 if self._disturbance is None else self._disturbance.arriving(len(self._inbox))
        while len(self._inbox) > kept:
            self._inbox.pop()

    @property
    def closed(self) -> bool:
        """Whether nothing will pass through this end any more."""
        return self._closed

    def backlog(self) -> int:
        """Bytes written that the other end has not been called with."""
        return self._backlog

    def _end(self, why: str) -> None:
        if self._closed:
            return
        self._closed = True
        self._inbox.clear()
        self._backlog = 0
        other = self._other
        other._backlog = 0
        if not other._closed and other._farewell is None:
            other._farewell = (self._next_due(), why)
            other._schedule()

    def _schedule(self) -> None:
        if self._scheduled or self._closed or self._on_data is None:
            return
        if self._inbox:
            due = self._inbox[0][0]
        elif self._farewell is not None and self._on_close is not None:
            due = self._farewell[0]
        else:
            return
        self._scheduled = True
        delay = due - self._clock.now()
        if delay > 0:
            self._clock.call_later(delay, self._deliver)
        else:
            self._clock.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._closed or self._on_data is None:
            return
        inbox, now = self._inbox, self._clock.now()
        parts = []
        while inbox and inbox[0][0] <= now:
            parts.append(inbox.popleft()[1])
        if parts:
            data = parts[0] if len(parts) == 1 else b"".join(parts)
            self._other._backlog = max(0, self._other._backlog - len(data))
            self._schedule()
            self._on_data(data)
        elif self._farewell is not None and not inbox and self._farewell[0] <= now and self._on_close:
            self._closed = True
            self._on_close(self._farewell[1])
        else:
            self._schedule()


def pipe(
    clock: Clock, here: str, there: str, latency: float = 0.0, disturbance: Disturbance | None = None
) -> tuple[MemoryStream, MemoryStream]:
    """Two joined ends: the first sees the second as ``there``, the second the first as ``here``."""
    first, second = MemoryStream(clock, there, latency), MemoryStream(clock, here, latency)
    first._other, second._other = second, first
    first._disturbance = second._disturbance = disturbance
    return first, second


class MemoryListener:
    """A registered name of a ``Switchboard``; implements ``runtime.Listener``."""

    __slots__ = ("_board", "_key", "accept", "address")

    def __init__(self, board: Switchboard, key: addresses.Address, accept: Callable[[Stream], None]) -> None:
        """Register nothing yet: ``Switchboard.listen`` does."""
        self._board = board
        self._key = key
        self.accept = accept
        self.address = key.passive()

    def close(self) -> None:
        """Stop listening; connections that were made stay."""
        self._board.forget(self._key, self)


class Switchboard:
    """Who listens where, within the process; the transport half of a runtime without sockets."""

    __slots__ = ("_clock", "_disturbance", "_listeners", "_next_port")

    def __init__(self, clock: Clock, disturbance: Disturbance | None = None) -> None:
        """Begin with no listener."""
        self._clock = clock
        self._disturbance = disturbance
        self._listeners: dict[addresses.Address, MemoryListener] = {}
        self._next_port = FIRST_FREE_PORT

    def listen(self, address: str, accept: Callable[[Stream], None]) -> MemoryListener:
        """Register ``accept`` at a passive address of any family; raises ``OSError``."""
        key = _canonical(addresses.parse_passive(address))
        if key.family == "tcp" and key.port == 0:
            key = addresses.Address("tcp", key.name, self._next_port)
            self._next_port += 1
        if key in self._listeners and key.family != "unix":
            # A unix listener takes the place of whoever left a socket file there, as real ones do.
            raise addresses.failure(errno.EADDRINUSE, address)
        listener = MemoryListener(self, key, accept)
        self._listeners[key] = listener
        return listener

    def forget(self, key: addresses.Address, listener: MemoryListener) -> None:
        """Remove ``listener`` if it is still the one at ``key``."""
        if self._listeners.get(key) is listener:
            del self._listeners[key]

    def connect(
        self,
        address: str,
        connected: Callable[[MemoryStream], None],
        failed: Callable[[str], None],
        *,
        here: str = "",
        latency: float = 0.0,
    ) -> None:
        """Connect to an active address; one of the callbacks is called later."""
        # The listener is looked up when the call arrives, not when it is asked for, as on a network.
        delay = latency if self._disturbance is None else latency + self._disturbance.delay()
        self._after(delay, lambda: self._join(address, connected, failed, here, latency))

    def _join(
        self,
        address: str,
        connected: Callable[[MemoryStream], None],
        failed: Callable[[str], None],
        here: str,
        latency: float,
    ) -> None:
        try:
            listener = self._look_up(addresses.parse_active(address))
        except OSError as error:
            failed(addresses.reason(error))
            return
        ours, theirs = pipe(self._clock, here or address, address, latency, self._disturbance)
        listener.accept(theirs)
        connected(ours)

    def _look_up(self, key: addresses.Address) -> MemoryListener:
        key = _canonical(key)
        listener = self._listeners.get(key)
        if listener is None and key.family == "tcp":
            listener = self._listeners.get(addresses.Address("tcp", addresses.ANY_HOST, key.port))
        if listener is None:
            raise addresses.failure(errno.ENOENT if key.family == "unix" else errno.ECONNREFUSED)
        return listener

    def _after(self, delay: float, callback: Callable[[], None]) -> None:
        if delay > 0:
            self._clock.call_later(delay, callback)
        else:
            self._clock.call_soon(callback)


def _canonical(key: addresses.Address) -> addresses.Address:
    """One spelling for the hosts that mean the same listener."""
    if key.family == "tcp" and key.name in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        return addresses.Address("tcp", addresses.ANY_HOST, key.port)
    if key.family == "tcp" and key.name in {"localhost", "::1"}:
        return addresses.Address("tcp", "127.0.0.1", key.port)
    return key


def _ignore(_: object) -> None:
    """Stand in for a callback that its owner has not set."""
