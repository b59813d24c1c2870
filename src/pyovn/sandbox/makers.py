"""How servers and daemons of a deployment come into being; here the plain way, without files.

Every program is made in a process (a ``Runtime``) of its own, so that it can be killed.  What has been
committed to a database is there again when its server is started anew, as from a file: all but ephemeral
columns.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, cast

import msgspec

from pyovn.compat2015.compat import Compat2015
from pyovn.controller.controller import Controller
from pyovn.northd.northd import Northd
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.journal import database_of
from pyovn.ovsdb.journal_file import records_in
from pyovn.ovsdb.journal_rows import cells_of
from pyovn.ovsdb.server import Server
from pyovn.vswitch.switch import Switch
from pyovn.wire.jsonrpc import encode

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.client import Client
    from pyovn.ovsdb.local import LocalClient
    from pyovn.ovsdb.schema import DatabaseSchema
    from pyovn.schemas.columns import Database as TypedDatabase
    from pyovn.sim.runtime import Runtime
    from pyovn.sim.underlay import Underlay
    from pyovn.sync.database import DatabaseClient


def records_of(database: Database) -> tuple[Any, Any]:
    """The two records of a file that holds the database: schema and contents."""
    contents = {
        table.name: {str(uuid): cells_of(table, None, row) for uuid, row in table.rows.items()}
        for table in database.tables.values()
    }
    return database.schema.to_json(), contents


def load(name: str, data: bytes, random: random.Random, *, strict: bool = False) -> Database:
    """The database in the bytes of a file; ``name`` is for messages.  Raises ``JournalError``."""
    file = cast("io.BufferedReader", io.BufferedReader(io.BytesIO(data)))
    return database_of(name, records_in(file, len(data), name, strict=strict), random)[0]


def reread(database: Database, random: random.Random) -> Database:
    """The database that would be read from the file into which this one was written."""
    records = [(0, msgspec.json.decode(encode(json))) for json in records_of(database)]
    return database_of(database.name, records, random)[0]


class Makers:
    """``lines`` collects what the daemons log: (who, level, text)."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.lines: list[tuple[str, str, str]] = []
        self.exited: Callable[[str, str], None] = lambda _place, _name: None
        """To be called when a daemon has ended by itself: with its place and name."""
        self._stored: dict[tuple[str, str], Database] = {}
        """By place and name."""
        self.seeds: dict[tuple[str, str], bytes] = {}
        """What databases hold that are made for the first time, as files; others are empty."""

    def _log(self, who: str) -> Callable[[str, str], None]:
        return lambda level, text: self.lines.append((who, level, text))

    def rundir(self, hypervisor: str) -> str:
        """Where a hypervisor's management sockets are."""
        return f"/{hypervisor}"

    def schema(self, database: TypedDatabase) -> DatabaseSchema:
        """The schema of new databases."""
        return database.schema

    def database(self, runtime: Runtime, place: str, database: TypedDatabase) -> Database:
        """An empty database, or what has been committed to the one of that place and name."""
        key = (place, database.name)
        before, seed = self._stored.get(key), self.seeds.pop(key, None)
        if before is not None:
            made = reread(before, runtime.random)
        elif seed is not None:
            made = load(database.name, seed, runtime.random)
        else:
            made = Database(self.schema(database), runtime.random)
        self._stored[key] = made
        return made

    def server(self, runtime: Runtime, place: str, databases: Sequence[TypedDatabase]) -> Server:
        """A server; ``place`` is "central" or a hypervisor's name."""
        server = Server(runtime)
        for database in databases:
            server.add_database(self.database(runtime, place, database))
        return server

    def northd(self, runtime: Runtime, nb_client: DatabaseClient, sb_client: DatabaseClient) -> Northd:
        """An ovn-northd, not started."""
        return Northd(runtime, nb_client, sb_client, self._log("ovn-northd"))

    def compat2015(
        self,
        runtime: Runtime,
        nb_client: DatabaseClient,
        sb_client: DatabaseClient,
        ovn_client: DatabaseClient,
    ) -> Compat2015:
        """An ovn-compat2015, not started."""
        return Compat2015(runtime, nb_client, sb_client, ovn_client, self._log("ovn-compat2015"))

    def switch(
        self, runtime: Runtime, hypervisor: str, client: Client | LocalClient, underlay: Underlay
    ) -> Switch:
        """A switch, not started."""
        log = self._log(f"{hypervisor}/ovs-vswitchd")
        return Switch(runtime, client, underlay, self.rundir(hypervisor), log)

    def controller(
        self,
        runtime: Runtime,
        hypervisor: str,
        client: DatabaseClient,
        connect_sb: Callable[[str], DatabaseClient],
    ) -> Controller:
        """A controller, not started."""
        return Controller(
            runtime,
            client,
            connect_sb,
            rundir=self.rundir(hypervisor),
            hostname=hypervisor,
            log=self._log(f"{hypervisor}/ovn-controller"),
        )

    def ended(self, place: str, daemon: str, *, crashed: bool) -> None:
        """A daemon is gone; one that crashed leaves its files."""

    def check(self, hypervisor: str) -> None:
        """Raise ``DeploymentError`` when no hypervisor can have this name here."""

    def reset(self) -> None:
        """All daemons are gone, and what they had in databases with them."""
        self._stored.clear()

    def remove(self, hypervisor: str) -> None:
        """The hypervisor is gone."""
        for key in [key for key in self._stored if key[0] == hypervisor]:
            del self._stored[key]
