"""Hardware gateways (VTEP): what comes from one has been through nothing but look-up.

ovn-northd(8), Logical Switch Datapaths, ingress tables 0 and 16.  Packets from the port of a VTEP are marked
and go straight to the hairpin stage, and from there to the L2 look-up: the ingress policy is not for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.northd.model import Item, LogicalFlow, Model, is_enabled, logical_flow, quoted
from pyovn.ovn.ports import VTEP
from pyovn.ovn.registers import SWITCH_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.schemas import northbound as nb
    from pyovn.sync.wants import Ref

WITH_VTEP = "switch-with-vtep"
"""The class of switches that have such a port."""


def declare(model: Model) -> None:
    """Flows of the ports, and of the switches that have one."""
    stages = model.profile.switch_in
    check, hairpin, lookup = stages["check_port_sec"], stages["hairpin"], stages["l2_lkup"]
    marked = SWITCH_BITS["from_ramp"]

    def present(port: nb.LogicalSwitchPort) -> Iterator[tuple[Ref, str]]:
        datapath = model.datapath_of(port)
        if port.type == VTEP and datapath is not None:
            yield datapath, "the switch has a VTEP"

    there = model.engine.derive("vtep_switches", model.special_ports, present)
    of_switch = model.engine.index("vtep_of_switch", there, lambda datapath: [datapath.key])

    def classes(switch: nb.LogicalSwitch) -> Iterator[str]:
        if of_switch.one(switch.uuid) is not None:
            yield WITH_VTEP

    def flows(switch_class: str, where: Ref) -> Iterator[tuple[LogicalFlow, str]]:
        if switch_class == WITH_VTEP:
            yield (
                logical_flow(
                    where, hairpin, 1000, f"{marked} == 1", f"next(pipeline=ingress, table={lookup.table});"
                ),
                "from a VTEP: on to the look-up",
            )

    def entering(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        datapath = model.datapath_of(port)
        if datapath is None or port.type != VTEP or not is_enabled(port):
            return
        actions = f"{marked} = 1; next(pipeline=ingress, table={hairpin.table});"
        yield (
            logical_flow(datapath, check, 70, f"inport == {quoted(port.name)}", actions, port=port.name),
            "from a VTEP: no ingress policy",
        )

    model.classify(classes)
    model.want_class_flows("vtep", flows)
    model.want_sb("vtep_ports", model.special_ports, entering)
