"""Cost follows the change: what one transaction touches is counted in databases of very different sizes."""

from __future__ import annotations

import random
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, delete, insert, mutate, ref, run, uuid

from pyovn.ovsdb import views
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.journal import Journal, create
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.store import Reference
from pyovn.ovsdb.values import UUID
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.sim.virtual import VirtualRuntime
from pyovn.wire.jsonrpc import Decoder, encode, request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyovn.ovsdb.transaction import Transaction

MANY = 100_000


class Counter:
    """How often a function was called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls = 0

    def __get__(self, instance: object, _owner: type) -> Callable[..., Any]:
        return lambda *args: self(instance, *args)

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.function(*args)


@cache
def family(kids: int) -> Database:
    """Root rows with one strong kid each, which the next root row calls a friend (weakly)."""
    database = Database(DatabaseSchema.from_json(SCHEMA), random.Random(1))
    root, kid = database.tables["Root"], database.tables["Kid"]

    def fill(transaction: Transaction) -> None:
        for number in range(kids):
            child, friend = UUID(uuid(2 * number + 1)), UUID(uuid(2 * ((number + 1) % kids) + 1))
            values = list(kid.defaults)
            values[kid.by_name["name"].position] = f"kid{number}"
            transaction.put(kid, child, tuple(values))
            values = list(root.defaults)
            values[root.by_name["kids"].position] = frozenset((child,))
            values[root.by_name["friends"].position] = frozenset((friend,))
            transaction.put(root, UUID(uuid(2 * number)), tuple(values))

    database.replace(fill)
    return database


@pytest.mark.parametrize("what", ["delete a root", "let a kid go", "insert", "befriend"])
def test_references_are_looked_at_where_something_changed(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []
    for size in (100, MANY):
        database = family(size)
        number = {"delete a root": 10, "let a kid go": 20, "insert": 30, "befriend": 40}[what]
        row = ["_uuid", "==", ref(2 * number)]
        operation = {
            "delete a root": delete("Root", row),
            "let a kid go": mutate("Root", ("kids", "delete", ref(2 * number + 1)), where=(row,)),
            "insert": insert("Root", 900_000_000, kids=ref(1), friends=ref(3)),
            "befriend": mutate("Root", ("friends", "insert", ref(1)), where=(row,)),
        }[what]
        counter = Counter(Reference.targets)
        with monkeypatch.context() as patch:
            patch.setattr(Reference, "targets", counter)
            commits: list[Any] = []
            database.followers.append(commits.append)
            run(database, operation)
            database.followers.clear()
        counted.append((counter.calls, len(commits[0].changes)))
    assert counted[0] == counted[1], "the same for 100 rows and for 100,000"
    assert counted[1][0] < 60
    assert counted[1][1] <= 3


def test_garbage_of_many_rows_is_gone_in_one_pass() -> None:
    database = Database(DatabaseSchema.from_json(SCHEMA), random.Random(1))
    count = 5_000
    kids = [insert("Kid", number, name=f"k{number}") for number in range(count)]
    for number, kid in enumerate(kids[:-1]):
        kid["row"]["next"] = ref(number + 1)
    run(database, *kids, insert("Root", count, kids=ref(0)))
    run(database, delete("Root"))
    assert not database.tables["Kid"].rows
    assert not database.tables["Kid"].strong


def test_an_update_is_encoded_once_for_five_hundred_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(VirtualRuntime())
    database = Database(DatabaseSchema.from_json(SCHEMA), random.Random(1))
    server.add_database(database)
    received: list[list[bytes]] = []
    for _ in range(500):
        inbox: list[bytes] = []
        session = server.connect(inbox.append)
        wanted = {"Plain": [{"columns": ["i"], "where": [["name", "==", "x"]]}]}
        session.receive(request(0, "monitor_cond", ["T", "m", wanted]))
        inbox.clear()
        received.append(inbox)
    counter = Counter(encode)
    monkeypatch.setattr(views, "encode", counter)
    for number in range(1, 4):
        run(database, insert("Plain", number, name="x", i=number), insert("Plain", number + 10, name="y"))
        assert counter.calls == number
    run(database, insert("Plain", 50, name="y"))
    assert counter.calls == 3, "what nobody sees is not encoded at all"
    assert all(len(inbox) == 3 for inbox in received)
    assert len({b"".join(inbox) for inbox in received}) == 1


def add_ports(directory: Path, size: int) -> list[float]:
    """Add 15 ports to a switch of ``size``, request to reply and update; the seconds of each.

    Parsing, references, journal, and a monitor are part of it.
    """
    path = directory / f"{size}.db"
    create(str(path), NORTHBOUND.schema)
    journal = Journal(str(path), lambda: 0.0)
    database = journal.open(random.Random(1))
    server = Server(VirtualRuntime())
    server.add_database(database)
    ports = [insert("Logical_Switch_Port", n, name=f"p{n}") for n in range(size)]
    run(
        database,
        *ports,
        insert("Logical_Switch", size, name="s", ports=["set", [ref(n) for n in range(size)]]),
    )
    inbox: list[bytes] = []
    session = server.connect(inbox.append)
    tables: dict[str, Any] = {"Logical_Switch": [{}], "Logical_Switch_Port": [{}]}
    session.receive(request(0, "monitor_cond", ["OVN_Northbound", "m", tables]))
    rounds = []
    for number in range(15):
        add = mutate("Logical_Switch", ("ports", "insert", ["named-uuid", "p"]), where=(["name", "==", "s"],))
        port = insert("Logical_Switch_Port", name=f"new{number}") | {"uuid-name": "p"}
        message = encode(request(number, "transact", ["OVN_Northbound", port, add]))
        inbox.clear()
        begin = time.perf_counter()
        session.receive(Decoder().feed(message)[0])
        rounds.append(time.perf_counter() - begin)
        assert len(inbox) == 2, "an update and a reply"
        assert sum(map(len, inbox)) < 2_000
    journal.close()
    return rounds


def test_a_port_more_is_two_short_messages_whatever_the_size_of_the_switch(tmp_path: Path) -> None:
    for size in (10, 2_000):
        add_ports(tmp_path, size)


@pytest.mark.acceptance
def test_a_port_is_added_to_a_switch_of_ten_thousand_in_a_millisecond(tmp_path: Path) -> None:
    spent = min(add_ports(tmp_path, 10_000))
    assert spent < 0.003, "0.5 ms on an idle machine"
