"""``up`` of a logical switch port: what its binding says.

A controller sets Port_Binding.up when all flows of the port are installed; a controller from before that
column existed only sets ``chassis`` (ovn-sb(5), Port_Binding.up).  A router's port is always up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovn.ports import ROUTER
from pyovn.schemas import northbound as nb
from pyovn.sync.wants import Existing, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.northd.model import Item, Model


def declare(model: Model) -> None:
    """Write ``up`` back to the northbound."""

    def status(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        up = port.type == ROUTER
        if not up:
            binding = model.binding_by_port.one(port.name)
            if binding is not None and binding.chassis is not None:
                up = binding.up is True or not model.features.tells_up(binding.chassis)
        yield want(nb.LogicalSwitchPort.TABLE, Existing(port.uuid), up=up), "up is what the binding says"

    model.want_nb("port_up", model.ports, status)
