"""Packet headers: parse and build what OVN's packets are made of, without any I/O.

Each header is a frozen Struct whose addresses are ints, as in OpenFlow matches.  ``Header.parse(data)``
gives the header and the bytes after it; ``header.build(payload)`` gives header and payload, with
lengths and checksums computed.  ``parse_frame`` walks a whole frame.

Invariants: input is never trusted, a short or malformed packet raises ``PacketError`` and nothing else;
``parse(build(x)) == x``.  Not here: the flow key of the switch (it needs offsets, not objects) and
addresses' text (``openflow.text_values``).
"""

from pyovn.wire.packet.checksum import PacketError, internet_checksum
from pyovn.wire.packet.frame import Frame, parse_frame
from pyovn.wire.packet.icmp import Icmp, Icmpv6, NeighborAdvert, NeighborSolicit, nd_options
from pyovn.wire.packet.link import Arp, Ethernet, Vlan
from pyovn.wire.packet.network import IPv4, IPv6
from pyovn.wire.packet.transport import Tcp, Udp
from pyovn.wire.packet.tunnel import Geneve, GeneveOption, Vxlan

__all__ = [
    "Arp",
    "Ethernet",
    "Frame",
    "Geneve",
    "GeneveOption",
    "IPv4",
    "IPv6",
    "Icmp",
    "Icmpv6",
    "NeighborAdvert",
    "NeighborSolicit",
    "PacketError",
    "Tcp",
    "Udp",
    "Vlan",
    "Vxlan",
    "internet_checksum",
    "nd_options",
    "parse_frame",
]
