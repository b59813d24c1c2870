"""How a command line fails.

``CtlError`` ends the program: its text is printed after the program's name and nothing is committed.
``CtlExit`` does so without a text.
``warn`` is for what is doubtful but done: one line on standard error in the form of OVS's log
(``TIME|SEQUENCE|MODULE|WARN|TEXT``), because that is where these programs' users look for it.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class CtlError(Exception):
    """The command line cannot be carried out; ``status`` is the program's exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class CtlExit(Exception):  # noqa: N818 - the answer to a question, not an error
    """The line ends here without a word; the exit status is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Console:
    """The destination of warnings; ``quiet`` is what ``-vconsole:off`` asks for."""

    quiet = False
    sequence = 0
    sink: Callable[[str, str, str], None] | None = None
    """Takes (module, message, level) instead, in a daemon."""


def warn(module: str, message: str, level: str = "WARN") -> None:
    """Log one warning (or ``ERR``) to standard error."""
    if Console.sink is not None:
        Console.sink(module, message, level)
        return
    Console.sequence += 1
    if not Console.quiet:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stderr.write(f"{stamp}|{Console.sequence:05}|{module}|{level}|{message}\n")
