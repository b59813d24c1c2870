"""ovn-detrace beside Debian's, on one pair of databases and one trace."""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ctl_twin import Side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers
SUFFIX = "-0000-0000-0000-000000000001"
NORTHBOUND = {
    "aaaaaaa0": "acl priority=1000 direction=from-lport match=ip4 action=drop",
    "aaaaaaa1": "logical_switch name=sw0 acls=aaaaaaa0{s} ports=aaaaaaa2{s} load_balancer=aaaaaaa3{s}",
    "aaaaaaa2": 'logical_switch_port name=p1 addresses="00:00:00:00:00:01",unknown',
    "aaaaaaa3": 'load_balancer name=lb vips:"1.1.1.1:80"="2.2.2.2:80" protocol=tcp',
    "aaaaaaa4": "logical_router name=lr0 nat=aaaaaaa5{s} static_routes=aaaaaaa6{s} policies=aaaaaaa7{s} ports=aaaaaaa8{s}",
    "aaaaaaa5": 'nat type=snat external_ip="1.1.1.1" logical_ip="10.0.0.0/24"',
    "aaaaaaa6": 'logical_router_static_route ip_prefix="10.0.0.0/8" nexthop="1.1.1.1" policy=src-ip',
    "aaaaaaa7": "logical_router_policy priority=5 match=ip4 action=drop",
    "aaaaaaa8": 'logical_router_port name=lrp0 mac="00:00:00:00:00:05" networks="10.0.0.1/24"',
}
SOUTHBOUND = {
    "bbbbbbb0": "datapath_binding tunnel_key=1 external_ids:name=sw0",
    "bbbbbbb1": "chassis name=ch1 hostname=h encaps=@e -- --id=@e create encap type=geneve ip=1.2.3.4 chassis_name=ch1",
    "bbbbbbb2": "port_binding datapath=bbbbbbb0{s} logical_port=p1 tunnel_key=1 chassis=bbbbbbb1{s}",
    "bbbbbbb3": 'mac_binding logical_port=lrp0 ip="1.1.1.1" mac="00:00:00:00:00:09" datapath=bbbbbbb0{s}',
    "bbbbbbb4": "multicast_group datapath=bbbbbbb0{s} name=_MC_flood tunnel_key=32768 ports=bbbbbbb2{s}",
    "bbbbbbb5": "load_balancer name=lb",
    "bbbbbbb6": "logical_dp_group datapaths=bbbbbbb0{s}",
    "bbbbbbb7": 'logical_flow logical_dp_group=bbbbbbb6{s} pipeline=egress table_id=3 priority=5 match=1 actions="output;" external_ids:stage-name=ls_out_y',
}
SWITCH = "add-br br-int -- add-port br-int tap1 -- set interface tap1 external_ids:iface-id=p1 ofport=1 -- add-port br-int tap2 -- set interface tap2 ofport=2"
HEAD = """Flow: in_port=1,dl_src=00:00:00:00:00:01

bridge("br-int")
----------------
"""
TAIL = """    ct_state=+new cookie 0xaaaaaaaa x
    -> output to port 1, cookie 0xbbbbbbb2, cookie 0xbbbbbbb4
    output:1
     >> output to kernel tunnel
 8. ip,in_port=1 actions=output:2
 8. ip,in_port=1, cookie 0xbbbbbbb2
    output:7
 9. ip
    output:2

Final flow: unchanged
Datapath actions: 1
tail cookie 0xccccccc2
\tindented"""


def create(rows: dict[str, str]) -> list[str]:
    words: list[str] = []
    for digits, row in rows.items():
        words += ["--", f"--id={digits}{SUFFIX}", "create", *row.format(s=SUFFIX).split()]
    return words


@pytest.fixture
def options(short_tmp: Path, peer: Callable[[str], str]) -> Iterator[list[str]]:
    schema = "/usr/share/ovn/ovn-{}.ovsschema"
    northbound = Side(short_tmp / "nb", peer, "OVN_Northbound", schema.format("nb"))
    southbound = Side(short_tmp / "sb", peer, "OVN_Southbound", schema.format("sb"))
    switch = Side(short_tmp / "vs", peer, "Open_vSwitch", "/usr/share/openvswitch/vswitch.ovsschema")
    flows = {
        f"ccccccc{n}": f"logical_flow logical_datapath=bbbbbbb0{SUFFIX} pipeline=ingress table_id={n} "
        f'priority=10{n} match=ip4&&tcp actions="next;" external_ids:stage-hint=aaaaaaa{n}'
        f" external_ids:stage-name=ls_in_x"
        for n in range(10)
    }
    for program, side, words in (
        ("ovn-nbctl", northbound, create(NORTHBOUND)),
        ("ovn-sbctl", southbound, create({**SOUTHBOUND, **flows})),
        ("ovs-vsctl", switch, ["--no-wait", *SWITCH.split()]),
    ):
        subprocess.run([peer(program), f"--db={side.remote}", *words], check=True, capture_output=True)
    yield [f"--ovnnb={northbound.remote}", f"--ovnsb={southbound.remote}", f"--ovsdb={switch.remote}"]
    for side in (northbound, southbound, switch):
        side.stop()


@pytest.mark.parametrize("more", [[], ["--ovs"]])
def test_same_notes(options: list[str], more: list[str], peer: Callable[[str], str]) -> None:
    cookies = [*SOUTHBOUND, *(f"ccccccc{n}" for n in range(10)), "deadbeef", "0"]
    trace = (
        HEAD + "".join(f"{n:2}. ip, cookie 0x{c}\n    resubmit(,9)\n" for n, c in enumerate(cookies)) + TAIL
    )

    def run(*command: str) -> str:
        done = subprocess.run(command, input=trace, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    theirs = run(peer("ovn-detrace"), *options, *more)
    assert "Load Balancer: lb protocol ['tcp']" in theirs
    assert run(sys.executable, "-m", "pyovn.tools.detrace", *options, *more) == theirs


def test_a_missing_database_is_named() -> None:
    command = [sys.executable, "-m", "pyovn.tools.detrace", "--ovnsb=unix:/nowhere"]
    done = subprocess.run(command, input="", capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("ovn-detrace: unix:/nowhere: database connection failed")
