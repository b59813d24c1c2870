"""Ethernet addresses as people write them in the northbound: octets of one or two digits, any case."""

from __future__ import annotations

import re
from typing import Final

_MAC: Final = re.compile(r"(?:[0-9A-Fa-f]{1,2}:){5}[0-9A-Fa-f]{1,2}")


def ethernet_of(text: str) -> str | None:
    """The Ethernet address that is the first word of ``text``, in canonical form; None if there is none."""
    words = text.split(None, 1)
    if not words or not _MAC.fullmatch(words[0]):
        return None
    return ":".join([octet.zfill(2) for octet in words[0].lower().split(":")])
