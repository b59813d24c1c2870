"""The general database verbs that write: set, add, remove, clear, create, destroy (ovs-vsctl(8),
"Database Command Syntax").

``set COLUMN=VALUE`` replaces; ``set COLUMN:KEY=VALUE`` and ``add`` change single elements, so what others add
meanwhile stays; ``remove`` reads and writes the whole column, and so verifies it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.schema import UNLIMITED, ColumnType, TableSchema
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools.ctl.errors import CtlError, warn
from pyovn.tools.ctl.grammar import MANY, Command, Verb
from pyovn.tools.ctl.model import default_of
from pyovn.tools.ctl.naming import column_of, find_column, find_table, parse_column_argument, parse_key
from pyovn.tools.ctl.text import parse_atom, parse_value

if TYPE_CHECKING:
    from pyovn.ovsdb.values import Value
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row


def _target(context: Context, command: Command) -> Row | None:
    table = find_table(context.model.schema, command.arguments[0])
    record = command.arguments[1]
    if command.given("--if-exists"):
        return context.row_if_exists(table.name, record)
    return context.row(table.name, record)


def _check_mutable(table: TableSchema, name: str) -> None:
    if not table.columns[name].mutable:
        raise CtlError(f"cannot modify read-only column {name} in table {table.name}")


def set_column(context: Context, row: Row, argument: str) -> None:
    """Carry out one ``COLUMN[:KEY]=VALUE``."""
    parsed = parse_column_argument(row.table, argument, ("=",))
    column = parsed.column
    if row.original is not None:
        _check_mutable(row.table, column.name)
    if parsed.key is None:
        row.put(column.name, parse_value(column.type, parsed.value, context.symbols.refer))
        return
    key = parse_key(column, parsed.key, "set")
    assert column.type.value is not None
    value = parse_atom(column.type.value, parsed.value, context.symbols.refer)
    row.insert_atoms(column.name, [(key, value)])


def _need_set(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    for argument in command.arguments[2:]:
        needs.add(table.name, column_of(table, argument).name)


def run_set(context: Context, command: Command) -> None:
    """Set columns, or the values of keys in map columns."""
    row = _target(context, command)
    if row is not None:
        for argument in command.arguments[2:]:
            set_column(context, row, argument)


def _need_column(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    needs.add(table.name, find_column(table, command.arguments[2]).name)


def run_add(context: Context, command: Command) -> None:
    """Add elements to a column."""
    row = _target(context, command)
    if row is None:
        return
    column = find_column(row.table, command.arguments[2])
    _check_mutable(row.table, column.name)
    kind = ColumnType(column.type.key, column.type.value, 1, UNLIMITED)
    for argument in command.arguments[3:]:
        value = parse_value(kind, argument, context.symbols.refer)
        row.insert_atoms(column.name, value.items() if isinstance(value, FrozenMap) else kind.atoms(value))


def _parse_removal(kind: ColumnType, argument: str, context: Context) -> tuple[set[Any], set[Any]]:
    """Elements (pairs of a map) and, for maps, keys to take away whatever their value is."""
    if kind.value is None:
        some = ColumnType(kind.key, None, 0, UNLIMITED)
        return set(some.atoms(parse_value(some, argument, context.symbols.refer))), set()
    try:
        pairs = parse_value(ColumnType(kind.key, kind.value, 0, UNLIMITED), argument, context.symbols.refer)
    except CtlError:
        some = ColumnType(kind.key, None, 0, UNLIMITED)
        return set(), set(some.atoms(parse_value(some, argument, context.symbols.refer)))
    assert isinstance(pairs, FrozenMap)
    return set(pairs.items()), set()


def run_remove(context: Context, command: Command) -> None:
    """Take elements, keys or pairs out of a column; what is not there is no error."""
    row = _target(context, command)
    if row is None:
        return
    column = find_column(row.table, command.arguments[2])
    _check_mutable(row.table, column.name)
    kind = column.type
    value = row.get(column.name)
    for argument in command.arguments[3:]:
        gone, keys = _parse_removal(kind, argument, context)
        value = _without(kind, value, gone, keys)
    left = len(kind.atoms(value))
    if left < kind.min:
        raise CtlError(
            f'"remove" operation would put {left} values in column {column.name} '
            f"of table {row.table.name} but the minimum number is {kind.min}"
        )
    row.verify(column.name)
    row.put(column.name, value)


def _without(kind: ColumnType, value: Value, gone: set[Any], keys: set[Any]) -> Value:
    if isinstance(value, FrozenMap):
        return FrozenMap({k: v for k, v in value.items() if (k, v) not in gone and k not in keys})
    left = frozenset(kind.atoms(value)) - gone
    return left if kind.max > 1 else next(iter(left), None)


def _need_clear(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    needs.add(table.name, *(find_column(table, name).name for name in command.arguments[2:]))


def run_clear(context: Context, command: Command) -> None:
    """Empty columns."""
    row = _target(context, command)
    if row is None:
        return
    for name in command.arguments[2:]:
        column = find_column(row.table, name)
        _check_mutable(row.table, column.name)
        if column.type.min > 0:
            raise CtlError(
                f'"clear" operation cannot be applied to column {column.name} '
                f"of table {row.table.name}, which is not allowed to be empty"
            )
        row.put(column.name, default_of(column.type))


def _need_create(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    if not command.given("--id") and not needs.schema.is_root(table.name):
        warn(
            "db_ctl_base",
            f'applying "create" command to table {table.name} without --id option will have no effect',
        )


def run_create(context: Context, command: Command) -> None:
    """Create a record, with a name for this line (``--id=@NAME``) or a UUID for good."""
    table = find_table(context.model.schema, command.arguments[0])
    name = command.options.get("--id")
    uuid = None
    if name is not None and UUID.is_valid(name):
        uuid = UUID.parse(name)
    elif name is not None:
        uuid = context.symbols.define(name, is_root=context.model.schema.is_root(table.name))
    row = context.model.insert(table.name, uuid)
    if name is not None and not name.startswith("@"):
        row.name = str(uuid)
    for argument in command.arguments[1:]:
        set_column(context, row, argument)
    command.row = row


def after_create(_context: Context, command: Command) -> None:
    """Print the UUID that the server gave the record."""
    assert command.row is not None
    command.write(str(command.row.uuid))


def _need_destroy(needs: Needs, command: Command) -> None:
    table = needs.table(command.arguments[0])
    if command.given("--all") and len(command.arguments) > 1:
        raise CtlError("--all and records argument should not be specified together")
    if command.given("--all") and command.given("--if-exists"):
        raise CtlError("--all and --if-exists should not be specified together")
    if not command.given("--all") and len(command.arguments) == 1:
        warn("db_ctl_base", "either --all or records argument should be specified")
    needs.add(table.name)


def run_destroy(context: Context, command: Command) -> None:
    """Delete records."""
    table = find_table(context.model.schema, command.arguments[0])
    if command.given("--all"):
        for row in list(context.model.rows(table.name)):
            context.model.delete(row)
        return
    for record in command.arguments[1:]:
        if command.given("--if-exists"):
            found = context.row_if_exists(table.name, record)
        else:
            found = context.row(table.name, record)
        if found is not None:
            context.model.delete(found)


VERBS: Final = (
    Verb(
        "set", 3, MANY, run_set, _need_set, options="--if-exists", syntax="TABLE RECORD COLUMN[:KEY]=VALUE..."
    ),
    Verb(
        "add",
        4,
        MANY,
        run_add,
        _need_column,
        options="--if-exists",
        syntax="TABLE RECORD COLUMN [KEY=]VALUE...",
    ),
    Verb(
        "remove",
        4,
        MANY,
        run_remove,
        _need_column,
        options="--if-exists",
        syntax="TABLE RECORD COLUMN KEY|VALUE|KEY=VALUE...",
    ),
    Verb("clear", 3, MANY, run_clear, _need_clear, options="--if-exists", syntax="TABLE RECORD COLUMN..."),
    Verb("create", 2, MANY, run_create, _need_create, after_create, "--id=", "TABLE COLUMN[:KEY]=VALUE..."),
    Verb(
        "destroy",
        1,
        MANY,
        run_destroy,
        _need_destroy,
        options="--if-exists --all",
        syntax="TABLE [RECORD]...",
    ),
)
