"""``main`` of every daemon: common options, log, pidfile, control socket, runtime, and the way out.

A program describes itself with a ``DaemonSpec`` and is run by ``run(spec)``::

    SPEC = DaemonSpec(name="ovn-northd", family="ovn", summary="OVN northd", start=start)

    def start(daemon: Daemon) -> None:
        northd = Northd(daemon.runtime, daemon.log, daemon.command_line.value("ovnnb-db"))
        daemon.control.register("status", "", 0, 0, northd.status)
        daemon.on_exit(northd.stop)

``start`` sets everything up and returns; it raises ``StartError`` when it cannot.  By then the sockets
listen, so the daemon reports itself ready and the loop runs.

A ``Daemon`` is all that belongs to one daemon: nothing of it is global, so a sandbox makes several of them
in one process on one runtime, each with its own directories, log, pidfile and control socket
(``Daemon(...)``, ``open()``, then the same ``start``).

The order is fixed: options, log file, user, fork, runtime, pidfile, control socket, ``start``, ready.  The
control command ``exit`` and SIGTERM, SIGINT and SIGHUP are one way out: it answers at once, runs the
exit functions, which may take their time, then removes pidfile and sockets.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import pyovn
from pyovn.daemon import collector, logoptions, options, paths, process, syslog
from pyovn.daemon.log import WARN, Log
from pyovn.daemon.options import CommandLine, Option, fatal
from pyovn.daemon.pidfile import Pidfile, PidfileError, refuse_if_running
from pyovn.daemon.tlsoptions import tls_files
from pyovn.daemon.unixctl import NO_SOCKET, ControlServer
from pyovn.sim.real import RealRuntime
from pyovn.sim.secured import SecuredRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.paths import Directories
    from pyovn.sim.runtime import Runtime

EXIT_GRACE: Final = 10.0
"""Seconds that exit functions have before the daemon ends without them."""


class StartError(Exception):
    """A daemon that cannot start; the text follows its name on standard error."""


class DaemonSpec(NamedTuple):
    """What ``run`` needs to know of a program."""

    name: str
    """The usual name; messages use the name under which the program was called."""
    family: Literal["ovs", "ovn"]
    """Whose directories are the default."""
    summary: str
    """The first line of --help, after the name."""
    start: Callable[[Daemon], None]
    usage: str = "[OPTIONS]"
    own_options: tuple[Option, ...] = ()
    tls: bool = True
    unixctl_short: str = ""
    """A letter for --unixctl: "u" in OVN's daemons."""
    version_notes: tuple[str, ...] = ()
    """More lines of --version."""
    max_args: int = 0
    """How many arguments beside the options; -1 is any number."""
    exit_usage: str = ""
    """Arguments of the control command ``exit``, such as "[--restart]"; at most one is accepted."""

    keeps_output: bool = False
    """In the background it goes on writing to standard output and error."""

    def all_options(self) -> tuple[Option, ...]:
        """Every option of the program; the order decides how ambiguities are listed."""
        short = self.unixctl_short
        unixctl = Option("unixctl", short, "required", options.UNIXCTL.help, options.UNIXCTL.metavar)
        tls = options.TLS if self.tls else ()
        return (*self.own_options, unixctl, *options.COMMON, *options.DAEMON, *options.VLOG, *tls)

    def version(self, program: str) -> str:
        """The text of --version and of the control command ``version``."""
        suite = "Open vSwitch" if self.family == "ovs" else "OVN"
        return "\n".join((f"{program} ({suite}, pyovn) {pyovn.__version__}", *self.version_notes))

    def help(self, program: str, directories: Directories) -> str:
        """The text of --help."""
        groups = [
            options.format_options("\nDaemon options", options.DAEMON),
            options.format_options("\nLogging options", options.VLOG),
        ]
        if self.tls:
            groups.insert(0, options.format_options("\nPKI configuration (required to use SSL)", options.TLS))
        if self.own_options:
            groups.insert(0, options.format_options("\nOptions", self.own_options))
        other = options.format_options("\nOther options", (options.UNIXCTL, *options.COMMON))
        return (
            f"{program}: {self.summary}\nusage: {program} {self.usage}\n"
            + "".join((*groups, other))
            + f"\nThe default pidfile is {directories.pidfile(program)},\n"
            + f"the default log file is {directories.log_file(program)}.\n"
        )


class Daemon:
    """One daemon, alone in its process or hosted with others."""

    def __init__(
        self,
        spec: DaemonSpec,
        runtime: Runtime,
        *,
        directories: Directories,
        log: Log,
        command_line: CommandLine | None = None,
        on_stopped: Callable[[], None] = lambda: None,
        directory: str = "/",
    ) -> None:
        """Make a daemon that is not open yet; ``on_stopped`` is called when it has ended by itself."""
        self.spec = spec
        self.program = log.program
        self.command_line = command_line if command_line is not None else CommandLine((), ())
        self.runtime = SecuredRuntime(runtime, tls_files(self.command_line, directory))
        """The caller's runtime, with TLS by the daemon's own keys."""
        self.runtime.log = log.module("stream_ssl").line
        self.directories = directories
        self.log = log
        self.directory = directory
        """Where the program was started, against which its file arguments are to be read."""
        self.stopping = False
        self.signalled = False
        """Ended by a signal, not by ``exit``: some daemons then leave behind what that would clean up."""
        self.stopped = False
        self.exit_status = 0
        """Of the process, when the daemon ends in good order."""
        self.control: ControlServer
        self._pidfile: Pidfile | None = None
        self._on_stopped = on_stopped
        self._exit_functions: list[Callable[[Sequence[str], Callable[[], None]], None]] = []

    def open(
        self, *, pidfile: str | None = None, overwrite: bool = False, unixctl: str | None = None
    ) -> None:
        """Write the pidfile, if one is named, and open the control socket; raises ``OSError``."""
        if pidfile is not None:
            self._pidfile = Pidfile(pidfile, overwrite=overwrite)
        path = unixctl or self.directories.control_socket(self.program, os.getpid())
        version = self.spec.version(self.program)
        self.control = ControlServer(self.runtime, path, self.program, version=version, log=self.log)
        usage = self.spec.exit_usage
        self.control.register("exit", usage, 0, 1 if usage else 0, self._exit_command)

    def start(self) -> None:
        """Run the program's own ``start``; raises what it raises."""
        self.spec.start(self)

    def on_exit(self, function: Callable[[], None]) -> None:
        """Call ``function`` when the daemon ends; the last one asked for is called first."""

        def call(_args: Sequence[str], done: Callable[[], None]) -> None:
            function()
            done()

        self._exit_functions.append(call)

    def on_exit_later(self, function: Callable[[Sequence[str], Callable[[], None]], None]) -> None:
        """Call ``function(arguments of exit, done)``; the daemon waits until it calls ``done``."""
        self._exit_functions.append(function)

    def exit(self, args: Sequence[str] = ()) -> None:
        """End: exit functions one after the other, at most ``EXIT_GRACE`` seconds, then close."""
        if self.stopping:
            return
        self.stopping = True
        timer = self.runtime.call_later(EXIT_GRACE, self._end)

        def proceed() -> None:
            if self._exit_functions:
                self._exit_functions.pop()(args, lambda: self.runtime.call_soon(proceed))
            else:
                timer.cancel()
                self._end()

        self.runtime.call_soon(proceed)

    def close(self) -> None:
        """Remove control socket and pidfile and close the log file; harmless when it has been done."""
        if hasattr(self, "control"):
            self.control.close()
        if self._pidfile is not None:
            self._pidfile.remove()
            self._pidfile = None
        self.log.close_file()

    def abandon(self) -> None:
        """Let go of everything and leave the files there, as a daemon that is killed does."""
        if self._pidfile is not None:
            self._pidfile.abandon()
            self._pidfile = None
        self.log.close_file()

    def _end(self) -> None:
        if not self.stopped:
            self.stopped = True
            self.close()
            self._on_stopped()

    def _exit_command(self, args: Sequence[str]) -> None:
        # The answer is written when this returns, and leaves before what is asked for here happens.
        self.runtime.call_soon(lambda: self.exit(args))


def run(spec: DaemonSpec, argv: Sequence[str] | None = None) -> int:
    """Run a program from its command line; returns its exit status."""
    words = list(sys.argv if argv is None else argv)
    program = os.path.basename(words[0]) or spec.name  # noqa: PTH119 - a name, not a file
    directories = paths.ovs() if spec.family == "ovs" else paths.ovn()
    line = options.parse_or_exit(program, words[1:], spec.all_options())
    if "help" in line:
        sys.stdout.write(spec.help(program, directories))
        return 0
    if "version" in line:
        sys.stdout.write(spec.version(program) + "\n")
        return 0
    if 0 <= spec.max_args < len(line.arguments):
        fatal(program, "too many non-option arguments; use --help for usage")
    log = Log(
        program, console=sys.stderr, syslog=syslog.by_method(os.environ.get("OVS_SYSLOG_METHOD") or "libc")
    )
    try:
        if "detach" in line:
            log.set_levels(None, "console", WARN)  # the starter says nothing when all is well
        logoptions.configure(log, line, directories)
        if "user" in line:
            process.become_user(line.value("user") or "", log)
        pidfile = _pidfile_path(line, directories, program)
        if pidfile is not None and "overwrite-pidfile" not in line:
            refuse_if_running(pidfile)
    except (ValueError, PidfileError) as error:
        fatal(program, str(error))
    except OSError:
        return 1  # the log has said on the console which file it could not open
    directory = os.getcwd()  # noqa: PTH109 - a string is what everybody else wants
    background = process.Background(
        log,
        detach="detach" in line,
        monitor="monitor" in line,
        chdir="no-chdir" not in line,
        keeps_output=spec.keeps_output,
    )
    return _serve(spec, log, directories, line, background, pidfile, directory)


def _pidfile_path(line: CommandLine, directories: Directories, program: str) -> str | None:
    if "pidfile" not in line:
        return None
    return directories.run_file(line.value("pidfile") or directories.pidfile(program))


def _serve(
    spec: DaemonSpec,
    log: Log,
    directories: Directories,
    line: CommandLine,
    background: process.Background,
    pidfile: str | None,
    directory: str,
) -> int:
    """Be the daemon, from the fork to the end."""
    runtime = RealRuntime()
    collector.relax(runtime.call_later)
    daemon = Daemon(
        spec,
        runtime,
        directories=directories,
        log=log,
        command_line=line,
        on_stopped=runtime.stop,
        directory=directory,
    )
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        runtime.add_signal_handler(signum, partial(_on_signal, daemon, signum))
    try:
        unixctl = line.value("unixctl")
        daemon.open(
            pidfile=pidfile,
            overwrite="overwrite-pidfile" in line,
            unixctl=unixctl if unixctl in {None, NO_SOCKET} else directories.run_file(unixctl),
        )
        daemon.start()
    except (StartError, OSError) as error:
        daemon.close()
        runtime.close()
        fatal(log.program, str(error))
    runtime.call_soon(background.ready)
    try:
        runtime.run_forever()
    except Exception:  # noqa: BLE001 - the one place where a crash is told apart from an end
        import traceback  # most daemons never need it

        log.module("main").emer("%s", traceback.format_exc().rstrip())
        daemon.close()
        runtime.close()
        return process.CRASHED
    runtime.close()
    return daemon.exit_status


def _on_signal(daemon: Daemon, signum: int) -> None:
    logger = daemon.log.module("fatal_signal")
    logger.info("terminating with signal %d (%s)", signum, signal.strsignal(signum))
    daemon.signalled = True
    daemon.exit()
