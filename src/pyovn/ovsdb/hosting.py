"""Database files on a server: opened, written, compacted, converted, closed; shared by program and sandbox.

``Files`` joins ``journal`` and ``server``.  A file for which compaction is due is compacted in the
background: a step, then whatever else the server has to do, then the next step.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from pyovn.ovsdb.journal import Journal
from pyovn.ovsdb.loading import growing

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.engine import Commit, Database
    from pyovn.ovsdb.server import Server

    Done = Callable[[OSError | None], None]


class Files:
    """The database files of a server, by database name."""

    def __init__(self, server: Server, log: Callable[[str, str], None]) -> None:
        self.server = server
        self.journals: dict[str, Journal] = {}
        self.compacted: Callable[[], None] | None = None
        """Called after each compaction that succeeds."""
        self._log = log
        self._waiting: dict[Journal, list[Done]] = {}
        """Who is to be told of the end of a compaction that is under way."""

    def open(self, path: str) -> Database:
        """Serve the database in a file; raises ``JournalError``, ``OSError`` or ``ValueError``."""
        if any(os.path.exists(path) and os.path.samefile(path, held.path) for held in self.journals.values()):  # noqa: PTH110, PTH121  # a string for messages
            raise ValueError(f"ovsdb error: {path}: already open")
        runtime = self.server.runtime
        journal = Journal(path, runtime.wall, lambda text: self._log("warn", text))
        with growing():
            database = journal.open(runtime.random)
        name = database.name

        def close() -> None:
            del self.journals[name]
            journal.close()

        def watch(_commit: Commit) -> None:
            if journal not in self._waiting and journal.is_due():
                self.compact(journal)

        try:
            self.server.add_database(database, close)
        except ValueError:
            journal.close()
            raise
        self.journals[name] = journal
        database.followers.append(watch)
        self.server.databases[name].rewrite = partial(self._rewrite, journal)
        return database

    def compact(self, journal: Journal, done: Done | None = None) -> None:
        """Compact a file in the background; ``done`` is told of the end, and why it failed if it did."""
        waiting = self._waiting.setdefault(journal, [])
        if done is not None:
            waiting.append(done)
        if journal.compaction is None:
            self._log("dbg", f"{journal.path}: compaction begins")
            journal.begin_compaction()
            self.server.runtime.call_soon(lambda: self._step(journal))

    def _step(self, journal: Journal) -> None:
        error: OSError | None = None
        if journal not in self.journals.values():
            error = OSError(9, "the database was removed", journal.path)
        else:
            try:
                if not journal.step():
                    self.server.runtime.call_soon(lambda: self._step(journal))
                    return
            except OSError as why:
                self._log("err", f"{journal.path}: compaction failed: {why}")
                error = why
        if error is None and self.compacted is not None:
            self.compacted()
        for done in self._waiting.pop(journal, ()):
            done(error)

    @staticmethod
    def _rewrite(journal: Journal, database: Database) -> None:
        journal.replace(database, "converted by ovsdb-server")
