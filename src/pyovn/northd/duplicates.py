"""Two ports of one switch with one MAC: frames can go to one of them only.

The look-up flows tell: each says where frames to an address go, so two of one switch and one match that
differ are two ports with one address.  What is kept is one entry per address, and nothing is recorded as
read; a port more costs one look-up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.incremental import Noted

if TYPE_CHECKING:
    from pyovn.incremental import Derived
    from pyovn.northd.model import Item, LogicalFlow, Model
    from pyovn.schemas import northbound as nb
    from pyovn.sync.wants import Ref

Place = tuple["Ref | None", str]
"""A switch's datapath, and a match on the destination address."""


class Duplicates:
    """Follows the look-up flows of ports; ``found`` has the places where they contradict each other."""

    def __init__(self, model: Model, flows: Derived[nb.LogicalSwitchPort, Item]) -> None:
        self._model = model
        self._flows = flows
        self._stage = model.profile.switch_in["l2_lkup"].table
        self._first: dict[Place, LogicalFlow] = {}
        self.found: Noted[Place, dict[LogicalFlow, None]] = Noted()
        flows.subscribe(self)

    def insert(self, element: LogicalFlow) -> None:
        """Another place to go to."""
        if element.table_id != self._stage:
            return
        place = element.datapath, element.match
        first = self._first.setdefault(place, element)
        if first is not element:
            self.found[place] = {**self.found.get(place, {first: None}), element: None}

    def remove(self, element: LogicalFlow) -> None:
        """One place less."""
        if element.table_id != self._stage:
            return
        place = element.datapath, element.match
        several = self.found.get(place)
        if several is None:
            del self._first[place]
            return
        left = {flow: None for flow in several if flow != element}
        self._first[place] = next(iter(left))
        if len(left) > 1:
            self.found[place] = left
        else:
            del self.found[place]

    def change(self, element: LogicalFlow, mask: int) -> None:
        """Flows are values: they do not change."""

    def line(self, place: Place) -> str:
        """``ports a, b of switch s have the same address 00:00:00:00:00:01``."""
        datapath, match = place
        names = sorted({r.owner.name for flow in self.found[place] for r in self._flows.why(flow)})
        switch = None if datapath is None else self._model.switches.peek(datapath.key)
        of = f" of switch {switch.name or switch.uuid}" if switch is not None else ""
        return f"ports {', '.join(names)}{of} have the same address {match.rpartition(' ')[2]}"
