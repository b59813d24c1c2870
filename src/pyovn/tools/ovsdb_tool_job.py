"""What the commands of ``ovsdb-tool`` share: the run, its errors, locks, and the reading of files."""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.filelock import FileLock
from pyovn.ovsdb.journal_file import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM: Final = "ovsdb-tool"


class FatalError(Exception):
    """The program ends with this message and status 1."""


@dataclass(slots=True)
class Job:
    """One run of the program."""

    arguments: list[str]
    default_database: str
    default_schema: str
    command: str = ""
    more: int = 0
    role: str = ""
    is_quiet: bool = False
    """Warnings are not wanted."""

    def argument(self, number: int, default: str) -> str:
        """An argument that may be left out."""
        return self.arguments[number] if len(self.arguments) > number else default

    @property
    def database(self) -> str:
        """The database file, which is the first argument."""
        return self.argument(0, self.default_database)


@dataclass(frozen=True, slots=True)
class Command:
    """A verb: what it does and how many arguments it takes."""

    name: str
    run: Callable[[Job], None]
    low: int
    high: int


def error_text(error: OvsdbError | JournalError, lead: str = "") -> str:
    """An error as the program prints it; ``lead`` comes before the details."""
    if isinstance(error, JournalError):
        if isinstance(error.cause, OvsdbError):
            return error_text(error.cause, lead)
        return f"{error.tag}: {lead}{error.text}"
    json = error.to_json()
    syntax = f'syntax "{json["syntax"]}": ' if "syntax" in json else ""
    return f"{syntax}{error.tag}: {lead}{error.details}"


def io_error(error: OSError, what: str) -> FatalError:
    """A system call failed."""
    return FatalError(f"I/O error: {what} ({os.strerror(error.errno or errno.EIO)})")


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Turn what can go wrong with a database file into ``FatalError``."""
    try:
        yield
    except JournalError as error:
        raise FatalError(error_text(error)) from error
    except OvsdbError as error:
        raise FatalError(error_text(error)) from error
    except OSError as error:
        raise io_error(error, f"{path}: open failed") from error


@contextmanager
def locked(job: Job, path: str, lead: str = "") -> Iterator[None]:
    """Hold the lock on a database file."""
    try:
        lock = FileLock(path)
    except OSError as error:
        _warn_lock(job, path, error)
        reason = os.strerror(error.errno or errno.EIO)
        raise FatalError(f"{lead}{path}: failed to lock lockfile ({reason})") from error
    try:
        yield
    finally:
        lock.release()


def _warn_lock(job: Job, path: str, error: OSError) -> None:
    directory, name = os.path.split(path)
    file = os.path.join(directory, f".{name}.~lock~")  # noqa: PTH118  # a string for messages
    if error.errno == errno.EAGAIN:
        _warn(job, 1, f"{file}: cannot lock file because it is already locked by {_holder(file)}")
    else:
        _warn(job, 1, f"{file}: failed to open lock file: {error.strerror}")
        _warn(job, 2, f"{file}: failed to lock file: {error.strerror}")


def _holder(file: str) -> str:
    """Who has the lock; another process may have let it go in the meantime."""
    import fcntl
    import struct

    layout = "hhqqi4x"
    try:
        with open(file, "rb+") as lock:  # noqa: PTH123  # tools do without pathlib
            asked = struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            pid = struct.unpack(layout, fcntl.fcntl(lock, fcntl.F_GETLK, asked))[4]
    except OSError:
        return "another process"
    return f"pid {pid}"


def _warn(job: Job, number: int, text: str) -> None:
    if not job.is_quiet:
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
        sys.stderr.write(f"{stamp}|{number:05d}|lockfile|WARN|{text}\n")
