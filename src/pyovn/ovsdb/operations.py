"""The operations of a transaction, parsed and executed (RFC 7047 section 5.2).

``OPERATIONS`` is the table of them: the members that each takes, by kind, and the function that does
it.  An operation's members are all checked before it does anything; what is wrong with the form names
the operation by its number.  A function returns the operation's result object or raises ``OvsdbError``;
``Blocked`` is a ``wait`` that may yet come true.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.condition import Where
from pyovn.ovsdb.datum import datum
from pyovn.ovsdb.errors import ConstraintViolationError, OvsdbError, syntax_error
from pyovn.ovsdb.mutations import compile_mutation
from pyovn.ovsdb.schema import BaseType, ColumnType
from pyovn.ovsdb.values import ID, UUID, ZERO_UUID, value_to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.authority import Rights
    from pyovn.ovsdb.store import Column, Row, Table
    from pyovn.ovsdb.transaction import Transaction
    from pyovn.ovsdb.values import Value

    Getter = Callable[[Row], Value]

_UUID: Final = datum(ColumnType(BaseType("uuid")))


class Blocked(Exception):  # noqa: N818  # it reports a state, not a fault
    """A ``wait`` is not satisfied and has ``timeout`` ms left (None: no limit)."""

    def __init__(self, timeout: int | None) -> None:
        super().__init__()
        self.timeout = timeout


class Symbols(dict[str, UUID]):
    """The UUIDs behind ``named-uuid``: a name that is not known yet gets one on first use."""

    __slots__ = ("defined", "new_uuid")

    def __init__(self, new_uuid: Callable[[], UUID]) -> None:
        super().__init__()
        self.new_uuid = new_uuid
        self.defined: set[str] = set()

    def __missing__(self, name: str) -> UUID:
        uuid = self[name] = self.new_uuid()
        return uuid


@dataclass(slots=True)
class Execution:
    """What operations share while one request runs."""

    transaction: Transaction
    new_uuid: Callable[[], UUID]
    version: Callable[[Row], UUID]
    holds_lock: Callable[[str], bool]
    refusal: Callable[[str], OvsdbError | None]
    """Asked with an operation's name before anything is written."""
    rights: Rights | None
    """What the client may write; None for one that may write everything."""
    elapsed: int
    """Milliseconds since the request came, for ``wait``."""
    symbols: Symbols = field(init=False)
    comments: list[str] = field(default_factory=list)
    durable: bool = False

    def __post_init__(self) -> None:
        self.symbols = Symbols(self.new_uuid)

    def where(self, table: Table, json: list[Any]) -> Where:
        """Compile a condition within this request."""
        return Where(json, table, self.symbols, self.version)

    def allow(self, operation: str) -> None:
        """Raise if this request may not write."""
        if self.rights is not None:
            self.rights.check_mode(operation)
        error = self.refusal(operation)
        if error is not None:
            raise error


class Member(NamedTuple):
    """A member of an operation object."""

    kind: type | tuple[type, ...] | str
    required: bool = True


def _fits(value: Any, kind: type | tuple[type, ...] | str) -> bool:
    if kind == "id":
        return isinstance(value, str) and ID.fullmatch(value) is not None
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)  # type: ignore[arg-type]  # "id" is the only text


# Columns and rows


def _row_values(table: Table, json: dict[str, Any], symbols: Symbols) -> list[tuple[Column, Value]]:
    """The cells of <row>; ``_uuid`` and ``_version`` are let pass and ignored."""
    cells = []
    for name, value in json.items():
        column = table.by_name.get(name)
        if column is None:
            if name in {"_uuid", "_version"}:
                continue
            raise OvsdbError("unknown column", f"No column {name} in table {table.name}.", json)
        cells.append((column, column.datum.parse(value, symbols)))
    return cells


def _getters(run: Execution, table: Table, json: list[Any] | None) -> list[tuple[str, Getter]]:
    """Functions of a row for the named columns; all of them, with _uuid and _version, for None."""
    if json is None:
        json = ["_uuid", "_version", *table.by_name]
    if any(not isinstance(name, str) for name in json) or len(set(json)) != len(json):
        raise syntax_error("array of distinct column names expected", json)
    getters: list[tuple[str, Getter]] = []
    for name in json:
        column = table.by_name.get(name)
        if column is not None:
            getters.append((name, _cell(column.position)))
        elif name == "_uuid":
            getters.append((name, lambda row: row.uuid))
        elif name == "_version":
            getters.append((name, run.version))
        else:
            raise syntax_error(f"{name} is not a valid column name", json)
    return getters


def _cell(position: int) -> Getter:
    return lambda row: row.values[position]


# Operations


def _insert(run: Execution, table: Table, op: dict[str, Any]) -> dict[str, Any]:
    symbols, name = run.symbols, op.get("uuid-name")
    uuid = None
    if "uuid" in op:
        if not UUID.is_valid(op["uuid"]):
            raise syntax_error("bad uuid", op["uuid"])
        uuid = UUID.parse(op["uuid"])
        if run.transaction.knows(table, uuid):
            raise OvsdbError(
                "duplicate uuid",
                "This UUID would duplicate a UUID already present within the table or deleted within the "
                "same transaction.",
                op["uuid"],
            )
    if name is not None:
        if name in symbols.defined:
            raise OvsdbError(
                "duplicate uuid-name", 'This "uuid-name" appeared on an earlier "insert" operation.', name
            )
        symbols.defined.add(name)
        if uuid is None:
            uuid = symbols[name]
        else:
            symbols[name] = uuid
    if uuid is None:
        uuid = run.new_uuid()
    values = list(table.defaults)
    given = set()
    for column, value in _row_values(table, op["row"], symbols):
        values[column.position] = value
        given.add(column)
    for column in table.required:
        if column not in given and column.datum.default_error is not None:
            raise column.datum.default_error
    run.allow("insert")
    if run.rights is not None:
        run.rights.check_insert(table, values)
    run.transaction.put(table, uuid, tuple(values))
    return {"uuid": ["uuid", str(uuid)]}


def _select(run: Execution, table: Table, op: dict[str, Any]) -> dict[str, Any]:
    where = run.where(table, op["where"])
    getters = _getters(run, table, op.get("columns"))
    rows = [{name: value_to_json(get(row)) for name, get in getters} for row in run.transaction.select(where)]
    return {"rows": rows}


def _update(run: Execution, table: Table, op: dict[str, Any]) -> dict[str, Any]:
    for name in op["row"]:
        column = table.by_name.get(name)
        if (column is not None and not column.mutable) or name in {"_uuid", "_version"}:
            raise ConstraintViolationError(
                f"Cannot update immutable column {name} in table {table.name}.", op
            )
    cells = _row_values(table, op["row"], run.symbols)
    rows = run.transaction.select(run.where(table, op["where"]))
    run.allow("update")
    if run.rights is not None:
        run.rights.check_change(table, rows, [column.name for column, _value in cells], "modification of")
    for row in rows:
        values = list(row.values)
        for column, value in cells:
            values[column.position] = value
        run.transaction.put(table, row.uuid, tuple(values))
    return {"count": len(rows)}


def _mutate(run: Execution, table: Table, op: dict[str, Any]) -> dict[str, Any]:
    mutations = [compile_mutation(json, table, run.symbols) for json in op["mutations"]]
    rows = run.transaction.select(run.where(table, op["where"]))
    run.allow("mutate")
    if run.rights is not None:
        run.rights.check_change(table, rows, [column.name for column, *_ in mutations], "mutate operation on")
    for row in rows:
        values = list(row.values)
        for column, mutate, check_count in mutations:
            values[column.position] = value = mutate(values[column.position])
            if check_count:
                column.datum.check_count(value)
        run.transaction.put(table, row.uuid, tuple(values))
    return {"count": len(rows)}


def _delete(run: Execution, table: Table, op: dict[str, Any]) -> dict[str, Any]:
    rows = run.transaction.select(run.where(table, op["where"]))
    run.allow("delete")
    if run.rights is not None:
        run.rights.check_delete(table, rows)
    for row in rows:
        run.transaction.delete(table, row.uuid)
    return {"count": len(rows)}


def _wait(run: Execution, table: Table, op: dict[str, Any]) -> dict[str, Any]:
    timeout = op.get("timeout")
    if timeout is not None and timeout < 0:
        raise syntax_error("timeout must be nonnegative", timeout)
    where = run.where(table, op["where"])
    getters = _getters(run, table, op.get("columns"))
    if op["until"] not in {"==", "!="}:
        raise syntax_error('"until" must be "==" or "!="', op["until"])
    expected = set()
    for json in op["rows"]:
        if not isinstance(json, dict):
            raise syntax_error("row must be JSON object", json)
        expected.add(_expected_row(table, json, run.symbols, [name for name, _get in getters]))
    found = {tuple(get(row) for _name, get in getters) for row in run.transaction.select(where)}
    if (found == expected) == (op["until"] == "=="):
        return {}
    if timeout is None or run.elapsed < timeout:
        raise Blocked(None if timeout is None else timeout - run.elapsed)
    if run.elapsed:
        raise OvsdbError("timed out", f'"wait" timed out after {run.elapsed} ms')
    raise OvsdbError("timed out", '"where" clause test failed')


def _expected_row(
    table: Table, json: dict[str, Any], symbols: Symbols, names: list[str]
) -> tuple[Value, ...]:
    """A row of ``wait`` as values of the waited-for columns; what it leaves out has its default."""
    given: dict[str, Value] = {column.name: value for column, value in _row_values(table, json, symbols)}
    for name in ("_uuid", "_version"):
        given[name] = _UUID.parse(json[name], symbols) if name in json else ZERO_UUID
    return tuple([given[name] if name in given else table.by_name[name].datum.default for name in names])


def _commit(run: Execution, _table: Table | None, op: dict[str, Any]) -> dict[str, Any]:
    if run.rights is not None:
        run.rights.check_mode("commit")
    run.durable = run.durable or op["durable"]
    return {}


def _abort(_run: Execution, _table: Table | None, _op: dict[str, Any]) -> dict[str, Any]:
    raise OvsdbError("aborted", "aborted by request")


def _comment(run: Execution, _table: Table | None, op: dict[str, Any]) -> dict[str, Any]:
    run.comments.append(op["comment"])
    return {}


def _assert(run: Execution, _table: Table | None, op: dict[str, Any]) -> dict[str, Any]:
    if not run.holds_lock(op["lock"]):
        raise OvsdbError("not owner", f"Asserted lock {op['lock']} not held.")
    return {}


_TABLE: Final = Member("id")
_WHERE: Final = Member(list)
_COLUMNS: Final = Member(list, required=False)

OPERATIONS: Final[
    dict[str, tuple[Callable[[Execution, Any, dict[str, Any]], dict[str, Any]], dict[str, Member]]]
] = {
    "insert": (
        _insert,
        {
            "table": _TABLE,
            "row": Member(dict),
            "uuid-name": Member("id", required=False),
            "uuid": Member(str, required=False),
        },
    ),
    "select": (_select, {"table": _TABLE, "where": _WHERE, "columns": _COLUMNS}),
    "update": (_update, {"table": _TABLE, "where": _WHERE, "row": Member(dict)}),
    "mutate": (_mutate, {"table": _TABLE, "where": _WHERE, "mutations": Member(list)}),
    "delete": (_delete, {"table": _TABLE, "where": _WHERE}),
    "wait": (
        _wait,
        {
            "timeout": Member(int, required=False),
            "table": _TABLE,
            "where": _WHERE,
            "columns": _COLUMNS,
            "until": Member(str),
            "rows": Member(list),
        },
    ),
    "commit": (_commit, {"durable": Member(bool)}),
    "abort": (_abort, {}),
    "comment": (_comment, {"comment": Member(str)}),
    "assert": (_assert, {"lock": Member("id")}),
}


class _FormError(Exception):
    """What is wrong with the form of an operation."""


def _check_form(op: dict[str, Any], tables: dict[str, Table]) -> str:
    """The operation's name; raises ``_FormError``."""
    if "op" not in op:
        raise _FormError("Required 'op' member is missing.")
    name = op["op"]
    if not isinstance(name, str):
        raise _FormError("Type mismatch for member 'op'.")
    if name not in OPERATIONS:
        raise _FormError(f'No operation "{name}"')
    members = OPERATIONS[name][1]
    for member, (kind, required) in members.items():
        if member not in op:
            if required:
                raise _FormError(f"Required '{member}' member is missing.")
        elif not _fits(op[member], kind):
            raise _FormError(f"Type mismatch for member '{member}'.")
        elif member == "table" and op[member] not in tables:
            raise _FormError(f"No table named {op[member]}.")
    for member in op:
        if member not in members and member != "op":
            raise _FormError(f"Member '{member}' is present but not allowed here.")
    return name


def execute(run: Execution, op: Any, number: int, count: int, tables: dict[str, Table]) -> dict[str, Any]:
    """Do operation ``number`` (from 1) of ``count``; its result object."""
    prefix = f"Parsing ovsdb operation {number} of {count} failed: "
    if not isinstance(op, dict):
        raise syntax_error(prefix + "Object expected.")
    try:
        name = _check_form(op, tables)
    except _FormError as error:
        raise syntax_error(prefix + str(error), op) from None
    return OPERATIONS[name][0](run, tables.get(op.get("table", "")), op)
