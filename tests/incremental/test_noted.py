from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyovn.incremental import Noted

KEYS = st.sampled_from("abc")


def test_what_was_touched_is_told_once() -> None:
    noted: Noted[str, int] = Noted()
    noted["a"] = 1
    noted["b"] = 2
    assert noted.pop("c", None) is None
    assert noted.take_touched() == ["a", "b"]
    assert noted.take_touched() == []
    del noted["a"]
    assert noted.pop("b") == 2
    assert noted.take_touched() == ["a", "b"]
    noted["c"] = 1
    noted.clear()
    assert (noted.take_touched(), noted) == (["c"], {})


@pytest.mark.parametrize("way", ["update", "setdefault", "popitem", "__ior__"])
def test_what_would_go_unnoted_is_refused(way: str) -> None:
    with pytest.raises(TypeError, match="not noted"):
        getattr(Noted(), way)({"a": 1})


@given(st.lists(st.tuples(KEYS, st.sampled_from(["set", "pop", "look"]), st.integers(0, 2))))
def test_no_change_goes_unnoted(history: list[tuple[str, str, int]]) -> None:
    noted: Noted[str, int] = Noted()
    seen: dict[str, int] = {}
    for key, what, value in history:
        if what == "set":
            noted[key] = value
        elif what == "pop":
            noted.pop(key, None)
        else:
            for touched in noted.take_touched():
                seen.pop(touched, None)
                if touched in noted:
                    seen[touched] = noted[touched]
            assert seen == noted
