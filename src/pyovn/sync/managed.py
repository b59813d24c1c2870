"""How a table is kept, and which of its rows are there.

``Managed`` is what a daemon declares of each table that it writes.  ``PresentRows`` files the rows that are
in the database by the key that the declaration gives them, so that a wanted row finds its actual one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from pyovn.incremental import Reason
    from pyovn.ovsdb.values import UUID
    from pyovn.sync.operations import Operation
    from pyovn.sync.rows import RowClass
    from pyovn.sync.wants import RowItem


def _nothing(_item: RowItem, _reasons: list[Reason]) -> Mapping[str, Any]:
    return {}


class Managed(NamedTuple):
    """How a table is kept.

    ``identify``   the key of an actual row (with UUIDs for ``Ref``), or None if the row is none of ours.
                   A row that is ours and not wanted is deleted.
    ``annotate``   columns written when a row is inserted and never compared, such as a flow's hints.
    ``shared``     set and map columns with other writers: only elements that we wanted are removed.
    ``collected``  rows that the server removes by itself once nothing refers to them.
    ``holder``     (table, column) that keeps a row alive; deleting means leaving it.
    ``releasing``  rows of tables that are not managed may refer to a row of this one: before it is deleted
                   they let go of it or go too, or the server would refuse the whole transaction.
    ``leftovers``  further operations that belong to the deletion of a row, such as deleting what was learnt
                   about it in tables that do not refer to it.
    """

    row: RowClass[Any]
    identify: Callable[[Any], Hashable | None] = lambda _row: None
    annotate: Callable[[RowItem, list[Reason]], Mapping[str, Any]] = _nothing
    shared: frozenset[str] = frozenset()
    collected: bool = False
    holder: tuple[str, str] | None = None
    releasing: bool = False
    leftovers: Callable[[Any], Iterable[Operation]] = lambda _row: ()


class PresentRows:
    """The rows of managed tables by key; several may have one key, when somebody else wrote them."""

    def __init__(self, tables: Iterable[str]) -> None:
        self._by_key: dict[str, dict[Hashable, dict[UUID, None]]] = {table: {} for table in tables}
        self._key_of: dict[UUID, Hashable] = {}
        """The key by which a row was filed; ``identify`` may say another one by now."""

    def __contains__(self, uuid: object) -> bool:
        """Whether a row is there and one of ours."""
        return uuid in self._key_of

    def has(self, table: str) -> bool:
        """Whether there is any row of ours in a table."""
        return bool(self._by_key[table])

    def at(self, table: str, key: Hashable) -> Iterable[UUID]:
        """The rows with a key, oldest first."""
        return self._by_key[table].get(key, ())

    def file(self, managed: Managed, uuid: UUID, values: tuple[Any, ...] | None) -> None:
        """A row is there with these values, or gone (None)."""
        by_key = self._by_key[managed.row.TABLE]
        before = self._key_of.get(uuid)
        after = None if values is None else managed.identify(managed.row(uuid, values))
        if before == after:
            return
        if before is not None:
            del self._key_of[uuid]
            rows = by_key[before]
            del rows[uuid]
            if not rows:
                del by_key[before]
        if after is not None:
            self._key_of[uuid] = after
            by_key.setdefault(after, {})[uuid] = None
