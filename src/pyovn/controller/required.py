"""What ovn-controller cannot do without in the databases' schemas.

A server whose schema lacks one of these is refused by name (``ovsdb.client``); everything else that a
schema lacks reads as its default and is left out of what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

VS_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "Open_vSwitch": ("bridges", "external_ids"),
    "Bridge": ("name", "ports", "external_ids"),
    "Port": ("name", "interfaces"),
    "Interface": ("name", "type", "options", "ofport", "external_ids"),
}

SB_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "SB_Global": ("nb_cfg",),
    "Chassis": ("name", "encaps"),
    "Encap": ("type", "ip", "options"),
    "Datapath_Binding": ("tunnel_key",),
    "Port_Binding": ("datapath", "logical_port", "tunnel_key", "type", "chassis"),
    "Multicast_Group": ("datapath", "tunnel_key", "ports"),
    "Logical_Flow": ("logical_datapath", "pipeline", "table_id", "priority", "match", "actions"),
}
