"""What a tunnel carries: the datapath and the logical ports, by encapsulation.

ovn-architecture(7), "Tunnel Encapsulations".  Geneve: the VNI is the datapath, an option holds both ports.
VXLAN between hypervisors has the 24 bits of the VNI and no more: 12 of datapath, 12 of outport, whose
highest bit says that the port is a multicast group; the inport is not known at the other end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovn import registers as reg
from pyovn.ovn.keys import GENEVE_KEYS, VXLAN_MULTICAST_WIRE
from pyovn.wire.openflow.actions import Move, Output, SetField, Subfield
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyovn.controller.bridge import Tunnel
    from pyovn.wire.openflow.actions import Action
    from pyovn.wire.openflow.fields import Field

VXLAN: Final = "vxlan"
_MULTICAST: Final = GENEVE_KEYS.multicast.first
_BITS: Final = 12
_DATAPATH: Final = FIELDS[reg.LOG_DATAPATH]
_INPORT: Final = FIELDS[reg.LOG_INPORT]
_OUTPORT: Final = FIELDS[reg.LOG_OUTPORT]
_TUNNEL_ID: Final = FIELDS["tun_id"]
_TUNNEL_PORTS: Final = FIELDS["tun_metadata0"]

Arrival = tuple[int, "dict[Field, tuple[int, int]]", "tuple[Action, ...]"]


def arrivals(tunnel: Tunnel) -> Iterator[Arrival]:
    """(priority, terms beside in_port, actions) that give a packet from a tunnel its place."""
    if tunnel.kind == VXLAN:
        datapath = Move(Subfield(_TUNNEL_ID, 0, _BITS), Subfield(_DATAPATH, 0, _BITS))
        group = VXLAN_MULTICAST_WIRE << _BITS
        yield (
            105,
            {_TUNNEL_ID: (group, group)},
            (
                SetField(_OUTPORT, _MULTICAST, _MULTICAST),
                Move(Subfield(_TUNNEL_ID, _BITS, _BITS - 1), Subfield(_OUTPORT, 0, _BITS - 1)),
                datapath,
            ),
        )
        yield 100, {}, (Move(Subfield(_TUNNEL_ID, _BITS, _BITS), Subfield(_OUTPORT, 0, _BITS)), datapath)
        return
    yield (
        100,
        {},
        (
            Move(Subfield(_TUNNEL_ID, 0, 24), Subfield(_DATAPATH, 0, 24)),
            Move(Subfield(_TUNNEL_PORTS, 16, 15), Subfield(_INPORT, 0, 15)),
            Move(Subfield(_TUNNEL_PORTS, 0, 16), Subfield(_OUTPORT, 0, 16)),
        ),
    )


def departure(tunnels: Iterable[Tunnel], datapath: int, port: int) -> tuple[Action, ...]:
    """Send a packet into each of ``tunnels``, with the metadata that each kind has room for."""
    actions: list[Action] = []
    ofports: dict[bool, set[int]] = {}
    for tunnel in tunnels:
        ofports.setdefault(tunnel.kind == VXLAN, set()).add(tunnel.ofport)
    for is_vxlan in sorted(ofports):
        if is_vxlan:
            wire = VXLAN_MULTICAST_WIRE | port - _MULTICAST if port >= _MULTICAST else port
            actions.append(SetField(_TUNNEL_ID, datapath | wire << _BITS, 0xFFFFFF))
        else:
            actions += (
                SetField(_TUNNEL_ID, datapath, 0xFFFFFF),
                SetField(_TUNNEL_PORTS, port),
                Move(Subfield(_INPORT, 0, 15), Subfield(_TUNNEL_PORTS, 16, 15)),
            )
        actions += map(Output, sorted(ofports[is_vxlan]))
    return tuple(actions)
