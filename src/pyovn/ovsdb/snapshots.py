"""The text of a table's contents, kept for the next client that asks for the same.

After a restart of the server all clients come back at once and ask for everything.  To encode a hundred
thousand rows takes the better part of a second, to send the text that is there already a tenth of that.
The text also is one object, however many clients it waits for.

A table's texts are dropped when the table changes, and the oldest when all are more than ``LIMIT`` bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.errors import compact

if TYPE_CHECKING:
    from pyovn.ovsdb.store import Table
    from pyovn.ovsdb.transaction import ChangeSet
    from pyovn.ovsdb.views import Shape, TableView

LIMIT: Final = 256 << 20
_SMALL: Final = 1 << 12
"""Bytes below which a text is not worth keeping."""


class Contents:
    """The texts of one database."""

    __slots__ = ("_by_table", "_size")

    def __init__(self) -> None:
        self._by_table: dict[Table, dict[tuple[Shape, str], bytes]] = {}
        self._size = 0

    def of(self, view: TableView) -> bytes:
        """``view.contents()``, made anew or not."""
        key = view.shape, compact(view.where)
        text = self._by_table.get(view.table, {}).get(key)
        if text is None:
            text = view.contents()
            if _SMALL <= len(text) <= LIMIT:
                self._by_table.setdefault(view.table, {})[key] = text
                self._size += len(text)
                while self._size > LIMIT:
                    self._drop_table(next(iter(self._by_table)))
        return text

    def _drop_table(self, table: Table) -> None:
        for text in self._by_table.pop(table, {}).values():
            self._size -= len(text)

    def changed(self, changes: ChangeSet) -> None:
        """Drop what holds no more."""
        if self._by_table:
            for table in {change.table for change in changes}:
                self._drop_table(table)

    def clear(self) -> None:
        """Drop everything."""
        self._by_table.clear()
        self._size = 0
