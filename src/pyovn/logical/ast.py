"""Expressions as values, and their canonical text.

There is no negation node: ``!`` is pushed down while parsing (to the opposite operator, to the other
of ``&&`` and ``||``, to a predicate's ``negated``), as prerequisites demand: they are never negated.

Canonical form, which the parser produces and ``format_expr`` prints:

* ``And`` and ``Or`` have at least two items and none of their own kind;
* a one-bit field compared with a constant is ``Compare(.., "==", 1)`` or ``0``, printed ``f`` and ``!f``;
* the field stands on the left; a range is the ``And`` of its two sides.

``$set`` and ``@group`` stay references here, so that an expression depends on its text alone and can
be cached by it; ``expand`` in ``parse`` puts the members in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pyovn.logical.lexer import Constant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.logical.symbols import Symbol


@dataclass(frozen=True, slots=True)
class FieldRef:
    """Bits ``ofs`` to ``ofs + width - 1`` of a field symbol."""

    symbol: Symbol
    ofs: int
    width: int

    @property
    def first(self) -> int:
        """Where the bits start in the OpenFlow field."""
        return self.symbol.ofs + self.ofs

    def __str__(self) -> str:
        symbol = self.symbol
        if self.width == symbol.width:
            return symbol.name
        if self.width == 1:
            return f"{symbol.name}[{self.ofs}]"
        return f"{symbol.name}[{self.ofs}..{self.ofs + self.width - 1}]"


@dataclass(frozen=True, slots=True)
class PortName:
    """The quoted name of a logical port or multicast group."""

    name: str

    def __str__(self) -> str:
        return json.dumps(self.name, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class SetRef:
    """``$name``: the members of an Address_Set."""

    name: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"${self.name}"


@dataclass(frozen=True, slots=True)
class GroupRef:
    """``@name``: the ports of a Port_Group."""

    name: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"@{self.name}"


Value: TypeAlias = Constant | PortName | SetRef | GroupRef


@dataclass(frozen=True, slots=True)
class Literal:
    """``1`` or ``0``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """``field op value``; several values (or none, from an empty set) with ``==`` and ``!=`` alone."""

    field: FieldRef
    op: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Predicate:
    """A predicate's name, as it stands or negated."""

    symbol: Symbol
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Resident:
    """``is_chassis_resident("port")``."""

    port: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class And:
    """True when all items are."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when any item is."""

    items: tuple[Expr, ...]


Expr: TypeAlias = Literal | Compare | Predicate | Resident | And | Or

TRUE = Literal(value=True)
FALSE = Literal(value=False)


def all_of(items: list[Expr]) -> Expr:
    """The canonical conjunction of ``items``."""
    return _join(And, TRUE, items)


def any_of(items: list[Expr]) -> Expr:
    """The canonical disjunction of ``items``."""
    return _join(Or, FALSE, items)


def _join(kind: type[And | Or], empty: Expr, items: list[Expr]) -> Expr:
    if len(items) == 1:
        return items[0]
    flat: list[Expr] = []
    for item in items:
        if isinstance(item, kind):
            flat.extend(item.items)
        else:
            flat.append(item)
    return kind(tuple(flat)) if flat else empty


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all below it."""
    stack: list[Expr] = [expr]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, And | Or):
            stack.extend(node.items)


@dataclass(frozen=True, slots=True)
class References:
    """The names outside the packet that an expression's meaning depends on."""

    address_sets: frozenset[str]
    port_groups: frozenset[str]
    ports: frozenset[str]
    residents: frozenset[str]


def references(expr: Expr) -> References:
    """What has to be looked at again when it changes."""
    sets: set[str] = set()
    groups: set[str] = set()
    ports: set[str] = set()
    residents: set[str] = set()
    for node in walk(expr):
        if isinstance(node, Resident):
            residents.add(node.port)
        elif isinstance(node, Compare):
            for value in node.values:
                if isinstance(value, SetRef):
                    sets.add(value.name)
                elif isinstance(value, GroupRef):
                    groups.add(value.name)
                elif isinstance(value, PortName):
                    ports.add(value.name)
    return References(frozenset(sets), frozenset(groups), frozenset(ports), frozenset(residents))


def format_expr(expr: Expr) -> str:
    """The canonical text; parsing it gives an equal expression."""
    if isinstance(expr, And | Or):
        word = " && " if isinstance(expr, And) else " || "
        return word.join(
            f"({format_expr(item)})" if isinstance(item, And | Or) else format_expr(item)
            for item in expr.items
        )
    if isinstance(expr, Literal):
        return "1" if expr.value else "0"
    if isinstance(expr, Predicate):
        return f"!{expr.symbol.name}" if expr.negated else expr.symbol.name
    if isinstance(expr, Resident):
        return f"{'!' if expr.negated else ''}is_chassis_resident({PortName(expr.port)})"
    return _format_compare(expr)


def _format_compare(expr: Compare) -> str:
    values = expr.values
    if len(values) == 1:
        value = values[0]
        if expr.field.width == 1 and expr.op == "==" and value == Constant(1):
            return str(expr.field)
        if expr.field.width == 1 and expr.op == "==" and value == Constant(0):
            return f"!{expr.field}"
        return f"{expr.field} {expr.op} {value}"
    return f"{expr.field} {expr.op} {{{', '.join(map(str, values))}}}"
