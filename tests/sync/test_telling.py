from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyovn.incremental import Noted
from pyovn.sync.notices import Notices

CHANGES = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),
        st.sampled_from("abc"),
        st.sampled_from(["x", "y", "", None]),
        st.sampled_from(["", "news", "lines", "over"]),
    )
)


def build() -> tuple[Notices, list[Noted[str, str]]]:
    sources: list[Noted[str, str]] = [Noted(), Noted()]
    notices = Notices()
    watch(notices, sources)
    return notices, sources


def watch(notices: Notices, sources: list[Noted[str, str]]) -> None:
    for source in sources:
        notices.watch(source, lambda key, source=source: source[key] or None)  # type: ignore[misc]


def test_two_causes_of_one_line_are_told_once() -> None:
    notices, (first, second) = build()
    first["a"] = second["b"] = "x"
    assert notices.lines() == ["x"]
    assert notices.news() == (["x"], [])
    del first["a"]
    assert notices.news() == ([], [])
    del second["b"]
    assert notices.news() == ([], ["x"])
    assert notices.news() == ([], [])


def test_what_came_and_went_meanwhile_is_not_told() -> None:
    notices, (first, _second) = build()
    first["a"] = "x"
    assert notices.lines() == ["x"]
    del first["a"]
    assert notices.news() == ([], [])


@given(CHANGES)
def test_news_add_up_to_what_stands(changes: list[tuple[int, str, str | None, str]]) -> None:
    """``over``: all is declared anew, with new sources that say the same."""
    notices, sources = build()
    told: set[str] = set()
    for number, key, value, then in changes:
        if value is None:
            sources[number].pop(key, None)
        else:
            sources[number][key] = value
        if then == "over":
            notices.start_over()
            fresh: list[Noted[str, str]] = [Noted(), Noted()]
            for old, new in zip(sources, fresh, strict=True):
                for item in old.items():
                    new[item[0]] = item[1]
            sources = fresh
            watch(notices, sources)
        stands = {line for source in sources for line in source.values() if line}
        if then == "lines":
            assert set(notices.lines()) == stands
        elif then:
            came, went = notices.news()
            assert not told & set(came)
            assert set(went) <= told
            told = (told | set(came)) - set(went)
            assert told == stands
