"""Who watches a database, and what they have missed (ovsdb-server(7), sections 4.1.12 to 4.1.16).

``Monitors`` follows one database.  Monitors that ask for the same share a ``View``; views that a commit
concerns are looked up (``interest``), and each changed row is encoded once for all that show it alike.
The text of a table's contents is kept until the table changes, for the next client that asks for it.

A short history of commits serves clients that come back (``monitor_cond_since``): what they missed is
folded into one change per row.  It is bounded in transactions and in what it keeps alive; beyond that a
client gets everything.  The id of the state before the first commit is random per run, so a client of
an earlier run is never mistaken for one that has missed nothing.

One kind of client always gets everything: the one that names its monitor by a UUID, which is the Python
IDL.  The C server keeps no history for a standalone database, and programs on that IDL have come to
count on a "create" event for each row after a reconnect (ovsdbapp tests it).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from pyovn.ovsdb.engine import Commit, Database, RowChange
from pyovn.ovsdb.errors import compact
from pyovn.ovsdb.interest import Interest
from pyovn.ovsdb.snapshots import Contents
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.ovsdb.views import Shape, View, parse_conditions, parse_view
from pyovn.wire.jsonrpc import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.store import Row, Table
    from pyovn.ovsdb.views import Texts

HISTORY_COMMITS: Final = 1000
HISTORY_WEIGHT: Final = 500_000
"""Old rows, and members of old sets and maps, that history may keep alive."""
UPDATE_METHODS: Final = {1: "update", 2: "update2", 3: "update3"}


@dataclass(slots=True, eq=False)
class Monitor:
    """One client's monitor."""

    monitors: Monitors
    id: Any
    version: int
    """1, 2 or 3: monitor, monitor_cond, monitor_cond_since."""
    view: View
    send: Callable[[bytes], None]
    lead: bytes = field(init=False)
    """How its notifications begin."""

    def __post_init__(self) -> None:
        self.rename(self.id)

    def rename(self, id_: Any) -> None:
        """Have another id from now on."""
        self.id = id_
        method = UPDATE_METHODS[self.version].encode()
        self.lead = b'{"id":null,"method":"%b","params":[%b,' % (method, encode(id_))

    def notify(self, updates: bytes) -> None:
        """Send an update notification with JSON text ``updates``."""
        self.send(self.notification(updates))

    def notification(self, updates: bytes) -> bytes:
        """The whole message."""
        if self.version == 3:
            return b'%b"%b",%b]}' % (self.lead, self.monitors.last_id.encode(), updates)
        return b"%b%b]}" % (self.lead, updates)


class Monitors:
    """All monitors of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.last_id: UUID = database.new_uuid()
        self._before_history = self.last_id
        self._history: deque[tuple[Commit, int]] = deque()
        self._history_weight = 0
        self._views: dict[str, View] = {}
        self._watchers: dict[View, list[Monitor]] = {}
        self._interest: Interest[View] = Interest()
        self._shapes: WeakValueDictionary[Any, Shape] = WeakValueDictionary()
        self._contents = Contents()
        database.followers.append(self._follow)

    def add(self, send: Callable[[bytes], None], id_: Any, version: int, requests: Any) -> Monitor:
        """Begin to watch; raises ``OvsdbError``.  The caller sends the initial contents first."""
        key = f"{version > 1} {compact(requests)}"
        view = self._views.get(key)
        if view is None:
            view = parse_view(self.database, requests, self._shapes, differences=version > 1, key=key)
        monitor = Monitor(self, id_, version, view, send)
        self._watch(monitor, view)
        return monitor

    def _watch(self, monitor: Monitor, view: View) -> None:
        watchers = self._watchers.get(view)
        if watchers is None:
            watchers = self._watchers[view] = []
            self._views[view.key] = view
            self._interest.add(view)
        watchers.append(monitor)

    def remove(self, monitor: Monitor) -> None:
        """End a monitor."""
        view = monitor.view
        watchers = self._watchers[view]
        watchers.remove(monitor)
        if not watchers:
            del self._watchers[view]
            del self._views[view.key]
            self._interest.remove(view)

    def change_conditions(self, monitor: Monitor, new_id: Any, json: Any) -> None:
        """monitor_cond_change: the update that it brings is sent before this returns."""
        view = parse_conditions(monitor.view, json)
        updates = monitor.view.moved(view)
        self.remove(monitor)
        view.key = self._key(view)
        monitor.view = self._views.get(view.key, view)
        self._watch(monitor, monitor.view)
        monitor.rename(new_id)
        if updates is not None:
            monitor.notify(updates)

    @staticmethod
    def _key(view: View) -> str:
        """The identity of a view whose request is not at hand."""
        parts = [
            [table.name, [[c.name, sorted(c.kinds)] for c in shown.shape.columns], shown.where]
            for table, shown in view.by_table.items()
        ]
        return f"changed {compact(sorted(parts, key=lambda part: str(part[0])))}"

    def initial(self, monitor: Monitor) -> list[bytes]:
        """The text of what the monitor shows now, in pieces."""
        return monitor.view.initial(self._contents.of)

    def since(self, monitor: Monitor, last_id: str) -> tuple[bool, list[bytes]]:
        """Whether ``last_id`` is remembered, and the updates since it, or the initial contents."""
        missed: list[Commit] | None = None
        if _is_python_idl(monitor.id):
            pass
        elif last_id == self.last_id:
            missed = []
        elif last_id == self._before_history:
            missed = [commit for commit, _weight in self._history]
        else:
            for number, (commit, _weight) in enumerate(self._history):
                if commit.id == last_id:
                    missed = [later for later, _weight in list(self._history)[number + 1 :]]
                    break
        if missed is None:
            return False, self.initial(monitor)
        return True, [monitor.view.changes(folded(missed)) or b"{}"]

    def _follow(self, commit: Commit) -> None:
        self.last_id = commit.id
        self._contents.changed(commit.changes)
        try:
            self._tell(commit)  # first, because somebody waits for it
        finally:
            self._remember(commit)

    def _tell(self, commit: Commit) -> None:
        texts: Texts = {}
        messages: dict[bytes, dict[bytes, bytes]] = {}
        watchers = self._watchers
        for view, seen in self._interest.concerned(commit.changes).items():
            updates = view.update(seen, texts)
            if updates is None:
                continue
            # Clients of one kind give their monitors the same id, so they get the same bytes.
            by_lead = messages.setdefault(updates, {})
            for monitor in tuple(watchers.get(view, ())):
                message = by_lead.get(monitor.lead)
                if message is None:
                    message = by_lead[monitor.lead] = monitor.notification(updates)
                monitor.send(message)

    def _remember(self, commit: Commit) -> None:
        weight = sum(map(_weight, commit.changes))
        self._history.append((commit, weight))
        self._history_weight += weight
        while len(self._history) > HISTORY_COMMITS or self._history_weight > HISTORY_WEIGHT:
            forgotten, weight = self._history.popleft()
            self._history_weight -= weight
            self._before_history = forgotten.id

    def close(self) -> None:
        """Stop following."""
        self.database.followers.remove(self._follow)
        self._forget()

    def _forget(self) -> None:
        self._views.clear()
        self._watchers.clear()
        self._interest.clear()
        self._shapes.clear()
        self._contents.clear()

    def restart(self) -> None:
        """Begin anew on a database that has become another one; what was known is of no use any more."""
        self._forget()
        self._history.clear()
        self._history_weight = 0
        self._before_history = self.last_id = self.database.new_uuid()


def _is_python_idl(id_: Any) -> bool:
    """Whether a monitor's id is of the form that the Python IDL gives it; see the module."""
    return isinstance(id_, str) and UUID.is_valid(id_)


def folded(commits: list[Commit]) -> list[RowChange]:
    """One change per row for what several commits did."""
    first: dict[tuple[Table, UUID], Row | None] = {}
    last: dict[tuple[Table, UUID], Row | None] = {}
    for commit in commits:
        for table, uuid, old, new in commit.changes:
            first.setdefault((table, uuid), old)
            last[table, uuid] = new
    return [
        RowChange(table, uuid, old, last[table, uuid])
        for (table, uuid), old in first.items()
        if not (old is None and last[table, uuid] is None)
    ]


def _weight(change: RowChange) -> int:
    """How much a change keeps alive that would be gone otherwise."""
    old, new = change.old, change.new
    if old is None:
        return 1
    kept = (
        old.values if new is None else [v for v, n in zip(old.values, new.values, strict=True) if v is not n]
    )
    return 1 + sum([len(value) for value in kept if isinstance(value, frozenset | FrozenMap)])
