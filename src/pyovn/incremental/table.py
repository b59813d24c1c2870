"""Input tables: the relation of records that the world outside changes.

``put`` and ``delete`` are the only ways in.  They mark what read the changed columns and push
membership changes; they run nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pyovn.incremental.node import mark
from pyovn.incremental.record import Record
from pyovn.incremental.relation import Relation
from pyovn.incremental.tracking import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, KeysView, ValuesView

    from pyovn.incremental.engine import Engine

R = TypeVar("R", bound=Record)


class Table(Relation[R]):
    """Records of one type by their key."""

    def __init__(self, engine: Engine, name: str, record: Callable[[Any, tuple[Any, ...]], R]) -> None:
        super().__init__(engine, name)
        self.record = record
        self._by_key: dict[Any, R] = {}
        self._present: dict[R, None] = {}

    def put(self, key: Any, values: tuple[Any, ...]) -> R:
        """Insert a record, or give the one at ``key`` new values; equal values change nothing."""
        self.engine.input_changes()
        record = self._by_key.get(key)
        if record is None:
            record = self._by_key[key] = self.record(key, values)
            self._present[record] = None
            self._push([record], [])
            return record
        old = record.values
        mask = 0
        for position, (before, after) in enumerate(zip(old, values, strict=True)):
            if before is not after and before != after:
                mask |= 1 << position
        if mask:
            record.values = values
            if record.readers and mask & record.seen:
                mark(record.readers, mask)
            for subscriber in self._subscribers:
                subscriber.change(record, mask)
        return record

    def delete(self, key: Any) -> None:
        """Remove the record at ``key``; raises ``KeyError``."""
        self.engine.input_changes()
        record = self._by_key.pop(key)
        del self._present[record]
        if record.readers:
            mark(record.readers, ALL)
        self._push([], [record])

    def peek(self, key: Any) -> R | None:
        """The record at ``key``, without recording a read: for code outside of derivations."""
        return self._by_key.get(key)

    def peek_all(self) -> ValuesView[R]:
        """All records, without recording a read."""
        return self._by_key.values()

    def elements(self) -> KeysView[R]:
        """All records."""
        return self._present.keys()

    def settle(self, *, reading: bool = False) -> None:
        """An input is always up to date."""
        del reading
        self._settled_at = self.engine.revision
