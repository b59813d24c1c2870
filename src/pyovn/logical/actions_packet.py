"""Actions on the packet as a whole: ``set_queue`` and ``R = check_pkt_larger(L)``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyovn.logical.actions_base import Action, EncodeContext, Reader, subfield
from pyovn.wire.openflow.actions import CheckPktLarger
from pyovn.wire.openflow.actions import SetQueue as OpenFlowSetQueue

if TYPE_CHECKING:
    from pyovn.logical.ast import FieldRef
    from pyovn.wire.openflow.actions import Action as OpenFlowAction

QUEUE_MAX: Final = 61440
"""ovn-sb(5), set_queue."""


@dataclass(frozen=True, slots=True)
class SetQueue(Action):
    """``set_queue(queue)``."""

    queue: int

    def __str__(self) -> str:
        return f"set_queue({self.queue});"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """OpenFlow's set_queue."""
        out.append(OpenFlowSetQueue(self.queue))


@dataclass(frozen=True, slots=True)
class CheckPacketLarger(Action):
    """``result = check_pkt_larger(length)``."""

    result: FieldRef
    length: int

    @property
    def needs(self) -> str:
        """The result's."""
        return self.result.symbol.prerequisites

    def __str__(self) -> str:
        return f"{self.result} = check_pkt_larger({self.length});"

    def encode(self, _ctx: EncodeContext, out: list[OpenFlowAction], /) -> None:
        """Open vSwitch's check_pkt_larger."""
        out.append(CheckPktLarger(self.length, subfield(self.result)))


def read_set_queue(reader: Reader) -> Action:
    """After ``set_queue``."""
    tokens = reader.tokens
    tokens.expect("(")
    start = tokens.at
    queue = tokens.integer("a queue's number")
    if queue > QUEUE_MAX:
        raise tokens.error(f"a queue's number is at most {QUEUE_MAX}", start)
    tokens.expect(")")
    return SetQueue(queue)


def read_check_pkt_larger(reader: Reader, name: str, result: FieldRef, start: int) -> Action:
    """After ``R = check_pkt_larger``."""
    tokens = reader.tokens
    reader.check_writable(result, start)
    if result.width != 1:
        raise tokens.error(f"{name} gives one bit, and {result} has {result.width}", start)
    tokens.expect("(")
    start = tokens.at
    length = tokens.integer("a packet length")
    if not 0 < length < 1 << 16:
        raise tokens.error("a packet length lies between 1 and 65535", start)
    tokens.expect(")")
    return CheckPacketLarger(result, length)
