"""The commands of the first ovn-nbctl (2015), on today's schema.

Its nouns were ``lswitch`` and ``lport``, its addresses ``macs``.  Most verbs are today's under an old
name; what differs is that ``lswitch-add`` takes a name that exists already, and that external
ids had verbs of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl import ports
from pyovn.tools.nbctl.lookup import SWITCH, need_switches, port, switch

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

    Finder = Callable[[Context, str], Row]


def run_switch_add(context: Context, command: Command) -> None:
    """Create a switch, whatever others are called."""
    row = context.model.insert(SWITCH)
    if command.argument(0) is not None:
        row.put("name", command.arguments[0])


def run_port_add(context: Context, command: Command) -> None:
    """Create a port, in the order of arguments of 2015-04-17 and later."""
    if len(command.arguments) == 3:
        raise CtlError("lport-add with parent must also specify a tag")
    ports.run_add(context, command)


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
