"""The database as the commands of one line see it: a replica and this line's own changes on top.

Later commands of a line read what earlier ones wrote; the server learns of it once, at the end, as one
transaction (``operations``).  Three kinds of write exist, because they differ for concurrent users:

- ``put`` replaces a column, whatever it holds by then;
- ``verify`` in addition demands that the column still holds what was read (RFC 7047 section 5.2.6,
  ``wait`` with timeout 0); when it does not, the program starts over on newer data;
- ``insert_atoms``, ``delete_atoms`` change single elements of a set or map (section 5.2.4,
  ``mutate``), so two users may add ports to one switch at the same time.

Rows created here have random UUIDs until the server names them; references to them go out as
``["named-uuid", ...]``.  Nothing is collected here: an unreferenced row is still listed until the commit.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.values import EMPTY_MAP, EMPTY_SET, UUID, FrozenMap, Value, sort_key
from pyovn.tools.ctl.errors import CtlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyovn.ovsdb.replica import Replica
    from pyovn.ovsdb.schema import ColumnType, DatabaseSchema, TableSchema

Operation = dict[str, Any]


def random_uuid() -> UUID:
    """A version 4 UUID."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return UUID(f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}")


class Row:
    """One row: what the server has (``original``, None when it is new) and what it shall become."""

    __slots__ = ("changed", "deleted", "mutations", "name", "original", "table", "uuid", "values", "verified")

    def __init__(self, table: TableSchema, uuid: UUID, original: dict[str, Value] | None) -> None:
        self.table = table
        self.uuid = uuid
        self.original = original
        self.values: dict[str, Value] = {} if original is None else dict(original)
        self.changed: set[str] = set()
        self.mutations: dict[tuple[str, str], set[Any]] = {}
        self.verified: set[str] = set()
        self.deleted = False
        self.name: str | None = None
        """The UUID that ``create --id=UUID`` asked for."""

    def get(self, column: str) -> Value:
        """The column's value; one that was not fetched or never written reads as its default."""
        value = self.values.get(column, _ABSENT)
        if value is not _ABSENT:
            return value  # type: ignore[return-value]  # the sentinel is excluded
        if column == "_uuid":
            return self.uuid
        schema = self.table.columns.get(column)
        return None if schema is None else schema.type.default()

    def text(self, column: str) -> str:
        """A string column; an empty optional one reads as the empty string."""
        value = self.get(column)
        return value if isinstance(value, str) else ""

    def integer(self, column: str) -> int | None:
        """An integer column, or None when it is empty."""
        value = self.get(column)
        return value if isinstance(value, int) else None

    def atoms(self, column: str) -> list[Any]:
        """A set column, sorted as the C programs sort."""
        value = self.get(column)
        if isinstance(value, frozenset):
            return sorted(value, key=sort_key)
        return [] if value is None else [value]

    def strings(self, column: str) -> dict[str, str]:
        """A map column, sorted by key."""
        value = self.get(column)
        return {k: value[k] for k in sorted(value, key=sort_key)} if isinstance(value, FrozenMap) else {}

    def put(self, column: str, value: Value) -> None:
        """Replace the column."""
        if column not in self.table.columns and value in _NOTHING:
            return
        self._need(column)
        self.values[column] = value
        self.changed.add(column)

    def _need(self, column: str) -> None:
        """Writing what the server's schema lacks is an error that names it."""
        if column not in self.table.columns:
            raise CtlError(f"table {self.table.name} has no column {column} in this version of the database")

    def verify(self, *columns: str) -> None:
        """Commit only if the columns still hold what was read."""
        if self.original is not None:
            self.verified.update(column for column in columns if column in self.table.columns)

    def insert_atoms(self, column: str, atoms: Iterable[Any]) -> None:
        """Add elements to a set, or pairs to a map, where a new value replaces a key's old one."""
        self._need(column)
        value = self.get(column)
        if isinstance(value, FrozenMap):
            pairs = dict(atoms)
            self._mutate(column, "delete", [k for k in pairs if k in value and value[k] != pairs[k]])
            self._mutate(column, "insert", pairs.items())
            self.values[column] = FrozenMap({**value, **pairs})
        else:
            kind = self.table.columns[column].type
            atoms = frozenset(atoms)
            self._mutate(column, "insert", atoms)
            self.values[column] = (
                frozenset(kind.atoms(value)) | atoms if kind.max > 1 else next(iter(atoms), value)
            )

    def delete_atoms(self, column: str, atoms: Iterable[Any]) -> None:
        """Take elements out of a set, or keys out of a map."""
        if column not in self.table.columns:
            return
        gone = frozenset(atoms)
        self._mutate(column, "delete", gone)
        value = self.get(column)
        if isinstance(value, FrozenMap):
            added = self.mutations.get((column, "insert"), set())
            added -= {pair for pair in added if pair[0] in gone}
            self.values[column] = FrozenMap({k: v for k, v in value.items() if k not in gone})
        elif isinstance(value, frozenset):
            self.values[column] = value - gone
        elif value in gone:
            self.values[column] = None

    def _mutate(self, column: str, mutator: str, atoms: Iterable[Any]) -> None:
        """Remember a mutation; what one command adds and another takes away cancels out."""
        if self.original is None:
            self.changed.add(column)
            return
        mine = self.mutations.setdefault((column, mutator), set())
        other = self.mutations.get((column, "delete" if mutator == "insert" else "insert"), set())
        for atom in atoms:
            other.discard(atom)
            mine.add(atom)


_ABSENT: Final = object()
_NOTHING: Final[tuple[Value, ...]] = (None, "", False, 0, frozenset(), FrozenMap({}))
"""Defaults: an older database without the column holds them by lacking it."""


class Model:
    """All rows that were fetched, and the changes to commit."""

    def __init__(self, schema: DatabaseSchema) -> None:
        self.schema = schema
        self.tables: dict[str, dict[UUID, Row]] = {}
        self.comments: list[str] = []
        self.increments: list[tuple[Row, str]] = []

    def load(self, replica: Replica, columns: dict[str, list[str]]) -> None:
        """Take over what was fetched; the replica may be updated afterwards."""
        for table in columns:
            schema = self.schema.tables[table]
            fetched = replica.table(table)
            names = fetched.columns
            self.tables[table] = {
                uuid: Row(schema, uuid, dict(zip(names, values, strict=True)))
                for uuid, values in fetched.rows.items()
            }

    def rows(self, table: str) -> Iterator[Row]:
        """The rows that are not deleted, ordered by UUID so that output does not change between runs."""
        rows = self.tables.get(table, {})
        for uuid in sorted(rows):
            if not rows[uuid].deleted:
                yield rows[uuid]

    def find(self, table: str, uuid: Any) -> Row | None:
        """The row with this UUID."""
        row = self.tables.get(table, {}).get(uuid)
        return None if row is None or row.deleted else row

    def first(self, table: str) -> Row | None:
        """Any row: for tables that have at most one."""
        return next(self.rows(table), None)

    def where(self, table: str, predicate: Callable[[Row], bool]) -> list[Row]:
        """The rows for which ``predicate`` holds."""
        return [row for row in self.rows(table) if predicate(row)]

    def referrers(self, table: str, column: str, uuid: UUID) -> list[Row]:
        """The rows of ``table`` whose set (or optional) ``column`` has ``uuid``."""
        return self.where(table, lambda row: uuid in row.atoms(column))

    def insert(self, table: str, uuid: UUID | None = None) -> Row:
        """A new row with default values."""
        row = Row(self.schema.tables[table], uuid or random_uuid(), None)
        self.tables.setdefault(table, {})[row.uuid] = row
        return row

    @staticmethod
    def delete(row: Row) -> None:
        """Delete the row; references to it are the caller's business."""
        row.deleted = True

    def increment(self, row: Row, column: str) -> None:
        """Add one to an integer on the server, and read back the result."""
        self.increments.append((row, column))

    @property
    def changed(self) -> bool:
        """Whether a commit would change anything."""
        return any(
            self.schema.is_root(row.table.name)
            if row.original is not None and row.deleted
            else self._differs(row)
            for rows in self.tables.values()
            for row in rows.values()
        )

    def _writes(self, row: Row, to_json: Callable[[Any], Any]) -> list[Operation]:
        """Deletion is for tables whose rows live by themselves; others' go with the last reference."""
        if not row.deleted:
            return _writes(row, to_json)
        is_root = self.schema.is_root(row.table.name)
        return [{"op": "delete", "table": row.table.name, "where": _where(row, to_json)}] if is_root else []

    @staticmethod
    def _differs(row: Row) -> bool:
        if row.original is None:
            return not row.deleted
        return any(row.values[c] != row.original.get(c) for c in row.changed) or any(row.mutations.values())

    def operations(self) -> tuple[list[Operation], list[Row]]:
        """The transaction without the database's name, and the new rows in the order of their inserts."""
        waits: list[Operation] = []
        writes: list[Operation] = []
        inserted = {
            row.uuid: row
            for rows in self.tables.values()
            for row in rows.values()
            if row.original is None and not row.deleted
        }
        to_json = _Encoder(inserted).value
        for rows in self.tables.values():
            for row in rows.values():
                if row.original is not None:
                    waits += _waits(row, to_json)
                    writes += self._writes(row, to_json)
        inserts = [_insert(row, to_json) for row in inserted.values()]
        tail: list[Operation] = []
        for row, column in self.increments:
            where = _where(row, to_json)
            tail.append(
                {"op": "mutate", "table": row.table.name, "where": where, "mutations": [[column, "+=", 1]]}
            )
            tail.append({"op": "select", "table": row.table.name, "where": where, "columns": [column]})
        if self.comments and (writes or inserts or tail):
            tail.append({"op": "comment", "comment": "\n".join(self.comments)})
        # Inserts go first among the writes only so that their results are easy to find.
        return [*waits, *inserts, *writes, *tail], list(inserted.values())


class _Encoder:
    """JSON of values in which new rows are named."""

    def __init__(self, inserted: dict[UUID, Row]) -> None:
        self.inserted = inserted

    def atom(self, atom: Any) -> Any:
        if isinstance(atom, UUID):
            row = self.inserted.get(atom)
            if row is None:
                return ["uuid", str(atom)]
            return ["uuid", row.name] if row.name else ["named-uuid", row_name(atom)]
        return atom

    def value(self, value: Any) -> Any:
        atom = self.atom
        if value is None:
            return ["set", []]
        if isinstance(value, FrozenMap):
            return ["map", [[atom(k), atom(value[k])] for k in sorted(value, key=sort_key)]]
        if isinstance(value, frozenset | set):
            return ["set", [atom(a) for a in sorted(value, key=sort_key)]]
        return atom(value)


def row_name(uuid: UUID) -> str:
    """The name under which a transaction knows its own new row."""
    return "row" + uuid.replace("-", "_")


def _waits(row: Row, to_json: Callable[[Any], Any]) -> list[Operation]:
    assert row.original is not None
    if not row.verified:
        return []
    columns = sorted(row.verified)
    return [
        {
            "op": "wait",
            "timeout": 0,
            "table": row.table.name,
            "where": _where(row, to_json),
            "columns": columns,
            "until": "==",
            "rows": [{c: to_json(row.original[c]) for c in columns}],
        }
    ]


def _insert(row: Row, to_json: Callable[[Any], Any]) -> Operation:
    values = {
        c: to_json(row.values[c])
        for c in sorted(row.changed)
        if row.values[c] != row.table.columns[c].type.default()
    }
    operation = {"op": "insert", "table": row.table.name, "row": values, "uuid-name": row_name(row.uuid)}
    if row.name:
        operation["uuid"] = row.name
        del operation["uuid-name"]
    return operation


def _where(row: Row, to_json: Callable[[Any], Any]) -> list[list[Any]]:
    return [["_uuid", "==", to_json(row.uuid)]]


def _writes(row: Row, to_json: Callable[[Any], Any]) -> list[Operation]:
    head = {"table": row.table.name, "where": _where(row, to_json)}
    assert row.original is not None
    operations: list[Operation] = []
    values = {c: to_json(row.values[c]) for c in sorted(row.changed) if row.values[c] != row.original.get(c)}
    if values:
        operations.append({"op": "update", **head, "row": values})
    mutations = []
    for column, mutator in sorted(row.mutations):
        atoms = row.mutations[column, mutator]
        if not atoms or column in row.changed:
            continue
        is_map = row.table.columns[column].type.is_map
        argument: Value = FrozenMap(dict(atoms)) if is_map and mutator == "insert" else frozenset(atoms)
        mutations.append([column, mutator, to_json(argument)])
    if mutations:
        # Deletions first ("delete" sorts before "insert"): a map's key is replaced, not kept.
        operations.append({"op": "mutate", **head, "mutations": mutations})
    return operations


def default_of(kind: ColumnType) -> Value:
    """The empty value of a type that may be empty."""
    if kind.is_map:
        return EMPTY_MAP
    return EMPTY_SET if kind.max > 1 else None
