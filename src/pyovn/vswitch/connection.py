"""OpenFlow 1.5, the switch's side of one controller's connection.

The handlers are a table from message type to method.  A handler answers by ``reply``, or raises
``OpenFlowError``, which is sent with the start of the message at fault, as OpenFlow 1.5.1, section
7.5.4 asks.  Messages are handled in the order in which they come and each is done before the next, so
a barrier has nothing to wait for.

Only version 1.5 is spoken.  A peer whose hello rules it out gets OFPET_HELLO_FAILED with a text that
says so (section 6.3.1).  Asynchronous messages (packet-in, port status, flow removed) go to peers that
asked for packets with OFPT_SET_CONFIG's ``miss_send_len`` or by an asynchronous configuration, as Open
vSwitch does on its management sockets.

Not here: what flow mods do (``flowmods``), what packets do (``datapath``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.vswitch import errors
from pyovn.vswitch.bundles import Bundle
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowkey import SLOTS, UnknownFieldError, pack_match
from pyovn.vswitch.flowmods import Changes
from pyovn.vswitch.multipart import MULTIPART, TABLE_FEATURES, table_features
from pyovn.vswitch.program import compile_actions
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec import Framer, decode, encode, encode_reply
from pyovn.wire.openflow.errors import CodecError
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Stream
    from pyovn.vswitch.ofserver import OpenFlowServer
    from pyovn.vswitch.steps import PacketIn

VERSION: Final = 6
ERROR_DATA: Final = 64
BACKLOG_LIMIT: Final = 4 << 20
"""Bytes to a controller that does not read; beyond it, packet-ins to it are dropped."""

_ALL_REASONS: Final = 0x3F
# Properties of the asynchronous configuration: packet-in, port status, flow removed; (slave, master).
PACKET_IN, PORT_STATUS, FLOW_REMOVED = (0, 1), (2, 3), (4, 5)
_DEFAULT_ASYNC: Final = {0: 0, 1: _ALL_REASONS & ~(1 << 2), 2: 7, 3: 7, 4: 0, 5: 0xF}

_METADATA_FIELDS: Final = tuple(
    (FIELDS[name], SLOTS[name])
    for name in (
        "in_port", "pkt_mark", "ct_state", "ct_zone", "ct_mark", "ct_label", "ct_nw_src", "ct_nw_dst",
        "ct_nw_proto", "ct_tp_src", "ct_tp_dst", "ct_ipv6_src", "ct_ipv6_dst",
        *(f"reg{n}" for n in range(16)), "tun_id", "tun_src", "tun_dst", "tun_metadata0", "metadata",
    )
)  # fmt: skip


def metadata_match(key: int) -> Match:
    """The pipeline fields of a packet that are not zero, and its in_port."""
    terms = []
    for field, slot in _METADATA_FIELDS:
        value = slot.read(key) & field.full
        if value or field.name == "in_port":
            terms.append((field, value, field.full))
    match = Match.from_terms(terms)
    assert match is not None, "fields that do not overlap cannot contradict each other"
    return match


class Connection:
    """One controller."""

    def __init__(self, server: OpenFlowServer, stream: Stream) -> None:
        self.server = server
        self.host = server.host
        self.role = msg.ROLE_EQUAL
        self.miss_send_len = 0
        self.flags = 0
        self.controller_id = 0
        self.packet_in_format = msg.PACKET_IN_STANDARD
        self.asynchronous = dict(_DEFAULT_ASYNC)
        self.bundles: dict[int, Bundle] = {}
        self.dropped = 0
        self._greeted = False
        self._framer = Framer()
        self._stream = stream
        stream.on_data = self._received
        stream.on_close = self._closed
        self.send(msg.Hello((VERSION,)), 0)

    # -- the stream ------------------------------------------------------------------------------

    def send(self, message: msg.Message, xid: int = 0) -> None:
        """Send a message."""
        self._stream.write(encode(message, xid, VERSION))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self.server.connections.discard(self)

    def _closed(self, _reason: str) -> None:
        self.server.connections.discard(self)

    def _received(self, data: bytes) -> None:
        try:
            frames = self._framer.feed(data)
        except CodecError as e:
            self.host.log(f"{self.host.name}: {e}; hanging up")
            self.close()
            return
        for frame in frames:
            if self not in self.server.connections:
                return
            self._handle(frame)

    def _handle(self, frame: bytes) -> None:
        xid = int.from_bytes(frame[4:8], "big")
        if not self._greeted:
            self._greet(frame, xid)
            return
        try:
            self.handle(_read(frame), xid, frame)
        except OpenFlowError as e:
            self.refuse(e, frame, xid)

    def _greet(self, frame: bytes, xid: int) -> None:
        """The first message must be a hello that allows 1.5."""
        try:
            message = decode(frame)[1]
        except CodecError:
            message = None
        if not isinstance(message, msg.Hello) or VERSION not in message.versions:
            text = f"{self.host.name}: this switch speaks OpenFlow 1.5 only (try -O OpenFlow15)"
            error = msg.Error(*errors.HELLO_INCOMPATIBLE, text.encode())
            self._stream.write(encode(error, xid, min(frame[0], VERSION) if frame[0] else VERSION))
            self.host.log(text)
            self.close()
            return
        self._greeted = True

    def refuse(self, error: OpenFlowError, frame: bytes, xid: int) -> None:
        """Send an error."""
        kind, code = error.code
        vendor = errors.NICIRA if kind == errors.EXPERIMENTER else 0
        self.host.log(f"{self.host.name}: refused: {error.text}")
        self.send(msg.Error(kind, code, frame[:ERROR_DATA], vendor), xid)

    # -- requests --------------------------------------------------------------------------------

    def handle(self, message: msg.Message, xid: int, frame: bytes) -> None:
        """Carry out one message."""
        handler = _HANDLERS.get(type(message))
        if handler is not None:
            handler(self, message, xid)
            return
        respond = MULTIPART.get(type(message))
        if respond is not None:
            answer = respond(self.host, message)
            if isinstance(answer, tuple):
                for part in encode_reply(*answer, xid):
                    self._stream.write(part)
            else:
                self.send(answer, xid)
            return
        if isinstance(message, mp.RawMultipart) and message.type == TABLE_FEATURES:
            self.send(mp.RawMultipart(message.type, table_features(), reply=True), xid)
            return
        if isinstance(message, mp.RawMultipart):
            raise OpenFlowError(errors.REQUEST_BAD_MULTIPART, f"multipart of type {message.type}")
        if isinstance(message, msg.Experimenter):
            raise OpenFlowError(
                errors.REQUEST_BAD_EXPERIMENTER, f"experimenter {message.vendor:#x}/{message.subtype}"
            )
        raise OpenFlowError(errors.REQUEST_BAD_TYPE, f"message type {frame[1]}")

    def echo(self, message: msg.EchoRequest, xid: int) -> None:
        """OFPT_ECHO_REQUEST."""
        self.send(msg.EchoReply(message.data), xid)

    def ignore(self, message: msg.Message, xid: int) -> None:
        """Answers and errors of the peer."""

    def features(self, _message: msg.FeaturesRequest, xid: int) -> None:
        """OFPT_FEATURES_REQUEST."""
        self.send(msg.FeaturesReply(self.host.datapath_id), xid)

    def get_config(self, _message: msg.GetConfigRequest, xid: int) -> None:
        """OFPT_GET_CONFIG_REQUEST."""
        self.send(msg.GetConfigReply(self.flags, self.miss_send_len), xid)

    def set_config(self, message: msg.SetConfig, _xid: int) -> None:
        """OFPT_SET_CONFIG."""
        self.flags, self.miss_send_len = message.flags, message.miss_send_len

    def barrier(self, _message: msg.BarrierRequest, xid: int) -> None:
        """OFPT_BARRIER_REQUEST; all before it is done."""
        self.send(msg.BarrierReply(), xid)

    def change(self, message: Any, _xid: int) -> None:
        """A flow, group or TLV table mod."""
        self._may_change()
        changes = Changes()
        self.host.datapath.collect()
        try:
            self.apply(message, changes)
        except OpenFlowError:
            changes.undo()
            raise
        self.server.finish(changes)

    def apply(self, message: Any, changes: Changes) -> None:
        """Carry out a change, within a bundle or alone."""
        state = self.host.state
        if isinstance(message, msg.FlowMod):
            if message.buffer_id != msg.NO_BUFFER:
                raise OpenFlowError(errors.REQUEST_BUFFER_UNKNOWN, "the switch buffers no packets")
            state.flow_mod(message, changes)
        elif isinstance(message, msg.GroupMod):
            state.group_mod(message, changes)
        elif isinstance(message, msg.TlvTableMod):
            state.tlv_mod(message, changes)
        elif isinstance(message, msg.PacketOut):
            changes.outputs.append(lambda: self.packet_out(message, 0))
        elif isinstance(message, msg.PortMod):
            changes.outputs.append(lambda: self.port_mod(message, 0))
        elif not isinstance(message, msg.MeterMod):
            raise OpenFlowError(errors.BUNDLE_MESSAGE_UNSUPPORTED, f"{type(message).__name__} in a bundle")

    def _may_change(self) -> None:
        if self.role == msg.ROLE_SLAVE:
            raise OpenFlowError(errors.REQUEST_IS_SLAVE, "a slave may not change the switch")

    def packet_out(self, message: msg.PacketOut, _xid: int) -> None:
        """OFPT_PACKET_OUT."""
        self._may_change()
        if message.buffer_id != msg.NO_BUFFER:
            raise OpenFlowError(errors.REQUEST_BUFFER_UNKNOWN, "the switch buffers no packets")
        self._execute(message.actions, message.data, message.in_port, message.metadata)

    def resume(self, message: msg.PacketIn, _xid: int) -> None:
        """NXT_RESUME: a packet that ``controller(pause)`` gave out comes back."""
        packed = _pack(message.metadata)
        if not self.host.datapath.resume(message.continuation, message.data, packed):
            raise OpenFlowError(errors.REQUEST_BUFFER_UNKNOWN, "resume of a packet that is not paused")

    def _execute(self, actions: Any, data: bytes, in_port: int, metadata: Match) -> None:
        packed = _pack(metadata) & ~SLOTS["in_port"].mask
        program = compile_actions(actions, None)
        datapath = self.host.datapath
        error = datapath.execute(self.host.state.pipeline, program, in_port, data, packed)
        if error:
            self.host.log(f"{self.host.name}: packet-out: {error}")

    def port_mod(self, message: msg.PortMod, _xid: int) -> None:
        """OFPT_PORT_MOD."""
        self._may_change()
        port = self.host.state.pipeline.ports.get(message.port)
        if port is None:
            raise OpenFlowError(errors.PORT_MOD_BAD_PORT, f"there is no port {message.port}")
        if port.mac != message.hw_addr:
            raise OpenFlowError(errors.PORT_MOD_BAD_ADDRESS, f"port {message.port} has another address")
        self.host.port_mod(port, port.config & ~message.mask | message.config & message.mask)

    def role_request(self, message: msg.RoleRequest, xid: int) -> None:
        """OFPT_ROLE_REQUEST: one master; its generation must not go back (section 6.3.7)."""
        server = self.server
        if message.role not in {msg.ROLE_NOCHANGE, msg.ROLE_EQUAL}:
            have = server.generation
            if have is not None and (message.generation_id - have) & 1 << 63:
                raise OpenFlowError(errors.ROLE_STALE, f"generation {message.generation_id} after {have}")
            server.generation = message.generation_id
            if message.role == msg.ROLE_MASTER:
                for other in server.connections:
                    if other is not self and other.role == msg.ROLE_MASTER:
                        other.role = msg.ROLE_SLAVE
        if message.role != msg.ROLE_NOCHANGE:
            self.role = message.role
        self.send(msg.RoleReply(self.role, server.generation or 0xFFFFFFFFFFFFFFFF), xid)

    def get_async(self, _message: msg.GetAsyncRequest, xid: int) -> None:
        """OFPT_GET_ASYNC_REQUEST."""
        self.send(msg.GetAsyncReply(tuple(sorted(self.asynchronous.items()))), xid)

    def set_async(self, message: msg.SetAsync, _xid: int) -> None:
        """OFPT_SET_ASYNC and its older form."""
        self.asynchronous.update(message.masks)

    def set_packet_in_format(self, message: msg.SetPacketInFormat, _xid: int) -> None:
        """NXT_SET_PACKET_IN_FORMAT."""
        self.packet_in_format = message.format

    def set_controller_id(self, message: msg.SetControllerId, _xid: int) -> None:
        """NXT_SET_CONTROLLER_ID."""
        self.controller_id = message.id

    def tlv_request(self, _message: msg.TlvTableRequest, xid: int) -> None:
        """NXT_TLV_TABLE_REQUEST."""
        maps = tuple(msg.TlvMap(*mapping) for mapping in self.host.state.tlv.values())
        self.send(msg.TlvTableReply(maps), xid)

    def ct_flush(self, message: msg.CtFlushZone, _xid: int) -> None:
        """NXT_CT_FLUSH_ZONE."""
        self.host.datapath.tracker.flush(message.zone)

    def bundle_control(self, message: msg.BundleControl, xid: int) -> None:
        """OFPT_BUNDLE_CONTROL."""
        self._may_change()
        reply = Bundle.control(self, message)
        if reply is not None:
            self.send(reply, xid)

    def bundle_add(self, message: msg.BundleAdd, xid: int) -> None:
        """OFPT_BUNDLE_ADD_MESSAGE."""
        Bundle.add(self, message, xid)

    # -- what the switch tells by itself -----------------------------------------------------------

    def wants(self, kinds: tuple[int, int], reason: int) -> bool:
        """Tell whether this controller asked for a kind of asynchronous message."""
        if not self._greeted or not self.miss_send_len:
            return False
        mask = self.asynchronous.get(kinds[self.role != msg.ROLE_SLAVE], 0)
        return bool(mask >> reason & 1)

    def packet_in(self, step: PacketIn, frame: bytes, key: int, continuation: bytes) -> None:
        """Send a packet-in in the form that was asked for."""
        action = step.action
        if self._stream.backlog() > BACKLOG_LIMIT:
            self.dropped += 1
            return
        metadata = metadata_match(key)
        data = frame if action.pause else frame[: action.max_len]
        if self.packet_in_format == msg.PACKET_IN_NXT2:
            full = len(frame) if len(data) != len(frame) else None
            self.send(
                msg.PacketIn(
                    data,
                    metadata,
                    action.userdata,
                    step.table,
                    step.cookie,
                    action.reason,
                    continuation,
                    full,
                )
            )
        else:
            self.send(
                msg.PacketInStandard(data, metadata, len(frame), action.reason, step.table, step.cookie)
            )


_HANDLERS: Final[dict[type, Callable[..., None]]] = {
    msg.Hello: Connection.ignore,
    msg.Error: Connection.ignore,
    msg.EchoReply: Connection.ignore,
    msg.MeterMod: Connection.ignore,
    msg.TableMod: Connection.ignore,
    msg.EchoRequest: Connection.echo,
    msg.FeaturesRequest: Connection.features,
    msg.GetConfigRequest: Connection.get_config,
    msg.SetConfig: Connection.set_config,
    msg.BarrierRequest: Connection.barrier,
    msg.FlowMod: Connection.change,
    msg.GroupMod: Connection.change,
    msg.TlvTableMod: Connection.change,
    msg.PacketOut: Connection.packet_out,
    msg.PacketIn: Connection.resume,
    msg.PortMod: Connection.port_mod,
    msg.RoleRequest: Connection.role_request,
    msg.GetAsyncRequest: Connection.get_async,
    msg.SetAsync: Connection.set_async,
    msg.SetPacketInFormat: Connection.set_packet_in_format,
    msg.SetControllerId: Connection.set_controller_id,
    msg.TlvTableRequest: Connection.tlv_request,
    msg.CtFlushZone: Connection.ct_flush,
    msg.BundleControl: Connection.bundle_control,
    msg.BundleAdd: Connection.bundle_add,
}


def _read(frame: bytes) -> msg.Message:
    """Decode a message; raises ``OpenFlowError``."""
    if frame[0] != VERSION:
        raise OpenFlowError(errors.REQUEST_BAD_VERSION, f"message of OpenFlow version {frame[0]}")
    try:
        return decode(frame)[1]
    except CodecError as e:
        raise OpenFlowError((e.error_type, e.code), str(e)) from None


def _pack(metadata: Match) -> int:
    try:
        return pack_match(metadata)[0]
    except UnknownFieldError as e:
        raise OpenFlowError(errors.MATCH_BAD_FIELD, str(e)) from None
