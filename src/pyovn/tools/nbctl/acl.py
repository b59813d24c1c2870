"""ovn-nbctl's verbs on access control lists: acl-add, acl-del, acl-list (ovn-nbctl(8), "ACL Commands").

An ACL belongs to a switch or to a port group; ``--type`` decides when both have the name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import find_named, find_switch, named, needer, referred, switch
from pyovn.tools.nbctl.numbers import UINT32_MAX, in_range, parse_direction, parse_priority

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

ACTIONS: Final = frozenset(("allow", "allow-related", "allow-stateless", "drop", "reject"))
SEVERITIES: Final = frozenset(("alert", "warning", "notice", "info", "debug"))
LABELLED: Final = frozenset(("allow", "allow-related"))
AFTER_LB: Final = "apply-after-lb"
GROUP: Final = "Port_Group"

need_owners = needer(Port_Group="name acls", Logical_Switch="name acls")
need_acls = needer(
    Port_Group="name acls",
    Logical_Switch="name acls",
    ACL="priority direction match action log name severity meter label options",
)


def _owner(context: Context, command: Command) -> Row:
    """The switch or port group of the first argument."""
    name = command.arguments[0]
    kind = command.options.get("--type")
    if kind == "port-group":
        return named(context, GROUP, name, "port group")
    if kind == "switch":
        return switch(context, name)
    if kind is not None:
        raise CtlError(f"Invalid value '{kind}' for option --type")
    group, owner = find_named(context, GROUP, name), find_switch(context, name)
    if group is not None and owner is not None:
        raise CtlError(
            f"Same name '{name}' exists in both port-groups and logical switches. "
            "Specify --type=port-group or switch, or use a UUID."
        )
    found = group or owner
    if found is None:
        raise CtlError(f"'{name}' is not found for port-group or switch.")
    return found


def _is_after_lb(row: Row) -> bool:
    return row.strings("options").get(AFTER_LB) == "true"


def _order(row: Row) -> tuple[str, bool, int, str]:
    """How ACLs are listed; two of one owner must differ in it."""
    return row.text("direction"), _is_after_lb(row), -(row.integer("priority") or 0), row.text("match")


def _parse_label(text: str) -> int:
    label = in_range(text, 0, UINT32_MAX)
    if label is None:
        raise CtlError(f"{text}: label must in range 0...{UINT32_MAX}")
    return label


def run_add(context: Context, command: Command) -> None:
    """Add an ACL."""
    owner = _owner(context, command)
    direction = parse_direction(command.arguments[1])
    priority = parse_priority(command.arguments[2])
    match, action = command.arguments[3:5]
    if action not in ACTIONS:
        raise CtlError(
            f'{action}: action must be one of "allow", "allow-related", "allow-stateless", "drop", '
            'and "reject"'
        )
    row = context.model.insert("ACL")
    row.put("priority", priority)
    row.put("direction", direction)
    row.put("match", match)
    row.put("action", action)
    _put_logging(row, command)
    label = command.options.get("--label")
    if label is not None:
        if action not in LABELLED:
            raise CtlError('label can only be set with actions "allow" or "allow-related"')
        row.put("label", _parse_label(label))
    if command.given("--apply-after-lb") and direction == "from-lport":
        row.put("options", FrozenMap({AFTER_LB: "true"}))
    if any(_order(other) == _order(row) for other in referred(context, owner, "acls", "ACL")):
        if not command.given("--may-exist"):
            raise CtlError(f"Same ACL already existed on the ls {command.arguments[0]}.")
        context.model.delete(row)
        return
    owner.insert_atoms("acls", [row.uuid])


def _put_logging(row: Row, command: Command) -> None:
    severity = command.options.get("--severity")
    if severity is not None and severity not in SEVERITIES:
        raise CtlError(f"bad severity: {severity}")
    for column in ("severity", "name", "meter"):
        value = command.options.get(f"--{column}")
        if value is not None:
            row.put(column, value)
            row.put("log", True)
    if command.given("--log"):
        row.put("log", True)


def run_delete(context: Context, command: Command) -> None:
    """Take all ACLs, those of one direction, or one."""
    owner = _owner(context, command)
    delete_rules(context, owner, "acls", "ACL", command)


def delete_rules(context: Context, owner: Row, column: str, table: str, command: Command) -> None:
    """Take rules from a set, by ``[DIRECTION [PRIORITY MATCH]]`` behind the first argument."""
    words = command.arguments[1:]
    if not words:
        owner.put(column, frozenset())
        return
    direction = parse_direction(words[0])
    rules = [row for row in referred(context, owner, column, table) if row.get("direction") == direction]
    if len(words) > 1:
        priority = parse_priority(words[1])
        if len(words) == 2:
            raise CtlError("cannot specify priority without match")
        wanted = priority, words[2]
        rules = [row for row in rules if (row.get("priority"), row.get("match")) == wanted][:1]
    owner.delete_atoms(column, [row.uuid for row in rules])


def run_list(context: Context, command: Command) -> None:
    """Print the ACLs of a switch or port group."""
    owner = _owner(context, command)
    for row in sorted(referred(context, owner, "acls", "ACL"), key=_order):
        line = (
            f"{row.text('direction'):>10} {row.integer('priority'):5} ({row.text('match')}) "
            f"{row.text('action')}"
        )
        if row.get("log"):
            line += f" log({_logging(row)})"
        if _is_after_lb(row):
            line += " [after-lb]"
        if row.get("label"):
            line += f" label={row.get('label')}"
        command.write(line)


def _logging(row: Row) -> str:
    parts = []
    if row.get("name") is not None:
        parts.append(f"name={row.text('name')}")
    if row.get("severity") is not None:
        parts.append(f"severity={row.text('severity')}")
    if row.get("meter") is not None:
        parts.append(f'meter="{row.text("meter")}"')
    return ",".join(parts)
