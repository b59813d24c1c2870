"""Random histories of the northbound, expanded mechanically: every way ends where a fresh northd begins.

What is drawn is in ``history_draws``, how one history becomes many in ``history_plans``, and what holds at
the end of each in ``history_ends``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from history_draws import histories
from history_ends import check, reference
from history_plans import PLANS, Plan, play
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from history_kit import State

ACCEPTANCE = os.environ.get("PYOVN_PROFILE") == "acceptance"


@settings(deadline=None, max_examples=400 if ACCEPTANCE else 10)
@given(
    histories(),
    st.lists(st.sampled_from(PLANS), min_size=3, max_size=3, unique=True),
    st.integers(0, (1 << 16) - 1),
)
def test_any_history_in_any_way_ends_like_a_fresh_start(
    history: list[State], plans: list[Plan], seed: int
) -> None:
    wanted = reference(history)
    for plan in plans:
        check(play(history, plan, seed), wanted, seed)
