"""Multipart requests and their answers (OpenFlow 1.5.1, section 7.3.5).

Each function takes the bridge and a request and returns the type of the reply with its entries, which
the codec cuts into as many messages as they need, or the reply itself.  Counters are brought up to date
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyovn.vswitch import errors
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowkey import UnknownFieldError, pack_match
from pyovn.vswitch.program import TABLE_COUNT
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.actions import PORT_LOCAL
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
    """OFPMP_FLOW_DESC, and NXST_FLOW, which is answered in its own form."""
    now = host.runtime.now()
    nxt = isinstance(request, mp.FlowDescRequestNxt)
    return mp.FlowDescReplyNxt if nxt else mp.FlowDescReply, [
        describe(rule, now) for rule in _selected(host, request)
    ]


def describe(rule: Rule, now: float) -> mp.FlowDesc:
    """A flow with its counters."""
    flow = Flow(
        rule.table, rule.priority, rule.match, rule.actions, rule.cookie, rule.idle_timeout,
        rule.hard_timeout, rule.flags, rule.importance,
    )  # fmt: skip
    # In milliseconds, which is what Open vSwitch's clock tells.
    duration = int((now - rule.created) * 1e3) * 1_000_000
    ages = (int(max(0.0, now - rule.used)), int(max(0.0, now - rule.modified)))
    return mp.FlowDesc(flow, rule.packets, rule.bytes, duration, *ages)


def aggregate(host: Host, request: mp.AggregateRequest) -> Answer:
    """OFPMP_AGGREGATE_STATS, and NXST_AGGREGATE."""
    rules = _selected(host, request)
    kind = mp.AggregateReplyNxt if isinstance(request, mp.AggregateRequestNxt) else mp.AggregateReply
    return kind(sum(r.packets for r in rules), sum(r.bytes for r in rules), len(rules))


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
            port.rx_dropped or None,
        )
        # Open vSwitch tells of the local port first.
        for port in sorted(_ports(host, request.port), key=lambda port: port.number != PORT_LOCAL)
    ]


def _groups(host: Host, number: int) -> list[SwitchGroup]:
    have = host.state.pipeline.groups
    return [have[n] for n in sorted(have) if number in {n, mp.ALL_GROUPS, mp.ANY_GROUP}]


def group_desc(host: Host, request: mp.GroupDescRequest) -> Answer:
    """OFPMP_GROUP_DESC."""
    return mp.GroupDescReply, [group.entry for group in _groups(host, request.group)]


def group_stats(host: Host, request: mp.GroupStatsRequest) -> Answer:
    """OFPMP_GROUP_STATS."""
    host.datapath.collect()
    now = host.runtime.now()
    used = host.state.group_references()
    return mp.GroupStatsReply, [
        mp.GroupStats(
            g.id, used.get(g.id, 0), g.packets, g.bytes, int((now - g.created) * 1e9),
            tuple((bucket.packets, bucket.bytes) for bucket in g.buckets),
        )
        for g in _groups(host, request.group)
    ]  # fmt: skip


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
    return mp.DescReply(software=SOFTWARE, serial=host.serial, datapath=host.description)


METER_FEATURES: Final = 11
METER_STATS: Final = 9
TABLE_FEATURES: Final = 12
MULTIPART: Final[dict[type, Callable[[Any, Any], Answer]]] = {
    mp.DescRequest: desc,
    mp.FlowDescRequest: flows,
    mp.AggregateRequest: aggregate,
    mp.FlowDescRequestNxt: flows,
    mp.AggregateRequestNxt: aggregate,
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
