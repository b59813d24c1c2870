"""What this room needs to know of a typed table: its name, its columns, and how to wrap a row.

``schemas.columns.Row`` classes are such tables.  The room stands beside ``schemas``, not above it, so it
names the part that it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pyovn.incremental import Record

if TYPE_CHECKING:
    from pyovn.ovsdb.schema import TableSchema

R_co = TypeVar("R_co", bound=Record, covariant=True)


class RowClass(Protocol[R_co]):
    """A table declared as a class; calling it wraps a row's key and values."""

    TABLE: str
    COLUMNS: tuple[str, ...]
    schema: TableSchema

    def __call__(self, key: Any, values: tuple[Any, ...]) -> R_co:
        """Wrap a row."""
