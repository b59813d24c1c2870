"""Pace: passes come at once while they are short, and together when they are long."""

from __future__ import annotations

from pyovn.compat2015.pace import LONGEST, REST, Pace
from pyovn.sim.virtual import VirtualRuntime


def test_a_long_pass_is_followed_by_a_rest() -> None:
    runtime = VirtualRuntime(seed=1)
    woken: list[float] = []
    pace = Pace(runtime, lambda: woken.append(runtime.now()))
    start = runtime.now()
    pace.wake()
    assert len(woken) == 1, "at once"
    pace.begin()
    runtime.advance(0.1)
    pace.end()
    pace.wake()
    pace.wake()
    assert len(woken) == 1
    runtime.advance(REST * 0.1 - 0.01)
    assert len(woken) == 1
    runtime.advance(0.02)
    assert len(woken) == 2, "once for all that came meanwhile"
    assert woken[1] - start > REST * 0.1
    pace.wake()
    assert len(woken) == 3, "at once again"


def test_a_rest_has_an_end_and_a_stop() -> None:
    runtime = VirtualRuntime(seed=1)
    woken: list[float] = []
    pace = Pace(runtime, lambda: woken.append(runtime.now()))
    pace.begin()
    runtime.advance(1_000)
    pace.end()
    pace.wake()
    runtime.advance(LONGEST + 0.01)
    assert len(woken) == 1
    pace.begin()
    runtime.advance(1)
    pace.end()
    pace.wake()
    pace.stop()
    runtime.advance(LONGEST * 2)
    assert len(woken) == 1
