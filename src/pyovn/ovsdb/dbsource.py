"""``db:DATABASE,TABLE,COLUMN``: configuration of the server that stands in a database it serves.

ovsdb-server(1) takes this form for remotes and for key files.  A ``ColumnSource`` is a name: it is looked
up whenever it is read, because a database may be removed, come back, or be converted to another schema.
``Follower`` tells, once per burst of changes, that sources may read differently now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.values import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyovn.ovsdb.engine import Commit, Database, Row, Table
    from pyovn.ovsdb.server import Server
    from pyovn.ovsdb.store import Column

PREFIX: Final = "db:"
_PARTS: Final = 3


class SourceError(Exception):
    """A name that leads to no column; the message says where it ends."""


class Found(NamedTuple):
    """Where a source leads to."""

    database: Database
    table: Table
    column: Column
    referred: Table | None
    """The table that the column refers to."""


class ColumnSource(NamedTuple):
    """A parsed name."""

    name: str
    database: str
    table: str
    column: str

    @classmethod
    def parse(cls, name: str) -> ColumnSource:
        """Read ``db:DATABASE,TABLE,COLUMN``; raises ``SourceError``."""
        parts = name.removeprefix(PREFIX).split(",")
        if len(parts) != _PARTS:
            raise SourceError(f'"{name}": invalid syntax')
        return cls(name, *parts)

    def find(self, server: Server) -> Found:
        """Look it up; raises ``SourceError``."""
        hosted = server.databases.get(self.database)
        if hosted is None:
            raise SourceError(f'"{self.name}": no database named {self.database}')
        table = hosted.database.tables.get(self.table)
        if table is None:
            raise SourceError(f'"{self.name}": no table named {self.table}')
        column = table.by_name.get(self.column)
        if column is None:
            raise SourceError(f'"{self.name}": table "{self.table}" has no column "{self.column}"')
        kind = column.type.key
        if column.type.is_map or not (kind.type == "string" or kind.ref_table is not None):
            raise SourceError(f'"{self.name}": type mismatch: not a column of strings or references')
        referred = None if kind.ref_table is None else hosted.database.tables[kind.ref_table]
        return Found(hosted.database, table, column, referred)


def texts(found: Found) -> Iterator[str]:
    """The strings in a column of strings."""
    if found.referred is None:
        for value in _elements(found):
            yield str(value)


def referred_rows(found: Found) -> Iterator[Row]:
    """The rows to which a column refers."""
    if found.referred is not None:
        for value in _elements(found):
            if isinstance(value, UUID) and value in found.referred.rows:
                yield found.referred.rows[value]


def _elements(found: Found) -> Iterator[Any]:
    for row in found.table.rows.values():
        value = row.values[found.column.position]
        if isinstance(value, frozenset):
            yield from value
        elif value is not None:
            yield value


class Follower:
    """Calls ``changed`` soon after something has changed in a database that ``sources`` name."""

    def __init__(
        self, server: Server, sources: Callable[[], Iterable[ColumnSource]], changed: Callable[[], None]
    ) -> None:
        self._server = server
        self._sources = sources
        self._changed = changed
        self._asked = False
        self._followed: list[Database] = []

    def refresh(self) -> None:
        """Follow the databases that are named now."""
        named = {source.database for source in self._sources()}
        wanted = [h.database for name, h in self._server.databases.items() if name in named]
        for database in [d for d in self._followed if d not in wanted]:
            self._followed.remove(database)
            database.followers.remove(self._committed)
            database.on_converted.remove(self.ask)
        for database in [d for d in wanted if d not in self._followed]:
            self._followed.append(database)
            database.followers.append(self._committed)
            database.on_converted.append(self.ask)

    def _committed(self, commit: Commit) -> None:
        if self._asked:
            return
        touched = {change.table for change in commit.changes}
        for source in self._sources():
            try:
                found = source.find(self._server)
            except SourceError:
                continue
            if found.table in touched or found.referred in touched:
                self.ask()
                return

    def ask(self) -> None:
        """Have ``changed`` called soon."""
        if not self._asked:
            self._asked = True
            self._server.runtime.call_soon(self._tell)

    def _tell(self) -> None:
        self._asked = False
        self._changed()
