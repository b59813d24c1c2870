"""What is recorded, when it may be read, and what it costs: the part of the contract about reads."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from pyovn.incremental import Engine, Record, column


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
    """A flow per port that depends on the switch's mode; a class of switches; a flood group."""

    def __init__(self, ports: int = 0) -> None:
        engine = self.engine = Engine()
        self.ports = engine.table("port", Port)
        self.switches = engine.table("switch", Switch)
        self.switch_by_name = engine.index("switch_by_name", self.switches, lambda s: [s.name])
        self.ports_of = engine.index("ports_of", self.ports, lambda p: [p.switch])
        self.flows = engine.derive("flows", self.ports, self._flows)
        self.groups = engine.derive("groups", self.ports, lambda p: [(p.switch, "flood")])
        self.members = engine.derive("members", self.ports, lambda p: [((p.switch, p.name), "member")])
        self.listing = engine.derive("listing", self.switches, self._listing)
        self.switches.put("s0", ("s0", "x"))
        with engine.batch():
            for n in range(ports):
                self.put(n)
        engine.settle()

    def put(self, n: int, switch: str = "s0", *, up: bool = False) -> None:
        self.ports.put(n, (f"p{n}", switch, f"m{n}", up))

    def _flows(self, port: Port) -> Any:
        switch = self.switch_by_name.one(port.switch)
        if switch is not None and switch.mode != "off":
            yield (port.switch, port.mac), "deliver"

    def _listing(self, switch: Switch) -> Any:
        if switch.mode == "list":
            yield (switch.name, tuple(p.name for p in self.ports_of.all(switch.name))), "all of them"


def test_ten_thousand_ports_and_one_more() -> None:
    net = Net(10_000)
    with net.engine.recording() as ran:
        net.put(10_000)
        net.engine.settle()
    assert [name for name, _ in ran] == ["flows", "groups", "members"]
    assert all(record.key == 10_000 for _, record in ran)
    assert len(net.flows) == 10_001
    with net.engine.recording() as ran:
        net.ports.delete(5_000)
        net.engine.settle()
    assert ran == []
    assert len(net.flows) == 10_000
    assert set(net.groups.elements()) == {"s0"}


def test_a_group_of_ten_thousand_goes_in_linear_time() -> None:
    """Each departure from an item that many yield costs the same, or this would take minutes."""
    net = Net(10_000)
    with net.engine.batch():
        for n in range(10_000):
            net.ports.delete(n)
    net.engine.settle()
    assert len(net.groups) == 0
    assert len(net.members) == 0


def test_only_what_was_read_is_recorded() -> None:
    net = Net(2)
    (node,) = (n for n in net.flows.derivations() if n.key.key == 1)
    read = {source for source in node.sources if isinstance(source, Record)}
    assert read == {net.ports.peek(1), net.switches.peek("s0")}
    port: Any = net.ports.peek(1)
    assert port.readers[node] == 0b110  # switch and mac
    with net.engine.recording() as ran:
        net.put(1, up=True)
        net.engine.settle()
    assert ran == []


def test_an_index_is_read_by_key() -> None:
    net = Net(2)
    net.switches.put("s1", ("s1", "list"))
    net.engine.settle()
    assert set(net.listing.elements()) == {("s1", ())}
    with net.engine.recording() as ran:
        net.put(7, "s2")
        net.engine.settle()
    assert "listing" not in [name for name, _ in ran]
    with net.engine.recording() as ran:
        net.put(8, "s1")
        net.engine.settle()
    assert [name for name, _ in ran].count("listing") == 1
    assert set(net.listing.elements()) == {("s1", ("p8",))}


def test_the_order_of_an_index_is_no_history() -> None:
    nets = [Net(), Net()]
    for net, numbers in zip(nets, ([3, 1, 2], [1, 2, 3]), strict=True):
        for n in numbers:
            net.put(n)
        net.engine.settle()
    assert [p.key for p in nets[0].ports_of.all("s0")] == [p.key for p in nets[1].ports_of.all("s0")]
    assert [getattr(net.ports_of.one("s0"), "key", None) for net in nets] == [1, 1]


def test_reading_inside_a_batch_is_refused_only_where_it_would_be_half_updated() -> None:
    net = Net(1)
    with net.engine.batch():
        assert net.switch_by_name.one("s0") is not None  # nothing has changed yet
        net.put(1)
        for read in (lambda: net.switch_by_name.one("s0"), lambda: list(net.flows), net.engine.settle):
            with pytest.raises(RuntimeError, match="half-updated"):
                read()
    assert len(list(net.flows)) == 2
    with net.engine.batch(), pytest.raises(RuntimeError, match="open already"), net.engine.batch():
        pass


def test_delete_and_insert_under_one_key_in_one_batch() -> None:
    net = Net(3)
    old = net.ports.peek(1)
    with net.engine.batch():
        net.ports.delete(1)
        net.put(1)
    with net.engine.recording() as ran:
        net.engine.settle()
    assert net.ports.peek(1) is not old
    assert [name for name, _ in ran] == ["flows", "groups", "members"]
    assert len(net.flows) == 3
    assert [reason.owner for reason in net.flows.why(("s0", "m1"))] == [net.ports.peek(1)]
    assert all(source is not old for node in net.flows.derivations() for source in node.sources)


def test_provenance_may_be_asked_for_between_a_change_and_the_pass() -> None:
    net = Net(1)
    net.ports.delete(0)
    assert net.flows.why(("s0", "m0")) == []
    net.engine.settle()


def test_keys_that_were_asked_for_once_are_forgotten() -> None:
    net = Net()
    for n in range(3_000):
        net.put(0, f"s{n}")
        net.engine.settle()
    assert len(net.switch_by_name._asked) <= 1025


def test_a_derivation_and_its_reads_fit_the_budget() -> None:
    """A port has three derivations here, with 9 reads; all of it in 3 KB, rows and items included."""
    Net(10)
    tracemalloc.start()
    net = Net(2_000)
    used, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(net.flows) == 2_000
    assert used / 2_000 < 3_000
