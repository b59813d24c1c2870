"""Packets that the controller answers: ``nd_na`` and ``nd_na_router``.

ovn-sb(5), ``nd_na``.  A switch cannot make an IPv6 neighbor advertisement of a solicitation, so it sends the
packet here, with the nested actions in the action's userdata (``logical.actions_reply``).  The advertisement
goes back with the registers that the solicitation had, and those actions send it on its way.

RFC 4861 section 7.2.4 says what an advertisement looks like; one for a sender without an address goes to all
nodes and is not called solicited.

Not here: the actions whose packets no logical flow of northd asks for yet (``Code`` lists all); they are
ignored, as a switch must not be able to stop its controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_controller import Code, code_of
from pyovn.ovn import registers as reg
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.actions import PORT_CONTROLLER, SetField
from pyovn.wire.openflow.codec_actions_decode import decode_actions
from pyovn.wire.openflow.errors import CodecError
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.packet import (
    Ethernet,
    Icmpv6,
    IPv6,
    NeighborAdvert,
    NeighborSolicit,
    PacketError,
    parse_frame,
)

if TYPE_CHECKING:
    from pyovn.wire.openflow.actions import Action
    from pyovn.wire.packet import Frame

_SOLICIT: Final = 135
_ICMPV6: Final = 58
_ROUTER, _SOLICITED, _OVERRIDE = 4, 2, 1
_FLAGS: Final = {Code.ND_NA: _OVERRIDE, Code.ND_NA_ROUTER: _OVERRIDE | _ROUTER}
_ALL_NODES: Final = 0xFF02 << 112 | 1
_ALL_NODES_MAC: Final = 0x3333_0000_0001
_PIPELINE: Final = tuple(FIELDS[name] for name in (reg.LOG_DATAPATH, *(f"reg{i}" for i in range(16))))
"""What a packet keeps of its way so far."""


def reply(message: object) -> ofp.PacketOut | None:
    """The answer to a message of the switch; None when it asks for none of these."""
    if not isinstance(message, ofp.PacketIn):
        return None
    code = code_of(message.userdata)
    flags = None if code is None else _FLAGS.get(code[0])
    if code is None or flags is None:
        return None
    try:
        data = _advertisement(parse_frame(message.data), flags)
        nested = decode_actions(code[1])
    except (PacketError, CodecError):
        return None
    if data is None:
        return None
    return ofp.PacketOut((*_registers(message), *nested), data, PORT_CONTROLLER)


def _registers(message: ofp.PacketIn) -> tuple[Action, ...]:
    """Put the packet back to where it was in the pipeline."""
    values = ((field, message.metadata.exact(field)) for field in _PIPELINE)
    return tuple(SetField(field, value) for field, value in values if value)


def _advertisement(frame: Frame, flags: int) -> bytes | None:
    """What a solicitation becomes; the nested actions then say who has the address."""
    ip, icmp = frame.ip, frame.transport
    if not isinstance(ip, IPv6) or not isinstance(icmp, Icmpv6) or icmp.type != _SOLICIT:
        return None
    target = NeighborSolicit.parse(frame.payload).target
    asker, asker_mac = ip.source, frame.ethernet.source
    if asker:
        flags |= _SOLICITED
    else:
        asker, asker_mac = _ALL_NODES, _ALL_NODES_MAC
    outer = IPv6(target, asker, _ICMPV6, ttl=255)
    data = outer.build(NeighborAdvert(target, frame.ethernet.destination, flags).build(outer))
    for vlan in reversed(frame.vlans):
        data = vlan.build(data)
    ethernet = Ethernet(asker_mac, frame.ethernet.destination, frame.ethernet.ethertype)
    return ethernet.build(data)
