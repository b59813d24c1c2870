"""The engine: revisions, batches, failures, and the factory of everything that derives.

Use::

    engine = Engine()
    ports = engine.table("port", Port)                      # an input
    by_switch = engine.index("port_by_switch", ports, lambda p: [p.switch])
    flows = engine.derive("flows", ports, flows_of_port)    # a derived relation
    with engine.batch():
        ports.put(key, values)
    engine.settle()

One pass per batch: ``settle`` brings every derived relation up to date, each derivation at most
once.  For every history of inputs the result equals that of a new engine given the last inputs.

The engine knows nothing of networks, databases, clocks or threads.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from pyovn.incremental.allot import Allotment
from pyovn.incremental.derived import Derived, Union
from pyovn.incremental.grouping import Fold, Grouping, Index
from pyovn.incremental.memo import Memo
from pyovn.incremental.node import CycleError, Node, UpstreamError
from pyovn.incremental.noted import Noted
from pyovn.incremental.relation import Relation
from pyovn.incremental.table import Table
from pyovn.incremental.tracking import STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from pyovn.incremental.family import Family
    from pyovn.incremental.record import Record

P = ParamSpec("P")
R = TypeVar("R", bound="Record")
S = TypeVar("S")
T = TypeVar("T")
K = TypeVar("K", bound="Hashable")
E = TypeVar("E")
A = TypeVar("A")

ROUNDS: Final = 100
"""A pass that is not through after so many rounds will never be."""


class Engine:
    """Holds the families and runs passes.  ``revision`` counts input changes."""

    def __init__(self) -> None:
        self.revision = 0
        self.families: list[Family] = []
        self._relational: list[Family] = []
        """Families that a pass brings up to date; memos wait until they are read."""
        self._groupings: list[Grouping[Any, Any, Any]] = []
        self.failures: Noted[Node, BaseException] = Noted()
        self.running: list[Node] = []
        self.settling: list[Family] = []
        self.orphans: list[Node] = []
        self.ran: list[tuple[str, Any]] | None = None
        self._in_batch = False

    # -- declaring -----------------------------------------------------------------------------

    def table(self, name: str, record: Callable[[Any, tuple[Any, ...]], R]) -> Table[R]:
        """An input table."""
        return Table(self, name, record)

    def memo(self, function: Callable[P, T]) -> Memo[P, T]:
        """Decorator: remember the results of ``function`` by its arguments."""
        return Memo(self, function.__qualname__.rpartition(".")[2], function)

    def derive(
        self, name: str, source: Relation[S], function: Callable[[S], Iterable[tuple[T, str]]]
    ) -> Derived[S, T]:
        """The union of ``function(element)`` over ``source``."""
        return Derived(self, name, source, function)

    def union(self, name: str, sources: Iterable[Relation[T]]) -> Union[T]:
        """The elements of several relations."""
        return Union(self, name, sources)

    def index(self, name: str, source: Relation[T], keys: Callable[[T], Iterable[K]]) -> Index[T, K]:
        """Elements of ``source`` by key."""
        return Index(self, name, source, keys)

    def fold(
        self,
        name: str,
        source: Relation[T],
        pairs: Callable[[T], Iterable[tuple[K, E]]],
        *,
        empty: Callable[[], A],
        add: Callable[[A, E], A],
        take: Callable[[A, E], A],
        view: Callable[[A], Any] = lambda aggregate: aggregate,
    ) -> Fold[T, K, E, A]:
        """One aggregate per group of ``source``."""
        return Fold(self, name, source, pairs, empty=empty, add=add, take=take, view=view)

    def allot(
        self,
        name: str,
        source: Relation[T],
        demand: Callable[[T], Iterable[tuple[K, tuple[Hashable, int | None]]]],
        span: Callable[[K], tuple[int, int]],
    ) -> Allotment[T, K]:
        """Numbers for the elements of ``source``; see ``Allotment``."""
        return Allotment(self, name, source, demand, span)

    def register(self, family: Family) -> None:
        """Called by each family as it is made."""
        self.families.append(family)
        if isinstance(family, Relation | Grouping):
            self._relational.append(family)
        if isinstance(family, Grouping):
            self._groupings.append(family)

    # -- changing and evaluating ---------------------------------------------------------------

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Inputs that belong together: nothing may be read through derivations inside."""
        if self._in_batch:
            raise RuntimeError("a batch is open already")
        self._in_batch = True
        try:
            yield
        finally:
            self._in_batch = False

    def input_changes(self) -> None:
        """Called by tables before they change."""
        if STATE.node is not None:
            raise RuntimeError(f"{STATE.node.label()} changes an input: derivations only read")
        self.revision += 1

    def refuse_in_batch(self) -> None:
        """Called before anything is evaluated."""
        if self._in_batch:
            raise RuntimeError("the inputs are half-updated: close the batch before reading derivations")

    def settle(self) -> None:
        """Bring every derived relation up to date, then forget what nobody reads.

        The cyclic garbage collector pauses meanwhile: what a pass makes is meant to stay, and looking
        through it again and again was 40 % of a cold start.
        """
        self.refuse_in_batch()
        collecting = gc.isenabled()
        gc.disable()
        try:
            self._settle_all()
        finally:
            if collecting:
                gc.enable()
        self._sweep()

    @property
    def is_settled(self) -> bool:
        """Whether nothing has come in since the last pass."""
        return not self._in_batch and all(family.is_settled for family in self._relational)

    def _settle_all(self) -> None:
        """One round is enough, unless families need each other's results for different keys."""
        families = self._relational
        for _round in range(ROUNDS):
            for family in families:
                family.settle()
            for family in families:
                if family.is_pending:
                    break
            else:
                break
            self.revision += 1
        else:
            names = ", ".join(family.name for family in families if family.is_pending)
            raise CycleError(f"these do not come to rest: {names}")
        for each in self.families:
            each.all_settled()

    def _sweep(self) -> None:
        for family in self._groupings:
            family.sweep()
        if self.failures:
            for node, error in list(self.failures.items()):
                if isinstance(error, CycleError):
                    for member in _read_by_memos_only(node):
                        self._evict(member)
        while self.orphans:
            node = self.orphans.pop()
            if not node.readers:
                self._evict(node)

    @staticmethod
    def _evict(node: Node) -> None:
        if isinstance(node.family, Memo):
            node.family.evict(node)

    @contextmanager
    def recording(self) -> Iterator[list[tuple[str, Any]]]:
        """Collect (family, key) of every derivation that runs inside; for tests and tuning."""
        outer, self.ran = self.ran, []
        try:
            yield self.ran
        finally:
            self.ran = outer

    # -- what went wrong -----------------------------------------------------------------------

    def note_failure(self, node: Node, error: BaseException | None) -> None:
        """Called by nodes: ``error`` is what the last run raised, None when it did not."""
        if error is None:
            self.failures.pop(node, None)
        else:
            self.failures[node] = error

    def root_failures(self) -> dict[Node, BaseException]:
        """The failures without those that only follow from another one."""
        return {node: error for node, error in self.failures.items() if not isinstance(error, UpstreamError)}

    def settling_chain(self, family: Family) -> str:
        """The families from ``family`` back to itself, and the derivations that ask."""
        start = self.settling.index(family)
        names = [f.name for f in self.settling[start:]] + [family.name]
        asking = ", ".join(node.label() for node in self.running)
        return " -> ".join(names) + (f" (asked by {asking})" if asking else "")


def _read_by_memos_only(node: Node) -> list[Node]:
    """``node`` and all that read it, if no relation is among them: a ring reads itself and is forgotten."""
    found = {node: None}
    pending = [node]
    while pending:
        reader = pending.pop()
        if not isinstance(reader.family, Memo):
            return []
        for further in reader.readers or ():
            if further not in found:
                found[further] = None
                pending.append(further)
    return list(found)
