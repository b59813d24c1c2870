"""Names of tables, columns and records on the command line (ovs-vsctl(8), "Identifying Tables,
Records, and Columns").

Names of tables and columns may be abbreviated, in any case, with ``-`` for ``_``.  A record is a UUID,
or what one of its table's ``RecordId`` entries matches, or the first four or more digits of a UUID, or ``.``
for the row of a table that has just one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.schema import BaseType, ColumnSchema, ColumnType
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.text import parse_atom, scan_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyovn.ovsdb.schema import DatabaseSchema, TableSchema
    from pyovn.ovsdb.values import Atom
    from pyovn.tools.ctl.model import Model, Row

UUID_COLUMN: Final = ColumnSchema("_uuid", ColumnType(BaseType("uuid")))
SHORTEST_UUID_PREFIX: Final = 4
_HEX: Final = frozenset("0123456789abcdefABCDEF-")


class RecordId(NamedTuple):
    """One way to name a row of a table.

    ``column`` None is the singleton ``.``; ``key`` looks into a map; ``via`` is a column of the named
    row's own table that refers to the wanted row, as a QoS row is named by the port that has it.
    """

    table: str
    column: str | None
    key: str | None = None
    via: str | None = None


RecordIds = dict[str, tuple[RecordId, ...]]


def fold(name: str) -> str:
    """What two spellings of one name have in common."""
    return name.lower().replace("-", "_")


def _match(name: str, names: Iterable[str]) -> list[str]:
    wanted = fold(name)
    found = [n for n in names if fold(n) == wanted]
    return found or [n for n in names if fold(n).startswith(wanted)]


def find_table(schema: DatabaseSchema, name: str) -> TableSchema:
    """The table whose name is, or uniquely begins with, ``name``."""
    found = _match(name, sorted(schema.tables))
    if not found:
        raise CtlError(f'unknown table "{name}"')
    if len(found) > 1:
        raise CtlError(f'"{name}" matches multiple table names: {", ".join(found)}')
    return schema.tables[found[0]]


def find_column(table: TableSchema, name: str) -> ColumnSchema:
    """The column whose name is, or uniquely begins with, ``name``."""
    found = _match(name, sorted(table.columns)) if name else []
    if not found:
        raise CtlError(f'{table.name} does not contain a column whose name matches "{name}"')
    if len(found) > 1:
        raise CtlError(
            f'{table.name} contains more than one column whose name matches "{name}": {", ".join(found)}'
        )
    return table.columns[found[0]]


def find_shown_column(table: TableSchema, name: str) -> ColumnSchema:
    """Like ``find_column`` where ``_uuid`` may be read too."""
    return UUID_COLUMN if fold(name) == "_uuid" else find_column(table, name)


class ColumnArgument(NamedTuple):
    """``COLUMN[:KEY][OPERATOR VALUE]`` as typed."""

    column: ColumnSchema
    key: str | None
    operator: str | None
    value: str


def parse_column_argument(
    table: TableSchema, argument: str, operators: Sequence[str], *, shown: bool = False
) -> ColumnArgument:
    """Take ``argument`` apart; ``operators`` longest first, or none where no value may follow."""
    column = column_of(table, argument, shown=shown)
    end = scan_token(argument, 0)
    key = None
    if argument[end : end + 1] == ":":
        start = end + 1
        end = scan_token(argument, start)
        key = argument[start:end]
    rest = argument[end:]
    if not operators:
        if rest:
            raise CtlError(f'{argument}: trailing garbage "{rest}" in argument')
        return ColumnArgument(column, key, None, "")
    for operator in operators:
        if rest.startswith(operator) and len(rest) > len(operator):
            return ColumnArgument(column, key, operator, rest[len(operator) :])
    raise CtlError(f"{argument}: argument does not end in {_alternatives(operators)} followed by a value.")


_SHOWN_ORDER: Final = (
    "=", "!=", "<", ">", "<=", ">=", "{=}", "{!=}", "{<}", "{>}", "{<=}", "{>=}", "{in}", "{not-in}",
)  # fmt: skip


def _alternatives(operators: Sequence[str]) -> str:
    quoted = [f'"{o}"' for o in _SHOWN_ORDER if o in operators]
    if len(quoted) == 1:
        return quoted[0]
    return ", ".join(quoted[:-1]) + f", or {quoted[-1]}"


def column_of(table: TableSchema, argument: str, *, shown: bool = False) -> ColumnSchema:
    """The column that ``COLUMN[:KEY]...`` begins with; what follows is judged when the verb is executed."""
    end = scan_token(argument, 0)
    if end == 0:
        raise CtlError(f"{argument}: missing column name")
    return (find_shown_column if shown else find_column)(table, argument[:end])


def parse_key(column: ColumnSchema, key: str, verb: str) -> Atom:
    """A map's key; ``verb`` is for the message when the column is no map."""
    if not column.type.is_map:
        raise CtlError(f"cannot specify key to {verb} for non-map column {column.name}")
    return parse_atom(column.type.key, key)


def needed_columns(ids: RecordIds, table: str) -> dict[str, list[str]]:
    """What ``find_row`` reads besides UUIDs: columns by table."""
    needed: dict[str, list[str]] = {table: []}
    for by in ids.get(table, ()):
        columns = needed.setdefault(by.table, [])
        columns += [c for c in (by.column, by.via) if c is not None]
    return needed


def find_row(model: Model, ids: RecordIds, table: str, record: str, *, must_exist: bool = True) -> Row | None:
    """The one row that ``record`` names; None only when it need not exist."""
    row = None
    if UUID.is_valid(record):
        row = model.find(table, UUID.parse(record))
    for by in ids.get(table, ()):
        if row is not None:
            break
        row = _find_by(model, by, table, record)
    if row is None and record == ".":
        row = _only_row(model, table)
    if row is None and len(record) >= SHORTEST_UUID_PREFIX and _HEX.issuperset(record):
        found = model.where(table, lambda r: r.uuid.startswith(record.lower()))
        if len(found) > 1:
            raise CtlError(f"{table} contains 2 or more rows whose UUIDs begin with {record}")
        row = found[0] if found else None
    if row is None and must_exist:
        raise CtlError(f'no row "{record}" in table {table}')
    return row


def _only_row(model: Model, table: str) -> Row | None:
    found = list(model.rows(table))
    return found[0] if len(found) == 1 else None


def _find_by(model: Model, by: RecordId, table: str, record: str) -> Row | None:
    if by.column is None:
        return _only_row(model, by.table) if record == "." else None
    found = model.where(by.table, lambda row: _names(row.get(by.column or ""), by.key, record))
    if len(found) > 1:
        raise CtlError(f'multiple rows in {by.table} match "{record}"')
    if not found or by.via is None:
        return found[0] if found else None
    referred = found[0].atoms(by.via)
    return model.find(table, referred[0]) if len(referred) == 1 else None


def _names(value: Any, key: str | None, record: str) -> bool:
    if key is not None:
        return isinstance(value, FrozenMap) and value.get(key) == record
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) == record
    return isinstance(value, str) and value == record
