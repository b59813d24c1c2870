"""L2 look-up: where a frame goes by its destination address.

ovn-northd(8), Logical Switch Datapaths, ingress tables 25 and 26.  Multicast goes to the flood group, a
known address to its port, anything else to the ports with the address ``unknown`` or nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.northd.admission import ALL_SWITCHES
from pyovn.northd.model import Item, LogicalFlow, Model, is_enabled, logical_flow, quoted
from pyovn.northd.multicast import FLOOD, UNKNOWN
from pyovn.ovn.ports import EXTERNAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pyovn.incremental import Derived, Fold
    from pyovn.ovsdb.values import UUID
    from pyovn.schemas import northbound as nb
    from pyovn.sync.wants import Ref

WITH_UNKNOWN = "switch-with-unknown"
WITHOUT_UNKNOWN = "switch-without-unknown"


def declare(
    model: Model, members: Fold[Any, tuple[UUID, str], Any, int]
) -> Derived[nb.LogicalSwitchPort, Item]:
    """``members`` counts multicast groups by (switch, name); returns the flows of ports."""
    lookup, unknown = model.profile.switch_in["l2_lkup"], model.profile.switch_in["l2_unknown"]

    def classes(switch: nb.LogicalSwitch) -> Iterator[str]:
        yield WITH_UNKNOWN if members.value((switch.uuid, UNKNOWN)) else WITHOUT_UNKNOWN

    def flows(switch_class: str, where: Ref) -> Iterator[tuple[LogicalFlow, str]]:
        if switch_class == ALL_SWITCHES:
            yield (
                logical_flow(where, lookup, 70, "eth.mcast", f'outport = "{FLOOD}"; output;'),
                "broadcast and multicast go to every port",
            )
            yield (
                logical_flow(where, lookup, 0, "1", "outport = get_fdb(eth.dst); next;"),
                "not an address of a port: perhaps one that was learnt",
            )
            yield logical_flow(where, unknown, 0, "1", "output;"), "the destination is known"
        elif switch_class == WITH_UNKNOWN:
            yield (
                logical_flow(where, unknown, 50, 'outport == "none"', f'outport = "{UNKNOWN}"; output;'),
                "some port takes frames to unknown addresses",
            )
        elif switch_class == WITHOUT_UNKNOWN:
            yield (
                logical_flow(where, unknown, 50, 'outport == "none"', "drop;"),
                "no port takes frames to unknown addresses",
            )

    def known(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        datapath = model.datapath_of(port)
        if datapath is None or port.type == EXTERNAL:  # that is beyond a localnet, where its MAC is learnt
            return
        name = quoted(port.name)
        if is_enabled(port):
            actions, why = f"outport = {name}; output;", "an address of the port"
        else:
            actions, why = "drop;", "an address of a port that is disabled"
            yield (
                logical_flow(datapath, unknown, 50, f"outport == {name}", "drop;"),
                "nothing goes to a port that is disabled",
            )
        for mac, _ipv4, _ipv6 in model.addresses_of(port):
            yield logical_flow(datapath, lookup, 50, f"eth.dst == {mac}", actions), why

    model.classify(classes)
    model.want_class_flows("l2_lookup", flows)
    return model.want_sb("l2_lookup_ports", model.ports, known)
