"""Which southbound rows this hypervisor needs: the conditions of its monitor.

ovn-architecture(7) on conditional monitoring.  Ports that have an interface here, ports of datapaths that
are here, the flows and groups of these datapaths; all chassis, because of the tunnels.  What arrives
may make more datapaths local, so the conditions have a fixed point that takes a few rounds; until it
is reached the picture is incomplete and nothing that is installed may be deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.model import SELF
from pyovn.schemas import southbound as sb

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.controller.model import Model
    from pyovn.incremental import Memo

NOTHING: Final[Mapping[str, bool]] = {
    "Port_Binding": False,
    "Logical_Flow": False,
    "Logical_DP_Group": False,
    "Multicast_Group": False,
    "Datapath_Binding": False,
    "Chassis_Private": False,
    "FDB": False,
}
"""The conditions before anything is known."""


def declare(model: Model) -> Memo[[], dict[str, Any]]:
    """The conditions, as ``ovsdb.client`` takes them."""
    groups = model.southbound.table(sb.LogicalDPGroup)

    @model.engine.memo
    def conditions() -> dict[str, Any]:
        config = model.config()
        if config is None:
            return dict(NOTHING)
        if config.monitor_all:
            return dict.fromkeys(NOTHING, True)
        ours, process = model.our_chassis(), model.process_of.one(SELF)
        chassis = sorted({config.chassis, *(process.names if process is not None else ())})
        datapaths = sorted(model.local_datapaths)
        names = sorted({vif.iface_id for vif in model.vifs})
        bindings: list[Any] = [["logical_port", "==", name] for name in names]
        bindings += [["parent_port", "==", name] for name in names]
        bindings += [["datapath", "==", _uuid(uuid)] for uuid in datapaths]
        if ours is not None:
            bindings.append(["chassis", "==", _uuid(ours)])
        flows: list[Any] = [["logical_datapath", "==", _uuid(uuid)] for uuid in datapaths]
        flows += [["logical_dp_group", "==", _uuid(uuid)] for uuid in sorted(g.uuid for g in groups)]
        return {
            "Port_Binding": bindings,
            "Logical_Flow": flows,
            "Logical_DP_Group": [["datapaths", "includes", _uuid(uuid)] for uuid in datapaths],
            "Multicast_Group": [["datapath", "==", _uuid(uuid)] for uuid in datapaths],
            "Datapath_Binding": [["_uuid", "==", _uuid(uuid)] for uuid in datapaths],
            "Chassis_Private": [["name", "==", name] for name in chassis],
            "FDB": [["dp_key", "==", key] for key in sorted(model.local_keys)],
        }

    return conditions


def _uuid(uuid: str) -> list[str]:
    return ["uuid", str(uuid)]
