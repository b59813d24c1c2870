"""Reading ``addresses`` and ``port_security``: ``MAC [IP ...]``, ``unknown``, ``dynamic``, ``router``.

ovn-nb(5), Logical_Switch_Port.addresses.  What does not parse is left out here; the message about it
belongs to ``ovn-nbctl`` and to ``unserved``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pyovn.ovn.ports import UNKNOWN_ADDRESS

_MAC: Final = re.compile(r"(?:[0-9A-Fa-f]{1,2}:){5}[0-9A-Fa-f]{1,2}")


@lru_cache(maxsize=65536)
def mac_of(address: str) -> str | None:
    """The Ethernet address that an ``addresses`` element starts with, in canonical form, or None."""
    word = address.split(maxsplit=1)[:1]
    if not word or not _MAC.fullmatch(word[0]):
        return None
    return ":".join(f"{int(octet, 16):02x}" for octet in word[0].split(":"))


def is_unknown(address: str) -> bool:
    """Whether an element is the word ``unknown``."""
    return address.strip() == UNKNOWN_ADDRESS


def is_understood(address: str) -> bool:
    """Whether an element has a form that ovn-nb(5) documents."""
    words = address.split()
    return bool(words) and (words[0] in {"unknown", "dynamic", "router"} or mac_of(address) is not None)
