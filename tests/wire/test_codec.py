from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import openflow_strategies as of
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec import CodecError, Framer, decode, encode, encode_reply
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import ANY, Match
from pyovn.wire.openflow.text import parse_flow

GOLDEN = [
    parse_flow(line) for line in (Path(__file__).parent / "data" / "ovn-flows.txt").read_text().splitlines()
]

U16 = st.integers(0, 65535)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
DATA = st.binary(max_size=40)
IN_PORT = FIELDS["in_port"]
NAME = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=15)
PORT = st.integers(1, 0xFEFF) | st.just(0xFFFE)
MASKS = st.lists(st.tuples(st.integers(0, 11), U32), max_size=4).map(tuple)

buckets = st.builds(mp.Bucket, of.simple_lists, U32, st.none() | U16, st.none() | PORT, st.none() | U32)
groups = st.builds(mp.GroupEntry, U32, st.integers(0, 3), st.lists(buckets, max_size=3).map(tuple)) | st.just(
    mp.GroupEntry(5, 1, (), "hash", 7, (("ip_src", 0xFFFF0000), ("tcp_src", 0xFFFF)))
)
bands = st.builds(mp.MeterBand, st.just(1), U32, U32)
meters = st.builds(mp.MeterEntry, U32, U16, st.lists(bands, max_size=2).map(tuple))
ports = st.builds(mp.PortDesc, PORT, NAME, st.integers(0, 2**48 - 1), U32, U32, U32, U32, U32, U32, U32, U32)
tlvs = st.lists(
    st.builds(ofp.TlvMap, U16, st.integers(0, 255), st.integers(0, 124), st.integers(0, 63)), max_size=3
)
descs = st.builds(mp.FlowDesc, of.flows, U64, U64, st.integers(0, 2**61), st.none() | U32)
removed = st.builds(
    mp.FlowDesc,
    st.builds(Flow, of.TABLES, U16, of.matches(), st.just(()), U64, U16, U16),
    U64,
    U64,
    st.integers(0, 2**61),
    st.none() | U32,
)
flow_mods = st.builds(ofp.FlowMod, st.integers(0, 4), of.flows, U64, U32, PORT | st.just(0xFFFF), U32)


def replies(kind: type, entries: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, st.lists(entries, max_size=3).map(tuple), st.booleans())


def counters(count: int) -> list[st.SearchStrategy[int | None]]:
    return [st.none() | st.integers(0, 2**63)] * count


MESSAGES: dict[str, st.SearchStrategy[Any]] = {
    "hello": st.builds(ofp.Hello, st.sets(st.integers(1, 40), min_size=1).map(sorted).map(tuple)),
    "error": st.builds(ofp.Error, st.integers(0, 20), U16, DATA)
    | st.builds(ofp.Error, st.just(0xFFFF), U16, DATA, U32),
    "echo": st.builds(ofp.EchoRequest, DATA) | st.builds(ofp.EchoReply, DATA),
    "features": st.builds(ofp.FeaturesReply, U64, U32, st.integers(0, 255), st.integers(0, 255), U32),
    "config": st.builds(ofp.SetConfig, U16, U16) | st.builds(ofp.GetConfigReply, U16, U16),
    "empty": st.sampled_from(
        [
            ofp.FeaturesRequest(),
            ofp.GetConfigRequest(),
            ofp.BarrierRequest(),
            ofp.BarrierReply(),
            ofp.GetAsyncRequest(),
            ofp.TlvTableRequest(),
            mp.DescRequest(),
            mp.TableStatsRequest(),
            mp.TableDescRequest(),
            mp.GroupFeaturesRequest(),
            mp.GroupFeaturesReply(),
            mp.MeterFeaturesRequest(),
            mp.MeterFeaturesReply(1, 2, 3, 4, 5),
        ]
    ),
    "flow_mod": flow_mods,
    "flow_removed": st.builds(ofp.FlowRemoved, removed, st.integers(0, 5)),
    "group_mod": st.builds(ofp.GroupMod, st.sampled_from([0, 1, 2, 3, 5, 0x8000]), groups, U32),
    "meter_mod": st.builds(ofp.MeterMod, st.integers(0, 2), meters),
    "packet_out": st.builds(
        ofp.PacketOut,
        of.simple_lists,
        DATA,
        PORT,
        of.matches().map(lambda match: match.without([IN_PORT])),
    ),
    "packet_in": st.builds(
        ofp.PacketIn,
        DATA,
        of.matches(),
        DATA,
        st.integers(0, 255),
        U64,
        st.integers(0, 5),
        DATA,
        st.none() | U32,
        U32,
        st.booleans(),
    ),
    "packet_in_standard": st.builds(
        ofp.PacketInStandard, DATA, of.matches(), U16, st.integers(0, 255), st.integers(0, 255), U64
    ),
    "port_status": st.builds(ofp.PortStatus, st.integers(0, 2), ports),
    "port_mod": st.builds(ofp.PortMod, PORT, st.integers(0, 2**48 - 1), U32, U32, U32),
    "role": st.builds(ofp.RoleRequest, st.integers(0, 3), U64)
    | st.builds(ofp.RoleReply, st.integers(0, 3), U64),
    "async": st.builds(ofp.GetAsyncReply, MASKS) | st.builds(ofp.SetAsync, MASKS, st.booleans()),
    "bundle": st.builds(ofp.BundleControl, U32, st.integers(0, 7), st.integers(0, 3))
    | st.builds(ofp.BundleAdd, U32, flow_mods, st.integers(0, 3)),
    "tlv": st.builds(ofp.TlvTableMod, st.integers(0, 2), tlvs.map(tuple))
    | st.builds(ofp.TlvTableReply, tlvs.map(tuple), U32, U16),
    "nicira": st.builds(ofp.SetPacketInFormat, U32)
    | st.builds(ofp.SetControllerId, U16)
    | st.builds(ofp.CtFlushZone, U16),
    "table_mod": st.builds(ofp.TableMod, st.integers(0, 255), U32),
    "unknown": st.builds(ofp.Experimenter, st.integers(0, 0x2000), U32, DATA)
    | st.builds(ofp.Raw, st.just(30), DATA),
    "desc": st.builds(mp.DescReply, NAME, NAME, NAME, NAME, NAME),
    "flow_desc": replies(mp.FlowDescReply, descs),
    "flow_request": st.builds(mp.FlowDescRequest, of.TABLES, of.matches(), U64, U64, PORT, U32)
    | st.builds(mp.AggregateRequest, of.TABLES, of.matches(), U64, U64, PORT, U32),
    "aggregate": st.builds(mp.AggregateReply, U64, U64, U32),
    "tables": replies(mp.TableStatsReply, st.builds(mp.TableStats, st.integers(0, 254), U32, U64, U64))
    | replies(mp.TableDescReply, st.builds(mp.TableDesc, st.integers(0, 254), U32)),
    "ports": replies(mp.PortDescReply, ports)
    | replies(mp.PortStatsReply, st.builds(mp.PortStats, PORT, st.integers(0, 2**61), *counters(8)))
    | st.builds(mp.PortDescRequest, PORT)
    | st.builds(mp.PortStatsRequest, PORT),
    "groups": replies(mp.GroupDescReply, groups)
    | replies(
        mp.GroupStatsReply,
        st.builds(
            mp.GroupStats,
            U32,
            U32,
            U64,
            U64,
            st.integers(0, 2**61),
            st.lists(st.tuples(U64, U64), max_size=2).map(tuple),
        ),
    )
    | st.builds(mp.GroupDescRequest, U32)
    | st.builds(mp.GroupStatsRequest, U32),
    "meters": replies(mp.MeterDescReply, meters) | st.builds(mp.MeterDescRequest, U32),
    "raw multipart": st.builds(mp.RawMultipart, st.just(5), DATA, st.booleans(), st.integers(0, 1)),
}


@pytest.mark.parametrize("name", MESSAGES)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), xid=U32)
def test_every_message_survives_the_wire(name: str, data: st.DataObject, xid: int) -> None:
    message = data.draw(MESSAGES[name])
    wire = encode(message, xid)
    assert int.from_bytes(wire[2:4], "big") == len(wire)
    assert decode(wire) == (xid, message)


@settings(max_examples=150, deadline=None)
@given(st.one_of(list(MESSAGES.values())), st.data())
def test_damaged_input_is_a_message_or_a_codec_error(message: Any, data: st.DataObject) -> None:
    wire = bytearray(encode(message, 1))
    for _ in range(data.draw(st.integers(0, 3))):
        wire[data.draw(st.integers(4, len(wire) - 1)) if len(wire) > 8 else 7] = data.draw(
            st.integers(0, 255)
        )
    cut = bytes(wire[: data.draw(st.integers(0, len(wire)))])
    if len(cut) >= 4:
        cut = cut[:2] + len(cut).to_bytes(2, "big") + cut[4:]
    with contextlib.suppress(CodecError):
        decode(cut)


@settings(max_examples=50, deadline=None)
@given(st.lists(flow_mods, max_size=4), st.integers(1, 50))
def test_framing_does_not_depend_on_the_cuts(mods: list[ofp.FlowMod], step: int) -> None:
    messages = [encode(mod, xid) for xid, mod in enumerate(mods)]
    stream = b"".join(messages)
    framer = Framer()
    found = [each for i in range(0, len(stream), step) for each in framer.feed(stream[i : i + step])]
    assert found == messages


def test_a_length_below_the_header_stops_the_framer() -> None:
    with pytest.raises(CodecError):
        Framer().feed(b"\6\0\0\7\0\0\0\0")


def test_the_flows_of_an_ovn_deployment_survive_the_wire() -> None:
    for xid, flow in enumerate(GOLDEN):
        assert decode(encode(ofp.FlowMod(ofp.ADD, flow), xid)) == (xid, ofp.FlowMod(ofp.ADD, flow))


def test_a_long_reply_is_split_and_says_so() -> None:
    entries = [mp.FlowDesc(Flow(0, n, Match.of({"reg0": n}), (act.Output(n),))) for n in range(2000)]
    parts = encode_reply(mp.FlowDescReply, entries, 9)
    assert len(parts) > 1
    assert all(len(part) <= 0xFFFF for part in parts)
    decoded = [decode(part)[1] for part in parts]
    assert [reply.more for reply in decoded if isinstance(reply, mp.FlowDescReply)] == [True] * (
        len(parts) - 1
    ) + [False]
    assert [e for reply in decoded if isinstance(reply, mp.FlowDescReply) for e in reply.entries] == entries
    assert [decode(part)[1] for part in encode_reply(mp.FlowDescReply, [], 9)] == [mp.FlowDescReply(())]


def test_hostile_nesting_is_an_error_not_a_crash() -> None:
    body = b""
    while len(body) < 60000:
        body = b"\xff\xff" + (16 + len(body)).to_bytes(2, "big") + b"\0\0\x23\x20\0\x2a" + bytes(6) + body
    head = encode(ofp.FlowMod(ofp.ADD, Flow(0, 0, ANY, ())), 1)
    wire = head + b"\0\4" + (8 + len(body)).to_bytes(2, "big") + bytes(4) + body
    with pytest.raises(CodecError):
        decode(wire[:2] + len(wire).to_bytes(2, "big") + wire[4:])


def test_errors_carry_what_a_switch_answers() -> None:
    wire = bytearray(encode(ofp.FlowMod(ofp.ADD, Flow(0, 0, Match.of({"reg0": 1}), ())), 1))
    wire[54] = 0xFE  # the field's number
    with pytest.raises(CodecError) as caught:
        decode(bytes(wire))
    assert (caught.value.error_type, caught.value.code) == (4, 6)


def test_versions_without_a_dialect_negotiate_and_stay_raw() -> None:
    assert decode(b"\1\0\0\x08\0\0\0\1") == (1, ofp.Hello((1,)))
    assert decode(b"\3\5\0\x08\0\0\0\1") == (1, ofp.Raw(5, b"", 3))


def test_what_cannot_be_carried_is_refused() -> None:
    refused: list[tuple[act.Action, ...]] = [
        (act.SetField(FIELDS["reg0"], 1 << 40),),
        (act.Clone((act.GotoTable(1),)),),
    ]
    for actions in refused:
        with pytest.raises(CodecError):
            encode(ofp.FlowMod(ofp.ADD, Flow(0, 0, ANY, actions)), 1)
    with pytest.raises(CodecError):
        encode(ofp.EchoRequest(bytes(70000)), 1)


def test_other_controllers_spellings_are_understood() -> None:
    head = encode(ofp.FlowMod(ofp.ADD, Flow(0, 0, ANY, ())), 1)
    load = bytes.fromhex("ffff0018000023200007" + "00c2" + "00010004" + "0000000000000005")
    move = bytes.fromhex("ffff0018000023200006" + "0010" + "0000" + "0008" + "00010004" + "00010204")
    resubmit = bytes.fromhex("ffff0010000023200001" + "0003" + "00000000")
    ttl = bytes.fromhex("0017000840000000")
    body = load + move + resubmit + ttl
    wire = head + b"\0\4" + (8 + len(body)).to_bytes(2, "big") + bytes(4) + body
    _, message = decode(wire[:2] + len(wire).to_bytes(2, "big") + wire[4:])
    assert isinstance(message, ofp.FlowMod)
    reg0, reg1 = (act.Subfield.whole(name).field for name in ("reg0", "reg1"))
    assert message.flow.actions == (
        act.SetField(reg0, 5 << 3, 7 << 3),
        act.Move(act.Subfield(reg0, 0, 16), act.Subfield(reg1, 8, 16)),
        act.Resubmit(None, 3),
        act.SetField(act.Subfield.whole("nw_ttl").field, 0x40),
    )


def test_os_ken_reads_the_same() -> None:
    parser = pytest.importorskip("os_ken.ofproto.ofproto_v1_5_parser")
    proto = pytest.importorskip("os_ken.ofproto.ofproto_v1_5")
    protocol = pytest.importorskip("os_ken.ofproto.ofproto_protocol")
    base = pytest.importorskip("os_ken.ofproto.ofproto_parser")
    datapath = protocol.ProtocolDesc(version=6)

    def theirs(message: Any) -> Any:
        wire = encode(message, 7)
        return base.msg(datapath, 6, wire[1], len(wire), 7, wire)

    flow = parse_flow(
        "table=3,priority=7,tcp,nw_src=10.0.0.0/8,tp_dst=80,metadata=5,actions=set_field:1->metadata,output:3"
    )
    mod = parser.OFPFlowMod(
        datapath, table_id=3, priority=7,
        match=parser.OFPMatch(
            eth_type=0x800, ip_proto=6, metadata=5, ipv4_src=("10.0.0.0", "255.0.0.0"), tcp_dst=80
        ),
        instructions=[
            parser.OFPInstructionActions(
                4, [parser.OFPActionSetField(metadata=1), parser.OFPActionOutput(3, 0)]
            )
        ],
    )  # fmt: skip
    mod.set_xid(1)
    mod.serialize()
    assert decode(bytes(mod.buf)) == (
        1,
        ofp.FlowMod(
            ofp.ADD, flow, out_port=0, out_group=0, buffer_id=proto.OFP_NO_BUFFER
        ),
    )  # fmt: skip
    features = theirs(ofp.FeaturesReply(0x1234, 1, 254, 0, 0x4F))
    assert (features.datapath_id, features.n_tables, features.capabilities) == (0x1234, 254, 0x4F)
    ports = theirs(mp.PortDescReply((mp.PortDesc(1, "eth0", 5, 0, 4, 1, 2, 3, 4, 100, 200),)))
    assert [(p.port_no, p.name, p.state, p.properties[0].max_speed) for p in ports.body] == [
        (1, b"eth0", 4, 200)
    ]
    groups = theirs(mp.GroupDescReply((mp.GroupEntry(9, 1, (mp.Bucket((act.Output(1),), 3, 50),)),)))
    assert [
        (g.group_id, g.type, g.buckets[0].bucket_id, g.buckets[0].actions[0].port) for g in groups.body
    ] == [(9, 1, 3, 1)]
    aggregate = theirs(mp.AggregateReply(5, 6, 7))
    assert aggregate.body.stats["packet_count"] == 5
