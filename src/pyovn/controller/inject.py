"""``inject-pkt``: a packet that an expression describes, sent into the pipeline of its input port.

ovn-controller(8), ``inject-pkt MICROFLOW``.  The expression is read as in a logical flow, with prerequisites;
it must come down to one packet.  What it does not say is 0.  The packet goes to the switch with the logical
datapath and input port that it names, and begins in the first ingress table.

Not here: expressions that stand for several packets (they are refused), connection state and registers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.logical.errors import LflowError
from pyovn.logical.parse import parse_text
from pyovn.logical.to_matches import to_matches
from pyovn.ovn import registers as reg
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.actions import PORT_CONTROLLER, Resubmit, SetField
from pyovn.wire.openflow.fields import FIELDS
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
    Tcp,
    Udp,
    Vlan,
)
from pyovn.wire.packet.icmp import NEIGHBOR_ADVERT, NEIGHBOR_SOLICIT
from pyovn.wire.packet.link import ETH_ARP, ETH_IPV4, ETH_IPV6
from pyovn.wire.packet.network import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP

if TYPE_CHECKING:
    from pyovn.controller.model import Model
    from pyovn.wire.openflow.match import Match
    from pyovn.wire.packet.frame import Transport

_PRESENT: Final = 0x1000
_PAYLOAD: Final = bytes(range(64))
"""What the packet carries, as C's does."""


class InjectError(ValueError):
    """The packet cannot be sent; the message says why."""


def packet_out(model: Model, text: str) -> ofp.PacketOut:
    """What to send to the switch; raises ``InjectError``."""
    try:
        expr = parse_text(text)
        datapath, port = _place(model, text)
        matches = to_matches(expr, lambda _name: port, lambda _name: True)
    except LflowError as error:
        raise InjectError(str(error)) from error
    if len(matches) != 1 or matches[0].clauses:
        raise InjectError("the expression does not describe one packet")
    actions = (
        SetField(FIELDS[reg.LOG_DATAPATH], datapath),
        SetField(FIELDS[reg.LOG_INPORT], port),
        Resubmit(model.profile.oftables.log_ingress),
    )
    return ofp.PacketOut(actions, frame_of(matches[0].match), PORT_CONTROLLER)


def _place(model: Model, text: str) -> tuple[int, int]:
    """The tunnel keys of the datapath and the port that ``text`` names as its input port."""
    named: list[str] = []

    def note(name: str) -> int:
        named.append(name)
        return len(named)

    to_matches(parse_text(text), note, lambda _name: True)
    for port in model.local_ports.elements():
        if named and port.name == named[0]:
            datapath = model.datapath_by_uuid.one(port.datapath)
            if datapath is not None:
                return datapath.tunnel_key, port.key
    raise InjectError("ingress port not found on hypervisor.")


class _Fields:
    """The values that a match asks for, 0 for those that it does not mention."""

    def __init__(self, match: Match) -> None:
        self._match = match

    def __getitem__(self, name: str) -> int:
        found = self._match.get(FIELDS[name])
        return 0 if found is None else found[0]


def frame_of(match: Match) -> bytes:
    """The packet whose header fields ``match`` gives."""
    f = _Fields(match)
    kind, tci = f["eth_type"], f["vlan_tci"] or f["vlan_vid"]
    vlans = (Vlan(tci & 0xEFFF, kind),) if tci & _PRESENT else ()
    ethernet = Ethernet(f["eth_dst"], f["eth_src"], 0x8100 if vlans else kind)
    if kind == ETH_ARP:
        arp = Arp(f["arp_op"], f["arp_sha"], f["arp_spa"], f["arp_tha"], f["arp_tpa"])
        return Frame(ethernet, vlans, arp=arp).build()
    if kind not in (ETH_IPV4, ETH_IPV6):
        return Frame(ethernet, vlans, payload=_PAYLOAD).build()
    protocol = f["nw_proto"]
    ip: IPv4 | IPv6 = (
        IPv4(f["nw_src"], f["nw_dst"], protocol, f["nw_ttl"], f["nw_tos"])
        if kind == ETH_IPV4
        else IPv6(f["ipv6_src"], f["ipv6_dst"], protocol, f["nw_ttl"], f["nw_tos"])
    )
    if (
        isinstance(ip, IPv6)
        and protocol == PROTO_ICMPV6
        and f["icmpv6_type"] in (NEIGHBOR_SOLICIT, NEIGHBOR_ADVERT)
    ):
        message = (
            NeighborSolicit(f["nd_target"], f["nd_sll"] or None)
            if f["icmpv6_type"] == NEIGHBOR_SOLICIT
            else NeighborAdvert(f["nd_target"], f["nd_tll"] or None)
        )
        return Frame(ethernet, vlans, ip=ip, payload=message.build(ip)).build()
    return Frame(ethernet, vlans, ip=ip, transport=_transport(f, protocol), payload=_PAYLOAD).build()


def _transport(f: _Fields, protocol: int) -> Transport | None:
    if protocol == PROTO_TCP:
        return Tcp(f["tcp_src"], f["tcp_dst"], flags=f["tcp_flags"])
    if protocol == PROTO_UDP:
        return Udp(f["udp_src"], f["udp_dst"])
    if protocol == PROTO_ICMP:
        return Icmp(f["icmp_type"], f["icmp_code"])
    if protocol == PROTO_ICMPV6:
        return Icmpv6(f["icmpv6_type"], f["icmpv6_code"])
    return None
