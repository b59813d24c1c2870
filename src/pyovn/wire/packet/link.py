"""Ethernet, 802.1Q and ARP (IEEE 802.3, 802.1Q; RFC 826)."""

from __future__ import annotations

import struct
from typing import Final

from msgspec import Struct

from pyovn.wire.packet.checksum import PacketError

ETH_IPV4: Final = 0x0800
ETH_ARP: Final = 0x0806
ETH_RARP: Final = 0x8035
ETH_VLAN: Final = 0x8100
ETH_QINQ: Final = 0x88A8
ETH_IPV6: Final = 0x86DD

BROADCAST: Final = 0xFFFFFFFFFFFF

_ARP: Final = struct.Struct("!HHBBH6s4s6s4s")


class Ethernet(Struct, frozen=True):
    """14 bytes: addresses and the type of what follows."""

    destination: int
    source: int
    ethertype: int

    @staticmethod
    def parse(data: bytes) -> tuple[Ethernet, bytes]:
        """Header and payload."""
        if len(data) < 14:
            raise PacketError(f"an Ethernet frame of {len(data)} bytes")
        return (
            Ethernet(
                int.from_bytes(data[:6], "big"), int.from_bytes(data[6:12], "big"), data[12] << 8 | data[13]
            ),
            data[14:],
        )

    def build(self, payload: bytes = b"") -> bytes:
        """Header and payload; no padding to 60 bytes, which is the link's business."""
        head = self.destination.to_bytes(6, "big") + self.source.to_bytes(6, "big")
        return head + self.ethertype.to_bytes(2, "big") + payload


class Vlan(Struct, frozen=True):
    """An 802.1Q tag after its own ethertype: PCP, DEI and VID in ``tci``, then the inner ethertype."""

    tci: int
    ethertype: int

    @property
    def vid(self) -> int:
        """VLAN id."""
        return self.tci & 0xFFF

    @property
    def pcp(self) -> int:
        """Priority."""
        return self.tci >> 13

    @staticmethod
    def parse(data: bytes) -> tuple[Vlan, bytes]:
        """Tag and payload."""
        if len(data) < 4:
            raise PacketError("a VLAN tag is cut short")
        return Vlan(data[0] << 8 | data[1], data[2] << 8 | data[3]), data[4:]

    def build(self, payload: bytes = b"") -> bytes:
        """Tag and payload."""
        return self.tci.to_bytes(2, "big") + self.ethertype.to_bytes(2, "big") + payload


class Arp(Struct, frozen=True):
    """ARP for IPv4 on Ethernet: operation 1 asks, 2 answers."""

    operation: int
    sender_mac: int
    sender_ip: int
    target_mac: int
    target_ip: int

    @staticmethod
    def parse(data: bytes) -> tuple[Arp, bytes]:
        """Header and what follows it (padding)."""
        if len(data) < _ARP.size:
            raise PacketError(f"an ARP packet of {len(data)} bytes")
        hardware, protocol, hlen, plen, operation, sha, spa, tha, tpa = _ARP.unpack_from(data)
        if (hardware, protocol, hlen, plen) != (1, ETH_IPV4, 6, 4):
            raise PacketError("ARP for something else than IPv4 on Ethernet")
        numbers = [int.from_bytes(each, "big") for each in (sha, spa, tha, tpa)]
        return Arp(operation, *numbers), data[_ARP.size :]

    def build(self, payload: bytes = b"") -> bytes:
        """28 bytes and the payload."""
        return (
            _ARP.pack(
                1, ETH_IPV4, 6, 4, self.operation, self.sender_mac.to_bytes(6, "big"),
                self.sender_ip.to_bytes(4, "big"), self.target_mac.to_bytes(6, "big"),
                self.target_ip.to_bytes(4, "big"),
            )
            + payload
        )  # fmt: skip
