from __future__ import annotations

import pytest

from pyovn.ovsdb.reconnect import Action, Reconnect


def attempts(machine: Reconnect, count: int, now: float = 0.0) -> list[tuple[float, str]]:
    """When and to whom ``machine`` connects, if every attempt fails at once."""
    seen = []
    for _ in range(count):
        deadline = machine.deadline()
        assert deadline is not None
        now = max(now, deadline)
        assert machine.run(now) is Action.CONNECT
        seen.append((now, machine.remote))
        machine.lost(now)
    return seen


def test_rounds_and_their_delays() -> None:
    machine = Reconnect(["a", "b"])
    machine.start(0)
    assert attempts(machine, 9) == [
        (0, "a"), (0, "b"), (1, "a"), (1, "b"), (3, "a"), (3, "b"), (7, "a"), (7, "b"), (15, "a"),
    ]  # fmt: skip


def test_a_good_connection_makes_the_next_attempt_immediate() -> None:
    machine = Reconnect(["a"])
    machine.start(0)
    attempts(machine, 5)
    now = machine.deadline()
    assert now is not None
    machine.run(now)
    machine.connected(now)
    machine.serving(now)
    machine.lost(now + 2)
    assert attempts(machine, 3, now + 2) == [(now + 2, "a"), (now + 3, "a"), (now + 5, "a")]


@pytest.mark.parametrize("served", [True, False])
def test_a_short_or_useless_connection_does_not(served: bool) -> None:
    machine = Reconnect(["a"])
    machine.start(0)
    attempts(machine, 1)
    assert machine.run(1) is Action.CONNECT
    machine.connected(1)
    if served:
        machine.serving(1)
    machine.lost(1.5)
    assert machine.deadline() == 3.5


def test_probing() -> None:
    machine = Reconnect(["a"], probe_interval=10)
    machine.start(0)
    machine.run(0)
    machine.connected(0)
    machine.received(4)
    assert machine.run(10) is Action.NOTHING
    assert machine.run(14) is Action.PROBE
    machine.received(15)
    assert machine.run(24) is Action.NOTHING
    assert machine.run(25) is Action.PROBE
    assert machine.run(34) is Action.NOTHING
    assert machine.run(35) is Action.GIVE_UP
    assert "no response to inactivity probe after 10 seconds" in machine.describe()
    machine.probe_interval = 0
    assert machine.deadline() is None


def test_an_attempt_may_take_only_so_long() -> None:
    machine = Reconnect(["a"])
    machine.start(0)
    machine.run(0)
    assert machine.run(4.9) is Action.NOTHING
    assert machine.run(5) is Action.GIVE_UP
    assert machine.describe() == "connection attempt timed out"
    machine.stop()
    machine.lost(6)
    assert machine.deadline() is None


def test_without_remotes() -> None:
    with pytest.raises(ValueError, match="remote"):
        Reconnect([])
