"""The packet that a microflow expression names (ovn-trace(8), "DESCRIPTION").

An expression is a set of constraints.  Written as alternatives, each a conjunction, those that contradict
themselves are left out; what is left must be one conjunction that says each field's bits, for then there
is one packet (bits that nobody names are 0).  So ``tcp.dst == 80 && ip4`` names one, though ``tcp`` alone
means IPv4 or IPv6.  None left: the constraints are contradictory; several, or a ``!=`` that nothing
decides: ambiguous.

``annotated`` is what the error shows: predicates and prerequisites written out beside their use, fields by
the names of the whole fields that they are part of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.logical.ast import (
    And,
    Compare,
    Expr,
    FieldRef,
    Literal,
    Or,
    PortName,
    Predicate,
    Resident,
    all_of,
    any_of,
    format_expr,
)
from pyovn.logical.evaluate import evaluate
from pyovn.logical.lexer import HEX, Constant
from pyovn.logical.parse import expansion, parse_text
from pyovn.logical.symbols import FIELD, SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.explain.microflow import Microflow

    Ports = Callable[[str], int | None]

_WHOLE: Final = {symbol.base: symbol for symbol in SYMBOLS if symbol.kind == FIELD and symbol.whole}


_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class MicroflowError(ValueError):
    """The expression does not name one packet."""


def parse_microflow(expr: Expr, ports: Ports) -> Microflow:
    """The values of the fields, absent ones 0; raises ``MicroflowError``."""
    written = annotated(expr)
    found: dict[object, _Packet] = {}
    for packet in _alternatives([written], _Packet(ports)):
        found[packet.key()] = packet
        if len(found) > 1 or packet.undecided:
            raise MicroflowError(f"Constraints are ambiguous: {_shown(written)}.")
    if not found:
        raise MicroflowError("Constraints are contradictory.")
    return next(iter(found.values())).values


def inport_of(expr: Expr) -> str | None:
    """The port that a microflow comes from, by its expression alone."""
    for item in expr.items if isinstance(expr, And) else (expr,):
        if isinstance(item, Compare) and item.field.symbol.name == "inport" and item.op == "==":
            value = item.values[0]
            return value.name if isinstance(value, PortName) else None
    return None


def annotated(expr: Expr) -> Expr:
    """The expression with predicates and prerequisites written out, and one value in each comparison."""
    if isinstance(expr, And | Or):
        join = all_of if isinstance(expr, And) else any_of
        fields = {item.field.symbol if isinstance(item, Compare) else None for item in expr.items}
        shared = fields.pop() if len(fields) == 1 else None
        if shared is not None:  # prerequisites once, behind comparisons of one field
            return _with_needs(join([_each_value(item) for item in expr.items]), shared.prerequisites)
        return join([_annotated_item(item, expr) for item in expr.items])
    if isinstance(expr, Predicate):
        written = annotated(expansion(expr.symbol))
        return _negated(written) if expr.negated else written
    if isinstance(expr, Compare):
        return _with_needs(_each_value(expr), expr.field.symbol.prerequisites)
    return expr


def _annotated_item(item: Expr, within: And | Or) -> Expr:
    """Values that stand beside other items, as those of ``!=`` within ``&&``, have prerequisites each."""
    if isinstance(item, Compare) and isinstance(within, And) == (item.op == "!="):
        needs = item.field.symbol.prerequisites
        each = [_with_needs(Compare(item.field, item.op, (value,)), needs) for value in item.values]
        return all_of(each) if isinstance(within, And) else any_of(each)
    return annotated(item)


def _each_value(expr: Expr) -> Expr:
    if not isinstance(expr, Compare):
        return expr
    each: list[Expr] = [Compare(expr.field, expr.op, (value,)) for value in expr.values]
    return all_of(each) if expr.op == "!=" else any_of(each)


def _negated(expr: Expr) -> Expr:
    if isinstance(expr, And | Or):
        items = [_negated(item) for item in expr.items]
        return any_of(items) if isinstance(expr, And) else all_of(items)
    if isinstance(expr, Compare):
        return Compare(expr.field, _OPPOSITE[expr.op], expr.values)
    assert isinstance(expr, Literal), "predicates are made of comparisons"
    return Literal(not expr.value)


def _with_needs(expr: Expr, needs: str) -> Expr:
    return all_of([expr, annotated(parse_text(needs))]) if needs else expr


class _Packet:
    """A conjunction: bits that are known, and comparisons that they must decide."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.values: Microflow = {}
        self.known: dict[str, int] = {}
        self.undecided: list[Expr] = []

    def copy(self) -> _Packet:
        """One that goes its own way."""
        made = _Packet(self.ports)
        made.values, made.known = dict(self.values), dict(self.known)
        made.undecided = list(self.undecided)
        return made

    def key(self) -> object:
        """Equal for the same packet."""
        return tuple(sorted(self.values.items())), tuple(sorted(self.known.items()))

    def add(self, expr: Expr) -> bool:
        """One more constraint; False when it contradicts the others."""
        if isinstance(expr, Literal):
            return expr.value
        if isinstance(expr, Resident):
            return not expr.negated  # a trace is on every chassis
        if not isinstance(expr, Compare) or (expr.op != "==" and not _is_one_bit_unequal(expr)):
            self.undecided.append(expr)
            return True
        value, name, first = expr.values[0], expr.field.symbol.base, expr.field.first
        bits, mask = (
            self.ports(value.name) or 0 if isinstance(value, PortName) else 0,
            (1 << expr.field.width) - 1,
        )
        if isinstance(value, Constant):
            bits, mask = value.value, mask if value.mask is None else value.mask
            bits ^= expr.op == "!="
        known = self.known.get(name, 0)
        if (self.values.get(name, 0) ^ bits << first) & known & mask << first:
            return False
        self.values[name] = self.values.get(name, 0) | bits << first
        self.known[name] = known | mask << first
        return True

    def admits(self, expr: Expr) -> bool:
        """Whether ``expr`` does not contradict what is known, as far as can be seen at once."""
        items = expr.items if isinstance(expr, And) else (expr,)
        trial = self.copy()
        return all(trial.add(item) for item in items if isinstance(item, Compare | Literal))

    def decide(self) -> bool:
        """Whether the other comparisons hold; those that the bits do not decide stay ``undecided``."""
        waiting, self.undecided = self.undecided, []
        for expr in waiting:
            field = expr.field if isinstance(expr, Compare) else None
            mask = 0 if field is None else (1 << field.width) - 1 << field.first
            if field is None or mask & ~self.known.get(field.symbol.base, 0):
                self.undecided.append(expr)
            elif not evaluate(expr, self.values, self.ports):
                return False
        return True


def _is_one_bit_unequal(expr: Compare) -> bool:
    return expr.op == "!=" and expr.field.width == 1


def _alternatives(pending: list[Expr], packet: _Packet) -> Iterator[_Packet]:
    """The conjunctions of ``pending`` that do not contradict themselves or ``packet``, which is used up."""
    choices: list[Or] = []
    while pending:
        expr = pending.pop()
        if isinstance(expr, And):
            pending.extend(expr.items)
        elif isinstance(expr, Or):
            choices.append(expr)
        elif not packet.add(expr):
            return
    if not choices:
        if packet.decide():
            yield packet
        return
    left = [[item for item in choice.items if packet.admits(item)] for choice in choices]
    fewest = min(range(len(left)), key=lambda n: len(left[n]))
    others = [any_of(items) for n, items in enumerate(left) if n != fewest]
    for item in left[fewest]:
        yield from _alternatives([*others, item], packet.copy())


def _shown(expr: Expr) -> str:
    if isinstance(expr, And | Or):
        parts = (f"({_shown(item)})" if isinstance(item, And | Or) else _shown(item) for item in expr.items)
        return (" && " if isinstance(expr, And) else " || ").join(parts)
    return _shown_compare(expr) if isinstance(expr, Compare) else format_expr(expr)


def _shown_compare(expr: Compare) -> str:
    field, value = expr.field, expr.values[0]
    symbol = field.symbol if field.symbol.whole else _WHOLE[field.symbol.base]
    if not isinstance(value, Constant):
        return f"{symbol.name} {expr.op} {value}"
    first, width, bits, mask = field.first, field.width, value.value, value.mask
    if mask is not None and _is_contiguous(mask):
        low = (mask & -mask).bit_length() - 1
        first, width, bits, mask = first + low, mask.bit_length() - low, bits >> low, None
    name = str(FieldRef(symbol, first, width))
    if width == 1 and expr.op in {"==", "!="}:
        return name if (bits == 1) == (expr.op == "==") else f"!{name}"
    constant = Constant(bits, mask, HEX)
    return f"{name} {expr.op} {constant if bits else 0}"


def _is_contiguous(mask: int) -> bool:
    return mask > 0 and (mask | (mask & -mask) - 1) & (mask | (mask & -mask) - 1) + 1 == 0
