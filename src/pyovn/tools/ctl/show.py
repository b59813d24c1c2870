"""The overview that ``ovs-vsctl show`` and ``ovn-sbctl show`` print: rows as a tree along references.

A ``Shown`` table says which columns appear under a row's name.  Columns that hold their default are left
out; a reference to a row of a shown table opens that row one level deeper, the others print as values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.grammar import Command, Verb
from pyovn.tools.ctl.text import format_value

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row


class Shown(NamedTuple):
    """One table of an overview."""

    table: str
    name: str | None
    """The column after the table's name; None prints the row's UUID alone."""
    columns: tuple[str, ...]
    referrers: tuple[str, str, str] | None = None
    """(table, referring column, name column) of rows that point here, listed last."""


def show_verb(tables: tuple[Shown, ...]) -> Verb:
    """``show`` for an overview that starts at the rows of the first table."""
    by_name = {shown.table: shown for shown in tables}

    def need(needs: Needs, _command: Command) -> None:
        for shown in tables:
            needs.add(shown.table, *filter(None, (shown.name,)), *shown.columns)
            if shown.referrers is not None:
                needs.add(*shown.referrers)

    def run(context: Context, command: Command) -> None:
        root = tables[0]
        rows = list(context.model.rows(root.table))
        for row in sorted(rows, key=lambda row: row.text(root.name or "_uuid")):
            _show_row(context, command, by_name, row, 0)

    return Verb("show", 0, 0, run, need)


def _show_row(context: Context, command: Command, tables: dict[str, Shown], row: Row, level: int) -> None:
    shown = tables[row.table.name]
    indent = "    " * level
    if shown.name is None:
        command.write(f"{indent}{row.uuid}")
    else:
        name = format_value(row.table.columns[shown.name].type, row.get(shown.name))
        command.write(f"{indent}{row.table.name} {name}")
    for column in shown.columns:
        _show_column(context, command, tables, row, column, level + 1)
    if shown.referrers is not None:
        table, reference, name_column = shown.referrers
        for other in context.model.referrers(table, reference, row.uuid):
            name = format_value(other.table.columns[name_column].type, other.get(name_column))
            command.write(f"{indent}    {table} {name}")


def _show_column(
    context: Context, command: Command, tables: dict[str, Shown], row: Row, column: str, level: int
) -> None:
    schema = row.table.columns.get(column)
    if schema is None:
        return
    value = row.get(column)
    target = schema.type.key.ref_table
    if target in tables and not isinstance(value, FrozenMap):
        for uuid in row.atoms(column):
            other = context.model.find(target, uuid)
            if other is not None:
                _show_row(context, command, tables, other, level)
    elif value != schema.type.default():
        command.write(f"{'    ' * level}{column}: {format_value(schema.type, value)}")
