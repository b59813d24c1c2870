"""ovn-nbctl's verbs on address translation: lr-nat-* (ovn-nbctl(8), "NAT Commands").

A rule is identified by its type and one of its addresses: the logical one where it translates sources
(``snat``), else the external one; on a router with several gateway ports, by its gateway port too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.errors import CtlError, warn
from pyovn.tools.nbctl.lookup import (
    ROUTER_PORT,
    named,
    needer,
    port,
    referred,
    router,
    router_port,
)
from pyovn.tools.nbctl.networks import (
    check_address,
    is_ethernet,
    normalized,
    parse_address,
    parse_ipv4,
    parse_ipv4_network,
    parse_ipv6,
    parse_ipv6_network,
    parse_network,
)

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

TYPES: Final = ("dnat", "snat", "dnat_and_snat")
HIGHEST_PORT: Final = 65535

need_nat = needer(
    Logical_Router="name nat ports",
    Logical_Router_Port="name networks gateway_chassis ha_chassis_group",
    Logical_Switch_Port="name",
    NAT="type external_ip logical_ip logical_port external_mac external_port_range gateway_port options",
)
need_nat_and_sets = needer(
    Logical_Router="name nat",
    Address_Set="name",
    NAT="type external_ip logical_ip allowed_ext_ips exempted_ext_ips",
)


def _rules(context: Context, owner: Row) -> list[Row]:
    return referred(context, owner, "nat", "NAT")


def _check_type(kind: str) -> None:
    if kind not in TYPES:
        raise CtlError(f'{kind}: type must be one of "dnat", "snat" and "dnat_and_snat".')


def _parse_logical(kind: str, external: str, text: str) -> str:
    """The logical address, or for ``snat`` network, of the external address's version."""
    version = 4 if parse_ipv4(external) else 6
    if kind == "snat":
        network = parse_ipv4_network(text) if version == 4 else parse_ipv6_network(text)
        if network is None:
            raise CtlError(f"{text}: should be an IPv{version} address or network.")
        return str(network)
    address = parse_ipv4(text) if version == 4 else parse_ipv6(text)
    if address is None:
        raise CtlError(f"{text}: Not a valid IPv{version} address.")
    return str(address)


def _check_port_range(text: str) -> str:
    """``PORT`` or ``LOW-HIGH``."""
    low, dash, high = text.partition("-")
    numbers = [low, high] if dash else [low]
    good = all(n.isascii() and n.isdigit() and 0 < int(n) <= HIGHEST_PORT for n in numbers)
    if not good or int(numbers[-1]) < int(low):
        raise CtlError(f"invalid port range {text}.")
    return text


def _parse_place(context: Context, command: Command) -> tuple[str | None, str | None, str]:
    """Logical port, Ethernet address and range of external ports behind the first four arguments."""
    kind, words = command.arguments[1], command.arguments[4:]
    with_range = command.given("--portrange")
    if len(words) == 1:
        if not with_range:
            raise CtlError("lr-nat-add with logical_port must also specify external_mac.")
        return None, None, _check_port_range(words[0])
    if not words:
        return None, None, ""
    if kind != "dnat_and_snat":
        raise CtlError('logical_port and external_mac are only valid when type is "dnat_and_snat".')
    if len(words) == 2 and with_range:
        raise CtlError("lr-nat-add with logical_port must also specify external_mac.")
    port(context, words[0])
    if not is_ethernet(words[1]):
        raise CtlError(f"invalid mac address {words[1]}.")
    return words[0], words[1], _check_port_range(words[2]) if len(words) > 2 else ""


def _gateway_ports(context: Context, owner: Row) -> list[Row]:
    ports = referred(context, owner, "ports", ROUTER_PORT)
    return [row for row in ports if row.atoms("gateway_chassis") or row.atoms("ha_chassis_group")]


def _gateway_port(context: Context, command: Command, owner: Row, external: str) -> Row | None:
    """The gateway port where a rule applies: the named one, the only one, or by the external address."""
    ports = _gateway_ports(context, owner)
    name = command.options.get("--gateway-port")
    if name is not None:
        row = router_port(context, name)
        if row.uuid not in owner.atoms("ports"):
            raise CtlError(f"{name} is not a router port of logical router: {command.arguments[0]}.")
        if row not in ports:
            raise CtlError(f"{name} is not a distributed gateway router port.")
        return row
    found = _likely_port(ports, external)
    if found is None and ports:
        raise CtlError(
            f"logical router: {command.arguments[0]} has multiple distributed gateway ports "
            "and gateway_port can not be determined from external IP of NAT rule."
        )
    return found


def _likely_port(ports: list[Row], external: str) -> Row | None:
    """The only gateway port, or the one in whose networks the external address is."""
    if len(ports) < 2:
        return ports[0] if ports else None
    address = parse_address(external)
    for row in ports:
        networks = map(parse_network, row.atoms("networks"))
        if address is not None and any(n is not None and n.contains(address) for n in networks):
            return row
    return None


def run_add(context: Context, command: Command) -> None:
    """Add a rule; ``--may-exist`` changes where an existing one takes place."""
    owner = router(context, command.arguments[0])
    kind, external_text, logical_text = command.arguments[1:4]
    _check_type(kind)
    external = check_address(external_text)
    logical = _parse_logical(kind, external, logical_text)
    logical_port, mac, port_range = _parse_place(context, command)
    stateless, add_route = command.given("--stateless"), command.given("--add-route")
    if stateless and kind != "dnat_and_snat":
        raise CtlError("stateless is not applicable to dnat or snat types")
    if add_route and kind == "snat":
        raise CtlError("routes cannot be added for snat types.")
    gateway = _gateway_port(context, command, owner, external)
    existing = _find_conflict(context, command, owner, (external, logical), gateway)
    if existing is not None:
        existing.put("logical_port", logical_port)
        existing.put("external_mac", mac)
        return
    row = context.model.insert("NAT")
    row.put("type", kind)
    row.put("external_ip", external)
    row.put("logical_ip", logical)
    if mac is not None:
        row.put("logical_port", logical_port)
        row.put("external_mac", mac)
    if port_range:
        row.put("external_port_range", port_range)
    options = {"stateless": "true" if stateless else "false"}
    if add_route:
        options["add_route"] = "true"
    row.put("options", FrozenMap(options))
    if gateway is not None and command.given("--gateway-port"):
        row.put("gateway_port", gateway.uuid)
    owner.insert_atoms("nat", [row.uuid])


def _find_conflict(
    context: Context, command: Command, owner: Row, addresses: tuple[str, str], gateway: Row | None
) -> Row | None:
    """The rule that ``--may-exist`` accepts; raises ``CtlError`` for one that is in the way."""
    kind, may_exist = command.arguments[1], command.given("--may-exist")
    external, logical = addresses
    column = "logical_ip" if kind == "snat" else "external_ip"
    key = logical if kind == "snat" else external
    gateways = _gateway_ports(context, owner)
    for row in _rules(context, owner):
        problem = ""
        place = context.model.find(ROUTER_PORT, row.get("gateway_port"))
        same_place = (place or _likely_port(gateways, row.text("external_ip"))) is gateway
        if row.text("type") == kind and normalized(row.text(column)) == key and same_place:
            if (normalized(row.text("external_ip")), normalized(row.text("logical_ip"))) != addresses:
                problem = f"a NAT with this type ({kind}), {column} ({key}) already exists"
            elif may_exist:
                return row
            else:
                problem = f"{external}, {logical}: a NAT with this external_ip and logical_ip already exists"
        was_stateless = row.strings("options").get("stateless") == "true"
        if was_stateless != command.given("--stateless") and normalized(row.text("external_ip")) == external:
            either = "dnat_and_snat" in {kind, row.text("type")}
            if either and (was_stateless or command.given("--stateless")):
                if problem:
                    warn("db_ctl_base", f"Discarding unhandled error: {problem}", "ERR")
                raise CtlError(
                    f"{external}, {logical}: External ip cannot be shared across stateless and stateful NATs"
                )
        if problem:
            raise CtlError(problem)
    return None


def run_delete(context: Context, command: Command) -> None:
    """Take all rules, those of one type, or those with an address and a gateway port besides."""
    owner = router(context, command.arguments[0])
    kind, address, port_name = (command.argument(n) for n in (1, 2, 3))
    if kind is None:
        owner.put("nat", frozenset())
        return
    _check_type(kind)
    rows = [row for row in _rules(context, owner) if row.text("type") == kind]
    column = "logical_ip" if kind == "snat" else "external_ip"
    key = None
    if address is not None:
        key = normalized(address)
        if key is None:
            if port_name is not None:
                raise CtlError(f"{address}: Invalid IP address or CIDR")
            port_name = address
        else:
            rows = [row for row in rows if normalized(row.text(column)) == key]
    if port_name is not None:
        gateway = router_port(context, port_name)
        rows = [row for row in rows if row.get("gateway_port") == gateway.uuid]
    if not rows and key is not None and port_name is not None and not command.given("--if-exists"):
        raise CtlError(
            f"no matching NAT with the type ({kind}), {column} ({key}) and gateway_port ({port_name})"
        )
    owner.delete_atoms("nat", [row.uuid for row in rows])


def run_list(context: Context, command: Command) -> None:
    """Print the rules of a router."""
    owner = router(context, command.arguments[0])
    lines = []
    for row in _rules(context, owner):
        gateway = context.model.find(ROUTER_PORT, row.get("gateway_port"))
        head = (
            f"{row.text('type'):<17.13}{gateway.text('name') if gateway is not None else '':<22.18}"
            f"{row.text('external_ip')}"
        )
        ports, logical = row.text("external_port_range"), row.text("logical_ip")
        tail = f"{ports:<17.13}{logical}"
        if row.get("external_mac") is not None and row.get("logical_port") is not None:
            tail = (
                f"{ports:<17.13}{logical:<20.16}{row.text('external_mac'):<21.17}{row.text('logical_port')}"
            )
        lines.append((head, tail))
    if lines:
        command.write(
            f"{'TYPE':<17}{'GATEWAY_PORT':<22}{'EXTERNAL_IP':<19}{'EXTERNAL_PORT':<17}"
            f"{'LOGICAL_IP':<20}{'EXTERNAL_MAC':<21}LOGICAL_PORT"
        )
    for head, tail in sorted(lines):
        command.write(f"{head:<58.54}{tail}")


def run_update(context: Context, command: Command) -> None:
    """Restrict a rule to external addresses in a set, or exempt those."""
    name, kind, address, set_name = command.arguments
    owner = router(context, name)
    _check_type(kind)
    key = normalized(address)
    if key is None:
        raise CtlError(f"{address}: Invalid IP address or CIDR")
    addresses = named(context, "Address_Set", set_name, "Address Set", "Address Sets")
    column = "logical_ip" if kind == "snat" else "external_ip"
    for row in _rules(context, owner):
        if row.text("type") == kind and normalized(row.text(column)) == key:
            row.put(
                "exempted_ext_ips" if command.given("--is-exempted") else "allowed_ext_ips", addresses.uuid
            )
            return
    raise CtlError(f"{kind}: Could not locate nat rule for: {address}.")
