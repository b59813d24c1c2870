"""Families: all derivations of one function, and their place in the order of evaluation.

A family knows which relations its members have read (``upstream``), and ``settle`` brings those up
to date before any member of its own runs.  That is what makes evaluation by pull run in one pass:
what a derivation reads has already received every change of the batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.incremental.node import CycleError
from pyovn.incremental.tracking import STATE

if TYPE_CHECKING:
    from pyovn.incremental.engine import Engine
    from pyovn.incremental.node import Node


class Family:
    """The common part of memos, relations, indexes and folds."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self.upstream: dict[Family, None] = {}
        self._settled_at = -1
        self._settling = False
        engine.register(self)

    def compute(self, key: Any) -> Any:
        """Run the function for ``key``; only families that have nodes do."""
        raise TypeError(f"{self.name} does not derive anything for {key!r}")

    def wake(self, node: Node) -> None:
        """``node`` is no longer fresh.  A memo waits until it is read; a relation takes note."""

    def settle(self, *, reading: bool = False) -> None:
        """Bring this family up to date with every input change so far.

        ``reading``: a derivation waits for the result.  Only then is it an error that this family is
        being settled already; otherwise somebody further up does it.
        """
        revision = self.engine.revision
        if self._settled_at == revision:
            return
        if self._settling:
            if reading:
                raise CycleError(f"{self.name} needs its own result: {self.engine.settling_chain(self)}")
            return
        self._settling = True
        self.engine.settling.append(self)
        try:
            complete = self._settle_upstream(reading=reading)
            self.update()
            if complete:
                self._settled_at = revision
        finally:
            self._settling = False
            self.engine.settling.pop()

    def _settle_upstream(self, *, reading: bool) -> bool:
        """Settle what the members have read; False if some of it is being settled further up."""
        revision = self.engine.revision
        complete = True
        for family in list(self.upstream):
            if family._settled_at != revision:  # noqa: SLF001  a family too
                family.settle(reading=reading)
                complete = complete and family._settled_at == revision  # noqa: SLF001  a family too
        return complete

    @property
    def is_pending(self) -> bool:
        """Whether something has come in that ``update`` has not seen."""
        return False

    @property
    def is_settled(self) -> bool:
        """Whether every input change so far is in."""
        return self._settled_at == self.engine.revision

    def all_settled(self) -> None:
        """Called when a pass has nothing left to do."""
        self._settled_at = self.engine.revision

    def update(self) -> None:
        """Take in what the upstream families have changed."""

    def read_by_current(self) -> None:
        """Settle, and let the running derivation's family know that it depends on this one."""
        if self._settled_at != self.engine.revision:
            self.engine.refuse_in_batch()
            self.settle(reading=True)
        node = STATE.node
        if node is not None and node.family is not self:
            node.family.upstream.setdefault(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
