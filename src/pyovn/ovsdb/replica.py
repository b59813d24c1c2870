"""A read-only copy of a part of a database, fed by monitor updates.

``Replica(tables)`` is told which columns of which tables are wanted.  A row is the tuple of their
values in that order, immutable and hashable; ``ReplicaTable.rows`` maps row names to tuples.  Applying
an update returns the list of ``Change``: what a row was and what it is.  A change that changes nothing
is not reported, so after a reconnect ``replace`` yields exactly the differences.

The layout follows the *server's* schema (``bind``): values are decoded by its types, and a wanted table
or column that it lacks reads as the default of its type in ``expected`` (the schema that the program
was written against), so every program runs on older and newer databases.

Invariants: ``rows`` always equals what the updates so far say; an update either is applied as a whole
or raises ``UpdateError``, after which the contents are to be fetched anew (``replace``).

What is known of a new row before it comes (``expect``) spares decoding it, and its values are there once.

Formats: ``apply`` takes RFC 7047's <table-updates> (section 4.1.6) or <table-updates2>
(ovsdb-server(7), section 4.1.14).  In one process the server skips JSON and uses ``put``.  Not here:
who asks for updates (``session``, ``blocking``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pyovn.ovsdb.updates import MALFORMED, Interner, as_it_is, codec
from pyovn.ovsdb.values import UUID, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pyovn.ovsdb.schema import DatabaseSchema

Row = tuple[Value, ...]

_Place = tuple[int, "Callable[[Any], Value] | None", "Callable[[Any, Any], Value] | None"]
"""Where a column stands, and the two functions of its codec (None: JSON's own value, a new value)."""


class UpdateError(ValueError):
    """An update that does not fit what we have or is not of the right form; says where."""


class Change(NamedTuple):
    """What happened to one row; ``old`` is None for a new row, ``new`` for one that is gone."""

    table: str
    uuid: UUID
    old: Row | None
    new: Row | None


class Index:
    """The rows of a table by the values of some columns; kept by the table."""

    __slots__ = ("_rows", "_where")

    def __init__(self, where: tuple[int, ...]) -> None:
        self._where = where
        self._rows: dict[Row, set[UUID]] = {}

    def _key(self, row: Row) -> Row:
        return tuple([row[i] for i in self._where])

    def find(self, *values: Value) -> Iterable[UUID]:
        """Names of the rows that hold ``values`` in the indexed columns, in order of name."""
        return sorted(self._rows.get(values, ()))

    def moved(self, uuid: UUID, old: Row | None, new: Row | None) -> None:
        """Follow one change."""
        before = None if old is None else self._key(old)
        after = None if new is None else self._key(new)
        if before == after:
            return
        if before is not None:
            rows = self._rows[before]
            rows.discard(uuid)
            if not rows:
                del self._rows[before]
        if after is not None:
            self._rows.setdefault(after, set()).add(uuid)


class ReplicaTable:
    """The copy of one table."""

    __slots__ = ("_codecs", "columns", "defaults", "exists", "indexes", "name", "present", "rows")

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        self.name = name
        self.columns = tuple(columns)
        self.rows: dict[UUID, Row] = {}
        self.defaults: Row = (None,) * len(self.columns)
        self.exists = False
        self.present: tuple[str, ...] = ()
        """The wanted columns that the server's schema has; none when it lacks the table."""
        self.indexes: dict[tuple[str, ...], Index] = {}
        self._codecs: dict[str, _Place] = {}

    def bind(self, schema: DatabaseSchema, expected: DatabaseSchema | None, interner: Interner) -> None:
        """Take the types of the columns from ``schema``, defaults of what it lacks from ``expected``."""
        real = schema.tables.get(self.name)
        self.exists = real is not None
        wish = None if expected is None else expected.tables.get(self.name)
        defaults: list[Value] = []
        codecs: dict[str, _Place] = {}
        for position, column in enumerate(self.columns):
            here = None if real is None else real.columns.get(column)
            known = here or (None if wish is None else wish.columns.get(column))
            defaults.append(None if known is None else known.type.default())
            if here is not None:
                decode, patch = codec(here.type, interner)
                codecs[column] = position, None if decode is as_it_is else decode, patch
        self.defaults, self._codecs, self.present = tuple(defaults), codecs, tuple(codecs)

    def put(self, uuid: UUID, row: Row | None) -> Change | None:
        """Set or remove (None) one row of native values; the change, or None if there was none."""
        old = self.rows.get(uuid)
        if old == row:
            return None
        if row is None:
            del self.rows[uuid]
        else:
            self.rows[uuid] = row
        for index in self.indexes.values():
            index.moved(uuid, old, row)
        return Change(self.name, uuid, old, row)

    def index(self, *columns: str) -> Index:
        """The index over ``columns``, made at the first call and kept from then on."""
        index = self.indexes.get(columns)
        if index is None:
            index = self.indexes[columns] = Index(tuple(self.columns.index(c) for c in columns))
            for uuid, row in self.rows.items():
                index.moved(uuid, None, row)
        return index

    def decode(self, cells: Mapping[str, Any]) -> Row:
        """A whole row of an update; columns that are left out have their default."""
        row = list(self.defaults)
        codecs = self._codecs
        for name, json in cells.items():
            position, decode, _patch = codecs[name]
            row[position] = json if decode is None else decode(json)
        return tuple(row)

    def patched(self, old: Row, cells: Mapping[str, Any]) -> Row:
        """``old`` after the differences of a ``modify``."""
        row: list[Any] = list(old)
        codecs = self._codecs
        for name, json in cells.items():
            position, decode, patch = codecs[name]
            value = json if decode is None else decode(json)
            row[position] = value if patch is None else patch(row[position], value)
        return tuple(row)

    def target(self, uuid: UUID, update: Mapping[str, Any]) -> Row | None:
        """What the row ``uuid`` will be after ``update`` (a <row-update> or <row-update2>)."""
        if "new" in update:
            return self.decode(update["new"])
        if "modify" in update:
            old = self.rows.get(uuid)
            if old is None:
                raise UpdateError(f"{self.name}: row {uuid} is modified before it was inserted")
            return self.patched(old, update["modify"])
        if "insert" in update:
            return self.decode(update["insert"] or {})
        if "initial" in update:
            return self.decode(update["initial"] or {})
        if "delete" in update or "old" in update:
            return None
        raise UpdateError(f"{self.name}: row {uuid} has an update without a known member")


class Replica:
    """The copies of the wanted tables."""

    __slots__ = ("_expected", "_interner", "_new", "tables")

    def __init__(self, tables: Mapping[str, Sequence[str]], expected: DatabaseSchema | None = None) -> None:
        self._interner = Interner()
        self._expected = expected
        self._new: dict[str, tuple[dict[str, Any], UUID, Row]] = {}
        """By name: the update in which a row will come, its name, and the row."""
        self.tables = {name: ReplicaTable(name, columns) for name, columns in tables.items()}
        if expected is not None:
            self.bind(expected)

    def table(self, name: str) -> ReplicaTable:
        """The copy of one table; ``KeyError`` when it was not asked for."""
        return self.tables[name]

    def bind(self, schema: DatabaseSchema) -> None:
        """Read updates by ``schema`` from now on."""
        for table in self.tables.values():
            table.bind(schema, self._expected, self._interner)

    def expect(self, uuid: UUID, cells: dict[str, Any], row: Row) -> None:
        """Whoever inserts a row with these cells knows what it will be here, if nobody else touches it."""
        self._new[uuid] = {"insert": cells}, uuid, row

    def expect_nothing(self) -> None:
        """No row is under way any more."""
        self._new.clear()

    def apply(self, updates: Any) -> list[Change]:
        """Apply <table-updates> or <table-updates2>."""
        changes: list[Change] = []
        for table, uuid, new in self._targets(updates):
            change = table.put(uuid, new)
            if change is not None:
                changes.append(change)
        return changes

    def replace(self, updates: Any) -> list[Change]:
        """Make ``updates`` (initial contents) all there is; rows that it does not name are gone.

        What is large is not to be there twice: each table of ``updates`` is empty afterwards.
        """
        targets = self._targets(updates, use_up=True)
        changes: list[Change] = []
        stay: dict[str, set[UUID]] = {name: set() for name in self.tables}
        for table, uuid, _new in targets:
            stay[table.name].add(uuid)
        gone = [(t, uuid, None) for t in self.tables.values() for uuid in t.rows if uuid not in stay[t.name]]
        for table, uuid, new in (*gone, *targets):
            change = table.put(uuid, new)
            if change is not None:
                changes.append(change)
        return changes

    def clear(self) -> list[Change]:
        """Remove all rows."""
        return self.replace({})

    def _targets(self, updates: Any, *, use_up: bool = False) -> list[tuple[ReplicaTable, UUID, Row | None]]:
        """Decode everything before anything is changed, so that a bad update leaves no trace."""
        targets: list[tuple[ReplicaTable, UUID, Row | None]] = []
        interner, new = self._interner, self._new
        try:
            for name, rows in updates.items():
                table = self.tables[name]
                target = table.target
                for text in list(rows):
                    if text in new:
                        update, uuid, row = new.pop(text)
                        if rows[text] == update:
                            targets.append((table, uuid, row))
                            continue
                    uuid = interner.uuid(text)
                    targets.append((table, uuid, target(uuid, rows.pop(text) if use_up else rows[text])))
        except UpdateError:
            raise
        except MALFORMED as error:
            raise UpdateError(f"update of an unexpected form: {type(error).__name__}: {error}") from error
        return targets
