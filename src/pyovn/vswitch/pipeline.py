"""What a translation runs on and on what it stands: a bridge's tables, and frames of its stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.vswitch.classifier import FlowTable, Rule
    from pyovn.vswitch.groups import SwitchGroup
    from pyovn.vswitch.normal import Learning
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.vswitch.program import Program
    from pyovn.vswitch.trace import Node


class Pipeline:
    """The part of a bridge that translations read: tables, ports, groups and learned addresses."""

    __slots__ = ("fdb", "groups", "index", "name", "ports", "tables")

    def __init__(self, name: str, index: int, fdb: Learning) -> None:
        self.name = name
        self.index = index
        self.tables: list[FlowTable | None] = [None] * 256
        self.ports: dict[int, SwitchPort] = {}
        self.groups: dict[int, SwitchGroup] = {}
        self.fdb = fdb


class Frame:
    """A list of operations that is being executed, and what to restore when it ends."""

    __slots__ = ("depth", "nodes", "operations", "restore", "rule", "table")

    def __init__(
        self, operations: Iterator[Any], table: int, rule: Rule | None, depth: int,
        restore: tuple[int, int, list[int], Pipeline] | None, nodes: list[Node] | None,
    ) -> None:  # fmt: skip
        self.operations = operations
        self.table = table
        self.rule = rule
        self.depth = depth
        self.restore = restore
        self.nodes = nodes


class Frozen(NamedTuple):
    """The rest of a pipeline that waits for a controller; it can be thawed once."""

    pipeline: Pipeline
    frames: list[Frame]
    values: list[int]


LEAVE: Final = Frame(iter(()), 0, None, 0, None, None)
EXIT: Final = Frame(iter(()), 0, None, 0, None, None)
"""Returned by operations: end this list of actions; end everything up to an isolated list."""


def send_to(number: int) -> Any:
    """An operation that sends to a port."""
    return lambda x: x.output_port(number)


def run_bucket(index: int, program: Program, depth: int) -> Any:
    """An operation that runs a bucket of a group."""
    return lambda x: x.bucket(index, program, depth)
