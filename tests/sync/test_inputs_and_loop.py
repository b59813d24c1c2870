"""A replica's changes become inputs; bursts become one step."""

from __future__ import annotations

from pyovn.incremental import Engine
from pyovn.ovsdb.replica import Change
from pyovn.ovsdb.values import UUID
from pyovn.schemas.columns import Row, many, scalar, string
from pyovn.sim.virtual import VirtualRuntime
from pyovn.sync.inputs import Inputs, wanted_columns
from pyovn.sync.loop import LONGEST_PAUSE, Loop


class Net(Row, table="Net", root=True):
    name = scalar(string())
    tags = many(string())


ONE, TWO = (UUID(f"{n:08x}-0000-4000-8000-000000000000") for n in (1, 2))


def test_changes_become_records() -> None:
    engine = Engine()
    inputs = Inputs(engine, "db", [Net])
    nets = inputs.table(Net)
    names = engine.derive("names", nets, lambda n: [(n.name, "its name")])
    assert wanted_columns([Net]) == {"Net": ("name", "tags")}
    row = ("a", frozenset[str]())
    inputs.apply([Change("Net", ONE, None, row), Change("Other", TWO, None, ())])
    engine.settle()
    assert set(names.elements()) == {"a"}
    record = nets.peek(ONE)
    assert record is not None
    assert record.values is row
    with engine.recording() as ran:
        inputs.apply([Change("Net", ONE, row, ("a", frozenset("t")))])
        engine.settle()
    assert ran == []
    inputs.apply([Change("Net", ONE, None, None), Change("Net", TWO, None, ("b", frozenset()))])
    engine.settle()
    assert set(names.elements()) == {"b"}
    inputs.clear()
    engine.settle()
    assert set(names.elements()) == set()


class Steps:
    def __init__(self) -> None:
        self.runtime = VirtualRuntime()
        self.times: list[float] = []
        self.fails = False
        self.loop = Loop(self.runtime, self.step)
        self.begin = self.runtime.now()

    def step(self) -> None:
        self.times.append(self.runtime.now() - self.begin)
        if self.fails:
            self.loop.retry()
        else:
            self.loop.succeeded()


def test_a_burst_is_one_step() -> None:
    steps = Steps()
    for _ in range(3):
        steps.loop.wake()
    assert steps.times == []
    steps.runtime.settle()
    assert len(steps.times) == steps.loop.runs == 1


def test_pauses_grow_up_to_a_limit_and_begin_anew_after_a_success() -> None:
    steps = Steps()
    steps.fails = True
    steps.loop.wake()
    steps.runtime.advance(100)
    pauses = [after - before for before, after in zip(steps.times, steps.times[1:], strict=False)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE
    steps.fails = False
    steps.runtime.advance(20)
    steps.fails = True
    count = len(steps.times)
    steps.loop.wake()
    steps.runtime.advance(0.6)
    assert len(steps.times) == count + 2


def test_news_do_not_wait_for_the_pause() -> None:
    steps = Steps()
    steps.fails = True
    steps.loop.wake()
    steps.runtime.settle()
    steps.loop.wake()
    steps.runtime.settle()
    assert len(steps.times) == 2


def test_after_stop_nothing_runs() -> None:
    steps = Steps()
    steps.fails = True
    steps.loop.wake()
    steps.runtime.settle()
    steps.loop.wake()
    steps.loop.stop()
    steps.loop.wake()
    steps.runtime.advance(100)
    assert len(steps.times) == 1
