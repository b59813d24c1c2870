"""Finding switches, routers, ports and other rows by name or UUID, as ovn-nbctl's own verbs do (the general
verbs differ: they also take abbreviated UUIDs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools.ctl.errors import CtlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

SWITCH: Final = "Logical_Switch"
PORT: Final = "Logical_Switch_Port"
ROUTER: Final = "Logical_Router"
ROUTER_PORT: Final = "Logical_Router_Port"


def find_named(context: Context, table: str, name: str, plural: str = "") -> Row | None:
    """The row of ``table`` with this UUID or name, or None.

    Where names need not be unique, ``plural`` says what the rows are called when several have it.
    """
    if UUID.is_valid(name):
        row = context.model.find(table, UUID.parse(name))
        if row is not None:
            return row
    rows = context.model.where(table, lambda row: row.get("name") == name)
    if plural and len(rows) > 1:
        raise CtlError(f"Multiple {plural} named '{name}'.  Use a UUID.")
    return rows[0] if rows else None


def named(context: Context, table: str, name: str, noun: str, plural: str = "") -> Row:
    """The row of ``table`` with this UUID or name; raises ``CtlError`` when there is none."""
    row = find_named(context, table, name, plural)
    if row is None:
        raise CtlError(f"{name}: {noun} {'UUID' if UUID.is_valid(name) else 'name'} not found")
    return row


def find_switch(context: Context, name: str) -> Row | None:
    """The switch, or None; raises ``CtlError`` when several have this name."""
    return find_named(context, SWITCH, name, "logical switches")


def switch(context: Context, name: str) -> Row:
    """The switch; raises ``CtlError`` when there is none."""
    return named(context, SWITCH, name, "switch", "logical switches")


def find_router(context: Context, name: str) -> Row | None:
    """The router, or None; raises ``CtlError`` when several have this name."""
    return find_named(context, ROUTER, name, "logical routers")


def router(context: Context, name: str) -> Row:
    """The router; raises ``CtlError`` when there is none."""
    return named(context, ROUTER, name, "router", "logical routers")


def find_port(context: Context, name: str) -> Row | None:
    """The switch port, or None; the schema keeps port names unique."""
    return find_named(context, PORT, name)


def port(context: Context, name: str) -> Row:
    """The switch port; raises ``CtlError`` when there is none."""
    return named(context, PORT, name, "port")


def router_port(context: Context, name: str) -> Row:
    """The router port; raises ``CtlError`` when there is none."""
    return named(context, ROUTER_PORT, name, "port")


def referred(context: Context, row: Row, column: str, table: str) -> list[Row]:
    """The rows of ``table`` that a column refers to."""
    found = (context.model.find(table, uuid) for uuid in row.atoms(column))
    return [other for other in found if other is not None]


def ports_of(context: Context, row: Row) -> list[Row]:
    """The ports of a switch."""
    return referred(context, row, "ports", PORT)


def pairs(words: Iterable[str]) -> FrozenMap[str, str]:
    """A map from words of the form ``KEY=VALUE``; others are ignored."""
    split = (word.partition("=") for word in words)
    return FrozenMap({key: value for key, equals, value in split if equals})


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


def needer(**columns: str) -> Callable[[Needs, Command], None]:
    """A verb's ``need``: blank-separated columns by table."""

    def need(needs: Needs, _command: Command) -> None:
        for table, names in columns.items():
            needs.add(table, *names.split())

    return need
