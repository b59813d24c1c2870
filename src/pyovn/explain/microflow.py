"""The packet of a trace: from an expression to field values, and as ovs-ofctl would write it.

A microflow expression must name one packet: comparisons for equality, joined by ``&&`` (ovn-trace(8),
"DESCRIPTION").  A disjunction is accepted when the rest of the expression makes one of its sides
true, which is how ``tcp.dst == 80 && ip4`` satisfies tcp's need for IPv4 or IPv6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.logical.ast import (
    And,
    Compare,
    Expr,
    Literal,
    Or,
    PortName,
    Predicate,
    all_of,
    any_of,
    format_expr,
)
from pyovn.logical.evaluate import evaluate
from pyovn.logical.lexer import HEX, IPV4, IPV6, MAC, Constant, format_integer
from pyovn.logical.parse import expansion, parse_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.logical.ast import Value

Microflow = dict[str, int]


class MicroflowError(ValueError):
    """The expression does not name one packet."""


def annotate(expr: Expr) -> Expr:
    """Write out predicates and prerequisites, each beside its use."""
    if isinstance(expr, And):
        return all_of([annotate(item) for item in expr.items])
    if isinstance(expr, Or):
        return any_of([annotate(item) for item in expr.items])
    if isinstance(expr, Predicate):
        expanded = annotate(expansion(expr.symbol, negated=expr.negated))
        return _with_needs(expanded, expr.symbol.prerequisites)
    if isinstance(expr, Compare):
        bare = Compare(expr.field, expr.op, tuple(map(_hexadecimal, expr.values)))
        alone: Expr = bare
        if len(bare.values) > 1:
            alone = any_of([Compare(expr.field, expr.op, (value,)) for value in bare.values])
        return _with_needs(alone, expr.field.symbol.prerequisites)
    return expr


def _with_needs(expr: Expr, needs: str) -> Expr:
    return all_of([expr, annotate(parse_text(needs))]) if needs else expr


def _hexadecimal(value: Value) -> Value:
    return Constant(value.value, value.mask, HEX) if isinstance(value, Constant) else value


class _Builder:
    """Sets bits once; a second, different value is a contradiction."""

    def __init__(self, ports: Callable[[str], int | None]) -> None:
        self.values: Microflow = {}
        self.known: dict[str, int] = {}
        self.alternatives: list[Or] = []
        self.ports = ports
        self.ambiguous = False

    def add(self, expr: Expr) -> None:
        if isinstance(expr, And):
            for item in expr.items:
                self.add(item)
        elif isinstance(expr, Or):
            self.alternatives.append(expr)
        elif isinstance(expr, Literal):
            if not expr.value:
                raise MicroflowError("Constraints are contradictory.")
        elif isinstance(expr, Compare):
            self._assign(expr)

    def _assign(self, expr: Compare) -> None:
        if expr.op != "==" or len(expr.values) != 1:
            self.ambiguous = True
            return
        value = expr.values[0]
        full = (1 << expr.field.width) - 1
        if isinstance(value, PortName):
            bits, mask = self.ports(value.name) or 0, full
        elif isinstance(value, Constant):
            bits, mask = value.value, full if value.mask is None else value.mask
        else:
            self.ambiguous = True
            return
        name, first = expr.field.symbol.base, expr.field.first
        bits, mask = bits << first, mask << first
        known = self.known.get(name, 0)
        if (self.values.get(name, 0) ^ bits) & known & mask:
            raise MicroflowError("Constraints are contradictory.")
        self.values[name] = self.values.get(name, 0) | bits
        self.known[name] = known | mask


def parse_microflow(expr: Expr, ports: Callable[[str], int | None]) -> Microflow:
    """The values of the fields, absent ones 0; raises ``MicroflowError``."""
    annotated = annotate(expr)
    builder = _Builder(ports)
    builder.add(annotated)
    if not builder.ambiguous:
        builder.ambiguous = not all(evaluate(a, builder.values, ports) for a in builder.alternatives)
    if builder.ambiguous:
        raise MicroflowError(f"Constraints are ambiguous: {format_expr(annotated)}.")
    return builder.values


def inport_of(expr: Expr) -> str | None:
    """The port that a microflow comes from, by its expression alone."""
    for item in expr.items if isinstance(expr, And) else (expr,):
        if isinstance(item, Compare) and item.field.symbol.name == "inport" and item.op == "==":
            value = item.values[0]
            return value.name if isinstance(value, PortName) else None
    return None


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
