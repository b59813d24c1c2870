"""Compaction: a file of the present contents in the place of a long history, without stopping service.

The rows are those of one moment: rows never change, so a list of them is a snapshot that costs nothing to
keep.  They are encoded and written some at a time (``step``), into a temporary file; what is committed
meanwhile goes to the old file as always, and is copied behind the snapshot at the end.  Then the file is
synced, renamed, and the directory synced: at every moment one complete file has the name.

All rows must stand in one record, because C's reader checks references after every record; but a record
begins with its length and checksum, which are known only at its end.  So room is left for both records'
beginnings, and the schema's record, which comes first, is filled up with blanks to fit: JSON may end in
blanks.  Hence no more than a step's rows are ever in memory as text.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.journal_file import framed, header
from pyovn.ovsdb.journal_rows import cells_of
from pyovn.wire.jsonrpc import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.ovsdb.disk import Disk
    from pyovn.ovsdb.engine import Database
    from pyovn.ovsdb.store import Row, Table

ROWS_PER_STEP: Final = 200
BYTES_PER_STEP: Final = 1 << 20
SYNC_EVERY: Final = 4 << 20
"""Bytes between two syncs on the way, so that the last one is short."""

_SLACK: Final = 12
_DIGEST: Final = "0" * 40


class Compaction:
    """One run; raises ``OSError`` from any step, after which it must be given up with ``abandon``."""

    def __init__(self, path: str, size: int, database: Database, disk: Disk, heading: dict[str, Any]) -> None:
        """Take the snapshot.  ``size`` is where the file ends now, ``heading`` the record's own members."""
        self.path = path
        self.temporary = f"{path}.tmp"
        self.size = 0
        """Bytes in the new file."""
        self.compacted_size = 0
        """Bytes of them that hold the snapshot."""
        self.copied = size
        """Up to where the old file's contents are in the new one."""
        self.descriptor = -1
        self._disk = disk
        self._schema = encode(database.schema.to_json())
        self._hash = hashlib.sha1(usedforsecurity=False)
        self._heading = heading
        self._rows = self._texts([(t, list(t.rows.values())) for t in database.tables.values() if t.rows])
        self._unsynced = 0
        self._room = self._reserve()
        self._is_written = False

    def _reserve(self) -> int:
        """How many bytes to leave for the schema's record and the beginning of the next one."""
        if len(str(len(self._schema) + 1)) != len(str(len(self._schema) + 1 + _SLACK)):
            self._schema += b" " * _SLACK  # so that its length has as many digits, however it is filled up
        most = framed(self._schema + b" " * _SLACK + b"\n")
        return len(most) + len(header(1, _DIGEST)) - 1

    def _texts(self, tables: list[tuple[Table, list[Row]]]) -> Iterator[bytes]:
        """The JSON of the snapshot's record, in pieces."""
        yield encode(self._heading)[:-1]
        for table, rows in tables:
            lead = b"," + encode(table.name) + b":{"
            for start in range(0, len(rows), ROWS_PER_STEP):
                some = rows[start : start + ROWS_PER_STEP]
                yield lead + encode({str(row.uuid): cells_of(table, None, row) for row in some})[1:-1]
                lead = b","
            yield b"}"
        yield b"}\n"

    def step(self, end: int) -> bool:
        """Do a little; True when the new file holds all that the old one means up to ``end``."""
        if self.descriptor < 0:
            self._disk.remove(self.temporary)
            self.descriptor = self._disk.open(self.temporary, new=True)
            self.size = self._room
        elif not self._is_written:
            self._write_rows()
        elif self.copied < end:
            self._copy(end)
        elif self._unsynced:
            self._disk.sync(self.descriptor)
            self._unsynced = 0
        else:
            return True
        return False

    def _append(self, data: bytes) -> None:
        self._disk.write(self.descriptor, data, self.size)
        self.size += len(data)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_EVERY:
            self._disk.sync(self.descriptor)
            self._unsynced = 1  # the last sync is still to come

    def _write_rows(self) -> None:
        text = next(self._rows, None)
        if text is not None:
            self._hash.update(text)
            self._append(text)
            return
        self._write_beginning()
        self.compacted_size = self.size
        self._is_written = True

    def _write_beginning(self) -> None:
        begin = header(self.size - self._room, self._hash.hexdigest())
        blanks = 0
        while len(first := framed(self._schema + b" " * blanks + b"\n")) + len(begin) < self._room:
            blanks += 1
        assert len(first) + len(begin) == self._room, "the two records must meet"
        self._disk.write(self.descriptor, first + begin, 0)
        self._unsynced += 1

    def _copy(self, end: int) -> None:
        """Take over what was committed meanwhile."""
        with open(self.path, "rb") as old:  # noqa: PTH123  # tools do without pathlib
            old.seek(self.copied)
            data = old.read(min(BYTES_PER_STEP, end - self.copied))
        if not data:
            raise OSError(5, "the file is shorter than what was written to it", self.path)
        self._append(data)
        self.copied += len(data)

    def finish(self) -> int:
        """Give the new file the name; its descriptor, which is the caller's from now on."""
        self._disk.replace(self.temporary, self.path)
        descriptor, self.descriptor = self.descriptor, -1
        return descriptor

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self.descriptor >= 0:
            self._disk.close(self.descriptor)
            self.descriptor = -1
        self._disk.remove(self.temporary)
