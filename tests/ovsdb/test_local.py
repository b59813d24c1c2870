from __future__ import annotations

from typing import Any

import pytest
from engine_kit import delete, insert, make, uuid

from pyovn.ovsdb.client import Client
from pyovn.ovsdb.listen import Remote
from pyovn.ovsdb.local import Line, LocalClient
from pyovn.ovsdb.replica import Change
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import UUID
from pyovn.sim.virtual import VirtualRuntime

TABLES = {"Pair": ["a", "b"], "Kid": ["name"], "Missing": ["x"]}
ONE = UUID(uuid(1))


class World:
    def __init__(self, kind: str, conditions: Any = None) -> None:
        self.runtime = VirtualRuntime()
        self.server = Server(self.runtime)
        self.server.add_database(make())
        Remote(self.runtime, self.server, "punix:/db.sock")
        self.client: Any
        if kind == "local":
            self.client = LocalClient(self.runtime, self.server, "T", TABLES, conditions=conditions)
        else:
            self.client = Client(self.runtime, "unix:/db.sock", "T", TABLES, conditions=conditions)
        self.log: list[Any] = []
        self.client.on_changes = self.log.append
        self.client.on_lock = lambda name, held: self.log.append((name, held))

    def start(self) -> None:
        self.client.start()
        assert self.runtime.run_until(lambda: self.client.state == "live")
        self.runtime.settle()

    def transact(self, *operations: Any) -> Any:
        replies: list[Any] = []

        def done(reply: Any) -> None:
            replies.append(reply)
            self.log.append("done")

        self.client.transact(list(operations), done)
        assert not replies
        self.runtime.settle()
        return replies[0]


@pytest.fixture(params=["local", "wire"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_first_contents_then_changes_then_done(kind: str) -> None:
    world = World(kind)
    world.server.databases["T"].database.transact([insert("Pair", 1, a=1)])
    world.start()
    assert world.log == [[Change("Pair", ONE, None, (1, frozenset()))]]
    world.log.clear()
    reply = world.transact(
        {"op": "mutate", "table": "Pair", "where": [], "mutations": [("b", "insert", "x")]}
    )
    assert reply == ([{"count": 1}], None)
    assert world.log == [[Change("Pair", ONE, (1, frozenset()), (1, frozenset({"x"})))], "done"]
    assert world.client.replica.table("Pair").rows == {ONE: (1, frozenset({"x"}))}
    assert world.client.missing(TABLES) == ["Missing"]


def test_errors_are_in_the_reply(kind: str) -> None:
    world = World(kind)
    world.start()
    reply = world.transact({"op": "abort"})
    assert reply.error == "aborted: aborted by request"
    assert reply.results == [{"error": "aborted", "details": "aborted by request"}]


def test_conditions(kind: str) -> None:
    world = World(kind, conditions={"Pair": [["a", "==", 1]]})
    world.server.databases["T"].database.transact([insert("Pair", n, a=n) for n in (1, 2, 3)])
    world.start()
    assert set(world.client.replica.table("Pair").rows) == {ONE}
    world.client.set_conditions({"Pair": [["a", ">", 1]]})
    assert not world.client.conditions_settled
    world.runtime.settle()
    assert world.client.conditions_settled
    assert set(world.client.replica.table("Pair").rows) == {UUID(uuid(2)), UUID(uuid(3))}
    world.client.set_conditions({"Pair": []})
    world.runtime.settle()
    assert world.client.replica.table("Pair").rows == {}


def test_only_differences_after_a_restart(kind: str) -> None:
    world = World(kind)
    database = world.server.databases["T"].database
    database.transact([insert("Pair", 1, a=1), insert("Pair", 2, a=2)])
    world.start()
    world.client.stop()
    assert world.client.state == "connecting"
    database.transact([delete("Pair", ["a", "==", 1]), insert("Pair", 3, a=3)])
    world.runtime.settle()
    world.log.clear()
    world.start()
    assert sorted(change.uuid for change in world.log[0]) == [ONE, UUID(uuid(3))]


def test_locks(kind: str) -> None:
    world = World(kind)
    world.client.lock("l")
    world.start()
    assert world.client.has_lock("l")
    assert ("l", True) in world.log
    assert world.transact({"op": "assert", "lock": "l"}).error is None
    world.client.unlock("l")
    world.runtime.settle()
    assert world.transact({"op": "assert", "lock": "l"}).error is not None


def test_live_with_the_contents_and_not_before(kind: str) -> None:
    world = World(kind)
    world.server.databases["T"].database.transact([insert("Pair", 1, a=1)])
    world.client.start()
    while world.client.state != "live":
        assert world.client.replica.table("Pair").rows == {}
        assert world.runtime.step(1)
    assert ONE in world.client.replica.table("Pair").rows


def test_who_gets_a_lock_knows_what_the_one_before_has_written(kind: str) -> None:
    """As over a wire, where updates and the news of the lock come in the order of the server's doing."""
    world = World(kind)
    first = LocalClient(world.runtime, world.server, "T", TABLES)
    first.lock("l")
    first.start()
    world.runtime.settle()
    world.client.lock("l")
    world.start()
    assert not world.client.has_lock("l")
    world.server.databases["T"].database.transact([insert("Pair", 1, a=1)])
    first.stop()
    while not world.client.has_lock("l"):
        assert world.runtime.step(1)
    assert ONE in world.client.replica.table("Pair").rows


def test_not_connected(kind: str) -> None:
    world = World(kind)
    assert world.transact({"op": "abort"}).error == "not connected"


def test_a_local_client_shares_the_servers_values() -> None:
    world = World("local")
    world.start()
    world.transact(insert("Pair", 1, b=["set", ["x", "y"]]))
    server_row = world.server.databases["T"].database.tables["Pair"].rows[ONE]
    assert world.client.replica.table("Pair").rows[ONE] is server_row.values


class Lined(World):
    """A local client over a line."""

    def __init__(self) -> None:
        super().__init__("local")
        self.line = Line(self.server)
        self.client = LocalClient(self.runtime, self.line, "T", TABLES)
        self.client.on_changes = self.log.append
        self.client.on_lock = lambda name, held: self.log.append((name, held))
        self.client.on_state = lambda client: self.log.append(client.state)

    def another_server(self) -> Server:
        server = Server(self.runtime)
        server.add_database(make())
        return server


def test_a_server_that_dies_and_one_that_comes() -> None:
    world = Lined()
    world.server.databases["T"].database.transact([insert("Pair", 1, a=1), insert("Pair", 2, a=2)])
    world.client.lock("l")
    world.start()
    replies: list[Any] = []
    world.client.transact([{"op": "wait", "table": "Pair", "where": [], "columns": ["a"], "until": "==",
                            "rows": []}], replies.append)  # fmt: skip
    world.runtime.settle()
    world.log.clear()
    world.line.lead_to(None)
    assert world.client.state == "connecting"
    assert not world.client.has_lock("l")
    world.runtime.settle()
    assert [reply.error for reply in replies] == ["connection lost"]
    assert world.log == [("l", False), "connecting"]
    assert world.transact({"op": "comment", "comment": "x"}).error == "not connected"
    assert len(world.client.replica.table("Pair").rows) == 2, "what is known is kept"
    server = world.another_server()
    server.databases["T"].database.transact([insert("Pair", 2, a=2), insert("Pair", 3, a=3)])
    world.log.clear()
    world.line.lead_to(server)
    world.runtime.settle()
    assert world.client.state == "live"
    assert world.client.has_lock("l")
    assert sorted(change.uuid for change in world.log[0]) == [ONE, UUID(uuid(3))]
    assert sorted(map(str, world.log[1:])) == ["('l', True)", "live"]


def test_a_transaction_that_was_made_and_not_answered_is_lost_to_its_sender() -> None:
    world = Lined()
    world.start()
    replies: list[Any] = []
    world.client.transact([insert("Pair", 1, a=1)], replies.append)
    # The server makes it in the next callback; the line breaks before the answer has come.
    database = world.server.databases["T"].database
    database.followers.append(lambda _commit: world.line.cut())
    world.runtime.settle()
    assert ONE in database.tables["Pair"].rows
    assert [reply.error for reply in replies] == ["connection lost"]
    assert ONE not in world.client.replica.table("Pair").rows
    database.followers.pop()
    world.line.mend()
    world.runtime.settle()
    assert ONE in world.client.replica.table("Pair").rows


def test_a_line_that_is_cut_holds_whatever_comes_to_its_end() -> None:
    world = Lined()
    world.line.cut()
    world.client.start()
    world.runtime.settle()
    assert world.client.state == "connecting"
    world.line.lead_to(world.another_server())
    world.runtime.settle()
    assert world.client.state == "connecting"
    world.line.mend()
    world.runtime.settle()
    assert world.client.state == "live"
    world.client.stop()
    world.line.cut()
    world.line.mend()
    world.runtime.settle()
    assert world.client.state == "connecting", "a client that was stopped stays so"
