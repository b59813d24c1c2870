"""OpenFlow, the switch's side of one controller's connection.

The handlers are a table from message type to method.  A handler answers by ``reply``, or raises
``OpenFlowError``, which is sent with the start of the message at fault, as OpenFlow 1.5.1, section
7.5.4 asks.  Messages are handled in the order in which they come and each is done before the next, so
a barrier has nothing to wait for.

The version is the highest that both sides name in their hellos; a peer without a common one gets
OFPET_HELLO_FAILED with a text that says so (section 6.3.1).  From then on ``codec`` knows what a version
looks like on the wire; what it *means* differently is here: OpenFlow 1.0 has flow_mods with and without
table numbers, and packet-ins, flow statistics and flow removals in two forms, as the controller asked for
by Open vSwitch's extensions.

Asynchronous messages (packet-in, port status, flow removed) go to peers that
asked for packets with OFPT_SET_CONFIG's ``miss_send_len`` or by an asynchronous configuration, as Open
vSwitch does on its management sockets.

Not here: what flow mods do (``flowmods``), what packets do (``datapath``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from pyovn.vswitch import errors
from pyovn.vswitch.bundles import Bundle
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowkey import SLOTS, UnknownFieldError, pack_match
from pyovn.vswitch.flowmods import Changes
from pyovn.vswitch.monitors import Monitors
from pyovn.vswitch.multipart import METER_STATS, MULTIPART, TABLE_FEATURES
from pyovn.vswitch.program import TABLE_COUNT, compile_actions
from pyovn.vswitch.tablefeatures import table_features
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec import DIALECTS, Framer, can_encode_reply, decode, encode, encode_reply
from pyovn.wire.openflow.errors import CodecError
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Stream
    from pyovn.vswitch.flowmods import FlowEvent
    from pyovn.vswitch.ofserver import OpenFlowServer
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.vswitch.steps import PacketIn

VERSIONS: Final = tuple(sorted(DIALECTS))
VERSION_NAMES: Final = {"OpenFlow10": 1, "OpenFlow13": 4, "OpenFlow14": 5, "OpenFlow15": 6}
"""What ``Bridge.protocols`` calls the versions that this switch speaks."""

ERROR_DATA: Final = 0xFF00
_SEGMENT: Final = 0xF000
DEFAULT_MISS_SEND_LEN: Final = 128
"""What a primary controller is sent of a packet unless it says otherwise; others get none unasked."""

BACKLOG_LIMIT: Final = 4 << 20
"""Bytes to a controller that does not read; beyond it, packet-ins to it are dropped."""

_ALL_REASONS: Final = 0x3F
# Properties of the asynchronous configuration: packet-in, port status, flow removed; (slave, master).
PACKET_IN, PORT_STATUS, FLOW_REMOVED = (0, 1), (2, 3), (4, 5)
_DEFAULT_ASYNC: Final = {0: 0, 1: _ALL_REASONS & ~(1 << 2), 2: 7, 3: 7, 4: 0, 5: 0xF}

_CAPABILITIES: Final = {1: 0xC7, 4: 0x4F, 5: 0x24F, 6: 0x24F}
_METER_ADD, _METER_MODIFY = 0, 1
_MONITORING: Final = frozenset((1, 5, 6))
"""Versions whose flow monitors the switch has; 1.3 knows them only as an extension of ONF's."""

_ACTIONS_10: Final = 0xFFF
_FRAGMENTS: Final = frozenset((0, 1, 3))
"""What may be done with fragments: pass, drop, and look at the first one's ports (NX); no reassembly."""

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

    def __init__(self, server: OpenFlowServer, stream: Stream, *, primary: bool = False) -> None:
        self.server = server
        self.host = server.host
        self.on_end: Callable[[str], None] = _ignore
        self.on_heard: Callable[[], None] = _nothing_heard
        self.role = msg.ROLE_EQUAL
        self.miss_send_len = DEFAULT_MISS_SEND_LEN if primary else 0
        self.controller_id = 0
        self.packet_in_format = msg.PACKET_IN_STANDARD
        self.version = 0
        self.nxm = False
        self.table_ids = False
        self.asynchronous = dict(_DEFAULT_ASYNC)
        self.bundles: dict[int, Bundle] = {}
        self.monitors = Monitors()
        self.dropped = 0
        self._greeted = False
        self._framer = Framer()
        self._stream = stream
        stream.on_data = self._received
        stream.on_close = self._closed
        versions = self.host.versions
        self._stream.write(encode(msg.Hello(versions), 0, versions[-1]))

    # -- the stream ------------------------------------------------------------------------------

    def send(self, message: msg.Message, xid: int = 0) -> None:
        """Send a message."""
        self._stream.write(encode(message, xid, self.version))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self.server.connections.discard(self)

    def _closed(self, reason: str) -> None:
        self.server.connections.discard(self)
        self.on_end(reason)

    def _received(self, data: bytes) -> None:
        try:
            frames = self._framer.feed(data)
        except CodecError as e:
            self.host.log(f"{self.host.name}: {e}; hanging up")
            self.close()
            self.on_end(str(e))
            return
        for frame in frames:
            if self not in self.server.connections:
                return
            self._handle(frame)
        self.on_heard()

    def _handle(self, frame: bytes) -> None:
        xid = int.from_bytes(frame[4:8], "big")
        if not self._greeted:
            self._greet(frame, xid)
            return
        try:
            self.handle(self._read(frame), xid, frame)
        except OpenFlowError as e:
            self.refuse(e, frame, xid)

    def _greet(self, frame: bytes, xid: int) -> None:
        """The first message must be a hello that names a version which the bridge allows."""
        try:
            message = decode(frame)[1]
        except CodecError:
            message = None
        allowed = self.host.versions
        common = set(allowed) & set(message.versions) if isinstance(message, msg.Hello) else None
        if not common:
            names = {number: name for name, number in VERSION_NAMES.items()}
            spoken = ", ".join(names[number] for number in allowed)
            text = f"{self.host.name}: this bridge speaks {spoken} only"
            error = msg.Error(*errors.HELLO_INCOMPATIBLE, text.encode())
            self._stream.write(encode(error, xid, min(frame[0], allowed[-1]) or allowed[-1]))
            self.host.log(text)
            self.close()
            self.on_end("version negotiation failed")
            return
        self.version = max(common)
        self._greeted = True

    def _read(self, frame: bytes) -> msg.Message:
        """Decode a message; raises ``OpenFlowError``."""
        if frame[0] != self.version:
            raise OpenFlowError(errors.REQUEST_BAD_VERSION, f"message of OpenFlow version {frame[0]}")
        try:
            return decode(frame)[1]
        except CodecError as e:
            raise OpenFlowError((e.error_type, e.code), str(e)) from None

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
            kind = answer[0] if isinstance(answer, tuple) else type(answer)
            if isinstance(answer, tuple):
                for part in encode_reply(*answer, xid, self.version):
                    self._stream.write(part)
            elif can_encode_reply(kind, self.version) or kind is mp.RawMultipart:
                self.send(answer, xid)
            return
        if isinstance(message, mp.RawMultipart) and message.type == TABLE_FEATURES and self.version > 1:
            self._send_segments(TABLE_FEATURES, list(table_features(_SEGMENT)), xid)
            return
        if isinstance(message, mp.RawMultipart) and message.type == METER_STATS and self.version > 1:
            self._send_segments(METER_STATS, [b""], xid)
            return
        if isinstance(message, mp.RawMultipart):
            raise OpenFlowError(errors.REQUEST_BAD_MULTIPART, f"multipart of type {message.type}")
        if isinstance(message, msg.Experimenter):
            raise OpenFlowError(
                errors.REQUEST_BAD_EXPERIMENTER, f"experimenter {message.vendor:#x}/{message.subtype}"
            )
        raise OpenFlowError(errors.REQUEST_BAD_TYPE, f"message type {frame[1]}")

    def _send_segments(self, kind: int, bodies: list[bytes], xid: int) -> None:
        """A multipart whose entries the codec does not know, in as many messages as it has parts."""
        for at, body in enumerate(bodies, 1):
            self.send(mp.RawMultipart(kind, body, reply=True, flags=int(at < len(bodies))), xid)

    def echo(self, message: msg.EchoRequest, xid: int) -> None:
        """OFPT_ECHO_REQUEST."""
        self.send(msg.EchoReply(message.data), xid)

    def ignore(self, message: msg.Message, xid: int) -> None:
        """Answers and errors of the peer."""

    def features(self, _message: msg.FeaturesRequest, xid: int) -> None:
        """OFPT_FEATURES_REQUEST."""
        reply = msg.FeaturesReply(self.host.datapath_id, capabilities=_CAPABILITIES[self.version])
        if self.version == 1:
            ports = self.host.state.pipeline.ports
            reply = msg.FeaturesReply(
                self.host.datapath_id, 0, TABLE_COUNT, 0, _CAPABILITIES[1], _ACTIONS_10,
                tuple(self.host.port_desc(ports[n]) for n in sorted(ports)),
            )  # fmt: skip
        self.send(reply, xid)

    def get_config(self, _message: msg.GetConfigRequest, xid: int) -> None:
        """OFPT_GET_CONFIG_REQUEST."""
        self.send(msg.GetConfigReply(self.host.fragments, self.miss_send_len), xid)

    def set_config(self, message: msg.SetConfig, _xid: int) -> None:
        """OFPT_SET_CONFIG."""
        if message.flags & 3 in _FRAGMENTS:
            self.host.fragments = message.flags & 3
        self.miss_send_len = message.miss_send_len

    def barrier(self, _message: msg.BarrierRequest, xid: int) -> None:
        """OFPT_BARRIER_REQUEST; all before it is done."""
        self.send(msg.BarrierReply(), xid)

    def change(self, message: Any, xid: int) -> None:
        """A flow, group or TLV table mod."""
        self._may_change()
        if isinstance(message, msg.FlowMod):
            message = self._with_table(message)
        changes = Changes()
        self.host.datapath.collect()
        try:
            self.apply(message, changes)
        except OpenFlowError:
            changes.undo()
            raise
        self.server.finish(changes, self, xid)

    def _with_table(self, mod: msg.FlowMod) -> msg.FlowMod:
        """What the upper byte of a 1.0 command means: a table, once the controller has said so."""
        if self.version != 1 or self.table_ids:
            return mod
        if mod.flow.table:
            raise OpenFlowError(
                errors.FLOW_BAD_COMMAND, f"flow mod command {mod.command | mod.flow.table << 8:#x}"
            )
        return structs.replace(mod, flow=structs.replace(mod.flow, table=mp.ALL_TABLES))

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
        elif isinstance(message, msg.MeterMod):
            _refuse_meter(message)
        else:
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
            raise OpenFlowError(errors.RESUME_STALE, "resume of a packet that is not paused")

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
        self.host.port_mod(port, self._port_config(port, message))

    @staticmethod
    def _port_config(port: SwitchPort, message: msg.PortMod) -> int:
        before = port.config | (0 if port.up else msg.PORT_DOWN)
        return before & ~message.mask | message.config & message.mask

    def meter_mod(self, message: msg.MeterMod, _xid: int) -> None:
        """OFPT_METER_MOD: there is room for no meter, and none to change or delete."""
        self._may_change()
        _refuse_meter(message)

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
        generation = msg.NO_GENERATION if server.generation is None else server.generation
        self.send(msg.RoleReply(self.role, generation), xid)

    def get_async(self, _message: msg.GetAsyncRequest, xid: int) -> None:
        """OFPT_GET_ASYNC_REQUEST."""
        self.send(msg.GetAsyncReply(tuple(sorted(self.asynchronous.items()))), xid)

    def set_async(self, message: msg.SetAsync, _xid: int) -> None:
        """OFPT_SET_ASYNC and its older form."""
        self.asynchronous.update(message.masks)

    def set_packet_in_format(self, message: msg.SetPacketInFormat, _xid: int) -> None:
        """NXT_SET_PACKET_IN_FORMAT."""
        self.packet_in_format = message.format

    def set_flow_format(self, message: msg.SetFlowFormat, _xid: int) -> None:
        """NXT_SET_FLOW_FORMAT."""
        if message.format not in {0, 2}:
            raise OpenFlowError(errors.REQUEST_EPERM, f"flow format {message.format}")
        self.nxm = message.format == 2

    def flow_mod_table_id(self, message: msg.FlowModTableId, _xid: int) -> None:
        """NXT_FLOW_MOD_TABLE_ID."""
        self.table_ids = message.on

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

    def monitor(self, message: mp.FlowMonitorRequest, xid: int) -> None:
        """NXST_FLOW_MONITOR, OFPMP_FLOW_MONITOR."""
        if self.version not in _MONITORING:
            raise OpenFlowError(errors.REQUEST_BAD_MULTIPART, "flow monitors are not in this version")
        rules = [rule for table in self.host.state.pipeline.tables for rule in table or ()]
        updates: list[mp.FlowUpdate] = []
        for wanted in message.monitors:
            if wanted.id in self.monitors:
                raise OpenFlowError(errors.MONITOR_EXISTS, f"flow monitor {wanted.id} exists")
            _pack(wanted.match)
            updates += self.monitors.start(wanted, rules)
        for part in encode_reply(mp.FlowMonitorReply, updates, xid, self.version):
            self._stream.write(part)

    def cancel_monitor(self, message: msg.FlowMonitorCancel, _xid: int) -> None:
        """NXT_FLOW_MONITOR_CANCEL."""
        if not self.monitors.cancel(message.id):
            raise OpenFlowError(errors.MONITOR_UNKNOWN, f"there is no flow monitor {message.id}")

    def tell(self, events: list[FlowEvent], own_xid: int | None) -> None:
        """Tell this controller's monitors what has happened to flows."""
        updates = self.monitors.updates(events, own_xid)
        if updates:
            for part in encode_reply(mp.FlowMonitorReply, updates, 0, self.version):
                self._stream.write(part)

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
        # Since nothing is buffered, ``max_len`` would lose data: as in Open vSwitch, all of a packet is sent.
        if self.packet_in_format == msg.PACKET_IN_NXT2:
            self.send(
                msg.PacketIn(
                    frame, metadata, action.userdata, step.table, step.cookie, action.reason, continuation
                )
            )
            return
        nxt = self.version == 1 and self.packet_in_format == msg.PACKET_IN_NXT
        kind = msg.PacketInNxt if nxt else msg.PacketInStandard
        self.send(kind(frame, metadata, len(frame), action.reason, step.table, step.cookie))

    def flow_removed(self, desc: mp.FlowDesc, reason: int) -> None:
        """Send that a flow is gone."""
        nxt = self.version == 1 and self.nxm
        self.send((msg.FlowRemovedNxt if nxt else msg.FlowRemoved)(desc, reason))


_HANDLERS: Final[dict[type, Callable[..., None]]] = {
    msg.Hello: Connection.ignore,
    msg.Error: Connection.ignore,
    msg.EchoReply: Connection.ignore,
    msg.MeterMod: Connection.meter_mod,
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
    mp.FlowMonitorRequest: Connection.monitor,
    msg.FlowMonitorCancel: Connection.cancel_monitor,
    msg.SetFlowFormat: Connection.set_flow_format,
    msg.FlowModTableId: Connection.flow_mod_table_id,
    msg.TlvTableRequest: Connection.tlv_request,
    msg.CtFlushZone: Connection.ct_flush,
    msg.BundleControl: Connection.bundle_control,
    msg.BundleAdd: Connection.bundle_add,
}


def _refuse_meter(mod: msg.MeterMod) -> None:
    """Deleting what is not there is well; adding and modifying are not."""
    if mod.command == _METER_ADD:
        raise OpenFlowError(errors.METER_OUT_OF_METERS, "this switch has no meters")
    if mod.command == _METER_MODIFY:
        raise OpenFlowError(errors.METER_UNKNOWN, f"there is no meter {mod.meter.id}")


def _ignore(_reason: str) -> None:
    """Stand in for an owner that does not ask about the end."""


def _nothing_heard() -> None:
    """Stand in for an owner that does not ask what arrives."""


def _pack(metadata: Match) -> int:
    try:
        return pack_match(metadata)[0]
    except UnknownFieldError as e:
        raise OpenFlowError(errors.MATCH_BAD_FIELD, str(e)) from None
