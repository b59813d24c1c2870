"""The outcome of a translation: what to do with the frame itself.

A step keeps the key as the pipeline had it, and which bits of it the pipeline wrote.  Run on another
packet of the same flow, it applies just those bits to that packet's key: ``base & keep | value``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyovn.vswitch.flowkey import CT_BITS, FULL, HEADER_BITS, SLOTS
from pyovn.vswitch.packetflow import rewrite

if TYPE_CHECKING:
    from pyovn.vswitch.datapath import Datapath
    from pyovn.vswitch.pipeline import Frozen, Pipeline
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.wire.openflow import actions as of

_FIRST_TABLE = SLOTS["first_table"]
_NOT_FIRST_TABLE = FULL ^ _FIRST_TABLE.mask
_NOT_CT = FULL ^ CT_BITS


class Step(Protocol):
    """One thing to do."""

    def run(self, datapath: Datapath, frame: bytes, base: int, /) -> None:
        """Do it to ``frame``, whose key is ``base``."""


class Send:
    """Send out of a port; at most ``max_len`` bytes when that is not 0."""

    __slots__ = ("keep", "max_len", "plain", "port", "value", "written")

    def __init__(self, port: SwitchPort, written: int, key: int, max_len: int = 0) -> None:
        self.port = port
        self.written = written
        self.keep = FULL ^ written
        self.value = key & written
        self.max_len = max_len
        # The frame leaves as it came, and the port does not ask for metadata.
        self.plain = not written & HEADER_BITS and not port.is_tunnel and not max_len

    def run(self, _datapath: Datapath, frame: bytes, base: int) -> None:
        """Rewrite and send."""
        if self.plain:
            self.port.send(frame, base)
            return
        key = base & self.keep | self.value
        frame = rewrite(frame, base, key)
        self.port.send(frame[: self.max_len] if self.max_len else frame, key)


class PacketIn:
    """Tell the controllers of a bridge; ``frozen`` is the rest of the pipeline of a paused packet."""

    __slots__ = ("action", "cookie", "frozen", "keep", "pipeline", "table", "value", "written")

    def __init__(
        self, pipeline: Pipeline, action: of.Controller, table: int, cookie: int, written: int, key: int,
        frozen: Frozen | None = None,
    ) -> None:  # fmt: skip
        self.frozen = frozen
        self.pipeline = pipeline
        self.action = action
        self.table = table
        self.cookie = cookie
        self.written = written
        self.keep = FULL ^ written
        self.value = key & written

    def run(self, datapath: Datapath, frame: bytes, base: int) -> None:
        """Rewrite and hand over."""
        key = base & self.keep | self.value
        frame = rewrite(frame, base, key)
        datapath.packet_in(self, frame, key, datapath.pause(self.frozen) if self.frozen is not None else b"")


class Track:
    """Send through connection tracking, and go on in the action's table when it names one.

    ``mark`` and ``label`` are (value, mask) to set on a committed connection.
    """

    __slots__ = ("action", "keep", "label", "mark", "pipeline", "value", "written", "zone")

    def __init__(
        self, pipeline: Pipeline, action: of.Ct, zone: int, written: int, key: int, mark: tuple[int, int],
        label: tuple[int, int],
    ) -> None:  # fmt: skip
        self.pipeline = pipeline
        self.action = action
        self.zone = zone
        self.written = written
        self.keep = FULL ^ written
        self.value = key & written
        self.mark = mark
        self.label = label

    def run(self, datapath: Datapath, frame: bytes, base: int) -> None:
        """Track, and queue the packet for the table where it goes on."""
        key = base & self.keep | self.value
        frame = rewrite(frame, base, key)
        bits = datapath.tracker.track(self, frame, key)
        if self.action.table is not None:
            key = key & _NOT_CT & _NOT_FIRST_TABLE | bits | self.action.table << _FIRST_TABLE.offset
            datapath.queue(self.pipeline, key, frame)


class Learn:
    """NORMAL's learning: the source address is where the packet came from."""

    __slots__ = ("in_port", "mac", "pipeline", "vlan")

    def __init__(self, pipeline: Pipeline, vlan: int, mac: int, in_port: int) -> None:
        self.pipeline = pipeline
        self.vlan = vlan
        self.mac = mac
        self.in_port = in_port

    def run(self, datapath: Datapath, _frame: bytes, _base: int) -> None:
        """Refresh the entry; a new or moved address ends what the cache knows."""
        if self.pipeline.fdb.learn(self.vlan, self.mac, self.in_port, datapath.now()):
            datapath.invalidate()
