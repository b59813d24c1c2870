"""Debian's ovs-ofctl on our switch and on Debian's: the same words, the same exit status, in each version.

The command lines are a table.  What may differ is taken out first: durations, ages, transaction numbers,
addresses that are made up, and the order of groups, which in C is a hash table's.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from peer_host import Host, hosts

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.peers
__all__ = ["hosts"]

VERSIONS = ("OpenFlow10", "OpenFlow13", "OpenFlow14", "OpenFlow15")
FLOW = (
    "table=3,reg0=5,tcp,tcp_dst=80,cookie=7,idle_timeout=60,actions=set_field:1->reg0,mod_tp_dst:80,"
    "set_field:02:00:00:00:00:01->eth_src,resubmit(,4),output:1"
)
LINES = (
    "show br0",
    "dump-flows br0",
    f"add-flow br0 {FLOW}",
    (
        "add-flow br0 ip,nw_src=10.0.0.0/8,dl_vlan=3,actions=mod_vlan_vid:7,mod_nw_tos:4,"
        "controller(userdata=01.02),move:NXM_NX_REG0[]->NXM_NX_REG1[],set_field:2->ip_ecn,dec_ttl,"
        "set_field:0x5/0xff->reg2,mod_vlan_pcp:2,strip_vlan"
    ),
    "add-group br0 group_id=5,type=all,bucket=output:1",
    "add-flow br0 priority=3,udp,actions=group:5,mod_tp_src:5",
    "dump-groups br0",
    "dump-flows br0",
    "dump-flows br0 udp",
    "dump-flows br0 cookie=7/-1",
    "dump-flows br0 out_port=1",
    "--names dump-flows br0",
    "--no-stats dump-flows br0",
    "--sort=priority dump-flows br0",
    "--rsort dump-flows br0",
    "dump-aggregate br0",
    "dump-aggregate br0 tcp,reg0=5",
    "dump-ports-desc br0",
    "dump-ports-desc br0 p1",
    "dump-tables br0",
    "dump-group-stats br0",
    "dump-group-features br0",
    "dump-desc br0",
    "dump-meters br0",
    "get-frags br0",
    "set-frags br0 drop",
    "get-frags br0",
    "set-frags br0 normal",
    "packet-out br0 in_port=1,packet=ffffffffffff0200000000010806,actions=2",
    "add-tlv-map br0 {class=0x102,type=0x80,len=4}->tun_metadata0",
    "add-tlv-map br0 {class=0x102,type=0x80,len=4}->tun_metadata0",
    "dump-tlv-map br0",
    "del-tlv-map br0",
    "add-flow br0 actions=group:77",
    "add-flow br0 table=5,actions=goto_table:5",
    "--bundle add-flow br0 table=9,ip,actions=2",
    "--bundle add-flow br0 table=9,ip,actions=group:78",
    "--strict mod-flows br0 table=9,ip,actions=1",
    "mod-flows br0 table=10,ip,actions=1",
    "dump-flows br0",
    "del-flows br0 table=9",
    "mod-port br0 p1 down",
    "dump-ports-desc br0 p1",
    "mod-port br0 p1 up",
    "mod-port br0 p1 no-forward",
    "dump-ports-desc br0 p1",
    "mod-port br0 p1 forward",
    "probe br0",
    "del-groups br0",
    "del-flows br0",
    "add-flow br0 ip,actions=conjunction(3,1/2)",
    (
        "add-flow br0 tcp,actions=ct(commit,zone=5,exec(set_field:1->ct_mark)),"
        "ct(table=4,zone=NXM_NX_REG0[0..15]),clone(output:2,ct_clear),output:NXM_NX_REG1[],check_pkt_larger(1500)->NXM_NX_REG2[3],note:01.02"
    ),
    "add-flow br0 udp,actions=resubmit(1,2),push:NXM_NX_REG0[],pop:NXM_NX_REG1[],in_port,all,local,normal",
    "dump-flows br0",
    "del-flows br0",
    (
        "add-group br0 group_id=1,type=select,selection_method=dp_hash,bucket=weight:100,actions=output:1,"
        "bucket=weight:50,output:2"
    ),
    "add-group br0 group_id=2,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:1,output:2",
    "add-group br0 group_id=1,type=all",
    "mod-group br0 group_id=9,type=all",
    "dump-groups br0",
    "dump-groups br0 1",
    "del-groups br0 group_id=2",
    "dump-groups br0",
    "del-groups br0",
    "ct-flush-zone br0 3",
    "dump-flows br0",
)  # fmt: skip
VOLATILE = (
    (re.compile(r"duration=[\d.]+s"), "duration=#"),
    (re.compile(r"(idle|hard)_age=\d+"), r"\1_age=#"),
    (re.compile(r"\(xid=0x[0-9a-f]+\)"), "(xid=#)"),
    (re.compile(r"addr:aa:55:aa:55:00:.."), "addr:#"),
    (re.compile(r"^\d{4}-\d\d-\S+Z\|", re.MULTILINE), ""),
)


def outcome(host: Host, *words: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [host.peer("ovs-ofctl"), *words],
        env=host.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    text = done.stdout + done.stderr.replace(str(host.root), "DIR")
    for pattern, replacement in VOLATILE:
        text = pattern.sub(replacement, text)
    lines = text.splitlines()
    if "dump-group" in " ".join(words):
        lines.sort()
    return done.returncode, lines


@pytest.mark.parametrize("version", VERSIONS)
def test_debians_ofctl_finds_no_difference(hosts: Callable[..., Host], version: str) -> None:
    pair = hosts("ours"), hosts("theirs", ours=False)
    for host in pair:
        host.vsctl(
            "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure",
            "other_config:datapath-id=00000000000000aa", "other_config:hwaddr=02:00:00:00:00:aa",
            "--", "add-port", "br0", "p1", "--", "set", "interface", "p1", "ofport_request=1",
            "--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "ofport_request=2",
        )  # fmt: skip
    seen: set[int] = set()
    for line in LINES:
        words = ("-O", version, *line.split(" "))
        ours, theirs = (outcome(host, *words) for host in pair)
        assert ours == theirs, line
        seen.add(ours[0])
    assert seen == {0, 1}, "some of the lines are to be refused"
