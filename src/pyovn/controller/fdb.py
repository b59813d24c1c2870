"""Learnt MAC addresses: packets to FDB rows, FDB rows to flows.

ovn-sb(5), FDB, and the actions ``put_fdb``, ``get_fdb`` and ``lookup_fdb``.  ``put_fdb`` sends a packet
here, and the address becomes a row that all chassis see.  A row that is there already with another port is
changed: the station has moved.  Rows of ports that are gone are northd's to delete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.logical.actions_controller import Code, code_of
from pyovn.ovn import registers as reg
from pyovn.schemas import southbound as sb
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.actions import SetField
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.controller.model import Model
    from pyovn.ovsdb.requests import Reply
    from pyovn.sync.database import DatabaseClient

PENDING: Final = 1_000
"""Addresses that wait to be written; what comes beyond is learnt from a later packet."""


def declare(model: Model) -> None:
    """Flows of the look-up tables for each address on a datapath that is here."""
    tables = model.profile.oftables
    found = reg.flag("lookup_fdb")

    def flows(row: sb.FDB) -> Iterator[tuple[Flow, str]]:
        mac = _number(row.mac)
        if mac is None or model.local_datapath_key.one(row.dp_key) is None:
            return
        cookie, on = int(row.uuid[:8], 16), {reg.LOG_DATAPATH: row.dp_key}
        reached = Match.of({**on, "eth_dst": mac})
        sent = Match.of({**on, reg.LOG_INPORT: row.port_key, "eth_src": mac})
        to_port = SetField(FIELDS[reg.LOG_OUTPORT], row.port_key)
        yes = SetField(FIELDS[reg.LOG_FLAGS], found, found)
        yield Flow(tables.get_fdb, 100, reached, (to_port,), cookie), "a learnt address"
        yield Flow(tables.lookup_fdb, 100, sent, (yes,), cookie), "a learnt address is where it was"

    model.want(model.output_flows, "fdb_flows", model.southbound.table(sb.FDB), flows)


class Learning:
    """Takes packets of ``put_fdb`` and writes rows; ``wake`` asks the owner to call ``write``."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._pending: dict[tuple[str, int], int] = {}
        self._in_flight = False

    def packet(self, message: object) -> None:
        """A message of the switch; only packets of ``put_fdb`` are of interest here."""
        if not isinstance(message, ofp.PacketIn):
            return
        code = code_of(message.userdata)
        if code is None or code[0] != Code.PUT_FDB or len(message.data) < 12:
            return
        datapath = message.metadata.exact(FIELDS[reg.LOG_DATAPATH])
        port = message.metadata.exact(FIELDS[reg.LOG_INPORT])
        if datapath and port and (len(self._pending) < PENDING):
            self._pending[message.data[6:12].hex(":"), datapath] = port
            self._wake()

    def write(self, client: DatabaseClient) -> None:
        """Send what is not in the southbound yet; one transaction at a time."""
        if not self._pending or self._in_flight:
            return
        pending, self._pending = self._pending, {}
        table = client.replica.table(sb.FDB.TABLE)
        known = {(row.mac, row.dp_key): row for row in (sb.FDB(u, v) for u, v in table.rows.items())}
        operations: list[dict[str, Any]] = []
        for (mac, datapath), port in pending.items():
            row = known.get((mac, datapath))
            cells: dict[str, Any] = {"mac": mac, "dp_key": datapath, "port_key": port}
            if row is None:
                operations.append({"op": "insert", "table": sb.FDB.TABLE, "row": cells})
            elif row.port_key != port:
                where = [["_uuid", "==", ["uuid", str(row.uuid)]]]
                operations.append(
                    {"op": "update", "table": sb.FDB.TABLE, "where": where, "row": {"port_key": port}}
                )
        if operations:
            self._in_flight = True
            client.transact(operations, self._written)

    def _written(self, _reply: Reply) -> None:
        """Whatever became of it: an address that is not there is learnt from its next packet."""
        self._in_flight = False
        self._wake()


def _number(mac: str) -> int | None:
    """A MAC as a number; None for what somebody else wrote and is none."""
    octets = mac.split(":")
    try:
        return int.from_bytes(bytes(int(octet, 16) for octet in octets), "big") if len(octets) == 6 else None
    except ValueError:
        return None
