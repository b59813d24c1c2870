"""Derivations that re-run only where what they read has changed.

Three kinds of node, all made by an ``Engine``:

* a **memo** is a function with explicit keys, pulled and remembered;
* a **relation** tells membership: an input ``Table`` of records, or a ``Derived`` union of what a
  function yields per element; an **index** looks its elements up;
* a **fold** keeps an aggregate by inserting and removing; an **allotment** is a fold that gives out
  numbers.

A change of input marks what read it; ``Engine.settle`` then runs each marked derivation at most once,
those it depends on first, and an equal result stops the wave.  ``tracking`` and ``node`` are the core,
in that order the two files to read first.
"""

from pyovn.incremental.allot import Allotment
from pyovn.incremental.audit import Audit
from pyovn.incremental.derived import Derived, Reason
from pyovn.incremental.engine import Engine
from pyovn.incremental.grouping import Fold, Index
from pyovn.incremental.memo import Memo
from pyovn.incremental.node import CycleError, DerivationError, Node, UpstreamError
from pyovn.incremental.noted import Noted
from pyovn.incremental.record import Record, column, record_type
from pyovn.incremental.relation import Relation, Subscriber
from pyovn.incremental.table import Table

__all__ = [
    "Allotment",
    "Audit",
    "CycleError",
    "DerivationError",
    "Derived",
    "Engine",
    "Fold",
    "Index",
    "Memo",
    "Node",
    "Noted",
    "Reason",
    "Record",
    "Relation",
    "Subscriber",
    "Table",
    "UpstreamError",
    "column",
    "record_type",
]
