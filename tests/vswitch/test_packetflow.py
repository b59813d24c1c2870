from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

from pyovn.vswitch.compose import compose
from pyovn.vswitch.flowkey import FULL, HEADER_BITS, SLOTS, Slot, pack_match
from pyovn.vswitch.packetflow import extract, rewrite
from pyovn.wire.openflow.fields import ALL_FIELDS
from pyovn.wire.openflow.text import parse_match

MACS = st.integers(0, 2**48 - 1)
IP4 = st.integers(0, 2**32 - 1)
IP6 = st.integers(0, 2**128 - 1)
PORTS = st.integers(0, 65535)
BYTES = st.integers(0, 255)


def key_of(**values: int) -> int:
    key = 0
    for name, value in values.items():
        slot = SLOTS[name]
        key = key & ~slot.mask | value << slot.offset
    return key


@st.composite
def packets(draw: st.DrawFn) -> dict[str, int]:
    """The fields of a packet, by slot."""
    fields = {"eth_src": draw(MACS), "eth_dst": draw(MACS)}
    if draw(st.booleans()):
        fields |= {"vlan_tci": draw(st.integers(0, 0xFFFF)) | 0x1000, "vlan_tpid": 0x8100}
    kind = draw(st.sampled_from(("arp", "ip", "ip6", "other")))
    if kind == "other":
        return fields | {"eth_type": 0x88CC}
    if kind == "arp":
        fields |= {
            "eth_type": 0x806,
            "arp_op": draw(st.integers(1, 2)),
            "arp_spa": draw(IP4),
            "arp_tpa": draw(IP4),
        }
        return fields | {"arp_sha": draw(MACS), "arp_tha": draw(MACS)}
    fields |= {"ip_ttl": draw(BYTES), "ip_tos": draw(BYTES)}
    if kind == "ip":
        proto = draw(st.sampled_from((1, 6, 17, 47)))
        fields |= {"eth_type": 0x800, "ip_src": draw(IP4), "ip_dst": draw(IP4), "ip_proto": proto}
    else:
        proto = draw(st.sampled_from((58, 6, 17, 47)))
        fields |= {"eth_type": 0x86DD, "ipv6_src": draw(IP6), "ipv6_dst": draw(IP6), "ip_proto": proto}
        fields["ipv6_label"] = draw(st.integers(0, 2**20 - 1))
    if proto in {6, 17}:
        fields |= {"tp_src": draw(PORTS), "tp_dst": draw(PORTS)}
        if proto == 6:
            fields["tcp_flags"] = draw(st.integers(0, 0x1FF))
    elif proto == 1:
        fields |= {"icmp_type": draw(BYTES), "icmp_code": draw(BYTES)}
    elif proto == 58:
        kind6 = draw(st.sampled_from((128, 135, 136)))
        fields |= {"icmp_type": kind6}
        if kind6 != 128:
            link = "nd_sll" if kind6 == 135 else "nd_tll"
            fields |= {"nd_target": draw(IP6), link: draw(st.integers(1, 2**48 - 1))}
            fields["nd_options_type"] = 1 if kind6 == 135 else 2
            fields["nd_reserved"] = 0 if kind6 == 135 else 0x60000000
    return fields


@given(packets())
@settings(max_examples=150, deadline=None)
def test_a_composed_frame_has_the_key_that_it_was_composed_from(fields: dict[str, int]) -> None:
    key = key_of(**fields)
    assert extract(compose(key, b"payload")) == key


@given(packets(), st.data())
@settings(max_examples=200, deadline=None)
def test_rewriting_gives_the_frame_that_would_have_been_composed(
    fields: dict[str, int], data: st.DataObject
) -> None:
    fixed = {"eth_type", "ip_proto", "nd_options_type", "nd_reserved", "tcp_flags", "vlan_tpid"}
    if fields.get("ip_proto") == 58:
        fixed.add("icmp_type")
    if fields.get("ip_proto") == 17:
        fixed |= set()
    changed = dict(fields)
    for name in data.draw(st.sets(st.sampled_from(sorted(set(fields) - fixed)))):
        value = data.draw(
            st.integers(1, SLOTS[name].ones & (0xFFFFF if name == "ipv6_label" else SLOTS[name].ones))
        )
        if name == "arp_op":
            value = value & 3
        changed[name] = value | 0x1000 if name == "vlan_tci" else value
    old, new = key_of(**fields), key_of(**changed)
    assert rewrite(compose(old, b"abcde"), old, new) == compose(new, b"abcde")


def test_a_tag_is_inserted_and_removed() -> None:
    plain = key_of(eth_src=1, eth_dst=2, eth_type=0x800, ip_src=1, ip_dst=2, ip_proto=17, tp_src=1, tp_dst=2)
    tagged = plain | key_of(vlan_tci=0x1005, vlan_tpid=0x8100)
    frame = compose(plain)
    assert rewrite(frame, plain, tagged) == compose(tagged)
    assert rewrite(compose(tagged), tagged, plain) == frame
    both = tagged | key_of(vlan2_tci=0x1007, vlan2_tpid=0x88A8)
    stacked = rewrite(frame, plain, both)
    assert extract(stacked) == both
    assert rewrite(stacked, both, plain) == frame


def test_checksums_agree_with_another_implementation() -> None:
    packet = Ether() / IPv6(src="fe80::1", dst="fe80::2") / UDP(sport=1, dport=2) / b"some data"
    frame = bytes(packet)
    old = extract(frame)
    target = SLOTS["ipv6_dst"]
    new = old & ~target.mask | 0x20010DB8 << 96 << target.offset
    out = Ether(rewrite(frame, old, new))
    found = out[UDP].chksum
    del out[UDP].chksum
    assert Ether(bytes(out))[UDP].chksum == found


def test_a_udp_packet_without_checksum_stays_without() -> None:
    frame = bytes(Ether() / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(chksum=0) / b"x")
    old = extract(frame)
    slot = SLOTS["ip_src"]
    out = Ether(rewrite(frame, old, old & ~slot.mask | 0x09090909 << slot.offset))
    assert out[UDP].chksum == 0
    assert out[IP].src == "9.9.9.9"


def test_fragments_after_the_first_have_no_ports() -> None:
    later = bytes(Ether() / IP(frag=5, proto=17) / b"\0\1\0\2\0\0\0\0")
    first = bytes(Ether() / IP(flags="MF", proto=17) / UDP(sport=1, dport=2))
    assert SLOTS["ip_frag"].read(extract(later)) == 3
    assert SLOTS["tp_dst"].read(extract(later)) == 0
    assert SLOTS["ip_frag"].read(extract(first)) == 1
    assert SLOTS["tp_dst"].read(extract(first)) == 2


@given(st.binary(min_size=14, max_size=90))
@settings(max_examples=200, deadline=None)
def test_any_bytes_have_a_key_within_the_slots(data: bytes) -> None:
    key = extract(data)
    assert 0 <= key <= FULL
    assert not key & ~HEADER_BITS


@given(packets())
@settings(max_examples=50, deadline=None)
def test_a_frame_that_is_cut_short_has_a_key(fields: dict[str, int]) -> None:
    frame = compose(key_of(**fields))
    for size in range(14, len(frame)):
        extract(frame[:size])


def test_overlapping_fields_share_their_bits() -> None:
    one, _ = pack_match(parse_match("reg0=0x1,reg3=0x4"))
    two, _ = pack_match(parse_match("xxreg0=0x1000000000000000000000004"))
    assert one == two & ~0 or SLOTS["xxreg0"].read(one) == SLOTS["xxreg0"].read(two)
    assert SLOTS["vlan_pcp"] == Slot(SLOTS["vlan_tci"].offset + 13, 3)


def test_the_switch_has_the_fields_that_ovn_uses() -> None:
    unused = ("tun_metadata", "mpls_", "nsh")
    missing = [f.name for f in ALL_FIELDS if f.name not in SLOTS and not f.name.startswith(unused)]
    assert missing == []
