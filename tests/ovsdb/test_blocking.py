"""The blocking client against a scripted peer on a real socket pair, and against Debian's server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyovn.ovsdb.blocking import (
    BlockingClient,
    ConnectionFailedError,
    DeadlineError,
    RequestError,
    split_remotes,
)
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCHEMA = {
    "name": "D",
    "version": "1.0.0",
    "tables": {"T": {"columns": {"name": {"type": "string"}, "n": {"type": "integer"}}, "isRoot": True}},
}
A = "aaaaaaaa-0000-0000-0000-000000000000"


def answers(request: dict[str, Any]) -> list[dict[str, Any]]:
    """A database with one row, whose every transaction adds 1 to ``n`` and is followed by an update."""
    name, method, params = request["id"], request["method"], request["params"]
    if method == "get_schema":
        return [jsonrpc.response(name, SCHEMA)]
    if method == "monitor_cond":
        return [jsonrpc.response(name, {"T": {A: {"initial": {"name": "a"}}}})]
    if method == "transact" and params[0] == "_Server":
        return [
            jsonrpc.response(name, [{"rows": [{"model": "clustered", "connected": True, "leader": False}]}])
        ]
    if method == "transact":
        update = {"T": {A: {"modify": {"n": 1}}}}
        later = {"T": {A: {"modify": {"n": 2}}}}
        return [
            jsonrpc.request("echo", "echo", []),
            jsonrpc.notification("update2", [["pyovn", 1], update]),
            jsonrpc.response(name, [{"count": 1}]),
            jsonrpc.notification("update2", [["pyovn", 1], later]),
            jsonrpc.notification("locked", ["x"]),
        ]
    return [{"id": name, "error": "unknown method"}]


@contextmanager
def peer_at(path: Path) -> Iterator[list[Any]]:
    """A server for one connection; yields what it was sent."""
    seen: list[Any] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        stream, _ = listener.accept()
        decoder = jsonrpc.Decoder()
        with stream:
            while data := stream.recv(65536):
                for message in decoder.feed(data):
                    seen.append(message)
                    if message.get("method") == "hang up":
                        return
                    for answer in answers(message) if "method" in message else ():
                        stream.sendall(jsonrpc.encode(answer))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        thread.join(5)
        listener.close()


def test_a_tool_s_session(tmp_path: Path) -> None:
    path = tmp_path / "db.sock"
    with peer_at(path) as seen, BlockingClient(f"unix:{path}", timeout=5) as client:
        replica = client.fetch("D", {"T": ("n", "name", "absent"), "Gone": ("x",)})
        table = replica.table("T")
        assert list(table.rows.values()) == [(0, "a", None)]
        assert client.transact("D", [{"op": "comment", "comment": "x"}]).results == [{"count": 1}]
        assert list(table.rows.values()) == [(1, "a", None)]
        client.wait_for(lambda _: table.rows[next(iter(table.rows))][0] == 2)
        assert [c.new for c in client.changes] == [(1, "a", None), (2, "a", None)]
        client.pump()
        assert [n["method"] for n in client.notifications] == ["locked"]
        with pytest.raises(RequestError, match="nonsense: unknown method"):
            client.request("nonsense", [])
    assert [m.get("method", "reply") for m in seen] == [
        "get_schema", "monitor_cond", "transact", "reply", "nonsense",
    ]  # fmt: skip
    assert seen[1]["params"][2] == {"T": [{"columns": ["n", "name"]}]}


def test_a_lost_connection_is_told(tmp_path: Path) -> None:
    path = tmp_path / "db.sock"
    with peer_at(path), BlockingClient(f"unix:{path}", timeout=5) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            client.request("hang up", [])
        assert (caught.value.remote, caught.value.reason) == (f"unix:{path}", "End of file")


def test_a_follower_is_not_a_leader(tmp_path: Path) -> None:
    path = tmp_path / "db.sock"
    client = BlockingClient(f"unix:{path}", timeout=5, leader_only=True)
    with peer_at(path), pytest.raises(ConnectionFailedError, match="not the leader"):
        client.get_schema("D")


def test_no_server(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError) as caught:
        BlockingClient(f"unix:{tmp_path}/x.sock").get_schema("D")
    expected = f"unix:{tmp_path}/x.sock: database connection failed (No such file or directory)"
    assert str(caught.value) == expected
    for wrong in ("nonsense", "ssl:127.0.0.1:1", "tcp:127.0.0.1:nan"):
        with pytest.raises(ConnectionFailedError):
            BlockingClient(wrong).connect()


def test_the_next_remote_is_tried(tmp_path: Path) -> None:
    path = tmp_path / "db.sock"
    with peer_at(path), BlockingClient(f"unix:{tmp_path}/none,tcp:127.0.0.1:1,unix:{path}") as client:
        assert client.get_schema("D").name == "D"
        assert client.remote == f"unix:{path}"


def test_the_deadline(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    with listener, pytest.raises(DeadlineError):
        BlockingClient(f"unix:{tmp_path}/s", timeout=0.05).get_schema("D")


def test_splitting_remotes() -> None:
    assert split_remotes("unix:/a,b,tcp:[::1]:3,ssl:x:1") == ["unix:/a,b", "tcp:[::1]:3", "ssl:x:1"]


def test_no_event_loop_is_imported() -> None:
    code = "import sys, pyovn.ovsdb.blocking; print('asyncio' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout == "False\n"


@pytest.mark.peers
def test_debian_s_server(peer: Callable[[str], str], tmp_path: Path) -> None:
    tool, server = peer("ovsdb-tool"), peer("ovsdb-server")
    schema = Path("/usr/share/ovn/ovn-nb.ovsschema")
    if not schema.exists():
        pytest.skip("ovn-nb.ovsschema is not installed")
    subprocess.run([tool, "create", "nb.db", schema], check=True, cwd=tmp_path)
    command = [
        server,
        "--remote=punix:s",
        "--unixctl=c",
        "-vconsole:off",
        "--no-chdir",
        "--pidfile=p",
        "--detach",
    ]
    environ = {**os.environ, "OVS_RUNDIR": str(tmp_path)}
    subprocess.run([*command, "nb.db"], check=True, cwd=tmp_path, env=environ)
    try:
        with BlockingClient(f"unix:{tmp_path}/s", timeout=10, leader_only=True) as client:
            assert "OVN_Northbound" in client.list_databases()
            replica = client.fetch("OVN_Northbound", {"Logical_Switch": None, "NB_Global": ("nb_cfg",)})
            insert = {"op": "insert", "table": "Logical_Switch", "row": {"name": "sw"}}
            reply = client.transact("OVN_Northbound", [insert, {**insert, "row": {"nowhere": 1}}])
            assert reply.error is not None
            assert reply.error.startswith("unknown column: ")
            assert client.transact("OVN_Northbound", [insert]).error is None
            table = replica.table("Logical_Switch")
            assert [row[table.columns.index("name")] for row in table.rows.values()] == ["sw"]
    finally:
        os.kill(int((tmp_path / "p").read_text()), 15)
