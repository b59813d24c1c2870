"""Where a server is to be had: addresses given by hand, and addresses kept in a database.

A remote is a passive address (``punix:``, ``ptcp:``) or ``db:DATABASE,TABLE,COLUMN`` (ovsdb-server(1),
``--remote``), which stands for the addresses in a column.  If the column refers to rows, their
``target`` is the address and ``inactivity_probe`` (milliseconds) its probe interval.  A database remote
is followed: its addresses come and go with the database's contents.

A manual remote that cannot be served is an error; one from a database is a warning, since a bad row
must not stop the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.listen import PROBE_INTERVAL, Remote
from pyovn.ovsdb.values import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.ovsdb.engine import Commit, Database, Row, Table
    from pyovn.ovsdb.server import Server
    from pyovn.ovsdb.values import Value
    from pyovn.sim.runtime import Runtime

_SERVED: Final = ("punix:", "ptcp:", "mem:")
_NOT_YET: Final = ("pssl:", "ssl:", "tcp:", "unix:")
_DB_PARTS: Final = 3


class RemoteError(Exception):
    """A remote that cannot be served; the message says why."""


class _Wanted(NamedTuple):
    address: str
    probe_interval: float


class _Source(NamedTuple):
    """A parsed ``db:`` remote."""

    database: Database
    table: Table
    position: int
    referred: Table | None


class Remotes:
    """All remotes of a server."""

    def __init__(
        self,
        runtime: Runtime,
        server: Server,
        log: Callable[[str, str], None],
        listening: Callable[[str], None] | None = None,
    ) -> None:
        self._runtime = runtime
        self._server = server
        self._log = log
        self._listening = listening or (lambda text: log("info", text))
        """Told which port was chosen; scripts look for this line in a log of its own."""
        self._names: list[str] = []
        self._sources: dict[str, _Source] = {}
        self._open: dict[str, tuple[float, Remote]] = {}
        self._failed: set[_Wanted] = set()
        self._refresh_asked = False

    @property
    def names(self) -> list[str]:
        """The remotes as they were given, sorted."""
        return sorted(self._names)

    def add(self, name: str) -> None:
        """Serve a remote; raises ``RemoteError`` or ``OSError``."""
        if name in self._names:
            return
        if name.startswith("db:"):
            source = self._sources[name] = self._parse(name)
            source.database.followers.append(self._follow)
            self._names.append(name)
            self._refresh()
        else:
            self._listen(_Wanted(name, PROBE_INTERVAL))
            self._names.append(name)

    def remove(self, name: str) -> None:
        """Serve a remote no more; its clients are dropped.  Raises ``KeyError``."""
        if name not in self._names:
            raise KeyError(name)
        self._names.remove(name)
        source = self._sources.pop(name, None)
        if source is not None:
            source.database.followers.remove(self._follow)
        self._refresh()

    def close(self) -> None:
        """Serve nothing any more."""
        for name in list(self._names):
            self.remove(name)

    def forget_database(self, database: Database) -> None:
        """Remove the remotes that a database held which is going away."""
        for name, source in list(self._sources.items()):
            if source.database is database:
                self.remove(name)

    # Addresses in a database

    def _parse(self, name: str) -> _Source:
        parts = name.removeprefix("db:").split(",")
        if len(parts) != _DB_PARTS:
            raise RemoteError(f'"{name}": invalid syntax')
        hosted = self._server.databases.get(parts[0])
        if hosted is None:
            raise RemoteError(f'"{name}": no database named {parts[0]}')
        table = hosted.database.tables.get(parts[1])
        if table is None:
            raise RemoteError(f'"{name}": no table named {parts[1]}')
        column = table.by_name.get(parts[2])
        if column is None:
            raise RemoteError(f'"{name}": table "{parts[1]}" has no column "{parts[2]}"')
        kind = column.type.key
        if column.type.is_map or not (kind.type == "string" or kind.ref_table is not None):
            raise RemoteError(f'"{name}": type mismatch: not a column of strings or references')
        referred = None if kind.ref_table is None else hosted.database.tables[kind.ref_table]
        return _Source(hosted.database, table, column.position, referred)

    def _follow(self, commit: Commit) -> None:
        touched = {change.table for change in commit.changes}
        sources = self._sources.values()
        if not self._refresh_asked and any(s.table in touched or s.referred in touched for s in sources):
            self._refresh_asked = True
            self._runtime.call_soon(self._refresh)

    def _wanted(self) -> Iterator[_Wanted]:
        for name in self._names:
            source = self._sources.get(name)
            if source is None:
                yield _Wanted(name, PROBE_INTERVAL)
                continue
            for row in source.table.rows.values():
                value = row.values[source.position]
                for item in value if isinstance(value, frozenset) else () if value is None else (value,):
                    if source.referred is None:
                        yield _Wanted(str(item), PROBE_INTERVAL)
                    elif isinstance(item, UUID) and item in source.referred.rows:
                        yield _of_row(source.referred, source.referred.rows[item])

    def _refresh(self) -> None:
        """Open and close listeners until they are what is wanted."""
        self._refresh_asked = False
        wanted = {want.address: want for want in self._wanted() if want.address}
        for address, (interval, remote) in list(self._open.items()):
            if address not in wanted or wanted[address].probe_interval != interval:
                del self._open[address]
                remote.close()
        self._failed.intersection_update(wanted.values())
        for want in wanted.values():
            if want.address not in self._open and want not in self._failed:
                try:
                    self._listen(want)
                except (RemoteError, OSError) as error:
                    self._failed.add(want)
                    self._log("warn", f"{want.address}: {error}")

    def _listen(self, want: _Wanted) -> None:
        address = want.address
        if address.startswith(_NOT_YET):
            raise RemoteError(f'"{address}": this kind of connection is not served yet')
        if not address.startswith(_SERVED):
            raise RemoteError(f'"{address}" is not a valid remote')
        remote = Remote(self._runtime, self._server, address, probe_interval=want.probe_interval)
        self._open[address] = want.probe_interval, remote
        if address.split(":")[:2] == ["ptcp", "0"]:
            self._listening(
                f"{address.removeprefix('ptcp:')}: listening on port {remote.address.split(':')[1]}"
            )


def _of_row(table: Table, row: Row) -> _Wanted:
    """The address in a row of ``Connection`` or ``Manager``."""

    def cell(name: str) -> Value | Any:
        column = table.by_name.get(name)
        return None if column is None else row.values[column.position]

    probe = cell("inactivity_probe")
    interval = probe / 1000 if isinstance(probe, int) else PROBE_INTERVAL
    return _Wanted(str(cell("target") or ""), interval)
