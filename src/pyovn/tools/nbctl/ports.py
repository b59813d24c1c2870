"""ovn-nbctl's verbs on logical switch ports: lsp-add, lsp-del, lsp-list and the lsp-set/get pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.addresses import check_address, check_unique
from pyovn.tools.nbctl.lookup import (
    PORT,
    find_port,
    label,
    need_both,
    port,
    ports_of,
    switch,
    switch_of,
    write_labels,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

TYPES: Final = frozenset(
    ("", "external", "l2gateway", "localnet", "localport", "remote", "router", "virtual", "vtep")
)
HIGHEST_TAG: Final = 4095


def need_columns(*columns: str) -> Callable[[Needs, Command], None]:
    """A ``need`` for ports by name with ``columns``."""

    def need(needs: Needs, _command: Command) -> None:
        needs.add(PORT, "name", *columns)

    return need


def need_addition(needs: Needs, command: Command) -> None:
    """What lsp-add compares with."""
    need_both(needs, command)
    needs.add(PORT, "parent_name", "tag_request")


def _parse_tag(text: str) -> int:
    try:
        tag = int(text)
    except ValueError:
        tag = -1
    if not 0 <= tag <= HIGHEST_TAG:
        raise CtlError(f"{text}: invalid tag (must be in range 0 to {HIGHEST_TAG})")
    return tag


def run_add(context: Context, command: Command) -> None:
    """Create a port on a switch, perhaps as a container's port within the port of a VM."""
    switch_name, name = command.arguments[:2]
    parent, tag = command.argument(2), None
    owner = switch(context, switch_name)
    if parent is not None:
        text = command.argument(3)
        if text is None:
            raise CtlError("lsp-add with parent must also specify a tag")
        tag = _parse_tag(text)
    existing = find_port(context, name)
    if existing is not None:
        if not command.given("--may-exist"):
            raise CtlError(f"{name}: a port with this name already exists")
        _check_existing(context, owner, existing, name, parent, tag)
        return
    row = context.model.insert(PORT)
    row.put("name", name)
    if parent is not None:
        row.put("parent_name", parent)
        row.put("tag_request", tag)
    owner.insert_atoms("ports", [row.uuid])


def _check_existing(
    context: Context, owner: Row, row: Row, name: str, parent: str | None, tag: int | None
) -> None:
    """``--may-exist`` accepts the port only as it would have been created."""
    actual = switch_of(context, row)
    if actual is not owner:
        where = actual.text("name") if actual is not None else ""
        raise CtlError(f"{name}: port already exists but in switch {where}")
    if parent is None:
        if row.get("parent_name") is not None:
            raise CtlError(f"{name}: port already exists but has parent {row.text('parent_name')}")
        return
    if row.get("parent_name") is None:
        raise CtlError(f"{name}: port already exists but has no parent")
    if row.get("parent_name") != parent:
        raise CtlError(f"{name}: port already exists with different parent {row.text('parent_name')}")
    if row.get("tag_request") is None:
        raise CtlError(f"{name}: port already exists but has no tag_request")
    if row.get("tag_request") != tag:
        raise CtlError(f"{name}: port already exists with different tag_request {row.get('tag_request')}")


def run_delete(context: Context, command: Command) -> None:
    """Take a port out of its switch and delete it."""
    name = command.arguments[0]
    row = find_port(context, name) if command.given("--if-exists") else port(context, name)
    if row is None:
        return
    owner = switch_of(context, row)
    if owner is None:
        raise CtlError(f"logical port {name} is not part of any logical switch")
    owner.delete_atoms("ports", [row.uuid])
    context.model.delete(row)


def run_list(context: Context, command: Command) -> None:
    """Print the ports of a switch, by name."""
    write_labels(command, ports_of(context, switch(context, command.arguments[0])))


def run_get_parent(context: Context, command: Command) -> None:
    """Print the parent's name, if there is one."""
    row = port(context, command.arguments[0])
    if row.get("parent_name") is not None:
        command.write(row.text("parent_name"))


def run_get_tag(context: Context, command: Command) -> None:
    """Print the tag in use, if there is one."""
    tag = port(context, command.arguments[0]).integer("tag")
    if tag is not None:
        command.write(str(tag))


def run_get_switch(context: Context, command: Command) -> None:
    """Print the switch that a port is on."""
    owner = switch_of(context, port(context, command.arguments[0]))
    if owner is not None:
        command.write(label(owner))


def need_addresses(needs: Needs, command: Command) -> None:
    """All addresses of all ports, to find duplicates."""
    need_both(needs, command)
    needs.add(PORT, "addresses", "dynamic_addresses")


def run_set_addresses(context: Context, command: Command) -> None:
    """Replace a port's addresses."""
    row = port(context, command.arguments[0])
    addresses = command.arguments[1:]
    for address in addresses:
        check_address(address)
        check_unique(context, row, [address])
    row.put("addresses", frozenset(addresses))


def printer(column: str) -> Callable[[Context, Command], None]:
    """A verb's ``run`` that prints a set of strings, one per line."""

    def run(context: Context, command: Command) -> None:
        for text in port(context, command.arguments[0]).atoms(column):
            command.write(text)

    return run


def run_set_port_security(context: Context, command: Command) -> None:
    """Replace what a port may send from."""
    port(context, command.arguments[0]).put("port_security", frozenset(command.arguments[1:]))


def run_get_up(context: Context, command: Command) -> None:
    """Print ``up`` or ``down``; a port that nobody has reported on is down."""
    command.write("up" if port(context, command.arguments[0]).get("up") else "down")


def run_set_enabled(context: Context, command: Command) -> None:
    """Set the administrative state."""
    row = port(context, command.arguments[0])
    state = command.arguments[1]
    if state.lower() not in {"enabled", "disabled"}:
        raise CtlError(f'{state}: state must be "enabled" or "disabled"')
    row.put("enabled", state.lower() == "enabled")


def run_get_enabled(context: Context, command: Command) -> None:
    """Print the administrative state; unset is enabled."""
    enabled = port(context, command.arguments[0]).get("enabled")
    command.write("disabled" if enabled is False else "enabled")


def run_set_type(context: Context, command: Command) -> None:
    """Say what kind of port it is."""
    row = port(context, command.arguments[0])
    kind = command.arguments[1]
    if kind not in TYPES:
        raise CtlError(f"Logical switch port type '{kind}' is unrecognized. Not setting type.")
    row.put("type", kind)


def run_get_type(context: Context, command: Command) -> None:
    """Print the type, empty for a virtual machine's port."""
    command.write(port(context, command.arguments[0]).text("type"))


def run_set_options(context: Context, command: Command) -> None:
    """Replace the options; words without ``=`` are ignored."""
    row = port(context, command.arguments[0])
    pairs = (word.partition("=") for word in command.arguments[1:])
    row.put("options", FrozenMap({key: value for key, equals, value in pairs if equals}))


def run_get_options(context: Context, command: Command) -> None:
    """Print the options, one per line."""
    for key, value in port(context, command.arguments[0]).strings("options").items():
        command.write(f"{key}={value}")


need_parent = need_columns("parent_name")
need_tag = need_columns("tag")
need_all_addresses = need_columns("addresses")
need_port_security = need_columns("port_security")
need_up = need_columns("up")
need_enabled = need_columns("enabled")
need_type = need_columns("type")
need_options = need_columns("options")
run_get_addresses = printer("addresses")
run_get_port_security = printer("port_security")
