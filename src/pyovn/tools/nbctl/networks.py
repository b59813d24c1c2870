"""IP addresses, networks and Ethernet addresses on ovn-nbctl's command lines, and their canonical text.

A network is normalized to its first address, and written without a length when it is a single address:
``10.0.0.5/24`` is ``10.0.0.0/24``, ``10.0.0.5/32`` is ``10.0.0.5``.  In IPv4 networks (not in
plain addresses) each number counts modulo 256 and a mask may stand for the length, as in C.
"""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, NamedTuple

from pyovn.tools.ctl.errors import CtlError

_IPV4: Final = r"(\d+)\.(\d+)\.(\d+)\.(\d+)"
_IPV4_NETWORK: Final = re.compile(rf"{_IPV4}(?:/(?:{_IPV4}|([+-]?\d+)))?")
_ETHERNET: Final = re.compile(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}")
_SIZES: Final = {4: 32, 6: 128}


class Network(NamedTuple):
    """An address with a prefix length."""

    version: int
    address: int
    length: int

    @property
    def is_host(self) -> bool:
        """Whether the length leaves no other address."""
        return self.length == _SIZES[self.version]

    @property
    def first(self) -> int:
        """The network's first address as a number."""
        rest = _SIZES[self.version] - self.length
        return self.address >> rest << rest

    def contains(self, other: Network) -> bool:
        """Whether the address of ``other`` is in this network."""
        return self.version == other.version and self._replace(address=other.address).first == self.first

    def __str__(self) -> str:
        text = address_text(self.version, self.first)
        return text if self.is_host else f"{text}/{self.length}"


def address_text(version: int, address: int) -> str:
    """The canonical text of an address."""
    if version == 4:
        return inet_ntop(AF_INET, address.to_bytes(4))
    return inet_ntop(AF_INET6, address.to_bytes(16))


def parse_ipv4(text: str) -> Network | None:
    """A plain IPv4 address."""
    return _parse_address(text, 4)


def parse_ipv6(text: str) -> Network | None:
    """A plain IPv6 address."""
    return _parse_address(text, 6)


def parse_address(text: str) -> Network | None:
    """A plain address of either version."""
    return parse_ipv4(text) or parse_ipv6(text)


def _parse_address(text: str, version: int) -> Network | None:
    try:
        packed = inet_pton(AF_INET if version == 4 else AF_INET6, text)
    except (OSError, ValueError):
        return None
    return Network(version, int.from_bytes(packed), _SIZES[version])


def _length_of(mask: int, size: int) -> int | None:
    """The prefix length of a mask, when it is one."""
    length = mask.bit_count()
    return length if mask == (1 << size) - (1 << (size - length)) else None


def parse_ipv4_network(text: str) -> Network | None:
    """An IPv4 address with or without ``/LENGTH`` or ``/MASK``."""
    match = _IPV4_NETWORK.fullmatch(text)
    if match is None:
        return None
    groups = match.groups()
    address = int.from_bytes(bytes(int(number) & 0xFF for number in groups[:4]))
    length: int | None = 32
    if groups[4] is not None:
        length = _length_of(int.from_bytes(bytes(int(number) & 0xFF for number in groups[4:8])), 32)
    elif groups[8] is not None:
        length = int(groups[8])
    return Network(4, address, length) if length is not None and 0 <= length <= 32 else None


def parse_ipv6_network(text: str) -> Network | None:
    """An IPv6 address with or without ``/LENGTH`` or ``/MASK``."""
    address_part, slash, rest = text.partition("/")
    address = parse_ipv6(address_part)
    if address is None or not slash:
        return address
    mask = parse_ipv6(rest)
    if mask is not None:
        length = _length_of(mask.address, 128)
    else:
        length = int(rest) if rest.isascii() and rest.isdigit() else None
    return Network(6, address.address, length) if length is not None and length <= 128 else None


def parse_network(text: str) -> Network | None:
    """An address or network of either version."""
    return parse_ipv4_network(text) or parse_ipv6_network(text)


def normalized(text: str) -> str | None:
    """The canonical text of a network or address, or None when it is none."""
    network = parse_network(text)
    return None if network is None else str(network)


def is_ethernet(text: str) -> bool:
    """Whether ``text`` is an Ethernet address."""
    return _ETHERNET.fullmatch(text) is not None


def check_address(text: str) -> str:
    """The canonical text of a plain address; raises ``CtlError``."""
    address = parse_address(text)
    if address is None:
        raise CtlError(f"{text}: Not a valid IPv4 or IPv6 address.")
    return str(address)
