"""The relations of ``find`` and ``wait-until`` (ovs-vsctl(8), "find").

A column's value is a set of elements on both sides.  The arithmetic relations order sets by size
first, then element by element; those in braces compare them as sets.  With a key, an arithmetic
relation is false on a row that lacks the key, and a set relation sees the empty set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.values import FrozenMap, Value, sort_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.schema import ColumnType


ARITHMETIC: Final[dict[str, Callable[[int], bool]]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
}
SET_RELATIONS: Final[dict[str, Callable[[frozenset[Any], frozenset[Any]], bool]]] = {
    "{=}": lambda a, b: a == b,
    "{!=}": lambda a, b: a != b,
    "{<}": lambda a, b: a < b,
    "{>}": lambda a, b: a > b,
    "{<=}": lambda a, b: a <= b,
    "{>=}": lambda a, b: a >= b,
    "{in}": lambda a, b: a <= b,
    "{not-in}": lambda a, b: not a & b,
}
RELATIONS: Final = (*ARITHMETIC, *SET_RELATIONS)
LONGEST_FIRST: Final = tuple(sorted(RELATIONS, key=len, reverse=True))


def elements(kind: ColumnType, value: Value) -> frozenset[Any]:
    """The value as a set: atoms, or pairs of a map."""
    if isinstance(value, FrozenMap):
        return frozenset(value.items())
    atoms = kind.atoms(value)
    assert isinstance(atoms, frozenset)
    return atoms


def compare(a: frozenset[Any], b: frozenset[Any]) -> int:
    """Three-way order of two sets of elements of one type: by size, then by elements, keys first."""
    if len(a) != len(b):
        return -1 if len(a) < len(b) else 1
    if a == b:
        return 0
    left, right = sorted(a, key=sort_key), sorted(b, key=sort_key)
    if left and isinstance(left[0], tuple):
        left = [*(k for k, _ in left), *(v for _, v in left)]
        right = [*(k for k, _ in right), *(v for _, v in right)]
    return -1 if left < right else 1


def holds(relation: str, actual: frozenset[Any], wanted: frozenset[Any]) -> bool:
    """Whether ``actual RELATION wanted``."""
    arithmetic = ARITHMETIC.get(relation)
    if arithmetic is not None:
        return arithmetic(compare(actual, wanted))
    return SET_RELATIONS[relation](actual, wanted)
