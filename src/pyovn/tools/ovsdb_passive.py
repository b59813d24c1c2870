"""Passive connection methods of ``ovsdb-client``: it waits for the server (ovsdb-client(1), ovsdb(7)).

``ptcp:PORT[:IP]``, ``pssl:PORT[:IP]``, ``punix:FILE``; one connection is taken, and nobody is waited for
afterwards.  Port 0 is chosen by the system, and told on standard error.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING

from pyovn.sim.address import ANY_HOST, below_tls, parse_passive, unix_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.sim.address import Address
    from pyovn.sim.tlsfiles import TlsFiles


def dial(remote: str, timeout: float | None, tls: Callable[[], TlsFiles] | None) -> socket.socket:
    """Wait until a server connects; raises ``OSError``."""
    carrier = below_tls(remote)
    if carrier is None:
        return _accept(parse_passive(remote), timeout)
    from pyovn.ovsdb import blocking_tls

    return blocking_tls.accept(partial(_accept, parse_passive(carrier), timeout), tls)


def _accept(address: Address, timeout: float | None) -> socket.socket:
    with _listening(address) as listener:
        listener.settimeout(timeout)
        made, _ = listener.accept()
    made.settimeout(timeout)
    if address.family == "tcp":
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


@contextlib.contextmanager
def _listening(address: Address) -> Iterator[socket.socket]:
    """A socket at which a server may connect, within the block."""
    if address.family == "tcp":
        family = socket.AF_INET6 if ":" in address.name else socket.AF_INET
        with socket.create_server((address.name or ANY_HOST, address.port), family=family) as listener:
            if address.port == 0:
                sys.stderr.write(f"0:{address.name}: listening on port {listener.getsockname()[1]}\n")
                sys.stderr.flush()
            yield listener
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address.name)  # noqa: PTH108  # start-up
        with unix_name(address.name) as name:
            listener.bind(name)
        listener.listen(1)
        try:
            yield listener
        finally:
            os.unlink(address.name)  # noqa: PTH108  # start-up
