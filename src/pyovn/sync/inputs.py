"""A database replica feeds the engine: one input table per database table.

``Inputs`` makes an engine table for each row class that it is given and applies the client's changes
to them.  The tuple that the replica holds is the tuple that the record holds, so a row exists once.

Only what derivations read belongs here.  Tables that a daemon merely writes (``Logical_Flow`` in
ovn-northd) go to the reconciler alone, which needs no record of who read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from pyovn.incremental import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyovn.incremental import Engine, Table
    from pyovn.ovsdb.replica import Change
    from pyovn.sync.rows import RowClass

R = TypeVar("R", bound=Record)


def wanted_columns(rows: Iterable[RowClass[Record]]) -> dict[str, Sequence[str]]:
    """What a client has to monitor so that ``rows`` can be read whole."""
    return {row.TABLE: row.COLUMNS for row in rows}


class Inputs:
    """The engine tables of one database."""

    def __init__(self, engine: Engine, prefix: str, rows: Iterable[RowClass[Record]]) -> None:
        self._engine = engine
        self._tables: dict[str, Table[Record]] = {
            row.TABLE: engine.table(f"{prefix}.{row.TABLE}", row) for row in rows
        }

    def table(self, row: RowClass[R]) -> Table[R]:
        """The engine table of a row class; ``KeyError`` if it is not one of the inputs."""
        return cast("Table[R]", self._tables[row.TABLE])

    def apply(self, changes: Iterable[Change]) -> None:
        """Take in what the client reports; changes of other tables are not ours."""
        tables = self._tables
        with self._engine.batch():
            for name, uuid, _old, new in changes:
                table = tables.get(name)
                if table is None:
                    continue
                if new is None:
                    table.delete(uuid)
                else:
                    table.put(uuid, new)

    def clear(self) -> None:
        """Forget all rows: the database was replaced by another one."""
        with self._engine.batch():
            for table in self._tables.values():
                for record in list(table.peek_all()):
                    table.delete(record.key)
