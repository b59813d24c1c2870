"""Database servers as processes, ours and Debian's, for tests with peers."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pyovn.daemon.ctlclient import control_request
from pyovn.ovsdb.journal import create
from pyovn.wire.jsonrpc import encode, request

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


def run(*words: str, timeout: float = 30, check: bool = True, env: dict[str, str] | None = None) -> str:
    """Run a program; its output, of both kinds if it may fail."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **(env or {})}
    )
    if check:
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout
    return done.stdout + done.stderr


class ServedProcess:
    """A process in the background, by its pidfile: to be killed, and to be waited for."""

    def __init__(self, pidfile: Path) -> None:
        self.pid = int(pidfile.read_text())
        self._descriptor = os.pidfd_open(self.pid)

    def kill(self) -> None:
        """Kill it; returns when it is gone, with its files closed and its locks released."""
        signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = 15) -> None:
        """Wait for its end."""
        ended, _, _ = select.select([self._descriptor], [], [], seconds)
        os.close(self._descriptor)
        assert ended, f"process {self.pid} does not end"


def wait_until(predicate: Callable[[], bool], server: ServerProcess, seconds: float = 15) -> None:
    """Look again after each change of the server's databases, until ``predicate()`` holds."""
    deadline = time.monotonic() + seconds
    with server.changes() as changes:
        while not predicate():
            changes.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                assert changes.recv(1 << 20), "the server is gone"
            except TimeoutError:
                raise AssertionError("it did not happen in time") from None


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
        self._schemas = {schema.name: schema for schema in schemas}
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

    def control(self, command: str) -> str:
        """The same without a program of the peers."""
        accepted, text = control_request(str(self.directory / "ctl"), command, [])
        assert accepted, text
        return text

    def changes(self) -> socket.socket:
        """A connection on which something comes for every change of a database."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(self.remote.removeprefix("unix:"))
        for name, schema in self._schemas.items():
            tables: dict[str, object] = {table: {} for table in schema.tables}
            connection.sendall(encode(request(name, "monitor", [name, name, tables])))
        return connection

    def process(self) -> ServedProcess:
        return ServedProcess(self.directory / "pid")

    def stop(self) -> None:
        if (self.directory / "pid").exists():
            process = self.process()
            self.command("exit")
            process.wait()
