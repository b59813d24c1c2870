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
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.schema import DatabaseSchema, SchemaError
from pyovn.ovsdb.schema_check import check_schema
from pyovn.wire.jsonrpc import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

    from pyovn.ovsdb.disk import Disk

_HEADER: Final = re.compile(rb"OVSDB (JSON|CLUSTER) ([1-9][0-9]*) ([0-9a-f]{40})\n")
_LONGEST_HEADER: Final = 100
_BLOCK: Final = 1 << 20


class JournalError(Exception):
    """A file that cannot be used; the message names it, and the offset if there is one.

    ``text`` is the message without advice, ``tag`` the kind of error as ovsdb(7) names it, ``cause`` the
    error of the engine that a record's contents ran into.
    """

    def __init__(
        self, text: str, *, advice: str = "", tag: str = "ovsdb error", cause: Exception | None = None
    ) -> None:
        super().__init__(text + advice)
        self.text = text
        self.tag = tag
        self.cause = cause


class ClusteredError(JournalError):
    """The file is one of a cluster, which is the business of the C server."""


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
    path: str, warn: Callable[[str], None] = warn_nobody, *, strict: bool = False
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a file with the offset behind each; raises ``JournalError`` and ``OSError``.

    With ``strict`` what a crash leaves at the end is an error too.
    """
    with open(path, "rb") as file:  # noqa: PTH123  # tools that start in a moment do without pathlib
        yield from records_in(file, os.fstat(file.fileno()).st_size, path, warn, strict=strict)


def records_in(
    file: BufferedReader,
    size: int,
    path: str,
    warn: Callable[[str], None] = warn_nobody,
    *,
    strict: bool = False,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The same for a file of ``size`` bytes that is open; ``path`` is for messages."""
    offset = 0
    while line := file.readline(_LONGEST_HEADER):
        try:
            end, json = _read_record(file, size, path, offset, line)
        except _TornError as torn:
            if strict or not offset:
                raise JournalError(f"{path}: {torn}", tag=torn.tag) from torn
            warn(f"{path}: {torn}: dropping the last record, which is cut off at offset {offset}")
            return
        yield end, json
        offset = end
    if not offset:
        raise JournalError(f"{path}: cannot identify file type")


class _TornError(Exception):
    """The file ends here, in the middle of a record."""

    def __init__(self, text: str, tag: str = "syntax error") -> None:
        super().__init__(text)
        self.tag = tag


def _read_record(
    file: BufferedReader, size: int, path: str, offset: int, line: bytes
) -> tuple[int, dict[str, Any]]:
    found = _HEADER.fullmatch(line)
    if found is None:
        if not offset:
            raise JournalError(f"{path}: unexpected file format")
        shown = b" ".join(line.rstrip(b"\n").split(b" ")[:2]).decode(errors="replace").rstrip("\0")
        what = f'parse error at offset {offset} in header line "{shown}"'
        if (not line.endswith(b"\n") and not file.peek(1)) or (not line.strip(b"\0") and _only_zeros(file)):
            raise _TornError(what)
        raise _damaged(path, offset, what)
    if found[1] != b"JSON":
        raise ClusteredError(f"{path}: cannot apply this operation to clustered database file")
    length, start = int(found[2]), offset + len(line)
    if start + length > size:
        what = f"error reading {length} bytes starting at offset {start} (End of file)"
        raise _TornError(what, "I/O error")
    body = file.read(length)
    digest = hashlib.sha1(body).hexdigest()  # noqa: S324  # the format's checksum
    if digest != found[3].decode():
        what = (
            f"{length} bytes starting at offset {start} have SHA-1 hash {digest} "
            f"but should have hash {found[3].decode()}"
        )
        if start + length == size or _only_zeros(file):
            raise _TornError(what)
        raise _damaged(path, offset, what)
    return start + length, _parse(path, offset, start, body)


def _only_zeros(file: BufferedReader) -> bool:
    """Whether nothing but zeros follows."""
    while block := file.read(_BLOCK):
        if block.count(0) != len(block):
            return False
    return True


def _damaged(path: str, offset: int, what: str) -> JournalError:
    advice = f" ('ovsdb-tool recover {path} NEW-FILE' saves what stands before offset {offset})"
    return JournalError(f"{path}: {what}", advice=advice if offset else "", tag="syntax error")


def _parse(path: str, offset: int, start: int, line: bytes) -> dict[str, Any]:
    what = f"{len(line)} bytes starting at offset {start} are not"
    try:
        json = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _damaged(path, offset, f"{what} valid JSON ({error})") from error
    if not isinstance(json, dict):
        raise _damaged(path, offset, f"{what} a JSON object")
    return json


def schema_of(path: str, json: Any) -> DatabaseSchema:
    """The schema in a file's first record."""
    try:
        check_schema(json)
        return DatabaseSchema.from_json(json)
    except (SchemaError, OvsdbError) as error:
        raise JournalError(f"{path}: {error}", cause=error) from error


def read_schema(path: str) -> DatabaseSchema:
    """The schema of a database file."""
    _end, json = next(read_records(path))
    return schema_of(path, json)


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
