"""What a transaction means for references between rows (RFC 7047 section 3.2, <base-type>).

Strong references are counted.  A transaction's effect on the counts is the sum over the rows that it
touched; a row that it deletes must end with no reference, a row that is referred to must exist, and a
row outside the root set that nothing refers to (any more) is garbage, with what only it referred to.
References of a row to itself do not count; circles of several rows keep each other, as in ovsdb-server.

Weak references to rows that are gone are taken out of the columns that hold them; who holds them is
looked up from the row that went, so nothing is scanned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovsdb.errors import ConstraintViolationError, integrity_error
from pyovn.ovsdb.setdelta import delta
from pyovn.ovsdb.values import ZERO_UUID

if TYPE_CHECKING:
    from pyovn.ovsdb.store import Reference, Row, Table
    from pyovn.ovsdb.transaction import Transaction
    from pyovn.ovsdb.values import UUID

    Differences = dict[Table, dict[UUID, int]]


def _count(differences: Differences, reference: Reference, old: Row | None, new: Row | None) -> None:
    """Add what one column of one row changes."""
    before, after = reference.targets(old), reference.targets(new)
    if before is after:
        return
    added, removed = delta(before, after)
    counts = differences.setdefault(reference.target, {})
    for uuid in removed:
        counts[uuid] = counts.get(uuid, 0) - 1
    for uuid in added:
        counts[uuid] = counts.get(uuid, 0) + 1


def settle_strong_references(transaction: Transaction) -> Differences:
    """Check strong references, delete garbage; by how much each row's count of references changes."""
    differences: Differences = {}
    for table, changed in transaction.changed.items():
        for reference in table.strong_references:
            position = reference.column.position
            for uuid, new in changed.items():
                old = table.rows.get(uuid)
                if old is None or new is None or old.values[position] is not new.values[position]:
                    _count(differences, reference, old, new)
    _check(transaction, differences)
    _collect(transaction, differences)
    return differences


def _check(transaction: Transaction, differences: Differences) -> None:
    """Every deleted row has lost its last reference; every row that is referred to exists."""
    for table, changed in transaction.changed.items():
        counts = differences.get(table, {})
        for uuid, new in changed.items():
            if new is None and uuid in table.rows:
                left = table.strong.get(uuid, 0) + counts.get(uuid, 0)
                if left > 0:
                    raise integrity_error(
                        f"cannot delete {table.name} row {uuid} because of {left} remaining reference(s)"
                    )
    for table, counts in differences.items():
        for uuid, difference in counts.items():
            if difference > 0 and transaction.get(table, uuid) is None:
                raise integrity_error(_dangling(transaction, table, uuid))


def _dangling(transaction: Transaction, target: Table, missing: UUID) -> str:
    for table, changed in transaction.changed.items():
        for reference in table.strong_references:
            if reference.target is target:
                for uuid, row in changed.items():
                    if missing in reference.targets(row):
                        return (
                            f"Table {table.name} column {reference.column.name} row {uuid} "
                            f"references nonexistent row {missing} in table {target.name}."
                        )
    return f"nonexistent row {missing} in table {target.name} is referenced."


def _collect(transaction: Transaction, differences: Differences) -> None:
    """Delete rows outside the root set that nothing refers to, and what goes with them."""
    suspects: list[tuple[Table, UUID]] = []
    for table, changed in transaction.changed.items():
        if not table.is_root:
            suspects.extend((table, uuid) for uuid, new in changed.items() if new is not None)
    for table, counts in differences.items():
        if not table.is_root:
            suspects.extend((table, uuid) for uuid, difference in counts.items() if difference < 0)
    while suspects:
        table, uuid = suspects.pop()
        row = transaction.get(table, uuid)
        if row is None or table.strong.get(uuid, 0) + differences.get(table, {}).get(uuid, 0) > 0:
            continue
        transaction.delete(table, uuid)
        for reference in table.strong_references:
            _count(differences, reference, row, None)
            if not reference.target.is_root:
                suspects.extend((reference.target, target) for target in reference.targets(row))


def clear_weak_references(transaction: Transaction) -> None:
    """Take references to rows that do not exist out of weak columns."""
    work: list[tuple[Reference, UUID, set[UUID]]] = []
    for table, changed in transaction.changed.items():
        for reference in table.weak_references:
            position = reference.column.position
            for uuid, new in changed.items():
                old = table.rows.get(uuid)
                if new is None or (old is not None and old.values[position] is new.values[position]):
                    continue
                before, after = reference.targets(old), reference.targets(new)
                fresh = () if before is after else delta(before, after)[0]
                gone = {target for target in fresh if transaction.get(reference.target, target) is None}
                if gone:
                    work.append((reference, uuid, gone))
        if table.weakly_referred:
            for uuid, new in changed.items():
                if new is None and uuid in table.rows:
                    work.extend(
                        (reference, source, {uuid})
                        for reference in table.weakly_referred
                        for source in reference.sources_of(uuid)
                    )
    for reference, source, gone in work:
        _clear(transaction, reference, source, gone)


def _clear(transaction: Transaction, reference: Reference, uuid: UUID, gone: set[UUID]) -> None:
    row = transaction.get(reference.table, uuid)
    if row is None:
        return
    column = reference.column
    value = reference.without(row.values[column.position], gone)
    if value == row.values[column.position]:
        return
    if column.type.min and not column.type.atoms(value):
        raise _emptied(reference, uuid, gone)
    values = list(row.values)
    values[column.position] = value
    transaction.put(reference.table, uuid, tuple(values))


def _emptied(reference: Reference, uuid: UUID, gone: set[UUID]) -> ConstraintViolationError:
    table = reference.table
    inserted = "" if uuid in table.rows else " (inserted within this transaction)"
    row = f'column "{reference.column.name}" in "{table.name}" row {uuid}{inserted}'
    if gone == {ZERO_UUID}:
        return ConstraintViolationError(
            f"Weak reference {row} contained all-zeros UUID (probably as the default value for this column) "
            "but deleting this value caused a constraint violation because this column is not allowed to be "
            "empty."
        )
    return ConstraintViolationError(
        f"Deletion of {len(gone)} weak reference(s) to deleted (or never-existing) rows from {row} caused "
        "this column to become empty, but constraints on this column disallow an empty column."
    )
