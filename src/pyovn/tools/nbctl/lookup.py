"""Finding switches and ports by name or UUID, as ovn-nbctl's own verbs do (the general verbs differ:
they also take abbreviated UUIDs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import UUID
from pyovn.tools.ctl.errors import CtlError

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

SWITCH: Final = "Logical_Switch"
PORT: Final = "Logical_Switch_Port"


def find_switch(context: Context, name: str) -> Row | None:
    """The switch, or None; raises ``CtlError`` when several have this name."""
    if UUID.is_valid(name):
        row = context.model.find(SWITCH, UUID.parse(name))
        if row is not None:
            return row
    rows = context.model.where(SWITCH, lambda row: row.get("name") == name)
    if len(rows) > 1:
        raise CtlError(f"Multiple logical switches named '{name}'.  Use a UUID.")
    return rows[0] if rows else None


def switch(context: Context, name: str) -> Row:
    """The switch; raises ``CtlError`` when there is none."""
    row = find_switch(context, name)
    if row is None:
        what = "UUID" if UUID.is_valid(name) else "name"
        raise CtlError(f"{name}: switch {what} not found")
    return row


def find_port(context: Context, name: str) -> Row | None:
    """The switch port, or None; the schema keeps port names unique."""
    if UUID.is_valid(name):
        row = context.model.find(PORT, UUID.parse(name))
        if row is not None:
            return row
    rows = context.model.where(PORT, lambda row: row.get("name") == name)
    return rows[0] if rows else None


def port(context: Context, name: str) -> Row:
    """The switch port; raises ``CtlError`` when there is none."""
    row = find_port(context, name)
    if row is None:
        what = "UUID" if UUID.is_valid(name) else "name"
        raise CtlError(f"{name}: port {what} not found")
    return row


def ports_of(context: Context, row: Row) -> list[Row]:
    """The ports of a switch."""
    found = (context.model.find(PORT, uuid) for uuid in row.atoms("ports"))
    return [port for port in found if port is not None]


def switch_of(context: Context, row: Row) -> Row | None:
    """The switch that a port belongs to."""
    rows = context.model.referrers(SWITCH, "ports", row.uuid)
    return rows[0] if rows else None


def label(row: Row) -> str:
    """``UUID (NAME)``."""
    return f"{row.uuid} ({row.text('name')})"


def write_labels(command: Command, rows: list[Row]) -> None:
    """One label per line, by name."""
    for row in sorted(rows, key=lambda row: (row.text("name"), row.uuid)):
        command.write(label(row))


def need_switches(needs: Needs, _command: Command) -> None:
    """Ask for names and ports of switches."""
    needs.add(SWITCH, "name", "ports")


def need_ports(needs: Needs, _command: Command) -> None:
    """Ask for names of ports."""
    needs.add(PORT, "name")


def need_both(needs: Needs, command: Command) -> None:
    """Ask for switches and the names of their ports."""
    need_switches(needs, command)
    need_ports(needs, command)
