"""Actions that direct the flow: ``next``, ``output``, ``clone`` (ovn-sb(5), Logical_Flow, ``actions``).

``drop`` is no action: it is what the empty list of actions does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyovn.logical.actions_base import EGRESS, INGRESS, Action, EncodeContext, Reader, join_needs
from pyovn.wire.openflow.actions import Clone as OpenFlowClone
from pyovn.wire.openflow.actions import Resubmit

if TYPE_CHECKING:
    from pyovn.wire.openflow.actions import Action as OpenFlowAction


@dataclass(frozen=True, slots=True)
class Next(Action):
    """``next``; None stands for this pipeline and for the table after this one."""

    pipeline: str | None = None
    table: int | None = None

    def __str__(self) -> str:
        if self.pipeline is not None:
            table = "" if self.table is None else f", table={self.table}"
            return f"next(pipeline={self.pipeline}{table});"
        return "next;" if self.table is None else f"next({self.table});"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A resubmit."""
        out.append(Resubmit(ctx.jump(self.pipeline, self.table)))


@dataclass(frozen=True, slots=True)
class Output(Action):
    """``output``: on to the egress pipeline, or out of it."""

    def __str__(self) -> str:
        return "output;"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A resubmit to the output tables."""
        out.append(Resubmit(ctx.output_table))


@dataclass(frozen=True, slots=True)
class Clone(Action):
    """``clone { ... }``."""

    actions: tuple[Action, ...]

    @property
    def needs(self) -> str:
        """Those of the nested actions."""
        return join_needs(*[action.needs for action in self.actions])

    def __str__(self) -> str:
        return format_nested("clone", self.actions)

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """OpenFlow's clone of the nested actions."""
        inner: list[OpenFlowAction] = []
        for action in self.actions:
            action.encode(ctx, inner)
        out.append(OpenFlowClone(tuple(inner)))


def format_nested(name: str, actions: tuple[Action, ...]) -> str:
    """``name { action; ... };``."""
    return f"{name} {{ {' '.join(map(str, actions)) or 'drop;'} }};"


def read_next(reader: Reader) -> Action:
    """After ``next``."""
    tokens = reader.tokens
    if not tokens.accept("("):
        return Next()
    pipeline: str | None = None
    table: int | None = None
    while True:
        word = tokens.value
        if word == "pipeline":
            tokens.at += 1
            tokens.expect("=")
            if tokens.value not in (INGRESS, EGRESS):
                raise tokens.error("expecting ingress or egress")
            pipeline = str(tokens.take())
        else:
            if word == "table":
                tokens.at += 1
                tokens.expect("=")
            table = tokens.integer("a table's number")
        if not tokens.accept(","):
            break
    tokens.expect(")")
    return Next(pipeline, table)


def read_output(_reader: Reader) -> Action:
    """After ``output``."""
    return Output()


def read_clone(reader: Reader) -> Action:
    """After ``clone``."""
    return Clone(reader.nested())
