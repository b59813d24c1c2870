"""From expressions to OpenFlow matches, with conjunctive matches where they save flows.

A clause (see ``simplify``) with at most one many-valued field becomes one match per value.  With more
of them the product of their sizes would be needed, so when that is larger than their sum the clause
becomes a conjunctive match (ovs-fields(7), conj_id): one flow per value of each field, that carries
``conjunction(id, k/n)``, and one flow on ``conj_id`` that carries the actions.

Nominal fields (eth.type, ip.proto, icmp6.type ...) are always multiplied out: they are
prerequisites of others, and each flow must state its own prerequisites.

Conjunction ids are counted here from 0 within the expression; the caller allots real ones and adds
its base with ``with_base``.  The caller adds ``metadata`` and the priority.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pyovn.logical.ast import And, Compare, Expr, Or, Resident
from pyovn.logical.simplify import Clause, Context, clauses_of
from pyovn.logical.symbols import NOMINAL, SYMBOLS
from pyovn.wire.openflow.actions import Conjunction
from pyovn.wire.openflow.fields import FIELDS, Field
from pyovn.wire.openflow.match import Match, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.logical.cubes import Cubes

_CONJ_ID: Final = FIELDS["conj_id"]
_MULTIPLIED: Final = frozenset(
    FIELDS[symbol.base] for symbol in SYMBOLS if symbol.level == NOMINAL and symbol.base and not symbol.string
)
_SYMBOL_NAMES: Final = {FIELDS[s.base]: s.name for s in SYMBOLS if s.whole and s.base}


class ExprMatch(Struct, frozen=True, gc=False):
    """One OpenFlow match of an expression.

    ``clauses`` empty: the flow has the logical flow's actions.  Else it has conjunction actions alone:
    (conjunction, clause from 0, number of clauses).  ``conjunction`` is not None on the flow that a
    completed conjunction reaches: it must match ``conj_id`` too, which ``with_base`` adds.
    """

    match: Match
    clauses: tuple[tuple[int, int, int], ...] = ()
    conjunction: int | None = None

    def with_base(self, base: int) -> tuple[Match, tuple[Conjunction, ...]]:
        """Match and conjunction actions, with conjunctions numbered from ``base``."""
        if self.conjunction is not None:
            extended = Match.from_terms(
                (*self.match.terms, (_CONJ_ID, base + self.conjunction, _CONJ_ID.full))
            )
            assert extended is not None
            return extended, ()
        return self.match, tuple([Conjunction(base + i, clause, n) for i, clause, n in self.clauses])


def to_matches(
    expr: Expr, ports: Callable[[str], int | None], resident: Callable[[str], bool]
) -> tuple[ExprMatch, ...]:
    """The matches that together accept the packets on which ``expr`` is true; none: it never is.

    ``ports``: tunnel key of a port or group of the datapath, None if unknown (then what asks for it
    is false); ``resident``: whether a port resides on this chassis.
    """
    fixed = _fixed(expr)
    if fixed:
        known = _remembered.get(expr)
        if known is not None:
            return known
    found = _emit(clauses_of(expr, Context(ports, resident)))
    if fixed:
        if len(_remembered) >= _REMEMBERED_MAX:
            _remembered.clear()
        _remembered[expr] = found
    return found


def conjunctions(matches: Iterable[ExprMatch]) -> int:
    """How many conjunction ids the matches need."""
    return 1 + max((m.conjunction for m in matches if m.conjunction is not None), default=-1)


_REMEMBERED_MAX: Final = 10_000
_SMALL: Final = 12
_remembered: dict[Expr, tuple[ExprMatch, ...]] = {}


def _fixed(expr: Expr) -> bool:
    """Whether the matches depend on the expression alone, and hashing it is cheap."""
    if isinstance(expr, And | Or):
        return len(expr.items) <= _SMALL and all(map(_fixed, expr.items))
    if isinstance(expr, Compare):
        return not expr.field.symbol.string and len(expr.values) <= _SMALL
    return not isinstance(expr, Resident)


def _emit(clauses: list[Clause]) -> tuple[ExprMatch, ...]:
    plain: dict[Match, None] = {}
    parts: dict[Match, list[tuple[int, int, int]]] = {}
    ends: list[ExprMatch] = []
    for clause in clauses:
        for fixed, many in _split(clause):
            sizes = 1
            total = 1
            for _, cubes in many:
                sizes *= len(cubes)
                total += len(cubes)
            if len(many) < 2 or sizes <= total:
                for chosen in product(*[_terms(field, cubes) for field, cubes in many]):
                    plain[_match([*fixed, *chosen])] = None
                continue
            number = len(ends)
            ends.append(ExprMatch(_match(fixed), conjunction=number))
            for k, (field, cubes) in enumerate(many):
                for term in _terms(field, cubes):
                    parts.setdefault(_match([*fixed, term]), []).append((number, k, len(many)))
    if not ends:
        return tuple([ExprMatch(match) for match in plain])
    return (
        *[ExprMatch(match) for match in plain],
        *[ExprMatch(match, tuple(ids)) for match, ids in parts.items()],
        *ends,
    )


def _split(clause: Clause) -> list[tuple[list[Term], list[tuple[Field, Cubes]]]]:
    """The clause with its nominal fields multiplied out: single-valued terms, and many-valued fields."""
    fixed: list[Term] = []
    nominal: list[tuple[Field, Cubes]] = []
    many: list[tuple[Field, Cubes]] = []
    for field, cubes in clause.items():
        if len(cubes) == 1:
            fixed.append((field, *cubes[0]))
        elif field in _MULTIPLIED:
            nominal.append((field, cubes))
        else:
            many.append((field, cubes))
    many.sort(key=_name)
    if not nominal:
        return [(fixed, many)]
    return [
        ([*fixed, *chosen], many) for chosen in product(*[_terms(field, cubes) for field, cubes in nominal])
    ]


def _terms(field: Field, cubes: Cubes) -> list[Term]:
    return [(field, value, mask) for value, mask in cubes]


def _match(terms: list[Term]) -> Match:
    """Fields are distinct here, so only registers that overlap need the general way."""
    for field, _, _ in terms:
        if field.views:
            merged = Match.from_terms(terms)
            assert merged is not None
            return merged
    if len(terms) > 1:
        terms.sort(key=_order)
    return Match(tuple(terms))


def _name(sized: tuple[Field, Cubes]) -> str:
    """Clauses of a conjunction are counted in the order of their symbols' names, as in C."""
    return _SYMBOL_NAMES[sized[0]]


def _order(term: Term) -> int:
    return term[0].order
