"""ovn-nbctl's verbs on the database as a whole: init, show, sync."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.nbctl.lookup import (
    PORT,
    ROUTER,
    ROUTER_PORT,
    SWITCH,
    find_router,
    find_switch,
    label,
    ports_of,
    referred,
)
from pyovn.tools.nbctl.routerports import gateways

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

NAT_LINES: Final = (
    ("external ip", "external_ip"),
    ("external port(s)", "external_port_range"),
    ("logical ip", "logical_ip"),
    ("type", "type"),
)


def run_init(_context: Context, _command: Command) -> None:
    """Every command creates the singleton row if need be; this one does nothing else."""


NAMES_2015: Final = "--2015"
"""The option of ``show`` that shows it as the first ovn-nbctl did."""


def need_show(needs: Needs, command: Command) -> None:
    """What an overview shows."""
    if command.given(NAMES_2015):
        from pyovn.tools.nbctl import names2015

        names2015.need_show(needs, command)
        return
    needs.add(SWITCH, "name", "ports", "external_ids")
    needs.add(PORT, "name", "parent_name", "tag", "type", "addresses", "external_ids")
    needs.add(ROUTER, "name", "ports", "nat", "external_ids")
    needs.add(ROUTER_PORT, "name", "mac", "networks", "gateway_chassis")
    needs.add("Gateway_Chassis", "name", "chassis_name", "priority")
    needs.add("NAT", "external_ip", "logical_ip", "type", "external_port_range")


def run_show(context: Context, command: Command) -> None:
    """Print an overview of one switch or of all."""
    if command.given(NAMES_2015):
        from pyovn.tools.nbctl import names2015

        names2015.run_show(context, command)
        return
    name = command.argument(0)
    if name is not None:
        row = find_switch(context, name)
        if row is not None:
            show_switch(context, command, row)
        row = find_router(context, name)
        if row is not None:
            show_router(context, command, row)
        return
    for row in sorted(context.model.rows(SWITCH), key=lambda row: (row.text("name"), row.uuid)):
        show_switch(context, command, row)
    for row in sorted(context.model.rows(ROUTER), key=lambda row: (row.text("name"), row.uuid)):
        show_router(context, command, row)


def _aliases(row: Row, keys: tuple[str, ...]) -> str:
    """Names that a cloud management system gave, behind our own."""
    ids = row.strings("external_ids")
    return "".join(f" (aka {ids[key]})" for key in keys if key in ids)


def show_switch(context: Context, command: Command, row: Row) -> None:
    """Print a switch and its ports."""
    command.write(f"switch {label(row)}{_aliases(row, ('neutron:network_name',))}")
    for port in ports_of(context, row):
        command.write(f"    port {port.text('name')}{_aliases(port, ('neutron:port_name',))}")
        if port.text("type"):
            command.write(f"        type: {port.text('type')}")
        if port.get("parent_name") is not None:
            command.write(f"        parent: {port.text('parent_name')}")
        tag = port.integer("tag")
        if tag is not None:
            command.write(f"        tag: {tag}")
        addresses = port.atoms("addresses")
        if addresses:
            quoted = ", ".join(f'"{address}"' for address in addresses)
            command.write(f"        addresses: [{quoted}]")


def show_router(context: Context, command: Command, row: Row) -> None:
    """Print a router, its ports and its address translations."""
    command.write(f"router {label(row)}{_aliases(row, ('neutron:router_name',))}")
    for port in referred(context, row, "ports", ROUTER_PORT):
        command.write(f"    port {port.text('name')}")
        if port.text("mac"):
            command.write(f'        mac: "{port.text("mac")}"')
        networks = port.atoms("networks")
        if networks:
            quoted = ", ".join(f'"{network}"' for network in networks)
            command.write(f"        networks: [{quoted}]")
        chassis = gateways(context, port)
        if chassis:
            names = " ".join(gateway.text("chassis_name") for gateway in chassis)
            command.write(f"        gateway chassis: [{names}]")
    for nat in referred(context, row, "nat", "NAT"):
        command.write(f"    nat {nat.uuid}")
        for label_, column in NAT_LINES:
            if nat.text(column) or column != "external_port_range":
                command.write(f'        {label_}: "{nat.text(column)}"')


def run_sync(context: Context, _command: Command) -> None:
    """Wait (with ``--wait``) even if nothing changes."""
    context.sync = True
