"""What the server says about itself: the ``Database`` table of ``_Server`` (ovsdb-server(5)).

A standalone database is always good.  One of a cluster is good when this server is in touch with its
cluster, is the leader if the client wants the leader, and has not fallen behind what the client has
already seen (``index``, of the same cluster).  A relay is good when it is connected to its source.
"""

from __future__ import annotations

from typing import Any, Final

from pyovn.ovsdb.replica import Replica
from pyovn.ovsdb.schema import DatabaseSchema

_COLUMNS: Final = ("name", "model", "connected", "leader", "cid", "index")
_TYPES: Final[dict[str, Any]] = {
    "name": {"type": "string"},
    "model": {"type": "string"},
    "connected": {"type": "boolean"},
    "leader": {"type": "boolean"},
    "cid": {"type": {"key": "uuid", "min": 0, "max": 1}},
    "index": {"type": {"key": "integer", "min": 0, "max": 1}},
}
_SCHEMA: Final = {"name": "_Server", "version": "1.2.0", "tables": {"Database": {"columns": _TYPES}}}


class ServerState:
    """One database as the connected server sees it, and what was seen on servers before."""

    REQUEST: Final = {"Database": [{"columns": list(_COLUMNS)}]}
    """<monitor-cond-requests> for the table."""

    def __init__(self, database: str, *, leader_only: bool) -> None:
        self.database = database
        self.leader_only = leader_only
        self._cluster: str | None = None
        self._seen_index = 0
        self._rebuilt: str | None = None
        self._replica = Replica({"Database": _COLUMNS}, DatabaseSchema.from_json(_SCHEMA))

    def update(self, updates: Any, *, initial: bool = False) -> None:
        """Apply contents (``initial``) or an update; raises ``UpdateError``."""
        if initial:
            self._replica.replace(updates)
        else:
            self._replica.apply(updates)

    def refusal(self) -> str | None:
        """Why this server will not do, or None."""
        rows = self._replica.table("Database").rows.values()
        row = next((row for row in rows if row[0] == self.database), None)
        if row is None:
            return f"server does not have {self.database} database"
        _name, model, connected, leader, cluster, index = row
        if model == "standalone":
            return None
        if not connected:
            return f"{model} database server is disconnected from its source; trying another server"
        if model != "clustered":
            return None
        if self.leader_only and not leader:
            return "clustered database server is not cluster leader; trying another server"
        return self._behind(cluster, index)

    def _behind(self, cluster: Any, index: Any) -> str | None:
        if cluster != self._cluster:
            if self._cluster is not None:
                self._rebuilt = f"cluster {self._cluster} has become cluster {cluster}"
            self._cluster, self._seen_index = cluster, 0
        if index is not None:
            if index < self._seen_index:
                return "clustered database server has stale data; trying another server"
            self._seen_index = index
        return None

    def rebuilt(self) -> str | None:
        """Tell once, in words, when the database is another one than before: nothing known of it holds."""
        rebuilt, self._rebuilt = self._rebuilt, None
        return rebuilt
