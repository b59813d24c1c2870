"""ovn-sbctl's verbs on chassis and port bindings: what ovn-controller does, by hand, for tests and
repairs (ovn-sbctl(8), "Chassis Commands" and "Port Binding Commands").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import Command, Verb

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row

CHASSIS: Final = "Chassis"
BINDING: Final = "Port_Binding"


def need_chassis(needs: Needs, _command: Command) -> None:
    """Chassis by name, with their encaps."""
    needs.add(CHASSIS, "name", "encaps")
    needs.add("Encap")


def need_bindings(needs: Needs, command: Command) -> None:
    """Ports by name, with their chassis."""
    need_chassis(needs, command)
    needs.add(BINDING, "logical_port", "chassis", "up")


def _find(context: Context, table: str, column: str, name: str) -> Row | None:
    rows = context.model.where(table, lambda row: row.get(column) == name)
    return rows[0] if rows else None


def run_add(context: Context, command: Command) -> None:
    """Create a chassis that is reached at one address by any of several tunnel types."""
    name, types, address = command.arguments
    if _find(context, CHASSIS, "name", name) is not None:
        if command.given("--may-exist"):
            return
        raise CtlError(f"cannot create a chassis named {name} because a chassis named {name} already exists")
    encaps = []
    for kind in sorted(set(filter(None, types.split(",")))):
        encap = context.model.insert("Encap")
        encap.put("type", kind)
        encap.put("ip", address)
        encap.put("options", FrozenMap({"csum": "true"}))
        encap.put("chassis_name", name)
        encaps.append(encap.uuid)
    chassis = context.model.insert(CHASSIS)
    chassis.put("name", name)
    chassis.put("encaps", frozenset(encaps))


def run_delete(context: Context, command: Command) -> None:
    """Delete a chassis and its encaps; ports that are bound to it become unbound by themselves."""
    name = command.arguments[0]
    row = _find(context, CHASSIS, "name", name)
    if row is None:
        if command.given("--if-exists"):
            return
        raise CtlError(f"no chassis named {name}")
    for uuid in row.atoms("encaps"):
        encap = context.model.find("Encap", uuid)
        if encap is not None:
            context.model.delete(encap)
    context.model.delete(row)


def run_bind(context: Context, command: Command) -> None:
    """Say that a port is on a chassis."""
    name, chassis_name = command.arguments
    binding = _find(context, BINDING, "logical_port", name)
    if binding is None:
        raise CtlError(f"no port named {name}")
    chassis = _find(context, CHASSIS, "name", chassis_name)
    if chassis is None:
        raise CtlError(f"no chassis named {chassis_name}")
    current = context.model.find(CHASSIS, binding.get("chassis"))
    if current is not None:
        if command.given("--may-exist") and current is chassis:
            return
        raise CtlError(f"lport ({name}) has already been binded to chassis ({current.text('name')})")
    binding.put("chassis", chassis.uuid)
    binding.put("up", True)


def run_unbind(context: Context, command: Command) -> None:
    """Say that a port is nowhere."""
    name = command.arguments[0]
    binding = _find(context, BINDING, "logical_port", name)
    if binding is None:
        if command.given("--if-exists"):
            return
        raise CtlError(f"no port named {name}")
    binding.put("chassis", None)
    binding.put("up", None)  # also of a port whose chassis was deleted


VERBS: Final = (
    Verb(
        "chassis-add",
        3,
        3,
        run_add,
        need_chassis,
        options="--may-exist",
        syntax="CHASSIS ENCAP-TYPE ENCAP-IP",
    ),
    Verb("chassis-del", 1, 1, run_delete, need_chassis, options="--if-exists", syntax="CHASSIS"),
    Verb("lsp-bind", 2, 2, run_bind, need_bindings, options="--may-exist", syntax="PORT CHASSIS"),
    Verb("lsp-unbind", 1, 1, run_unbind, need_bindings, options="--if-exists", syntax="PORT"),
)
