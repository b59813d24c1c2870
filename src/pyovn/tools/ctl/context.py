"""What a verb gets to work with: what it may ask for (``Needs``) and where it works (``Context``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.tools.ctl.errors import CtlError, warn
from pyovn.tools.ctl.model import Model, random_uuid
from pyovn.tools.ctl.naming import RecordIds, find_row, find_table, needed_columns

if TYPE_CHECKING:
    from pyovn.ovsdb.schema import DatabaseSchema, TableSchema
    from pyovn.ovsdb.values import UUID
    from pyovn.tools.ctl.model import Row
    from pyovn.tools.table import Data, Format


class Needs:
    """Collects the tables and columns that a line of commands reads."""

    def __init__(self, schema: DatabaseSchema, ids: RecordIds) -> None:
        self.schema = schema
        self.ids = ids
        self.columns: dict[str, dict[str, None]] = {}

    def add(self, table: str, *columns: str) -> None:
        """Columns of a table; those that the server's schema lacks read as their default."""
        known = self.schema.tables.get(table)
        if known is None:
            raise CtlError(f"{self.schema.name} has no table {table} in this version of the database")
        self.columns.setdefault(table, {}).update(dict.fromkeys(c for c in columns if c in known.columns))

    def everything(self, table: str) -> None:
        """All columns of a table."""
        self.add(table, *self.schema.tables[table].columns)

    def table(self, name: str) -> TableSchema:
        """The table that an argument names, ready for ``Context.row``."""
        table = find_table(self.schema, name)
        for needed, columns in needed_columns(self.ids, table.name).items():
            self.add(needed, *columns)
        return table


class _Symbol:
    __slots__ = ("created", "strong", "uuid", "weak")

    def __init__(self, uuid: UUID) -> None:
        self.uuid = uuid
        self.created = self.strong = self.weak = False


class Symbols:
    """The ``@name``s of a line: each stands for one row, before or after that row is created."""

    def __init__(self) -> None:
        self.symbols: dict[str, _Symbol] = {}

    def refer(self, name: str, ref_type: str) -> UUID:
        """The UUID that ``@name`` stands for."""
        symbol = self.symbols.setdefault(name, _Symbol(random_uuid()))
        if ref_type == "weak":
            symbol.weak = True
        else:
            symbol.strong = True
        return symbol.uuid

    def define(self, name: str, uuid: UUID | None = None, *, is_root: bool = True) -> UUID:
        """Say which row ``@name`` is: an existing one's ``uuid``, or a new one, which gets the result."""
        if not name.startswith("@"):
            raise CtlError(f'row id "{name}" does not begin with "@"')
        symbol = self.symbols.setdefault(name, _Symbol(uuid or random_uuid()))
        if symbol.created:
            raise CtlError(f'row id "{name}" may only be specified on one --id option')
        symbol.created = True
        symbol.strong |= is_root
        if uuid is not None:
            symbol.uuid = uuid
        return symbol.uuid

    def check(self, module: str) -> None:
        """At the end of a line: every name that is used must be defined."""
        for name, symbol in self.symbols.items():
            if not symbol.created:
                raise CtlError(
                    f'row id "{name}" is referenced but never created (e.g. with "-- --id={name} create ...")'
                )
            if symbol.strong:
                continue
            if symbol.weak:
                warn(
                    module,
                    f'row id "{name}" was created but only a weak reference to it was inserted, '
                    "so it will not actually appear in the database",
                )
            else:
                warn(
                    module,
                    f'row id "{name}" was created but no reference to it was inserted, '
                    "so it will not actually appear in the database",
                )


class Style:
    """How tables are printed (ovs-vsctl(8), "Table Formatting Options")."""

    __slots__ = ("data", "format", "headings", "max_column_width", "pretty")

    def __init__(self) -> None:
        self.format: Format = "list"
        self.data: Data = "string"
        self.headings = True
        self.pretty = False
        self.max_column_width = 0


class Context:
    """One attempt to run a line of commands."""

    __slots__ = ("ids", "model", "style", "symbols", "sync", "try_again")

    def __init__(self, model: Model, ids: RecordIds, style: Style) -> None:
        self.model = model
        self.ids = ids
        self.style = style
        self.symbols = Symbols()
        self.try_again = False
        """A ``wait-until`` is not satisfied yet."""
        self.sync = False
        """Wait for the daemons even if nothing changes (``sync``)."""

    def row(self, table: str, record: str) -> Row:
        """The row that ``record`` names; raises ``CtlError``."""
        row = find_row(self.model, self.ids, table, record)
        assert row is not None
        return row

    def row_if_exists(self, table: str, record: str) -> Row | None:
        """Likewise, or None."""
        return find_row(self.model, self.ids, table, record, must_exist=False)
