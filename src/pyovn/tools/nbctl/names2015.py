"""The commands of the first ovn-nbctl (2015), on today's schema.

Its nouns were ``lswitch`` and ``lport``, its addresses ``macs``.  Most verbs are today's under an old
name.  What differs: ``lswitch-add`` takes a name that exists already; external ids had verbs of their own;
``lport-add`` takes its arguments in either order (see ``run_port_add``); and ``show`` had another form, which
is ``--2015 show`` now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovsdb.values import UUID
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import Command
from pyovn.tools.nbctl import ports
from pyovn.tools.nbctl.lookup import (
    PORT,
    SWITCH,
    label,
    need_both,
    need_switches,
    port,
    ports_of,
    switch,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row

    Finder = Callable[[Context, str], Row]


def run_switch_add(context: Context, command: Command) -> None:
    """Create a switch, whatever others are called."""
    row = context.model.insert(SWITCH)
    if command.argument(0) is not None:
        row.put("name", command.arguments[0])


def run_port_add(context: Context, command: Command) -> None:
    """Create a port: ``LSWITCH LPORT [PARENT TAG]``, or ``LPORT LSWITCH`` as before 17 April 2015.

    Two arguments are in the older order if the second one is a switch and the first one is not; so a
    switch that is named first always counts, and a mistake is told in the later order.
    """
    if len(command.arguments) == 3:
        raise CtlError("lport-add with parent must also specify a tag")
    if len(command.arguments) == 2:
        first, second = command.arguments
        if not _is_switch(context, first) and _is_switch(context, second):
            command = Command(command.verb, (second, first), command.options)
    ports.run_add(context, command)


def _is_switch(context: Context, name: str) -> bool:
    """Whether at least one switch has this UUID or name."""
    uuid = UUID.parse(name) if UUID.is_valid(name) else None
    return bool(context.model.where(SWITCH, lambda row: row.uuid == uuid or row.get("name") == name))


def need_tag(needs: Needs, _command: Command) -> None:
    """The tag, given or asked for."""
    needs.add(PORT, "name", "tag", "tag_request")


def run_get_tag(context: Context, command: Command) -> None:
    """Print the tag; in 2015 it was in use as soon as it was asked for."""
    row = port(context, command.arguments[0])
    tag = row.integer("tag")
    if tag is None:
        tag = row.integer("tag_request") or None
    if tag is not None:
        command.write(str(tag))


def need_show(needs: Needs, command: Command) -> None:
    """What an overview showed."""
    need_both(needs, command)
    needs.add(PORT, "parent_name", "tag", "tag_request", "addresses")


def run_show(context: Context, command: Command) -> None:
    """Print one switch or all of them with their ports, as of 21 April 2015."""
    name = command.argument(0)
    rows = list(context.model.rows(SWITCH)) if name is None else [switch(context, name)]
    for row in sorted(rows, key=_by_name):
        command.write(f"    lswitch {label(row)}")
        for each in sorted(ports_of(context, row), key=_by_name):
            _show_port(command, each)


def _by_name(row: Row) -> tuple[str, str]:
    return row.text("name"), row.uuid


def _show_port(command: Command, row: Row) -> None:
    command.write(f"        lport {row.text('name')}")
    tag = row.integer("tag") or row.integer("tag_request")
    if row.text("parent_name") and tag:
        command.write(f"            parent: {row.text('parent_name')}, tag:{tag}")
    macs = row.atoms("addresses")
    if macs:
        command.write(f"            macs: {' '.join(str(mac) for mac in macs)}")


def setter(find: Finder) -> Callable[[Context, Command], None]:
    """Set an external id, or delete it when there is no value."""

    def run(context: Context, command: Command) -> None:
        row = find(context, command.arguments[0])
        key, value = command.arguments[1], command.argument(2)
        if value is None:
            row.delete_atoms("external_ids", [key])
        else:
            row.insert_atoms("external_ids", [(key, value)])

    return run


def getter(find: Finder) -> Callable[[Context, Command], None]:
    """Print an external id, or all of them."""

    def run(context: Context, command: Command) -> None:
        ids = find(context, command.arguments[0]).strings("external_ids")
        key = command.argument(1)
        if key is None:
            for name, value in ids.items():
                command.write(f"{name}={value}")
        elif key in ids:
            command.write(ids[key])

    return run


def need_switch_ids(needs: Needs, command: Command) -> None:
    """Switches with their external ids."""
    need_switches(needs, command)
    needs.add(SWITCH, "external_ids")


_port_ids = ports.need_columns("external_ids")
_security = ports.need_columns("port_security")


need_port_ids = ports.need_columns("external_ids")
run_set_switch_id = setter(switch)
run_get_switch_id = getter(switch)
run_set_port_id = setter(port)
run_get_port_id = getter(port)
