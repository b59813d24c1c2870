"""The engine's contract: what runs, what does not, and that the result is the one from scratch."""

from __future__ import annotations

from typing import Any

import pytest

from pyovn.incremental import CycleError, Engine, Record, UpstreamError, column


class Port(Record):
    __slots__ = ()
    name = column(0, "name")
    switch = column(1, "switch")
    mac = column(2, "mac")
    up = column(3, "up")


class Switch(Record):
    __slots__ = ()
    name = column(0, "name")
    mode = column(1, "mode")


class Net:
    """Ports on switches; a flow per port, and the members of each switch's flood group."""

    def __init__(self) -> None:
        engine = self.engine = Engine()
        self.ports = engine.table("port", Port)
        self.switches = engine.table("switch", Switch)
        self.switch_by_name = engine.index("switch_by_name", self.switches, lambda s: [s.name])
        self.mode = engine.memo(self._mode)
        self.flows = engine.derive("flows", self.ports, self._flows)
        self.macs = engine.fold(
            "macs",
            self.ports,
            lambda p: [(p.switch, p.mac)],
            empty=set,
            add=lambda s, m: s | {m},
            take=lambda s, m: s - {m},
            view=frozenset,
        )
        self.floods = engine.derive("floods", self.switches, self._floods)

    def _mode(self, name: str) -> str:
        switch = self.switch_by_name.one(name)
        return "none" if switch is None else switch.mode.lower()

    def _flows(self, port: Port) -> Any:
        mode = self.mode(port.switch)
        if mode == "broken":
            raise ValueError("broken switch")
        yield (port.switch, port.mac, mode), "deliver"

    def _floods(self, switch: Switch) -> Any:
        yield (switch.name, self.macs.value(switch.name)), "flood"

    def port(self, name: str, switch: str = "s0", mac: str = "", up: bool = False) -> None:
        self.ports.put(name, (name, switch, mac or "m-" + name, up))

    def switch(self, name: str, mode: str = "X") -> None:
        self.switches.put(name, (name, mode))


@pytest.fixture
def net() -> Net:
    net = Net()
    net.switch("s0")
    for name in "abc":
        net.port(name)
    net.engine.settle()
    return net


def test_a_column_that_nobody_reads_runs_nothing(net: Net) -> None:
    with net.engine.recording() as ran:
        net.port("a", up=True)
        net.engine.settle()
    assert ran == []


def test_a_change_runs_only_what_read_it(net: Net) -> None:
    with net.engine.recording() as ran:
        net.port("a", mac="m-new")
        net.engine.settle()
    assert [name for name, _ in ran] == ["flows", "floods"]
    assert ("s0", "m-new", "x") in net.flows
    assert ("s0", "m-a", "x") not in net.flows


def test_an_equal_result_stops_the_wave(net: Net) -> None:
    with net.engine.recording() as ran:
        net.switch("s0", "x")  # the memo lowers it: equal to "X"
        net.engine.settle()
    assert [name for name, _ in ran] == ["_mode"]


def test_a_lookup_that_found_nothing_is_a_read(net: Net) -> None:
    net.port("d", switch="s1")
    net.engine.settle()
    assert ("s1", "m-d", "none") in net.flows
    net.switch("s1")
    net.engine.settle()
    assert ("s1", "m-d", "x") in net.flows


def test_a_removed_owner_never_runs_again(net: Net) -> None:
    with net.engine.recording() as ran:
        net.port("a", mac="m-late")
        net.ports.delete("a")
        net.engine.settle()
    assert [name for name, _ in ran] == ["floods"]
    assert all(mac != "m-a" for _, mac, _ in net.flows.elements())


def test_two_owners_of_one_item(net: Net) -> None:
    net.port("a", mac="same")
    net.port("b", mac="same")
    net.engine.settle()
    assert len(net.flows.why(("s0", "same", "x"))) == 2
    net.ports.delete("a")
    net.engine.settle()
    assert [r.owner.key for r in net.flows.why(("s0", "same", "x"))] == ["b"]
    net.ports.delete("b")
    net.engine.settle()
    assert net.flows.why(("s0", "same", "x")) == []


def test_a_failure_is_remembered_and_heals(net: Net) -> None:
    net.switch("s0", "BROKEN")
    net.engine.settle()
    assert len(net.flows) == 0
    assert {str(e) for e in net.engine.failures.values()} == {"broken switch"}
    with net.engine.recording() as ran:
        net.port("a", up=True)
        net.engine.settle()
    assert ran == []
    net.switch("s0", "fine")
    net.engine.settle()
    assert net.engine.failures == {}
    assert len(net.flows) == 3


def test_a_failed_memo_fails_its_reader_and_the_root_is_told() -> None:
    engine = Engine()
    switches = engine.table("switch", Switch)

    def boom(switch: Switch) -> int:
        return 1 // len(switch.mode)

    memo = engine.memo(boom)
    out = engine.derive("out", switches, lambda s: [(memo(s), "why")])
    switches.put(1, ("s", ""))
    engine.settle()
    assert len(out) == 0
    assert [type(e) for e in engine.failures.values()] == [ZeroDivisionError, UpstreamError]
    assert [node.family.name for node in engine.root_failures()] == ["boom"]


def test_a_cycle_names_its_keys() -> None:
    engine = Engine()
    table = engine.table("switch", Switch)

    def chase(name: str) -> Any:
        switch: Any = by_name.one(name)
        return switch.mode and memo(switch.mode)

    by_name = engine.index("by_name", table, lambda s: [s.name])
    memo = engine.memo(chase)
    out = engine.derive("out", table, lambda s: [(memo(s.name), "why")])
    table.put(1, ("a", "b"))
    table.put(2, ("b", "a"))
    engine.settle()
    assert len(out) == 0
    roots = [e for e in engine.root_failures().values() if isinstance(e, CycleError)]
    assert roots
    assert "chase(('a',)) -> chase(('b',)) -> chase(('a',))" in str(roots[0])
    table.put(2, ("b", ""))
    engine.settle()
    assert engine.failures == {}
    assert len(out) == 1


def test_a_relation_that_needs_itself_is_a_cycle() -> None:
    engine = Engine()
    table = engine.table("switch", Switch)
    holder: list[Any] = []
    out = engine.derive("out", table, lambda s: [((s.name, len(holder[0].all(1))), "why")])
    holder.append(engine.index("back", out, lambda item: [item[1]]))
    table.put(1, ("a", "b"))
    engine.settle()
    (error,) = engine.root_failures().values()
    assert isinstance(error, CycleError)
    assert "out" in str(error)


def test_nothing_is_read_inside_a_batch(net: Net) -> None:
    with net.engine.batch():
        net.port("z")
        with pytest.raises(RuntimeError, match="half-updated"):
            net.engine.settle()


def test_a_derivation_must_not_change_inputs(net: Net) -> None:
    def bad(switch: Switch) -> Any:
        net.port("sneaky")
        yield switch.name, "why"

    net.engine.derive("bad", net.switches, bad)
    net.engine.settle()
    assert any("derivations only read" in str(e) for e in net.engine.failures.values())


def test_a_key_function_reads_its_element_only() -> None:
    net = Net()
    net.engine.index("bad", net.ports, lambda p: [net.mode(p.switch)])
    with pytest.raises(RuntimeError, match="reads more than"):
        net.port("a")


def test_a_memo_that_nobody_reads_is_forgotten(net: Net) -> None:
    assert len(net.mode) == 1
    for name in "abc":
        net.ports.delete(name)
    net.engine.settle()
    assert len(net.mode) == 0


def test_a_large_group_costs_one_addition() -> None:
    engine = Engine()
    ports = engine.table("port", Port)
    added: list[str] = []

    def add(count: int, mac: str) -> int:
        added.append(mac)
        return count + 1

    count = engine.fold(
        "count", ports, lambda p: [(p.switch, p.mac)], empty=int, add=add, take=lambda n, _m: n - 1
    )
    flows = engine.derive("flows", ports, lambda p: [((p.switch, p.mac), "l2")])
    for i in range(10_000):
        ports.put(i, (f"p{i}", "s0", f"m{i}", False))
    engine.settle()
    added.clear()
    with engine.recording() as ran:
        ports.put("new", ("new", "s0", "m-new", False))
        engine.settle()
    assert [name for name, _ in ran] == ["flows"]
    assert added == ["m-new"]
    assert count.value("s0") == 10_001
    assert len(flows) == 10_001


def test_a_chain_that_is_too_deep_fails_alone() -> None:
    engine = Engine()
    table = engine.table("switch", Switch)
    by_name = engine.index("by_name", table, lambda s: [s.name])

    def depth(name: str) -> Any:
        switch: Any = by_name.one(name)
        return (1 + memo(switch.mode)) if switch.mode else len(switch.name)

    memo = engine.memo(depth)
    for n in range(2_000):  # each is one step from what is known
        table.put(n, (str(n), str(n - 1) if n else ""))
        assert memo(str(n)) == n + 1
    out = engine.derive(
        "out", table, lambda s: [((s.name, memo(s.name)), "why")] if s.name in {"3", "1999"} else []
    )
    engine.settle()
    assert set(out.elements()) == {("3", 4), ("1999", 2_000)}
    with engine.batch():
        table.put(0, ("0", "none"))
        table.put("none", ("none", ""))
    engine.settle()
    assert ("3", 8) in out
    assert any(isinstance(error, RecursionError) for error in engine.failures.values())


class Sited(Record):
    __slots__ = ()
    kind = column(0, "kind")
    place = column(1, "place")


def test_an_index_of_selected_records_follows_their_columns() -> None:
    """Found by a random history: a port that went to another router was still filed at the first."""
    engine = Engine()
    table = engine.table("port", Sited)
    chosen = engine.derive("chosen", table, lambda p: [(p, "why")] if p.kind else [])
    again = engine.derive("again", chosen, lambda p: [(p, "why")])
    at = engine.index("at", again, lambda p: [p.place])
    ask = engine.memo(lambda place: [p.key for p in at.all(place)])
    table.put(1, (True, "a"))
    table.put(2, (False, "a"))
    engine.settle()
    assert (ask("a"), ask("b")) == ([1], [])
    table.put(1, (True, "b"))
    engine.settle()
    assert (ask("a"), ask("b")) == ([], [1])
    table.put(2, (True, "b"))
    table.put(1, (False, "a"))
    engine.settle()
    assert (ask("a"), ask("b")) == ([], [2])
