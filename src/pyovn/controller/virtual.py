"""Virtual ports: an address that whichever of several ports holds now.

ovn-nb(5), Logical_Switch_Port.type ``virtual``; ovn-sb(5), Port_Binding.virtual_parent.  A parent announces
the address, ``bind_vport`` sends that packet here, and the chassis of the parent takes the port: it writes
``chassis`` and ``virtual_parent``, whoever had it before.  That is an event and no state: written once, by
``Announced``, so two chassis do not fight.  What is state is derived: the port is up while its parent is, and
is given back when the parent goes.

Not here: the flows that ask (northd's), and frames to the address, which go to the parent's MAC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.model import SELF
from pyovn.logical.actions_controller import Code, code_of
from pyovn.ovn import registers as reg
from pyovn.ovn.ports import VIRTUAL
from pyovn.schemas import southbound as sb
from pyovn.sync.wants import Existing, want
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.controller.binding import Binding
    from pyovn.controller.model import Model
    from pyovn.ovsdb.requests import Reply
    from pyovn.ovsdb.values import UUID
    from pyovn.sync.database import DatabaseClient

PENDING: Final = 1_000
"""Ports that wait to be written; what comes beyond is taken at its next announcement."""


def declare(model: Model, binding: Binding) -> None:
    """Virtual ports of this chassis: up with their parent, and given back when it has gone."""
    installed_by = model.engine.index("parent_installed", binding.installed, lambda i: [i.key])

    def held(port: sb.PortBinding) -> Iterator[tuple[Any, str]]:
        process, ours = model.process_of.one(SELF), model.our_chassis()
        if port.type != VIRTUAL or process is None or ours is None or port.chassis != ours:
            return
        row = Existing(port.uuid)
        parent = model.binding_by_name.one(port.virtual_parent) if port.virtual_parent else None
        if process.exiting or parent is None or not _is_here(model, parent):
            yield (
                want("Port_Binding", row, chassis=None, virtual_parent=None, up=False),
                "no parent here holds the address",
            )
            return
        yield want("Port_Binding", row, up=installed_by.one(parent.uuid) is not None), "up with its parent"

    model.want(model.output_sb, "virtual_ports", model.bindings, held)


def _is_here(model: Model, parent: sb.PortBinding) -> bool:
    return parent.chassis == model.our_chassis() and model.vif_of(parent) is not None


class Announced:
    """Takes packets of ``bind_vport`` and writes who holds the port; ``wake`` asks to call ``write``."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._pending: dict[tuple[int, int], int] = {}
        """Keys of datapath and virtual port, to the parent's."""
        self._in_flight = False

    def packet(self, message: object) -> None:
        """A message of the switch; only packets of ``bind_vport`` are of interest here."""
        if not isinstance(message, ofp.PacketIn):
            return
        code = code_of(message.userdata)
        if code is None or code[0] != Code.BIND_VPORT or len(code[1]) < 4:
            return
        datapath = message.metadata.exact(FIELDS[reg.LOG_DATAPATH])
        parent = message.metadata.exact(FIELDS[reg.LOG_INPORT])
        port = datapath or 0, int.from_bytes(code[1][:4], "big")
        if datapath and parent and (port in self._pending or len(self._pending) < PENDING):
            self._pending[port] = parent
            self._wake()

    def write(self, client: DatabaseClient, ours: UUID | None) -> None:
        """Send what the southbound does not say yet; one transaction at a time."""
        if not self._pending or self._in_flight or ours is None:
            return
        pending, self._pending = self._pending, {}
        datapaths = client.replica.table(sb.DatapathBinding.TABLE).rows
        keys = {uuid: sb.DatapathBinding(uuid, row).tunnel_key for uuid, row in datapaths.items()}
        ports = (sb.PortBinding(u, v) for u, v in client.replica.table(sb.PortBinding.TABLE).rows.items())
        found = {(keys.get(port.datapath), port.tunnel_key): port for port in ports}
        operations = []
        for (datapath, key), parent_key in pending.items():
            port, parent = found.get((datapath, key)), found.get((datapath, parent_key))
            if port is None or port.type != VIRTUAL or parent is None or parent.chassis != ours:
                continue
            if port.chassis != ours or port.virtual_parent != parent.logical_port:
                operations.append(_take(port, parent, ours))
        if operations:
            self._in_flight = True
            client.transact(operations, self._written)

    def _written(self, _reply: Reply) -> None:
        """Whatever became of it: a port that was not taken is taken at the next announcement."""
        self._in_flight = False
        self._wake()


def _take(port: sb.PortBinding, parent: sb.PortBinding, ours: UUID) -> dict[str, Any]:
    return {
        "op": "update",
        "table": sb.PortBinding.TABLE,
        "where": [["_uuid", "==", ["uuid", str(port.uuid)]]],
        "row": {"chassis": ["uuid", str(ours)], "virtual_parent": parent.logical_port},
    }
