"""Frames that end too early: taken for what is left of them, by every part of the switch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from peer_host import Host, hosts
from switch_kit import FlowLab, frame

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["hosts"]  # the fixture is used by its name

ETH = "dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02"
IP = "nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64"
WHOLE = {
    "arp": frame(f"arp,{ETH},arp_op=1,arp_sha=00:00:00:00:00:01,arp_spa=10.0.0.1,arp_tpa=10.0.0.2"),
    "tcp": frame(f"tcp,{ETH},{IP},tcp_src=1,tcp_dst=2"),
    "udp-vlan": frame(f"udp,{ETH},dl_vlan=5,{IP},udp_src=1,udp_dst=2"),
    "icmp": frame(f"icmp,{ETH},{IP},icmp_type=8,icmp_code=0"),
    "nd": frame(
        f"icmp6,{ETH},ipv6_src=fe80::1,ipv6_dst=ff02::1,nw_ttl=255,icmp_type=135,icmp_code=0,"
        "nd_target=fe80::3,nd_sll=00:00:00:00:00:01"
    ),
    "other": frame(f"{ETH},dl_type=0x88cc"),
}

REWRITES = (
    "table=0,actions=mod_dl_src:00:00:00:00:00:09,resubmit(,1)",
    "table=1,priority=9,tcp,actions=mod_nw_src:9.9.9.9,mod_tp_dst:80,ct(commit,table=2)",
    "table=1,priority=9,udp,actions=mod_nw_src:9.9.9.9,mod_tp_dst:80,ct(commit,table=2)",
    "table=1,priority=9,icmp,actions=dec_ttl,mod_nw_dst:9.9.9.9,ct(commit,table=2)",
    "table=1,priority=9,arp,actions=load:0x2->NXM_OF_ARP_OP[],mod_vlan_vid:7,resubmit(,2)",
    "table=1,priority=8,actions=mod_vlan_vid:7,resubmit(,2)",
    "table=2,actions=output:2,controller,NORMAL",
)


@pytest.mark.parametrize("name", WHOLE)
def test_no_length_is_too_short(name: str) -> None:
    lab = FlowLab(*REWRITES)
    port = lab.pipeline.ports[1]
    for length in range(len(WHOLE[name]) + 1):
        dropped = port.rx_dropped
        lab.send(1, WHOLE[name][:length])
        assert (port.rx_dropped > dropped) == (length < 14)


@pytest.mark.peers
def test_what_is_left_is_read_as_open_vswitch_reads_it(hosts: Callable[..., Host]) -> None:
    pair = hosts("ours"), hosts("theirs", ours=False)
    for host in pair:
        host.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        host.vsctl("add-port", "br0", "p1", "--", "set", "interface", "p1", "ofport_request=1")
    for name, whole in WHOLE.items():
        for length in range(14, len(whole)):
            data = whole[:length].hex()
            ours, theirs = (
                host.appctl("ofproto/trace", "br0", "in_port=1", data).split("\n", 1)[0] for host in pair
            )
            assert ours == theirs, (name, length)
