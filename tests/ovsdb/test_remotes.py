"""Remotes of a server in virtual time: followed in a database, connecting out, with status and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from certificates import Authority
from pyovn.dbserver.keys import Keys
from pyovn.ovsdb.dbsource import SourceError
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.remotes import STATUS_INTERVAL, Remotes
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import FrozenMap
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.sim.secured import SecuredRuntime
from pyovn.sim.tlsfiles import TlsFiles
from pyovn.sim.virtual import VirtualRuntime
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from pyovn.sim.runtime import Stream

REMOTE = "db:OVN_Southbound,SB_Global,connections"


class Client:
    """What came over a stream, and whether it has ended."""

    def __init__(self, stream: Stream, *, answers: bool = True) -> None:
        self.stream = stream
        self.answers = answers
        self.got: list[Any] = []
        self.ends: list[str] = []
        self._decoder = jsonrpc.Decoder()
        stream.on_data = self._receive
        stream.on_close = self.ends.append

    def _receive(self, data: bytes) -> None:
        for message in self._decoder.feed(data):
            assert isinstance(message, dict)
            self.got.append(message)
            if message.get("method") == "echo" and self.answers:
                self.stream.write(jsonrpc.encode(jsonrpc.response("echo", [])))

    def send(self, method: str, *params: Any) -> None:
        self.stream.write(jsonrpc.encode(jsonrpc.request(1, method, list(params))))


class World:
    def __init__(self) -> None:
        self.network = VirtualRuntime()
        self.runtime = SecuredRuntime(self.network)
        self.server = Server(self.runtime)
        self.database = Database(SOUTHBOUND.schema, self.runtime.random)
        self.server.add_database(self.database)
        self.log: list[str] = []
        self.remotes = Remotes(self.runtime, self.server, self._note)

    def _note(self, level: str, text: str) -> None:
        self.log.append(f"{level} {text}")

    def run(self, *operations: dict[str, Any]) -> list[Any]:
        outcome = self.database.transact(list(operations))
        assert outcome.error is None
        self.network.settle()
        return outcome.results

    def configure(self, target: str, **columns: Any) -> None:
        """Make one Connection row the only one."""
        self.run(
            {"op": "delete", "table": "SB_Global", "where": []},
            {"op": "insert", "table": "SB_Global", "row": {"connections": ["named-uuid", "c"]}},
            {"op": "insert", "table": "Connection", "uuid-name": "c", "row": {"target": target, **columns}},
        )

    def change(self, **columns: Any) -> None:
        self.run({"op": "update", "table": "Connection", "where": [], "row": columns})

    def row(self) -> tuple[bool, dict[str, str]]:
        """The columns is_connected and status of the Connection row."""
        table = self.database.tables["Connection"]
        (row,) = table.rows.values()
        connected, status = (row.values[table.by_name[name].position] for name in ("is_connected", "status"))
        assert isinstance(connected, bool)
        assert isinstance(status, FrozenMap)
        return connected, dict(status)

    def connect(self, address: str, through: Any = None) -> Client:
        clients: list[Client] = []
        (through or self.network).connect(address, lambda s: clients.append(Client(s)), pytest.fail)
        self.network.settle()
        return clients[0]


@pytest.fixture
def world() -> World:
    made = World()
    made.run({"op": "insert", "table": "SB_Global", "row": {}})
    made.remotes.add(REMOTE)
    return made


def test_the_server_connects_out_and_again(world: World) -> None:
    clients: list[Client] = []
    listener = world.network.listen("ptcp:7001:10.0.0.1", lambda s: clients.append(Client(s)))
    world.configure("tcp:10.0.0.1:7001", max_backoff=1000)
    assert len(clients) == 1
    clients[0].send("list_dbs")
    clients[0].send("lock", "x")
    world.network.advance(STATUS_INTERVAL)
    assert [message["result"] for message in clients[0].got] == [
        ["OVN_Southbound", "_Server"],
        {"locked": True},
    ]
    status = {"state": "ACTIVE", "sec_since_connect": "2", "locks_held": "x"}
    assert world.row() == (True, status)
    listener.close()
    clients[0].stream.close()
    world.network.advance(60)
    connected, status = world.row()
    assert not connected
    assert status["state"] == "BACKOFF"
    assert status["last_error"] == "Connection refused"
    assert int(status["sec_since_disconnect"]) > 50
    world.network.listen("ptcp:7001:10.0.0.1", lambda s: clients.append(Client(s)))
    world.network.advance(1.1)
    assert len(clients) == 2
    world.run({"op": "delete", "table": "SB_Global", "where": []})
    assert clients[1].ends
    world.network.advance(20)
    assert len(clients) == 2


def test_a_silent_client_is_probed_as_its_row_says(world: World) -> None:
    world.configure("ptcp:7001", inactivity_probe=3000)
    client = world.connect("tcp:10.0.0.1:7001")
    client.answers = False
    world.network.advance(3)
    assert [message["method"] for message in client.got] == ["echo"]
    client.stream.write(jsonrpc.encode(jsonrpc.response("echo", [])))
    world.change(inactivity_probe=10000)
    world.network.advance(9.5)
    assert len(client.got) == 1
    assert not client.ends
    world.network.advance(11)
    assert client.ends


def test_status_of_a_passive_remote(world: World) -> None:
    world.configure("ptcp:7001")
    commits = len(world.database.followers)
    world.network.advance(STATUS_INTERVAL)
    times = {"sec_since_connect": "0", "sec_since_disconnect": "0"}
    assert world.row() == (False, {"bound_port": "7001", **times})
    serial = world.database.serial
    world.network.advance(10)
    assert world.database.serial == serial, "what is the same is not written again"
    clients = [world.connect("tcp:10.0.0.1:7001") for _ in range(2)]
    world.network.advance(STATUS_INTERVAL)
    assert world.row() == (True, {"bound_port": "7001", "n_connections": "2", **times})
    assert len(clients) == len(world.server.sessions)
    assert len(world.database.followers) == commits


def test_status_is_not_written_to_the_file(world: World) -> None:
    written: list[Any] = []
    world.configure("ptcp:7001")
    world.database.writer = written.append
    world.network.advance(10)
    assert world.row()[1]["bound_port"] == "7001"
    assert written == []


def test_rights_that_change_disconnect(world: World) -> None:
    world.configure("ptcp:7001", read_only=True)
    client = world.connect("tcp:10.0.0.1:7001")
    delete = {"op": "delete", "table": "SB_Global", "where": []}
    client.send("transact", "OVN_Southbound", delete)
    client.send("lock", "x")
    world.network.settle()
    assert client.got[0]["result"][0]["error"] == "not allowed"
    assert client.got[1]["error"] == "lock and unlock methods not allowed, DB server is read only."
    world.change(read_only=False, role="ovn-controller")
    assert client.ends
    client = world.connect("tcp:10.0.0.1:7001")
    client.send("transact", "OVN_Southbound", delete)
    world.network.settle()
    assert client.got[0]["result"][0]["error"] == "permission error"


def test_a_bad_row_is_a_warning(world: World) -> None:
    world.configure("nonsense:1")
    assert world.log == ['warn "nonsense:1" is not a valid remote']
    world.change(target="ptcp:7001")
    world.connect("tcp:10.0.0.1:7001")


def test_a_port_that_is_taken_is_tried_again(world: World) -> None:
    other = world.runtime.listen("ptcp:7001", lambda _stream: None)
    world.configure("ptcp:7001")
    world.network.advance(5 * STATUS_INTERVAL)
    said = "ptcp:7001: listen failed (Address already in use)"
    assert world.log == [f"warn {said}"]
    assert world.row() == (False, {"last_error": said})
    other.close()
    world.network.advance(STATUS_INTERVAL)
    world.connect("tcp:10.0.0.1:7001")
    world.network.advance(STATUS_INTERVAL)
    assert "last_error" not in world.row()[1]


def test_a_database_that_goes_takes_its_remotes_and_brings_them_back(world: World) -> None:
    world.configure("ptcp:7001")
    client = world.connect("tcp:10.0.0.1:7001")
    world.server.remove_database("OVN_Southbound")
    world.remotes.refresh()
    assert client.ends or not client.stream.backlog()
    refused: list[str] = []
    world.network.connect("tcp:10.0.0.1:7001", lambda _stream: None, refused.append)
    world.network.settle()
    assert refused == ["Connection refused"]
    world.server.add_database(world.database)
    world.remotes.refresh()
    world.connect("tcp:10.0.0.1:7001")


def test_keys_in_a_database_are_followed_and_name_the_client(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    authority = Authority(tmp_path_factory.mktemp("pki"), "ca")
    fields = ("private_key", "certificate", "ca_cert", "ssl_protocols")
    key, certificate, ca_cert, protocols = (f"db:OVN_Southbound,SSL,{field}" for field in fields)
    world.runtime.files = TlsFiles(key, certificate, ca_cert, protocols=protocols)
    Keys(world.runtime, world.server)
    assert world.runtime.files == TlsFiles()
    world.configure("pssl:7002", role="r")
    there = authority.files("server")
    row = {"private_key": there.private_key, "certificate": there.certificate, "ca_cert": there.ca_cert}
    permission = {"table": "FDB", "authorization": "", "insert_delete": True}
    world.run(
        {"op": "update", "table": "SB_Global", "where": [], "row": {"ssl": ["named-uuid", "s"]}},
        {"op": "insert", "table": "SSL", "uuid-name": "s", "row": row},
        {"op": "insert", "table": "RBAC_Permission", "uuid-name": "p", "row": permission},
        {
            "op": "insert",
            "table": "RBAC_Role",
            "row": {"name": "r", "permissions": ["map", [["FDB", ["named-uuid", "p"]]]]},
        },
    )
    assert world.runtime.files == there
    client = world.connect("ssl:10.0.0.1:7002", SecuredRuntime(world.network, authority.files("hv1")))
    for table in ("FDB", "DNS"):
        client.send("transact", "OVN_Southbound", {"op": "delete", "table": table, "where": []})
    world.network.settle()
    assert client.got[0]["result"] == [{"count": 0}]
    assert client.got[1]["result"][0]["details"].startswith('RBAC rules for client "hv1" role "r" prohibit')


def test_keys_in_a_database_that_is_not_there(world: World) -> None:
    world.runtime.files = TlsFiles(private_key="db:Nowhere,SSL,private_key")
    with pytest.raises(SourceError, match="no database named Nowhere"):
        Keys(world.runtime, world.server)
