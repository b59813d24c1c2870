"""A whole frame, header by header, as far as it can be read."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from pyovn.wire.packet.icmp import Icmp, Icmpv6
from pyovn.wire.packet.link import ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_QINQ, ETH_VLAN, Arp, Ethernet, Vlan
from pyovn.wire.packet.network import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP, IPv4, IPv6
from pyovn.wire.packet.transport import Tcp, Udp

Transport: TypeAlias = Tcp | Udp | Icmp | Icmpv6


class Frame(Struct, frozen=True):
    """The headers of a frame; what is None is not there.  ``payload`` follows the last of them."""

    ethernet: Ethernet
    vlans: tuple[Vlan, ...] = ()
    arp: Arp | None = None
    ip: IPv4 | IPv6 | None = None
    transport: Transport | None = None
    payload: bytes = b""

    def build(self) -> bytes:
        """The frame, with all lengths and checksums computed; the inverse of ``parse_frame``."""
        data = self.payload
        match self.transport:
            case Icmp() as header:
                data = header.build(data)
            case Icmpv6() as header if isinstance(self.ip, IPv6):
                data = header.build(data, self.ip)
            case Tcp() | Udp() as header:
                data = header.build(data, self.ip)
            case _:
                pass
        if self.ip is not None:
            data = self.ip.build(data)
        elif self.arp is not None:
            data = self.arp.build(data)
        for vlan in reversed(self.vlans):
            data = vlan.build(data)
        return self.ethernet.build(data)


def _transport(ip: IPv4 | IPv6, data: bytes) -> tuple[Transport | None, bytes]:
    if ip.fragment_offset:
        return None, data
    if ip.protocol == PROTO_TCP:
        return Tcp.parse(data)
    if ip.protocol == PROTO_UDP:
        return Udp.parse(data)
    if isinstance(ip, IPv4):
        return Icmp.parse(data) if ip.protocol == PROTO_ICMP else (None, data)
    return Icmpv6.parse(data) if ip.protocol == PROTO_ICMPV6 else (None, data)


def parse_frame(data: bytes) -> Frame:
    """All headers that this package knows; raises ``PacketError`` where one of them is malformed."""
    ethernet, rest = Ethernet.parse(data)
    kind = ethernet.ethertype
    vlans: list[Vlan] = []
    while kind in (ETH_VLAN, ETH_QINQ):
        vlan, rest = Vlan.parse(rest)
        vlans.append(vlan)
        kind = vlan.ethertype
    if kind == ETH_ARP:
        arp, rest = Arp.parse(rest)
        return Frame(ethernet, tuple(vlans), arp=arp, payload=rest)
    ip: IPv4 | IPv6
    if kind == ETH_IPV4:
        ip, rest = IPv4.parse(rest)
    elif kind == ETH_IPV6:
        ip, rest = IPv6.parse(rest)
    else:
        return Frame(ethernet, tuple(vlans), payload=rest)
    transport, rest = _transport(ip, rest)
    return Frame(ethernet, tuple(vlans), None, ip, transport, rest)
