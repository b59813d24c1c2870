"""Derived relations: the union of what a function yields for each element of another relation.

``Derived`` runs ``function(element)`` once per element of its source and again when something that
this run read has changed.  The function yields pairs ``(item, why)``: an item of the union, and the
reason in one line.  Several elements may yield the same item; it is in the union as long as one of
them does.  *Why* is never part of the item's identity: a changed reason changes nothing downstream.

A derived relation may select: yield the record that it was given.  Changes of its columns are then passed on.
Records that are not its own are not to be yielded, because nobody would hear of theirs.

Departures are handled before anything runs, so no derivation ever sees an owner that is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from pyovn.incremental.node import STALE, Node, drop, refresh
from pyovn.incremental.relation import Relation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, KeysView

    from pyovn.incremental.engine import Engine

S = TypeVar("S")
T = TypeVar("T")


class Reason(NamedTuple):
    """Why an item is there: the derivation, the element it ran for, and its one line."""

    derivation: str
    owner: Any
    why: str


class Derived(Relation[T], Generic[S, T]):
    """The union of ``function(element)`` over ``source``."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        source: Relation[S],
        function: Callable[[S], Iterable[tuple[T, str]]],
    ) -> None:
        super().__init__(engine, name)
        self._function = function
        self._nodes: dict[S, Node] = {}
        self._waiting: dict[Node, None] = {}
        self._gone: list[tuple[Node, dict[T, str]]] = []
        self._providers: dict[T, Node | dict[Node, None]] = {}
        """Who yields an item: one derivation, or several; a class may have 10,000 members."""
        self.upstream[source] = None
        source.subscribe(self)

    # -- following the source ------------------------------------------------------------------

    def insert(self, element: S) -> None:
        """A new owner: its derivation is to be run."""
        node = self._nodes[element] = Node(self, element)
        self._waiting[node] = None

    def remove(self, element: S) -> None:
        """The owner is gone: its derivation will not run again."""
        node = self._nodes.pop(element)
        self._waiting.pop(node, None)
        self._gone.append((node, node.value or {}))
        drop(node)

    def change(self, element: S, mask: int) -> None:
        """A record's columns: those who read them have been marked already.

        Who follows a selection of records files them by their columns, and is told as by the table itself.
        """
        if element in self._providers:
            for subscriber in self._subscribers:
                subscriber.change(element, mask)  # an item of ours, thus of its type

    # -- evaluation ----------------------------------------------------------------------------

    def compute(self, key: Any) -> Any:
        """Run the function; the items are unique, the last reason counts."""
        return dict(self._function(key))

    def wake(self, node: Node) -> None:
        """A member is no longer fresh."""
        self._waiting[node] = None

    @property
    def is_pending(self) -> bool:
        """Whether a derivation has to be looked at."""
        return bool(self._waiting or self._gone)

    def update(self) -> None:
        """Run what has to run, and push the net difference."""
        delta: dict[T, int] = {}
        for node, items in self._gone:
            self._replace(node, items, {}, delta)
        self._gone.clear()
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            for node in waiting:
                before = node.value or {}
                refresh(node)
                after = node.value or {}
                if after is not before:
                    self._replace(node, before, after, delta)
        if delta:
            came = [item for item, sign in delta.items() if sign > 0]
            went = [item for item, sign in delta.items() if sign < 0]
            self._push(came, went)

    def _replace(self, node: Node, before: dict[T, str], after: dict[T, str], delta: dict[T, int]) -> None:
        """Move the union from what ``node`` yielded to what it yields."""
        providers = self._providers
        first = not delta  # what goes and what comes of one node never meet
        for item in [i for i in before if i not in after] if after else before:
            held = providers[item]
            if held is node:
                del providers[item]
                if first or delta.pop(item, 0) == 0:
                    delta[item] = -1
            elif isinstance(held, dict):
                del held[node]
                if len(held) == 1:
                    providers[item] = next(iter(held))
        for item in [i for i in after if i not in before] if before else after:
            held = providers.setdefault(item, node)
            if held is node:
                if first or delta.pop(item, 0) == 0:
                    delta[item] = 1
            elif isinstance(held, dict):
                held[node] = None
            else:
                providers[item] = {held: None, node: None}

    # -- asking --------------------------------------------------------------------------------

    def elements(self) -> KeysView[T]:
        """The union as of the last time it was settled."""
        return self._providers.keys()

    def __contains__(self, item: object) -> bool:
        """Whether the union has ``item``, without recording a read."""
        return item in self._providers

    def why(self, item: T) -> list[Reason]:
        """The provenance of ``item``: each derivation that yields it; empty if there is none.

        Between a change and the next pass, owners that are gone are left out.
        """
        held = self._providers.get(item)
        if held is None:
            return []
        nodes = held if isinstance(held, dict) else (held,)
        return [
            Reason(self.name, node.key, node.value[item])
            for node in nodes
            if node.value is not None and item in node.value
        ]

    def derivations(self) -> list[Node]:
        """All derivations, for the audit and for tests."""
        return list(self._nodes.values())

    def node_of(self, key: S) -> Node | None:
        """The derivation of that element, if there is one."""
        return self._nodes.get(key)

    def is_waiting(self, node: Node) -> bool:
        """Whether ``node`` will be looked at in the next pass."""
        return node in self._waiting or node.state == STALE


class Union(Relation[T]):
    """The elements of several relations of one type; an element counts once."""

    def __init__(self, engine: Engine, name: str, sources: Iterable[Relation[T]]) -> None:
        super().__init__(engine, name)
        self._counts: dict[T, int] = {}
        for source in sources:
            self.upstream[source] = None
            source.subscribe(self)

    def insert(self, element: T) -> None:
        """One more source has it."""
        count = self._counts.get(element, 0)
        self._counts[element] = count + 1
        if not count:
            self._push([element], [])

    def remove(self, element: T) -> None:
        """One source less has it."""
        count = self._counts[element] - 1
        if count:
            self._counts[element] = count
        else:
            del self._counts[element]
            self._push([], [element])

    def change(self, element: T, mask: int) -> None:
        """Columns of a record: pass it on."""
        for subscriber in self._subscribers:
            subscriber.change(element, mask)

    def elements(self) -> KeysView[T]:
        """The union as of the last time its sources were settled."""
        return self._counts.keys()
