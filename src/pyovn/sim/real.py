"""The runtime of a daemon on a machine: the machine's clock, sockets, and a loop (``eventloop``).

Everything is as on ``virtual``: callbacks on one thread, in the order of asking.  ``mem:NAME`` addresses are
pipes in memory, so the daemons of a sandbox that share one ``RealRuntime`` talk without sockets.

An exception that leaves a callback ends ``run_forever``, which raises it: a daemon whose state may be half
updated must not go on; its monitor starts it again.  A program that has a loop of asyncio's brings it along,
and that one does with exceptions what it always does.

Not here: processes, pidfiles, and what a signal means (``daemon``).
"""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
import time
import weakref
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from pyovn.sim import address as addresses
from pyovn.sim.eventloop import EventLoop
from pyovn.sim.memory import Switchboard
from pyovn.sim.sockets import SocketListener, SocketStream, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.address import Address
    from pyovn.sim.eventloop import Loop
    from pyovn.sim.runtime import Listener, Runtime, Stream, Timer

POLL_INTERVAL = 0.005
"""Seconds between two looks at the predicate of ``run_until``."""


class RealRuntime:
    """Implements ``runtime.Runtime``; see the module."""

    def __init__(self, loop: Loop | None = None) -> None:
        """Use ``loop``, or make one."""
        self.random = random.Random()  # noqa: S311 - spreads load; nothing secret is drawn from it
        self._own_loop = loop is None
        self.loop: Loop = loop if loop is not None else EventLoop()
        self._listeners: set[SocketListener] = set()
        self._streams: weakref.WeakSet[SocketStream] = weakref.WeakSet()
        self._handled: dict[int, Any] = {}
        """Signals, and what was done about them before."""
        self._board = Switchboard(self)

    def now(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` in the loop's next round."""
        self.loop.call_soon(callback)

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` in ``delay`` seconds."""
        return self.loop.call_later(delay, callback)

    def listen(self, address: str, accept: Callable[[Stream], None]) -> Listener:
        """Accept streams at a passive address; raises ``OSError``."""
        if address.startswith("mem:"):
            return self._board.listen(address, accept)
        listener = SocketListener(self.loop, address, accept, self._streams.add)
        self._listeners.add(listener)
        return listener

    def connect(
        self, address: str, connected: Callable[[Stream], None], failed: Callable[[str], None]
    ) -> None:
        """Connect to an active address; one of the callbacks is called later."""
        try:
            key = addresses.parse_active(address)
            if key.family == "mem":
                self._board.connect(address, connected, failed)
                return
            numeric = key.family == "unix" or _is_numeric(key.name)
        except OSError as error:
            self.call_soon(partial(failed, addresses.reason(error)))
            return
        attempt = _Attempt(self, address, connected, failed)
        if numeric:
            self.call_soon(partial(attempt.start, [key]))
        else:
            self._resolve(key, attempt)

    def adopt(self, stream: SocketStream) -> None:
        """Remember a stream until it is gone, to flush it when the runtime closes."""
        self._streams.add(stream)

    def add_signal_handler(self, signum: int, callback: Callable[[], None]) -> None:
        """Run ``callback`` in the loop after the signal has come, also if it comes before the loop runs."""
        self._handled.setdefault(signum, signal.getsignal(signum))
        signal.signal(signum, lambda _signum, _frame: self.loop.call_soon_threadsafe(callback))

    def run_forever(self) -> None:
        """Run until ``stop``; raises what a callback raised."""
        self.loop.run_forever()

    def run_until(self, predicate: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Run until ``predicate()`` holds, at most ``timeout`` seconds; returns whether it did."""
        deadline = self.now() + timeout

        def look() -> None:
            if predicate() or self.now() >= deadline:
                self.stop()
            else:
                self.call_later(POLL_INTERVAL, look)

        self.call_soon(look)
        self.loop.run_forever()
        return predicate()

    def stop(self) -> None:
        """Let ``run_forever`` return after the current round of callbacks."""
        self.loop.stop()

    def close(self) -> None:
        """Give up everything: signals, what the kernel does not take at once, socket files, the loop."""
        for signum, before in self._handled.items():
            signal.signal(signum, before)
        self._handled.clear()
        for listener in list(self._listeners):
            listener.close()
        self._listeners.clear()
        for stream in list(self._streams):
            stream.flush_now()
            stream.abort()
        if self._own_loop:
            self.loop.close()

    def _resolve(self, key: Address, attempt: _Attempt) -> None:
        """Look a name up in a thread, as that may take long."""
        from threading import Thread  # few remotes are names

        def look_up() -> None:
            try:
                found = socket.getaddrinfo(key.name, key.port, type=socket.SOCK_STREAM)
            except OSError as error:
                then = partial(attempt.failed, addresses.reason(error))
            except ValueError:  # a name that cannot be one: a null byte, an empty label
                then = partial(attempt.failed, os.strerror(errno.EINVAL))
            else:
                keys = [addresses.Address("tcp", str(entry[4][0]), key.port) for entry in found]
                then = partial(attempt.start, keys)
            with suppress(RuntimeError):  # what a loop of asyncio's says when it is closed: nobody waits
                self.loop.call_soon_threadsafe(then)

        Thread(target=look_up, name=f"resolve {key.name}", daemon=True).start()


class _Attempt:
    """One call of ``connect``: tries one address after the other."""

    def __init__(
        self,
        runtime: RealRuntime,
        text: str,
        connected: Callable[[Stream], None],
        failed: Callable[[str], None],
    ) -> None:
        self.runtime = runtime
        self.text = text
        self.connected = connected
        self.failed = failed
        self.left: list[Address] = []

    def start(self, keys: list[Address]) -> None:
        """Try ``keys``, of which there is at least one, in their order."""
        self.left = keys
        self._next()

    def _next(self) -> None:
        key = self.left.pop(0)
        try:
            connection, code = self._begin(key)
        except OSError as error:
            self._over(error.errno or errno.EINVAL)
            return
        if code == 0:
            self._done(connection)
        elif code == errno.EINPROGRESS:
            self.runtime.loop.add_writer(connection.fileno(), partial(self._writable, connection))
        else:
            connection.close()
            self._over(code)

    @staticmethod
    def _begin(key: Address) -> tuple[socket.socket, int]:
        if key.family == "unix":
            connection = prepare(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            try:
                with addresses.unix_name(key.name) as name:
                    return connection, connection.connect_ex(name)
            except OSError:
                connection.close()
                raise
        family = socket.AF_INET6 if ":" in key.name else socket.AF_INET
        connection = prepare(socket.socket(family, socket.SOCK_STREAM))
        return connection, connection.connect_ex((key.name, key.port))

    def _writable(self, connection: socket.socket) -> None:
        self.runtime.loop.remove_writer(connection.fileno())
        code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            connection.close()
            self._over(code)
        else:
            self._done(connection)

    def _done(self, connection: socket.socket) -> None:
        stream = SocketStream(self.runtime.loop, connection, self.text)
        self.runtime.adopt(stream)
        self.connected(stream)

    def _over(self, code: int) -> None:
        if self.left:
            self._next()
        else:
            self.failed(os.strerror(code))


def _is_numeric(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        return False
    return True


def _conforms(runtime: RealRuntime) -> Runtime:
    """Let the type checker hold the class to the protocol."""
    return runtime
