"""Wanted rows against actual rows: what is sent, and that every disturbance is repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyovn.incremental import Engine, Record, column
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.requests import Reply
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.schemas.columns import Database as Schema
from pyovn.schemas.columns import Row, many, mapping, optional, scalar, string, strong, weak
from pyovn.sim.virtual import VirtualRuntime
from pyovn.sync.reconcile import Managed, Reconciler
from pyovn.sync.wants import Element, Existing, Ref, want

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.schema import DatabaseSchema


class Net(Row, table="Net", root=True, indexes=(("name",),)):
    name = scalar(string(max_length=8))
    kind = scalar(string())
    tags = many(string())
    options = mapping(string(), string())


class Port(Row, table="Port", root=True, indexes=(("name",),)):
    name = scalar(string())
    net = scalar(strong("Net"))
    note = optional(string())


class Group(Row, table="Group", root=True):
    net = scalar(strong("Net"))
    ports = many(weak("Port"))


class Learnt(Row, table="Learnt", root=True):
    """Somebody else's rows."""

    net = scalar(strong("Net"))


class Names(Row, table="Names", root=True):
    nets = many(strong("Net"), min=1)
    best = optional(strong("Net"))


class Snoop(Row, table="Snoop", root=True):
    net = scalar(weak("Net"))


TABLES = (Net, Port, Group, Learnt, Names, Snoop)
SCHEMA: DatabaseSchema = Schema("D", version="1.0.0", cksum="", tables=TABLES).schema
COLUMNS = {row.TABLE: row.COLUMNS for row in (Net, Port, Group)}


class Item(Record):
    __slots__ = ()
    yields = column(0, "yields")


class World:
    """A server, a client, a reconciler, and two relations that yield what tests put into them."""

    def __init__(self, shared: frozenset[str] = frozenset()) -> None:
        self.runtime = VirtualRuntime(seed=3)
        self.server = Server(self.runtime)
        self.server.add_database(Database(SCHEMA, self.runtime.random))
        self.shared = shared
        self.begin()

    def begin(self) -> None:
        """A process: engine, client and reconciler are new, the database is what it was."""
        self.engine = Engine()
        self.tables = [self.engine.table(f"items{n}", Item) for n in range(2)]
        self.client = LocalClient(self.runtime, self.server, "D", COLUMNS, expected=SCHEMA)
        self.reconciler = Reconciler(
            self.client,
            (
                Managed(Net, lambda row: row.name, shared=self.shared, releasing=True),
                Managed(Port, lambda row: row.name, annotate=lambda _item, _why: {"note": "new"}),
                Managed(Group, lambda row: (row.net,)),
            ),
            self.runtime.random,
        )
        self.sent = self.reconciler.sent = []
        self.client.on_changes = self.reconciler.actual
        self.client.start()
        self.runtime.settle()
        for n, table in enumerate(self.tables):
            relation = self.engine.derive(f"wants{n}", table, lambda item: [(x, "test") for x in item.yields])
            self.reconciler.follow(relation)
        self.errors: list[str | None] = []

    def want(self, *items: Any, relation: int = 0) -> None:
        """``relation`` yields exactly ``items``."""
        self.tables[relation].put("it", (items,))

    def run(self) -> list[dict[str, Any]]:
        """Settle and flush until nothing is to be done; what was sent."""
        del self.sent[:]
        for _ in range(10):
            self.engine.settle()
            if not self.reconciler.flush(self.errors.append):
                break
            self.runtime.settle()
        else:
            raise AssertionError(self.errors)
        return [operation for transaction in self.sent for operation in transaction]

    def write(self, *operations: dict[str, Any]) -> list[Any]:
        replies: list[Reply] = []
        client = LocalClient(self.runtime, self.server, "D", {})
        client.start()
        client.transact(operations, replies.append)
        self.runtime.settle()
        client.stop()
        assert replies[0].error is None, replies[0].error
        return [result.get("uuid", ["", ""])[1] for result in replies[0].results]

    def rows(self, table: str) -> dict[UUID, dict[str, Any]]:
        found = self.server.databases["D"].database.tables[table]
        return {
            uuid: {c.name: row.values[c.position] for c in found.columns} for uuid, row in found.rows.items()
        }

    def names(self, table: str) -> list[str]:
        return sorted(row["name"] for row in self.rows(table).values())


def net(name: str, **columns: Any) -> Any:
    return want("Net", name, name=name, **columns)


def port(name: str, of: str) -> Any:
    return want("Port", name, name=name, net=Ref("Net", of))


def group(of: str) -> Any:
    return want("Group", (Ref("Net", of),), net=Ref("Net", of))


def member(of: str, name: str) -> Element:
    return Element("Group", (Ref("Net", of),), "ports", Ref("Port", name))


ALL = (net("n", kind="x"), port("a", "n"), port("b", "n"), group("n"), member("n", "a"), member("n", "b"))


@pytest.fixture
def world() -> World:
    return World()


def test_rows_that_refer_to_each_other_are_one_transaction(world: World) -> None:
    world.want(*reversed(ALL))
    world.run()
    assert len(world.sent) == 1
    assert [op["table"] for op in world.sent[0]] == ["Net", "Port", "Port", "Group"]
    assert world.names("Port") == ["a", "b"]
    (row,) = world.rows("Group").values()
    assert row["ports"] == set(world.rows("Port"))
    assert {r["note"] for r in world.rows("Port").values()} == {"new"}


def test_only_columns_that_differ_are_updated(world: World) -> None:
    world.want(net("n", kind="x", tags=frozenset("t")))
    world.run()
    world.want(net("n", kind="y", tags=frozenset("t")))
    (operation,) = world.run()
    assert (operation["op"], operation["row"]) == ("update", {"kind": "y"})
    world.write({"op": "update", "table": "Net", "where": [], "row": {"options": ["map", [["a", "b"]]]}})
    assert world.run() == []  # a column that we do not name is its owner's


def test_a_member_more_is_a_mutation_of_one(world: World) -> None:
    world.want(*ALL)
    world.run()
    world.want(*ALL, port("c", "n"), member("n", "c"))
    insert, mutate = world.run()
    assert insert["table"] == "Port"
    assert mutate["mutations"] == [["ports", "insert", ["set", [["uuid", insert["uuid"]]]]]]
    world.want(*ALL)
    operations = world.run()
    assert sorted(op["op"] for op in operations) == ["delete", "mutate"] or [
        op["op"] for op in operations
    ] == ["delete"]
    assert len(next(iter(world.rows("Group").values()))["ports"]) == 2


def test_a_column_that_loses_its_last_element_is_emptied(world: World) -> None:
    world.want(*ALL)
    world.run()
    world.want(*ALL[:4])
    world.run()
    assert next(iter(world.rows("Group").values()))["ports"] == frozenset()


def test_elements_of_maps(world: World) -> None:
    def option(key: str, value: str) -> Element:
        return Element("Net", "n", "options", (key, value))

    world.want(net("n"), option("a", "1"), option("b", "2"))
    world.run()
    world.want(net("n"), option("a", "3"), option("b", "2"))
    (operation,) = world.run()
    assert operation["mutations"] == [
        ["options", "delete", ["set", ["a"]]],
        ["options", "insert", ["map", [["a", "3"]]]],
    ]
    world.write({"op": "update", "table": "Net", "where": [], "row": {"options": ["map", [["a", "9"]]]}})
    world.run()
    assert next(iter(world.rows("Net").values()))["options"] == {"a": "3", "b": "2"}


def test_shared_columns_keep_what_others_put_there() -> None:
    world = World(shared=frozenset({"options", "tags"}))
    tag = Element("Net", "n", "tags", "ours")
    world.want(net("n"), tag, Element("Net", "n", "options", ("k", "1")))
    world.run()
    world.write(
        {
            "op": "mutate",
            "table": "Net",
            "where": [],
            "mutations": [
                ["tags", "insert", "theirs"],
                ["options", "insert", ["map", [["theirs", "x"]]]],
            ],
        }
    )
    assert world.run() == []
    world.want(net("n"), Element("Net", "n", "options", ("k", "2")))
    world.run()
    (row,) = world.rows("Net").values()
    assert row["tags"] == {"theirs"}
    assert row["options"] == {"k": "2", "theirs": "x"}


def test_rows_of_others_are_changed_and_never_made_or_deleted(world: World) -> None:
    port_row = {"op": "insert", "table": "Port", "row": {"name": "p", "net": ["named-uuid", "n"]}}
    net_row = {"op": "insert", "table": "Net", "uuid-name": "n", "row": {"name": "n"}}
    uuid = UUID(world.write(port_row, net_row)[0])
    nobody = Existing(UUID("0" * 8 + uuid[8:]))
    world.want(net("n"), want("Port", Existing(uuid), note="seen"), want("Port", nobody, note="seen"))
    world.run()
    assert {r["note"] for r in world.rows("Port").values()} == {"seen"}
    world.want(net("n"))
    assert world.run() == []
    assert world.names("Port") == ["p"]


def test_a_new_process_adopts_what_is_there_and_sends_nothing(world: World) -> None:
    world.want(*ALL)
    world.run()
    before = world.rows("Port")
    world.begin()
    world.want(*ALL)
    assert world.run() == []
    assert world.rows("Port") == before


def test_a_new_process_deletes_what_is_not_wanted_any_more(world: World) -> None:
    world.want(*ALL)
    world.run()
    world.begin()
    world.want(*ALL[:2])
    world.run()
    assert (world.names("Port"), world.rows("Group")) == (["a"], {})


@pytest.mark.parametrize(
    "damage",
    [
        [{"op": "delete", "table": "Port", "where": [["name", "==", "a"]]}],
        [{"op": "update", "table": "Port", "where": [["name", "==", "a"]], "row": {"name": "z"}}],
        [{"op": "update", "table": "Net", "where": [], "row": {"kind": "vandal"}}],
        [{"op": "update", "table": "Group", "where": [], "row": {"ports": ["set", []]}}],
        [{"op": "insert", "table": "Net", "row": {"name": "extra"}}],
        [{"op": "delete", "table": table, "where": []} for table in ("Group", "Port", "Net")],
        [
            {"op": "insert", "table": "Net", "uuid-name": "m", "row": {"name": "m"}},
            {"op": "update", "table": "Port", "where": [], "row": {"net": ["named-uuid", "m"]}},
            {"op": "insert", "table": "Group", "row": {"net": ["named-uuid", "m"]}},
        ],
    ],
)
def test_vandalism_is_repaired(world: World, damage: list[dict[str, Any]]) -> None:
    def contents() -> Any:
        nets = {uuid: row["name"] for uuid, row in world.rows("Net").items()}
        ports = {uuid: row["name"] for uuid, row in world.rows("Port").items()}
        return (
            sorted((r["name"], r["kind"]) for r in world.rows("Net").values()),
            sorted((r["name"], nets[r["net"]]) for r in world.rows("Port").values()),
            [(nets[r["net"]], {ports[p] for p in r["ports"]}) for r in world.rows("Group").values()],
        )

    world.want(*ALL)
    world.run()
    good = contents()
    world.write(*damage)
    assert contents() != good
    world.run()
    assert contents() == good
    assert world.run() == []
    assert set(world.errors) == {None}


def fail_once(world: World, answer: Callable[[Any], Reply]) -> None:
    """The next transaction is not carried out; ``answer`` makes the reply from its operations."""
    real = world.client.transact

    def transact(operations: Any, done: Any) -> None:
        world.client.transact = real  # type: ignore[method-assign]  # this is the fault that is injected
        world.runtime.call_soon(lambda: done(answer(operations)))

    world.client.transact = transact  # type: ignore[method-assign]  # this is the fault that is injected


def test_a_failed_transaction_is_repeated_strangers_and_all(world: World) -> None:
    world.want(*ALL)
    world.run()
    fail_once(world, lambda _ops: Reply(None, "connection lost"))
    world.want(net("m"))
    world.run()
    assert world.errors[-2:] == ["connection lost", None]
    assert (world.names("Net"), world.names("Port"), world.rows("Group")) == (["m"], [], {})


def test_a_transaction_that_was_carried_out_although_its_answer_was_lost(world: World) -> None:
    real = world.client.transact

    def transact(operations: Any, done: Any) -> None:
        world.client.transact = real  # type: ignore[method-assign]  # this is the fault that is injected
        real(operations, lambda _reply: done(Reply(None, "connection lost")))

    world.client.transact = transact  # type: ignore[method-assign]  # this is the fault that is injected
    world.want(*ALL)
    assert len(world.run()) == 4
    assert len(world.sent) == 1
    assert world.names("Port") == ["a", "b"]


def test_what_is_wanted_again_after_its_deletion_has_failed(world: World) -> None:
    world.want(*ALL)
    world.run()
    world.want()
    fail_once(world, lambda _ops: Reply(None, "connection lost"))
    world.engine.settle()
    world.reconciler.flush(world.errors.append)
    world.want(*ALL)
    world.engine.settle()
    world.runtime.settle()
    world.run()
    assert world.names("Port") == ["a", "b"]
    world.want()
    world.run()
    assert world.names("Net") == []


def test_several_wants_of_one_row_are_merged(world: World) -> None:
    world.want(net("n", kind="x"))
    world.want(want("Net", "n", tags=frozenset("t"), kind="y"), relation=1)
    world.run()
    (row,) = world.rows("Net").values()
    assert (row["kind"], row["tags"]) == ("x", {"t"})
    world.want()
    world.run()
    (row,) = world.rows("Net").values()
    assert (row["kind"], row["tags"]) == ("y", {"t"})


def test_it_does_not_matter_who_came_first() -> None:
    found = []
    for order in ((0, 1), (1, 0)):
        world = World()
        for n in order:
            world.want(want("Net", "n", name="n", kind="xy"[n]), relation=n)
            world.run()
        found.append(next(iter(world.rows("Net").values()))["kind"])
    assert found[0] == found[1]


def test_an_item_of_two_relations_stays_until_both_have_left_it(world: World) -> None:
    for n in range(2):
        world.want(*ALL, relation=n)
    world.run()
    world.want(relation=1)
    assert world.run() == []
    assert world.names("Port") == ["a", "b"]
    world.want()
    world.run()
    assert world.names("Net") == []


def test_what_refers_to_a_missing_row_waits_for_it(world: World) -> None:
    world.want(*ALL[1:])
    assert world.run() == []
    assert len(world.reconciler.blocked()) == 3
    world.want(ALL[0], relation=1)
    world.run()
    assert world.names("Port") == ["a", "b"]
    assert world.reconciler.blocked() == {}


def test_a_member_that_is_wanted_later_joins_its_group(world: World) -> None:
    world.want(*(item for item in ALL if item != port("b", "n")))
    world.run()
    assert len(next(iter(world.rows("Group").values()))["ports"]) == 1
    world.want(port("b", "n"), relation=1)
    world.run()
    assert len(next(iter(world.rows("Group").values()))["ports"]) == 2


def test_rows_whose_reference_is_no_longer_wanted_do_not_stop_the_rest(world: World) -> None:
    """A derivation's mistake: ports of a network that is gone."""
    world.want(*ALL)
    world.run()
    world.want(*ALL[1:], net("m"))
    world.run()
    assert (world.names("Net"), world.names("Port")) == (["m"], [])
    assert len(world.reconciler.blocked()) == 3


def test_what_the_server_refuses_does_not_stop_the_rest(world: World) -> None:
    world.want(net("far too long"), net("ok"), port("a", "far too long"), port("b", "ok"))
    world.run()
    assert (world.names("Net"), world.names("Port")) == (["ok"], ["b"])
    (reason,) = {r for e, r in world.reconciler.blocked().items() if e.table == "Net"}
    assert "constraint violation" in reason
    world.want(want("Net", "far too long", name="short"), net("ok"), port("a", "far too long"))
    world.run()
    assert (world.names("Net"), world.names("Port")) == (["ok", "short"], ["a"])
    assert world.reconciler.blocked() == {}


def test_rows_of_others_let_go_of_what_is_deleted(world: World) -> None:
    world.want(net("n"), net("m"))
    world.run()
    n, m = ({row["name"]: uuid for uuid, row in world.rows("Net").items()}[name] for name in "nm")
    both, one = ["set", [["uuid", n], ["uuid", m]]], ["uuid", n]
    world.write(
        {"op": "insert", "table": "Learnt", "row": {"net": one}},
        {"op": "insert", "table": "Snoop", "row": {"net": one}},
        {"op": "insert", "table": "Names", "row": {"nets": both, "best": one}},
        {"op": "insert", "table": "Names", "row": {"nets": one}},
    )
    world.want(net("m"))
    world.run()
    assert set(world.errors) == {None}
    assert world.names("Net") == ["m"]
    assert (world.rows("Learnt"), world.rows("Snoop")) == ({}, {})
    assert list(world.rows("Names").values()) == [{"nets": {m}, "best": None}]


def test_keys_of_rows(world: World) -> None:
    world.want(*ALL)
    world.run()
    (uuid,) = world.rows("Net")
    assert world.reconciler.uuid_of("Net", "n") == uuid
    assert world.reconciler.key_of(uuid) == "n"
    item, reasons = world.reconciler.item_of(uuid) or (None, [])
    assert item == ALL[0]
    assert [reason.derivation for reason in reasons] == ["wants0"]
    assert next(iter(world.rows("Net").values()))["options"] == FrozenMap({})


def test_rows_that_come_back_as_they_were_sent_are_not_compared_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    compare = Reconciler._difference

    def counted(self: Reconciler, entry: Any, uuid: UUID, row: Any) -> Any:
        looked.append(entry.key)
        return compare(self, entry, uuid, row)

    monkeypatch.setattr(Reconciler, "_difference", counted)
    world.want(*ALL)
    world.run()
    assert looked == [(Ref("Net", "n"),)]  # elements are counted from what is there
    world.write({"op": "update", "table": "Port", "where": [["name", "==", "a"]], "row": {"note": "x"}})
    assert world.run() == []
    assert looked[1:] == ["a"]


@pytest.mark.parametrize("again", ["edited", "deleted", "unwanted", "changed"])
def test_a_row_that_changes_before_its_answer_has_come(world: World, again: str) -> None:
    """The row comes back, and before anybody has looked at it something else happens to it."""
    items: tuple[Any, ...] = (net("n", kind="x"),)
    world.want(*items)
    world.engine.settle()
    assert world.reconciler.flush(world.errors.append)
    world.reconciler.in_flight = True  # as if the answer took longer than the update
    world.runtime.settle()
    if again == "edited":
        world.write({"op": "update", "table": "Net", "where": [], "row": {"kind": "y"}})
    elif again == "deleted":
        world.write({"op": "delete", "table": "Net", "where": []})
    elif again == "unwanted":
        items = ()
    else:
        items = (net("n", kind="z"),)
    world.want(*items)
    world.reconciler.in_flight = False
    world.run()
    assert [row["kind"] for row in world.rows("Net").values()] == [dict(i.columns)["kind"] for i in items]
    assert world.run() == []


def test_a_row_that_the_server_has_made_otherwise_is_put_right(world: World) -> None:
    """Another client edits it in the same turn: what comes back is not what was sent."""
    world.want(net("n", kind="x"))
    world.engine.settle()
    other = LocalClient(world.runtime, world.server, "D", {})
    other.start()
    world.runtime.settle()
    assert world.reconciler.flush(world.errors.append)
    edit = {"op": "update", "table": "Net", "where": [], "row": {"kind": "y"}}
    other.transact([edit], lambda _reply: None)
    world.runtime.settle()
    world.run()
    assert [row["kind"] for row in world.rows("Net").values()] == ["x"]
    other.stop()
