"""The commands of ``ovsdb-client`` that follow a server: monitor*, lock, steal, unlock, wait.

They show what is there and leave in ``job.handlers`` what is to be done with what comes; ``ovsdb_client`` and
``ovsdb_background`` wait for it.

A monitor shows every update as a table with a row per changed row: ``initial``, ``insert``, ``delete``,
``modify``, or for plain ``monitor`` a pair ``old`` and ``new`` (ovsdb-client(1), "monitor").  What an update
leaves out is an empty cell.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.blocking import BlockingClient, BlockingError, ConnectionFailedError
from pyovn.ovsdb.requests import ZERO_ID
from pyovn.ovsdb.values import UUID
from pyovn.tools.ctl.text import format_json
from pyovn.tools.ovsdb_job import Job, UsageError, datum, parse_json, types_of, write
from pyovn.tools.table import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.schema import ColumnType, DatabaseSchema, TableSchema
    from pyovn.tools.table import Cell

_RETRY: Final = 1.0
_SELECT: Final = ("initial", "insert", "delete", "modify")
STATES: Final = ("added", "connected", "removed")

USAGE: Final = """\
ovsdb-client: command-line JSON-RPC client of an OVSDB server
usage: ovsdb-client [OPTIONS] COMMAND [ARG...]

Commands; SERVER is a connection method, DATABASE a name that the server has:
  list-dbs [SERVER]                                 names of the databases
  get-schema [SERVER] [DATABASE]                    the schema as JSON
  get-schema-version [SERVER] [DATABASE]            its version
  get-schema-cksum [SERVER] [DATABASE]              its checksum
  list-tables [SERVER] [DATABASE]                   names of the tables
  list-columns [SERVER] [DATABASE] [TABLE]          columns and their types
  transact [SERVER] TRANSACTION                     run a transaction, show the results
  query [SERVER] TRANSACTION                        the same without any change
  dump [SERVER] [DATABASE] [TABLE [COLUMN]...]      contents
  monitor [SERVER] [DATABASE] TABLE [COLUMN,...]... contents, then changes; without those of the kinds
                                                    !initial, !insert, !delete, !modify among COLUMNs
  monitor [SERVER] [DATABASE] ALL                   all contents and changes
  monitor-cond [SERVER] [DATABASE] CONDITION TABLE [COLUMN,...]...
  monitor-cond-since [SERVER] [DATABASE] [LASTID] CONDITION TABLE [COLUMN,...]...
  convert [SERVER] SCHEMA                           change the schema of the running database
  needs-conversion [SERVER] SCHEMA                  whether that would change anything
  backup [SERVER] [DATABASE] > FILE                 schema and contents as a database file
  [--force] restore [SERVER] [DATABASE] < FILE      replace the contents by those of a file
  wait [SERVER] DATABASE STATE                      wait until added, connected or removed
  lock [SERVER] LOCK                                get a lock, and say what becomes of it
  steal [SERVER] LOCK                               get it at once
  unlock [SERVER] LOCK                              give it up
  help

The default SERVER is db.sock in the run directory, the default DATABASE is Open_vSwitch.

Output:
  -f, --format=FORMAT         table, list, html, csv or json
  -d, --data=FORMAT           cells as string, bare or json
  --no-headings, --pretty, --max-column-width=N
  --bare                      --format=list --data=bare --no-headings
  --timestamp                 the time before every update of a monitor
Other:
  -t, --timeout=SECS          end by SIGALRM after SECS seconds
  --no-leader-only            of a cluster, take any member
  -h, --help, -V, --version
With monitor*, lock, steal, unlock:
  --detach, --pidfile[=FILE], --overwrite-pidfile, --no-chdir, --monitor, --unixctl=SOCKET
                              go on in the background when the first answer was shown
"""


class Watched:
    """One monitored table."""

    __slots__ = ("columns", "name", "requests", "types")

    def __init__(self, name: str, columns: list[str], types: dict[str, ColumnType]) -> None:
        self.name = name
        self.columns = columns
        self.types = types
        self.requests: list[dict[str, Any]] = []


class View:
    """Shows updates of the monitored tables."""

    __slots__ = ("job", "tables")

    def __init__(self, job: Job, tables: list[Watched]) -> None:
        self.job = job
        self.tables = tables

    def show(self, updates: dict[str, Any]) -> None:
        """Print one table for every table of the update."""
        for table in self.tables:
            rows: list[list[Cell]] = []
            for uuid, update in updates.get(table.name, {}).items():
                rows += _update_rows(table, UUID(uuid), update)
            if rows:
                caption = table.name if len(self.tables) > 1 else None
                stamp = _timestamp() if self.job.timestamp else None
                self.job.printer.print(["row", "action", *table.columns], rows, caption, stamp)


def _timestamp() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}"


def _update_rows(table: Watched, uuid: UUID, update: dict[str, Any]) -> list[list[Cell]]:
    """The lines of one row's update, in either format."""
    for action in _SELECT:
        if action in update:  # <row-update2>
            return [_line(table, str(uuid), action, update[action] or {})]
    old, new = update.get("old"), update.get("new")
    if old is not None and new is not None:
        return [_line(table, str(uuid), "old", old), _line(table, "", "new", new)]
    if new is not None:
        action = "initial" if update.get("first") else "insert"
        return [_line(table, str(uuid), action, new)]
    return [_line(table, str(uuid), "delete", old or {})]


def _line(table: Watched, name: str, action: str, cells: dict[str, Any]) -> list[Cell]:
    line: list[Cell] = [name, action]
    for column in table.columns:
        if column in cells:
            line.append(datum(table.types[column], cells[column]))
        else:
            line.append("")
    return line


# monitor


def monitor(job: Job) -> None:
    """``monitor TABLE [COLUMN,...]...`` or ``monitor ALL``."""
    schema = job.client.get_schema(job.database)
    if job.arguments == ["ALL"] and "ALL" not in schema.tables:
        tables = [_watched(job, schema, name, []) for name in sorted(schema.tables)]
    else:
        tables = [_watched(job, schema, job.arguments[0], job.arguments[1:])]
    view = View(job, tables)
    contents = job.client.request("monitor", [job.database, None, {t.name: t.requests for t in tables}])
    for rows in contents.values():
        for update in rows.values():
            update["first"] = True
    view.show(contents)
    job.handlers = {"update": lambda params: view.show(params[1])}


def monitor_cond(job: Job) -> None:
    """``monitor-cond CONDITION TABLE [COLUMN,...]...``."""
    view = _conditional(job)
    view.show(job.client.request("monitor_cond", [job.database, None, _requests(view)]))
    job.handlers = {"update2": lambda params: view.show(params[1])}


def monitor_cond_since(job: Job) -> None:
    """``monitor-cond-since [LASTID] CONDITION TABLE [COLUMN,...]...``."""
    last_id = job.arguments.pop(0) if UUID.is_valid(job.arguments[0]) else ZERO_ID
    if len(job.arguments) < 2:
        raise UsageError(f"invalid syntax for '{job.command.name}' (use --help for help)")
    view = _conditional(job)
    result = job.client.request("monitor_cond_since", [job.database, None, _requests(view), last_id])
    write(f"found: {'true' if result[0] else 'false'}, last_id: {result[1]}\n")
    view.show(result[2])

    def update(params: list[Any]) -> None:
        write(f"\nlast_id: {params[1]}")
        view.show(params[2])

    job.handlers = {"update3": update}


def _requests(view: View) -> dict[str, Any]:
    return {table.name: table.requests for table in view.tables}


def _conditional(job: Job) -> View:
    condition = parse_json(job.arguments[0])
    schema = job.client.get_schema(job.database)
    table = _watched(job, schema, job.arguments[1], job.arguments[2:])
    for request in table.requests:
        request["where"] = condition
    return View(job, [table])


def _watched(job: Job, schema: DatabaseSchema, name: str, groups: Sequence[str]) -> Watched:
    table = schema.tables.get(name)
    if table is None:
        raise UsageError(f'{job.client.remote}: {schema.name} does not have a table named "{name}"')
    watched = Watched(name, [], types_of(table))
    for group in groups or [""]:
        _add_group(job, schema, table, watched, [word for word in group.split(",") if word])
    return watched


def _add_group(
    job: Job, schema: DatabaseSchema, table: TableSchema, watched: Watched, words: list[str]
) -> None:
    """One <monitor-request>: columns, and the kinds of changes that are not wanted."""
    select = dict.fromkeys(_SELECT, True)
    columns: list[str] = []
    for word in words:
        if word.startswith("!") and word[1:] in select:
            select[word[1:]] = False
        elif word in watched.types:
            columns.append(word)
        else:
            raise UsageError(
                f'{job.client.remote}: table "{table.name}" in {schema.name} '
                f'does not have a column named "{word}"'
            )
    if not columns:
        columns = (
            [*sorted(table.columns), "_version"] if job.command.name == "monitor" else sorted(table.columns)
        )
    repeated = [c for c in columns if c in watched.columns or columns.count(c) > 1]
    if repeated:
        raise UsageError(f'{job.client.remote}: column "{repeated[0]}" mentioned multiple times')
    watched.columns += columns
    watched.requests.append({"columns": columns, "select": select})


# Locks


def lock(job: Job) -> None:
    """Get a lock, or wait for it."""
    _lock(job, "lock")


def steal(job: Job) -> None:
    """Get a lock whoever holds it."""
    _lock(job, "steal")


def unlock(job: Job) -> None:
    """Give a lock up."""
    _lock(job, "unlock")


def _lock(job: Job, method: str) -> None:
    result = job.client.request(method, [job.arguments[0]])
    write(json_text(result, pretty=job.style.pretty) + "\n")

    def show(method: str) -> Callable[[list[Any]], None]:
        return lambda params: write(f"{method}\n{format_json(params)}\n")

    job.handlers = {name: show(name) for name in ("locked", "stolen")}


# wait


def check_state(arguments: list[str]) -> None:
    """Refuse a state that does not exist before anybody is asked."""
    if arguments[1] not in STATES:
        raise UsageError(f"{arguments[1]}: unknown state")


def wait(job: Job) -> None:
    """Follow ``_Server`` over reconnects until the database is in the wanted state."""
    database, state = job.arguments
    if len(job.client.remotes) > 1:
        raise UsageError("wait acts on one server")
    while True:
        client = BlockingClient(job.client.remotes[0], tls=job.client.tls, dial=job.client.dial)
        try:
            with client:
                _wait_on(client, database, state)
        except ConnectionFailedError:
            time.sleep(_RETRY)
        else:
            return


def _wait_on(client: BlockingClient, database: str, state: str) -> None:
    client.request("set_db_change_aware", [True])
    columns = ("name", "model", "connected")
    replica = client.fetch("_Server", {"Database": columns})
    if not replica.table("Database").exists:
        raise BlockingError("the server does not tell about its databases")

    def reached(_replica: object) -> bool:
        for name, model, connected in replica.table("Database").rows.values():
            if name == database:
                return state == "added" or (
                    state == "connected" and (model != "clustered" or connected is True)
                )
        return state == "removed"

    client.wait_for(reached)
