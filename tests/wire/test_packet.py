from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.wire import packet as pk
from pyovn.wire.packet.icmp import NEIGHBOR_ADVERT, NEIGHBOR_SOLICIT
from pyovn.wire.packet.link import ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_VLAN
from pyovn.wire.packet.network import PROTO_ICMP, PROTO_ICMPV6, PROTO_TCP, PROTO_UDP

MAC = st.integers(0, 2**48 - 1)
IP4 = st.integers(0, 2**32 - 1)
IP6 = st.integers(0, 2**128 - 1)
U8 = st.integers(0, 255)
U16 = st.integers(0, 65535)
U32 = st.integers(0, 2**32 - 1)
WORDS = st.binary(max_size=20).map(lambda data: data + bytes(-len(data) & 3))
PAYLOAD = st.binary(max_size=60)

ipv4 = st.builds(pk.IPv4, IP4, IP4, st.just(PROTO_TCP), U8, U8, U16, st.integers(0, 7), st.just(0), WORDS)
ipv6 = st.builds(
    pk.IPv6,
    IP6,
    IP6,
    st.just(PROTO_TCP),
    U8,
    U8,
    st.integers(0, 2**20 - 1),
    st.sampled_from([(), ((44, b"\0\0\0\0\0\0\1"),), ((0, b"\0\1\4\0\0\0\0"),)]),
)
TRANSPORTS: dict[str, tuple[int, st.SearchStrategy[Any]]] = {
    "tcp": (PROTO_TCP, st.builds(pk.Tcp, U16, U16, U32, U32, st.integers(0, 4095), U16, U16, WORDS)),
    "udp": (PROTO_UDP, st.builds(pk.Udp, U16, U16)),
    "icmp": (PROTO_ICMP, st.builds(pk.Icmp, U8, U8, U32)),
    "icmpv6": (PROTO_ICMPV6, st.builds(pk.Icmpv6, U8, U8, U32)),
}


@st.composite
def frames(draw: st.DrawFn) -> pk.Frame:
    name = draw(st.sampled_from(["tcp", "udp", "icmp", "icmpv6", "arp", "other"]))
    vlans = draw(st.integers(0, 2))
    kind = {"arp": ETH_ARP, "other": 0x88CC, "icmpv6": ETH_IPV6, "icmp": ETH_IPV4}.get(name)
    kind = kind or draw(st.sampled_from([ETH_IPV4, ETH_IPV6]))
    kinds = [ETH_VLAN] * vlans + [kind]
    ethernet = pk.Ethernet(draw(MAC), draw(MAC), kinds[0])
    tags = tuple(pk.Vlan(draw(U16), following) for following in kinds[1:])
    payload = draw(PAYLOAD)
    if name == "arp":
        return pk.Frame(
            ethernet, tags, pk.Arp(draw(U16), draw(MAC), draw(IP4), draw(MAC), draw(IP4)), payload=payload
        )
    if name == "other":
        return pk.Frame(ethernet, tags, payload=payload)
    protocol, headers = TRANSPORTS[name]
    drawn = draw(ipv4 if kind == ETH_IPV4 else ipv6)
    ip: pk.IPv4 | pk.IPv6 = msgspec.structs.replace(drawn, protocol=protocol)  # type: ignore[assignment]  # msgspec types it loosely
    return pk.Frame(ethernet, tags, None, ip, draw(headers), payload)


@settings(max_examples=60, deadline=None)
@given(frames())
def test_a_built_frame_parses_to_itself(frame: pk.Frame) -> None:
    assert pk.parse_frame(frame.build()) == frame


@settings(max_examples=60, deadline=None)
@given(frames(), st.data())
def test_a_cut_frame_is_a_typed_error_or_a_frame(frame: pk.Frame, data: st.DataObject) -> None:
    wire = frame.build()
    cut = wire[: data.draw(st.integers(0, len(wire)))]
    with contextlib.suppress(pk.PacketError):
        pk.parse_frame(cut)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_typed_error_or_a_header(data: bytes) -> None:
    for parse in (
        pk.parse_frame,
        pk.Geneve.parse,
        pk.Vxlan.parse,
        pk.nd_options,
        pk.IPv6.parse,
        pk.IPv4.parse,
    ):
        with contextlib.suppress(pk.PacketError):
            parse(data)


@pytest.mark.parametrize(
    ("ip", "transport"),
    [
        (
            pk.IPv4(0x0A000001, 0x0A000002, PROTO_TCP, 3, 8, 7, 2, options=b"\1\1\1"),
            pk.Tcp(1111, 2222, 3, 4, 0x12),
        ),
        (pk.IPv4(0x0A000001, 0x0A000002, PROTO_UDP), pk.Udp(1111, 2222)),
        (pk.IPv4(0x0A000001, 0x0A000002, PROTO_ICMP), pk.Icmp(8, 0, 0x00050006)),
        (pk.IPv6(1 << 120, 2, PROTO_TCP, 3, 8, 7), pk.Tcp(1111, 2222, options=b"\1\1\1\0")),
        (pk.IPv6(1, 2, PROTO_UDP), pk.Udp(1111, 2222)),
        (pk.IPv6(1, 2, PROTO_ICMPV6), pk.Icmpv6(128, 0, 0x00050006)),
    ],
)
def test_scapy_computes_the_same_lengths_and_checksums(ip: pk.IPv4 | pk.IPv6, transport: Any) -> None:
    scapy = pytest.importorskip("scapy.all")
    kind = ETH_IPV4 if isinstance(ip, pk.IPv4) else ETH_IPV6
    frame = pk.Frame(
        pk.Ethernet(1, 2, ETH_VLAN), (pk.Vlan(0x6005, kind),), ip=ip, transport=transport, payload=b"odd"
    )
    wire = frame.build()
    theirs = scapy.Ether(wire)
    layer = theirs
    while layer:
        for name in ("len", "chksum", "plen", "cksum", "ihl", "dataofs"):
            if name in layer.fields:
                del layer.fields[name]
        layer = layer.payload
    assert bytes(theirs) == wire


def test_neighbor_discovery() -> None:
    ip = pk.IPv6(1, 2, PROTO_ICMPV6, 255)
    header, payload = pk.Icmpv6.parse(pk.NeighborSolicit(7, 0x0A0000000001).build(ip))
    assert header.type == NEIGHBOR_SOLICIT
    assert pk.NeighborSolicit.parse(payload) == pk.NeighborSolicit(7, 0x0A0000000001)
    header, payload = pk.Icmpv6.parse(pk.NeighborAdvert(7, 5, 6).build(ip))
    assert header.type == NEIGHBOR_ADVERT
    assert pk.NeighborAdvert.parse(header, payload) == pk.NeighborAdvert(7, 5, 6)
    with pytest.raises(pk.PacketError):
        pk.NeighborSolicit.parse(bytes(15))


def test_geneve_carries_ovn_ports() -> None:
    wire = pk.Geneve.ovn(0x123456, 0x7ABC, 0x8001).build(b"inner")
    assert wire.hex() == "0240655812345600" + "01028001" + "7abc8001" + b"inner".hex()
    header, inner = pk.Geneve.parse(wire)
    assert (header.vni, header.ovn_ports(), inner) == (0x123456, (0x7ABC, 0x8001), b"inner")
    assert pk.Vxlan.parse(pk.Vxlan(5).build(b"x")) == (pk.Vxlan(5), b"x")


def test_scapy_reads_our_geneve() -> None:
    geneve = pytest.importorskip("scapy.contrib.geneve")
    theirs = geneve.GENEVE(pk.Geneve.ovn(9, 1, 2).build(b"\0" * 14))
    assert theirs.vni == 9
    assert theirs.critical == 1
    assert theirs.optionlen == 2
