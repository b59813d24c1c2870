"""``ovsdb-client`` in the background: monitors and locks that go on when the first answer was shown.

With ``--detach`` the starter gets its prompt back when the initial contents, or the answer about the lock,
are on standard output; the process goes on writing there (ovsdb-client(1), "Daemon Options").  Its control
socket takes ``exit`` and, for locks, ``lock``, ``steal`` and ``unlock``, on the same connection.

The connection is made by the process in the background, so that ``--monitor`` can start it again.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from pyovn.daemon import options as opt
from pyovn.daemon.main import DaemonSpec, StartError, run
from pyovn.daemon.unixctl import CommandError
from pyovn.ovsdb.blocking import BlockingError, RequestError
from pyovn.sim.real import RealRuntime
from pyovn.tools.ovsdb_client import PROGRAM, wording
from pyovn.tools.ovsdb_job import UsageError, write
from pyovn.tools.table import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.tools.ovsdb_job import Job

_SHARED: Final = frozenset(
    option.name for option in (*opt.COMMON, *opt.DAEMON, *opt.VLOG, *opt.TLS, opt.UNIXCTL)
)
_LOCKS: Final = ("lock", "steal", "unlock")


def serve(job: Job, begin: Callable[[], None], words: Sequence[str], options: Sequence[opt.Option]) -> int:
    """Be the daemon, which ``begin``s the job and goes on with it; the starter's exit status."""
    spec = DaemonSpec(
        name=PROGRAM,
        family="ovs",
        summary="command-line JSON-RPC client of an OVSDB server",
        start=partial(_start, job=job, begin=begin),
        own_options=tuple(option for option in options if option.name not in _SHARED),
        max_args=-1,
        keeps_output=True,
    )
    return run(spec, [sys.argv[0], *words])


def _start(daemon: Daemon, job: Job, begin: Callable[[], None]) -> None:
    try:
        begin()
    except (UsageError, BlockingError, ValueError) as error:
        raise StartError(wording(error)) from error
    background = Background(daemon, job)
    if job.command.name in _LOCKS:
        for name in _LOCKS:
            daemon.control.register(name, "LOCK", 1, 1, partial(background.lock, name))
    daemon.runtime.call_soon(background.listen)


class Background:
    """A job whose connection is one of several things that are waited for."""

    def __init__(self, daemon: Daemon, job: Job) -> None:
        self._daemon = daemon
        self._job = job
        self._descriptor = job.client.fileno()
        runtime = daemon.runtime.runtime
        assert isinstance(runtime, RealRuntime), "who waits for a descriptor is a process of its own"
        self._loop = runtime.loop

    def listen(self) -> None:
        """Act on what has come, and from now on on what comes."""
        self._loop.add_reader(self._descriptor, self._read)
        self._act()

    def _read(self) -> None:
        try:
            self._job.client.pump()
        except BlockingError as error:
            self._end(f"{self._job.client.remote}: receive failed ({getattr(error, 'reason', error)})")
        else:
            self._act()

    def _act(self) -> None:
        """What the connection holds already is no event of its descriptor."""
        client = self._job.client
        if not self._job.deliver():
            self._end("")
        elif client.has_more:
            self._daemon.runtime.call_soon(self._read)

    def _end(self, why: str) -> None:
        self._loop.remove_reader(self._descriptor)
        if why:
            sys.stderr.write(f"{PROGRAM}: {why}\n")
            self._daemon.exit_status = 1
        self._daemon.exit()

    def lock(self, method: str, args: Sequence[str]) -> None:
        """``lock``, ``steal`` or ``unlock``, on the connection that is there."""
        try:
            result = self._job.client.request(method, [args[0]])
        except RequestError as error:
            raise CommandError(wording(error)) from error
        except BlockingError as error:
            self._end(str(error))
            raise CommandError(str(error)) from error
        write(json_text(result, pretty=self._job.style.pretty) + "\n")
        self._act()
