"""How often Python looks for cyclic garbage.

A daemon that holds a large network holds millions of objects that are not garbage, and the default
thresholds make it look through all of them again and again while it loads: with them ovn-northd's cold
start on 20,000 ports took twice as long.  Almost nothing here is cyclic; what is (tracebacks, closures)
is small.  So the collector comes rarely; not at all while a daemon starts, when nearly all that is made stays
(that was 20 of 320 ms of a start with 1,000 ports); and what is there by then it never looks at.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

THRESHOLDS: Final = (100_000, 50, 100)
"""Allocations per collection of the youngest; collections of it per one of the middle; and so on."""

START: Final = 30.0
"""Seconds that count as a daemon's start.

A fixed time, not the end of the first pass: a standby, or a daemon without its database, never comes to one.
"""


def stay_away() -> None:
    """Not yet; called before what a daemon is made of is imported."""
    gc.disable()


def relax(call_later: Callable[[float, Callable[[], None]], object]) -> None:
    """Stay away for ``START`` seconds, then come rarely; called when a process that runs daemons starts."""
    stay_away()
    call_later(START, begin)


def begin() -> None:
    """Come rarely, and leave alone what is there already."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
