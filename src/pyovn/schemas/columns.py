"""How a database is declared as typed tables.

A table is a class whose attributes are its columns::

    class LogicalSwitchPort(Row, table="Logical_Switch_Port", indexes=(("name",),)):
        name = scalar(string())
        addresses = many(string())
        up = optional(boolean())

The declaration is the schema (``LogicalSwitchPort.schema``, and ``Database.schema`` of all tables) and
it is the record that derivations read: ``port.addresses`` has the type ``frozenset[str]`` for mypy, and
reading it in a derivation is recorded.  At class creation every ``Column`` is replaced by the property
that ``incremental.column`` makes, so reading a column costs one function call.

The order of the values in a row is the order of declaration: ``COLUMNS``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar, overload

from pyovn.incremental import Record
from pyovn.incremental import column as tracked
from pyovn.ovsdb.schema import (
    UNLIMITED,
    BaseType,
    ColumnSchema,
    ColumnType,
    DatabaseSchema,
    TableSchema,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.ovsdb.values import UUID, FrozenMap

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class Base(Generic[T]):
    """An atomic type with its constraints; ``T`` is the Python type of the atom."""

    __slots__ = ("type",)

    def __init__(self, base: BaseType) -> None:
        self.type = base


class Column(Generic[T]):
    """A declared column; ``T`` is the Python type of its value."""

    __slots__ = ("ephemeral", "mutable", "type")

    def __init__(self, column_type: ColumnType, *, ephemeral: bool, mutable: bool) -> None:
        self.type = column_type
        self.ephemeral = ephemeral
        self.mutable = mutable

    @overload
    def __get__(self, row: None, owner: type[Any]) -> Column[T]: ...
    @overload
    def __get__(self, row: Row, owner: type[Any]) -> T: ...
    def __get__(self, row: Row | None, owner: type[Any]) -> Any:
        """For mypy only: at run time the class holds the tracked property instead."""
        raise TypeError(f"{owner.__name__} was not made by Row")


def _sorted(enum: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    """An enum is a set: its one form is the sorted one."""
    return None if enum is None else tuple(sorted(enum))


def string(*, enum: tuple[str, ...] | None = None, max_length: int | None = None) -> Base[str]:
    """A string."""
    return Base(BaseType("string", enum=_sorted(enum), max_length=max_length))


def integer(
    *,
    min: int | None = None,  # noqa: A002  OVSDB's words
    max: int | None = None,  # noqa: A002
    enum: tuple[int, ...] | None = None,
) -> Base[int]:
    """A 64-bit signed integer."""
    return Base(BaseType("integer", enum=_sorted(enum), min=min, max=max))


def real() -> Base[float]:
    """A floating-point number."""
    return Base(BaseType("real"))


def boolean() -> Base[bool]:
    """True or false."""
    return Base(BaseType("boolean"))


def uuid() -> Base[UUID]:
    """A UUID that refers to nothing in particular."""
    return Base(BaseType("uuid"))


def strong(table: str) -> Base[UUID]:
    """A reference that keeps its row alive."""
    return Base(BaseType("uuid", ref_table=table))


def weak(table: str) -> Base[UUID]:
    """A reference that disappears with its row."""
    return Base(BaseType("uuid", ref_table=table, ref_type="weak"))


def scalar(base: Base[T], *, ephemeral: bool = False, mutable: bool = True) -> Column[T]:
    """Exactly one atom."""
    return Column(ColumnType(base.type), ephemeral=ephemeral, mutable=mutable)


def optional(base: Base[T], *, ephemeral: bool = False, mutable: bool = True) -> Column[T | None]:
    """One atom or none."""
    return Column(ColumnType(base.type, min=0), ephemeral=ephemeral, mutable=mutable)


def many(
    base: Base[T],
    *,
    min: Literal[0, 1] = 0,  # noqa: A002  OVSDB's words
    max: int = UNLIMITED,  # noqa: A002
    ephemeral: bool = False,
    mutable: bool = True,
) -> Column[frozenset[T]]:
    """A set."""
    return Column(ColumnType(base.type, min=min, max=max), ephemeral=ephemeral, mutable=mutable)


def mapping(
    key: Base[K],
    value: Base[V],
    *,
    min: Literal[0, 1] = 0,  # noqa: A002  OVSDB's words
    max: int = UNLIMITED,  # noqa: A002
    ephemeral: bool = False,
    mutable: bool = True,
) -> Column[FrozenMap[K, V]]:
    """A map."""
    return Column(ColumnType(key.type, value.type, min, max), ephemeral=ephemeral, mutable=mutable)


class Row(Record):
    """A row of a database table; ``key`` is its UUID."""

    __slots__ = ()

    TABLE: ClassVar[str]
    COLUMNS: ClassVar[tuple[str, ...]]
    DEFAULTS: ClassVar[tuple[Any, ...]]
    schema: ClassVar[TableSchema]

    def __init_subclass__(
        cls,
        *,
        table: str,
        root: bool = False,
        max_rows: int = UNLIMITED,
        indexes: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        declared = {name: item for name, item in vars(cls).items() if isinstance(item, Column)}
        cls.TABLE = table
        cls.COLUMNS = tuple(declared)
        cls.DEFAULTS = tuple(item.type.default() for item in declared.values())
        columns = {
            name: ColumnSchema(name, item.type, item.ephemeral, item.mutable)
            for name, item in declared.items()
        }
        cls.schema = TableSchema(table, columns, root, max_rows, indexes)
        for position, name in enumerate(declared):
            setattr(cls, name, tracked(position, name))

    @property
    def uuid(self) -> UUID:
        """The row's UUID; it never changes, so reading it is not recorded."""
        key: UUID = self.key
        return key


class Database:
    """All tables of a database, and the schema that they make together."""

    def __init__(
        self, name: str, *, version: str, cksum: str | None = None, tables: tuple[type[Row], ...]
    ) -> None:
        self.name = name
        self.tables: Mapping[str, type[Row]] = {table.TABLE: table for table in tables}
        self.schema = DatabaseSchema(name, version, {t.TABLE: t.schema for t in tables}, cksum)
