"""The commands of ``ovsdb-tool`` on files and schemas (ovsdb-tool(1)); see ``ovsdb_tool``."""

from __future__ import annotations

import operator
import random
import re
import time
from typing import TYPE_CHECKING, Any, Final

import pyovn
from pyovn.ovsdb import journal_file
from pyovn.ovsdb.authority import Authority
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.journal_file import JournalError, read_schema
from pyovn.tools.json_text import JsonTextError, json_line, parse_text
from pyovn.tools.ovsdb_job import write
from pyovn.tools.ovsdb_tool_job import FatalError, Job, error_text, io_error, locked, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.engine import Database, Outcome
    from pyovn.ovsdb.schema import DatabaseSchema

_VERSION: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_RELATIONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
    "!=": operator.ne,
}


# Schemas


def load_schema(path: str) -> DatabaseSchema:
    """The schema in a file; raises ``FatalError``."""
    from pyovn.ovsdb.conversion import parse_schema

    try:
        with open(path, "rb") as file:  # noqa: PTH123  # tools do without pathlib
            text = file.read()
        json = parse_text(text)
    except OSError as error:
        reason = f'error opening "{path}": {error.strerror}'
        raise FatalError(f'failed to read schema: "{path}" could not be read as JSON ({reason})') from error
    except JsonTextError as error:
        raise FatalError(f'failed to read schema: "{path}" could not be read as JSON ({error})') from error
    try:
        return parse_schema(json)
    except OvsdbError as error:
        raise FatalError(error_text(error, f'failed to parse "{path}" as ovsdb schema: ')) from error


def _schema_of(job: Job, number: int = 0) -> DatabaseSchema:
    return load_schema(job.argument(number, job.default_schema))


def _database_schema(path: str) -> DatabaseSchema:
    with reading(path):
        return read_schema(path)


def schema_name(job: Job) -> None:
    """The name in a schema file."""
    write(_schema_of(job).name + "\n")


def schema_version(job: Job) -> None:
    """Its version, or a blank line."""
    write(_schema_of(job).version + "\n")


def schema_cksum(job: Job) -> None:
    """Its checksum, or a blank line."""
    write((_schema_of(job).cksum or "") + "\n")


def db_name(job: Job) -> None:
    """The name of the schema in a database file, also in one of a cluster."""
    path = job.database
    if _is_clustered(path):
        with open(path, "rb") as file:  # noqa: PTH123  # tools do without pathlib
            file.readline()
            write(parse_text(file.readline())["name"] + "\n")
    else:
        write(_database_schema(path).name + "\n")


def db_version(job: Job) -> None:
    """Its version, or a blank line."""
    write(_database_schema(job.database).version + "\n")


def db_cksum(job: Job) -> None:
    """Its checksum, or a blank line."""
    write((_database_schema(job.database).cksum or "") + "\n")


def compare_versions(job: Job) -> None:
    """Exit with 0 if the relation holds, with 2 if not."""
    first, relation, second = job.arguments
    versions = [_version(first), _version(second)]
    if relation not in _RELATIONS:
        raise FatalError(f"{relation}: not a relational operator")
    if not _RELATIONS[relation](*versions):
        raise SystemExit(2)


def _version(text: str) -> list[int]:
    if not _VERSION.fullmatch(text):
        raise FatalError(f"{text}: not an OVSDB version number in format x.y.z")
    return [int(part) for part in text.split(".")]


def needs_conversion(job: Job) -> None:
    """Whether a database has another schema than a file."""
    schema = _schema_of(job, 1)
    write("no\n" if _database_schema(job.database) == schema else "yes\n")


# Kinds of files


def _is_clustered(path: str) -> bool:
    """Raises ``FatalError`` for what is no database at all."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # tools do without pathlib
            begin = file.read(16)
    except OSError as error:
        raise io_error(error, f"{path}: open failed") from error
    if begin.startswith(b"OVSDB CLUSTER "):
        return True
    if begin.startswith(b"OVSDB JSON "):
        return False
    what = "unexpected file format" if begin else "cannot identify file type"
    raise FatalError(f"ovsdb error: {path}: {what}")


def db_is_clustered(job: Job) -> None:
    """Exit with 0 if so, with 2 if not."""
    if not _is_clustered(job.database):
        raise SystemExit(2)


def db_is_standalone(job: Job) -> None:
    """Exit with 0 if so, with 2 if not."""
    if _is_clustered(job.database):
        raise SystemExit(2)


def refuse_cluster(job: Job) -> None:
    """Say whose business clusters are."""
    raise FatalError(f"{job.command}: clusters are the business of Open vSwitch's own ovsdb-tool and server")


def refuse_standalone(job: Job) -> None:
    """Ids of a cluster: a standalone file has none, and we know nothing of others."""
    if not _is_clustered(job.database):
        raise FatalError(f"{job.database}: not a clustered database")
    refuse_cluster(job)


# Making and rewriting files


def _read(path: str) -> Database:
    from pyovn.ovsdb.journal import read_database

    with reading(path):
        return read_database(path, random.SystemRandom(), strict=True)[0]


def create(job: Job) -> None:
    """Make an empty database."""
    schema = _schema_of(job, 1)
    path = job.database
    with locked(job, path, "I/O error: "):
        try:
            journal_file.create(path, schema)
        except OSError as error:
            raise io_error(error, f"{path}: create failed") from error


def compact(job: Job) -> None:
    """Leave the history out."""
    _rewrite(job, job.argument(1, ""), lambda database: database, "compacted")


def convert(job: Job) -> None:
    """Change the schema."""
    from pyovn.ovsdb.conversion import converted

    schema = _schema_of(job, 1)
    _rewrite(job, job.argument(2, ""), lambda database: converted(database, schema), "converted")


def _rewrite(job: Job, target: str, change: Callable[[Database], Database], verb: str) -> None:
    path = job.database
    if target and target != path:
        with locked(job, target):
            _rewrite_locked(path, target, change, verb)
    else:
        with locked(job, path):
            _rewrite_locked(path, path, change, verb)


def _rewrite_locked(path: str, target: str, change: Callable[[Database], Database], verb: str) -> None:
    from pyovn.ovsdb.compaction import Compaction
    from pyovn.ovsdb.disk import REAL

    database = _read(path)
    with reading(path):
        result = change(database)
    heading = {"_comment": f"{verb} by ovsdb-tool {pyovn.__version__}", "_date": int(time.time() * 1000)}
    try:
        if target != path:
            journal_file.create(target, result.schema)
        run = Compaction(target, 0, result, REAL, heading)
        try:
            while not run.step(0):
                pass
            REAL.close(run.finish())
            REAL.sync_directory(target)
        except BaseException:
            run.abandon()
            raise
    except FileExistsError as error:
        raise io_error(error, f"{target}: create failed") from error
    except OSError as error:
        raise io_error(error, f"{target}: write failed") from error


def recover(job: Job) -> None:
    """Save what precedes the damage."""
    path, target = job.arguments
    try:
        count, fault = journal_file.recover(path, target)
    except FileExistsError as error:
        raise io_error(error, f"{target}: create failed") from error
    except JournalError as error:
        raise FatalError(error_text(error)) from error
    except OSError as error:
        raise io_error(error, f"{path}: open failed") from error
    write(f"{target}: {count} records, the schema among them\n")
    if fault:
        write(f"left out what follows: {fault}\n")


# Transactions


def query(job: Job) -> None:
    """Run a transaction and forget what it did."""
    path, text = _transaction_arguments(job)
    params = _parse_transaction(text)
    _execute(job, _read(path), params)


def transact(job: Job) -> None:
    """Run a transaction."""
    from pyovn.ovsdb.journal import Journal

    path, text = _transaction_arguments(job)
    params = _parse_transaction(text)
    with locked(job, path, "I/O error: "), reading(path):
        journal = Journal(path, time.time)
        database = journal.open(random.SystemRandom(), is_locked=True, strict=True)
        try:
            _execute(job, database, params)
        finally:
            journal.close()


def _transaction_arguments(job: Job) -> tuple[str, str]:
    if len(job.arguments) == 1:
        return job.default_database, job.arguments[0]
    return job.arguments[0], job.arguments[1]


def _parse_transaction(text: str) -> Any:
    try:
        return parse_text(text.encode(errors="surrogateescape"))
    except JsonTextError as error:
        raise FatalError(f'"{text}": {error}') from error


def _execute(job: Job, database: Database, params: Any) -> None:
    if not isinstance(params, list):
        result: Any = OvsdbError("syntax error", "array expected", params).to_json()
    elif not params or params[0] != database.name:
        result = OvsdbError("syntax error", "database name expected as first parameter", params).to_json()
    else:
        result = _results(database.transact(params[1:], authority=Authority(role=job.role)), len(params) - 1)
    write(json_line(result) + "\n")


def _results(outcome: Outcome, count: int) -> list[Any]:
    results = list(outcome.results)
    if outcome.blocked:
        results.append({"error": "not supported", "details": "triggers not supported"})
        results.extend([None] * (count - len(results)))
    return results
