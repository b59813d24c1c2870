"""The Internet checksum (RFC 1071) and the pseudo headers of UDP, TCP and ICMPv6 (RFC 793, RFC 8200)."""

from __future__ import annotations

import sys
from array import array


class PacketError(ValueError):
    """Bytes that are no such packet: cut short, or a field that cannot be."""


def _sum(data: bytes) -> int:
    """One's complement sum of 16-bit words in network order, folded; odd data is padded with zero."""
    words = array("H", data if not len(data) & 1 else data + b"\0")
    if sys.byteorder == "little":
        words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def internet_checksum(data: bytes) -> int:
    """The checksum to put into a header whose checksum field is zero; 0 when ``data`` has a right one."""
    return _sum(data) ^ 0xFFFF


def pseudo_header(source: int, destination: int, protocol: int, length: int, version: int) -> bytes:
    """What TCP, UDP and ICMPv6 checksum in front of themselves; ``version`` is IP's."""
    if version == 4:
        return (
            source.to_bytes(4, "big") + destination.to_bytes(4, "big") + bytes((0, protocol))
            + length.to_bytes(2, "big")
        )  # fmt: skip
    return (
        source.to_bytes(16, "big") + destination.to_bytes(16, "big") + length.to_bytes(4, "big")
        + bytes((0, 0, 0, protocol))
    )  # fmt: skip
