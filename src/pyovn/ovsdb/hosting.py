"""Database files on a server: opened, written, compacted, closed; shared by program and sandbox.

``Files`` joins ``journal`` and ``server``.  A file that has grown is compacted by itself, between two
events and not within a transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovsdb.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.engine import Commit, Database
    from pyovn.ovsdb.server import Server


class Files:
    """The database files of a server, by database name."""

    def __init__(self, server: Server, log: Callable[[str, str], None]) -> None:
        self.server = server
        self.journals: dict[str, Journal] = {}
        self._log = log
        self._asked: set[Journal] = set()

    def open(self, path: str) -> Database:
        """Serve the database in a file; raises ``JournalError``, ``OSError`` or ``ValueError``."""
        runtime = self.server.runtime
        journal = Journal(path, runtime.wall, lambda text: self._log("warn", text))
        database = journal.open(runtime.random)
        name = database.name

        def close() -> None:
            del self.journals[name]
            journal.close()

        def watch(_commit: Commit) -> None:
            if journal.has_grown and journal not in self._asked:
                self._asked.add(journal)
                runtime.call_soon(lambda: self._compact(journal))

        try:
            self.server.add_database(database, close)
        except ValueError:
            journal.close()
            raise
        self.journals[name] = journal
        database.followers.append(watch)
        return database

    def _compact(self, journal: Journal) -> None:
        self._asked.discard(journal)
        if journal in self.journals.values():
            try:
                journal.compact()
            except OSError as error:
                self._log("err", f"{journal.path}: compaction failed: {error}")
