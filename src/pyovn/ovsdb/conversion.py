"""A database under another schema (ovsdb-server(7) section 4.1.19, ovsdb-client(1) ``convert``).

Tables and columns that the new schema lacks are left out, those that it adds begin with their defaults,
and every value must be valid under the new type.  Where a column's type is the same, its values are taken
over as they are; else they go through their JSON form, so that what is refused is worded as anywhere.
All constraints between rows are checked at the end, as for one transaction that inserts everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.errors import syntax_error
from pyovn.ovsdb.schema import DatabaseSchema, SchemaError
from pyovn.ovsdb.schema_check import check_schema
from pyovn.ovsdb.values import value_to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.store import Column, Table
    from pyovn.ovsdb.transaction import Transaction
    from pyovn.ovsdb.values import Value

    Move = tuple[int, int, Callable[[Any], Value] | None]


def parse_schema(json: Any) -> DatabaseSchema:
    """A schema from a client; raises ``OvsdbError``."""
    check_schema(json)
    try:
        return DatabaseSchema.from_json(json)
    except SchemaError as error:
        raise syntax_error(str(error), json) from error


def converted(source: Database, schema: DatabaseSchema) -> Database:
    """A new database with ``schema`` and the contents of ``source``; raises ``OvsdbError``."""
    result = Database(schema, source.random, serial=source.serial)

    def fill(transaction: Transaction) -> None:
        for name, target in result.tables.items():
            if name in source.tables:
                _convert_table(transaction, source.tables[name], target)

    result.replace(fill)
    return result


def _convert_table(transaction: Transaction, source: Table, target: Table) -> None:
    kept = [column for column in target.columns if column.name in source.by_name]
    moves = [_move(source.by_name[column.name], column) for column in kept]
    for row in source.rows.values():
        values = list(target.defaults)
        for before, after, convert in moves:
            value = row.values[before]
            values[after] = value if convert is None else convert(value)
        transaction.put(target, row.uuid, tuple(values))


def _move(source: Column, target: Column) -> Move:
    if source.type == target.type:
        return source.position, target.position, None
    parse = target.datum.parse
    return source.position, target.position, lambda value: parse(value_to_json(value), None)
