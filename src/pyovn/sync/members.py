"""The wanted elements of one set or map column of one row.

A flood group of 10,000 ports has 10,000 elements, each a reference to a row.  References are turned into
UUIDs once and kept, so a port more costs one look-up; comparing with what is there is one set operation.
A row that loses its UUID tells the columns that refer to it (``Entry.holders`` in ``reconcile``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.sync.wants import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.incremental import Derived

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


class Members:
    """Who wants which element, and the elements as the database would have them.

    Invariant: ``atoms`` holds what the elements without references are, and the UUIDs of those references
    that are in ``_resolved``; ``_open`` holds the references that are not.  Pairs of a map that hold a
    reference are few and resolved at each look.
    """

    __slots__ = ("_open", "_pairs", "_resolved", "_wanters", "atoms")

    def __init__(self) -> None:
        self._wanters: dict[Any, Wanter | list[Wanter]] = {}
        self._resolved: dict[Ref, Any] = {}
        self._open: dict[Ref, None] = {}
        self._pairs: dict[Any, None] = {}
        self.atoms: set[Any] = set()

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
                self.atoms.add(value)

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
            self.atoms.discard(value)
        return True

    def reopen(self, reference: Ref) -> None:
        """The row that ``reference`` names has no UUID any more."""
        if reference in self._resolved:
            self.atoms.discard(self._resolved.pop(reference))
            self._open[reference] = None

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
            self.atoms.add(atom)
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
