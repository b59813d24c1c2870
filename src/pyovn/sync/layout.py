"""Where the columns of a managed table stand, and which of them the server takes.

One for each table, made anew when the server's schema is another one: a cold start writes thousands of rows,
and what is the same for all of them is found once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyovn.ovsdb.replica import ReplicaTable
    from pyovn.sync.managed import Managed

NO_DEFAULT: Final = object()
"""The default of a column that the table has not."""


class Layout:
    """Of one table; ``served`` is the replica's tuple of columns by which it was made."""

    __slots__ = ("blank", "defaults", "maps", "places", "served", "unserved")

    def __init__(self, managed: Managed, table: ReplicaTable) -> None:
        row, self.served = managed.row, table.present
        columns = row.schema.columns
        self.places = {name: place for place, name in enumerate(row.COLUMNS)}
        """Column name to its place in a row's values."""
        self.defaults = {name: columns[name].type.default() for name in row.COLUMNS if name in columns}
        """What the columns of a new row hold when nothing is said of them (RFC 7047, section 5.2.1)."""
        self.maps = frozenset(name for name, column in columns.items() if column.type.is_map)
        self.unserved = frozenset(self.places) - frozenset(table.present)
        """Columns that the server lacks: nothing is said of them.  What is undeclared is said and refused."""
        self.blank = table.defaults
        """A row of the replica of which nothing is said."""
