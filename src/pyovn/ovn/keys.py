"""Tunnel keys: the numbers by which chassis name datapaths and ports to each other.

ovn-architecture(7), "Tunnel Encapsulations": Geneve carries a 24-bit datapath key in the VNI and,
in an option of class 0x0102 and type 0x80, one reserved bit, the 15-bit ingress port and the 16-bit
egress port.  VXLAN between hypervisors has only the 24-bit VNI: 12 bits of datapath and 12 of port.
ovn-sb(5) bounds the columns: Datapath_Binding.tunnel_key 1..16777215, Port_Binding.tunnel_key
1..32767, Multicast_Group.tunnel_key 32768..65535.

Ranges are inclusive pairs.  Not here: who gets which key (northd allots them).
"""

from __future__ import annotations

from typing import Final, NamedTuple

GENEVE_OPTION_CLASS: Final = 0x0102
GENEVE_OPTION_TYPE: Final = 0x80
GENEVE_OPTION_LENGTH: Final = 4


class KeyRange(NamedTuple):
    """Keys ``first`` to ``last``, both included."""

    first: int
    last: int

    def __contains__(self, key: object) -> bool:
        return isinstance(key, int) and self.first <= key <= self.last


class KeySpace(NamedTuple):
    """The keys that an encapsulation has room for."""

    datapath: KeyRange
    datapath_local: KeyRange
    """What northd may allot; the rest belongs to interconnection (ovn-ic)."""
    datapath_global: KeyRange | None
    port: KeyRange
    multicast: KeyRange


_DATAPATH_LAST: Final = (1 << 24) - 1
_DATAPATH_GLOBAL: Final = (1 << 16) - 1
_VXLAN_LAST: Final = (1 << 12) - 1

GENEVE_KEYS: Final = KeySpace(
    datapath=KeyRange(1, _DATAPATH_LAST),
    datapath_local=KeyRange(1, _DATAPATH_LAST - _DATAPATH_GLOBAL),
    datapath_global=KeyRange(_DATAPATH_LAST - _DATAPATH_GLOBAL + 1, _DATAPATH_LAST),
    port=KeyRange(1, (1 << 15) - 1),
    multicast=KeyRange(1 << 15, (1 << 16) - 1),
)
"""Also STT's: it carries the same 24 + 15 + 16 bits."""

VXLAN_KEYS: Final = KeySpace(
    datapath=KeyRange(1, _VXLAN_LAST),
    datapath_local=KeyRange(1, _VXLAN_LAST),
    datapath_global=None,
    port=KeyRange(1, (1 << 11) - 1),
    multicast=KeyRange(1 << 15, (1 << 16) - 1),
)
"""When any chassis may only be reached by VXLAN.  Multicast keys are folded into 11 bits on the wire."""

VXLAN_MULTICAST_WIRE: Final = 1 << 11
"""Added to a multicast group's offset in a 12-bit VXLAN port key."""


class MulticastGroup(NamedTuple):
    """A multicast group that every datapath of its kind may have; ``key`` is its fixed tunnel key."""

    name: str
    key: int


MC_FLOOD: Final = MulticastGroup("_MC_flood", 32768)
MC_UNKNOWN: Final = MulticastGroup("_MC_unknown", 32769)
MC_MROUTER_FLOOD: Final = MulticastGroup("_MC_mrouter_flood", 32770)
MC_STATIC: Final = MulticastGroup("_MC_static", 32771)
MC_FLOOD_L2: Final = MulticastGroup("_MC_flood_l2", 32772)

MULTICAST_GROUPS: Final = {
    group.name: group for group in (MC_FLOOD, MC_UNKNOWN, MC_MROUTER_FLOOD, MC_STATIC, MC_FLOOD_L2)
}
IP_MULTICAST_KEYS: Final = KeyRange(MC_FLOOD_L2.key + 1, (1 << 16) - 1)
"""Keys for the groups that snooping finds (IGMP_Group)."""

NO_PORT: Final = 0
"""The key in outport when no port has been chosen; ``outport == "none"`` compares with it."""

NO_PORT_NAME: Final = "none"
"""ovn-sb(5)'s name of the absent port in logical flows."""
