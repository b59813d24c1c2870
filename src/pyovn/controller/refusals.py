"""What the switch has refused, and which ports that concerns.

Such a port must not be called up: something of what was asked for it is not so.  A flow is a port's when it
carries the cookie of its binding, takes packets from its interface, or names the port on its datapath: as
inport or outport in its match, or as the outport that it sets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.controller.lflow import cookie_of
from pyovn.ovn import registers as reg
from pyovn.schemas import southbound as sb
from pyovn.wire.openflow.actions import SetField
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.text import format_flow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pyovn.controller.binding import Binding
    from pyovn.controller.model import LocalPort, Model
    from pyovn.sync.flowtable import FlowTable
    from pyovn.wire.openflow.flow import Flow

_IN_PORT: Final = FIELDS["in_port"]
_DATAPATH: Final = FIELDS[reg.LOG_DATAPATH]
_INPORT: Final = FIELDS[reg.LOG_INPORT]
_OUTPORT: Final = FIELDS[reg.LOG_OUTPORT]


def concerned(model: Model, flows: Collection[Flow], ports: Iterable[LocalPort]) -> list[LocalPort]:
    """Those of ``ports`` that one of ``flows`` belongs to; called outside of derivations."""
    if not flows:
        return []
    datapaths = model.southbound.table(sb.DatapathBinding)
    found = []
    for port in ports:
        datapath = datapaths.peek(port.datapath)
        key = None if datapath is None else datapath.tunnel_key
        if any(_belongs(flow, port, key) for flow in flows):
            found.append(port)
    return found


def notices(model: Model, binding: Binding, table: FlowTable) -> Iterator[str]:
    """What the switch refuses, and which ports are not called up for it, one line each."""
    ports = model.local_ports.elements()
    for flow, why in table.refusals().items():
        down = [port.name for port in concerned(model, [flow], ports) if not binding.is_up(port)]
        so = f"; not up: {', '.join(sorted(down))}" if down else ""
        yield f"refused by the switch: {format_flow(flow)} ({why}){so}"
    for flow, why in table.leftovers().items():
        yield f"not deleted by the switch: {format_flow(flow)} ({why})"


def _belongs(flow: Flow, port: LocalPort, datapath: int | None) -> bool:
    match = flow.match
    if flow.cookie == cookie_of(port.binding) or match.exact(_IN_PORT) == port.ofport:
        return True
    if datapath is None or match.exact(_DATAPATH) != datapath:
        return False
    return port.key in (match.exact(_INPORT), match.exact(_OUTPORT)) or any(
        isinstance(action, SetField) and action.field is _OUTPORT and action.value == port.key
        for action in flow.actions
    )
