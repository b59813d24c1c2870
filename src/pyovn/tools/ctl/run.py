"""One line of commands on a database: evaluate, commit, wait, print.

The line is one transaction.  Nothing is printed before it is committed; when a verified value has
changed in between, everything starts over from the newest data: a command may ``run`` several times.
A ``wait-until`` that does not hold suspends the line until the database changes.

``Line`` is what any way of carrying out a line has in common; ``DirectRun`` does it on a connection of its
own, step after step, without an event loop.
"""

from __future__ import annotations

import os
import sys
from time import sleep
from typing import TYPE_CHECKING, Final, NoReturn

from pyovn.ovsdb.values import UUID
from pyovn.tools.ctl.context import Context, Needs
from pyovn.tools.ctl.errors import CtlError, warn
from pyovn.tools.ctl.model import Model, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyovn.ovsdb.blocking import BlockingClient
    from pyovn.ovsdb.replica import Replica
    from pyovn.ovsdb.requests import Reply
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row
    from pyovn.tools.ctl.program import Program, Settings

RETRY_SECONDS: Final = 1.0


class Line:
    """The commands of a line, and what they are to do."""

    def __init__(self, program: Program, settings: Settings, commands: list[Command]) -> None:
        self.program = program
        self.settings = settings
        self.commands = commands

    def columns(self, schema: DatabaseSchema) -> dict[str, list[str]]:
        """The tables and columns that the line reads."""
        needs = Needs(schema, self.program.ids)
        needs.add(self.program.singleton)
        self.program.need(needs, self.settings)
        for command in self.commands:
            if command.verb.need is not None:
                command.verb.need(needs, command)
        return {table: list(columns) for table, columns in needs.columns.items()}

    def evaluate(self, schema: DatabaseSchema, replica: Replica, columns: dict[str, list[str]]) -> Context:
        """Run the commands on what the replica holds; a ``wait-until`` may ask to ``try_again``."""
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

    def finish(self, context: Context) -> None:
        """Let the commands see the UUIDs that the server gave."""
        for command in self.commands:
            if command.verb.after is not None:
                command.verb.after(context, command)

    def settle(self, replica: Replica, context: Context, prepared: Prepared, reply: Reply) -> bool:
        """Take in the server's reply; False when a verified value has changed: start over."""
        if not isinstance(reply.results, list):
            raise CtlError(f"transaction error: {reply.error}")
        error = _transaction_error(reply.results)
        if error is not None:
            if error.get("error") == "timed out" or self._was_overtaken(replica, context):
                return False
            _fail(error)
        prepared.counter = _note_results(prepared.operations, reply.results, prepared.inserted)
        self.finish(context)
        return True

    def _was_overtaken(self, replica: Replica, context: Context) -> bool:
        """Whether we tried to create the singleton row and somebody else has done so: start over."""
        singleton = context.model.first(self.program.singleton)
        rows = replica.table(self.program.singleton).rows
        return singleton is not None and singleton.original is None and bool(rows)

    def prepare(self, context: Context) -> Prepared | None:
        """The transaction to send, if there is anything to commit; otherwise the line is done."""
        model = context.model
        if self.settings.dry_run or not (model.changed or model.increments):
            self.finish(context)
            return None
        return Prepared(*model.operations())

    def output(self) -> str:
        """What the commands print."""
        texts = []
        table_before = False
        for command in self.commands:
            text = "".join(command.output)
            if command.is_table and text:
                if table_before and self.settings.style.format != "json":
                    texts.append("\n")
                table_before = True
            if self.settings.oneline and not command.is_table:
                text = text.removesuffix("\n").replace("\\", "\\\\").replace("\n", "\\n") + "\n"
            texts.append(text)
        return "".join(texts)


class Prepared:
    """A transaction, and after its commit the value of the incremented counter."""

    __slots__ = ("counter", "inserted", "operations")

    def __init__(self, operations: list[Operation], inserted: list[Row]) -> None:
        self.operations = operations
        self.inserted = inserted
        self.counter: int | None = None


class DirectRun(Line):
    """A line on a connection of its own."""

    def run(self) -> int:
        """Carry out the line, within the time that is set; the exit status."""
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
                sys.stdout.write(self.output())
                sys.stdout.flush()
                follow = None if counter is None else self.program.follow(self.settings, context, counter)
                if follow is not None:
                    client.wait_for(follow.reached)
                    assert client.replica is not None
                    follow.report(client.replica)
        except ConnectionFailedError as error:
            raise CtlError(str(error)) from None
        sys.stdout.flush()
        return 0

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
        """Run the line until it is committed; the counter's value if one was incremented."""
        columns = self.columns(schema)
        replica = client.fetch(self.program.database, columns)
        while True:
            context = self.evaluate(schema, replica, columns)
            if context.try_again:
                client.pump()
                continue
            prepared = self.prepare(context)
            if prepared is None:
                return context, None
            reply = client.transact(self.program.database, prepared.operations)
            if self.settle(replica, context, prepared, reply):
                return context, prepared.counter


def _fail(error: Mapping[str, object]) -> NoReturn:
    from pyovn.tools.ctl.text import format_json

    text = format_json(error)
    warn("ovsdb_idl", f"transaction error: {text}")
    raise CtlError(f"transaction error: {text}")


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
