"""ovn-nbctl's verbs on DHCP options and the ports that use them (ovn-nbctl(8), "DHCP Options commands")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import UUID
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import needer, pairs, port
from pyovn.tools.nbctl.networks import parse_ipv4_network, parse_ipv6_network, parse_network

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

OPTIONS: Final = "DHCP_Options"
VERSIONS: Final = {"dhcpv4": parse_ipv4_network, "dhcpv6": parse_ipv6_network}

need_options = needer(DHCP_Options="cidr options external_ids")
need_ports = needer(DHCP_Options="cidr", Logical_Switch_Port="name dhcpv4_options dhcpv6_options")


def _options(context: Context, name: str) -> Row:
    row = context.model.find(OPTIONS, UUID.parse(name)) if UUID.is_valid(name) else None
    if row is None:
        raise CtlError(f"{name}: dhcp options UUID not found")
    return row


def run_create(context: Context, command: Command) -> None:
    """Create options for a network, with external ids."""
    cidr = command.arguments[0]
    if parse_network(cidr) is None:
        raise CtlError(f"Invalid cidr format '{cidr}'")
    row = context.model.insert(OPTIONS)
    row.put("cidr", cidr)
    row.put("external_ids", pairs(command.arguments[1:]))


def run_delete(context: Context, command: Command) -> None:
    """Delete options; ports that use them have none afterwards."""
    context.model.delete(_options(context, command.arguments[0]))


def run_list(context: Context, command: Command) -> None:
    """Print the UUIDs of all options, by network."""
    for row in sorted(context.model.rows(OPTIONS), key=lambda row: (row.text("cidr"), row.uuid)):
        command.write(row.uuid)


def run_set_options(context: Context, command: Command) -> None:
    """Replace the options of a network."""
    _options(context, command.arguments[0]).put("options", pairs(command.arguments[1:]))


def run_get_options(context: Context, command: Command) -> None:
    """Print the options of a network."""
    for key, value in _options(context, command.arguments[0]).strings("options").items():
        command.write(f"{key}={value}")


def _version(command: Command) -> str:
    """``dhcpv4`` or ``dhcpv6``, from the verb's name."""
    return command.name.split("-")[2]


def run_set_port_options(context: Context, command: Command) -> None:
    """Say which options a port is given, or none."""
    version = _version(command)
    owner = port(context, command.arguments[0])
    name = command.argument(1)
    uuid = None
    if name is not None:
        row = _options(context, name)
        if VERSIONS[version](row.text("cidr")) is None:
            raise CtlError(f"DHCP options cidr '{row.text('cidr')}' is not IPv{version[-1]}")
        uuid = row.uuid
    owner.put(f"{version}_options", uuid)


def run_get_port_options(context: Context, command: Command) -> None:
    """Print the options that a port is given, and their network."""
    owner = port(context, command.arguments[0])
    row = context.model.find(OPTIONS, owner.get(f"{_version(command)}_options"))
    if row is not None:
        command.write(f"{row.uuid} ({row.text('cidr')})")
