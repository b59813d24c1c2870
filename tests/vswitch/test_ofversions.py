"""A bridge under OpenFlow 1.0, 1.3 and 1.4: what these versions mean differently from 1.5."""

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

UNENCODABLE = (errors.EXPERIMENTER, 10)
"""What Open vSwitch answers in 1.0 for errors that came with later versions."""

UDP = "udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,udp_src=5,udp_dst=6"


@pytest.fixture
def lab() -> SwitchLab:
    made = SwitchLab()
    made.add_bridge("br0", fail_mode="secure")
    for name in ("p1", "p2"):
        made.add_port("br0", name)
    return made


def controller(lab: SwitchLab, version: int) -> Controller:
    return Controller(lab.runtime, f"unix:{lab.rundir}/br0.mgmt", version=version)


def shown(client: Controller) -> list[str]:
    request = mp.FlowDescRequest()
    reply = client.one(mp.FlowDescReply, request)
    return sorted(format_flow(entry.flow) for entry in reply.entries)


@pytest.mark.parametrize("version", [1, 4, 5, 6])
def test_flows_go_in_and_come_out_in_every_version(lab: SwitchLab, version: int) -> None:
    client = controller(lab, version)
    if version == 1:
        client.ask(msg.FlowModTableId(on=True))
    text = "table=2,priority=7,tcp,reg0=0x5,actions=load:1->NXM_NX_REG1[0..7],ct(commit,zone=3),output:2"
    assert client.ask(add(text)) == []
    expected = [format_flow(parse_flow(text))]
    assert shown(client) == expected
    newest = controller(lab, 6)
    assert shown(newest) == expected


def test_without_table_ids_a_flow_of_10_goes_to_table_0_and_a_deletion_to_all(lab: SwitchLab) -> None:
    client, newest = controller(lab, 1), controller(lab, 6)
    client.ask(add("table=0,ip,actions=output:2"))
    newest.ask(add("table=5,ip,actions=output:2"))
    assert len(shown(newest)) == 2
    client.ask(msg.FlowMod(msg.DELETE, Flow(0, 0, ANY, ())))
    assert shown(newest) == []
    (error,) = client.ask(add("table=5,ip,actions=output:2"))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.FLOW_BAD_COMMAND


def test_a_modification_of_10_adds_what_is_not_there_and_sets_the_cookie(lab: SwitchLab) -> None:
    client = controller(lab, 1)
    modify = msg.FlowMod(msg.MODIFY, parse_flow("cookie=5,ip,actions=output:2"), modify_cookie=True)
    client.ask(modify)
    assert shown(client) == ["cookie=0x5, ip actions=output:2"]
    client.ask(msg.FlowMod(msg.MODIFY, parse_flow("cookie=6,ip,actions=output:1"), modify_cookie=True))
    assert shown(client) == ["cookie=0x6, ip actions=output:1"]
    newest = controller(lab, 6)
    newest.ask(msg.FlowMod(msg.MODIFY, parse_flow("arp,actions=output:1")))
    assert len(shown(newest)) == 1


def test_features_of_10_have_the_ports(lab: SwitchLab) -> None:
    reply = controller(lab, 1).one(msg.FeaturesReply, msg.FeaturesRequest())
    assert [port.name for port in reply.ports] == ["p1", "p2", "br0"]
    assert (reply.capabilities, reply.actions) == (0xC7, 0xFFF)


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        (msg.PACKET_IN_STANDARD, msg.PacketInStandard),
        (msg.PACKET_IN_NXT, msg.PacketInNxt),
        (msg.PACKET_IN_NXT2, msg.PacketIn),
    ],
)
def test_packet_ins_come_in_the_form_that_was_asked_for(lab: SwitchLab, wanted: int, kind: type) -> None:
    client = controller(lab, 1)
    client.ask(
        msg.SetConfig(0, 0xFFFF),
        msg.SetPacketInFormat(wanted),
        add("in_port=1,cookie=9,actions=load:7->NXM_NX_REG3[],controller"),
    )
    client.inbox.clear()
    lab.inject("p1", UDP)
    ((_, packet),) = client.inbox
    assert type(packet) is kind
    assert isinstance(packet, msg.PacketInStandard | msg.PacketIn)
    assert packet.data == frame(UDP)
    assert packet.metadata.exact("in_port") == 1
    if kind is not msg.PacketInStandard:
        assert packet.metadata.exact("reg3") == 7


@pytest.mark.parametrize(("nxm", "kind"), [(False, msg.FlowRemoved), (True, msg.FlowRemovedNxt)])
def test_removals_come_in_the_form_that_was_asked_for(lab: SwitchLab, nxm: bool, kind: type) -> None:
    client = controller(lab, 1)
    client.ask(msg.SetConfig(0, 0xFFFF), msg.SetFlowFormat(2 if nxm else 0))
    client.ask(add("ip,reg1=3,send_flow_rem,actions=drop"), msg.FlowMod(msg.DELETE, Flow(0, 0, ANY, ())))
    (removed,) = [m for _, m in client.inbox]
    assert type(removed) is kind
    assert isinstance(removed, msg.FlowRemoved)
    assert (removed.desc.flow.match.exact("reg1") == 3) is nxm


def test_old_vlan_actions_push_a_tag_where_there_is_none(lab: SwitchLab) -> None:
    client = controller(lab, 1)
    client.ask(add("actions=mod_vlan_vid:7,mod_vlan_pcp:3,output:2"))
    lab.inject("p1", UDP)
    assert lab.got["p2"][-1][12:16] == bytes.fromhex("81006007")
    lab.inject("p1", f"{UDP},vlan_tci=0x1005")
    assert lab.got["p2"][-1][12:18] == bytes.fromhex("810060070800")


@pytest.mark.parametrize(
    ("flow", "version", "code"),
    [
        ("actions=write_metadata:1,output:1", 1, UNENCODABLE),
        ("actions=group:77", 1, errors.ACTION_BAD_OUT_GROUP),
        ("actions=meter:3", 4, errors.METER_INVALID),
        ("actions=write_actions(output:1)", 4, errors.INSTRUCTION_UNSUPPORTED),
        ("ip,check_overlap,actions=drop", 1, errors.FLOW_OVERLAP),
    ],
)
def test_refusals_arrive_in_the_terms_of_the_version(
    lab: SwitchLab, flow: str, version: int, code: tuple[int, int]
) -> None:
    client = controller(lab, version)
    client.ask(add("in_port=1,actions=output:2"))
    (error,) = client.ask(add(flow))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == code


def test_meters_are_not_there_and_their_deletion_is_well(lab: SwitchLab) -> None:
    client = controller(lab, 4)
    assert client.ask(msg.MeterMod(2, mp.MeterEntry(0xFFFFFFFF, 0))) == []
    (error,) = client.ask(msg.MeterMod(0, mp.MeterEntry(1, 1)))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.METER_OUT_OF_METERS


def test_bundles_of_13_are_onfs_extension(lab: SwitchLab) -> None:
    client = controller(lab, 4)
    answers = client.ask(
        msg.BundleControl(1, msg.BUNDLE_OPEN_REQUEST),
        msg.BundleAdd(1, add("ip,actions=output:2")),
        msg.BundleControl(1, msg.BUNDLE_COMMIT_REQUEST),
    )
    assert [a.type for a in answers if isinstance(a, msg.BundleControl)] == [1, 5]
    assert shown(client) == ["ip actions=output:2"]


def test_groups_count_packets_and_references(lab: SwitchLab) -> None:
    client = controller(lab, 6)
    entry = mp.GroupEntry(3, 0, (mp.Bucket(parse_actions("output:2"), 4), mp.Bucket((), 5)))
    client.ask(msg.GroupMod(msg.GROUP_ADD, entry), add("in_port=1,actions=group:3"))
    for _ in range(3):
        lab.inject("p1", UDP)
    (stats,) = client.one(mp.GroupStatsReply, mp.GroupStatsRequest()).entries
    size = len(frame(UDP))
    assert (stats.ref_count, stats.packets, stats.bytes) == (1, 3, 3 * size)
    assert stats.buckets == ((3, 3 * size), (3, 3 * size))


def test_a_fast_failover_group_follows_a_watched_group(lab: SwitchLab) -> None:
    client = controller(lab, 6)
    lab.add_port("br0", "p3")
    watched = mp.GroupEntry(1, 3, (mp.Bucket(parse_actions("output:2"), 0, None, 2),))
    over = mp.GroupEntry(
        2, 3,
        (
            mp.Bucket(parse_actions("output:2"), 0, None, None, 1),
            mp.Bucket(parse_actions("output:3"), 1, None, 3),
        ),
    )  # fmt: skip
    client.ask(msg.GroupMod(0, watched), msg.GroupMod(0, over), add("in_port=1,actions=group:2"))
    lab.inject("p1", UDP)
    lab.switch.set_admin_state(["p2"], up=False)
    lab.inject("p1", UDP)
    assert [len(lab.got[name]) for name in ("p2", "p3")] == [1, 1]


@pytest.mark.parametrize("version", [1, 5, 6])
def test_a_monitor_is_told_what_is_there_and_what_happens(lab: SwitchLab, version: int) -> None:
    watcher, other = controller(lab, version), controller(lab, 6)
    other.ask(add("table=2,tcp,reg1=3,actions=output:1"), add("table=3,udp,actions=output:1"))
    flags = mp.MONITOR_INITIAL | mp.MONITOR_ADD | mp.MONITOR_DELETE | mp.MONITOR_MODIFY | mp.MONITOR_ACTIONS
    wanted = mp.FlowMonitor(7, flags, table=2)
    (first,) = watcher.one(mp.FlowMonitorReply, mp.FlowMonitorRequest((wanted,))).entries
    assert first.event == (mp.FLOW_ADDED if version == 1 else mp.FLOW_INITIAL)
    assert first.flow.match.exact("reg1") == 3
    (error,) = watcher.ask(mp.FlowMonitorRequest((wanted,)))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.MONITOR_EXISTS
    watcher.inbox.clear()
    other.ask(
        add("table=2,ip,actions=drop"),
        msg.FlowMod(msg.MODIFY, parse_flow("table=2,ip,actions=output:2")),
        msg.FlowMod(msg.DELETE, parse_flow("table=2,tcp,actions=drop")),
        add("table=3,ip,actions=drop"),
    )
    updates = [u for _, m in watcher.inbox if isinstance(m, mp.FlowMonitorReply) for u in m.entries]
    assert [u.event for u in updates] == [
        mp.FLOW_ADDED, mp.FLOW_MODIFIED, mp.FLOW_MODIFIED, mp.FLOW_DELETED,
    ]  # fmt: skip
    if version == 1:
        watcher.ask(msg.FlowModTableId(on=True))
    (abbreviated,) = watcher.one(mp.FlowMonitorReply, add("table=2,arp,actions=drop")).entries
    assert abbreviated.event == mp.FLOW_ABBREVIATED
    assert watcher.ask(msg.FlowMonitorCancel(7)) == []
    assert watcher.ask(add("table=2,arp,actions=output:1")) == []
    (error,) = watcher.ask(msg.FlowMonitorCancel(7))
    assert isinstance(error, msg.Error)
    assert (error.type, error.code) == errors.MONITOR_UNKNOWN
