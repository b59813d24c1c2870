"""A server in virtual time, a witness who is served, and clients that may misbehave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, insert, uuid

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.listen import Remote, RemoteOptions
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.ovsdb.server import Server
from pyovn.sim.virtual import VirtualRuntime
from pyovn.wire.jsonrpc import Decoder, encode, request

if TYPE_CHECKING:
    from pyovn.ovsdb.server_session import ServerSession
    from pyovn.sim.runtime import Stream


class Peer:
    """A client that may misbehave."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.messages: list[Any] = []
        self.closed = False
        self.decoder = Decoder()
        found: list[Stream] = []
        world.runtime.connect("unix:/s", found.append, pytest.fail)
        world.runtime.settle()
        (self.stream,) = found
        self.stream.on_data = lambda data: self.messages.extend(self.decoder.feed(data))
        self.stream.on_close = self._close

    def _close(self, _why: str) -> None:
        self.closed = True

    def send(self, data: bytes) -> None:
        self.stream.write(data)
        self.world.runtime.settle()

    def call(self, method: str, params: Any, id_: Any = 0) -> Any:
        self.messages.clear()
        self.send(encode(request(id_, method, params)))
        assert not self.closed
        (answer,) = [message for message in self.messages if message.get("id") == id_]
        return answer["error"] if answer["error"] is not None else answer["result"]


class World:
    def __init__(self, **options: Any) -> None:
        self.runtime = VirtualRuntime()
        self.server = Server(self.runtime, **options)
        self.logged: list[str] = []
        self.server.log = lambda level, text: self.logged.append(f"{level} {text}")
        self.database = Database(DatabaseSchema.from_json(SCHEMA))
        self.server.add_database(self.database)
        self.remote = Remote(self.runtime, self.server, "punix:/s", RemoteOptions(0.0))
        self.witness = Peer(self)
        self.witness.call("monitor", ["T", "w", {"Plain": {"columns": ["i"]}}])

    def is_well(self) -> bool:
        """The other client is served as if nothing had happened."""
        self.witness.messages.clear()
        answer = self.witness.call("transact", ["T", insert("Plain", i=3)])
        updates = [message for message in self.witness.messages if message.get("method") == "update"]
        return "uuid" in answer[0] and len(updates) == 1


class Deaf:
    """A client that takes nothing."""

    def __init__(self, server: Server, name: str) -> None:
        self.waiting = 0
        self.closed = False
        self.session: ServerSession = server.connect(
            self._take, peer=name, close=self._close, backlog=lambda: self.waiting
        )

    def _take(self, data: bytes) -> None:
        self.waiting += len(data)

    def _close(self) -> None:
        self.closed = True
        self.waiting = 0


METHODS = {
    "transact": ["T", insert("Plain")],
    "monitor": ["T", "m", {"Plain": {"columns": ["i"], "select": {"initial": True}}}],
    "monitor_cond": ["T", "m", {"Plain": [{"columns": ["i"], "where": [["i", "==", 1]]}]}],
    "monitor_cond_since": ["T", "m", {"Plain": {}}, uuid(0)],
    "monitor_cond_change": ["m", "n", {"Plain": [{"where": [True]}]}],
    "monitor_cancel": ["m"],
    "get_schema": ["T"],
    "lock": ["l"],
    "steal": ["l"],
    "unlock": ["l"],
    "set_db_change_aware": [True],
    "convert": ["T", SCHEMA],
    "echo": [],
    "list_dbs": [],
    "get_server_id": [],
    "nope": [],
}
