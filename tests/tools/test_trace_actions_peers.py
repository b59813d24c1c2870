"""Every action in both ovn-traces, on one southbound of handwritten flows: the same text in all three forms.

Each action stands in table 0 of one datapath, found by ``reg9``; tables after it log the packet, so that what
an action does to it shows.  Debian's runs as a daemon, except for the options that its daemon does not take.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from pyovn.daemon.ctlclient import control_request
from pyovn.ovsdb.blocking import BlockingClient
from pyovn.tools.ctl.errors import Console
from pyovn.tools.trace.program import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers

LOG: Final = "log(verdict=allow, severity=info); "
ACTIONS: Final = """
drop;
next(5);
next(pipeline=egress, table=1);
next(pipeline=egress, table=9);
outport = "p2"; output;
outport = "p1"; output;
outport = "nope"; output;
outport = ""; output;
outport = "group"; output;
outport = "empty"; output;
outport = inport; output;
output;
ct_next;
ct_commit;
ct_commit { ct_mark.blocked = 1; ct_label = 5; }; next;
ct_clear; next;
ct_next; reg0 = 1; ct_next;
ct_next; ct_clear; next;
ct_commit_nat;
ct_snat_to_vip; next;
ct_lb;
ct_lb_mark;
ct_lb(backends=10.0.0.5:80);
ct_lb_mark(backends=[fd00::5]; skip_snat);
ct_dnat;
ct_snat;
ct_dnat(1.2.3.4);
ct_snat(1.2.3.4,1-5); next;
ct_dnat(fd00::9);
ct_dnat_in_czone;
ct_snat_in_czone(1.2.3.4);
ip4.dst = reg0; reg1 = ip4.src; next;
eth.dst[0..31] = reg0; tcp.dst = reg0[0..15]; next;
ip4.src <-> ip4.dst; next;
eth.src <-> eth.dst; next;
ip6.src = xxreg0; nd.target = ip6.src; next;
ip.ttl = 16; ip.ttl--; next;
ip.ttl = 0; ip.ttl--; next;
eth.mcast = 1; pkt.mark = reg0; next;
ip4.dst = 1.2.3.4/255.0.0.255; tcp.dst = tcp.src; next;
vlan.tci = 0x1005; vlan.tci[0..11] = 6; next;
arp.sha = eth.src; arp.spa = reg0; arp.op = 2; arp.tpa <-> arp.spa; next;
ip6.label = 5; next;
push(eth.src); pop(eth.dst); push(reg3); pop(reg2); next;
pop(eth.dst); next;
clone { eth.dst = 00:00:00:00:00:05; next; }; next;
clone { };
arp { LOG; output; }; next;
ip.dscp = 10; icmp4 { LOG; };
ip.dscp = 10; icmp6 { LOG; };
ip.dscp = 10; tcp_reset { LOG; };
ip.dscp = 10; sctp_abort { LOG; };
ip.dscp = 10; arp { LOG; };
ip.dscp = 10; nd_na { LOG; };
ip.dscp = 10; reject { LOG; };
icmp4 { icmp4.frag_mtu = 5; LOG; };
icmp4_error { LOG; };
icmp6 { LOG; };
icmp4 { };
tcp_reset { LOG; };
nd_na { LOG; eth.src = 00:00:00:00:00:07; output; };
reject { LOG; outport <-> inport; next(pipeline=egress,table=2); };
sctp_abort { LOG; };
log(name="a", verdict=drop, severity=info); next;
log(verdict=reject, severity=alert); next;
put_fdb(inport, eth.src); next;
outport = get_fdb(eth.dst); next;
outport = get_fdb(eth.src); output;
reg0[2] = lookup_fdb(inport, eth.src); next;
reg0[2] = lookup_fdb(inport, eth.dst); next;
get_arp(inport, ip4.src); next;
get_arp(outport, ip4.dst); next;
get_nd(inport, ip6.dst); next;
reg0[2] = lookup_arp(inport, ip4.dst, eth.dst); next;
reg0[2] = lookup_arp_ip(inport, ip4.dst); next;
reg0[2] = lookup_arp(inport, ip4.src, eth.dst); next;
reg0[2] = lookup_nd_ip(inport, ip6.src); next;
reg0[0] = check_in_port_sec(); next;
reg0[2] = check_pkt_larger(100); next;
set_queue(5); next;
reg0[2] = chk_lb_hairpin(); next;
reg0[2] = chk_lb_aff(); next;
reg0[2] = chk_ecmp_nh(); next;
reg0[2] = dns_lookup(); next;
reg0[2] = put_dhcp_opts(offerip = 1.2.3.4, router={1.1.1.1,2.2.2.2}); next;
reg0[2] = put_dhcpv6_opts(ia_addr = aef0::4); next;
set_meter(100, 1000); next;
igmp; next;
fwd_group(liveness=true, childports="p1", "p2"); next;
commit_ecmp_nh(ipv6=false, proto=tcp); next;
trigger_event(event = "empty_lb_backends", vip = "10.0.0.1:80", protocol = "tcp"); next;
commit_lb_aff(vip = "1.1.1.1:80", backend = "10.0.0.5:80", proto = tcp, timeout = 30); next;
bind_vport("p2", inport); next;
handle_svc_check(inport); next;
handle_dhcpv6_reply; next;
put_arp(inport, ip4.src, eth.src); next;
handle_bfd_msg(); next;
""".replace("LOG; ", LOG).splitlines()
"""A line each; the first is empty, which drops as well."""
FLAGS: Final = 'flags.loopback = 1; outport = "p1"; output;'
KNOWN: Final = {
    "reg0[2] = lookup_fdb(inport, eth.src); next;": "C tells eth.dst, whichever address was looked up",
    "reg0[2] = lookup_arp(inport, ip4.src, eth.src); next;": "so it does here",
    FLAGS: "C forgets the flags, which ovn-architecture(7) keeps until the egress pipeline's end",
    "reg0 <-> reg1; next;": "C exchanges two parts of one register by writing both from one copy",
    f"nd_ns {{ {LOG} }};": "C leaves the protocol of the packet that it replaces",
    "next(pipeline=egress);": "C goes on in the ingress pipeline",
}
"""Where Debian's is wrong, and why."""
DNAT: Final = "ct_lb(backends=10.0.0.5:80,10.0.0.6); "
OPTIONS: Final = [
    ("ct_next; reg0 = 1; ct_next;", options)
    for options in (
        ["--ct=new"],
        ["--ct=trk,est,dnat"],
        ["--ct", "inv", "--ct=rpl"],
        ["--ct="],
        ["--ct=est rel"],
        ["--ct=new", "--ct", "est"],
        ["--ct=new,est,rel,rpl,inv,trk,snat,dnat"],
        ["--ct=foo"],
        ["--ct=est,new|rel"],
    )
] + [
    *[(DNAT, [f"--lb-dst={to}"]) for to in ("10.0.0.6", "10.0.0.5:80", "10.0.0.5:99999", "x")],
    *[("ct_lb_mark;", ["--ct=new", f"--lb-dst={to}"]) for to in ("10.0.0.6", "[fd00::5]:80", "fd00::5", "")],
    *[("reg1 = select(1, 2, 3); next;", [f"--select-id={chosen}"]) for chosen in ("2", "x")],
]  # fmt: skip
TWICE: Final = ["", "ct_next;", "ct_snat(1.2.3.4);", "ct_dnat;", "ct_lb;", "ct_commit_nat;"]
"""What happens to a packet that has been through the tracker; found by ``reg8``."""
ALL: Final = [*ACTIONS, *KNOWN, *dict.fromkeys(action for action, _ in OPTIONS if action not in ACTIONS)]

ETHER: Final = (
    'inport == "p1" && outport == "p2" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:01:02'
)
PACKETS: Final = [
    f"{ETHER} && reg0 == 0xffffff05 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 64 && tcp",
    f"{ETHER} && ip6.src == fd00::1 && ip6.dst == fd00::2 && ip.ttl == 64 && udp.src == 5 && udp.dst == 53",
    f"{ETHER} && arp.op == 1 && arp.sha == 00:00:00:00:01:01 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.2",
    f"{ETHER} && nd_ns && ip6.src == fd00::1 && ip6.dst == ff02::1 && nd.target == fd00::2",
    f"{ETHER} && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 1 && sctp.src == 5 && sctp.dst == 6",
    f"{ETHER} && ip6.src == fd00::1 && ip6.dst == fd00::2 && ip.ttl == 9 && tcp.src == 7 && tcp.flags == 2",
    f"{ETHER} && vlan.present && vlan.vid == 5 && ip4.src == 10.0.0.1 && ip.ttl == 9 && ip.frag == 1 && udp",
]


class Traces(NamedTuple):
    """A southbound and Debian's ovn-trace on it."""

    remote: str
    control: str
    program: str


def rows() -> Iterator[dict[str, Any]]:
    """The southbound."""

    def insert(table: str, row: dict[str, Any], **more: str) -> dict[str, Any]:
        return {"op": "insert", "table": table, "row": row, **more}

    dp = ["named-uuid", "dp"]
    yield insert(
        "Datapath_Binding",
        {"tunnel_key": 1, "external_ids": ["map", [["name", "dp"]]]},
        **{"uuid-name": "dp"},
    )
    for key, name in enumerate(("p1", "p2", "p3"), 1):
        port = {"datapath": dp, "logical_port": name, "tunnel_key": key}
        yield insert("Port_Binding", port, **{"uuid-name": name})
    for key, (name, ports) in enumerate({"group": ("p1", "p2", "p3"), "empty": ()}.items(), 40000):
        group = {"datapath": dp, "name": name, "tunnel_key": key}
        yield insert("Multicast_Group", {**group, "ports": ["set", [["named-uuid", port] for port in ports]]})
    for mac, key in (("00:00:00:00:01:01", 1), ("00:00:00:00:01:02", 2)):
        yield insert("FDB", {"mac": mac, "dp_key": 1, "port_key": key})
    for ip, mac in (
        ("10.0.0.1", "00:00:00:00:01:01"),
        ("10.0.0.2", "00:00:00:00:01:02"),
        ("fd00::2", "00:00:00:00:01:78"),
    ):
        yield insert("MAC_Binding", {"datapath": dp, "logical_port": "p1", "ip": ip, "mac": mac})
    for table, name, code, kind in (
        ("DHCP_Options", "offerip", 0, "ipv4"),
        ("DHCP_Options", "router", 3, "ipv4"),
        ("DHCPv6_Options", "ia_addr", 5, "ipv6"),
    ):
        yield insert(table, {"name": name, "code": code, "type": kind})
    flows = [("ingress", 0, f"reg9 == {number}", text) for number, text in enumerate(ALL)]
    flows = [(p, t, f"ip && {match}" if text[:6] == "reject" else match, text) for p, t, match, text in flows]
    flows += [("ingress", 1, f"reg8 == {number}", f"{LOG}{text}") for number, text in enumerate(TWICE)]
    flows += [("ingress", 1, "reg8 == 0", f"{LOG}next;"), ("ingress", 2, "1", 'outport = "p2"; output;')]
    flows += [("egress", 0, "1", f"{LOG}next;"), ("egress", 1, "1", "output;")]
    for pipeline, stage, match, actions in flows:
        flow: dict[str, Any] = {
            "logical_datapath": dp,
            "pipeline": pipeline,
            "table_id": stage,
            "priority": 5,
            "match": match,
        }
        names = ["map", [["stage-name", f"{pipeline}{stage}"]]]
        yield insert("Logical_Flow", {**flow, "actions": actions, "external_ids": names})


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[Traces]:
    directory = tmp_path_factory.mktemp("actions")
    schema = "/usr/share/ovn/ovn-sb.ovsschema"
    subprocess.run([peer("ovsdb-tool"), "create", directory / "sb", schema], check=True)
    remote, control = f"unix:{directory}/db.sock", f"{directory}/trace.ctl"
    common = ["--detach", "--no-chdir", "-voff"]
    server = [peer("ovsdb-server"), *common, f"--remote=p{remote}", f"--unixctl={directory}/ctl"]
    subprocess.run([*server, f"--pidfile={directory}/server.pid", str(directory / "sb")], check=True)
    try:
        with BlockingClient(remote, timeout=20) as client:
            reply = client.transact("OVN_Southbound", list(rows()))
            assert reply.error is None, reply
        daemon = [peer("ovn-trace"), *common, f"--db={remote}", f"--unixctl={control}"]
        subprocess.run([*daemon, f"--pidfile={directory}/trace.pid"], check=True)
        yield Traces(remote, control, peer("ovn-trace"))
    finally:
        for pid in [int(pidfile.read_text()) for pidfile in directory.glob("*.pid")]:
            os.kill(pid, 15)


def ours(traces: Traces, words: list[str]) -> tuple[int, str, str]:
    out, err, status = io.StringIO(), io.StringIO(), 0
    Console.quiet = False
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main([f"--db={traces.remote}", *words])
        except SystemExit as end:
            status = int(str(end.code))
    return status, out.getvalue(), err.getvalue()


def by_daemon(traces: Traces, words: list[str]) -> str:
    accepted, text = control_request(traces.control, "trace", words)
    assert accepted, text
    return text


def difference(theirs: str, mine: str) -> str:
    return "\n".join(difflib.unified_diff(theirs.splitlines(), mine.splitlines(), lineterm="", n=1))


def question(action: str, packet: str) -> list[str]:
    return ["--all", "dp", f"{packet} && reg9 == {ALL.index(action)}"]


def test_every_action_in_all_forms(traces: Traces) -> None:
    problems, wrong = [], set()
    for action in (*ACTIONS, *KNOWN):
        for packet in PACKETS:
            words = question(action, packet)
            status, text, _ = ours(traces, words)
            assert status == 0
            found = difference(by_daemon(traces, words), text)
            if found and action in KNOWN:
                wrong.add(action)
            elif found:
                problems.append(f"{action}   {packet}\n{found}")
    assert not problems, "\n".join(problems)
    assert wrong == set(KNOWN)


@pytest.mark.parametrize("second", TWICE[1:])
def test_the_tracker_twice(traces: Traces, second: str) -> None:
    for first in ("ct_next;", "ct_dnat(1.2.3.4);", "ct_lb;", "ct_snat;"):
        *words, packet = question(first, PACKETS[0])
        words.append(f"{packet} && reg8 == {TWICE.index(second)}")
        assert not difference(by_daemon(traces, words), ours(traces, words)[1]), first


@pytest.mark.parametrize(("action", "options"), OPTIONS, ids=[" ".join(o) for _, o in OPTIONS])
def test_what_is_given_about_the_world(traces: Traces, action: str, options: list[str]) -> None:
    words = [*options, *question(action, PACKETS[0])]
    command = [traces.program, f"--db={traces.remote}", *words]
    theirs = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (theirs.returncode, theirs.stdout, _untimed(theirs.stderr)) == _untimed_all(ours(traces, words))


def _untimed(log: str) -> list[str]:
    return [line.split("|", 2)[-1] if line[:2] == "20" else line for line in log.splitlines()]


def _untimed_all(answer: tuple[int, str, str]) -> tuple[int, str, list[str]]:
    return answer[0], answer[1], _untimed(answer[2])


ASKED: Final = [
    question("ct_next;", PACKETS[0]),
    ["--summary", "--minimal", *question("ct_next;", PACKETS[0])[1:]],
    ["--minimal", question("ct_next;", PACKETS[1])[2]],
    ["nope", PACKETS[0]],
    ['inport == "nope"'],
    ["one", "two", "three"],
    ["--none", PACKETS[0]],
    ["--lb-dst=10.0.0.1", PACKETS[0]],
    ["dp", PACKETS[0], "--summary"],
]
OURS: Final = "import sys; from pyovn.tools.trace.program import main; sys.exit(main(sys.argv[1:]))"


def test_our_daemon_answers_as_debians(traces: Traces, tmp_path: Path) -> None:
    control = f"{tmp_path}/trace.ctl"
    command = [sys.executable, "-c", OURS, "--detach", "--no-chdir", "-voff", f"--db={traces.remote}"]
    command += [f"--unixctl={control}", f"--pidfile={tmp_path}/pid"]
    subprocess.run(command, check=True, timeout=60)
    try:
        for words in ASKED:
            assert control_request(control, "trace", words) == control_request(traces.control, "trace", words)
        # What the manual page has, and Debian's daemon does not take.
        accepted, text = control_request(control, "trace", ["--ct=new", *question("ct_next;", PACKETS[0])])
        assert accepted, text
        assert "ct_next(ct_state=new|trk)" in text
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 15)
