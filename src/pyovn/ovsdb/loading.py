"""Contents of a file put into an empty database, all at once.

A transaction asks of every row what was before and what follows from the difference.  Contents that were
a database already need neither: counts, sources and indexes are made in one go, and by being made they
show whether everything holds.  Where something does not (a reference that leads nowhere, garbage, two rows
with one key), nothing is kept and the transaction's way, which mends or explains it, is for the caller.

Rows stay, so the collector of cyclic garbage has nothing to find among them: ``growing`` keeps it away.
"""

from __future__ import annotations

import gc
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pyovn.ovsdb.store import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyovn.ovsdb.journal_rows import Contents
    from pyovn.ovsdb.store import Reference, Table
    from pyovn.ovsdb.values import UUID, Value

    Rows = dict[UUID, Row]
    Pairs = list[tuple[UUID, UUID]]


@contextmanager
def growing() -> Iterator[None]:
    """No collection of garbage while a lot is made that stays, nor of that afterwards."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()


def load(tables: Mapping[str, Table], contents: Contents, serial: int) -> bool:
    """Fill empty ``tables`` unless a constraint between rows is broken; whether it was done."""
    loaded: dict[Table, Rows] = {
        table: {uuid: Row(uuid, tuple(v), serial) for uuid, v in contents.get(name, {}).items()}
        for name, table in tables.items()
    }
    if any(len(rows) > table.schema.max_rows for table, rows in loaded.items()):
        return False
    strong = _strong(loaded)
    sources = _sources(loaded)
    indexes = _indexes(loaded)
    if strong is None or sources is None or indexes is None:
        return False
    for table, rows in loaded.items():
        table.rows = rows
        table.strong = strong[table]
        for index, keys in zip(table.unique, indexes[table], strict=True):
            index.rows = keys
    for reference, pairs in sources.items():
        for uuid, target in pairs:
            reference.add_source(target, uuid)
    return True


def _pairs(reference: Reference, rows: Rows) -> Iterator[tuple[UUID, UUID]]:
    """Which row refers to which."""
    column = reference.column
    if column.datum.is_single:
        position = column.position
        for uuid, row in rows.items():
            target: Value = row.values[position]
            if target is not None and target != uuid:
                yield uuid, target  # type: ignore[misc]  # the column's atoms are UUIDs
    else:
        for uuid, row in rows.items():
            for one in reference.targets(row):
                yield uuid, one


def _strong(loaded: dict[Table, Rows]) -> dict[Table, dict[UUID, int]] | None:
    """How often each row is referred to; None if one is missing or is garbage."""
    counts: dict[Table, Counter[UUID]] = {table: Counter() for table in loaded}
    for table, rows in loaded.items():
        for reference in table.strong_references:
            counts[reference.target].update([target for _uuid, target in _pairs(reference, rows)])
    for table, rows in loaded.items():
        if not counts[table].keys() <= rows.keys():
            return None
        if not table.is_root and len(counts[table]) != len(rows):
            return None
    return {table: dict(count) for table, count in counts.items()}


def _sources(loaded: dict[Table, Rows]) -> dict[Reference, Pairs] | None:
    """The rows that refer weakly; None if one refers to what is not there."""
    found: dict[Reference, Pairs] = {}
    for table, rows in loaded.items():
        for reference in table.weak_references:
            targets = loaded[reference.target]
            pairs = found[reference] = list(_pairs(reference, rows))
            if any(target not in targets for _uuid, target in pairs):
                return None
    return found


def _indexes(loaded: dict[Table, Rows]) -> dict[Table, list[dict[tuple[Value, ...], UUID]]] | None:
    """The keys of each index; None if two rows have the same."""
    found: dict[Table, list[dict[tuple[Value, ...], UUID]]] = {}
    for table, rows in loaded.items():
        found[table] = [{index.key(row): uuid for uuid, row in rows.items()} for index in table.unique]
        if any(len(keys) != len(rows) for keys in found[table]):
            return None
    return found
