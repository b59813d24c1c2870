"""ovn-nbctl's verbs on logical router ports: lrp-* (ovn-nbctl(8), "Logical Router Port Commands")."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.writing import set_column
from pyovn.tools.nbctl.lookup import (
    ROUTER,
    ROUTER_PORT,
    find_named,
    needer,
    pairs,
    referred,
    router,
    router_port,
    write_labels,
)
from pyovn.tools.nbctl.networks import is_ethernet, normalized
from pyovn.tools.nbctl.numbers import parse_priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

REDIRECT: Final = "redirect-type"
REDIRECT_TYPES: Final = ("overlay", "bridged")

need_ports = needer(Logical_Router="name ports", Logical_Router_Port="name")
need_enabled = needer(Logical_Router_Port="name enabled")
need_options = needer(Logical_Router_Port="name options")
need_gateways = needer(
    Logical_Router_Port="name gateway_chassis", Gateway_Chassis="name chassis_name priority"
)
_need_addition = needer(Logical_Router="name ports", Logical_Router_Port="name mac networks peer")


def _settings(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Networks, and the ``COLUMN[:KEY]=VALUE`` behind them."""
    networks = tuple(takewhile(lambda word: "=" not in word, words))
    return networks, tuple(words[len(networks) :])


def need_addition(needs: Needs, command: Command) -> None:
    """What lrp-add compares with and sets; whether the settings make sense is judged after the router."""
    _need_addition(needs, command)
    if _settings(command.arguments[3:])[1]:
        needs.add(ROUTER_PORT, *needs.schema.tables[ROUTER_PORT].columns)


def _owner(context: Context, port: Row) -> Row | None:
    rows = context.model.referrers(ROUTER, "ports", port.uuid)
    return rows[0] if rows else None


def run_add(context: Context, command: Command) -> None:
    """Create a port with its networks, and perhaps other columns."""
    router_name, name, mac = command.arguments[:3]
    networks, settings = _settings(command.arguments[3:])
    owner = router(context, router_name)
    if not networks:
        raise CtlError(f"{name}: router port requires specifying a network")
    if not is_ethernet(mac):
        raise CtlError(f"{name}: invalid mac address {mac}")
    existing = find_named(context, ROUTER_PORT, name)
    if existing is not None:
        if not command.given("--may-exist"):
            raise CtlError(f"{name}: a port with this name already exists")
        _check_existing(context, owner, existing, command)
        return
    for network in networks:
        if normalized(network) is None:
            raise CtlError(f"{name}: invalid network address: {network}")
    row = context.model.insert(ROUTER_PORT)
    row.put("name", name)
    row.put("mac", mac)
    row.put("networks", frozenset(networks))
    for setting in settings:
        set_column(context, row, setting)
    owner.insert_atoms("ports", [row.uuid])


def _check_existing(context: Context, owner: Row, row: Row, command: Command) -> None:
    """``--may-exist`` accepts the port only as it would have been created."""
    name, mac = command.arguments[1:3]
    networks, settings = _settings(command.arguments[3:])
    actual = _owner(context, row)
    if actual is not owner:
        where = actual.text("name") if actual is not None else ""
        raise CtlError(f"{name}: port already exists but in router {where}")
    if _canonical(mac) != _canonical(row.text("mac")):
        raise CtlError(f"{name}: port already exists with mac {row.text('mac')}")
    wanted = {normalized(network) for network in networks}
    if None in wanted:
        raise CtlError(f"{name}: Invalid networks configured")
    present = {normalized(network) for network in row.atoms("networks")}
    if None in present:
        raise CtlError(f"{name}: Existing port has invalid networks configured")
    if wanted != present:
        raise CtlError(f"{name}: port already exists with different network")
    peer = next((s.removeprefix("peer=") for s in settings if s.startswith("peer=")), None)
    if peer != row.get("peer"):
        raise CtlError(f"{name}: port already exists with mismatching peer")


def _canonical(mac: str) -> list[int]:
    return [int(part, 16) for part in mac.split(":")] if is_ethernet(mac) else []


def run_delete(context: Context, command: Command) -> None:
    """Take a port out of its router and delete it."""
    name = command.arguments[0]
    if command.given("--if-exists"):
        row = find_named(context, ROUTER_PORT, name)
        if row is None:
            return
    else:
        row = router_port(context, name)
    owner = _owner(context, row)
    if owner is None:
        raise CtlError(f"port {name} is not part of any logical router")
    owner.delete_atoms("ports", [row.uuid])
    context.model.delete(row)


def run_list(context: Context, command: Command) -> None:
    """Print the ports of a router, by name."""
    write_labels(command, referred(context, router(context, command.arguments[0]), "ports", ROUTER_PORT))


def run_set_enabled(context: Context, command: Command) -> None:
    """Set the administrative state."""
    row = router_port(context, command.arguments[0])
    state = command.arguments[1]
    if state.lower() not in {"enabled", "disabled"}:
        raise CtlError(f'{state}: state must be "enabled" or "disabled"')
    row.put("enabled", state.lower() == "enabled")


def run_get_enabled(context: Context, command: Command) -> None:
    """Print the administrative state; unset is enabled."""
    enabled = router_port(context, command.arguments[0]).get("enabled")
    command.write("disabled" if enabled is False else "enabled")


def run_set_options(context: Context, command: Command) -> None:
    """Replace the options; words without ``=`` are ignored."""
    router_port(context, command.arguments[0]).put("options", pairs(command.arguments[1:]))


def run_set_redirect_type(context: Context, command: Command) -> None:
    """Say how packets are redirected to the gateway chassis."""
    row = router_port(context, command.arguments[0])
    kind = command.arguments[1]
    if kind not in REDIRECT_TYPES:
        raise CtlError(f"Invalid redirect type: {kind}")
    row.insert_atoms("options", [(REDIRECT, kind)])


def run_get_redirect_type(context: Context, command: Command) -> None:
    """Print how packets are redirected to the gateway chassis."""
    options = router_port(context, command.arguments[0]).strings("options")
    command.write(options.get(REDIRECT, REDIRECT_TYPES[0]))


# Gateway chassis


def gateways(context: Context, port: Row) -> list[Row]:
    """The gateway chassis of a port, the most preferred first."""
    rows = referred(context, port, "gateway_chassis", "Gateway_Chassis")
    return sorted(rows, key=lambda row: (-(row.integer("priority") or 0), row.text("name")))


def run_set_gateway(context: Context, command: Command) -> None:
    """Add a gateway chassis, or give it another priority."""
    port = router_port(context, command.arguments[0])
    chassis, text = command.arguments[1], command.argument(2)
    priority = 0 if text is None else parse_priority(text)
    name = f"{port.text('name')}-{chassis}"
    row = find_named(context, "Gateway_Chassis", name)
    if row is None:
        row = context.model.insert("Gateway_Chassis")
        row.put("name", name)
        row.put("chassis_name", chassis)
        port.insert_atoms("gateway_chassis", [row.uuid])
    row.put("priority", priority)


def run_delete_gateway(context: Context, command: Command) -> None:
    """Take a gateway chassis away."""
    port = router_port(context, command.arguments[0])
    chassis = command.arguments[1]
    rows = [row for row in gateways(context, port) if row.get("chassis_name") == chassis]
    if not rows:
        raise CtlError(f"chassis {chassis} is not added to logical port {command.arguments[0]}")
    port.delete_atoms("gateway_chassis", [rows[0].uuid])


def run_get_gateways(context: Context, command: Command) -> None:
    """Print the gateway chassis with their priorities."""
    for row in gateways(context, router_port(context, command.arguments[0])):
        command.write(f"{row.text('name')} {row.get('priority'):5}")
