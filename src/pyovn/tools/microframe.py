"""The frame that a microflow means: from an expression as ovn-trace takes it to bytes.

A microflow gives fields; what a frame needs beside them is filled in: lengths, checksums, a TTL of 64 where
none is given, and a payload.  Fields that are not on the wire (registers, flags, connection state) cannot be
sent and are an error, since what arrives would not be what was asked for.
"""

from __future__ import annotations

from typing import Final

from pyovn.explain.constraints import MicroflowError, inport_of, parse_microflow
from pyovn.explain.packet import frame_of, key_of
from pyovn.logical.errors import LflowError
from pyovn.logical.parse import parse_expr
from pyovn.wire.packet.link import ETH_IPV4, ETH_IPV6

_INPORT: Final = "reg14"


def frame_of_microflow(text: str) -> tuple[str, bytes]:
    """The inport and the frame; raises ``ValueError``."""
    try:
        expr = parse_expr(text, address_sets={}, port_groups={})
        port = inport_of(expr)
        flow = parse_microflow(expr, lambda _name: 1)
    except (LflowError, MicroflowError) as error:
        raise ValueError(f"error parsing flow: {error}") from error
    if port is None:
        raise ValueError('the microflow names no port to send from: inport == "PORT" && ...')
    del flow[_INPORT]
    if flow.get("eth_type") in {ETH_IPV4, ETH_IPV6}:
        flow.setdefault("nw_ttl", 64)
    odd = next((name for name in flow if not key_of({name: (1 << 128) - 1})), None)
    if odd is not None:
        raise ValueError(f"{odd} is no part of a packet and cannot be sent; ovn-trace takes it")
    return port, frame_of(key_of(flow))
