"""Actions that hand the packet to the controller: ``put_fdb``, ``handle_svc_check``, ``igmp`` ...

OpenFlow's ``controller`` action carries userdata that tells which action it was: a big-endian 32-bit
code, four bytes of padding, and what the action adds.  The codes are agreed between the flows that
any OVN controller installs and the same controller's packet-in handler; they are C's, since flows
of an earlier controller may still be in the switch when this one takes over.

Arguments travel in fixed fields of the packet-in's metadata, as with ``actions_lookup``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import Action, EncodeContext, Reader, encode_with_arguments, join_needs
from pyovn.ovn import registers
from pyovn.wire.openflow.actions import Controller
from pyovn.wire.openflow.fields import FIELDS, Field

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.logical.ast import FieldRef
    from pyovn.wire.openflow.actions import Action as OpenFlowAction


class Code(IntEnum):
    """The first 32 bits of userdata."""

    ARP = 0
    PUT_ARP = 1
    PUT_DHCP_OPTS = 2
    ND_NA = 3
    PUT_ND = 4
    PUT_DHCPV6_OPTS = 5
    DNS_LOOKUP = 6
    LOG = 7
    PUT_ND_RA_OPTS = 8
    ND_NS = 9
    ICMP = 10
    TCP_RESET = 11
    ND_NA_ROUTER = 12
    PUT_ICMP4_FRAG_MTU = 13
    ICMP4_ERROR = 14
    EVENT = 15
    IGMP = 16
    BIND_VPORT = 17
    HANDLE_SVC_CHECK = 18
    DHCP6_SERVER = 19
    ICMP6_ERROR = 20
    PUT_ICMP6_FRAG_MTU = 21
    REJECT = 22
    BFD_MSG = 23
    SCTP_ABORT = 24
    PUT_FDB = 25


def userdata(code: Code, extra: bytes = b"") -> bytes:
    """What a ``controller`` action of this code carries."""
    return code.to_bytes(4, "big") + bytes(4) + extra


def code_of(data: bytes) -> tuple[Code, bytes] | None:
    """The code and what follows it, of a packet-in's userdata; None when it is none of ours."""
    number = int.from_bytes(data[:4], "big")
    if len(data) < 8 or number not in _CODES:
        return None
    return Code(number), data[8:]


@dataclass(frozen=True, slots=True)
class Handler:
    """An action of this family: its code, and kinds and places of its arguments."""

    name: str
    code: Code
    kinds: tuple[str, ...] = ()
    places: tuple[Field, ...] = ()
    parentheses: bool = False
    """Whether an empty list of arguments is written."""


_INPORT: Final = FIELDS[registers.LOG_INPORT]
_ETH_SRC: Final = FIELDS["eth_src"]

HANDLERS: Final = {
    handler.name: handler
    for handler in (
        Handler("put_fdb", Code.PUT_FDB, ("port", "mac"), (_INPORT, _ETH_SRC)),
        Handler("put_arp", Code.PUT_ARP, ("port", "ipv4", "mac"), (_INPORT, FIELDS["reg0"], _ETH_SRC)),
        Handler("put_nd", Code.PUT_ND, ("port", "ipv6", "mac"), (_INPORT, FIELDS["xxreg0"], _ETH_SRC)),
        Handler("handle_svc_check", Code.HANDLE_SVC_CHECK, ("port",), (_INPORT,)),
        Handler("igmp", Code.IGMP),
        Handler("handle_dhcpv6_reply", Code.DHCP6_SERVER),
        Handler("handle_bfd_msg", Code.BFD_MSG, parentheses=True),
    )
}


@dataclass(frozen=True, slots=True)
class ToController(Action):
    """A handler with its arguments."""

    handler: Handler
    arguments: tuple[FieldRef, ...] = ()

    @property
    def needs(self) -> str:
        """Those of the arguments."""
        return join_needs(*[ref.symbol.prerequisites for ref in self.arguments])

    def __str__(self) -> str:
        if not self.handler.kinds and not self.handler.parentheses:
            return f"{self.handler.name};"
        return f"{self.handler.name}({', '.join(map(str, self.arguments))});"

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A controller action, with the arguments in place."""
        send = Controller(userdata=userdata(self.handler.code), meter=ctx.controller_meter)
        encode_with_arguments(self.arguments, self.handler.places, [send], out)


def reader_of(name: str) -> Callable[[Reader], Action]:
    """The function that reads what follows ``name``."""
    handler = HANDLERS[name]

    def read(reader: Reader) -> Action:
        asked = handler.kinds or handler.parentheses
        return ToController(handler, reader.arguments(handler.kinds) if asked else ())

    return read


_CODES: Final = frozenset(Code)
