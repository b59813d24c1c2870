"""What breaks the engine's one rule is found, named, and run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyovn.incremental import Audit, Derived, Engine, Index, Memo, Record, Table, column

if TYPE_CHECKING:
    from collections.abc import Iterator


class Port(Record):
    __slots__ = ()
    name = column(0, "name")
    switch = column(1, "switch")


class Net:
    """Ports, their flows, and ``outside``: what a derivation has no business to read."""

    def __init__(self, count: int = 5) -> None:
        self.engine = Engine()
        self.outside: dict[str, str] = {}
        self.reads_more = False
        self.ports: Table[Port] = self.engine.table("ports", Port)
        self.by_switch: Index[Port, str] = self.engine.index(
            "by_switch", self.ports, lambda p: [self.outside.get("switch", p.switch)]
        )
        self.tag: Memo[[str], str] = self.engine.memo(self._tag)
        self.flows: Derived[Port, str] = self.engine.derive("flows", self.ports, self._flows)
        for number in range(count):
            self.ports.put(number, (f"p{number}", "s"))
        self.engine.settle()
        self.audit = Audit(self.engine)

    def _tag(self, name: str) -> str:
        return self.outside.get(f"tag of {name}", "untagged")

    def _flows(self, port: Port) -> Iterator[tuple[str, str]]:
        if port.name in self.outside:
            raise ValueError(self.outside[port.name])
        if self.reads_more:
            self.by_switch.one("another")
        yield f"{port.name} {self.tag(port.name)}", "a flow"

    def round(self) -> list[str]:
        """What one whole round finds."""
        rounds = self.audit.rounds
        while self.audit.rounds == rounds:
            if not self.audit.look(1_000):
                self.engine.settle()
        return sorted(f"{name}({key!r}): {wrong}" for (name, key), wrong in self.audit.findings.items())


def test_nothing_is_wrong_and_nothing_runs() -> None:
    net = Net()
    with net.engine.recording() as ran:
        assert net.round() == []
    assert ran == []
    assert net.audit.looked == 5 + 5 + 5  # flows, tags, places
    assert len(net.engine.orphans) == 0


def test_a_share_is_no_more_than_was_asked_for() -> None:
    net = Net(20)
    assert [net.audit.look(25) for _ in range(4)] == [25, 25, 10, 25]
    assert net.audit.rounds == 1


def test_a_memo_that_reads_the_world() -> None:
    net = Net()
    net.outside["tag of p3"] = "7"
    wrong = net.round()
    assert "_tag(('p3',)): 'untagged' is remembered, '7' is right" in wrong
    assert "p3 7" in net.flows
    assert "p3 untagged" not in net.flows
    assert net.round() == []


def test_a_derivation_that_fails_now() -> None:
    net = Net()
    net.outside["p1"] = "no more"
    assert net.round() == ["flows(<Port 1>): a new run fails: no more"]
    assert [str(error) for error in net.engine.failures.values()] == ["no more"]
    net.ports.delete(1)
    net.engine.settle()
    assert net.round() == []


def test_a_read_that_was_not_recorded() -> None:
    net = Net(1)
    net.reads_more = True
    (line,) = net.round()
    assert line.startswith("flows(<Port 0>): a new run reads 3 things, 2 are recorded")
    assert net.round() == []


def test_an_element_that_is_filed_at_the_wrong_place() -> None:
    net = Net(2)
    net.outside["switch"] = "elsewhere"
    assert len(net.round()) == 2
    assert len(net.by_switch.all("elsewhere")) == 2
    assert net.by_switch.all("s") == []
    assert net.round() == []


@pytest.mark.parametrize("gone", [True, False])
def test_an_audit_waits_for_the_pass(*, gone: bool) -> None:
    net = Net()
    if gone:
        net.ports.delete(0)
    else:
        net.ports.put(0, ("renamed", "s"))
    assert net.audit.look(1_000) == 0
    net.engine.settle()
    assert net.round() == []
