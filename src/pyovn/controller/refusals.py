"""Which ports a flow belongs to that the switch has refused.

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

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pyovn.controller.model import LocalPort, Model
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
