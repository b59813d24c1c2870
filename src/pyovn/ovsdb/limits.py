"""How much one client may have the server keep for it; docs/ovsdb.md adds it up.

A client that wants more is told ``resources exhausted`` (RFC 7047 section 3.1), and its others requests
go on.  No program that is known comes near any of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.errors import OvsdbError

if TYPE_CHECKING:
    from pyovn.ovsdb.server import Pending

MAX_PENDING: Final = 1_000
"""Transactions that wait."""
MAX_PENDING_BYTES: Final = 16 << 20
"""Bytes of JSON in them."""
MAX_MONITORS: Final = 10_000
MAX_LOCKS: Final = 1_000
"""Locks that are held or waited for."""


def exhausted(what: str) -> OvsdbError:
    """Refuse one more."""
    return OvsdbError("resources exhausted", f"this client has too many {what}")


class Waiting:
    """The waiting transactions of one client, by the JSON text of their request's id."""

    __slots__ = ("_by_id", "_bytes")

    def __init__(self) -> None:
        self._by_id: dict[str, tuple[Pending, int]] = {}
        self._bytes = 0

    def __contains__(self, key: str) -> bool:
        return key in self._by_id

    def has_room(self, size: int) -> bool:
        """Whether one more transaction of ``size`` bytes may wait."""
        return len(self._by_id) < MAX_PENDING and self._bytes + size <= MAX_PENDING_BYTES

    def add(self, key: str, pending: Pending, size: int) -> None:
        """Keep a transaction."""
        self._by_id[key] = pending, size
        self._bytes += size

    def pop(self, key: str) -> Pending | None:
        """Take a transaction out, if it is there."""
        pending, size = self._by_id.pop(key, (None, 0))
        self._bytes -= size
        return pending

    def pop_all(self) -> list[Pending]:
        """Take all out."""
        found = [pending for pending, _size in self._by_id.values()]
        self._by_id.clear()
        self._bytes = 0
        return found
