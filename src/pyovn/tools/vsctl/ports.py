"""ovs-vsctl's verbs on ports and interfaces.

The names of C's messages quote the command line as it was given; ``_said`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import MANY, Command, Verb
from pyovn.tools.ctl.naming import column_of
from pyovn.tools.ctl.writing import set_column
from pyovn.tools.vsctl.bridges import create_interface, create_port
from pyovn.tools.vsctl.layout import PORT, Bridge, Layout, Port, need_layout

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs


def _interface_names(command: Command) -> tuple[list[str], list[str]]:
    """Interfaces and column settings of add-port and add-bond."""
    rest = command.arguments[2:]
    if command.name == "add-port":
        return [command.arguments[1]], list(rest)
    count = next((i for i, word in enumerate(rest) if "=" in word), len(rest))
    if count < 2:
        raise CtlError(f"add-bond requires at least 2 interfaces, but only {count} were specified")
    return list(rest[:count]), list(rest[count:])


def need_addition(needs: Needs, command: Command) -> None:
    """The layout, and the columns that are set."""
    need_layout(needs, command)
    needs.add(PORT, "bond_fake_iface")
    table = needs.schema.tables[PORT]
    for setting in _interface_names(command)[1]:
        needs.add(PORT, column_of(table, setting).name)


def run_add(context: Context, command: Command) -> None:
    """Create a port with one interface (add-port), or with several (add-bond)."""
    bridge_name, name = command.arguments[:2]
    interfaces, settings = _interface_names(command)
    if not name:
        raise CtlError("port name must not be empty string")
    layout = Layout(context)
    existing = layout.find_port(name)
    if command.given("--may-exist") and existing is not None:
        _check_existing(existing, command, bridge_name, interfaces)
        return
    layout.check_free(name, "a port")
    for interface in interfaces:
        layout.check_free(interface, "an interface")
    bridge = layout.bridge(bridge_name)
    port = create_port(context, name, interfaces)
    if command.given("--fake-iface"):
        port.put("bond_fake_iface", True)
    if bridge.parent is not None:
        port.put("tag", bridge.vlan)
    for setting in settings:
        set_column(context, port, setting)
    bridge.row.insert_atoms("ports", [port.uuid])


def _check_existing(port: Port, command: Command, bridge_name: str, interfaces: list[str]) -> None:
    """``--may-exist`` accepts the port only as it would have been created."""
    words = [command.name, bridge_name, port.name]
    if command.name == "add-bond":
        words += interfaces
    said = f'"--may-exist {" ".join(words)}" but {port.name}'
    if port.bridge.name != bridge_name:
        raise CtlError(f"{said} is actually attached to bridge {port.bridge.name}")
    actual = sorted(interface.text("name") for interface in port.interfaces)
    if actual != sorted(interfaces):
        raise CtlError(f"{said} actually has interface(s) {', '.join(actual)}")


def run_add_interface(context: Context, command: Command) -> None:
    """Add an interface to a port, which thereby becomes a bond."""
    name = command.arguments[1]
    layout = Layout(context)
    port = layout.port(command.arguments[0])
    found = layout.find_interface(name)
    if command.given("--may-exist") and found is not None:
        if found[1] is not port:
            raise CtlError(
                f'"--may-exist add-bond-iface {port.name} {name}" '
                f"but {name} is actually attached to port {found[1].name}"
            )
        return
    layout.check_free(name, "an interface")
    port.row.insert_atoms("interfaces", [create_interface(context, name).uuid])


def run_delete_interface(context: Context, command: Command) -> None:
    """Take an interface out of a bond."""
    name = command.arguments[-1]
    layout = Layout(context)
    found = layout.find_interface(name)
    if found is None:
        if command.given("--if-exists"):
            return
        raise CtlError(f"no interface named {name}")
    row, port = found
    if len(command.arguments) == 2 and layout.port(command.arguments[0]) is not port:
        raise CtlError(f"port {command.arguments[0]} does not have an interface {name}")
    if len(port.interfaces) < 2:
        raise CtlError(f"cannot delete last interface from port {port.name}")
    port.row.delete_atoms("interfaces", [row.uuid])
    context.model.delete(row)


def run_delete(context: Context, command: Command) -> None:
    """Delete a port, which may be given by its interface (``--with-iface``)."""
    name = command.arguments[-1]
    layout = Layout(context)
    found: Port | None = layout.ports.get(name)
    if found is None and command.given("--with-iface"):
        interface = layout.find_interface(name)
        found = None if interface is None else interface[1]
    if found is None:
        if command.given("--if-exists"):
            return
        if command.given("--with-iface"):
            raise CtlError(f"no port or interface named {name}")
        raise CtlError(f"no port named {name}")
    if found.is_local:
        if command.given("--if-exists"):
            return
        raise CtlError(
            f"cannot delete port {name} because it is the local port for bridge {name} "
            "(deleting this port requires deleting the entire bridge)"
        )
    bridge = layout.bridge(command.arguments[0]) if len(command.arguments) == 2 else None
    if bridge is not None and found.bridge is not bridge:
        raise CtlError(_elsewhere(bridge, found, name))
    layout.delete_port(found)


def _elsewhere(bridge: Bridge, port: Port, name: str) -> str:
    text = f"bridge {bridge.name} does not have a port {name}"
    if port.bridge.parent is bridge:
        return f"{text} (although its child bridge {port.bridge.name} does)"
    return text


def run_list_ports(context: Context, command: Command) -> None:
    """Print the ports of a bridge, without its local port."""
    bridge = Layout(context).bridge(command.arguments[0])
    for name in sorted(port.name for port in bridge.ports if not port.is_local):
        command.write(name)


def run_list_interfaces(context: Context, command: Command) -> None:
    """Print the interfaces of a bridge, without its local one."""
    bridge = Layout(context).bridge(command.arguments[0])
    interfaces = (i for port in bridge.ports if not port.is_local for i in port.interfaces)
    for name in sorted(interface.text("name") for interface in interfaces):
        command.write(name)


def run_port_to_bridge(context: Context, command: Command) -> None:
    """Print the bridge that a port is on."""
    command.write(Layout(context).port(command.arguments[0]).bridge.name)


def run_interface_to_bridge(context: Context, command: Command) -> None:
    """Print the bridge that an interface is on."""
    found = Layout(context).find_interface(command.arguments[0])
    if found is None:
        raise CtlError(f"no interface named {command.arguments[0]}")
    command.write(found[1].bridge.name)


VERBS: Final = (
    Verb("list-ports", 1, 1, run_list_ports, need_layout, syntax="BRIDGE"),
    Verb(
        "add-port", 2, MANY, run_add, need_addition, options="--may-exist", syntax="BRIDGE PORT [SETTING]..."
    ),
    Verb(
        "add-bond",
        4,
        MANY,
        run_add,
        need_addition,
        options="--may-exist --fake-iface",
        syntax="BRIDGE PORT IFACE... [SETTING]...",
    ),
    Verb("add-bond-iface", 2, 2, run_add_interface, need_layout, options="--may-exist", syntax="BOND IFACE"),
    Verb(
        "del-bond-iface",
        1,
        2,
        run_delete_interface,
        need_layout,
        options="--if-exists",
        syntax="[BOND] IFACE",
    ),
    Verb(
        "del-port", 1, 2, run_delete, need_layout, options="--if-exists --with-iface", syntax="[BRIDGE] PORT"
    ),
    Verb("port-to-br", 1, 1, run_port_to_bridge, need_layout, syntax="PORT"),
    Verb("list-ifaces", 1, 1, run_list_interfaces, need_layout, syntax="BRIDGE"),
    Verb("iface-to-br", 1, 1, run_interface_to_bridge, need_layout, syntax="IFACE"),
)
