"""The control socket's texts, ours and those of Debian's ovs-vswitchd, byte for byte."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from peer_host import Host, hosts

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.peers
__all__ = ["hosts"]  # the fixture is used by its name

FLOW = "in_port=1,dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02,icmp,nw_src=1.1.1.1,nw_dst=2.2.2.2"
PACKET = "00000000000200000000000108004500001c0000000040010000010101010202020208000000000000000000"
DATAPATH_FLOW = (
    "in_port(1),eth(src=00:00:00:00:00:01,dst=00:00:00:00:00:02),eth_type(0x0800),"
    "ipv4(src=1.1.1.1,dst=2.2.2.2,proto=1,tos=0,ttl=64,frag=no),icmp(type=8,code=0)"
)

COMMANDS = """
ofproto/list
dpif/dump-dps
dpif/show
dpctl/dump-dps
dpctl/show
dpctl/show -s
dpctl/show dummy@ovs-dummy
dpctl/show nosuch
dpctl/dump-flows
dpctl/dump-conntrack
dpctl/flush-conntrack
dpctl/ct-stats-show
dpctl/ct-get-nconns
fdb/show br0
fdb/show nosuch
fdb/stats-show nosuch
fdb/add br0 p1 0 00:00:00:00:00:77
fdb/add br0 p9 0 00:00:00:00:00:77
fdb/add br0 p1 0 zz
fdb/add nosuch p1 0 00:00:00:00:00:78
fdb/add br0 p2 5 00:00:00:00:00:78
fdb/show br0
fdb/del br0 0 00:00:00:00:00:99
fdb/del br0 0 zz
fdb/del nosuch 0 00:00:00:00:00:77
fdb/del br0 0 00:00:00:00:00:77
fdb/flush br0
fdb/flush nosuch
fdb/show br0
fdb/stats-show br0
dpif/dump-flows br0
dpif/dump-flows nosuch
netdev-dummy/set-admin-state p1 down
netdev-dummy/set-admin-state nosuch down
netdev-dummy/set-admin-state p1 blah
netdev-dummy/set-admin-state up
netdev-dummy/conn-state
netdev-dummy/conn-state p1
netdev-dummy/receive nosuch 00
netdev-dummy/receive p1 00
netdev-dummy/receive p1 zzz
netdev-dummy/receive p1 DATAPATH_FLOW --len 20
netdev-dummy/receive p1 DATAPATH_FLOW --len zz
netdev-dummy/receive p1 --qid 3 PACKET
netdev-dummy/receive p1 DATAPATH_FLOW --len 100
revalidator/purge
netdev-dummy/receive p1 --qid 0 PACKET
netdev-dummy/receive p1 PACKET
dpif/show
dpif/dump-flows br0
dpif/dump-flows --names br0
dpctl/dump-flows
dpctl/dump-flows --names
fdb/show br0
fdb/stats-show br0
fdb/stats-clear br0
fdb/stats-clear nosuch
fdb/stats-clear
fdb/stats-show br0
bridge/dump-flows nosuch
bridge/reconnect
bridge/reconnect br0
bridge/reconnect nosuch
ofproto/trace
ofproto/trace br0
ofproto/trace nosuch in_port=1
ofproto/trace br0 blah=1
ofproto/trace br0 FLOW
ofproto/trace br0 FLOW -generate
ofproto/trace br0 FLOW --generate
ofproto/trace br0 FLOW -consistent
ofproto/trace br0 FLOW --names
ofproto/trace br0 FLOW --no-names
ofproto/trace br0 in_port=p3,dl_vlan=9 --names
ofproto/trace br0 in_port=p3,dl_vlan=9
ofproto/trace br0 FLOW PACKET
ofproto/trace br0 in_port=1 PACKET
ofproto/trace br0 in_port=p2,dl_dst=00:00:00:00:00:78,dl_vlan=5
ofproto/trace br0 in_port=p2,dl_dst=00:00:00:00:00:01,arp
ofproto/trace DATAPATH_FLOW
ofproto/trace br0 DATAPATH_FLOW
ofproto/trace ovs-dummy DATAPATH_FLOW
ofproto/trace DATAPATH_FLOW PACKET
ofproto/trace br0 FLOW --ct-next zz
ofproto/trace br0 FLOW --ct-next
ofproto/trace br0 FLOW --ct-next trk,est
ofproto/trace br0 in_port=p1 0000
"""


def configure(host: Host) -> None:
    """Two bridges, joined by patch ports."""
    for name, mac in (("br0", "0a"), ("br1", "0b")):
        address = f"other-config:hwaddr=00:00:00:00:00:{mac}"
        host.vsctl("add-br", name, "--", "set", "bridge", name, "datapath_type=dummy", address)
    ports = [("br0", f"p{n}", n, "type=dummy") for n in (1, 2, 3)]
    ports += [("br0", "pa", 5, "options:peer=pb"), ("br1", "pb", 6, "options:peer=pa")]
    ports.append(("br1", "q1", 1, "type=dummy"))
    for bridge, name, number, setting in ports:
        kind = ["type=patch"] if "peer" in setting else []
        host.vsctl(
            "add-port", bridge, name, "--", "set", "interface", name, setting, *kind,
            f"ofport_request={number}",
        )  # fmt: skip
    tagged = "in_port=p3,dl_vlan=9,actions=resubmit(p2,1),output:pa,output:p1,IN_PORT"
    flows = [("br0", tagged), ("br0", "table=1,in_port=p2,actions=clone(output:p2)")]
    for bridge, flow in (*flows, ("br1", "in_port=pb,actions=q1")):
        host.ofctl("add-flow", bridge, flow)


def answers(host: Host, program: str) -> list[str]:
    """What each command says, on either channel; times are taken out, and the datapath's flows sorted."""
    said = []
    for line in COMMANDS.split("\n"):
        words = line.split()
        if not words:
            continue
        for name, text in (("DATAPATH_FLOW", DATAPATH_FLOW), ("PACKET", PACKET), ("FLOW", FLOW)):
            words = [text if word == name else word for word in words]
        done = subprocess.run(
            [program, "-t", f"{host.root}/sw.ctl", *words],
            env=host.env, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        text = (done.stdout + done.stderr).replace(str(host.root), "ROOT")
        text = re.sub(r"used:[\d.]+s", "used:TIME", text)
        # Open vSwitch learns an address before it remembers the flow, and we after: one miss more for us.
        text = re.sub(r"hit:(\d+) missed:(\d+)", lambda m: f"packets:{int(m[1]) + int(m[2])}", text)
        if words[0].endswith("dump-flows"):
            text = "\n".join(sorted(text.splitlines()))
        said.append(f"{line}\n{done.returncode}\n{text}")
    return said


def test_the_texts_are_those_of_open_vswitch(hosts: Callable[..., Host], peer: Callable[[str], str]) -> None:
    pair = hosts("ours"), hosts("theirs", ours=False)
    for host in pair:
        configure(host)
    ours, theirs = (answers(host, peer("ovs-appctl")) for host in pair)
    different = [f"{a}\n--- theirs:\n{b}" for a, b in zip(ours, theirs, strict=True) if a != b]
    assert not different, "\n".join(different)


def test_what_the_switch_has_not_is_no_command(hosts: Callable[..., Host]) -> None:
    host = hosts("ours")
    for command in ("bond/show", "qos/show", "lacp/show", "stp/show", "tnl/ports/show"):
        done = subprocess.run(
            [host.peer("ovs-appctl"), "-t", f"{host.root}/sw.ctl", command],
            env=host.env, capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert done.returncode == 2
        assert f'"{command}" is not a valid command' in done.stderr
