"""Ways to the system log: ``--syslog-method`` and ``--syslog-target`` (ovsdb-server(1), "Logging Options").

``libc`` hands messages to the C library, ``unix:FILE`` and ``udp:IP:PORT`` send RFC 5424's older form (the
pattern's prefix and the text) as one datagram each, ``null`` drops them.  A log message must never stop a
daemon: what cannot be sent is dropped, which is all that a full or missing syslog leaves to do.

Not here: what a message looks like (``logpattern``).
"""

from __future__ import annotations

import contextlib
import socket
import syslog
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pyovn.daemon.logpattern import FACILITIES, SEVERITIES

if TYPE_CHECKING:
    from pyovn.daemon.logpattern import Record


class Sender(Protocol):
    """A way to the system log."""

    def send(self, record: Record, prefix: str, text: str) -> None:
        """Send ``text``; ``prefix`` is RFC 5424's header, which some ways add themselves."""


class Libc:
    """syslog(3); the program's name is openlog's, one per process."""

    __slots__ = ("_ident",)

    def __init__(self) -> None:
        """Open nothing before the first message."""
        self._ident = ""

    def send(self, record: Record, prefix: str, text: str) -> None:
        """Give the C library the text."""
        del prefix
        if self._ident != record.program:
            self._ident = record.program
            syslog.openlog(record.program, syslog.LOG_NDELAY)
        syslog.syslog(FACILITIES.index(record.facility) << 3 | SEVERITIES[record.level], text)


class Datagram(NamedTuple):
    """One datagram per message, to a unix or UDP socket."""

    family: socket.AddressFamily
    address: str | tuple[str, int]

    def send(self, record: Record, prefix: str, text: str) -> None:
        """Send prefix and text."""
        del record
        with contextlib.suppress(OSError), socket.socket(self.family, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(f"{prefix}{text}".encode(), self.address)


class Null:
    """No system log."""

    __slots__ = ()

    def send(self, record: Record, prefix: str, text: str) -> None:
        """Drop the message."""


def by_method(method: str) -> Sender:
    """The sender that ``--syslog-method`` asks for; raises ``ValueError`` on an unknown one."""
    kind, _, rest = method.partition(":")
    if method == "libc":
        return Libc()
    if method == "null":
        return Null()
    if kind == "unix" and rest:
        return Datagram(socket.AF_UNIX, rest)
    if kind == "udp" and rest:
        return by_target(rest)
    raise ValueError(f"unsupported syslog method '{method}'")


def by_target(target: str) -> Sender:
    """The sender that ``--syslog-target=HOST[:PORT]`` asks for; the port is syslog's 514."""
    host, _, port = target.removeprefix("[").partition("]:" if target.startswith("[") else ":")
    host = host.removesuffix("]")
    if port and not port.isdigit():
        raise ValueError(f"{target}: bad syslog target")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return Datagram(family, (host, int(port or "514")))
