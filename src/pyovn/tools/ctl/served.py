"""A daemon that keeps a copy of the database and carries out lines on it (ovn-nbctl(8), "DAEMON MODE").

``--detach`` prints the path of the control socket; the control command ``run`` gets the words of a line and
answers with its output.  Lines are independent: one that waits (``wait-until``, ``--wait=hv``) holds back
nobody but its own client.
"""

from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING

from pyovn.daemon import options as opt
from pyovn.daemon.main import Daemon, DaemonSpec
from pyovn.daemon.main import run as run_daemon
from pyovn.daemon.unixctl import MANY, CommandError, Deferred
from pyovn.ovsdb.client import Client
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.tools.ctl import program as ctl
from pyovn.tools.ctl.errors import Console, CtlError
from pyovn.tools.ctl.grammar import parse_line
from pyovn.tools.ctl.run import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.local import LocalClient
    from pyovn.ovsdb.requests import Reply
    from pyovn.sim.runtime import Runtime
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.run import Prepared

_OWN = frozenset(option.name for option in (*opt.DAEMON, *opt.VLOG, *opt.TLS, *opt.COMMON)) | {"u", "unixctl"}


def serve(program: ctl.Program, arguments: Sequence[str], line: opt.CommandLine) -> int:
    """Be the daemon; the starter's exit status."""
    if line.arguments:
        raise CtlError("non-option arguments not supported with --detach (use --help for help)")
    settings = ctl.read_settings(program, line)
    if settings is None:
        return 0
    spec = DaemonSpec(
        name=program.name,
        family="ovn",
        summary=program.title,
        start=lambda daemon: _start(daemon, program, settings),
        own_options=tuple(option for option in ctl.all_options(program) if option.name not in _OWN),
        unixctl_short="u",
    )
    return run_daemon(spec, [sys.argv[0], *arguments])


def _start(daemon: Daemon, program: ctl.Program, settings: ctl.Settings) -> None:
    schema = next(s.schema for s in (NORTHBOUND, SOUTHBOUND) if s.schema.name == program.database)
    client = Client(
        daemon.runtime,
        settings.remote,
        program.database,
        {name: tuple(table.columns) for name, table in schema.tables.items()},
        leader_only=settings.leader_only,
        expected=schema,
        shuffle="no-shuffle-remotes" not in settings.flags,
    )
    logger = daemon.log.module(program.module)
    Console.sink = lambda module, text, level: daemon.log.module(module).line(level.lower(), text)
    service = Service(
        daemon.runtime, program, client, lambda words: logger.info("Running command run %s", words)
    )
    daemon.control.register("run", "", 0, MANY, service.run)
    daemon.on_exit(client.stop)
    client.start()
    print(daemon.control.path, flush=True)


class Service:
    """The lines that are being carried out."""

    def __init__(
        self,
        runtime: Runtime,
        program: ctl.Program,
        client: Client | LocalClient,
        tell: Callable[[str], None],
    ) -> None:
        self.runtime = runtime
        self.program = program
        self.client = client
        self.tell = tell
        self.jobs: dict[Job, None] = {}
        client.on_changes = lambda _changes: self.advance()
        client.on_state = lambda _client: self.advance()

    def run(self, words: Sequence[str]) -> Deferred:
        """Begin to carry out a line."""
        program = self.program
        try:
            line, local = ctl.parse_options(program, words)
            settings = ctl.read_settings(program, line)
            commands = parse_line(ctl.verbs_of(program), line.arguments, local)
        except (CtlError, opt.OptionError) as error:
            raise CommandError(str(error)) from None
        if settings is None:
            raise CommandError("only commands can be run here")
        self.tell(" ".join(words))
        job = Job(self, Line(program, settings, commands))
        self.jobs[job] = None
        if settings.timeout:
            self.runtime.call_later(settings.timeout, lambda: job.fail("timeout expired"))
        job.advance()
        return job.answer

    def advance(self) -> None:
        """Let every line go on: the database has changed."""
        for job in list(self.jobs):
            job.advance()


class Job:
    """One line on its way: evaluated, committed, and then followed until its effect is there."""

    def __init__(self, service: Service, line: Line) -> None:
        self.service = service
        self.line = line
        self.answer = Deferred()
        self._sent = False
        self._follow: ctl.Follow | None = None

    def advance(self) -> None:
        """Go on as far as possible."""
        client = self.service.client
        if self not in self.service.jobs or client.state != "live":
            return
        try:
            if self._follow is not None:
                if self._follow.reached(client.replica):
                    self._finish()
            elif not self._sent:
                self._attempt()
        except CtlError as error:
            self.fail(str(error))

    def _attempt(self) -> None:
        client, line = self.service.client, self.line
        assert client.schema is not None
        context = line.evaluate(client.schema, client.replica, line.columns(client.schema))
        if context.try_again:
            return
        prepared = line.prepare(context)
        if prepared is None:
            self._finish()
            return
        self._sent = True
        client.transact(prepared.operations, lambda reply: self._answered(context, prepared, reply))

    def _answered(self, context: Context, prepared: Prepared, reply: Reply) -> None:
        line = self.line
        try:
            if not line.settle(self.service.client.replica, context, prepared, reply):
                self._sent = False
                self.service.runtime.call_soon(self.advance)
                return
        except CtlError as error:
            self.fail(str(error))
            return
        if prepared.counter is not None:
            self._follow = line.program.follow(line.settings, context, prepared.counter)
        if self._follow is None:
            self._finish()
        else:
            self.advance()

    def _finish(self) -> None:
        text = self.line.output()
        if self._follow is not None:
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                self._follow.report(self.service.client.replica)
            text += printed.getvalue()
        if self.service.jobs.pop(self, self) is None:
            self.answer.resolve(text)

    def fail(self, text: str) -> None:
        """Answer with an error, unless it has been answered."""
        if self.service.jobs.pop(self, self) is None:
            self.answer.fail(text)
