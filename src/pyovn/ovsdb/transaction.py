"""A transaction under way: changes that are laid over the tables and become true all at once, or never.

Operations read through the overlay and write into it; the tables stay as they are until ``settle`` has
found nothing wrong and ``apply`` switches the rows over.  An abort is therefore nothing but letting go.

``settle`` follows ovsdb-server: strong references, garbage, number of rows, weak references, indexes
(RFC 7047 sections 3.2 and 4.1.3).  The cost of each follows the rows that the transaction touched.
Most transactions only set columns that neither refer to rows nor are in an index: these need none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyovn.ovsdb.errors import ConstraintViolationError
from pyovn.ovsdb.references import clear_weak_references, settle_strong_references
from pyovn.ovsdb.store import Row, Table
from pyovn.ovsdb.text import listing, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pyovn.ovsdb.condition import Where
    from pyovn.ovsdb.store import UniqueIndex
    from pyovn.ovsdb.values import UUID, Value


class RowChange(NamedTuple):
    """What a transaction did to one row: ``old`` is None for an insertion, ``new`` for a deletion."""

    table: Table
    uuid: UUID
    old: Row | None
    new: Row | None


ChangeSet = list[RowChange]


class Transaction:
    """The overlay."""

    __slots__ = ("_is_plain", "_is_sifted", "_keys", "_strong", "changed", "serial", "tables")

    def __init__(self, tables: Mapping[str, Table], serial: int) -> None:
        self.tables = tables
        self.serial = serial
        self.changed: dict[Table, dict[UUID, Row | None]] = {}
        self._strong: dict[Table, dict[UUID, int]] = {}
        self._is_sifted = False
        """Whether nothing was written since idle rows were dropped."""
        self._is_plain = False
        """Once settled: whether no reference and no column of an index has changed."""
        self._keys: dict[UniqueIndex, dict[tuple[Value, ...], dict[UUID, None]]] = {}
        """For indexes that were asked: rows that in this transaction have, or had, a key."""

    def get(self, table: Table, uuid: UUID) -> Row | None:
        """The row as this transaction sees it."""
        changed = self.changed.get(table)
        if changed is not None and uuid in changed:
            return changed[uuid]
        return table.rows.get(uuid)

    def put(self, table: Table, uuid: UUID, values: tuple[Value, ...]) -> None:
        """Write a row."""
        self._is_sifted = False
        row = self.changed.setdefault(table, {})[uuid] = Row(uuid, values, self.serial)
        if self._keys:
            for index in table.unique:
                keys = self._keys.get(index)
                if keys is not None:
                    keys.setdefault(index.key(row), {})[uuid] = None

    def delete(self, table: Table, uuid: UUID) -> None:
        """Remove a row; one that this transaction inserted leaves no trace, its UUID is free again."""
        self._is_sifted = False
        changed = self.changed.setdefault(table, {})
        if uuid in table.rows:
            changed[uuid] = None
        else:
            changed.pop(uuid, None)

    def knows(self, table: Table, uuid: UUID) -> bool:
        """Whether ``uuid`` is, or in this transaction was, a row of ``table``."""
        return uuid in table.rows or uuid in self.changed.get(table, ())

    def rows(self, table: Table) -> Iterator[Row]:
        """All rows as this transaction sees them."""
        changed = self.changed.get(table)
        if not changed:
            yield from table.rows.values()
            return
        for uuid, row in table.rows.items():
            seen = changed.get(uuid, row)
            if seen is not None:
                yield seen
        for uuid, new in changed.items():
            if new is not None and uuid not in table.rows:
                yield new

    def select(self, where: Where) -> list[Row]:
        """The rows that ``where`` selects."""
        if where.selects_all:
            return list(self.rows(where.table))
        return [row for row in self._candidates(where) if where.matches(row)]

    def _candidates(self, where: Where) -> Iterable[Row]:
        table = where.table
        if where.uuid is not None:
            row = self.get(table, where.uuid)
            return () if row is None else (row,)
        if where.unique is None:
            return self.rows(table)
        number, key = where.unique
        index = table.unique[number]
        uuid = index.rows.get(key)
        changed = self.changed.get(table)
        if not changed:
            return () if uuid is None else (table.rows[uuid],)
        found = [
            row for one in self._changed_with(index, changed, key) if (row := changed.get(one)) is not None
        ]
        if uuid is not None and uuid not in changed:
            found.append(table.rows[uuid])
        return found

    def _changed_with(
        self, index: UniqueIndex, changed: dict[UUID, Row | None], key: tuple[Value, ...]
    ) -> Iterable[UUID]:
        """The changed rows that may have ``key``."""
        keys = self._keys.get(index)
        if keys is None:
            keys = self._keys[index] = {}
            for uuid, row in changed.items():
                if row is not None:
                    keys.setdefault(index.key(row), {})[uuid] = None
        return keys.get(key, ())

    # Commit

    def settle(self) -> ChangeSet:
        """Check and complete the overlay; the changes, or an ``OvsdbError``."""
        self._drop_idle()
        if not self.changed:
            return []
        self._is_plain = self._leaves_bounds()
        if not self._is_plain:
            self._check_constraints()
        return [
            RowChange(table, uuid, table.rows.get(uuid), new)
            for table, changed in self.changed.items()
            for uuid, new in changed.items()
        ]

    def _leaves_bounds(self) -> bool:
        """Whether rows come and go nowhere, and those that change keep what constraints look at."""
        for table, changed in self.changed.items():
            rows, bound = table.rows, table.bound
            for uuid, new in changed.items():
                old = rows.get(uuid)
                if old is None or new is None:
                    return False
                before, after = old.values, new.values
                for position in bound:
                    if before[position] is not after[position]:
                        return False
        return True

    def _check_constraints(self) -> None:
        """Check and complete what concerns several rows."""
        self._strong = settle_strong_references(self)
        self._drop_idle()
        self._check_row_counts()
        clear_weak_references(self)
        self._drop_idle()
        for table, changed in self.changed.items():
            for index in table.unique:
                self._check_index(table, index, changed)

    def _drop_idle(self) -> None:
        """Forget rows that are what they were before."""
        if self._is_sifted:
            return
        self._is_sifted = True
        for table, changed in list(self.changed.items()):
            rows = table.rows
            idle = []
            for uuid, new in changed.items():
                old = rows.get(uuid)
                if old is new or (old is not None and new is not None and old.values == new.values):
                    idle.append(uuid)
            for uuid in idle:
                del changed[uuid]
            if not changed:
                del self.changed[table]

    def _check_row_counts(self) -> None:
        for table, changed in self.changed.items():
            limit = table.schema.max_rows
            count = len(table.rows)
            for uuid, new in changed.items():
                count += (new is not None) - (uuid in table.rows)
            if count > limit and count > len(table.rows):
                raise ConstraintViolationError(
                    f'transaction causes "{table.name}" table to contain {count} rows, '
                    f"greater than the schema-defined limit of {limit} row(s)"
                )

    def _check_index(self, table: Table, index: UniqueIndex, changed: dict[UUID, Row | None]) -> None:
        seen: dict[tuple[Value, ...], Row] = {}
        for uuid, new in changed.items():
            if new is None:
                continue
            key = index.key(new)
            other = seen.setdefault(key, new)
            if other is not new:
                raise self._duplicate(table, index, other, new)
            holder = index.rows.get(key)
            if holder is not None and holder != uuid and holder not in changed:
                raise self._duplicate(table, index, new, table.rows[holder])

    def _duplicate(
        self, table: Table, index: UniqueIndex, first: Row, second: Row
    ) -> ConstraintViolationError:
        columns = listing([f'"{name}"' for name in index.names])
        values = listing([value_text(value) for value in index.key(first)])
        return ConstraintViolationError(
            f'Transaction causes multiple rows in "{table.name}" table to have identical values ({values}) '
            f"for index on column{'s' if len(index.names) > 1 else ''} {columns}.  "
            f"First row, with UUID {first.uuid}, {self._history(table, index, first)}  "
            f"Second row, with UUID {second.uuid}, {self._history(table, index, second)}"
        )

    def _history(self, table: Table, index: UniqueIndex, row: Row) -> str:
        old = table.rows.get(row.uuid)
        if old is None:
            return "was inserted by this transaction."
        if old is row:
            return "existed in the database before this transaction and was not modified by the transaction."
        before = index.key(old)
        if before == index.key(row):
            return (
                "existed in the database before this transaction, which modified some of the row's columns "
                "but not any columns in this index."
            )
        values = listing([value_text(value) for value in before])
        return f"had the following index values before the transaction: {values}."

    def apply(self, changes: ChangeSet) -> None:
        """Make settled changes true; nothing here can fail."""
        if self._is_plain:
            for table, uuid, _old, new in changes:
                table.rows[uuid] = new  # type: ignore[assignment]  # a row that is changed is there
            return
        moved: list[tuple[UniqueIndex, tuple[Value, ...], UUID]] = []
        for table, uuid, old, new in changes:
            for index in table.unique:
                before = None if old is None else index.key(old)
                after = None if new is None else index.key(new)
                if before != after:
                    if before is not None:
                        del index.rows[before]
                    if after is not None:
                        moved.append((index, after, uuid))
        for index, key, uuid in moved:
            index.rows[key] = uuid
        for table, uuid, old, new in changes:
            table.switch(uuid, old, new)
        for table, counts in self._strong.items():
            for uuid, difference in counts.items():
                count = table.strong.get(uuid, 0) + difference
                if count:
                    table.strong[uuid] = count
                else:
                    table.strong.pop(uuid, None)
