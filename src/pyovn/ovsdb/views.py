"""What a monitor shows of a database, as JSON text (RFC 7047 section 4.1.5, ovsdb-server(7) 4.1.12-16).

A ``View`` is the parsed form of a monitor's request: tables, columns, the kinds of change that are
wanted, conditions.  It knows nothing of clients.  Many clients ask for the same, hence views are shared
(``monitors``), and those that differ in conditions only share the text of what each row has become.

Two formats: ``update`` carries whole values, ``update2`` (and ``update3``) differences.  With a
condition, a row that begins to match is an insertion and one that ceases to match a deletion.

Tables stand in an update by their rank: rows come before those that refer to them.  Clients that read an
update in order rely on it (the Python IDL's indexes compare rows, and cannot compare a row that it has
with one that it has not yet).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.condition import AnyOf
from pyovn.ovsdb.errors import OvsdbError, syntax_error
from pyovn.ovsdb.store import UUID_POSITION, VERSION_POSITION
from pyovn.ovsdb.values import value_to_json
from pyovn.wire.jsonrpc import encode

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

    from pyovn.ovsdb.datum import Datum
    from pyovn.ovsdb.engine import Database, Row, RowChange, Table
    from pyovn.ovsdb.values import UUID, Value

    RowTest = Callable[[Row], bool]
    Json = dict[str, Any]
    Texts = dict[tuple["Shape", UUID, str, bool], bytes | None]
    Seen = tuple[RowChange, str]
    """A change, and what it is to a view: one of ``KINDS``."""
    Shapes = MutableMapping[Any, "Shape"]

KINDS: Final = ("initial", "insert", "delete", "modify")
_EVERY_KIND: Final = frozenset(KINDS)
_ROWS_PER_PIECE: Final = 500


def _rank(table: Table) -> int:
    return table.rank


class ViewColumn(NamedTuple):
    """A monitored column; ``datum`` is None for ``_uuid`` and ``_version``."""

    name: str
    position: int
    datum: Datum | None
    kinds: frozenset[str]


class Shape:
    """How the rows of one table are shown: the columns, and for which kinds of change each.

    Views that show a table alike share its shape, and with it the text of what they show.
    """

    __slots__ = ("__weakref__", "by_kind", "columns", "differences", "table", "version")

    def __init__(
        self, table: Table, columns: list[ViewColumn], version: Callable[[Row], UUID], *, differences: bool
    ) -> None:
        self.table = table
        self.columns = columns
        self.version = version
        self.differences = differences
        self.by_kind = {kind: [c for c in columns if kind in c.kinds] for kind in KINDS}

    def wants(self, kind: str) -> bool:
        """Whether changes of ``kind`` are shown; a view without columns shows that rows come and go."""
        return bool(self.by_kind[kind]) or not self.columns

    def value(self, row: Row, position: int) -> Value:
        """A cell, ``_uuid`` and ``_version`` included."""
        if position >= 0:
            return row.values[position]
        return row.uuid if position == UUID_POSITION else self.version(row)

    def change(self, kind: str, old: Row | None, new: Row | None) -> Json | None:
        """A <row-update> or <row-update2>; None if it would say nothing."""
        return self.update2(kind, old, new) if self.differences else self.update(kind, old, new)

    def initial(self, row: Row) -> Json:
        """The same for a row that was there before the monitor."""
        if self.differences:
            return {"initial": self.brief(row, "initial")}
        return {"new": self.whole(row, "initial")}

    # The format of update notifications

    def whole(self, row: Row, kind: str) -> Json:
        """All columns shown for ``kind``."""
        return {c.name: value_to_json(self.value(row, c.position)) for c in self.by_kind[kind]}

    def update(self, kind: str, old: Row | None, new: Row | None) -> Json | None:
        """A <row-update>."""
        if kind == "delete" and old is not None:
            return {"old": self.whole(old, kind)}
        if kind == "modify" and old is not None and new is not None:
            before = {c.name: value_to_json(self.value(old, c.position)) for c in self._changed(old, new)}
            return {"old": before, "new": self.whole(new, kind)} if before else None
        return {"new": self.whole(new, kind)} if new is not None else None

    # The format of update2 and update3

    def brief(self, row: Row, kind: str) -> Json:
        """Columns shown for ``kind`` that do not have their default."""
        json: Json = {}
        values = row.values
        for name, position, datum, _kinds in self.by_kind[kind]:
            if datum is None:
                json[name] = value_to_json(self.value(row, position))
            else:
                value = values[position]
                if value != datum.default:
                    json[name] = value_to_json(value)
        return json

    def update2(self, kind: str, old: Row | None, new: Row | None) -> Json | None:
        """A <row-update2>."""
        if kind == "delete":
            return {"delete": None}
        if kind == "modify" and old is not None and new is not None:
            json: Json = {}
            for name, position, datum, _kinds in self._changed(old, new):
                value = self.value(new, position)
                if datum is not None:
                    value = datum.difference(old.values[position], value)
                json[name] = value_to_json(value)
            return {"modify": json} if json else None
        return {kind: self.brief(new, kind)} if new is not None else None

    def _changed(self, old: Row, new: Row) -> list[ViewColumn]:
        before, after = old.values, new.values
        found = [
            c
            for c in self.by_kind["modify"]
            if c.position >= 0
            and before[c.position] is not after[c.position]
            and before[c.position] != after[c.position]
        ]
        if found or all(c.position < 0 for c in self.columns):
            found.extend(c for c in self.by_kind["modify"] if c.position == VERSION_POSITION)
        return found


class TableView:
    """One monitored table: its shape, and which rows."""

    __slots__ = ("condition", "shape", "table", "test", "where")

    def __init__(self, shape: Shape, where: list[Any]) -> None:
        self.shape = shape
        self.table = shape.table
        self.where = where
        self.condition = AnyOf(where, shape.table, shape.version)
        self.test: RowTest | None = self.condition.test

    def rows(self) -> list[Row]:
        """The rows that are shown now."""
        rows, test = self.table.rows.values(), self.test
        return list(rows) if test is None else [row for row in rows if test(row)]

    def kind(self, old: Row | None, new: Row | None) -> str | None:
        """What a change is to this view; None for nothing."""
        test = self.test
        was = old is not None and (test is None or test(old))
        is_now = new is not None and (test is None or test(new))
        if was:
            return "modify" if is_now else "delete"
        return "insert" if is_now else None

    def contents(self) -> bytes:
        """The <table-update> of the rows that are there; empty if there are none."""
        initial = self.shape.initial
        rows = self.rows() if self.shape.wants("initial") else []
        if not rows:
            return b""
        parts = [
            encode({row.uuid: initial(row) for row in rows[start : start + _ROWS_PER_PIECE]})[1:-1]
            for start in range(0, len(rows), _ROWS_PER_PIECE)
        ]
        return b"".join((b"{", b",".join(parts), b"}"))


class View:
    """A whole monitor request."""

    __slots__ = ("by_table", "key")

    def __init__(self, tables: list[TableView], *, key: str) -> None:
        self.by_table = {view.table: view for view in sorted(tables, key=lambda view: view.table.rank)}
        self.key = key

    def initial(self, contents: Callable[[TableView], bytes] = TableView.contents) -> list[bytes]:
        """The present contents as <table-updates> or <table-updates2>, in pieces.

        ``contents`` may know the text of a table already.
        """
        pieces: list[bytes] = []
        for table, view in self.by_table.items():
            text = contents(view)
            if text:
                pieces.extend((b"," if pieces else b"{", encode(table.name), b":", text))
        pieces.append(b"}" if pieces else b"{}")
        return pieces

    def changes(self, changes: Sequence[RowChange]) -> bytes | None:
        """What a transaction did, as far as it shows here; None if it does not."""
        seen = []
        for change in changes:
            view = self.by_table.get(change.table)
            kind = None if view is None else view.kind(change.old, change.new)
            if kind is not None:
                seen.append((change, kind))
        return self.update(seen, {})

    def update(self, seen: Sequence[Seen], texts: Texts) -> bytes | None:
        """The text of changes of which it is known what they are to this view; None for nothing.

        ``texts`` keeps what was encoded for one view of a transaction, for the next one.
        """
        if len(seen) == 1:
            return self._text(seen[0], texts, is_whole=True)
        found: dict[Table, list[bytes]] = {}
        for one in seen:
            text = self._text(one, texts, is_whole=False)
            if text is not None:
                found.setdefault(one[0].table, []).append(text)
        if not found:
            return None
        tables = [
            b"%b:{%b}" % (encode(table.name), b",".join(found[table])) for table in sorted(found, key=_rank)
        ]
        return b"{%b}" % b",".join(tables)

    def _text(self, seen: Seen, texts: Texts, *, is_whole: bool) -> bytes | None:
        """One row's update under its name; all of <table-updates> if there is no other."""
        (table, uuid, old, new), kind = seen
        shape = self.by_table[table].shape
        key = shape, uuid, kind, is_whole
        if key in texts:
            return texts[key]
        update = shape.change(kind, old, new) if shape.wants(kind) else None
        text = None
        if update is not None:
            text = encode({table.name: {uuid: update}}) if is_whole else encode({uuid: update})[1:-1]
        texts[key] = text
        return text

    def moved(self, other: View) -> bytes | None:
        """What the client of this view must be told to have ``other``, whose conditions differ."""
        result: dict[str, Json] = {}
        for table, view in other.by_table.items():
            before, after = self.by_table[table].test, view.test
            if before is after:
                continue
            shape = view.shape
            shows_end, shows_begin = shape.wants("delete"), shape.wants("insert")
            found: Json = {}
            for row in table.rows.values():
                was = before is None or before(row)
                is_now = after is None or after(row)
                if was and not is_now and shows_end:
                    found[row.uuid] = {"delete": None}
                elif is_now and not was and shows_begin:
                    found[row.uuid] = {"insert": shape.brief(row, "insert")}
            if found:
                result[table.name] = found
        return encode(result) if result else None


# Parsing


def _kinds(table: Table, json: Any) -> frozenset[str]:
    if json is None:
        return _EVERY_KIND
    wanted = set(_EVERY_KIND)
    for name, value in json.items():
        if name not in _EVERY_KIND:
            raise syntax_error(
                f"Parsing table {table.name} select failed: Member '{name}' is present but not allowed here.",
                json,
            )
        if not isinstance(value, bool):
            raise syntax_error(
                f"Parsing table {table.name} select failed: Type mismatch for member '{name}'.", json
            )
        if not value:
            wanted.discard(name)
    return frozenset(wanted)


def _columns(table: Table, names: list[Any], kinds: frozenset[str]) -> list[ViewColumn]:
    columns = []
    for name in names:
        if not isinstance(name, str):
            raise syntax_error("array of column names expected", names)
        column = table.by_name.get(name)
        if column is not None:
            columns.append(ViewColumn(name, column.position, column.datum, kinds))
        elif name in {"_uuid", "_version"}:
            position = UUID_POSITION if name == "_uuid" else VERSION_POSITION
            columns.append(ViewColumn(name, position, None, kinds))
        else:
            raise syntax_error(f"{name} is not a valid column name", names)
    return columns


def _check_members(table: Table, json: Any, members: dict[str, type]) -> None:
    if not isinstance(json, dict):
        raise syntax_error(f"Parsing table {table.name} failed: Object expected.")
    for name, value in json.items():
        if name not in members:
            what = f"Member '{name}' is present but not allowed here."
        elif not isinstance(value, members[name]):
            what = f"Type mismatch for member '{name}'."
        else:
            continue
        raise syntax_error(f"Parsing table {table.name} failed: {what}", json)


def _table_view(
    database: Database, table: Table, requests: list[Any], *, differences: bool, shapes: Shapes
) -> TableView:
    members: dict[str, type] = {"columns": list, "select": dict}
    if differences:
        members["where"] = list
    columns: list[ViewColumn] = []
    where: list[Any] = []
    unconditional = False
    for request in requests:
        _check_members(table, request, members)
        names = request.get("columns")
        kinds = _kinds(table, request.get("select"))
        chosen = _columns(table, ["_version", *table.by_name] if names is None else names, kinds)
        for number, column in enumerate(chosen):
            if any(other.name == column.name for other in (*columns, *chosen[:number])):
                raise syntax_error(f"column {column.name} mentioned more than once", names)
        columns.extend(chosen)
        where.extend(request.get("where", ()))
        unconditional = unconditional or not request.get("where")
    key = (table.name, differences, *[(c.name, c.kinds) for c in columns])
    shape = shapes.get(key)
    if shape is None:
        shape = shapes[key] = Shape(table, columns, database.version, differences=differences)
    return TableView(shape, [] if unconditional else where)


def parse_view(database: Database, json: Any, shapes: Shapes, *, differences: bool, key: str = "") -> View:
    """A view from <monitor-requests> or <monitor-cond-requests>; raises ``OvsdbError``.

    ``shapes`` are those of the database's other views.
    """
    if not isinstance(json, dict):
        raise syntax_error("monitor-requests must be object", json)
    tables = []
    for name, request in json.items():
        table = database.tables.get(name)
        if table is None:
            raise OvsdbError("syntax error", f"no table named {name}")
        requests = request if isinstance(request, list) else [request]
        if not requests:
            continue  # nothing is asked of this table
        tables.append(_table_view(database, table, requests, differences=differences, shapes=shapes))
    return View(tables, key=key)


def parse_conditions(view: View, json: Any) -> View:
    """``view`` with the conditions of <monitor-cond-update-requests>; raises ``OvsdbError``."""
    if not isinstance(json, dict):
        raise OvsdbError("syntax error", "monitor-cond-change-requests must be object")
    tables = dict(view.by_table)
    names = {table.name: table for table in tables}
    for name, request in json.items():
        table = names.get(name)
        if table is None:
            raise OvsdbError("syntax error", f"no table named {name} in monitor session")
        if not isinstance(request, list):
            raise OvsdbError("syntax error", f"table {name} no monitor-cond-change JSON array")
        where: list[Any] = []
        unconditional = not request
        for one in request:
            _check_members(table, one, {"columns": list, "where": list})
            if "columns" in one:
                raise syntax_error("changing columns is unsupported", one)
            where.extend(one.get("where", ()))
            unconditional = unconditional or not one.get("where")
        tables[table] = TableView(tables[table].shape, [] if unconditional else where)
    return View(list(tables.values()), key="")
