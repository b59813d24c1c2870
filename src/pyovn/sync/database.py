"""What daemons need of a database: the interface that the remote and the local client share.

``ovsdb.client.Client`` talks to any server over a stream; ``ovsdb.local.LocalClient`` is handed rows by a
server in the same process.  A daemon is given one or the other and cannot tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.ovsdb.replica import Change, Replica
    from pyovn.ovsdb.requests import Condition, Reply
    from pyovn.ovsdb.schema import DatabaseSchema


class DatabaseClient(Protocol):
    """See ``ovsdb.client.Client``."""

    on_changes: Callable[[list[Change]], None]
    on_state: Callable[[Any], None]
    on_lock: Callable[[str, bool], None]
    log: Callable[[str, str], None]
    replica: Replica
    trouble: str | None
    """Why there is no connection, if there was one or an attempt."""

    @property
    def state(self) -> str:
        """``live`` when the replica follows a server, else ``connecting``."""

    @property
    def schema(self) -> DatabaseSchema | None:
        """The server's schema, None before it is known."""

    @property
    def conditions_settled(self) -> bool:
        """Whether the last conditions were answered and their rows are in the replica."""

    @property
    def remote(self) -> str:
        """Where the server is."""

    def start(self) -> None:
        """Connect, and stay connected until ``stop``."""

    def stop(self) -> None:
        """Close the connection and do nothing any more."""

    def set_probe_interval(self, seconds: float) -> None:
        """After so long a silence the server is asked whether it is there; 0: never."""

    def transact(self, operations: Sequence[Any], done: Callable[[Reply], None]) -> None:
        """Send a transaction; ``done`` is called later, after ``on_changes``."""

    def set_conditions(self, conditions: Mapping[str, Condition]) -> None:
        """Ask for other rows of the named tables."""

    def lock(self, name: str) -> None:
        """Want a lock."""

    def has_lock(self, name: str) -> bool:
        """Whether the lock is ours."""
