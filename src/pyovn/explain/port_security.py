"""``check_in_port_sec`` and ``check_out_port_sec``: may this packet come from, or go to, this port?

The rules are ovn-nb(5)'s, Logical_Switch_Port ``port_security``: each entry is an Ethernet address and
perhaps IP addresses with prefix lengths.  Without IP addresses of a family only the Ethernet address counts;
with addresses of any family, IP packets must use one of them.

C's ovn-trace knows single addresses only, and so denies what its own controller allows: whole subnets,
subnet broadcasts, and the unspecified IPv6 source address.  Here the documentation is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyovn.explain.microflow import Microflow

IPV4, IPV6, ARP = 0x800, 0x86DD, 0x806
LIMITED_BROADCAST: Final = 0xFFFFFFFF
NEIGHBOR_TYPES: Final = (135, 136)


@dataclass(frozen=True, slots=True)
class Entry:
    """One allowed Ethernet address and its IP addresses."""

    mac: int
    ipv4: tuple[IPv4Interface, ...]
    ipv6: tuple[IPv6Interface, ...]

    @property
    def has_addresses(self) -> bool:
        """Whether IP packets are restricted."""
        return bool(self.ipv4 or self.ipv6)

    @property
    def link_local(self) -> int:
        """The IPv6 link-local address made of the Ethernet address (RFC 4291, appendix A)."""
        high, low = self.mac >> 24, self.mac & 0xFFFFFF
        return (0xFE80 << 112) | ((high ^ 0x020000) << 40) | (0xFFFE << 24) | low


def parse_entries(texts: Iterable[str]) -> list[Entry]:
    """The entries that begin with an Ethernet address; others count as absent."""
    entries = []
    for text in texts:
        words = text.replace(",", " ").split()
        parts = words[0].split(":") if words else []
        if len(parts) != 6:
            continue
        try:
            mac = int("".join(part.zfill(2) for part in parts), 16)
        except ValueError:
            continue
        addresses = list(_addresses(words[1:]))
        entries.append(
            Entry(
                mac,
                tuple(a for a in addresses if isinstance(a, IPv4Interface)),
                tuple(a for a in addresses if isinstance(a, IPv6Interface)),
            )
        )
    return entries


def _addresses(words: Sequence[str]) -> Iterable[IPv4Interface | IPv6Interface]:
    for word in words:
        try:
            yield ip_interface(word)
        except ValueError:
            return


def _allows(allowed: IPv4Interface | IPv6Interface, address: int) -> bool:
    """An address with host bits is that address alone; without, the whole network is meant."""
    if allowed.ip == allowed.network.network_address and allowed.network.prefixlen < allowed.max_prefixlen:
        shift = allowed.max_prefixlen - allowed.network.prefixlen
        return address >> shift == int(allowed.ip) >> shift
    return address == int(allowed.ip)


def permits_input(security: Sequence[str], flow: Microflow) -> bool:
    """Whether a port with these entries may send the packet."""
    entries = parse_entries(security)
    return not entries or any(_sends(entry, flow) for entry in entries)


def _sends(entry: Entry, flow: Microflow) -> bool:
    if flow.get("eth_src", 0) != entry.mac:
        return False
    kind = flow.get("eth_type", 0)
    if kind == ARP:
        if flow.get("arp_sha", 0) != entry.mac or (entry.ipv6 and not entry.ipv4):
            return False
        return not entry.ipv4 or any(_allows(a, flow.get("arp_spa", 0)) for a in entry.ipv4)
    if kind == IPV4 and entry.has_addresses:
        source = flow.get("ip_src", 0)
        return _is_dhcp_discovery(entry, flow) or any(_allows(a, source) for a in entry.ipv4)
    if kind == IPV6:
        return _sends_ipv6(entry, flow)
    return True


def _is_dhcp_discovery(entry: Entry, flow: Microflow) -> bool:
    return bool(
        entry.ipv4
        and flow.get("ip_src", 0) == 0
        and flow.get("ip_dst", 0) == LIMITED_BROADCAST
        and flow.get("nw_proto", 0) == 17
        and flow.get("udp_src", 0) == 68
        and flow.get("udp_dst", 0) == 67
    )


def _sends_ipv6(entry: Entry, flow: Microflow) -> bool:
    own = entry.link_local
    if entry.has_addresses:
        source = flow.get("ipv6_src", 0)
        if not (entry.ipv6 and (source in {0, own} or any(_allows(a, source) for a in entry.ipv6))):
            return False
    if flow.get("nw_proto", 0) != 58 or flow.get("icmpv6_type", 0) not in NEIGHBOR_TYPES:
        return True
    if flow["icmpv6_type"] == 135:
        return flow.get("nd_sll", 0) in {0, entry.mac}
    if flow.get("nd_tll", 0) not in {0, entry.mac}:
        return False
    target = flow.get("nd_target", 0)
    return not entry.ipv6 or target == own or any(_allows(a, target) for a in entry.ipv6)


def permits_output(security: Sequence[str], flow: Microflow) -> bool:
    """Whether a port with these entries may receive the packet."""
    entries = parse_entries(security)
    return not entries or any(_receives(entry, flow) for entry in entries)


def _receives(entry: Entry, flow: Microflow) -> bool:
    if flow.get("eth_dst", 0) != entry.mac:
        return False
    kind = flow.get("eth_type", 0)
    if kind == IPV4 and entry.has_addresses:
        target = flow.get("ip_dst", 0)
        if not entry.ipv4:
            return False
        return (
            target == LIMITED_BROADCAST
            or target >> 28 == 0xE
            or any(_allows(a, target) or _is_broadcast(a, target) for a in entry.ipv4)
        )
    if kind == IPV6 and entry.has_addresses:
        target = flow.get("ipv6_dst", 0)
        if not entry.ipv6:
            return False
        return (
            target >> 120 == 0xFF or target == entry.link_local or any(_allows(a, target) for a in entry.ipv6)
        )
    return True


def _is_broadcast(allowed: IPv4Interface, address: int) -> bool:
    return allowed.network.prefixlen < 32 and address == int(allowed.network.broadcast_address)
