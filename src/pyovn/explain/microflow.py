"""The packet of a trace as ovs-ofctl would write it, all relevant fields shown.

A microflow maps OpenFlow field names (``Symbol.base`` of the logical language) to values; absent ones are 0.
``constraints`` makes one of an expression.
"""

from __future__ import annotations

from typing import Final

from pyovn.logical.lexer import IPV4, IPV6, MAC, format_integer

Microflow = dict[str, int]


_CT_STATE: Final = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
_TCP_FLAGS: Final = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns")
_PROTOCOLS: Final = {1: "icmp", 6: "tcp", 17: "udp", 132: "sctp", 58: "icmp6"}
_FRAGMENTS: Final = {0: "no", 1: "first", 2: "later", 3: "later"}
VLAN_PRESENT: Final = 1 << 12
ARP: Final = (0x806, 0x8035)


def format_microflow(flow: Microflow) -> str:
    """The packet in the form of ovs-ofctl's flows, all relevant fields shown."""
    kind = flow.get("eth_type", 0)
    protocol = flow.get("nw_proto", 0)
    first, words = _metadata(flow), [*_registers(flow), *_ethernet(flow)]
    if kind == 0x800:
        name = _protocol_name(protocol, kind) or "ip"
        return ",".join(
            [*first, name, *words, *_ipv4(flow), *_network(flow, name == "ip"), *_transport(flow)]
        )
    if kind == 0x86DD:
        name = _protocol_name(protocol, kind) or "ipv6"
        return ",".join(
            [*first, name, *words, *_ipv6(flow), *_network(flow, name == "ipv6"), *_transport(flow)]
        )
    if kind in ARP:
        return ",".join([*first, "arp" if kind == ARP[0] else "rarp", *words, *_arp(flow)])
    return ",".join([*first, *words, f"dl_type=0x{kind:04x}"])


def _metadata(flow: Microflow) -> list[str]:
    words = []
    if flow.get("pkt_mark"):
        words.append(f"pkt_mark={flow['pkt_mark']:#x}")
    state = flow.get("ct_state", 0)
    if state:
        words.append("ct_state=" + "|".join(n for i, n in enumerate(_CT_STATE) if state >> i & 1))
    words += [f"{name}={flow[name]:#x}" for name in ("ct_mark", "ct_label") if flow.get(name)]
    return words


def _registers(flow: Microflow) -> list[str]:
    words = []
    for number in range(16):
        value = register(flow, number)
        if value:
            words.append(f"reg{number}={value:#x}")
    return words


def register(flow: Microflow, number: int) -> int:
    """The value of an OpenFlow register, which may be part of a wider one."""
    if number < 8:
        return flow.get(f"xxreg{number // 4}", 0) >> 32 * (3 - number % 4) & 0xFFFFFFFF
    if number < 10:
        return flow.get("xreg4", 0) >> 32 * (9 - number) & 0xFFFFFFFF
    return flow.get(f"reg{number}", 0)


def _ethernet(flow: Microflow) -> list[str]:
    tci = flow.get("vlan_tci", 0)
    if tci & VLAN_PRESENT:
        vlan = [f"dl_vlan={tci & 0xFFF}", f"dl_vlan_pcp={tci >> 13}", "vlan_tci1=0x0000"]
    else:
        vlan = [f"vlan_tci=0x{tci:04x}"]
    return [*vlan, f"dl_src={_mac(flow, 'eth_src')}", f"dl_dst={_mac(flow, 'eth_dst')}"]


def _mac(flow: Microflow, name: str) -> str:
    return format_integer(flow.get(name, 0), MAC)


def _address(flow: Microflow, name: str) -> str:
    return format_integer(flow.get(name, 0), IPV6 if name.startswith(("ipv6", "nd")) else IPV4)


def _protocol_name(protocol: int, kind: int) -> str:
    name = _PROTOCOLS.get(protocol, "")
    if kind == 0x800:
        return "" if name == "icmp6" else name
    if name == "icmp":
        return ""
    return name if name in {"", "icmp6"} else f"{name}6"


def _ipv4(flow: Microflow) -> list[str]:
    return [f"nw_src={_address(flow, 'ip_src')}", f"nw_dst={_address(flow, 'ip_dst')}"]


def _ipv6(flow: Microflow) -> list[str]:
    source, target = _address(flow, "ipv6_src"), _address(flow, "ipv6_dst")
    return [f"ipv6_src={source}", f"ipv6_dst={target}", f"ipv6_label=0x{flow.get('ipv6_label', 0):05x}"]


def _network(flow: Microflow, show_protocol: bool) -> list[str]:
    words = [f"nw_proto={flow.get('nw_proto', 0)}"] if show_protocol else []
    tos = flow.get("ip_dscp", 0) << 2
    fragment = _FRAGMENTS[flow.get("ip_frag", 0) & 3]
    words += [f"nw_tos={tos}", f"nw_ecn={flow.get('nw_ecn', 0)}", f"nw_ttl={flow.get('nw_ttl', 0)}"]
    return [*words, f"nw_frag={fragment}"]


def _transport(flow: Microflow) -> list[str]:
    protocol, kind = flow.get("nw_proto", 0), flow.get("eth_type", 0)
    if protocol in {6, 17, 132}:
        name = {6: "tcp", 17: "udp", 132: "sctp"}[protocol]
        words = [f"tp_src={flow.get(f'{name}_src', 0)}", f"tp_dst={flow.get(f'{name}_dst', 0)}"]
        if protocol == 6:
            flags = flow.get("tcp_flags", 0)
            words.append(
                "tcp_flags=" + ("|".join(n for i, n in enumerate(_TCP_FLAGS) if flags >> i & 1) or "0")
            )
        return words
    if protocol == 1 and kind == 0x800:
        return [f"icmp_type={flow.get('icmp_type', 0)}", f"icmp_code={flow.get('icmp_code', 0)}"]
    if protocol == 2 and kind == 0x800:
        return ["tp_src=0", "tp_dst=0"]
    if protocol == 58 and kind == 0x86DD:
        words = [f"icmp_type={flow.get('icmpv6_type', 0)}", f"icmp_code={flow.get('icmpv6_code', 0)}"]
        if flow.get("icmpv6_type") in {135, 136}:
            words += [f"nd_target={_address(flow, 'nd_target')}"]
            words += [f"{name}={_mac(flow, name)}" for name in ("nd_sll", "nd_tll")]
        return words
    return []


def _arp(flow: Microflow) -> list[str]:
    return [
        f"arp_spa={_address(flow, 'arp_spa')}",
        f"arp_tpa={_address(flow, 'arp_tpa')}",
        f"arp_op={flow.get('arp_op', 0)}",
        f"arp_sha={_mac(flow, 'arp_sha')}",
        f"arp_tha={_mac(flow, 'arp_tha')}",
    ]
