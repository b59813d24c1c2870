"""ovn-nbctl's verbs on groups: of ports (pg-*), of forwarding ports (fwd-group-*) and of chassis for high
availability (ha-chassis-group-*).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import (
    SWITCH,
    find_port,
    label,
    named,
    needer,
    port,
    referred,
    switch,
    switch_of,
)
from pyovn.tools.nbctl.networks import is_ethernet, parse_ipv4
from pyovn.tools.nbctl.numbers import parse_priority

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

GROUP: Final = "Port_Group"
HA_GROUP: Final = "HA_Chassis_Group"
FORWARDING: Final = "Forwarding_Group"

need_port_groups = needer(Port_Group="name ports", Logical_Switch_Port="name")
need_ha_groups = needer(HA_Chassis_Group="name ha_chassis", HA_Chassis="chassis_name priority")
need_forwarding = needer(
    Forwarding_Group="name vip vmac child_port liveness",
    Logical_Switch="name ports forwarding_groups",
    Logical_Switch_Port="name",
)


# Port groups


def _group(context: Context, command: Command) -> Row:
    return named(context, GROUP, command.arguments[0], "port group")


def _put_ports(context: Context, row: Row, command: Command) -> None:
    row.put("ports", frozenset(port(context, name).uuid for name in command.arguments[1:]))


def run_port_group_add(context: Context, command: Command) -> None:
    """Create a port group; the server refuses a name that is taken."""
    row = context.model.insert(GROUP)
    row.put("name", command.arguments[0])
    _put_ports(context, row, command)


def run_port_group_set(context: Context, command: Command) -> None:
    """Replace the ports of a group."""
    _put_ports(context, _group(context, command), command)


def run_port_group_delete(context: Context, command: Command) -> None:
    """Delete a port group."""
    context.model.delete(_group(context, command))


# Forwarding groups


def _forwarding(context: Context, name: str) -> Row | None:
    rows = context.model.where(FORWARDING, lambda row: row.get("name") == name)
    return rows[0] if rows else None


def run_forwarding_add(context: Context, command: Command) -> None:
    """Create a virtual address that several ports of a switch share."""
    name, switch_name, vip, mac = command.arguments[:4]
    if _forwarding(context, name) is not None:
        raise CtlError(f"{name}: a forwarding group by this name already exists")
    owner = switch(context, switch_name)
    if parse_ipv4(vip) is None:
        raise CtlError(f"invalid ip address {vip}")
    if not is_ethernet(mac):
        raise CtlError(f"invalid mac address {mac}")
    ports = command.arguments[4:]
    for port_name in ports:
        _check_child(context, owner, port_name)
    row = context.model.insert(FORWARDING)
    row.put("name", name)
    row.put("vip", vip)
    row.put("vmac", mac)
    row.put("child_port", frozenset(ports))
    if command.given("--liveness"):
        row.put("liveness", True)
    owner.insert_atoms("forwarding_groups", [row.uuid])


def _check_child(context: Context, owner: Row, name: str) -> None:
    child = find_port(context, name)
    if child is None:
        raise CtlError(f"{name}: logical switch port does not exist")
    actual = switch_of(context, child)
    if actual is not owner:
        where = actual.text("name") if actual is not None else ""
        raise CtlError(f"{name}: port already exists but in logical switch {where}")


def run_forwarding_delete(context: Context, command: Command) -> None:
    """Delete a forwarding group; one that does not exist is no error."""
    row = _forwarding(context, command.arguments[0])
    if row is None:
        return
    for owner in context.model.referrers(SWITCH, "forwarding_groups", row.uuid):
        owner.delete_atoms("forwarding_groups", [row.uuid])
    context.model.delete(row)


def run_forwarding_list(context: Context, command: Command) -> None:
    """Print the forwarding groups of one switch or of all."""
    name = command.argument(0)
    owners = [switch(context, name)] if name is not None else list(context.model.rows(SWITCH))
    lines = [
        f"{row.text('name'):<16.16}{owner.text('name'):<14.14}{row.text('vip'):<15.16}"
        f"{row.text('vmac'):<23.21}{' '.join(row.atoms('child_port'))}"
        for owner in owners
        for row in referred(context, owner, "forwarding_groups", FORWARDING)
    ]
    command.write("FWD_GROUP       LS            VIP             VMAC                  CHILD_PORTS")
    for line in lines:
        command.write(line)


# Groups of chassis


def _ha_group(context: Context, command: Command) -> Row:
    return named(context, HA_GROUP, command.arguments[0], "ha_chassi_group")


def _member(context: Context, group: Row, name: str) -> Row | None:
    members = referred(context, group, "ha_chassis", "HA_Chassis")
    return next((row for row in members if row.get("chassis_name") == name), None)


def _existing_member(context: Context, group: Row, name: str) -> Row:
    member = _member(context, group, name)
    if member is None:
        raise CtlError(f"{name}: ha chassis not found in {group.text('name')} ha chassis group")
    return member


def run_ha_add(context: Context, command: Command) -> None:
    """Create a group; the server refuses a name that is taken."""
    context.model.insert(HA_GROUP).put("name", command.arguments[0])


def run_ha_delete(context: Context, command: Command) -> None:
    """Delete a group."""
    context.model.delete(_ha_group(context, command))


def run_ha_add_chassis(context: Context, command: Command) -> None:
    """Add a chassis, or give it another priority."""
    group = _ha_group(context, command)
    priority = parse_priority(command.arguments[2])
    member = _member(context, group, command.arguments[1])
    if member is None:
        member = context.model.insert("HA_Chassis")
        member.put("chassis_name", command.arguments[1])
        group.insert_atoms("ha_chassis", [member.uuid])
    member.put("priority", priority)


def run_ha_remove_chassis(context: Context, command: Command) -> None:
    """Take a chassis out of a group."""
    group = _ha_group(context, command)
    member = _existing_member(context, group, command.arguments[1])
    group.delete_atoms("ha_chassis", [member.uuid])


def run_ha_set_priority(context: Context, command: Command) -> None:
    """Give a chassis another priority."""
    group = _ha_group(context, command)
    priority = parse_priority(command.arguments[2])
    _existing_member(context, group, command.arguments[1]).put("priority", priority)


def run_ha_list(context: Context, command: Command) -> None:
    """Print all groups with their chassis, the most preferred first."""
    for group in sorted(context.model.rows(HA_GROUP), key=lambda row: row.text("name")):
        command.write(label(group))
        members = referred(context, group, "ha_chassis", "HA_Chassis")
        for row in sorted(members, key=lambda row: -(row.integer("priority") or 0)):
            command.write(f"    {row.uuid} ({row.text('chassis_name')})")
            command.write(f"    priority {row.get('priority')}\n")
        command.write("")
