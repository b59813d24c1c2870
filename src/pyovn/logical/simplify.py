"""Expressions in normal form: an Or of clauses, each an And of sets of values of distinct fields.

``Clause`` maps an OpenFlow field to the cubes (see ``cubes``) that it may hold; a clause is true when
every field lies in its set.  Relational operators and ``!=`` have become sets, prerequisites and the
expansions of predicates have been conjoined, port names are keys, and residency is decided.

Two clauses that differ in one field alone are fused, so an Or of tests of one field is one clause
and costs a sum, whatever it is conjoined with.

Unknown ports make their comparison false.  Not here: how clauses become flows (``to_matches``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from pyovn.logical.ast import And, Compare, Expr, Literal, Or, PortName, Predicate, Resident
from pyovn.logical.cubes import NOTHING, Cubes, complement, distinct, intersection, relation
from pyovn.logical.errors import ExprError
from pyovn.logical.lexer import Constant
from pyovn.logical.parse import expansion, parse_text
from pyovn.ovn.keys import NO_PORT, NO_PORT_NAME
from pyovn.wire.openflow.fields import FIELDS, Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.logical.symbols import Symbol

Clause: TypeAlias = dict[Field, Cubes]
Clauses: TypeAlias = list[Clause]

ALWAYS: Final[Clauses] = [{}]
MAX_CLAUSES: Final = 20_000
"""Beyond this an expression multiplied out is refused; such a flow would not fit a switch either."""

_prerequisites: dict[str, Clauses] = {}
_predicates: dict[tuple[Symbol, bool], Clauses] = {}


class Context:
    """What an expression's meaning depends on beside the packet.

    ``ports`` gives the tunnel key of a port or multicast group within the datapath; ``resident``
    whether a port resides on this chassis.
    """

    __slots__ = ("ports", "resident")

    def __init__(self, ports: Callable[[str], int | None], resident: Callable[[str], bool]) -> None:
        self.ports = ports
        self.resident = resident

    def port_key(self, name: str) -> int | None:
        """As ``ports``; ``"none"`` is the absent port."""
        return NO_PORT if name == NO_PORT_NAME else self.ports(name)


def clauses_of(expr: Expr, context: Context) -> Clauses:
    """The clauses of ``expr``; none: it is never true; an empty clause: it always is."""
    if isinstance(expr, Compare):
        return _compare(expr, context)
    if isinstance(expr, Predicate):
        return _predicate(expr)
    if isinstance(expr, And):
        result = ALWAYS
        for item in expr.items:
            result = conjoin(result, clauses_of(item, context))
            if not result:
                break
        return result
    if isinstance(expr, Or):
        found: Clauses = []
        for item in expr.items:
            found += clauses_of(item, context)
        return fuse(found)
    if isinstance(expr, Literal):
        return ALWAYS if expr.value else []
    assert isinstance(expr, Resident)
    return ALWAYS if context.resident(expr.port) != expr.negated else []


def conjoin(left: Clauses, right: Clauses) -> Clauses:
    """Every clause of one side met with every clause of the other."""
    if right is ALWAYS:
        return left
    if left is ALWAYS:
        return right
    if len(left) * len(right) > MAX_CLAUSES:
        raise ExprError(f"the expression multiplies out to more than {MAX_CLAUSES} clauses")
    found: Clauses = []
    for a in left:
        for b in right:
            both = a | b
            for field in a.keys() & b.keys():
                mine, theirs = a[field], b[field]
                if mine == theirs:
                    continue
                common = intersection(mine, theirs, field.bits)
                if not common:
                    break
                both[field] = common
            else:
                found.append(both)
    return fuse(found) if len(found) > 1 else found


def fuse(clauses: Clauses) -> Clauses:
    """Join clauses that differ in one field; drop repetitions."""
    if len(clauses) < 2:
        return clauses
    if any(not clause for clause in clauses):
        return ALWAYS
    fields = sorted({field for clause in clauses for field in clause}, key=_order, reverse=True)
    for field in fields:
        groups: dict[tuple[tuple[Field, Cubes], ...], list[Clause]] = {}
        rest: Clauses = []
        for clause in clauses:
            if field in clause:
                key = tuple([(f, clause[f]) for f in sorted(clause, key=_order) if f is not field])
                groups.setdefault(key, []).append(clause)
            else:
                rest.append(clause)
        if len(groups) + len(rest) == len(clauses):
            continue
        for same in groups.values():
            if len(same) == 1:
                rest.append(same[0])
                continue
            joined = distinct(tuple([cube for clause in same for cube in clause[field]]))
            rest.append({**same[0], field: joined})
        clauses = rest
        if len(clauses) == 1:
            break
    return clauses


def _order(field: Field) -> int:
    return field.order


def _compare(expr: Compare, context: Context) -> Clauses:
    ref = expr.field
    symbol = ref.symbol
    own = _cubes(expr, context)
    if not own:
        return []
    field = FIELDS[symbol.base]
    needs = prerequisite_clauses(symbol.prerequisites) if symbol.prerequisites else ALWAYS
    if own[0][1] == 0:
        return needs
    return conjoin(needs, [{field: own}])


def _cubes(expr: Compare, context: Context) -> Cubes:
    """The set of values of the whole OpenFlow field on which the comparison holds."""
    ref = expr.field
    if ref.symbol.string:
        keys = [context.port_key(value.name) for value in expr.values if isinstance(value, PortName)]
        full = (1 << ref.width) - 1
        return distinct(tuple([(key, full) for key in keys if key is not None]))
    full = (1 << ref.width) - 1
    own: Cubes
    if expr.op in ("==", "!="):
        own = tuple(
            [
                (value.value, full if value.mask is None else value.mask)
                for value in expr.values
                if isinstance(value, Constant)
            ]
        )
        if len(own) != len(expr.values):
            raise ExprError(f"{expr.field} is compared with a set that was not expanded")
        own = distinct(own) if expr.op == "==" else complement(own, ref.width)
    else:
        constant = expr.values[0]
        assert isinstance(constant, Constant)
        own = relation(expr.op, constant.value, ref.width)
    if not own:
        return NOTHING
    first = ref.first
    return tuple([(value << first, mask << first) for value, mask in own]) if first else own


def prerequisite_clauses(text: str) -> Clauses:
    """The clauses of a symbol's prerequisites."""
    found = _prerequisites.get(text)
    if found is None:
        found = clauses_of(parse_text(text), _NO_CONTEXT)
        _prerequisites[text] = found
    return found


def _predicate(expr: Predicate) -> Clauses:
    key = (expr.symbol, expr.negated)
    found = _predicates.get(key)
    if found is None:
        symbol = expr.symbol
        found = clauses_of(expansion(symbol, negated=expr.negated), _NO_CONTEXT)
        if symbol.prerequisites and not expr.negated:
            found = conjoin(prerequisite_clauses(symbol.prerequisites), found)
        _predicates[key] = found
    return found


_NO_CONTEXT: Final = Context(lambda _name: None, lambda _name: False)
