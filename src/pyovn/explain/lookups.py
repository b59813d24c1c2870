"""Questions that the southbound answers: FDB, MAC_Binding, port security (ovn-sb(5), Logical_Flow).

What a hypervisor alone knows is answered as if it knew nothing: no hairpin, no session with an affinity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.explain.port_security import permits_input, permits_output
from pyovn.explain.report import Kind
from pyovn.logical import actions_lookup
from pyovn.logical.evaluate import read_field, write_field
from pyovn.logical.lexer import IPV4, IPV6, MAC, format_integer
from pyovn.ovn.keys import NO_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.explain.effects import Place

_PORT_SECURITY: Final = {
    "check_in_port_sec": ("reg14", permits_input),
    "check_out_port_sec": ("reg15", permits_output),
}
_FAMILY: Final = {32: IPV4, 128: IPV6}
_NO_HAIRPIN: Final = frozenset(("chk_lb_hairpin", "chk_lb_hairpin_reply"))


def look_up(place: Place, action: actions_lookup.Lookup) -> None:
    """Answer one question; the answer goes where the action wants it."""
    name = action.question.name
    if name in _PORT_SECURITY:
        field, permits = _PORT_SECURITY[name]
        port = place.walk.datapath.ports_by_key.get(place.packet.get(field, 0))
        security = () if port is None else port.security
        _answer(place, action, int(not permits(security, place.packet)))
    elif name in _NO_HAIRPIN:
        _answer(place, action, 0)
        place.node.add(Kind.MODIFY, f"{action.result} = 0")
    elif name in _TABLES:
        _TABLES[name](place, action)


def _answer(place: Place, action: actions_lookup.Lookup, value: int) -> None:
    assert action.result is not None
    write_field(place.packet, action.result, value)


def _get_fdb(place: Place, action: actions_lookup.Lookup) -> None:
    _answer(place, action, _fdb(place, read_field(place.packet, action.arguments[0])) or NO_PORT)


def _lookup_fdb(place: Place, action: actions_lookup.Lookup) -> None:
    port, mac = (read_field(place.packet, ref) for ref in action.arguments)
    found = _fdb(place, mac) == port
    _answer(place, action, int(found))
    if found:
        said = f"/* MAC lookup for {format_integer(mac, MAC)} found in FDB. */"
    else:
        said = "/* lookup mac failed in mac learning table. */"
    place.node.add(Kind.NOTE, said)


def _fdb(place: Place, mac: int) -> int | None:
    return place.walk.network.fdb.get((place.walk.datapath.key, format_integer(mac, MAC)))


def _binding(place: Place, action: actions_lookup.Lookup) -> str | None:
    """The Ethernet address of the neighbour that the first two arguments name."""
    port, address = action.arguments[:2]
    name = place.walk.datapath.name_of(read_field(place.packet, port))
    ip = format_integer(read_field(place.packet, address), _FAMILY[address.width])
    return place.walk.network.mac_bindings.get((name, ip))


def _get_neighbor(place: Place, action: actions_lookup.Lookup) -> None:
    mac = _binding(place, action)
    place.packet["eth_dst"] = 0 if mac is None else int(mac.replace(":", ""), 16)
    place.node.add(Kind.NOTE, f"/* MAC binding to {mac}. */" if mac else "/* No MAC binding. */")
    place.node.add(Kind.MODIFY, f"eth.dst = {mac or '00:00:00:00:00:00'}")


def _lookup_neighbor(place: Place, action: actions_lookup.Lookup) -> None:
    known = _binding(place, action)
    mac = format_integer(read_field(place.packet, action.arguments[2]), MAC)
    _answer(place, action, int(known == mac))
    if known == mac:
        place.node.add(Kind.NOTE, f"/* MAC binding to {mac} found. */")
    else:
        place.node.add(Kind.NOTE, "/* lookup failed - No MAC binding. */")


def _lookup_neighbor_ip(place: Place, action: actions_lookup.Lookup) -> None:
    found = _binding(place, action) is not None
    _answer(place, action, int(found))
    said = "/* MAC binding found. */" if found else "/* lookup failed - No MAC binding. */"
    place.node.add(Kind.NOTE, said)


_TABLES: Final[dict[str, Callable[[Place, actions_lookup.Lookup], None]]] = {
    "get_fdb": _get_fdb,
    "lookup_fdb": _lookup_fdb,
    "get_arp": _get_neighbor,
    "get_nd": _get_neighbor,
    "lookup_arp": _lookup_neighbor,
    "lookup_nd": _lookup_neighbor,
    "lookup_arp_ip": _lookup_neighbor_ip,
    "lookup_nd_ip": _lookup_neighbor_ip,
}

EFFECTS: Final[dict[type, Callable[[Place, Any], None]]] = {actions_lookup.Lookup: look_up}
