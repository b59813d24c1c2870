"""A database server as a process, ours or Debian's, for tests that kill it and start it again."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

BIN: Final = Path(sys.executable).parent
NORTHBOUND: Final = "/usr/share/ovn/ovn-nb.ovsschema"
SOUTHBOUND: Final = "/usr/share/ovn/ovn-sb.ovsschema"
VSWITCH: Final = "/usr/share/openvswitch/vswitch.ovsschema"


def end(pid: int, sign: int = signal.SIGKILL) -> None:
    """Signal a process that we started, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, sign)
            waiting = select.poll()
            waiting.register(handle, select.POLLIN)
            waiting.poll(5000)
        finally:
            os.close(handle)


def run(*words: object, check: bool = True, env: dict[str, str] | None = None) -> str:
    """A command's standard output; standard error goes into the failure."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, timeout=30,
        stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})},
    )  # fmt: skip
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def until(condition: Callable[[], bool], step: Callable[[float], None], seconds: float = 15.0) -> None:
    """Take steps of at most so many seconds until ``condition`` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        step(0.1)


@dataclass(slots=True)
class ServerProcess:
    """``program`` on ``databases``, reachable by a Unix socket and by TCP."""

    program: str
    directory: Path
    databases: tuple[Path, ...]
    name: str = "server"
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()

    @property
    def unix(self) -> str:
        return f"unix:{self.directory}/{self.name}.sock"

    @property
    def tcp(self) -> str:
        return f"tcp:127.0.0.1:{self.port}"

    @property
    def control(self) -> str:
        return f"{self.directory}/{self.name}.ctl"

    @property
    def _pidfile(self) -> Path:
        return self.directory / f"{self.name}.pid"

    def start(self) -> None:
        """It listens when this returns."""
        run(
            self.program, "--detach", "--no-chdir", f"--pidfile={self._pidfile}", f"--unixctl={self.control}",
            "-vconsole:off", f"--log-file={self.directory}/{self.name}.log", f"--remote=p{self.unix}",
            f"--remote=ptcp:{self.port}:127.0.0.1", *self.options, *self.databases,
        )  # fmt: skip

    def tell(self, sign: int) -> None:
        """Send it a signal and go on."""
        os.kill(int(self._pidfile.read_text()), sign)

    def stop(self, sign: int = signal.SIGKILL) -> None:
        """End it, if it runs."""
        try:
            pid = int(self._pidfile.read_text())
        except FileNotFoundError:
            return
        end(pid, sign)
        self._pidfile.unlink(missing_ok=True)
