"""What is wanted of one row: the unit that the reconciler compares and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from pyovn.incremental import Derived
    from pyovn.ovsdb.values import UUID
    from pyovn.sync.members import Members
    from pyovn.sync.wants import Ref, RowItem

    Wanter = Derived[Any, Any]


class Entry:
    """What is wanted of one row.

    Several items may want one row, each its columns; for a column that two of them name, the one whose text
    sorts first counts, so that it does not matter who came first.  One item may be wanted by several
    relations.
    """

    __slots__ = ("elements", "gone", "holders", "items", "key", "table", "uuid")

    def __init__(self, table: str, key: Hashable) -> None:
        self.table = table
        self.key = key
        self.items: dict[RowItem, Wanter | list[Wanter]] = {}
        self.elements: dict[str, Members] | None = None
        self.holders: set[tuple[Entry, str]] | None = None
        """Rows and columns whose elements hold this row's UUID."""
        self.gone: set[tuple[str, Any]] | None = None
        """Elements of shared columns that we wanted once and that may still be there."""
        self.uuid: UUID | None = None

    def columns(self) -> Iterable[tuple[str, Any]]:
        """All wanted (column, value) pairs."""
        if len(self.items) == 1:
            return next(iter(self.items)).columns
        merged: dict[str, Any] = {}
        for item in sorted(self.items, key=repr):
            for column, value in item.columns:
                merged.setdefault(column, value)
        return merged.items()


class UnresolvedError(LookupError):
    """A reference to a row that nothing wants, or that cannot be written."""

    def __init__(self, missing: Ref) -> None:
        super().__init__(missing)
        self.missing = missing
