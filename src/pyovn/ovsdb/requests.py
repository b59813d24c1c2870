"""What clients ask of a server, and what its answers mean; shared by ``session`` and ``blocking``.

Monitor requests are composed from a replica's layout: only tables and columns that the server's schema
has are named.  Conditions are per table: True (all rows), False (none), or a list of <condition>
(RFC 7047 section 5.1), of which a row must meet one.  An empty list therefore means no row, whereas on
the wire it would mean all of them (ovsdb-server(7), section 4.1.12).

An answer is a ``Reply``: results, or an error as text.  ovsdb-server leaves ``result`` out of an error
reply and writes errors as text or as an RFC 7047 <error> object; ``error_text`` reads both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyovn.ovsdb.replica import Replica
    from pyovn.ovsdb.schema import DatabaseSchema

Condition = bool | list[Any]

CONNECTION_LOST: Final = "connection lost"
"""The request was sent and the connection ended before its answer: the outcome is unknown."""

NOT_CONNECTED: Final = "not connected"
"""The request was not sent."""

ZERO_ID: Final = "00000000-0000-0000-0000-000000000000"
"""No transaction; asks ``monitor_cond_since`` for everything."""


def lacking(schema: DatabaseSchema | None, required: Mapping[str, Sequence[str]]) -> list[str]:
    """Which tables (``T``) and columns (``T.c``) of ``required`` a schema lacks; all, when there is none."""
    tables = {} if schema is None else schema.tables
    lacks: list[str] = []
    for name, columns in required.items():
        if name not in tables:
            lacks.append(name)
        else:
            lacks.extend(f"{name}.{c}" for c in columns if c not in tables[name].columns)
    return lacks


class Reply(NamedTuple):
    """The answer to a request.

    ``results`` is what the server sent, for a transaction the list with one element per operation.
    ``error`` is None on success; for a transaction also an operation's error counts.
    """

    results: Any
    error: str | None = None


def error_text(error: Any) -> str:
    """An error of the wire in one line: ``constraint violation: details``."""
    if isinstance(error, dict):
        text = str(error.get("error", "error"))
        return f"{text}: {error['details']}" if error.get("details") else text
    return str(error)


def reply_from(message: Mapping[str, Any]) -> Reply:
    """Read a JSON-RPC response."""
    error = message.get("error")
    return Reply(message.get("result"), None if error is None else error_text(error))


def transaction_reply(message: Mapping[str, Any]) -> Reply:
    """Read the response to ``transact``: the first error among the results is the transaction's."""
    reply = reply_from(message)
    if reply.error is None:
        if not isinstance(reply.results, list):
            return Reply(None, "malformed reply to a transaction")
        for result in reply.results:
            if isinstance(result, dict) and "error" in result:
                return Reply(reply.results, error_text(result))
    return reply


def transaction(database: str, operations: Sequence[Any]) -> list[Any]:
    """The parameters of ``transact`` (RFC 7047 section 4.1.3)."""
    return [database, *operations]


def where(condition: Condition) -> list[Any]:
    """The ``where`` member of a monitor request."""
    if condition is True or condition is False:
        return [condition]
    return list(condition) or [False]


def monitor_requests(
    replica: Replica, conditions: Mapping[str, Condition] | None
) -> dict[str, list[dict[str, Any]]]:
    """<monitor-cond-requests> for the tables that the server has.

    With ``conditions`` None there is no ``where`` at all, as plain ``monitor`` wants it.
    """
    requests: dict[str, list[dict[str, Any]]] = {}
    for table in replica.tables.values():
        if not table.exists:
            continue
        request: dict[str, Any] = {"columns": list(table.present)}
        condition = True if conditions is None else conditions.get(table.name, True)
        if condition is not True:
            request["where"] = where(condition)
        requests[table.name] = [request]
    return requests
