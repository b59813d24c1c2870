"""Port security: the helper tables behind check_in_port_sec and check_out_port_sec.

ovn-nb(5), Logical_Switch_Port.port_security, and ovn-sb(5), Logical_Flow actions.  A flow of these tables
leaves the ``check_port_sec`` flag of reg10 at 1 when the packet breaks the port's rules and at 0 when it may
pass; a port without rules has no flow here and passes.  Three tables: what a port may send, its ARP and
neighbour discovery, and what it may receive.

Where Debian's 23.03 tests a neighbour discovery's hop limit against 225, this is the 255 of RFC 4861; and
a solicitation with somebody else's link-layer address is refused like an advertisement.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.lflow import cookie_of
from pyovn.ovn import registers as reg
from pyovn.wire.openflow.actions import Resubmit, SetField
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match, shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyovn.controller.model import LocalPort, Model
    from pyovn.wire.openflow.actions import Action

Terms = dict[str, Any]

_FLAG: Final = reg.flag("check_port_sec")
_PASS: Final[tuple[Action, ...]] = (SetField(FIELDS[reg.LOG_FLAGS], 0, _FLAG),)
_REFUSE: Final[tuple[Action, ...]] = (SetField(FIELDS[reg.LOG_FLAGS], _FLAG, _FLAG),)

_ARP: Final[Terms] = {"eth_type": 0x0806}
_IPV4: Final[Terms] = {"eth_type": 0x0800}
_IPV6: Final[Terms] = {"eth_type": 0x86DD}
_ICMP6: Final[Terms] = {**_IPV6, "nw_proto": 58}
_SOLICIT: Final[Terms] = {**_ICMP6, "nw_ttl": 255, "icmpv6_type": 135}
_ADVERTISE: Final[Terms] = {**_ICMP6, "nw_ttl": 255, "icmpv6_type": 136}
_DHCP: Final[Terms] = {
    **_IPV4, "nw_proto": 17, "nw_src": 0, "nw_dst": 0xFFFFFFFF, "udp_src": 68, "udp_dst": 67,
}  # fmt: skip
_FF02: Final = int(ipaddress.IPv6Address("ff02::"))
_FF: Final = int(ipaddress.IPv6Address("ff00::"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One element of ``port_security``: a MAC, and the addresses that go with it."""

    mac: int
    ipv4: tuple[ipaddress.IPv4Interface, ...]
    ipv6: tuple[ipaddress.IPv6Interface, ...]

    @property
    def is_l2(self) -> bool:
        """No address is named: any may be used."""
        return not self.ipv4 and not self.ipv6


def parse_rule(text: str) -> Rule | None:
    """Read ``MAC [IP[/PLEN]]...``; None if it does not start with a MAC.  Other words are skipped."""
    words = text.replace(",", " ").split()
    octets = words[0].split(":") if words else []
    try:
        mac = int.from_bytes(bytes(int(octet, 16) for octet in octets), "big")
    except ValueError:
        return None
    if len(octets) != 6:
        return None
    v4: list[ipaddress.IPv4Interface] = []
    v6: list[ipaddress.IPv6Interface] = []
    for word in words[1:]:
        try:
            address = ipaddress.ip_interface(word)
        except ValueError:
            continue
        if isinstance(address, ipaddress.IPv4Interface):
            v4.append(address)
        else:
            v6.append(address)
    return Rule(mac, tuple(v4), tuple(v6))


def declare(model: Model) -> None:
    """Flows for each local port with rules."""
    tables = model.profile.oftables
    to_nd: tuple[Action, ...] = (Resubmit(tables.chk_in_port_sec_nd),)

    def flows(port: LocalPort) -> Iterator[tuple[Flow, str]]:
        binding = model.binding_by_name.one(port.name)
        datapath = model.datapath_by_uuid.one(port.datapath)
        if binding is None or datapath is None:
            return
        rules = sorted(
            (r for r in map(parse_rule, binding.port_security) if r is not None), key=lambda r: r.mac
        )
        if not rules:
            return
        sent: Terms = {reg.LOG_DATAPATH: datapath.tunnel_key, reg.LOG_INPORT: port.key}
        received: Terms = {reg.LOG_DATAPATH: datapath.tunnel_key, reg.LOG_OUTPORT: port.key}
        for table, base, lines in (
            (tables.chk_in_port_sec, sent, _sending(rules, to_nd)),
            (tables.chk_in_port_sec_nd, sent, _neighbour(rules)),
            (tables.chk_out_port_sec, received, _receiving(rules)),
        ):
            for priority, terms, actions in lines:
                match = Match.of({**base, **terms})
                yield Flow(table, priority, shared(match), actions, cookie_of(port.binding)), "port security"

    model.want(model.output_flows, "port_security", model.local_ports, flows)


Line = tuple[int, "Mapping[str, Any]", "tuple[Action, ...]"]


def _sending(rules: list[Rule], to_nd: tuple[Action, ...]) -> Iterator[Line]:
    """What the port may send; ARP and neighbour discovery are looked at more closely."""
    yield 80, {}, _REFUSE
    yield 95, _ARP, to_nd
    for rule in rules:
        source = {"eth_src": rule.mac}
        if rule.is_l2:
            yield 90, source, to_nd
        for v4 in rule.ipv4:
            yield 90, {**source, **_IPV4, "nw_src": _network(v4)}, _PASS
        if rule.ipv4:
            yield 90, {**source, **_DHCP}, _PASS
        if rule.ipv6:
            for address in (*map(_network, rule.ipv6), (_link_local(rule.mac), _all(128))):
                yield 90, {**source, **_IPV6, "ipv6_src": address}, to_nd
            unspecified = {**source, **_ICMP6, "ipv6_src": 0, "ipv6_dst": (_FF02, _prefix(16, 128))}
            for kind, actions in ((131, _PASS), (143, _PASS), (135, to_nd)):
                yield 90, {**unspecified, "icmpv6_type": kind, "icmpv6_code": 0}, actions


def _neighbour(rules: list[Rule]) -> Iterator[Line]:
    """ARP and neighbour discovery name the sender once more: that has to be true, too."""
    yield 80, _ARP, _REFUSE
    yield 80, _SOLICIT, _REFUSE
    yield 80, _ADVERTISE, _REFUSE
    for rule in rules:
        arp = {**_ARP, "eth_src": rule.mac, "arp_sha": rule.mac}
        if rule.is_l2:
            yield 90, arp, _PASS
        for v4 in rule.ipv4:
            yield 90, {**arp, "arp_spa": _network(v4)}, _PASS
        if rule.ipv4 and not rule.ipv6:
            continue
        for shown in (0, rule.mac):  # 0: the option is absent
            yield 90, {**_SOLICIT, "icmpv6_code": 0, "nd_sll": shown}, _PASS
            advertise = {**_ADVERTISE, "icmpv6_code": 0, "nd_tll": shown}
            if rule.is_l2:
                yield 90, advertise, _PASS
            elif rule.ipv6:
                for target in (*map(_network, rule.ipv6), (_link_local(rule.mac), _all(128))):
                    yield 90, {**advertise, "nd_target": target}, _PASS


def _receiving(rules: list[Rule]) -> Iterator[Line]:
    """What the port may receive: its own addresses, and with L3 rules broadcast and multicast."""
    yield 80, {}, _REFUSE
    for rule in rules:
        target = {"eth_dst": rule.mac}
        yield 85, target, _PASS
        if rule.is_l2:
            continue
        yield 90, {**target, **_IPV4}, _REFUSE
        yield 90, {**target, **_IPV6}, _REFUSE
        if rule.ipv4:
            for v4 in rule.ipv4:
                yield 95, {**target, **_IPV4, "nw_dst": _network(v4)}, _PASS
                if v4.network.prefixlen < 31:
                    directed = int(v4.network.broadcast_address)
                    yield 95, {**target, **_IPV4, "nw_dst": directed}, _PASS
            yield 95, {**target, **_IPV4, "nw_dst": 0xFFFFFFFF}, _PASS
            yield 95, {**target, **_IPV4, "nw_dst": (0xE0000000, 0xF0000000)}, _PASS
        if rule.ipv6:
            for address in (
                *map(_network, rule.ipv6), (_link_local(rule.mac), _all(128)), (_FF, _prefix(8, 128)),
            ):  # fmt: skip
                yield 95, {**target, **_IPV6, "ipv6_dst": address}, _PASS


def _network(address: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> tuple[int, int]:
    """(value, mask): the network if the host part is zero, else the one address."""
    width = address.max_prefixlen
    if address.ip == address.network.network_address:
        return int(address.ip), _prefix(address.network.prefixlen, width)
    return int(address.ip), _all(width)


def _all(width: int) -> int:
    return (1 << width) - 1


def _prefix(length: int, width: int) -> int:
    return _all(width) ^ _all(width - length)


def _link_local(mac: int) -> int:
    """fe80:: with the modified EUI-64 of ``mac`` (RFC 4291, appendix A)."""
    flipped = mac ^ (2 << 40)
    return 0xFE80 << 112 | (flipped >> 24) << 40 | 0xFFFE << 24 | flipped & 0xFFFFFF
