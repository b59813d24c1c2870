"""The general database verbs that read: list, find, get, wait-until, comment (ovs-vsctl(8),
"Database Command Syntax").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.schema import UNLIMITED, ColumnSchema, ColumnType, TableSchema
from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.conditions import ARITHMETIC, LONGEST_FIRST, elements, holds
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import MANY, Command, Verb
from pyovn.tools.ctl.naming import (
    UUID_COLUMN,
    column_of,
    find_shown_column,
    find_table,
    parse_column_argument,
    parse_key,
)
from pyovn.tools.ctl.text import format_atom, format_value, parse_value

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row


def shown_columns(table: TableSchema, command: Command) -> list[ColumnSchema]:
    """``--columns``, or all columns with ``_uuid`` first."""
    asked = command.options.get("--columns")
    if asked is None:
        return [UUID_COLUMN, *(table.columns[c] for c in sorted(table.columns))]
    names = [name for word in asked.split(",") for name in word.split()]
    if not names:
        raise CtlError("must specify at least one column name")
    return [find_shown_column(table, name) for name in names]


def _need_shown(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    needs.add(table.name, *(c.name for c in shown_columns(table, command)))


def _need_conditions(needs: Needs, table: TableSchema, conditions: tuple[str, ...]) -> None:
    for condition in conditions:
        needs.add(table.name, column_of(table, condition).name)


def _show(context: Context, command: Command, table: TableSchema, rows: list[Row]) -> None:
    from pyovn.tools import table as tables

    columns = shown_columns(table, command)
    cells = [[tables.Datum(column.type, row.get(column.name)) for column in columns] for row in rows]
    asked = context.style
    style = tables.Style(asked.format, asked.data, asked.headings, asked.pretty, asked.max_column_width)
    command.output.append(tables.format_table([c.name for c in columns], cells, style))
    command.is_table = True


def run_list(context: Context, command: Command) -> None:
    """Print records, or all records."""
    table = find_table(context.model.schema, command.arguments[0])
    rows = []
    for record in command.arguments[1:]:
        if command.given("--if-exists"):
            row = context.row_if_exists(table.name, record)
        else:
            row = context.row(table.name, record)
        if row is not None:
            rows.append(row)
    if len(command.arguments) == 1:
        rows = list(context.model.rows(table.name))
    _show(context, command, table, rows)


def satisfies(context: Context, row: Row, condition: str) -> bool:
    """Whether ``COLUMN[:KEY] RELATION VALUE`` holds on ``row``."""
    parsed = parse_column_argument(row.table, condition, LONGEST_FIRST)
    kind = parsed.column.type
    assert parsed.operator is not None
    value = row.get(parsed.column.name)
    if parsed.key is None:
        wanted = parse_value(kind, parsed.value, context.symbols.refer)
        return holds(parsed.operator, elements(kind, value), elements(kind, wanted))
    key = parse_key(parsed.column, parsed.key, "check")
    assert kind.value is not None
    assert isinstance(value, FrozenMap)
    wanted_kind = ColumnType(kind.value, None, 0, UNLIMITED)
    wanted = parse_value(wanted_kind, parsed.value, context.symbols.refer)
    if key not in value and parsed.operator in ARITHMETIC:
        return False
    actual: frozenset[Any] = frozenset((value[key],)) if key in value else frozenset()
    return holds(parsed.operator, actual, elements(wanted_kind, wanted))


def _need_find(needs: Needs, command: Command) -> None:
    _need_shown(needs, command)
    _need_conditions(needs, find_table(needs.schema, command.arguments[0]), command.arguments[1:])


def run_find(context: Context, command: Command) -> None:
    """Print the records that satisfy all conditions."""
    table = find_table(context.model.schema, command.arguments[0])
    conditions = command.arguments[1:]
    rows = context.model.where(table.name, lambda row: all(satisfies(context, row, c) for c in conditions))
    _show(context, command, table, rows)


def _need_get(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    if command.given("--if-exists") and command.given("--id"):
        raise CtlError("--if-exists and --id may not be specified together")
    for argument in command.arguments[2:]:
        needs.add(table.name, column_of(table, argument, shown=True).name)


def run_get(context: Context, command: Command) -> None:
    """Print columns, or values of a map's keys, one per line; or give the record a name."""
    table_name, record, *columns = command.arguments
    table = find_table(context.model.schema, table_name)
    lenient = command.given("--if-exists")
    row = context.row_if_exists(table.name, record) if lenient else context.row(table.name, record)
    if row is None:
        return
    name = command.options.get("--id")
    if name is not None:
        context.symbols.define(name, row.uuid)
    for argument in columns:
        column, key, _, _ = parse_column_argument(table, argument, (), shown=True)
        value = row.get(column.name)
        if key is None:
            command.write(format_value(column.type, value))
            continue
        atom = parse_key(column, key, "get")
        assert isinstance(value, FrozenMap)
        if atom in value:
            command.write(format_atom(value[atom]))
        elif lenient:
            command.write("")
        else:
            raise CtlError(f'no key "{key}" in {table.name} record "{record}" column {column.name}')


def _need_wait(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    _need_conditions(needs, table, command.arguments[2:])


def run_wait_until(context: Context, command: Command) -> None:
    """Hold back the rest of the line until the record exists and satisfies all conditions."""
    table = find_table(context.model.schema, command.arguments[0])
    row = context.row_if_exists(table.name, command.arguments[1])
    if row is None or not all(satisfies(context, row, c) for c in command.arguments[2:]):
        context.try_again = True


def run_comment(context: Context, command: Command) -> None:
    """Nothing: the words are in the log record of the transaction anyhow."""


VERBS: Final = (
    Verb("comment", 0, MANY, run_comment, syntax="[ARG]..."),
    Verb(
        "get",
        2,
        MANY,
        run_get,
        _need_get,
        options="--if-exists --id=",
        syntax="TABLE RECORD [COLUMN[:KEY]]...",
    ),
    Verb(
        "list", 1, MANY, run_list, _need_shown, options="--if-exists --columns=", syntax="TABLE [RECORD]..."
    ),
    Verb("find", 1, MANY, run_find, _need_find, options="--columns=", syntax="TABLE [COLUMN[:KEY]=VALUE]..."),
    Verb("wait-until", 2, MANY, run_wait_until, _need_wait, syntax="TABLE RECORD [COLUMN[:KEY]=VALUE]..."),
)
