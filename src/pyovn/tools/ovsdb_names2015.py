"""``ovsdb-client dump OVN_Southbound Pipeline``: what was in the southbound in 2015 and is in OVN now.

``dump`` of today's southbound falls back to the database ``OVN`` of the same server (``compat2015``) for a
table that only 2015 had, or for columns that only 2015's table has; a dump of the whole southbound ends with
the tables that only 2015 had.  What today's schema has is always today's, and without that database nothing
is different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.ovsdb.schema import DatabaseSchema  # noqa: TC001  a field's type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.tools.ovsdb_job import Job

TODAY: Final = "OVN_Southbound"
OLD: Final = "OVN"


class Source(NamedTuple):
    """What is to be dumped from one database; ``arguments`` are a table and columns, or nothing for all."""

    database: str
    schema: DatabaseSchema
    arguments: Sequence[str]


def sources(job: Job) -> list[Source]:
    """Where what a ``dump`` asks for is found."""
    asked = Source(job.database, job.client.get_schema(job.database), job.arguments)
    if job.database != TODAY or _has(asked.schema, job.arguments) or OLD not in job.client.list_databases():
        return [asked]
    old = job.client.get_schema(OLD)
    if not job.arguments:
        only_old = sorted(old.tables.keys() - asked.schema.tables.keys())
        return [asked, *(Source(OLD, old, [table]) for table in only_old)]
    return [Source(OLD, old, job.arguments) if _has(old, job.arguments) else asked]


def _has(schema: DatabaseSchema, arguments: Sequence[str]) -> bool:
    """Whether a database has the table and all columns that are named."""
    table = schema.tables.get(arguments[0]) if arguments else None
    known = () if table is None else (*table.columns, "_uuid", "_version")
    return table is not None and all(column in known for column in arguments[1:])
