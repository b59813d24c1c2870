"""What ``--ct`` says of connections, and what a trace takes for given when nobody says anything."""

from __future__ import annotations

import pytest

from pyovn.explain.tracking import (
    CT_STATES,
    DEFAULT,
    TRACKED,
    World,
    contradictions,
    format_state,
    parse_state,
)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "trk"),
        ("new", "new|trk"),
        ("trk,est", "est|trk"),
        ("dnat est,snat", "est|trk|snat|dnat"),
        (",".join(CT_STATES), "|".join(CT_STATES)),
    ],
)
def test_flags_are_a_list_and_always_tracked(text: str, state: str) -> None:
    assert format_state(parse_state(text)) == state


def test_an_unknown_flag_is_named() -> None:
    with pytest.raises(ValueError, match=r"^foo: unknown connection tracking state flag$"):
        parse_state("new,foo")


@pytest.mark.parametrize(
    ("text", "count"),
    [("new", 0), ("inv", 0), ("new,est", 1), ("new,rpl", 1), ("inv,est", 1), ("new,est,rpl,inv", 3)],
)
def test_what_no_tracker_reports(text: str, count: int) -> None:
    assert len(contradictions(parse_state(text))) == count


def test_states_are_used_up_and_then_assumed() -> None:
    world = World(states=[TRACKED])
    assert world.next_state() == (TRACKED, "")
    state, remark = world.next_state()
    assert state == DEFAULT
    assert "--ct" in remark
