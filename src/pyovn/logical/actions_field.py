"""Assignments: constants, moves, exchanges, the stack, and the TTL.

A constant is set by set_field with the mask of the bits it covers; a field is moved bit by bit.
Writing or reading a field brings its prerequisites along (ovn-sb(5), "field = constant").
Bits of a nominal field cannot be written alone, since OpenFlow has no mask for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyovn.logical.actions_base import Action, EncodeContext, Reader, join_needs, subfield
from pyovn.logical.ast import FieldRef, PortName
from pyovn.logical.lexer import CONSTANT, STRING, Constant
from pyovn.logical.symbols import NOMINAL
from pyovn.ovn.keys import NO_PORT
from pyovn.wire.openflow.actions import DecTtl, Move, Pop, Push, SetField
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from pyovn.wire.openflow.actions import Action as OpenFlowAction


@dataclass(frozen=True, slots=True)
class SetConstant(Action):
    """``field = constant``."""

    target: FieldRef
    value: Constant | PortName

    @property
    def needs(self) -> str:
        """The field's."""
        return self.target.symbol.prerequisites

    def __str__(self) -> str:
        return f"{self.target} = {self.value};"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A set_field; a port that does not exist here is key 0, as in C."""
        ref = self.target
        field = FIELDS[ref.symbol.base]
        value = self.value
        if isinstance(value, PortName):
            out.append(SetField(field, ctx.port_key(value.name) or NO_PORT))
            return
        mask = (1 << ref.width) - 1 if value.mask is None else value.mask
        first = ref.first
        mask <<= first
        out.append(SetField(field, value.value << first, None if mask == field.full else mask))


@dataclass(frozen=True, slots=True)
class MoveField(Action):
    """``target = source``."""

    target: FieldRef
    source: FieldRef

    @property
    def needs(self) -> str:
        """Those of both fields."""
        return join_needs(self.target.symbol.prerequisites, self.source.symbol.prerequisites)

    def __str__(self) -> str:
        return f"{self.target} = {self.source};"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A move."""
        out.append(Move(subfield(self.source), subfield(self.target)))


@dataclass(frozen=True, slots=True)
class Exchange(Action):
    """``left <-> right``."""

    left: FieldRef
    right: FieldRef

    @property
    def needs(self) -> str:
        """Those of both fields."""
        return join_needs(self.left.symbol.prerequisites, self.right.symbol.prerequisites)

    def __str__(self) -> str:
        return f"{self.left} <-> {self.right};"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """Both on the stack, and back the other way round."""
        left, right = subfield(self.left), subfield(self.right)
        out += (Push(right), Push(left), Pop(right), Pop(left))


@dataclass(frozen=True, slots=True)
class PushField(Action):
    """``push(field)``."""

    source: FieldRef

    @property
    def needs(self) -> str:
        """The field's."""
        return self.source.symbol.prerequisites

    def __str__(self) -> str:
        return f"push({self.source});"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A push."""
        out.append(Push(subfield(self.source)))


@dataclass(frozen=True, slots=True)
class PopField(Action):
    """``pop(field)``."""

    target: FieldRef

    @property
    def needs(self) -> str:
        """The field's."""
        return self.target.symbol.prerequisites

    def __str__(self) -> str:
        return f"pop({self.target});"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A pop."""
        out.append(Pop(subfield(self.target)))


@dataclass(frozen=True, slots=True)
class DecrementTtl(Action):
    """``ip.ttl--``."""

    @property
    def needs(self) -> str:
        """It is a field of IP."""
        return "ip"

    def __str__(self) -> str:
        return "ip.ttl--;"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A dec_ttl that tells no controller."""
        out.append(DecTtl())


def read_assignment(reader: Reader, target: FieldRef, start: int) -> Action:
    """After ``field =`` or ``field <->``, when no function follows; ``start``: the field's token."""
    tokens = reader.tokens
    reader.check_writable(target, start)
    if tokens.kinds[tokens.at - 1] == "<->":
        at = tokens.at
        other = reader.field()
        reader.check_writable(other, at)
        _check_types(reader, target, other, at)
        return Exchange(target, other)
    kind = tokens.kind
    at = tokens.at
    if kind == CONSTANT:
        constant = tokens.take()
        assert isinstance(constant, Constant)
        _check_constant(reader, target, constant, at)
        return SetConstant(target, constant)
    if kind == STRING:
        if not target.symbol.string:
            raise tokens.error(f"{target} is an integer field", at)
        return SetConstant(target, PortName(str(tokens.take())))
    source = reader.field()
    _check_types(reader, target, source, at)
    return MoveField(target, source)


def _check_constant(reader: Reader, target: FieldRef, constant: Constant, at: int) -> None:
    tokens = reader.tokens
    if target.symbol.string:
        raise tokens.error(f"{target} is a string field: expecting a quoted name or a field", at)
    if constant.width() > target.width:
        raise tokens.error(f"{constant} does not fit the {target.width} bits of {target}", at)
    partial = constant.mask is not None and constant.mask != (1 << target.width) - 1
    if partial and target.symbol.level == NOMINAL:
        raise tokens.error(f"{target} can only be set as a whole", at)


def _check_types(reader: Reader, target: FieldRef, source: FieldRef, at: int) -> None:
    if target.symbol.string != source.symbol.string:
        raise reader.tokens.error(f"{target} and {source} are of different types", at)
    if target.width != source.width:
        raise reader.tokens.error(
            f"{target} has {target.width} bits and {source} {source.width}: they must be the same", at
        )


def read_push(reader: Reader) -> Action:
    """After ``push``."""
    reader.tokens.expect("(")
    ref = reader.field()
    reader.tokens.expect(")")
    return PushField(ref)


def read_pop(reader: Reader) -> Action:
    """After ``pop``."""
    reader.tokens.expect("(")
    start = reader.tokens.at
    ref = reader.field()
    reader.check_writable(ref, start)
    reader.tokens.expect(")")
    return PopField(ref)
