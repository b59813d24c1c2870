"""ovn-trace beside Debian's on what Debian's ovn-northd made of two switches: the same text."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest
from ctl_twin import run_here

from pyovn.ovsdb.blocking import BlockingClient
from pyovn.tools.nbctl.program import PROGRAM as NBCTL
from pyovn.tools.trace.program import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers

NETWORK = """
ls-add sw -- lsp-add sw p1 -- lsp-add sw p2 -- lsp-add sw p3 -- lsp-add sw long-name
lsp-set-addresses p1 "00:00:00:00:01:01 10.0.0.1" -- lsp-set-addresses p2 "00:00:00:00:01:02 10.0.0.2"
lsp-set-addresses p3 unknown -- lsp-set-port-security p1 "00:00:00:00:01:01 10.0.0.1 fd00::1"
set logical_switch_port long-name external_ids:\'"neutron:port_name"\'=friend -- lsp-set-addresses long-name 00:00:00:00:01:04
ls-add silent -- lsp-add silent q1 -- lsp-add silent ext -- lsp-set-type ext localnet -- lsp-set-options ext network_name=phys
"""
FROM_1 = 'inport == "p1" && eth.src == 00:00:00:00:01:01 && '
TO_1 = 'inport == "p2" && eth.dst == 00:00:00:00:01:01'
BROADCAST = "eth.dst == ff:ff:ff:ff:ff:ff"
LINES = [
    ["sw", FROM_1 + "eth.dst == 00:00:00:00:01:02"],
    [FROM_1 + "eth.dst == 00:00:00:00:01:02"],
    ["sw", FROM_1 + BROADCAST],
    ["sw", FROM_1 + "eth.dst == 00:00:00:00:01:04"],
    ["sw", 'inport == "long-name" && eth.dst == 00:00:00:00:01:02'],
    ["sw", 'inport == "p2" && eth.src == 00:00:00:00:01:02 && eth.dst == 00:00:00:00:09:09'],
    ["sw", 'inport == "p3" && eth.src == 00:00:00:00:01:02 && eth.dst == 00:00:00:00:01:01'],
    ["sw", 'inport == "p1" && eth.src == 00:00:00:00:01:09 && eth.dst == 00:00:00:00:01:02'],
    ["sw", 'inport == "p2" && eth.dst == 00:00:00:00:01:02'],
    ["sw", 'inport == "p2" && eth.src == 01:00:00:00:01:02'],
    ["sw", 'inport == "p1" && vlan.present'],
    ["sw", 'inport == "p1" && vlan.vid == 5 && vlan.pcp == 2'],
    [
        "sw",
        FROM_1
        + "eth.dst == 00:00:00:00:01:02 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.2 && ip.ttl == 64 && icmp4.type == 8",
    ],
    ["sw", FROM_1 + "eth.dst == 00:00:00:00:01:02 && ip4.src == 10.0.0.9 && ip4.dst == 10.0.0.2"],
    ["sw", FROM_1 + "eth.dst == 00:00:00:00:01:02 && ip6.src == fd00::1"],
    ["sw", FROM_1 + "eth.dst == 00:00:00:00:01:02 && ip6.src == fd00::2"],
    [
        "sw",
        FROM_1
        + BROADCAST
        + " && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67",
    ],
    [
        "sw",
        FROM_1
        + BROADCAST
        + " && arp.op == 1 && arp.sha == 00:00:00:00:01:01 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.2",
    ],
    [
        "sw",
        FROM_1
        + BROADCAST
        + " && arp.op == 1 && arp.sha == 00:00:00:00:01:02 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.2",
    ],
    [
        "sw",
        FROM_1
        + BROADCAST
        + " && arp.op == 1 && arp.sha == 00:00:00:00:01:01 && arp.spa == 10.0.0.1 && arp.tpa == 10.0.0.7",
    ],
    [
        "sw",
        FROM_1
        + "eth.dst == 33:33:00:00:00:01 && ip6.src == fe80::200:ff:fe00:101 && ip6.dst == ff02::1 && icmp6.type == 128 && ip.ttl == 255",
    ],
    ["sw", TO_1],
    ["sw", TO_1 + " && ip4.dst == 10.0.0.1"],
    ["sw", TO_1 + " && ip4.dst == 10.0.0.3"],
    ["sw", TO_1 + " && ip4.dst == 224.0.0.1"],
    ["sw", TO_1 + " && ip6.dst == fd00::9"],
    ["sw", TO_1 + " && ip6.dst == fe80::200:ff:fe00:101"],
    ["sw", 'inport == "p2" && ip4 && tcp.dst == 5 && tcp.flags == 2'],
    ["sw", 'inport == "p2" && tcp.dst == 5 && ip4'],
    ["sw", 'inport == "p2" && ip6 && udp.src == 5'],
    ["sw", 'inport == "p2" && ip6 && sctp.src == 5'],
    ["sw", 'inport == "p2" && nd_ns && nd.target == fd00::1 && ip6.src == fd00::2'],
    ["sw", 'inport == "p2" && ct.trk && ct.est && ct_mark.blocked'],
    ["sw", 'inport == "p2" && reg0 == 5 && eth.type == 0x1234 && flags.loopback'],
    ["sw", 'inport == "p2" && ip4 && ip.frag == 1'],
    ["sw", 'inport == "p2" && igmp'],
    ["sw", 'inport == "p2" && rarp'],
    ["sw", 'inport == "p2" && ip6 && ip6.label == 0xff && ip.proto == 99'],
    ["sw", 'inport == "p2" && ip4.src == 10.0.0.0/24'],
    ["sw", 'inport == "p2" && eth.dst[40] && eth.dst[0..3] == 3'],
    ["sw", 'inport == "p2" && outport == "_MC_flood"'],
    ["silent", 'inport == "q1" && eth.dst == 00:00:00:00:01:02'],
    ["silent", 'inport == "q1" && ' + BROADCAST],
    ["silent", 'inport == "ext" && ' + BROADCAST],
    ["nope", 'inport == "p1"'],
    ['inport == "nope"'],
    ["1"],
    ["sw", "tcp.dst == 80"],
    ["sw", "ip4 && ip6"],
    ["sw", 'inport == "p2" && tcp.src > 5 && ip4'],
    ["sw", 'inport == "p2" && (ip4 || ip6)'],
    ["sw", 'inport == {"p1", "p2"}'],
    ["sw", 'inport == "p2" && eth.src != 1'],
    *(
        ["sw", f'inport == "p2" && {constraints}']
        for constraints in (
            'is_chassis_resident("p2") && ip6 && tcp.flags == 2',
            "nd",
            "reg7 != 135",
            "eth.mcast && tcp",
            "ip && arp.op == 1",
            "ip.is_frag && !ip4.mcast",
            "!(vlan.vid == 5) && vlan.vid == 5 && rarp",
            "(eth.type == 0x806 || ip.dscp == {1, 2})",
            "tcp.dst[3] == 0 && (vlan.pcp == 3 || !ip6.mcast_sol_node)",
            "nd_ns && nd && ip6.mcast_all_rtrs",
            "ct_label.ecmp_reply_eth[4..7] > 2 && tcp.src != {3, 4}",
        )
    ),
]
STYLES = [
    [],
    ["--summary"],
    ["--minimal"],
    ["--all"],
    ["--no-friendly-names", "--summary"],
    ["--detailed", "--minimal"],
]


class Deployment(NamedTuple):
    remote: str
    program: str


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[Deployment]:
    """One server with both databases and Debian's ovn-northd."""
    directory = tmp_path_factory.mktemp("trace")
    remote = f"unix:{directory}/db.sock"
    names = [str(directory / name) for name in ("nb", "sb")]
    for name in names:
        schema = f"/usr/share/ovn/ovn-{name.rsplit('/', 1)[1]}.ovsschema"
        subprocess.run([peer("ovsdb-tool"), "create", name, schema], check=True)
    common = ["--detach", "--no-chdir", "-vconsole:off"]
    pidfiles = [directory / "server.pid", directory / "northd.pid"]
    server = [peer("ovsdb-server"), *common, f"--remote=p{remote}", f"--pidfile={pidfiles[0]}"]
    subprocess.run([*server, f"--unixctl={directory}/server.ctl", *names], check=True)
    northd = [peer("ovn-northd"), *common, f"--ovnnb-db={remote}", f"--ovnsb-db={remote}"]
    subprocess.run([*northd, f"--pidfile={pidfiles[1]}", f"--unixctl={directory}/northd.ctl"], check=True)
    try:
        for line in NETWORK.strip().splitlines():
            done = run_here(NBCTL, [f"--db={remote}", "--wait=sb", "-t", "20", *shlex.split(line)])
            assert (done.status, done.stderr) == (0, "")
        yield Deployment(remote, peer("ovn-trace"))
    finally:
        for pidfile in pidfiles:
            os.kill(int(pidfile.read_text()), 15)


def theirs(deployment: Deployment, words: list[str]) -> str:
    command = [deployment.program, "-voff", f"--db={deployment.remote}", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


def ours(deployment: Deployment, words: list[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["-voff", f"--db={deployment.remote}", *words]) == 0
    return out.getvalue()


def test_every_microflow_in_all_forms(deployment: Deployment) -> None:
    problems = []
    for words in LINES:
        wanted, actual = theirs(deployment, ["--all", *words]), ours(deployment, ["--all", *words])
        if wanted != actual:
            lines = difflib.unified_diff(wanted.splitlines(), actual.splitlines(), lineterm="", n=1)
            problems.append("\n".join([str(words), *lines]))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("style", STYLES, ids=" ".join)
def test_each_form(deployment: Deployment, style: list[str]) -> None:
    words = [*style, "sw", FROM_1 + BROADCAST]
    assert ours(deployment, words) == theirs(deployment, words)


UNREADABLE = [
    ("foo", "bar;"),
    ("foo", "next;"),
    ("ip4 && tcp.src > 5 || ip6", "next;"),
    ("eth.src == 00:00:00:00:00:01", "next; foo"),
    ("eth.src == 00:00:00:00:00:01", "ip.ttl = 300;"),
    ("eth.src == 00:00:00:00:00:01", "next;"),
]
"""Match and actions, by falling priority; the last flow alone can be read."""


def test_flows_that_do_not_parse_are_told_and_passed_over(tmp_path: Path, peer: Callable[[str], str]) -> None:
    subprocess.run(
        [peer("ovsdb-tool"), "create", tmp_path / "sb", "/usr/share/ovn/ovn-sb.ovsschema"], check=True
    )
    remote = f"unix:{tmp_path}/db.sock"
    server = [peer("ovsdb-server"), "--detach", "--no-chdir", "-vconsole:off", f"--remote=p{remote}"]
    server += [f"--pidfile={tmp_path}/pid", f"--unixctl={tmp_path}/ctl", str(tmp_path / "sb")]
    subprocess.run(server, check=True)
    try:
        dp = ["named-uuid", "dp"]
        row = {"tunnel_key": 1, "external_ids": ["map", [["name", "dp"]]]}
        inserts = [{"op": "insert", "table": "Datapath_Binding", "uuid-name": "dp", "row": row}]
        port = {"datapath": dp, "logical_port": "p1", "tunnel_key": 1}
        inserts.append({"op": "insert", "table": "Port_Binding", "row": port})
        for number, (match, actions) in enumerate(UNREADABLE):
            flow = {"logical_datapath": dp, "pipeline": "ingress", "table_id": 0, "priority": 100 - number}
            flow |= {"match": match, "actions": actions}
            inserts.append({"op": "insert", "table": "Logical_Flow", "row": flow})
        with BlockingClient(remote, timeout=20) as client:
            reply = client.transact("OVN_Southbound", inserts)
            assert reply.error is None, reply
        traced = []
        for program in ([peer("ovn-trace")], [sys.executable, "-c", OURS]):
            command = [*program, f"--db={remote}", "dp", 'inport == "p1" && eth.src == 00:00:00:00:00:01']
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            warned = re.findall(
                r"ovntrace\|WARN\|(.*: parsing (?:expression|actions) failed) \(.", done.stderr
            )
            traced.append((done.returncode, done.stdout, set(warned)))
        assert traced[0] == traced[1]
        assert len(traced[0][2]) == len(UNREADABLE) - 2
    finally:
        os.kill(int((tmp_path / "pid").read_text()), 15)


OURS = "import sys; from pyovn.tools.trace.program import main; sys.exit(main(sys.argv[1:]))"
