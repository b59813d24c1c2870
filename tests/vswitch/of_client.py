"""A controller of few words: speaks OpenFlow, 1.5 unless told otherwise, to a bridge in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow.codec import Framer, decode, encode
from pyovn.wire.openflow.text import parse_flow

if TYPE_CHECKING:
    from pyovn.sim.runtime import Stream
    from pyovn.sim.virtual import VirtualRuntime

M = TypeVar("M")


class Controller:
    """``inbox`` holds (xid, message) in order of arrival."""

    def __init__(
        self, runtime: VirtualRuntime, address: str, *, greet: bool = True, version: int = 6
    ) -> None:
        self.runtime = runtime
        self.inbox: list[tuple[int, msg.Message]] = []
        self.closed = ""
        self._framer = Framer()
        self._stream: Stream | None = None
        self._xid = 100
        self.version = version
        runtime.connect(address, self._connected, self._lost)
        runtime.settle()
        if greet:
            self.ask(msg.Hello((version,)))

    def _connected(self, stream: Stream) -> None:
        self._stream = stream
        stream.on_data = self._received
        stream.on_close = self._lost

    def _lost(self, reason: str) -> None:
        self.closed = reason or "closed"

    def _received(self, data: bytes) -> None:
        self.inbox += [decode(frame) for frame in self._framer.feed(data)]

    def raw(self, data: bytes) -> None:
        assert self._stream is not None
        self._stream.write(data)
        self.runtime.settle()

    def ask(self, *messages: msg.Message) -> list[msg.Message]:
        """Send and return what came in answer."""
        self.inbox.clear()
        for message in messages:
            self._xid += 1
            self.raw(encode(message, self._xid, self.version))
        return [message for _, message in self.inbox]

    def one(self, kind: type[M], *messages: msg.Message) -> M:
        """The only answer, of the given type."""
        (answer,) = self.ask(*messages)
        assert isinstance(answer, kind), answer
        return answer


def add(text: str) -> msg.FlowMod:
    return msg.FlowMod(msg.ADD, parse_flow(text))
