"""ovn-nbctl's verbs on QoS rules: qos-add, qos-del, qos-list (ovn-nbctl(8), "Logical Switch QoS Rule
Commands").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.acl import delete_rules
from pyovn.tools.nbctl.lookup import needer, referred, switch
from pyovn.tools.nbctl.numbers import UINT32_MAX, in_range, parse_direction, parse_priority

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

RANGES: Final = {"dscp": (0, 63), "rate": (1, UINT32_MAX), "burst": (1, UINT32_MAX)}

need_rules = needer(
    Logical_Switch="name qos_rules", QoS="direction priority match action bandwidth external_ids"
)


def _order(row: Row) -> tuple[str, int, str]:
    return row.text("direction"), -(row.integer("priority") or 0), row.text("match")


def _parse_effects(words: Sequence[str]) -> dict[str, int]:
    """``dscp=``, ``rate=`` and ``burst=``."""
    effects: dict[str, int] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in RANGES:
            raise CtlError(f'{word}: supported arguments are "dscp=", "rate=", and "burst="')
        low, high = RANGES[name]
        value = in_range(text, low, high)
        if value is None:
            raise CtlError(f"{text}: {name} must be in the range {low}...{high}")
        effects[name] = value
    if not effects.keys() & {"dscp", "rate"}:
        raise CtlError('Either "rate" and/or "dscp" must be specified')
    return effects


def run_add(context: Context, command: Command) -> None:
    """Add a rule that marks or limits packets."""
    name = command.arguments[0]
    direction = parse_direction(command.arguments[1])
    priority = parse_priority(command.arguments[2])
    owner = switch(context, name)
    effects = _parse_effects(command.arguments[4:])
    row = context.model.insert("QoS")
    row.put("priority", priority)
    row.put("direction", direction)
    row.put("match", command.arguments[3])
    row.put("action", FrozenMap({k: v for k, v in effects.items() if k == "dscp"}))
    row.put("bandwidth", FrozenMap({k: v for k, v in effects.items() if k != "dscp"}))
    if any(_order(other) == _order(row) for other in referred(context, owner, "qos_rules", "QoS")):
        if not command.given("--may-exist"):
            raise CtlError(f"Same qos already existed on the ls {name}.")
        context.model.delete(row)
        return
    owner.insert_atoms("qos_rules", [row.uuid])


def run_delete(context: Context, command: Command) -> None:
    """Take all rules, those of one direction, or one, named by its UUID or by what it says."""
    owner = switch(context, command.arguments[0])
    which = command.argument(1)
    if which is None or not UUID.is_valid(which):
        delete_rules(context, owner, "qos_rules", "QoS", command)
        return
    if len(command.arguments) > 2:
        raise CtlError("uuid must be the only argument")
    uuid = UUID.parse(which)
    if uuid not in owner.atoms("qos_rules"):
        raise CtlError("uuid is not found")
    owner.delete_atoms("qos_rules", [uuid])


def run_list(context: Context, command: Command) -> None:
    """Print the rules of a switch."""
    owner = switch(context, command.arguments[0])
    for row in sorted(referred(context, owner, "qos_rules", "QoS"), key=_order):
        line = f"{row.text('direction'):>10} {row.integer('priority'):5} ({row.text('match')})"
        bandwidth, action = row.strings("bandwidth"), row.strings("action")
        for name, values in (("rate", bandwidth), ("burst", bandwidth), ("dscp", action)):
            if name in values:
                line += f" {name}={values[name]}"
        command.write(line)
