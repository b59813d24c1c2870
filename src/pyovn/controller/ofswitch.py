"""The OpenFlow connection to the integration bridge.

States: connecting -> (hello) -> role (we become the master) -> options (the tunnel option that carries port
keys must be mapped to tun_metadata0) -> reading (what flows are there) -> ready.  When ready, ``sync`` sends
the difference as one atomic bundle and tells when the switch has confirmed it; the next difference waits for
that.  A lost connection is taken up again, and begins with reading, so nothing is assumed; so does
``read_again``.

A connection that was lost may still carry what we wrote, and the switch may get it after it has told its
flows to the next one.  So each connection makes itself the master of a newer generation: the switch takes
nothing any more from the master before it, of this process or of a former one (OpenFlow 1.5.1 section 6.3.7).

Nothing is waited for without a limit.  Until ``ready`` each step, and each part of the flows, has its time;
afterwards a switch that is silent is asked for an echo.  The pause between attempts grows until a switch
has taken all that is wanted, so one that refuses everything is not pestered; ``trouble`` says so.  A pause
ends early when the database says that the bridge has been made (``hurry``).

A flow that the switch refuses costs only itself (``ofbundle``).  Errors that answer nothing of ours here
belong to whoever sent the message: they are logged, each kind once.

OpenFlow 1.5.1 sections 6.3.7 (roles), 6.9 (bundles) and 7; ovs-ofctl(8), "add-tlv-map".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.controller.ofbundle import Bundle
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
WHOLE_PACKET: Final = 0xFFFF
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 8.0
HANDSHAKE: Final = 10.0
"""Seconds that each step towards ``ready`` and each part of the flows may take."""
PROBE: Final = 5.0
"""Seconds of silence after which a switch is asked for an echo, and that it then has to answer."""

_ASKED: Final = {"role": "role", "options": "tunnel options", "reading": "flows"}
"""What is asked for in each state between hello and ready."""


class Switch:
    """``on_state()``: ``state`` or ``is_idle`` has changed.  ``on_synced()``: the last ``sync`` is installed.

    ``on_read(flows)``: what the switch has, after each connect.
    """

    def __init__(
        self,
        runtime: Runtime,
        table: FlowTable,
        log: Callable[[str, str], None],
        *,
        probe_interval: float = PROBE,
    ) -> None:
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
        self._asked = 0
        """The transaction id of the question that must be answered before ``ready``."""
        self._claim = 0
        """The transaction id with which we became the master."""
        self._bundles = 0
        self._bundle: Bundle | None = None
        self._must_read = False
        self._probe_interval = probe_interval
        self._probed = False
        self._heard = 0.0
        self._backlog = 0
        self._told: set[str] = set()
        self.state = "disconnected"
        self.answered = False
        """Whether the first attempt with this address and table has come to an end, one way or the other."""
        self.trouble: str | None = None
        """Why the switch took nothing of the last bundle."""
        self.on_state: Callable[[], None] = _nothing
        self.on_read: Callable[[list[Flow]], None] = _ignore
        self.on_synced: Callable[[], None] = _nothing
        self.on_message: Callable[[object], None] = _ignore

    # -- the connection ------------------------------------------------------------------------

    def set_address(self, address: str | None) -> None:
        """Connect to ``address`` from now on; None disconnects."""
        if address != self._address:
            self._address = address
            self._told.clear()
            self._begin()

    def set_table(self, table: FlowTable) -> None:
        """Bring ``table`` to the switch from now on, beginning with what the switch has."""
        self._drop()
        self._table = table
        self._begin()

    def hurry(self) -> None:
        """The switch has just come to be there: a pause between attempts ends now."""
        if self._address is not None and self.state == "disconnected":
            self._set_timer(None)
            self._pause = FIRST_PAUSE
            self._connect()

    def set_probe_interval(self, seconds: float) -> None:
        """Change the seconds of silence after which the switch is probed; 0: it never is."""
        if seconds != self._probe_interval:
            self._probe_interval = seconds
            if self.state == "ready":
                self._attend()

    def stop(self) -> None:
        """Disconnect; the switch keeps its flows."""
        self.set_address(None)

    def _begin(self) -> None:
        """Connect as if for the first time."""
        self._drop()
        self.answered = False
        self.trouble = None
        self._pause = FIRST_PAUSE
        self._connect()

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
            self._expect()
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
        self._set_timer(None)
        self._bundle = None
        self._must_read = False
        self._read = []
        self._table.forget()
        self.state = "disconnected"

    def _lost(self, reason: str) -> None:
        self._log("info", f"{self._address}: connection lost ({reason}), next attempt in {self._pause:g} s")
        self._drop()
        self._set_timer(self._pause, self._again)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)
        self.answered = True
        self.on_state()

    def _again(self) -> None:
        self._timer = None
        self._connect()

    def send(self, message: ofp.Message) -> bool:
        """Send what has nothing to do with flows; False, and nothing sent, while there is no switch."""
        is_there = self.state in {"reading", "ready"}
        if is_there:
            self._send(message)
        return is_there

    def _send(self, message: ofp.Message) -> int:
        self._xid += 1
        if self._stream is not None:
            self._stream.write(encode(message, self._xid))
        return self._xid

    # -- patience ------------------------------------------------------------------------------

    def _set_timer(self, seconds: float | None, callback: Callable[[], None] = lambda: None) -> None:
        """There is one timer: for the next attempt, the next step, or the next look."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._runtime.call_later(seconds, callback)

    def _expect(self) -> None:
        """The switch has its time for the next step."""
        self._set_timer(HANDSHAKE, lambda: self._lost(f"no answer for {HANDSHAKE:g} s"))

    def _attend(self) -> None:
        """The switch is ready and may be silent, but not dead."""
        self._probed = False
        self._heard = self._runtime.now()
        interval = self._probe_interval
        self._set_timer(interval if interval > 0 else None, self._look)

    def _look(self) -> None:
        """Probe a switch that has been silent; one that still takes what we write is at work."""
        stream, now, interval = self._stream, self._runtime.now(), self._probe_interval
        if stream is None:
            return
        before, self._backlog = self._backlog, stream.backlog()
        if self._backlog < before:
            self._heard = now
            self._probed = False
        due = self._heard + interval
        if now < due:
            self._set_timer(due - now, self._look)
        elif self._probed:
            self._lost(f"no answer to a probe for {interval:g} s")
        else:
            self._probed = True
            self._send(ofp.EchoRequest())
            self._set_timer(interval, self._look)

    # -- what the switch says ------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        stream = self._stream
        self._heard = self._runtime.now()
        self._probed = False
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
            case ofp.EchoReply():
                pass  # that something came is all that was asked for
            case ofp.RoleReply():
                self._role(xid, message)
            case ofp.TlvTableReply():
                self._options(xid, message)
            case FlowDescReply():
                self._flows(xid, message)
            case ofp.BundleControl():
                self._bundle_reply(message)
            case ofp.Error():
                self._error(xid, message)
            case _:
                self.on_message(message)

    def _hello(self, hello: ofp.Hello) -> None:
        if self.state != "connecting":
            return
        if VERSION not in hello.versions:
            self._lost("the switch does not speak OpenFlow 1.5")
            return
        self.state = "role"
        self._expect()
        self._asked = self._send(ofp.RoleRequest(ofp.ROLE_NOCHANGE, 0))

    def _role(self, xid: int, reply: ofp.RoleReply) -> None:
        """The switch tells the generation of its last master: ours is the next."""
        if self.state != "role" or xid != self._asked:
            return
        before = 0 if reply.generation_id == ofp.NO_GENERATION else reply.generation_id
        self.state = "options"
        self._expect()
        self._claim = self._send(ofp.RoleRequest(ofp.ROLE_MASTER, before + 1))
        self._send(ofp.SetPacketInFormat(ofp.PACKET_IN_NXT2))
        # Open vSwitch sends packets to a management connection only when it asks for some bytes of them.
        self._send(ofp.SetConfig(miss_send_len=WHOLE_PACKET))
        self._asked = self._send(ofp.TlvTableRequest())

    def _options(self, xid: int, reply: ofp.TlvTableReply) -> None:
        """Map OVN's option to tun_metadata0, unless it is; then read the flows."""
        if self.state != "options" or xid != self._asked:
            return
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
            self._must_read = self._bundle is not None

    def _ask_flows(self) -> None:
        self.state = "reading"
        self._must_read = False
        self._read = []
        self._expect()
        self._asked = self._send(FlowDescRequest())

    def _flows(self, xid: int, reply: FlowDescReply) -> None:
        if self.state != "reading" or xid != self._asked:
            return
        self._expect()
        self._read.extend(entry.flow for entry in reply.entries)
        if not reply.more:
            self.on_read(self._read)
            self._table.read_back(self._read)
            self._read = []
            self.state = "ready"
            self.answered = True
            self._attend()
            self.on_state()

    # -- bundles -------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether ``sync`` would do something now."""
        return self.state == "ready" and self._bundle is None

    def sync(self) -> None:
        """Send the difference; ``on_synced`` follows when all that is wanted now is installed."""
        if not self.is_idle:
            return
        mods = self._table.plan()
        if not mods:
            self._in_step()
            return
        self._bundles += 1
        bundle = self._bundle = Bundle(self._bundles)
        bundle.opening = self._send(ofp.BundleControl(bundle.number, ofp.BUNDLE_OPEN_REQUEST))
        for mod in mods:
            try:
                bundle.mods[self._send(ofp.BundleAdd(bundle.number, mod))] = mod
            except CodecError as error:
                bundle.mods[self._xid] = mod
                self._refuse(bundle, self._xid, str(error))
        bundle.commit = self._send(ofp.BundleControl(bundle.number, ofp.BUNDLE_COMMIT_REQUEST))

    def _bundle_reply(self, reply: ofp.BundleControl) -> None:
        bundle = self._bundle
        if reply.type != ofp.BUNDLE_COMMIT_REPLY or bundle is None or reply.id != bundle.number:
            return
        self._bundle = None
        self._set_aside(bundle)
        self._table.confirmed(bundle.accepted())
        self._in_step()
        self._next()

    def _in_step(self) -> None:
        """The switch has all that it accepts."""
        self._pause = FIRST_PAUSE
        self.trouble = None
        self.on_synced()

    def _error(self, xid: int, error: ofp.Error) -> None:
        reason = f"error {error.type}/{error.code}"
        bundle = self._bundle
        if bundle is not None and xid in bundle.mods:
            self._refuse(bundle, xid, reason)
        elif bundle is not None and xid in bundle:
            self._bundle_refused(bundle, xid, reason)
        elif xid == self._claim and self.state in _ASKED:
            self._lost(f"the switch has another master: {reason}")
        elif xid == self._asked and self.state in _ASKED:
            self._lost(f"the switch does not tell its {_ASKED[self.state]}: {reason}")
        elif reason not in self._told:
            self._told.add(reason)
            self._log("warn", f"{self._address}: the switch answers {reason} (told once)")

    def _bundle_refused(self, bundle: Bundle, xid: int, reason: str) -> None:
        """Nothing was applied: send it again without what was refused; if nothing was named, begin anew."""
        if xid == bundle.opening or not bundle.refused:
            self.trouble = f"the switch refuses all changes of flows: {reason}"
            self._lost(f"a bundle was refused: {reason}")
            return
        self._bundle = None
        self._table.failed(bundle.mods.values(), None, reason)
        self._set_aside(bundle)
        self._next()

    def _refuse(self, bundle: Bundle, xid: int, reason: str) -> None:
        bundle.refused[xid] = reason
        mod = bundle.mods[xid]
        what = "a flow" if mod.command == ofp.ADD else "to delete a flow"
        self._log("warn", f"the switch refuses {what} ({reason}): {format_flow(mod.flow)}")

    def _set_aside(self, bundle: Bundle) -> None:
        for xid, reason in bundle.refused.items():
            self._table.failed([bundle.mods[xid]], bundle.mods[xid], reason)

    def _next(self) -> None:
        """A bundle is done."""
        if self._must_read:
            self._ask_flows()
        self.on_state()


def _nothing() -> None:
    """Stand in for a callback that nobody has set."""


def _ignore(*_args: object) -> None:
    """Stand in for a callback that nobody has set."""
