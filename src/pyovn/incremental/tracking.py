"""Who reads what: the two ends of a dependency, and the one place that records it.

While a derivation runs, everything it reads puts itself into the running derivation's *reads*: a
mapping from ``Source`` to a bit mask (the columns of a record; 1 for sources that have no parts).
After the run the engine writes each read into the source's ``readers``, so that a change of the
source finds, without search, exactly the derivations that it concerns.

``STATE`` is global on purpose: one thread evaluates, and a derivation must not need a handle on the
engine to read a column.  Several engines may live in a process; their evaluations never interleave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pyovn.incremental.node import Node

ALL: Final = -1
"""The mask of everything: all columns of a record have changed, because it came or went."""


class Source:
    """Something that derivations read.

    ``readers`` maps each reading node to its mask.  ``seen`` is the union of all masks since the source had
    no reader: a change outside of it concerns nobody, which spares looking through the 10,000 ports that
    read their switch's configuration when the switch gains one more port.
    """

    __slots__ = ("readers", "seen")

    readers: dict[Node, int] | None
    seen: int

    def __init__(self) -> None:
        self.readers = None
        self.seen = 0


class _State:
    """The reads of the derivation that is running, or None outside of any."""

    __slots__ = ("node", "reads")

    def __init__(self) -> None:
        self.reads: dict[Source, int] | None = None
        self.node: Node | None = None


STATE: Final = _State()


class KeyFunctionError(RuntimeError):
    """A key function reads more than its element: a mistake of the program, not of its input."""


def untracked(source: Any, function: Any) -> tuple[Any, int]:
    """Call ``function(source)`` outside of any derivation; return its result and the mask it read.

    For the key functions of indexes and folds, which may read their own element and nothing else:
    reading anything else could change behind the index's back, so it raises ``KeyFunctionError``.
    """
    saved_reads, saved_node = STATE.reads, STATE.node
    reads: dict[Source, int] = {}
    STATE.reads, STATE.node = reads, None
    try:
        result = function(source)
    finally:
        STATE.reads, STATE.node = saved_reads, saved_node
    mask = reads.pop(source, 0) if isinstance(source, Source) else 0
    if reads:
        raise KeyFunctionError(f"{function!r} reads more than the element that it is given: {list(reads)!r}")
    return result, mask
