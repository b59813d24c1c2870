"""Where a server is to be had: addresses given by hand, and addresses kept in a database.

A remote is an address, passive (``punix: ptcp: pssl:``) or active (``unix: tcp: ssl:``, where the server
connects), or ``db:DATABASE,TABLE,COLUMN`` (ovsdb-server(1), ``--remote``), which stands for the addresses in
a column.  If the column refers to rows, their ``target`` is the address and other columns are its options.
A database remote is followed: its addresses come and go with the database's contents.

A manual remote that cannot be served is an error; one from a database is a warning, since a bad row must
not stop the server.  It is tried again: the port may be that of a server that is about to end.

How a remote is stands in the columns ``is_connected`` and ``status`` of its row (ovn-sb(5)).  They are
ephemeral, written every ``STATUS_INTERVAL`` seconds and only where they differ, and never to the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovsdb.dbsource import PREFIX, ColumnSource, Follower, SourceError, referred_rows, texts
from pyovn.ovsdb.listen import Remote, RemoteOptions, default_options
from pyovn.ovsdb.outbound import ActiveRemote
from pyovn.ovsdb.values import FrozenMap
from pyovn.sim.address import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.ovsdb.engine import Row, Table
    from pyovn.ovsdb.server import Server
    from pyovn.sim.runtime import Runtime, Timer

STATUS_INTERVAL: Final = 2.5
_PASSIVE: Final = ("punix:", "ptcp:", "pssl:", "mem:")
_ACTIVE: Final = ("unix:", "tcp:", "ssl:")


class RemoteError(Exception):
    """A remote that cannot be served; the message says why."""


class _Wanted(NamedTuple):
    address: str
    options: RemoteOptions
    source: ColumnSource | None = None


class Remotes:
    """All remotes of a server."""

    def __init__(
        self,
        runtime: Runtime,
        server: Server,
        log: Callable[[str, str], None],
        listening: Callable[[str], None] | None = None,
        reconnect_log: Callable[[str, str], None] | None = None,
    ) -> None:
        self._runtime = runtime
        self._server = server
        self._log = log
        self._listening = listening or (lambda text: log("info", text))
        """Told which port was chosen; scripts look for this line in a log of its own."""
        self._reconnect_log = reconnect_log or log
        self._names: list[str] = []
        self._sources: dict[str, ColumnSource] = {}
        self._open: dict[str, Remote | ActiveRemote] = {}
        self._failed: dict[_Wanted, str] = {}
        """Addresses from databases that cannot be served for now, and why; tried again with the status."""
        self._follower = Follower(server, self._sources.values, self.refresh)
        self._timer: Timer | None = None

    @property
    def names(self) -> list[str]:
        """The remotes as they were given, sorted."""
        return sorted(self._names)

    def add(self, name: str) -> None:
        """Serve a remote; raises ``RemoteError``."""
        if name in self._names:
            return
        if name.startswith(PREFIX):
            try:
                source = ColumnSource.parse(name)
                source.find(self._server)
            except SourceError as error:
                raise RemoteError(str(error)) from error
            self._sources[name] = source
            self._names.append(name)
            self.refresh()
        else:
            try:
                self._begin(_Wanted(name, default_options(name)))
            except OSError as error:
                raise RemoteError(_failure(name, error)) from error
            self._names.append(name)

    def remove(self, name: str) -> None:
        """Serve a remote no more; its clients are dropped.  Raises ``KeyError``."""
        if name not in self._names:
            raise KeyError(name)
        self._names.remove(name)
        self._sources.pop(name, None)
        self.refresh()

    def close(self) -> None:
        """Serve nothing any more."""
        for name in list(self._names):
            self.remove(name)

    # Addresses in a database

    def _wanted(self) -> Iterator[_Wanted]:
        for name in self._names:
            source = self._sources.get(name)
            if source is None:
                yield _Wanted(name, default_options(name))
                continue
            try:
                found = source.find(self._server)
            except SourceError:
                continue  # the database was removed, or is another one now; it may come back
            for address in texts(found):
                yield _Wanted(address, default_options(address), source)
            if found.referred is not None:
                for row in referred_rows(found):
                    yield _of_row(found.referred, row, source)

    def refresh(self) -> None:
        """Open and close remotes until they are what is wanted; also when a database came or went."""
        self._follower.refresh()
        wanted = {want.address: want for want in self._wanted() if want.address}
        for address in [address for address in self._open if address not in wanted]:
            self._open.pop(address).close()
            self._log("info", f"{address}: remote deconfigured")
        for want in self._failed.keys() - wanted.values():
            del self._failed[want]
        for want in wanted.values():
            there = self._open.get(want.address)
            if there is not None:
                if there.options != want.options:
                    there.set_options(want.options)
            elif want not in self._failed:
                self._try(want)
        self._schedule_status()

    def _try(self, want: _Wanted) -> None:
        """Serve an address from a database; a failure is said once, however often it comes."""
        try:
            self._begin(want)
        except (RemoteError, OSError) as error:
            text = _failure(want.address, error) if isinstance(error, OSError) else str(error)
            if self._failed.get(want) != text:
                self._log("warn", text)
            self._failed[want] = text
        else:
            self._failed.pop(want, None)

    def _begin(self, want: _Wanted) -> None:
        address, options = want.address, want.options
        if address.startswith(_ACTIVE):
            self._open[address] = ActiveRemote(
                self._runtime, self._server, address, options, self._reconnect_log
            )
        elif address.startswith(_PASSIVE):
            remote = self._open[address] = Remote(self._runtime, self._server, address, options)
            family, port, *_ = [*address.split(":"), ""]
            if family in {"ptcp", "pssl"} and port == "0":
                rest = address.partition(":")[2]
                self._listening(f"{rest}: listening on port {remote.address.split(':')[1]}")
        else:
            raise RemoteError(f'"{address}" is not a valid remote')

    # Status

    def _schedule_status(self) -> None:
        if self._sources and self._timer is None:
            self._timer = self._runtime.call_later(STATUS_INTERVAL, self._write_status)
        elif not self._sources and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write_status(self) -> None:
        self._timer = None
        for want in tuple(self._failed):
            self._try(want)
        if not self._server.read_only:  # a backup's rows are the active server's
            for source in self._sources.values():
                self._write_status_of(source)
        self._schedule_status()

    def _write_status_of(self, source: ColumnSource) -> None:
        try:
            found = source.find(self._server)
        except SourceError:
            return
        table = found.referred
        if table is None or not {"target", "is_connected", "status"} <= table.by_name.keys():
            return
        changes = [
            (row, values)
            for row in referred_rows(found)
            if (values := self._with_status(table, row)) != row.values
        ]
        if changes:

            def write(transaction: Any) -> None:
                for row, values in changes:
                    transaction.put(table, row.uuid, values)

            found.database.replace(write)

    def _with_status(self, table: Table, row: Row) -> tuple[Any, ...]:
        """The cells of a row with the present state of its remote."""
        target = str(row.values[table.by_name["target"].position])
        remote = self._open.get(target)
        if remote is not None:
            connected, status = remote.status()
        else:
            error = next((text for want, text in self._failed.items() if want.address == target), None)
            connected, status = False, {} if error is None else {"last_error": error}
        values = list(row.values)
        values[table.by_name["is_connected"].position] = connected
        values[table.by_name["status"].position] = FrozenMap(status)
        return tuple(values)


def _failure(address: str, error: OSError) -> str:
    """Why nobody can be waited for at an address."""
    return f"{address}: listen failed ({reason(error)})"


def _of_row(table: Table, row: Row, source: ColumnSource) -> _Wanted:
    """The address in a row of ``Connection`` or ``Manager``, and what else the row says of it."""

    def cell(name: str) -> Any:
        column = table.by_name.get(name)
        return None if column is None else row.values[column.position]

    address = str(cell("target") or "")
    probe, backoff, role = cell("inactivity_probe"), cell("max_backoff"), cell("role")
    default = default_options(address)
    return _Wanted(
        address,
        RemoteOptions(
            max(probe, 0) / 1000 if isinstance(probe, int) else default.probe_interval,
            max(backoff, 1000) / 1000 if isinstance(backoff, int) else default.max_backoff,
            cell("read_only") is True,
            role if isinstance(role, str) else "",
        ),
        source,
    )
