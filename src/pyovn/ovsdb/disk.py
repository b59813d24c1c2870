"""What a journal asks of the disk, in one place, so that tests can let it fail at every step.

The order of these calls is the whole of durability: a record is true for good once ``sync`` has returned
after its ``write``; a new file is there for good once its directory is synced after the renaming.
"""

# ruff: noqa: PTH101, PTH105, PTH108, PTH116, PTH120 - tools import this and start in a moment, without pathlib

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MODE: Final = 0o640


class Disk:
    """The real one."""

    def open(self, path: str, *, new: bool = False) -> int:
        """Open for writing; a ``new`` file must not be there yet."""
        flags = os.O_CREAT | os.O_EXCL if new else 0
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC | flags, MODE)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write all of ``data`` at ``offset``."""
        view = memoryview(data)
        while view:
            count = os.pwrite(descriptor, view, offset)
            offset += count
            view = view[count:]

    def sync(self, descriptor: int) -> None:
        """Return when all that was written is on the disk."""
        os.fsync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut off what is behind ``size``."""
        os.ftruncate(descriptor, size)

    def close(self, descriptor: int) -> None:
        """Close a file."""
        os.close(descriptor)

    def replace(self, new: str, path: str) -> None:
        """Put file ``new`` in the place of ``path``, with its permissions; ``sync_directory`` next."""
        status = os.stat(path)
        os.chmod(new, status.st_mode & 0o777)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            with contextlib.suppress(PermissionError):  # without the right to give it away, it stays ours
                os.chown(new, status.st_uid, status.st_gid)
        os.replace(new, path)

    def sync_directory(self, path: str) -> None:
        """Make sure that the name ``path`` is on the disk."""
        descriptor = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def create(self, path: str, parts: Iterable[bytes]) -> None:
        """Make a new file of ``parts``, whole and for good, or not at all."""
        descriptor = self.open(path, new=True)
        try:
            try:
                offset = 0
                for part in parts:
                    self.write(descriptor, part, offset)
                    offset += len(part)
                self.sync(descriptor)
            finally:
                self.close(descriptor)
            self.sync_directory(path)
        except BaseException:
            self.remove(path)
            raise


REAL: Final = Disk()
