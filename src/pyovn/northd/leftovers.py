"""What was learnt about ports and datapaths that are gone.

Controllers write MAC_Binding, FDB and IGMP_Group rows (ovn-sb(5)).  FDB names datapaths and ports by
tunnel keys and MAC_Binding names ports by their names, so nothing makes these rows go with what they are
about; a key that is given out again would inherit them.  So they are deleted in the transaction that
deletes the Datapath_Binding or the Port_Binding.

Not here: rows of other tables that *refer* to a row that is deleted (``sync.reconcile``, ``releasing``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.schemas import southbound as sb

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyovn.ovsdb.values import UUID
    from pyovn.sync.database import DatabaseClient

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    sb.FDB.TABLE: ("dp_key", "port_key"),
    sb.MACBinding.TABLE: ("logical_port", "datapath"),
    sb.IGMPGroup.TABLE: ("datapath",),
}
"""What the southbound client has to monitor for this."""

Operation = dict[str, Any]


class Leftovers:
    """Looks for leftovers in the replica of a southbound client."""

    def __init__(self, client: DatabaseClient) -> None:
        table = client.replica.table
        self._client = client
        self._fdb_of_datapath = table(sb.FDB.TABLE).index("dp_key")
        self._fdb_of_port = table(sb.FDB.TABLE).index("dp_key", "port_key")
        self._neighbours = table(sb.MACBinding.TABLE).index("logical_port", "datapath")
        self._groups = table(sb.IGMPGroup.TABLE).index("datapath")

    def of_datapath(self, row: sb.DatapathBinding) -> Iterator[Operation]:
        """Operations that go with the deletion of a Datapath_Binding."""
        yield from _delete(sb.FDB.TABLE, self._fdb_of_datapath.find(row.tunnel_key))
        yield from _delete(sb.IGMPGroup.TABLE, self._groups.find(row.uuid))

    def of_port(self, row: sb.PortBinding) -> Iterator[Operation]:
        """Operations that go with the deletion of a Port_Binding."""
        datapath = self._client.replica.table(sb.DatapathBinding.TABLE).rows.get(row.datapath)
        if datapath is not None:
            key = sb.DatapathBinding(row.datapath, datapath).tunnel_key
            yield from _delete(sb.FDB.TABLE, self._fdb_of_port.find(key, row.tunnel_key))
        yield from _delete(sb.MACBinding.TABLE, self._neighbours.find(row.logical_port, row.datapath))


def _delete(table: str, uuids: Any) -> Iterator[Operation]:
    found: list[UUID] = sorted(uuids)
    for uuid in found:
        yield {"op": "delete", "table": table, "where": [["_uuid", "==", ["uuid", str(uuid)]]]}
