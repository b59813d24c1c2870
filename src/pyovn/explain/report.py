"""A trace as a tree, and its three forms (ovn-trace(8), "OUTPUT").

The detailed form indents a level only where something follows the inner part; a packet's way is mostly
tail calls, and those stay at the left.  The summary form has no tables and always indents.  The minimal
form has only what changes the packet and where it comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.explain.microflow import Microflow
    from pyovn.explain.network import Datapath, Flow, Port

INDENT = "    "


class Kind(Enum):
    """What a node stands for."""

    PIPELINE = auto()
    TRANSFORMATION = auto()
    """Another packet is made of this one; what becomes of it is below."""
    TABLE = auto()
    ACTION = auto()
    NOTE = auto()
    """A remark about an action, printed as it is."""
    ERROR = auto()
    """What goes wrong, or is not simulated: told in every form."""
    REMARK = auto()
    """A remark that is told in every form."""
    OUTCOME = auto()
    """A remark that stands for an action of its own."""
    MODIFY = auto()
    """A changed packet field with its new value, for the minimal form alone."""
    DELIVER = auto()
    """A port where the packet comes out, for the minimal form alone."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a node stands for, as data: where the packet was, and what it was then."""

    datapath: Datapath
    pipeline: str
    packet: Microflow
    """When the step began."""
    table: int = 0
    flow: Flow | None = None
    """The flow that was executed in ``table``; None: none matched."""
    port: Port | None = None
    """Of a pipeline or a delivery: the port that the packet is for."""


@dataclass(slots=True)
class Node:
    """One step and what followed from it."""

    kind: Kind
    text: str
    always_indent: bool = False
    event: Event | None = None
    """Of pipelines, tables and deliveries."""
    subs: list[Node] = field(default_factory=list)

    def add(self, kind: Kind, text: str, *, always_indent: bool = False, event: Event | None = None) -> Node:
        """Append a step."""
        node = Node(kind, text, always_indent, event)
        self.subs.append(node)
        return node


_MINIMAL = (Kind.MODIFY, Kind.DELIVER)
_REMARKS = (Kind.OUTCOME, Kind.ERROR, Kind.REMARK)
_BLOCKS = (Kind.PIPELINE, Kind.TRANSFORMATION)


def _shown(node: Node) -> str:
    return f"*** {node.text}" if node.kind is Kind.ERROR else node.text


def detailed(root: Node) -> str:
    """The default form."""
    return "".join(f"{line}\n" for line in _detailed(root, 0))


def _detailed(parent: Node, level: int) -> Iterator[str]:
    shown = [node for node in parent.subs if node.kind not in _MINIMAL]
    for index, node in enumerate(shown):
        is_step = node.kind not in {*_BLOCKS, Kind.TABLE}
        more = is_step or node.always_indent or index < len(shown) - 1
        margin = INDENT * (level + more)
        text = _shown(node)
        if node.kind in _BLOCKS:
            yield ""
        yield margin + text
        if node.kind in _BLOCKS:
            yield margin + "-" * len(text)
        yield from _detailed(node, level + 2 * more)


def summary(root: Node) -> str:
    """The form like a program."""
    return "".join(f"{line}\n" for line in _summary(root, 0))


def _summary(parent: Node, level: int) -> Iterator[str]:
    margin = INDENT * level
    for node in parent.subs:
        if node.kind in _BLOCKS:
            if _is_bare(node):
                yield f"{margin}{node.text};"
                continue
            yield f"{margin}{node.text} {{"
            yield from _summary(node, level + 1)
            yield f"{margin}}};"
        elif node.kind is Kind.TABLE:
            yield from _summary(node, level)
        elif node.kind in _REMARKS:
            yield f"{margin}{_shown(node)};"
        elif node.kind not in _MINIMAL and not node.text.startswith("next("):
            yield margin + node.text


def _is_bare(node: Node) -> bool:
    """Whether nothing was executed below: no flow matched."""
    return all(sub.kind in _MINIMAL or (sub.kind is Kind.TABLE and _is_bare(sub)) for sub in node.subs)


def minimal(root: Node) -> str:
    """The form for scripts."""
    return "".join(f"{line};\n" if line[-1] != "{" else f"{line}\n" for line in _minimal(root, ""))


def _minimal(parent: Node, margin: str) -> Iterator[str]:
    for node in parent.subs:
        if node.kind is Kind.TRANSFORMATION:
            inner = list(_minimal(node, margin + INDENT))
            yield from (f"{margin}{node.text} {{", *inner, f"{margin}}}") if inner else (margin + node.text,)
            continue
        if node.kind in _MINIMAL or node.kind in {Kind.ERROR, Kind.REMARK}:
            yield margin + _shown(node)
        yield from _minimal(node, margin)
