"""The client that daemons use: a replica that is kept true over any number of connections.

Joins ``session`` (what is said) with ``dial`` (when and to whom) on a ``Runtime``.  The owner sets
callbacks and calls ``start``; everything happens in callbacks of the runtime, and none within a call of
the owner but what ``stop`` and ``reconnect`` end.

* ``on_changes(changes)``: rows of the replica have changed; the first batch holds the initial contents,
  and after a reconnect a batch holds only differences.
* ``on_state(client)``: ``state`` or ``conditions_settled`` has changed.
* ``on_lock(name, held)``: a lock was got or lost.
* ``log(level, text)``: what operators want to read; levels ``dbg info warn``.

While there is no connection the replica stays as it was last seen.  A transaction is answered exactly
once: with its results, with ``not connected`` (not sent), or with ``connection lost`` (sent, outcome
unknown: look at the replica after the reconnect).

``ovsdb.local.LocalClient`` has the same interface without a wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pyovn.ovsdb.blocking import split_remotes
from pyovn.ovsdb.dial import Dialer
from pyovn.ovsdb.reconnect import PROBE_INTERVAL, Reconnect
from pyovn.ovsdb.replica import Change, Replica
from pyovn.ovsdb.requests import CONNECTION_LOST, NOT_CONNECTED, Condition, Reply, lacking
from pyovn.ovsdb.session import Message, RefusedError, Session
from pyovn.wire import jsonrpc
from pyovn.wire.jsontext import use_msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.sim.runtime import Runtime, Stream

use_msgspec()

__all__ = ["CONNECTION_LOST", "NOT_CONNECTED", "Change", "Client", "Condition", "Reply"]


def _ignore(*_args: Any) -> None:
    """Stand in for a callback that nobody has set."""


class Client:
    """See the module.

    ``expected`` gives defaults for what the server's schema lacks.  A server whose schema lacks something of
    ``required`` (tables with their columns) is refused by name, until it has been converted.
    """

    def __init__(
        self,
        runtime: Runtime,
        remotes: str,
        database: str,
        tables: Mapping[str, Sequence[str]],
        *,
        leader_only: bool = True,
        conditions: Mapping[str, Condition] | None = None,
        expected: DatabaseSchema | None = None,
        required: Mapping[str, Sequence[str]] | None = None,
        probe_interval: float = PROBE_INTERVAL,
        shuffle: bool = False,
    ) -> None:
        self.on_changes: Callable[[list[Change]], None] = _ignore
        self.on_state: Callable[[Client], None] = _ignore
        self.on_lock: Callable[[str, bool], None] = _ignore
        self.log: Callable[[str, str], None] = _ignore
        self.database = database
        self.replica = Replica(tables, expected)
        self._runtime = runtime
        self._session = Session(
            self,
            database,
            self.replica,
            leader_only=leader_only,
            conditions=conditions,
            required=required,
        )
        choices = split_remotes(remotes)
        if shuffle:
            runtime.random.shuffle(choices)
        self._reconnect = Reconnect(choices, probe_interval)
        self._dialer = Dialer(
            runtime,
            self._reconnect,
            self._connected,
            self._lost,
            self._write_log,
            self._session.probe,
        )
        self._stream: Stream | None = None
        self._decoder = jsonrpc.Decoder()
        self.trouble: str | None = None
        """Why the last connection or attempt came to its end, until there is another that serves."""

    @property
    def state(self) -> Literal["connecting", "live"]:
        """``live`` when the replica follows a server."""
        return "live" if self._session.live else "connecting"

    @property
    def schema(self) -> DatabaseSchema | None:
        """The server's schema, None before it is known."""
        return self._session.schema

    @property
    def remote(self) -> str:
        """The remote of the present connection or attempt."""
        return self._reconnect.remote

    @property
    def conditions_settled(self) -> bool:
        """Whether the last conditions were answered and their rows are in the replica."""
        return self._session.conditions_settled

    def start(self) -> None:
        """Connect, and stay connected until ``stop``."""
        self._dialer.start()

    def stop(self) -> None:
        """Close the connection and do nothing any more; those who wait for an answer are told."""
        self._dialer.stop()
        self._drop()

    def reconnect(self, reason: str = "forced reconnect") -> None:
        """Leave this server for the next remote."""
        self._lost(reason)

    def set_probe_interval(self, seconds: float) -> None:
        """Change the inactivity probe; 0 switches it off."""
        self._reconnect.probe_interval = seconds
        self._dialer.schedule()

    def transact(self, operations: Sequence[Any], done: Callable[[Reply], None]) -> None:
        """Send a transaction of <operation>s; ``done`` is called later, after ``on_changes``."""
        if not self._session.transact(operations, done):
            self._runtime.call_soon(lambda: done(Reply(None, NOT_CONNECTED)))

    def set_conditions(self, conditions: Mapping[str, Condition]) -> None:
        """Ask for other rows of the named tables; see ``requests`` for what a condition is."""
        self._session.set_conditions(conditions)

    def lock(self, name: str) -> None:
        """Want a lock (RFC 7047 section 4.1.8), over reconnects too."""
        self._session.lock(name)

    def unlock(self, name: str) -> None:
        """Give a lock up."""
        self._session.unlock(name)

    def has_lock(self, name: str) -> bool:
        """Whether the lock is ours."""
        return self._session.has_lock(name)

    def missing(self, required: Mapping[str, Sequence[str]]) -> list[str]:
        """Which tables (``T``) and columns (``T.c``) of ``required`` the server's schema lacks."""
        return lacking(self.schema, required)

    # What the session reports

    def session_changed(self, changes: list[Change]) -> None:
        """Pass on changes."""
        self.on_changes(changes)

    def session_progressed(self) -> None:
        """Pass on a change of state."""
        if self._session.live:
            self.trouble = None
            self._reconnect.serving(self._runtime.now())
        self.on_state(self)

    def session_lock(self, name: str, held: bool) -> None:
        """Pass on what became of a lock."""
        self.on_lock(name, held)

    def session_log(self, level: str, text: str) -> None:
        """Pass on what operators want to read."""
        self.log(level, f"{self.remote}: {text}")

    # The connection

    def _write_log(self, level: str, text: str) -> None:
        self.log(level, text)

    def _connected(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = jsonrpc.Decoder()
        stream.on_data = self._received
        stream.on_close = self._lost
        self._session.begin(lambda message: self._write(stream, message))

    @staticmethod
    def _write(stream: Stream, message: Message) -> None:
        stream.write(jsonrpc.encode(message))

    def _received(self, data: bytes) -> None:
        self._reconnect.received(self._runtime.now())
        stream = self._stream
        fault: str | None = None
        try:
            messages = self._decoder.feed(data)
        except jsonrpc.JsonRpcError as error:
            messages, fault = error.values, str(error)
        for message in messages:
            if self._stream is not stream:
                return  # a callback of the owner has ended this connection
            try:
                self._session.receive(message)
            except RefusedError as error:
                self._lost(str(error))
                return
        if self._stream is stream:
            self._session.flush()
        if fault is not None and self._stream is stream:
            self._lost(fault)

    def _lost(self, reason: str) -> None:
        self.trouble = reason
        self._dialer.ended(reason)
        self._drop()

    def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.on_data = stream.on_close = _ignore
            stream.close()
        self._session.end()
