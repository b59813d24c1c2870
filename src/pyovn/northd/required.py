"""What ovn-northd cannot do without in the databases' schemas.

A server whose schema lacks one of these is refused by name (``ovsdb.client``).  Everything else that a
schema lacks reads as its default and is left out of what is written, so that older databases can be
served while they wait for their conversion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NB_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "NB_Global": ("nb_cfg", "sb_cfg", "hv_cfg", "options"),
    "Logical_Switch": ("name", "ports"),
    "Logical_Switch_Port": ("name", "type", "addresses", "enabled", "up"),
}

SB_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "SB_Global": ("nb_cfg",),
    "Chassis": ("name",),
    "Datapath_Binding": ("tunnel_key", "external_ids"),
    "Port_Binding": ("datapath", "logical_port", "tunnel_key", "type", "mac", "chassis"),
    "Multicast_Group": ("datapath", "name", "tunnel_key", "ports"),
    "Logical_DP_Group": ("datapaths",),
    "Logical_Flow": (
        "logical_datapath",
        "logical_dp_group",
        "pipeline",
        "table_id",
        "priority",
        "match",
        "actions",
        "external_ids",
    ),
}
