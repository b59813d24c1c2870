"""A client for tools: one socket, one request at a time, no event loop.

A tool connects, fetches what it needs, sends a transaction, perhaps waits for an effect, and ends.  It
is started dozens of times in a row by scripts, so this module imports little: no asyncio, no runtime.

``fetch`` leaves its monitor in place, hence the replica goes on following the database whenever bytes
are read: before ``transact`` returns, its effects are in the replica (ovsdb-server(7), section 4.1.5),
and ``wait_for`` reads until a predicate holds.  Echo requests of the server are answered while reading.

Remotes are ovsdb(7)'s active connection methods ``unix:``, ``tcp:`` and ``ssl:``, several by commas; each
is tried once, in turn.  ``dial`` may be another way to a socket: ``ovsdb-client`` also waits for servers.
With ``leader_only`` a clustered database is accepted from its leader only.  The TLS library takes its time
to load, so ``tls`` is a function, asked for key files by an ``ssl:`` remote only.

Errors: ``ConnectionFailedError`` (no remote took us, or the connection was lost; ``.remote`` and
``.reason`` hold what the C tools print as ``REMOTE: database connection failed (REASON)``),
``RequestError`` (the server refused; ``.error`` holds the error as received), ``DeadlineError``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.replica import Change, Replica
from pyovn.ovsdb.requests import Reply, error_text, monitor_requests, transaction, transaction_reply
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.sim.address import below_tls, parse_active, unix_name
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from pyovn.ovsdb.requests import Condition
    from pyovn.sim.address import Address
    from pyovn.sim.tlsfiles import TlsFiles

    Tls = Callable[[], TlsFiles]
    Dial = Callable[[str, float | None, Tls | None], socket.socket]

_READ: Final = 1 << 20
_SPLIT: Final = re.compile(r",(?=unix:|tcp:|ssl:)")
_UPDATES: Final = frozenset(("update", "update2"))


class BlockingError(Exception):
    """Anything that keeps a tool from its database."""


class ConnectionFailedError(BlockingError):
    """No connection, or not any more."""

    def __init__(self, remote: str, reason: str) -> None:
        super().__init__(f"{remote}: database connection failed ({reason})")
        self.remote = remote
        self.reason = reason


class RequestError(BlockingError):
    """The server answered with an error."""

    def __init__(self, method: str, error: Any) -> None:
        super().__init__(f"{method}: {error_text(error)}")
        self.method = method
        self.error = error


class DeadlineError(BlockingError):
    """The time is over."""


def split_remotes(remotes: str) -> list[str]:
    """``unix:a,tcp:b:1`` as a list; a comma within a path does not split."""
    return _SPLIT.split(remotes)


def connect(remote: str, timeout: float | None, tls: Tls | None) -> socket.socket:
    """Connect to one remote; raises ``OSError``."""
    carrier = below_tls(remote)
    if carrier is not None:
        from pyovn.ovsdb import blocking_tls

        return blocking_tls.connect(_connected, parse_active(carrier), timeout, tls)
    return _connected(parse_active(remote), timeout)


def _connected(address: Address, timeout: float | None) -> socket.socket:
    """A connection without TLS; raises ``OSError``."""
    if address.family == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(timeout)
            with unix_name(address.name) as name:
                made.connect(name)
        except BaseException:
            made.close()
            raise
        return made
    made = socket.create_connection((address.name, address.port), timeout)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _reason(error: Exception) -> str:
    """The system's words; what TLS says has library and line in it and is a protocol error to the user."""
    if getattr(error, "library", None) == "SSL":
        return os.strerror(errno.EPROTO)
    return getattr(error, "strerror", None) or str(error)


def _say_farewell(made: socket.socket) -> None:
    """End TLS, if there is any, so that the peer logs no broken connection."""
    unwrap = getattr(made, "unwrap", None)
    if unwrap is not None:
        made.settimeout(0)  # the peer's answer is not waited for
        with contextlib.suppress(OSError, ValueError):
            unwrap()


class BlockingClient:
    """A connection to one of ``remotes``; ``timeout`` bounds the life of the client in seconds."""

    def __init__(
        self,
        remotes: str,
        timeout: float | None = None,
        *,
        leader_only: bool = False,
        tls: Tls | None = None,
        dial: Dial = connect,
    ) -> None:
        self.remotes = split_remotes(remotes)
        self.tls = tls
        self.dial = dial
        self.remote = self.remotes[0]
        """The remote that is connected, or the one that failed last."""
        self.notifications: list[dict[str, Any]] = []
        """Notifications that belong to no replica of ours; the owner takes them out."""
        self.replica: Replica | None = None
        self.changes: list[Change] = []
        """Changes of the replica since ``fetch``; the owner may clear them."""
        self._leader_only = leader_only
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._socket: socket.socket | None = None
        self._decoder = jsonrpc.Decoder()
        self._messages: list[Any] = []
        self._schemas: dict[str, DatabaseSchema] = {}
        self._next_id = 0
        self._monitor: Any = None

    def connect(self, database: str | None = None) -> None:
        """Connect now rather than at the first request; ``database`` is whose leader is looked for."""
        if self._socket is not None:
            return
        failure: ConnectionFailedError | None = None
        for remote in self.remotes:
            self.remote = remote
            try:
                self._socket = self.dial(remote, self._left(), self.tls)
            except TimeoutError as error:
                raise DeadlineError(f"{remote}: no connection in time") from error
            except (OSError, ValueError) as error:
                failure = ConnectionFailedError(remote, _reason(error))
                continue
            if database is None or not self._leader_only or self._leads(database):
                return
            self.close()
            failure = ConnectionFailedError(remote, "not the leader of the cluster")
        assert failure is not None
        raise failure

    def close(self) -> None:
        """Close the connection; the replica stays as it is."""
        if self._socket is not None:
            _say_farewell(self._socket)
            self._socket.close()
            self._socket = None
        self._decoder = jsonrpc.Decoder()
        self._messages.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def request(self, method: str, params: Any) -> Any:
        """Send a request and return its result; raises ``RequestError``."""
        message = self._call(method, params)
        if message.get("error") is not None:
            raise RequestError(method, message["error"])
        return message.get("result")

    def list_databases(self) -> list[str]:
        """Names of the databases on the server (RFC 7047 section 4.1.1)."""
        return list(self.request("list_dbs", []))

    def get_schema(self, database: str) -> DatabaseSchema:
        """The schema of ``database``; asked for once."""
        schema = self._schemas.get(database)
        if schema is None:
            self.connect(database)
            schema = self._schemas[database] = DatabaseSchema.from_json(
                self.request("get_schema", [database])
            )
        return schema

    def transact(self, database: str, operations: Sequence[Any]) -> Reply:
        """Send a transaction; its effects are in the replica when this returns."""
        self.connect(database)
        return transaction_reply(self._call("transact", transaction(database, operations)))

    def fetch(
        self,
        database: str,
        tables: Mapping[str, Sequence[str] | None],
        *,
        conditions: Mapping[str, Condition] | None = None,
        expected: DatabaseSchema | None = None,
    ) -> Replica:
        """The contents of ``tables`` (columns, or None for all), followed from now on.

        One replica at a time: a second ``fetch`` replaces the first.
        """
        schema = self.get_schema(database)
        if self._monitor is not None:
            self.request("monitor_cancel", [self._monitor])
        wanted = {name: self._columns(schema, name, columns) for name, columns in tables.items()}
        replica = Replica(wanted, expected)
        replica.bind(schema)
        self.replica, self._monitor = replica, ["pyovn", self._next_id]
        conditional = monitor_requests(replica, conditions or {})
        message = self._call("monitor_cond", [database, self._monitor, conditional])
        if message.get("error") == "unknown method":
            plain = monitor_requests(replica, None)
            message = self._call("monitor", [database, self._monitor, plain])
        if message.get("error") is not None:
            raise RequestError("monitor_cond", message["error"])
        replica.replace(message["result"])
        self.changes.clear()
        return replica

    def wait_for(self, predicate: Callable[[Replica], bool]) -> None:
        """Follow the database until ``predicate`` holds; raises ``DeadlineError``."""
        assert self.replica is not None, "wait_for needs a fetch before it"
        while not predicate(self.replica):
            self.pump()

    def fileno(self) -> int:
        """The descriptor of the connection, for who waits for several."""
        assert self._socket is not None
        return self._socket.fileno()

    @property
    def has_more(self) -> bool:
        """Whether something has come that the descriptor does not tell of."""
        return bool(self._messages) or bool(getattr(self._socket, "pending", int)())

    def pump(self) -> None:
        """Wait for one message of the server and act on it."""
        self._dispatch(self._receive())

    def _call(self, method: str, params: Any) -> dict[str, Any]:
        self.connect()
        name = self._next_id
        self._next_id += 1
        self._send(jsonrpc.request(name, method, params))
        while True:
            message = self._receive()
            if message.get("id") == name and "method" not in message:
                return message
            self._dispatch(message)

    def _dispatch(self, message: dict[str, Any]) -> None:
        method: Any = message.get("method")
        params: Any = message.get("params")
        if method == "echo" and message.get("id") is not None:
            self._send(jsonrpc.response(message["id"], params))
        elif method in _UPDATES and self.replica is not None and params[0] == self._monitor:
            self.changes += self.replica.apply(params[1])
        elif method is not None:
            self.notifications.append(message)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._socket is not None
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(jsonrpc.encode(message))
        except TimeoutError as error:
            raise DeadlineError(f"{self.remote}: the server takes no request") from error
        except OSError as error:
            raise self._lost(_reason(error)) from error

    def _receive(self) -> dict[str, Any]:
        while not self._messages:
            if self._socket is None:
                raise ConnectionFailedError(self.remote, "not connected")
            try:
                self._socket.settimeout(self._left())
                data = self._socket.recv(_READ)
                if not data:
                    raise self._lost("End of file")
                self._messages += self._decoder.feed(data)
            except TimeoutError as error:
                raise DeadlineError(f"{self.remote}: no answer in time") from error
            except jsonrpc.JsonRpcError as error:
                raise self._lost(str(error)) from error
            except OSError as error:
                raise self._lost(_reason(error)) from error
        message = self._messages.pop(0)
        if not isinstance(message, dict):
            raise self._lost("a message that is not an object")
        return message

    def _lost(self, reason: str) -> ConnectionFailedError:
        self.close()
        return ConnectionFailedError(self.remote, reason)

    def _left(self) -> float | None:
        if self._deadline is None:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise DeadlineError("timeout")
        return left

    def _leads(self, database: str) -> bool:
        """Ask ``_Server`` (ovsdb-server(5)); a server without that database is not clustered."""
        query = {
            "op": "select",
            "table": "Database",
            "where": [["name", "==", database]],
            "columns": ["model", "connected", "leader"],
        }
        reply = transaction_reply(self._call("transact", transaction("_Server", [query])))
        if reply.error is not None:
            return True
        rows = reply.results[0]["rows"]
        return all(row["model"] != "clustered" or (row["connected"] and row["leader"]) for row in rows)

    @staticmethod
    def _columns(schema: DatabaseSchema, table: str, columns: Sequence[str] | None) -> Sequence[str]:
        if columns is not None:
            return columns
        known = schema.tables.get(table)
        return () if known is None else tuple(known.columns)
