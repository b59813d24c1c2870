"""What a transaction is in a database file (ovsdb(5), "Transaction Records"), written and read.

Differences (``_is_diff``): the value of a modified column is the difference to the old value, except
where the old value is the type's default; then readers, C's included, take it as the new value.  C's
writer knows no exception, and so loses data for sets that may not be empty; ours writes what is read.

Ephemeral columns are not written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.values import UUID, value_to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyovn.ovsdb.store import Row, Table
    from pyovn.ovsdb.transaction import RowChange
    from pyovn.ovsdb.values import Value

    Contents = dict[str, dict[UUID, list[Value]]]

PRIVATE: Final = frozenset({"_date", "_comment", "_is_diff"})


# Reading


def _new_row(table: Table, cells: dict[str, Any]) -> list[Value]:
    """A row that was not there: most of a compacted file are such."""
    values = list(table.defaults)
    columns = table.by_name
    for name, json in cells.items():
        column = columns.get(name)
        if column is None:
            raise OvsdbError("unknown column", f"No column {name} in table {table.name}.")
        values[column.position] = column.datum.parse(json, None)
    return values


def _replay_row(
    table: Table, values: list[Value] | None, cells: dict[str, Any], *, is_diff: bool
) -> list[Value]:
    if values is None:
        return _new_row(table, cells)
    for name, json in cells.items():
        column = table.by_name.get(name)
        if column is None:
            raise OvsdbError("unknown column", f"No column {name} in table {table.name}.")
        datum, old = column.datum, values[column.position]
        if is_diff and old != datum.default:
            values[column.position] = datum.patched(old, datum.parse_difference(json))
        else:
            values[column.position] = datum.parse(json, None)
    return values


def replay(tables: Mapping[str, Table], contents: Contents, json: dict[str, Any]) -> None:
    """Apply a transaction record to ``contents``; raises ``ValueError`` and ``AttributeError``."""
    is_diff = json.get("_is_diff") is True
    for name, rows in json.items():
        if name in PRIVATE:
            continue
        table = tables.get(name)
        if table is None:
            raise OvsdbError("unknown table", f"No table named {name}.")
        found = contents.setdefault(name, {})
        for text, cells in rows.items():
            uuid = UUID.parse(text)
            if cells is None:
                found.pop(uuid, None)
            else:
                found[uuid] = _replay_row(table, found.get(uuid), cells, is_diff=is_diff)


# Writing


def cells_of(table: Table, old: Row | None, new: Row) -> dict[str, Any]:
    """The <row-txn> that makes ``new`` of ``old``."""
    cells = {}
    was = table.defaults if old is None else old.values
    for column, before, value in zip(table.columns, was, new.values, strict=True):
        if value is before or column.ephemeral or value == before:
            continue
        whole = before == column.datum.default
        cells[column.name] = value_to_json(value if whole else column.datum.difference(before, value))
    return cells


def transaction_json(changes: Sequence[RowChange], comment: str, date: int) -> dict[str, Any] | None:
    """The record of a transaction; None if nothing of it is to be kept."""
    json: dict[str, Any] = {}
    for table, uuid, old, new in changes:
        cells = None if new is None else cells_of(table, old, new)
        if cells or old is None or new is None:
            json.setdefault(table.name, {})[uuid] = cells
    if not json:
        return None
    if comment:
        json["_comment"] = comment
    json["_date"] = date
    json["_is_diff"] = True
    return json
