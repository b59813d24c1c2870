"""Multipart requests and their answers (OpenFlow 1.5.1, section 7.3.5).

Each function takes the bridge and a request and returns the type of the reply with its entries, which
the codec cuts into as many messages as they need, or the reply itself.  Counters are brought up to date
first.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyovn.vswitch import errors
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowkey import UnknownFieldError, pack_match
from pyovn.vswitch.program import TABLE_COUNT
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.vswitch.classifier import Rule
    from pyovn.vswitch.groups import SwitchGroup
    from pyovn.vswitch.ofserver import Host
    from pyovn.vswitch.ports import SwitchPort

    Answer: TypeAlias = tuple[type[Any], list[Any]] | mp.MultipartReply | mp.RawMultipart

SOFTWARE: Final = "3.1.0"
"""The release of Open vSwitch whose behaviour this switch follows."""


def _selected(host: Host, request: mp.FlowDescRequest | mp.AggregateRequest) -> list[Rule]:
    if request.table != mp.ALL_TABLES and request.table >= TABLE_COUNT:
        raise OpenFlowError(errors.REQUEST_BAD_TABLE, f"there is no table {request.table}")
    try:
        value, mask = pack_match(request.match)
    except UnknownFieldError as e:
        raise OpenFlowError(errors.MATCH_BAD_FIELD, str(e)) from None
    host.datapath.collect()
    return list(host.state.select(request.table, value, mask, request))


def flows(host: Host, request: mp.FlowDescRequest) -> Answer:
    """OFPMP_FLOW_DESC."""
    now = host.runtime.now()
    return mp.FlowDescReply, [describe(rule, now) for rule in _selected(host, request)]


def describe(rule: Rule, now: float) -> mp.FlowDesc:
    """A flow with its counters."""
    flow = Flow(
        rule.table, rule.priority, rule.match, rule.actions, rule.cookie, rule.idle_timeout,
        rule.hard_timeout, rule.flags, rule.importance,
    )  # fmt: skip
    duration = int((now - rule.created) * 1e9)
    return mp.FlowDesc(flow, rule.packets, rule.bytes, duration, int(max(0.0, now - rule.used)))


def aggregate(host: Host, request: mp.AggregateRequest) -> Answer:
    """OFPMP_AGGREGATE_STATS."""
    rules = _selected(host, request)
    return mp.AggregateReply(sum(r.packets for r in rules), sum(r.bytes for r in rules), len(rules))


def tables(host: Host, _request: mp.TableStatsRequest) -> Answer:
    """OFPMP_TABLE_STATS; a look-up that found no flow is not counted."""
    host.datapath.collect()
    entries = []
    for number in range(TABLE_COUNT):
        table = host.state.pipeline.tables[number]
        matched = sum(rule.packets for rule in table) if table is not None else 0
        entries.append(mp.TableStats(number, len(table) if table is not None else 0, matched, matched))
    return mp.TableStatsReply, entries


def table_desc(_host: Host, _request: mp.TableDescRequest) -> Answer:
    """OFPMP_TABLE_DESC."""
    return mp.TableDescReply, [mp.TableDesc(number) for number in range(TABLE_COUNT)]


def _ports(host: Host, number: int) -> list[SwitchPort]:
    ports = host.state.pipeline.ports
    if number == mp.ANY_PORT:
        return [ports[n] for n in sorted(ports)]
    if number not in ports:
        raise OpenFlowError(errors.REQUEST_BAD_PORT, f"there is no port {number}")
    return [ports[number]]


def port_desc(host: Host, request: mp.PortDescRequest) -> Answer:
    """OFPMP_PORT_DESC."""
    return mp.PortDescReply, [host.port_desc(port) for port in _ports(host, request.port)]


def port_stats(host: Host, request: mp.PortStatsRequest) -> Answer:
    """OFPMP_PORT_STATS."""
    now = host.runtime.now()
    return mp.PortStatsReply, [
        mp.PortStats(
            port.number,
            int((now - port.created) * 1e9),
            port.rx_packets,
            port.tx_packets,
            port.rx_bytes,
            port.tx_bytes,
            port.rx_dropped,
        )
        for port in _ports(host, request.port)
    ]


def _groups(host: Host, number: int) -> list[SwitchGroup]:
    have = host.state.pipeline.groups
    return [have[n] for n in sorted(have) if number in {n, mp.ALL_GROUPS, mp.ANY_GROUP}]


def group_desc(host: Host, request: mp.GroupDescRequest) -> Answer:
    """OFPMP_GROUP_DESC."""
    return mp.GroupDescReply, [group.entry for group in _groups(host, request.group)]


def group_stats(host: Host, request: mp.GroupStatsRequest) -> Answer:
    """OFPMP_GROUP_STATS; groups do not count packets."""
    now = host.runtime.now()
    return mp.GroupStatsReply, [
        mp.GroupStats(g.id, duration=int((now - g.created) * 1e9), buckets=((0, 0),) * len(g.buckets))
        for g in _groups(host, request.group)
    ]


def group_features(_host: Host, _request: mp.GroupFeaturesRequest) -> Answer:
    """OFPMP_GROUP_FEATURES."""
    return mp.GroupFeaturesReply()


def meters(_host: Host, _request: mp.MeterDescRequest) -> Answer:
    """OFPMP_METER_DESC: meters are accepted and meter nothing, so none are there."""
    return mp.MeterDescReply, []


def meter_features(_host: Host, _request: mp.MeterFeaturesRequest) -> Answer:
    """OFPMP_METER_FEATURES: none.

    The body has 16 bytes, as Open vSwitch has it; OpenFlow 1.5.1 appends 8 that its decoder refuses.
    """
    return mp.RawMultipart(METER_FEATURES, bytes(16), reply=True)


def desc(host: Host, _request: mp.DescRequest) -> Answer:
    """OFPMP_DESC."""
    return mp.DescReply(software=SOFTWARE, datapath=host.name)


METER_FEATURES: Final = 11
TABLE_FEATURES: Final = 12
_ALL_BITS: Final = 0xFFFFFFFFFFFFFFFF


def table_features() -> bytes:
    """OFPMP_TABLE_FEATURES as a body: tables without names or limits (section 7.3.5.18).

    What each table can match and do is left out.  ovs-ofctl asks for this before it sends a flow,
    because flows may name tables.
    """
    return b"".join(
        struct.pack("!HBBI32xQQII", 64, number, 0, 0, _ALL_BITS, _ALL_BITS, 0, 1_000_000)
        for number in range(TABLE_COUNT)
    )


MULTIPART: Final[dict[type, Callable[[Any, Any], Answer]]] = {
    mp.DescRequest: desc,
    mp.FlowDescRequest: flows,
    mp.AggregateRequest: aggregate,
    mp.TableStatsRequest: tables,
    mp.TableDescRequest: table_desc,
    mp.PortDescRequest: port_desc,
    mp.PortStatsRequest: port_stats,
    mp.GroupDescRequest: group_desc,
    mp.GroupStatsRequest: group_stats,
    mp.GroupFeaturesRequest: group_features,
    mp.MeterDescRequest: meters,
    mp.MeterFeaturesRequest: meter_features,
}
