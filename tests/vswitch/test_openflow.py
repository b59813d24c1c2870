from __future__ import annotations

import pytest
from of_client import Controller, add
from switch_kit import SwitchLab, frame

from pyovn.vswitch import errors
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import ANY
from pyovn.wire.openflow.text import format_flow, parse_actions, parse_flow

UDP = "udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,udp_src=5,udp_dst=6"


@pytest.fixture
def lab() -> SwitchLab:
    made = SwitchLab()
    made.add_bridge("br0", fail_mode="secure")
    for name in ("p1", "p2"):
        made.add_port("br0", name)
    return made


@pytest.fixture
def controller(lab: SwitchLab) -> Controller:
    return Controller(lab.runtime, f"unix:{lab.rundir}/br0.mgmt")


def flows(controller: Controller, table: int = mp.ALL_TABLES) -> list[str]:
    reply = controller.one(mp.FlowDescReply, mp.FlowDescRequest(table))
    return sorted(format_flow(entry.flow) for entry in reply.entries)


def delete(text: str = "", command: int = msg.DELETE, cookie_mask: int = 0) -> msg.FlowMod:
    flow = parse_flow(f"{text} actions=drop") if text else Flow(mp.ALL_TABLES, 0, ANY, ())
    return msg.FlowMod(command, flow, cookie_mask)


def test_a_controller_without_a_common_version_is_told_why_it_cannot_stay(lab: SwitchLab) -> None:
    lab.transact({"op": "update", "table": "Bridge", "where": [], "row": {"protocols": "OpenFlow15"}})
    old = Controller(lab.runtime, f"unix:{lab.rundir}/br0.mgmt", greet=False)
    old.raw(bytes.fromhex("0100000800000001"))
    error = old.inbox[-1][1]
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.HELLO_INCOMPATIBLE
    assert b"speaks OpenFlow15 only" in error.data
    assert old.closed


def test_features_echo_barrier_and_config(controller: Controller) -> None:
    features = controller.one(msg.FeaturesReply, msg.FeaturesRequest())
    assert features.datapath_id
    assert controller.ask(msg.EchoRequest(b"hi"), msg.BarrierRequest()) == [
        msg.EchoReply(b"hi"),
        msg.BarrierReply(),
    ]
    controller.ask(msg.SetConfig(0, 99))
    assert controller.one(msg.GetConfigReply, msg.GetConfigRequest()).miss_send_len == 99


def test_flow_mods(controller: Controller) -> None:
    controller.ask(
        add("table=1,cookie=0x11,priority=5,ip,actions=output:1"),
        add("table=1,cookie=0x12,priority=5,arp,actions=output:1"),
        add("table=2,cookie=0x13,actions=drop"),
    )
    assert len(flows(controller)) == 3
    assert len(flows(controller, 1)) == 2
    controller.ask(msg.FlowMod(msg.MODIFY, parse_flow("table=1,ip,actions=output:2")))
    assert any(flow.endswith("priority=5,ip actions=output:2") for flow in flows(controller, 1))
    assert controller.ask(delete("table=1,priority=4,ip", msg.DELETE_STRICT)) == []
    assert len(flows(controller)) == 3
    controller.ask(delete("table=1,priority=5,ip", msg.DELETE_STRICT))
    assert len(flows(controller)) == 2
    masked = parse_flow("cookie=0x12,table=1 actions=drop")
    controller.ask(msg.FlowMod(msg.DELETE, Flow(mp.ALL_TABLES, 0, ANY, (), cookie=masked.cookie), 0xFF))
    assert len(flows(controller)) == 1
    controller.ask(delete())
    assert flows(controller) == []


def test_adding_again_replaces_and_keeps_the_counters(lab: SwitchLab, controller: Controller) -> None:
    controller.ask(add("ip,actions=output:2"))
    lab.inject("p1", UDP)
    controller.ask(add("ip,cookie=9,actions=drop"))
    (entry,) = controller.one(mp.FlowDescReply, mp.FlowDescRequest()).entries
    assert (entry.flow.cookie, entry.packets, entry.flow.actions) == (9, 1, ())


def test_overlap_is_checked_when_asked_for(controller: Controller) -> None:
    controller.ask(add("priority=5,ip,actions=output:2"))
    (error,) = controller.ask(add("priority=5,check_overlap,in_port=1,actions=drop"))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.FLOW_OVERLAP


def test_an_error_carries_the_request(controller: Controller) -> None:
    (error,) = controller.ask(add("actions=group:7"))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.ACTION_BAD_OUT_GROUP
    assert error.data[1] == 14


def test_a_bundle_happens_as_a_whole(controller: Controller) -> None:
    controller.ask(add("table=9,actions=drop"))
    answers = controller.ask(
        msg.BundleControl(1, msg.BUNDLE_OPEN_REQUEST),
        msg.BundleAdd(1, delete()),
        msg.BundleAdd(1, add("table=1,actions=drop")),
        msg.BundleAdd(1, add("table=2,actions=drop")),
    )
    assert answers == [msg.BundleControl(1, msg.BUNDLE_OPEN_REPLY)]
    assert len(flows(controller)) == 1
    controller.ask(msg.BundleControl(1, msg.BUNDLE_COMMIT_REQUEST))
    reply = controller.one(mp.FlowDescReply, mp.FlowDescRequest())
    assert [entry.flow.table for entry in reply.entries] == [1, 2]


def test_a_bundle_that_fails_leaves_no_trace(controller: Controller) -> None:
    controller.ask(add("table=9,actions=drop"), add("table=8,cookie=5,actions=output:1"))
    before = flows(controller)
    answers = controller.ask(
        msg.BundleControl(1, msg.BUNDLE_OPEN_REQUEST),
        msg.BundleAdd(
            1, msg.GroupMod(msg.GROUP_ADD, mp.GroupEntry(3, 0, (mp.Bucket(parse_actions("output:1")),)))
        ),
        msg.BundleAdd(1, add("table=8,cookie=6,actions=group:3")),
        msg.BundleAdd(1, delete("table=9")),
        msg.BundleAdd(1, add("table=1,actions=group:7")),
        msg.BundleControl(1, msg.BUNDLE_COMMIT_REQUEST),
    )
    codes = [(e.type, e.code) for e in answers if isinstance(e, msg.Error)]
    assert codes == [errors.ACTION_BAD_OUT_GROUP, errors.BUNDLE_MESSAGE_FAILED]
    assert flows(controller) == before
    assert controller.one(mp.GroupDescReply, mp.GroupDescRequest()).entries == ()
    (error,) = controller.ask(msg.BundleControl(1, msg.BUNDLE_COMMIT_REQUEST))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.BUNDLE_BAD_ID


def test_groups(controller: Controller) -> None:
    bucket = mp.Bucket(parse_actions("output:2"), id=4)
    entry = mp.GroupEntry(3, 0, (bucket,))
    assert controller.ask(msg.GroupMod(msg.GROUP_ADD, entry), add("actions=group:3")) == []
    assert controller.one(mp.GroupDescReply, mp.GroupDescRequest()).entries == (entry,)
    (error,) = controller.ask(msg.GroupMod(msg.GROUP_ADD, entry))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.GROUP_EXISTS
    other = mp.GroupEntry(3, 0, (mp.Bucket(parse_actions("output:1"), id=5),))
    controller.ask(msg.GroupMod(msg.GROUP_INSERT_BUCKET, other, 0xFFFFFFFD))
    (now,) = controller.one(mp.GroupDescReply, mp.GroupDescRequest()).entries
    assert [b.id for b in now.buckets] == [5, 4]
    controller.ask(msg.GroupMod(msg.GROUP_REMOVE_BUCKET, mp.GroupEntry(3, 0), 4))
    (now,) = controller.one(mp.GroupDescReply, mp.GroupDescRequest()).entries
    assert [b.id for b in now.buckets] == [5]
    controller.ask(msg.GroupMod(msg.GROUP_DELETE, mp.GroupEntry(3, 0)))
    assert flows(controller) == []


def test_packets_in_and_out(lab: SwitchLab, controller: Controller) -> None:
    controller.ask(
        msg.SetConfig(0, 0xFFFF),
        msg.SetPacketInFormat(msg.PACKET_IN_NXT2),
        add("table=0,cookie=0x5,in_port=1,actions=set_field:7->reg3,controller(userdata=aa.bb)"),
    )
    controller.inbox.clear()
    lab.inject("p1", UDP)
    ((_, packet),) = controller.inbox
    assert isinstance(packet, msg.PacketIn)
    assert packet.data == frame(UDP)
    assert (packet.userdata, packet.cookie, packet.metadata.exact("reg3")) == (b"\xaa\xbb", 5, 7)
    assert packet.metadata.exact("in_port") == 1
    controller.ask(msg.PacketOut(parse_actions("output:2"), frame(UDP)))
    assert lab.got["p2"] == [frame(UDP)]


def test_a_controller_that_did_not_ask_gets_no_packets(lab: SwitchLab, controller: Controller) -> None:
    controller.ask(add("actions=controller"))
    lab.inject("p1", UDP)
    assert controller.inbox == []


def test_ports_and_their_changes(lab: SwitchLab, controller: Controller) -> None:
    entries = controller.one(mp.PortDescReply, mp.PortDescRequest()).entries
    assert [(p.port, p.name) for p in entries] == [(1, "p1"), (2, "p2"), (0xFFFE, "br0")]
    controller.ask(msg.SetConfig(0, 0xFFFF))
    controller.inbox.clear()
    lab.add_port("br0", "p3")
    lab.delete_port("br0", "p3")
    told = [(m.reason, m.desc.name) for _, m in controller.inbox if isinstance(m, msg.PortStatus)]
    assert told == [(msg.PORT_ADDED, "p3"), (msg.PORT_DELETED, "p3")]
    lab.inject("p1", UDP)
    stats = {s.port: s for s in controller.one(mp.PortStatsReply, mp.PortStatsRequest()).entries}
    assert stats[1].rx_packets == 1


def test_the_tlv_table(controller: Controller) -> None:
    mapping = msg.TlvMap(0x102, 0x80, 4, 0)
    assert controller.ask(msg.TlvTableMod(msg.TLV_ADD, (mapping,))) == []
    assert controller.one(msg.TlvTableReply, msg.TlvTableRequest()).maps == (mapping,)
    (error,) = controller.ask(msg.TlvTableMod(msg.TLV_ADD, (mapping,)))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code, error.vendor) == (0xFFFF, 20, 0x2320)


def test_only_one_master(lab: SwitchLab, controller: Controller) -> None:
    other = Controller(lab.runtime, f"unix:{lab.rundir}/br0.mgmt")
    controller.ask(msg.RoleRequest(msg.ROLE_MASTER, 5))
    assert other.one(msg.RoleReply, msg.RoleRequest(msg.ROLE_MASTER, 6)).role == msg.ROLE_MASTER
    (error,) = controller.ask(add("actions=drop"))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.REQUEST_IS_SLAVE
    (stale,) = controller.ask(msg.RoleRequest(msg.ROLE_MASTER, 4))
    assert isinstance(stale, msg.Error)
    assert (stale.type, stale.code) == errors.ROLE_STALE


def test_flows_time_out_and_tell(lab: SwitchLab, controller: Controller) -> None:
    controller.ask(
        msg.SetConfig(0, 0xFFFF),
        add("table=1,hard_timeout=5,send_flow_rem,actions=drop"),
        add("table=0,idle_timeout=3,actions=output:2"),
    )
    lab.runtime.advance(2.0)
    lab.inject("p1", UDP)
    lab.runtime.advance(2.0)
    assert len(flows(controller)) == 2
    controller.inbox.clear()
    lab.runtime.advance(4.0)
    removed = [m for _, m in controller.inbox if isinstance(m, msg.FlowRemoved)]
    assert [(m.desc.flow.table, m.reason) for m in removed] == [(1, 1)]
    assert flows(controller) == []


def test_garbage_ends_the_connection_and_nothing_else(lab: SwitchLab, controller: Controller) -> None:
    controller.raw(bytes.fromhex("060e000300000001"))
    assert controller.closed
    assert Controller(lab.runtime, f"unix:{lab.rundir}/br0.mgmt").ask(msg.BarrierRequest()) == [
        msg.BarrierReply()
    ]


def test_unknown_requests_are_refused(controller: Controller) -> None:
    controller.raw(bytes.fromhex("064d000800000009"))
    controller.raw(bytes.fromhex("0604001000000009000012340000000a"))
    codes = [(m.type, m.code) for _, m in controller.inbox if isinstance(m, msg.Error)]
    assert codes == [errors.REQUEST_BAD_TYPE, errors.REQUEST_BAD_EXPERIMENTER]
