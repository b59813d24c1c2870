"""What the commands of ``ovsdb-client`` share: the run, its output, and the JSON of the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.daemon.options import VLOG
from pyovn.ovsdb.schema import BaseType, ColumnType
from pyovn.ovsdb.updates import Interner, codec
from pyovn.tools.json_text import JsonTextError, as_read, parse_text
from pyovn.tools.table import Datum, Printer, Style, json_text

if TYPE_CHECKING:
    from collections.abc import Callable

    Handlers = dict[str, Callable[[list[Any]], None]]

    from pyovn.daemon.options import CommandLine
    from pyovn.ovsdb.blocking import BlockingClient
    from pyovn.ovsdb.schema import TableSchema

_LOGGING: Final = tuple(option.name for option in VLOG)
UUID_TYPE: Final = ColumnType(BaseType("uuid"))


class UsageError(Exception):
    """What the user asked for cannot be done; the text is for the user."""


class Job:
    """One run of the program."""

    __slots__ = (
        "arguments", "change_aware", "client", "command", "database",
        "force", "handlers", "printer", "style", "timestamp",
    )  # fmt: skip

    def __init__(
        self,
        command: Command,
        client: BlockingClient,
        style: Style,
        printer: Printer,
        database: str,
        arguments: list[str],
    ) -> None:
        self.command = command
        self.client = client
        self.style = style
        self.printer = printer
        self.database = database
        self.arguments = arguments
        self.timestamp = False
        self.change_aware: bool | None = None
        self.force = False
        self.handlers: Handlers = {}
        """What a command that stays does with notifications, by method."""

    def show_json(self, json: Any) -> None:
        """Print JSON on a line of its own, or pretty."""
        write(json_text(as_read(json), pretty=self.style.pretty) + "\n")

    def deliver(self) -> bool:
        """Act on the notifications that have come; False when no more will."""
        for message in self.client.notifications:
            handler = self.handlers.get(message["method"])
            if handler is not None:
                handler(message["params"])
            elif message["method"] == "monitor_canceled":
                return False
        self.client.notifications.clear()
        return True


class Command(NamedTuple):
    """A verb: how many arguments it takes after server and database, and what it does."""

    name: str
    run: Callable[[Job], None]
    low: int = 0
    high: int = 0
    wants_database: bool = False
    stays: bool = False
    """Follows the server until it is ended."""
    check: Callable[[list[str]], object] | None = None
    """Looks at the arguments before anybody is asked."""


def configure_logging(program: str, line: CommandLine) -> None:
    """Obey -v, --log-file and their relatives; raises ``ValueError``.  Loads the log if there are any."""
    if not any(name in line for name in _LOGGING):
        return
    from pyovn.daemon import logoptions, paths

    try:
        logoptions.configure(logoptions.quiet(program), line, paths.ovs())
    except OSError:
        raise SystemExit(1) from None  # the log has said on the console which file it could not open


def write(text: str) -> None:
    """Print, and let it be seen at once; a file name's undecodable bytes pass."""
    sys.stdout.buffer.write(text.encode(errors="surrogateescape"))
    sys.stdout.buffer.flush()


def parse_json(text: str) -> Any:
    """JSON from the command line; raises ``UsageError`` in the words of the C program."""
    try:
        return parse_text(text.encode(errors="surrogateescape"))
    except JsonTextError as error:
        raise UsageError(f'"{text}": {error}') from error


def parse_transaction(text: str) -> list[Any]:
    """The parameters of ``transact``: a database name and operations."""
    params = parse_json(text)
    if not isinstance(params, list) or not params or not isinstance(params[0], str):
        raise UsageError("not a valid OVSDB query")
    return params


def datum(kind: ColumnType, json: Any) -> Datum:
    """A cell of the type ``kind`` from the JSON of its value."""
    return Datum(kind, codec(kind, Interner()).decode(json))


def types_of(table: TableSchema) -> dict[str, ColumnType]:
    """The types of all columns, those that every table has among them."""
    types = {"_uuid": UUID_TYPE, "_version": UUID_TYPE}
    return types | {column.name: column.type for column in table.columns.values()}
