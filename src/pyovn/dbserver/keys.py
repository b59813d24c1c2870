"""The server's TLS keys: named on the command line, or by a database that it serves.

Each option of ovsdb-server(1), "Public Key Infrastructure Options", may be ``db:DATABASE,TABLE,COLUMN``:
then the first nonempty string in the column is meant, whatever it is at the moment.  A database that is
removed takes the keys that it named with it, until it comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovsdb.dbsource import PREFIX, ColumnSource, Follower, SourceError, texts
from pyovn.sim.tlsfiles import TlsFiles

if TYPE_CHECKING:
    from pyovn.ovsdb.server import Server
    from pyovn.sim.secured import SecuredRuntime

_FIELDS = tuple(field for field in TlsFiles._fields if field != "bootstrap")


class Keys:
    """Keeps ``runtime.files`` what the options and the databases say; raises ``SourceError`` when made."""

    def __init__(self, runtime: SecuredRuntime, server: Server) -> None:
        self._runtime = runtime
        self._server = server
        self._options = runtime.files
        self._sources: dict[str, ColumnSource] = {}
        for field in _FIELDS:
            value = getattr(self._options, field)
            if value.startswith(PREFIX):
                source = self._sources[field] = ColumnSource.parse(value)
                source.find(server)
        self._follower = Follower(server, self._sources.values, self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Read the columns again; also when a database came or went."""
        self._follower.refresh()
        said = self._options._asdict()
        said.update({field: self._read(source) for field, source in self._sources.items()})
        self._runtime.files = TlsFiles(**said)

    def _read(self, source: ColumnSource) -> str:
        try:
            found = source.find(self._server)
        except SourceError:
            return ""
        return next((text for text in texts(found) if text), "")
