"""TLS over a ``Stream``: the same interface on top, records below.

``TlsStream`` starts with the handshake; ``ready(stream)`` or ``failed(why)`` is called once, and only a
ready stream is handed to an owner.  The TLS library works on two buffers in memory, so nothing blocks and
any ``Stream`` will carry it, also one in virtual time.

``backlog`` is what lies in the stream below; it counts records, hence a little more than was written.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Final

from pyovn.sim.memory import CLOSED_BY_PEER
from pyovn.sim.tls import common_name, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Stream

READ_SIZE: Final = 1 << 18


class TlsStream:
    """One side of a TLS connection; implements ``runtime.Stream``."""

    __slots__ = (
        "_closed", "_failed", "_incoming", "_on_close", "_on_data", "_outgoing", "_ready", "_stream",
        "connection", "identity", "peer",
    )  # fmt: skip

    def __init__(
        self,
        stream: Stream,
        context: ssl.SSLContext,
        peer: str,
        ready: Callable[[TlsStream], None],
        failed: Callable[[str], None],
    ) -> None:
        """Begin the handshake on ``stream``; which side we are is the context's."""
        self.peer = peer
        self.identity: str | None = None
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = context.protocol == ssl.PROTOCOL_TLS_SERVER
        self.connection = context.wrap_bio(self._incoming, self._outgoing, server_side=server)
        self._ready: Callable[[TlsStream], None] | None = ready
        self._failed = failed
        self._on_data: Callable[[bytes], None] | None = None
        self._on_close: Callable[[str], None] | None = None
        self._closed = False
        stream.on_data = self._received
        stream.on_close = self._ended
        self._shake_hands()

    @property
    def on_data(self) -> Callable[[bytes], None]:
        """The owner's receiver of bytes."""
        return self._on_data or _ignore

    @on_data.setter
    def on_data(self, callback: Callable[[bytes], None]) -> None:
        # What has come already is delivered when the next bytes do, or by ``_shake_hands``, which has
        # called the owner that now sets this.
        self._on_data = callback

    @property
    def on_close(self) -> Callable[[str], None]:
        """The owner's receiver of the end."""
        return self._on_close or _ignore

    @on_close.setter
    def on_close(self, callback: Callable[[str], None]) -> None:
        self._on_close = callback

    def write(self, data: bytes) -> None:
        """Encrypt and queue."""
        if self._closed or not data:
            return
        try:
            self.connection.write(data)
        except ssl.SSLError as error:
            self._fail(describe(error))
            return
        self._flush()

    def send_now(self, data: bytes) -> int:
        """What is to be encrypted is written."""
        del data
        return 0

    def close(self) -> None:
        """Send what is queued and TLS's own farewell, then close."""
        if self._closed:
            return
        self._closed = True
        self._on_data = self._on_close = None
        with contextlib.suppress(ssl.SSLError):  # it asks for the peer's farewell, which is not waited for
            self.connection.unwrap()
        self._flush()
        self._release()

    def backlog(self) -> int:
        """Bytes that the stream below has not got rid of."""
        return self._stream.backlog()

    def abort(self) -> None:
        """Close without a farewell; what is queued is lost."""
        self._closed = True
        self._on_data = self._on_close = None
        self._stream.on_data = self._stream.on_close = _ignore
        self._stream.abort()

    def give_up(self, why: str) -> None:
        """Give up a handshake that takes too long."""
        if self._ready is not None:
            self._fail(why)

    def _shake_hands(self) -> None:
        ready = self._ready
        assert ready is not None
        try:
            self.connection.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except (ssl.SSLError, OSError) as error:
            self._flush()  # the alert that tells the peer why
            self._fail(describe(error))
            return
        self._flush()
        self._ready = None
        self.identity = common_name(self.connection.getpeercert())
        ready(self)
        self._deliver()

    def _received(self, data: bytes) -> None:
        self._incoming.write(data)
        if self._ready is not None:
            self._shake_hands()
        else:
            self._deliver()

    def _deliver(self) -> None:
        """Hand the owner what can be decrypted."""
        while not self._closed and self._on_data is not None:
            try:
                data = self.connection.read(READ_SIZE)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                self._end(CLOSED_BY_PEER)
                return
            except ssl.SSLError as error:
                self._fail(describe(error))
                return
            if not data:
                self._end(CLOSED_BY_PEER)
                return
            self._on_data(data)
        self._flush()  # answers of the library's own, such as new keys

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._stream.write(self._outgoing.read())

    def _ended(self, why: str) -> None:
        if self._ready is not None:
            self._fail(why)
        else:
            self._end(why)

    def _fail(self, why: str) -> None:
        if self._ready is None:
            self._end(f"connection dropped (Protocol error: {why})")
            return
        self._ready = None
        self._closed = True
        self._release()
        self._failed(why)

    def _end(self, why: str) -> None:
        if self._closed:
            return
        on_close = self._on_close
        self._closed = True
        self._on_data = self._on_close = None
        self._release()
        if on_close is not None:
            on_close(why)

    def _release(self) -> None:
        self._stream.on_data = self._stream.on_close = _ignore
        self._stream.close()


def _ignore(_: object) -> None:
    """Stand in for a callback that its owner has not set."""
