"""``ovsdb-tool``: database files and schemas, without a server (ovsdb-tool(1)).

Output and errors are the C program's, with these exceptions: what follows the order of its hash tables is
here in the file's order; ``compact`` and ``convert`` refuse a target that exists, as the man page says;
what only a Raft cluster needs is refused; and there is ``recover``, for a file with damage in its middle.

The commands are in ``ovsdb_tool_files`` (those on files and schemas) and ``ovsdb_tool_log`` (show-log).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import pyovn
from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.tools import ovsdb_tool_files as files
from pyovn.tools.ovsdb_job import configure_logging, write
from pyovn.tools.ovsdb_tool_job import PROGRAM, Command, FatalError, Job

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS: Final = (
    opt.Option("more", "m"),
    opt.Option("rbac-role", "", "required"),
    opt.Option("cid", "", "required"),
    opt.Option("election-timer", "", "required"),
    *opt.COMMON,
    *opt.VLOG,
)

_ANY: Final = sys.maxsize

USAGE: Final = """\
ovsdb-tool: database files and schemas, without a server
usage: ovsdb-tool [OPTIONS] COMMAND [ARG...]

  create [DB [SCHEMA]]           make an empty database with SCHEMA
  compact [DB [TARGET]]          leave the history out, in place or into a new file
  convert [DB [SCHEMA [TARGET]]] change the schema, in place or into a new file
  needs-conversion [DB [SCHEMA]] whether that would change anything
  recover DB TARGET              save what precedes the damage in DB
  db-name, db-version, db-cksum [DB]             from the schema in DB
  schema-name, schema-version, schema-cksum [SCHEMA]
  db-is-clustered, db-is-standalone DB           exit with 0 if so, with 2 if not
  compare-versions A OP B        exit with 0 if so, with 2 if not
  query [DB] TRANSACTION         run a transaction, change nothing
  transact [DB] TRANSACTION      run a transaction
  [-m]... show-log [DB]          what happened, with -m to which rows, with -mm to which values

The default DB is {database}.
The default SCHEMA is {schema}.

  -m, --more             show more of the log
  --rbac-role=ROLE       run a transaction as a client with ROLE
  -h, --help, -V, --version

Clusters (create-cluster, join-cluster, check-cluster, cluster-to-standalone, db-cid, db-sid,
db-local-address) are the C server's: use the C program of this name for them.
"""


def _show_log(job: Job) -> None:
    from pyovn.tools.ovsdb_tool_log import show_log

    show_log(job)


def _list_commands(_job: Job) -> None:
    write("The available commands are:\n")
    for command in COMMANDS:
        write(f"  {command.name}\n")
    write("\n")


def _help(job: Job) -> None:
    write(USAGE.format(database=job.default_database, schema=job.default_schema))


COMMANDS: Final = (
    Command("create", files.create, 0, 2),
    Command("create-cluster", files.refuse_cluster, 3, 3),
    Command("join-cluster", files.refuse_cluster, 4, _ANY),
    Command("compact", files.compact, 0, 2),
    Command("convert", files.convert, 0, 3),
    Command("needs-conversion", files.needs_conversion, 0, 2),
    Command("recover", files.recover, 2, 2),
    Command("db-name", files.db_name, 0, 1),
    Command("db-version", files.db_version, 0, 1),
    Command("db-cksum", files.db_cksum, 0, 1),
    Command("db-cid", files.refuse_standalone, 1, 1),
    Command("db-sid", files.refuse_standalone, 1, 1),
    Command("db-local-address", files.refuse_standalone, 1, 1),
    Command("db-is-clustered", files.db_is_clustered, 1, 1),
    Command("db-is-standalone", files.db_is_standalone, 1, 1),
    Command("schema-name", files.schema_name, 0, 1),
    Command("schema-version", files.schema_version, 0, 1),
    Command("schema-cksum", files.schema_cksum, 0, 1),
    Command("compare-versions", files.compare_versions, 3, 3),
    Command("query", files.query, 1, 2),
    Command("transact", files.transact, 1, 2),
    Command("show-log", _show_log, 0, 1),
    Command("check-cluster", files.refuse_cluster, 1, _ANY),
    Command("cluster-to-standalone", files.refuse_cluster, 2, 2),
    Command("help", _help, 0, _ANY),
    Command("list-commands", _list_commands, 0, _ANY),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program; exits with 1 on any error, and with 2 for a test that is false."""
    words = list(sys.argv[1:] if argv is None else argv)
    line = opt.parse_or_exit(sys.argv[0] if argv is None else PROGRAM, words, OPTIONS)
    directories = paths.ovs()
    job = Job([], f"{directories.db}/conf.db", f"{directories.pkgdata}/vswitch.ovsschema")
    job.more = sum(given.name == "more" for given in line)
    job.role = line.value("rbac-role") or ""
    job.is_quiet = any("off" in (spec or "") for spec in line.values("verbose"))
    if "version" in line:
        write(f"{PROGRAM} (pyovn) {pyovn.__version__}\n")
        return
    if "help" in line:
        _help(job)
        return
    try:
        configure_logging(PROGRAM, line)
    except ValueError as error:
        opt.fatal(PROGRAM, str(error))
    try:
        _run(job, list(line.arguments))
    except FatalError as error:
        opt.fatal(PROGRAM, str(error))
    except BrokenPipeError:
        sys.stdout = None  # whoever read is gone, and there is nothing to flush
        raise SystemExit(1) from None


def _run(job: Job, arguments: list[str]) -> None:
    if not arguments:
        raise FatalError("missing command name; use --help for help")
    name, *job.arguments = arguments
    command = next((command for command in COMMANDS if command.name == name), None)
    if command is None:
        raise FatalError(f"unknown command '{name}'; use --help for help")
    count = len(job.arguments)
    if count < command.low:
        raise FatalError(f"'{name}' command requires at least {command.low} arguments")
    if count > command.high:
        raise FatalError(f"'{name}' command takes at most {command.high} arguments")
    job.command = name
    command.run(job)


if __name__ == "__main__":
    main()
