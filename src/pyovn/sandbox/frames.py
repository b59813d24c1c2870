"""Ethernet frames from a few words, and in a few words, for people who want to see a packet travel.

A frame is an IPv4/UDP datagram of 10.0.0.1 to 10.0.0.2; what matters to a logical switch is the Ethernet
header.  Any other frame may be given as hexadecimal bytes.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from pyovn.wire.packet import (
    Ethernet,
    Frame,
    Icmp,
    Icmpv6,
    IPv4,
    NeighborAdvert,
    NeighborSolicit,
    PacketError,
    Tcp,
    Udp,
    parse_frame,
)
from pyovn.wire.packet import icmp as codes
from pyovn.wire.packet.link import BROADCAST, ETH_IPV4, ETH_VLAN
from pyovn.wire.packet.network import PROTO_UDP

HEXADECIMAL: Final = re.compile("(?:[0-9a-fA-F]{2}){14,}")
"""A whole frame: 14 bytes or more."""
DIGITS: Final = re.compile("[0-9a-fA-F]+")
"""Some or all of a frame."""
LONGEST: Final = 9018
"""Bytes of the longest frame that is taken: a jumbo frame with a tag."""


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
    """Source, destination and size of a frame that has an Ethernet header."""
    ethernet, _ = Ethernet.parse(frame)
    return Headers(mac_to_text(ethernet.source), mac_to_text(ethernet.destination), len(frame))


def frame_of(text: str) -> bytes:
    """A frame from hexadecimal bytes; blanks and colons between them are of no account."""
    digits = re.sub("[ :]", "", text)
    if HEXADECIMAL.fullmatch(digits) is None:
        raise ValueError(f"{text} is no frame: that is 14 bytes or more in hexadecimal")
    if len(digits) > 2 * LONGEST:
        raise ValueError(f"a frame of {len(digits) // 2} bytes: the longest is {LONGEST}")
    return bytes.fromhex(digits)


def tagged(frame: bytes, vid: int | None) -> bytes:
    """The frame with an 802.1Q tag outermost; as it is for None."""
    if vid is None:
        return frame
    if not 0 <= vid < 4096:
        raise ValueError(f"{vid} is no VLAN: that is 0 to 4095")
    return frame[:12] + ETH_VLAN.to_bytes(2, "big") + vid.to_bytes(2, "big") + frame[12:]


def untagged(frame: bytes) -> tuple[int | None, bytes]:
    """The outermost 802.1Q tag, and the frame without it."""
    if frame[12:14] != ETH_VLAN.to_bytes(2, "big") or len(frame) < 18:
        return None, frame
    return int.from_bytes(frame[14:16], "big") & 0xFFF, frame[:12] + frame[16:]


_ECHOES: Final = {
    codes.ECHO_REQUEST: "echo request",
    codes.ECHO_REPLY: "echo reply",
    codes.V6_ECHO_REQUEST: "echo request",
    codes.V6_ECHO_REPLY: "echo reply",
}


def describe(data: bytes) -> str:
    """What a frame says, without its Ethernet header."""
    try:
        return _describe(parse_frame(data))
    except PacketError as error:
        return f"a malformed frame ({error})"


def _describe(frame: Frame) -> str:
    if frame.arp is not None:
        target, sender = (ipaddress.IPv4Address(a) for a in (frame.arp.target_ip, frame.arp.sender_ip))
        return f"who has {target}?" if frame.arp.operation == 1 else f"{sender} is here"
    if frame.ip is None:
        return f"a frame of type {frame.ethernet.ethertype:#06x}"
    transport = frame.transport
    if isinstance(transport, Icmpv6) and transport.type == codes.NEIGHBOR_SOLICIT:
        return f"who has {ipaddress.IPv6Address(NeighborSolicit.parse(frame.payload).target)}?"
    if isinstance(transport, Icmpv6) and transport.type == codes.NEIGHBOR_ADVERT:
        answer = NeighborAdvert.parse(transport, frame.payload)
        return f"{ipaddress.IPv6Address(answer.target)} is here"
    make = ipaddress.IPv4Address if isinstance(frame.ip, IPv4) else ipaddress.IPv6Address
    ends = f"{make(frame.ip.source)} -> {make(frame.ip.destination)}"
    if isinstance(transport, Icmp | Icmpv6):
        return f"{_ECHOES.get(transport.type, f'ICMP of type {transport.type}')} {ends}"
    if isinstance(transport, Tcp | Udp):
        return f"{type(transport).__name__.upper()} {ends}, port {transport.destination}"
    return f"IP {ends}"
