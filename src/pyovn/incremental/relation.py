"""Relations: collections that tell what came and what went.

A relation pushes each change of membership to its *subscribers* (indexes, folds, derived relations)
the moment it learns of it; nobody ever lists a relation again to find out what is new.  Two kinds:
an input ``Table`` (``table``), changed from outside, and a ``Derived`` relation (``derived``), the
union of what a function yields.

Elements are hashable.  A subscriber sees ``insert`` and ``remove`` strictly in turn for an element,
and ``change`` for a record whose columns changed while it stayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pyovn.incremental.family import Family
from pyovn.incremental.node import mark
from pyovn.incremental.tracking import ALL, STATE, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView

    from pyovn.incremental.engine import Engine

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Subscriber(Protocol[T_contra]):
    """What follows a relation."""

    def insert(self, element: T_contra) -> None:
        """``element`` has come."""

    def remove(self, element: T_contra) -> None:
        """``element`` has gone."""

    def change(self, element: T_contra, mask: int) -> None:
        """The columns in ``mask`` of the record ``element`` have another value."""


class Relation(Family, Generic[T]):
    """The common part of tables and derived relations."""

    def __init__(self, engine: Engine, name: str) -> None:
        super().__init__(engine, name)
        self._subscribers: list[Subscriber[T]] = []
        self._membership = Source()

    def subscribe(self, subscriber: Subscriber[T]) -> None:
        """Follow the relation from now on; present elements come at once as ``insert``."""
        self._subscribers.append(subscriber)
        for element in list(self.elements()):
            subscriber.insert(element)

    def elements(self) -> KeysView[T]:
        """The elements, without recording a read and without settling; for subscribers and tests."""
        raise NotImplementedError  # pragma: no cover - both kinds of relation have their own

    def __iter__(self) -> Iterator[T]:
        """All elements.  Who reads this runs again whenever anything comes or goes."""
        self.read_by_current()
        if STATE.reads is not None:
            STATE.reads[self._membership] = 1
        return iter(list(self.elements()))

    def __len__(self) -> int:
        """The number of elements, without recording a read."""
        return len(self.elements())

    def _push(self, came: list[T], went: list[T]) -> None:
        """Tell everyone."""
        for subscriber in self._subscribers:
            for element in went:
                subscriber.remove(element)
            for element in came:
                subscriber.insert(element)
        readers = self._membership.readers
        if readers and (came or went):
            mark(readers, ALL)
