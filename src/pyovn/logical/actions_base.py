"""What every family of actions shares: the base class, the reading of arguments, the encoding context.

An action is a frozen value with three abilities: its canonical text, its prerequisites as a match
expression, and its encoding as OpenFlow actions.  Families live in modules of their own
(``actions_flow``, ``actions_field``, ``actions_ct``, ``actions_lookup``, ``actions_controller``); the
table in ``actions`` names what begins each.

Parsing knows nothing of the switch or the chassis; that comes with ``EncodeContext``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyovn.logical.ast import FieldRef
from pyovn.logical.errors import ActionError, NotServedError
from pyovn.logical.parse import parse_field
from pyovn.logical.symbols import CT_COMMIT, READ_ONLY, SYMBOLS, SymbolTable
from pyovn.ovn.keys import NO_PORT, NO_PORT_NAME
from pyovn.ovn.stages import PROFILE_2303, Profile
from pyovn.wire.openflow.actions import Pop, Push, SetField, Subfield
from pyovn.wire.openflow.fields import FIELDS, Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.logical.lexer import Tokens
    from pyovn.wire.openflow.actions import Action as OpenFlowAction

INGRESS: Final = "ingress"
EGRESS: Final = "egress"


def _unknown(_name: str) -> int | None:
    return None


@dataclass(frozen=True, slots=True)
class EncodeContext:
    """Where a logical flow stands, and what its names mean there.

    ``table`` is the logical table; ``ports`` gives tunnel keys of the datapath's ports and multicast
    groups.  ``controller_meter`` limits packets to the controller (None: no meter).
    ``ct_zero_snat``: whether the switch avoids tuple collisions by an all-zero SNAT
    (ovs-actions(7), ``ct``: ``nat(src)``), which a commit then asks for.
    """

    table: int
    pipeline: str = INGRESS
    profile: Profile = PROFILE_2303
    ports: Callable[[str], int | None] = _unknown
    is_switch: bool = True
    datapath: int = 0
    controller_meter: int | None = None
    ct_zero_snat: bool = True
    meters: Callable[[str], int | None] = _unknown
    """The OpenFlow meter of a name."""
    openflow_table: int = field(init=False)
    output_table: int = field(init=False)

    def __post_init__(self) -> None:
        tables = self.profile.oftables
        object.__setattr__(self, "openflow_table", self.profile.openflow_table(self.pipeline, self.table))
        ingress = self.pipeline == INGRESS
        object.__setattr__(self, "output_table", tables.output_init if ingress else tables.save_inport)

    def jump(self, pipeline: str | None, table: int | None) -> int:
        """The OpenFlow table of a ``next``; None: this pipeline, the table after this one."""
        target = self.pipeline if pipeline is None else pipeline
        number = self.table + 1 if table is None else table
        if number >= self.profile.pipeline_size(target):
            raise ActionError(f"table {number} lies beyond the end of the {target} pipeline")
        return self.profile.openflow_table(target, number)

    def port_key(self, name: str) -> int | None:
        """The tunnel key of a port or multicast group."""
        return NO_PORT if name == NO_PORT_NAME else self.ports(name)


class Action(ABC):
    """One logical action."""

    __slots__ = ()

    @property
    def needs(self) -> str:
        """Prerequisites, as a match expression; empty: none."""
        return ""

    @abstractmethod
    def __str__(self) -> str:
        """The canonical text, with its semicolon."""

    @abstractmethod
    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """Append the OpenFlow actions; raises ``ActionError``."""


def join_needs(*needs: str) -> str:
    """The conjunction of prerequisites."""
    distinct = [need for need in dict.fromkeys(needs) if need]
    if len(distinct) < 2:
        return distinct[0] if distinct else ""
    return " && ".join(f"({need})" for need in distinct)


class Reader:
    """Tokens of actions, and what may be written where they stand.

    ``in_commit``: inside the braces of ct_commit, where ct_mark and ct_label alone are writable.  That
    outport is read-only in the egress pipeline (ovn-sb(5)) is not enforced, as C does not: a router's
    egress pipeline clears it before it sends a clone back to ingress.
    """

    __slots__ = ("block", "depth", "in_commit", "symtab", "tokens")

    def __init__(
        self,
        tokens: Tokens,
        block: Callable[[Reader], tuple[Action, ...]],
        symtab: SymbolTable = SYMBOLS,
    ) -> None:
        self.tokens = tokens
        self.block = block
        """Reads statements up to the closing brace or the end."""
        self.symtab = symtab
        self.in_commit = False
        self.depth = 0

    def field(self) -> FieldRef:
        """A field or some of its bits."""
        start = self.tokens.at
        found = parse_field(self.tokens, self.symtab)
        if not isinstance(found, FieldRef):
            raise self.tokens.error(f"{found.name} is a predicate, where a field is needed", start)
        return found

    def check_writable(self, ref: FieldRef, at: int) -> None:
        """``ref`` is about to be written."""
        symbol = ref.symbol
        if symbol.access == READ_ONLY:
            raise self.tokens.error(f"{symbol.name} is read-only", at)
        if (symbol.access == CT_COMMIT) != self.in_commit:
            raise self.tokens.error(
                f"{symbol.name} can{'not' if self.in_commit else ' only'} be set within ct_commit", at
            )

    def nested(self) -> tuple[Action, ...]:
        """``{ action; ... }``."""
        self.tokens.expect("{")
        self.depth += 1
        if self.depth > 16:
            raise self.tokens.error("actions are nested too deeply")
        actions = self.block(self)
        self.depth -= 1
        self.tokens.expect("}")
        return actions

    def typed_field(self, kind: str) -> FieldRef:
        """An argument: ``port`` (a string field), or ``mac``, ``ipv4``, ``ipv6`` by width."""
        start = self.tokens.at
        ref = self.field()
        if kind == "port":
            if not ref.symbol.string:
                raise self.tokens.error(f"{ref} holds no port", start)
        elif ref.symbol.string or ref.width != ARGUMENT_BITS[kind]:
            raise self.tokens.error(f"expecting a field of {ARGUMENT_BITS[kind]} bits", start)
        return ref

    def arguments(self, kinds: tuple[str, ...]) -> tuple[FieldRef, ...]:
        """``(field, ...)`` of the given kinds."""
        tokens = self.tokens
        tokens.expect("(")
        found: list[FieldRef] = []
        for kind in kinds:
            if found:
                tokens.expect(",")
            found.append(self.typed_field(kind))
        tokens.expect(")")
        return tuple(found)


def not_served(tokens: Tokens, what: str) -> NotServedError:
    """An error at the current token, to be raised by the caller."""
    return NotServedError(f"action {what} is not served yet", tokens.text, tokens.starts[tokens.at])


ARGUMENT_BITS: Final = {"mac": 48, "ipv4": 32, "ipv6": 128}


def subfield(ref: FieldRef) -> Subfield:
    """The OpenFlow bits of a logical field."""
    return Subfield(FIELDS[ref.symbol.base], ref.first, ref.width)


def flag_bits(number: int) -> Subfield:
    """One bit of the logical flow flags."""
    return Subfield(_FLAGS, number, 1)


def clear(target: Subfield) -> SetField:
    """Set bits to zero."""
    mask = ((1 << target.bits) - 1) << target.ofs
    return SetField(target.field, 0, None if mask == target.field.full else mask)


def encode_with_arguments(
    arguments: tuple[FieldRef, ...],
    places: tuple[Field, ...],
    body: list[OpenFlowAction],
    out: list[OpenFlowAction],
) -> None:
    """``body`` with the arguments in fixed fields, whose own values are saved and given back.

    An argument that already is in its place costs nothing.  All sources are read before any place
    is written, so arguments may be each other's places.
    """
    moved = [
        (subfield(ref), Subfield(place, 0, place.bits))
        for ref, place in zip(arguments, places, strict=True)
        if ref.symbol.base != place.name or not ref.symbol.whole
    ]
    out += [Push(place) for _, place in moved]
    out += [Push(source) for source, _ in reversed(moved)]
    out += [Pop(place) for _, place in moved]
    out += body
    out += [Pop(place) for _, place in reversed(moved)]


_FLAGS: Final = FIELDS["reg10"]
