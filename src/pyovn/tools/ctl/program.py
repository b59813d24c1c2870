"""What a program is, what its options mean, and who carries out its line of commands.

What differs between the programs is a ``Program``: its verbs, names of records, database, and hooks.  A
line is carried out here (``run``), or, when a daemon holds a copy of the database, by that daemon
(``remote`` asks, ``served`` answers).  Start-up time is felt in scripts: nothing is imported here that a
simple line does not need.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, TypeVar

from pyovn.daemon import options as opt
from pyovn.tools.ctl import reading, writing
from pyovn.tools.ctl.context import Context, Needs, Style
from pyovn.tools.ctl.errors import Console, CtlError, CtlExit, warn
from pyovn.tools.ctl.grammar import Verb, parse_line
from pyovn.tools.ctl.run import DirectRun
from pyovn.tools.tlskeys import tls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.ovsdb.replica import Replica
    from pyovn.sim.tlsfiles import TlsFiles
    from pyovn.tools.ctl.naming import RecordIds
    from pyovn.tools.table import Data, Format

FORMATS: Final[tuple[Format, ...]] = ("table", "list", "html", "csv", "json")
DATA_FORMATS: Final[tuple[Data, ...]] = ("string", "bare", "json")
ABOUT: Final = frozenset(("help", "version", "commands", "options"))
"""Options that make a program speak of itself and end."""
Name = TypeVar("Name", bound=str)

CTL_OPTIONS: Final = (
    opt.Option("db", "", "required", "connect to DATABASE", "DATABASE"),
    opt.Option("timeout", "t", "required", "wait at most SECS seconds", "SECS"),
    opt.Option("dry-run", help="do not commit changes to database"),
    opt.Option("oneline", help="print exactly one line of output per command"),
    opt.Option("no-syslog", help="do not log to the system log"),
    opt.Option("commands"),
    opt.Option("options"),
)
TABLE_OPTIONS: Final = (
    opt.Option("format", "f", "required", "set output formatting to FORMAT", "FORMAT"),
    opt.Option("data", "d", "required", "set table cell output formatting to FORMAT", "FORMAT"),
    opt.Option("no-headings", help="omit table heading row"),
    opt.Option("pretty", help="pretty-print JSON in output"),
    opt.Option("bare", help='equivalent to "--format=list --data=bare --no-headings"'),
    opt.Option("max-column-width", "", "required", "limit the width of columns to N", "N"),
)
GENERAL_VERBS: Final = (*reading.VERBS, *writing.VERBS)


class Settings:
    """What the global options say."""

    def __init__(self, remote: str) -> None:
        self.remote = remote
        self.style = Style()
        self.timeout = 0
        self.dry_run = False
        self.oneline = False
        self.leader_only = True
        self.retry = False
        """Try to connect until it works."""
        self.wait = ""
        """A program's own: what to wait for after the commit."""
        self.tls: Callable[[], TlsFiles] | None = None
        """Which key files are for ``ssl:`` databases."""
        self.flags: frozenset[str] = frozenset()
        """Names of options that a program reads itself."""


class Follow(NamedTuple):
    """What a line waits for after its commit."""

    reached: Callable[[Replica], bool]
    report: Callable[[Replica], None]
    """Called once it is reached."""


def _nothing(*_args: object) -> None:
    """The hook of a program that has nothing to do here."""


class Program(NamedTuple):
    """One of the programs: what it is called, what it knows, and where it differs from the others."""

    name: str
    module: str
    """The name under which warnings about ``@name``s are logged."""
    title: str
    database: str
    singleton: str
    """The table with one row, which is created when missing."""
    verbs: tuple[Verb, ...]
    ids: RecordIds
    default_remote: Callable[[Mapping[str, str]], str]
    options: tuple[opt.Option, ...] = ()
    configure: Callable[[Settings, opt.CommandLine], None] = _nothing
    """Read the program's own options; raises ``CtlError``."""
    need: Callable[[Needs, Settings], None] = _nothing
    """Ask for what ``before_commit`` and ``follow`` read."""
    before_commit: Callable[[Context, Settings], None] = _nothing
    follow: Callable[[Settings, Context, int], Follow | None] = _nothing
    """What to wait for after the commit; gets the value of the first ``Model.increment``."""
    environment: str = ""
    """A variable with options that stand before those of the command line."""
    daemon_environment: str = ""
    """A variable with the control socket of a daemon that carries out lines."""

    def fatal(self, message: str, status: int = 1) -> NoReturn:
        """End with a message."""
        sys.stdout.flush()
        opt.fatal(self.name, message, status)


def main(program: Program, argv: Sequence[str] | None = None) -> int:
    """The entry point of a program; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if program.environment:
        arguments = os.environ.get(program.environment, "").split() + arguments
    try:
        line, local = parse_options(program, arguments)
        if "detach" in line:
            from pyovn.tools.ctl.served import serve

            return serve(program, arguments, line)
        path = line.value("unixctl") or line.value("u") or os.environ.get(program.daemon_environment)
        if path and "db" in line:
            warn(program.module, f"not using {program.name} daemon because of db option")
        elif path and not ABOUT & {given.name for given in line}:
            from pyovn.tools.ctl.remote import ask

            return ask(program, path, line, local)
        settings = read_settings(program, line)
        if settings is None:
            return 0
        commands = parse_line(verbs_of(program), line.arguments, local)
        return DirectRun(program, settings, commands).run()
    except CtlError as error:
        program.fatal(str(error), error.status)
    except CtlExit as end:
        return end.status
    except opt.OptionError as error:
        program.fatal(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def verbs_of(program: Program) -> dict[str, Verb]:
    """All verbs by name."""
    return {verb.name: verb for verb in (*GENERAL_VERBS, *program.verbs)}


def all_options(program: Program) -> tuple[opt.Option, ...]:
    """All options that concern the program and not a command."""
    return (*CTL_OPTIONS, *TABLE_OPTIONS, *program.options, *opt.VLOG, *opt.TLS, *opt.COMMON)


def parse_options(
    program: Program, arguments: Sequence[str]
) -> tuple[opt.CommandLine, dict[str, str | None]]:
    """Global options, and those of the first command that stand among them."""
    known = all_options(program)
    names = {option.name for option in known}
    kinds: dict[str, str] = {}
    for verb in (*GENERAL_VERBS, *program.verbs):
        kinds.update(verb.option_kinds())
    words = {"": "none", "=": "required", "?": "optional"}
    own = tuple(
        opt.Option(name[2:], arg=words[kind])  # type: ignore[arg-type]  # the three words are its literals
        for name, kind in kinds.items()
        if name[2:] not in names
    )
    line = opt.parse(arguments, (*known, *own), in_order=True, terse=True)
    local: dict[str, str | None] = {}
    for given in line:
        if given.name not in names:
            if f"--{given.name}" in local:
                raise CtlError(f"'--{given.name}' option specified multiple times")
            local[f"--{given.name}"] = given.value
    return line, local


def read_settings(program: Program, line: opt.CommandLine) -> Settings | None:
    """What the options mean; None when one of them has already said it all."""
    settings = Settings(program.default_remote(os.environ))
    style = settings.style
    for name, value in ((given.name, given.value or "") for given in line):
        match name:
            case "db":
                settings.remote = value
            case "timeout":
                settings.timeout = _parse_timeout(value)
            case "dry-run":
                settings.dry_run = True
            case "no-leader-only" | "leader-only":
                settings.leader_only = name == "leader-only"
            case "retry":
                settings.retry = True
            case "oneline":
                settings.oneline = True
            case "format":
                style.format = _choice(value, FORMATS, "output")
            case "data":
                style.data = _choice(value, DATA_FORMATS, "data")
            case "no-headings":
                style.headings = False
            case "pretty":
                style.pretty = True
            case "bare":
                style.format, style.data, style.headings = "list", "bare", False
            case "max-column-width":
                style.max_column_width = int(value) if value.isdigit() else 0
            case "verbose":
                if value in {"console:off", "console:emer", "console:err", "off", "err", "emer"}:
                    Console.quiet = True
            case "help" | "version" | "commands" | "options":
                from pyovn.tools.ctl.usage import print_about

                print_about(program, name)
                return None
    settings.tls = tls_of(line)
    settings.flags = frozenset(given.name for given in line)
    program.configure(settings, line)
    return settings


def _parse_timeout(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise CtlError(f"value {value} on -t or --timeout is invalid")
    return int(value)


def _choice(value: str, allowed: Sequence[Name], what: str) -> Name:
    for name in allowed:
        if name == value:
            return name
    raise CtlError(f'unknown {what} format "{value}"')
