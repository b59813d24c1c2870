"""Start, restart, standby, pause, a lost connection, and a southbound that somebody edits by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from northd_kit import NB, SB, World, insert, mac, mutate, switch, update

from pyovn.northd.northd import NB_COLUMNS, SB_COLUMNS, Northd
from pyovn.ovsdb.client import Client
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.listen import Remote
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from collections.abc import Callable

SW1 = ["tunnel_key", "==", 2]
TABLES = (
    "Logical_Flow",
    "Logical_DP_Group",
    "Datapath_Binding",
    "Port_Binding",
    "Multicast_Group",
    "Address_Set",
)


def ports(prefix: str, count: int = 2) -> list[dict[str, Any]]:
    return [{"name": f"{prefix}{n}", "addresses": {mac(n)}} for n in range(count)]


@pytest.fixture
def two(world: World) -> World:
    """Two switches of two ports, one with an unknown address."""
    world.add_switch("sw0", *ports("a"))
    world.add_switch("sw1", *ports("b"), {"name": "u", "addresses": {"unknown"}})
    return world


def contents(world: World) -> Any:
    return {table: world.rows(SB, table) for table in TABLES}


def test_a_restart_sends_nothing_and_moves_nothing(two: World) -> None:
    before = contents(two)
    assert two.restart().sent == []
    assert contents(two) == before


def test_keys_are_stable_over_restarts_and_freed_ones_are_reused_last(two: World) -> None:
    keys = two.tunnel_keys()
    two.remove_port("a0")
    two.remove_switch("sw0")
    two.restart()
    two.add_switch("sw2", *ports("c"))
    two.add_port("sw1", "b9")
    two.remove_port("b1")
    two.add_port("sw1", "b8")
    after = two.tunnel_keys()
    assert {name: key for name, key in after.items() if name in keys} == {
        name: keys[name] for name in ("sw1", "b0", "u")
    }
    assert after["sw2"] not in {keys["sw0"], keys["sw1"]}
    assert len({after[name] for name in ("b0", "b8", "b9", "u")} | {keys["b1"]}) == 5


def test_northd_that_was_down_while_the_network_changed(two: World) -> None:
    two.daemon.stop()
    two.remove_switch("sw0")
    two.remove_port("b0")
    two.add_switch("sw2", *ports("c"))
    keys = two.tunnel_keys()
    two.daemon = two.start()
    fresh = World()
    fresh.add_switch("sw1", ports("b")[1], {"name": "u", "addresses": {"unknown"}})
    fresh.add_switch("sw2", *ports("c"))
    assert without_addresses(two) == without_addresses(fresh)
    assert two.tunnel_keys()["b1"] == keys["b1"]


def without_addresses(world: World) -> Any:
    """All but what is drawn at random once per deployment."""
    return {name: part for name, part in world.southbound().items() if name != "addresses"}


@pytest.mark.parametrize(
    "damage",
    [
        [{"op": "delete", "table": "Logical_Flow", "where": []}],
        [{"op": "delete", "table": "Logical_Flow", "where": [["table_id", "==", 0]]}],
        [{"op": "update", "table": "Logical_Flow", "where": [["table_id", "==", 0]], "row": {"match": "x"}}],
        [insert("Logical_Flow", pipeline="ingress", table_id=0, priority=7, match="bad", actions="drop;")],
        [{"op": "update", "table": "Logical_DP_Group", "where": [], "row": {"datapaths": ["set", []]}}],
        [{"op": "update", "table": "Port_Binding", "where": [], "row": {"tag": 5, "type": "localnet"}}],
        [update("Port_Binding", "a0", tunnel_key=77)],
        [update("Port_Binding", "a0", logical_port="renamed")],
        [{"op": "delete", "table": "Port_Binding", "where": []}],
        [{"op": "update", "table": "Multicast_Group", "where": [], "row": {"ports": ["set", []]}}],
        [{"op": "delete", "table": "Multicast_Group", "where": []}],
        [insert("Datapath_Binding", tunnel_key=99, external_ids={"name": "nobody's"})],
        [{"op": "update", "table": "Datapath_Binding", "where": [SW1], "row": {"tunnel_key": 50}}],
        [{"op": "update", "table": "Datapath_Binding", "where": [], "row": {"external_ids": ["map", []]}}],
        [{"op": "delete", "table": "Address_Set", "where": []}],
        [{"op": "delete", "table": "SB_Global", "where": []}],
        [{"op": "delete", "table": t, "where": []} for t in TABLES if t != "Logical_DP_Group"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("running", [True, False])
def test_a_southbound_edited_by_hand_is_repaired(
    two: World, damage: list[dict[str, Any]], *, running: bool
) -> None:
    before, keys = two.southbound(), two.tunnel_keys()
    if not running:
        two.daemon.stop()
    two.sb(*damage)
    if not running:
        two.daemon = two.start()
    assert two.southbound() == before
    if running:
        assert two.tunnel_keys() == keys
    assert not [line for line in two.log if "failed" in line]
    assert two.northd.notices() == []
    assert two.restart().sent == []


def test_a_switch_with_two_datapaths(two: World) -> None:
    """By hand: a second row for one switch, with a port of the first moved there."""
    two.daemon.stop()
    row = two.only("Datapath_Binding", tunnel_key=1)
    two.sb(
        {
            "op": "insert",
            "table": "Datapath_Binding",
            "uuid-name": "d",
            "row": {
                "tunnel_key": 60,
                "external_ids": ["map", [[k, v] for k, v in row["external_ids"].items()]],
            },
        },
        {
            "op": "update",
            "table": "Port_Binding",
            "where": [["logical_port", "==", "a0"]],
            "row": {"datapath": ["named-uuid", "d"], "tunnel_key": 2},
        },
    )
    two.daemon = two.start()
    assert sorted(two.southbound()["datapaths"]) == ["sw0", "sw1"]
    keys = two.tunnel_keys()
    assert keys["a0"] != keys["a1"]
    assert two.restart().sent == []


REFERRING: list[Callable[[str, str], dict[str, Any]]] = [
    lambda d, _p: {"table": "MAC_Binding", "row": {"datapath": ["uuid", d], "logical_port": "a0", "ip": "1"}},
    lambda d, _p: {"table": "Static_MAC_Binding", "row": {"datapath": ["uuid", d], "logical_port": "a0"}},
    lambda d, p: {
        "table": "IGMP_Group",
        "row": {"datapath": ["uuid", d], "address": "224.1.1.1", "ports": ["uuid", p]},
    },
    lambda d, _p: {"table": "IP_Multicast", "row": {"datapath": ["uuid", d]}},
    lambda d, _p: {"table": "DNS", "row": {"datapaths": ["uuid", d]}},
    lambda _d, _p: {"table": "FDB", "row": {"dp_key": 1, "port_key": 1, "mac": mac(9)}},
]


@pytest.mark.parametrize("number", range(len(REFERRING)))
def test_what_was_learnt_goes_with_its_switch(two: World, number: int) -> None:
    datapath = two.only("Datapath_Binding", tunnel_key=1)["_uuid"]
    learnt = REFERRING[number](datapath, two.only("Port_Binding", logical_port="a0")["_uuid"])
    two.sb({"op": "insert", **learnt})
    two.remove_switch("sw0")
    assert two.southbound()["datapaths"] == ["sw1"]
    assert two.rows(SB, learnt["table"]) == {}
    assert not [line for line in two.log if "failed" in line]


def test_what_was_learnt_goes_with_its_port(two: World) -> None:
    datapath = two.only("Datapath_Binding", tunnel_key=1)["_uuid"]
    for n, name in enumerate(("a0", "a1")):
        key = two.tunnel_keys()[name]
        row = {"datapath": ["uuid", datapath], "logical_port": name, "ip": f"10.0.0.{n}"}
        two.sb(
            {"op": "insert", "table": "MAC_Binding", "row": row},
            insert("FDB", dp_key=1, port_key=key, mac=mac(n)),
            insert("FDB", dp_key=2, port_key=key, mac=mac(n)),
        )
    two.remove_port("a0")
    assert [row["logical_port"] for row in two.rows(SB, "MAC_Binding").values()] == ["a1"]
    keys = sorted((row["dp_key"], row["port_key"]) for row in two.rows(SB, "FDB").values())
    assert keys == [(1, 2), (2, 1), (2, 2)]


def test_load_balancers_of_a_former_northd_let_go(two: World) -> None:
    datapath = two.only("Datapath_Binding", tunnel_key=1)["_uuid"]
    two.sb({"op": "insert", "table": "Load_Balancer", "row": {"name": "lb", "datapaths": ["uuid", datapath]}})
    two.remove_switch("sw0")
    assert two.only("Load_Balancer")["datapaths"] == frozenset()


def test_only_the_holder_of_the_lock_writes(two: World) -> None:
    second = two.start()
    assert (two.northd.status, second.northd.status) == ("active", "standby")
    two.add_port("sw0", "a5")
    assert second.sent == []
    assert second.northd.notices() == []


def test_a_standby_takes_over_with_the_keys_that_were_given_out(two: World) -> None:
    """The standby saw the same changes, but it has not the same memory of what was freed."""
    second = two.start()
    for n in range(5, 9):
        two.add_port("sw0", f"a{n}")
    two.remove_port("a5")
    two.remove_port("a0")
    two.add_port("sw0", "a9")
    two.add_switch("sw9", *ports("z"))
    keys, before = two.tunnel_keys(), contents(two)
    two.daemon.stop()
    two.runtime.settle()
    assert second.northd.status == "active"
    assert second.sent == []
    assert (two.tunnel_keys(), contents(two)) == (keys, before)
    two.add_port("sw0", "late")
    assert "late" in two.tunnel_keys()


def test_who_gets_the_lock_back_after_another_was_active_starts_over(two: World) -> None:
    second = two.start()
    two.remove_port("a0")
    two.daemon.sb.reconnect()
    two.runtime.settle()
    assert (two.northd.status, second.northd.status) == ("standby", "active")
    for n in range(5, 9):
        two.add_port("sw0", f"a{n}")
    two.remove_port("a6")
    two.add_port("sw0", "a9")
    keys, before = two.tunnel_keys(), contents(two)
    second.stop()
    two.runtime.settle()
    assert two.northd.status == "active"
    assert (two.tunnel_keys(), contents(two)) == (keys, before)
    two.add_port("sw0", "late")
    assert "late" in two.tunnel_keys()


def test_who_gets_the_lock_back_unchanged_goes_on(two: World) -> None:
    engine = two.northd.engine
    two.daemon.sb.reconnect()
    two.runtime.settle()
    two.add_port("sw0", "late")
    assert "late" in two.tunnel_keys()
    assert two.northd.engine is engine


def test_pause_and_resume(two: World) -> None:
    two.northd.pause()
    assert two.northd.status == "paused"
    two.add_port("sw0", "late")
    two.remove_port("a0")
    assert "late" not in two.tunnel_keys()
    two.northd.resume()
    two.runtime.settle()
    assert "late" in two.tunnel_keys()
    assert "a0" not in two.tunnel_keys()


def test_a_northbound_that_is_replaced(two: World) -> None:
    two.daemon.nb.stop()
    two.runtime.settle()
    everything: list[dict[str, Any]] = [
        {"op": "delete", "table": t, "where": []} for t in ("Logical_Switch", "NB_Global")
    ]
    two.nb(*everything, *switch("other", *ports("o")))
    assert two.southbound()["datapaths"] == ["sw0", "sw1"]
    two.daemon.nb.start()
    two.runtime.settle()
    assert two.southbound()["datapaths"] == ["other"]
    assert set(two.southbound()["ports"]) == {"o0", "o1"}


def test_one_name_on_another_port_in_one_transaction(two: World) -> None:
    key = two.tunnel_keys()["a0"]
    uuid = next(u for u, r in two.rows(NB, "Logical_Switch_Port").items() if r["name"] == "a0")
    where = [["name", "==", "sw0"]]
    two.nb(
        mutate("Logical_Switch", where, "ports", "delete", ["uuid", str(uuid)]),
        {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "n", "row": {"name": "a0"}},
        mutate("Logical_Switch", where, "ports", "insert", ["named-uuid", "n"]),
    )
    assert two.tunnel_keys()["a0"] == key
    assert two.only("Port_Binding", logical_port="a0")["mac"] == frozenset()


def test_a_port_moves_to_another_switch(two: World) -> None:
    uuid = next(u for u, r in two.rows(NB, "Logical_Switch_Port").items() if r["name"] == "a0")
    reference = ["uuid", str(uuid)]
    two.nb(
        mutate("Logical_Switch", [["name", "==", "sw0"]], "ports", "delete", reference),
        mutate("Logical_Switch", [["name", "==", "sw1"]], "ports", "insert", reference),
    )
    assert two.southbound()["ports"]["a0"]["datapath"] == "sw1"
    assert two.southbound()["groups"]["sw1", "_MC_flood", 32768] == {"a0", "b0", "b1", "u"}
    assert len({two.tunnel_keys()[name] for name in ("a0", "b0", "b1", "u")}) == 4


class Remotes(World):
    """northd over a wire, which can be cut."""

    def __init__(self) -> None:
        super().__init__(idle=True)
        self.remote = Remote(self.runtime, self.server, "punix:/db.sock")
        self.clients = [
            Client(self.runtime, "unix:/db.sock", schema.name, columns, expected=schema.schema)
            for schema, columns in ((NORTHBOUND, NB_COLUMNS), (SOUTHBOUND, SB_COLUMNS))
        ]
        self.process = Northd(
            self.runtime, self.clients[0], self.clients[1], lambda _level, text: self.log.append(text)
        )
        self.process.start()
        self.runtime.settle()


@pytest.mark.parametrize("committed", [False, True])
def test_a_connection_that_is_lost_in_the_middle_of_a_transaction(*, committed: bool) -> None:
    world = Remotes()
    world.add_switch("sw0", *ports("a"))
    sb = world.clients[1]
    real = sb.transact
    cut: list[int] = []

    def transact(operations: Any, done: Any) -> None:
        if cut:
            real(operations, done)
            return
        cut.append(1)
        if committed:
            real(operations, done)
            sb.reconnect("cut")
        else:
            sb.reconnect("cut")
            real(operations, done)

    sb.transact = transact  # type: ignore[method-assign]  # this is the fault that is injected
    world.add_switch("sw1", *ports("b"))
    world.remove_port("a0")
    world.runtime.advance(30)
    assert cut
    assert any("will be repeated" in line for line in world.log)
    assert world.southbound()["datapaths"] == ["sw0", "sw1"]
    assert set(world.southbound()["ports"]) == {"a1", "b0", "b1"}
    fresh = World()
    fresh.add_switch("sw0", ports("a")[1])
    fresh.add_switch("sw1", *ports("b"))
    assert without_addresses(world) == without_addresses(fresh)


def test_a_southbound_that_comes_back_empty() -> None:
    world = Remotes()
    world.add_switch("sw0", *ports("a"))
    before = world.southbound()
    world.server.remove_database(SB)
    world.runtime.advance(10)
    world.server.add_database(Database(SOUTHBOUND.schema, world.runtime.random))
    world.runtime.advance(30)
    assert world.southbound() == before
