"""Reading ``ofproto/trace``: what Open vSwitch 3.1 prints, and what the embedded switch does."""

from __future__ import annotations

import pytest

from pyovn.explain.oftrace import question, read
from pyovn.explain.packet import field, frame_of, key_of, with_field
from pyovn.vswitch.flowkey import pack_match
from pyovn.vswitch.packetflow import extract
from pyovn.wire.openflow.actions import PORT_LOCAL, PORT_NORMAL
from pyovn.wire.openflow.text import parse_match

ARP = {"eth_type": 0x806, "eth_src": 1, "eth_dst": (1 << 48) - 1, "arp_op": 1, "arp_spa": 1, "arp_tpa": 2}

FROM_C = """\
Flow: arp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp_op=1

bridge("br0")
-------------
 0. in_port=1, priority 32768, cookie 0x1234
    load:0x5->NXM_NX_REG14[]
    clone(load:0x8->NXM_NX_REG14[],resubmit(,2))
    load:0x8->NXM_NX_REG14[]
    resubmit(,2)
     2. priority 32768
            output:2
    load:0x1->NXM_NX_TUN_ID[0..23]
    set_field:0x2->tun_metadata0
    move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30]
     -> NXM_NX_TUN_METADATA0[16..30] is now 0x5
    output:3
    resubmit(,3)
 3. priority 32768
    output:4

bridge("br1")
-------------
 0. priority 0
    NORMAL
     -> learned that 00:00:00:00:00:01 is on port pb in VLAN 0
     -> no learned MAC for destination, flooding

Final flow: arp,reg14=0x5,tun_id=0x1,in_port=1
Megaflow: recirc_id=0,eth,arp,in_port=1
Datapath actions: 2,1,101
"""
"""Taken from ovs-vswitchd 3.1 with ``ovs-appctl ofproto/trace``."""

NESTED_BRIDGES = """\
bridge("br0")
-------------
 0. in_port=1, priority 32768
    load:0x1->NXM_NX_REG15[]
    resubmit(,2)
     2. priority 32768
            mod_vlan_vid:9
            output:4

            bridge("br1")
            -------------
                 0. priority 0
                    NORMAL
                     -> no learned MAC for destination, flooding
            strip_vlan
    load:0x2->NXM_NX_REG15[]
    resubmit(,3)
 3. priority 32768
    output:2
    output:4

    bridge("br1")
    -------------
         0. priority 0
            NORMAL
             -> no learned MAC for destination, flooding
    LOCAL

Final flow: arp,reg15=0x2,in_port=1,vlan_tci=0x0000
"""
"""From the same: what follows a patch port is carried out in the first bridge again."""


def test_the_actions_are_carried_out_once_more() -> None:
    reading = read(FROM_C, key_of(ARP))
    assert [(hit.bridge, hit.table, hit.cookie) for hit in reading.hits] == [
        ("br0", 0, 0x1234),
        ("br0", 2, 0),
        ("br0", 3, 0),
        ("br1", 0, 0),
    ]
    sent = [(s.bridge, s.port, s.normal, field(s.key, "reg14")) for s in reading.sendings]
    # The clone has its own register; after it the packet is as before.  A patch clears them.
    assert [s[:2] for s in sent[:3]] == [("br0", 2), ("br0", 3), ("br0", 4)]
    assert [s[3] for s in sent] == [8, 5, 5, 0]
    assert sent[3][2]
    tunnelled = reading.sendings[1].key
    assert (field(tunnelled, "tun_id"), field(tunnelled, "tun_metadata0")) == (1, 0x50002)


def test_after_another_bridge_the_packet_is_as_before() -> None:
    reading = read(NESTED_BRIDGES, key_of(ARP))
    sent = [(s.bridge, s.port, field(s.key, "vlan_tci"), field(s.key, "reg15")) for s in reading.sendings]
    assert sent == [
        ("br0", 4, 0x1009, 1),
        ("br1", PORT_NORMAL, 0x1009, 0),
        ("br0", 2, 0, 2),
        ("br0", 4, 0, 2),
        ("br1", PORT_NORMAL, 0, 0),
        ("br0", PORT_LOCAL, 0, 2),
    ]


def test_where_nothing_is_done() -> None:
    reading = read('bridge("br0")\n-----\n 0. No match.\n    drop\n\nFinal flow: unchanged\n', 0)
    (hit,) = reading.hits
    assert hit.priority is None
    assert not reading.sendings


def test_what_a_note_belongs_to() -> None:
    note = "     >> skipping output to input port\n"
    text = f'bridge("b")\n---\n 0. priority 0\n    output:1\n{note}    output:2\n'
    reading = read(text, 0)
    assert [s.notes for s in reading.sendings] == [["skipping output to input port"], []]


@pytest.mark.parametrize(
    "packet",
    [
        ARP,
        {"eth_type": 0x800, "eth_src": 1, "eth_dst": 2, "ip_src": 3, "nw_proto": 6, "tcp_dst": 80},
        {"eth_type": 0x800, "eth_dst": 2, "ip_src": 3, "nw_proto": 17, "udp_dst": 53, "nw_ttl": 64},
        {"eth_type": 0x800, "eth_dst": 2, "ip_src": 3, "nw_proto": 1, "icmp_type": 8},
        {"eth_type": 0x800, "eth_dst": 2, "vlan_tci": 0x100A, "ip_src": 3, "nw_proto": 17, "nw_ttl": 1},
        {"eth_type": 0x86DD, "eth_dst": 2, "ipv6_src": 3, "ipv6_dst": 4, "nw_proto": 58, "icmpv6_type": 128},
        {
            "eth_type": 0x86DD, "eth_dst": 2, "ipv6_src": 3, "ipv6_dst": 4, "nw_proto": 58, "nw_ttl": 255,
            "icmpv6_type": 135, "nd_target": 9, "nd_sll": 7,
        },
        {
            "eth_type": 0x86DD, "eth_dst": 2, "ipv6_src": 3, "ipv6_dst": 4, "nw_proto": 58, "nw_ttl": 255,
            "icmpv6_type": 136, "nd_target": 9, "nd_tll": 7,
        },
        {"eth_type": 0x1234, "eth_dst": 2},
    ],
)  # fmt: skip
def test_a_question_is_the_packet(packet: dict[str, int]) -> None:
    """As text and back, and as a frame and back, it is the same packet."""
    key = with_field(key_of(packet), "in_port", 5)
    key = with_field(with_field(key, "tun_id", 3), "tun_metadata0", 0x10002)
    if "vlan_tci" in packet:
        key = with_field(key, "vlan_tpid", 0x8100)
    value, _mask = pack_match(parse_match(question(key)))
    assert with_field(value, "vlan_tpid", 0) == with_field(key, "vlan_tpid", 0)
    shown = extract(frame_of(key), 0)
    for name in (
        "eth_src",
        "eth_dst",
        "eth_type",
        "vlan_tci",
        "ip_src",
        "ipv6_dst",
        "icmp_type",
        "nd_target",
    ):
        assert field(shown, name) == field(key, name), name
