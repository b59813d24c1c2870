"""What a client may write: read-only connections, and roles (ovsdb-server(7), 3.2 and 4.1.3).

``Authority`` is what a connection gives its clients: ``read_only``, a role from the remote's row, and the
common name of the client's certificate.  ``Rights`` is that authority applied to one database as it is
now.  Everybody may read everything.

A role restricts a database that has a table RBAC_Role, and none without one.  The role's row maps tables to
permission rows: who is ``authorization`` (columns and column:key pairs to compare with the client's name;
an empty string is anybody), whether rows may be inserted and deleted, and which columns may be changed.
Who is not named there, or has no certificate, may write nothing.

As in ovsdb-server a change is judged by the row before it, an insertion by the new row, and a pair
column:key in ``update`` permits nothing (a change always names whole columns).  Unlike there, a read-only
connection may not convert a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.values import UUID, FrozenMap

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyovn.ovsdb.store import Row, Table
    from pyovn.ovsdb.values import Value

ROLES: Final = "RBAC_Role"
READ_ONLY: Final = "{} operation not allowed when database server is in read only mode"


class Authority(NamedTuple):
    """What a connection gives to its clients."""

    read_only: bool = False
    role: str = ""
    identity: str | None = None
    """The common name in the client's certificate."""

    def prohibits(self, what: str, end: str = ".") -> OvsdbError:
        """The error that a client with a role gets."""
        name = "(null)" if self.identity is None else self.identity
        return OvsdbError(
            "permission error", f'RBAC rules for client "{name}" role "{self.role}" prohibit {what}{end}'
        )

    def check_convert(self, database: str) -> None:
        """Raise unless the client may change a database's schema."""
        if self.read_only:
            raise OvsdbError("not allowed", READ_ONLY.format("convert"))
        if self.role:
            raise self.prohibits(
                f'"convert" of database {database} (only the root role may convert databases)', end=""
            )


ROOT: Final = Authority()
"""May do everything."""


class _Permission(NamedTuple):
    """A row of the permission table, for one table."""

    authorization: frozenset[Any]
    insert_delete: bool
    update: frozenset[Any]


class Rights:
    """What ``authority`` means in a database, while one request runs."""

    __slots__ = ("_authority", "_restricted", "_tables")

    def __init__(self, authority: Authority, tables: Mapping[str, Table]) -> None:
        self._authority = authority
        self._tables = tables
        self._restricted = bool(authority.role) and ROLES in tables

    def check_mode(self, operation: str) -> None:
        """Raise if nothing may be written here at all."""
        if self._authority.read_only:
            raise OvsdbError("not allowed", READ_ONLY.format(operation))

    def check_insert(self, table: Table, values: Sequence[Value]) -> None:
        """Raise unless a row may be inserted."""
        if self._restricted:
            permission = self._permission(table)
            if not (permission and permission.insert_delete and self._owns(permission, table, values)):
                raise self._authority.prohibits(f'row insertion into table "{table.name}"')

    def check_delete(self, table: Table, rows: Iterable[Row]) -> None:
        """Raise unless all ``rows`` may be deleted."""
        if self._restricted:
            permission = self._permission(table)
            if permission is None or not all(
                permission.insert_delete and self._owns(permission, table, row.values) for row in rows
            ):
                raise self._authority.prohibits(f'row deletion from table "{table.name}"')

    def check_change(self, table: Table, rows: Sequence[Row], columns: Iterable[str], what: str) -> None:
        """Raise unless ``columns`` of all ``rows`` may be changed; ``what`` is for the error."""
        if self._restricted:
            permission = self._permission(table)
            if permission is None or (
                rows
                and not (
                    all(name in permission.update for name in columns)
                    and all(self._owns(permission, table, row.values) for row in rows)
                )
            ):
                raise self._authority.prohibits(f'{what} table "{table.name}"')

    def _permission(self, table: Table) -> _Permission | None:
        """What the role may do in ``table``; None is nothing."""
        if self._authority.identity is None:
            return None
        return _find_permission(self._authority.role, table.name, self._tables)

    def _owns(self, permission: _Permission, table: Table, values: Sequence[Value]) -> bool:
        """Whether the client is among those that the permission lets write this row."""
        return any(
            not name or _holds(table, values, name, self._authority.identity)
            for name in permission.authorization
        )


def _holds(table: Table, values: Sequence[Value], name: str, identity: str | None) -> bool:
    """Whether the column, or the key of a column, has the client's name as a value."""
    column_name, pair, key = name.partition(":")
    column = table.by_name.get(column_name)
    if column is None:
        return False
    value = values[column.position]
    if isinstance(value, FrozenMap):
        return bool(pair) and value.get(key) == identity
    if pair:
        return False
    return identity in value if isinstance(value, frozenset) else value == identity


def _find_permission(role: str, table: str, tables: Mapping[str, Table]) -> _Permission | None:
    """Look up a role's permission for a table; a schema in which it cannot be said grants none."""
    roles = tables[ROLES]
    name, mapping = roles.by_name.get("name"), roles.by_name.get("permissions")
    if name is None or mapping is None or mapping.type.value is None:
        return None
    source = tables.get(mapping.type.value.ref_table or "")
    if source is None or not {"authorization", "insert_delete", "update"} <= source.by_name.keys():
        return None
    for row in roles.rows.values():
        permissions = row.values[mapping.position]
        if row.values[name.position] == role and isinstance(permissions, FrozenMap):
            uuid = permissions.get(table)
            granted = source.rows.get(uuid) if isinstance(uuid, UUID) else None
            if granted is not None:
                return _permission_of(source, granted)
    return None


def _permission_of(source: Table, row: Row) -> _Permission:
    def cell(name: str) -> Any:
        return row.values[source.by_name[name].position]

    return _Permission(_texts(cell("authorization")), cell("insert_delete") is True, _texts(cell("update")))


def _texts(value: Any) -> frozenset[Any]:
    """A set column's elements."""
    if isinstance(value, frozenset):
        return value
    return frozenset() if value is None else frozenset((value,))
