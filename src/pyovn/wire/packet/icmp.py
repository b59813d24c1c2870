"""ICMP, ICMPv6 and Neighbor Discovery (RFC 792, RFC 4443, RFC 4861)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from pyovn.wire.packet.checksum import PacketError, internet_checksum
from pyovn.wire.packet.transport import transport_checksum

if TYPE_CHECKING:
    from pyovn.wire.packet.network import IPv6

ECHO_REPLY: Final = 0
UNREACHABLE: Final = 3
ECHO_REQUEST: Final = 8
TIME_EXCEEDED: Final = 11

V6_ECHO_REQUEST: Final = 128
V6_ECHO_REPLY: Final = 129
ROUTER_SOLICIT: Final = 133
ROUTER_ADVERT: Final = 134
NEIGHBOR_SOLICIT: Final = 135
NEIGHBOR_ADVERT: Final = 136

OPTION_SOURCE_MAC: Final = 1
OPTION_TARGET_MAC: Final = 2


class Icmp(Struct, frozen=True):
    """``rest`` is the second word: id and sequence of an echo, MTU of "fragmentation needed" ..."""

    type: int
    code: int = 0
    rest: int = 0

    @staticmethod
    def parse(data: bytes) -> tuple[Icmp, bytes]:
        """Header and payload."""
        if len(data) < 8:
            raise PacketError(f"an ICMP message of {len(data)} bytes")
        return Icmp(data[0], data[1], int.from_bytes(data[4:8], "big")), data[8:]

    def build(self, payload: bytes = b"") -> bytes:
        """Header with its checksum, then the payload."""
        head, tail = bytes((self.type, self.code)), self.rest.to_bytes(4, "big") + payload
        return head + internet_checksum(head + b"\0\0" + tail).to_bytes(2, "big") + tail


class Icmpv6(Struct, frozen=True):
    """As ``Icmp``; the checksum covers the IPv6 addresses."""

    type: int
    code: int = 0
    rest: int = 0

    @staticmethod
    def parse(data: bytes) -> tuple[Icmpv6, bytes]:
        """Header and payload."""
        if len(data) < 8:
            raise PacketError(f"an ICMPv6 message of {len(data)} bytes")
        return Icmpv6(data[0], data[1], int.from_bytes(data[4:8], "big")), data[8:]

    def build(self, payload: bytes = b"", ip: IPv6 | None = None) -> bytes:
        """Header and payload; without ``ip`` the checksum is left 0."""
        head, tail = bytes((self.type, self.code)), self.rest.to_bytes(4, "big") + payload
        checksum = 0 if ip is None else transport_checksum(ip, 58, head + b"\0\0" + tail)
        return head + checksum.to_bytes(2, "big") + tail


def nd_options(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """(type, value) of the options that fill ``data`` (RFC 4861, section 4.6)."""
    options: list[tuple[int, bytes]] = []
    offset = 0
    while offset < len(data):
        size = data[offset + 1] * 8 if offset + 2 <= len(data) else 0
        if not size or offset + size > len(data):
            raise PacketError("a neighbor discovery option is cut short")
        options.append((data[offset], data[offset + 2 : offset + size]))
        offset += size
    return tuple(options)


def build_options(options: tuple[tuple[int, bytes], ...]) -> bytes:
    """The inverse of ``nd_options``; values are padded to whole units of 8 bytes."""
    out = b""
    for kind, value in options:
        size = 2 + len(value)
        padding = -size & 7
        out += bytes((kind, (size + padding) // 8)) + value + bytes(padding)
    return out


def _split(payload: bytes) -> tuple[int, dict[int, bytes]]:
    if len(payload) < 16:
        raise PacketError("a neighbor discovery message is cut short")
    return int.from_bytes(payload[:16], "big"), dict(nd_options(payload[16:]))


def _mac(options: dict[int, bytes], kind: int) -> int | None:
    value = options.get(kind)
    if value is None:
        return None
    if len(value) != 6:
        raise PacketError("a link-layer address of another length than Ethernet's")
    return int.from_bytes(value, "big")


class NeighborSolicit(Struct, frozen=True):
    """Who has ``target``?"""

    target: int
    source_mac: int | None = None

    @staticmethod
    def parse(payload: bytes) -> NeighborSolicit:
        """From the payload of an ``Icmpv6`` of type 135."""
        target, options = _split(payload)
        return NeighborSolicit(target, _mac(options, OPTION_SOURCE_MAC))

    def build(self, ip: IPv6) -> bytes:
        """The whole ICMPv6 message."""
        mac = self.source_mac
        options = () if mac is None else ((OPTION_SOURCE_MAC, mac.to_bytes(6, "big")),)
        return Icmpv6(NEIGHBOR_SOLICIT).build(self.target.to_bytes(16, "big") + build_options(options), ip)


class NeighborAdvert(Struct, frozen=True):
    """I have ``target``; ``flags`` are router 4, solicited 2, override 1."""

    target: int
    target_mac: int | None = None
    flags: int = 3

    @staticmethod
    def parse(header: Icmpv6, payload: bytes) -> NeighborAdvert:
        """From an ``Icmpv6`` of type 136 and its payload."""
        target, options = _split(payload)
        return NeighborAdvert(target, _mac(options, OPTION_TARGET_MAC), header.rest >> 29)

    def build(self, ip: IPv6) -> bytes:
        """The whole ICMPv6 message."""
        mac = self.target_mac
        options = () if mac is None else ((OPTION_TARGET_MAC, mac.to_bytes(6, "big")),)
        payload = self.target.to_bytes(16, "big") + build_options(options)
        return Icmpv6(NEIGHBOR_ADVERT, 0, self.flags << 29).build(payload, ip)
