"""What the server refuses, and what cannot be compared, is set aside and named; everything else goes on."""

from __future__ import annotations

from typing import Any

import pytest
from test_reconcile import World

from pyovn.incremental import Engine, Record, column
from pyovn.sim.virtual import VirtualRuntime
from pyovn.sync.loop import Loop
from pyovn.sync.wants import Element, Ref, want


@pytest.fixture
def world() -> World:
    return World()


def names(world: World, table: str) -> set[Any]:
    return {row[0] for row in world.client.replica.table(table).rows.values()}


def members(world: World) -> int:
    (row,) = world.rows("Group").values()
    return len(row["ports"])


def test_a_refused_row_that_a_group_names_poisons_nothing(world: World) -> None:
    """Two ports of one name break the index at the commit; the group is written without the refused one."""
    world.write({"op": "insert", "table": "Net", "row": {"name": "theirs"}})
    world.want(
        want("Net", "n", name="n", kind="a"),
        want("Port", "p", name="p", net=Ref("Net", "n")),
        want("Port", "p2", name="p", net=Ref("Net", "n")),
        want("Group", (Ref("Net", "n"),), net=Ref("Net", "n")),
        Element("Group", (Ref("Net", "n"),), "ports", Ref("Port", "p")),
        Element("Group", (Ref("Net", "n"),), "ports", Ref("Port", "p2")),
    )
    world.run()
    assert names(world, "Port") == {"p"}
    assert members(world) == 1
    assert any("Port" in line and "cannot be written" in line for line in world.reconciler.notices())
    world.want(
        want("Net", "n", name="n", kind="a"),
        want("Port", "p", name="p", net=Ref("Net", "n")),
        want("Port", "p2", name="other", net=Ref("Net", "n")),
        want("Group", (Ref("Net", "n"),), net=Ref("Net", "n")),
        Element("Group", (Ref("Net", "n"),), "ports", Ref("Port", "p")),
        Element("Group", (Ref("Net", "n"),), "ports", Ref("Port", "p2")),
    )
    world.run()
    assert names(world, "Port") == {"p", "other"}
    assert members(world) == 2
    assert world.reconciler.notices() == []


def test_what_cannot_be_compared_is_named_and_the_rest_is_written(world: World) -> None:
    world.write({"op": "insert", "table": "Net", "row": {"name": "bad"}})
    world.want(
        want("Net", "bad", name="bad"),
        Element("Net", "bad", "options", "not a pair"),
        want("Net", "good", name="good"),
    )
    world.run()
    assert names(world, "Net") == {"bad", "good"}
    (line,) = world.reconciler.notices()
    assert line.startswith("Net bad cannot be written")


def test_two_that_want_different_things_of_a_row_are_named(world: World) -> None:
    world.want(want("Net", "n", name="n", kind="a"))
    world.want(want("Net", "n", name="n", kind="b"), relation=1)
    world.run()
    assert world.reconciler.notices() == ["Net n is wanted in 2 different ways"]
    world.want(relation=1)
    world.run()
    assert world.reconciler.notices() == []


def test_elements_of_a_shared_column_are_remembered_only_while_they_are_there() -> None:
    world = World(shared=frozenset({"tags"}))
    for i in range(50):
        world.want(want("Net", "n", name="n"), Element("Net", "n", "tags", f"t{i}"))
        world.run()
    world.run()
    entry = next(iter(world.reconciler._entries["Net"].values()))
    assert len(entry.gone or ()) <= 1
    (row,) = world.rows("Net").values()
    assert row["tags"] == {"t49"}


def test_a_pass_that_raises_is_told_and_repeated() -> None:
    runtime = VirtualRuntime()
    said: list[tuple[str, str]] = []
    runs: list[float] = []

    def step() -> None:
        runs.append(runtime.now())
        if len(runs) < 3:
            raise ValueError("broken")

    loop = Loop(runtime, step, lambda level, text: said.append((level, text)))
    loop.wake()
    runtime.advance(10)
    assert len(runs) == 3
    assert ("err", "ValueError: broken") in said


def test_an_element_whose_key_cannot_be_found_is_nowhere_and_is_named() -> None:
    class Item(Record):
        __slots__ = ()
        text = column(0, "text")

    engine = Engine()
    table = engine.table("items", Item)
    by_number = engine.index("by_number", table, lambda item: [int(item.text)])
    table.put("a", ("1",))
    table.put("b", ("x",))
    assert [item.key for item in by_number.all(1)] == ["a"]
    (failure,) = engine.root_failures().values()
    assert isinstance(failure, ValueError)
    table.put("b", ("1",))
    assert len(by_number.all(1)) == 2
    assert engine.root_failures() == {}
    table.put("b", ("y",))
    table.delete("b")
    assert engine.root_failures() == {}
    assert [item.key for item in by_number.all(1)] == ["a"]
