"""Pidfiles that tell the truth: the pid in the file, and a lock on it for as long as the process lives.

A pidfile alone is a guess, as its process may have died and its number been given away.  So a daemon
holds a write lock (fcntl(2), the whole file) on its pidfile, and a reader asks the kernel who holds it:
nobody or another pid than the file names, and the file is stale.

The file appears complete: it is written and locked under another name, then renamed.  Locks belong to a
process: one that hosts several daemons may lock several files, but sees none of its own as locked, and
must not open them a second time (closing any descriptor of a file drops the lock).
"""

# ruff: noqa: PTH104, PTH108 - tools import this and start in under 60 ms, so without pathlib

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from typing import Final

FLOCK: Final = struct.Struct("@hhqqi4x")
"""struct flock of Linux with 64-bit offsets: type, whence, start, len, pid."""


class PidfileError(OSError):
    """A pidfile that cannot be made or believed; ``strerror`` is the reason alone."""

    def __init__(self, code: int, message: str) -> None:
        """Remember ``message``, as users of the C programs know it, and the system's reason."""
        super().__init__(code, os.strerror(code))
        self.message = message

    def __str__(self) -> str:
        return self.message


class Pidfile:
    """A pidfile that this process holds."""

    __slots__ = ("_descriptor", "_pid", "path")

    def __init__(self, path: str, *, overwrite: bool = False) -> None:
        """Make and lock ``path``; raises ``PidfileError`` when another process holds it."""
        self.path = path
        temporary = f"{path}.tmp"
        try:
            self._descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise _failed(temporary, "create failed", error) from error
        try:
            self._take(temporary, overwrite=overwrite)
        except OSError:
            os.close(self._descriptor)
            raise
        self._pid = os.getpid()

    def _take(self, temporary: str, *, overwrite: bool) -> None:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _failed(temporary, "fcntl(F_SETLK) failed", error) from error
        try:
            if not overwrite:
                refuse_if_running(self.path)
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())
            os.rename(temporary, self.path)
        except PidfileError:
            os.unlink(temporary)
            raise
        except OSError as error:
            raise _failed(self.path, "failed to write", error) from error

    def remove(self) -> None:
        """Delete the file and let go of the lock; a process that inherited the object does nothing."""
        if self._descriptor < 0:
            return
        if os.getpid() == self._pid:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        os.close(self._descriptor)
        self._descriptor = -1

    def abandon(self) -> None:
        """Let go of the lock and leave the file, as a process that is killed does."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def refuse_if_running(path: str) -> None:
    """Raise ``PidfileError`` when a process that lives holds ``path``."""
    holder = _holder(path)
    if holder:
        raise PidfileError(errno.EEXIST, f"{path}: already running as pid {holder}, aborting")


def read_pidfile(path: str) -> int:
    """The pid of the daemon that holds ``path``.

    Raises ``PidfileError``: ENOENT when there is no file, ESRCH when the one there is stale.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise PidfileError(error.errno or errno.EIO, f"{path}: open: {error.strerror}") from error
    try:
        holder = _lock_holder(descriptor)
        text = os.read(descriptor, 128).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)
    if not holder:
        raise PidfileError(errno.ESRCH, f"{path}: pid file is not locked")
    if text != str(holder):
        raise PidfileError(errno.ESRCH, f"{path}: names pid {text}, but pid {holder} holds its lock")
    return holder


def _holder(path: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise _failed(path, "open failed", error) from error
    try:
        return _lock_holder(descriptor)
    finally:
        os.close(descriptor)


def _lock_holder(descriptor: int) -> int:
    """The pid that keeps us from locking the file, or 0."""
    asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    answer = FLOCK.unpack(fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    return 0 if answer[0] == fcntl.F_UNLCK else int(answer[4])


def _failed(path: str, what: str, error: OSError) -> PidfileError:
    return PidfileError(error.errno or errno.EIO, f"{path}: {what} ({error.strerror})")
