"""``kill -9`` of the server at a random moment under load: what it acknowledged as durable is there.

Several clients add rows, one transaction after the other, each with ``commit durable``; the server is
killed after a random time, which may fall into a compaction or a conversion.  Then its file is read by us
and, where it is installed, by Debian's ovsdb-tool.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA
from server_kit import ServedProcess

from pyovn.ovsdb.journal import create, read_database
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.wire.jsonrpc import Decoder, encode, request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIENTS = 4


class Client(threading.Thread):
    """Adds rows until the server is gone; ``acknowledged`` are the names of those that must be there."""

    def __init__(self, path: Path, number: str, *, rows: int) -> None:
        super().__init__()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(str(path))
        self.number = number
        self.rows = rows
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()

    def call(self, number: int, method: str, params: Any) -> Any:
        self.socket.sendall(encode(request(number, method, params)))
        decoder = Decoder()
        while data := self.socket.recv(65536):
            for message in decoder.feed(data):
                if message.get("id") == number:
                    return message["result"]
        raise ConnectionError

    def run(self) -> None:
        with contextlib.suppress(OSError):
            for number in range(1_000_000):
                names = [f"{self.number}.{number}.{row}" for row in range(self.rows)]
                rows = [
                    {"op": "insert", "table": "Plain", "row": {"name": name, "i": number}} for name in names
                ]
                self.sent.update(names)
                result = self.call(number, "transact", ["T", *rows, {"op": "commit", "durable": True}])
                assert len(result) == self.rows + 1
                self.acknowledged.update(names)


def disturb(control: Path, stopped: threading.Event) -> None:
    """Ask for one compaction after the other."""
    while not stopped.is_set():
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
            asked.connect(str(control))
            asked.sendall(encode(request(0, "ovsdb-server/compact", [])))
            asked.recv(1000)


def load_until_killed(folder: Path, chance: random.Random, *, life: int) -> list[Client]:
    """Load the server, kill it at a random moment; the clients know what was acknowledged."""
    server = ServedProcess(folder / "p")
    clients = [Client(folder / "s", f"{life}.{n}", rows=1 + 20 * (n == 0)) for n in range(CLIENTS)]
    stopped = threading.Event()
    threads = [*clients, threading.Thread(target=disturb, args=(folder / "c", stopped))]
    for thread in threads:
        thread.start()
    time.sleep(chance.random() * 0.4)
    server.kill()
    stopped.set()
    for thread in threads:
        thread.join()
    return clients


def one_life(folder: Path, chance: random.Random, known: set[str], possible: set[str]) -> None:
    """Run a server until it is killed, then check its file."""
    path = folder / "t.db"
    command = [
        sys.executable,
        "-m",
        "pyovn.dbserver.main",
        f"--remote=punix:{folder}/s",
        f"--unixctl={folder}/c",
    ]
    options = [f"--pidfile={folder}/p", "--detach", "-vconsole:off", "--no-chdir"]
    subprocess.run([*command, *options, str(path)], cwd=folder, check=True)
    clients = load_until_killed(folder, chance, life=len(possible))
    (folder / "s").unlink()
    (folder / "c").unlink()
    for client in clients:
        known.update(client.acknowledged)
        possible.update(client.sent)
        client.socket.close()
    database, _size, _count = read_database(str(path), random.Random(1))
    rows = database.tables["Plain"].rows.values()
    position = database.tables["Plain"].by_name["name"].position
    found = [str(row.values[position]) for row in rows]
    assert len(found) == len(set(found))
    assert known <= set(found) <= possible, (len(known - set(found)), len(set(found) - possible))
    known.update(found)


def live(folder: Path, lives: int, seed: int, tool: str | None) -> None:
    print(f"PYOVN_SEED={seed}")  # noqa: T201  # a failure is repeated with it
    chance = random.Random(seed)
    create(str(folder / "t.db"), DatabaseSchema.from_json(SCHEMA))
    known: set[str] = set()
    possible: set[str] = set()
    for number in range(lives):
        if number % 10 == 0 and number:
            (folder / "t.db").unlink()
            create(str(folder / "t.db"), DatabaseSchema.from_json(SCHEMA))
            known, possible = set(), set()
        one_life(folder, chance, known, possible)
        if tool is not None:
            theirs(folder, tool, known)
    assert known


def theirs(folder: Path, tool: str, known: set[str]) -> None:
    """C's tool reads the file, once a torn record at its end is dropped, as servers do."""
    path = folder / "t.db"
    size = read_database(str(path), random.Random(1))[1]
    os.truncate(path, size)
    select = {"op": "select", "table": "Plain", "where": [], "columns": ["name"]}
    shown = subprocess.check_output([tool, "query", str(path), json.dumps(["T", select])])
    assert {row["name"] for row in json.loads(shown)[0]["rows"]} == known


def test_killed_ten_times(short_tmp: Path, seed: int) -> None:
    live(short_tmp, 10, seed, None)


@pytest.mark.peers
def test_what_a_killed_server_leaves_is_read_by_debians_tool(
    short_tmp: Path, seed: int, peer: Callable[[str], str]
) -> None:
    live(short_tmp, 3, seed + 1, peer("ovsdb-tool"))


@pytest.mark.acceptance
@pytest.mark.peers
def test_killed_a_hundred_times(short_tmp: Path, seed: int, peer: Callable[[str], str]) -> None:
    live(short_tmp, 100, seed + 2, peer("ovsdb-tool"))
