"""Connection tracking: ``ct_next``, ``ct_commit { ... }``, ``ct_clear``, ``ct_lb`` and ``ct_lb_mark``.

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
from pyovn.logical.ast import PortName
from pyovn.logical.errors import NotServedError
from pyovn.logical.lexer import IPV4, IPV6, STRING, Constant
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
class Backend:
    """Where a load balancer sends connections; port 0: the port stays."""

    address: Constant
    port: int = 0

    def __str__(self) -> str:
        if not self.port:
            return str(self.address)
        return f"[{self.address}]:{self.port}" if self.address.form == IPV6 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class CtLoadBalance(Action):
    """``ct_lb`` or ``ct_lb_mark``: NAT what an earlier commit decided, or choose a backend and commit.

    With backends it is read and printed, and not encoded yet.
    """

    name: str
    backends: tuple[Backend, ...] = ()
    hash_fields: str | None = None
    flag: str = ""

    @property
    def needs(self) -> str:
        """Only IP is tracked."""
        return "ip"

    def __str__(self) -> str:
        if not self.backends:
            return f"{self.name};"
        said = f"backends={','.join(map(str, self.backends))}"
        if self.hash_fields is not None:
            said += f"; hash_fields={PortName(self.hash_fields)}"
        return f"{self.name}({said}{f'; {self.flag}' if self.flag else ''});"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A ct with nat that goes on in the next table."""
        if self.backends:
            raise NotServedError(f"action {self.name} with backends is not served yet", str(self))
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
        return format_nested("ct_commit", self.actions) if self.actions else "ct_commit;"

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
    tokens = reader.tokens
    if not tokens.accept("(") or tokens.accept(")"):
        return CtLoadBalance(name)
    if tokens.value != "backends":
        raise tokens.error("expecting backends")
    tokens.at += 1
    tokens.expect("=")
    backends: list[Backend] = []
    while tokens.kind not in (")", ";"):
        backends.append(_read_backend(reader))
        tokens.accept(",")
    hash_fields, flag = None, ""
    if tokens.kind == ";" and tokens.values[tokens.at + 1] == "hash_fields":
        tokens.at += 2
        tokens.expect("=")
        if tokens.kind != STRING:
            raise tokens.error("expecting a quoted list of fields")
        hash_fields = str(tokens.take())
    if tokens.accept(";"):
        if tokens.value not in ("skip_snat", "force_snat"):
            raise tokens.error("expecting skip_snat or force_snat")
        flag = str(tokens.take())
    tokens.expect(")")
    return CtLoadBalance(name, tuple(backends), hash_fields, flag)


def _read_backend(reader: Reader) -> Backend:
    tokens = reader.tokens
    bracketed = tokens.accept("[")
    address = tokens.value
    if not isinstance(address, Constant) or address.mask is not None or address.form not in (IPV4, IPV6):
        raise tokens.error("expecting an IP address")
    tokens.at += 1
    if bracketed:
        tokens.expect("]")
    if not tokens.accept(":"):
        return Backend(address)
    at = tokens.at
    port = tokens.integer("a port")
    if port >> 16:
        raise tokens.error("a port is at most 65535", at)
    return Backend(address, port)


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
