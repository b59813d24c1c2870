from __future__ import annotations

import pytest
from switch_kit import OVN_FLOWS, FlowLab, frame

from pyovn.vswitch import errors
from pyovn.vswitch.compose import parse_datapath_flow
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowkey import SLOTS
from pyovn.vswitch.flowmods import Changes, FlowState
from pyovn.vswitch.normal import Learning
from pyovn.vswitch.packetflow import extract
from pyovn.vswitch.pipeline import Pipeline
from pyovn.vswitch.ports import SwitchPort
from pyovn.vswitch.program import compile_actions
from pyovn.vswitch.trace import trace_match
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.actions import Output
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import ANY
from pyovn.wire.openflow.text import parse_actions, parse_match

UDP = (
    "udp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,"
    "udp_src=5,udp_dst=6"
)


def test_output_and_drop() -> None:
    lab = FlowLab("in_port=1,actions=output:2,output:3", "in_port=2,actions=drop")
    assert lab.outs(1, UDP) == [2, 3]
    assert lab.outs(2, UDP) == []
    assert lab.outs(3, UDP) == []


def test_nothing_goes_back_unless_in_port_says_so() -> None:
    lab = FlowLab(
        "in_port=1,actions=output:1,output:2",
        "in_port=2,actions=in_port",
        "in_port=3,actions=set_field:ANY->in_port,output:3",
        "in_port=4,actions=set_field:0->in_port,output:4",
    )
    assert [lab.outs(n, UDP) for n in range(1, 5)] == [[2], [2], [3], [4]]


def test_changes_after_an_output_do_not_touch_what_was_sent() -> None:
    lab = FlowLab("ip,actions=output:2,set_field:00:00:00:00:00:99->eth_src,output:3,dec_ttl,output:4")
    sent = lab.send(1, frame(UDP))
    assert [number for number, _ in sent] == [2, 3, 4]
    keys = [extract(data) for _, data in sent]
    assert [SLOTS["eth_src"].read(k) for k in keys] == [1, 0x99, 0x99]
    assert [SLOTS["ip_ttl"].read(k) for k in keys] == [64, 64, 63]


def test_push_pop_move_and_clone() -> None:
    lab = FlowLab(
        "table=0,actions=set_field:0x7->reg0,push:NXM_NX_REG0[],clone(set_field:9->reg0,resubmit(,1)),"
        "resubmit(,1),set_field:1->reg0,pop:NXM_NX_REG0[],move:NXM_NX_REG0[0..2]->NXM_NX_REG1[29..31],resubmit(,2)",
        "table=1,reg0=9,actions=output:2",
        "table=1,reg0=7,actions=output:3",
        "table=2,reg0=7,reg1=0xe0000000,actions=output:4",
    )
    assert lab.outs(1, UDP) == [2, 3, 4]


def test_resubmit_with_a_port_looks_up_as_if_it_came_from_there() -> None:
    lab = FlowLab(
        "table=0,in_port=1,actions=resubmit(3,)", "table=0,in_port=3,actions=output:3,output:1,output:2"
    )
    assert lab.outs(1, UDP) == [2, 3]


def test_recursion_ends_at_the_limits() -> None:
    lab = FlowLab("actions=output:2,resubmit(,0)")
    assert len(lab.send(1, frame(UDP))) == 65
    wide = FlowLab(*(f"table={n},actions=output:2,resubmit(,{n + 1}),resubmit(,{n + 1})" for n in range(20)))
    assert 1000 < len(wide.send(1, frame(UDP))) <= 4097


def test_vlan_tags_are_pushed_and_popped() -> None:
    lab = FlowLab(
        "in_port=1,actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2,push_vlan:0x8100,output:3,pop_vlan,"
        "pop_vlan,output:4"
    )
    data = frame(UDP)
    out = dict(lab.send(1, data))
    assert out[2][12:18].hex() == "810000050800"
    assert out[3][12:22].hex() == "81000000810000050800"
    assert out[4] == data


def test_dec_ttl_to_zero_tells_the_controller_and_ends_this_list_only() -> None:
    lab = FlowLab("table=0,ip,actions=resubmit(,1),output:3", "table=1,ip,actions=dec_ttl,output:2")
    assert lab.outs(1, UDP) == [2, 3]
    assert lab.outs(1, UDP.replace("nw_ttl=64", "nw_ttl=1")) == [3]
    assert [step.action.reason for step, *_ in lab.packet_ins] == [2]


def test_groups_all_select_and_failover() -> None:
    lab = FlowLab()
    actions = [parse_actions(f"output:{n}") for n in (2, 3)]

    def group(number: int, kind: int) -> msg.GroupMod:
        buckets = tuple(mp.Bucket(a, id=i, weight=1, watch_port=i + 2) for i, a in enumerate(actions))
        return msg.GroupMod(msg.GROUP_ADD, mp.GroupEntry(number, kind, buckets))

    for number, kind in ((1, 0), (2, 1), (3, 3)):
        lab.state.group_mod(group(number, kind), Changes())
    lab.add(*(f"in_port={n},actions=group:{g}" for n, g in ((1, 1), (4, 2), (3, 3))))
    assert lab.outs(1, UDP) == [2, 3]
    assert lab.outs(3, UDP) == [2]
    assert {tuple(lab.outs(4, UDP.replace("udp_src=5", f"udp_src={n}"))) for n in range(20)} == {(2,), (3,)}
    lab.pipeline.ports[2].up = False
    lab.pipeline.ports[2].settle()
    lab.datapath.invalidate()
    assert lab.outs(3, UDP) == []
    assert {tuple(lab.outs(4, UDP.replace("udp_src=5", f"udp_src={n}"))) for n in range(20)} == {(3,)}
    with pytest.raises(OpenFlowError) as caught:
        lab.add("in_port=2,actions=group:9")
    assert caught.value.code == errors.ACTION_BAD_OUT_GROUP


def test_a_packet_through_a_patch_port_starts_afresh() -> None:
    lab = FlowLab("in_port=1,actions=set_field:5->reg0,set_field:7->metadata,output:4,resubmit(,1)")
    lab.add("table=1,reg0=5,actions=output:2")
    other = Pipeline("other", 2, Learning())
    there = SwitchPort(other, 9, "patch", "patch")
    other.ports[9] = there
    far = lab.port(8, other)
    assert far.pipeline is other
    lab.pipeline.ports[4].peer = there
    state = FlowState(other, lambda: 0.0)
    lab.add("in_port=9,reg0=0,metadata=0,actions=set_field:00:00:00:00:00:77->eth_src,output:8", state=state)
    sent = dict(lab.send(1, frame(UDP)))
    assert sorted(sent) == [2, 8]
    assert sent[8][6:12].hex() == "000000000077"
    assert sent[2] == frame(UDP)


def test_normal_learns_and_floods() -> None:
    lab = FlowLab("actions=normal")
    there = "dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02"
    back = "dl_src=00:00:00:00:00:02,dl_dst=00:00:00:00:00:01"
    assert lab.outs(1, there) == [2, 3, 4]
    assert lab.outs(2, back) == [1]
    assert lab.outs(1, there) == [2]
    assert lab.outs(3, back) == [1]
    assert lab.outs(1, there) == [3]
    lab.time = 1000.0
    assert lab.pipeline.fdb.expire(lab.time)
    lab.datapath.invalidate()
    assert lab.outs(1, there) == [2, 3, 4]


def test_normal_keeps_vlans_apart() -> None:
    lab = FlowLab("actions=normal")
    lab.pipeline.ports[1].tag = 5
    lab.pipeline.ports[2].tag = 5
    lab.pipeline.ports[3].tag = 6
    sent = dict(lab.send(1, frame(UDP)))
    assert sorted(sent) == [2, 4]
    assert sent[2] == frame(UDP)
    assert sent[4][12:18].hex() == "810000050800"


def test_the_cache_serves_only_packets_that_agree_where_it_looked() -> None:
    lab = FlowLab(
        "table=0,priority=5,udp,udp_dst=7,actions=output:2",
        "table=0,priority=1,actions=output:3",
    )
    assert lab.outs(1, UDP) == [3]
    assert lab.outs(1, UDP.replace("udp_dst=6", "udp_dst=7")) == [2]
    assert lab.outs(1, UDP.replace("udp_src=5", "udp_src=9")) == [3]
    assert lab.datapath.hits == 1
    lab.delete("table=0,udp")
    assert lab.outs(1, UDP.replace("udp_dst=6", "udp_dst=7")) == [3]


def test_counters_are_exact_with_and_without_the_cache() -> None:
    lab = FlowLab(
        "table=0,actions=resubmit(,1)", "table=1,udp,actions=output:2", "table=1,priority=1,actions=drop"
    )
    for _ in range(3):
        lab.outs(1, UDP)
    lab.outs(1, UDP.replace("udp,", "tcp,").replace("udp_", "tcp_"))
    lab.datapath.collect()
    lab.datapath.collect()
    counts = {(t.number, r.priority): r.packets for t in lab.pipeline.tables if t for r in t}
    assert counts == {(0, 32768): 4, (1, 32768): 3, (1, 1): 1}


def test_a_packet_that_is_sent_while_another_is_processed_waits() -> None:
    lab = FlowLab("in_port=1,actions=output:2,output:3", "in_port=2,actions=output:4")
    order: list[int] = []

    def bounce(data: bytes, _key: int) -> None:
        order.append(2)
        lab.datapath.receive(lab.pipeline.ports[2], data)

    lab.pipeline.ports[2].transmit = bounce
    lab.pipeline.ports[3].transmit = lambda _d, _k: order.append(3)
    lab.pipeline.ports[4].transmit = lambda _d, _k: order.append(4)
    lab.send(1, frame(UDP))
    assert order == [2, 3, 4]


def test_a_packet_out_runs_the_tables() -> None:
    lab = FlowLab("reg0=3,in_port=controller,actions=output:2")
    program = compile_actions(parse_actions("set_field:3->reg0,resubmit(,0)"), None)
    lab.datapath.execute(lab.pipeline, program, 0xFFFD, frame(UDP), 0)
    assert [n for n, _ in lab.sent] == [2]


def test_a_paused_packet_goes_on_where_it_stopped() -> None:
    lab = FlowLab(
        "table=0,actions=resubmit(,1),output:4",
        "table=1,actions=controller(userdata=01,pause),resubmit(,2)",
        "table=2,reg1=1,actions=output:2",
        "table=2,priority=1,actions=output:3",
    )
    assert lab.outs(1, UDP) == []
    _, data, key, continuation = lab.packet_ins[0]
    assert lab.datapath.resume(
        continuation, data, key & ~SLOTS["reg1"].mask & SLOTS["in_port"].mask | 1 << SLOTS["reg1"].offset
    )
    assert sorted(n for n, _ in lab.sent) == [2, 4]
    assert not lab.datapath.resume(continuation, data, 0)


@pytest.mark.parametrize(
    ("flow", "code"),
    [
        ("actions=set_field:1.2.3.4->ip_src", errors.ACTION_MATCH_INCONSISTENT),
        ("ip,actions=ct(commit,nat(src=1.2.3.4))", errors.ACTION_BAD_ARGUMENT),
        ("actions=output:65535", errors.ACTION_BAD_OUT_PORT),
        ("table=3,actions=goto_table:2", errors.INSTRUCTION_BAD_TABLE),
    ],
)
def test_what_cannot_be_done_is_refused_when_it_is_installed(flow: str, code: tuple[int, int]) -> None:
    lab = FlowLab()
    with pytest.raises(OpenFlowError) as caught:
        lab.add(flow)
    assert caught.value.code == code
    assert not any(t and len(t) for t in lab.pipeline.tables)


def test_ovns_pipeline_delivers() -> None:
    lab = FlowLab(*OVN_FLOWS.read_text().splitlines())
    ping = "icmp,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:03,nw_ttl=64,icmp_type=8"
    assert lab.outs(2, ping) == [3]
    arp = "arp,dl_src=00:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp_op=1,arp_sha=00:00:00:00:00:01"
    assert lab.outs(2, f"{arp},arp_tpa=10.0.0.2") == [1, 3]
    assert lab.outs(2, ping.replace("dl_src=00:00:00:00:00:01", "dl_src=00:00:00:00:00:09")) == []


def test_a_trace_reads_like_the_pipeline() -> None:
    lab = FlowLab(
        "table=0,in_port=1,actions=set_field:0x5->reg0,resubmit(,1),output:2",
        "table=1,reg0=0x5,cookie=0x77,actions=resubmit(,2),output:3",
    )
    text = trace_match(lab.pipeline, parse_match("in_port=1,dl_src=00:00:00:00:00:01"))
    assert text.splitlines()[2:17] == [
        'bridge("br")',
        "------------",
        " 0. in_port=1, priority 32768",
        "    set_field:0x5->reg0",
        "    resubmit(,1)",
        "     1. reg0=0x5, priority 32768, cookie 0x77",
        "            resubmit(,2)",
        "             2. No match.",
        "                    drop",
        "            output:3",
        "    output:2",
        "",
        (
            "Final flow: reg0=0x5,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:01,"
            "dl_dst=00:00:00:00:00:00,dl_type=0x0000"
        ),
        "Megaflow: recirc_id=0,eth,in_port=1,dl_type=0x0000",
        "Datapath actions: 3,2",
    ]


def test_the_datapaths_notation_is_read() -> None:
    key = parse_datapath_flow(
        "in_port(1),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x8100),vlan(vid=5,pcp=1),"
        "encap(eth_type(0x0800),ipv4(src=1.2.3.4,dst=5.6.7.8,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2))"
    )
    assert SLOTS["vlan_tci"].read(key) == 0x3005
    assert SLOTS["tp_dst"].read(key) == 2
    assert SLOTS["eth_type"].read(key) == 0x0800


def test_output_actions_of_a_flow_are_found() -> None:
    lab = FlowLab("in_port=1,actions=clone(output:3)", "in_port=2,actions=output:2")
    mod = msg.FlowMod(msg.DELETE, msg_flow(), out_port=3)
    lab.state.flow_mod(mod, Changes())
    table = lab.pipeline.tables[0]
    assert table is not None
    assert [r.actions for r in table] == [(Output(2),)]


def msg_flow() -> Flow:
    return Flow(0xFF, 0, ANY, ())
