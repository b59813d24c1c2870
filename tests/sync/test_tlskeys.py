from __future__ import annotations

from typing import Any

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.server import Server
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.secured import SecuredRuntime
from pyovn.sim.tlsfiles import TlsFiles
from pyovn.sim.virtual import VirtualRuntime
from pyovn.sync.tlskeys import COLUMNS, follow


def test_the_row_counts_while_there_is_one() -> None:
    network = VirtualRuntime()
    given = TlsFiles("k0", "c0", "ca0", protocols="TLSv1.3")
    runtime = SecuredRuntime(network, given)
    server = Server(network)
    database = Database(OPEN_VSWITCH.schema, network.random)
    server.add_database(database)
    client = LocalClient(network, server, "Open_vSwitch", COLUMNS)
    seen: list[int] = []
    client.on_changes = lambda changes: seen.append(len(changes))
    follow(client, runtime)
    client.start()

    def run(*operations: dict[str, Any]) -> None:
        assert database.transact(operations).error is None
        network.settle()

    row = {"private_key": "k", "certificate": "c", "ca_cert": "ca", "bootstrap_ca_cert": True}
    run(
        {"op": "insert", "table": "Open_vSwitch", "row": {"ssl": ["named-uuid", "s"]}},
        {"op": "insert", "table": "SSL", "uuid-name": "s", "row": row},
    )
    assert runtime.files == TlsFiles("k", "c", "ca", bootstrap=True, protocols="TLSv1.3")
    run({"op": "update", "table": "SSL", "where": [], "row": {"private_key": "k2"}})
    assert runtime.files.private_key == "k2"
    run({"op": "update", "table": "Open_vSwitch", "where": [], "row": {"ssl": ["set", []]}})
    assert runtime.files == given
    assert len(seen) == 3
