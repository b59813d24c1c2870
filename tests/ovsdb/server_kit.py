"""Database servers as processes, ours and Debian's, for tests with peers."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pyovn.ovsdb.journal import create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.ovsdb.schema import DatabaseSchema

    Peer = Callable[[str], str]

BIN = Path(sys.executable).parent
OURS, DEBIANS = "ours", "debian"
BOTH = (OURS, DEBIANS)


def program(whose: str, name: str, peer: Peer) -> str:
    """The path of our or Debian's program."""
    debians = peer(name)
    return debians if whose == DEBIANS else str(BIN / name)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(*words: str, timeout: float = 30, check: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a program; its output, of both kinds if it may fail."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **(env or {})}
    )
    if check:
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout
    return done.stdout + done.stderr


def wait_until(predicate: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for other processes; there is no event to wait for."""
    deadline = time.monotonic() + seconds
    while not predicate():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)  # the tests' own loop over real processes


class ServerProcess:
    """An ovsdb-server in a directory of its own."""

    def __init__(
        self, whose: str, peer: Peer, directory: Path, schemas: Iterable[DatabaseSchema], *words: str
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.remote = f"unix:{directory}/db.sock"
        self.log = directory / "server.log"
        self._peer = peer
        self._program = program(whose, "ovsdb-server", peer)
        self._files = [str(directory / f"{schema.name}.db") for schema in schemas]
        for file, schema in zip(self._files, schemas, strict=True):
            if not Path(file).exists():
                create(file, schema)
        self.start(*words)

    def start(self, *words: str) -> None:
        run(
            self._program, f"--remote=p{self.remote}", "--detach", "--no-chdir", "-vconsole:off",
            f"--pidfile={self.directory}/pid", f"--unixctl={self.directory}/ctl",
            f"--log-file={self.log}", *words, *self._files,
        )  # fmt: skip

    def command(self, *words: str) -> str:
        return run(self._peer("ovs-appctl"), "-t", str(self.directory / "ctl"), *words)

    def stop(self) -> None:
        if (self.directory / "pid").exists():
            self.command("exit")
            wait_until(lambda: not (self.directory / "pid").exists())
