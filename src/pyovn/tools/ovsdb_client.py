"""``ovsdb-client``: look at and change a database server from the command line (ovsdb-client(1)).

Arguments are sorted out as the C program does it: a first argument that is a connection method is the
server, the next one is the database if the server has one of that name, and the rest belongs to the
command.  Output is equal to the C program's, with one exception: where that follows the order of its hash
tables (``list-tables``, ``list-columns``, rows within one update), ours is sorted or in the order of arrival.

The commands are in ``ovsdb_inspect`` (those that ask once), ``ovsdb_follow`` (those that stay) and
``ovsdb_snapshot`` (backup, restore, conversion).  ``ovsdb_background`` lets those that stay go on in the
background, and ``ovsdb_passive`` waits for a server that connects to us.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

import pyovn
from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.ovsdb.blocking import (
    BlockingClient,
    BlockingError,
    ConnectionFailedError,
    RequestError,
    connect,
    split_remotes,
)
from pyovn.tools import ovsdb_follow as follow
from pyovn.tools import ovsdb_inspect as inspect
from pyovn.tools.ctl.text import format_json
from pyovn.tools.ovsdb_job import Command, Job, UsageError, configure_logging, parse_transaction, write
from pyovn.tools.table import DATA, FORMATS, Printer, Style
from pyovn.tools.tlskeys import tls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.blocking import Dial

PROGRAM: Final = "ovsdb-client"
DEFAULT_DATABASE: Final = "Open_vSwitch"
PASSIVE: Final = ("ptcp:", "pssl:", "punix:")
METHODS: Final = ("tcp:", "ssl:", "unix:", *PASSIVE)

OPTIONS: Final = (
    opt.Option("format", "f", "required"),
    opt.Option("data", "d", "required"),
    opt.Option("no-headings"),
    opt.Option("pretty"),
    opt.Option("bare"),
    opt.Option("max-column-width", "", "required"),
    opt.Option("timestamp"),
    opt.Option("db-change-aware"),
    opt.Option("no-db-change-aware"),
    opt.Option("leader-only"),
    opt.Option("no-leader-only"),
    opt.Option("force"),
    opt.Option("timeout", "t", "required"),
    *opt.COMMON,
    *opt.DAEMON,
    opt.UNIXCTL,
    *opt.VLOG,
    *opt.TLS,
)


def _check_transaction(arguments: list[str]) -> None:
    parse_transaction(arguments[0])


def _check_schema(arguments: list[str]) -> None:
    from pyovn.tools import ovsdb_snapshot

    ovsdb_snapshot.load(arguments[0])


def _snapshot(name: str) -> Callable[[Job], None]:
    """A command of a module that only it needs."""

    def run(job: Job) -> None:
        from pyovn.tools import ovsdb_snapshot

        command: Callable[[Job], None] = getattr(ovsdb_snapshot, name)
        command(job)

    return run


COMMANDS: Final = (
    Command("list-dbs", inspect.list_dbs),
    Command("get-schema", inspect.get_schema, wants_database=True),
    Command("get-schema-version", inspect.get_schema_version, wants_database=True),
    Command("get-schema-cksum", inspect.get_schema_cksum, wants_database=True),
    Command("list-tables", inspect.list_tables, wants_database=True),
    Command("list-columns", inspect.list_columns, 0, 1, wants_database=True),
    Command("transact", inspect.transact, 1, 1, check=_check_transaction),
    Command("query", inspect.query, 1, 1, check=_check_transaction),
    Command("dump", inspect.dump, 0, sys.maxsize, wants_database=True),
    Command("convert", _snapshot("convert"), 1, 1, check=_check_schema),
    Command("needs-conversion", _snapshot("needs_conversion"), 1, 1, check=_check_schema),
    Command("backup", _snapshot("backup"), wants_database=True),
    Command("restore", _snapshot("restore"), wants_database=True),
    Command("monitor", follow.monitor, 1, sys.maxsize, wants_database=True, stays=True),
    Command("monitor-cond", follow.monitor_cond, 2, sys.maxsize, wants_database=True, stays=True),
    Command("monitor-cond-since", follow.monitor_cond_since, 2, sys.maxsize, wants_database=True, stays=True),
    Command("wait", follow.wait, 2, 2, check=follow.check_state),
    Command("lock", follow.lock, 1, 1, stays=True),
    Command("steal", follow.steal, 1, 1, stays=True),
    Command("unlock", follow.unlock, 1, 1, stays=True),
)


def fatal(text: str) -> NoReturn:
    """End with a message under the program's name."""
    opt.fatal(PROGRAM, text)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program; exits with 1 on any error, and by SIGALRM when the time is over."""
    words = list(sys.argv[1:] if argv is None else argv)
    called = sys.argv[0] if argv is None else PROGRAM
    line = opt.parse_or_exit(called, words, OPTIONS)
    if "version" in line:
        write(f"{PROGRAM} (pyovn) {pyovn.__version__}\n")
        return
    if "help" in line:
        write(follow.USAGE)
        return
    try:
        style = _style(line)
        _start_clock(line)
        _run(line, style, words)
    except (UsageError, BlockingError, ValueError) as error:
        fatal(wording(error))
    except BrokenPipeError:
        sys.stdout = None  # whoever read is gone, and there is nothing to flush
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)


def wording(error: Exception) -> str:
    """What the user is told of an error."""
    if not isinstance(error, RequestError):
        return str(error)
    verb = "transaction" if error.method in {"transact", "convert"} else error.method
    text = error.error if isinstance(error.error, str) else format_json(error.error)
    return f"{verb} returned error: {text}"


def _style(line: opt.CommandLine) -> Style:
    style = Style()
    for given in line:
        value = given.value or ""
        if given.name == "format":
            if value not in FORMATS:
                raise UsageError(f'unknown output format "{value}"')
            style.format = value
        elif given.name == "data":
            if value not in DATA:
                raise UsageError(f'unknown data format "{value}"')
            style.data = value
        elif given.name == "no-headings":
            style.headings = False
        elif given.name == "pretty":
            style.pretty = True
        elif given.name == "bare":
            style.format, style.data, style.headings = "list", "bare", False
        elif given.name == "max-column-width":
            style.max_column_width = int(value) if value.isascii() and value.isdigit() else 0
    return style


def _start_clock(line: opt.CommandLine) -> None:
    seconds = line.value("timeout") or os.environ.get("OVS_CTL_TIMEOUT")
    if seconds is None:
        return
    if not (seconds.isascii() and seconds.isdigit() and int(seconds)):
        raise UsageError(f"value {seconds} on -t or --timeout is invalid")
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(seconds))


def _run(line: opt.CommandLine, style: Style, words: Sequence[str]) -> None:
    if not line.arguments:
        raise UsageError("missing command name; use --help for help")
    name, *arguments = line.arguments
    if name == "help":
        write(follow.USAGE)
        return
    command = next((command for command in COMMANDS if command.name == name), None)
    if command is None:
        raise UsageError(f"unknown command '{name}'; use --help for help")
    server = "unix:" + paths.ovs().run_file("db.sock")
    is_default = not (len(arguments) > command.low and arguments[0].startswith(METHODS))
    if not is_default:
        server = arguments.pop(0)
    if not command.wants_database:
        _count(command, arguments)
    if command.check is not None:
        command.check(arguments)
    several = len(split_remotes(server)) > 1
    leader_only = several and command.name != "wait" and "no-leader-only" not in line
    client = BlockingClient(server, leader_only=leader_only, tls=tls_of(line), dial=_way_to(server))
    job = Job(command, client, style, Printer(write, style), "", arguments)
    job.timestamp = "timestamp" in line
    job.force = "force" in line
    if "db-change-aware" in line or "no-db-change-aware" in line:
        job.change_aware = "db-change-aware" in line
    if command.stays and any(name in line for name in ("detach", "monitor", "pidfile", "unixctl")):
        from pyovn.tools import ovsdb_background

        begin = partial(_begin, job, several=several, is_default=is_default)
        raise SystemExit(ovsdb_background.serve(job, begin, words, OPTIONS))
    configure_logging(PROGRAM, line)
    _begin(job, several=several, is_default=is_default)
    while job.handlers and job.deliver():
        _lost_is_told(client.pump)


def _begin(job: Job, *, several: bool, is_default: bool) -> None:
    """Connect and run the command, up to what it waits for."""
    if job.command.name == "wait":
        job.command.run(job)
        return
    _connect(job, several=several)
    if is_default:
        _look_elsewhere(job)
    if job.command.wants_database:
        _choose_database(job)
        _count(job.command, job.arguments)
    if job.change_aware is not None:
        job.client.request("set_db_change_aware", [job.change_aware])
    _lost_is_told(partial(job.command.run, job))


def _lost_is_told(step: Callable[[], None]) -> None:
    """Take a step; a connection that is lost in it is told in C's words."""
    try:
        step()
    except ConnectionFailedError as error:
        raise UsageError(f"{error.remote}: receive failed ({error.reason})") from error


def _way_to(server: str) -> Dial:
    """How a connection to a server comes about: we connect, or wait for it."""
    if not server.startswith(PASSIVE):
        return connect
    from pyovn.tools import ovsdb_passive

    return ovsdb_passive.dial


def _count(command: Command, arguments: Sequence[str]) -> None:
    if not command.low <= len(arguments) <= command.high:
        raise UsageError(f"invalid syntax for '{command.name}' (use --help for help)")


def _connect(job: Job, *, several: bool) -> None:
    database = job.arguments[0] if several and job.arguments and job.command.wants_database else None
    try:
        job.client.connect(database)
    except ConnectionFailedError as error:
        if several:
            raise UsageError("no servers were available") from error
        raise UsageError(f'failed to connect to "{error.remote}" ({error.reason})') from error


def _look_elsewhere(job: Job) -> None:
    """A database that the default server lacks is looked for at OVN's ``db.sock``, if there is one.

    In 2015 one socket served all databases; today OVN's have a server, and a run directory, of their own.
    """
    socket = paths.ovn().run_file("db.sock")
    remote = f"unix:{socket}"
    if not job.arguments or remote == job.client.remote or not os.path.exists(socket):  # noqa: PTH110 - start-up
        return
    named = job.arguments[0]
    if job.command.check is _check_transaction:
        named = parse_transaction(named)[0]
    elif not job.command.wants_database:
        return
    if named in job.client.list_databases():
        return
    other = BlockingClient(remote)
    try:
        found = named in other.list_databases()
    except BlockingError:
        return  # nobody serves it, or not properly: the default server has the word
    if found:
        job.client.close()
        job.client = other


def _choose_database(job: Job) -> None:
    """The first argument if it names one, else the default one, else the only one."""
    known = job.client.list_databases()
    if job.arguments and job.arguments[0] in known:
        job.database = job.arguments.pop(0)
        return
    ours = [name for name in known if not name.startswith("_")]
    if DEFAULT_DATABASE in known:
        job.database = DEFAULT_DATABASE
    elif len(ours) == 1:
        job.database = ours[0]
    else:
        raise UsageError("could not find a default database, please specify a database name")


if __name__ == "__main__":
    main()
