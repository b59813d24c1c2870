"""Flow keys as text, in the words of ovs-fields(7): for traces and diagnostics.

``format_key`` shows a packet: all fields that its headers have, and of the metadata what is not zero.
``format_megaflow`` shows which bits of it mattered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.vswitch.flowkey import SLOTS
from pyovn.wire.openflow.text_values import format_ipv4, format_ipv6, format_mac

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PROTOCOLS4: Final = {1: "icmp", 6: "tcp", 17: "udp", 132: "sctp"}
_PROTOCOLS6: Final = {58: "icmp6", 6: "tcp6", 17: "udp6", 132: "sctp6"}
_FORMS: Final[dict[str, Callable[[int], str]]] = {
    "mac": format_mac,
    "ipv4": format_ipv4,
    "ipv6": format_ipv6,
    "hex": hex,
    "hex4": lambda v: f"0x{v:04x}",
    "hex5": lambda v: f"0x{v:05x}",
    "": str,
}
_NO_NAMES: Final[Mapping[int, str]] = {}
_CT_FLAGS: Final = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
_TCP_FLAGS: Final = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns")


def format_slot(form: str, value: int) -> str:
    """A field's value in one of the forms ``mac``, ``ipv4``, ``ipv6``, ``hex``, or decimal."""
    return _FORMS[form](value)


def _kind(key: int) -> str:
    """The abbreviation that stands for Ethernet type and protocol, or nothing."""
    kind = SLOTS["eth_type"].read(key)
    proto = SLOTS["ip_proto"].read(key)
    if kind == 0x0800:
        return _PROTOCOLS4.get(proto, "ip")
    if kind == 0x86DD:
        return _PROTOCOLS6.get(proto, "ipv6")
    return {0x0806: "arp", 0x8035: "rarp"}.get(kind, "")


# (printed name, slot, form), in the order of ovs-ofctl's matches.
_METADATA: Final = (
    ("pkt_mark", "pkt_mark", "hex"),
    ("ct_zone", "ct_zone", ""),
    ("ct_mark", "ct_mark", "hex"),
    ("ct_label", "ct_label", "hex"),
    ("ct_nw_src", "ct_nw_src", "ipv4"),
    ("ct_nw_dst", "ct_nw_dst", "ipv4"),
    ("ct_nw_proto", "ct_nw_proto", ""),
    ("ct_tp_src", "ct_tp_src", ""),
    ("ct_tp_dst", "ct_tp_dst", ""),
)
_PIPELINE: Final = (
    *((f"reg{n}", f"reg{n}", "hex") for n in range(16)),
    ("tun_id", "tun_id", "hex"),
    ("tun_src", "tun_src", "ipv4"),
    ("tun_dst", "tun_dst", "ipv4"),
    ("tun_metadata0", "tun_metadata0", "hex"),
    ("metadata", "metadata", "hex"),
)
_ETHERNET: Final = (
    ("vlan_tci", "vlan_tci", "hex4"),
    ("dl_src", "eth_src", "mac"),
    ("dl_dst", "eth_dst", "mac"),
)
_IPV4: Final = (("nw_src", "ip_src", "ipv4"), ("nw_dst", "ip_dst", "ipv4"))
_IPV6: Final = (
    ("ipv6_src", "ipv6_src", "ipv6"),
    ("ipv6_dst", "ipv6_dst", "ipv6"),
    ("ipv6_label", "ipv6_label", "hex5"),
)
_ARP: Final = (
    ("arp_spa", "arp_spa", "ipv4"),
    ("arp_tpa", "arp_tpa", "ipv4"),
    ("arp_op", "arp_op", ""),
    ("arp_sha", "arp_sha", "mac"),
    ("arp_tha", "arp_tha", "mac"),
)
_PORTS: Final = (("tp_src", "tp_src", ""), ("tp_dst", "tp_dst", ""))
_ICMP: Final = (("icmp_type", "icmp_type", ""), ("icmp_code", "icmp_code", ""))
_ND: Final = (("nd_target", "nd_target", "ipv6"), ("nd_sll", "nd_sll", "mac"), ("nd_tll", "nd_tll", "mac"))


def _headers(key: int) -> list[tuple[str, str, str]]:
    """The fields that the packet's headers have, less those of Ethernet and IP's small ones."""
    kind, proto = SLOTS["eth_type"].read(key), SLOTS["ip_proto"].read(key)
    if kind in {0x0806, 0x8035}:
        return list(_ARP)
    if kind not in {0x0800, 0x86DD}:
        return []
    fields = list(_IPV4 if kind == 0x0800 else _IPV6)
    if SLOTS["ip_frag"].read(key) & 2:
        return fields  # a later fragment has no transport header
    if proto in {6, 17, 132}:
        fields += _PORTS
    elif proto in {1, 58}:
        fields += _ICMP
        if proto == 58 and SLOTS["icmp_type"].read(key) in {135, 136}:
            fields += _ND
    return fields


def _names(value: int, names: tuple[str, ...]) -> str:
    return "|".join(name for bit, name in enumerate(names) if value >> bit & 1)


def _small_ip(key: int) -> list[str]:
    tos = SLOTS["ip_tos"].read(key)
    frag = ("no", "first", "no", "later")[SLOTS["ip_frag"].read(key) & 3]
    return [
        f"nw_tos={tos & 0xFC}",
        f"nw_ecn={tos & 3}",
        f"nw_ttl={SLOTS['ip_ttl'].read(key)}",
        f"nw_frag={frag}",
    ]


def format_key(key: int, ports: Mapping[int, str] = _NO_NAMES) -> str:
    """A packet in full; ``ports`` has the names by which ports are shown."""
    words: list[str] = []
    if state := SLOTS["ct_state"].read(key):
        words.append(f"ct_state={_names(state, _CT_FLAGS)}")
    words += [f"{n}={_FORMS[f](v)}" for n, s, f in _METADATA if (v := SLOTS[s].read(key))]
    kind = _kind(key)
    if kind:
        words.append(kind)
    words += [f"{n}={_FORMS[f](v)}" for n, s, f in _PIPELINE if (v := SLOTS[s].read(key))]
    words.append(f"in_port={_port(key, ports)}")
    tci = SLOTS["vlan_tci"].read(key)
    if tci & 0x1000:
        inner = SLOTS["vlan2_tci"].read(key)
        words += [f"dl_vlan={tci & 0xFFF}", f"dl_vlan_pcp={tci >> 13}"]
        if inner & 0x1000:
            words += [f"dl_vlan1={inner & 0xFFF}", f"dl_vlan_pcp1={inner >> 13}"]
        else:
            words.append(f"vlan_tci1=0x{inner:04x}")
    else:
        words.append(f"vlan_tci=0x{tci:04x}")
    words += [f"{n}={_FORMS[f](SLOTS[s].read(key))}" for n, s, f in _ETHERNET[1:]]
    if not kind:
        words.append(f"dl_type=0x{SLOTS['eth_type'].read(key):04x}")
    fields = _headers(key)
    addresses = 2 if kind and kind not in {"arp", "rarp"} else len(fields)
    if SLOTS["eth_type"].read(key) == 0x86DD:
        addresses = 3
    words += [f"{n}={_FORMS[f](SLOTS[s].read(key))}" for n, s, f in fields[:addresses]]
    if kind in {"ip", "ipv6"}:
        words.append(f"nw_proto={SLOTS['ip_proto'].read(key)}")
    if kind not in {"", "arp", "rarp"}:
        words += _small_ip(key)
    words += [f"{n}={_FORMS[f](SLOTS[s].read(key))}" for n, s, f in fields[addresses:]]
    if kind in {"tcp", "tcp6"}:
        words.append(f"tcp_flags={_names(SLOTS['tcp_flags'].read(key), _TCP_FLAGS) or 0}")
    return ",".join(words)


def _port(key: int, ports: Mapping[int, str]) -> str:
    port = SLOTS["in_port"].read(key) & 0xFFFF
    if port in ports:
        return ports[port]
    return {0xFFFE: "LOCAL", 0xFFFF: "ANY", 0xFFFD: "CONTROLLER"}.get(port, str(port))


def _tag(tci: int, mask: int) -> list[str]:
    """What a flow says of the tag: that a packet has none is said by its Ethernet type already."""
    if not tci & 0x1000:
        return []
    words = [f"dl_vlan={tci & 0xFFF}"] if mask & 0xFFF else []
    return [*words, f"dl_vlan_pcp={tci >> 13}"] if mask & 0xE000 == 0xE000 else words


def format_megaflow(key: int, wc: int, ports: Mapping[int, str] = _NO_NAMES) -> str:
    """The bits ``wc`` of a packet's headers, as the datapath flow that they make."""
    words = ["recirc_id=0", "eth"]
    fields = _headers(key)
    proto_matters = wc & SLOTS["ip_proto"].mask
    kind = _kind(key)
    if kind and not proto_matters and kind not in {"arp", "rarp"}:
        kind = "ip" if SLOTS["eth_type"].read(key) == 0x0800 else "ipv6"
    if kind:
        words.append(kind)
    words.append(f"in_port={_port(key, ports)}")
    for name, slot_name, form in (*_ETHERNET, *fields, ("nw_ttl", "ip_ttl", "")):
        slot = SLOTS[slot_name]
        mask = slot.read(wc)
        if not mask or (slot_name == "ip_ttl" and kind in {"", "arp"}):
            continue
        if slot_name == "vlan_tci":
            words += _tag(slot.read(key), mask)
            continue
        text = f"{name}={_FORMS[form](slot.read(key) & mask)}"
        words.append(text if mask == slot.ones else f"{text}/{_FORMS[form](mask)}")
    if not kind:
        words.append(f"dl_type=0x{SLOTS['eth_type'].read(key):04x}")
    elif kind not in {"arp", "rarp"}:
        words.append(_small_ip(key)[3])
    return ",".join(words)
