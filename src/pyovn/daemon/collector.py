"""How often Python looks for cyclic garbage.

A daemon that holds a large network holds millions of objects that are not garbage, and the default
thresholds make it look through all of them again and again while it loads: with them ovn-northd's cold
start on 20,000 ports took twice as long.  Almost nothing here is cyclic; what is (tracebacks, closures)
is small.  So the collector comes rarely.
"""

from __future__ import annotations

import gc
from typing import Final

THRESHOLDS: Final = (100_000, 50, 100)
"""Allocations per collection of the youngest; collections of it per one of the middle; and so on."""


def relax() -> None:
    """Come rarely; called once, when a process that runs daemons starts."""
    gc.set_threshold(*THRESHOLDS)
