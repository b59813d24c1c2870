"""Bad input against a server that is a process with real sockets: what ``test_bad_input`` tells of its parts.

A witness follows the database all the time and must be served within seconds after each misdeed; the
server's memory must come back to where it was, and its log must name the reason.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, delete, insert
from server_kit import OURS, ServerProcess

from pyovn.daemon.ctlclient import control_request
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.wire.jsonrpc import Decoder, encode, request

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENT = 2000
LONG = 100 << 20
SECONDS = 20.0
PATIENCE = 2.0
"""Seconds within which other clients are served, on a machine that does other things too."""


class Client:
    """A client on a real socket that may say anything."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)  # without a timeout, with which it would not wait its turn
        self.socket.settimeout(SECONDS)
        self.decoder = Decoder()
        self.messages: list[Any] = []

    def call(self, method: str, *params: Any, id_: Any = "call") -> Any:
        """The answer to a request; notifications that come before it are kept."""
        self.socket.sendall(encode(request(id_, method, params)))
        while True:
            self.messages += self.decoder.feed(self.socket.recv(1 << 20))
            for message in self.messages:
                if message.get("id") == id_ and "method" not in message:
                    self.messages.remove(message)
                    return message["error"] if message["error"] is not None else message["result"]

    def is_dropped_after(self, data: bytes) -> bool:
        """Send, and see whether the server ends the connection."""
        with contextlib.suppress(ConnectionError):  # it may do so while we are still sending
            self.socket.sendall(data)
            while self.socket.recv(1 << 20):
                pass
        self.socket.close()
        return True


class World:
    def __init__(self, directory: Path) -> None:
        schema = DatabaseSchema.from_json(SCHEMA)
        self.server = ServerProcess(OURS, lambda name: name, directory, [schema], "-vfile:dbg")
        self.path = str(directory / "db.sock")
        self.control = str(directory / "ctl")
        self._process = self.server.process()
        self.witness = Client(self.path)
        self.witness.call("monitor", "T", "w", {"Plain": {"columns": ["i"]}})

    def stop(self) -> None:
        self.witness.socket.close()
        self._process.kill()

    def megabytes(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def is_well(self) -> bool:
        """The witness is answered, and hears of the change."""
        start = time.monotonic()
        answer = self.witness.call("transact", "T", insert("Plain", i=3))
        assert time.monotonic() - start < PATIENCE
        updates = [message for message in self.witness.messages if message.get("method") == "update"]
        self.witness.messages.clear()
        return "uuid" in answer[0] and len(updates) == 1

    def logged(self, *words: str) -> bool:
        lines = self.server.log.read_text().splitlines()
        return any(all(word in line for word in words) for line in lines)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("m"))
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "a message cannot begin with"),
        (b'{"id":1,"method":"echo","params":[tru]}', "not JSON"),
        (b"[" * 1_000_000, "nested deeper than"),
        (b'{"a":' * 1_000_000, "nested deeper than"),
        (b'{"id":1,"method":"echo","params":{}}', '"params" must be JSON array'),
    ],
)
def test_what_is_no_message_ends_the_connection_with_a_logged_reason(
    world: World, data: bytes, reason: str
) -> None:
    assert Client(world.path).is_dropped_after(data)
    assert world.is_well()
    assert world.logged("|WARN|", reason)


def test_a_string_of_100_mb_is_a_value_and_leaves_nothing_behind(world: World) -> None:
    before = world.megabytes()
    sender = Client(world.path)
    answer = sender.call("transact", "T", {"op": "comment", "comment": "x" * LONG}, {"op": "nonsense"})
    assert answer[1]["error"] == "syntax error"
    sender.socket.close()
    assert world.is_well()
    assert world.megabytes() < before + (LONG >> 20)  # what is freed is not always given back at once


def test_halves_of_messages_are_let_go_of_and_on_request_returned_to_the_system(world: World) -> None:
    before = world.megabytes()
    for _ in range(4):
        client = Client(world.path)
        client.socket.sendall(b'{"id":1,"method":"echo","params":["' + b"x" * (30 << 20))
        assert world.is_well()
        client.socket.close()
    assert world.is_well()
    assert world.megabytes() < before + 2 * 30
    assert control_request(world.control, "ovsdb-server/memory-trim-on-compaction", ["on"]) == (True, "")
    assert control_request(world.control, "ovsdb-server/compact", []) == (True, "")
    assert world.megabytes() < before + 10


def test_wrong_types_unknown_tables_and_ids_that_come_twice_are_answered(world: World) -> None:
    client = Client(world.path)
    wait = {"op": "wait", "table": "Plain", "where": [], "columns": ["i"], "until": "==", "rows": [{"i": -1}]}
    assert client.call("transact", "T", insert("Plain", i="three"))[0]["error"] == "syntax error"
    assert client.call("transact", "T", insert("Nope"))[0]["error"] == "syntax error"
    assert client.call("transact", "Nope")["error"] == "unknown database"
    assert client.call("monitor", "T", "m", {"Nope": {}})["error"] == "syntax error"
    assert client.call("monitor", "T", "m", {"Plain": {}}, id_=1) is not None
    assert client.call("monitor", "T", "m", {"Plain": {}})["details"] == "duplicate monitor ID"
    client.socket.sendall(encode(request(7, "transact", ["T", wait])))
    assert client.call("transact", "T", wait, id_=7)["details"] == "transact: duplicate request ID"
    assert client.call("echo", "still here") == ["still here"]
    client.socket.close()
    assert world.is_well()


def test_a_client_that_never_reads_is_let_go(world: World) -> None:
    world.witness.call("transact", "T", insert("Root", name="x" * (8 << 20)))
    before = world.megabytes()
    deaf = Client(world.path)
    select = {"op": "select", "table": "Root", "where": [], "columns": ["name"]}
    most = 0.0
    with contextlib.suppress(ConnectionError):
        for number in range(1000):
            deaf.socket.sendall(encode(request(number, "transact", ["T", select])))
            assert world.is_well()
            most = max(most, world.megabytes() - before)
    assert 200 < most < 256 + 64, "what waits for one client is bounded"
    assert world.logged("|WARN|", "bytes wait to be taken, dropping client")
    deaf.socket.close()
    world.witness.call("transact", "T", delete("Root"))
    assert world.is_well()


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < SILENT + 200:
        pytest.skip(f"needs {SILENT + 200} file descriptors, may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, SILENT + 200), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_two_thousand_connections_that_say_nothing(short_tmp: Path) -> None:
    world = World(short_tmp)
    try:
        before = world.megabytes()
        silent = [Client(world.path) for _ in range(SILENT)]
        assert silent[-1].call("echo", "all are accepted") == ["all are accepted"]
        assert world.is_well()
        assert f"sessions:{SILENT + 1}" in world.server.control("memory/show")
        assert (world.megabytes() - before) * 1024 / SILENT < 16, "kilobytes for a client that says nothing"
        for client in silent:
            client.socket.close()
        assert world.is_well()
    finally:
        world.stop()
