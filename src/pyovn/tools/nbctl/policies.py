"""ovn-nbctl's verbs on routing policies: lr-policy-* (ovn-nbctl(8), "Logical Router Policy Commands")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import needer, referred, router
from pyovn.tools.nbctl.networks import parse_address
from pyovn.tools.nbctl.numbers import parse_priority

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

POLICY: Final = "Logical_Router_Policy"
ACTIONS: Final = frozenset(("allow", "drop", "reroute"))

need_policies = needer(
    Logical_Router="name policies",
    Logical_Router_Policy="priority match action nexthop nexthops options",
)


def _policies(context: Context, owner: Row) -> list[Row]:
    rows = referred(context, owner, "policies", POLICY)
    return sorted(rows, key=lambda row: (-(row.integer("priority") or 0), row.text("match")))


def _parse_nexthops(text: str) -> frozenset[str]:
    """Addresses of one version, by commas."""
    addresses = [parse_address(word) for word in text.split(",") if word]
    found = [address for address in addresses if address is not None]
    if len(found) < len(addresses) or not found:
        raise CtlError(f"bad next hop argument: {text}")
    if len({address.version for address in found}) > 1:
        raise CtlError(f"bad next hops argument, not in the same addr family : {text}")
    return frozenset(map(str, found))


def run_add(context: Context, command: Command) -> None:
    """Add a policy."""
    name, priority_text, match, action = command.arguments[:4]
    owner = router(context, name)
    priority = parse_priority(priority_text)
    if action not in ACTIONS:
        raise CtlError(f'{action}: action must be one of "allow", "drop", and "reroute"')
    words = list(command.arguments[4:])
    if action == "reroute" and not words:
        raise CtlError("Nexthop is required when action is reroute.")
    for row in _policies(context, owner):
        if (row.get("priority"), row.get("match")) == (priority, match):
            if not command.given("--may-exist"):
                raise CtlError(f"Same routing policy already existed on the logical router {name}.")
            return
    nexthops = _parse_nexthops(words.pop(0)) if action == "reroute" else frozenset()
    options = {}
    for word in words:
        key, _, value = word.partition("=")
        if not value:
            raise CtlError(f"No value specified for the option : {key}")
        options[key] = value
    row = context.model.insert(POLICY)
    row.put("priority", priority)
    row.put("match", match)
    row.put("action", action)
    row.put("nexthops", nexthops)
    row.put("options", FrozenMap(options))
    owner.insert_atoms("policies", [row.uuid])


def run_delete(context: Context, command: Command) -> None:
    """Take all policies, those of one priority, or one, named by its UUID or by what it says."""
    owner = router(context, command.arguments[0])
    which, match = command.argument(1), command.argument(2)
    if which is None:
        owner.put("policies", frozenset())
        return
    rows = _policies(context, owner)
    if UUID.is_valid(which) and match is None:
        uuid = UUID.parse(which)
        if all(row.uuid != uuid for row in rows):
            if command.given("--if-exists"):
                return
            raise CtlError("Logical router policy uuid is not found.")
        owner.delete_atoms("policies", [uuid])
        return
    priority = 0 if UUID.is_valid(which) else parse_priority(which)
    gone = [
        row.uuid for row in rows if row.get("priority") == priority and match in {None, row.text("match")}
    ]
    owner.delete_atoms("policies", gone)


def run_list(context: Context, command: Command) -> None:
    """Print the policies of a router."""
    rows = _policies(context, router(context, command.arguments[0]))
    if rows:
        command.write("Routing Policies")
    for row in rows:
        line = f"{row.integer('priority'):>10} {row.text('match'):>50} {row.text('action'):>15}"
        nexthops = row.atoms("nexthops") or row.atoms("nexthop")
        if nexthops:
            line += f" {nexthops[0]:>25}" + "".join(f", {nexthop}" for nexthop in nexthops[1:])
        options = row.strings("options")
        if options:
            line += " " * 15 + ",".join(f"{key}={value}" for key, value in options.items())
        command.write(line)
