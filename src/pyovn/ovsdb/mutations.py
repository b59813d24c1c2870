"""Changing a column by what it holds (RFC 7047 section 5.1 <mutation>).

A mutation is compiled into a function from the old value to the new one.  Arithmetic works on every
element of a set of numbers; integers are 64 bits wide and divide like C's: the quotient is cut off
toward zero and the remainder has the sign of the dividend.  ``insert`` never replaces a map's value.

The result is checked after every single mutation, as ovsdb-server does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.datum import Datum, datum
from pyovn.ovsdb.errors import ConstraintViolationError, OvsdbError, syntax_error
from pyovn.ovsdb.schema import INTEGER_MAX, INTEGER_MIN, UNLIMITED, ColumnType
from pyovn.ovsdb.setdelta import note
from pyovn.ovsdb.text import type_text
from pyovn.ovsdb.values import EMPTY_SET, UUID, FrozenMap, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.ovsdb.store import Column, Table

    Mutate = Callable[[Any], Value]

_MUTATION_WORDS: Final = 3


def _divide(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _remainder(a: int, b: int) -> int:
    return a - b * _divide(a, b)


_INTEGER: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+=": lambda a, b: a + b,
    "-=": lambda a, b: a - b,
    "*=": lambda a, b: a * b,
    "/=": _divide,
    "%=": _remainder,
}
_REAL: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+=": lambda a, b: a + b,
    "-=": lambda a, b: a - b,
    "*=": lambda a, b: a * b,
    "/=": lambda a, b: a / b,
}
_ARITHMETIC: Final = {"integer": _INTEGER, "real": _REAL}
_MUTATORS: Final = frozenset({*_INTEGER, "insert", "delete"})


def _arithmetic(column: Column, mutator: str, operand: Any) -> Mutate:
    kind = column.type.key.type
    compute = _ARITHMETIC[kind][mutator]
    check = column.datum.checks[0]

    def one(atom: Any) -> Any:
        if operand == 0 and mutator in {"/=", "%="}:
            raise OvsdbError("domain error", "Division by zero.")
        result = compute(atom, operand)
        fits = math.isfinite(result) if kind == "real" else INTEGER_MIN <= result <= INTEGER_MAX
        if not fits:
            raise OvsdbError("range error", f'Result of "{mutator}" operation is out of range.')
        if check is not None:
            check(result)
        return result

    def mutate(value: Any) -> Value:
        if isinstance(value, frozenset):
            result = frozenset(map(one, value))
            if len(result) != len(value):
                raise ConstraintViolationError(f'Result of "{mutator}" operation contains duplicates.')
            return result
        return None if value is None else one(value)

    return mutate


def _insertion(target: Datum, addition: Any) -> Mutate:
    kind = target.type

    def into_map(value: Any) -> Value:
        missing = {key: addition[key] for key in addition if key not in value}
        return FrozenMap({**value, **missing}) if missing else value

    def into_set(value: Any) -> Value:
        added = addition - value
        if not added:
            return value  # type: ignore[no-any-return]  # a set
        result: frozenset[Any] = value | added
        note(value, result, added, EMPTY_SET)
        return result

    def into_optional(value: Any) -> Value:
        if value is None or addition is None or value == addition:
            return addition if value is None else value  # type: ignore[no-any-return]  # an atom
        raise ConstraintViolationError(f"Attempted to store 2 elements in {type_text(kind)}.")

    return into_map if kind.is_map else into_optional if kind.max == 1 else into_set


def _deletion(target: Datum, removal: Any) -> Mutate:
    kind = target.type

    def from_map_pairs(value: Any) -> Value:
        gone = {key for key, item in removal.items() if key in value and value[key] == item}
        return FrozenMap({k: v for k, v in value.items() if k not in gone}) if gone else value

    def from_map_keys(value: Any) -> Value:
        if removal.isdisjoint(value):
            return value  # type: ignore[no-any-return]  # a map
        return FrozenMap({k: v for k, v in value.items() if k not in removal})

    def from_set(value: Any) -> Value:
        removed = removal & value
        if not removed:
            return value  # type: ignore[no-any-return]  # a set
        result: frozenset[Any] = value - removed
        note(value, result, EMPTY_SET, removed)
        return result

    def from_optional(value: Any) -> Value:
        return None if value in removal else value

    if kind.is_map:
        return from_map_pairs if isinstance(removal, FrozenMap) else from_map_keys
    return from_optional if kind.max == 1 else from_set


def _mismatch(column: Column, mutator: str, json: Any) -> OvsdbError:
    return syntax_error(
        f'Type mismatch: "{mutator}" operator may not be applied to column {column.name}'
        f" of type {type_text(column.type)}.",
        json,
    )


def _compile(
    column: Column, mutator: str, argument: Any, names: Mapping[str, UUID] | None, json: Any
) -> Mutate:
    kind = column.type
    if mutator not in _MUTATORS:
        raise OvsdbError("unknown mutator", f"No mutator named {mutator}.")
    if mutator in _INTEGER:
        if kind.is_map or mutator not in _ARITHMETIC.get(kind.key.type, ()):
            raise _mismatch(column, mutator, json)
        plain = ColumnType(kind.key) if kind.key.enum else ColumnType(type(kind.key)(kind.key.type))
        return _arithmetic(column, mutator, datum(plain).parse(argument, names))
    if kind.is_scalar:
        raise _mismatch(column, mutator, json)
    if mutator == "insert":
        addition = datum(ColumnType(kind.key, kind.value, 0, kind.max)).parse(argument, names)
        return _insertion(column.datum, addition)
    by_pair = kind.is_map and isinstance(argument, list) and argument[:1] == ["map"]
    value = kind.value if by_pair else None
    return _deletion(column.datum, datum(ColumnType(kind.key, value, 0, UNLIMITED)).parse(argument, names))


def compile_mutation(
    json: Any, table: Table, names: Mapping[str, UUID] | None
) -> tuple[Column, Mutate, bool]:
    """The column, the function and whether the count of elements is to be checked afterwards."""
    if not isinstance(json, list) or len(json) != _MUTATION_WORDS:
        raise syntax_error("Parse error in mutation.", json)
    name, mutator, argument = json
    if not isinstance(name, str) or not isinstance(mutator, str):
        raise syntax_error("Parse error in mutation.", json)
    if name in {"_uuid", "_version"}:
        raise ConstraintViolationError(f"Cannot mutate immutable column {name} in table {table.name}.", json)
    column = table.by_name.get(name)
    if column is None:
        raise OvsdbError("unknown column", f"No column {name} in table {table.name}.", json)
    if not column.mutable:
        raise ConstraintViolationError(f"Cannot mutate immutable column {name} in table {table.name}.", json)
    mutate = _compile(column, mutator, argument, names, json)
    return column, mutate, mutator in {"insert", "delete"}
