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

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pyovn.incremental import Noted
from pyovn.ovsdb.values import UUID, FrozenMap, value_to_json
from pyovn.sync.entry import Entry, UnresolvedError
from pyovn.sync.layout import NO_DEFAULT, Layout
from pyovn.sync.managed import Managed, PresentRows
from pyovn.sync.members import Members, join, part, reasons
from pyovn.sync.notices import Notices
from pyovn.sync.operations import (
    Failure,
    Operation,
    Referrer,
    deletion,
    failure,
    members_of,
    mutations,
    random_uuid,
    referrers,
    releases,
    uuids_in,
    where,
)
from pyovn.sync.underway import Underway
from pyovn.sync.wants import PLAIN, Element, Existing, Ref, RowItem

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from pyovn.incremental import Derived, Reason
    from pyovn.ovsdb.replica import Change
    from pyovn.ovsdb.requests import Reply
    from pyovn.sync.database import DatabaseClient

    Wanter = Derived[Any, Any]


__all__ = ["Managed", "Reconciler"]


class Reconciler:
    """Keeps the ``managed`` tables of one database.  ``managed`` is ordered: referred-to tables first."""

    def __init__(self, client: DatabaseClient, managed: Iterable[Managed], rng: random.Random) -> None:
        self._client = client
        self._managed = {m.row.TABLE: m for m in managed}
        self._random = rng
        self._entries: dict[str, dict[Hashable, Entry]] = {table: {} for table in self._managed}
        self._present = PresentRows(self._managed)
        self._by_uuid: dict[UUID, Entry] = {}
        self._dirty: dict[Entry, None] = {}
        self._strangers: dict[UUID, str] = {}
        self._blocked: Noted[Entry, str] = Noted()
        """Rows that cannot be written now, and why: a missing row, or the server's words."""
        self._refused: set[Entry] = set()
        """Those of them that the server has refused."""
        self._kept: Noted[UUID, tuple[str, str]] = Noted()
        """Rows that are to go and that the server keeps, and its words."""
        self._contested: Noted[Entry, None] = Noted()
        """Rows of which two items want different things."""
        self._waiting: dict[Ref, dict[Entry, None]] = {}
        """Who is to be looked at again when a row comes."""
        self._referrers: dict[str, list[Referrer]] = {}
        self._layouts: dict[str, Layout] = {}
        self._underway = Underway()
        self._failures = 0
        self.in_flight = False
        self.sent: list[list[Operation]] | None = None
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
            members = entry.elements.get(item.column)
            if members is None:
                members = entry.elements[item.column] = Members()
            members.add(item.value, relation)
            if entry.gone is not None:
                entry.gone.discard((item.column, item.value))
        else:
            join(entry.items, item, relation)
            if len(entry.items) > 1:
                self._compare(entry)
        self._changed(entry)

    def went(self, item: Any, relation: Derived[Any, Any] | None = None) -> None:
        """``item`` is no longer wanted by ``relation`` (None: by the last that wanted it).

        A column that loses its last element stays ours: it is emptied.
        """
        entry = self._entry(item.table, item.key)
        if isinstance(item, Element):
            gone = entry.elements is not None and entry.elements[item.column].take(item.value, relation)
            if gone and item.column in self._managed[item.table].shared:
                entry.gone = entry.gone or set()
                entry.gone.add((item.column, item.value))
        else:
            part(entry.items, item, relation)
            if entry in self._contested:
                self._compare(entry)
        self._changed(entry)

    def _compare(self, entry: Entry) -> None:
        """Note whether the items of a row want different things of it."""
        told: dict[str, Any] = {}
        if any(told.setdefault(c, v) != v for item in entry.items for c, v in item.columns):
            self._contested[entry] = None
        else:
            self._contested.pop(entry, None)

    def _changed(self, entry: Entry) -> None:
        """Other things are wanted of a row: what was refused may be accepted now."""
        if self._refused:
            self._reconsider(entry.table)
        if self._waiting:
            self._wake(entry)

    def _reconsider(self, table: str) -> None:
        """Something in a table has changed that may have been in the way of what was refused there."""
        for refused in [e for e in self._refused if e.table == table]:
            self._refused.discard(refused)
            self._dirty[refused] = None

    def _wake(self, entry: Entry) -> None:
        """Look again at what waits for a row, directly or not."""
        pending = [entry]
        while pending:
            found = pending.pop()
            for waiter in self._waiting.pop(Ref(found.table, found.key), ()):
                self._dirty[waiter] = None
                pending.append(waiter)

    # -- what is there -------------------------------------------------------------------------

    def actual(self, changes: Iterable[Change]) -> None:
        """Take in what the client reports of the managed tables."""
        underway = self._underway
        for change in changes:
            if change.table in self._managed and not underway.keeps(change):
                for returned, as_sent in underway.take(change.uuid):
                    self._take(returned, as_sent=as_sent)
                self._take(change)

    def _take(self, change: Change, *, as_sent: bool = False) -> None:
        """File a row that has changed, and mark what is to be looked at for it."""
        name, uuid, _old, new = change
        self._present.file(self._managed[name], uuid, new)
        self._kept.pop(uuid, None)
        entry = self._by_uuid.get(uuid)
        if entry is not None:
            if not as_sent:
                self._dirty[entry] = None
            self._refused.discard(entry)
            return
        if uuid in self._present:
            self._strangers[uuid] = name
        if self._refused:
            self._reconsider(name)

    def _take_returned(self) -> None:
        self._client.replica.expect_nothing()
        for change, as_sent in self._underway.take_all():
            self._take(change, as_sent=as_sent)

    def reindex(self) -> None:
        """``identify`` has changed its mind: file all present rows anew."""
        self._take_returned()
        for name, managed in self._managed.items():
            for uuid, values in self._rows(name).items():
                self._present.file(managed, uuid, values)
                entry = self._by_uuid.get(uuid)
                if entry is not None:
                    self._dirty[entry] = None
                elif uuid in self._present:
                    self._strangers[uuid] = name

    # -- the difference ------------------------------------------------------------------------

    def flush(self, done: Callable[[str | None], None], prelude: Sequence[Operation] = ()) -> bool:
        """Send the difference, if there is any and none is under way; True if something was sent.

        ``done`` gets None, or the text of the error; after an error everything in it is dirty again.
        """
        if self.in_flight:
            return False
        self._take_returned()
        if not (self._dirty or self._strangers):
            return False
        dirty, self._dirty = self._dirty, {}
        operations, owners = self._plan(dirty)
        deleted, deletions = self._delete_strangers()
        operations += deletions
        if not operations:
            return False
        if self.sent is not None:
            self.sent.append(operations)

        def restore() -> None:
            self._dirty.update(dirty)
            self._strangers.update(deleted)

        def answered(reply: Reply) -> None:
            self.in_flight = False
            error = failure(reply, len(prelude))
            self.last_error = None if error is None else error.text
            if error is None:
                self._failures = 0
            else:
                restore()
                self._failed(error, owners)
            done(self.last_error)

        self.in_flight = True
        try:
            self._client.transact([*prelude, *operations], answered)
        except Exception:
            self.in_flight = False
            restore()  # not even sent; the loop tells and tries again
            raise
        return True

    def _failed(self, error: Failure, owners: list[Entry]) -> None:
        """Nothing was written.  What alone was refused is set aside, so that it does not stop the rest.

        An error at the commit (a reference, an index) stands behind no operation.  It may come from what we
        believe to be in order, so everything is compared anew; if that does not help, the rows that the
        error names are set aside.
        """
        if error.operation is not None and error.operation < len(owners):
            self._set_aside(owners[error.operation], error.text)
            return
        self._failures += 1
        if self._failures == 1:
            self._dirty.update(dict.fromkeys(e for table in self._entries.values() for e in table.values()))
            return
        for uuid in uuids_in(error.text):
            entry = self._by_uuid.get(uuid)
            if entry is not None and entry in owners:
                self._set_aside(entry, error.text)
                return
            if uuid in self._strangers:
                self._kept[uuid] = self._strangers.pop(uuid), error.text
                return

    def _set_aside(self, entry: Entry, reason: str) -> None:
        """Do without a row until it, or something in its way, changes."""
        self._refused.add(entry)
        self._blocked[entry] = reason
        if not self._is_there(entry):
            self._let_go(entry)

    def _plan(self, dirty: dict[Entry, None]) -> tuple[list[Operation], list[Entry]]:
        """The operations for wanted rows, and the row that each of them is for."""
        rank = {table: i for i, table in enumerate(self._managed)}
        plan: list[Operation] = []
        owners: list[Entry] = []
        for entry in sorted(dirty, key=lambda e: rank[e.table]):
            if entry in self._refused:
                continue
            was_blocked = entry in self._blocked
            if was_blocked:
                del self._blocked[entry]
            if not entry.items:
                self._abandon(entry)
                continue
            try:
                uuid = self._assign(entry)
                row = self._rows(entry.table).get(uuid)
                if row is not None:
                    plan.extend(self._difference(entry, uuid, row))
                elif not isinstance(entry.key, Existing):
                    plan.append(self._insert(entry, uuid))
            except UnresolvedError as error:
                self._waiting.setdefault(error.missing, {})[entry] = None
                self._blocked[entry] = f"it refers to {error.missing.table} {error.missing.key}"
                self._let_go(entry)
            except Exception as error:  # noqa: BLE001  what cannot be compared or written must not stop the rest
                del plan[len(owners) :]
                self._refused.add(entry)
                self._blocked[entry] = f"{type(error).__name__}: {error}"
            else:
                if was_blocked:
                    self._wake(entry)
            owners += [entry] * (len(plan) - len(owners))
        return plan, owners

    def _delete_strangers(self) -> tuple[dict[UUID, str], list[Operation]]:
        """Rows of our tables that nothing wants, and the operations that delete them."""
        strangers, self._strangers = self._strangers, {}
        deleted: dict[UUID, str] = {}
        operations: list[Operation] = []
        for uuid, table in strangers.items():
            managed = self._managed[table]
            row = self._rows(table).get(uuid)
            if uuid in self._by_uuid or uuid in self._kept or row is None or managed.collected:
                continue
            record = managed.row(uuid, row)
            if managed.identify(record) is not None:
                deleted[uuid] = table
                if managed.releasing:
                    operations += releases(self._referrers_of(table), uuid)
                operations += managed.leftovers(record)
                operations.append(deletion(table, uuid, managed.holder))
        return deleted, operations

    def _referrers_of(self, table: str) -> list[Referrer]:
        """Columns of unmanaged tables of the server that refer to ``table``."""
        found = self._referrers.get(table)
        if found is None:
            schema = self._client.schema
            assert schema is not None  # rows have come from it
            found = self._referrers[table] = referrers(schema, table, self._managed)
        return found

    def reconnected(self) -> None:
        """The server may be another one: what it refuses, and its schema, are to be seen anew."""
        self._referrers.clear()
        self._dirty.update(dict.fromkeys(self._refused))
        self._refused.clear()
        self._strangers.update({uuid: table for uuid, (table, _why) in self._kept.items()})
        self._kept.clear()

    def blocked(self) -> dict[Entry, str]:
        """Wanted rows that cannot be written, and why."""
        return {entry: reason for entry, reason in self._blocked.items() if entry.items}

    def notices(self) -> list[str]:
        """What cannot be made so, a line each."""
        notices = Notices()
        self.tell(notices)
        return notices.lines()

    def tell(self, notices: Notices) -> None:
        """Let ``notices`` watch what cannot be made so."""
        notices.watch(self._blocked, self._line_of_blocked)
        notices.watch(self._kept, self._line_of_kept)
        notices.watch(self._contested, _line_of_contested)

    def _line_of_blocked(self, entry: Entry) -> str | None:
        if not entry.items:
            return None
        return f"{entry.table} {entry.key} cannot be written: {self._blocked[entry]}"

    def _line_of_kept(self, uuid: UUID) -> str:
        table, why = self._kept[uuid]
        return f"{table} {uuid} cannot be deleted: {why}"

    def _rows(self, table: str) -> Mapping[UUID, tuple[Any, ...]]:
        return self._client.replica.table(table).rows

    def _assign(self, entry: Entry) -> UUID:
        """The UUID of a wanted row: that of the actual row with its key, or a new one."""
        if entry.uuid is not None:
            return entry.uuid
        if isinstance(entry.key, Existing):
            entry.uuid = entry.key.uuid
        else:
            unknown = next(iter(entry.items), None) is entry.key and not self._present.has(entry.table)
            for uuid in () if unknown else self._present.at(entry.table, self._resolve(entry.key)):
                if uuid not in self._by_uuid:
                    entry.uuid = uuid
                    break
            else:
                entry.uuid = UUID(random_uuid(self._random))
        self._by_uuid.setdefault(entry.uuid, entry)
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
        for item, held in entry.items.items():
            return item, reasons(item, held)
        return None

    def _resolve(self, value: Any) -> Any:
        """``value`` with UUIDs for references, within tuples and sets too."""
        kind = type(value)
        if kind is Ref:
            entry = self._entries[value.table].get(value.key)
            if entry is None or not entry.items or (entry in self._blocked and not self._is_there(entry)):
                raise UnresolvedError(value)
            return entry.uuid if entry.uuid is not None else self._assign(entry)
        if isinstance(value, tuple):
            return tuple([v if type(v) in PLAIN else self._resolve(v) for v in value])
        if kind is frozenset and not all(type(v) in PLAIN for v in value):
            return frozenset([self._resolve(v) for v in value])
        return value

    def _abandon(self, entry: Entry) -> None:
        """Nothing wants the row any more: if the table is ours, it is a stranger from now on."""
        if entry.elements is not None and not any(entry.elements.values()):
            entry.elements = None
        if entry.elements is None and self._entries[entry.table].get(entry.key) is entry:
            del self._entries[entry.table][entry.key]
        self._let_go(entry)

    def _let_go(self, entry: Entry) -> None:
        """The row is not to be there (any more, or for now): if the table is ours, it is a stranger."""
        uuid, entry.uuid = entry.uuid, None
        if uuid is None:
            return
        if self._by_uuid.get(uuid) is entry:
            del self._by_uuid[uuid]
        for holder, column in entry.holders or ():
            if holder.elements is not None and column in holder.elements:
                holder.elements[column].reopen(Ref(entry.table, entry.key))
                self._dirty[holder] = None
        entry.holders = None
        if not isinstance(entry.key, Existing):
            self._strangers[uuid] = entry.table

    def _is_there(self, entry: Entry) -> bool:
        """Whether the database has the row."""
        return entry.uuid is not None and entry.uuid in self._rows(entry.table)

    def _layout(self, managed: Managed) -> Layout:
        """Where a table's columns stand, for the schema that the server has now."""
        name = managed.row.TABLE
        found = self._layouts.get(name)
        table = self._client.replica.table(name)
        if found is None or found.served is not table.present:
            found = self._layouts[name] = Layout(managed, table)
        return found

    def _difference(self, entry: Entry, uuid: UUID, row: tuple[Any, ...]) -> Iterable[Operation]:
        """What is to be done to a row that is there."""
        managed = self._managed[entry.table]
        layout = self._layout(managed)
        places, served = layout.places, layout.served
        changed: dict[str, Any] = {}
        for column, value in entry.columns():
            wanted = value if type(value) in PLAIN else self._resolve(value)
            if column in served and row[places[column]] != wanted:
                changed[column] = value_to_json(wanted)
        if changed:
            yield {"op": "update", "table": entry.table, "where": where(uuid), "row": changed}
        found: list[list[Any]] = []
        for column, members in (entry.elements or {}).items():
            if column not in served:
                continue
            wanted = self._elements(entry, column, members)
            is_map = column in layout.maps
            here = members_of(row[places[column]])
            extra: Iterable[Any]
            if column in managed.shared:
                extra, lacking = self._gone(entry, column, here) - wanted, wanted - here
            elif members.has_pairs or is_map:
                extra, lacking = here - wanted, wanted - here
            else:
                extra, lacking = members.difference(here)
            found += mutations(column, here, extra, lacking, is_map=is_map)
        if found:
            yield {"op": "mutate", "table": entry.table, "where": where(uuid), "mutations": found}

    def _elements(self, entry: Entry, column: str, members: Members) -> set[Any]:
        """Resolved elements; one that refers to a row that is not wanted is left out until it is."""

        def look_up(value: Any) -> Any:
            atom = self._resolve(value)
            if type(value) is Ref:
                target = self._entries[value.table][value.key]
                if target.holders is None:
                    target.holders = set()
                target.holders.add((entry, column))
            return atom

        def missing(reference: Ref) -> None:
            self._waiting.setdefault(reference, {})[entry] = None

        return members.resolve(look_up, missing)

    def _gone(self, entry: Entry, column: str, here: frozenset[Any]) -> set[Any]:
        """Elements of a shared column that we wanted once and that are there; others are forgotten."""
        there: set[Any] = set()
        for name, value in list(entry.gone or ()):
            if name != column:
                continue
            atom = None
            with suppress(UnresolvedError):
                atom = self._resolve(value)
            if atom in here:
                there.add(atom)
            elif entry.gone is not None:
                entry.gone.discard((name, value))
        return there

    def _insert(self, entry: Entry, uuid: UUID) -> Operation:
        """A new row; what is the default of its column needs no word."""
        managed = self._managed[entry.table]
        layout = self._layout(managed)
        places, unserved = layout.places, layout.unserved
        row: dict[str, Any] = {}
        announced = list(layout.blank)
        item, held = next(iter(entry.items.items()))
        for column, value in managed.annotate(item, reasons(item, held)).items():
            if column not in unserved:
                row[column] = value_to_json(value)
                if column in places:
                    announced[places[column]] = value
        for column, value in entry.columns():
            wanted = value if type(value) in PLAIN else self._resolve(value)
            if wanted == layout.defaults.get(column, NO_DEFAULT) and column not in row:
                continue
            if column not in unserved:
                row[column] = value_to_json(wanted)
                if column in places:
                    announced[places[column]] = wanted
        for column, members in (entry.elements or {}).items():
            elements = self._elements(entry, column, members)
            if column not in unserved:
                found = FrozenMap(elements) if column in layout.maps else frozenset(elements)
                row[column] = value_to_json(found)
        if entry.elements is None:
            values = tuple(announced)
            self._underway.announce(uuid, values)
            self._client.replica.expect(uuid, row, values)
        return {"op": "insert", "table": entry.table, "uuid": str(uuid), "row": row}


def _line_of_contested(entry: Entry) -> str:
    return f"{entry.table} {entry.key} is wanted in {len(entry.items)} different ways"


class _Follower:
    """Connects a derived relation to a reconciler."""

    __slots__ = ("_reconciler", "_relation")

    def __init__(self, reconciler: Reconciler, relation: Derived[Any, Any]) -> None:
        self._reconciler = reconciler
        self._relation = relation

    def insert(self, element: Any) -> None:
        self._reconciler.came(element, self._relation)

    def remove(self, element: Any) -> None:
        self._reconciler.went(element, self._relation)

    def change(self, element: Any, mask: int) -> None:
        """Items are values: they do not change."""
