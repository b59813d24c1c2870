"""Ethernet frames from a few words, for people who want to see a packet travel.

A frame is an IPv4/UDP datagram of 1 to 2 unless addresses are given; what matters to a logical switch is the
Ethernet header.  For anything else there is ``netdev-dummy/receive`` with a flow or with hexadecimal bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyovn.wire.packet import Ethernet, Frame, IPv4, PacketError, Udp, parse_frame
from pyovn.wire.packet.link import ETH_IPV4
from pyovn.wire.packet.network import PROTO_UDP

BROADCAST: Final = 0xFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Headers:
    """What one line says of a frame."""

    source: str
    destination: str
    size: int


def mac_to_int(text: str) -> int:
    """``00:00:00:00:00:01`` as a number; raises ``ValueError``."""
    octets = text.split(":")
    if len(octets) != 6:
        raise ValueError(f"{text} is not an Ethernet address")
    try:
        return int.from_bytes(bytes(int(octet, 16) for octet in octets), "big")
    except ValueError:
        raise ValueError(f"{text} is not an Ethernet address") from None


def mac_to_text(mac: int) -> str:
    """The usual form of an Ethernet address."""
    return ":".join(f"{octet:02x}" for octet in mac.to_bytes(6, "big"))


def datagram(source: str, destination: str) -> bytes:
    """A UDP datagram between two Ethernet addresses; ``broadcast`` is one, too."""
    target = BROADCAST if destination == "broadcast" else mac_to_int(destination)
    frame = Frame(
        ethernet=Ethernet(target, mac_to_int(source), ETH_IPV4),
        ip=IPv4(0x0A000001, 0x0A000002, PROTO_UDP),
        transport=Udp(4096, 4097),
        payload=b"pyovn sandbox",
    )
    return frame.build()


def headers(frame: bytes) -> Headers:
    """Source, destination and size of a frame."""
    try:
        parsed = parse_frame(frame)
    except PacketError:
        return Headers("?", "?", len(frame))
    return Headers(mac_to_text(parsed.ethernet.source), mac_to_text(parsed.ethernet.destination), len(frame))
