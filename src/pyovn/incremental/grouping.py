"""Indexes and folds: a relation's elements by key, kept by inserting and removing, never re-listed.

Both are told by a *key function* where an element belongs.  It may read its own element only (its
columns, if it is a record), which is checked; so the place of an element can change only when the
element does.

An ``Index`` answers look-ups, also those that find nothing: each asked key is a source of its own,
and who asked runs again when something comes to or goes from that key.

A ``Fold`` keeps one aggregate per group, by a pair of functions that add and take away one value.
Adding one port to a group of 10,000 costs one addition.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pyovn.incremental.family import Family
from pyovn.incremental.node import Node, mark
from pyovn.incremental.record import Record
from pyovn.incremental.tracking import ALL, STATE, KeyFunctionError, Source, untracked

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from pyovn.incremental.engine import Engine
    from pyovn.incremental.relation import Relation

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")
P = TypeVar("P")
E = TypeVar("E")
A = TypeVar("A")


class Grouping(Family, Generic[T, K, P]):
    """Follows a relation and knows the *places* of each element; subclasses say what a place is."""

    def __init__(
        self, engine: Engine, name: str, source: Relation[T], places: Callable[[T], Iterable[P]]
    ) -> None:
        super().__init__(engine, name)
        self._places = places
        self._placed: dict[T, frozenset[P]] = {}
        self._mask = 0
        self._failed: dict[T, Node] = {}
        self._asked: dict[K, Source] = {}
        self._swept = 1024
        self.upstream[source] = None

    def _follow(self, source: Relation[T]) -> None:
        """Subscribe; the last step of a subclass's constructor, because elements come at once."""
        source.subscribe(self)

    def insert(self, element: T) -> None:
        """Place a new element."""
        places = self._placed[element] = self._find(element)
        for place in places:
            self._enter(element, place)

    def remove(self, element: T) -> None:
        """Take an element away."""
        failed = self._failed.pop(element, None)
        if failed is not None:
            self.engine.note_failure(failed, None)
        for place in self._placed.pop(element):
            self._leave(element, place)

    def change(self, element: T, mask: int) -> None:
        """Move an element whose place depends on the changed columns.

        The difference is taken between sets, so an element in 10,000 places that gains one (a switch
        and its ports) costs one entry and a set operation.
        """
        if mask & self._mask:
            self.refile(element)

    def refile(self, element: T) -> None:
        """Move an element to where it belongs now."""
        before = self._placed[element]
        after = self._placed[element] = self._find(element)
        for place in before - after:
            self._leave(element, place)
        for place in after - before:
            self._enter(element, place)

    def _find(self, element: T) -> frozenset[P]:
        """Where an element belongs; one whose key function raises is nowhere, and is listed as failed."""
        try:
            places, mask = untracked(element, self.places_of)
        except KeyFunctionError:
            raise
        except Exception as error:  # noqa: BLE001  isolates a failing element, as nodes do
            self._mask = ALL
            failed = self._failed.setdefault(element, Node(self, element))
            failed.error = error
            self.engine.note_failure(failed, error)
            return frozenset()
        healed = self._failed.pop(element, None)
        if healed is not None:
            self.engine.note_failure(healed, None)
        self._mask |= mask
        return places  # type: ignore[no-any-return]  # of ``places_of``

    def _enter(self, element: T, place: P) -> None:
        raise NotImplementedError  # pragma: no cover - abstract

    def _leave(self, element: T, place: P) -> None:
        raise NotImplementedError  # pragma: no cover - abstract

    def _touch(self, group: K) -> None:
        """The group's content changed: who asked for it must look again."""
        source = self._asked.get(group)
        if source is not None and source.readers:
            mark(source.readers, ALL)

    def _ask(self, group: K) -> None:
        """Record that the running derivation looks at ``group``."""
        self.read_by_current()
        reads = STATE.reads
        if reads is not None:
            source = self._asked.get(group)
            if source is None:
                source = self._asked[group] = Source()
            reads[source] = 1

    # -- for the audit -------------------------------------------------------------------------

    def placed(self) -> list[T]:
        """All elements."""
        return list(self._placed)

    def is_placed(self, element: T) -> bool:
        """Whether ``element`` is still there."""
        return element in self._placed

    def placed_at(self, element: T) -> frozenset[P]:
        """Where it was filed."""
        return self._placed[element]

    def places_of(self, element: T) -> frozenset[P]:
        """Where it belongs now."""
        return frozenset(self._places(element))

    def sweep(self) -> None:
        """Forget asked keys that nobody reads any more, when there may be many of them."""
        if len(self._asked) > self._swept:
            self._asked = {group: source for group, source in self._asked.items() if source.readers}
            self._swept = 2 * len(self._asked) + 1024


class Index(Grouping[T, K, K]):
    """Elements by key: a place is a key."""

    def __init__(
        self, engine: Engine, name: str, source: Relation[T], keys: Callable[[T], Iterable[K]]
    ) -> None:
        super().__init__(engine, name, source, keys)
        self._members: dict[K, dict[T, None]] = {}
        self._follow(source)

    def _enter(self, element: T, place: K) -> None:
        self._members.setdefault(place, {})[element] = None
        self._touch(place)

    def _leave(self, element: T, place: K) -> None:
        members = self._members[place]
        del members[element]
        if not members:
            del self._members[place]
        self._touch(place)

    def all(self, key: K) -> list[T]:
        """Every element at ``key``, in an order that does not depend on who came first."""
        self._ask(key)
        members = self._members.get(key, ())
        return sorted(members, key=_rank) if len(members) > 1 else list(members)

    def one(self, key: K) -> T | None:
        """The element at ``key``, or None; of several the first in the order of ``all``."""
        self._ask(key)
        members = self._members.get(key, ())
        if len(members) > 1:
            return min(members, key=_rank)
        return next(iter(members), None)


def _rank(element: Any) -> str:
    """What elements are sorted by: a record's key, anything else's content."""
    return repr(element.key if isinstance(element, Record) else element)


class Fold(Grouping[T, K, tuple[K, E]], Generic[T, K, E, A]):
    """One aggregate per group: a place is a (group, value) pair.

    ``add(aggregate, value)`` and ``take(aggregate, value)`` return the new aggregate; they may change
    the old one in place, since nobody else holds it.  ``view`` makes the immutable value that readers
    get.  A group without elements has the view of ``empty()``.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        source: Relation[T],
        pairs: Callable[[T], Iterable[tuple[K, E]]],
        *,
        empty: Callable[[], A],
        add: Callable[[A, E], A],
        take: Callable[[A, E], A],
        view: Callable[[A], Any] = lambda aggregate: aggregate,
    ) -> None:
        super().__init__(engine, name, source, pairs)
        self._empty, self._plus, self._minus, self._view = empty, add, take, view
        self._aggregates: dict[K, A] = {}
        self._counts: dict[K, int] = {}
        self._follow(source)

    def _enter(self, element: T, place: tuple[K, E]) -> None:  # noqa: ARG002  the value is in the place
        group, value = place
        aggregate = self._aggregates[group] if group in self._aggregates else self._empty()
        self._aggregates[group] = self._plus(aggregate, value)
        self._counts[group] = self._counts.get(group, 0) + 1
        self._touch(group)

    def _leave(self, element: T, place: tuple[K, E]) -> None:  # noqa: ARG002  the value is in the place
        group, value = place
        count = self._counts[group] - 1
        if count:
            self._counts[group] = count
            self._aggregates[group] = self._minus(self._aggregates[group], value)
        else:
            del self._counts[group], self._aggregates[group]
        self._touch(group)

    def value(self, group: K) -> Any:
        """The group's aggregate as seen by ``view``."""
        self._ask(group)
        return self._view(self._aggregates[group] if group in self._aggregates else self._empty())
