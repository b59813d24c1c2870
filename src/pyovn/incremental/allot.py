"""Allotments: numbers that the system gives out and that are not a function of anything.

A tunnel key, a conntrack zone or a conjunction id has an identity of its own.  It is given to an
*owner* within a *pool*, stays while the owner lives, survives a restart because it is read back
(``adopt``) before the first pass, and is reused last after it is freed.  An owner may ask for a
particular number: it gets it, and whoever had it without asking gets another.  Two owners that ask
for the same number: the first keeps it, the other gets another one for the time being and is listed in
``conflicts``.

To the derivations that read it an allotment looks like an index: reading an owner's number is
recorded, and the reader runs again if it changes.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar, cast

from pyovn.incremental.grouping import Grouping
from pyovn.incremental.noted import Noted

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from pyovn.incremental.engine import Engine
    from pyovn.incremental.relation import Relation

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")


class Pool:
    """The numbers ``low..high``: never used ones in order first, then freed ones, oldest first.

    After a restart it is not known which numbers were freed lately; those above the highest that is in
    use come first, then those below.

    Invariant: a number that ``_next`` or ``_wrapped`` has passed and that nobody holds is in ``_freed`` or,
    out of the present range, in ``_beyond``; the range may come back, and no number is lost meanwhile.
    """

    __slots__ = ("_beyond", "_freed", "_frees", "_next", "_wrapped", "high", "holders", "low")

    def __init__(self, low: int, high: int) -> None:
        self.low, self.high = low, high
        self.holders: dict[int, Hashable] = {}
        self._next = low
        self._wrapped = low
        self._frees = 0
        self._freed: dict[int, int] = {}
        """Freed numbers in the range, oldest first, and the how manieth to be freed each was."""
        self._beyond: dict[int, int] = {}

    def take(self, number: int, owner: Hashable) -> bool:
        """Give ``number`` to ``owner``; False if it is out of range or held by another."""
        if not self.low <= number <= self.high or self.holders.get(number, owner) != owner:
            return False
        self.holders[number] = owner
        self._freed.pop(number, None)
        return True

    def start_after(self, number: int) -> None:
        """``number`` was in use before this process: what is below it may have been freed just now."""
        self._next = max(self._next, number + 1)

    def next(self, owner: Hashable) -> int | None:
        """Give some number to ``owner``; None if there is none left."""
        number = self._unused()
        if number is not None:
            self.holders[number] = owner
        return number

    def _unused(self) -> int | None:
        while self._next <= self.high:
            self._next += 1
            if self._is_untouched(self._next - 1):
                return self._next - 1
        while self._wrapped <= self.high:
            self._wrapped += 1
            if self._is_untouched(self._wrapped - 1):
                return self._wrapped - 1
        for number in self._freed:
            del self._freed[number]
            return number
        return None

    def limit(self, low: int, high: int) -> list[Hashable]:
        """Another range; returns those who have lost their number."""
        self.low, self.high = low, high
        lost = {number: owner for number, owner in self.holders.items() if not low <= number <= high}
        for number in lost:
            self.free(number)
        freed = sorted((*self._freed.items(), *self._beyond.items()), key=itemgetter(1))
        self._freed = {number: at for number, at in freed if low <= number <= high}
        self._beyond = {number: at for number, at in freed if number not in self._freed}
        return list(lost.values())

    def _is_untouched(self, number: int) -> bool:
        return number not in self.holders and number not in self._freed

    def free(self, number: int) -> None:
        """Take ``number`` back; it goes to the end of the queue."""
        del self.holders[number]
        self._frees += 1
        self._freed[number] = self._frees


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
        self._owed: Noted[tuple[K, Hashable], None] = Noted()
        self._denied: Noted[tuple[K, Hashable], None] = Noted()
        self._kept: dict[tuple[K, Hashable], int] = {}
        self._is_behind = False
        self._follow(source)

    def adopt(self, pool: K, owner: Hashable, number: int) -> bool:
        """Before the first pass: ``owner`` had ``number`` when this process started.

        False if the number is out of range, another owner has it, or the owner has another one.  What is
        adopted for an owner that the first pass does not know is free after it.
        """
        if self._kept.get((pool, owner), number) != number or not self._pool(pool).take(number, owner):
            return False
        self._kept[pool, owner] = number
        self._pool(pool).start_after(number)
        return True

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
        """Who lacks its number: (pool, owner, number asked for; None where the pool is exhausted)."""
        denied = [(pool, owner, self._wanted[pool, owner]) for pool, owner in self._denied]
        return denied + [(pool, owner, None) for pool, owner in self._owed]

    @property
    def denied(self) -> Noted[tuple[K, Hashable], None]:
        """(pool, owner) of those that have another number than they asked for."""
        return self._denied

    @property
    def owed(self) -> Noted[tuple[K, Hashable], None]:
        """(pool, owner) of those that have none; in a pass also those that are about to get one."""
        return self._owed

    def wanted(self, pool: K, owner: Hashable) -> int | None:
        """The number that a present owner asks for."""
        return self._wanted[pool, owner]

    def respan(self) -> None:
        """Between passes: ``span`` says something else now.  A number out of range is given up."""
        for group, pool in self._pools.items():
            for owner in pool.limit(*self._span(group)):
                key = (group, owner)
                self._kept.pop(key, None)
                if self._numbers.pop(key, None) is not None:
                    self._owed[key] = None
                    self._touch_owner(key)
        self._is_behind = True

    # -- Grouping ------------------------------------------------------------------------------

    def _enter(self, element: T, place: tuple[K, tuple[Hashable, int | None]]) -> None:  # noqa: ARG002
        group, (owner, wanted) = place
        self._wanted[group, owner] = wanted
        self._owed[group, owner] = None
        self._is_behind = True

    def _leave(self, element: T, place: tuple[K, tuple[Hashable, int | None]]) -> None:  # noqa: ARG002
        key = (place[0], place[1][0])
        self._wanted.pop(key, None)
        self._owed.pop(key, None)
        self._denied.pop(key, None)
        self._is_behind = True
        number = self._numbers.pop(key, None)
        if number is not None:
            self._kept[key] = number  # until the end of the pass: an owner that comes back keeps it
            self._touch_owner(key)

    @property
    def is_pending(self) -> bool:
        """Whether a demand has come or gone."""
        return self._is_behind

    # -- giving --------------------------------------------------------------------------------

    def update(self) -> None:
        """Serve who is owed: numbers asked for, then numbers kept, then what went is freed, then the rest."""
        self._is_behind = False
        if not self._owed and not self._kept and not self._denied:
            return
        kept, self._kept = self._kept, {}
        asking = [key for key in self._owed if self._wanted[key] is not None]
        for key in [*asking, *self._denied]:
            self._claim(key, kept)
        for key in [key for key in self._owed if key in kept]:
            self._give(key, kept.pop(key))
        freed = False
        for (group, owner), number in kept.items():
            if self._pools[group].holders.get(number) == owner:
                self._pools[group].free(number)
                freed = True
        for key in list(self._denied) if freed else ():
            self._claim(key, {})
        for key in list(self._owed):
            given = self._pool(key[0]).next(key[1])
            if given is not None:
                self._give(key, given)

    def _give(self, key: tuple[K, Hashable], number: int) -> None:
        self._owed.pop(key, None)
        self._numbers[key] = number
        if self._wanted[key] in {None, number}:
            self._denied.pop(key, None)
        else:
            self._denied[key] = None
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
        before = kept.pop(key, self._numbers.get(key))
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
