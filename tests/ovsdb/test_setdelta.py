from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyovn.ovsdb.datum import map_difference, map_patched, set_difference, set_patched
from pyovn.ovsdb.setdelta import delta, forget
from pyovn.ovsdb.values import FrozenMap

SETS = st.frozensets(st.integers(0, 200), max_size=120)
MAPS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3)).map(FrozenMap)


@given(SETS, SETS)
def test_a_delta_is_what_was_added_and_removed_remembered_or_not(
    old: frozenset[int], new: frozenset[int]
) -> None:
    for _again in range(2):
        assert delta(old, new) == (new - old, old - new)
    forget()
    assert set_difference(old, new) == old ^ new
    assert set_patched(old, set_difference(old, new)) == new


@given(MAPS, MAPS)
def test_a_map_difference_leads_from_the_old_to_the_new_map(
    old: FrozenMap[str, int], new: FrozenMap[str, int]
) -> None:
    difference = map_difference(old, new)
    assert map_patched(old, difference) == new
    assert (not difference) == (old == new)
