"""A client in the server's own process, with the interface of ``client.Client`` and without a wire.

Changes reach the replica as the server's own values: no JSON is made or read on the way, and a value
is one object in both.  Otherwise it behaves as a client over a socket does, so that a program cannot
tell which of the two it has:

* callbacks come from the runtime, never from within a call of the owner;
* changes of all commits since the last callback come as one batch, in order, with one change per row;
* ``done`` of a transaction is called after the changes that it made were handed out;
* it is ``live``, and a lock is had, once that was handed out behind everything before it: who is told that it
  is the one that writes now knows what the one before it has written;
* after ``stop`` and ``start`` only differences are reported.

Between client and server is a ``Line``: the server may be away and come back as another one, the line may
be cut.  The client then does what one does whose connection ends: it is ``connecting``, has no lock, whoever
waits for an answer is told that it is lost (the transaction may have been made), and it goes on by itself.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pyovn.ovsdb.condition import AnyOf
from pyovn.ovsdb.replica import Change, Replica
from pyovn.ovsdb.requests import CONNECTION_LOST, NOT_CONNECTED, Reply, error_text, lacking, where
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.ovsdb.engine import Outcome, Row, Table
    from pyovn.ovsdb.replica import ReplicaTable
    from pyovn.ovsdb.requests import Condition
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.ovsdb.server import Hosted, Pending, Server
    from pyovn.ovsdb.values import UUID, Value
    from pyovn.ovsdb.views import Seen
    from pyovn.sim.runtime import Runtime


def _ignore(*_args: Any) -> None:
    """Stand in for a callback that nobody has set."""


class _Watch:
    """One wanted table: how its rows become the replica's, and which of them are wanted."""

    __slots__ = ("by_table", "condition", "project", "queue", "replica", "table", "test")

    def __init__(
        self,
        table: Table,
        replica: ReplicaTable,
        condition: AnyOf,
        queue: Callable[[_Watch, UUID, Row | None], None],
    ) -> None:
        self.table = table
        self.by_table = {table: self}
        self.replica = replica
        self.condition = condition
        self.test = condition.test
        self.queue = queue
        self.project = _projection(table, replica)

    def noted(self, seen: Sequence[Seen]) -> None:
        """Look at rows again, when it comes to it."""
        for change, _kind in seen:
            self.queue(self, change.uuid, change.new)

    def ask(self, condition: AnyOf) -> None:
        """Want other rows."""
        self.condition = condition
        self.test = condition.test

    def shown(self, row: Row | None) -> tuple[Value, ...] | None:
        """The replica's form of a row, None if it is not wanted."""
        if row is None or (self.test is not None and not self.test(row)):
            return None
        return self.project(row.values)


def _projection(table: Table, replica: ReplicaTable) -> Callable[[tuple[Value, ...]], tuple[Value, ...]]:
    """A function from the server's cells to the replica's."""
    places = [table.by_name[c].position if c in table.by_name else None for c in replica.columns]
    if places == list(range(len(table.columns))):
        return lambda values: values
    defaults = replica.defaults
    if None in places:
        pairs = list(zip(places, defaults, strict=True))
        return lambda values: tuple([d if p is None else values[p] for p, d in pairs])
    known = [place for place in places if place is not None]
    return lambda values: tuple([values[place] for place in known])


class Line:
    """A way to a server that may be away, over which clients go while it is not cut."""

    __slots__ = ("_clients", "_intact", "_server")

    def __init__(self, server: Server | None = None) -> None:
        self._server = server
        self._intact = True
        self._clients: dict[LocalClient, None] = {}

    @property
    def server(self) -> Server | None:
        """The server at the other end, None when it cannot be reached."""
        return self._server if self._intact else None

    @property
    def is_cut(self) -> bool:
        """Whether ``cut`` holds."""
        return not self._intact

    def lead_to(self, server: Server | None) -> None:
        """Lead to another server, or to none: the one that was there has died."""
        self._change(server, intact=self._intact)

    def cut(self) -> None:
        """Lose all connections, and let nobody make one."""
        self._change(self._server, intact=False)

    def mend(self) -> None:
        """Undo ``cut``; harmless when nothing was cut."""
        self._change(self._server, intact=True)

    def _change(self, server: Server | None, *, intact: bool) -> None:
        before = self.server
        self._server, self._intact = server, intact
        if self.server is not before:
            for client in tuple(self._clients):
                client.line_changed(before)

    def join(self, client: LocalClient) -> None:
        """Tell ``client`` of changes until it leaves."""
        self._clients[client] = None

    def leave(self, client: LocalClient) -> None:
        """Tell it nothing any more."""
        self._clients.pop(client, None)


class LocalClient:
    """See the module."""

    def __init__(
        self,
        runtime: Runtime,
        server: Server | Line,
        database: str,
        tables: Mapping[str, Sequence[str]],
        *,
        conditions: Mapping[str, Condition] | None = None,
        expected: DatabaseSchema | None = None,
    ) -> None:
        self.on_changes: Callable[[list[Change]], None] = _ignore
        self.on_state: Callable[[LocalClient], None] = _ignore
        self.on_lock: Callable[[str, bool], None] = _ignore
        self.log: Callable[[str, str], None] = _ignore
        self.database = database
        self.remote = "local"
        self.trouble: str | None = None
        self.replica = Replica(tables, expected)
        self.conditions_settled = False
        self._runtime = runtime
        self._line = server if isinstance(server, Line) else Line(server)
        self._hosted: Hosted | None = None
        """The server's database, from the beginning of a connection to its end."""
        self._live = False
        self._watches: dict[str, _Watch] = {}
        self._conditions: dict[str, Condition] = dict(conditions or {})
        self._queue: dict[tuple[_Watch, UUID], Row | None] = {}
        self._answers: list[Callable[[], None]] = []
        self._unanswered: dict[int, Callable[[Reply], None]] = {}
        """Who waits for the answer to a transaction that the server has got, in the order of asking."""
        self._next_request = 0
        self._pending: set[Pending] = set()
        self._locks: dict[str, bool] = {}
        """The locks that are wanted, and whether the owner was told that it has them."""
        self._flush_asked = False
        self._begun = 0

    @property
    def state(self) -> Literal["connecting", "live"]:
        """``live`` between the first contents after ``start`` and ``stop``."""
        return "live" if self._live else "connecting"

    @property
    def schema(self) -> DatabaseSchema | None:
        """The server's schema, None before ``start`` has taken effect."""
        return None if self._hosted is None else self._hosted.database.schema

    def start(self) -> None:
        """Follow the database until ``stop``."""
        self._line.join(self)
        self._begin_soon()

    def _begin_soon(self) -> None:
        self._begun += 1
        begun = self._begun
        self._runtime.call_soon(lambda: self._begin() if begun == self._begun else None)

    def _begin(self) -> None:
        server = self._line.server
        if server is None:
            return  # the line tells when there is one
        self._hosted = hosted = server.databases[self.database]
        self.replica.bind(hosted.database.schema)
        tables = hosted.database.tables
        hosted.database.on_converted.append(self._converted)
        self._watches = {}
        for name, replica in self.replica.tables.items():
            if name in tables:
                condition = self._condition(tables[name], self._conditions.get(name, True))
                watch = self._watches[name] = _Watch(tables[name], replica, condition, self._look_at)
                hosted.hub.join(watch)
                self._look_at_all(watch)
        for name in self._locks:
            self._take_lock(name)
        self.conditions_settled = True
        self._ask_flush()
        self._answers.append(lambda: self.on_state(self))

    def stop(self) -> None:
        """Stop following; those who wait for an answer are told."""
        self._line.leave(self)
        self._leave(self._line.server)

    def _leave(self, server: Server | None) -> None:
        """The connection ends; ``server`` is None when there is nobody who would notice."""
        self._begun += 1
        if self._hosted is None:
            return
        for watch in self._watches.values():
            self._hosted.hub.leave(watch)
        self._hosted.database.on_converted.remove(self._converted)
        self._hosted = None
        self._live = False
        self._queue.clear()
        for pending in tuple(self._pending):
            if server is not None:
                server.forget(pending)
            pending.done(None)
        if server is not None:
            server.locks.release_all(self)
        for name in self._locks:
            self._locks[name] = False
        self.conditions_settled = False

    def line_changed(self, before: Server | None) -> None:
        """The server at the other end is another one: ``before`` lives on without us, or has died."""
        if self._hosted is not None:
            self._lost(before)
        self._begin_soon()

    def _lost(self, before: Server | None) -> None:
        """The connection has ended by no will of ours."""
        self.log("info", "connection lost")
        locks = [name for name, held in self._locks.items() if held]
        self._leave(before)
        waiting, self._unanswered = self._unanswered, {}
        self._answers = [partial(self.on_lock, name, False) for name in locks]
        self._answers += [partial(done, Reply(None, CONNECTION_LOST)) for done in waiting.values()]
        self._answers.append(lambda: self.on_state(self))
        self._ask_flush()

    def reconnect(self, reason: str = "forced reconnect") -> None:
        """Forget and begin again."""
        self.log("info", reason)
        self.stop()
        self.start()

    def _converted(self) -> None:
        """Begin again with the new schema."""
        self.reconnect(f"the schema of {self.database} was converted")

    def set_probe_interval(self, seconds: float) -> None:
        """There is nothing to probe."""

    # Changes

    def _look_at(self, watch: _Watch, uuid: UUID, row: Row | None) -> None:
        """A row may have to be shown, shown otherwise, or not to be shown any more."""
        self._queue[watch, uuid] = row
        self._ask_flush()

    def _ask_flush(self) -> None:
        if not self._flush_asked:
            self._flush_asked = True
            self._runtime.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_asked = False
        self._live = self._hosted is not None
        queue, self._queue = self._queue, {}
        answers, self._answers = self._answers, []
        changes = []
        for (watch, uuid), row in queue.items():
            new = watch.shown(row)
            if new is not None or uuid in watch.replica.rows:
                change = watch.replica.put(uuid, new)
                if change is not None:
                    changes.append(change)
        if changes:
            self.on_changes(changes)
        for answer in answers:
            answer()

    # Conditions

    def set_conditions(self, conditions: Mapping[str, Condition]) -> None:
        """Ask for other rows of the named tables."""
        self._conditions.update(conditions)
        if self._hosted is None:
            return
        for name in conditions:
            watch = self._watches.get(name)
            if watch is not None:
                self._hosted.hub.leave(watch)
                watch.ask(self._condition(watch.table, conditions[name]))
                self._hosted.hub.join(watch)
                self._look_at_all(watch)
        self.conditions_settled = False
        self._answers.append(self._settled)
        self._ask_flush()

    def _settled(self) -> None:
        self.conditions_settled = True
        self.on_state(self)

    def _condition(self, table: Table, condition: Condition) -> AnyOf:
        assert self._hosted is not None
        return AnyOf(where(condition), table, self._hosted.database.version)

    def _look_at_all(self, watch: _Watch) -> None:
        """Look at every row whose place in the replica may be another one now."""
        assert self._hosted is not None
        rows = watch.table.rows
        for uuid in (*watch.replica.rows, *self._hosted.hub.selected(watch)):
            self._queue[watch, uuid] = rows.get(uuid)

    # Transactions

    def transact(self, operations: Sequence[Any], done: Callable[[Reply], None]) -> None:
        """Run a transaction; ``done`` is called later, after ``on_changes``.

        The operations go through JSON text, so that what they hold (tuples, subclasses of ``str``, lists
        that the owner changes afterwards) means what it means over a wire.
        """
        wire = msgspec.json.decode(jsonrpc.encode(operations))
        self._runtime.call_soon(lambda: self._transact(wire, done))

    def _transact(self, operations: Sequence[Any], done: Callable[[Reply], None]) -> None:
        server = self._line.server
        if self._hosted is None or server is None:
            done(Reply(None, NOT_CONNECTED))
            return
        pending: Pending | None = None
        request = self._next_request
        self._next_request += 1
        self._unanswered[request] = done

        def finished(outcome: Outcome | None) -> None:
            if pending is not None:
                self._pending.discard(pending)
            self._answers.append(lambda: self._answer(request, outcome))
            self._ask_flush()

        pending = server.transact(self._hosted.database, operations, self._holds, finished)
        if pending is not None:
            self._pending.add(pending)

    def _answer(self, request: int, outcome: Outcome | None) -> None:
        done = self._unanswered.pop(request, None)
        if done is not None:  # else it has been told that the connection was lost
            done(_reply(outcome))

    # Locks

    def lock(self, name: str) -> None:
        """Want a lock (RFC 7047 section 4.1.8)."""
        if name not in self._locks:
            self._locks[name] = False
            if self._hosted is not None:
                self._take_lock(name)

    def _take_lock(self, name: str) -> None:
        server = self._line.server
        if server is not None and server.locks.lock(name, self):
            self.lock_event("locked", name)

    def unlock(self, name: str) -> None:
        """Give a lock up."""
        server = self._line.server
        if self._locks.pop(name, None) is not None and server is not None and server.locks.waits(name, self):
            server.locks.unlock(name, self)

    def has_lock(self, name: str) -> bool:
        """Whether the lock is ours, and the owner knows what was written before it was."""
        return self._locks.get(name, False) and self._holds(name)

    def _holds(self, name: str) -> bool:
        server = self._line.server
        return server is not None and server.locks.holds(name, self)

    def lock_event(self, method: str, name: str) -> None:
        """A lock was ``locked`` or ``stolen``."""
        if method != "locked":
            self._locks[name] = False
        self._answers.append(lambda: self._tell_lock(name))
        self._ask_flush()

    def _tell_lock(self, name: str) -> None:
        held = name in self._locks and self._holds(name)
        if held:
            self._locks[name] = True
        self.on_lock(name, held)

    def missing(self, required: Mapping[str, Sequence[str]]) -> list[str]:
        """Which tables (``T``) and columns (``T.c``) of ``required`` the server's schema lacks."""
        return lacking(self.schema, required)


def _reply(outcome: Outcome | None) -> Reply:
    if outcome is None:
        return Reply(None, "canceled")
    return Reply(outcome.results, None if outcome.error is None else error_text(outcome.error.to_json()))
