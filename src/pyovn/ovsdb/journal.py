"""A database in a file: the C server's standalone format, so files move either way (ovsdb(5)).

``Journal.append`` writes a record before the commit becomes true, so what clients have seen is in the
file; for a transaction that asks for it (RFC 7047 section 5.2.7) it also is on the disk before the reply.

A write that fails leaves the file as it was and refuses the commit.  After a sync that failed nobody
knows what the disk holds: nothing is accepted any more until the whole contents were written anew.

Records are in ``journal_file``, what they mean in ``journal_rows``, rewriting in ``compaction``, system
calls in ``disk``.  Who may have the file open is settled by ``filelock``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.compaction import Compaction
from pyovn.ovsdb.disk import REAL, Disk
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.filelock import FileLock
from pyovn.ovsdb.journal_file import (
    JournalError,
    create,
    read_records,
    read_schema,
    record,
    schema_of,
    warn_nobody,
)
from pyovn.ovsdb.journal_rows import replay, transaction_json
from pyovn.ovsdb.loading import load

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from pyovn.ovsdb.engine import Commit
    from pyovn.ovsdb.journal_rows import Contents
    from pyovn.ovsdb.transaction import Transaction

__all__ = ["Journal", "JournalError", "create", "read_database", "read_records", "read_schema"]

COMPACT_SIZE: Final = 10 << 20
"""A file below this is never compacted for its growth."""
COMPACT_GROWTH: Final = 2
"""Nor one that is less than this many times what it was after the last compaction."""
COMPACT_COMMITS: Final = 100
"""Nor before so many commits, for whatever reason."""
COMPACT_SOONEST: Final = 600.0
"""Nor before so many seconds have passed since the last compaction."""
COMPACT_LATEST: Final = 86_400.0
"""Seconds after which size does not matter."""


def read_database(
    path: str, random: random.Random, warn: Callable[[str], None] = warn_nobody, *, strict: bool = False
) -> tuple[Database, int, int]:
    """The database in a file, how many bytes of the file are good, and how many transactions it has."""
    return database_of(path, read_records(path, warn, strict=strict), random)


def database_of(
    path: str, records: Iterable[tuple[int, dict[str, Any]]], random: random.Random
) -> tuple[Database, int, int]:
    """The same from records; ``path`` is for messages."""
    database: Database | None = None
    contents: Contents = {}
    size = count = 0
    for end, json in records:
        if database is None:
            database = Database(schema_of(path, json), random)
        else:
            try:
                replay(database.tables, contents, json)
            except (ValueError, AttributeError) as error:
                raise JournalError(f"{path}: record before offset {end}: {error}", cause=error) from error
            count += 1
        size = end
    assert database is not None, "a file without records is refused"
    _load(path, database, contents)
    return database, size, count


def _load(path: str, database: Database, contents: Contents) -> None:
    tables = database.tables
    if load(tables, contents, database.serial + 1):
        database.serial += 1
        return

    def fill(transaction: Transaction) -> None:
        for name, rows in contents.items():
            for uuid, values in rows.items():
                transaction.put(tables[name], uuid, tuple(values))

    try:
        database.replace(fill)
    except OvsdbError as error:
        raise JournalError(f"{path}: {error}", cause=error) from error


class Journal:
    """An open database file."""

    def __init__(
        self,
        path: str,
        wall: Callable[[], float],
        warn: Callable[[str], None] = warn_nobody,
        *,
        disk: Disk = REAL,
    ) -> None:
        self.name = path
        """As it was given, for messages."""
        self.path = os.path.realpath(path)
        self.database: Database
        self.size = 0
        self.compaction: Compaction | None = None
        """The one under way."""
        self._compacted_size = 0
        self._compacted_at = 0.0
        self._commits = 0
        self._wall = wall
        self._warn = warn
        self._disk = disk
        self._descriptor = -1
        self._in_doubt = False
        self._lock: FileLock | None = None

    def open(
        self, random: random.Random, *, read_only: bool = False, is_locked: bool = False, strict: bool = False
    ) -> Database:
        """Read the file and get ready to write it; the database writes what it commits here.

        ``is_locked`` tells that the caller holds the lock on the file, ``strict`` refuses a torn tail.
        """
        if not (read_only or is_locked):
            self._lock = FileLock(self.path)
        try:
            self.database, self.size, self._commits = read_database(
                self.name, random, self._warn, strict=strict
            )
            if not read_only:
                self._disk.remove(f"{self.path}.tmp")
                self._descriptor = self._disk.open(self.path)
                self._disk.truncate(self._descriptor, self.size)
                self.database.writer = self.append
        except BaseException:
            self.close()
            raise
        self._compacted_size, self._compacted_at = self.size, self._wall()
        return self.database

    def append(self, commit: Commit) -> None:
        """Write a commit; raises ``OSError``, after which the file means what it meant before."""
        json = transaction_json(commit.changes, commit.comment, int(self._wall() * 1000))
        if self._in_doubt:
            self.compact("rewriting after a failed write")
        before = self.size
        try:
            if json is not None:
                data = record(json)
                self._disk.write(self._descriptor, data, before)
                self.size += len(data)
                self._commits += 1
            if commit.durable:
                self._in_doubt = True
                self._disk.sync(self._descriptor)
                self._in_doubt = False
        except OSError:
            self.size = before
            try:
                self._disk.truncate(self._descriptor, before)
            except OSError:
                self._in_doubt = True
            raise

    # Compaction

    def is_due(self) -> bool:
        """Whether compaction is worth while, by ovsdb-server(1)'s rule."""
        if self.compaction is not None or self._commits < COMPACT_COMMITS:
            return False
        age = self._wall() - self._compacted_at
        if age < COMPACT_SOONEST:
            return False
        has_grown = self.size >= max(COMPACT_SIZE, COMPACT_GROWTH * self._compacted_size)
        return has_grown or age >= COMPACT_LATEST

    def begin_compaction(self, comment: str = "compacting database online") -> None:
        """Start; ``step`` goes on.  One that is under way is given up."""
        self._abandon()
        heading: dict[str, Any] = {"_comment": comment, "_date": int(self._wall() * 1000)}
        self._commits = 0
        self._compacted_at = self._wall()
        self.compaction = Compaction(self.path, self.size, self.database, self._disk, heading)

    def step(self) -> bool:
        """Go on with the compaction; True when none is under way any more.  Raises ``OSError``."""
        run = self.compaction
        if run is None:
            return True
        try:
            if not run.step(self.size):
                return False
            descriptor = run.finish()
        except BaseException:
            self._abandon()
            raise
        self.compaction = None
        if self._descriptor >= 0:
            self._disk.close(self._descriptor)
        self._descriptor = descriptor
        self.size, self._compacted_size = run.size, run.compacted_size
        self._in_doubt = True
        self._disk.sync_directory(self.path)
        self._in_doubt = False
        return True

    def compact(self, comment: str = "compacting database online") -> None:
        """Compact from beginning to end; raises ``OSError``."""
        self.begin_compaction(comment)
        while not self.step():
            pass

    def replace(self, database: Database, comment: str) -> None:
        """Make the file hold another database, with its schema; raises ``OSError``."""
        kept, self.database = self.database, database
        try:
            self.compact(comment)
        finally:
            self.database = kept

    def _abandon(self) -> None:
        run, self.compaction = self.compaction, None
        if run is not None:
            run.abandon()

    def close(self) -> None:
        """Let go of the file."""
        self._abandon()
        if self._descriptor >= 0:
            self._disk.close(self._descriptor)
            self._descriptor = -1
        if self._lock is not None:
            self._lock.release()
            self._lock = None
