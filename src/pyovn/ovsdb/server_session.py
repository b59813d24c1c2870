"""One client of the server: its requests, monitors, locks and waiting transactions (RFC 7047 section 4).

``METHODS`` is the table of requests.  A handler gets the session, the id and the parameters; it returns
the result, raises ``RefusalError`` with the error to send, or returns ``LATER`` when it has sent or will
send the answer itself.  What is not JSON-RPC ends the connection; what is not OVSDB is an error reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.conversion import parse_schema
from pyovn.ovsdb.errors import OvsdbError, compact, syntax_error
from pyovn.ovsdb.limits import MAX_LOCKS, MAX_MONITORS, Waiting, exhausted
from pyovn.ovsdb.values import ID, UUID
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.authority import Authority
    from pyovn.ovsdb.engine import Outcome
    from pyovn.ovsdb.monitors import Monitor
    from pyovn.ovsdb.server import Hosted, Server

    Handler = Callable[["ServerSession", Any, list[Any]], Any]

_ZERO: Final = str(UUID("00000000-0000-0000-0000-000000000000"))
LATER: Final = object()
_LONG: Final = 4 << 20
"""Bytes from which a text is not copied to be sent in one piece."""


class RefusalError(Exception):
    """A request is answered with ``error``, a JSON value."""

    def __init__(self, error: Any) -> None:
        super().__init__(str(error))
        self.error = error


class ServerSession:
    """See the module."""

    __slots__ = (
        "_authority", "_close", "_locks", "_room", "_send", "_send_now", "_waiting", "backlog",
        "change_aware", "monitors", "open", "peer", "server", "unfinished",
    )  # fmt: skip

    def __init__(
        self,
        server: Server,
        send: Callable[[bytes], None],
        *,
        send_now: Callable[[bytes], int],
        peer: str,
        close: Callable[[], None],
        backlog: Callable[[], int],
        authority: Authority,
    ) -> None:
        self.server = server
        self._authority = authority
        self.peer = peer
        self.change_aware = False
        self.monitors: dict[str, Monitor] = {}
        self.open = True
        self._send = send
        self._send_now = send_now
        self._close = close
        self.backlog = backlog
        self._room = server.max_backlog
        """Bytes that may be sent before the backlog has to be looked at again."""
        self._waiting = Waiting()
        self._locks = 0
        self.unfinished = 0
        """Bytes that are kept of a message whose end has not come."""

    @property
    def authority(self) -> Authority:
        """What this client may do at the moment."""
        return self._authority._replace(read_only=True) if self.server.read_only else self._authority

    # Out

    def send(self, data: bytes) -> None:
        """Queue a message, unless the client takes nothing any more."""
        if not self.open or (self._room < 0 and not self._keeps_up()):
            return
        size = len(data)
        self._room -= size
        self._send(data)
        server = self.server
        server.sent += size
        if server.sent >= server.backlog_check:
            server.check_backlogs()

    def notify(self, data: bytes) -> None:
        """Send a message that nothing follows soon: what can leave at once does, and waits nowhere."""
        if self.open:
            sent = self._send_now(data)
            if sent != len(data):
                self.send(data[sent:])

    def _keeps_up(self) -> bool:
        """Look at what waits for the client; drop it if that is too much."""
        waiting = self.backlog()
        self._room = self.server.max_backlog - waiting
        if self._room >= 0:
            return True
        self.server.log("warn", f"{self.peer}: {waiting} bytes wait to be taken, dropping client")
        self.drop("too slow")
        return False

    def reply(self, id_: Any, result: Any) -> None:
        """Answer a request."""
        self.send(jsonrpc.encode(jsonrpc.response(id_, result)))

    def refuse(self, id_: Any, error: Any) -> None:
        """Answer a request with an error."""
        self.send(jsonrpc.encode(jsonrpc.error(id_, error)))

    def lock_event(self, method: str, name: str) -> None:
        """A lock was ``locked`` or ``stolen``."""
        self.send(jsonrpc.encode(jsonrpc.notification(method, [name])))

    # The connection

    def drop(self, reason: str) -> None:
        """End the connection from this side."""
        if self.open:
            self.server.log("info", f"{self.peer}: closing connection ({reason})")
            self.closed()
            self._close()

    def closed(self) -> None:
        """The connection has ended: let go of everything."""
        if not self.open:
            return
        self.open = False
        self.server.sessions.remove(self)
        for monitor in self.monitors.values():
            monitor.monitors.remove(monitor)
        self.monitors.clear()
        for pending in self._waiting.pop_all():
            self.server.forget(pending)
        self.server.locks.release_all(self)
        self.note_unfinished(0)

    def note_unfinished(self, size: int) -> None:
        """Tell how many bytes are kept of a message whose end has not come."""
        difference, self.unfinished = size - self.unfinished, size
        if difference:
            self.server.note_unfinished(difference)

    def cancel_monitors(self, hosted: Hosted) -> None:
        """Cancel the monitors of a database that is going away, or becoming another one."""
        for key, monitor in list(self.monitors.items()):
            if monitor.monitors is hosted.monitors:
                del self.monitors[key]
                if self.change_aware:
                    self.send(jsonrpc.encode(jsonrpc.notification("monitor_canceled", [monitor.id])))

    # In

    def receive(self, message: object) -> None:
        """Handle one decoded message."""
        if not self.open:
            return
        if not isinstance(message, dict):
            self._bad_message("not a JSON object")
        elif "method" not in message:
            if "result" not in message and "error" not in message:
                self._bad_message("neither request nor reply")
        elif not isinstance(message["method"], str):
            self._bad_message('"method" must be a string')
        else:
            self._request(message["method"], message.get("params"), message.get("id"))

    def _bad_message(self, what: str) -> None:
        self.server.log("warn", f"{self.peer}: received bad JSON-RPC message: {what}")
        self.drop("protocol error")

    def _request(self, method: str, params: Any, id_: Any) -> None:
        if params is None and method == "get_server_id":
            params = []
        if not isinstance(params, list):
            self._bad_message('"params" must be JSON array')
            return
        if id_ is None:
            if method == "cancel" and params:
                self._cancel(params[0])
            return
        handler = METHODS.get(method)
        if handler is None:
            self.refuse(id_, "unknown method")
            return
        try:
            result = handler(self, id_, params)
        except RefusalError as refusal:
            self.refuse(id_, refusal.error)
        except OvsdbError as error:
            self.refuse(id_, error.to_json())
        else:
            if result is not LATER:
                self.reply(id_, result)

    def _cancel(self, id_: Any) -> None:
        pending = self._waiting.pop(compact(id_))
        if pending is not None:
            self.server.forget(pending)
            self.refuse(id_, "canceled")

    def hosted(self, method: str, params: list[Any]) -> Hosted:
        """The database that a request's first parameter names."""
        if not params or not isinstance(params[0], str):
            raise syntax_error(f"{method} request params must begin with <db-name>", params)
        hosted = self.server.databases.get(params[0])
        if hosted is None:
            raise OvsdbError(
                "unknown database", f"{method} request specifies unknown database {params[0]}", params
            )
        return hosted

    # Transactions

    def transact(self, id_: Any, params: list[Any]) -> Any:
        """RFC 7047 section 4.1.3."""
        database = self.hosted("transact", params).database
        key = compact(id_)
        if key in self._waiting:
            raise syntax_error("transact: duplicate request ID", params)

        def done(outcome: Outcome | None) -> None:
            self._waiting.pop(key)
            if outcome is None:
                self.refuse(id_, "canceled")
            else:
                self.reply(id_, outcome.results)

        pending = self.server.transact(database, params[1:], self.holds_lock, done, self.authority)
        if pending is not None:
            size = len(jsonrpc.encode(params))
            if not self._waiting.has_room(size):
                self.server.forget(pending)
                self.server.log("warn", f"{self.peer}: too many waiting transactions, refusing one")
                raise exhausted("waiting transactions")
            self._waiting.add(key, pending, size)
        return LATER

    def holds_lock(self, name: str) -> bool:
        """For ``assert``."""
        return self.server.locks.holds(name, self)

    # Monitors

    def monitor(self, id_: Any, params: list[Any], version: int) -> Any:
        """monitor, monitor_cond and monitor_cond_since."""
        method = ("monitor", "monitor_cond", "monitor_cond_since")[version - 1]
        hosted = self.hosted(method, params)
        if len(params) != (4 if version == 3 else 3):
            raise syntax_error("invalid parameters", params)
        key = compact(params[1])
        if key in self.monitors:
            raise syntax_error("duplicate monitor ID", params[1])
        if len(self.monitors) >= MAX_MONITORS:
            raise exhausted("monitors")
        last_id = params[3] if version == 3 else _ZERO
        if not isinstance(last_id, str):
            raise syntax_error("last-txn-id must be string", last_id)
        if not UUID.is_valid(last_id):
            raise syntax_error("last-txn-id must be UUID format.", last_id)
        monitors = hosted.monitors
        monitor = monitors.add(self.notify, params[1], version, params[2])
        self.monitors[key] = monitor
        if version < 3:
            self._reply_pieces(id_, b"", monitors.initial(monitor), b"")
        else:
            found, updates = monitors.since(monitor, last_id.lower())
            lead = b"[%b,%b," % (jsonrpc.encode(found), jsonrpc.encode(str(monitors.last_id)))
            self._reply_pieces(id_, lead, updates, b"]")
        return LATER

    def _reply_pieces(self, id_: Any, lead: bytes, pieces: list[bytes], end: bytes) -> None:
        """Answer with a long text, which other clients may get too, without copying it."""
        head = b'{"id":%b,"result":%b' % (jsonrpc.encode(id_), lead)
        tail = end + b',"error":null}'
        if sum(map(len, pieces)) < _LONG:
            self.send(b"".join((head, *pieces, tail)))
            return
        for piece in (head, *pieces, tail):
            self.send(piece)

    def monitor_cond_change(self, _id: Any, params: list[Any]) -> Any:
        """ovsdb-server(7), section 4.1.13."""
        if len(params) != 3:
            raise syntax_error("invalid parameters", params)
        old, new = compact(params[0]), compact(params[1])
        monitor = self.monitors.get(old)
        if monitor is None or monitor.version == 1:
            raise syntax_error("unknown monitor session", params[0])
        if new != old and new in self.monitors:
            raise syntax_error("duplicate monitor ID", params[1])
        monitor.monitors.change_conditions(monitor, params[1], params[2])
        if self.open:
            del self.monitors[old]
            self.monitors[new] = monitor
        return {}

    def monitor_cancel(self, _id: Any, params: list[Any]) -> Any:
        """RFC 7047 section 4.1.7."""
        if len(params) != 1:
            raise RefusalError("invalid parameters")
        monitor = self.monitors.pop(compact(params[0]), None)
        if monitor is None:
            raise RefusalError("unknown monitor")
        monitor.monitors.remove(monitor)
        return {}

    # Locks

    def _lock_name(self, method: str, params: list[Any]) -> str:
        if self.authority.read_only:
            raise RefusalError("lock and unlock methods not allowed, DB server is read only.")
        if len(params) != 1 or not isinstance(params[0], str) or not ID.fullmatch(params[0]):
            raise syntax_error(f"{method} request params must be <id>", params)
        return params[0]

    def _count_lock(self) -> None:
        if self._locks >= MAX_LOCKS:
            raise exhausted("locks")
        self._locks += 1

    def lock(self, _id: Any, params: list[Any]) -> Any:
        """RFC 7047 section 4.1.8."""
        name = self._lock_name("lock", params)
        if self.server.locks.waits(name, self):
            raise syntax_error('must issue "unlock" before new "lock"', params)
        self._count_lock()
        return {"locked": self.server.locks.lock(name, self)}

    def steal(self, _id: Any, params: list[Any]) -> Any:
        """RFC 7047 section 4.1.8."""
        name = self._lock_name("steal", params)
        if self.server.locks.waits(name, self):
            raise syntax_error('must issue "unlock" before new "steal"', params)
        self._count_lock()
        self.server.locks.steal(name, self)
        return {"locked": True}

    def unlock(self, _id: Any, params: list[Any]) -> Any:
        """RFC 7047 section 4.1.8."""
        name = self._lock_name("unlock", params)
        if not self.server.locks.waits(name, self):
            raise syntax_error('unlock: "unlock" without "lock" or "steal"', params)
        self._locks -= 1
        self.server.locks.unlock(name, self)
        return {}

    # Others

    def convert(self, id_: Any, params: list[Any]) -> Any:
        """ovsdb-server(7), section 4.1.19."""
        hosted = self.hosted("convert", params)
        if len(params) != 2:
            raise syntax_error("array expected", params)
        schema = parse_schema(params[1])
        self.authority.check_convert(hosted.database.name)
        disconnect = self.server.convert(hosted, schema)
        self.reply(id_, {})
        disconnect()
        return LATER

    def get_schema(self, _id: Any, params: list[Any]) -> Any:
        """RFC 7047 section 4.1.2."""
        return self.hosted("get_schema", params).database.schema.to_json()

    def list_dbs(self, _id: Any, _params: list[Any]) -> Any:
        """RFC 7047 section 4.1.1."""
        return sorted(self.server.databases)

    def set_db_change_aware(self, _id: Any, params: list[Any]) -> Any:
        """ovsdb-server(7), section 4.1.18."""
        if len(params) != 1 or not isinstance(params[0], bool):
            raise syntax_error("set_db_change_aware: true or false parameter expected", params)
        self.change_aware = params[0]
        return {}


METHODS: Final[dict[str, Handler]] = {
    "convert": ServerSession.convert,
    "echo": lambda _session, _id, params: params,
    "get_schema": ServerSession.get_schema,
    "get_server_id": lambda session, _id, _params: session.server.id,
    "list_dbs": ServerSession.list_dbs,
    "lock": ServerSession.lock,
    "monitor": lambda session, id_, params: session.monitor(id_, params, 1),
    "monitor_cancel": ServerSession.monitor_cancel,
    "monitor_cond": lambda session, id_, params: session.monitor(id_, params, 2),
    "monitor_cond_change": ServerSession.monitor_cond_change,
    "monitor_cond_since": lambda session, id_, params: session.monitor(id_, params, 3),
    "set_db_change_aware": ServerSession.set_db_change_aware,
    "steal": ServerSession.steal,
    "transact": ServerSession.transact,
    "unlock": ServerSession.unlock,
}
