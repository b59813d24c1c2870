"""Actions that make another packet of this one: ``arp {}``, ``nd_na {}``, ``icmp4 {}``, ``reject {}`` ...

The controller builds the packet that ovn-sb(5) describes for each, then sends it back through the
nested actions: they travel, encoded as OpenFlow 1.5 actions, behind the code in userdata (see
``actions_controller``), so the controller need not know logical flows to carry them out.

The nested actions' prerequisites are about the new packet and do not restrict the flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import Action, EncodeContext, Reader
from pyovn.logical.actions_controller import Code, userdata
from pyovn.logical.actions_flow import format_nested
from pyovn.wire.openflow.actions import Controller
from pyovn.wire.openflow.codec_actions import encode_actions

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.wire.openflow.actions import Action as OpenFlowAction

REPLIES: Final[dict[str, tuple[Code, str]]] = {
    "arp": (Code.ARP, "ip4"),
    "nd_ns": (Code.ND_NS, "ip6"),
    "nd_na": (Code.ND_NA, "nd_ns"),
    "nd_na_router": (Code.ND_NA_ROUTER, "nd_ns"),
    "icmp4": (Code.ICMP, "ip4"),
    "icmp4_error": (Code.ICMP4_ERROR, "ip4"),
    "icmp6": (Code.ICMP, "ip6"),
    "icmp6_error": (Code.ICMP6_ERROR, "ip6"),
    "tcp_reset": (Code.TCP_RESET, "tcp"),
    "sctp_abort": (Code.SCTP_ABORT, "sctp"),
    "reject": (Code.REJECT, ""),
}
"""Code and prerequisites."""


@dataclass(frozen=True, slots=True)
class Reply(Action):
    """One of ``REPLIES`` with its nested actions."""

    name: str
    actions: tuple[Action, ...]

    @property
    def needs(self) -> str:
        """What the packet must be to be answered so."""
        return REPLIES[self.name][1]

    def __str__(self) -> str:
        return format_nested(self.name, self.actions)

    def encode(self, ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """A controller action."""
        inner: list[OpenFlowAction] = []
        for action in self.actions:
            action.encode(ctx, inner)
        data = userdata(REPLIES[self.name][0], encode_actions(tuple(inner)))
        out.append(Controller(userdata=data, meter=ctx.controller_meter))


def reader_of(name: str) -> Callable[[Reader], Action]:
    """The function that reads what follows ``name``."""

    def read(reader: Reader) -> Action:
        return Reply(name, reader.nested())

    return read
