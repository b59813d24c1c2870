"""Whom a change may concern, found from the values of the row.

Hundreds of controllers each ask for the rows of their own datapaths and ports.  To ask all of their
conditions about every changed row costs milliseconds per transaction; so conditions are looked up by
(table, column, value).  What can be looked up is equality, and membership in a set; a view with any other
clause for a table is concerned by all of the table's changes, and so is one without a condition there.

Where all clauses of a view for a table can be looked up, what is found under the old and under the new
values also tells what the change is to that view, so its condition is not evaluated again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pyovn.ovsdb.store import UUID_POSITION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyovn.ovsdb.condition import AnyOf, RowTest
    from pyovn.ovsdb.store import Row, Table
    from pyovn.ovsdb.transaction import ChangeSet, RowChange
    from pyovn.ovsdb.views import Seen


class Asked(Protocol):
    """Which rows of a table are asked for."""

    @property
    def condition(self) -> AnyOf:
        """Read once, when interest begins, and once when it ends: it must be the same."""

    @property
    def test(self) -> RowTest | None:
        """The condition's."""


class Asking(Protocol):
    """Who asks for rows."""

    @property
    def by_table(self) -> Mapping[Table, Asked]:
        """What is asked for, by table."""


V = TypeVar("V", bound=Asking)


class _TableInterest(Generic[V]):
    """Who asks for the rows of one table."""

    __slots__ = ("all", "equal", "members")

    def __init__(self) -> None:
        self.all: dict[V, RowTest | None] = {}
        """Views that are asked about every change, with their tests."""
        self.equal: dict[int, dict[Any, dict[V, None]]] = {}
        self.members: dict[int, dict[Any, dict[V, None]]] = {}

    @property
    def is_empty(self) -> bool:
        return not (self.all or self.equal or self.members)

    def places(self, shown: Asked) -> Iterable[tuple[dict[int, dict[Any, dict[V, None]]], int, Any]] | None:
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

    def add(self, view: V, shown: Asked) -> None:
        places = self.places(shown)
        if places is None:
            self.all[view] = shown.test
            return
        for by_position, position, value in places:
            by_position.setdefault(position, {}).setdefault(value, {})[view] = None

    def remove(self, view: V, shown: Asked) -> None:
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

    def told(self, old: Row | None, new: Row | None) -> Iterable[tuple[str, Iterable[V]]]:
        """Who is shown something when a row that was ``old`` becomes ``new``, by the kind of change."""
        if self.all:
            kind = "insert" if old is None else "delete" if new is None else "modify"
            yield kind, [view for view, test in self.all.items() if test is None]
            for view, test in self.all.items():
                if test is not None:
                    was, is_now = old is not None and test(old), new is not None and test(new)
                    if was or is_now:
                        yield ("modify" if is_now else "delete") if was else "insert", (view,)
        if not (self.equal or self.members):
            return
        if old is not None and new is not None and self._look_alike(old, new):
            yield "modify", self._asking(new)
            return
        was_shown = {} if old is None else self._asking(old)
        is_shown = {} if new is None else self._asking(new)
        yield "delete", [view for view in was_shown if view not in is_shown]
        yield "modify", [view for view in is_shown if view in was_shown]
        yield "insert", [view for view in is_shown if view not in was_shown]

    def _look_alike(self, old: Row, new: Row) -> bool:
        """Whether two versions of a row have the same in all columns that are looked at."""
        before, after = old.values, new.values
        for by_position in (self.equal, self.members):
            for position in by_position:
                if position != UUID_POSITION and before[position] is not after[position]:
                    return False
        return True

    def _asking(self, row: Row) -> dict[V, None]:
        """Who asks for ``row`` by what can be looked up."""
        found: dict[V, None] = {}
        for position, by_value in self.equal.items():
            some = by_value.get(row.uuid if position == UUID_POSITION else row.values[position])
            if some is not None:
                found.update(some)
        for position, by_value in self.members.items():
            _collect(by_value, row.values[position], found)
        return found


def _collect(by_value: dict[Any, dict[V, None]], members: Any, found: dict[V, None]) -> None:
    """Add who asks for one of ``members``; the shorter of the two is gone through."""
    if len(members) <= len(by_value):
        for member in members:
            if (some := by_value.get(member)) is not None:
                found.update(some)
    else:
        for member, some in by_value.items():
            if member in members:
                found.update(some)


class Interest(Generic[V]):
    """The index over all views of a database."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[Table, _TableInterest[V]] = {}

    def add(self, view: V) -> None:
        """Find ``view`` from now on."""
        for table, shown in view.by_table.items():
            self._tables.setdefault(table, _TableInterest()).add(view, shown)

    def remove(self, view: V) -> None:
        """Find it no more."""
        for table, shown in view.by_table.items():
            interest = self._tables.get(table)
            if interest is None:
                continue  # a view whose condition is false is to be found nowhere
            interest.remove(view, shown)
            if interest.is_empty:
                del self._tables[table]

    def concerned(self, changes: ChangeSet) -> Mapping[V, Sequence[Seen]]:
        """The views that ``changes`` concern, with what each change is to them."""
        if len(changes) == 1:
            return self._concerned_by_one(changes[0])
        found: dict[V, list[Seen]] = {}
        for change in changes:
            interest = self._tables.get(change.table)
            if interest is not None:
                for kind, views in interest.told(change.old, change.new):
                    for view in views:
                        found.setdefault(view, []).append((change, kind))
        return found

    def _concerned_by_one(self, change: RowChange) -> dict[V, Sequence[Seen]]:
        """The same for the most common transaction, in which views of one kind need no lists of their own."""
        found: dict[V, Sequence[Seen]] = {}
        interest = self._tables.get(change.table)
        if interest is not None:
            for kind, views in interest.told(change.old, change.new):
                found.update(dict.fromkeys(views, ((change, kind),)))
        return found

    def clear(self) -> None:
        """Forget all views."""
        self._tables.clear()
