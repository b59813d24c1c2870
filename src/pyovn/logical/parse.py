"""Match expressions from text (ovn-sb(5), Logical_Flow Table, ``match``).

``parse_text`` depends on the text alone and remembers its results, since thousands of logical flows
share few texts.  ``expand`` then replaces ``$set`` and ``@group`` by their members; ``parse_expr`` does
both.  An address that does not parse is left out of its set (see ``lexer.address_constant``); a set
or group that does not exist is an error.

The rules beyond the grammar that the man page gives:

* ``&&`` and ``||`` in one level, and ``!`` before a comparison, need parentheses;
* nominal fields know ``==`` alone once enclosing ``!`` are counted in, and have no subfields;
* a field that is not one bit wide needs a comparison;
* masked constants and sets are for ``==`` and ``!=``;
* a range reads ``x < f < y`` or ``x > f > y``, with or without ``=``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.logical.ast import (
    FALSE,
    TRUE,
    And,
    Compare,
    Expr,
    FieldRef,
    GroupRef,
    Literal,
    Or,
    PortName,
    Predicate,
    Resident,
    SetRef,
    Value,
    all_of,
    any_of,
    walk,
)
from pyovn.logical.errors import ExprError
from pyovn.logical.lexer import (
    ADDRESS_SET,
    CONSTANT,
    END,
    ID,
    PORT_GROUP,
    STRING,
    Constant,
    Tokens,
    address_constant,
)
from pyovn.logical.symbols import NOMINAL, PREDICATE, SYMBOLS, Symbol, SymbolTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NEGATED: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", ">=": "<=", ">": "<", "<=": ">="}
_RISING: Final = ("<", "<=")
_FALLING: Final = (">", ">=")
_CACHE_SIZE: Final = 20_000
MAX_DEPTH: Final = 100
"""Nesting of parentheses and ``!`` that is accepted."""

_parsed: dict[str, Expr] = {}
_expansions: dict[tuple[Symbol, bool], Expr] = {}
_nominal: dict[Symbol, bool] = {}


def parse_text(text: str, symtab: SymbolTable = SYMBOLS) -> Expr:
    """The expression, with its references to sets and groups unresolved; raises ``ExprError``."""
    if symtab is not SYMBOLS:
        return _Parser(text, symtab).parse()
    found = _parsed.get(text)
    if found is None:
        found = _Parser(text, symtab).parse()
        if len(_parsed) >= _CACHE_SIZE:
            _parsed.clear()
        _parsed[text] = found
    return found


def parse_expr(
    text: str,
    symtab: SymbolTable = SYMBOLS,
    address_sets: Mapping[str, Iterable[str]] | None = None,
    port_groups: Mapping[str, Iterable[str]] | None = None,
) -> Expr:
    """The expression with sets and groups replaced by their members; raises ``ExprError``."""
    expr = parse_text(text, symtab)
    if "$" in text or "@" in text:
        return expand(expr, address_sets or {}, port_groups or {}, text)
    return expr


def expand(
    expr: Expr,
    address_sets: Mapping[str, Iterable[str]],
    port_groups: Mapping[str, Iterable[str]],
    text: str | None = None,
) -> Expr:
    """Put the members of sets and groups in; ``text`` is for the message of an error."""
    if isinstance(expr, Compare):
        if not any(isinstance(value, SetRef | GroupRef) for value in expr.values):
            return expr
        values: list[Value] = []
        for value in expr.values:
            if isinstance(value, SetRef):
                values += _addresses(value, expr.field, address_sets, text)
            elif isinstance(value, GroupRef):
                members = port_groups.get(value.name)
                if members is None:
                    raise ExprError(f'there is no port group "{value.name}"', text, value.position)
                values += [PortName(member) for member in members]
            else:
                values.append(value)
        return Compare(expr.field, expr.op, tuple(values))
    if isinstance(expr, And | Or):
        items = tuple([expand(item, address_sets, port_groups, text) for item in expr.items])
        return And(items) if isinstance(expr, And) else Or(items)
    return expr


def _addresses(
    ref: SetRef, field: FieldRef, address_sets: Mapping[str, Iterable[str]], text: str | None
) -> list[Constant]:
    members = address_sets.get(ref.name)
    if members is None:
        raise ExprError(f'there is no address set "{ref.name}"', text, ref.position)
    constants = [constant for constant in map(address_constant, members) if constant is not None]
    for constant in constants:
        if constant.width() > field.width:
            raise ExprError(
                f"{constant} of ${ref.name} does not fit the {field.width} bits of {field}",
                text,
                ref.position,
            )
    return constants


def expansion(symbol: Symbol, *, negated: bool = False, symtab: SymbolTable = SYMBOLS) -> Expr:
    """What a predicate stands for, without its prerequisites; or its negation, which has none.

    A predicate is shorthand for an expression (ovn-sb(5), "Symbols"), and its negation is true of every
    other packet, also of those that lack the prerequisites of what it says: ``!ip4.mcast`` is true of IPv6.
    """
    key = (symbol, negated)
    found = _expansions.get(key)
    if found is None:
        found = _Parser(symbol.expansion, symtab).parse()
        if negated:
            found = any_of([_complement(found), *_lacking(symbol.prerequisites)])
        _expansions[key] = found
    return found


def _complement(expr: Expr) -> Expr:
    """True of the packets of which ``expr`` is not, prerequisites included."""
    if isinstance(expr, And):
        return any_of([_complement(item) for item in expr.items])
    if isinstance(expr, Or):
        return all_of([_complement(item) for item in expr.items])
    if isinstance(expr, Literal):
        return Literal(not expr.value)
    if isinstance(expr, Predicate):
        return Predicate(expr.symbol, not expr.negated)
    if isinstance(expr, Resident):
        return Resident(expr.port, not expr.negated)
    opposite = Compare(expr.field, _NEGATED[expr.op], expr.values)
    if expr.field.width == 1 and expr.op == "==" and expr.values in ((Constant(0),), (Constant(1),)):
        opposite = Compare(expr.field, "==", (Constant(int(expr.values == (Constant(0),))),))
    return any_of([opposite, *_lacking(expr.field.symbol.prerequisites)])


def _lacking(prerequisites: str) -> list[Expr]:
    return [_complement(parse_text(prerequisites))] if prerequisites else []


def is_nominal(symbol: Symbol, symtab: SymbolTable = SYMBOLS) -> bool:
    """Whether ``symbol`` can only be tested for equality (for a predicate: only positively)."""
    if symbol.kind != PREDICATE:
        return symbol.level == NOMINAL
    found = _nominal.get(symbol)
    if found is None:
        found = any(
            (isinstance(node, Compare) and is_nominal(node.field.symbol, symtab))
            or (isinstance(node, Predicate) and is_nominal(node.symbol, symtab))
            for node in walk(expansion(symbol, symtab=symtab))
        )
        _nominal[symbol] = found
    return found


class _Parser:
    """Recursive descent over one text.  ``negate`` tells whether an odd number of ``!`` encloses."""

    __slots__ = ("depth", "symtab", "tokens")

    def __init__(self, text: str, symtab: SymbolTable) -> None:
        self.tokens = Tokens(text, ExprError)
        self.symtab = symtab
        self.depth = 0

    def parse(self, *, negate: bool = False) -> Expr:
        expr = self.disjunction(negate)
        if self.tokens.kind != END:
            raise self.tokens.error("expecting the end, `&&' or `||'")
        return expr

    def disjunction(self, negate: bool) -> Expr:
        tokens = self.tokens
        first, _ = self.term(negate)
        word = tokens.kind
        if word not in ("&&", "||"):
            return first
        items = [first]
        while tokens.accept(word):
            items.append(self.term(negate)[0])
        if tokens.kind in ("&&", "||"):
            raise tokens.error("`&&' and `||' need parentheses when used together")
        return all_of(items) if (word == "&&") != negate else any_of(items)

    def term(self, negate: bool) -> tuple[Expr, bool]:
        """An operand of ``&&``, and whether ``!`` may stand before it without parentheses."""
        tokens = self.tokens
        kind = tokens.kind
        if kind == "(":
            tokens.at += 1
            self.deeper()
            expr = self.disjunction(negate)
            tokens.expect(")")
            self.depth -= 1
            return expr, True
        if kind == "!":
            at = tokens.at
            tokens.at += 1
            if tokens.kind == "!":
                raise tokens.error("the operand of `!' needs parentheses", at)
            self.deeper()
            expr, atomic = self.term(not negate)
            self.depth -= 1
            if not atomic:
                raise tokens.error("the operand of `!' needs parentheses", at)
            return expr, True
        if kind == ID:
            if tokens.value == "is_chassis_resident":
                return self.resident(negate), True
            return self.field_first(negate)
        return self.constant_first(negate)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.tokens.error("the expression is nested too deeply")

    def resident(self, negate: bool) -> Expr:
        tokens = self.tokens
        tokens.at += 1
        tokens.expect("(")
        if tokens.kind != STRING:
            raise tokens.error("expecting the quoted name of a logical port")
        port = str(tokens.take())
        tokens.expect(")")
        return Resident(port, negate)

    def field_first(self, negate: bool) -> tuple[Expr, bool]:
        tokens = self.tokens
        start = tokens.at
        target = parse_field(tokens, self.symtab)
        op = tokens.kind
        if op in _NEGATED:
            tokens.at += 1
            values = self.values(target)
            if tokens.kind in _NEGATED:
                raise tokens.error("a range has the constants outside: `x < field < y' or `x > field > y'")
            return self.compare(target, op, values, negate, start), False
        if isinstance(target, Symbol):
            return self.predicate(target, negate, start), True
        if target.width != 1:
            raise tokens.error(
                f"{target} has {target.width} bits: expecting a comparison, as in `{target} != 0'"
            )
        return self.compare(target, "==", (Constant(1),), negate, start), True

    def constant_first(self, negate: bool) -> tuple[Expr, bool]:
        tokens = self.tokens
        start = tokens.at
        if (
            tokens.kind == CONSTANT
            and tokens.value in (Constant(0), Constant(1))
            and tokens.peek() not in _NEGATED
        ):
            return (TRUE if bool(tokens.take() == Constant(1)) != negate else FALSE), True
        values = self.values(None)
        op = tokens.kind
        if op not in _NEGATED:
            raise tokens.error("expecting a relational operator")
        tokens.at += 1
        target = parse_field(tokens, self.symtab)
        self.check_values(target, values, start)
        second = tokens.kind
        if second not in _NEGATED:
            return self.compare(target, _MIRRORED[op], values, negate, start), False
        tokens.at += 1
        if not ((op in _RISING and second in _RISING) or (op in _FALLING and second in _FALLING)):
            raise tokens.error("a range reads `x < field < y' or `x > field > y', each with or without `='")
        sides = [
            self.compare(target, _MIRRORED[op], values, negate, start),
            self.compare(target, second, self.values(target), negate, start),
        ]
        return (any_of(sides) if negate else all_of(sides)), False

    def predicate(self, symbol: Symbol, negate: bool, at: int) -> Expr:
        if negate and is_nominal(symbol, self.symtab):
            raise self.tokens.error(f"{symbol.name} is nominal: it can be tested, its contrary cannot", at)
        return Predicate(symbol, negate)

    def compare(
        self, target: Symbol | FieldRef, op: str, values: tuple[Value, ...], negate: bool, at: int
    ) -> Expr:
        tokens = self.tokens
        if isinstance(target, Symbol):
            return self.compare_predicate(target, op, values, negate, at)
        if op not in ("==", "!="):
            if is_nominal(target.symbol):
                raise tokens.error(f"{target} is nominal: only `==' and `!=' can be used with it", at)
            if len(values) != 1 or not isinstance(values[0], Constant):
                raise tokens.error("a set can only be compared by `==' and `!='", at)
            if values[0].mask is not None:
                raise tokens.error("a masked constant can only be compared by `==' and `!='", at)
        if negate:
            op = _NEGATED[op]
        if op == "!=" and is_nominal(target.symbol):
            raise tokens.error(
                f"{target} is nominal: it can only be tested for equality, counting enclosing `!' in", at
            )
        if target.width == 1 and len(values) == 1 and op in ("==", "!="):
            value = values[0]
            if isinstance(value, Constant) and value.mask in (None, 1):
                return Compare(target, "==", (Constant(value.value if op == "==" else 1 - value.value),))
        return Compare(target, op, values)

    def compare_predicate(
        self, target: Symbol, op: str, values: tuple[Value, ...], negate: bool, at: int
    ) -> Expr:
        """A predicate is compared like a field of one bit: with 0 or 1 in any form, or a set of them."""
        wrong = negate ^ (op == "!=")
        items: list[Expr] = []
        for value in values:
            if (
                op not in ("==", "!=")
                or not isinstance(value, Constant)
                or value.width() > 1
                or value.mask == 0
            ):
                raise self.tokens.error(f"the predicate {target.name} can only be compared with 0 or 1", at)
            items.append(self.predicate(target, wrong ^ (value.value == 0), at))
        if len(items) == 1:
            return items[0]
        return all_of(items) if wrong else any_of(items)

    def values(self, target: Symbol | FieldRef | None) -> tuple[Value, ...]:
        """A constant, a reference, or a set of them in braces."""
        tokens = self.tokens
        start = tokens.at
        if not tokens.accept("{"):
            found = [self.value()]
        else:
            found = []
            while not tokens.accept("}"):
                found.append(self.value())
                tokens.accept(",")
            if not found:
                raise tokens.error("a set in braces needs a member", start)
        values = tuple(found)
        if target is not None:
            self.check_values(target, values, start)
        return values

    def value(self) -> Value:
        tokens = self.tokens
        kind, position = tokens.kind, tokens.position
        if kind == CONSTANT:
            constant = tokens.take()
            assert isinstance(constant, Constant)
            return constant
        make: Callable[[str, int], Value] | None = _REFERENCES.get(kind)
        if make is None:
            raise tokens.error("expecting a constant")
        return make(str(tokens.take()), position)

    def check_values(self, target: Symbol | FieldRef, values: tuple[Value, ...], at: int) -> None:
        """The constants must be of the field's type and fit its width."""
        if isinstance(target, Symbol):
            return
        for value in values:
            if isinstance(value, PortName | GroupRef) != target.symbol.string:
                wanted = (
                    "a port's name or a port group" if target.symbol.string else "an integer or an address"
                )
                raise self.tokens.error(f"{target} is compared with {wanted}, not with {value}", at)
            if isinstance(value, Constant) and value.width() > target.width:
                raise self.tokens.error(f"{value} does not fit the {target.width} bits of {target}", at)


_REFERENCES: Final[dict[str, Callable[[str, int], Value]]] = {
    STRING: lambda name, _position: PortName(name),
    ADDRESS_SET: SetRef,
    PORT_GROUP: GroupRef,
}


def parse_field(tokens: Tokens, symtab: SymbolTable = SYMBOLS) -> Symbol | FieldRef:
    """A symbol with or without ``[bits]``: a ``FieldRef``, or the symbol itself for a predicate."""
    start = tokens.at
    name = tokens.name("a field or a predicate")
    symbol = symtab.get(name)
    if symbol is None:
        raise tokens.error(f"{name} is no field or predicate", start)
    if not tokens.accept("["):
        if symbol.kind == PREDICATE:
            return symbol
        return FieldRef(symbol, 0, symbol.width)
    low = high = tokens.integer("a bit's number")
    if tokens.accept(".."):
        high = tokens.integer("a bit's number")
    tokens.expect("]")
    if symbol.kind == PREDICATE or symbol.level == NOMINAL:
        if (low, high) != (0, symbol.width - 1) or symbol.string:
            what = "a predicate" if symbol.kind == PREDICATE else "nominal"
            raise tokens.error(f"{name} is {what}: it has no subfields", start)
        return symbol if symbol.kind == PREDICATE else FieldRef(symbol, 0, symbol.width)
    if not low <= high < symbol.width:
        raise tokens.error(f"bits {low} to {high} are not within the {symbol.width} bits of {name}", start)
    return FieldRef(symbol, low, high - low + 1)


__all__ = ["Literal", "expand", "expansion", "is_nominal", "parse_expr", "parse_field", "parse_text"]
