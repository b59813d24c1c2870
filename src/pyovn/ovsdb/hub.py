"""Where the clients of one process watch a database: changes go only to whom they concern.

Hundreds of simulated hypervisors follow one southbound.  To hand every change to every one of them, and to
look at all rows whenever one asks for another datapath, costs their number times what there is.  So a change
finds its watchers as it finds the monitors of remote clients (``interest``), and rows are found by what
conditions ask for: an index per column that somebody has asked for, kept up with the changes.

A ``Watch`` is one table of one client.  It is told at least of its changes; what it shows of them is its
own to decide, when it comes to it.  While nobody watches, nothing is kept and nothing follows the database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyovn.ovsdb.interest import Interest
from pyovn.ovsdb.store import UUID_POSITION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyovn.ovsdb.condition import AnyOf, RowTest
    from pyovn.ovsdb.engine import Commit, Database, Row, Table
    from pyovn.ovsdb.values import UUID
    from pyovn.ovsdb.views import Seen


class Watch(Protocol):
    """Who is told."""

    table: Table
    by_table: dict[Table, Any]

    @property
    def condition(self) -> AnyOf:
        """Which rows; changed only between ``leave`` and ``join``."""

    @property
    def test(self) -> RowTest | None:
        """The condition's."""

    def noted(self, seen: Sequence[Seen]) -> None:
        """Rows have become others, or have gone."""


class _Index:
    """Rows of a table by the value of a column, or by the members of a set."""

    __slots__ = ("_by_value", "_members", "_position")

    def __init__(self, table: Table, position: int, *, members: bool) -> None:
        self._position = position
        self._members = members
        self._by_value: dict[Any, dict[UUID, None]] = {}
        for row in table.rows.values():
            self.add(row)

    def _values(self, row: Row) -> Iterable[Any]:
        value = row.values[self._position]
        return value if self._members and isinstance(value, frozenset) else (value,)

    def add(self, row: Row) -> None:
        for value in self._values(row):
            self._by_value.setdefault(value, {})[row.uuid] = None

    def remove(self, row: Row) -> None:
        for value in self._values(row):
            rows = self._by_value[value]
            del rows[row.uuid]
            if not rows:
                del self._by_value[value]

    def find(self, value: Any) -> Iterable[UUID]:
        return self._by_value.get(value, ())


class Hub:
    """The watches of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watches: dict[Watch, None] = {}
        self._interest: Interest[Watch] = Interest()
        self._indexes: dict[Table, dict[tuple[int, bool], _Index]] = {}

    def join(self, watch: Watch) -> None:
        """Tell ``watch`` of changes from now on."""
        if not self._watches:
            self._database.followers.append(self._follow)
        self._watches[watch] = None
        self._interest.add(watch)

    def leave(self, watch: Watch) -> None:
        """Tell it no more."""
        self._interest.remove(watch)
        del self._watches[watch]
        if not self._watches:
            self._database.followers.remove(self._follow)
            self._indexes.clear()

    def selected(self, watch: Watch) -> Iterator[UUID]:
        """The rows that ``watch`` asks for now, some of them perhaps twice; it must have joined."""
        condition, table = watch.condition, watch.table
        if condition.test is None:
            yield from table.rows
        elif condition.members is None:
            test = condition.test
            yield from [uuid for uuid, row in table.rows.items() if test(row)]
        else:
            for members, wanted in ((False, condition.equal), (True, condition.members)):
                for position, values in wanted.items():
                    yield from self._find(table, position, values, members=members)

    def _find(self, table: Table, position: int, values: Iterable[Any], *, members: bool) -> Iterator[UUID]:
        if position == UUID_POSITION:
            yield from [uuid for uuid in values if uuid in table.rows]
            return
        indexes = self._indexes.setdefault(table, {})
        index = indexes.get((position, members))
        if index is None:
            index = indexes[position, members] = _Index(table, position, members=members)
        for value in values:
            yield from index.find(value)

    def _follow(self, commit: Commit) -> None:
        for table, _uuid, old, new in commit.changes:
            for index in self._indexes.get(table, {}).values():
                if old is not None:
                    index.remove(old)
                if new is not None:
                    index.add(new)
        for watch, seen in self._interest.concerned(commit.changes).items():
            watch.noted(seen)
