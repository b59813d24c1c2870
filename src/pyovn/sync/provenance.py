"""Why rows are there, in words: what a daemon answers to ``flow/why``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyovn.sync.database import DatabaseClient
    from pyovn.sync.reconcile import Reconciler


def why_rows(
    client: DatabaseClient,
    reconciler: Reconciler,
    tables: Iterable[str],
    prefix: str,
    sources: Mapping[str, str],
) -> list[str]:
    """A line for each reason of each row of ``tables`` whose UUID starts with ``prefix``.

    ``sources`` tells where in the code a derivation is.
    """
    lines: list[str] = []
    for table in tables:
        for uuid in client.replica.table(table).rows:
            if not uuid.startswith(prefix):
                continue
            found = reconciler.item_of(uuid)
            if found is None:
                lines.append(f"{table} {uuid}: not made by this daemon")
                continue
            for reason in found[1]:
                owner = getattr(reason.owner, "TABLE", "")
                key = getattr(reason.owner, "key", reason.owner)
                place = f"{reason.derivation} {sources.get(reason.derivation, '')}".rstrip()
                lines.append(f"{table} {uuid}: {reason.why} ({owner} {key}; {place})")
    return lines
