"""The audit in ovn-northd: it finds nothing after any history, and repairs what memory lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from history_draws import histories
from history_plans import Plan, play
from hypothesis import given, settings
from northd_kit import World, mac

from pyovn.northd import l2_lookup

if TYPE_CHECKING:
    import pytest
    from history_kit import State


@settings(deadline=None, max_examples=8)
@given(histories(most=3))
def test_after_any_history_it_finds_nothing(history: list[State]) -> None:
    world = play(history, Plan(), 0)
    del world.daemon.sent[:]
    looked, found = world.northd.auditor.run().splitlines()
    assert int(looked.split()[0]) >= 10
    assert found.startswith("0 differences found")
    assert world.daemon.sent == []


def test_what_is_wrong_is_told_and_repaired(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivation depends on something that the engine does not see: a function that is replaced."""
    world.add_switch("s1", {"name": "p1", "addresses": {mac(1)}})
    before = world.southbound()
    with monkeypatch.context() as patch:
        patch.setattr(l2_lookup, "is_enabled", lambda _port: False)
        world.northd.auditor.run()
        world.runtime.settle()
        assert world.southbound() != before
    world.northd.auditor.run()
    world.runtime.settle()
    assert world.southbound() == before
    found = [line for line in world.log if line.startswith("err: audit: l2_lookup_ports(")]
    assert len(found) == 2
    assert "eth.dst == 00:00:00:00:00:01" in found[0]
    assert world.northd.auditor.run().splitlines()[1].startswith("2 differences found, 0 of them")
