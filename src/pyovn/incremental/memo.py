"""Memos: functions that remember their results by their arguments.

A memo runs when it is pulled and something that it read has changed.  Its arguments are its key;
they are compared and hashed, so they are records, strings, numbers or tuples of these.  A memo that
nobody reads any more is forgotten after the pass in which it lost its last reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from pyovn.incremental.family import Family
from pyovn.incremental.node import FRESH, CycleError, Node, UpstreamError, drop, refresh
from pyovn.incremental.tracking import STATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.incremental.engine import Engine

P = ParamSpec("P")
T = TypeVar("T")


class Memo(Family, Generic[P, T]):
    """``memo(*key)`` is ``function(*key)``, remembered.  Keyword arguments are not keys."""

    def __init__(self, engine: Engine, name: str, function: Callable[P, T]) -> None:
        super().__init__(engine, name)
        self._function = function
        self._nodes: dict[tuple[Any, ...], Node] = {}

    def __call__(self, *key: P.args, **named: P.kwargs) -> T:
        """Pull the value for ``key``; raises ``UpstreamError`` if its derivation fails."""
        if named:
            raise TypeError(f"{self.name}: a memo's key has no keyword arguments")
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = Node(self, key)
        reading = STATE.node
        if reading is None or reading.family is not self:
            self.read_by_current()
        if STATE.reads is not None:
            STATE.reads[node] = 1
        if node.state != FRESH:
            refresh(node)
        if node.error is not None:
            if isinstance(node.error, CycleError) and STATE.node in node.error.nodes:
                raise node.error
            raise UpstreamError(node) from node.error
        value: T = node.value
        return value

    def settle(self, *, reading: bool = False) -> None:
        """Settle what the members have read; members may read each other, so this is no cycle."""
        del reading
        if self._settled_at != self.engine.revision and not self._settling:
            self._settling = True
            try:
                if self._settle_upstream(reading=False):
                    self._settled_at = self.engine.revision
            finally:
                self._settling = False

    def compute(self, key: Any) -> Any:
        """Run the function."""
        return self._function(*key)  # type: ignore[call-arg]  # the key is the arguments

    def evict(self, node: Node) -> None:
        """Forget a member that nobody reads."""
        if self._nodes.pop(node.key, None) is not None:
            drop(node)

    def derivations(self) -> list[Node]:
        """All members, for the audit."""
        return list(self._nodes.values())

    def node_of(self, key: tuple[Any, ...]) -> Node | None:
        """The member with that key, if there is one."""
        return self._nodes.get(key)

    def __len__(self) -> int:
        return len(self._nodes)
