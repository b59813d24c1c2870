"""Allotments: numbers that the system gives out and that are not a function of anything.

A tunnel key, a conntrack zone or a conjunction id has an identity of its own.  It is given to an
*owner* within a *pool*, stays while the owner lives, survives a restart because it is read back
(``adopt``) before the first pass, and is reused last after it is freed.  An owner may ask for a
particular number: it gets it, and whoever had it without asking gets another.  Two owners that ask
for the same number: the first keeps it, the other waits and is listed in ``conflicts``.

To the derivations that read it an allotment looks like an index: reading an owner's number is
recorded, and the reader runs again if it changes.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar, cast

from pyovn.incremental.grouping import Grouping

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from pyovn.incremental.engine import Engine
    from pyovn.incremental.relation import Relation

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")


class Pool:
    """The numbers ``low..high``: never used ones in order first, then freed ones, oldest first."""

    __slots__ = ("_freed", "_next", "high", "holders", "low")

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.holders: dict[int, Hashable] = {}
        self._next = low
        self._freed: deque[int] = deque()

    def take(self, number: int, owner: Hashable) -> bool:
        """Give ``number`` to ``owner``; False if it is out of range or held by another."""
        if not self.low <= number <= self.high or self.holders.get(number, owner) != owner:
            return False
        self.holders[number] = owner
        return True

    def next(self, owner: Hashable) -> int | None:
        """Give some number to ``owner``; None if there is none left."""
        while self._next <= self.high:
            number = self._next
            self._next += 1
            if number not in self.holders:
                self.holders[number] = owner
                return number
        while self._freed:
            number = self._freed.popleft()
            if number not in self.holders:
                self.holders[number] = owner
                return number
        return None

    def free(self, number: int) -> None:
        """Take ``number`` back; it goes to the end of the queue."""
        del self.holders[number]
        if number < self._next:
            self._freed.append(number)


class Allotment(Grouping[T, K, "tuple[K, tuple[Hashable, int | None]]"]):
    """Numbers by (pool, owner).

    ``demand(element)`` yields ``(pool, (owner, number asked for or None))``; ``span(pool)`` gives the
    inclusive range of its numbers.
    """

    def __init__(
        self,
        engine: Engine,
        name: str,
        source: Relation[T],
        demand: Callable[[T], Iterable[tuple[K, tuple[Hashable, int | None]]]],
        span: Callable[[K], tuple[int, int]],
    ) -> None:
        super().__init__(engine, name, source, demand)
        self._span = span
        self._pools: dict[K, Pool] = {}
        self._numbers: dict[tuple[K, Hashable], int] = {}
        self._wanted: dict[tuple[K, Hashable], int | None] = {}
        self._owed: dict[tuple[K, Hashable], None] = {}
        self._kept: dict[tuple[K, Hashable], int] = {}
        self._follow(source)

    def adopt(self, pool: K, owner: Hashable, number: int) -> bool:
        """Before the first pass: ``owner`` had ``number`` when this process started.

        False if the number is out of range or another owner has it.  What is adopted for an owner
        that the first pass does not know is free after it.
        """
        taken = self._pool(pool).take(number, owner)
        if taken:
            self._kept[pool, owner] = number
        return taken

    def number(self, pool: K, owner: Hashable) -> int | None:
        """The owner's number; None if it has none (yet)."""
        self._ask_owner((pool, owner))
        return self._numbers.get((pool, owner))

    def peek(self, pool: K, owner: Hashable) -> int | None:
        """The owner's number, without recording a read."""
        return self._numbers.get((pool, owner))

    def items(self) -> list[tuple[K, Hashable, int]]:
        """(pool, owner, number) of all, without recording a read."""
        return [(pool, owner, number) for (pool, owner), number in self._numbers.items()]

    def conflicts(self) -> list[tuple[K, Hashable, int | None]]:
        """Who waits: (pool, owner, number asked for; None where the pool is exhausted)."""
        return [(pool, owner, self._wanted[pool, owner]) for pool, owner in self._owed]

    # -- Grouping ------------------------------------------------------------------------------

    def _enter(self, element: T, place: tuple[K, tuple[Hashable, int | None]]) -> None:  # noqa: ARG002
        group, (owner, wanted) = place
        self._wanted[group, owner] = wanted
        self._owed[group, owner] = None

    def _leave(self, element: T, place: tuple[K, tuple[Hashable, int | None]]) -> None:  # noqa: ARG002
        key = (place[0], place[1][0])
        self._wanted.pop(key, None)
        self._owed.pop(key, None)
        number = self._numbers.pop(key, None)
        if number is not None:
            self._kept[key] = number  # until the end of the pass: an owner that comes back keeps it
            self._touch_owner(key)

    # -- giving --------------------------------------------------------------------------------

    def update(self) -> None:
        """Serve who is owed: numbers asked for, then numbers kept, then what went is freed, then the rest."""
        if not self._owed and not self._kept:
            return
        kept, self._kept = self._kept, {}
        for key in [key for key in self._owed if self._wanted[key] is not None]:
            self._claim(key, kept)
        for key in [key for key in self._owed if self._wanted[key] is None and key in kept]:
            self._give(key, kept.pop(key))
        for (group, owner), number in kept.items():
            if self._pools[group].holders.get(number) == owner:
                self._pools[group].free(number)
        for key in [key for key in self._owed if self._wanted[key] is None]:
            given = self._pool(key[0]).next(key[1])
            if given is not None:
                self._give(key, given)

    def _give(self, key: tuple[K, Hashable], number: int) -> None:
        del self._owed[key]
        self._numbers[key] = number
        self._touch_owner(key)

    def _claim(self, key: tuple[K, Hashable], kept: dict[tuple[K, Hashable], int]) -> None:
        """Give the number that is asked for, moving a holder that did not ask for it."""
        group, owner = key
        pool, wanted = self._pool(group), self._wanted[key]
        if wanted is None or not pool.low <= wanted <= pool.high:
            return
        holder = pool.holders.get(wanted)
        if holder is not None and holder != owner:
            other = (group, holder)
            if self._wanted.get(other) == wanted:
                return
            kept.pop(other, None)
            del pool.holders[wanted]
            if self._numbers.pop(other, None) is not None:
                self._owed[other] = None
                self._touch_owner(other)
        before = kept.pop(key, None)
        if before is not None and before != wanted:
            pool.free(before)
        pool.take(wanted, owner)
        self._give(key, wanted)

    def _pool(self, group: K) -> Pool:
        pool = self._pools.get(group)
        if pool is None:
            pool = self._pools[group] = Pool(*self._span(group))
        return pool

    def _ask_owner(self, key: tuple[K, Hashable]) -> None:
        """Reads are recorded per owner, not per pool."""
        self._ask(cast("K", key))

    def _touch_owner(self, key: tuple[K, Hashable]) -> None:
        self._touch(cast("K", key))
