"""ovn-nbctl's verbs on mirrors of ports (ovn-nbctl(8), "Mirror commands")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError, warn
from pyovn.tools.nbctl.lookup import named, needer, port
from pyovn.tools.nbctl.networks import parse_address
from pyovn.tools.nbctl.numbers import parse_direction

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command

TYPES: Final = frozenset(("gre", "erspan"))
_INDEX: Final = re.compile(r"\s*[+-]?\d+")

need_mirrors = needer(Mirror="name type index filter sink")
need_attachment = needer(Mirror="name", Logical_Switch_Port="name mirror_rules")


def run_add(context: Context, command: Command) -> None:
    """Create a mirror."""
    name, kind, index, selection, sink = command.arguments
    if context.model.where("Mirror", lambda row: row.get("name") == name):
        raise CtlError(f"Mirror with {name} name already exists.")
    if kind not in TYPES:
        raise CtlError(f'{kind}: type must be "gre" or "erspan"')
    if _INDEX.fullmatch(index) is None:
        raise CtlError("Invalid Index")
    direction = parse_direction(selection, "selection")
    if parse_address(sink) is None:
        raise CtlError(f"Invalid sink ip: {sink}")
    row = context.model.insert("Mirror")
    row.put("name", name)
    row.put("type", kind)
    row.put("index", int(index))
    row.put("filter", direction)
    row.put("sink", sink)


def run_delete(context: Context, command: Command) -> None:
    """Delete a mirror or all; one that does not exist is no error."""
    name = command.argument(0)
    for row in context.model.where("Mirror", lambda row: name in {None, row.text("name")}):
        context.model.delete(row)


def run_list(context: Context, command: Command) -> None:
    """Print all mirrors, by name."""
    for row in sorted(context.model.rows("Mirror"), key=lambda row: row.text("name")):
        command.write(f"{row.text('name')}:")
        command.write(f"  Type     :  {row.text('type')}")
        command.write(f"  Sink     :  {row.text('sink')}")
        command.write(f"  Filter   :  {row.text('filter')}")
        command.write(f"  Index/Key:  {row.get('index')}\n")


def run_attach(context: Context, command: Command) -> None:
    """Mirror a port."""
    owner = port(context, command.arguments[0])
    mirror = named(context, "Mirror", command.arguments[1], "mirror")
    if mirror.uuid in owner.atoms("mirror_rules"):
        if not command.given("--may-exist"):
            name, port_name = mirror.text("name"), owner.text("name")
            raise CtlError(f"mirror {name} is already attached to the logical port {port_name}.")
        return
    owner.insert_atoms("mirror_rules", [mirror.uuid])


def run_detach(context: Context, command: Command) -> None:
    """Mirror a port no longer."""
    owner = port(context, command.arguments[0])
    mirror = named(context, "Mirror", command.arguments[1], "mirror")
    if mirror.uuid not in owner.atoms("mirror_rules"):
        warn("ovsdb_idl", "Trying to delete a key that doesn't exist in the set.")
        return
    owner.delete_atoms("mirror_rules", [mirror.uuid])
