"""Numbers and directions on ovn-nbctl's command lines.

A number is what the text begins with: ``10x`` is 10, as the C program reads it.
"""

from __future__ import annotations

import re
from typing import Final

from pyovn.tools.ctl.errors import CtlError

UINT32_MAX: Final = 0xFFFFFFFF
HIGHEST_PRIORITY: Final = 32767
_INTEGER: Final = re.compile(r"\s*([+-]?\d+)")


def leading_integer(text: str) -> int | None:
    """The integer that ``text`` begins with."""
    match = _INTEGER.match(text)
    return None if match is None else int(match[1])


def in_range(text: str, low: int, high: int) -> int | None:
    """The integer that ``text`` begins with, when it lies between ``low`` and ``high``."""
    value = leading_integer(text)
    return value if value is not None and low <= value <= high else None


def parse_priority(text: str) -> int:
    """A priority of ACLs, QoS rules, policies and chassis; raises ``CtlError``."""
    value = in_range(text, 0, HIGHEST_PRIORITY)
    if value is None:
        raise CtlError(f"{text}: priority must in range 0...{HIGHEST_PRIORITY}")
    return value


def parse_direction(text: str, what: str = "direction") -> str:
    """``from-lport`` or ``to-lport``; the first letter is enough."""
    match text[:1]:
        case "t":
            return "to-lport"
        case "f":
            return "from-lport"
    raise CtlError(f'{text}: {what} must be "to-lport" or "from-lport"')
