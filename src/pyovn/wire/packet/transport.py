"""UDP and TCP headers (RFC 768, RFC 9293).  Checksums need the IP header, so ``build`` takes it."""

from __future__ import annotations

import struct
from typing import Final

from msgspec import Struct

from pyovn.wire.packet.checksum import PacketError, internet_checksum, pseudo_header
from pyovn.wire.packet.network import IPv4, IPv6

_UDP: Final = struct.Struct("!HHHH")
_TCP: Final = struct.Struct("!HHIIHHHH")


def transport_checksum(ip: IPv4 | IPv6, protocol: int, segment: bytes) -> int:
    """Checksum of a segment whose checksum field is zero, under its IP header."""
    version = 4 if isinstance(ip, IPv4) else 6
    return internet_checksum(
        pseudo_header(ip.source, ip.destination, protocol, len(segment), version) + segment
    )


class Udp(Struct, frozen=True):
    """Ports; length and checksum are computed."""

    source: int
    destination: int

    @staticmethod
    def parse(data: bytes) -> tuple[Udp, bytes]:
        """Header and payload, the latter cut to the header's length."""
        if len(data) < 8:
            raise PacketError(f"a UDP segment of {len(data)} bytes")
        source, destination, length, _ = _UDP.unpack_from(data)
        if not 8 <= length <= len(data):
            raise PacketError(f"a UDP segment of {length} bytes in {len(data)}")
        return Udp(source, destination), data[8:length]

    def build(self, payload: bytes = b"", ip: IPv4 | IPv6 | None = None) -> bytes:
        """Header and payload; without ``ip`` the checksum is 0, "none", which IPv4 allows."""
        length = 8 + len(payload)
        if length > 0xFFFF:
            raise PacketError("a UDP segment longer than its length field can say")
        if ip is None:
            return _UDP.pack(self.source, self.destination, length, 0) + payload
        bare = _UDP.pack(self.source, self.destination, length, 0) + payload
        checksum = transport_checksum(ip, 17, bare) or 0xFFFF
        return _UDP.pack(self.source, self.destination, length, checksum) + payload


class Tcp(Struct, frozen=True):
    """``flags`` are the low 12 bits of the word with the data offset."""

    source: int
    destination: int
    sequence: int = 0
    acknowledgment: int = 0
    flags: int = 0
    window: int = 0
    urgent: int = 0
    options: bytes = b""

    @staticmethod
    def parse(data: bytes) -> tuple[Tcp, bytes]:
        """Header and payload."""
        if len(data) < 20:
            raise PacketError(f"a TCP segment of {len(data)} bytes")
        source, destination, sequence, acknowledgment, word, window, _, urgent = _TCP.unpack_from(data)
        size = (word >> 12) * 4
        if not 20 <= size <= len(data):
            raise PacketError(f"a TCP header of {size} bytes in {len(data)}")
        header = Tcp(
            source, destination, sequence, acknowledgment, word & 0xFFF, window, urgent, data[20:size]
        )
        return header, data[size:]

    def build(self, payload: bytes = b"", ip: IPv4 | IPv6 | None = None) -> bytes:
        """Header and payload; without ``ip`` the checksum is left 0."""
        options = self.options + bytes(-len(self.options) & 3)
        size = 20 + len(options)
        if size > 60:
            raise PacketError("TCP options longer than 40 bytes")
        fields = (
            self.source, self.destination, self.sequence, self.acknowledgment, size // 4 << 12 | self.flags,
            self.window,
        )  # fmt: skip
        bare = _TCP.pack(*fields, 0, self.urgent) + options + payload
        if ip is None:
            return bare
        checksum = transport_checksum(ip, 6, bare)
        return bare[:16] + checksum.to_bytes(2, "big") + bare[18:]
