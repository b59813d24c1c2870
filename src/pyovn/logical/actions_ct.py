"""Connection tracking: ``ct_next``, ``ct_commit { ... }``, ``ct_clear``, and ``ct_lb*`` without arguments.

Zones come from registers: a logical switch tracks per port (ovn-architecture(7), "conntrack zone
field for logical ports"), a router in its DNAT zone.  ``ct_next`` and ``ct_lb*`` go on in the next table
by the ``table`` of OpenFlow's ct; ``ct_commit`` does not.

A commit asks for an all-zero SNAT where the switch has it, which keeps NATed and plain connections
with the same tuple apart (ovs-actions(7), ct).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import Action, EncodeContext, Reader, not_served
from pyovn.logical.actions_field import MoveField, SetConstant
from pyovn.logical.actions_flow import format_nested
from pyovn.ovn import registers
from pyovn.wire.openflow.actions import NAT_SRC, Ct, CtClear, Nat, Subfield
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from pyovn.wire.openflow.actions import Action as OpenFlowAction

_ZONE_BITS: Final = 16
_PORT_ZONE: Final = Subfield(FIELDS[registers.LOG_CT_ZONE], 0, _ZONE_BITS)
_DNAT_ZONE: Final = Subfield(FIELDS[registers.LOG_DNAT_ZONE], 0, _ZONE_BITS)
_NAT: Final = Nat()
_ZERO_SNAT: Final = Nat(NAT_SRC)


def tracking_zone(ctx: EncodeContext) -> Subfield:
    """Where connections of this datapath are tracked when no NAT is asked for."""
    return _PORT_ZONE if ctx.is_switch else _DNAT_ZONE


@dataclass(frozen=True, slots=True)
class CtNext(Action):
    """``ct_next``."""

    @property
    def needs(self) -> str:
        """Only IP is tracked."""
        return "ip"

    def __str__(self) -> str:
        return "ct_next;"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A ct that goes on in the next table."""
        out.append(Ct(table=ctx.jump(None, None), zone=tracking_zone(ctx)))


@dataclass(frozen=True, slots=True)
class CtLoadBalance(Action):
    """``ct_lb`` or ``ct_lb_mark`` alone: NAT what an earlier commit decided."""

    name: str

    @property
    def needs(self) -> str:
        """Only IP is tracked."""
        return "ip"

    def __str__(self) -> str:
        return f"{self.name};"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A ct with nat that goes on in the next table."""
        out.append(Ct(table=ctx.jump(None, None), zone=tracking_zone(ctx), nat=_NAT))


@dataclass(frozen=True, slots=True)
class CtCommit(Action):
    """``ct_commit { ... }``: the actions set ct_mark and ct_label of the committed entry."""

    actions: tuple[Action, ...] = ()

    @property
    def needs(self) -> str:
        """Only IP is tracked; the nested actions' needs are not added, as in C."""
        return "ip"

    def __str__(self) -> str:
        return format_nested("ct_commit", self.actions)

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A ct with commit and exec."""
        inner: list[OpenFlowAction] = []
        for action in self.actions:
            action.encode(ctx, inner)
        nat = _ZERO_SNAT if ctx.ct_zero_snat else None
        out.append(Ct(commit=True, zone=tracking_zone(ctx), nat=nat, actions=tuple(inner)))


@dataclass(frozen=True, slots=True)
class ClearCt(Action):
    """``ct_clear``."""

    def __str__(self) -> str:
        return "ct_clear;"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """OpenFlow's ct_clear."""
        out.append(CtClear())


def read_ct_next(_reader: Reader) -> Action:
    """After ``ct_next``."""
    return CtNext()


def read_ct_clear(_reader: Reader) -> Action:
    """After ``ct_clear``."""
    return ClearCt()


def _read_ct_lb(reader: Reader, name: str) -> Action:
    if reader.tokens.accept("(") and not reader.tokens.accept(")"):
        raise not_served(reader.tokens, f"{name} with backends")
    return CtLoadBalance(name)


def read_ct_lb(reader: Reader) -> Action:
    """After ``ct_lb``."""
    return _read_ct_lb(reader, "ct_lb")


def read_ct_lb_mark(reader: Reader) -> Action:
    """After ``ct_lb_mark``."""
    return _read_ct_lb(reader, "ct_lb_mark")


def read_ct_commit(reader: Reader) -> Action:
    """After ``ct_commit``."""
    tokens = reader.tokens
    if tokens.kind == "(":
        raise not_served(tokens, "ct_commit with parentheses")
    if tokens.kind != "{":
        return CtCommit()
    start = tokens.at
    if reader.in_commit:
        raise tokens.error("ct_commit cannot contain ct_commit")
    reader.in_commit = True
    actions = reader.nested()
    reader.in_commit = False
    if not all(isinstance(action, SetConstant | MoveField) for action in actions):
        raise tokens.error("ct_commit can only contain assignments to ct_mark and ct_label", start)
    return CtCommit(actions)
