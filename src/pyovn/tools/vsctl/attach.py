"""ovs-vsctl's verbs on auto-attach: which service of a provider's network a VLAN belongs to.

A mapping is a pair of an I-SID and a VLAN in ``AutoAttach.mappings`` of a bridge (ovs-vsctl(8), "Auto-Attach
Commands"); a fake bridge has its parent's.  The first mapping of a bridge creates the record.  An I-SID that
is mapped already keeps its VLAN, and only the pair as it stands is deleted (Debian's program loses
others with it).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.values import FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import Command, Verb
from pyovn.tools.vsctl.layout import BRIDGE, Layout, need_layout

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row

ATTACH: Final = "AutoAttach"
_NUMBER: Final = re.compile(r"\s*[+-]?[0-9]+")


def need_mappings(needs: Needs, command: Command) -> None:
    """Bridges with their mappings."""
    need_layout(needs, command)
    needs.add(BRIDGE, "auto_attach")
    needs.add(ATTACH, "mappings")


def _number(text: str) -> int:
    if _NUMBER.fullmatch(text) is None:
        raise CtlError(f"Invalid argument {text}")
    return int(text)


def _record(context: Context, bridge: Row) -> Row | None:
    return next(
        (row for uuid in bridge.atoms("auto_attach") if (row := context.model.find(ATTACH, uuid))), None
    )


def _mappings(record: Row) -> FrozenMap[Any, Any]:
    value = record.get("mappings")
    assert isinstance(value, FrozenMap)
    return value


def run_add(context: Context, command: Command) -> None:
    """Map an I-SID to a VLAN."""
    service, vlan = map(_number, command.arguments[1:])
    bridge = Layout(context).bridge(command.arguments[0]).row
    record = _record(context, bridge)
    if record is None:
        record = context.model.insert(ATTACH)
        bridge.put("auto_attach", record.uuid)
    if service not in _mappings(record):
        record.insert_atoms("mappings", [(service, vlan)])


def run_delete(context: Context, command: Command) -> None:
    """Take a mapping away; one that is not there is no error."""
    service, vlan = map(_number, command.arguments[1:])
    bridge = Layout(context).bridge(command.arguments[0]).row
    record = _record(context, bridge)
    if record is not None and _mappings(record).get(service) == vlan:
        record.delete_atoms("mappings", [service])


def run_get(context: Context, command: Command) -> None:
    """Print the mappings, ordered by I-SID."""
    record = _record(context, Layout(context).bridge(command.arguments[0]).row)
    if record is None:
        return
    record.verify("mappings")
    for service, vlan in sorted(_mappings(record).items()):
        command.write(f"{service} {vlan}")


VERBS: Final = (
    Verb("add-aa-mapping", 3, 3, run_add, need_mappings, syntax="BRIDGE I-SID VLAN"),
    Verb("del-aa-mapping", 3, 3, run_delete, need_mappings, syntax="BRIDGE I-SID VLAN"),
    Verb("get-aa-mapping", 1, 1, run_get, need_mappings, syntax="BRIDGE"),
)
