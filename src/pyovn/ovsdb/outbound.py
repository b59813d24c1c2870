"""Active remotes: the server connects to a client that waits for it, again and again.

When to connect is ``dial``'s; the connection itself is that of any client (``listen``), so it probes as
its options say.  The status of an active remote tells of the present connection or of the last failure
(ovn-sb(5), Connection, "Status").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovsdb.dial import Dialer
from pyovn.ovsdb.listen import Connection, RemoteOptions, RemoteStatus, default_options, differ_in_rights
from pyovn.ovsdb.reconnect import Reconnect

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.server import Server
    from pyovn.sim.runtime import Runtime, Stream


def _unheard(_level: str, _text: str) -> None:
    """Stand in for a log that nobody has given."""


class ActiveRemote:
    """A client that waits for the server to connect."""

    def __init__(
        self,
        runtime: Runtime,
        server: Server,
        address: str,
        options: RemoteOptions | None = None,
        log: Callable[[str, str], None] = _unheard,
    ) -> None:
        self.address = address
        self.options = default_options(address) if options is None else options
        self._runtime = runtime
        self._server = server
        self._dialer = Dialer(
            runtime,
            Reconnect([address], 0),  # the connection itself probes
            self._connected,
            self._failed,
            log,
        )
        self._dialer.state.max_backoff = self.options.max_backoff
        self._connection: Connection | None = None
        self._times: dict[str, float] = {}
        self._dialer.start()

    def set_options(self, options: RemoteOptions) -> None:
        """Be another way from now on; a client whose rights change is connected again."""
        before, self.options = self.options, options
        self._dialer.state.max_backoff = options.max_backoff
        if self._connection is not None:
            if differ_in_rights(options, before):
                self._connection.session.drop("remote was changed")
            else:
                self._connection.set_probe_interval(options.probe_interval)

    def status(self) -> RemoteStatus:
        """How it is."""
        now = self._runtime.now()
        status = {name: str(int(now - since)) for name, since in self._times.items()}
        status["state"] = self._dialer.state.state
        if self._dialer.last_error:
            status["last_error"] = self._dialer.last_error
        if self._connection is not None:
            held, waiting = self._server.locks.of(self._connection.session)
            if held:
                status["locks_held"] = " ".join(held)
            if waiting:
                status["locks_waiting"] = " ".join(waiting)
        return RemoteStatus(self._connection is not None, status)

    def close(self) -> None:
        """Disconnect and stay so."""
        self._dialer.stop()
        if self._connection is not None:
            self._connection.session.drop("remote was removed")

    def _connected(self, stream: Stream) -> None:
        now = self._runtime.now()
        self._times["sec_since_connect"] = now
        self._dialer.state.serving(now)
        self._connection = Connection(self._runtime, self._server, stream, self.options)
        self._connection.on_end = self._ended

    def _failed(self, why: str) -> None:
        self._dialer.ended(why)

    def _ended(self, _connection: Connection, reason: str) -> None:
        self._connection = None
        self._times["sec_since_disconnect"] = self._runtime.now()
        self._dialer.last_error = reason
        self._dialer.ended(reason or "connection dropped")
