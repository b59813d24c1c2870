from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripted import SCHEMA, ZERO, Server, uuid

from pyovn.ovsdb.client import CONNECTION_LOST, NOT_CONNECTED, Client, Reply
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.sim.real import RealRuntime
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class World:
    """One server, one client, and what the client told its owner."""

    def __init__(self, remotes: str = "unix:/db", **options: Any) -> None:
        self.runtime = VirtualRuntime()
        self.server = Server(self.runtime)
        self.told: list[Any] = []
        self.client = Client(self.runtime, remotes, "D", {"T": ("n", "name")}, **options)
        self.client.on_changes = lambda changes: self.told.append(
            [(c.uuid[:8].lstrip("0"), c.old and c.old[0], c.new and c.new[0]) for c in changes]
        )
        self.client.on_state = lambda client: self.told.append((client.state, client.conditions_settled))
        self.client.on_lock = lambda name, held: self.told.append((name, held))
        self.logged: list[str] = []
        self.client.log = lambda _level, text: self.logged.append(text)

    def rows(self, *names: str) -> None:
        """Make the server hold rows 1, 2, ... of these names, with ``n`` their number."""
        self.server.commit({uuid(i + 1): {"name": name, "n": i + 1} for i, name in enumerate(names)})

    def go(self, seconds: float = 0.5) -> list[Any]:
        self.runtime.advance(seconds)
        told, self.told = self.told[:], []
        return told

    def live(self) -> World:
        self.client.start()
        self.go(2)
        assert self.client.state == "live"
        return self

    def held(self) -> list[Any]:
        return sorted(self.client.replica.table("T").rows.values())


def test_contents_then_changes() -> None:
    world = World()
    world.rows("a", "b")
    world.client.start()
    assert world.client.state == "connecting"
    assert world.go() == [[("1", None, 1), ("2", None, 2)], ("live", True)]
    assert world.client.schema == DatabaseSchema.from_json(SCHEMA)
    world.server.commit({uuid(1): {"name": "a", "n": 9}, uuid(3): {"name": "c", "n": 3}})
    assert world.go() == [[("2", 2, None), ("3", None, 3), ("1", 1, 9)]]
    assert world.held() == [(3, "c"), (9, "a")]


def test_the_replica_shows_a_transaction_before_its_reply() -> None:
    world = World().live()
    replies: list[Reply] = []

    def done(reply: Reply) -> None:
        replies.append(reply)
        world.told.append("done")

    world.client.transact([{"op": "insert", "table": "T", "row": {"n": 7}}], done)
    assert world.go() == [[("1", None, 7)], "done"]
    world.client.transact([{"op": "nonsense"}], done)
    world.go()
    assert replies == [
        Reply([{"uuid": ["uuid", uuid(1)]}]),
        Reply([{"error": "not supported", "details": "nonsense"}], "not supported: nonsense"),
    ]


def test_after_a_reconnect_only_differences() -> None:
    world = World()
    world.rows("a", "b", "c")
    world.live()
    world.server.down()
    assert world.go() == [("connecting", False)]
    assert len(world.held()) == 3
    world.server.up()
    world.server.rows = {uuid(1): {"name": "a", "n": 1}, uuid(2): {"name": "b", "n": 5}}
    assert world.go(10) == [[("3", 3, None), ("2", 2, 5)], ("live", True)]
    world.server.drop()
    assert world.go(10) == [("connecting", False), ("live", True)]


def test_resuming_where_the_server_remembers() -> None:
    world = World()
    world.server.keep_history = True
    world.rows("a", "b")
    world.live()
    seen = world.server.last_id
    world.server.drop()
    world.server.commit({**world.server.rows, uuid(3): {"name": "c", "n": 3}})
    assert world.go() == [("connecting", False), [("3", None, 3)], ("live", True)]
    assert [params[3] for params in world.server.sent("monitor_cond_since")] == [ZERO, seen]


def test_a_standalone_database_that_was_rebuilt_is_told_and_read_anew() -> None:
    world = World()
    world.rows("a", "b")
    world.live()
    world.server.drop()
    world.server.rows = {uuid(2): {"name": "b", "n": 7}, uuid(8): {"name": "x", "n": 8}}
    world.go(10)
    assert not any("rebuilt" in line for line in world.logged), "some of it was known"
    world.server.drop()
    world.server.rows = {uuid(9): {"name": "other", "n": 9}}
    world.go(10)
    assert world.held() == [(9, "other")]
    assert [line for line in world.logged if "rebuilt" in line] == [
        "unix:/db: D was rebuilt (none of the 2 rows that were known is in it): it was read anew"
    ]
    world.server.drop()
    world.client.set_conditions({"T": [("name", "==", "nobody")]})
    world.go(10)
    assert sum("rebuilt" in line for line in world.logged) == 1, "it was our question that changed"


@pytest.mark.parametrize(
    ("unknown", "used"),
    [({"monitor_cond_since"}, "monitor_cond"), ({"monitor_cond_since", "monitor_cond"}, "monitor")],
)
def test_older_servers(unknown: set[str], used: str) -> None:
    world = World()
    world.server.unknown = unknown
    world.rows("a")
    world.live()
    assert world.held() == [(1, "a")]
    assert world.server.methods()[-1] == used
    world.server.notify(
        "update2" if used == "monitor_cond" else "update",
        [["monid", "D"], {"T": {uuid(1): {"delete": None} if used == "monitor_cond" else {"old": {}}}}],
    )
    assert world.go() == [[("1", 1, None)]]


def name_is(name: str) -> list[Any]:
    return [["name", "==", name]]


def test_conditions() -> None:
    world = World(conditions={"T": name_is("a")})
    world.rows("a", "b", "c")
    world.live()
    assert world.held() == [(1, "a")]
    world.client.set_conditions({"T": name_is("b")})
    world.client.set_conditions({"T": name_is("c")})
    assert not world.client.conditions_settled
    assert world.go() == [[("1", 1, None), ("2", None, 2)], [("2", 2, None), ("3", None, 3)], ("live", True)]
    assert world.held() == [(3, "c")]
    assert world.client.conditions_settled
    world.client.set_conditions({"T": []})
    world.go()
    assert world.held() == []
    assert world.server.sent("monitor_cond_change")[-1][2] == {"T": [{"where": [False]}]}
    world.client.set_conditions({"T": True})
    world.go()
    assert len(world.held()) == 3


def test_conditions_set_while_away_are_asked_for_after_resuming() -> None:
    world = World(conditions={"T": name_is("a")})
    world.server.keep_history = True
    world.rows("a", "b")
    world.live()
    seen = world.server.last_id
    world.server.down()
    world.go()
    world.client.set_conditions({"T": name_is("b")})
    world.server.up()
    world.go(5)
    assert world.held() == [(2, "b")]
    assert world.server.sent("monitor_cond_since")[-1][2:] == [
        {"T": [{"columns": ["n", "name"], "where": name_is("a")}]},
        seen,
    ]
    assert world.client.conditions_settled


def test_a_change_of_conditions_that_was_cut_off_starts_anew() -> None:
    world = World(conditions={"T": name_is("a")})
    world.server.keep_history = True
    world.rows("a", "b")
    world.live()
    world.server.silent = {"monitor_cond_change"}
    world.client.set_conditions({"T": name_is("b")})
    world.go()
    world.server.drop()
    world.server.silent = set()
    world.go()
    assert world.server.sent("monitor_cond_since")[-1][3] == ZERO
    assert world.held() == [(2, "b")]


def test_requests_in_flight_are_answered_when_the_connection_dies() -> None:
    world = World().live()
    world.server.silent = {"transact"}
    errors: list[str | None] = []
    world.client.transact([], lambda reply: errors.append(reply.error))
    world.go()
    world.server.down()
    world.go()
    world.client.transact([], lambda reply: errors.append(reply.error))
    assert errors == [CONNECTION_LOST]
    world.go()
    assert errors == [CONNECTION_LOST, NOT_CONNECTED]
    world.client.stop()
    world.go()
    assert world.runtime.idle()


def test_locks() -> None:
    world = World()
    world.client.lock("northd")
    world.client.start()
    assert world.go() == [("live", True), ("northd", True)]
    world.server.notify("stolen", ["northd"])
    assert world.go() == [("northd", False)]
    world.server.notify("locked", ["northd"])
    assert world.go() == [("northd", True)]
    assert world.client.has_lock("northd")
    world.server.down()
    assert world.go() == [("northd", False), ("connecting", False)]
    world.server.up()
    assert ("northd", True) in world.go(10)
    world.client.unlock("northd")
    world.go()
    assert world.server.methods()[-1] == "unlock"
    assert not world.client.has_lock("northd")


CLUSTERED = {"name": "D", "model": "clustered", "connected": True, "leader": True}


def test_only_the_leader_of_a_cluster() -> None:
    world = World("unix:/db,unix:/other")
    world.server.status = {**CLUSTERED, "leader": False}
    other = Server(world.runtime, "punix:/other")
    other.status = CLUSTERED
    other.rows = {uuid(1): {"name": "x", "n": 1}}
    world.live()
    assert world.client.remote == "unix:/other"
    assert world.held() == [(1, "x")]
    world.server.status = CLUSTERED
    other.notify("update2", [["monid", "_Server"], {"Database": {uuid(0xD): {"modify": {"leader": False}}}}])
    world.go()
    assert world.client.remote == "unix:/db"
    assert world.held() == []
    assert any("not cluster leader" in text for text in world.logged)


def test_any_member_in_touch_with_the_cluster() -> None:
    world = World(leader_only=False)
    world.server.status = {**CLUSTERED, "leader": False, "connected": False}
    world.client.start()
    assert world.go() == []
    world.server.status = {**CLUSTERED, "leader": False, "index": 9}
    assert world.go(2) == [("live", True)]
    world.server.status["index"] = 8
    world.server.drop()
    assert world.go(20) == [("connecting", False)]
    assert any("stale data" in text for text in world.logged)
    world.server.status["index"] = 10
    assert world.go(20) == [("live", True)]


def test_a_database_that_is_not_there() -> None:
    world = World()
    world.server.status = {**world.server.status, "name": "other"}
    world.client.start()
    assert world.go(60) == []
    assert 5 <= len(world.server.sent("get_schema")) <= 12


def test_backoff_grows_and_ends() -> None:
    world = World()
    world.server.down()
    world.client.start()
    starts: list[float] = []
    world.client.log = lambda _level, text: (
        starts.append(world.runtime.now()) if "connecting" in text else None
    )
    world.go(40)
    assert starts == [0, 1, 3, 7, 15, 23, 31, 39]
    world.server.up()
    assert world.go(8) == [("live", True)]


def test_a_silent_server_is_given_up() -> None:
    world = World(probe_interval=5)
    world.live()
    world.go(30)
    assert world.server.methods().count("echo") >= 4
    assert world.client.state == "live"
    world.server.silent = {"echo"}
    assert world.go(11) == [("connecting", False), ("live", True)]
    assert any("inactivity probe after 5 seconds" in text for text in world.logged)


def test_the_server_s_probe_is_answered() -> None:
    world = World().live()
    world.server.send(world.server.streams[0], {"id": "x", "method": "echo", "params": [1]})
    world.server.send(world.server.streams[0], {"id": "y", "method": "what", "params": []})
    world.go()
    assert world.server.log[-2:] == [
        {"id": "x", "result": [1], "error": None},
        {"id": "y", "result": None, "error": "unknown method"},
    ]


@pytest.mark.parametrize(
    "message",
    [
        {
            "id": None,
            "method": "update3",
            "params": [["monid", "D"], ZERO, {"T": {uuid(8): {"modify": {"n": 1}}}}],
        },
        {"id": None, "method": "update3", "params": {}},
        {"id": None, "method": "update3", "params": None},
        {"id": None, "method": "monitor_canceled", "params": [["monid", "D"]]},
        [1],
    ],
)
def test_what_does_not_fit_is_fetched_anew(message: Any) -> None:
    world = World()
    world.server.keep_history = True
    world.rows("a")
    world.live()
    world.server.send(world.server.streams[0], message)
    assert world.go() == [("connecting", False), ("live", True)]
    if isinstance(message, dict):
        assert world.server.sent("monitor_cond_since")[-1][3] == ZERO


def test_nonsense_on_the_wire() -> None:
    world = World().live()
    world.server.streams[0].write(b"HTTP/1.1 400")
    assert world.go() == [("connecting", False), ("live", True)]


def test_another_schema_after_a_reconnect() -> None:
    world = World()
    world.rows("a")
    world.live()
    columns = {"name": {"type": "string"}, "m": {"type": "integer"}}
    world.server.schema = {**SCHEMA, "tables": {"T": {"columns": columns, "isRoot": True}}}
    world.server.rows = {uuid(1): {"name": "a", "m": 1}}
    world.server.drop()
    world.runtime.advance(5)
    assert world.client.missing({"T": ("n", "name"), "U": ("x",)}) == ["T.n", "U"]
    assert world.held()[0][1] == "a"


def test_leaving_a_server() -> None:
    world = World().live()
    world.client.reconnect()
    assert world.go() == [("connecting", False), ("live", True)]
    world.client.set_probe_interval(0)
    world.client.stop()
    world.go()
    assert world.runtime.idle()


class Peer:
    """Debian's server with a northbound database, and a client on real sockets."""

    def __init__(self, server: str, folder: Path) -> None:
        self.command = [
            server,
            f"--remote=punix:{folder}/s",
            f"--unixctl={folder}/c",
            f"--pidfile={folder}/p",
        ]
        self.command += ["-vconsole:off", "--no-chdir", "--detach", f"{folder}/nb.db"]
        self.folder = folder
        self.runtime = RealRuntime()
        self.told: list[tuple[str | None, str | None]] = []
        tables = {"Logical_Switch": ("name", "external_ids"), "NB_Global": ("nb_cfg",), "Gone": ("x",)}
        self.client = Client(self.runtime, f"unix:{folder}/s", "OVN_Northbound", tables)
        self.client.on_changes = lambda changes: self.told.extend(
            (None if c.old is None else str(c.old[0]), None if c.new is None else str(c.new[0]))
            for c in changes
        )

    def up(self) -> None:
        subprocess.run(self.command, check=True, env=os.environ | {"OVS_RUNDIR": str(self.folder)})

    def down(self) -> None:
        pid = int((self.folder / "p").read_text())
        os.kill(pid, signal.SIGKILL)
        assert self.until(lambda: self.client.state == "connecting")

    def until(self, predicate: Callable[[], bool]) -> bool:
        return self.runtime.run_until(predicate, 10)

    def settled(self) -> bool:
        return self.client.conditions_settled

    def transact(self, *operations: dict[str, Any]) -> list[tuple[str | None, str | None]]:
        """Run operations; what the owner was told before the reply came."""
        before: list[Any] = []
        self.client.transact([{"table": "Logical_Switch", **op} for op in operations], before.append)
        assert self.until(lambda: bool(before))
        assert before[0].error is None
        return self.take()

    def take(self) -> list[tuple[str | None, str | None]]:
        told, self.told = sorted(self.told, key=str), []
        return told


@pytest.fixture
def debian(peer: Callable[[str], str], tmp_path: Path) -> Iterator[Peer]:
    tool, server = peer("ovsdb-tool"), peer("ovsdb-server")
    schema = Path("/usr/share/ovn/ovn-nb.ovsschema")
    if not schema.exists():
        pytest.skip("ovn-nb.ovsschema is not installed")
    subprocess.run([tool, "create", tmp_path / "nb.db", schema], check=True)
    made = Peer(server, tmp_path)
    made.up()
    made.client.start()
    try:
        assert made.until(lambda: made.client.state == "live")
        yield made
    finally:
        made.client.stop()
        os.kill(int((tmp_path / "p").read_text()), signal.SIGTERM)
        made.runtime.close()


def insert(name: str) -> dict[str, Any]:
    return {"op": "insert", "row": {"name": name, "external_ids": ["map", [["k", name]]]}}


def add_id(name: str) -> dict[str, Any]:
    change = ["external_ids", "insert", ["map", [["new", "x"]]]]
    return {"op": "mutate", "where": [["name", "==", name]], "mutations": [change]}


@pytest.mark.peers
def test_debian_s_server_killed_and_restarted(debian: Peer) -> None:
    assert debian.transact(insert("a"), insert("b")) == [(None, "a"), (None, "b")]
    assert debian.transact(add_id("a")) == [("a", "a")]
    held = sorted(map(str, debian.client.replica.table("Logical_Switch").rows.values()))
    debian.down()
    debian.up()
    assert debian.until(lambda: debian.client.state == "live")
    assert debian.take() == []
    assert sorted(map(str, debian.client.replica.table("Logical_Switch").rows.values())) == held
    assert debian.transact({"op": "delete", "where": [["name", "==", "a"]]}) == [("a", None)]
    assert debian.client.missing({"Gone": ("x",), "NB_Global": ("nb_cfg", "y")}) == ["Gone", "NB_Global.y"]


@pytest.mark.peers
def test_debian_s_server_and_conditions(debian: Peer) -> None:
    debian.transact(insert("a"), insert("b"))
    debian.client.set_conditions({"Logical_Switch": name_is("b")})
    assert not debian.settled()
    assert debian.until(debian.settled)
    assert debian.take() == [("a", None)]
    assert debian.transact(add_id("a"), insert("c")) == []
    debian.down()
    debian.client.set_conditions({"Logical_Switch": [], "Gone": []})
    debian.up()
    assert debian.until(debian.settled)
    assert debian.take() == [("b", None)]
    debian.client.set_conditions({"Logical_Switch": True})
    assert debian.until(debian.settled)
    assert debian.take() == [(None, "a"), (None, "b"), (None, "c")]


@pytest.mark.peers
def test_debian_s_server_and_locks(debian: Peer) -> None:
    debian.client.lock("x")
    assert debian.until(lambda: debian.client.has_lock("x"))
    debian.down()
    assert not debian.client.has_lock("x")
    debian.up()
    assert debian.until(lambda: debian.client.has_lock("x"))
