"""Connecting again and again: ``reconnect``, which knows when and to whom, on a ``Runtime``.

``Dialer`` makes one attempt after the other until ``stop``.  Of several attempts only the last one counts:
a connection that is made after its attempt was given up is closed.  The owner gets ``connected(stream)``,
``lost(why)`` when an attempt came to nothing or the peer has been silent too long, and ``probe()`` when it
is to make the peer say something; it tells of the end of a connection by ``ended``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovsdb.reconnect import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.reconnect import Reconnect
    from pyovn.sim.runtime import Runtime, Stream, Timer


class Dialer:
    """See the module."""

    def __init__(
        self,
        runtime: Runtime,
        state: Reconnect,
        connected: Callable[[Stream], None],
        lost: Callable[[str], None],
        log: Callable[[str, str], None],
        probe: Callable[[], None] = lambda: None,
    ) -> None:
        self.state = state
        self.last_error = ""
        """Why the last attempt that failed did so."""
        self._runtime = runtime
        self._owner_connected = connected
        self._lost = lost
        self._log = log
        self._probe = probe
        self._attempt = 0
        self._timer: Timer | None = None
        self._timer_due = 0.0

    def start(self) -> None:
        """Begin; nothing is called before this returns."""
        self.state.start(self._runtime.now())
        self.schedule()

    def stop(self) -> None:
        """Do nothing any more."""
        self.state.stop()
        self._attempt += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def ended(self, why: str) -> None:
        """The attempt or the connection has come to its end: on to the next."""
        self._log("info", f"{self.state.remote}: {why}")
        self._attempt += 1
        self.state.lost(self._runtime.now())
        self.schedule()

    def schedule(self) -> None:
        """Have ``_tick`` called at the deadline; a timer that fires early finds nothing to do."""
        deadline = self.state.deadline()
        if deadline is None or (self._timer is not None and self._timer_due <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = deadline
        self._timer = self._runtime.call_later(max(0.0, deadline - self._runtime.now()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        action = self.state.run(self._runtime.now())
        if action is Action.CONNECT:
            self._connect()
        elif action is Action.PROBE:
            self._probe()
        elif action is Action.GIVE_UP:
            self._lost(self.state.describe())
        self.schedule()

    def _connect(self) -> None:
        self._attempt += 1
        attempt = self._attempt
        remote = self.state.remote
        self._log("info", f"{remote}: connecting...")

        def connected(stream: Stream) -> None:
            if attempt != self._attempt:
                stream.close()
                return
            self._log("info", f"{remote}: connected")
            self.state.connected(self._runtime.now())
            self._owner_connected(stream)
            self.schedule()

        def failed(reason: str) -> None:
            if attempt == self._attempt:
                self.last_error = reason
                self._lost(f"connection attempt failed ({reason})")

        self._runtime.connect(remote, connected, failed)
