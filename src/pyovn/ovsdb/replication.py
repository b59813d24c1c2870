"""Active-backup: a server that repeats what another one commits (ovsdb(7), "Active-Backup").

A backup follows each of its databases on the active server as any client does (``client``), so it resumes
after a lost connection with what it has missed, and makes every batch of changes its own transaction:
constraints are kept, the journal is written, its own clients' monitors are told.  Until it is made active
nobody else may write (``Server.read_only``).

The first contents replace what the backup had.  Excluded tables are left alone, also those.

A database follows only if everything in the active server's schema has a place here: a table or column
that is missing or of another type would be lost without a word.  A server that follows itself notices by
the server's id and becomes active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.client import Client
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.reconnect import PROBE_INTERVAL
from pyovn.ovsdb.serverdb import NAME as SERVER_DATABASE
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.ovsdb.engine import Database, Table
    from pyovn.ovsdb.replica import Change
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.ovsdb.server import Server
    from pyovn.ovsdb.transaction import Transaction
    from pyovn.ovsdb.values import UUID, Value
    from pyovn.sim.runtime import Runtime, Stream

    Log = Callable[[str, str], None]
    RowChange = tuple[Table, UUID, tuple[Value, ...] | None]

SELF: Final = "Server ID check failed: Self replicating is not allowed"


class ExcludeError(ValueError):
    """Tables to exclude that are not DB:TABLE[,DB:TABLE]..."""


def parse_excluded(text: str) -> frozenset[tuple[str, str]]:
    """Read DB:TABLE[,DB:TABLE]...; raises ``ExcludeError``."""
    found = []
    for word in filter(None, text.replace(" ", ",").split(",")):
        database, colon, table = word.partition(":")
        if not (database and colon and table):
            raise ExcludeError(f"{word}: invalid syntax")
        found.append((database, table))
    return frozenset(found)


class _Follower:
    """One database and its client."""

    def __init__(self, database: Database, client: Client, excluded: frozenset[str], log: Log) -> None:
        self.database = database
        self.client = client
        self.problem = ""
        self._excluded = excluded
        self._log = log
        self._synced = False
        self._schema: DatabaseSchema | None = None
        """The active server's, as it was found to fit."""
        client.on_changes = self._changed
        client.on_state = self._progressed

    @property
    def live(self) -> bool:
        """Whether the database is what it is on the active server."""
        return self._synced and self.client.state == "live"

    def _changed(self, changes: list[Change]) -> None:
        if self.client.schema is not self._schema:
            self._synced = False
        if self._synced:
            tables = self.database.tables
            self._apply((tables[name], uuid, new) for name, uuid, _old, new in changes)

    def _progressed(self, client: Client) -> None:
        if client.state != "live" or (self._synced and client.schema is self._schema):
            return
        assert client.schema is not None
        mismatch = _mismatch(client.schema, self.database.schema, self._excluded)
        if mismatch:
            self._fail(f"schema mismatch, not replicated: {mismatch}")
            client.stop()
            return
        self._schema, self._synced = client.schema, True
        self._log("info", f"{self.database.name}: contents received, replacing the database's")
        self._apply(self._differences())

    def _differences(self) -> Iterable[RowChange]:
        """What makes the tables those of the replica."""
        for name, replica in self.client.replica.tables.items():
            table = self.database.tables[name]
            for uuid in table.rows.keys() - replica.rows.keys():
                yield table, uuid, None
            for uuid, values in replica.rows.items():
                row = table.rows.get(uuid)
                if row is None or row.values != values:
                    yield table, uuid, values

    def _apply(self, changes: Iterable[RowChange]) -> None:
        def write(transaction: Transaction) -> None:
            for table, uuid, values in changes:
                if values is None:
                    transaction.delete(table, uuid)
                else:
                    transaction.put(table, uuid, values)

        try:
            self.database.replace(write, written=True)
        except OvsdbError as error:
            self._fail(str(error))
            self.client.stop()

    def _fail(self, why: str) -> None:
        self.problem = why
        self._log("err", f"{self.database.name}: {why}")


class Replication:
    """Which server is repeated, and whether."""

    def __init__(self, runtime: Runtime, server: Server, log: Log, reconnect_log: Log) -> None:
        self.active_server = ""
        """Where ``connect`` connects to."""
        self.excluded: frozenset[tuple[str, str]] = frozenset()
        self._runtime = runtime
        self._server = server
        self._log = log
        self._reconnect_log = reconnect_log
        self._remote = ""
        self._probe_interval = PROBE_INTERVAL
        self._followers: dict[str, _Follower] = {}
        self._checked = False

    @property
    def is_backup(self) -> bool:
        """Whether the server is a backup now."""
        return self._server.read_only

    def connect(self) -> None:
        """Be a backup of ``active_server``; clients must come again."""
        self._stop()
        self._remote = self.active_server
        self._change_role(read_only=True)
        self.refresh()

    def disconnect(self) -> None:
        """Be active; clients must come again."""
        self._stop()
        if self.is_backup:
            self._change_role(read_only=False)

    def close(self) -> None:
        """Follow nothing any more, and stay what the server is."""
        self._stop()

    def exclude(self, excluded: frozenset[tuple[str, str]]) -> None:
        """Leave other tables alone from now on."""
        self.excluded = excluded
        if self.is_backup:
            self._stop()
            self.refresh()

    def set_probe_interval(self, seconds: float) -> None:
        """Probe the active server at another pace."""
        self._probe_interval = seconds
        for follower in self._followers.values():
            follower.client.set_probe_interval(seconds)

    def refresh(self) -> None:
        """Follow the databases that are there now; also when one came or went."""
        if not self.is_backup:
            return
        databases = {name: hosted.database for name, hosted in self._server.databases.items()}
        for name in [name for name in self._followers if name not in databases]:
            self._followers.pop(name).client.stop()
        for name, database in databases.items():
            if name != SERVER_DATABASE and name not in self._followers:
                self._followers[name] = self._follow(name, database)

    def _follow(self, name: str, database: Database) -> _Follower:
        excluded = frozenset(table for owner, table in self.excluded if owner == name)
        client = Client(
            self._runtime,
            self._remote,
            name,
            {t.name: tuple(t.by_name) for t in database.tables.values() if t.name not in excluded},
            leader_only=False,
            expected=database.schema,
            probe_interval=self._probe_interval,
        )
        client.log = self._reconnect_log
        follower = _Follower(database, client, excluded, self._log)
        progressed = client.on_state

        def on_state(client: Client) -> None:
            if client.state == "live" and not self._checked:
                self._check_identity(client.remote)
            progressed(client)

        client.on_state = on_state
        client.start()
        return follower

    def status(self) -> str:
        """The answer to ``ovsdb-server/sync-status``."""
        if not self.is_backup:
            return "state: active\n"
        lines = ["state: backup"]
        live = sorted(name for name, follower in self._followers.items() if follower.live)
        lines.append(f"{'replicating' if live else 'connecting'}: {self._remote}")
        if live:
            lines.append(f"database: {', '.join(live)}")
        if live and self.excluded:
            lines.append(f"exclude: {format_excluded(self.excluded)}")
        lines += [f"error: {name}: {f.problem}" for name, f in sorted(self._followers.items()) if f.problem]
        return "\n".join(lines) + "\n"

    def _change_role(self, *, read_only: bool) -> None:
        self._server.read_only = read_only
        for session in tuple(self._server.sessions):
            session.drop("the server's role has changed")

    def _stop(self) -> None:
        for follower in self._followers.values():
            follower.client.stop()
        self._followers.clear()
        self._checked = False

    # Who is there

    def _check_identity(self, remote: str) -> None:
        """Ask for the server's id on a connection of its own: it may be ours."""
        self._checked = True
        decoder = jsonrpc.Decoder()

        def connected(stream: Stream) -> None:
            def received(data: bytes) -> None:
                for message in decoder.feed(data):
                    if isinstance(message, dict) and message.get("id") == 0:
                        stream.close()
                        self._identified(message.get("result"))

            stream.on_data = received
            stream.on_close = lambda _reason: None
            stream.write(jsonrpc.encode(jsonrpc.request(0, "get_server_id", [])))

        self._runtime.connect(remote, connected, lambda _reason: None)

    def _identified(self, name: Any) -> None:
        if name == self._server.id and self.is_backup:
            self._log("err", SELF)
            self.disconnect()


def format_excluded(excluded: Iterable[tuple[str, str]]) -> str:
    """DB:TABLE,DB:TABLE, sorted."""
    return ",".join(f"{database}:{table}" for database, table in sorted(excluded))


def _mismatch(active: DatabaseSchema, here: DatabaseSchema, excluded: frozenset[str]) -> str:
    """What of the active server's schema has no place here; empty when everything has."""
    for name, table in active.tables.items():
        if name in excluded:
            continue
        ours = here.tables.get(name)
        if ours is None:
            return f"there is no table {name}"
        for column in table.columns.values():
            there = ours.columns.get(column.name)
            if there is None:
                return f"there is no column {name}.{column.name}"
            if there.type != column.type:
                return f"column {name}.{column.name} is of another type"
    return ""
