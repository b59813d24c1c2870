"""ovs-vsctl's verbs on datapaths: timeouts of conntrack zones, and what a datapath can do.

``Open_vSwitch.datapaths`` has the datapaths by type (``system``, ``netdev``), ``Datapath.ct_zones`` the zones
of each by number, and a zone refers to a row of CT_Timeout_Policy (ovs-vsctl(8), "Conntrack Zone Commands").
Zones with the same timeouts share one policy; the server drops policies that no zone uses any more.

Debian's program takes what is not a number for some number (a zone that is not ``zone=NUMBER`` for whatever
was in its memory, a timeout of ``x`` for 0); here these are errors.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import MANY, Command, Verb
from pyovn.tools.vsctl.layout import SWITCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row

DATAPATH: Final = "Datapath"
ZONE: Final = "CT_Zone"
POLICY: Final = "CT_Timeout_Policy"
_ZONE: Final = re.compile(r"zone=(-?[0-9]+)")
_TIMEOUT: Final = re.compile(r"([^=]*)=(-?[0-9]+)")


def need_zones(needs: Needs, _command: Command) -> None:
    """Datapaths, their zones and timeouts."""
    needs.add(SWITCH, "datapaths")
    needs.add(DATAPATH, "ct_zones")
    needs.add(ZONE, "timeout_policy")
    needs.add(POLICY, "timeouts")


def need_capabilities(needs: Needs, _command: Command) -> None:
    """Datapaths and what they can do."""
    needs.add(SWITCH, "datapaths")
    needs.add(DATAPATH, "capabilities")


def _datapath(context: Context, name: str, complaint: str) -> Row:
    switch = context.model.first(SWITCH)
    assert switch is not None
    uuid: Any = switch.strings("datapaths").get(name)
    row = context.model.find(DATAPATH, uuid)
    if row is None:
        raise CtlError(complaint)
    return row


def _parse_zone(text: str) -> int:
    match = _ZONE.fullmatch(text)
    if match is None:
        raise CtlError(f'"{text}" is not zone=ZONE_ID')
    return int(match[1])


def _parse_timeouts(words: Sequence[str]) -> FrozenMap[str, int]:
    timeouts: dict[str, int] = {}
    for word in words:
        match = _TIMEOUT.fullmatch(word)
        if match is None:
            raise CtlError(f'"{word}" is not POLICY=SECONDS')
        timeouts.setdefault(match[1], int(match[2]))
    return FrozenMap(timeouts)


def _zones(datapath: Row) -> dict[int, Any]:
    value = datapath.get("ct_zones")
    assert isinstance(value, FrozenMap)
    return dict(sorted(value.items()))


def run_add(context: Context, command: Command) -> None:
    """Give a zone timeouts; with ``--may-exist`` also one that has some."""
    name, zone_text, *words = command.arguments
    datapath = _datapath(context, name, f"datapath {name} does not exist")
    number = _parse_zone(zone_text)
    zone = context.model.find(ZONE, _zones(datapath).get(number))
    if zone is not None and not command.given("--may-exist"):
        raise CtlError(f"zone id {number} already exists")
    timeouts = _parse_timeouts(words)
    policy = next(iter(context.model.where(POLICY, lambda row: row.get("timeouts") == timeouts)), None)
    if policy is None:
        policy = context.model.insert(POLICY)
        policy.put("timeouts", timeouts)
    if zone is None:
        zone = context.model.insert(ZONE)
        datapath.insert_atoms("ct_zones", [(number, zone.uuid)])
    zone.put("timeout_policy", policy.uuid)


def run_delete(context: Context, command: Command) -> None:
    """Take a zone's timeouts away."""
    name, zone_text = command.arguments
    datapath = _datapath(context, name, f"datapath {name} does not exist")
    number = _parse_zone(zone_text)
    if number in _zones(datapath):
        datapath.delete_atoms("ct_zones", [number])
    elif not command.given("--if-exists"):
        raise CtlError(f"zone id {number} does not exist")


def run_list(context: Context, command: Command) -> None:
    """Print the zones of a datapath with their timeouts."""
    name = command.arguments[0]
    datapath = _datapath(context, name, f"datapath: {name} record not found")
    for number, uuid in _zones(datapath).items():
        zone = context.model.find(ZONE, uuid)
        policies = (
            [] if zone is None else [context.model.find(POLICY, u) for u in zone.atoms("timeout_policy")]
        )
        timeouts = [
            f"{key}={seconds}"
            for policy in policies
            if policy is not None
            for key, seconds in policy.strings("timeouts").items()
        ]
        text = " ".join(timeouts) if policies else "system default"
        command.write(f"Zone:{number}, Timeout Policies: {text}")


def run_capabilities(context: Context, command: Command) -> None:
    """Print what a datapath can do."""
    name = command.arguments[0]
    datapath = _datapath(context, name, f'datapath "{name}" record not found')
    command.write(" ".join(f"{key}={value}" for key, value in datapath.strings("capabilities").items()))


VERBS: Final = (
    Verb(
        "add-zone-tp",
        3,
        MANY,
        run_add,
        need_zones,
        options="--may-exist",
        syntax="DATAPATH zone=ZONE_ID POLICY=SECONDS...",
    ),
    Verb("del-zone-tp", 2, 2, run_delete, need_zones, options="--if-exists", syntax="DATAPATH zone=ZONE_ID"),
    Verb("list-zone-tp", 1, 1, run_list, need_zones, syntax="DATAPATH"),
    Verb("list-dp-cap", 1, 1, run_capabilities, need_capabilities, syntax="DATAPATH"),
)
