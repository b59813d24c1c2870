"""The packet of a microflow as the switch knows it (a flow key), and as a frame, bare or in a tunnel.

Tunnel headers are those of ovn-architecture(7), "Tunnel Encapsulations": Geneve with OVN's option, or VXLAN.
The outer Ethernet addresses are made up: which ones the underlay uses is not OVN's to know.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.compose import compose
from pyovn.vswitch.flowkey import HEADER_BITS, SLOTS
from pyovn.wire.packet import Ethernet, Geneve, IPv4, Udp, Vxlan
from pyovn.wire.packet.link import ETH_IPV4
from pyovn.wire.packet.network import PROTO_UDP

if TYPE_CHECKING:
    from pyovn.explain.microflow import Microflow

GENEVE_PORT: Final = 6081
VXLAN_PORT: Final = 4789
PAYLOAD: Final = b"pyovn explain".ljust(26, b".")
_NAMES: Final = {"nw_proto": "ip_proto", "nw_ttl": "ip_ttl", "nw_ecn": "ip_ecn"}
_OUTER: Final = 0x0A_00_00_00_00_00
_WITHOUT_PAYLOAD: Final = (0x0806, 0x8035)


def key_of(flow: Microflow) -> int:
    """The headers of a microflow; what is logical in it (registers) is left out."""
    key = 0
    for name, value in flow.items():
        slot = SLOTS.get(_NAMES.get(name, name))
        if slot is not None and slot.mask & HEADER_BITS:
            key |= (value & slot.ones) << slot.offset
    return key


def with_field(key: int, name: str, value: int) -> int:
    """``key`` with one field set."""
    slot = SLOTS[name]
    return key & ~slot.mask | (value & slot.ones) << slot.offset


def field(key: int, name: str) -> int:
    """One field."""
    return SLOTS[name].read(key)


def frame_of(key: int) -> bytes:
    """The frame with these headers."""
    kind = field(key, "eth_type")
    neighbour = kind == 0x86DD and field(key, "icmp_type") in {135, 136}
    return compose(key, b"" if kind in _WITHOUT_PAYLOAD or neighbour else PAYLOAD)


def encapsulated(kind: str, key: int, local: str, remote: str) -> bytes:
    """The frame as it is on the wire between two IPv4 endpoints; empty for endpoints of another kind."""
    try:
        source, target = int(IPv4Address(local)), int(IPv4Address(remote))
    except ValueError:
        return b""
    inner, vni, ports = frame_of(key), field(key, "tun_id") & 0xFFFFFF, field(key, "tun_metadata0")
    if kind == "vxlan":
        payload, port = Vxlan(vni).build(inner), VXLAN_PORT
    else:
        payload, port = Geneve.ovn(vni, ports >> 16 & 0x7FFF, ports & 0xFFFF).build(inner), GENEVE_PORT
    outer = IPv4(source, target, PROTO_UDP)
    datagram = outer.build(Udp(0xC000 | source & 0x3FFF, port).build(payload, outer))
    return Ethernet(_OUTER | target & 0xFFFFFF, _OUTER | source & 0xFFFFFF, ETH_IPV4).build(datagram)
