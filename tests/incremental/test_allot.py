"""Allotted numbers: unique, in range, stable, adopted, reused last."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.incremental import Allotment, Engine, Record, column


class Owner(Record):
    __slots__ = ()
    pool = column(0, "pool")
    wanted = column(1, "wanted")


def build(high: int = 4) -> tuple[Engine, Allotment[Owner, str]]:
    engine = Engine()
    table = engine.table("owner", Owner)
    keys = engine.allot("keys", table, lambda o: [(o.pool, (o.key, o.wanted))], lambda _pool: (1, high))
    return engine, keys


def put(engine: Engine, owner: str, wanted: int | None = None, pool: str = "p") -> None:
    engine.families[0].put(owner, (pool, wanted))  # type: ignore[attr-defined]  # the owner table


def delete(engine: Engine, owner: str) -> None:
    engine.families[0].delete(owner)  # type: ignore[attr-defined]  # the owner table


def test_numbers_are_given_in_order_and_freed_ones_last() -> None:
    engine, keys = build()
    put(engine, "a")
    put(engine, "b")
    engine.settle()
    assert [keys.peek("p", o) for o in "ab"] == [1, 2]
    delete(engine, "a")
    engine.settle()
    for owner in "cde":
        put(engine, owner)
    engine.settle()
    assert [keys.peek("p", o) for o in "bcde"] == [2, 3, 4, 1]


def test_an_exhausted_pool_is_a_conflict_that_heals() -> None:
    engine, keys = build(high=1)
    put(engine, "a")
    put(engine, "b")
    engine.settle()
    assert keys.conflicts() == [("p", "b", None)]
    delete(engine, "a")
    engine.settle()
    assert keys.conflicts() == []
    assert keys.peek("p", "b") == 1


def test_a_number_asked_for_moves_who_did_not_ask() -> None:
    engine, keys = build()
    put(engine, "a")
    engine.settle()
    put(engine, "b", wanted=1)
    engine.settle()
    assert keys.peek("p", "b") == 1
    assert keys.peek("p", "a") == 2


def test_two_that_ask_for_one_number() -> None:
    engine, keys = build()
    put(engine, "a", wanted=3)
    put(engine, "b", wanted=3)
    engine.settle()
    assert keys.peek("p", "a") == 3
    assert keys.peek("p", "b") == 1
    assert keys.conflicts() == [("p", "b", 3)]
    delete(engine, "a")
    engine.settle()
    assert keys.peek("p", "b") == 3
    assert keys.conflicts() == []


def test_adopted_numbers_stay_and_those_without_owner_are_freed() -> None:
    engine, keys = build()
    assert keys.adopt("p", "a", 3)
    assert keys.adopt("p", "gone", 1)
    assert not keys.adopt("p", "b", 3)
    put(engine, "a")
    put(engine, "b")
    engine.settle()
    assert keys.peek("p", "a") == 3
    assert keys.peek("p", "b") == 4  # 1 and 2 may have been freed just before the start


def test_a_reader_runs_again_when_its_owner_gets_another_number() -> None:
    engine, keys = build()
    table: Any = engine.families[0]
    out: Any = engine.derive("out", table, lambda o: [((o.key, keys.number("p", o.key)), "key")])
    put(engine, "a")
    engine.settle()
    put(engine, "b", wanted=1)
    with engine.recording() as ran:
        engine.settle()
    assert set(out.elements()) == {("a", 2), ("b", 1)}
    assert len(ran) == 2


changes = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from(["put", "delete", "settle"]),
        st.sampled_from([None, 1, 2, 5]),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=200)
@given(changes)
def test_unique_in_range_and_stable(history: list[tuple[str, str, int | None]]) -> None:
    engine, keys = build(high=6)
    alive: dict[str, int | None] = {}
    before: dict[str, int | None] = {}
    for owner, verb, wanted in [*history, ("a", "settle", None)]:
        if verb == "put":
            alive[owner] = wanted
            put(engine, owner, wanted)
        elif verb == "delete" and owner in alive:
            del alive[owner]
            before.pop(owner, None)
            delete(engine, owner)
        elif verb == "settle":
            engine.settle()
            numbers = {o: keys.peek("p", o) for o in alive}
            held = [n for n in numbers.values() if n is not None]
            assert len(held) == len(set(held))
            assert all(1 <= n <= 6 for n in held)
            for o, n in numbers.items():
                assert n is not None
                assert (alive[o] not in {None, n}) == any(c[1] == o for c in keys.conflicts())
                if alive[o] not in {None, n}:
                    assert alive[o] in [numbers[p] for p in alive if p != o and alive[p] == alive[o]]
                elif before.get(o) is not None and alive[o] is None and n != before[o]:
                    assert before[o] in [w for w in alive.values() if w is not None]
            before = dict(numbers)


def test_a_number_freed_after_a_restart_is_reused_last() -> None:
    engine, keys = build()
    for number, owner in enumerate("ab", start=1):
        keys.adopt("p", owner, number)
        put(engine, owner)
    engine.settle()
    delete(engine, "b")
    engine.settle()
    for owner in "cde":
        put(engine, owner)
    engine.settle()
    assert [keys.peek("p", o) for o in "acde"] == [1, 3, 4, 2]


def test_an_owner_that_is_there_twice_has_one_number() -> None:
    engine, keys = build()
    assert keys.adopt("p", "a", 1)
    assert not keys.adopt("p", "a", 2)
    for owner in "abcd":
        put(engine, owner)
    engine.settle()
    assert keys.conflicts() == []


def test_no_number_is_lost_while_the_range_is_smaller() -> None:
    """Found by a random history: every number had been given out once before the range shrank."""
    last = [4]
    engine = Engine()
    table = engine.table("owner", Owner)
    keys = engine.allot("keys", table, lambda o: [(o.pool, (o.key, o.wanted))], lambda _pool: (1, last[0]))
    for owner in "abcd":
        put(engine, owner)
    engine.settle()
    delete(engine, "d")
    delete(engine, "c")
    engine.settle()
    put(engine, "e")
    engine.settle()
    assert keys.peek("p", "e") == 4, "it was freed first"
    for high in (1, 4):
        last[0] = high
        keys.respan()
        engine.settle()
        assert [keys.peek("p", o) for o in "ab"] == [1, None if high == 1 else 3]
    assert keys.peek("p", "e") == 2
    put(engine, "f")
    engine.settle()
    assert keys.peek("p", "f") == 4
    assert keys.conflicts() == []
