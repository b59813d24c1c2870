"""``ovs-appctl`` and ``ovn-appctl``: send one command to a running daemon (ovs-appctl(8)).

The target is a control socket's path, or a program's name, which its pidfile leads to.  The answer goes to
standard output; a refusal goes to standard error and ends the tool with 2; whatever else goes wrong, with 1.

Scripts run this tool very often, so it imports neither an event loop nor msgspec.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import pyovn
from pyovn.daemon import ctlclient, logoptions, options, paths
from pyovn.daemon.log import process_log
from pyovn.daemon.options import Option, fatal
from pyovn.daemon.pidfile import PidfileError
from pyovn.sim.address import reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.daemon.options import CommandLine
    from pyovn.daemon.paths import Directories

OPTIONS: Final = (
    Option("target", "t", "required"),
    Option("timeout", "T", "required"),
    *options.COMMON,
    *options.VLOG,
)

HELP: Final = """\
{program}: ask and control a running {suite} daemon
usage: {program} [TARGET] COMMAND [ARG...]

Targets:
  -t, --target=TARGET     program name or control socket (default: {target})

Commands of every daemon:
  list-commands           list the commands of the target
  version                 print the target's version
  vlog/list               list logging levels
  vlog/list-pattern       list logging patterns
  vlog/set [SPEC]         set logging levels: module, destination (syslog, console,
                          file) and level (off, emer, err, warn, info, dbg)
  vlog/reopen             make the target open its log file again

Options:
  -T, --timeout=SECS      wait at most SECS seconds for an answer
"""


def main(argv: Sequence[str] | None = None) -> int:
    """``ovs-appctl``; returns the exit status."""
    return _run(argv, "ovs-appctl", "Open vSwitch", "ovs-vswitchd", paths.ovs())


def ovn_main(argv: Sequence[str] | None = None) -> int:
    """``ovn-appctl``; returns the exit status."""
    return _run(argv, "ovn-appctl", "OVN", "ovn-controller", paths.ovn())


def _run(argv: Sequence[str] | None, name: str, suite: str, target: str, places: Directories) -> int:
    words = list(sys.argv if argv is None else argv)
    program = os.path.basename(words[0]) or name  # noqa: PTH119 - pathlib is slow to import
    line = options.parse_or_exit(program, words[1:], OPTIONS, in_order=True)
    if "help" in line:
        common = options.format_options("", (*options.VLOG, *options.COMMON)).removeprefix(":\n")
        sys.stdout.write(HELP.format(program=program, suite=suite, target=target) + common)
        return 0
    if "version" in line:
        sys.stdout.write(f"{program} ({suite}, pyovn) {pyovn.__version__}\n")
        return 0
    _configure_log(program, line, places)
    _set_timeout(program, line)
    if not line.arguments:
        fatal(program, "at least one non-option argument is required (use --help for help)")
    return _ask(program, line.value("target") or target, places.run, line.arguments)


def _ask(program: str, target: str, rundir: str, arguments: Sequence[str]) -> int:
    log = process_log()
    try:
        path = ctlclient.find_socket(target, rundir)
    except PidfileError as error:
        log.module("daemon_unix").warn("%s", error)
        fatal(program, f'cannot read pidfile "{rundir}/{target}.pid" ({error.strerror})')
    try:
        accepted, text = ctlclient.control_request(path, arguments[0], list(arguments[1:]))
    except OSError as error:
        log.module("unixctl").warn("failed to connect to %s", path)
        fatal(program, f'cannot connect to "{path}" ({reason(error)})')
    except ctlclient.ControlError as error:
        fatal(program, f"{target}: transaction error ({error})")
    if accepted:
        sys.stdout.write(text)
        return 0
    sys.stderr.write(text)
    sys.stderr.write(f"{program}: {target}: server returned an error\n")
    return 2


def _configure_log(program: str, line: CommandLine, places: Directories) -> None:
    try:
        logoptions.configure(logoptions.quiet(program), line, places)
    except ValueError as error:
        fatal(program, str(error))
    except OSError:
        raise SystemExit(1) from None  # the log has said why


def _set_timeout(program: str, line: CommandLine) -> None:
    """Let SIGALRM end the tool in time, after a word about it."""
    given = line.value("timeout")
    if given is not None and not (given.isascii() and given.isdigit() and int(given)):
        fatal(program, f"value {given} on -T or --timeout is invalid")
    text = given or os.environ.get("OVS_CTL_TIMEOUT", "")
    if not (text.isascii() and text.isdigit() and int(text)):
        return

    def expire(signum: int, _frame: object) -> None:
        process_log().module("fatal_signal").warn(
            "terminating with signal %d (%s)", signum, signal.strsignal(signum)
        )
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(int(text))


if __name__ == "__main__":
    sys.exit(main())
