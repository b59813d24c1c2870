from __future__ import annotations

import re
from pathlib import Path

import openflow_strategies as of
import pytest
from hypothesis import given, settings

from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.fields import FIELDS, FieldError
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import ANY, Match
from pyovn.wire.openflow.text import (
    TextError,
    format_actions,
    format_flow,
    format_flow_desc,
    format_match,
    parse_actions,
    parse_flow,
    parse_flow_text,
    parse_match,
    parse_subfield,
)
from pyovn.wire.openflow.text_groups import format_group, parse_group
from pyovn.wire.openflow.text_messages import format_error, format_port_desc, format_request, format_tables

GOLDEN = (Path(__file__).parent / "data" / "ovn-flows.txt").read_text().splitlines()


def test_the_dump_of_an_ovn_deployment_is_printed_as_it_was() -> None:
    for line in GOLDEN:
        flow = parse_flow(line)
        printed = format_flow(flow, show_table=True)
        assert (printed if flow.cookie else f"cookie=0x0, {printed}") == line


@settings(max_examples=150, deadline=None)
@given(of.flows)
def test_printed_actions_parse_to_themselves(flow: Flow) -> None:
    # ovs-ofctl has no text for these two: a pause with no reason to print, and an empty list in clone.
    assert parse_actions(format_actions(flow.actions)) == flow.actions


@settings(max_examples=100, deadline=None)
@given(of.matches())
def test_printed_matches_parse_to_themselves(match: Match) -> None:
    if match.missing_prerequisite() is None and match.get("packet_type") is None:
        assert parse_match(format_match(match)) == match


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("load:5->NXM_NX_REG0[]", "set_field:0x5->reg0"),
        ("load:1->NXM_NX_REG0[3]", "set_field:0x8/0x8->reg0"),
        ("load:0xffff->NXM_OF_IN_PORT[]", "set_field:ANY->in_port"),
        ("load:5->NXM_NX_XXREG0[0..127]", "set_field:0x5->xxreg0"),
        ("enqueue:3:2", "enqueue:3:2"),
        ("resubmit(in_port,4)", "resubmit(,4)"),
        ("controller", "CONTROLLER:65535"),
        ("controller(max_len=100)", "CONTROLLER:100"),
        ("controller(pause,meter_id=5,userdata=00.11)", "controller(userdata=00.11,pause,meter_id=5)"),
        ("ct", "ct()"),
        ("ct(commit,nat(dst=[::1]-[::3]:5))", "ct(commit,nat(dst=[::1]-[::3]:5))"),
        ("ct(commit,nat(src=::1))", "ct(commit,nat(src=::1))"),
        ("note:01.02.03", "note:01.02.03.00.00.00"),
        ("note:", "note:00.00.00.00.00.00"),
        ("1,LOCAL, normal", "output:1,LOCAL,NORMAL"),
        ("mod_nw_src:1.1.1.1,mod_nw_tos:4", "set_field:1.1.1.1->ip_src,set_field:1->ip_dscp"),
        ("set_tunnel:5", "set_field:0x5->tun_id"),
        ("move:reg0[0..3]->reg1[4..7]", "move:NXM_NX_REG0[0..3]->NXM_NX_REG1[4..7]"),
        ("strip_vlan", "pop_vlan"),
        ("clone(ct_clear,exit)", "clone(ct_clear,exit)"),
        ("drop", "drop"),
    ],
)
def test_spellings_of_actions(text: str, canonical: str) -> None:
    assert format_actions(parse_actions(text)) == canonical
    assert format_actions(parse_actions(canonical)) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("dl_type=0x0800,nw_proto=6,tcp_src=4", "tcp,tp_src=4"),
        ("arp,nw_proto=2,nw_src=1.2.3.4", "arp,arp_spa=1.2.3.4,arp_op=2"),
        ("tp_dst=80,udp", "udp,tp_dst=80"),
        ("icmp6,icmp_type=135,icmp_code=0,nd_target=::1", "icmp6,icmp_type=135,icmp_code=0,nd_target=::1"),
        ("xxreg0=5", "reg0=0,reg1=0,reg2=0,reg3=0x5"),
        ("vlan_vid=0x1005/0x1fff", "dl_vlan=5"),
        ("dl_vlan=0xffff", "vlan_tci=0x0000/0x1fff"),
        ("vlan_tci=0x5005/0xffff", "dl_vlan=5,dl_vlan_pcp=2"),
        ("ip,nw_src=1.2.3.4/0.0.0.0", "ip"),
        ("ip,nw_src=1.2.3.4/255.0.255.0", "ip,nw_src=1.0.3.0/255.0.255.0"),
        ("ct_state=0x1/0x1", "ct_state=+new"),
        ("ct_state=0x21", "ct_state=new|trk"),
        ("tcp,tcp_flags=0x100/0x300", "tcp,tcp_flags=+ns-[200]"),
        ("in_port=65534", "in_port=LOCAL"),
        ("in_port=0xfffffffe", "in_port=LOCAL"),
        ("packet_type=(1,0x800)", "packet_type=(1,0x800)"),
        ("ip,ip_dscp=10", "ip,nw_tos=40"),
        ("eth", ""),
    ],
)
def test_spellings_of_matches(text: str, canonical: str) -> None:
    assert format_match(parse_match(text)) == canonical
    assert parse_match(canonical) == parse_match(text)


def test_actions_that_are_not_served_are_named() -> None:
    for text in ("learn(table=1)", "dec_mpls_ttl", "push_mpls:0x8847", "encap(ethernet)", "decap()"):
        name = re.split("[(:]", text)[0]
        with pytest.raises(TextError, match=rf"^action {name} is Open vSwitch's and not served yet$"):
            parse_actions(text)
    with pytest.raises(TextError, match=r"^unknown action lern$"):
        parse_actions("lern(table=1)")


@pytest.mark.parametrize(
    "text",
    [
        "foo=1", "nonsense", "reg0=zz", "reg0=0x1ffffffff", "ct_state=+foo", "ip,nw_src=1.2.3.900",
        "nw_src=1.2.3.4", "ip,nw_frag=5", "dl_src=1:2:3", "in_port=x", "reg0=1,reg0=2", "nw_proto=1/3,ip",
        "ip,nw_src=1.2.3.4/33", "(", "packet_type=5",
    ],
)  # fmt: skip
def test_bad_matches_are_refused(text: str) -> None:
    with pytest.raises((TextError, FieldError)):
        parse_match(text)


@pytest.mark.parametrize(
    "text",
    [
        "frobnicate", "foo:1", "output:x", "drop,output:1", "set_field:1->nope", "set_field:1",
        "set_field:6->eth_type", "move:NXM_NX_REG0[]->NXM_NX_REG1[0..3]", "push:NXM_NX_REG0[5..99]",
        "push:NXM_NX_REG0[", "conjunction(1,3/2)", "ct(foo)", "ct(nat(foo))",
        "ct(commit,nat(src=1.2.3.4:x))", "controller(foo=1)", "controller(reason=x)", "note:0",
        "resubmit(,1,x)", "check_pkt_larger(1)", "clone(output:1", "clone(output:1))",
    ],
)  # fmt: skip
def test_bad_actions_are_refused(text: str) -> None:
    with pytest.raises((TextError, FieldError)):
        parse_actions(text)


def test_flows_with_everything() -> None:
    text = (
        "cookie=0x1, table=3, idle_timeout=5, hard_timeout=9, send_flow_rem check_overlap reset_counts "
        "no_packet_counts no_byte_counts importance=7, priority=4,in_port=1 actions=drop"
    )
    flow = parse_flow(text)
    assert format_flow(flow) == text
    assert flow.key == (3, 4, Match.of({"in_port": 1}))
    desc = mp.FlowDesc(flow, 10, 640, 1_234_567_890, 3)
    assert format_flow_desc(desc) == (
        "cookie=0x1, duration=1.234s, table=3, n_packets=10, n_bytes=640, idle_timeout=5, hard_timeout=9, "
        "send_flow_rem check_overlap reset_counts no_packet_counts no_byte_counts importance=7, idle_age=3, "
        "priority=4,in_port=1 actions=drop"
    )
    assert format_flow(Flow(0, 0x8000, ANY, ())) == "actions=drop"
    with pytest.raises(TextError):
        parse_flow("table=256,actions=drop")
    with pytest.raises(TextError):
        parse_flow_text("in_port=1", need_actions=True)


def test_what_only_commands_read() -> None:
    text = parse_flow_text("table=4,cookie=5/-1,out_port=LOCAL,out_group=9,ip")
    assert (text.cookie_mask, text.out_port, text.out_group, text.table_given) == (2**64 - 1, 0xFFFE, 9, True)
    assert not text.has_actions


def test_port_names() -> None:
    flow = parse_flow('in_port="vm-1" actions=output:vm-1,resubmit(vm-1,3)', {"vm-1": 5})
    assert flow == parse_flow("in_port=5 actions=output:5,resubmit(5,3)")
    assert format_flow(flow, {5: "vm-1"}) == 'in_port="vm-1" actions=output:"vm-1",resubmit("vm-1",3)'


def test_subfields() -> None:
    assert parse_subfield("NXM_NX_REG0[]") == parse_subfield("reg0") == act.Subfield(FIELDS["reg0"], 0, 32)
    assert parse_subfield("reg0[7]") == act.Subfield(FIELDS["reg0"], 7, 1)


def test_groups() -> None:
    text = "group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=output:1"
    assert format_group(parse_group(text)) == text
    assert parse_group("group_id=1,type=all,bucket=output:1,bucket=actions=2") == mp.GroupEntry(
        1, 0, (mp.Bucket((act.Output(1),), 0), mp.Bucket((act.Output(2),), 1))
    )
    for bad in ("type=all", "group_id=1,type=x", "group_id=1,foo=2"):
        with pytest.raises(TextError):
            parse_group(bad)


def test_messages_about_refusals() -> None:
    assert format_error(ofp.Error(2, 9)) == "OFPBAC_BAD_OUT_GROUP"
    assert format_error(ofp.Error(17, 13)) == "OFPBFC_MSG_FAILED"
    assert format_error(ofp.Error(77, 1)) == "type 77, code 1"
    mod = ofp.FlowMod(ofp.ADD, parse_flow("priority=3,table=2,cookie=1,idle_timeout=4,in_port=1,actions=4"))
    assert format_request(mod, 6) == (
        "OFPT_FLOW_MOD (OF1.5) (xid=0x6): ADD table:2 priority=3,in_port=1 cookie:0x1 idle:4 actions=output:4"
    )


def test_ports_and_tables() -> None:
    port = mp.PortDesc(1, "eth0", 0x0A0000000001, 1, 1, 0x20 | 1 << 11, 0, 0, 0, 1_000_000, 1_000_000)
    assert format_port_desc(port).splitlines() == [
        " 1(eth0): addr:0a:00:00:00:00:01",
        "     config:     PORT_DOWN",
        "     state:      LINK_DOWN",
        "     current:    1GB-FD COPPER",
        "     speed: 1000 Mbps now, 1000 Mbps max",
    ]
    tables = [mp.TableStats(0, 1, 2, 3), mp.TableStats(1), mp.TableStats(2), mp.TableStats(3)]
    assert format_tables(tables)[-1] == "  tables 2...3: ditto"
