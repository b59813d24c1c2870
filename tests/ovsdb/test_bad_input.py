"""What clients can do to a server: each gets an error or is let go, and the others notice nothing."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, insert, uuid
from misbehaviour_kit import METHODS, Deaf, Peer, World

from pyovn.ovsdb import limits
from pyovn.ovsdb.listen import Remote, RemoteOptions
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.wire.jsonrpc import encode, request

if TYPE_CHECKING:
    from pyovn.sim.runtime import Stream

WAIT = {"op": "wait", "table": "Plain", "where": [], "columns": ["i"], "until": "==", "rows": [{"i": 1}]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "cannot begin with b'G'"),
        (b"\x16\x03\x01\x02\x00\x01", "cannot begin with"),
        (b"[" * 1_000_000, "deeper than"),
        (b'{"a":' * 1_000_000, "deeper than"),
        (b'{"id":1,"method":"echo","params":[tru]}', "not JSON"),
        (b'{"id":1,"method":"echo","params":["\xff"]}', "not JSON"),
        (b'{"id":1,"method":"echo","params":[1e999]}', "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "neither request nor reply"),
        (b'{"id":1}', "neither request nor reply"),
        (b'{"id":1,"method":3,"params":[]}', '"method" must be a string'),
        (b'{"id":1,"method":"echo"}', '"params" must be JSON array'),
        (b'{"id":1,"method":"echo","params":{}}', '"params" must be JSON array'),
    ],
)
def test_what_is_no_message_ends_the_connection_with_a_logged_reason(data: bytes, reason: str) -> None:
    world = World()
    peer = Peer(world)
    peer.send(data)
    assert peer.closed
    assert any(line.startswith("warn") and reason in line for line in world.logged)
    assert world.is_well()


def test_a_long_string_is_a_value_up_to_the_limit_of_a_message_and_the_end_beyond_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pyovn.ovsdb.listen.MAX_REQUEST", 4 << 20)
    world = World()
    peer = Peer(world)
    assert peer.call("echo", ["x" * (3 << 20)]) == ["x" * (3 << 20)]
    for _ in range(100):
        if not peer.closed:
            peer.send(b'{"id":1,"method":"echo","params":["' + b"x" * (1 << 20))
    assert peer.closed
    assert any("longer than" in line for line in world.logged)
    assert world.is_well()


@pytest.mark.parametrize("who", ["client", "server"])
def test_half_a_message_goes_with_its_connection(who: str) -> None:
    """At once: the collector of cyclic garbage, which comes rarely in a daemon, is not waited for."""
    world = World()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            peer = Peer(world)
            peer.send(b'{"id":1,"method":"echo","params":["' + b"x" * (1 << 20))
            assert tracemalloc.get_traced_memory()[0] - before > 1 << 20
            if who == "client":
                peer.stream.close()
            else:
                next(s for s in world.server.sessions if s.unfinished).drop("test")
            world.runtime.settle()
            del peer
            assert tracemalloc.get_traced_memory()[0] - before < 1 << 19
    finally:
        tracemalloc.stop()
        gc.enable()


WRONG: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    [],
    {},
    [[]],
    ["uuid", "x"],
    ["set", 3],
    ["map", [[]]],
    {"": 0},
]


@pytest.mark.parametrize(
    "operations",
    [
        [insert("Plain", i=1)],
        [insert("Plain", i="one")],
        [{"op": "nonsense"}],
        [{"op": "abort"}],
        [{"op": "comment", "comment": "kept?"}, insert("Nope")],
        [insert("Keyed", 1), insert("Keyed", 1)],
    ],
)
def test_a_request_leaves_nothing_that_only_a_collector_finds(operations: list[dict[str, Any]]) -> None:
    world = World()
    peer = Peer(world)
    peer.call("transact", ["T", *operations])
    gc.collect()
    gc.disable()
    try:
        peer.call("transact", ["T", *operations])
        assert gc.collect() == 0
    finally:
        gc.enable()


def variants(json: Any) -> list[Any]:
    """``json`` with one part of it wrong, everywhere."""
    found: list[Any] = list(WRONG)
    if isinstance(json, list):
        for place, part in enumerate(json):
            found += [[*json[:place], wrong, *json[place + 1 :]] for wrong in variants(part)[:60]]
            found.append(json[:place])
        found.append([*json, 0])
    elif isinstance(json, dict):
        for name, part in list(json.items())[:4]:
            found += [{**json, name: wrong} for wrong in variants(part)[:60]]
            found.append({other: value for other, value in json.items() if other != name})
        found.append({**json, "unknown": 1})
    return found


@pytest.mark.parametrize("method", METHODS)
def test_wrong_types_everywhere_are_answered(method: str) -> None:
    world = World()
    peer = Peer(world)
    for params in variants(METHODS[method]):
        if isinstance(params, list):
            peer.call("set_db_change_aware", [True])
            for name in ("m", "l"):
                peer.call("monitor", ["T", name, {"Plain": {}}])
            peer.call(method, params, "probe")
            if method == "convert":
                world.server.convert(world.server.databases["T"], DatabaseSchema.from_json(SCHEMA))
    assert world.server.databases["T"].database is world.database
    other = Peer(world)
    assert "uuid" in other.call("transact", ["T", insert("Root")])[0]


OPERATIONS = [
    insert("Plain", name="x", s3=["set", [1, 2]], m=["map", [["a", 1]]], u=["uuid", uuid(1)], oi=3),
    {"op": "select", "table": "Plain", "where": [["si", "includes", 1]], "columns": ["i"]},
    {"op": "update", "table": "Plain", "where": [["_uuid", "==", ["uuid", uuid(1)]]], "row": {"i": 1}},
    {"op": "mutate", "table": "Plain", "where": [], "mutations": [["i", "+=", 1], ["si", "insert", 3]]},
    {"op": "delete", "table": "Plain", "where": [["i", "<", 0]]},
    WAIT | {"timeout": 0},
    {"op": "commit", "durable": True},
    {"op": "abort"},
    {"op": "comment", "comment": "x"},
    {"op": "assert", "lock": "l"},
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: str(operation["op"]))
def test_wrong_operations_are_answered_and_change_nothing(operation: dict[str, Any]) -> None:
    world = World()
    peer = Peer(world)
    for wrong in variants(operation):
        results = peer.call("transact", ["T", wrong, {"op": "abort"}])
        assert any(result and "error" in result for result in results), wrong
    assert not world.database.tables["Plain"].rows
    assert world.is_well()


def test_an_unknown_table_database_and_method() -> None:
    world = World()
    peer = Peer(world)
    assert peer.call("transact", ["T", insert("Nope")])[0]["error"] == "syntax error"
    assert peer.call("transact", ["Nope"])["error"] == "unknown database"
    assert peer.call("monitor", ["T", "m", {"Nope": {}}])["error"] == "syntax error"
    assert peer.call("nope", []) == "unknown method"


def test_ids_that_come_twice() -> None:
    world = World()
    peer = Peer(world)
    peer.send(encode(request(7, "transact", ["T", WAIT])) * 2)
    (answer,) = peer.messages
    assert answer["error"]["details"] == "transact: duplicate request ID"
    assert peer.call("monitor", ["T", "m", {"Plain": {}}]) == {}
    assert peer.call("monitor", ["T", "m", {"Plain": {}}])["details"] == "duplicate monitor ID"
    peer.send(encode({"id": None, "method": "cancel", "params": [7]}))
    assert peer.messages[-1] == {"id": 7, "result": None, "error": "canceled"}
    assert world.is_well()


def test_a_million_waiting_transactions_are_refused_above_a_thousand() -> None:
    world = World()
    peer = Peer(world)
    count = 3 * limits.MAX_PENDING
    peer.send(b"".join(encode(request(n, "transact", ["T", WAIT])) for n in range(count)))
    assert len(peer.messages) == count - limits.MAX_PENDING
    assert {message["error"]["error"] for message in peer.messages} == {"resources exhausted"}
    assert any("too many waiting transactions" in line for line in world.logged)
    other = Peer(world)
    other.send(encode(request(1, "transact", ["T", WAIT])))
    assert not other.messages, "the limit is each client's own"
    peer.messages.clear()
    world.witness.call("transact", ["T", insert("Plain", i=1)])
    world.runtime.settle()
    assert len(peer.messages) == limits.MAX_PENDING
    assert len(other.messages) == 1
    peer.send(encode(request("again", "transact", ["T", WAIT | {"until": "!="}])))
    peer.messages.clear()
    world.witness.call("transact", ["T", insert("Plain", i=2)])
    assert [message["id"] for message in peer.messages] == ["again"]


def test_large_waiting_transactions_are_limited_by_size() -> None:
    world = World()
    peer = Peer(world)
    large = {"op": "comment", "comment": "x" * (3 << 20)}
    for number in range(10):
        peer.send(encode(request(number, "transact", ["T", WAIT, large])))
    assert len(peer.messages) == 5


def test_monitors_and_locks_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyovn.ovsdb.server_session.MAX_MONITORS", 3)
    monkeypatch.setattr("pyovn.ovsdb.server_session.MAX_LOCKS", 3)
    peer = Peer(World())
    answers = [peer.call("monitor", ["T", n, {}]) for n in range(5)] + [
        peer.call("lock", [f"l{n}"]) for n in range(5)
    ]
    assert [a.get("error") for a in answers] == ([None] * 3 + ["resources exhausted"] * 2) * 2
    peer.call("unlock", ["l0"])
    assert peer.call("lock", ["l9"]) == {"locked": True}


def test_a_client_that_never_reads_is_let_go_when_too_much_waits_for_it() -> None:
    world = World(max_backlog=1 << 20)
    deaf = Deaf(world.server, "deaf")
    deaf.session.receive(request(0, "monitor", ["T", "m", {"Plain": {}}]))
    most = 0
    while not deaf.closed:
        world.witness.call("transact", ["T", insert("Plain", name="x" * 10_000)])
        most = max(most, deaf.waiting)
    assert most < (1 << 20) + 20_000
    assert any("deaf" in line and "bytes wait to be taken" in line for line in world.logged)
    assert world.is_well()


def test_many_that_never_read_are_limited_together_and_the_slowest_goes_first() -> None:
    world = World(max_total_backlog=1 << 20)
    deaf = [Deaf(world.server, f"deaf{n}") for n in range(10)]
    for client in deaf:
        client.session.receive(request(0, "monitor", ["T", "m", {"Plain": {}}]))
    deaf[3].session.receive(request(0, "echo", ["x" * 200_000]))
    for _ in range(100):
        world.witness.call("transact", ["T", insert("Plain", name="x" * 10_000)])
        assert sum(client.waiting for client in deaf) < 3 << 20
    assert deaf[3].closed
    assert world.is_well()


def test_unfinished_messages_are_limited_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pyovn.ovsdb.server.MAX_TOTAL_UNFINISHED", 1 << 20)
    world = World()
    peers = [Peer(world) for _ in range(8)]
    for number, peer in enumerate(peers):
        peer.send(b'{"id":1,"method":"echo","params":["' + b"x" * (100_000 + 20_000 * number))
    assert [peer.closed for peer in peers] == [False] * 6 + [True, True]
    assert any("bytes of an unfinished message" in line for line in world.logged)
    peers[5].send(b'"]}')
    assert peers[5].messages
    peers[0].send(b"x" * 300_000)
    assert not peers[0].closed, "what was finished counts no more"
    assert world.is_well()


def test_two_thousand_connections_that_say_nothing() -> None:
    world = World()
    peers = [Peer(world) for _ in range(2000)]
    assert len(world.server.sessions) == 2001
    assert world.is_well()
    assert not any(peer.messages for peer in peers)
    probed = Remote(world.runtime, world.server, "punix:/p", RemoteOptions(5.0))
    found: list[Stream] = []
    for _ in range(2000):
        world.runtime.connect("unix:/p", found.append, pytest.fail)
    world.runtime.settle()
    world.runtime.advance(11)
    assert len(world.server.sessions) == 2001, "they did not answer the probe"
    assert any("no response to inactivity probe" in line for line in world.logged)
    probed.close()
