"""ovs-vsctl's verbs on bridges: creation, names, external ids, controllers and fail mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl import connections
from pyovn.tools.ctl.errors import CtlError, CtlExit
from pyovn.tools.ctl.grammar import MANY, Command, Verb
from pyovn.tools.vsctl.layout import BRIDGE, INTERFACE, PORT, Bridge, Layout, need_layout

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row

HIGHEST_VLAN: Final = 4095
MISSING: Final = 2
"""br-exists ends with this status when there is no such bridge."""
FAKE_PREFIX: Final = "fake-bridge-"
CONTROLLERS: Final = connections.Place(BRIDGE, "controller", "Controller", "vsctl")


def _parse_vlan(text: str) -> int:
    try:
        vlan = int(text)
    except ValueError:
        vlan = -1
    if not 0 <= vlan <= HIGHEST_VLAN:
        raise CtlError(f"add-br: vlan must be between 0 and {HIGHEST_VLAN}")
    return vlan


def run_add(context: Context, command: Command) -> None:
    """Create a real bridge, or a fake one for a VLAN of another."""
    if len(command.arguments) == 2:
        raise CtlError("'add-br' command takes exactly 1 or 3 arguments")
    name, parent_name = command.arguments[0], command.argument(1)
    if not name:
        raise CtlError("bridge name must not be empty string")
    vlan = 0 if parent_name is None else _parse_vlan(command.arguments[2])
    layout = Layout(context)
    existing = layout.bridges.get(name)
    if command.given("--may-exist") and existing is not None:
        _check_existing(existing, parent_name, vlan)
        return
    layout.check_free(name, "a bridge")
    if parent_name is None:
        _create_real(context, layout, name)
        return
    parent = layout.bridges.get(parent_name)
    if parent is None:
        raise CtlError(f"parent bridge {parent_name} does not exist")
    if parent.parent is not None:
        raise CtlError("cannot create bridge with fake bridge as parent")
    if vlan in parent.children:
        raise CtlError(
            f"bridge {parent_name} already has a child VLAN bridge "
            f"{parent.children[vlan].name} on VLAN {vlan}"
        )
    port = create_port(context, name, [name], "internal")
    port.put("fake_bridge", True)
    port.put("tag", vlan)
    parent.row.insert_atoms("ports", [port.uuid])


def _create_real(context: Context, layout: Layout, name: str) -> None:
    port = create_port(context, name, [name], "internal")
    bridge = context.model.insert(BRIDGE)
    bridge.put("name", name)
    bridge.put("ports", frozenset([port.uuid]))
    layout.switch.insert_atoms("bridges", [bridge.uuid])


def create_port(context: Context, name: str, interfaces: list[str], kind: str = "") -> Row:
    """A new port with new interfaces, not on any bridge yet."""
    uuids = frozenset(create_interface(context, interface, kind).uuid for interface in interfaces)
    port = context.model.insert(PORT)
    port.put("name", name)
    port.put("interfaces", uuids)
    return port


def create_interface(context: Context, name: str, kind: str = "") -> Row:
    """A new interface, not in any port yet."""
    interface = context.model.insert(INTERFACE)
    interface.put("name", name)
    interface.put("type", kind)
    return interface


def _check_existing(bridge: Bridge, parent_name: str | None, vlan: int) -> None:
    """``--may-exist`` accepts the bridge only as it would have been created."""
    if parent_name is None:
        if bridge.parent is not None:
            raise CtlError(
                f'"--may-exist add-br {bridge.name}" but {bridge.name} '
                f"is a VLAN bridge for VLAN {bridge.vlan}"
            )
        return
    said = f'"--may-exist add-br {bridge.name} {parent_name} {vlan}" but {bridge.name}'
    if bridge.parent is None:
        raise CtlError(f"{said} is not a VLAN bridge")
    if bridge.parent.name != parent_name:
        raise CtlError(f"{said} has the wrong parent {bridge.parent.name}")
    if bridge.vlan != vlan:
        raise CtlError(f"{said} is a VLAN bridge for the wrong VLAN {bridge.vlan}")


def run_delete(context: Context, command: Command) -> None:
    """Delete a bridge with its ports."""
    layout = Layout(context)
    name = command.arguments[0]
    if name in layout.bridges or not command.given("--if-exists"):
        layout.delete_bridge(layout.bridge(name))


def run_list(context: Context, command: Command) -> None:
    """Print the bridges' names."""
    real, fake = command.given("--real"), command.given("--fake")
    for name, bridge in sorted(Layout(context).bridges.items()):
        if real in (fake, bridge.parent is None):
            command.write(name)


def run_exists(context: Context, command: Command) -> None:
    """Exit with 2 when there is no such bridge; nothing of the line is done or printed then."""
    if command.arguments[0] not in Layout(context).bridges:
        raise CtlExit(MISSING)


def run_to_vlan(context: Context, command: Command) -> None:
    """Print a fake bridge's VLAN, 0 for a real one."""
    command.write(str(Layout(context).bridge(command.arguments[0]).vlan))


def run_to_parent(context: Context, command: Command) -> None:
    """Print a fake bridge's parent, or the real bridge itself."""
    bridge = Layout(context).bridge(command.arguments[0])
    command.write((bridge.parent or bridge).name)


def need_external_ids(needs: Needs, command: Command) -> None:
    """External ids of bridges, and of ports for fake ones."""
    need_layout(needs, command)
    needs.add(BRIDGE, "external_ids")
    needs.add(PORT, "external_ids")


def _external_ids(context: Context, name: str) -> tuple[Row, str]:
    """The row that holds a bridge's external ids, and the prefix of their keys there."""
    layout = Layout(context)
    bridge = layout.bridge(name)
    return (bridge.row, "") if bridge.parent is None else (layout.ports[name].row, FAKE_PREFIX)


def run_set_external_id(context: Context, command: Command) -> None:
    """Set an external id, or delete it when there is no value."""
    row, prefix = _external_ids(context, command.arguments[0])
    key, value = prefix + command.arguments[1], command.argument(2)
    if value is None:
        row.delete_atoms("external_ids", [key])
    else:
        row.insert_atoms("external_ids", [(key, value)])


def run_get_external_id(context: Context, command: Command) -> None:
    """Print an external id, or all of them."""
    row, prefix = _external_ids(context, command.arguments[0])
    ids = row.strings("external_ids")
    key = command.argument(1)
    if key is not None:
        if prefix + key in ids:
            command.write(ids[prefix + key])
        return
    for name, value in ids.items():
        if name.startswith(prefix):
            command.write(f"{name.removeprefix(prefix)}={value}")


def need_controllers(needs: Needs, command: Command) -> None:
    """Bridges with their controllers."""
    need_layout(needs, command)
    connections.need_targets(CONTROLLERS, needs)


def run_get_controller(context: Context, command: Command) -> None:
    """Print the controllers' targets."""
    bridge = Layout(context).bridge(command.arguments[0])
    connections.print_targets(context, CONTROLLERS, bridge.row, command)


def run_delete_controller(context: Context, command: Command) -> None:
    """Delete the controllers."""
    bridge = Layout(context).real_bridge(command.arguments[0])
    connections.delete_targets(context, CONTROLLERS, bridge.row)


def run_set_controller(context: Context, command: Command) -> None:
    """Replace the controllers."""
    bridge = Layout(context).real_bridge(command.arguments[0])
    probe = command.options.get("--inactivity-probe")
    connections.insert_targets(context, CONTROLLERS, bridge.row, command.arguments[1:], probe)


def need_fail_mode(needs: Needs, command: Command) -> None:
    """Bridges with their fail modes."""
    need_layout(needs, command)
    needs.add(BRIDGE, "fail_mode")


def run_get_fail_mode(context: Context, command: Command) -> None:
    """Print what the bridge does without a controller, if that is set."""
    mode = Layout(context).bridge(command.arguments[0]).row.text("fail_mode")
    if mode:
        command.write(mode)


def run_delete_fail_mode(context: Context, command: Command) -> None:
    """Back to the default."""
    Layout(context).real_bridge(command.arguments[0]).row.put("fail_mode", None)


def run_set_fail_mode(context: Context, command: Command) -> None:
    """Say what the bridge does without a controller."""
    bridge = Layout(context).real_bridge(command.arguments[0])
    mode = command.arguments[1]
    if mode not in {"standalone", "secure"}:
        raise CtlError('fail-mode must be "standalone" or "secure"')
    bridge.row.put("fail_mode", mode)


VERBS: Final = (
    Verb("add-br", 1, 3, run_add, need_layout, options="--may-exist", syntax="BRIDGE [PARENT VLAN]"),
    Verb("del-br", 1, 1, run_delete, need_layout, options="--if-exists", syntax="BRIDGE"),
    Verb("list-br", 0, 0, run_list, need_layout, options="--real --fake"),
    Verb("br-exists", 1, 1, run_exists, need_layout, syntax="BRIDGE"),
    Verb("br-to-vlan", 1, 1, run_to_vlan, need_layout, syntax="BRIDGE"),
    Verb("br-to-parent", 1, 1, run_to_parent, need_layout, syntax="BRIDGE"),
    Verb("br-set-external-id", 2, 3, run_set_external_id, need_external_ids, syntax="BRIDGE KEY [VALUE]"),
    Verb("br-get-external-id", 1, 2, run_get_external_id, need_external_ids, syntax="BRIDGE [KEY]"),
    Verb("get-controller", 1, 1, run_get_controller, need_controllers, syntax="BRIDGE"),
    Verb("del-controller", 1, 1, run_delete_controller, need_controllers, syntax="BRIDGE"),
    Verb(
        "set-controller",
        1,
        MANY,
        run_set_controller,
        need_controllers,
        options="--inactivity-probe=",
        syntax="BRIDGE TARGET...",
    ),
    Verb("get-fail-mode", 1, 1, run_get_fail_mode, need_fail_mode, syntax="BRIDGE"),
    Verb("del-fail-mode", 1, 1, run_delete_fail_mode, need_fail_mode, syntax="BRIDGE"),
    Verb("set-fail-mode", 2, 2, run_set_fail_mode, need_fail_mode, syntax="BRIDGE standalone|secure"),
)
