"""Connection methods as values: ``unix:PATH``, ``tcp:HOST[:PORT]`` and their passive forms.

The grammar is ovsdb(7)'s "Connection Methods"; IPv6 hosts stand in brackets, and a port that is left
out is OVSDB's 6640.  ``mem:NAME`` is ours: a pipe within the process, one word for both sides.

An address that cannot be parsed is an ``OSError`` with EAFNOSUPPORT, as an unknown family is for a
socket, so a caller has one kind of failure to handle.  TLS (``ssl:``, ``pssl:``) lies over the methods
that are here: ``below_tls`` names the connection that carries it, and ``secured`` does the rest.
"""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_PORT: Final = 6640
"""The port of OVSDB (RFC 7047, section 7: IANA Considerations)."""

SUN_PATH_MAX: Final = 108

ANY_HOST: Final = ""
"""The host of a listener that accepts on every address."""


class Address(NamedTuple):
    """One parsed connection method; ``family`` is "unix", "tcp" or "mem"."""

    family: str
    name: str = ""
    """The path of a unix socket, the host of tcp without brackets, the word of mem."""
    port: int = 0

    def active(self) -> str:
        """The word with which a peer connects here."""
        if self.family == "tcp":
            return f"tcp:{_bracketed(self.name)}:{self.port}"
        return f"{self.family}:{self.name}"

    def passive(self) -> str:
        """The word with which a listener is asked for."""
        if self.family == "tcp":
            return f"ptcp:{self.port}" + (f":{_bracketed(self.name)}" if self.name else "")
        return f"{'p' if self.family == 'unix' else ''}{self.family}:{self.name}"


def parse_active(text: str) -> Address:
    """Read ``unix:PATH``, ``tcp:HOST[:PORT]`` or ``mem:NAME``; raises ``OSError``."""
    family, _, rest = text.partition(":")
    if family in {"unix", "mem"} and rest:
        return Address(family, rest)
    if family == "tcp" and rest:
        host, port = _split_host(rest)
        if host:
            return Address("tcp", host, _port(port, text))
    raise _unsupported(text)


def parse_passive(text: str) -> Address:
    """Read ``punix:PATH``, ``ptcp:[PORT][:HOST]`` or ``mem:NAME``; raises ``OSError``."""
    family, _, rest = text.partition(":")
    if family in {"punix", "mem"} and rest:
        return Address(family.removeprefix("p"), rest)
    if family == "ptcp":
        port, _, host = rest.partition(":")
        return Address("tcp", host.removeprefix("[").removesuffix("]"), _port(port, text))
    raise _unsupported(text)


def below_tls(text: str) -> str | None:
    """The ``tcp:`` or ``ptcp:`` address that carries an ``ssl:`` or ``pssl:`` one; None for any other."""
    family, _, rest = text.partition(":")
    carrier = {"ssl": "tcp", "pssl": "ptcp"}.get(family)
    return None if carrier is None else f"{carrier}:{rest}"


def failure(code: int, text: str = "") -> OSError:
    """An ``OSError`` with the system's words for ``code``, and the address it is about."""
    return OSError(code, os.strerror(code), text or None)


def reason(error: OSError) -> str:
    """The system's words of an error, without number and file name: "Connection refused"."""
    return error.strerror or str(error)


def _split_host(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
    return host, port


def _port(text: str, whole: str) -> int:
    if not text:
        return DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and int(text) <= 0xFFFF):
        raise failure(errno.EINVAL, whole)
    return int(text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _unsupported(text: str) -> OSError:
    return failure(errno.EAFNOSUPPORT, text)


@contextlib.contextmanager
def unix_name(path: str) -> Iterator[str]:
    """A name for ``path`` that fits into a socket address, whose 108 bytes (unix(7)) a path may exceed.

    A longer one is named relative to its directory's descriptor; the name is good within the block.
    """
    if len(os.fsencode(path)) < SUN_PATH_MAX:
        yield path
        return
    directory, base = os.path.split(path)
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{base}"
    finally:
        os.close(descriptor)
