"""The addresses of a logical switch port: their form and their uniqueness (ovn-nb(5),
Logical_Switch_Port ``addresses``).

One string is ``unknown``, ``router``, ``dynamic`` with more behind it, or an Ethernet address followed by
IP addresses.  ovn-nbctl refuses an IP address that another port of the switch has.
"""

from __future__ import annotations

import re
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import ports_of, switch_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.model import Row

_ETHERNET: Final = re.compile(r"\s*(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}")
_FAMILIES: Final = ((AF_INET, "IPv4"), (AF_INET6, "IPv6"))


def check_address(address: str) -> None:
    """Raise ``CtlError`` unless ``address`` begins as an address string must."""
    if address in {"unknown", "router"} or address.startswith("dynamic") or _ETHERNET.match(address):
        return
    raise CtlError(
        f"{address}: Invalid address format. See ovn-nb(5). "
        "Hint: An Ethernet address must be listed before an IP address, together as a single argument."
    )


def _normalized(word: str) -> tuple[str, str] | None:
    """(``IPv4`` or ``IPv6``, canonical text) of an IP address with or without a prefix length."""
    for family, name in _FAMILIES:
        try:
            return name, inet_ntop(family, inet_pton(family, word.partition("/")[0]))
        except OSError:
            continue
    return None


def ip_addresses(addresses: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The IP addresses that follow Ethernet addresses, up to the first word that is none."""
    for address in addresses:
        match = _ETHERNET.match(address)
        if match is None:
            continue
        for word in address[match.end() :].split():
            found = _normalized(word)
            if found is None:
                break
            yield found


def check_unique(context: Context, port: Row, addresses: Iterable[str]) -> None:
    """Raise ``CtlError`` when another port of the switch has one of the IP addresses."""
    switch = switch_of(context, port)
    if switch is None:
        return
    wanted = list(ip_addresses(addresses))
    for other in ports_of(context, switch) if wanted else ():
        if other is port:
            continue
        taken = set(ip_addresses([*other.atoms("addresses"), *other.atoms("dynamic_addresses")]))
        for family, address in wanted:
            if (family, address) in taken:
                raise CtlError(
                    f"Error on switch {switch.text('name')}: duplicate {family} address '{address}' "
                    f"found on logical switch port '{other.text('name')}'"
                )
