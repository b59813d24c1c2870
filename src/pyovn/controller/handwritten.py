"""Numbers in ``external_ids`` and names, which anybody may have written by hand: read without trust.

``int`` takes signs, blanks, underscores and the digits of every script, and raises for what is too long; a
program that reads its own notes back wants none of it.
"""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 19
"""Digits that fit into what a database calls an integer."""


def decimal(text: str) -> int | None:
    """A number written in plain decimal digits; None for anything else."""
    plain = 0 < len(text) <= _LONGEST and text.isascii() and text.isdecimal()
    return int(text) if plain else None


def hexadecimal(text: str) -> int | None:
    """A number as ``f"{number:x}"`` writes it; None for anything else."""
    try:
        number = int(text, 16) if 0 < len(text) <= _LONGEST else -1
    except ValueError:
        return None
    return number if number >= 0 and f"{number:x}" == text else None
