from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from engine_kit import SCHEMA, delete, insert, make, mutate, ref, update, uuid

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.listen import Remote, RemoteOptions
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.ovsdb.server import Server
from pyovn.sim.virtual import VirtualRuntime
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from pyovn.ovsdb.server_session import ServerSession

ZERO = "00000000-0000-0000-0000-000000000000"


class Peer:
    """A client that keeps what it is sent."""

    def __init__(self, server: Server) -> None:
        self.got: list[Any] = []
        self.closed = False
        self.waiting = 0
        self.session: ServerSession = server.connect(
            lambda data: self.got.append(msgspec.json.decode(data)),
            close=self._close,
            backlog=lambda: self.waiting,
        )

    def _close(self) -> None:
        self.closed = True

    def send(self, method: str, *params: Any, id_: Any = 1) -> None:
        self.session.receive({"method": method, "params": list(params), "id": id_})

    def call(self, method: str, *params: Any) -> Any:
        """The result of a request that is answered at once, last."""
        self.send(method, *params)
        answer = self.got.pop()
        assert answer["error"] is None, answer
        return answer["result"]

    def error(self, method: str, *params: Any) -> Any:
        self.send(method, *params)
        return self.got.pop()["error"]

    def updates(self) -> list[Any]:
        """What came since the last look."""
        got, self.got = self.got, []
        return [message["params"] for message in got]


@pytest.fixture
def runtime() -> VirtualRuntime:
    return VirtualRuntime()


@pytest.fixture
def server(runtime: VirtualRuntime) -> Server:
    server = Server(runtime)
    server.add_database(make())
    return server


@pytest.fixture
def peer(server: Server) -> Peer:
    return Peer(server)


def test_the_server_tells_what_it_hosts(server: Server, peer: Peer) -> None:
    assert peer.call("list_dbs") == ["T", "_Server"]
    assert DatabaseSchema.from_json(peer.call("get_schema", "T")) == DatabaseSchema.from_json(SCHEMA)
    assert peer.call("echo", 1, "x") == [1, "x"]
    assert peer.call("get_server_id") == server.id
    hosted = peer.call("transact", "_Server", {"op": "select", "table": "Database", "where": []})[0]["rows"]
    assert {row.pop("name") for row in hosted} == {"T", "_Server"}
    for row in hosted:
        assert (row["model"], row["connected"], row["leader"]) == ("standalone", True, True)
    refused = peer.call("transact", "_Server", delete("Database"))[0]
    assert refused["error"] == "not allowed"


@pytest.mark.parametrize(
    ("method", "params", "error"),
    [
        ("nope", [], "unknown method"),
        ("monitor_cancel", [99], "unknown monitor"),
        ("get_schema", ["X"], "get_schema request specifies unknown database X"),
        ("transact", [5], "transact request params must begin with <db-name>"),
        ("monitor", ["T", 1, {"Nope": {}}], "no table named Nope"),
        ("monitor", ["T", 1, {"Pair": {"columns": ["x"]}}], "x is not a valid column name"),
        ("monitor", ["T", 1, {"Pair": [{"columns": ["a"]}] * 2}], "column a mentioned more than once"),
        ("monitor", ["T", 1, {"Pair": {"where": []}}],
         "Parsing table Pair failed: Member 'where' is present but not allowed here."),
        ("monitor_cond", ["T", 1, {"Pair": {"where": [5]}}], "Parse error in condition."),
        ("monitor_cond_since", ["T", 1, {"Pair": {}}, "x"], "last-txn-id must be UUID format."),
        ("monitor_cond_since", ["T", 1, {"Pair": {}}, 5], "last-txn-id must be string"),
        ("monitor_cond_change", [5, 5, {}], "unknown monitor session"),
        ("lock", ["1x"], "lock request params must be <id>"),
        ("unlock", ["x"], 'unlock: "unlock" without "lock" or "steal"'),
        ("set_db_change_aware", [5], "set_db_change_aware: true or false parameter expected"),
    ],
)  # fmt: skip
def test_refusals(peer: Peer, method: str, params: list[Any], error: str) -> None:
    got = peer.error(method, *params)
    assert (got["details"] if isinstance(got, dict) else got) == error
    assert not peer.closed


@pytest.mark.parametrize("message", [5, {}, {"method": 5}, {"method": "echo", "params": {}, "id": 1}])
def test_what_is_not_json_rpc_ends_the_connection(peer: Peer, message: Any) -> None:
    peer.session.receive(message)
    assert peer.closed


def test_nothing_is_shown_of_a_table_of_which_nothing_is_asked(peer: Peer) -> None:
    peer.call("transact", "T", insert("Pair", 1, a=1))
    for method in ("monitor", "monitor_cond"):
        assert peer.call(method, "T", method, {"Pair": []}) == {}
    peer.send("transact", "T", update("Pair", a=2))
    assert len(peer.got) == 1


@pytest.mark.parametrize(
    ("requests", "error"),
    [
        (5, "monitor-cond-change-requests must be object"),
        ({"Nope": []}, "no table named Nope in monitor session"),
        ({"Pair": {"where": []}}, "table Pair no monitor-cond-change JSON array"),
        ({"Pair": [{"columns": ["a"]}]}, "changing columns is unsupported"),
    ],
)
def test_conditions_that_cannot_be(peer: Peer, requests: Any, error: str) -> None:
    peer.call("monitor_cond", "T", "m", {"Pair": {"where": [["a", "==", 1]]}})
    assert peer.error("monitor_cond_change", "m", "m", requests)["details"] == error
    assert peer.call("monitor_cond_change", "m", "m", {"Pair": [{"where": [True]}]}) == {}


def test_monitor_sends_whole_values_before_the_reply(peer: Peer) -> None:
    peer.call("transact", "T", insert("Pair", 1, a=1))
    assert peer.call("monitor", "T", "m", {"Pair": {"columns": ["a", "b"]}}) == {
        "Pair": {uuid(1): {"new": {"a": 1, "b": ["set", []]}}}
    }
    peer.send("transact", "T", update("Pair", a=2), insert("Pair", 2, b="x"))
    update_message, reply = peer.got
    assert update_message == {
        "id": None,
        "method": "update",
        "params": [
            "m",
            {
                "Pair": {
                    uuid(1): {"old": {"a": 1}, "new": {"a": 2, "b": ["set", []]}},
                    uuid(2): {"new": {"a": 0, "b": "x"}},
                }
            },
        ],
    }
    assert reply["id"] == 1
    peer.got.clear()
    peer.call("monitor_cancel", "m")
    peer.send("transact", "T", delete("Pair"))
    assert len(peer.got) == 1


def test_monitor_select_chooses_kinds_of_change(peer: Peer) -> None:
    only_delete = {"initial": False, "insert": False, "modify": False}
    assert peer.call("monitor", "T", 1, {"Pair": [{"columns": ["a"], "select": only_delete}]}) == {}
    peer.call("transact", "T", insert("Pair", 1))
    peer.call("transact", "T", update("Pair", a=5))
    peer.call("transact", "T", delete("Pair"))
    assert peer.updates() == [[1, {"Pair": {uuid(1): {"old": {"a": 5}}}}]]


def test_monitor_cond_sends_differences(peer: Peer) -> None:
    peer.call(
        "transact", "T", insert("Plain", 1, name="p", s3=["set", [1, 2]], m=["map", [["a", 1], ["b", 2]]])
    )
    columns = ["name", "s3", "m", "oi"]
    assert peer.call("monitor_cond", "T", 1, {"Plain": [{"columns": columns}]}) == {
        "Plain": {
            uuid(1): {"initial": {"name": "p", "s3": ["set", [1, 2]], "m": ["map", [["a", 1], ["b", 2]]]}}
        }
    }
    changes = [
        ("s3", "insert", 3),
        ("m", "delete", "a"),
        ("m", "insert", ["map", [["c", 3]]]),
        ("oi", "insert", 4),
    ]
    peer.call("transact", "T", mutate("Plain", *changes))
    peer.call("transact", "T", mutate("Plain", ("i", "+=", 1)))
    peer.call("transact", "T", mutate("Plain", ("oi", "delete", 4)))
    peer.call("transact", "T", delete("Plain"))
    assert peer.updates() == [
        [1, {"Plain": {uuid(1): {"modify": {"s3": 3, "m": ["map", [["a", 1], ["c", 3]]], "oi": 4}}}}],
        [1, {"Plain": {uuid(1): {"modify": {"oi": ["set", []]}}}}],
        [1, {"Plain": {uuid(1): {"delete": None}}}],
    ]


def test_a_row_enters_and_leaves_a_condition(peer: Peer) -> None:
    where = [["a", "==", 1], ["a", "==", 2], ["b", "includes", "x"]]
    peer.call("monitor_cond", "T", 1, {"Pair": [{"columns": ["a"], "where": where}]})
    peer.call("transact", "T", insert("Pair", 1, a=7))
    peer.call("transact", "T", update("Pair", a=1))
    peer.call("transact", "T", update("Pair", a=2))
    peer.call("transact", "T", update("Pair", a=9))
    peer.call("transact", "T", update("Pair", b="x"))
    assert [message[1]["Pair"][uuid(1)] for message in peer.updates()] == [
        {"insert": {"a": 1}},
        {"modify": {"a": 2}},
        {"delete": None},
        {"insert": {"a": 9}},
    ]


def test_changing_a_condition_sends_what_comes_and_goes_before_the_reply(peer: Peer) -> None:
    peer.call("transact", "T", *(insert("Pair", n, a=n) for n in (1, 2, 3)))
    assert peer.call("monitor_cond", "T", "m", {"Pair": [{"columns": ["a"], "where": [False]}]}) == {}
    where = [["a", "==", 1], ["a", "==", 2]]
    peer.send("monitor_cond_change", "m", "n", {"Pair": [{"where": where}]})
    update_message, reply = peer.got
    assert update_message["params"] == [
        "n", {"Pair": {uuid(1): {"insert": {"a": 1}}, uuid(2): {"insert": {"a": 2}}}}
    ]  # fmt: skip
    assert reply["result"] == {}
    peer.got.clear()
    peer.send("monitor_cond_change", "n", "n", {"Pair": [{"where": [["a", ">", 1]]}]})
    assert peer.got[0]["params"][1]["Pair"] == {uuid(1): {"delete": None}, uuid(3): {"insert": {"a": 3}}}
    peer.got.clear()
    peer.call("transact", "T", update("Pair", ["a", "==", 1], a=10))
    assert peer.updates() == [["n", {"Pair": {uuid(1): {"insert": {"a": 10}}}}]]


def test_since_tells_only_what_was_missed(server: Server, peer: Peer) -> None:
    request = {"Pair": [{"columns": ["a"]}]}
    found, start, contents = peer.call("monitor_cond_since", "T", 1, request, ZERO)
    assert (found, contents) == (False, {})
    peer.call("transact", "T", insert("Pair", 1, a=1), insert("Pair", 2, a=2))
    (_id, middle, _updates) = peer.updates()[0]
    peer.call("transact", "T", update("Pair", ["a", "==", 1], a=3), insert("Pair", 3, a=5))
    peer.call("transact", "T", delete("Pair", ["a", "==", 5]), delete("Pair", ["a", "==", 2]))
    last = peer.updates()[-1][1]
    other = Peer(server)
    assert other.call("monitor_cond_since", "T", 1, request, middle) == [
        True, last, {"Pair": {uuid(1): {"modify": {"a": 3}}, uuid(2): {"delete": None}}}
    ]  # fmt: skip
    assert other.call("monitor_cond_since", "T", 2, request, start) == [
        True, last, {"Pair": {uuid(1): {"insert": {"a": 3}}}}
    ]  # fmt: skip
    assert other.call("monitor_cond_since", "T", 3, request, last) == [True, last, {}]
    assert other.call("monitor_cond_since", "T", 4, request, uuid(99))[0] is False


def test_history_is_bounded_by_what_it_keeps_alive(server: Server, peer: Peer) -> None:
    first = peer.call("monitor_cond_since", "T", 1, {"Plain": {}}, ZERO)[1]
    peer.call("transact", "T", insert("Plain", 1, si=["set", list(range(100_000))]))
    for number in range(6):
        peer.call("transact", "T", mutate("Plain", ("si", "insert", -number - 1)))
    ids = [message[1] for message in peer.updates()]
    found = [
        Peer(server).call("monitor_cond_since", "T", 1, {"Plain": {}}, last)[0] for last in (first, *ids)
    ]
    assert found == [False, False, False, True, True, True, True, True]


def test_clients_that_ask_the_same_share_one_encoding(server: Server) -> None:
    peers = [Peer(server) for _ in range(3)]
    for peer in peers:
        peer.call("monitor_cond", "T", 1, {"Pair": [{"columns": ["a"]}]})
    assert len(server.databases["T"].monitors._watchers) == 1
    peers[0].call("transact", "T", insert("Pair", 1, a=1))
    assert [len(peer.got) for peer in peers] == [1, 1, 1]
    for peer in peers:
        peer.session.closed()
    assert server.databases["T"].monitors._watchers == {}


def test_locks_queue_and_are_stolen(server: Server) -> None:
    one, two, three = (Peer(server) for _ in range(3))
    assert one.call("lock", "l") == {"locked": True}
    assert two.call("lock", "l") == {"locked": False}
    assert two.call("transact", "T", {"op": "assert", "lock": "l"})[0]["error"] == "not owner"
    assert one.call("transact", "T", {"op": "assert", "lock": "l"}) == [{}]
    assert three.call("steal", "l") == {"locked": True}
    assert one.got == [{"id": None, "method": "stolen", "params": ["l"]}]
    three.session.closed()
    assert one.got[1:] == [{"id": None, "method": "locked", "params": ["l"]}]
    one.call("unlock", "l")
    assert two.got == [{"id": None, "method": "locked", "params": ["l"]}]


def test_a_transaction_waits_for_another_one(runtime: VirtualRuntime, server: Server, peer: Peer) -> None:
    wait = {"op": "wait", "table": "Pair", "where": [], "columns": ["a"], "until": "==", "rows": [{"a": 5}]}
    peer.send("transact", "T", wait, insert("Pair", 2, a=6), id_="w")
    assert peer.got == []
    Peer(server).call("transact", "T", insert("Pair", 1, a=5))
    runtime.settle()
    assert peer.got == [{"id": "w", "result": [{}, {"uuid": ref(2)}], "error": None}]


def test_a_waiting_transaction_times_out_or_is_cancelled(runtime: VirtualRuntime, peer: Peer) -> None:
    wait = {"op": "wait", "table": "Pair", "where": [], "columns": ["a"], "until": "!=", "rows": []}
    peer.send("transact", "T", {**wait, "timeout": 500}, id_="t")
    peer.send("transact", "T", wait, id_="c")
    peer.session.receive({"method": "cancel", "params": ["c"], "id": None})
    assert peer.got.pop() == {"id": "c", "result": None, "error": "canceled"}
    runtime.advance(0.4)
    assert peer.got == []
    runtime.advance(0.2)
    assert peer.got[0]["result"] == [{"error": "timed out", "details": '"wait" timed out after 500 ms'}]


def test_removing_a_database_is_seen_by_those_who_are_aware(runtime: VirtualRuntime, server: Server) -> None:
    aware, unaware = Peer(server), Peer(server)
    aware.call("set_db_change_aware", True)  # a JSON-RPC parameter
    aware.call("monitor", "T", "m", {"Pair": {}})
    aware.call("monitor", "_Server", "s", {"Database": {"columns": ["name"]}})
    server.remove_database("T")
    assert unaware.closed
    assert not aware.closed
    assert {message["method"] for message in aware.got} == {"update", "monitor_canceled"}
    aware.got.clear()
    server.add_database(Database(DatabaseSchema.from_json(SCHEMA), runtime.random))
    assert [message["method"] for message in aware.got] == ["update"]


def test_a_client_that_takes_nothing_is_dropped(server: Server) -> None:
    server.max_backlog = 10
    deaf, reader = Peer(server), Peer(server)
    deaf.call("monitor", "T", 1, {"Pair": {}})
    deaf.waiting = 10
    reader.call("transact", "T", insert("Pair", 1))
    assert not deaf.closed
    deaf.waiting = 11
    reader.call("transact", "T", insert("Pair", 2, a=1))
    assert deaf.closed
    assert len(server.sessions) == 1


def test_over_a_stream_with_probes(runtime: VirtualRuntime, server: Server) -> None:
    remote = Remote(runtime, server, "punix:/db.sock", RemoteOptions(probe_interval=5))
    got: list[Any] = []
    streams: list[Any] = []
    closed: list[str] = []

    def connected(stream: Any) -> None:
        streams.append(stream)
        stream.on_data = lambda data: got.extend(jsonrpc.Decoder().feed(data))
        stream.on_close = closed.append

    runtime.connect("unix:/db.sock", connected, pytest.fail)
    runtime.settle()
    streams[0].write(jsonrpc.encode(jsonrpc.request(7, "list_dbs", [])))
    runtime.settle()
    assert got == [{"id": 7, "result": ["T", "_Server"], "error": None}]
    runtime.advance(6)
    assert got[1]["method"] == "echo"
    streams[0].write(jsonrpc.encode(jsonrpc.response("echo", [])))
    runtime.advance(6)
    assert not closed
    runtime.advance(6)
    assert closed
    assert server.sessions == []
    remote.close()


def test_a_stream_of_rubbish_is_closed(runtime: VirtualRuntime, server: Server) -> None:
    Remote(runtime, server, "punix:/db.sock")
    closed: list[str] = []

    def connected(stream: Any) -> None:
        stream.on_data = lambda _data: None
        stream.on_close = closed.append
        stream.write(b"GET / HTTP/1.1\r\n\r\n")

    runtime.connect("unix:/db.sock", connected, pytest.fail)
    runtime.settle()
    assert closed
