from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from switch_peer import PeerSwitch

from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.codec import Framer, decode, encode
from pyovn.wire.openflow.text import format_flow, format_flow_desc, parse_flow
from pyovn.wire.openflow.text_groups import format_group, parse_group_mod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.peers

GOLDEN = (Path(__file__).parent / "data" / "ovn-flows.txt").read_text().splitlines()
ACTIONS = (
    "output:NXM_NX_REG0[3..5]",
    "output(port=1,max_len=100)",
    "resubmit:3",
    "resubmit(3,40)",
    "set_queue:4,pop_queue",
    "set_field:0x1/0xff->reg0",
    "set_field:5->in_port,set_field:0x5/0xff->xxreg1,set_field:0x7->xreg1",
    "push:NXM_NX_REG0[1..4],pop:NXM_OF_IN_PORT[]",
    "set_field:0x1/0xff->tun_metadata0,set_field:0x1/0xffffff->tun_id,set_field:1.2.3.4->tun_dst",
    "move:NXM_NX_TUN_METADATA0[16..30]->NXM_NX_REG14[0..14],delete_field:tun_metadata0",
    "controller(reason=no_match,max_len=100,id=3,userdata=01.02.03,pause)",
    "CONTROLLER:100,NORMAL,LOCAL,IN_PORT,FLOOD,ALL",
    "check_pkt_larger(1500)->NXM_NX_REG0[3],exit",
    "note:01.02.03.04.05.06.07.00.00.00.00.00.00.00",
    "sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4)",
    "sample(probability=1,collector_set_id=2,obs_domain_id=3,obs_point_id=4,sampling_port=1,egress)",
    "write_metadata:0x5/0xff,goto_table:50",
    "output:1,clear_actions,write_actions(output:1)",
    "clone(output:1,clone(set_field:0x1->reg0,resubmit(,50)))",
    "conjunction(5,1/2),conjunction(6,64/64)",
    "ct_clear,push_vlan:0x8100,set_field:4101->vlan_vid,set_field:3->vlan_pcp,pop_vlan",
    "group:7,resubmit(,9)",
)
IP_ACTIONS = (
    "ct()",
    "ct(commit,force,table=3,zone=NXM_NX_REG0[0..15],nat(dst=1.2.3.4-1.2.3.5:30-40,persistent,hash))",
    "ct(commit,zone=5,nat(src=1.2.3.4-1.2.3.5,random),exec(set_field:0x1->ct_mark,set_field:0x5/0xf->ct_label))",
    "ct(table=4,nat),dec_ttl,dec_ttl(1,2)",
    "set_field:7->nw_ttl,set_field:1.2.3.4->ip_src,set_field:2->nw_ecn,set_field:8->nw_tos",
)
SOLICIT = "icmp_type=135,icmp_code=0"
MAC = "00:00:00:00:00:09"
MATCHES = (
    "dl_src=00:00:00:00:00:01/01:00:00:00:00:00,dl_dst=ff:ff:ff:ff:ff:ff,dl_type=0x88cc",
    f"icmp6,ipv6_src=fe80::/10,ipv6_dst=::1,ipv6_label=0x00005,nw_ttl=255,{SOLICIT},nd_target=::1,nd_sll={MAC}",
    "arp,arp_spa=10.0.0.0/8,arp_tpa=1.2.3.4,arp_op=1,arp_sha=00:00:00:00:00:01,arp_tha=00:00:00:00:00:02",
    "icmp6,icmp_type=136,icmp_code=0,nd_tll=00:00:00:00:00:00,nd_reserved=6,nd_options_type=2",
    "ip,nw_src=1.0.3.0/255.0.255.0,nw_proto=2,nw_tos=40,nw_ecn=2,nw_ttl=7,nw_frag=no",
    "ip,nw_frag=later",
    "ipv6,nw_frag=not_later",
    "ip,nw_frag=first",
    "ip,nw_frag=yes",
    "tcp,tp_src=0x50/0xfff0,tp_dst=80,tcp_flags=+syn-ack",
    "tcp6,tcp_flags=syn|ack",
    "udp,tp_dst=53",
    "udp6,tp_src=53",
    "sctp,tp_dst=3",
    "sctp6",
    "icmp,icmp_type=8,icmp_code=0",
    "rarp",
    "mpls,mpls_label=3,mpls_tc=1,mpls_ttl=5,mpls_bos=1",
    "dl_vlan=5,dl_vlan_pcp=3",
    "dl_vlan_pcp=3",
    "vlan_tci=0x0000/0x1fff",
    "vlan_tci=0x1000/0x1000",
    "pkt_mark=0x1,conj_id=5,ct_state=+new-est+trk,ct_zone=3,ct_mark=0x1/0x3,ct_label=0x1,reg0=0x1,reg3=0x2/0x3",
    "reg15=0x3,xreg4=0x500000006,tun_id=0x5,tun_src=1.1.1.1,tun_dst=2.2.2.2,tun_gbp_id=1,tun_gbp_flags=0x3",
    "tun_flags=+oam,tun_metadata0=0x5,metadata=0x4/0xff,in_port=1",
    "ct_state=0x21/0x21,in_port=LOCAL",
    "actset_output=4",
    "reg0=0/0x1,tun_metadata0=0x1/0xf",
)  # fmt: skip


@pytest.fixture(scope="module")
def switch(peer: Callable[[str], str]) -> Iterator[PeerSwitch]:
    # A socket's path is limited to 108 bytes, and pytest's directories are long.
    with tempfile.TemporaryDirectory(prefix="pyovn") as directory:
        found = PeerSwitch(peer, Path(directory))
        found.ofctl("add-tlv-map", "br", "{class=0x102,type=0x80,len=4}->tun_metadata0")
        found.ofctl("add-group", "br", "group_id=7,type=all,bucket=output:1")
        yield found
        found.stop()


class Connection:
    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.framer = Framer()
        self.waiting: list[bytes] = []
        self.socket.sendall(encode(ofp.Hello((6,)), 1))

    def receive(self) -> tuple[int, ofp.Message]:
        while not self.waiting:
            data = self.socket.recv(65536)
            assert data
            self.waiting = self.framer.feed(data)
        return decode(self.waiting.pop(0))

    def request(self, *messages: ofp.Message) -> list[ofp.Message]:
        """Send all, then a barrier; what comes before its answer."""
        data = [encode(message, 10 + n) for n, message in enumerate(messages)]
        self.socket.sendall(b"".join([*data, encode(ofp.BarrierRequest(), 9999)]))
        found: list[ofp.Message] = []
        while True:
            xid, message = self.receive()
            if xid == 9999:
                return found
            if not isinstance(message, ofp.Hello | ofp.EchoRequest):
                found.append(message)


@pytest.fixture
def connection(switch: PeerSwitch) -> Iterator[Connection]:
    found = Connection(switch.socket)
    found.request(ofp.FlowMod(ofp.DELETE, parse_flow("table=255")))
    yield found
    found.socket.close()


def dumped(connection: Connection) -> list[mp.FlowDesc]:
    replies = connection.request(mp.FlowDescRequest())
    return [desc for reply in replies if isinstance(reply, mp.FlowDescReply) for desc in reply.entries]


def test_a_bundle_of_ovns_flows_comes_back_as_it_was(switch: PeerSwitch, connection: Connection) -> None:
    flows = [parse_flow(line) for line in GOLDEN]
    flows = list({flow.key: flow for flow in flows}.values())
    replies = connection.request(
        ofp.BundleControl(5, ofp.BUNDLE_OPEN_REQUEST),
        *[ofp.BundleAdd(5, ofp.FlowMod(ofp.ADD, flow)) for flow in flows],
        ofp.BundleControl(5, ofp.BUNDLE_CLOSE_REQUEST),
        ofp.BundleControl(5, ofp.BUNDLE_COMMIT_REQUEST),
    )
    assert [getattr(reply, "type", reply) for reply in replies] == [1, 3, 5]
    descs = dumped(connection)
    assert {desc.flow.key: desc.flow for desc in descs} == {flow.key: flow for flow in flows}
    theirs = switch.ofctl("dump-flows", "--no-stats", "br").splitlines()
    assert sorted(theirs) == sorted([f" {format_flow_desc(desc, stats=False)}" for desc in descs])


@pytest.mark.parametrize(
    ("match", "actions"),
    [("", text) for text in ACTIONS]
    + [("ip", text) for text in IP_ACTIONS]
    + [(text, "drop") for text in MATCHES],
)
def test_text_and_bytes_agree_with_the_switch(
    switch: PeerSwitch, connection: Connection, match: str, actions: str
) -> None:
    text = f"table=40, {match + ' ' if match else ''}actions={actions}"
    flow = parse_flow(text)
    assert connection.request(ofp.FlowMod(ofp.ADD, flow)) == []
    assert switch.ofctl("dump-flows", "--no-stats", "br").splitlines() == [f" {format_flow(flow)}"]
    assert [desc.flow for desc in dumped(connection)] == [flow]
    connection.request(ofp.FlowMod(ofp.DELETE, parse_flow("table=255")))
    switch.ofctl("add-flow", "br", text)
    assert [format_flow(desc.flow) for desc in dumped(connection)] == [format_flow(flow)]


@pytest.mark.parametrize(
    "text",
    [
        "group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=output:1",
        "group_id=1,type=select,bucket=bucket_id:0,actions=drop,bucket=bucket_id:1,weight:50,actions=output:1",
        "group_id=1,type=select,bucket=bucket_id:0,actions=ct(commit,zone=5,nat(dst=1.2.3.4:80)),resubmit(,40)",
        "group_id=1,type=select,selection_method=hash,fields(eth_src,ip_src=255.255.0.0),bucket=bucket_id:0,actions=drop",
        "group_id=1,type=all,bucket=bucket_id:0,actions=output:1,bucket=bucket_id:1,actions=output:2",
        "group_id=1,type=indirect,bucket=bucket_id:0,actions=output:1",
        "group_id=1,type=ff,bucket=bucket_id:0,watch_port:2,actions=output:1",
    ],
)
def test_groups(switch: PeerSwitch, connection: Connection, text: str) -> None:
    mod = parse_group_mod(ofp.GROUP_ADD_OR_MODIFY, text)
    assert connection.request(mod) == []
    assert switch.ofctl("dump-groups", "br", "1").splitlines()[1:] == [f" {text}"]
    (reply,) = connection.request(mp.GroupDescRequest(1))
    assert isinstance(reply, mp.GroupDescReply)
    assert [format_group(entry) for entry in reply.entries] == [text]
    connection.request(ofp.GroupMod(ofp.GROUP_DELETE, mp.GroupEntry(1, 0)))


def test_every_multipart_that_the_switch_sends_is_understood(connection: Connection) -> None:
    replies = connection.request(
        mp.DescRequest(), mp.AggregateRequest(), mp.TableStatsRequest(), mp.PortStatsRequest(),
        mp.GroupStatsRequest(), mp.GroupDescRequest(), mp.GroupFeaturesRequest(), mp.MeterDescRequest(),
        mp.MeterFeaturesRequest(), mp.TableDescRequest(), mp.PortDescRequest(), ofp.TlvTableRequest(),
        ofp.FeaturesRequest(), ofp.GetConfigRequest(), ofp.RoleRequest(0), ofp.GetAsyncRequest(),
    )  # fmt: skip
    assert [type(reply).__name__.removesuffix("Reply") for reply in replies] == [
        "Desc", "Aggregate", "TableStats", "PortStats", "GroupStats", "GroupDesc", "GroupFeatures",
        "MeterDesc", "MeterFeatures",
        "TableDesc", "PortDesc", "TlvTable", "Features", "GetConfig", "Role", "GetAsync",
    ]  # fmt: skip
    ports = next(reply for reply in replies if isinstance(reply, mp.PortDescReply))
    assert {port.name: port.port for port in ports.entries} == {"br": 0xFFFE, "p1": 1, "p2": 2, "gen": 3}


def test_packets_to_and_from_the_controller(connection: Connection) -> None:
    frame = bytes.fromhex("50540000000150540000000288b5") + bytes(50)
    flow = parse_flow("in_port=1,actions=set_field:0x5->reg0,controller(userdata=01.02.03,pause),output:2")
    found = connection.request(
        ofp.SetPacketInFormat(ofp.PACKET_IN_NXT2),
        ofp.SetConfig(0, 0xFFFF),
        ofp.FlowMod(ofp.ADD, flow),
        ofp.PacketOut(parse_flow("actions=resubmit(,0)").actions, frame, in_port=1),
    )
    (packet,) = found or [connection.receive()[1]]
    assert isinstance(packet, ofp.PacketIn)
    assert packet.data == frame
    assert packet.userdata == b"\1\2\3"
    assert packet.metadata.exact("reg0") == 5
    assert packet.metadata.exact("in_port") == 1
    assert packet.continuation
    assert decode(encode(packet, 0))[1] == packet
    resumed = ofp.PacketIn(
        packet.data, packet.metadata, packet.userdata, continuation=packet.continuation, resume=True
    )
    assert connection.request(resumed) == []


def test_a_refusal_is_an_error_with_our_message(connection: Connection) -> None:
    (error,) = connection.request(ofp.FlowMod(ofp.ADD, parse_flow("actions=group:99")))
    assert isinstance(error, ofp.Error)
    assert (error.type, error.code) == (2, 9)
