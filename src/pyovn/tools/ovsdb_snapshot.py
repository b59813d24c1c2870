"""``ovsdb-client backup`` and ``restore``, ``convert`` and ``needs-conversion`` (ovsdb-client(1)).

A backup is a database file on the standard output: the schema, and one record with all persistent columns
of all rows.  Restoring deletes every row and inserts those of the file in the same transaction; rows get
new UUIDs, because a UUID that is deleted may not be inserted again, and references between them are
carried over by name.
"""

from __future__ import annotations

import io
import random
import sys
import time
from typing import TYPE_CHECKING, Any

from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.journal_file import JournalError, record
from pyovn.ovsdb.values import UUID, FrozenMap, value_to_json
from pyovn.tools.ovsdb_job import Job, UsageError, write
from pyovn.tools.ovsdb_tool_files import load_schema
from pyovn.tools.ovsdb_tool_job import FatalError, error_text

if TYPE_CHECKING:
    from pyovn.ovsdb.engine import Database
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.ovsdb.store import Column, Row, Table
    from pyovn.ovsdb.values import Value

_STDIN = "/dev/stdin"


def load(path: str) -> DatabaseSchema:
    """The schema in a file; raises ``UsageError``."""
    try:
        return load_schema(path)
    except FatalError as error:
        raise UsageError(str(error)) from error


def convert(job: Job) -> None:
    """Have the server change the schema of its database."""
    schema = load(job.arguments[0])
    job.client.request("convert", [schema.name, schema.to_json()])


def needs_conversion(job: Job) -> None:
    """Compare by meaning: both sides are parsed."""
    schema = load(job.arguments[0])
    write("no\n" if schema == job.client.get_schema(schema.name) else "yes\n")


def backup(job: Job) -> None:
    """Write schema and contents as a database file."""
    if sys.stdout.isatty():
        raise UsageError("not writing backup to a terminal; please redirect stdout to a file")
    schema = job.client.get_schema(job.database)
    wanted = {
        name: ["_uuid", *(c.name for c in table.columns.values() if not c.ephemeral)]
        for name, table in schema.tables.items()
    }
    operations = [{"op": "select", "table": t, "where": [], "columns": c} for t, c in wanted.items()]
    reply = job.client.transact(job.database, operations)
    if reply.error is not None:
        raise UsageError(f"transaction returned error: {reply.error}")
    contents: dict[str, Any] = {
        "_date": int(time.time() * 1000),
        "_comment": 'produced by "ovsdb-client backup"',
        "_is_diff": True,
    }
    for name, result in zip(wanted, reply.results, strict=True):
        if result["rows"]:
            contents[name] = {row.pop("_uuid")[1]: row for row in result["rows"]}
    sys.stdout.buffer.write(record(schema.to_json()) + record(contents))
    sys.stdout.buffer.flush()


def restore(job: Job) -> None:
    """Replace the contents of a database by those of a file on the standard input."""
    from pyovn.ovsdb.journal import database_of
    from pyovn.ovsdb.journal_file import records_in

    if sys.stdin.isatty():
        raise UsageError("not reading backup from a terminal; please redirect stdin from a file")
    schema = job.client.get_schema(job.database)
    data = sys.stdin.buffer.read()
    try:
        records = records_in(io.BufferedReader(io.BytesIO(data)), len(data), _STDIN, strict=True)
        source = database_of(_STDIN, records, random.SystemRandom())[0]
    except (JournalError, OvsdbError) as error:
        raise UsageError(error_text(error)) from error
    _compare(job, source.schema, schema)
    reply = job.client.transact(job.database, _replacement(source, schema))
    if reply.error is not None:
        raise UsageError(f"transaction returned error: {reply.error}")


def _compare(job: Job, backed_up: DatabaseSchema, schema: DatabaseSchema) -> None:
    if backed_up == schema:
        return
    if backed_up.version != schema.version:
        what = (
            f'backup schema has version "{backed_up.version}" '
            f'but database schema has version "{schema.version}"'
        )
    else:
        what = f"backup schema and database schema are both version {schema.version} but still differ"
    if not job.force:
        how = 'use --force to override differences, or "ovsdb-client convert" to change the schema'
        raise UsageError(f"{what} ({how})")
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
    sys.stderr.write(f"{stamp}|00001|ovsdb_client|INFO|{what}\n")


def _replacement(source: Database, schema: DatabaseSchema) -> list[Any]:
    operations: list[Any] = [{"op": "delete", "table": name, "where": []} for name in schema.tables]
    operations.extend(
        {"op": "insert", "table": table.name, "uuid-name": _name(row.uuid), "row": _row_json(table, row)}
        for table in source.tables.values()
        for row in table.rows.values()
    )
    return [*operations, {"op": "comment", "comment": "ovsdb-client restore"}]


def _name(uuid: UUID) -> str:
    return "row" + uuid.replace("-", "_")


def _row_json(table: Table, row: Row) -> dict[str, Any]:
    cells = {}
    for column in table.columns:
        value = row.values[column.position]
        if not column.ephemeral and value != column.datum.default:
            cells[column.name] = _value_json(column, value)
    return cells


def _value_json(column: Column, value: Value) -> Any:
    """A value whose references are names."""
    bases = (column.type.key, column.type.value)
    of_key, of_value = (base is not None and base.ref_table is not None for base in bases)
    if not (of_key or of_value):
        return value_to_json(value)

    def atom(json: Any, *, is_reference: bool) -> Any:
        return ["named-uuid", _name(json)] if is_reference else value_to_json(json)

    if isinstance(value, FrozenMap):
        pairs = [[atom(k, is_reference=of_key), atom(v, is_reference=of_value)] for k, v in value.items()]
        return ["map", pairs]
    return ["set", [atom(member, is_reference=True) for member in column.type.atoms(value)]]
