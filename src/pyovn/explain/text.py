"""Small words: addresses and lists as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.logical.lexer import IPV4, IPV6, MAC, format_integer

if TYPE_CHECKING:
    from collections.abc import Iterable


def mac_text(value: int) -> str:
    """An Ethernet address."""
    return format_integer(value, MAC)


def address4(value: int) -> str:
    """An IPv4 address."""
    return format_integer(value, IPV4)


def address6(value: int) -> str:
    """An IPv6 address."""
    return format_integer(value, IPV6)


def listed(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def both(first: str, second: str) -> str:
    """Two halves of a reason; the second may be missing."""
    return f"{first}: {second}" if second else first
