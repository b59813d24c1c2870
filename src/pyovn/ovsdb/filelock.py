"""The lock on a database file, as the C programs take it: fcntl on ``.NAME.~lock~`` beside the file.

The lock file stays when the lock is released; only the lock counts.  fcntl locks belong to a process,
so a table of what this process holds keeps two servers in one process apart.
"""

from __future__ import annotations

import errno
import fcntl
import os
from typing import Final

_HELD: Final[set[tuple[int, int]]] = set()


class FileLock:
    """A lock that is held until ``release``; raises ``BlockingIOError`` when another has it."""

    def __init__(self, path: str) -> None:
        directory, name = os.path.split(os.path.realpath(path))
        self.path = os.path.join(directory, f".{name}.~lock~")  # noqa: PTH118  # tools do without pathlib
        status = os.stat(self.path) if os.path.exists(self.path) else None  # noqa: PTH110, PTH116  # the same
        if status is not None and (status.st_dev, status.st_ino) in _HELD:
            raise self._held()
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            if error.errno in {errno.EACCES, errno.EAGAIN}:
                raise self._held() from error
            raise
        status = os.fstat(self._descriptor)
        self._identity = status.st_dev, status.st_ino
        _HELD.add(self._identity)

    def _held(self) -> BlockingIOError:
        return BlockingIOError(errno.EAGAIN, "cannot lock file because it is locked by another", self.path)

    def release(self) -> None:
        """Give the lock up."""
        _HELD.discard(self._identity)
        os.close(self._descriptor)
