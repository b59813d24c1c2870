"""Whom a change may concern, found from the values of the row.

Hundreds of controllers each ask for the rows of their own datapaths and ports.  To ask all of their
conditions about every changed row costs milliseconds per transaction; so conditions are looked up by
(table, column, value).  What can be looked up is equality, and membership in a set; a view with any other
clause for a table is concerned by all of the table's changes, and so is one without a condition there.

What is found may be too much, never too little: ``View.changes`` has the last word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.ovsdb.store import UUID_POSITION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.ovsdb.store import Row, Table
    from pyovn.ovsdb.transaction import ChangeSet
    from pyovn.ovsdb.views import TableView, View

    Found = dict[View, None]
    ByValue = dict[int, dict[Any, Found]]


class _TableInterest:
    """Who asks for the rows of one table."""

    __slots__ = ("all", "equal", "members")

    def __init__(self) -> None:
        self.all: Found = {}
        self.equal: ByValue = {}
        self.members: ByValue = {}

    @property
    def is_empty(self) -> bool:
        return not (self.all or self.equal or self.members)

    def places(self, shown: TableView) -> Iterable[tuple[ByValue, int, Any]] | None:
        """Where a view is to be found; None for with those that ask for all."""
        condition = shown.condition
        if condition.test is None or condition.members is None:
            return None
        return [
            (by_value, position, value)
            for by_value, wanted in ((self.equal, condition.equal), (self.members, condition.members))
            for position, values in wanted.items()
            for value in values
        ]

    def add(self, view: View, shown: TableView) -> None:
        places = self.places(shown)
        if places is None:
            self.all[view] = None
            return
        for by_position, position, value in places:
            by_position.setdefault(position, {}).setdefault(value, {})[view] = None

    def remove(self, view: View, shown: TableView) -> None:
        places = self.places(shown)
        if places is None:
            del self.all[view]
            return
        for by_position, position, value in places:
            by_value = by_position[position]
            found = by_value[value]
            del found[view]
            if not found:
                del by_value[value]
                if not by_value:
                    del by_position[position]

    def of(self, old: Row | None, new: Row | None) -> Found:
        """Who asks for a row that was ``old`` or is ``new``."""
        found: Found = {}
        for position, by_value in self.equal.items():
            before = after = None
            if position == UUID_POSITION:
                row = new or old
                before = None if row is None else by_value.get(row.uuid)
            else:
                if old is not None:
                    before = by_value.get(old.values[position])
                if new is not None:
                    after = by_value.get(new.values[position])
            if before:
                found.update(before)
            if after and after is not before:
                found.update(after)
        for position, by_value in self.members.items():
            for row in (old, new):
                if row is not None:
                    _collect(by_value, row.values[position], found)
        return found


def _collect(by_value: dict[Any, Found], members: Any, found: Found) -> None:
    """Add who asks for one of ``members``; the shorter of the two is gone through."""
    if len(members) <= len(by_value):
        for member in members:
            if (some := by_value.get(member)) is not None:
                found.update(some)
    else:
        for member, some in by_value.items():
            if member in members:
                found.update(some)


class Interest:
    """The index over all views of a database."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[Table, _TableInterest] = {}

    def add(self, view: View) -> None:
        """Find ``view`` from now on."""
        for table, shown in view.by_table.items():
            self._tables.setdefault(table, _TableInterest()).add(view, shown)

    def remove(self, view: View) -> None:
        """Find it no more."""
        for table, shown in view.by_table.items():
            interest = self._tables[table]
            interest.remove(view, shown)
            if interest.is_empty:
                del self._tables[table]

    def concerned(self, changes: ChangeSet) -> dict[View, ChangeSet]:
        """The views that may show something of ``changes``, with what that may be."""
        by_table: dict[Table, ChangeSet] = {}
        for change in changes:
            by_table.setdefault(change.table, []).append(change)
        found: dict[View, ChangeSet] = {}
        for table, some in by_table.items():
            interest = self._tables.get(table)
            if interest is None:
                continue
            for view in interest.all:
                found.setdefault(view, []).extend(some)
            if interest.equal or interest.members:
                for change in some:
                    for view in interest.of(change.old, change.new):
                        found.setdefault(view, []).append(change)
        return found

    def clear(self) -> None:
        """Forget all views."""
        self._tables.clear()
