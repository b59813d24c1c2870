"""The commands of the first ovn-nbctl (2015), on today's schema.

Its nouns were ``lswitch`` and ``lport``, its addresses ``macs``.  Most verbs are today's under an old
name; what differs is that ``lswitch-add`` takes a name that exists already, and that external
ids had verbs of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import MANY, Command, Verb
from pyovn.tools.nbctl import ports, switches
from pyovn.tools.nbctl.lookup import SWITCH, need_both, need_ports, need_switches, port, switch

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

VERBS: Final = (
    Verb("lswitch-add", 0, 1, run_switch_add, need_switches, syntax="[LSWITCH]"),
    Verb("lswitch-del", 1, 1, switches.run_delete, switches.need_deletion, syntax="LSWITCH"),
    Verb("lswitch-list", 0, 0, switches.run_list, need_switches),
    Verb("lswitch-set-external-id", 2, 3, setter(switch), need_switch_ids, syntax="LSWITCH KEY [VALUE]"),
    Verb("lswitch-get-external-id", 1, 2, getter(switch), need_switch_ids, syntax="LSWITCH [KEY]"),
    Verb("lport-add", 2, 4, run_port_add, ports.need_addition, syntax="LSWITCH LPORT [PARENT TAG]"),
    Verb("lport-del", 1, 1, ports.run_delete, need_both, syntax="LPORT"),
    Verb("lport-list", 1, 1, ports.run_list, need_both, syntax="LSWITCH"),
    Verb("lport-get-parent", 1, 1, ports.run_get_parent, ports.need_columns("parent_name"), syntax="LPORT"),
    Verb("lport-get-tag", 1, 1, ports.run_get_tag, ports.need_columns("tag"), syntax="LPORT"),
    Verb("lport-set-external-id", 2, 3, setter(port), _port_ids, syntax="LPORT KEY [VALUE]"),
    Verb("lport-get-external-id", 1, 2, getter(port), _port_ids, syntax="LPORT [KEY]"),
    Verb("lport-set-macs", 1, MANY, ports.run_set_addresses, ports.need_addresses, syntax="LPORT [MAC]..."),
    Verb("lport-get-macs", 1, 1, ports.printer("addresses"), ports.need_columns("addresses"), syntax="LPORT"),
    Verb(
        "lport-set-port-security", 1, MANY, ports.run_set_port_security, need_ports, syntax="LPORT [ADDRS]..."
    ),
    Verb("lport-get-port-security", 1, 1, ports.printer("port_security"), _security, syntax="LPORT"),
    Verb("lport-get-up", 1, 1, ports.run_get_up, ports.need_columns("up"), syntax="LPORT"),
)
