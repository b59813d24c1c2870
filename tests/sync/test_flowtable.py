"""Wanted flows against a switch's flows."""

from __future__ import annotations

from typing import Any

from pyovn.incremental import Engine, Record, column
from pyovn.sync.flowtable import FlowTable
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.actions import Conjunction, Output
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match


class Item(Record):
    __slots__ = ()
    yields = column(0, "yields")


def flow(port: int, *actions: Any, cookie: int = 0) -> Flow:
    return Flow(8, 100, Match.of({"in_port": port}), actions, cookie)


class World:
    """A flow table that follows two relations, and a switch that does what it is told."""

    def __init__(self, *installed: Flow) -> None:
        self.engine = Engine()
        self.tables = [self.engine.table(f"items{n}", Item) for n in range(2)]
        self.flows = FlowTable()
        for table in self.tables:
            self.flows.follow(
                self.engine.derive(table.name + "_flows", table, lambda i: [(f, "test") for f in i.yields])
            )
        self.switch = {f.key: f for f in installed}

    def want(self, *flows: Flow, relation: int = 0) -> None:
        self.tables[relation].put("it", (flows,))
        self.engine.settle()

    def run(self) -> list[ofp.FlowMod]:
        mods = self.flows.plan()
        for mod in mods:
            if mod.command == ofp.DELETE_STRICT:
                del self.switch[mod.flow.key]
            else:
                self.switch[mod.flow.key] = mod.flow
        self.flows.confirmed(mods)
        return mods


def test_adoption_sends_nothing_and_removes_what_is_not_wanted() -> None:
    world = World(flow(1, Output(2), cookie=7), flow(9, Output(9)))
    world.want(flow(1, Output(2), cookie=7))
    assert not world.flows.is_clean
    world.flows.read_back(world.switch.values())
    assert [(m.command, m.flow.key) for m in world.run()] == [(ofp.DELETE_STRICT, flow(9).key)]
    assert world.flows.is_clean


def test_only_differences_are_sent() -> None:
    world = World()
    world.flows.read_back([])
    world.want(flow(1, Output(2)), flow(2, Output(1)))
    assert len(world.run()) == 2
    world.want(flow(1, Output(3)), flow(2, Output(1)))
    assert [m.flow for m in world.run()] == [flow(1, Output(3))]
    world.want(flow(1, Output(3)), flow(2, Output(1), cookie=5))
    assert [m.flow.cookie for m in world.run()] == [5]
    world.want()
    assert {m.command for m in world.run()} == {ofp.DELETE_STRICT}
    assert world.switch == {}


def test_conjunctions_add_up_in_one_flow_whatever_came_first() -> None:
    parts = [flow(1, Conjunction(1, 1, 2), cookie=3), flow(1, Conjunction(2, 1, 2), cookie=4)]
    found = []
    for order in (parts, parts[::-1]):
        world = World()
        world.flows.read_back([])
        world.want(order[0])
        world.want(order[1], relation=1)
        world.run()
        found.append(world.switch[flow(1).key])
    assert found[0] == found[1]
    assert found[0].cookie == found[1].cookie
    assert set(found[0].actions) == {Conjunction(1, 1, 2), Conjunction(2, 1, 2)}
    world.want(relation=1)
    world.run()
    assert world.switch[flow(1).key].actions == parts[1].actions


def test_of_two_flows_with_one_match_the_same_counts_always() -> None:
    flows = [flow(1, Output(2)), flow(1, Output(3))]
    found = []
    for order in (flows, flows[::-1]):
        world = World()
        world.flows.read_back([])
        world.want(order[0])
        world.want(order[1], relation=1)
        world.run()
        found.append(world.switch[flow(1).key].actions)
    assert found[0] == found[1]
    world.want(flow(1, Conjunction(1, 1, 2)), relation=1)
    world.run()
    assert not isinstance(world.switch[flow(1).key].actions[0], Conjunction)


def test_a_flow_of_two_relations_stays_until_both_have_left_it() -> None:
    world = World()
    world.flows.read_back([])
    for n in range(2):
        world.want(flow(1, Output(2), cookie=7), relation=n)
    world.run()
    ((found, reasons),) = world.flows.why(7)
    assert (found, [r.derivation for r in reasons]) == (
        flow(1, Output(2), cookie=7),
        ["items0_flows", "items1_flows"],
    )
    world.want(relation=1)
    assert world.run() == []
    world.want()
    assert len(world.run()) == 1


def test_a_refused_flow_is_set_aside_until_it_changes() -> None:
    world = World()
    world.flows.read_back([])
    world.want(flow(1, Output(2)), flow(2, Output(1)))
    mods = world.flows.plan()
    world.flows.failed(mods, mods[0], "OFPBAC_BAD_OUT_PORT")
    assert [m.flow for m in world.run()] == [flow(2, Output(1))]
    assert world.flows.refusals() == {flow(1, Output(2)): "OFPBAC_BAD_OUT_PORT"}
    world.want(flow(1, Output(3)), flow(2, Output(1)))
    assert [m.flow for m in world.run()] == [flow(1, Output(3))]
    assert world.flows.refusals() == {}


def test_a_refused_flow_gives_its_place_to_another_of_the_same_match() -> None:
    world = World()
    world.flows.read_back([])
    world.want(flow(1, Output(2)))
    world.want(flow(1, Output(3)), relation=1)
    mods = world.flows.plan()
    assert [mod.flow for mod in mods] == [flow(1, Output(2))]
    world.flows.failed(mods, mods[0], "no")
    assert world.flows.refusals() == {flow(1, Output(2)): "no"}
    assert [mod.flow for mod in world.run()] == [flow(1, Output(3))]


def test_a_flow_that_came_while_another_was_refused_is_tried() -> None:
    world = World()
    world.flows.read_back([])
    world.want(flow(1, Output(2)))
    mods = world.flows.plan()
    world.want(flow(1, Output(3)))
    world.flows.failed(mods, mods[0], "no")
    assert world.flows.refusals() == {}
    assert [mod.flow for mod in world.run()] == [flow(1, Output(3))]


def test_joined_conjunctions_are_refused_together_and_a_newcomer_is_not() -> None:
    first, second, third = (flow(1, Conjunction(n, 1, 2), cookie=n) for n in (1, 2, 3))
    world = World()
    world.flows.read_back([])
    world.want(first, second)
    mods = world.flows.plan()
    world.want(third, relation=1)
    world.flows.failed(mods, mods[0], "no")
    assert set(world.flows.refusals()) == {first, second}
    assert [mod.flow for mod in world.run()] == [third]


def test_a_flow_that_cannot_be_deleted_is_told_and_not_tried_again() -> None:
    world = World(flow(1, Output(2)), flow(2, Output(2)))
    world.flows.read_back(world.switch.values())
    mods = world.flows.plan()
    world.flows.failed(mods, mods[0], "no")
    assert [mod.flow.key for mod in world.run()] == [flow(2).key]
    assert world.flows.leftovers() == {flow(1, Output(2)): "no"}
    world.want(flow(1, Output(3)))
    world.run()
    world.want()
    assert len(world.run()) == 1
    assert world.flows.leftovers() == {}


def test_after_a_failure_without_a_culprit_all_is_sent_again() -> None:
    world = World()
    world.flows.read_back([])
    world.want(flow(1, Output(2)))
    mods = world.flows.plan()
    world.flows.failed(mods, None, "connection lost")
    assert len(world.run()) == 1


def test_a_switch_that_was_restarted_gets_everything() -> None:
    world = World()
    world.flows.read_back([])
    world.want(flow(1, Output(2)))
    world.run()
    world.flows.forget()
    world.switch.clear()
    world.flows.read_back([])
    world.run()
    assert list(world.switch.values()) == [flow(1, Output(2))]
