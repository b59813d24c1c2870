"""Records: rows whose columns remember who read them.

A ``Record`` belongs to an input table and is what derivations are given.  Its columns are read as
attributes; each such read is recorded with the column's bit, so a derivation that looks at a port's
``addresses`` is left alone when the port's ``up`` changes.

A record's identity is the object: a row that is deleted and inserted again under the same key is a
new record.  Records are changed by their table only.
"""

from __future__ import annotations

from typing import Any

from pyovn.incremental.tracking import STATE, Source


class Record(Source):
    """A row of an input table: ``key`` names it, ``values`` holds its columns in order."""

    __slots__ = ("key", "values")

    def __init__(self, key: Any, values: tuple[Any, ...]) -> None:
        self.readers = None
        self.seen = 0
        self.key = key
        self.values = values

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key}>"


def column(position: int, name: str) -> property:
    """The attribute that reads column ``position`` and records the read."""
    bit = 1 << position

    def read(record: Record) -> Any:
        reads = STATE.reads
        if reads is not None:
            reads[record] = reads.get(record, 0) | bit
        return record.values[position]

    read.__name__ = name
    return property(read)


def record_type(name: str, columns: tuple[str, ...]) -> type[Record]:
    """Make a record class with these columns, for tests and for tables without a schema."""
    body: dict[str, Any] = {"__slots__": (), "__doc__": f"A row of {name}."}
    body.update({c: column(i, c) for i, c in enumerate(columns)})
    return type(name, (Record,), body)
