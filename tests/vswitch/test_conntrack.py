from __future__ import annotations

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from switch_kit import FlowLab, frame

PIPELINE = (
    "table=0,ip,actions=ct(table=1,zone=NXM_NX_REG9[])",
    "table=1,priority=10,ct_state=+trk+inv,actions=output:4",
    "table=1,priority=9,ct_state=+trk+rel,actions=output:3",
    (
        "table=1,ct_state=+trk+new,udp,in_port=1,actions=ct(commit,zone=NXM_NX_REG9[],exec(set_field:7->ct_mark,"
        "set_field:0x99->ct_label)),output:2"
    ),
    "table=1,ct_state=+trk+new,tcp,in_port=1,actions=ct(commit),output:2",
    "table=1,ct_state=+trk+new,icmp,in_port=1,actions=ct(commit),output:2",
    "table=1,ct_state=+trk+est-rpl,actions=output:2",
    "table=1,ct_state=+trk+est+rpl,actions=output:1",
)
THERE = "udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,udp_src=5,udp_dst=6"
BACK = "udp,nw_src=10.0.0.2,nw_dst=10.0.0.1,udp_src=6,udp_dst=5"


def test_a_connection_is_established_by_its_answer() -> None:
    lab = FlowLab(*PIPELINE)
    assert lab.outs(2, BACK) == []
    assert lab.outs(1, THERE) == [2]
    assert len(lab.datapath.tracker.connections) == 2
    assert lab.outs(2, BACK) == [1]
    assert lab.outs(1, THERE) == [2]
    (connection,) = set(lab.datapath.tracker.connections.values())
    assert (connection.mark, connection.label, connection.replied) == (7, 0x99, True)


def test_a_connection_ends_after_its_timeout() -> None:
    lab = FlowLab(*PIPELINE)
    lab.outs(1, THERE)
    lab.outs(2, BACK)
    lab.time = 59.0
    assert lab.outs(2, BACK) == [1]
    lab.time = 200.0
    assert lab.outs(2, BACK) == []


def test_zones_do_not_know_each_other() -> None:
    lab = FlowLab(
        "table=0,in_port=1,udp,actions=ct(commit,zone=1),output:2",
        "table=0,in_port=2,udp,actions=ct(table=1,zone=2)",
        "table=1,ct_state=+new,actions=output:3",
        "table=1,ct_state=+est,actions=output:1",
    )
    lab.outs(1, THERE)
    assert lab.outs(2, BACK) == [3]


def test_mark_and_original_tuple_can_be_matched() -> None:
    lab = FlowLab(
        *PIPELINE[:3],
        "table=1,ct_state=+trk+new,in_port=1,actions=ct(commit,exec(set_field:7->ct_mark)),output:2",
        "table=1,ct_state=+trk+est,ct_mark=7,udp,ct_nw_src=10.0.0.1,ct_tp_dst=6,actions=output:1",
    )
    lab.outs(1, THERE)
    assert lab.outs(2, BACK) == [1]


def test_a_fork_leaves_the_rest_untracked() -> None:
    lab = FlowLab(
        "table=0,ip,actions=ct(table=1),resubmit(,2)",
        "table=1,ct_state=+trk,actions=output:2",
        "table=2,ct_state=0/0x20,actions=output:3",
    )
    assert lab.outs(1, THERE) == [2, 3]


def test_registers_and_headers_survive_tracking() -> None:
    lab = FlowLab(
        "table=0,ip,actions=set_field:5->reg3,set_field:00:00:00:00:00:42->eth_dst,ct(table=1)",
        "table=1,reg3=5,dl_dst=00:00:00:00:00:42,actions=output:2",
    )
    sent = lab.send(1, frame(THERE))
    assert [(n, d[:6].hex()) for n, d in sent] == [(2, "000000000042")]


def test_tcp_and_icmp() -> None:
    lab = FlowLab(*PIPELINE)
    syn = bytes(Ether() / IP(src="1.1.1.1", dst="2.2.2.2") / TCP(sport=1, dport=2, flags="S"))
    ack = bytes(Ether() / IP(src="2.2.2.2", dst="1.1.1.1") / TCP(sport=2, dport=1, flags="SA"))
    assert [n for n, _ in lab.send(2, ack)] == [4]
    assert [n for n, _ in lab.send(1, syn)] == [2]
    assert [n for n, _ in lab.send(2, ack)] == [1]
    ping = Ether() / IP(src="1.1.1.1", dst="2.2.2.2") / ICMP(type=8, id=77)
    pong = Ether() / IP(src="2.2.2.2", dst="1.1.1.1") / ICMP(type=0, id=77)
    assert [n for n, _ in lab.send(2, bytes(pong))] == [4]
    assert [n for n, _ in lab.send(1, bytes(ping))] == [2]
    assert [n for n, _ in lab.send(2, bytes(pong))] == [1]


def test_an_error_about_a_connection_is_related() -> None:
    lab = FlowLab(*PIPELINE)
    inner = IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=5, dport=6)
    error = bytes(Ether() / IP(src="10.0.0.9", dst="10.0.0.1") / ICMP(type=3, code=1) / bytes(inner)[:28])
    assert [n for n, _ in lab.send(2, error)] == [4]
    lab.outs(1, THERE)
    assert [n for n, _ in lab.send(2, error)] == [3]


def test_flushing_a_zone() -> None:
    lab = FlowLab(*PIPELINE)
    lab.outs(1, THERE)
    lab.datapath.tracker.flush(3)
    assert lab.datapath.tracker.connections
    lab.datapath.tracker.flush(0)
    assert not lab.datapath.tracker.connections
