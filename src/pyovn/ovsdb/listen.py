"""A ``Server`` on the streams of a ``Runtime``: bytes to messages, and connections that come and go.

``Remote`` waits for clients at a passive address.  It gives them what ``RemoteOptions`` say, and tells how it
is in the words of a Connection row (ovn-sb(5), "Status").  Where the server connects: ``outbound``.

Probes: a client that is silent for ``probe_interval`` seconds gets an ``echo``, and is dropped if it stays
silent as long again (0 switches this off).  Traffic of any kind counts as a sign of life.  On the same
machine the system tells when a client is gone, so Unix sockets are not probed unless it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.authority import Authority
from pyovn.ovsdb.reconnect import MAX_BACKOFF
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.server import Server
    from pyovn.ovsdb.server_session import ServerSession
    from pyovn.sim.runtime import Listener, Runtime, Stream, Timer

PROBE_INTERVAL: Final = 5.0
MAX_REQUEST: Final = 256 << 20
FAREWELL: Final = 1 << 20
"""Bytes that a client which is disconnected may still take; more is let go of, or slow clients that come
again and again would have any amount kept for them."""
_PROBE: Final = jsonrpc.encode(jsonrpc.request("echo", "echo", []))


class RemoteOptions(NamedTuple):
    """What a Connection or Manager row says of its target (ovsdb-server(1), ``--remote``); seconds."""

    probe_interval: float = PROBE_INTERVAL
    max_backoff: float = MAX_BACKOFF
    read_only: bool = False
    role: str = ""


class RemoteStatus(NamedTuple):
    """How a remote is, as columns ``is_connected`` and ``status`` of its row say it."""

    is_connected: bool
    status: dict[str, str]


def default_options(address: str) -> RemoteOptions:
    """The options of a remote of which nothing is said."""
    probed = not address.startswith(("unix:", "punix:", "mem:"))
    return RemoteOptions(PROBE_INTERVAL if probed else 0.0)


def _nothing(*_args: Any) -> None:
    """Stand in for callbacks of a stream that is of no interest any more."""


class Connection:
    """One client's stream, joined with its session."""

    def __init__(self, runtime: Runtime, server: Server, stream: Stream, options: RemoteOptions) -> None:
        self._runtime = runtime
        self._stream = stream
        self._decoder = jsonrpc.Decoder(MAX_REQUEST)
        self._probe_interval = options.probe_interval
        self._heard = runtime.now()
        self._timer: Timer | None = None
        self.session: ServerSession = server.connect(
            stream.write,
            send_now=stream.send_now,
            peer=stream.peer,
            close=self._drop,
            backlog=stream.backlog,
            authority=Authority(options.read_only, options.role, stream.identity),
        )
        self.on_end: Callable[[Connection, str], None] = _nothing
        stream.on_data = self._received
        stream.on_close = self._lost
        self._schedule(self._probe_interval)

    def set_probe_interval(self, seconds: float) -> None:
        """Probe at another pace."""
        if seconds != self._probe_interval:
            self._probe_interval = seconds
            self._cancel()
            self._schedule(seconds)

    def _received(self, data: bytes) -> None:
        self._heard = self._runtime.now()
        fault = ""
        try:
            messages = self._decoder.feed(data)
        except jsonrpc.JsonRpcError as error:
            messages, fault = error.values, str(error)
        for message in messages:
            self.session.receive(message)
        if self.session.open:
            self.session.note_unfinished(self._decoder.pending)
        if fault and self.session.open:
            self.session.server.log("warn", f"{self._stream.peer}: {fault}")
            self.session.drop("protocol error")

    def _lost(self, reason: str) -> None:
        self.session.closed()
        self._end(reason)

    def _drop(self) -> None:
        self._stream.on_data = self._stream.on_close = _nothing
        if self._stream.backlog() > FAREWELL:
            self._stream.abort()
        else:
            self._stream.close()
        self._end("")

    def _end(self, reason: str) -> None:
        self._cancel()
        # Connection and session refer to each other and are collected late; half a message may be large.
        self._decoder.forget()
        self.on_end(self, reason)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, delay: float) -> None:
        if self._probe_interval > 0:
            self._timer = self._runtime.call_later(delay, self._check)

    def _check(self) -> None:
        silent = self._runtime.now() - self._heard
        interval = self._probe_interval
        if silent >= 2 * interval:
            text = f"no response to inactivity probe after {interval:g} seconds, disconnecting"
            self.session.server.log("err", f"{self._stream.peer}: {text}")
            self.session.drop("inactive")
        elif silent >= interval:
            self.session.send(_PROBE)
            self._schedule(2 * interval - silent)
        else:
            self._schedule(interval - silent)


class Remote:
    """A passive address at which a server is to be had; raises ``OSError`` when made."""

    def __init__(
        self, runtime: Runtime, server: Server, address: str, options: RemoteOptions | None = None
    ) -> None:
        self._runtime = runtime
        self._server = server
        self.options = default_options(address) if options is None else options
        self._connections: set[Connection] = set()
        self._listener: Listener = runtime.listen(address, self._accept)

    @property
    def address(self) -> str:
        """The bound address."""
        return self._listener.address

    def _accept(self, stream: Stream) -> None:
        connection = Connection(self._runtime, self._server, stream, self.options)
        self._connections.add(connection)
        connection.on_end = lambda gone, _reason: self._connections.discard(gone)

    def set_options(self, options: RemoteOptions) -> None:
        """Be another way from now on; clients whose rights change must come again."""
        if differ_in_rights(options, self.options):
            self._drop("remote was changed")
        self.options = options
        for connection in self._connections:
            connection.set_probe_interval(options.probe_interval)

    def status(self) -> RemoteStatus:
        """How it is."""
        status = {"sec_since_connect": "0", "sec_since_disconnect": "0"}
        family, _, rest = self.address.partition(":")
        if family in {"ptcp", "pssl"}:
            status["bound_port"] = rest.partition(":")[0]
        if len(self._connections) > 1:
            status["n_connections"] = str(len(self._connections))
        return RemoteStatus(bool(self._connections), status)

    def close(self) -> None:
        """Stop listening and drop the clients that came this way."""
        self._listener.close()
        self._drop("remote was removed")

    def _drop(self, reason: str) -> None:
        for connection in tuple(self._connections):
            connection.session.drop(reason)


def differ_in_rights(options: RemoteOptions, before: RemoteOptions) -> bool:
    """Whether clients that came under ``before`` must come again."""
    return (options.read_only, options.role) != (before.read_only, before.role)
