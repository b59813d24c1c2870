"""Reading and printing actions, their errors, and what they demand of a packet."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from pyovn.logical.actions import (
    NOT_SERVED,
    RESULTS,
    STATEMENTS,
    EncodeContext,
    encode_actions,
    format_actions,
    parse_actions,
    prerequisites,
)
from pyovn.logical.actions_controller import Code, code_of, userdata
from pyovn.logical.ast import format_expr
from pyovn.logical.errors import ActionError, NotServedError
from pyovn.ovn.stages import PROFILE_2603
from pyovn.wire.openflow.actions import Ct, Resubmit

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", "drop;"),
        (" /* nothing */ ", "drop;"),
        ("drop;", "drop;"),
        ("next( 5 );", "next(5);"),
        ("next(table=5);", "next(5);"),
        ("next(table=5, pipeline=egress);", "next(pipeline=egress, table=5);"),
        ("next(pipeline=ingress);", "next(pipeline=ingress);"),
        ("clone { };", "clone { drop; };"),
        ("clone {output;next;};", "clone { output; next; };"),
        ("ct_commit { };", "ct_commit;"),
        ("ct_lb();", "ct_lb;"),
        ("ct_snat(10.0.0.1,1-30000);", "ct_snat(10.0.0.1,1-30000);"),
        ("log(verdict=drop);", "log(verdict=drop, severity=info);"),
        ("reg0[0]=1;", "reg0[0] = 1;"),
        ("eth.dst[40] = 1; // multicast", "eth.dst[40] = 1;"),
        ("outport = inport;", "outport = inport;"),
        ("ip.ttl--;", "ip.ttl--;"),
        ("handle_bfd_msg();", "handle_bfd_msg();"),
        ("icmp4 {eth.dst <-> eth.src; output;};", "icmp4 { eth.dst <-> eth.src; output; };"),
        ("tcp_reset { };", "tcp_reset { drop; };"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    actions = parse_actions(text)
    assert format_actions(actions) == canonical
    assert parse_actions(canonical) == actions


def test_what_is_read_is_printed_and_read_again() -> None:
    served = 0
    for name in ("handwritten", "handwritten2"):
        for case in msgspec.json.decode((DATA / f"{name}.json").read_bytes()):
            try:
                actions = parse_actions(case["actions"])
            except ActionError:
                continue
            served += 1
            assert parse_actions(format_actions(actions)) == actions
    assert served > 150


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("next", r"expecting `;' \(character 5, at the end\)"),
        ("next; drop;", r"must be the only action \(character 7"),
        ("drop; next;", r"expecting nothing after `drop;' \(character 7"),
        ("next(;", r"expecting a table's number"),
        ("next(pipeline=up);", r"expecting ingress or egress"),
        ("frobnicate;", r"frobnicate is no action and no field \(character 1"),
        ("reg0 = frobnicate();", r"frobnicate is no function and no field \(character 8"),
        ("reg0 = 0x100000000;", r"does not fit the 32 bits of reg0 \(character 8"),
        ("reg0 = reg1[0..3];", r"reg0 has 32 bits and reg1\[0..3\] 4"),
        ("reg0 = inport;", r"different types"),
        ("inport = 5;", r"a string field"),
        ('reg0 = "p1";', r"an integer field"),
        ("eth.type = 5;", r"eth.type is read-only \(character 1"),
        ("ip4 = 1;", r"ip4 is a predicate"),
        ("ip.ttl <-> ip.proto;", r"ip.proto is read-only \(character 12"),
        ("ip.ttl = 1/1;", r"only be set as a whole"),
        ("ct_mark = 1;", r"can only be set within ct_commit"),
        ("ct_commit { reg0 = 1; };", r"cannot be set within ct_commit"),
        ("ct_commit { next; };", r"can only contain assignments"),
        ("ct_commit { ct_commit { }; };", r"cannot contain ct_commit"),
        ("reg0 = check_in_port_sec();", r"gives one bit, and reg0 has 32"),
        ("reg0[0] = lookup_fdb(inport);", r"expecting `,'"),
        ("reg0[0] = lookup_fdb(inport, ip4.src);", r"a field of 48 bits"),
        ("put_fdb(eth.src, eth.src);", r"eth.src holds no port"),
        ("reg0 = get_fdb(eth.dst);", r"get_fdb gives a port"),
        ("reg0[0] <-> check_in_port_sec();", r"assigned by `='"),
        ("set_queue(61441);", r"at most 61440"),
        ("log();", r"needs a verdict"),
        ("log(verdict=perhaps);", r"expecting verdict: allow, drop, reject"),
        ("log(name=5);", r"a quoted string"),
        ("ct_snat(10.0.0.0/8);", r"without a mask"),
        ("ct_snat(10.0.0.1,0);", r"between 1 and 65535"),
        ("ct_snat(7);", r"an IPv4 or IPv6 address"),
        ("clone { next;", r"expecting `}'"),
        ("next; }", r"expecting an action"),
        ("5;", r"expecting an action"),
        ("reg0;", r"expecting `=' or `<->'"),
        ("clone {" * 20 + "};" * 20, r"nested too deeply"),
    ],
)
def test_errors_name_place_and_expectation(text: str, message: str) -> None:
    with pytest.raises(ActionError, match=message):
        parse_actions(text)


@pytest.mark.parametrize("name", sorted(NOT_SERVED))
def test_documented_actions_that_are_missing_say_so(name: str) -> None:
    assert name not in STATEMENTS
    assert name not in RESULTS
    for text in (f"{name};", f"next; {name} {{ next; }};", f"{name}(5);"):
        with pytest.raises(ActionError, match=rf"action {name} is not served yet \(character"):
            parse_actions(text)


@pytest.mark.parametrize(
    ("text", "printed", "name"),
    [
        ("reg0[3] = put_dhcp_opts(offerip=10.0.0.2,router={10.0.0.1,10.0.0.3});",
         "reg0[3] = put_dhcp_opts(offerip = 10.0.0.2, router = {10.0.0.1, 10.0.0.3});", "put_dhcp_opts"),
        ("reg0[3] = put_dhcpv6_opts();", "", "put_dhcpv6_opts"),
        ('reg0[3] = put_nd_ra_opts(addr_mode = "slaac", slla = 00:00:00:00:10:02, prefix = fd00::/64);', "",
         "put_nd_ra_opts"),
        ("ct_lb_mark(backends=[fd00::1],10.0.0.1:0,);", "ct_lb_mark(backends=fd00::1,10.0.0.1);",
         "ct_lb_mark with backends"),
        ('ct_lb(backends=[fd00::1]:80 ; hash_fields="ip_dst" ; skip_snat);',
         'ct_lb(backends=[fd00::1]:80; hash_fields="ip_dst"; skip_snat);', "ct_lb with backends"),
        ("set_meter(100,1000);", "set_meter(100, 1000);", "set_meter"),
        ("reg0 = select(1=20,2);", "reg0 = select(1=20, 2=100);", "select"),
        ('fwd_group(liveness=true,childports="a","b");', 'fwd_group(liveness="true", childports="a", "b");',
         "fwd_group"),
        ('fwd_group(liveness="false", childports="a");', 'fwd_group(childports="a");', "fwd_group"),
        ('trigger_event(event="empty_lb_backends");', 'trigger_event(event = "empty_lb_backends");',
         "trigger_event"),
        ('commit_ecmp_nh(ipv6 = "true", proto = udp);', "commit_ecmp_nh(ipv6 = true, proto = udp);",
         "commit_ecmp_nh"),
        ('commit_lb_aff(vip="1.1.1.1",backend="2.2.2.2",timeout=3);',
         'commit_lb_aff(vip = "1.1.1.1", backend = "2.2.2.2", timeout = 3);', "commit_lb_aff"),
        ("icmp4.frag_mtu = 1500;", "", "icmp4.frag_mtu"),
    ],
)  # fmt: skip
def test_what_is_read_but_not_carried_out_says_so(text: str, printed: str, name: str) -> None:
    actions = parse_actions(text)
    assert format_actions(actions) == (printed or text)
    assert parse_actions(printed or text) == actions
    with pytest.raises(NotServedError, match=rf"action {name} is not served yet \(character 1"):
        encode_actions(actions, EncodeContext(0))


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("next;", None),
        ("ct_next;", "ip"),
        ("arp.op = 2; arp.tha = arp.sha;", "arp"),
        ("ip.ttl--; tcp.dst = 80;", "ip && tcp"),
        ("ip4.src = ip6.src[0..31];", "ip4 && ip6"),
        ("clone { ip.ttl--; }; next;", "ip"),
        ("reg0[0] = dns_lookup();", "udp"),
        ("nd_na { eth.src = 00:00:00:00:00:01; output; };", "nd_ns"),
        ("arp { arp.op = 1; output; };", "ip4"),
        ("put_nd(inport, nd.target, nd.tll);", "nd && nd_na"),
    ],
)
def test_prerequisites(text: str, needs: str | None) -> None:
    expr = prerequisites(parse_actions(text))
    assert (None if expr is None else format_expr(expr)) == needs


def test_next_stays_within_its_pipeline() -> None:
    last = EncodeContext(28)
    assert encode_actions(parse_actions("output;"), last) == (Resubmit(37),)
    with pytest.raises(ActionError, match="table 29 lies beyond the end of the ingress pipeline"):
        encode_actions(parse_actions("next;"), last)
    with pytest.raises(ActionError, match="table 22 lies beyond the end of the egress pipeline"):
        encode_actions(parse_actions("next(pipeline=egress, table=22);"), last)


def test_tables_are_those_of_the_profile() -> None:
    ctx = EncodeContext(3, "egress", profile=PROFILE_2603)
    assert encode_actions(parse_actions("next; output; next(pipeline=ingress, table=0);"), ctx) == (
        Resubmit(52),
        Resubmit(64),
        Resubmit(8),
    )
    assert encode_actions(parse_actions("output;"), EncodeContext(3, profile=PROFILE_2603)) == (Resubmit(42),)


def test_a_switch_without_zero_snat_is_not_asked_for_it() -> None:
    (action,) = encode_actions(parse_actions("ct_commit { };"), EncodeContext(3, ct_zero_snat=False))
    assert isinstance(action, Ct)
    assert action.nat is None


def test_userdata() -> None:
    data = userdata(Code.PUT_FDB, b"xy")
    assert code_of(data) == (Code.PUT_FDB, b"xy")
    assert code_of(b"\0\0\0\xff" + bytes(4)) is None
    assert code_of(b"\0\0") is None
