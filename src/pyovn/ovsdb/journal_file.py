"""Records in a file, as ovsdb(5) describes them: framing, damage, recovery.

A record is a header line ``OVSDB JSON <length> <sha1>`` and a line of JSON.  This module knows nothing of
what the JSON means (``journal_rows`` does), nor of files that are being written (``journal``).

What a crash leaves is a last record that is cut off, or blocks of zeros that were never filled: it is
dropped with a warning.  Anything else that does not parse, or does not match its checksum, with more
behind it, is damage: reading on would silently lose what follows, so the file is refused with the offset
and the command that saves what precedes it.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pyovn.ovsdb.disk import REAL
from pyovn.ovsdb.schema import DatabaseSchema, SchemaError
from pyovn.wire.jsonrpc import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from pyovn.ovsdb.disk import Disk

_HEADER: Final = re.compile(rb"OVSDB (JSON|CLUSTER) ([1-9][0-9]*) ([0-9a-f]{40})\n")
_LONGEST_HEADER: Final = 100
_BLOCK: Final = 1 << 20


class JournalError(Exception):
    """A file that cannot be used; the message names it, and the offset if there is one.

    ``text`` is the message without advice, ``tag`` the kind of error as ovsdb(7) names it.
    """

    def __init__(self, text: str, *, advice: str = "", tag: str = "ovsdb error") -> None:
        super().__init__(text + advice)
        self.text = text
        self.tag = tag


def warn_nobody(_text: str) -> None:
    """Stand in for a log."""


def header(length: int, digest: str) -> bytes:
    """The line before a record of ``length`` bytes."""
    return b"OVSDB JSON %d %s\n" % (length, digest.encode())


def framed(line: bytes) -> bytes:
    """A record from its line of JSON, newline included."""
    return header(len(line), hashlib.sha1(line).hexdigest()) + line  # noqa: S324  # the format's checksum


def record(json: Any) -> bytes:
    """A record as it stands in the file."""
    return framed(encode(json) + b"\n")


def read_records(
    path: str, warn: Callable[[str], None] = warn_nobody
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a file with the offset behind each; raises ``JournalError`` and ``OSError``."""
    with open(path, "rb") as file:  # noqa: PTH123  # tools that start in a moment do without pathlib
        size = os.fstat(file.fileno()).st_size
        offset = 0
        while line := file.readline(_LONGEST_HEADER):
            found = _HEADER.fullmatch(line)
            if found is None:
                _check_tail(file, path, offset, line, size)
                warn(f"{path}: dropping the last record, which is cut off at offset {offset}")
                return
            if found[1] != b"JSON":
                raise JournalError(f"{path}: is a clustered database, which is not served")
            length = int(found[2])
            end = offset + len(line) + length
            body = file.read(length) if end <= size else b""
            if len(body) == length and hashlib.sha1(body).hexdigest().encode() == found[3]:  # noqa: S324  # as above
                yield end, _parse(path, offset, body)
                offset = end
            elif offset and (end >= size or _only_zeros(file)):
                warn(f"{path}: dropping the last record, which is incomplete at offset {offset}")
                return
            else:
                wrong = f"{length} bytes starting at offset {offset + len(line)} do not match their SHA-1"
                raise _damaged(path, offset, wrong)


def _check_tail(file: BinaryIO, path: str, offset: int, line: bytes, size: int) -> None:
    """Return if what begins with ``line`` is what a crash leaves; raise if not."""
    if not offset:
        raise JournalError(f"{path}: unexpected file format")
    cut_off = not line.endswith(b"\n") and offset + len(line) == size
    if not cut_off and (line.strip(b"\0") or not _only_zeros(file)):
        raise _damaged(path, offset, f"parse error at offset {offset} in header line {line[:60]!r}")


def _only_zeros(file: BinaryIO) -> bool:
    """Whether nothing but zeros follows."""
    while block := file.read(_BLOCK):
        if block.count(0) != len(block):
            return False
    return True


def _damaged(path: str, offset: int, what: str) -> JournalError:
    advice = f" ('ovsdb-tool recover {path} NEW-FILE' saves what stands before offset {offset})"
    return JournalError(f"{path}: {what}", advice=advice if offset else "")


def _parse(path: str, offset: int, line: bytes) -> dict[str, Any]:
    try:
        json = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, offset, f"record at offset {offset} is not JSON: {error}") from error
    if not isinstance(json, dict):
        raise _damaged(path, offset, f"record at offset {offset} is not a JSON object")
    return json


def schema_of(path: str, json: Any) -> DatabaseSchema:
    """The schema in a file's first record."""
    try:
        return DatabaseSchema.from_json(json)
    except SchemaError as error:
        raise JournalError(f"{path}: {error}") from error


def empty_file(path: str) -> JournalError:
    """Say that a file has not even a schema."""
    return JournalError(f"{path}: is empty, so it is not a database")


def read_schema(path: str) -> DatabaseSchema:
    """The schema of a database file."""
    for _end, json in read_records(path):
        return schema_of(path, json)
    raise empty_file(path)


def create(path: str, schema: DatabaseSchema, disk: Disk = REAL) -> None:
    """Make a file with an empty database; raises ``FileExistsError`` if there is one."""
    disk.create(path, [record(schema.to_json())])


def recover(path: str, target: str, disk: Disk = REAL) -> tuple[int, str]:
    """Copy the records before the first damage to a new file; how many, and what was wrong."""
    end = count = 0
    fault = ""

    def warn(text: str) -> None:
        nonlocal fault
        fault = text

    try:
        for offset, _json in read_records(path, warn):
            count, end = count + 1, offset
    except JournalError as error:
        if not count:
            raise
        fault = error.text
    with open(path, "rb") as file:  # noqa: PTH123  # see read_records
        disk.create(target, [file.read(end)])
    return count, fault
