"""ovn-nbctl's verbs on logical switches: ls-add, ls-del, ls-list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import PORT, SWITCH, find_switch, need_switches, switch, write_labels

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command


def run_add(context: Context, command: Command) -> None:
    """Create a switch; names are unique only by this command's care."""
    name = command.argument(0)
    may_exist, duplicate = command.given("--may-exist"), command.given("--add-duplicate")
    if may_exist and duplicate:
        raise CtlError("--may-exist and --add-duplicate may not be used together")
    if name is None and (may_exist or duplicate):
        raise CtlError(f"{'--may-exist' if may_exist else '--add-duplicate'} requires specifying a name")
    if (
        name is not None
        and not duplicate
        and context.model.where(SWITCH, lambda row: row.get("name") == name)
    ):
        if may_exist:
            return
        raise CtlError(f"{name}: a switch with this name already exists")
    row = context.model.insert(SWITCH)
    if name is not None:
        row.put("name", name)


def need_deletion(needs: Needs, command: Command) -> None:
    """A switch and the UUIDs of ports, so that later commands of the line know which are gone."""
    need_switches(needs, command)
    needs.add(PORT)


def run_delete(context: Context, command: Command) -> None:
    """Delete a switch; the server takes its ports along."""
    if command.given("--if-exists"):
        row = find_switch(context, command.arguments[0])
        if row is None:
            return
    else:
        row = switch(context, command.arguments[0])
    for uuid in row.atoms("ports"):
        port = context.model.find(PORT, uuid)
        if port is not None:
            context.model.delete(port)
    context.model.delete(row)


def run_list(context: Context, command: Command) -> None:
    """Print all switches, by name."""
    write_labels(command, list(context.model.rows(SWITCH)))
