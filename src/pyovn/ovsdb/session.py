"""What a client says to a server on one connection after the other, as a state machine without I/O.

``begin`` is called for each new connection.  The session then asks two things at once: the state of the
database on this server (``_Server``, ovsdb-server(5)) and its schema.  A server that will not do (no such
database, not in touch with its cluster, not the leader when we want the leader, behind what we have
seen) is refused, and the owner goes to the next remote.  Otherwise the database is monitored with
``monitor_cond_since``, or with ``monitor_cond`` or ``monitor`` where the server is too old, and the
session is live as soon as the contents are in the replica.

Resuming.  The id of the last transaction is kept over connections, so that a server that knows it sends
only what came after (ovsdb-server(7), section 4.1.15).  When it does not, everything is sent and
``Replica.replace`` finds the differences.  The id is dropped when it would be unsafe: when the schema has
changed, when the cluster is another one (the database was rebuilt, and operators are told, as they are
when a standalone server has none of the rows that were known), when an update did not fit, or when the
connection ended while a change of conditions was under way (its rows may or may not have come).

Conditions.  ``wanted`` is what the owner asked for last, ``_acked`` what the server follows; at most one
``monitor_cond_change`` is under way.  The server sends the rows before the reply (section 4.1.13), so
``conditions_settled`` means that the contents are there.

Order.  Changes are collected and handed over by ``flush``, which happens before any reply to a
transaction is handed on: the owner sees what it did before it is told that it was done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from pyovn.ovsdb.replica import Change, Replica, UpdateError
from pyovn.ovsdb.requests import (
    CONNECTION_LOST,
    NOT_CONNECTED,
    ZERO_ID,
    Condition,
    Reply,
    error_text,
    lacking,
    monitor_requests,
    transaction,
    transaction_reply,
    where,
)
from pyovn.ovsdb.schema import DatabaseSchema, SchemaError
from pyovn.ovsdb.server_state import ServerState
from pyovn.ovsdb.updates import MALFORMED
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Message = dict[str, Any]
_SERVER_MONITOR: Final = ["monid", "_Server"]
_METHODS: Final = ("monitor_cond_since", "monitor_cond", "monitor")


_NOTIFICATIONS: Final = {
    "update3": 3,
    "update2": 2,
    "update": 2,
    "monitor_canceled": 1,
    "locked": 1,
    "stolen": 1,
}
"""How many parameters a notification has; others are not for us."""


class RefusedError(Exception):
    """This connection is of no use (any more); the text says why."""


def _copied(conditions: Mapping[str, Condition]) -> dict[str, Condition]:
    """The owner may go on to change its lists."""
    return {name: c if isinstance(c, bool) else list(c) for name, c in conditions.items()}


def _elements(method: str, value: Any, count: int) -> list[Any]:
    if not isinstance(value, list) or len(value) != count:
        raise UpdateError(f"{method}: expected an array of {count} elements")
    return value


class Owner(Protocol):
    """Whom a session reports to."""

    def session_changed(self, changes: list[Change]) -> None:
        """Rows of the replica have changed."""

    def session_progressed(self) -> None:
        """``live`` or ``conditions_settled`` has changed."""

    def session_lock(self, name: str, held: bool) -> None:
        """A lock was got or lost."""

    def session_log(self, level: str, text: str) -> None:
        """What operators want to read."""


class Session:
    """See the module.  ``receive`` raises ``RefusedError``; the owner then ends the connection."""

    def __init__(
        self,
        owner: Owner,
        database: str,
        replica: Replica,
        *,
        leader_only: bool = True,
        conditions: Mapping[str, Condition] | None = None,
        required: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.database = database
        self.replica = replica
        self.schema: DatabaseSchema | None = None
        self.live = False
        self.wanted: dict[str, Condition] = _copied(conditions or {})
        self._owner = owner
        self._required = required or {}
        self._told = ""
        """What the schema was last seen to lack: said loudly once, not at every attempt."""
        self._server = ServerState(database, leader_only=leader_only)
        self._monitor = ["monid", database]
        self._acked: dict[str, Condition] = {}
        self._last_id = ZERO_ID
        self._expects_others = False
        """Whether contents that share nothing with what is known have been explained already."""
        self._change_under_way = False
        self._method = 0
        self._locks: dict[str, bool] = {}
        self._changes: list[Change] = []
        self._send: Callable[[Message], None] | None = None
        self._pending: dict[int, Callable[[Message | None], None]] = {}
        self._next_id = 0
        self._server_known = self._schema_known = False

    # Connections

    def begin(self, send: Callable[[Message], None]) -> None:
        """A connection is there; ``send`` takes messages until ``end``."""
        self._send = send
        self._method = 0
        self._server_known = self._schema_known = False
        self._request("monitor_cond", ["_Server", _SERVER_MONITOR, ServerState.REQUEST], self._on_server)
        self._request("get_schema", [self.database], self._on_schema)

    def end(self) -> None:
        """The connection is gone; whoever waits for an answer gets an error."""
        if self._send is None:
            return
        self._send = None
        was_live, self.live = self.live, False
        if self._change_under_way:
            self._change_under_way = False
            self._last_id = ZERO_ID
        self.flush()
        pending, self._pending = self._pending, {}
        for handler in pending.values():
            handler(None)
        for name, held in list(self._locks.items()):
            self._set_lock(name, held=False, was=held)
        if was_live:
            self._owner.session_progressed()

    def probe(self) -> None:
        """Ask whether the peer lives (RFC 7047 section 4.1.11)."""
        if self._send is not None:
            self._send(jsonrpc.request("echo", "echo", []))

    def flush(self) -> None:
        """Hand over the changes collected so far."""
        if self._changes:
            changes, self._changes = self._changes, []
            self._owner.session_changed(changes)

    def receive(self, message: Any) -> None:
        """Act on one message of the server."""
        if not isinstance(message, dict):
            raise RefusedError("the server sent something that is no JSON-RPC message")
        method, name = message.get("method"), message.get("id")
        try:
            if method is None:
                handler = self._pending.pop(name, None) if isinstance(name, int) else None
                if handler is not None:
                    handler(message)
            elif name is not None:
                self._serve(message)
            else:
                self._notified(method, message.get("params"))
        except UpdateError as error:
            self._last_id = ZERO_ID
            raise RefusedError(str(error)) from error

    # What the owner wants

    def transact(self, operations: Sequence[Any], done: Callable[[Reply], None]) -> bool:
        """Send a transaction; False (and ``done`` is not called) when the session is not live."""
        if not self.live:
            return False

        def answered(message: Message | None) -> None:
            if message is None:
                done(Reply(None, CONNECTION_LOST))
                return
            self.flush()
            done(transaction_reply(message))

        self._request("transact", transaction(self.database, operations), answered)
        return True

    def set_conditions(self, conditions: Mapping[str, Condition]) -> None:
        """Ask for other rows; tables that are not named stay as they are."""
        self.wanted.update(_copied(conditions))
        if self.live:
            self._sync_conditions()

    @property
    def conditions_settled(self) -> bool:
        """Whether the replica holds what ``wanted`` asks for."""
        return self.live and not self._change_under_way and not self._differing()

    def lock(self, name: str) -> None:
        """Want the lock ``name`` now and after every reconnect."""
        if name not in self._locks:
            self._locks[name] = False
            if self.live:
                self._ask_lock(name)

    def unlock(self, name: str) -> None:
        """Give the lock up."""
        if self._locks.pop(name, None) is not None and self.live:
            self._request("unlock", [name], lambda _message: None)

    def has_lock(self, name: str) -> bool:
        """Whether the server says that the lock is ours."""
        return self._locks.get(name, False)

    # Handshake

    def _on_server(self, message: Message | None) -> None:
        if message is None:
            return
        if message.get("error") is None:  # a server before OVS 2.9 has no _Server, nor clusters
            self._server.update(message.get("result"), initial=True)
            self._check_server()
        self._server_known = True
        self._start()

    def _check_server(self) -> None:
        refusal = self._server.refusal()
        if refusal is not None:
            raise RefusedError(refusal)
        rebuilt = self._server.rebuilt()
        if rebuilt is not None:
            self._last_id = ZERO_ID
            self._expects_others = True
            self._owner.session_log(
                "warn", f"{self.database} was rebuilt ({rebuilt}): all that was known of it is read anew"
            )

    def _on_schema(self, message: Message | None) -> None:
        if message is None:
            return
        if message.get("error") is not None:
            raise RefusedError(error_text(message["error"]))
        try:
            schema = DatabaseSchema.from_json(message.get("result"))
        except (SchemaError, *MALFORMED) as error:
            raise RefusedError(f"schema of {self.database}: {error}") from error
        self._check_required(schema)
        if schema != self.schema:
            self.schema = schema
            self.replica.bind(schema)
            self._last_id = ZERO_ID
        self._schema_known = True
        self._start()

    def _check_required(self, schema: DatabaseSchema) -> None:
        lacks = ", ".join(lacking(schema, self._required))
        if not lacks:
            self._told = ""
            return
        text = f"{self.database} {schema.version} on this server lacks {lacks}, which this program requires"
        if lacks != self._told:
            self._told = lacks
            self._owner.session_log("err", f"{text}; the database is to be converted to a newer schema")
        raise RefusedError(text)

    def _start(self) -> None:
        """Monitor, when the server has been found good and the schema is known."""
        if not (self._server_known and self._schema_known):
            return
        if self._last_id == ZERO_ID:
            self._expects_others |= self._acked != self.wanted
            self._acked = dict(self.wanted)
        method = _METHODS[self._method]
        conditions = None if method == "monitor" else self._acked
        params = [self.database, self._monitor, monitor_requests(self.replica, conditions)]
        if method == "monitor_cond_since":
            params.append(self._last_id)
        self._request(method, params, self._on_contents)

    def _on_contents(self, message: Message | None) -> None:
        if message is None:
            return
        if message.get("error") is not None:
            self._last_id = ZERO_ID
            if message["error"] != "unknown method" or self._method + 1 == len(_METHODS):
                raise RefusedError(error_text(message["error"]))
            self._method += 1
            self._start()
            return
        found, last_id, contents = False, ZERO_ID, message.get("result")
        if self._method == 0:
            found, last_id, contents = _elements("monitor_cond_since", contents, 3)
        if found and self._last_id != ZERO_ID:
            self._changes += self.replica.apply(contents)
        else:
            self._replace(contents)
        self._last_id = last_id
        self.live = True
        for name in self._locks:
            self._ask_lock(name)
        self._sync_conditions()
        self.flush()
        self._owner.session_progressed()

    def _replace(self, contents: Any) -> None:
        """Take whole contents; if nothing is left of what was known, this is another database."""
        known = sum(len(table.rows) for table in self.replica.tables.values())
        changes = self.replica.replace(contents)
        self._changes += changes
        if known and not self._expects_others and sum(change.new is None for change in changes) == known:
            what = f"none of the {known} rows that were known is in it"
            self._owner.session_log("warn", f"{self.database} was rebuilt ({what}): it was read anew")
        self._expects_others = False

    # Conditions

    def _differing(self) -> dict[str, Condition]:
        """Conditions that the server does not follow yet; plain ``monitor`` follows none."""
        if self._method == 2:
            return {}
        tables = self.replica.tables
        return {
            name: condition
            for name, condition in self.wanted.items()
            if condition != self._acked.get(name, True) and name in tables and tables[name].exists
        }

    def _sync_conditions(self) -> None:
        if self._change_under_way:
            return
        change = self._differing()
        if not change:
            return
        self._change_under_way = True
        request = {name: [{"where": where(condition)}] for name, condition in change.items()}

        def answered(message: Message | None) -> None:
            if message is None:
                return
            self._change_under_way = False
            if message.get("error") is not None:
                self._last_id = ZERO_ID
                raise RefusedError(f"monitor_cond_change: {error_text(message['error'])}")
            self._acked.update(change)
            self._sync_conditions()
            if not self._change_under_way:
                self.flush()
                self._owner.session_progressed()

        self._request("monitor_cond_change", [self._monitor, self._monitor, request], answered)

    # Messages

    def _request(self, method: str, params: Any, handler: Callable[[Message | None], None]) -> None:
        assert self._send is not None, NOT_CONNECTED
        name = self._next_id
        self._next_id += 1
        self._pending[name] = handler
        self._send(jsonrpc.request(name, method, params))

    def _serve(self, message: Message) -> None:
        assert self._send is not None
        if message["method"] == "echo":
            self._send(jsonrpc.response(message["id"], message.get("params")))
        else:
            self._send(jsonrpc.error(message["id"], "unknown method"))

    def _notified(self, method: str, params: Any) -> None:
        count = _NOTIFICATIONS.get(method)
        if count is None:
            return
        subject, *rest = _elements(method, params, count)
        if method in {"locked", "stolen"}:
            if isinstance(subject, str) and subject in self._locks:
                self._set_lock(subject, held=method == "locked", was=self._locks[subject])
        elif subject == _SERVER_MONITOR and method == "update2":
            self._server.update(rest[0])
            self._check_server()
        elif subject != self._monitor:
            return
        elif method == "monitor_canceled":
            self._last_id = ZERO_ID
            raise RefusedError(f"the server has stopped serving {self.database}")
        else:
            self._changes += self.replica.apply(rest[-1])
            if method == "update3":
                self._last_id = rest[0]

    def _ask_lock(self, name: str) -> None:
        def answered(message: Message | None) -> None:
            if message is None or name not in self._locks:
                return
            if message.get("error") is not None:
                raise RefusedError(f"lock {name}: {error_text(message['error'])}")
            result = message.get("result")
            held = isinstance(result, dict) and result.get("locked") is True
            self._set_lock(name, held=held, was=self._locks[name])

        self._request("lock", [name], answered)

    def _set_lock(self, name: str, *, held: bool, was: bool) -> None:
        self._locks[name] = held
        if held != was:
            self.flush()
            self._owner.session_lock(name, held)
