"""Streams and listeners on real sockets, driven by a loop's readiness callbacks (``eventloop``).

A ``Runtime`` must be able to listen, and to say why it cannot, before its loop runs.  So sockets are made
here, non-blocking, and only readiness is the loop's.

Writes are collected until the current callbacks are done and then leave in one system call; reads start
when the owner has set ``on_data``.  When writing fails, what the peer said before it went away is
still read, so an owner learns the reason from the peer, not from the pipe.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from pyovn.sim import address as addresses
from pyovn.sim.memory import CLOSED_BY_PEER

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.address import Address
    from pyovn.sim.eventloop import Loop
    from pyovn.sim.runtime import Stream

READ_SIZE: Final = 1 << 18
WRITE_PARTS: Final = 512
"""Buffers for one sendmsg(2); below IOV_MAX."""

BACKLOG: Final = 1024
"""Connections that may wait to be accepted: after a restart of a server all hypervisors come at once."""

ACCEPTS_PER_EVENT: Final = 32
LINGER: Final = 10.0
"""Seconds after which a closed stream lets go of what its peer does not take."""

ACCEPT_PAUSE: Final = 1.0
"""Seconds without accepting after the process has run out of descriptors."""


class _Round:
    """The streams of one loop that have something to send when the current callbacks are done."""

    __slots__ = ("__weakref__", "_streams")

    def __init__(self) -> None:
        self._streams: list[SocketStream] = []

    def add(self, stream: SocketStream, loop: Loop) -> None:
        """Flush ``stream`` soon: one callback does for all."""
        if not self._streams:
            loop.call_soon(self._flush)
        self._streams.append(stream)

    def _flush(self) -> None:
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.flush()


_rounds: WeakKeyDictionary[Loop, _Round] = WeakKeyDictionary()


class SocketStream:
    """A connected socket; implements ``runtime.Stream``."""

    __slots__ = (
        "__weakref__",
        "_backlog",
        "_broken",
        "_closing",
        "_fd",
        "_flushing",
        "_loop",
        "_on_close",
        "_on_data",
        "_queue",
        "_round",
        "_send_bytes",
        "_socket",
        "peer",
    )

    def __init__(self, loop: Loop, connection: socket.socket, peer: str) -> None:
        """Take over a connected, non-blocking socket."""
        self._loop = loop
        self._round = _rounds.setdefault(loop, _Round())
        self._socket = connection
        self._fd = connection.fileno()
        self._send_bytes = connection.send
        self.peer = peer
        self._queue: deque[memoryview | bytes] = deque()
        self._backlog = 0
        self._flushing = False
        self._closing = False
        self._broken = False
        self._on_data: Callable[[bytes], None] | None = None
        self._on_close: Callable[[str], None] | None = None

    @property
    def identity(self) -> None:
        """No certificate vouches for the peer."""

    @property
    def on_data(self) -> Callable[[bytes], None]:
        """The owner's receiver of bytes."""
        return self._on_data or _ignore

    @on_data.setter
    def on_data(self, callback: Callable[[bytes], None]) -> None:
        if self._on_data is None and not self._closing and self._fd >= 0:
            self._loop.add_reader(self._fd, self._read)
        self._on_data = callback

    @property
    def on_close(self) -> Callable[[str], None]:
        """The owner's receiver of the end."""
        return self._on_close or _ignore

    @on_close.setter
    def on_close(self, callback: Callable[[str], None]) -> None:
        self._on_close = callback

    @property
    def closed(self) -> bool:
        """Whether the socket is closed, not only going to be."""
        return self._fd < 0

    def write(self, data: bytes) -> None:
        """Queue ``data`` for the end of the current callbacks."""
        if self._closing or self._broken or not data:
            return
        self._queue.append(data)
        self._backlog += len(data)
        if not self._flushing:
            self._flushing = True
            self._round.add(self, self._loop)

    def send_now(self, data: bytes) -> int:
        """Send what the kernel takes, if nothing waits before it; how many bytes that is.

        An update goes to hundreds of clients: the first have something to do while the last are sent theirs.
        """
        if self._flushing:
            return 0
        try:
            return self._send_bytes(data)
        except OSError:
            return 0  # ``flush`` finds out why, when it is written after all

    def close(self) -> None:
        """Send what is queued, then close, at the latest after ``LINGER``; the owner hears no more."""
        if self._closing:
            return
        self._closing = True
        self._on_data = self._on_close = None
        if self._queue and not self._broken:
            self._loop.remove_reader(self._fd)
            self._loop.call_later(LINGER, self._destroy)
        else:
            self._destroy()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        self._closing = True
        self._on_data = self._on_close = None
        self._destroy()

    def backlog(self) -> int:
        """Bytes that the kernel has not taken."""
        return self._backlog

    def flush_now(self) -> None:
        """Give the kernel what it takes without waiting: the last chance before a process ends."""
        if self._fd >= 0 and self._queue:
            self._send()

    def _read(self) -> None:
        try:
            data = self._socket.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(f"connection dropped ({addresses.reason(error)})")
            return
        if not data:
            self._end(CLOSED_BY_PEER)
        elif self._on_data is not None:
            self._on_data(data)

    def flush(self) -> None:
        """Give the kernel what it takes, and the rest when it takes more."""
        self._flushing = False
        if self._fd < 0:
            return
        self._send()
        if self._queue:
            self._flushing = True
            self._loop.add_writer(self._fd, self._writable)
        elif self._closing:
            self._destroy()

    def _writable(self) -> None:
        self._loop.remove_writer(self._fd)
        self.flush()

    def _send(self) -> None:
        queue = self._queue
        while queue:
            try:
                if len(queue) == 1:
                    sent = self._socket.send(queue[0])
                else:
                    sent = self._socket.sendmsg(list(islice(queue, WRITE_PARTS)))
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                # The reader finds out what happened, after what the peer said last.
                self._broken = True
                queue.clear()
                self._backlog = 0
                return
            self._taken(sent)

    def _taken(self, sent: int) -> None:
        """Drop what the kernel has taken from the queue."""
        queue = self._queue
        self._backlog -= sent
        while sent:
            head = queue[0]
            if sent < len(head):
                queue[0] = memoryview(head)[sent:]
                break
            sent -= len(head)
            queue.popleft()

    def _end(self, why: str) -> None:
        on_close = self._on_close
        self._closing = True
        self._destroy()
        if on_close is not None:
            on_close(why)

    def _destroy(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1
            self._socket.close()
        self._queue.clear()
        self._backlog = 0


class SocketListener:
    """A listening socket; implements ``runtime.Listener``."""

    __slots__ = ("_accept", "_adopt", "_count", "_fd", "_key", "_loop", "_socket", "address")

    def __init__(
        self,
        loop: Loop,
        text: str,
        accept: Callable[[Stream], None],
        adopt: Callable[[SocketStream], None],
    ) -> None:
        """Bind at the passive address ``text``; raises ``OSError``.  ``adopt`` sees each stream first."""
        self._loop = loop
        self._key = addresses.parse_passive(text)
        self._accept = accept
        self._adopt = adopt
        self._count = 0
        self._socket = bind(self._key)
        self._fd = self._socket.fileno()
        if self._key.family == "tcp":
            port = self._socket.getsockname()[1]
            self._key = addresses.Address("tcp", self._key.name, port)
        self.address = self._key.passive()
        loop.add_reader(self._fd, self._ready)

    def close(self) -> None:
        """Stop listening and remove the socket file."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        self._fd = -1
        self._socket.close()
        if self._key.family == "unix":
            _remove(self._key.name)

    def _ready(self) -> None:
        for _ in range(ACCEPTS_PER_EVENT):
            if self._fd < 0:
                return
            try:
                connection, peer = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    raise
                # The connection stays in the queue: without a pause the loop would spin on it.
                self._loop.remove_reader(self._fd)
                self._loop.call_later(ACCEPT_PAUSE, self._resume)
                return
            stream = SocketStream(self._loop, prepare(connection), self._name(peer))
            self._adopt(stream)
            self._accept(stream)

    def _resume(self) -> None:
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._ready)

    def _name(self, peer: object) -> str:
        if self._key.family == "tcp" and isinstance(peer, tuple):
            return addresses.Address("tcp", peer[0], peer[1]).active()
        self._count += 1
        return f"unix#{self._count - 1}"


def bind(key: Address) -> socket.socket:
    """Make a listening, non-blocking socket; a socket file that is in the way is replaced, as in C."""
    if key.family == "unix":
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        listening = socket.socket(socket.AF_INET6 if ":" in key.name else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if key.family == "unix":
            _bind_file(listening, key.name)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((key.name, key.port))
        listening.listen(BACKLOG)
    except socket.gaierror as error:
        listening.close()
        raise addresses.failure(errno.EADDRNOTAVAIL, key.name) from error
    except OSError:
        listening.close()
        raise
    listening.setblocking(False)
    return listening


def prepare(connection: socket.socket) -> socket.socket:
    """Set what every connection wants: never block, and send small messages at once."""
    connection.setblocking(False)
    if connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _bind_file(listening: socket.socket, path: str) -> None:
    _remove(path)
    # Nobody but owner and group may connect, from the first moment on.
    mask = os.umask(0o077)
    os.umask(mask | 0o007)
    try:
        with addresses.unix_name(path) as name:
            listening.bind(name)
    finally:
        os.umask(mask)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108  # daemons start without pathlib


def _ignore(_: object) -> None:
    """Stand in for a callback that its owner has not set."""
