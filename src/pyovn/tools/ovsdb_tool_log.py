"""``ovsdb-tool show-log``: the records of a database file as a person reads them (ovsdb-tool(1)).

A row is called by the last known value of its column ``name``, as it was before the record, and by the
first eight digits of its UUID; names are remembered per UUID, whatever the table.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from pyovn.ovsdb.datum import datum
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.journal_file import JournalError, read_records, schema_of
from pyovn.ovsdb.schema import UNLIMITED, ColumnType
from pyovn.tools.ctl.text import format_value
from pyovn.tools.json_text import json_line
from pyovn.tools.ovsdb_job import write
from pyovn.tools.ovsdb_tool_job import FatalError, Job, error_text, reading

if TYPE_CHECKING:
    from pyovn.ovsdb.schema import DatabaseSchema

_SECONDS = 1 << 31
"""Dates below this are in seconds, as very old files have them."""


def show_log(job: Job) -> None:
    """Print every record."""
    path = job.database
    schema: DatabaseSchema | None = None
    names: dict[str, str] = {}
    number = 0
    with reading(path):
        for number, (_end, json) in enumerate(read_records(path, strict=True)):
            if schema is None:
                schema = _show_schema(path, json)
            else:
                _show_transaction(job, number, json, schema, names)


def _show_schema(path: str, json: Any) -> DatabaseSchema:
    write("record 0:")
    try:
        schema = schema_of(path, json)
    except JournalError as error:
        raise FatalError(error_text(error)) from error
    write(f' "{schema.name}" schema, version="{schema.version}", cksum="{schema.cksum or ""}"\n\n')
    return schema


def _show_transaction(
    job: Job, number: int, json: dict[str, Any], schema: DatabaseSchema, names: dict[str, str]
) -> None:
    text = f"record {number}:"
    date, comment = json.get("_date"), json.get("_comment")
    if isinstance(date, int) and not isinstance(date, bool):
        text += f" {_date_text(date)}"
    if isinstance(comment, str):
        text += f' "{comment}"'
    write(text + "\n")
    if job.more and _show_changes(job, json, schema, names):
        write("\n")


def _date_text(date: int) -> str:
    milliseconds = date * 1000 if date < _SECONDS else date
    seconds = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{seconds}.{milliseconds % 1000:03d}"


def _show_changes(job: Job, json: dict[str, Any], schema: DatabaseSchema, names: dict[str, str]) -> int:
    """Print the rows that a record changes; how many."""
    count = 0
    is_diff = json.get("_is_diff") is True
    for table, rows in json.items():
        if table.startswith("_") or not isinstance(rows, dict):
            continue
        known = schema.tables.get(table)
        types = {} if known is None else {c.name: c.type for c in known.columns.values()}
        for uuid, cells in rows.items():
            count += 1
            _show_row(table, uuid, cells, names, is_diff=is_diff)
            if isinstance(cells, dict) and job.more > 1:
                for column, value in cells.items():
                    write(f"    {column}={_value_text(types.get(column), value, is_diff=is_diff)}\n")
    return count


def _show_row(table: str, uuid: str, cells: Any, names: dict[str, str], *, is_diff: bool) -> None:
    before = names.get(uuid)
    name = json_line(cells["name"]) if isinstance(cells, dict) and "name" in cells else before
    if before is not None:
        write(f"  table {table} row {before} ({uuid[:8]}){' diff' if is_diff else ''}:\n")
    elif name is not None:
        write(f"  table {table} insert row {name} ({uuid[:8]}):\n")
    else:
        write(f"  table {table} insert row {uuid[:8]}:\n")
    if cells is None:
        write("    delete row\n")
        names.pop(uuid, None)
    else:
        names[uuid] = uuid[:8] if name is None else name


def _value_text(kind: ColumnType | None, json: Any, *, is_diff: bool) -> str:
    """A value as the column's type has it, or its JSON if it has not."""
    if kind is None:
        return json_line(json)
    wide = ColumnType(kind.key, kind.value, 0, UNLIMITED) if is_diff and kind.max > 1 else kind
    try:
        value = datum(wide).parse(json, None)
    except OvsdbError:
        return json_line(json)
    return format_value(kind, value)
