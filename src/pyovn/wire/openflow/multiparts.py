"""What multiparts carry: requests, replies, and the entries of replies (OpenFlow 1.5.1, section 7.3.5).

A reply holds the entries of one segment, and ``more`` tells that others follow.  Descriptions that
also stand in other messages (a flow with its counters, a group, a meter, a port) live here.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from pyovn.wire.openflow import match as matches

# Structs resolve their annotations at run time, so these are no imports for type checking only.
from pyovn.wire.openflow.actions import Action  # noqa: TC001
from pyovn.wire.openflow.flow import Flow  # noqa: TC001
from pyovn.wire.openflow.match import Match  # noqa: TC001

ALL_TABLES: Final = 0xFF
ANY_PORT: Final = 0xFFFF
ANY_GROUP: Final = 0xFFFFFFFF
ALL_GROUPS: Final = 0xFFFFFFFC


class FlowDesc(Struct, frozen=True):
    """An installed flow with its counters; ``duration`` in ns, the ages in s where they are known.

    ``hard_age`` counts from the last modification; only OpenFlow 1.0's extension tells it.
    """

    flow: Flow
    packets: int = 0
    bytes: int = 0
    duration: int = 0
    idle_age: int | None = None
    hard_age: int | None = None


class Bucket(Struct, frozen=True):
    """Of a group.  ``weight`` None is the protocol's default."""

    actions: tuple[Action, ...]
    id: int = 0
    weight: int | None = None
    watch_port: int | None = None
    watch_group: int | None = None


class GroupEntry(Struct, frozen=True):
    """A group: type 0 all, 1 select, 2 indirect, 3 fast failover.

    ``fields`` are those that the selection method hashes, as (field name, mask) pairs.
    """

    id: int
    type: int
    buckets: tuple[Bucket, ...] = ()
    selection_method: str = ""
    selection_parameter: int = 0
    fields: tuple[tuple[str, int], ...] = ()


class MeterBand(Struct, frozen=True):
    """Type 1 drops, 2 remarks DSCP by ``level``."""

    type: int
    rate: int
    burst: int = 0
    level: int = 0


class MeterEntry(Struct, frozen=True):
    """A meter; flags 1 kbps, 2 packets/s, 4 burst, 8 stats."""

    id: int
    flags: int
    bands: tuple[MeterBand, ...] = ()


class PortDesc(Struct, frozen=True):
    """A port; the feature words and speeds (kbit/s) are OpenFlow's Ethernet property."""

    port: int
    name: str
    hw_addr: int = 0
    config: int = 0
    state: int = 0
    current: int = 0
    advertised: int = 0
    supported: int = 0
    peer: int = 0
    current_speed: int = 0
    max_speed: int = 0


class DescRequest(Struct, frozen=True):
    """Asks for ``DescReply``."""


class DescReply(Struct, frozen=True):
    """Names of maker, hardware, software and datapath."""

    manufacturer: str = "Nicira, Inc."
    hardware: str = "Open vSwitch"
    software: str = ""
    serial: str = "None"
    datapath: str = "None"


class FlowDescRequest(Struct, frozen=True):
    """Flows that match loosely (``Match.covers``) and the cookie under its mask."""

    table: int = ALL_TABLES
    match: Match = matches.ANY
    cookie: int = 0
    cookie_mask: int = 0
    out_port: int = ANY_PORT
    out_group: int = ANY_GROUP


class FlowDescReply(Struct, frozen=True):
    """Flows with their counters."""

    entries: tuple[FlowDesc, ...]
    more: bool = False


class AggregateRequest(Struct, frozen=True):
    """As ``FlowDescRequest``, for sums only."""

    table: int = ALL_TABLES
    match: Match = matches.ANY
    cookie: int = 0
    cookie_mask: int = 0
    out_port: int = ANY_PORT
    out_group: int = ANY_GROUP


class AggregateReply(Struct, frozen=True):
    """Sums over flows."""

    packets: int
    bytes: int
    flows: int


class FlowDescRequestNxt(FlowDescRequest, frozen=True):
    """NXST_FLOW, of OpenFlow 1.0 with NXM; the reply is of that form, too."""


class FlowDescReplyNxt(FlowDescReply, frozen=True):
    """Answers NXST_FLOW."""


class AggregateRequestNxt(AggregateRequest, frozen=True):
    """NXST_AGGREGATE."""


class AggregateReplyNxt(AggregateReply, frozen=True):
    """Answers NXST_AGGREGATE."""


class TableStatsRequest(Struct, frozen=True):
    """Asks for ``TableStatsReply``."""


class TableStats(Struct, frozen=True):
    """Counters of a table; OpenFlow 1.0 tells its name and limits here, too."""

    table: int
    active: int = 0
    lookups: int = 0
    matched: int = 0
    name: str = ""
    wildcards: int = 0x3FFFFF
    max_entries: int = 1_000_000


class TableStatsReply(Struct, frozen=True):
    """Counters of tables."""

    entries: tuple[TableStats, ...]
    more: bool = False


class TableDescRequest(Struct, frozen=True):
    """Asks for ``TableDescReply``."""


class TableDesc(Struct, frozen=True):
    """Configuration of a table."""

    table: int
    config: int = 0


class TableDescReply(Struct, frozen=True):
    """Configurations of tables."""

    entries: tuple[TableDesc, ...]
    more: bool = False


class PortDescRequest(Struct, frozen=True):
    """Asks for ``PortDescReply``; ``ANY_PORT`` for all."""

    port: int = ANY_PORT


class PortDescReply(Struct, frozen=True):
    """Ports."""

    entries: tuple[PortDesc, ...]
    more: bool = False


class PortStatsRequest(Struct, frozen=True):
    """Asks for ``PortStatsReply``; ``ANY_PORT`` for all."""

    port: int = ANY_PORT


class PortStats(Struct, frozen=True):
    """Counters of a port; None where the switch does not know.  ``duration`` in ns."""

    port: int
    duration: int = 0
    rx_packets: int | None = None
    tx_packets: int | None = None
    rx_bytes: int | None = None
    tx_bytes: int | None = None
    rx_dropped: int | None = None
    tx_dropped: int | None = None
    rx_errors: int | None = None
    tx_errors: int | None = None
    rx_frame_errors: int | None = None
    rx_over_errors: int | None = None
    rx_crc_errors: int | None = None
    collisions: int | None = None


class PortStatsReply(Struct, frozen=True):
    """Counters of ports."""

    entries: tuple[PortStats, ...]
    more: bool = False


class GroupDescRequest(Struct, frozen=True):
    """Asks for ``GroupDescReply``; ``ALL_GROUPS`` for all."""

    group: int = ALL_GROUPS


class GroupDescReply(Struct, frozen=True):
    """Groups."""

    entries: tuple[GroupEntry, ...]
    more: bool = False


class GroupStatsRequest(Struct, frozen=True):
    """Asks for ``GroupStatsReply``; ``ALL_GROUPS`` for all."""

    group: int = ALL_GROUPS


class GroupStats(Struct, frozen=True):
    """Counters of a group; ``buckets`` are (packets, bytes).  ``duration`` in ns."""

    group: int
    ref_count: int = 0
    packets: int = 0
    bytes: int = 0
    duration: int = 0
    buckets: tuple[tuple[int, int], ...] = ()


class GroupStatsReply(Struct, frozen=True):
    """Counters of groups."""

    entries: tuple[GroupStats, ...]
    more: bool = False


class GroupFeaturesRequest(Struct, frozen=True):
    """Asks for ``GroupFeaturesReply``."""


class GroupFeaturesReply(Struct, frozen=True):
    """What groups the switch can: types, capabilities, and per type the most groups and the actions."""

    types: int = 0xF
    capabilities: int = 7
    max_groups: tuple[int, ...] = (0xFFFFFF00,) * 4
    actions: tuple[int, ...] = (0x03FF8001,) * 4


class MeterDescRequest(Struct, frozen=True):
    """Asks for ``MeterDescReply``."""

    meter: int = 0xFFFFFFFF


class MeterDescReply(Struct, frozen=True):
    """Meters."""

    entries: tuple[MeterEntry, ...]
    more: bool = False


class MeterFeaturesRequest(Struct, frozen=True):
    """Asks for ``MeterFeaturesReply``."""


class MeterFeaturesReply(Struct, frozen=True):
    """What meters the switch can."""

    max_meter: int = 0
    band_types: int = 0
    capabilities: int = 0
    max_bands: int = 0
    max_color: int = 0


FLOW_INITIAL: Final = -1
FLOW_ADDED: Final = 0
FLOW_DELETED: Final = 1
FLOW_MODIFIED: Final = 2
FLOW_ABBREVIATED: Final = 3

MONITOR_INITIAL: Final = 1
MONITOR_ADD: Final = 2
MONITOR_DELETE: Final = 4
MONITOR_MODIFY: Final = 8
MONITOR_ACTIONS: Final = 16
MONITOR_OWN: Final = 32


class FlowMonitor(Struct, frozen=True):
    """Which changes of which flows to tell; ``flags`` are ``MONITOR_*``."""

    id: int
    flags: int
    out_port: int = ANY_PORT
    table: int = ALL_TABLES
    match: Match = matches.ANY
    out_group: int = ANY_GROUP


class FlowMonitorRequest(Struct, frozen=True):
    """Starts monitors (NXST_FLOW_MONITOR, OFPMP_FLOW_MONITOR); answered with what is there now."""

    monitors: tuple[FlowMonitor, ...]


class FlowUpdate(Struct, frozen=True):
    """A flow came, went or changed; ``reason`` as in FlowRemoved.

    Abbreviated, it stands for the changes that the receiver's own message ``xid`` made.
    """

    event: int
    flow: Flow
    reason: int = 0
    xid: int = 0


class FlowMonitorReply(Struct, frozen=True):
    """Changes of flows, in order."""

    entries: tuple[FlowUpdate, ...]
    more: bool = False


class RawMultipart(Struct, frozen=True):
    """A multipart whose type the codec does not read."""

    type: int
    body: bytes
    reply: bool = False
    flags: int = 0


MultipartRequest: TypeAlias = (
    DescRequest | FlowDescRequest | AggregateRequest | TableStatsRequest | TableDescRequest | PortDescRequest
    | PortStatsRequest | GroupDescRequest | GroupStatsRequest | GroupFeaturesRequest | MeterDescRequest
    | MeterFeaturesRequest | FlowMonitorRequest
)  # fmt: skip
MultipartReply: TypeAlias = (
    DescReply | FlowDescReply | AggregateReply | TableStatsReply | TableDescReply | PortDescReply
    | PortStatsReply | GroupDescReply | GroupStatsReply | GroupFeaturesReply | MeterDescReply
    | MeterFeaturesReply | FlowMonitorReply
)  # fmt: skip
