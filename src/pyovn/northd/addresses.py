"""Reading ``addresses`` and ``port_security``: ``MAC [IP ...]``, ``unknown``, ``dynamic``, ``router``.

ovn-nb(5), Logical_Switch_Port.addresses.  What does not parse is left out here; the message about it
belongs to ``ovn-nbctl`` and to ``unserved``.  The words after a MAC count up to the first that is no
address, as in ovn-northd.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache
from typing import Final, NamedTuple

from pyovn.ovn.ethernet import ethernet_of
from pyovn.ovn.ports import ROUTER_ADDRESS, UNKNOWN_ADDRESS

_V4: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_CACHE: Final = 65536


class Addresses(NamedTuple):
    """One element of ``addresses``: a MAC and the IP addresses that go with it, all in canonical form."""

    mac: str
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]


@lru_cache(maxsize=_CACHE)
def addresses_of(text: str) -> Addresses | None:
    """What an element says; None if it does not start with a MAC.  A prefix length is of no account."""
    mac = ethernet_of(text)
    if mac is None:
        return None
    v4: list[str] = []
    v6: list[str] = []
    for word in text.split()[1:]:
        ip, comma, _rest = word.partition(",")
        found = canonical_ip(ip.partition("/")[0])
        if found is None:
            break
        (v6 if ":" in found else v4).append(found)
        if comma:
            break
    return Addresses(mac, tuple(v4), tuple(v6))


def canonical_ip(text: str) -> str | None:
    """An IP address as flows name it; None if it is none."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    if family == socket.AF_INET and not _V4.fullmatch(text):
        return None
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text))
    except OSError:
        return None


def solicited_node(ipv6: str) -> str:
    """The multicast address at which the owner of ``ipv6`` is asked for (RFC 4291, section 2.7.1)."""
    low = socket.inet_pton(socket.AF_INET6, ipv6)[-3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xff\x02" + bytes(9) + b"\x01\xff" + low)


def link_local(mac: str) -> str:
    """fe80:: with the modified EUI-64 of ``mac`` (RFC 4291, appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + identifier)


def mac_of(address: str) -> str | None:
    """The Ethernet address that an ``addresses`` element starts with, in canonical form, or None."""
    found = addresses_of(address)
    return None if found is None else found.mac


def is_unknown(address: str) -> bool:
    """Whether an element is the word ``unknown``."""
    return address.strip() == UNKNOWN_ADDRESS


def is_dynamic(address: str) -> bool:
    """Whether an element asks for an address that ovn-northd is to choose."""
    return "dynamic" in address.split()[:2]


def mistake_in(address: str) -> str | None:
    """What is wrong with an element of ``addresses``; None if it has a form that ovn-nb(5) documents.

    What stands before the mistake has its effect.
    """
    words = address.split()
    if words in ([UNKNOWN_ADDRESS], [ROUTER_ADDRESS]):
        return None
    if words[:1] != ["dynamic"] and mac_of(address) is None:
        return "it does not begin with an Ethernet address"
    return _mistake_in_ips([] if words[1:] == ["dynamic"] else words[1:])


def mistake_in_security(element: str) -> str | None:
    """The same for ``port_security``, where words may be separated by commas, too."""
    words = element.replace(",", " ").split()
    if not words or mac_of(words[0]) is None:
        return "it does not begin with an Ethernet address"
    return _mistake_in_ips(words[1:])


def _mistake_in_ips(words: list[str]) -> str | None:
    for word in words:
        host, slash, mask = word.partition("/")
        bits = 128 if ":" in host else 32
        masked = not slash or (mask.isdecimal() and int(mask) <= bits) or canonical_ip(mask) is not None
        if canonical_ip(host) is None or not masked:
            return f"{word} is no IP address"
    return None
