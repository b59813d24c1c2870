"""A database in a file: the C server's standalone format, so files move either way (ovsdb(5)).

A file is a series of records, each a header line ``OVSDB JSON <length> <sha1>`` and a line of JSON.  The
first holds the schema, every further one what a transaction did.  ``Journal.append`` writes a record
before the commit becomes true, so what clients have seen is in the file; it is forced to the disk only
for transactions that ask for it (RFC 7047 section 5.2.7).

Reading: a last record that is cut off is what a crash leaves; it is dropped with a warning.  Anything
else that does not parse, or does not match its checksum, with more behind it, is damage: the file is
refused and the offset named, because going on would silently lose what follows.

Differences (``_is_diff``): the value of a modified column is the difference to the old value, except
where the old value is the type's default; then readers, C's included, take it as the new value.  C's
writer knows no exception, and so loses data for sets that may not be empty; ours writes what is read.

Ephemeral columns are not written.  Who may have the file open is settled by ``filelock``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pyovn.ovsdb.engine import Database, RowChange
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.filelock import FileLock
from pyovn.ovsdb.schema import DatabaseSchema, SchemaError
from pyovn.ovsdb.values import UUID, value_to_json
from pyovn.wire.jsonrpc import encode

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from pyovn.ovsdb.engine import Commit, Table
    from pyovn.ovsdb.transaction import Transaction
    from pyovn.ovsdb.values import Value

    Contents = dict[str, dict[UUID, list[Value]]]

_HEADER: Final = re.compile(rb"OVSDB (JSON|CLUSTER) ([1-9][0-9]*) ([0-9a-f]{40})\n")
_LONGEST_HEADER: Final = 100
_PRIVATE: Final = frozenset({"_date", "_comment", "_is_diff"})

COMPACT_SIZE: Final = 10 << 20
"""A file below this is never compacted by itself."""
COMPACT_GROWTH: Final = 4
"""Nor one that is less than this many times what it was after the last compaction."""


class JournalError(Exception):
    """A file that cannot be used; the message names it, and the offset if there is one."""


def _warn_nobody(_text: str) -> None:
    """Stand in for a log."""


def record(json: Any) -> bytes:
    """A record as it stands in the file."""
    line = encode(json) + b"\n"
    return b"OVSDB JSON %d %s\n%s" % (len(line), hashlib.sha1(line).hexdigest().encode(), line)  # noqa: S324  # the format's checksum


def read_records(
    path: str, warn: Callable[[str], None] = _warn_nobody
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a file with the offset behind each; raises ``JournalError`` and ``OSError``."""
    with open(path, "rb") as file:  # noqa: PTH123  # tools that start in a moment do without pathlib
        size = os.fstat(file.fileno()).st_size
        offset = 0
        while header := file.readline(_LONGEST_HEADER):
            match = _HEADER.fullmatch(header)
            if match is None:
                if offset and not header.endswith(b"\n") and offset + len(header) == size:
                    warn(f"{path}: dropping the last record, which is cut off at offset {offset}")
                    return
                raise JournalError(f"{path}: parse error at offset {offset} in header line {header!r}")
            if match[1] != b"JSON":
                raise JournalError(f"{path}: is a clustered database, which is not served")
            length = int(match[2])
            end = offset + len(header) + length
            line = file.read(length)
            if len(line) == length and hashlib.sha1(line).hexdigest().encode() == match[3]:  # noqa: S324  # as above
                yield end, _parse(path, offset, line)
                offset = end
            elif offset and end >= size:
                warn(f"{path}: dropping the last record, which is incomplete at offset {offset}")
                return
            else:
                raise JournalError(
                    f"{path}: {length} bytes starting at offset {offset} do not match their SHA-1"
                )


def _parse(path: str, offset: int, line: bytes) -> dict[str, Any]:
    try:
        json = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise JournalError(f"{path}: record at offset {offset} is not JSON: {error}") from error
    if not isinstance(json, dict):
        raise JournalError(f"{path}: record at offset {offset} is not a JSON object")
    return json


def read_schema(path: str) -> DatabaseSchema:
    """The schema of a database file."""
    for _end, json in read_records(path):
        return _schema(path, json)
    raise JournalError(f"{path}: is empty, so it is not a database")


def _schema(path: str, json: Any) -> DatabaseSchema:
    try:
        return DatabaseSchema.from_json(json)
    except SchemaError as error:
        raise JournalError(f"{path}: {error}") from error


# Reading transactions


def _replay_row(
    table: Table, values: list[Value] | None, cells: dict[str, Any], *, is_diff: bool
) -> list[Value]:
    if values is None:
        values = list(table.defaults)
    for name, json in cells.items():
        column = table.by_name.get(name)
        if column is None:
            raise OvsdbError("unknown column", f"No column {name} in table {table.name}.")
        datum, old = column.datum, values[column.position]
        if is_diff and old != datum.default:
            values[column.position] = datum.patched(old, datum.parse_difference(json))
        else:
            values[column.position] = datum.parse(json, None)
    return values


def _replay(tables: dict[str, Table], contents: Contents, json: dict[str, Any]) -> None:
    """Apply a transaction record to ``contents``."""
    is_diff = json.get("_is_diff") is True
    for name, rows in json.items():
        if name in _PRIVATE:
            continue
        table = tables.get(name)
        if table is None:
            raise OvsdbError("unknown table", f"No table named {name}.")
        found = contents.setdefault(name, {})
        for text, cells in rows.items():
            uuid = UUID.parse(text)
            if cells is None:
                found.pop(uuid, None)
            else:
                found[uuid] = _replay_row(table, found.get(uuid), cells, is_diff=is_diff)


# Writing transactions


def _cells(change: RowChange) -> dict[str, Any] | None:
    """The <row-txn> of a change; None for a deletion."""
    table, _uuid, old, new = change
    if new is None:
        return None
    cells = {}
    for column in table.columns:
        if column.ephemeral:
            continue
        value, default = new.values[column.position], column.datum.default
        before = default if old is None else old.values[column.position]
        if value != before:
            whole = before == default
            cells[column.name] = value_to_json(value if whole else column.datum.difference(before, value))
    return cells


def _transaction(
    changes: list[RowChange], comment: str, date: int, *, is_diff: bool
) -> dict[str, Any] | None:
    """The record of a transaction; None if nothing of it is to be kept."""
    json: dict[str, Any] = {}
    for change in changes:
        cells = _cells(change)
        if cells or change.old is None or change.new is None:
            json.setdefault(change.table.name, {})[change.uuid] = cells
    if not json:
        return None
    if comment:
        json["_comment"] = comment
    json["_date"] = date
    if is_diff:
        json["_is_diff"] = True
    return json


def _write_whole(path: str, parts: list[bytes]) -> None:
    """Make ``path`` hold ``parts``, at once and for good."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        for part in parts:
            _write_all(descriptor, part)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def create(path: str, schema: DatabaseSchema) -> None:
    """Make a file with an empty database; raises ``FileExistsError`` if there is one."""
    _write_whole(path, [record(schema.to_json())])


class Journal:
    """An open database file."""

    def __init__(
        self, path: str, wall: Callable[[], float], warn: Callable[[str], None] = _warn_nobody
    ) -> None:
        self.path = os.path.realpath(path)
        self.database: Database
        self.size = 0
        self._compacted_size = 0
        self._wall = wall
        self._warn = warn
        self._descriptor = -1
        self._lock: FileLock | None = None

    def open(self, random: random.Random, *, read_only: bool = False) -> Database:
        """Read the file and get ready to write it; the database writes what it commits here."""
        if not read_only:
            self._lock = FileLock(self.path)
        try:
            self.database = self._read(random)
            if not read_only:
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
                os.ftruncate(self._descriptor, self.size)
                self.database.writer = self.append
        except BaseException:
            self.close()
            raise
        self._compacted_size = self.size
        return self.database

    def _read(self, random: random.Random) -> Database:
        database: Database | None = None
        contents: Contents = {}
        for end, json in read_records(self.path, self._warn):
            if database is None:
                database = Database(_schema(self.path, json), random)
            else:
                try:
                    _replay(database.tables, contents, json)
                except (ValueError, AttributeError) as error:
                    raise JournalError(f"{self.path}: record before offset {end}: {error}") from error
            self.size = end
        if database is None:
            raise JournalError(f"{self.path}: is empty, so it is not a database")
        self._load(database, contents)
        return database

    def _load(self, database: Database, contents: Contents) -> None:
        tables = database.tables

        def fill(transaction: Transaction) -> None:
            for name, rows in contents.items():
                for uuid, values in rows.items():
                    transaction.put(tables[name], uuid, tuple(values))

        try:
            database.replace(fill)
        except OvsdbError as error:
            raise JournalError(f"{self.path}: {error}") from error

    def append(self, commit: Commit) -> None:
        """Write a commit; raises ``OSError``, after which the file is as it was."""
        json = _transaction(commit.changes, commit.comment, int(self._wall() * 1000), is_diff=True)
        if json is None:
            return
        data = record(json)
        try:
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            _write_all(self._descriptor, data)
            if commit.durable:
                os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):  # the record is overwritten by the next one in any case
                os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    @property
    def has_grown(self) -> bool:
        """Whether compaction is worth while."""
        return self.size > max(COMPACT_SIZE, COMPACT_GROWTH * self._compacted_size)

    def compact(self, comment: str = "compacting database online") -> None:
        """Replace the file by one with the present contents in a single record; raises ``OSError``."""
        changes = [
            RowChange(table, uuid, None, row)
            for table in self.database.tables.values()
            for uuid, row in table.rows.items()
        ]
        date = int(self._wall() * 1000)
        contents = _transaction(changes, comment, date, is_diff=False) or {"_comment": comment, "_date": date}
        parts = [record(self.database.schema.to_json()), record(contents)]
        temporary = f"{self.path}.tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)  # noqa: PTH108  # see read_records
        _write_whole(temporary, parts)
        mode = os.stat(self.path).st_mode & 0o777  # noqa: PTH116  # see read_records
        os.chmod(temporary, mode)  # noqa: PTH101  # see read_records
        os.replace(temporary, self.path)  # noqa: PTH105  # see read_records
        _sync_directory(os.path.dirname(self.path))  # noqa: PTH120  # see read_records
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        self.size = self._compacted_size = sum(map(len, parts))

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _sync_directory(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
