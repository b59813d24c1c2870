"""A flow: where it stands, which packets it takes, what it does with them.

``key`` identifies a flow in a switch (OpenFlow 1.5.1, section 5.2); everything else may be modified
in place.  Counters are no part of a flow: see ``multiparts.FlowDesc``.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

# Structs resolve their annotations at run time, so these are no imports for type checking only.
from pyovn.wire.openflow.actions import Action  # noqa: TC001
from pyovn.wire.openflow.match import Match  # noqa: TC001

SEND_FLOW_REM: Final = 1
CHECK_OVERLAP: Final = 2
RESET_COUNTS: Final = 4
NO_PACKET_COUNTS: Final = 8
NO_BYTE_COUNTS: Final = 16

DEFAULT_PRIORITY: Final = 0x8000


class Flow(Struct, frozen=True, cache_hash=True, gc=False):
    """Timeouts in seconds, 0 = never; ``flags`` are the constants above; no actions = drop."""

    table: int
    priority: int
    match: Match
    actions: tuple[Action, ...]
    cookie: int = 0
    idle_timeout: int = 0
    hard_timeout: int = 0
    flags: int = 0
    importance: int = 0

    @property
    def key(self) -> tuple[int, int, Match]:
        """(table, priority, match)."""
        return (self.table, self.priority, self.match)
