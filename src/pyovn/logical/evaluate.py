"""Whether an expression is true of a packet: for ovn-trace, and as the measure of ``to_matches``.

A microflow maps OpenFlow field names (``Symbol.base``: ``"eth_src"``, ``"xxreg0"``, ``"reg14"`` ...) to
integers; absent fields are 0.  Logical ports are their tunnel keys.  This is a direct reading of
ovn-sb(5) that shares nothing with ``simplify``: prerequisites are evaluated beside each use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.logical.ast import And, Compare, Expr, FieldRef, Literal, Or, PortName, Predicate, Resident
from pyovn.logical.errors import ExprError
from pyovn.logical.lexer import Constant
from pyovn.logical.parse import expansion, parse_text
from pyovn.ovn.keys import NO_PORT, NO_PORT_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping


def _no_port(_name: str) -> int | None:
    return None


def _nowhere(_name: str) -> bool:
    return False


def read_field(microflow: Mapping[str, int], ref: FieldRef) -> int:
    """The bits of the packet that ``ref`` names."""
    return (microflow.get(ref.symbol.base, 0) >> ref.first) & ((1 << ref.width) - 1)


def write_field(microflow: MutableMapping[str, int], ref: FieldRef, value: int) -> None:
    """Set the bits that ``ref`` names."""
    mask = ((1 << ref.width) - 1) << ref.first
    old = microflow.get(ref.symbol.base, 0)
    microflow[ref.symbol.base] = (old & ~mask) | ((value << ref.first) & mask)


def evaluate(
    expr: Expr,
    microflow: Mapping[str, int],
    ports: Callable[[str], int | None] = _no_port,
    resident: Callable[[str], bool] = _nowhere,
) -> bool:
    """Whether ``expr``, its sets expanded, is true of ``microflow``."""
    if isinstance(expr, And):
        return all(evaluate(item, microflow, ports, resident) for item in expr.items)
    if isinstance(expr, Or):
        return any(evaluate(item, microflow, ports, resident) for item in expr.items)
    if isinstance(expr, Literal):
        return expr.value
    if isinstance(expr, Resident):
        return resident(expr.port) != expr.negated
    if isinstance(expr, Predicate):
        positive = _holds(expr.symbol.prerequisites, microflow) and evaluate(
            expansion(expr.symbol), microflow
        )
        return positive != expr.negated
    return _holds(expr.field.symbol.prerequisites, microflow) and _compare(expr, microflow, ports)


def _holds(prerequisites: str, microflow: Mapping[str, int]) -> bool:
    return not prerequisites or evaluate(parse_text(prerequisites), microflow)


def _compare(expr: Compare, microflow: Mapping[str, int], ports: Callable[[str], int | None]) -> bool:
    actual = read_field(microflow, expr.field)
    if expr.op in ("==", "!="):
        equal = any(_equals(actual, value, ports) for value in expr.values)
        return equal == (expr.op == "==")
    constant = expr.values[0]
    assert isinstance(constant, Constant)
    wanted = constant.value
    if expr.op == "<":
        return actual < wanted
    if expr.op == "<=":
        return actual <= wanted
    return actual > wanted if expr.op == ">" else actual >= wanted


def _equals(actual: int, value: object, ports: Callable[[str], int | None]) -> bool:
    if isinstance(value, Constant):
        return actual == value.value if value.mask is None else actual & value.mask == value.value
    if isinstance(value, PortName):
        return actual == (NO_PORT if value.name == NO_PORT_NAME else ports(value.name))
    raise ExprError(f"{value} is a set that was not expanded")
