"""Log patterns: ``%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m`` as a function from record to line.

The language is that of ovs-appctl(8), "vlog/set PATTERN:destination:pattern": ``%``, then optionally
``-`` (left justify), ``0`` (pad with zeros) and a width, then one letter, some of which take an argument in
braces.  A pattern is compiled once into a list of pieces; an unknown letter stays out of the line, as in C.
"""

from __future__ import annotations

import os
import re
import socket
import time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LEVEL_NAMES: Final = ("OFF", "EMER", "ERR", "WARN", "INFO", "DBG")

FACILITIES: Final = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "clock", "authpriv", "ftp"),
    *("ntp", "audit", "alert", "clock2", "local0", "local1", "local2", "local3", "local4", "local5"),
    *("local6", "local7"),
)
"""RFC 5424, section 6.2.1, table 1; the index is the code.  ovs-appctl(8) leaves out authpriv."""

SEVERITIES: Final = (1, 1, 3, 4, 6, 7)
"""RFC 5424, table 2, by level: EMER is "alert", as "emergency" would reach every terminal."""

_ESCAPE: Final = re.compile(r"%(-?)(0?)(\d*)(?:([A-Za-z%])(?:(?<=[aAcdDtT])\{([^}]*)\})?)?")


class Record(NamedTuple):
    """One message on its way to the destinations."""

    wall: float
    """Seconds since 1970."""
    serial: int
    module: str
    level: int
    message: str
    program: str
    subprogram: str
    """Empty in a program's main process."""
    elapsed: float
    """Seconds since the program started to log."""
    facility: str


def compile_pattern(pattern: str) -> Callable[[Record], str]:
    """The function that writes a record as ``pattern`` says, without a newline at the end."""
    pieces: list[Callable[[Record], str]] = []
    position = 0
    for found in _ESCAPE.finditer(pattern):
        if found.start() > position:
            pieces.append(_literal(pattern[position : found.start()]))
        position = found.end()
        left, zero, width, letter, argument = found.groups()
        piece = _expansion(letter or "", argument)
        pieces.append(_padded(piece, bool(left), bool(zero), int(width or 0)))
    if position < len(pattern):
        pieces.append(_literal(pattern[position:]))
    return lambda record: "".join([piece(record) for piece in pieces])


def _literal(text: str) -> Callable[[Record], str]:
    return lambda _record: text


def _padded(piece: Callable[[Record], str], left: bool, zero: bool, width: int) -> Callable[[Record], str]:
    if not width:
        return piece
    if left:
        return lambda record: piece(record).ljust(width)
    return lambda record: piece(record).rjust(width, "0" if zero else " ")


def _expansion(letter: str, argument: str | None) -> Callable[[Record], str]:
    if letter in "dD" and letter:
        return _time(argument or "%Y-%m-%d %H:%M:%S", utc=letter == "D")
    return _SIMPLE.get(letter) or _literal("")


def _time(template: str, *, utc: bool) -> Callable[[Record], str]:
    """Expand ``#`` to fractions; the rest is strftime's, done once per second."""
    convert = time.gmtime if utc else time.localtime
    cached_second, cached_text = -1, ""
    plain = "#" not in template

    def expand(record: Record) -> str:
        nonlocal cached_second, cached_text
        milliseconds = int(record.wall * 1000)
        second = milliseconds // 1000
        if second != cached_second:
            cached_second, cached_text = second, time.strftime(template, convert(second))
        if plain:
            return cached_text
        digits = iter(f"{milliseconds % 1000:03d}")
        return "".join([next(digits, "0") if letter == "#" else letter for letter in cached_text])

    return expand


def _priority(record: Record) -> str:
    return str(FACILITIES.index(record.facility) * 8 + SEVERITIES[record.level])


_SIMPLE: Final[dict[str, Callable[[Record], str]]] = {
    "A": lambda record: record.program,
    "B": _priority,
    "c": lambda record: record.module,
    "E": lambda _record: socket.gethostname(),
    "m": lambda record: record.message,
    "N": lambda record: str(record.serial),
    "n": lambda _record: "\n",
    "p": lambda record: LEVEL_NAMES[record.level],
    "P": lambda _record: str(os.getpid()),
    "r": lambda record: str(int(record.elapsed * 1000)),
    "t": lambda record: record.subprogram or "main",
    "T": lambda record: f"({record.subprogram})" if record.subprogram else "",
    "%": lambda _record: "%",
}
