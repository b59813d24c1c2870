"""The log of changes to chosen tables (ovsdb-server(1), ``tlog-set`` and ``tlog-list``).

Each changed row becomes a line of module ``transaction`` at level INFO, at a limited rate; it has all of the
row's columns, ``_uuid`` and ``_version`` included.  Choices are those of a running server: they are gone
with the database or the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon.log import Limit
from pyovn.daemon.unixctl import CommandError
from pyovn.ovsdb.text import atom_text, value_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.daemon.log import Logger
    from pyovn.daemon.main import Daemon
    from pyovn.ovsdb.engine import Commit, Database
    from pyovn.ovsdb.server import Server
    from pyovn.ovsdb.transaction import RowChange

_LIMIT: Final = Limit(per_minute=30, burst=60)
_WIDTHS: Final = 15, 27


class _Chosen:
    """The tables of one database that are logged."""

    def __init__(self, database: Database, logger: Logger) -> None:
        self.database = database
        self.tables: set[str] = set()
        self._logger = logger

    def choose(self, table: str, *, is_on: bool) -> None:
        followers = self.database.followers
        if is_on:
            if not self.tables:
                followers.append(self._committed)
            self.tables.add(table)
        elif table in self.tables:
            self.tables.remove(table)
            if not self.tables:
                followers.remove(self._committed)

    def _committed(self, commit: Commit) -> None:
        for change in commit.changes:
            if change.table.name in self.tables:
                self._logger.info("%s", _text(self.database, change), limit=_LIMIT)


class TableLog:
    """Which tables are logged, with the commands to choose them."""

    def __init__(self, daemon: Daemon, server: Server) -> None:
        self._control = daemon.control
        self._logger = daemon.log.module("transaction")
        self._server = server
        self._chosen: dict[str, _Chosen] = {}

    def register(self) -> None:
        """Add the control commands."""
        self._control.register("ovsdb-server/tlog-set", "DB:TABLE on|off", 2, 2, self._set)
        self._control.register("ovsdb-server/tlog-list", "", 0, 0, self._list)

    def _of(self, database: Database) -> _Chosen:
        """What is chosen of ``database``; another one may have had its name before."""
        chosen = self._chosen.get(database.name)
        if chosen is None or chosen.database is not database:
            chosen = self._chosen[database.name] = _Chosen(database, self._logger)
        return chosen

    def _set(self, args: Sequence[str]) -> None:
        name, colon, table = args[0].partition(":")
        if not colon:
            raise CommandError("invalid DB:TABLE argument")
        hosted = self._server.databases.get(name)
        if hosted is None:
            raise CommandError("no such database")
        if table not in hosted.database.tables:
            raise CommandError("no such table")
        if args[1].lower() not in {"on", "off"}:
            raise CommandError("invalid command argument")
        self._of(hosted.database).choose(table, is_on=args[1].lower() == "on")

    def _list(self, _args: Sequence[str]) -> str:
        lines = [_columns("database", "table") + "logging", _columns("--------", "-----") + "-------"]
        for name, hosted in sorted(self._server.databases.items()):
            lines.append(f"{name:<{_WIDTHS[0]}}  ")
            chosen = self._of(hosted.database).tables
            lines += [
                _columns("", table) + ("ON" if table in chosen else "OFF")
                for table in sorted(hosted.database.tables)
            ]
        return "".join(f"{line}\n" for line in lines)


def _columns(database: str, table: str) -> str:
    return f"{database:<{_WIDTHS[0]}} {table:<{_WIDTHS[1]}} "


def _text(database: Database, change: RowChange) -> str:
    """A changed row in one line: what it is now, or was last."""
    row = change.old if change.new is None else change.new
    assert row is not None, "a change has a row before it or after it"
    operation = "inserted" if change.old is None else "deleted" if change.new is None else "updated"
    words = [f"table:{change.table.name}", f"op:{operation}"]
    words += [f"_uuid:{row.uuid}", f"_version:{atom_text(database.version(row))}"]
    words += [f"{c.name}:{value_text(row.values[c.position])}" for c in change.table.columns]
    return ",".join(words)
