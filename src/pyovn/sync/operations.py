"""The operations of a transaction (RFC 7047 section 5.2) that a difference is made of, and its answer.

Pure functions over names and values: what is different is decided in ``reconcile``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.values import EMPTY_SET, UUID, FrozenMap, atom_to_json

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterable, Iterator

    from pyovn.ovsdb.requests import Reply
    from pyovn.ovsdb.schema import DatabaseSchema

Operation = dict[str, Any]

CONTENT_ERRORS: Final = frozenset(
    {"constraint violation", "domain error", "range error", "syntax error", "unknown column", "unknown table"}
)
"""What a server says of an operation that it will never accept as it stands."""


def members_of(actual: Any) -> frozenset[Any]:
    """A column's value as a set: of atoms, or of (key, value) pairs."""
    if isinstance(actual, frozenset):
        return actual
    if isinstance(actual, FrozenMap):
        return frozenset(actual.items())
    return EMPTY_SET if actual is None else frozenset((actual,))


def mutations(
    column: str, here: frozenset[Any], gone: Iterable[Any], new: set[Any], *, is_map: bool
) -> list[list[Any]]:
    """The mutations that take ``gone`` from a set (or map) column and put ``new`` into it.

    ``insert`` does not overwrite a key of a map (RFC 7047 section 5.1, <mutation>), so a key with a new
    value is deleted first.
    """
    out: list[list[Any]] = []
    if is_map:
        changed = {k for k, _v in new}
        keys = sorted({k for k, _v in gone} | {k for k, _v in here if k in changed})
        if keys:
            out.append([column, "delete", ["set", [atom_to_json(k) for k in keys]]])
        if new:
            pairs = [[atom_to_json(k), atom_to_json(v)] for k, v in sorted(new)]
            out.append([column, "insert", ["map", pairs]])
        return out
    for mutator, members in (("delete", sorted(gone)), ("insert", sorted(new))):
        if members:
            out.append([column, mutator, ["set", [atom_to_json(a) for a in members]]])
    return out


def deletion(table: str, uuid: UUID, through: tuple[str, str] | None) -> Operation:
    """The operation that makes a row go; ``through``: the (table, column) that keeps it, if one does."""
    if through is None:
        return {"op": "delete", "table": table, "where": where(uuid)}
    holder, column = through
    reference = ["uuid", str(uuid)]
    return {
        "op": "mutate",
        "table": holder,
        "where": [[column, "includes", reference]],
        "mutations": [[column, "delete", reference]],
    }


def where(uuid: UUID) -> list[Any]:
    """The condition that finds one row."""
    return [["_uuid", "==", ["uuid", str(uuid)]]]


class Failure(NamedTuple):
    """Why a transaction did nothing: the text, and the operation that was refused, if it was one."""

    text: str
    operation: int | None


def failure(reply: Reply, prelude: int) -> Failure | None:
    """The first error of a transaction's reply (RFC 7047 section 4.1.3), None if there is none.

    An error after the last operation's result is one of the transaction as a whole: a constraint that
    is checked at the commit.  ``prelude`` operations are not the caller's.
    """
    for place, result in enumerate(reply.results or ()):
        if isinstance(result, dict) and "error" in result:
            name, details = result["error"], result.get("details", "")
            operation = place - prelude if place >= prelude and name in CONTENT_ERRORS else None
            return Failure(f"{name}: {details}" if details else str(name), operation)
    return None if reply.error is None else Failure(str(reply.error), None)


_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def uuids_in(text: str) -> list[UUID]:
    """The rows that an error names."""
    return [UUID(found) for found in _UUID.findall(text)]


_VARIANT: Final = {f"{digit:x}": f"{digit & 3 | 8:x}" for digit in range(16)}
"""The digit that tells a UUID's variant (RFC 9562, section 4.1), by a random digit."""


def random_uuid(rng: random.Random) -> str:
    """A version 4 UUID from the runtime's randomness, so that a simulation repeats itself."""
    text = rng.getrandbits(128).to_bytes(16, "big").hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"


class Referrer(NamedTuple):
    """A column that holds rows of some table and would keep them from being deleted."""

    table: str
    column: str
    is_set: bool
    may_be_empty: bool


def referrers(schema: DatabaseSchema, table: str, ours: Collection[str]) -> list[Referrer]:
    """The columns of ``schema`` that must let go of a row of ``table`` before it can be deleted.

    Those are strong references, and weak ones in a column that must not be empty (RFC 7047 section 3.2).
    Tables that are ``ours`` are left out: what refers there is wanted or goes by itself.
    """
    return [
        Referrer(name, column.name, column.type.max != 1, column.type.min == 0)
        for name, t in schema.tables.items()
        if name not in ours
        for column in t.columns.values()
        if column.type.key.ref_table == table
        and not column.type.is_map
        and (column.type.key.ref_type == "strong" or column.type.min > 0)
    ]


def releases(found: Iterable[Referrer], uuid: UUID) -> Iterator[Operation]:
    """Operations after which nothing in ``found`` refers to ``uuid``: what was about that row goes too."""
    reference = ["uuid", str(uuid)]
    for referrer in found:
        if not referrer.may_be_empty:
            # Also a set that holds nothing else.
            yield {
                "op": "delete",
                "table": referrer.table,
                "where": [[referrer.column, "==", reference]],
            }
        if referrer.is_set or referrer.may_be_empty:
            yield {
                "op": "mutate",
                "table": referrer.table,
                "where": [[referrer.column, "includes", reference]],
                "mutations": [[referrer.column, "delete", reference]],
            }
