"""When to connect, to which remote, when to ask whether the peer still lives, and when to give up.

A state machine without I/O; every method is told the time.  The owner calls ``run`` at ``deadline``
and does what it answers.

* The remotes are taken in turn.  The first round is without delay; every further round waits, 1 s at
  first, twice as long each time, ``max_backoff`` (8 s) at most.  A connection that has served for at
  least the shortest delay makes the next round the first again.
* A connection on which nothing arrived for ``probe_interval`` seconds is probed; when as much time
  passes again in silence it is given up.  0 switches probing off.

The words of ``describe`` are those that operators know from OVS's ``reconnect`` module.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_BACKOFF: Final = 1.0
MAX_BACKOFF: Final = 8.0
CONNECT_TIMEOUT: Final = 5.0
PROBE_INTERVAL: Final = 60.0


class Action(Enum):
    """What the owner is to do."""

    NOTHING = "nothing"
    CONNECT = "connect"
    PROBE = "probe"
    GIVE_UP = "give up"


class _State(Enum):
    STOPPED = "stopped"
    WAITING = "waiting"
    CONNECTING = "connecting"
    ACTIVE = "active"
    PROBING = "probing"


_WORDS: Final = {
    _State.STOPPED: "VOID",
    _State.WAITING: "BACKOFF",
    _State.CONNECTING: "CONNECTING",
    _State.ACTIVE: "ACTIVE",
    _State.PROBING: "IDLE",
}


class Reconnect:
    """See the module."""

    __slots__ = (
        "_backoff",
        "_failures",
        "_heard",
        "_position",
        "_remotes",
        "_served_since",
        "_since",
        "_state",
        "max_backoff",
        "probe_interval",
    )

    def __init__(self, remotes: Sequence[str], probe_interval: float = PROBE_INTERVAL) -> None:
        if not remotes:
            raise ValueError("at least one remote is needed")
        self.probe_interval = probe_interval
        self.max_backoff = MAX_BACKOFF
        self._remotes = list(remotes)
        self._position = 0
        self._state = _State.STOPPED
        self._since = 0.0
        self._heard = 0.0
        self._served_since: float | None = None
        self._failures = 0
        self._backoff = 0.0

    @property
    def remote(self) -> str:
        """The remote of the present or next attempt."""
        return self._remotes[self._position]

    @property
    def state(self) -> str:
        """The word for it in a Connection row (ovn-sb(5)): VOID, BACKOFF, CONNECTING, ACTIVE or IDLE."""
        return _WORDS[self._state]

    @property
    def delay(self) -> float:
        """Seconds between the last failure and the next attempt."""
        return self._backoff if self._failures == len(self._remotes) else 0.0

    def start(self, now: float) -> None:
        """Begin; the first attempt is due at once."""
        self._enter(_State.WAITING, now)
        self._failures = 0
        self._backoff = 0.0

    def stop(self) -> None:
        """Do nothing any more."""
        self._state = _State.STOPPED

    def connected(self, now: float) -> None:
        """The attempt succeeded."""
        self._enter(_State.ACTIVE, now)
        self._heard = now
        self._served_since = None

    def serving(self, now: float) -> None:
        """The peer does for us what we came for."""
        self._served_since = now

    def received(self, now: float) -> None:
        """Bytes arrived."""
        self._heard = now
        if self._state is _State.PROBING:
            self._state = _State.ACTIVE

    def lost(self, now: float) -> None:
        """The attempt failed, or the connection ended for whatever reason; on to the next remote."""
        if self._state is _State.STOPPED:
            return
        useful = self._served_since is not None and now - self._served_since >= MIN_BACKOFF
        self._served_since = None
        remotes = len(self._remotes)
        if useful:
            self._failures = 0
            self._backoff = 0.0
        else:
            self._failures = self._failures % remotes + 1
            if self._failures == remotes:
                self._backoff = min(max(2 * self._backoff, MIN_BACKOFF), self.max_backoff)
        self._position = (self._position + 1) % len(self._remotes)
        self._enter(_State.WAITING, now)

    def deadline(self) -> float | None:
        """When ``run`` has something to do next; None for never."""
        if self._state is _State.WAITING:
            return self._since + self.delay
        if self._state is _State.CONNECTING:
            return self._since + max(CONNECT_TIMEOUT, self._backoff)
        if self._state is _State.STOPPED or not self.probe_interval:
            return None
        return (self._since if self._state is _State.PROBING else self._heard) + self.probe_interval

    def run(self, now: float) -> Action:
        """What is to be done at ``now``."""
        deadline = self.deadline()
        if deadline is None or now < deadline:
            return Action.NOTHING
        if self._state is _State.WAITING:
            self._enter(_State.CONNECTING, now)
            return Action.CONNECT
        if self._state is _State.ACTIVE:
            self._enter(_State.PROBING, now)
            return Action.PROBE
        return Action.GIVE_UP

    def describe(self) -> str:
        """Why ``run`` said ``GIVE_UP``."""
        if self._state is _State.CONNECTING:
            return "connection attempt timed out"
        return f"no response to inactivity probe after {self.probe_interval:.3g} seconds, disconnecting"

    def _enter(self, state: _State, now: float) -> None:
        self._state = state
        self._since = now
