"""Rows and tables as the engine keeps them.

A ``Row`` never changes: a transaction makes new ones and the table's dictionary is switched over at
commit.  Beside its rows a table keeps what makes commits cheap, all of it following the rows at commit:

* ``unique``: one hash per index of the schema, from the key to the row that has it;
* ``strong``: how many strong references point at a row (a row's references to itself do not count,
  as in ovsdb-server, so a row cannot keep itself alive);
* per weak column, ``sources``: from a row to those that refer to it.  Most have one, so a single
  source is kept bare, without a set around it.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pyovn.ovsdb.datum import datum
from pyovn.ovsdb.setdelta import delta
from pyovn.ovsdb.values import UUID, FrozenMap, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pyovn.ovsdb.schema import ColumnSchema, DatabaseSchema, TableSchema

UUID_POSITION = -1
VERSION_POSITION = -2


class Row:
    """One row: ``values`` in the schema's order of columns; ``serial`` tells which transaction wrote it."""

    __slots__ = ("serial", "uuid", "values")

    def __init__(self, uuid: UUID, values: tuple[Value, ...], serial: int) -> None:
        self.uuid = uuid
        self.values = values
        self.serial = serial

    def __repr__(self) -> str:
        return f"Row({str(self.uuid)!r}, {self.values!r})"


class Column:
    """One column: its place in ``Row.values`` and its type made ready."""

    __slots__ = ("datum", "ephemeral", "mutable", "name", "position", "type")

    def __init__(self, schema: ColumnSchema, position: int) -> None:
        self.name = schema.name
        self.position = position
        self.type = schema.type
        self.datum = datum(schema.type)
        self.ephemeral = schema.ephemeral
        bases = (self.type.key, self.type.value)
        is_weak = any(b is not None and b.ref_table is not None and b.ref_type == "weak" for b in bases)
        self.mutable = schema.mutable or is_weak


class Reference:
    """The references that a column's keys, or its values, make to a table."""

    __slots__ = ("column", "of_values", "sources", "table", "target")

    def __init__(self, table: Table, column: Column, target: Table, *, of_values: bool) -> None:
        self.table = table
        self.column = column
        self.target = target
        self.of_values = of_values
        self.sources: dict[UUID, UUID | set[UUID]] = {}

    def targets(self, row: Row | None) -> frozenset[UUID]:
        """The rows that ``row`` refers to, itself left out."""
        if row is None:
            return frozenset()
        value = row.values[self.column.position]
        if self.of_values:
            found = frozenset(value.values()) if isinstance(value, FrozenMap) else frozenset()
        elif isinstance(value, frozenset):
            found = value
        elif isinstance(value, FrozenMap):
            found = frozenset(value)
        else:
            return frozenset() if value is None or value == row.uuid else frozenset((value,))  # type: ignore[arg-type]  # the column's atoms are UUIDs
        return found - {row.uuid} if row.uuid in found else found

    def without(self, value: Value, gone: frozenset[UUID] | set[UUID]) -> Value:
        """``value`` without the references to ``gone``."""
        if isinstance(value, FrozenMap):
            if self.of_values:
                return FrozenMap({k: v for k, v in value.items() if v not in gone})
            return FrozenMap({k: v for k, v in value.items() if k not in gone})
        if isinstance(value, frozenset):
            return value - gone
        return None if value in gone else value

    def add_source(self, target: UUID, source: UUID) -> None:
        """Note that ``source`` refers to ``target``."""
        known = self.sources.get(target)
        if known is None:
            self.sources[target] = source
        elif isinstance(known, set):
            known.add(source)
        else:
            self.sources[target] = {known, source}

    def drop_source(self, target: UUID, source: UUID) -> None:
        """Note that ``source`` refers to ``target`` no more."""
        known = self.sources[target]
        if isinstance(known, set):
            known.discard(source)
            if not known:
                del self.sources[target]
        else:
            del self.sources[target]

    def sources_of(self, target: UUID) -> list[UUID]:
        """The rows that refer to ``target``."""
        known = self.sources.get(target)
        if known is None:
            return []
        return list(known) if isinstance(known, set) else [known]


class UniqueIndex:
    """An index of the schema: no two rows may agree in all of its columns."""

    __slots__ = ("_key", "names", "rows")

    def __init__(self, names: tuple[str, ...], positions: tuple[int, ...]) -> None:
        self.names = names
        first = positions[0]
        self._key: Callable[[tuple[Value, ...]], tuple[Value, ...]] = (
            itemgetter(*positions) if len(positions) > 1 else itemgetter(slice(first, first + 1))
        )
        self.rows: dict[tuple[Value, ...], UUID] = {}

    def key(self, row: Row) -> tuple[Value, ...]:
        """What must be unique of ``row``."""
        return self._key(row.values)


class Table:
    """One table: its columns, its rows and what is derived from them."""

    __slots__ = (
        "bound", "by_name", "columns", "defaults", "is_root", "name", "rank", "required", "rows", "schema",
        "strong", "strong_references", "unique", "weak_references", "weakly_referred",
    )  # fmt: skip

    def __init__(self, schema: TableSchema, *, is_root: bool) -> None:
        self.schema = schema
        self.name = schema.name
        self.is_root = is_root
        self.rank = 0
        """Tables that this one refers to have a lower rank, unless references make a circle."""
        self.columns = [Column(c, position) for position, c in enumerate(schema.columns.values())]
        self.by_name = {column.name: column for column in self.columns}
        self.defaults: tuple[Value, ...] = tuple(column.datum.default for column in self.columns)
        self.required = [column for column in self.columns if column.datum.default_error is not None]
        self.rows: dict[UUID, Row] = {}
        self.strong: dict[UUID, int] = {}
        self.strong_references: list[Reference] = []
        self.weak_references: list[Reference] = []
        self.weakly_referred: list[Reference] = []
        self.unique = [
            UniqueIndex(names, tuple(self.by_name[name].position for name in names))
            for names in schema.indexes
        ]
        self.bound: tuple[int, ...] = ()
        """Positions of the columns that constraints between rows look at: references and indexes."""

    def connect(self, tables: dict[str, Table]) -> None:
        """Find the references that this table's columns make."""
        for column in self.columns:
            for base, of_values in ((column.type.key, False), (column.type.value, True)):
                if base is None or base.ref_table is None:
                    continue
                target = tables[base.ref_table]
                reference = Reference(self, column, target, of_values=of_values)
                if base.ref_type == "strong":
                    self.strong_references.append(reference)
                else:
                    self.weak_references.append(reference)
                    target.weakly_referred.append(reference)
        bound = {reference.column.position for reference in (*self.strong_references, *self.weak_references)}
        bound.update(self.by_name[name].position for index in self.unique for name in index.names)
        self.bound = tuple(sorted(bound))

    def switch(self, uuid: UUID, old: Row | None, new: Row | None) -> None:
        """Put ``new`` in the place of ``old``; indexes and weak sources follow."""
        if new is None:
            del self.rows[uuid]
        else:
            self.rows[uuid] = new
        for reference in self.weak_references:
            position = reference.column.position
            if old is not None and new is not None and old.values[position] is new.values[position]:
                continue
            before, after = reference.targets(old), reference.targets(new)
            if before is not after:
                added, removed = delta(before, after)
                for target in removed:
                    reference.drop_source(target, uuid)
                for target in added:
                    reference.add_source(target, uuid)


def make_tables(schema: DatabaseSchema) -> dict[str, Table]:
    """Empty tables for every table of ``schema``, with their references connected."""
    tables = {name: Table(t, is_root=schema.is_root(name)) for name, t in schema.tables.items()}
    for table in tables.values():
        table.connect(tables)
    _rank(tables.values())
    return tables


def _rank(tables: Iterable[Table]) -> None:
    """Number the tables, what is referred to before what refers."""
    seen: set[Table] = set()
    ranked: list[Table] = []

    def visit(table: Table) -> None:
        if table not in seen:
            seen.add(table)
            for reference in (*table.strong_references, *table.weak_references):
                visit(reference.target)
            ranked.append(table)

    for table in tables:
        visit(table)
    for rank, table in enumerate(ranked):
        table.rank = rank


def row_values(row: Row, columns: Sequence[Column]) -> Iterator[tuple[Column, Any]]:
    """The columns of ``row`` that do not have their default."""
    for column in columns:
        value = row.values[column.position]
        if value != column.datum.default:
            yield column, value
