"""The ``_Server`` database: one row per database that the server hosts, itself among them (ovsdb-server(5)).

Clients watch it to learn that a database came, went or changed.  Only the server writes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.errors import compact
from pyovn.ovsdb.schema import (
    BaseType,
    ColumnSchema,
    ColumnType,
    DatabaseSchema,
    TableSchema,
)

if TYPE_CHECKING:
    import random

    from pyovn.ovsdb.values import UUID, Value

NAME: Final = "_Server"


def _optional(kind: BaseType) -> ColumnType:
    return ColumnType(kind, None, 0, 1)


_TYPES: Final[dict[str, ColumnType]] = {
    "name": ColumnType(BaseType("string")),
    "model": ColumnType(BaseType("string", enum=("clustered", "relay", "standalone"))),
    "connected": ColumnType(BaseType("boolean")),
    "leader": ColumnType(BaseType("boolean")),
    "schema": _optional(BaseType("string")),
    "cid": _optional(BaseType("uuid")),
    "sid": _optional(BaseType("uuid")),
    "index": _optional(BaseType("integer")),
}
_COLUMNS: Final = {name: ColumnSchema(name, kind) for name, kind in _TYPES.items()}
CHECKSUM: Final = "3009684573 744"
"""Of the C server's schema of that version; clients compare schemas by it."""
SCHEMA: Final = DatabaseSchema(NAME, "1.2.0", {"Database": TableSchema("Database", _COLUMNS)}, CHECKSUM)


class ServerDatabase:
    """``_Server`` and the rows in it."""

    def __init__(self, random: random.Random) -> None:
        self.database = Database(SCHEMA, random)
        self.database.refusal = "{operation} operation not allowed on table in reserved database " + NAME
        self._rows: dict[str, UUID] = {}
        self.show(SCHEMA)

    def show(self, schema: DatabaseSchema) -> None:
        """Add the row of a database, or renew it; the row's UUID is fresh each time."""
        self.hide(schema.name)
        uuid = self._rows[schema.name] = self.database.new_uuid()
        text = compact(schema.to_json())
        values: tuple[Value, ...] = (schema.name, "standalone", True, True, text, None, None, None)
        table = self.database.tables["Database"]
        self.database.replace(lambda transaction: transaction.put(table, uuid, values))

    def change_schema(self, schema: DatabaseSchema) -> None:
        """Renew what the row of a database says of its schema; the row stays."""
        uuid = self._rows[schema.name]
        table = self.database.tables["Database"]
        column = table.by_name["schema"]
        values = list(table.rows[uuid].values)
        values[column.position] = compact(schema.to_json())
        self.database.replace(lambda transaction: transaction.put(table, uuid, tuple(values)))

    def hide(self, name: str) -> None:
        """Take the row of a database away."""
        uuid = self._rows.pop(name, None)
        if uuid is not None:
            table, gone = self.database.tables["Database"], uuid
            self.database.replace(lambda transaction: transaction.delete(table, gone))
