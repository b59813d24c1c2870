"""OpenFlow messages as values; ``codec`` turns them into bytes and back.

Every message is a frozen Struct, without its transaction id, which travels beside it.  Whatever the
codec does not know becomes ``Raw`` (or ``Experimenter``), so nothing is lost and a switch can answer
it with an error.  Multiparts have a module of their own, ``multiparts``.

Names and numbers are OpenFlow 1.5.1's (sections 7.2 to 7.4) and, for ``Nx...``, those of Open vSwitch's
vendor extensions (ovs-fields(7), ovs-actions(7)).  Not compiled by mypyc: see DESIGN section 4.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from pyovn.wire.openflow import match as matches

# Structs resolve their annotations at run time, so these are no imports for type checking only.
from pyovn.wire.openflow.actions import Action  # noqa: TC001
from pyovn.wire.openflow.flow import Flow  # noqa: TC001
from pyovn.wire.openflow.match import Match  # noqa: TC001
from pyovn.wire.openflow.multiparts import (
    ANY_GROUP,
    ANY_PORT,
    FlowDesc,
    GroupEntry,
    MeterEntry,
    MultipartReply,
    MultipartRequest,
    PortDesc,
    RawMultipart,
)

NO_COOKIE: Final = 0xFFFFFFFFFFFFFFFF
"""Of a packet that no flow sent to the controller."""

NO_BUFFER: Final = 0xFFFFFFFF

ADD: Final = 0
MODIFY: Final = 1
MODIFY_STRICT: Final = 2
DELETE: Final = 3
DELETE_STRICT: Final = 4

GROUP_ADD: Final = 0
GROUP_MODIFY: Final = 1
GROUP_DELETE: Final = 2
GROUP_INSERT_BUCKET: Final = 3
GROUP_REMOVE_BUCKET: Final = 5
GROUP_ADD_OR_MODIFY: Final = 0x8000

BUNDLE_OPEN_REQUEST: Final = 0
BUNDLE_OPEN_REPLY: Final = 1
BUNDLE_CLOSE_REQUEST: Final = 2
BUNDLE_CLOSE_REPLY: Final = 3
BUNDLE_COMMIT_REQUEST: Final = 4
BUNDLE_COMMIT_REPLY: Final = 5
BUNDLE_DISCARD_REQUEST: Final = 6
BUNDLE_DISCARD_REPLY: Final = 7
BUNDLE_ATOMIC: Final = 1
BUNDLE_ORDERED: Final = 2

TLV_ADD: Final = 0
TLV_DELETE: Final = 1
TLV_CLEAR: Final = 2

PACKET_IN_STANDARD: Final = 0
PACKET_IN_NXT: Final = 1
PACKET_IN_NXT2: Final = 2

PORT_ADDED: Final = 0
PORT_DELETED: Final = 1
PORT_MODIFIED: Final = 2

PORT_DOWN: Final = 1
PORT_LINK_DOWN: Final = 1
PORT_LIVE: Final = 4

ROLE_NOCHANGE: Final = 0
ROLE_EQUAL: Final = 1
ROLE_MASTER: Final = 2
ROLE_SLAVE: Final = 3
NO_GENERATION: Final = 0xFFFF_FFFF_FFFF_FFFF
"""The generation_id of a RoleReply of a switch that has had no master."""


class Raw(Struct, frozen=True):
    """A message of a type or version that the codec does not read; ``body`` follows the header."""

    type: int
    body: bytes
    version: int = 6


class Experimenter(Struct, frozen=True):
    """A vendor's message that the codec does not know."""

    vendor: int
    subtype: int
    body: bytes


class Hello(Struct, frozen=True):
    """The versions that the sender speaks, as wire numbers (6 is OpenFlow 1.5)."""

    versions: tuple[int, ...] = (6,)


class Error(Struct, frozen=True):
    """``data`` is the start of the message at fault; vendor errors have type 0xffff and ``vendor``."""

    type: int
    code: int
    data: bytes = b""
    vendor: int = 0


class EchoRequest(Struct, frozen=True):
    """Asks for an ``EchoReply`` with the same data."""

    data: bytes = b""


class EchoReply(Struct, frozen=True):
    """Answers an ``EchoRequest``."""

    data: bytes = b""


class FeaturesRequest(Struct, frozen=True):
    """Asks for ``FeaturesReply``."""


class FeaturesReply(Struct, frozen=True):
    """What the switch is and can; OpenFlow 1.0 tells ``actions`` and ``ports`` here, too."""

    datapath_id: int
    n_buffers: int = 0
    n_tables: int = 254
    auxiliary_id: int = 0
    capabilities: int = 0x24F
    actions: int = 0
    ports: tuple[PortDesc, ...] = ()


class GetConfigRequest(Struct, frozen=True):
    """Asks for ``GetConfigReply``."""


class GetConfigReply(Struct, frozen=True):
    """Fragment handling and bytes of a packet sent on a table miss."""

    flags: int = 0
    miss_send_len: int = 0


class SetConfig(Struct, frozen=True):
    """Sets what ``GetConfigReply`` tells."""

    flags: int = 0
    miss_send_len: int = 0


class BarrierRequest(Struct, frozen=True):
    """Everything before it is to be done before the reply."""


class BarrierReply(Struct, frozen=True):
    """Answers a ``BarrierRequest``."""


class FlowMod(Struct, frozen=True):
    """Change flows.  ``flow.table`` 0xff means all tables when deleting.

    ``modify_cookie`` is OpenFlow 1.0's way: a modification changes the cookie as well, and adds the flow
    when there is none.
    """

    command: int
    flow: Flow
    cookie_mask: int = 0
    buffer_id: int = NO_BUFFER
    out_port: int = ANY_PORT
    out_group: int = ANY_GROUP
    modify_cookie: bool = False


class FlowRemoved(Struct, frozen=True):
    """A flow is gone: reason 0 idle, 1 hard timeout, 2 deleted, 3 group deleted."""

    desc: FlowDesc
    reason: int


class FlowRemovedNxt(FlowRemoved, frozen=True):
    """NXT_FLOW_REMOVED, for a controller of OpenFlow 1.0 that asked for NXM."""


class GroupMod(Struct, frozen=True):
    """Change a group; ``bucket_id`` is the place of an inserted or removed bucket."""

    command: int
    group: GroupEntry
    bucket_id: int = 0xFFFFFFFF


class MeterMod(Struct, frozen=True):
    """Command 0 add, 1 modify, 2 delete."""

    command: int
    meter: MeterEntry


class PacketOut(Struct, frozen=True):
    """Run ``actions`` on ``data``; ``metadata`` carries in_port and other pipeline fields."""

    actions: tuple[Action, ...]
    data: bytes = b""
    in_port: int = 0xFFFD
    metadata: Match = matches.ANY
    buffer_id: int = NO_BUFFER


class PacketIn(Struct, frozen=True):
    """NXT_PACKET_IN2: a packet for the controller, or (``resume``) one that the controller gives back.

    ``metadata`` holds in_port, registers, ct fields and the like; ``continuation`` is the switch's own
    and goes back as it came.
    """

    data: bytes
    metadata: Match = matches.ANY
    userdata: bytes = b""
    table: int = 0
    cookie: int = 0
    reason: int = 0
    continuation: bytes = b""
    full_len: int | None = None
    buffer_id: int = NO_BUFFER
    resume: bool = False


class PacketInStandard(Struct, frozen=True):
    """OFPT_PACKET_IN, for a controller that did not ask for NXT_PACKET_IN2."""

    data: bytes
    metadata: Match
    total_len: int
    reason: int
    table: int
    cookie: int
    buffer_id: int = NO_BUFFER


class PacketInNxt(PacketInStandard, frozen=True):
    """NXT_PACKET_IN, with the metadata that OpenFlow 1.0's own lacks."""


class PortStatus(Struct, frozen=True):
    """A port came, went or changed (``PORT_ADDED`` ...)."""

    reason: int
    desc: PortDesc


class PortMod(Struct, frozen=True):
    """Change the ``mask`` bits of a port's config."""

    port: int
    hw_addr: int
    config: int
    mask: int
    advertise: int = 0


class RoleRequest(Struct, frozen=True):
    """Ask for a role."""

    role: int
    generation_id: int = 0


class RoleReply(Struct, frozen=True):
    """The role that the controller has."""

    role: int
    generation_id: int = 0


class GetAsyncRequest(Struct, frozen=True):
    """Asks for ``GetAsyncReply``."""


class GetAsyncReply(Struct, frozen=True):
    """(property type, mask of reasons) pairs."""

    masks: tuple[tuple[int, int], ...] = ()


class SetAsync(Struct, frozen=True):
    """(property type, mask of reasons) pairs; ``nicira`` is NXT_SET_ASYNC_CONFIG2's envelope."""

    masks: tuple[tuple[int, int], ...] = ()
    nicira: bool = False


class BundleControl(Struct, frozen=True):
    """Open, close, commit or discard a bundle, and the answers."""

    id: int
    type: int
    flags: int = BUNDLE_ATOMIC | BUNDLE_ORDERED


class BundleAdd(Struct, frozen=True):
    """Put ``message`` into a bundle; it carries the transaction id of the whole."""

    id: int
    message: Message
    flags: int = BUNDLE_ATOMIC | BUNDLE_ORDERED


class TlvMap(Struct, frozen=True):
    """A tunnel option and the ``tun_metadata`` field of that index."""

    option_class: int
    option_type: int
    length: int
    index: int


class TlvTableMod(Struct, frozen=True):
    """Change the table of tunnel options (``TLV_ADD`` ...)."""

    command: int
    maps: tuple[TlvMap, ...] = ()


class TlvTableRequest(Struct, frozen=True):
    """Asks for ``TlvTableReply``."""


class TlvTableReply(Struct, frozen=True):
    """The table of tunnel options and its limits."""

    maps: tuple[TlvMap, ...] = ()
    max_space: int = 256
    max_fields: int = 64


class SetPacketInFormat(Struct, frozen=True):
    """``PACKET_IN_NXT2`` is what OVN asks for."""

    format: int


class SetFlowFormat(Struct, frozen=True):
    """NXT_SET_FLOW_FORMAT: 0 is OpenFlow 1.0's, 2 NXM."""

    format: int


class FlowMonitorCancel(Struct, frozen=True):
    """NXT_FLOW_MONITOR_CANCEL: end a monitor of flows."""

    id: int


class FlowModTableId(Struct, frozen=True):
    """NXT_FLOW_MOD_TABLE_ID: the command of a flow_mod has the table in its upper byte from now on."""

    on: bool


class SetControllerId(Struct, frozen=True):
    """Which ``controller(id=...)`` reaches this connection."""

    id: int


class CtFlushZone(Struct, frozen=True):
    """Forget the connections of a zone."""

    zone: int


class TableMod(Struct, frozen=True):
    """Configuration of a table."""

    table: int
    config: int


Message: TypeAlias = (
    Raw | Experimenter | Hello | Error | EchoRequest | EchoReply | FeaturesRequest | FeaturesReply
    | GetConfigRequest | GetConfigReply | SetConfig | BarrierRequest | BarrierReply | FlowMod | FlowRemoved
    | GroupMod | MeterMod | PacketOut | PacketIn | PacketInStandard | PortStatus | PortMod | RoleRequest
    | RoleReply | GetAsyncRequest | GetAsyncReply | SetAsync | BundleControl | BundleAdd | TlvTableMod
    | TlvTableRequest | TlvTableReply | SetPacketInFormat | SetControllerId | SetFlowFormat | FlowModTableId
    | FlowMonitorCancel | CtFlushZone | TableMod
    | MultipartRequest | MultipartReply | RawMultipart
)  # fmt: skip
