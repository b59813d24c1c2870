"""The commands of ``ovsdb-client`` that ask once: schemas, transactions, contents."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pyovn.tools.ovsdb_job import Job, UsageError, datum, parse_transaction, types_of, write
from pyovn.tools.ovsdb_names2015 import sources
from pyovn.tools.table import Cell, Datum, Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.ovsdb.schema import ColumnType, DatabaseSchema, TableSchema
    from pyovn.ovsdb.values import Value


def list_dbs(job: Job) -> None:
    """Names of the databases."""
    for name in sorted(job.client.list_databases()):
        write(name + "\n")


def raw_schema(job: Job) -> Any:
    """The schema as the server wrote it."""
    return job.client.request("get_schema", [job.database])


def get_schema(job: Job) -> None:
    """The schema as JSON."""
    job.show_json(raw_schema(job))


def get_schema_version(job: Job) -> None:
    """The schema's version, or a blank line."""
    write(raw_schema(job).get("version", "") + "\n")


def get_schema_cksum(job: Job) -> None:
    """The schema's checksum, or a blank line."""
    write(raw_schema(job).get("cksum", "") + "\n")


def list_tables(job: Job) -> None:
    """Names of the tables."""
    rows = [[name] for name in sorted(raw_schema(job)["tables"])]
    job.printer.print(["Table"], rows)


def list_columns(job: Job) -> None:
    """Names and types of the columns."""
    tables = job.client.get_schema(job.database).tables
    chosen = job.arguments[:1]
    rows: list[list[Cell]] = []
    for name in sorted(tables):
        if chosen and name != chosen[0]:
            continue
        types = types_of(tables[name])
        lead: list[Cell] = [] if chosen else [name]
        rows += [[*lead, column, Json(kind.to_json())] for column, kind in sorted(types.items(), key=_name)]
    job.printer.print(["Column", "Type"] if chosen else ["Table", "Column", "Type"], rows)


def _name(item: tuple[str, ColumnType]) -> str:
    return item[0]


def transact(job: Job) -> None:
    """Run a transaction and show the results."""
    job.show_json(job.client.request("transact", parse_transaction(job.arguments[0])))


def query(job: Job) -> None:
    """Append an abort, so that nothing changes, and hide its result."""
    params = parse_transaction(job.arguments[0])
    results = job.client.request("transact", [*params, {"op": "abort"}])
    if (
        len(results) == len(params)
        and isinstance(results[-1], dict)
        and results[-1].get("error") == "aborted"
    ):
        results.pop()
    job.show_json(results)


def dump(job: Job) -> None:
    """Show the contents, one table after the other."""
    for source in sources(job):
        _show(job, source.database, source.schema, _dumped(source.schema, source.arguments))


def _show(job: Job, database: str, schema: DatabaseSchema, wanted: Sequence[tuple[str, list[str]]]) -> None:
    """Show some columns of some tables, as they are at one moment."""
    operations = [{"op": "select", "table": t, "where": [], "columns": c} for t, c in wanted]
    reply = job.client.transact(database, operations)
    if reply.error is not None:
        raise UsageError(f"transaction returned error: {reply.error}")
    for (name, columns), result in zip(wanted, reply.results, strict=True):
        rows = [_cells(schema.tables[name], columns, row) for row in result["rows"]]
        rows.sort(key=partial(_row_key, columns))
        job.printer.print(columns, rows, f"{name} table")


def _dumped(schema: DatabaseSchema, arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Tables and their columns in the order in which they are shown."""
    if not arguments:
        return [(t, sorted(["_uuid", *schema.tables[t].columns])) for t in sorted(schema.tables)]
    name, *columns = arguments
    table = schema.tables.get(name)
    if table is None:
        raise UsageError(f'No table "{name}" found.')
    for column in columns:
        if column not in table.columns and column not in {"_uuid", "_version"}:
            raise UsageError(f'Table "{name}" has no column {column}.')
    return [(name, sorted(set(columns) or ["_uuid", *table.columns]))]


def _cells(table: TableSchema, columns: Sequence[str], row: dict[str, Any]) -> list[Cell]:
    types = types_of(table)
    return [datum(types[column], row[column]) for column in columns]


def _row_key(columns: Sequence[str], row: Sequence[Cell]) -> list[Any]:
    """Rows are sorted by all columns but their names, which decide between equal ones."""
    keyed = [(c == "_uuid", _datum_key(cell)) for c, cell in zip(columns, row, strict=True)]
    return [key for _last, key in sorted(keyed, key=lambda pair: pair[0])]


def _datum_key(cell: Cell) -> Any:
    """Values compare by how many elements they have, then by the elements."""
    assert isinstance(cell, Datum)
    value: Value = cell.value
    atoms = cell.kind.atoms(value)
    keys = sorted(atoms)
    return (len(keys), keys, [atoms[k] for k in keys] if isinstance(atoms, dict) else [])
