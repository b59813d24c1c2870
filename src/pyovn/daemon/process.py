"""The life of a daemon's process: into the background, watched over, and as another user.

``Background`` forks.  What was started stays until the daemon calls ``ready()``, then ends with 0 and no
word, so a script that starts a daemon can use it in its next line; when the daemon dies before, what was
started ends with the same status, after the daemon has said why on standard error.

With a monitor there is a third process between the two: it waits for the daemon and starts it again after
a crash, that is after a signal that reports a defect, or the status ``CRASHED`` with which ``main`` ends
on an unexpected exception.  Not more than once in ``RESTART_INTERVAL`` seconds, the first restart apart.

All this happens before there is an event loop, which would not survive a fork.

Not here: pidfile (``pidfile``), sockets, options.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import signal
import time
from typing import TYPE_CHECKING, Final, NoReturn

from pyovn.daemon.log import OFF

if TYPE_CHECKING:
    from pyovn.daemon.log import Log

CRASHED: Final = os.EX_SOFTWARE
"""Exit status of a daemon that ended by an exception nobody expected."""

CRASH_SIGNALS: Final = frozenset(
    (
        *(signal.SIGABRT, signal.SIGALRM, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
        *(signal.SIGPIPE, signal.SIGSEGV, signal.SIGXCPU, signal.SIGXFSZ),
    )
)
RESTART_INTERVAL: Final = 10.0

FORWARDED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What a monitor passes on to the daemon it watches."""


class Background:
    """The daemon's side of the fork: tells when it is ready."""

    __slots__ = ("_chdir", "_detached", "_keeps_output", "_log", "_pipe")

    def __init__(
        self, log: Log, *, detach: bool, monitor: bool, chdir: bool, keeps_output: bool = False
    ) -> None:
        """Fork as asked; returns only in the process that is to be the daemon."""
        self._log = log
        self._detached = detach
        self._keeps_output = keeps_output
        self._chdir = chdir and detach
        self._pipe = -1
        if detach:
            self._pipe = _fork_and_wait()
            os.setsid()
        if monitor:
            self._pipe = _Monitor(log, self._pipe, detach=detach, chdir=self._chdir).run()

    def ready(self) -> None:
        """Let the starter go, and leave its terminal and directory."""
        _report(self._pipe)
        self._pipe = -1
        if self._detached:
            _leave(self._log, chdir=self._chdir, keeps_output=self._keeps_output)


class _Monitor:
    """Starts the daemon, waits for it, starts it again."""

    def __init__(self, log: Log, pipe: int, *, detach: bool, chdir: bool) -> None:
        self.log = log
        self.logger = log.module("daemon_unix")
        self.pipe = pipe
        self.detach = detach
        self.chdir = chdir
        self.child = 0
        self.crashes = 0
        self.last_restart = float("-inf")

    def run(self) -> int:
        """Return in the daemon, with the pipe on which it reports; the monitor never returns."""
        while True:
            reader, writer = os.pipe()
            self.child = os.fork()
            if self.child == 0:
                os.close(reader)
                self._forget()
                return writer
            os.close(writer)
            self._watch(reader)

    def _forget(self) -> None:
        """Become the daemon: what belonged to the monitor goes."""
        for signum in FORWARDED:
            signal.signal(signum, signal.SIG_DFL)
        self.log.subprogram = ""
        if self.pipe >= 0:
            os.close(self.pipe)

    def _watch(self, reader: int) -> None:
        self.log.subprogram = "monitor"
        for signum in FORWARDED:
            signal.signal(signum, self._forward)
        if _wait_for_report(reader) and self.pipe >= 0:
            _report(self.pipe)
            self.pipe = -1
            if self.detach:
                _leave(self.log, chdir=self.chdir)
        _, status = os.waitpid(self.child, 0)
        how = _describe(status)
        if not _is_crash(status):
            self.logger.info("pid %d died, %s, exiting", self.child, how)
            _exit_like(status)
        self.crashes += 1
        self.logger.err("%d crashes: pid %d died, %s, restarting", self.crashes, self.child, how)
        wait = self.last_restart + RESTART_INTERVAL - time.monotonic()
        if wait > 0:
            self.logger.info("restarting in %.0f seconds", wait)
            time.sleep(wait)
        self.last_restart = time.monotonic()

    def _forward(self, signum: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child, signum)


def become_user(spec: str, log: Log) -> None:
    """Give up root for ``USER[:GROUP]``; raises ``ValueError`` when there is no such, or no right to.

    Capabilities go with root: a switch that must configure real interfaces cannot run this way.
    """
    name, _, group = spec.partition(":")
    try:
        user = pwd.getpwnam(name) if name else pwd.getpwuid(os.getuid())
    except KeyError:
        raise ValueError(f"user {name} not found, aborting.") from None
    try:
        gid = grp.getgrnam(group).gr_gid if group else user.pw_gid
    except KeyError:
        raise ValueError(f"invalid group {group}, aborting.") from None
    if (user.pw_uid, gid) == (os.getuid(), os.getgid()):
        return
    log.change_owner(user.pw_uid, gid)
    try:
        os.initgroups(user.pw_name, gid)
        os.setgid(gid)
        os.setuid(user.pw_uid)
    except OSError as error:
        raise ValueError(f"cannot become {spec} ({error.strerror}), aborting.") from error


def _fork_and_wait() -> int:
    """Fork; the child gets the pipe to report on, the parent ends when it has, or as it dies."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        return writer
    os.close(writer)
    status = 0 if _wait_for_report(reader) else os.waitpid(child, 0)[1]
    return _exit_like(status)


def _wait_for_report(reader: int) -> bool:
    """Wait for the byte that says "ready"; False when the other end is gone without."""
    reported = os.read(reader, 1) != b""
    os.close(reader)
    return reported


def _report(pipe: int) -> None:
    if pipe >= 0:
        # The starter may be gone by now: the daemon does not depend on it.
        with contextlib.suppress(BrokenPipeError):
            os.write(pipe, b"\0")
        os.close(pipe)


def _leave(log: Log, *, chdir: bool, keeps_output: bool = False) -> None:
    if chdir:
        os.chdir("/")
    log.console = None
    log.set_levels(None, "console", OFF)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(1 if keeps_output else 3):
        os.dup2(null, descriptor)
    os.close(null)


def _is_crash(status: int) -> bool:
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) in CRASH_SIGNALS
    return os.WEXITSTATUS(status) == CRASHED


def _describe(status: int) -> str:
    if os.WIFSIGNALED(status):
        core = ", core dumped" if os.WCOREDUMP(status) else ""
        return f"killed ({signal.strsignal(os.WTERMSIG(status))}){core}"
    return f"exit status {os.WEXITSTATUS(status)}"


def _exit_like(status: int) -> NoReturn:
    """End without cleaning up: files and buffers belong to the process that was forked."""
    os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
