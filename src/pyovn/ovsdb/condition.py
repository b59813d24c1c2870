"""Which rows a ``where`` selects (RFC 7047 section 5.1 <condition>, ovsdb-server(7) sections 4.1.12 and 5.1).

Transactions want rows for which *all* clauses hold, monitors rows for which *any* does; an empty list
selects every row in both.  Clauses are compiled once into functions of a row:

* ``Where`` (all) also finds what needs no scan: equality on ``_uuid`` or on all columns of an index;
* ``AnyOf`` (monitors) puts equalities on one column into one hash set, because a controller sends one
  clause per datapath, and tells what values it looks for, so that ``interest`` finds who asks for a row.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.datum import Datum, datum
from pyovn.ovsdb.errors import OvsdbError, syntax_error
from pyovn.ovsdb.schema import UNLIMITED, BaseType, ColumnType
from pyovn.ovsdb.store import UUID_POSITION, VERSION_POSITION
from pyovn.ovsdb.text import type_text
from pyovn.ovsdb.values import UUID, FrozenMap, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.ovsdb.store import Row, Table

    Test = Callable[[Any], bool]
    RowTest = Callable[[Row], bool]

_UUID_TYPE: Final = ColumnType(BaseType("uuid"))
_EMPTY: Final[frozenset[Any]] = frozenset()
_CLAUSE_WORDS: Final = 3
_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FUNCTIONS: Final = frozenset({"==", "!=", "includes", "excludes", *_ORDERS})


def _argument_datum(kind: ColumnType, function: str, where: tuple[str, Any]) -> Datum:
    """The type that a function's argument must have, given the column's; ``where`` is for the error."""
    if function in _ORDERS:
        if kind.value is None and kind.max == 1 and kind.key.type in {"integer", "real"}:
            return datum(ColumnType(kind.key))
        name, clause = where
        raise syntax_error(
            f'Type mismatch: "{function}" operator may not be applied to column {name}'
            f" of type {type_text(kind)}.",
            clause,
        )
    if kind.is_scalar or function in {"==", "!="}:
        return datum(kind)
    return datum(ColumnType(kind.key, kind.value, 0, kind.max if function == "includes" else UNLIMITED))


def _test(kind: ColumnType, function: str, argument: Any) -> Test:
    """A function of a column's value."""
    if function == "==" or (function == "includes" and kind.is_scalar):
        return lambda value: bool(value == argument)
    if function == "!=" or (function == "excludes" and kind.is_scalar):
        return lambda value: bool(value != argument)
    if function in _ORDERS:
        order = _ORDERS[function]
        return lambda value: value is not None and order(value, argument)
    if isinstance(argument, FrozenMap):
        pairs = argument.items()
        if function == "includes":
            return lambda value: pairs <= value.items()
        return lambda value: pairs.isdisjoint(value.items())
    wanted = argument if isinstance(argument, frozenset) else _EMPTY if argument is None else {argument}
    if kind.max == 1:
        if function == "includes":
            return lambda value: not wanted or value in wanted
        return lambda value: value not in wanted
    if function == "includes":
        return lambda value: wanted <= value
    return wanted.isdisjoint


class Clause:
    """One parsed [column, function, value], or a boolean (``function`` is then None)."""

    __slots__ = ("argument", "function", "holds", "is_optional", "name", "position", "test")

    def __init__(self, json: Any, table: Table, names: Mapping[str, UUID] | None) -> None:
        self.function: str | None = None
        self.holds = json is True
        self.name = ""
        if isinstance(json, bool):
            return
        if not isinstance(json, list) or len(json) != _CLAUSE_WORDS:
            raise syntax_error("Parse error in condition.", json)
        name, function, argument = json
        if not isinstance(name, str) or not isinstance(function, str):
            raise syntax_error("Parse error in condition.", json)
        column = table.by_name.get(name)
        if column is not None:
            self.position, kind = column.position, column.type
        elif name in {"_uuid", "_version"}:
            self.position, kind = (UUID_POSITION if name == "_uuid" else VERSION_POSITION), _UUID_TYPE
        else:
            raise OvsdbError("unknown column", f"No column {name} in table {table.name}.", json)
        if function not in FUNCTIONS:
            raise OvsdbError("unknown function", f"No function named {function}.")
        self.name = name
        self.argument: Value = _argument_datum(kind, function, (name, json)).parse(argument, names)
        self.test = _test(kind, function, self.argument)
        is_equal = function == "includes" and kind.is_scalar
        self.function = "==" if is_equal else function
        self.is_optional = kind.max == 1 and kind.value is None and not kind.is_scalar

    @property
    def is_equality(self) -> bool:
        """Whether it selects the rows that have the argument in the column."""
        if self.position == VERSION_POSITION:
            return False
        is_one = self.is_optional and self.argument is not None
        return self.function == "==" or (self.function == "includes" and is_one)

    @property
    def member(self) -> Any:
        """What a column's set has to have, if that is all it asks for; else None."""
        argument = self.argument
        if self.function == "includes" and isinstance(argument, frozenset) and len(argument) == 1:
            return next(iter(argument))
        return None

    def row_test(self, version: Callable[[Row], UUID]) -> RowTest:
        """The clause as a function of a row."""
        if self.function is None:
            holds = self.holds
            return lambda _row: holds
        test, position = self.test, self.position
        if position == UUID_POSITION:
            return lambda row: test(row.uuid)
        if position == VERSION_POSITION:
            return lambda row: test(version(row))
        return lambda row: test(row.values[position])


class Where:
    """A transaction's ``where``: rows for which all clauses hold."""

    __slots__ = ("_tests", "table", "unique", "uuid")

    def __init__(
        self, json: list[Any], table: Table, names: Mapping[str, UUID] | None, version: Callable[[Row], UUID]
    ) -> None:
        self.table = table
        self.uuid: UUID | None = None
        """The only row that can match, when one is named."""
        self.unique: tuple[int, tuple[Value, ...]] | None = None
        """Number of an index and the key in it, when all its columns are given."""
        clauses = [Clause(clause, table, names) for clause in json]
        equal: dict[str, Value] = {c.name: c.argument for c in clauses if c.function == "=="}
        if isinstance(named := equal.get("_uuid"), UUID):
            self.uuid = named
        else:
            for number, index in enumerate(table.unique):
                if all(name in equal for name in index.names):
                    self.unique = number, tuple([equal[name] for name in index.names])
                    break
        self._tests = [clause.row_test(version) for clause in clauses]

    @property
    def selects_all(self) -> bool:
        """Whether there is nothing to test."""
        return not self._tests

    def matches(self, row: Row) -> bool:
        """Whether all clauses hold for ``row``."""
        for test in self._tests:  # noqa: SIM110  # all() of a generator costs three times as much
            if not test(row):
                return False
        return True


class AnyOf:
    """A monitor's ``where``: rows for which any clause holds."""

    __slots__ = ("equal", "members", "test")

    def __init__(self, clauses: list[Any], table: Table, version: Callable[[Row], UUID]) -> None:
        self.test: RowTest | None = None
        """None when every row is selected."""
        self.equal: dict[int, set[Value]] = {}
        """By position, what a column may be equal to."""
        self.members: dict[int, set[Any]] | None = {}
        """By position, of what a set may have a member; None if there are clauses that are neither."""
        parsed = [Clause(clause, table, None) for clause in clauses]
        if not parsed or any(clause.function is None and clause.holds for clause in parsed):
            return
        tests: list[RowTest] = []
        is_complete = True
        for clause in parsed:
            if clause.function is None:
                continue
            if clause.is_equality:
                self.equal.setdefault(clause.position, set()).add(clause.argument)
                continue
            tests.append(clause.row_test(version))
            member = clause.member
            if member is None:
                is_complete = False
            else:
                self.members.setdefault(clause.position, set()).add(member)
        if not is_complete:
            self.members = None
        if self.equal:
            tests.insert(0, _membership(list(self.equal.items())))
        self.test = tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)


def _membership(wanted: list[tuple[int, set[Value]]]) -> RowTest:
    of_uuid: set[Any] = set()
    for position, values in wanted:
        if position == UUID_POSITION:
            of_uuid = values
    others = [(position, values) for position, values in wanted if position != UUID_POSITION]
    if not others:
        return lambda row: row.uuid in of_uuid
    if len(others) == 1 and not of_uuid:
        [(only, selected)] = others
        return lambda row: row.values[only] in selected

    def test(row: Row) -> bool:
        cells = row.values
        for position, values in others:
            if cells[position] in values:
                return True
        return row.uuid in of_uuid

    return test
