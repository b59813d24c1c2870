"""New rows between being sent and being looked at again.

What comes back as it was sent needs no comparison with what is wanted; and it need not be looked at before
something is to be written again, when nobody waits any more for what the transaction was about.

Invariant: a row is ``returned`` only if it was announced, and once.  A row that changes again is looked at
before that change is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.ovsdb.replica import Change
    from pyovn.ovsdb.values import UUID


class Underway:
    """See the module."""

    __slots__ = ("_announced", "_returned")

    def __init__(self) -> None:
        self._announced: dict[UUID, tuple[Any, ...]] = {}
        self._returned: dict[UUID, Change] = {}

    def announce(self, uuid: UUID, row: tuple[Any, ...]) -> None:
        """A new row is sent; ``row`` is what the replica will have."""
        self._announced[uuid] = row

    def keeps(self, change: Change) -> bool:
        """Put ``change`` off if it is the return of an announced row."""
        uuid = change.uuid
        if uuid not in self._announced or uuid in self._returned:
            return False
        self._returned[uuid] = change
        return True

    def take(self, uuid: UUID) -> Iterator[tuple[Change, bool]]:
        """The return of a row, if it was put off, and whether the row is as it was announced."""
        change = self._returned.pop(uuid, None)
        if change is not None:
            yield change, self._announced.pop(uuid) == change.new

    def take_all(self) -> Iterator[tuple[Change, bool]]:
        """The same for all; nothing is announced any more."""
        returned, self._returned = self._returned, {}
        announced, self._announced = self._announced, {}
        for uuid, change in returned.items():
            yield change, announced[uuid] == change.new
