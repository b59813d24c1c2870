"""The smallest daemon there is, run as a program by the tests of processes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pyovn.daemon.main import Daemon, DaemonSpec, StartError, run
from pyovn.daemon.options import Option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def start(daemon: Daemon) -> None:
    if "refuse" in daemon.command_line:
        raise StartError("I was told to refuse")
    log = daemon.log.module("main")
    log.info("started")
    if "impatient" in daemon.command_line:
        os.kill(os.getpid(), signal.SIGTERM)

    def crash(args: Sequence[str]) -> None:
        if args[0] == "exception":
            daemon.runtime.call_soon(lambda: log.info("%d", 1 // 0))
        else:
            os.kill(os.getpid(), signal.Signals[args[0]])

    def last(_args: Sequence[str], done: Callable[[], None]) -> None:
        log.info("exiting")
        daemon.runtime.call_later(0.01, done)

    daemon.control.register("crash", "SIGNAL|exception", 1, 1, crash)
    daemon.control.register("pwd", "", 0, 0, lambda _: str(Path.cwd()))
    daemon.on_exit_later(last)


SPEC = DaemonSpec(
    name="sampled",
    family="ovs",
    summary="a daemon that does nothing",
    start=start,
    own_options=(
        Option("refuse", help="do not start"),
        Option("impatient", help="be told to end while starting"),
    ),
)

if __name__ == "__main__":
    sys.exit(run(SPEC, ["sampled", *sys.argv[1:]]))
