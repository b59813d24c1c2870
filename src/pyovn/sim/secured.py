"""A runtime that also knows ``ssl:`` and ``pssl:``: TLS laid over another runtime's ``tcp:`` and ``ptcp:``.

Everything else is passed on.  The keys belong to the wrapper, not to the process, so that several daemons
on one runtime each have their own; they may be replaced while connections live.

A connection counts as made when its handshake is over.  One that cannot be made fails with what the
system would say of it ("Protocol error"), and the log gets what TLS says; one that came to us and goes
no further within ``HANDSHAKE_TIMEOUT`` seconds is dropped, as nothing above could time it out.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from pyovn.sim import address as addresses
from pyovn.sim.tlsfiles import TlsFiles

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from pyovn.sim.runtime import Listener, Runtime, Stream, Timer
    from pyovn.sim.tls import TlsKeys
    from pyovn.sim.tlsstream import TlsStream

HANDSHAKE_TIMEOUT: Final = 10.0


def _nothing(_level: str, _text: str) -> None:
    """Stand in for a log that nobody has given."""


class SecuredRuntime:
    """Implements ``runtime.Runtime``; see the module."""

    def __init__(self, runtime: Runtime, files: TlsFiles | None = None) -> None:
        self.runtime = runtime
        self.random: random.Random = runtime.random
        self.log: Callable[[str, str], None] = _nothing
        self._files = files or TlsFiles()
        self._keys: TlsKeys | None = None
        # What is passed on needs no way through here.
        self.now = runtime.now
        self.wall = runtime.wall
        self.call_soon = runtime.call_soon
        self.call_later = runtime.call_later

    @property
    def files(self) -> TlsFiles:
        """The key files of connections that are made from now on."""
        return self._files

    @files.setter
    def files(self, files: TlsFiles) -> None:
        self._files = files
        if self._keys is not None:
            self._keys.files = files

    def keys(self) -> TlsKeys:
        """The keys; the TLS library is loaded by the first who asks."""
        if self._keys is None:
            from pyovn.sim.tls import TlsKeys

            self._keys = TlsKeys(self._files)
        return self._keys

    def listen(self, address: str, accept: Callable[[Stream], None]) -> Listener:
        """Accept streams at a passive address; raises ``OSError``."""
        carrier = addresses.below_tls(address)
        if carrier is None:
            return self.runtime.listen(address, accept)
        listener = self.runtime.listen(carrier, lambda stream: self._accepted(stream, accept))
        return _TlsListener(listener)

    def connect(
        self, address: str, connected: Callable[[Stream], None], failed: Callable[[str], None]
    ) -> None:
        """Connect to an active address; one of the callbacks is called later."""
        carrier = addresses.below_tls(address)
        if carrier is None:
            self.runtime.connect(address, connected, failed)
        elif (lacking := self._files.lacking()) is not None:
            self.log("err", lacking)
            self.call_soon(lambda: failed(os.strerror(errno.ENOPROTOOPT)))
        else:
            self.runtime.connect(
                carrier, lambda stream: self._connected(stream, address, connected, failed), failed
            )

    def _connected(
        self,
        stream: Stream,
        address: str,
        connected: Callable[[Stream], None],
        failed: Callable[[str], None],
    ) -> None:
        bootstrapping = self.keys().bootstrapping

        def ready(secured: TlsStream) -> None:
            if bootstrapping:
                self._bootstrap(secured)
                failed(os.strerror(errno.EPROTO))
            else:
                connected(secured)

        def broken(why: str) -> None:
            self.log("warn", f"{address}: SSL_connect: {why}")
            failed(os.strerror(errno.EPROTO))

        self._wrap(stream, address, ready, broken, server=False)

    def _accepted(self, stream: Stream, accept: Callable[[Stream], None]) -> None:
        peer = stream.peer.replace("tcp:", "ssl:", 1)
        timer: Timer | None = None
        if self.keys().bootstrapping:
            stream.close()
            self.log("err", f"{peer}: {self._files.ca_cert} does not exist, and a client cannot provide it")
            return

        def ready(secured: TlsStream) -> None:
            if timer is not None:
                timer.cancel()
            accept(secured)

        def broken(why: str) -> None:
            if timer is not None:
                timer.cancel()
            self.log("warn", f"{peer}: SSL_accept: {why}")

        secured = self._wrap(stream, peer, ready, broken, server=True)
        if secured is not None:
            timer = self.call_later(HANDSHAKE_TIMEOUT, lambda: secured.give_up("handshake timed out"))

    def _wrap(
        self,
        stream: Stream,
        peer: str,
        ready: Callable[[TlsStream], None],
        broken: Callable[[str], None],
        *,
        server: bool,
    ) -> TlsStream | None:
        from pyovn.sim.tls import TlsError
        from pyovn.sim.tlsstream import TlsStream

        try:
            context = self.keys().context(server=server)
        except TlsError as error:
            stream.close()
            broken(str(error))
            return None
        return TlsStream(stream, context, peer, ready, broken)

    def _bootstrap(self, secured: TlsStream) -> None:
        """Take the CA's certificate from this connection, which has no other use."""
        from pyovn.sim.tls import TlsError

        try:
            self.log("info", self.keys().bootstrap(secured.connection))
        except TlsError as error:
            self.log("err", str(error))
        secured.close()


class _TlsListener:
    """A listener under the name by which it was asked for; implements ``runtime.Listener``."""

    __slots__ = ("_listener", "address")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.address = listener.address.replace("ptcp:", "pssl:", 1)

    def close(self) -> None:
        """Stop listening; connections that were made stay."""
        self._listener.close()


def _conforms(runtime: SecuredRuntime) -> Runtime:
    """Let the type checker hold the class to the protocol."""
    return runtime
