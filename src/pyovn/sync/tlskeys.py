"""TLS keys from the hypervisor's own database (ovs-vswitchd.conf.db(5), table SSL).

The row that Open_vSwitch.ssl refers to names the key files for every ``ssl:`` connection of a daemon on
that hypervisor; while there is none, the command line's count.  The row is followed: what it says applies
to the next connection, and files that are renewed in place are read again by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.ovsdb.replica import Change
    from pyovn.sim.secured import SecuredRuntime
    from pyovn.sim.tlsfiles import TlsFiles
    from pyovn.sync.database import DatabaseClient

TABLE: Final = "SSL"
_FIELDS: Final = ("private_key", "certificate", "ca_cert", "bootstrap_ca_cert")
COLUMNS: Final = {TABLE: _FIELDS}
"""What the daemon's client has to monitor for this, or more of the table."""


def follow(client: DatabaseClient, runtime: SecuredRuntime) -> None:
    """Keep ``runtime.files`` what the row says; call it when the client's own callbacks are set."""
    given, passed_on = runtime.files, client.on_changes

    def on_changes(changes: list[Change]) -> None:
        if any(change.table == TABLE for change in changes):
            table = client.replica.table(TABLE)
            cells = [dict(zip(table.columns, row, strict=True)) for row in table.rows.values()]
            runtime.files = _files(cells[0], given) if cells else given
        passed_on(changes)

    client.on_changes = on_changes


def _files(row: Mapping[str, object], given: TlsFiles) -> TlsFiles:
    return given._replace(
        private_key=str(row["private_key"]),
        certificate=str(row["certificate"]),
        ca_cert=str(row["ca_cert"]),
        bootstrap=row["bootstrap_ca_cert"] is True,
    )
