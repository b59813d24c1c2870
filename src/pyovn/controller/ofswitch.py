"""The OpenFlow connection to the integration bridge.

States: connecting -> (hello) -> options (the tunnel option that carries port keys must be mapped to
tun_metadata0) -> reading (what flows are there) -> ready.  When ready, ``sync`` sends the difference as one
atomic bundle and tells when the switch has confirmed it; the next difference waits for that.  A lost
connection is taken up again, and begins with reading, so nothing is assumed; so does ``read_again``.

A flow that the switch refuses costs only itself.  Open vSwitch answers a bad message in a bundle with an
error and then either commits the others or refuses the bundle as a whole; both are understood.

OpenFlow 1.5.1 sections 6.9 (bundles) and 7; ovs-ofctl(8), "add-tlv-map".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovn.keys import GENEVE_OPTION_CLASS, GENEVE_OPTION_LENGTH, GENEVE_OPTION_TYPE
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.codec import VERSION, CodecError, Framer, decode, encode
from pyovn.wire.openflow.multiparts import FlowDescReply, FlowDescRequest
from pyovn.wire.openflow.text import format_flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Runtime, Stream, Timer
    from pyovn.sync.flowtable import FlowTable
    from pyovn.wire.openflow.flow import Flow

OPTION: Final = ofp.TlvMap(GENEVE_OPTION_CLASS, GENEVE_OPTION_TYPE, GENEVE_OPTION_LENGTH, 0)
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 8.0
HANDSHAKE: Final = 10.0
"""Seconds after which a switch that does not come to ``ready`` is given up and tried again."""


class Switch:
    """``on_state()``: ``state`` or ``is_idle`` has changed.  ``on_synced()``: the last ``sync`` is installed.

    ``on_read(flows)``: what the switch has, after each connect.
    """

    def __init__(self, runtime: Runtime, table: FlowTable, log: Callable[[str, str], None]) -> None:
        self._runtime = runtime
        self._table = table
        self._log = log
        self._address: str | None = None
        self._stream: Stream | None = None
        self._framer = Framer()
        self._xid = 0
        self._attempt = 0
        self._pause = FIRST_PAUSE
        self._timer: Timer | None = None
        self._read: list[Flow] = []
        self._bundle = 0
        self._sending: dict[int, ofp.FlowMod] | None = None
        self._refused: dict[int, str] = {}
        self._must_read = False
        self.state = "disconnected"
        self.answered = False
        """Whether the first attempt has come to an end, one way or the other."""
        self.on_state: Callable[[], None] = _nothing
        self.on_read: Callable[[list[Flow]], None] = _ignore
        self.on_synced: Callable[[], None] = _nothing
        self.on_message: Callable[[object], None] = _ignore

    # -- the connection ------------------------------------------------------------------------

    def set_address(self, address: str | None) -> None:
        """Connect to ``address`` from now on; None disconnects."""
        if address != self._address:
            self._address = address
            self._drop()
            if address is not None:
                self._connect()

    def set_table(self, table: FlowTable) -> None:
        """Bring ``table`` to the switch from now on, beginning with what the switch has."""
        self._table = table
        if self._address is not None:
            self._drop()
            self._connect()

    def stop(self) -> None:
        """Disconnect; the switch keeps its flows."""
        self.set_address(None)

    def _connect(self) -> None:
        if self._address is None:
            return
        self._attempt += 1
        attempt = self._attempt
        self.state = "connecting"

        def connected(stream: Stream) -> None:
            if attempt != self._attempt:
                stream.close()
                return
            self._stream = stream
            self._timer = self._runtime.call_later(HANDSHAKE, self._silent)
            self._framer = Framer()
            stream.on_data = self._received
            stream.on_close = self._lost
            self._log("info", f"{self._address}: connected")
            self._send(ofp.Hello((VERSION,)))

        def failed(reason: str) -> None:
            if attempt == self._attempt:
                self._lost(reason)

        self._runtime.connect(self._address, connected, failed)

    def _drop(self) -> None:
        self._attempt += 1
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.on_data = stream.on_close = _ignore
            stream.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sending = None
        self._must_read = False
        self._read = []
        self._table.forget()
        self.state = "disconnected"

    def _lost(self, reason: str) -> None:
        self._log("info", f"{self._address}: connection lost ({reason}), next attempt in {self._pause:g} s")
        self._drop()
        self._timer = self._runtime.call_later(self._pause, self._again)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self.answered = True
        self.on_state()

    def _silent(self) -> None:
        self._timer = None
        self._lost(f"no answer for {HANDSHAKE:g} s")

    def _again(self) -> None:
        self._timer = None
        self._connect()

    def _send(self, message: ofp.Message) -> int:
        self._xid += 1
        if self._stream is not None:
            self._stream.write(encode(message, self._xid))
        return self._xid

    # -- what the switch says ------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        stream = self._stream
        try:
            for frame in self._framer.feed(data):
                xid, message = decode(frame)
                self._handle(xid, message)
                if self._stream is not stream:
                    return
        except CodecError as error:
            self._lost(f"the switch sent what is no OpenFlow: {error}")

    def _handle(self, xid: int, message: ofp.Message) -> None:
        match message:
            case ofp.Hello():
                self._hello(message)
            case ofp.EchoRequest():
                if self._stream is not None:
                    self._stream.write(encode(ofp.EchoReply(message.data), xid))
            case ofp.TlvTableReply():
                self._options(message)
            case FlowDescReply():
                self._flows(message)
            case ofp.BundleControl():
                self._bundle_reply(message)
            case ofp.Error():
                self._error(xid, message)
            case _:
                self.on_message(message)

    def _hello(self, hello: ofp.Hello) -> None:
        if VERSION not in hello.versions:
            self._lost("the switch does not speak OpenFlow 1.5")
            return
        self.state = "options"
        self._send(ofp.SetPacketInFormat(ofp.PACKET_IN_NXT2))
        self._send(ofp.TlvTableRequest())

    def _options(self, reply: ofp.TlvTableReply) -> None:
        """Map OVN's option to tun_metadata0, unless it is; then read the flows."""
        if OPTION not in reply.maps:
            if any(entry.index == OPTION.index for entry in reply.maps):
                self._log("err", "tun_metadata0 is in use for another tunnel option: tunnels will not work")
            else:
                self._send(ofp.TlvTableMod(ofp.TLV_ADD, (OPTION,)))
        self._ask_flows()

    def read_again(self) -> None:
        """Compare with what the switch really has, as soon as nothing is under way."""
        if self.is_idle:
            self._ask_flows()
        else:
            self._must_read = self._sending is not None

    def _ask_flows(self) -> None:
        self.state = "reading"
        self._must_read = False
        self._read = []
        self._send(FlowDescRequest())

    def _flows(self, reply: FlowDescReply) -> None:
        if self.state != "reading":
            return
        self._read.extend(entry.flow for entry in reply.entries)
        if not reply.more:
            self.on_read(self._read)
            self._table.read_back(self._read)
            self._read = []
            self._pause = FIRST_PAUSE
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self.state = "ready"
            self.answered = True
            self.on_state()

    # -- bundles -------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether ``sync`` would do something now."""
        return self.state == "ready" and self._sending is None

    def sync(self) -> None:
        """Send the difference; ``on_synced`` follows when all that is wanted now is installed."""
        if not self.is_idle:
            return
        mods = self._table.plan()
        if not mods:
            self.on_synced()
            return
        self._bundle += 1
        self._refused = {}
        self._send(ofp.BundleControl(self._bundle, ofp.BUNDLE_OPEN_REQUEST))
        self._sending = {}
        for mod in mods:
            try:
                self._sending[self._send(ofp.BundleAdd(self._bundle, mod))] = mod
            except CodecError as error:
                self._sending[self._xid] = mod
                self._note_refusal(self._xid, str(error))
        self._send(ofp.BundleControl(self._bundle, ofp.BUNDLE_COMMIT_REQUEST))

    def _bundle_reply(self, reply: ofp.BundleControl) -> None:
        if reply.type != ofp.BUNDLE_COMMIT_REPLY or self._sending is None:
            return
        sent, self._sending = self._sending, None
        self._set_aside(sent)
        self._table.confirmed(mod for xid, mod in sent.items() if xid not in self._refused)
        self.on_synced()
        self._next()

    def _error(self, xid: int, error: ofp.Error) -> None:
        """The switch refuses one message of a bundle, or the bundle as a whole."""
        reason = f"error {error.type}/{error.code}"
        if self._sending is None:
            self._log("warn", f"{self._address}: the switch answers {reason}")
        elif xid in self._sending and self._sending[xid].command == ofp.ADD:
            self._note_refusal(xid, reason)
        elif not self._refused:
            self._lost(f"a bundle was refused: {reason}")
        else:
            sent, self._sending = self._sending, None
            self._table.failed(sent.values(), None, reason)
            self._set_aside(sent)
            self._next()

    def _note_refusal(self, xid: int, reason: str) -> None:
        assert self._sending is not None
        self._refused[xid] = reason
        self._log("warn", f"the switch refuses a flow ({reason}): {format_flow(self._sending[xid].flow)}")

    def _set_aside(self, sent: dict[int, ofp.FlowMod]) -> None:
        for xid, reason in self._refused.items():
            self._table.failed([sent[xid]], sent[xid], reason)

    def _next(self) -> None:
        """A bundle is done."""
        if self._must_read:
            self._ask_flows()
        self.on_state()


def _nothing() -> None:
    """Stand in for a callback that nobody has set."""


def _ignore(*_args: object) -> None:
    """Stand in for a callback that nobody has set."""
