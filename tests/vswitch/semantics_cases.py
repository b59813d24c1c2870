"""Flow tables with packets for them, such that every match field and every action of the switch is used.

A case is a name, the lines of a flow table, and packets as flows.  ``match_cases`` has one case per field
that the switch can match: a flow that wants it, one that takes the rest, and a packet for each.
``ACTION_CASES`` names the actions that it is about; the tests assert that together they are all there are.
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """``flows`` go into an empty table; ``packets`` are traced from port 1 unless they say otherwise."""

    about: str
    flows: tuple[str, ...]
    packets: tuple[str, ...]


ETH = "dl_src=00:00:00:00:00:01,dl_dst=00:00:00:00:00:02"
IP = f"{ETH},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64"
TCP, UDP, SCTP = (f"{proto},{IP},{proto}_src=1000,{proto}_dst=80" for proto in ("tcp", "udp", "sctp"))
ICMP = f"icmp,{IP},icmp_type=8,icmp_code=0"
IP6 = f"{ETH},ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_ttl=64"
TCP6 = f"tcp6,{IP6},tcp_src=1000,tcp_dst=80"
ICMP6 = f"icmp6,{IP6},icmpv6_type=128,icmpv6_code=0"
NS = f"icmp6,{IP6},icmpv6_type=135,icmpv6_code=0,nd_target=fe80::9,nd_sll=00:00:00:00:00:07"
NA = f"icmp6,{IP6},icmpv6_type=136,icmpv6_code=0,nd_target=fe80::9,nd_tll=00:00:00:00:00:08"
ARP = (
    f"arp,{ETH},arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_sha=00:00:00:00:00:01,"
    "arp_tha=00:00:00:00:00:00"
)
TAGGED = f"tcp,dl_vlan=5,dl_vlan_pcp=3,{IP},tcp_src=1,tcp_dst=2"

# Field -> what a flow wants of it, with its prerequisites; a packet that has it; one that has not.
_FIELDS: dict[str, tuple[str, str, str]] = {
    "in_port": ("in_port=1", ICMP, f"in_port=2,{ICMP}"),
    "eth_src": (
        "dl_src=00:00:00:00:00:01/00:00:00:00:00:0f", ICMP,
        ICMP.replace("00:01,dl_dst", "00:03,dl_dst"),
    ),
    "eth_dst": ("dl_dst=00:00:00:00:00:02", ICMP, ARP.replace("00:02,arp_op", "00:04,arp_op")),
    "eth_type": ("dl_type=0x0806", ARP, ICMP),
    "vlan_tci": ("vlan_tci=0x1005/0x1fff", TAGGED, TCP),
    "nw_proto": ("ip,nw_proto=6", TCP, UDP),
    "ip_src": ("ip,nw_src=10.0.0.0/24", ICMP, ICMP.replace("10.0.0.1", "10.0.1.1")),
    "ip_dst": ("ip,nw_dst=10.0.0.2", UDP, UDP.replace("10.0.0.2", "10.0.0.3")),
    "ip_dscp": ("ip,nw_tos=32", f"{ICMP},nw_tos=32", ICMP),
    "nw_ecn": ("ip,nw_ecn=2", f"{ICMP},nw_ecn=2", ICMP),
    "nw_ttl": ("ip,nw_ttl=64", ICMP, ICMP.replace("nw_ttl=64", "nw_ttl=63")),
    "ip_frag": ("ip,nw_frag=later", f"{UDP},nw_frag=later", UDP),
    "ipv6_src": ("ipv6,ipv6_src=fe80::/64", ICMP6, ICMP6.replace("fe80::1", "fe81::1")),
    "ipv6_dst": ("ipv6,ipv6_dst=fe80::2", TCP6, TCP6.replace("fe80::2", "fe80::3")),
    "ipv6_label": ("ipv6,ipv6_label=0x12345", f"{ICMP6},ipv6_label=0x12345", ICMP6),
    "arp_spa": ("arp,arp_spa=10.0.0.1", ARP, ARP.replace("10.0.0.1", "10.0.0.9")),
    "arp_tpa": ("arp,arp_tpa=10.0.0.0/30", ARP, ARP.replace("10.0.0.2", "10.0.0.9")),
    "arp_op": ("arp,arp_op=1", ARP, ARP.replace("arp_op=1", "arp_op=2")),
    "arp_sha": (
        "arp,arp_sha=00:00:00:00:00:01", ARP,
        ARP.replace("sha=00:00:00:00:00:01", "sha=00:00:00:00:00:05"),
    ),
    "arp_tha": (
        "arp,arp_tha=00:00:00:00:00:00", ARP,
        ARP.replace("tha=00:00:00:00:00:00", "tha=00:00:00:00:00:05"),
    ),
    "tcp_src": ("tcp,tp_src=1000", TCP, TCP.replace("1000", "1001")),
    "tcp_dst": ("tcp,tp_dst=0x50/0xfff0", TCP, TCP.replace("dst=80", "dst=96")),
    "udp_src": ("udp,tp_src=1000", UDP, UDP.replace("1000", "1001")),
    "udp_dst": ("udp,tp_dst=80", UDP, UDP.replace("dst=80", "dst=81")),
    "sctp_src": ("sctp,tp_src=1000", SCTP, SCTP.replace("1000", "1001")),
    "sctp_dst": ("sctp,tp_dst=80", SCTP, SCTP.replace("dst=80", "dst=81")),
    "tcp_flags": ("tcp,tcp_flags=+syn-ack", f"{TCP},tcp_flags=syn", f"{TCP},tcp_flags=syn|ack"),
    "icmp_type": ("icmp,icmp_type=8", ICMP, ICMP.replace("icmp_type=8", "icmp_type=0")),
    "icmp_code": ("icmp,icmp_code=0", ICMP, ICMP.replace("icmp_code=0", "icmp_code=3")),
    "icmpv6_type": ("icmp6,icmp_type=128", ICMP6, ICMP6.replace("type=128", "type=129")),
    "icmpv6_code": ("icmp6,icmp_code=0", ICMP6, ICMP6.replace("code=0", "code=1")),
    "nd_target": ("icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::9", NS, NS.replace("fe80::9", "fe80::8")),
    "nd_sll": (
        "icmp6,icmp_type=135,icmp_code=0,nd_sll=00:00:00:00:00:07", NS, NS.replace("00:00:07", "00:00:06"),
    ),
    "nd_tll": (
        "icmp6,icmp_type=136,icmp_code=0,nd_tll=00:00:00:00:00:08", NA, NA.replace("00:00:08", "00:00:06"),
    ),
    "metadata": ("metadata=0x5/0xff", f"metadata=0x105,{ICMP}", ICMP),
    "pkt_mark": ("pkt_mark=3", f"pkt_mark=3,{ICMP}", ICMP),
    "tun_id": ("tun_id=7", f"tun_id=7,{ICMP}", ICMP),
    "tun_src": ("tun_src=1.2.3.4", f"tun_src=1.2.3.4,tun_dst=1.2.3.5,{ICMP}", ICMP),
    "tun_dst": ("tun_dst=1.2.3.5", f"tun_src=1.2.3.4,tun_dst=1.2.3.5,{ICMP}", ICMP),
    "ct_state": ("ct_state=+trk+est-inv", f"ct_state=trk|est,{ICMP}", f"ct_state=trk|inv,{ICMP}"),
    "ct_zone": ("ct_state=+trk,ct_zone=9", f"ct_state=trk|est,ct_zone=9,{ICMP}", f"ct_state=trk|est,{ICMP}"),
    "ct_mark": ("ct_mark=0x2/0x2", f"ct_state=trk|est,ct_mark=0x3,{ICMP}", f"ct_state=trk|est,{ICMP}"),
    "ct_label": ("ct_label=0x2/0x2", f"ct_state=trk|est,ct_label=0x3,{ICMP}", f"ct_state=trk|est,{ICMP}"),
    **{f"reg{n}": (f"reg{n}={n + 1}/0xff", f"reg{n}={n + 0x101},{ICMP}", ICMP) for n in range(16)},
}  # fmt: skip


def match_cases() -> list[Case]:
    """One case per field."""
    return [
        Case(name, (f"priority=5,{want},actions=output:2", "priority=1,actions=output:3"), (hit, miss))
        for name, (want, hit, miss) in _FIELDS.items()
    ]


ACTION_CASES = (
    Case(
        "Output",
        ("actions=output:2,in_port,local,all", "in_port=2,actions=output:2,flood"),
        (ICMP, f"in_port=2,{ICMP}"),
    ),
    Case("OutputField", ("reg1=3,actions=output:NXM_NX_REG1[0..15]",), (f"reg1=3,{ICMP}", ICMP)),
    Case("OutputTruncated", ("actions=output(port=2,max_len=100),output:3",), (ICMP,)),
    Case(
        "Resubmit",
        (
            "actions=resubmit(,1),resubmit(7,2),output:3",
            "table=1,actions=output:2",
            "table=2,in_port=7,actions=local",
        ),
        (ICMP,),
    ),
    Case("GotoTable", ("actions=output:2,goto_table:4", "table=4,ip,actions=output:3"), (ICMP, ARP)),
    Case(
        "SetField",
        (
            (
                "ip,actions=set_field:1.2.3.4->ip_src,set_field:00:00:00:00:00:09->eth_dst,output:2,"
                "set_field:5->reg3,resubmit(,1)"
            ),
            "table=1,reg3=5,actions=output:3",
        ),
        (ICMP, TCP),
    ),
    Case(
        "SetField masked",
        (
            "actions=set_field:0xa0/0xf0->reg0,set_field:0x05/0x0f->reg0,resubmit(,1)",
            "table=1,reg0=0xa5,actions=output:2",
        ),
        (ICMP, f"reg0=0x300,{ICMP}"),
    ),
    Case(
        "SetField transport",
        ("tcp,actions=set_field:8080->tcp_dst,output:2", "udp,actions=set_field:53->udp_src,output:2"),
        (TCP, UDP),
    ),
    Case(
        "SetField arp",
        (
            (
                "arp,actions=set_field:2->arp_op,move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],"
                "set_field:00:00:00:00:00:0a->arp_sha,in_port"
            ),
        ),
        (ARP,),
    ),
    Case(
        "SetField ipv6",
        ("ipv6,actions=set_field:fe80::99->ipv6_dst,set_field:9->nw_ttl,output:2",),
        (TCP6, ICMP6),
    ),
    Case(
        "Move",
        (
            (
                "ip,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],"
                "move:NXM_NX_REG0[0..7]->NXM_NX_REG1[8..15],resubmit(,1)"
            ),
            "table=1,reg1=0x100,actions=output:2",
        ),
        (ICMP, ICMP.replace("10.0.0.1", "10.0.0.3")),
    ),
    Case(
        "Push",
        (
            "actions=set_field:7->reg0,push:NXM_NX_REG0[],set_field:8->reg0,pop:NXM_NX_REG1[],resubmit(,1)",
            "table=1,reg0=8,reg1=7,actions=output:2",
        ),
        (ICMP,),
    ),
    Case(
        "Pop",
        (
            (
                "actions=push:NXM_OF_ETH_SRC[],push:NXM_OF_ETH_DST[],pop:NXM_OF_ETH_SRC[],"
                "pop:NXM_OF_ETH_DST[],in_port"
            ),
        ),
        (ICMP,),
    ),
    Case(
        "Controller",
        ("actions=controller(userdata=01.02),output:2", "in_port=2,actions=controller(max_len=128,id=3)"),
        (ICMP, f"in_port=2,{ICMP}"),
    ),
    Case(
        "Conjunction",
        (
            "priority=9,conj_id=5,ip,actions=output:2",
            "priority=9,ip,nw_src=10.0.0.1,actions=conjunction(5,1/2)",
            "priority=9,ip,nw_dst=10.0.0.2,actions=conjunction(5,2/2)",
            "actions=output:3",
        ),
        (ICMP, ICMP.replace("10.0.0.2", "10.0.0.4")),
    ),
    Case(
        "Ct",
        (
            "ip,ct_state=-trk,actions=ct(table=1,zone=5)",
            (
                "table=1,ct_state=+new,ip,actions=ct(commit,zone=NXM_NX_CT_ZONE[],"
                "exec(set_field:0x1->ct_mark,set_field:0x2/0x2->ct_label)),output:2"
            ),
            "table=1,ct_state=+est,actions=output:3",
        ),
        (ICMP, TCP),
    ),
    Case("CtClear", ("ip,actions=ct_clear,output:2",), (f"ct_state=trk|est,ct_mark=1,{ICMP}",)),
    Case("Clone", ("ip,actions=clone(set_field:1.2.3.4->ip_dst,output:2),output:3",), (ICMP,)),
    Case("Note", ("actions=note:01.02.03,output:2",), (ICMP,)),
    Case("PushVlan", ("actions=push_vlan:0x8100,set_field:4105->vlan_vid,output:2",), (ICMP,)),
    Case("PopVlan", ("dl_vlan=5,actions=pop_vlan,output:2",), (TAGGED,)),
    Case("SetVlanVid", ("actions=mod_vlan_vid:7,output:2",), (ICMP, TAGGED)),
    Case("SetVlanPcp", ("actions=mod_vlan_pcp:2,output:2",), (ICMP, TAGGED)),
    Case("DecTtl", ("ip,actions=dec_ttl,output:2",), (ICMP, ICMP.replace("nw_ttl=64", "nw_ttl=1"))),
    Case("Exit", ("actions=resubmit(,1),output:3", "table=1,actions=output:2,exit,output:3"), (ICMP,)),
    Case(
        "WriteMetadata",
        ("actions=write_metadata:0x50/0xf0,goto_table:1", "table=1,metadata=0x50,actions=output:2"),
        (ICMP,),
    ),
    Case("Group", ("actions=group:1,output:3",), (ICMP,)),
    Case("FinTimeout", ("tcp,actions=fin_timeout(idle_timeout=5),output:2",), (TCP,)),
    Case("Enqueue", ("actions=enqueue:2:1,output:3",), (ICMP,)),
)
