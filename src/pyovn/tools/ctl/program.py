"""Run one line of commands: connect, fetch, run, commit, wait, print.

The line is one transaction.  Nothing is printed before it is committed; when a verified value has
changed in between, everything starts over from the newest data: a command may ``run`` several times.
A ``wait-until`` that does not hold suspends the line until the database changes.

What differs between the programs is a ``Program``: its verbs, names of records, database, and three
hooks.  Start-up time is felt in scripts: nothing is imported here that a simple line does not need.
"""

from __future__ import annotations

import os
import sys
from time import sleep
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, TypeVar

from pyovn.daemon import options as opt
from pyovn.ovsdb.values import UUID
from pyovn.tools.ctl import reading, writing
from pyovn.tools.ctl.context import Context, Needs, Style
from pyovn.tools.ctl.errors import Console, CtlError, warn
from pyovn.tools.ctl.grammar import Command, Verb, parse_line
from pyovn.tools.ctl.model import Model, Operation
from pyovn.tools.tlskeys import tls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.ovsdb.blocking import BlockingClient
    from pyovn.ovsdb.replica import Replica
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.sim.tlsfiles import TlsFiles
    from pyovn.tools.ctl.model import Row
    from pyovn.tools.ctl.naming import RecordIds
    from pyovn.tools.table import Data, Format

FORMATS: Final[tuple[Format, ...]] = ("table", "list", "html", "csv", "json")
DATA_FORMATS: Final[tuple[Data, ...]] = ("string", "bare", "json")
Name = TypeVar("Name", bound=str)
RETRY_SECONDS: Final = 1.0

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
    """Ask for what ``before_commit`` and ``after_commit`` read."""
    before_commit: Callable[[Context, Settings], None] = _nothing
    after_commit: Callable[[BlockingClient, Settings, Context, int | None], None] = _nothing
    """Gets the value of the first ``Model.increment`` after the commit."""
    environment: str = ""
    """A variable with options that stand before those of the command line."""

    def fatal(self, message: str, status: int = 1) -> NoReturn:
        """End with a message."""
        sys.stdout.flush()
        opt.fatal(self.name, message, status)


def main(program: Program, argv: Sequence[str] | None = None) -> int:
    """The entry point of a program; the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if program.environment:
        arguments = os.environ.get(program.environment, "").split() + arguments
    verbs = {verb.name: verb for verb in (*GENERAL_VERBS, *program.verbs)}
    try:
        line, local = _parse_options(program, verbs, arguments)
        settings = _settings(program, line)
        if settings is None:
            return 0
        commands = parse_line(verbs, line.arguments, local)
        return _Run(program, settings, commands).run()
    except CtlError as error:
        program.fatal(str(error), error.status)
    except opt.OptionError as error:
        program.fatal(str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _all_options(program: Program) -> tuple[opt.Option, ...]:
    return (*CTL_OPTIONS, *TABLE_OPTIONS, *program.options, *opt.VLOG, *opt.TLS, *opt.COMMON)


def _parse_options(
    program: Program, verbs: Mapping[str, Verb], arguments: Sequence[str]
) -> tuple[opt.CommandLine, dict[str, str | None]]:
    """Global options, and those of the first command that stand among them."""
    known = _all_options(program)
    names = {option.name for option in known}
    kinds: dict[str, str] = {}
    for verb in verbs.values():
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


def _settings(program: Program, line: opt.CommandLine) -> Settings | None:
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


class _Run:
    """One line of commands on one connection."""

    def __init__(self, program: Program, settings: Settings, commands: list[Command]) -> None:
        self.program = program
        self.settings = settings
        self.commands = commands

    def run(self) -> int:
        seconds = self.settings.timeout or int(os.environ.get("OVS_CTL_TIMEOUT") or 0)
        if not seconds:
            return self._run()
        from signal import alarm

        # The default action ends the process by SIGALRM, which is what callers look at.
        alarm(seconds)
        try:
            return self._run()
        finally:
            alarm(0)

    def _run(self) -> int:
        from pyovn.ovsdb.blocking import BlockingClient, ConnectionFailedError

        try:
            remote, leader_only = self.settings.remote, self.settings.leader_only
            with BlockingClient(remote, leader_only=leader_only, tls=self.settings.tls) as client:
                context, counter = self._attempts(client, self._schema(client))
                self._print()
                self.program.after_commit(client, self.settings, context, counter)
        except ConnectionFailedError as error:
            raise CtlError(str(error)) from None
        sys.stdout.flush()
        return context.exit_status

    def _schema(self, client: BlockingClient) -> DatabaseSchema:
        """Connect, once or until it works, and ask what the database looks like."""
        from pyovn.ovsdb.blocking import ConnectionFailedError, RequestError

        while True:
            try:
                return client.get_schema(self.program.database)
            except ConnectionFailedError:
                if not self.settings.retry:
                    raise
            except RequestError:
                raise CtlError(f"{self.settings.remote}: database connection failed ()") from None
            sleep(RETRY_SECONDS)

    def _attempts(self, client: BlockingClient, schema: DatabaseSchema) -> tuple[Context, int | None]:
        """Run the line until it is committed."""
        columns = self._columns(schema)
        replica = client.fetch(self.program.database, columns)
        while True:
            context = self._evaluate(schema, replica, columns)
            if context.try_again:
                client.pump()
                continue
            if self.settings.dry_run:
                self._finish(context)
                return context, None
            committed, counter = self._commit(client, context)
            if committed:
                return context, counter

    def _columns(self, schema: DatabaseSchema) -> dict[str, list[str]]:
        needs = Needs(schema, self.program.ids)
        needs.add(self.program.singleton)
        self.program.need(needs, self.settings)
        for command in self.commands:
            if command.verb.need is not None:
                command.verb.need(needs, command)
        return {table: list(columns) for table, columns in needs.columns.items()}

    def _evaluate(self, schema: DatabaseSchema, replica: Replica, columns: dict[str, list[str]]) -> Context:
        model = Model(schema)
        model.load(replica, columns)
        context = Context(model, self.program.ids, self.settings.style)
        if model.first(self.program.singleton) is None:
            model.insert(self.program.singleton)
        model.comments.append(f"{self.program.name}: {' '.join(map(_quote_argument, sys.argv))}")
        for command in self.commands:
            command.reset()
            command.verb.run(context, command)
            if context.try_again:
                return context
        context.symbols.check(self.program.module)
        self.program.before_commit(context, self.settings)
        return context

    def _commit(self, client: BlockingClient, context: Context) -> tuple[bool, int | None]:
        """Commit; False when a verified value has changed."""
        operations, inserted = context.model.operations()
        if not context.model.changed and not context.model.increments:
            self._finish(context)
            return True, None
        reply = client.transact(self.program.database, operations)
        results = reply.results
        if not isinstance(results, list):
            raise CtlError(f"transaction error: {reply.error}")
        error = _transaction_error(results)
        if error is not None:
            if error.get("error") == "timed out" or self._was_overtaken(client, context):
                return False, None
            self._fail(error)
        counter = _note_results(operations, results, inserted)
        self._finish(context)
        return True, counter

    def _was_overtaken(self, client: BlockingClient, context: Context) -> bool:
        """Whether we tried to create the singleton row and somebody else has done so: start over."""
        singleton = context.model.first(self.program.singleton)
        assert client.replica is not None
        rows = client.replica.table(self.program.singleton).rows
        return singleton is not None and singleton.original is None and bool(rows)

    def _fail(self, error: Mapping[str, object]) -> NoReturn:
        from pyovn.tools.ctl.text import format_json

        text = format_json(error)
        warn("ovsdb_idl", f"transaction error: {text}")
        raise CtlError(f"transaction error: {text}")

    def _finish(self, context: Context) -> None:
        for command in self.commands:
            if command.verb.after is not None:
                command.verb.after(context, command)

    def _print(self) -> None:
        write = sys.stdout.write
        table_before = False
        for command in self.commands:
            text = "".join(command.output)
            if command.is_table and text:
                if table_before and self.settings.style.format != "json":
                    write("\n")
                table_before = True
            if self.settings.oneline and not command.is_table:
                text = text.removesuffix("\n").replace("\\", "\\\\").replace("\n", "\\n") + "\n"
            write(text)
        sys.stdout.flush()


def _transaction_error(results: Sequence[object]) -> Mapping[str, object] | None:
    for result in results:
        if isinstance(result, dict) and "error" in result:
            return result
    return None


def _note_results(
    operations: Sequence[Operation], results: Sequence[object], inserted: Sequence[Row]
) -> int | None:
    """Give new rows the UUIDs that the server chose; the value of the incremented counter."""
    counter = None
    rows = iter(inserted)
    for operation, result in zip(operations, results, strict=False):
        if not isinstance(result, dict):
            continue
        if operation["op"] == "insert":
            next(rows).uuid = UUID(result["uuid"][1])
        elif operation["op"] == "select" and counter is None and result["rows"]:
            (counter,) = result["rows"][0].values()
    return counter


def _quote_argument(argument: str) -> str:
    """An argument as it stands in the log: quoted when a shell would need it."""
    plain = argument.replace("-", "").replace("_", "").replace(".", "").replace("/", "").replace("=", "")
    return argument if plain.isalnum() else '"' + argument.replace('"', '\\"') + '"'
