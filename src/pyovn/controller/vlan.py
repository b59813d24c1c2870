"""VLAN tags at the edge: containers in a VM, and localnets on a tagged network.

ovn-architecture(7), "Life Cycle of a Container Interface Inside a VM", and ovn-nb(5), ``tag``.  A tag takes
the place of an interface: it is matched and taken off in ``phy_to_log`` and put on for the way out.  A
localnet without a tag takes untagged frames only, also those that carry a tag of VLAN 0, unless its switch
lets tags pass (``vlan-passthru``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovn import registers as reg
from pyovn.ovn.ports import LOCALNET, LOCALPORT
from pyovn.wire.openflow.actions import Output, PopVlan, PushVlan, SetField
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.controller.model import LocalPort
    from pyovn.wire.openflow.actions import Action

PRESENT: Final = 0x1000
"""The bit of vlan_tci that says that there is a tag."""
_ETHERTYPE: Final = 0x8100

Entrance = tuple[int, dict[str, tuple[int, int]], "tuple[Action, ...]", "tuple[Action, ...]"]


def entrances(port: LocalPort) -> Iterator[Entrance]:
    """(priority, terms beside in_port, actions at first, actions at last) of each way into the pipeline."""
    if port.tag is not None:
        tagged = {"vlan_tci": (PRESENT | port.tag, 0x1FFF)}
        nested = (_set("nested_container"), PopVlan()) if port.parent is not None else (PopVlan(),)
        yield 150, tagged, nested, ()
    elif port.kind == LOCALNET and not port.passthru:
        yield 100, {"vlan_tci": (0, PRESENT)}, (), ()
        yield 100, {"vlan_tci": (PRESENT, 0x1FFF)}, (PopVlan(),), ()
    else:
        yield 100, {}, (), (_set("localport"),) if port.kind == LOCALPORT else ()


def way_out(port: LocalPort) -> tuple[Action, ...]:
    """What sends a frame out of the port's interface."""
    if port.tag is None:
        return (Output(port.ofport),)
    tag = SetField(FIELDS["vlan_vid"], PRESENT | port.tag)
    return (PushVlan(_ETHERTYPE), tag, Output(port.ofport), PopVlan())


def _set(name: str) -> Action:
    return SetField(FIELDS[reg.LOG_FLAGS], reg.flag(name), reg.flag(name))
