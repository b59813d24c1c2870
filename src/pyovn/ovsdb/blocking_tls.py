"""TLS for ``blocking``: apart from it, for the TLS library takes its time to load.

What TLS has to say stands on standard error; the ``OSError`` has a code only, as with the C programs.
"""

from __future__ import annotations

import errno
import os
import ssl
import sys
from typing import TYPE_CHECKING, NoReturn

from pyovn.sim.tls import TlsError, TlsKeys, describe

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from pyovn.sim.address import Address
    from pyovn.sim.tlsfiles import TlsFiles

    Tls = Callable[[], TlsFiles]
    Connected = Callable[[Address, float | None], socket.socket]


def connect(connected: Connected, address: Address, timeout: float | None, tls: Tls | None) -> socket.socket:
    """Connect by ``connected`` and secure it; keys are looked at first.  Raises ``OSError``."""
    keys = TlsKeys(None if tls is None else tls())
    bootstrapping = keys.bootstrapping
    context = _context(keys, server=False)
    secured = _secure(context, connected(address, timeout), server=False)
    if not bootstrapping:
        return secured
    with secured:
        try:
            keys.bootstrap(secured)
        except TlsError as error:
            raise OSError(errno.EPROTO, str(error)) from error
    return _secure(_context(keys, server=False), connected(address, timeout), server=False)


def accept(accepted: Callable[[], socket.socket], tls: Tls | None) -> socket.socket:
    """Wait for a connection by ``accepted`` and secure it as its server; raises ``OSError``."""
    context = _context(TlsKeys(None if tls is None else tls()), server=True)
    return _secure(context, accepted(), server=True)


def _context(keys: TlsKeys, *, server: bool) -> ssl.SSLContext:
    try:
        return keys.context(server=server)
    except TlsError as error:
        _fail(str(error), errno.EPROTO if keys.files.lacking() is None else errno.ENOPROTOOPT, error)


def _secure(context: ssl.SSLContext, made: socket.socket, *, server: bool) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(made, server_side=server)
    except ssl.SSLError as error:
        made.close()
        _fail(f"SSL_{'accept' if server else 'connect'}: {describe(error)}", errno.EPROTO, error)


def _fail(text: str, code: int, cause: Exception) -> NoReturn:
    sys.stderr.write(f"{text}\n")
    raise OSError(code, os.strerror(code)) from cause
