"""ovn-nbctl's verbs on logical routers: lr-add, lr-del, lr-list, and static-mac-binding-*."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import ROUTER, find_router, needer, router, router_port, write_labels
from pyovn.tools.nbctl.networks import check_address, is_ethernet

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

BINDING: Final = "Static_MAC_Binding"

need_routers = needer(Logical_Router="name")
need_bindings = needer(Static_MAC_Binding="logical_port ip mac", Logical_Router_Port="name")


def run_add(context: Context, command: Command) -> None:
    """Create a router; names are unique only by this command's care."""
    name = command.argument(0)
    may_exist, duplicate = command.given("--may-exist"), command.given("--add-duplicate")
    if may_exist and duplicate:
        raise CtlError("--may-exist and --add-duplicate may not be used together")
    if name is None and (may_exist or duplicate):
        raise CtlError(f"{'--may-exist' if may_exist else '--add-duplicate'} requires specifying a name")
    taken = name is not None and context.model.where(ROUTER, lambda row: row.get("name") == name)
    if taken and not duplicate:
        if may_exist:
            return
        raise CtlError(f"{name}: a router with this name already exists")
    row = context.model.insert(ROUTER)
    if name is not None:
        row.put("name", name)


def run_delete(context: Context, command: Command) -> None:
    """Delete a router; the server takes along what only it refers to."""
    name = command.arguments[0]
    row = find_router(context, name) if command.given("--if-exists") else router(context, name)
    if row is not None:
        context.model.delete(row)


def run_list(context: Context, command: Command) -> None:
    """Print all routers, by name."""
    write_labels(command, list(context.model.rows(ROUTER)))


def _binding(context: Context, port: Row, address: str) -> Row | None:
    wanted = port.get("name"), address
    rows = context.model.where(BINDING, lambda row: (row.get("logical_port"), row.get("ip")) == wanted)
    return rows[0] if rows else None


def run_binding_add(context: Context, command: Command) -> None:
    """Fix the Ethernet address of a neighbour."""
    name, ip, mac = command.arguments
    port = router_port(context, name)
    address = check_address(ip)
    if not is_ethernet(mac):
        raise CtlError(f"invalid mac address {mac}.")
    row = _binding(context, port, address)
    if row is None:
        row = context.model.insert(BINDING)
        row.put("logical_port", port.text("name"))
        row.put("ip", address)
    elif not command.given("--may-exist"):
        raise CtlError(
            f"{name}, {address}: a Static_MAC_Binding with this logical_port and ip already exists"
        )
    row.put("mac", mac)


def run_binding_delete(context: Context, command: Command) -> None:
    """Forget the Ethernet address of a neighbour."""
    name, ip = command.arguments
    port = router_port(context, name)
    address = check_address(ip)
    row = _binding(context, port, address)
    if row is not None:
        context.model.delete(row)
    elif not command.given("--if-exists"):
        raise CtlError(f"no matching Static_MAC_Binding with port {name} and ip {address}")


def run_binding_list(context: Context, command: Command) -> None:
    """Print all fixed addresses."""
    rows = list(context.model.rows(BINDING))
    if rows:
        command.write(f"{'LOGICAL_PORT':<25}{'IP':<25}MAC")
    for line in sorted(
        f"{row.text('logical_port'):<25}{row.text('ip'):<25}{row.text('mac')}" for row in rows
    ):
        command.write(line)
