"""OpenFlow 1.0, 1.3 and 1.4: what is sent comes back the same, and the bytes are those of Open vSwitch."""

from __future__ import annotations

import contextlib
from typing import Any

import openflow_strategies as of
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec import DIALECTS, CodecError, decode, encode, encode_reply
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import ANY, Match
from pyovn.wire.openflow.text import parse_actions, parse_flow, parse_match

VERSIONS = st.sampled_from(sorted(DIALECTS))
U16 = st.integers(0, 65535)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)

OVS_FLOW = (
    "table=3,reg0=5,tcp,tcp_dst=80,cookie=7,idle_timeout=60,actions=load:1->NXM_NX_REG0[],mod_tp_dst:80,"
    "set_field:02:00:00:00:00:01->eth_src,enqueue:1:2,resubmit(,4),output:1"
)
OVS_NXT_FLOW_MOD = (
    "010400a80000000a000023200000000d00000000000000070300003c00008000ffffffffffff0000001900000000000000000602"
    "080000000c0106000014020050000100040000000500000000000000ffff0018000023200007001f000100040000000000000001"
    "000a00080050000000040010020000000001000000000000000b0010000100000000000000000002ffff001000002320000efff8"
    "040000000000000800010000"
)
OVS_NXST_FLOW = (
    "011100f800000004ffff000000002320000000000000000000380000000000610f14794000000000000000000062006200000000"
    "000000000000000000000000000000000000000000000008fffa000000a803000000000002160ec08000003c0000001900010001"
    "00000000000000070000000000000000000000000000000000000602080000000c0106000014020050000100040000000500000000"
    "000000ffff0018000023200007001f000100040000000000000001000a00080050000000040010020000000001000000000000000b"
    "0010000100000000000000000002ffff001000002320000efff8040000000000000800010000"
)


def mod(text: str, command: int = ofp.ADD, **given: Any) -> ofp.FlowMod:
    return ofp.FlowMod(command, parse_flow(text), **given)


def settled(flow: Flow) -> Flow:
    return Flow(
        flow.table, flow.priority, flow.match, act.in_context(flow.actions, flow.match), flow.cookie,
        flow.idle_timeout, flow.hard_timeout,
    )  # fmt: skip


def test_the_flow_mod_of_open_vswitchs_ofctl_is_read() -> None:
    xid, message = decode(bytes.fromhex(OVS_NXT_FLOW_MOD))
    assert xid == 10
    assert isinstance(message, ofp.FlowMod)
    read = message.flow
    assert settled(read) == settled(parse_flow(OVS_FLOW))
    assert len(encode(message, 10, 1)) == len(OVS_NXT_FLOW_MOD) // 2


def test_the_flow_dump_of_open_vswitch_is_read() -> None:
    _, reply = decode(bytes.fromhex(OVS_NXST_FLOW))
    assert isinstance(reply, mp.FlowDescReply)
    normal, other = reply.entries
    assert normal.flow == Flow(0, 0, ANY, (act.Output(act.PORT_NORMAL),))
    assert (normal.idle_age, normal.duration // 10**9) == (0x61, 0x61)
    assert settled(other.flow) == settled(parse_flow(OVS_FLOW))


@given(of.flows, U64, VERSIONS)
@settings(max_examples=200, deadline=None)
def test_a_second_trip_changes_nothing(flow: Flow, mask: int, version: int) -> None:
    """A version may lose what it cannot say; what arrived once arrives again as it is."""
    try:
        wire = encode(ofp.FlowMod(ofp.DELETE, flow, mask), 7, version)
    except CodecError:
        assert version == 1  # meters and action sets
        return
    xid, message = decode(wire)
    assert xid == 7
    assert isinstance(message, ofp.FlowMod)
    assert message.flow.table == flow.table
    assert message.flow.priority == flow.priority
    again = decode(encode(message, 7, version))[1]
    assert again == message


@given(of.matches(), VERSIONS, st.integers(0, 2**40), U32)
@settings(max_examples=100, deadline=None)
def test_a_match_survives_in_every_version(match: Match, version: int, packets: int, seconds: int) -> None:
    desc = mp.FlowDesc(Flow(2, 5, match, parse_actions("output:2")), packets, 3 * packets, seconds * 10**9)
    kind = mp.FlowDescReplyNxt if version == 1 else mp.FlowDescReply
    (wire,) = encode_reply(kind, [desc], 3, version)
    reply = decode(wire)[1]
    assert isinstance(reply, mp.FlowDescReply)
    (read,) = reply.entries
    assert (read.flow, read.packets, read.bytes) == (desc.flow, packets, 3 * packets)
    assert read.duration == desc.duration


PLAIN_10 = (
    "", "in_port=3", "dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02", "dl_vlan=5",
    "dl_vlan=5,dl_vlan_pcp=3", "vlan_tci=0x0000/0x1fff", "dl_type=0x88cc",
    "ip,nw_src=10.0.0.0/8,nw_dst=1.2.3.4", "ip,nw_tos=32", "tcp,tp_src=1,tp_dst=2", "udp,tp_src=7",
    "icmp,icmp_type=8,icmp_code=0",
    "arp,arp_spa=1.2.3.4,arp_tpa=1.0.0.0/8,arp_op=2", "ip,nw_proto=50",
)  # fmt: skip


@pytest.mark.parametrize("text", PLAIN_10)
def test_what_10_can_say_goes_in_its_own_match(text: str) -> None:
    wire = encode(ofp.FlowMod(ofp.ADD, Flow(0, 9, parse_match(text), ())), 1, 1)
    assert wire[1] == 14
    message = decode(wire)[1]
    assert isinstance(message, ofp.FlowMod)
    assert message.flow.match == parse_match(text)


@pytest.mark.parametrize(
    "text", ["reg0=1", "tun_id=5", "tcp6,tp_dst=80", "dl_src=00:00:00:00:00:01/01:00:00:00:00:00"]
)
def test_what_10_cannot_say_goes_as_nxm(text: str) -> None:
    wire = encode(ofp.FlowMod(ofp.ADD, Flow(0, 9, parse_match(text), ())), 1, 1)
    assert (wire[1], wire[15]) == (4, 13)
    message = decode(wire)[1]
    assert isinstance(message, ofp.FlowMod)
    assert message.flow.match == parse_match(text)


def test_cookies_of_nxm_stand_in_the_match() -> None:
    message = mod("cookie=0x10,ip,actions=drop", ofp.DELETE, cookie_mask=0xF0)
    read = decode(encode(message, 1, 1))[1]
    assert isinstance(read, ofp.FlowMod)
    assert (read.flow.cookie, read.cookie_mask, read.flow.match) == (0x10, 0xF0, parse_match("ip"))
    request = mp.FlowDescRequest(mp.ALL_TABLES, parse_match("ip"), 5, 0xFFFFFFFFFFFFFFFF)
    again = decode(encode(request, 1, 1))[1]
    assert isinstance(again, mp.FlowDescRequestNxt)
    assert (again.cookie, again.cookie_mask, again.match) == (5, 0xFFFFFFFFFFFFFFFF, request.match)


def test_old_actions_get_their_meaning_from_the_match() -> None:
    read = decode(encode(mod("udp,actions=mod_tp_src:5,mod_vlan_vid:7,mod_vlan_pcp:1"), 1, 1))[1]
    assert isinstance(read, ofp.FlowMod)
    assert read.flow.actions == (
        *parse_actions("set_field:5->udp_src"), act.SetVlanVid(7, push=True), act.SetVlanPcp(1, push=False),
    )  # fmt: skip
    later = decode(encode(ofp.FlowMod(ofp.ADD, read.flow), 1, 6))[1]
    assert isinstance(later, ofp.FlowMod)
    assert later.flow.actions == parse_actions(
        "set_field:5->udp_src,push_vlan:0x8100,set_field:4103->vlan_vid,set_field:1->vlan_pcp"
    )


@pytest.mark.parametrize("version", sorted(DIALECTS))
@pytest.mark.parametrize(
    "error",
    [
        ofp.Error(2, 4, b"x"), ofp.Error(5, 3), ofp.Error(2, 9, b"abc"), ofp.Error(6, 8), ofp.Error(1, 6),
        ofp.Error(17, 13, b"y"),
        ofp.Error(0xFFFF, 20, b"", 0x2320),
    ],
)  # fmt: skip
def test_errors_mean_the_same_in_every_version(error: ofp.Error, version: int) -> None:
    read = decode(encode(error, 1, version))[1]
    if version == 1 and error.type == 17:  # 1.0 has no bundles, hence no word for what can go wrong with them
        assert read == ofp.Error(0xFFFF, 10, error.data, 0x2320)
    else:
        assert read == error


MESSAGES: list[ofp.Message] = [
    ofp.FeaturesReply(0xAA, 0, 254, 0, 0xC7, 0xFFF, (mp.PortDesc(1, "p1", 5, 0, 1),)),
    ofp.PortStatus(2, mp.PortDesc(0xFFFE, "br0", 5, 1, 1)),
    ofp.PortMod(1, 5, 1, 1),
    ofp.PacketOut(parse_actions("output:2"), b"data", 1),
    ofp.RoleRequest(ofp.ROLE_MASTER),
    ofp.BarrierRequest(),
    ofp.SetFlowFormat(2),
    ofp.FlowModTableId(on=True),
    ofp.GroupMod(0, mp.GroupEntry(3, 0, (mp.Bucket(parse_actions("output:2")),))),
    mp.GroupDescReply((mp.GroupEntry(3, 0, (mp.Bucket(parse_actions("load:1->NXM_NX_REG0[]")),)),)),
    mp.PortDescReply((mp.PortDesc(1, "p1", 5),)),
    mp.PortStatsReply((mp.PortStats(1, 0, 1, 2, 3, 4),)),
    mp.TableStatsReply((mp.TableStats(0, 1, 2, 3),)),
    mp.AggregateReply(1, 2, 3),
    mp.DescReply(datapath="x"),
]


@pytest.mark.parametrize("version", sorted(DIALECTS))
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_messages_come_back(message: ofp.Message, version: int) -> None:
    wire = encode(message, 9, version)
    once = decode(wire)[1]
    assert encode(once, 9, version) == wire
    if version == 1:
        assert type(once) is type(message)


@given(st.sampled_from(MESSAGES), VERSIONS, st.data())
@settings(max_examples=300, deadline=None)
def test_damage_is_an_error_and_nothing_else(message: ofp.Message, version: int, data: st.DataObject) -> None:
    wire = bytearray(encode(message, 9, version))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(8, len(wire) - 1)) if len(wire) > 8 else 1
        wire[at] = data.draw(st.integers(0, 255))
    cut = bytes(wire[: data.draw(st.integers(8, len(wire)))])
    cut = cut[:2] + len(cut).to_bytes(2, "big") + cut[4:]
    with contextlib.suppress(CodecError):
        decode(cut)
