"""IPv4 and IPv6 headers (RFC 791, RFC 8200)."""

from __future__ import annotations

import struct
from typing import Final

from msgspec import Struct

from pyovn.wire.packet.checksum import PacketError, internet_checksum

PROTO_ICMP: Final = 1
PROTO_TCP: Final = 6
PROTO_UDP: Final = 17
PROTO_ICMPV6: Final = 58

_V4: Final = struct.Struct("!BBHHHBBH4s4s")
_V6: Final = struct.Struct("!IHBB16s16s")
_EXTENSIONS: Final = frozenset((0, 43, 60))  # hop-by-hop, routing, destination options
_FRAGMENT: Final = 44
_AUTHENTICATION: Final = 51


class IPv4(Struct, frozen=True):
    """``flags`` are the three bits before the fragment offset (2 = don't fragment, 1 = more)."""

    source: int
    destination: int
    protocol: int
    ttl: int = 64
    tos: int = 0
    identification: int = 0
    flags: int = 0
    fragment_offset: int = 0
    options: bytes = b""

    @staticmethod
    def parse(data: bytes) -> tuple[IPv4, bytes]:
        """Header and payload, the latter cut to the header's total length.  The checksum is not judged."""
        if len(data) < 20:
            raise PacketError(f"an IPv4 packet of {len(data)} bytes")
        first, tos, total, ident, fragment, ttl, protocol, _, source, destination = _V4.unpack_from(data)
        size = (first & 15) * 4
        if first >> 4 != 4 or size < 20 or total < size or total > len(data):
            raise PacketError(f"an IPv4 header of {size} bytes in {total} of {len(data)}")
        return (
            IPv4(
                int.from_bytes(source, "big"), int.from_bytes(destination, "big"), protocol, ttl, tos, ident,
                fragment >> 13, fragment & 0x1FFF, data[20:size],
            ),
            data[size:total],
        )  # fmt: skip

    def build(self, payload: bytes = b"") -> bytes:
        """Header with its length and checksum, then the payload."""
        options = self.options + bytes(-len(self.options) & 3)
        size = 20 + len(options)
        if size > 60 or size + len(payload) > 0xFFFF:
            raise PacketError("an IPv4 packet longer than its length fields can say")
        fragment = self.flags << 13 | self.fragment_offset
        fields = (
            0x40 | size // 4, self.tos, size + len(payload), self.identification, fragment, self.ttl,
            self.protocol,
        )  # fmt: skip
        ends = (self.source.to_bytes(4, "big"), self.destination.to_bytes(4, "big"))
        checksum = internet_checksum(_V4.pack(*fields, 0, *ends) + options)
        return _V4.pack(*fields, checksum, *ends) + options + payload


class IPv6(Struct, frozen=True):
    """``protocol`` is that of the payload; ``extensions`` are the headers between.

    Each is (its type, its bytes without the first one, which names the next header).
    """

    source: int
    destination: int
    protocol: int
    ttl: int = 64
    tos: int = 0
    label: int = 0
    extensions: tuple[tuple[int, bytes], ...] = ()

    @property
    def fragment_offset(self) -> int:
        """Of the fragment extension header, in units of 8 bytes; 0 without one."""
        for kind, rest in self.extensions:
            if kind == _FRAGMENT:
                return (rest[1] << 8 | rest[2]) >> 3
        return 0

    @staticmethod
    def parse(data: bytes) -> tuple[IPv6, bytes]:
        """Header and payload, the latter cut to the header's length."""
        if len(data) < 40:
            raise PacketError(f"an IPv6 packet of {len(data)} bytes")
        word, length, protocol, ttl, source, destination = _V6.unpack_from(data)
        if word >> 28 != 6 or 40 + length > len(data):
            raise PacketError(f"an IPv6 packet of {40 + length} bytes in {len(data)}")
        payload = data[40 : 40 + length]
        extensions: list[tuple[int, bytes]] = []
        while protocol in _EXTENSIONS or protocol in (_FRAGMENT, _AUTHENTICATION):
            if len(payload) < 8:
                raise PacketError("an IPv6 extension header is cut short")
            size = _extension_size(protocol, payload[1])
            if size > len(payload):
                raise PacketError("an IPv6 extension header is cut short")
            extensions.append((protocol, payload[1:size]))
            protocol, payload = payload[0], payload[size:]
        return (
            IPv6(
                int.from_bytes(source, "big"), int.from_bytes(destination, "big"), protocol, ttl,
                word >> 20 & 0xFF, word & 0xFFFFF, tuple(extensions),
            ),
            payload,
        )  # fmt: skip

    def build(self, payload: bytes = b"") -> bytes:
        """Header with its length, extension headers chained, then the payload."""
        chain = [kind for kind, _ in self.extensions] + [self.protocol]
        middle = b"".join([bytes((chain[i + 1],)) + rest for i, (_, rest) in enumerate(self.extensions)])
        word = 6 << 28 | self.tos << 20 | self.label
        length = len(middle) + len(payload)
        if length > 0xFFFF:
            raise PacketError("an IPv6 packet longer than its length field can say")
        head = _V6.pack(
            word, length, chain[0], self.ttl, self.source.to_bytes(16, "big"),
            self.destination.to_bytes(16, "big"),
        )  # fmt: skip
        return head + middle + payload


def _extension_size(kind: int, units: int) -> int:
    if kind == _FRAGMENT:
        return 8
    return (units + 2) * 4 if kind == _AUTHENTICATION else (units + 1) * 8
