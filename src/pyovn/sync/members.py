"""The wanted elements of one set or map column of one row.

A flood group of 10,000 ports has 10,000 elements, each a reference to a row.  References are turned into
UUIDs once and kept, so a port more costs one look-up.  A row that loses its UUID tells the columns that refer
to it (``Entry.holders`` in ``reconcile``).

What the column lacks and what it has too much is kept as a difference, too: it is found once by comparing
the sets and from then on moved by what changes on either side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.ovsdb.setdelta import delta
from pyovn.sync.wants import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.incremental import Derived, Reason

    Wanter = Derived[Any, Any]


def join(holders: dict[Any, Wanter | list[Wanter]], item: Any, relation: Wanter) -> None:
    """``relation`` wants ``item`` too."""
    held = holders.setdefault(item, relation)
    if held is not relation:
        holders[item] = [*held, relation] if isinstance(held, list) else [held, relation]


def part(holders: dict[Any, Wanter | list[Wanter]], item: Any, relation: Wanter | None) -> bool:
    """``relation`` wants ``item`` no longer; True if nobody does."""
    held = holders[item]
    if isinstance(held, list):
        held.remove(held[-1] if relation is None else relation)
        if len(held) == 1:
            holders[item] = held[0]
        return False
    del holders[item]
    return True


def reasons(item: Any, held: Wanter | list[Wanter]) -> list[Reason]:
    """Why an item is wanted, of all relations that want it."""
    relations = held if isinstance(held, list) else [held]
    return [reason for relation in relations for reason in relation.why(item)]


class Members:
    """Who wants which element, and the elements as the database would have them.

    Invariants: ``atoms`` holds what the elements without references are, and the UUIDs of those references
    that are in ``_resolved``; ``_open`` holds the references that are not.  Once ``_seen`` is the column's
    value, ``_lacking`` is ``atoms - _seen`` and ``_extra`` is ``_seen - atoms``.  Pairs of a map that hold a
    reference are few and resolved at each look.
    """

    __slots__ = ("_extra", "_lacking", "_open", "_pairs", "_resolved", "_seen", "_wanters", "atoms")

    def __init__(self) -> None:
        self._wanters: dict[Any, Wanter | list[Wanter]] = {}
        self._resolved: dict[Ref, Any] = {}
        self._open: dict[Ref, None] = {}
        self._pairs: dict[Any, None] = {}
        self.atoms: set[Any] = set()
        self._seen: frozenset[Any] | None = None
        self._lacking: set[Any] = set()
        self._extra: set[Any] = set()

    def __bool__(self) -> bool:
        return bool(self._wanters)

    def add(self, value: Any, relation: Wanter) -> None:
        """``relation`` wants ``value``."""
        new = value not in self._wanters
        join(self._wanters, value, relation)
        if new:
            if type(value) is Ref:
                self._open[value] = None
            elif _holds_reference(value):
                self._pairs[value] = None
            else:
                self._has(value)

    def take(self, value: Any, relation: Wanter | None) -> bool:
        """``relation`` wants ``value`` no longer; True if nobody does."""
        if not part(self._wanters, value, relation):
            return False
        if type(value) is Ref:
            self.reopen(value)
            self._open.pop(value, None)
        elif value in self._pairs:
            del self._pairs[value]
        else:
            self._has_not(value)
        return True

    def reopen(self, reference: Ref) -> None:
        """The row that ``reference`` names has no UUID any more."""
        if reference in self._resolved:
            self._has_not(self._resolved.pop(reference))
            self._open[reference] = None

    def _has(self, atom: Any) -> None:
        """``atom`` is wanted."""
        self.atoms.add(atom)
        if self._seen is not None:
            if atom in self._extra:
                self._extra.remove(atom)
            else:
                self._lacking.add(atom)

    def _has_not(self, atom: Any) -> None:
        """``atom`` is wanted no longer."""
        self.atoms.discard(atom)
        if self._seen is not None:
            if atom in self._lacking:
                self._lacking.remove(atom)
            else:
                self._extra.add(atom)

    def difference(self, here: frozenset[Any]) -> tuple[set[Any], set[Any]]:
        """(too much, lacking) of the column's value ``here``, after ``resolve``; not to be changed."""
        if self._pairs:
            raise TypeError("pairs that hold references are compared by their caller")
        if self._seen is None:
            self._lacking, self._extra = self.atoms - here, set(here - self.atoms)
        elif self._seen is not here:
            added, removed = delta(self._seen, here)
            self._extra |= added - self.atoms
            self._lacking -= added
            self._lacking |= removed & self.atoms
            self._extra -= removed
        self._seen = here
        return self._extra, self._lacking

    @property
    def has_pairs(self) -> bool:
        """Whether there are pairs that hold references."""
        return bool(self._pairs)

    def resolve(self, look_up: Callable[[Any], Any], missing: Callable[[Ref], None]) -> set[Any]:
        """Elements as the database would have them; ``missing`` is told of references to no row.

        ``look_up`` raises ``LookupError`` for those; they are left out until they resolve.
        """
        for reference in list(self._open):
            try:
                atom = look_up(reference)
            except LookupError:
                missing(reference)
                continue
            del self._open[reference]
            self._resolved[reference] = atom
            self._has(atom)
        if not self._pairs:
            return self.atoms
        pairs = set(self.atoms)
        for pair in self._pairs:
            try:
                pairs.add(look_up(pair))
            except LookupError as error:
                missing(error.args[0])
        return pairs


def _holds_reference(value: Any) -> bool:
    return isinstance(value, tuple) and any(type(v) is Ref or _holds_reference(v) for v in value)
