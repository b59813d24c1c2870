"""What two versions of a set differ in, found once for all who ask.

A switch's set of ports may have ten thousand members and gain one.  References, journal and every
monitor want to know which; comparing the two sets costs them milliseconds together.  The mutation that
made the new set knows the answer, so it says so (``note``), and whoever has to compare leaves the result
for the next one.

A memo and nothing more: entries hold both sets, so an identity cannot be reused while it is known here;
forgetting an entry costs time, never correctness.  Small sets are simply compared.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

Delta = tuple[frozenset[Any], frozenset[Any]]
"""Added, removed."""

SMALL: Final = 64
KEPT: Final = 32

_known: OrderedDict[tuple[int, int], tuple[frozenset[Any], frozenset[Any], Delta]] = OrderedDict()


def note(old: frozenset[Any], new: frozenset[Any], added: frozenset[Any], removed: frozenset[Any]) -> None:
    """Remember that ``new`` is ``old`` with and without some members."""
    if len(old) > SMALL:
        _known[id(old), id(new)] = old, new, (added, removed)
        if len(_known) > KEPT:
            _known.popitem(last=False)


def delta(old: frozenset[Any], new: frozenset[Any]) -> Delta:
    """Members that ``new`` has and ``old`` has not, and the other way round."""
    known = _known.get((id(old), id(new)))
    if known is not None:
        return known[2]
    added = new - old
    removed = old - new if len(old) + len(added) != len(new) else frozenset()
    note(old, new, added, removed)
    return added, removed


def forget() -> None:
    """Let go of the sets, when whoever might have asked about them has."""
    _known.clear()
