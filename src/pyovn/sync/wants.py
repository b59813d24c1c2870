"""What derivations want of a database.

A derivation yields items; the reconciler makes the database so.  Three kinds:

``Want``     a row: its table, its key, and the columns that we decide.  Columns that are not named
             are left to whoever owns them.
``Element``  one member of a set column of a wanted row, or one ``(key, value)`` of a map column.
             10,000 ports each yield their own membership in a flood group, so a port more is one
             ``mutate`` and nobody lists 10,000 again.
``Ref``      inside of a key or a value: the UUID of another wanted row, whatever it will be.

A *key* is symbolic: it is made of what derivations know (a northbound UUID, a name), so it needs no
database to compute and is the same after a restart; ``Existing`` is the key of a row that is not ours.
All are values: hashable and compared by content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from pyovn.ovsdb.values import UUID, FrozenMap

if TYPE_CHECKING:
    from collections.abc import Hashable

PLAIN: Final = frozenset({str, int, bool, float, type(None), UUID, FrozenMap})
"""Types of values that hold no ``Ref``."""


class Ref(NamedTuple):
    """The UUID of the row that is wanted as (table, key)."""

    table: str
    key: Hashable


class Existing(NamedTuple):
    """As a key: the row of this UUID, which somebody else made.  It is changed, never made or deleted."""

    uuid: UUID


class RowItem(Protocol):
    """Any item that wants a row; ``Want`` is the general one, hot tables have their own."""

    @property
    def table(self) -> str:
        """The table's name."""

    @property
    def key(self) -> Hashable:
        """The row's symbolic key, unique in the table."""

    @property
    def columns(self) -> tuple[tuple[str, Any], ...]:
        """(column, value) pairs; values may hold ``Ref``."""


class Want(NamedTuple):
    """A row."""

    table: str
    key: Hashable
    columns: tuple[tuple[str, Any], ...]


class Element(NamedTuple):
    """A member of a set column, or a (key, value) pair of a map column, of a wanted row."""

    table: str
    key: Hashable
    column: str
    value: Any


def want(table: str, key: Hashable, **columns: Any) -> Want:
    """A row, written readably."""
    return Want(table, key, tuple(columns.items()))
