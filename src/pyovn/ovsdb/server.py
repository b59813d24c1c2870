"""The database server without I/O: databases, sessions, locks and blocked transactions.

A ``Server`` is told of clients (``connect``) and is given decoded messages; it answers through the
``send`` that it got.  ``listen`` puts it on sockets, ``local`` connects a client of the same process
without any JSON, ``main`` makes a daemon of it.

Invariants: a client that changes what it monitors sees the update before the reply (ovsdb-server(7),
section 4.1.5).  Requests of one client are answered in order, except transactions that wait.  A client
that takes its messages too slowly is dropped when ``max_backlog`` bytes wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.authority import ROOT, Authority
from pyovn.ovsdb.conversion import converted
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.hub import Hub
from pyovn.ovsdb.locks import Locks
from pyovn.ovsdb.monitors import Monitors
from pyovn.ovsdb.server_session import ServerSession
from pyovn.ovsdb.serverdb import NAME as SERVER_DATABASE
from pyovn.ovsdb.serverdb import ServerDatabase
from pyovn.wire.jsontext import use_msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.engine import Commit, Database, Outcome
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.sim.runtime import Runtime, Timer

use_msgspec()

MAX_BACKLOG: Final = 256 << 20
"""Bytes that may wait for one client."""
MAX_TOTAL_BACKLOG: Final = 1 << 30
"""Bytes that may wait for all of them."""
MAX_TOTAL_UNFINISHED: Final = 1 << 30
"""Bytes of messages whose end has not come, of all clients."""
_BACKLOG_CHECK: Final = 64 << 20
"""Bytes sent between two looks at the total."""


@dataclass(slots=True, eq=False)
class Hosted:
    """A database and who watches it."""

    database: Database
    monitors: Monitors
    close: Callable[[], None]
    hub: Hub
    """Where clients in this process watch it."""
    rewrite: Callable[[Database], None] | None = None
    """Makes the file hold another database, with another schema; raises ``OSError``."""


@dataclass(slots=True, eq=False)
class Pending:
    """A transaction with a ``wait`` that is not satisfied yet."""

    database: Database
    operations: Sequence[Any]
    holds_lock: Callable[[str], bool]
    done: Callable[[Outcome | None], None]
    """Called with None when the database goes away or the request is cancelled."""
    since: float
    authority: Authority
    timer: Timer | None = None


def _nothing(*_args: object) -> None:
    """Stand in for a callback that nobody has set."""


class Server:
    """See the module."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        max_backlog: int = MAX_BACKLOG,
        max_total_backlog: int = MAX_TOTAL_BACKLOG,
    ) -> None:
        self.runtime = runtime
        self.max_backlog = max_backlog
        self._max_total_backlog = max_total_backlog
        self._unfinished = 0
        self.backlog_check = min(_BACKLOG_CHECK, max_total_backlog)
        self.sent = 0
        """Bytes queued for clients since the last look at the total."""
        self.log: Callable[[str, str], None] = _nothing
        self.read_only = False
        """Nobody but the program itself may write: the server is a backup of another one."""
        self.locks = Locks()
        self.sessions: list[ServerSession] = []
        self.databases: dict[str, Hosted] = {}
        self._server_database = ServerDatabase(runtime.random)
        self.id: str = str(self._server_database.database.new_uuid())
        self._pending: list[Pending] = []
        self._retry_asked = False
        self._host(self._server_database.database, _nothing)

    # Databases

    def _host(self, database: Database, close: Callable[[], None]) -> Hosted:
        hosted = Hosted(database, Monitors(database), close, Hub(database))
        self.databases[database.name] = hosted
        database.followers.append(self._committed)
        return hosted

    def add_database(self, database: Database, close: Callable[[], None] = _nothing) -> None:
        """Serve a database; ``close`` is called when it is removed."""
        if database.name in self.databases:
            raise ValueError(f"{database.name}: duplicate database name")
        self._host(database, close)
        self._server_database.show(database.schema)
        self._disconnect_unaware(f"database {database.name} was added")

    def remove_database(self, name: str) -> None:
        """Serve a database no more: its monitors and waiting transactions are cancelled."""
        if name == SERVER_DATABASE:
            raise ValueError(f"{name}: cannot be removed")
        hosted = self.databases.pop(name)
        hosted.database.followers.remove(self._committed)
        self._cancel_all(hosted)
        self._server_database.hide(name)
        hosted.monitors.close()
        hosted.close()
        self._disconnect_unaware(f"database {name} was removed")

    def convert(self, hosted: Hosted, schema: DatabaseSchema) -> Callable[[], None]:
        """Change a database's schema (ovsdb-server(7), section 4.1.19); raises ``OvsdbError``.

        Clients learn of it from what they asked for being cancelled.  Those that are not aware of such
        changes are to be disconnected by the function that is returned, after the reply.
        """
        name = hosted.database.name
        if name == SERVER_DATABASE:
            raise OvsdbError("not allowed", f"the schema of {name} cannot be changed")
        if schema.name != name:
            raise OvsdbError(
                "invalid parameters", f"new schema name ({schema.name}) does not match database name ({name})"
            )
        result = converted(hosted.database, schema)
        if hosted.rewrite is not None:
            try:
                hosted.rewrite(result)
            except OSError as error:
                raise OvsdbError("I/O error", f"cannot write the converted database: {error}") from error
        self._cancel_all(hosted)
        hosted.database.adopt(result)
        hosted.monitors.restart()
        self._server_database.change_schema(schema)
        return lambda: self._disconnect_unaware(f"committed {name} database schema conversion")

    def _cancel_all(self, hosted: Hosted) -> None:
        """Cancel monitors and waiting transactions, because the database goes or becomes another one."""
        for session in tuple(self.sessions):
            session.cancel_monitors(hosted)
        for pending in [p for p in self._pending if p.database is hosted.database]:
            if pending in self._pending:
                self.forget(pending)
                pending.done(None)

    def _disconnect_unaware(self, reason: str) -> None:
        for session in tuple(self.sessions):
            if not session.change_aware:
                session.drop(reason)

    def close(self) -> None:
        """Close all sessions and databases."""
        for session in tuple(self.sessions):
            session.drop("server is exiting")
        for name in [name for name in self.databases if name != SERVER_DATABASE]:
            self.remove_database(name)

    # Sessions

    def connect(
        self,
        send: Callable[[bytes], None],
        *,
        send_now: Callable[[bytes], int] = lambda _data: 0,
        peer: str = "",
        close: Callable[[], None] = _nothing,
        backlog: Callable[[], int] = lambda: 0,
        authority: Authority = ROOT,
    ) -> ServerSession:
        """A new client; ``close`` is called if the server wants to be rid of it.

        ``send_now`` sends what can leave at once, and tells how many bytes that is.
        """
        session = ServerSession(
            self, send, send_now=send_now, peer=peer, close=close, backlog=backlog, authority=authority
        )
        self.sessions.append(session)
        return session

    def check_backlogs(self) -> None:
        """Drop the slowest clients if too much waits for all of them; called when much has been sent."""
        self.sent = 0
        total = sum(session.backlog() for session in self.sessions)
        while total > self._max_total_backlog:
            slowest = max(self.sessions, key=lambda session: session.backlog())
            total -= slowest.backlog()
            self.log("warn", f"{slowest.peer}: {slowest.backlog()} bytes wait to be taken, dropping client")
            slowest.drop("too slow")

    def note_unfinished(self, difference: int) -> None:
        """Count what is kept of messages whose end has not come, and drop the largest if it is too much."""
        self._unfinished += difference
        while self._unfinished > MAX_TOTAL_UNFINISHED:
            largest = max(self.sessions, key=lambda session: session.unfinished)
            self.log(
                "warn",
                f"{largest.peer}: {largest.unfinished} bytes of an unfinished message, dropping client",
            )
            largest.drop("message too long")

    # Transactions

    def transact(
        self,
        database: Database,
        operations: Sequence[Any],
        holds_lock: Callable[[str], bool],
        done: Callable[[Outcome | None], None],
        authority: Authority = ROOT,
    ) -> Pending | None:
        """Run a transaction; ``done`` is called now, or later if it must wait (then it is returned)."""
        outcome = database.transact(operations, holds_lock=holds_lock, authority=authority)
        if not outcome.blocked:
            done(outcome)
            return None
        pending = Pending(database, operations, holds_lock, done, self.runtime.now(), authority)
        self._pending.append(pending)
        self._await_timeout(pending, outcome)
        return pending

    def forget(self, pending: Pending) -> None:
        """Stop waiting."""
        self._pending.remove(pending)
        if pending.timer is not None:
            pending.timer.cancel()

    def _await_timeout(self, pending: Pending, outcome: Outcome) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
            pending.timer = None
        if outcome.timeout is not None:
            delay = outcome.timeout / 1000
            pending.timer = self.runtime.call_later(delay, lambda: self._retry(pending))

    def _committed(self, _commit: Commit) -> None:
        if self._pending and not self._retry_asked:
            self._retry_asked = True
            self.runtime.call_soon(self._retry_all)

    def _retry_all(self) -> None:
        self._retry_asked = False
        for pending in tuple(self._pending):
            if pending in self._pending:
                self._retry(pending)

    def _retry(self, pending: Pending) -> None:
        elapsed = max(1, round((self.runtime.now() - pending.since) * 1000))
        outcome = pending.database.transact(
            pending.operations,
            holds_lock=pending.holds_lock,
            elapsed=elapsed,
            authority=pending.authority,
        )
        if outcome.blocked:
            self._await_timeout(pending, outcome)
        else:
            self.forget(pending)
            pending.done(outcome)
