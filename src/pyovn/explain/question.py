"""From what a person types to a microflow: ``vm1 vm2``, ``vm1 broadcast``, ``vm1 10.0.0.9 --arp``.

The short forms fill in what the ports' addresses say; the result is a microflow as ovn-trace(8) takes it, and
is shown, so that it can be changed by hand.  What is not a short form is a microflow already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from pyovn.explain.evidence import EvidenceError
from pyovn.northd.addresses import addresses_of, solicited_node

if TYPE_CHECKING:
    from pyovn.explain.evidence import Evidence
    from pyovn.northd.addresses import Addresses

BROADCAST: Final = "broadcast"
_ALL_ONES: Final = "ff:ff:ff:ff:ff:ff"
_MAC: Final = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}")
_EXPRESSION: Final = re.compile(r"[=&|!<>(){}$@]")


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of a short form."""

    arp: bool = False
    """An ARP request, or for an IPv6 address a neighbour solicitation, for the target's address."""
    icmp: bool = False
    udp: int | None = None
    tcp: int | None = None

    @property
    def chosen(self) -> list[str]:
        """The names of those that were given."""
        given = (self.arp, self.icmp, self.udp is not None, self.tcp is not None)
        return [name for name, is_given in zip(("arp", "icmp", "udp", "tcp"), given, strict=True) if is_given]


def is_microflow(text: str) -> bool:
    """Whether a word is an expression and not a name or an address."""
    return _EXPRESSION.search(text) is not None


def microflow(evidence: Evidence, source: str, target: str, wish: Wish) -> str:
    """A microflow from port to port; raises ``EvidenceError``."""
    if len(wish.chosen) > 1:
        raise EvidenceError(f"one of --{' and --'.join(wish.chosen)}, please")
    sender = _addresses(evidence, source)
    terms = [f'inport == "{source}"', f"eth.src == {sender.mac}"]
    if wish.arp:
        return " && ".join(terms + _request(evidence, source, sender, target))
    mac, address = _target(evidence, source, target)
    return " && ".join([*terms, f"eth.dst == {mac}", *_datagram(sender, mac, address, wish)])


def _addresses(evidence: Evidence, port: str) -> Addresses:
    """The first addresses of a port."""
    row, binding = evidence.port(port), evidence.binding(port)
    if row is None and binding is None:
        raise EvidenceError(f'there is no logical port "{port}"')
    texts = sorted(row.addresses if row is not None else binding.mac if binding is not None else ())
    for text in texts:
        found = addresses_of(text)
        if found is not None:
            return found
    raise EvidenceError(f"{port} has no Ethernet address; give a whole microflow, with eth.src")


def _target(evidence: Evidence, source: str, target: str) -> tuple[str, str]:
    """Ethernet and IP address of who is to get it; the latter may be empty."""
    if target == BROADCAST:
        return _ALL_ONES, "255.255.255.255"
    if _MAC.fullmatch(target):
        return target.lower(), ""
    if _is_ip(target):
        owner = _owner(evidence, source, target)
        if owner is None:
            raise EvidenceError(f"no port has address {target}: ask with --arp, or give an Ethernet address")
        return _addresses(evidence, owner).mac, target
    found = _addresses(evidence, target)
    return found.mac, next(iter((*found.ipv4, *found.ipv6)), "")


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _owner(evidence: Evidence, source: str, address: str) -> str | None:
    """The port with an IP address, on the sender's switch before others."""
    row = evidence.port(source)
    own = None if row is None else evidence.switch_of(row)
    for switch in sorted(evidence.switches(), key=lambda s: (own is None or s.uuid != own.uuid, s.name)):
        for port in evidence.ports_of(switch):
            for text in port.addresses:
                found = addresses_of(text)
                if found is not None and address in (*found.ipv4, *found.ipv6):
                    return port.name
    return None


def _datagram(sender: Addresses, mac: str, address: str, wish: Wish) -> list[str]:
    """The terms above Ethernet; what cannot be an IP packet is a bare frame."""
    is_six = ":" in address
    own = next(iter(sender.ipv6 if is_six else sender.ipv4), "")
    if not own or not address:
        if wish.chosen:
            missing = "the sender" if not own else mac
            raise EvidenceError(f"{missing} has no IP address: --{wish.chosen[0]} needs one")
        return []
    version = "ip6" if is_six else "ip4"
    terms = [f"{version}.src == {own}", f"{version}.dst == {address}", "ip.ttl == 64"]
    if wish.udp is not None:
        return [*terms, f"udp.dst == {wish.udp}"]
    if wish.tcp is not None:
        return [*terms, f"tcp.dst == {wish.tcp}"]
    return [*terms, "icmp6.type == 128" if is_six else "icmp4.type == 8"]


def _request(evidence: Evidence, source: str, sender: Addresses, target: str) -> list[str]:
    address = target if _is_ip(target) else _target(evidence, source, target)[1]
    if not address:
        raise EvidenceError(f"{target} has no IP address that one could ask for")
    own = next(iter(sender.ipv6 if ":" in address else sender.ipv4), "")
    if not own:
        raise EvidenceError(f"{source} has no IP address to ask from")
    if ":" in address:
        group = solicited_node(address)
        mac = "33:33:" + ":".join(f"{octet:02x}" for octet in ip_address(group).packed[-4:])
        return [
            f"eth.dst == {mac}", f"ip6.src == {own}", f"ip6.dst == {group}", "ip.ttl == 255", "nd_ns",
            f"nd.target == {address}", f"nd.sll == {sender.mac}",
        ]  # fmt: skip
    return [
        f"eth.dst == {_ALL_ONES}", "arp.op == 1", f"arp.sha == {sender.mac}", f"arp.spa == {own}",
        f"arp.tpa == {address}",
    ]  # fmt: skip
