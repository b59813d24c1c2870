"""A ``Server`` on the streams of a ``Runtime``: bytes to messages, and connections that come and go.

Also probes: a client that is silent for ``probe_interval`` seconds gets an ``echo``, and is dropped if
it stays silent as long again (0 switches this off).  Traffic of any kind counts as a sign of life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.server import Server
    from pyovn.ovsdb.server_session import ServerSession
    from pyovn.sim.runtime import Listener, Runtime, Stream, Timer

PROBE_INTERVAL: Final = 5.0
MAX_REQUEST: Final = 256 << 20
_PROBE: Final = jsonrpc.encode(jsonrpc.request("echo", "echo", []))


def _nothing(*_args: Any) -> None:
    """Stand in for callbacks of a stream that is of no interest any more."""


class Connection:
    """One client's stream, joined with its session."""

    def __init__(self, runtime: Runtime, server: Server, stream: Stream, probe_interval: float) -> None:
        self._runtime = runtime
        self._stream = stream
        self._decoder = jsonrpc.Decoder(MAX_REQUEST)
        self._probe_interval = probe_interval
        self._heard = runtime.now()
        self._timer: Timer | None = None
        self.session: ServerSession = server.connect(
            stream.write, peer=stream.peer, close=self._drop, backlog=stream.backlog
        )
        self.on_end: Callable[[Connection], None] = _nothing
        stream.on_data = self._received
        stream.on_close = self._lost
        self._schedule(probe_interval)

    def _received(self, data: bytes) -> None:
        self._heard = self._runtime.now()
        fault = ""
        try:
            messages = self._decoder.feed(data)
        except jsonrpc.JsonRpcError as error:
            messages, fault = error.values, str(error)
        for message in messages:
            self.session.receive(message)
        if fault and self.session.open:
            self.session.server.log("warn", f"{self._stream.peer}: {fault}")
            self.session.drop("protocol error")

    def _lost(self, _reason: str) -> None:
        self.session.closed()
        self._end()

    def _drop(self) -> None:
        self._stream.on_data = self._stream.on_close = _nothing
        self._stream.close()
        self._end()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.on_end(self)

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
    """A passive address at which a server is to be had."""

    def __init__(
        self, runtime: Runtime, server: Server, address: str, *, probe_interval: float = PROBE_INTERVAL
    ) -> None:
        self._runtime = runtime
        self._server = server
        self._probe_interval = probe_interval
        self._connections: set[Connection] = set()
        self._listener: Listener = runtime.listen(address, self._accept)

    @property
    def address(self) -> str:
        """The bound address."""
        return self._listener.address

    def _accept(self, stream: Stream) -> None:
        connection = Connection(self._runtime, self._server, stream, self._probe_interval)
        self._connections.add(connection)
        connection.on_end = self._connections.discard

    def close(self) -> None:
        """Stop listening and drop the clients that came this way."""
        self._listener.close()
        for connection in tuple(self._connections):
            connection.session.drop("remote was removed")
