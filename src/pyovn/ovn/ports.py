"""Types of logical ports, in the NB and in the SB, and what each can do.

The NB's are ovn-nb(5) Logical_Switch_Port.type, the SB's ovn-sb(5) Port_Binding.type.  A router
port of the NB becomes a ``patch`` binding, or ``l3gateway`` when its router sits on one chassis;
``chassisredirect`` exists in the SB alone and has its name derived from the router port's.
"""

from __future__ import annotations

from typing import Final

VIF: Final = ""
ROUTER: Final = "router"
LOCALNET: Final = "localnet"
LOCALPORT: Final = "localport"
L2GATEWAY: Final = "l2gateway"
VTEP: Final = "vtep"
EXTERNAL: Final = "external"
VIRTUAL: Final = "virtual"
REMOTE: Final = "remote"

PATCH: Final = "patch"
L3GATEWAY: Final = "l3gateway"
CHASSISREDIRECT: Final = "chassisredirect"

NORTHBOUND_TYPES: Final = frozenset(
    {VIF, ROUTER, LOCALNET, LOCALPORT, L2GATEWAY, VTEP, EXTERNAL, VIRTUAL, REMOTE}
)
SOUTHBOUND_TYPES: Final = frozenset(
    {
        VIF,
        PATCH,
        L3GATEWAY,
        LOCALNET,
        LOCALPORT,
        L2GATEWAY,
        VTEP,
        CHASSISREDIRECT,
        EXTERNAL,
        VIRTUAL,
        REMOTE,
    }
)
PATCH_TYPES: Final = frozenset({PATCH, L3GATEWAY})
"""Ports that have a peer in another datapath."""
EVERY_CHASSIS_TYPES: Final = frozenset({PATCH, LOCALNET, LOCALPORT})
"""Ports that reside on every chassis that has their datapath; their chassis column stays empty."""

UNKNOWN_ADDRESS: Final = "unknown"
DYNAMIC_ADDRESS: Final = "dynamic"
ROUTER_ADDRESS: Final = "router"


def southbound_type(northbound_type: str, *, on_gateway: bool = False) -> str:
    """The Port_Binding type of a Logical_Switch_Port type; ``on_gateway``: its router has a chassis."""
    if northbound_type == ROUTER:
        return L3GATEWAY if on_gateway else PATCH
    return northbound_type


def chassisredirect_name(router_port: str) -> str:
    """The logical_port of the chassisredirect binding of a distributed gateway port."""
    return f"cr-{router_port}"
