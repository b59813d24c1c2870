"""Simulated VMs: what an operating system does with its first packets, and nothing more.

A ``Guest`` has one interface with a MAC and IP addresses.  It answers ARP requests (RFC 826), neighbour
solicitations (RFC 4861) and echo requests (RFC 792, RFC 4443) for its addresses, and before it sends to an
address it asks for the MAC.  It is sans-I/O: a frame in, frames out; time and the network are its owner's.

Not here: routes (all addresses are taken to be on the link), retransmission, forgetting.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pyovn.sandbox.frames import mac_to_int
from pyovn.wire.packet import (
    Arp,
    Ethernet,
    Frame,
    Icmp,
    Icmpv6,
    IPv4,
    IPv6,
    NeighborAdvert,
    NeighborSolicit,
    PacketError,
    parse_frame,
)
from pyovn.wire.packet import icmp as codes
from pyovn.wire.packet.link import BROADCAST, ETH_ARP, ETH_IPV4, ETH_IPV6
from pyovn.wire.packet.network import PROTO_ICMP, PROTO_ICMPV6

if TYPE_CHECKING:
    from pyovn.northd.addresses import Addresses

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_SOLICITED_NODE: Final = int(ipaddress.IPv6Address("ff02::1:ff00:0"))
_MULTICAST_MAC: Final = 0x333300000000
_REPLY_OF: Final = {codes.ECHO_REQUEST: codes.ECHO_REPLY, codes.V6_ECHO_REQUEST: codes.V6_ECHO_REPLY}
PING_DATA: Final = b"pyovn ping"


@dataclass(slots=True)
class Guest:
    """One VM.  ``echoes`` are the identifiers of echo replies that it has got."""

    name: str
    mac: int
    addresses: tuple[Ip, ...]
    neighbours: dict[Ip, int] = field(default_factory=dict)
    """MACs that it has learned."""
    echoes: list[int] = field(default_factory=list)
    asked: int = 0
    """Echo requests for its addresses that it has got."""
    _waiting: dict[Ip, list[Frame]] = field(default_factory=dict)

    @staticmethod
    def of(name: str, addresses: Addresses) -> Guest:
        """The VM of a logical port."""
        texts = (*addresses.ipv4, *addresses.ipv6)
        return Guest(name, mac_to_int(addresses.mac), tuple(map(ipaddress.ip_address, texts)))

    # -- sending -------------------------------------------------------------------------------

    def ping(self, source: Ip, target: Ip, identifier: int) -> list[bytes]:
        """Send an echo request, or ask for the target's MAC first."""
        if source.version == 4:
            transport: Icmp | Icmpv6 = Icmp(codes.ECHO_REQUEST, rest=identifier << 16 | 1)
        else:
            transport = Icmpv6(codes.V6_ECHO_REQUEST, rest=identifier << 16 | 1)
        return self._send(source, target, transport, PING_DATA)

    def _send(self, source: Ip, target: Ip, transport: Icmp | Icmpv6, payload: bytes) -> list[bytes]:
        four = source.version == 4
        kind, protocol = (ETH_IPV4, PROTO_ICMP) if four else (ETH_IPV6, PROTO_ICMPV6)
        header = (IPv4 if four else IPv6)(int(source), int(target), protocol)
        mac = self.neighbours.get(target)
        frame = Frame(Ethernet(mac or 0, self.mac, kind), ip=header, transport=transport, payload=payload)
        if mac is not None:
            return [frame.build()]
        self._waiting.setdefault(target, []).append(frame)
        return [self._ask(source, target)]

    def _ask(self, source: Ip, target: Ip) -> bytes:
        """Who has ``target``?"""
        if target.version == 4:
            question = Arp(1, self.mac, int(source), 0, int(target))
            return Ethernet(BROADCAST, self.mac, ETH_ARP).build(question.build())
        group = _SOLICITED_NODE | int(target) & 0xFFFFFF  # RFC 4291, section 2.7.1
        header = IPv6(int(source), group, PROTO_ICMPV6, ttl=255)
        message = NeighborSolicit(int(target), self.mac).build(header)
        ethernet = Ethernet(_MULTICAST_MAC | group & 0xFFFFFFFF, self.mac, ETH_IPV6)
        return ethernet.build(header.build(message))

    # -- receiving -----------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[bytes]:
        """A frame has arrived; what it sends in return."""
        try:
            return self._receive(parse_frame(data))
        except PacketError:
            return []

    def _receive(self, frame: Frame) -> list[bytes]:
        to = frame.ethernet.destination
        if to != self.mac and not to >> 40 & 1:  # neither ours nor for many
            return []
        if frame.arp is not None:
            return self._arp(frame.arp)
        ip, transport = frame.ip, frame.transport
        if isinstance(ip, IPv6) and isinstance(transport, Icmpv6):
            if transport.type == codes.NEIGHBOR_SOLICIT:
                return self._solicited(ip, NeighborSolicit.parse(frame.payload))
            if transport.type == codes.NEIGHBOR_ADVERT:
                return self._advertised(frame, NeighborAdvert.parse(transport, frame.payload))
        if ip is not None and isinstance(transport, Icmp | Icmpv6):
            return self._echo(ip, transport, frame.payload)
        return []

    def _arp(self, arp: Arp) -> list[bytes]:
        sender, target = ipaddress.IPv4Address(arp.sender_ip), ipaddress.IPv4Address(arp.target_ip)
        if target not in self.addresses:
            return []
        released = self._learn(sender, arp.sender_mac)
        if arp.operation != 1:
            return released
        answer = Arp(2, self.mac, int(target), arp.sender_mac, int(sender))
        return [Ethernet(arp.sender_mac, self.mac, ETH_ARP).build(answer.build()), *released]

    def _solicited(self, ip: IPv6, question: NeighborSolicit) -> list[bytes]:
        target, sender = ipaddress.IPv6Address(question.target), ipaddress.IPv6Address(ip.source)
        if target not in self.addresses or question.source_mac is None:
            return []
        released = self._learn(sender, question.source_mac)
        header = IPv6(int(target), int(sender), PROTO_ICMPV6, ttl=255)
        message = NeighborAdvert(int(target), self.mac).build(header)
        answer = Ethernet(question.source_mac, self.mac, ETH_IPV6).build(header.build(message))
        return [answer, *released]

    def _advertised(self, frame: Frame, answer: NeighborAdvert) -> list[bytes]:
        mac = answer.target_mac if answer.target_mac is not None else frame.ethernet.source
        return self._learn(ipaddress.IPv6Address(answer.target), mac)

    def _learn(self, address: Ip, mac: int) -> list[bytes]:
        """Note a MAC; what has waited for it goes."""
        self.neighbours[address] = mac
        return [
            Frame(
                Ethernet(mac, self.mac, frame.ethernet.ethertype),
                ip=frame.ip,
                transport=frame.transport,
                payload=frame.payload,
            ).build()
            for frame in self._waiting.pop(address, ())
        ]

    def _echo(self, ip: IPv4 | IPv6, message: Icmp | Icmpv6, payload: bytes) -> list[bytes]:
        make = ipaddress.IPv4Address if isinstance(ip, IPv4) else ipaddress.IPv6Address
        sender, target = make(ip.source), make(ip.destination)
        if target not in self.addresses:
            return []
        if message.type in _REPLY_OF.values():
            self.echoes.append(message.rest >> 16)
            return []
        reply = _REPLY_OF.get(message.type)
        if reply is None:
            return []
        self.asked += 1
        return self._send(target, sender, type(message)(reply, rest=message.rest), payload)
