"""Ports for servers that are told which one to take, and take it again after a restart."""

from __future__ import annotations

import random
import socket

FIRST, LAST = 10_000, 32_767
"""Below the ports that Linux gives out by itself (``ip_local_port_range``), which may be the local end of
somebody's connection by the time that a server asks for it."""

_CHANCE = random.SystemRandom()
"""Other tests choose at the same time, in other processes, whatever seed they were given."""


def free_port() -> int:
    """A TCP port at which nobody listens."""
    while True:
        port = _CHANCE.randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
