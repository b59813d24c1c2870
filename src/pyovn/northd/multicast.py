"""Multicast groups of a switch: where broadcast, multicast and unknown frames go.

``_MC_flood``     every enabled port: broadcast and multicast
``_MC_flood_l2``  every enabled port that is not a router's
``_MC_unknown``   every enabled port with the address ``unknown``, but no external one

Each port contributes its own membership as an ``Element``, so one port more on a switch of 10,000 is one
``mutate``.  A group exists while it has members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.northd.addresses import is_unknown
from pyovn.northd.model import MULTICAST, PORT, Item, Model, is_enabled
from pyovn.ovn.keys import MC_FLOOD, MC_FLOOD_L2, MC_UNKNOWN, MULTICAST_GROUPS
from pyovn.ovn.ports import EXTERNAL, ROUTER
from pyovn.sync.wants import Element, Ref, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental import Fold
    from pyovn.ovsdb.values import UUID
    from pyovn.schemas import northbound as nb
    from pyovn.schemas import southbound as sb

FLOOD: Final = MC_FLOOD.name
FLOOD_L2: Final = MC_FLOOD_L2.name
UNKNOWN: Final = MC_UNKNOWN.name


class Group(NamedTuple):
    """A multicast group that has a member."""

    datapath: Ref
    name: str


def groups_of(port: nb.LogicalSwitchPort) -> Iterator[str]:
    """The groups that ``port`` is in."""
    if not is_enabled(port):
        return
    yield FLOOD
    if port.type != ROUTER:
        yield FLOOD_L2
    if port.type != EXTERNAL and any(is_unknown(address) for address in port.addresses):
        yield UNKNOWN


def declare(model: Model) -> Fold[Any, tuple[UUID, str], Any, int]:
    """Make Multicast_Group rows; returns the number of members by (switch, group)."""

    def present(port: nb.LogicalSwitchPort) -> Iterator[tuple[Group, str]]:
        datapath = model.datapath_of(port)
        if datapath is not None:
            for name in groups_of(port):
                yield Group(datapath, name), "the group has a member"

    groups = model.engine.derive("present_groups", model.ports, present)

    def row(group: Group) -> Iterator[tuple[Item, str]]:
        yield (
            want(
                MULTICAST,
                (group.datapath, group.name),
                datapath=group.datapath,
                name=group.name,
                tunnel_key=MULTICAST_GROUPS[group.name].key,
            ),
            "a group of ports that get the same frames",
        )

    def members(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        datapath = model.datapath_of(port)
        if datapath is not None:
            for name in groups_of(port):
                key = (datapath, name)
                yield Element(MULTICAST, key, "ports", Ref(PORT, port.name)), "an enabled port is a member"

    model.want_sb("multicast_groups", groups, row)
    model.want_sb("multicast_members", model.ports, members)
    return model.engine.fold(
        "group_exists",
        groups,
        lambda group: [((group.datapath.key, group.name), 1)],
        empty=int,
        add=lambda count, _one: count + 1,
        take=lambda count, _one: count - 1,
    )


def identify(row: sb.MulticastGroup) -> Any:
    """The key of an actual row."""
    return (row.datapath, row.name)
