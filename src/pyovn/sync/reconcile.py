"""Wanted rows against actual rows: the smallest transaction that makes the database so.

The reconciler follows derived relations of ``Want`` and ``Element`` items on one side and a client's
changes on the other.  Either side only marks rows as *dirty*; ``flush`` looks at the dirty ones, sends
one transaction with the difference, and waits for its answer before it looks again.  A row that
somebody edits, deletes or adds behind our back is repaired for the same reason that a new one is
written: wanted and actual differ.

Which actual row is a wanted one is decided by the table's ``identify``: it gives an actual row's key
with UUIDs where the wanted key has ``Ref``.  So a restart adopts what is there and sends nothing.

Not here: deciding what is wanted, and retry timing (``loop``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.values import EMPTY_SET, UUID, FrozenMap, atom_to_json, value_to_json
from pyovn.sync.wants import Element, Existing, Ref, RowItem

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from pyovn.incremental import Derived, Reason
    from pyovn.ovsdb.replica import Change
    from pyovn.ovsdb.requests import Reply
    from pyovn.sync.database import DatabaseClient
    from pyovn.sync.rows import RowClass


def _nothing(_item: RowItem, _reasons: list[Reason]) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Managed:
    """How a table is kept.

    ``identify``   the key of an actual row (with UUIDs for ``Ref``), or None if the row is none of ours.
                   A row that is ours and not wanted is deleted.
    ``annotate``   columns written when a row is inserted and never compared, such as a flow's hints.
    ``shared``     set and map columns with other writers: only elements that we wanted are removed.
    ``collected``  rows that the server removes by itself once nothing refers to them.
    ``holder``     (table, column) that keeps a row alive; deleting means leaving it.
    """

    row: RowClass[Any]
    identify: Callable[[Any], Hashable | None] = lambda _row: None
    annotate: Callable[[RowItem, list[Reason]], Mapping[str, Any]] = _nothing
    shared: frozenset[str] = frozenset()
    collected: bool = False
    holder: tuple[str, str] | None = None


class Entry:
    """What is wanted of one row.

    Several items may want one row, each its columns; for a column that two of them name, the one that
    came first counts.
    """

    __slots__ = ("elements", "gone", "items", "key", "table", "uuid")

    def __init__(self, table: str, key: Hashable) -> None:
        self.table = table
        self.key = key
        self.items: dict[RowItem, Derived[Any, Any]] = {}
        self.elements: dict[str, dict[Any, None]] | None = None
        self.gone: set[tuple[str, Any]] | None = None
        """Elements of shared columns that we wanted once and that may still be there."""
        self.uuid: UUID | None = None

    def columns(self) -> Iterable[tuple[str, Any]]:
        """All wanted (column, value) pairs."""
        if len(self.items) == 1:
            return next(iter(self.items)).columns
        merged: dict[str, Any] = {}
        for item in self.items:
            for column, value in item.columns:
                merged.setdefault(column, value)
        return merged.items()


class UnresolvedError(LookupError):
    """A reference to a row that nothing wants."""


class Reconciler:
    """Keeps the ``managed`` tables of one database.  ``managed`` is ordered: referred-to tables first."""

    def __init__(self, client: DatabaseClient, managed: Iterable[Managed], rng: random.Random) -> None:
        self._client = client
        self._managed = {m.row.TABLE: m for m in managed}
        self._random = rng
        self._entries: dict[str, dict[Hashable, Entry]] = {table: {} for table in self._managed}
        self._present: dict[str, dict[Hashable, dict[UUID, None]]] = {table: {} for table in self._managed}
        self._key_of: dict[UUID, Hashable] = {}
        """The key by which a present row was filed; ``identify`` may say another one by now."""
        self._by_uuid: dict[UUID, Entry] = {}
        self._dirty: dict[Entry, None] = {}
        self._strangers: dict[UUID, str] = {}
        self.in_flight = False
        self.sent: list[list[dict[str, Any]]] | None = None
        """Every transaction's operations, when a test or a trace sets this to a list."""
        self.last_error: str | None = None

    # -- what is wanted ------------------------------------------------------------------------

    def follow(self, relation: Derived[Any, Any]) -> None:
        """Make the items of ``relation`` wanted, now and from now on."""
        relation.subscribe(_Follower(self, relation))

    def _entry(self, table: str, key: Hashable) -> Entry:
        entries = self._entries[table]
        entry = entries.get(key)
        if entry is None:
            entry = entries[key] = Entry(table, key)
        self._dirty[entry] = None
        return entry

    def came(self, item: Any, relation: Derived[Any, Any]) -> None:
        """``item`` is wanted."""
        entry = self._entry(item.table, item.key)
        if isinstance(item, Element):
            if entry.elements is None:
                entry.elements = {}
            entry.elements.setdefault(item.column, {})[item.value] = None
            if entry.gone is not None:
                entry.gone.discard((item.column, item.value))
        else:
            entry.items[item] = relation

    def went(self, item: Any) -> None:
        """``item`` is no longer wanted.  A column that loses its last element stays ours: it is emptied."""
        entry = self._entry(item.table, item.key)
        if isinstance(item, Element):
            if entry.elements is not None:
                entry.elements[item.column].pop(item.value, None)
            if item.column in self._managed[item.table].shared:
                entry.gone = entry.gone or set()
                entry.gone.add((item.column, item.value))
        else:
            del entry.items[item]

    # -- what is there -------------------------------------------------------------------------

    def actual(self, changes: Iterable[Change]) -> None:
        """Take in what the client reports of the managed tables."""
        for name, uuid, _old, new in changes:
            managed = self._managed.get(name)
            if managed is None:
                continue
            self._file(managed, uuid, new)
            entry = self._by_uuid.get(uuid)
            if entry is not None:
                self._dirty[entry] = None
            elif uuid in self._key_of:
                self._strangers[uuid] = name

    def reindex(self) -> None:
        """``identify`` has changed its mind: file all present rows anew."""
        for name, managed in self._managed.items():
            for uuid, values in self._rows(name).items():
                self._file(managed, uuid, values)
                entry = self._by_uuid.get(uuid)
                if entry is not None:
                    self._dirty[entry] = None
                elif uuid in self._key_of:
                    self._strangers[uuid] = name

    def _file(self, managed: Managed, uuid: UUID, values: tuple[Any, ...] | None) -> None:
        """Keep the actual rows of a table findable by key."""
        present = self._present[managed.row.TABLE]
        before = self._key_of.get(uuid)
        after = None if values is None else managed.identify(managed.row(uuid, values))
        if before == after:
            return
        if before is not None:
            del self._key_of[uuid]
            rows = present[before]
            del rows[uuid]
            if not rows:
                del present[before]
        if after is not None:
            self._key_of[uuid] = after
            present.setdefault(after, {})[uuid] = None

    # -- the difference ------------------------------------------------------------------------

    def flush(self, done: Callable[[str | None], None], prelude: Iterable[dict[str, Any]] = ()) -> bool:
        """Send the difference, if there is any and none is under way; True if something was sent.

        ``done`` gets None, or the text of the error; after an error everything in it is dirty again.
        """
        if self.in_flight or not (self._dirty or self._strangers):
            return False
        dirty, self._dirty = self._dirty, {}
        operations = self._plan(dirty)
        strangers = dict(self._strangers)
        deletions = self._delete_strangers()
        operations += deletions.values()
        deleted = {uuid: table for uuid, table in strangers.items() if uuid in deletions}
        if not operations:
            return False
        if self.sent is not None:
            self.sent.append(operations)
        self.in_flight = True

        def answered(reply: Reply) -> None:
            self.in_flight = False
            error = _first_error(reply)
            self.last_error = error
            if error is not None:
                for entry in dirty:
                    self._dirty[entry] = None
                self._strangers.update(deleted)
            done(error)

        self._client.transact([*prelude, *operations], answered)
        return True

    def _plan(self, dirty: dict[Entry, None]) -> list[dict[str, Any]]:
        rank = {table: i for i, table in enumerate(self._managed)}
        operations: list[dict[str, Any]] = []
        for entry in sorted(dirty, key=lambda e: rank[e.table]):
            if not entry.items:
                self._abandon(entry)
                continue
            try:
                self._assign(entry)
                operations.extend(self._difference(entry))
            except UnresolvedError:
                self._dirty[entry] = None
        return operations

    def _delete_strangers(self) -> dict[UUID, dict[str, Any]]:
        """The operations that delete rows of our tables that nothing wants."""
        strangers, self._strangers = self._strangers, {}
        operations: dict[UUID, dict[str, Any]] = {}
        for uuid, table in strangers.items():
            managed = self._managed[table]
            row = self._rows(table).get(uuid)
            if uuid in self._by_uuid or row is None or managed.collected:
                continue
            if managed.identify(managed.row(uuid, row)) is not None:
                operations[uuid] = _deletion(managed, table, uuid)
        return operations

    def unresolved(self) -> list[Entry]:
        """Rows that wait for a row that they refer to."""
        return [entry for entry in self._dirty if entry.items]

    def _rows(self, table: str) -> Mapping[UUID, tuple[Any, ...]]:
        return self._client.replica.table(table).rows

    def _assign(self, entry: Entry) -> UUID:
        """The UUID of a wanted row: that of the actual row with its key, or a new one."""
        if entry.uuid is not None:
            return entry.uuid
        if isinstance(entry.key, Existing):
            entry.uuid = entry.key.uuid
        else:
            for uuid in self._present[entry.table].get(self._resolve(entry.key), ()):
                if uuid not in self._by_uuid:
                    entry.uuid = uuid
                    break
            else:
                entry.uuid = UUID(_random_uuid(self._random))
        self._by_uuid[entry.uuid] = entry
        return entry.uuid

    def adopt(self, table: str, key: Hashable, uuid: UUID) -> None:
        """Before the first flush: the actual row ``uuid`` is the wanted row ``key``.

        For tables whose rows do not tell their key (datapath groups).
        """
        entry = self._entry(table, key)
        if entry.uuid is None and uuid not in self._by_uuid:
            entry.uuid = uuid
            self._by_uuid[uuid] = entry

    def uuid_of(self, table: str, key: Hashable) -> UUID | None:
        """The UUID of a wanted row, if it has one already."""
        entry = self._entries[table].get(key)
        return None if entry is None else entry.uuid

    def key_of(self, uuid: UUID) -> Hashable | None:
        """The symbolic key of a row that we want, by its UUID."""
        entry = self._by_uuid.get(uuid)
        return None if entry is None else entry.key

    def item_of(self, uuid: UUID) -> tuple[RowItem, list[Reason]] | None:
        """Why a row is there: its item and the derivations that want it."""
        entry = self._by_uuid.get(uuid)
        if entry is None:
            return None
        for item, relation in entry.items.items():
            return item, relation.why(item)
        return None

    def _resolve(self, value: Any) -> Any:
        """``value`` with UUIDs for references, within tuples and sets too."""
        kind = type(value)
        if kind is Ref:
            entry = self._entries[value.table].get(value.key)
            if entry is None or not entry.items:
                raise UnresolvedError(value)
            return self._assign(entry)
        if isinstance(value, tuple):
            return tuple([self._resolve(v) if isinstance(v, tuple) else v for v in value])
        if kind is frozenset:
            return frozenset([self._resolve(v) if isinstance(v, tuple) else v for v in value])
        return value

    def _abandon(self, entry: Entry) -> None:
        """Nothing wants the row any more: if the table is ours, it is a stranger from now on."""
        if entry.elements is not None and not any(entry.elements.values()):
            entry.elements = None
        if entry.elements is None:
            self._entries[entry.table].pop(entry.key, None)
        uuid, entry.uuid = entry.uuid, None
        if uuid is None:
            return
        del self._by_uuid[uuid]
        if not isinstance(entry.key, Existing):
            self._strangers[uuid] = entry.table

    def _difference(self, entry: Entry) -> Iterable[dict[str, Any]]:
        """What is to be done to one wanted row."""
        managed = self._managed[entry.table]
        uuid = self._assign(entry)
        row = self._rows(entry.table).get(uuid)
        if row is None:
            if not isinstance(entry.key, Existing):
                yield self._insert(entry, uuid)
            return
        positions = _positions(managed.row)
        present = managed.row.schema.columns
        changed: dict[str, Any] = {}
        for column, value in entry.columns():
            wanted = self._resolve(value)
            if row[positions[column]] != wanted:
                changed[column] = value_to_json(wanted)
        if changed:
            yield {"op": "update", "table": entry.table, "where": _where(uuid), "row": changed}
        mutations: list[list[Any]] = []
        for column, members in (entry.elements or {}).items():
            actual = row[positions[column]]
            wanted = self._members(members)
            is_map = present[column].type.is_map
            here = _members_of(actual)
            keep = here if column not in managed.shared else here & self._gone(entry, column)
            mutations += _mutations(column, here, keep - wanted, wanted - here, is_map=is_map)
        if mutations:
            yield {"op": "mutate", "table": entry.table, "where": _where(uuid), "mutations": mutations}

    def _gone(self, entry: Entry, column: str) -> set[Any]:
        """Resolved elements of a shared column that we wanted once; they stay until seen gone."""
        return self._members(value for name, value in entry.gone or () if name == column)

    def _members(self, members: Iterable[Any]) -> set[Any]:
        """Resolved members; one that refers to a row that nothing wants is left out."""
        resolved = set()
        for member in members:
            try:
                resolved.add(self._resolve(member))
            except UnresolvedError:
                continue
        return resolved

    def _insert(self, entry: Entry, uuid: UUID) -> dict[str, Any]:
        managed = self._managed[entry.table]
        row = {column: value_to_json(self._resolve(value)) for column, value in entry.columns()}
        item, relation = next(iter(entry.items.items()))
        for column, value in managed.annotate(item, relation.why(item)).items():
            row.setdefault(column, value_to_json(value))
        for column, members in (entry.elements or {}).items():
            resolved = self._members(members)
            is_map = managed.row.schema.columns[column].type.is_map
            row[column] = value_to_json(FrozenMap(resolved) if is_map else frozenset(resolved))
        return {"op": "insert", "table": entry.table, "uuid": str(uuid), "row": row}


class _Follower:
    """Connects a derived relation to a reconciler."""

    __slots__ = ("_reconciler", "_relation")

    def __init__(self, reconciler: Reconciler, relation: Derived[Any, Any]) -> None:
        self._reconciler = reconciler
        self._relation = relation

    def insert(self, element: Any) -> None:
        self._reconciler.came(element, self._relation)

    def remove(self, element: Any) -> None:
        self._reconciler.went(element)

    def change(self, element: Any, mask: int) -> None:
        """Items are values: they do not change."""


def _members_of(actual: Any) -> frozenset[Any]:
    """A column's value as a set: of atoms, or of (key, value) pairs."""
    if isinstance(actual, frozenset):
        return actual
    if isinstance(actual, FrozenMap):
        return frozenset(actual.items())
    return EMPTY_SET if actual is None else frozenset((actual,))


def _mutations(
    column: str, here: frozenset[Any], gone: Iterable[Any], new: set[Any], *, is_map: bool
) -> list[list[Any]]:
    """The mutations that take ``gone`` from a set (or map) column and put ``new`` into it.

    ``insert`` does not overwrite a key of a map (RFC 7047 section 5.1, <mutation>), so a key with a new
    value is deleted first.
    """
    out: list[list[Any]] = []
    if is_map:
        changed = {k for k, _v in new}
        keys = sorted({k for k, _v in gone} | {k for k, _v in here if k in changed})
        if keys:
            out.append([column, "delete", ["set", [atom_to_json(k) for k in keys]]])
        if new:
            pairs = [[atom_to_json(k), atom_to_json(v)] for k, v in sorted(new)]
            out.append([column, "insert", ["map", pairs]])
        return out
    for mutator, members in (("delete", sorted(gone)), ("insert", sorted(new))):
        if members:
            out.append([column, mutator, ["set", [atom_to_json(a) for a in members]]])
    return out


def _deletion(managed: Managed, table: str, uuid: UUID) -> dict[str, Any]:
    """The operation that makes a row go."""
    if managed.holder is None:
        return {"op": "delete", "table": table, "where": _where(uuid)}
    holder, column = managed.holder
    reference = ["uuid", str(uuid)]
    return {
        "op": "mutate",
        "table": holder,
        "where": [[column, "includes", reference]],
        "mutations": [[column, "delete", reference]],
    }


def _where(uuid: UUID) -> list[Any]:
    return [["_uuid", "==", ["uuid", str(uuid)]]]


_POSITIONS: Final[dict[RowClass[Any], dict[str, int]]] = {}


def _positions(row: RowClass[Any]) -> dict[str, int]:
    """Column name to its place in a row's values."""
    positions = _POSITIONS.get(row)
    if positions is None:
        positions = _POSITIONS[row] = {name: i for i, name in enumerate(row.COLUMNS)}
    return positions


def _first_error(reply: Reply) -> str | None:
    """The first error of a transaction's reply as text (RFC 7047 section 4.1.3)."""
    if reply.error is not None:
        return str(reply.error)
    for result in reply.results:
        if isinstance(result, dict) and "error" in result:
            return f"{result['error']}: {result.get('details', '')}"
    return None


def _random_uuid(rng: random.Random) -> str:
    """A version 4 UUID from the runtime's randomness, so that a simulation repeats itself."""
    bits = rng.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 0x4 << 76 | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
