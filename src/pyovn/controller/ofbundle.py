"""One atomic bundle on its way to the switch, and what the switch says about it.

A flow that the switch refuses costs only itself.  Open vSwitch answers a bad message in a bundle with an
error and then either commits the others or refuses the bundle as a whole; both are understood.  Which
answer belongs to what is told by transaction ids: those of the messages in the bundle, of its opening and
of its commit.  An error with another id is no business of the bundle.

OpenFlow 1.5.1 section 6.9.  Not here: sending (``ofswitch``), and what is to be sent (``sync.flowtable``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.wire.openflow.messages import FlowMod


class Bundle:
    """Transaction ids and what they stand for."""

    __slots__ = ("commit", "mods", "number", "opening", "refused")

    def __init__(self, number: int) -> None:
        self.number = number
        self.opening = self.commit = 0
        self.mods: dict[int, FlowMod] = {}
        self.refused: dict[int, str] = {}
        """Transaction ids of refused messages, and the switch's reason."""

    def __contains__(self, xid: object) -> bool:
        return xid in self.mods or xid in (self.opening, self.commit)

    def accepted(self) -> Iterator[FlowMod]:
        """What the switch has applied, once it has committed."""
        return (mod for xid, mod in self.mods.items() if xid not in self.refused)
