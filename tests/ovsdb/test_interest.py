"""Who is told of a change does not depend on how conditions are looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine_kit import delete, insert, make, run, update
from hypothesis import given
from hypothesis import strategies as st

from pyovn.ovsdb.monitors import Monitors
from pyovn.ovsdb.snapshots import Contents
from pyovn.ovsdb.views import View, parse_view
from pyovn.wire.jsontext import decode

if TYPE_CHECKING:
    from pyovn.ovsdb.values import UUID

NUMBERS = st.integers(0, 3)
SETS = st.lists(NUMBERS, max_size=3, unique=True).map(lambda members: ["set", members])
OPTIONAL = st.lists(NUMBERS, max_size=1).map(lambda members: ["set", members])
OF_SETS = ["==", "!=", "includes", "excludes"]
CLAUSES = st.one_of(
    st.tuples(st.just("i"), st.sampled_from(["==", "!=", "includes", "excludes", "<", ">="]), NUMBERS),
    st.tuples(st.just("oi"), st.sampled_from(OF_SETS), OPTIONAL),
    st.tuples(st.just("si"), st.sampled_from(OF_SETS), SETS),
    st.booleans(),
).map(lambda clause: list(clause) if isinstance(clause, tuple) else clause)
ROWS = st.fixed_dictionaries({"i": NUMBERS, "oi": OPTIONAL, "si": SETS})


@given(st.lists(st.lists(CLAUSES, max_size=3), max_size=4), st.lists(ROWS, min_size=1, max_size=6))
def test_every_view_that_shows_a_change_is_found(conditions: list[list[Any]], rows: list[Any]) -> None:
    database = make()
    told: list[tuple[int, Any]] = []
    monitors = Monitors(database)
    apart: list[View] = []
    for number, where in enumerate(conditions):
        request = {"Plain": [{"columns": ["i", "si"], "where": where}]}

        def tell(data: bytes, number: int = number) -> None:
            told.append((number, decode(data)["params"][1]))

        monitors.add(tell, number, 2, request)
        apart.append(parse_view(database, request, {}, differences=True))
    for row in rows:
        _same(told, apart, database.transact([insert("Plain", None, **row)]))
    names = list(database.tables["Plain"].rows)
    for name, row in zip(names, reversed(rows), strict=True):
        _same(told, apart, database.transact([update("Plain", ["_uuid", "==", ["uuid", str(name)]], **row)]))
    inserted = [insert("Plain", None, **row) for row in rows]
    _same(told, apart, database.transact([update("Plain", i=2), *inserted, *_deletions(names[::2])]))
    for name in names[1::2]:
        _same(told, apart, database.transact(_deletions([name])))


@given(st.lists(st.lists(CLAUSES, max_size=3), min_size=1, max_size=6), st.data())
def test_views_come_and_go_in_any_order(conditions: list[list[Any]], data: st.DataObject) -> None:
    database = make()
    monitors = Monitors(database)
    told: list[int] = []
    watching = {
        number: monitors.add(
            lambda _data, number=number: told.append(number),  # type: ignore[misc]  # a default binds it
            number,
            2,
            {"Plain": [{"columns": ["i"], "where": where}]},
        )
        for number, where in enumerate(conditions)
    }
    for number in data.draw(st.permutations(list(watching))):
        if data.draw(st.booleans()):
            monitors.change_conditions(watching[number], number, {"Plain": [{"where": [False]}]})
        monitors.remove(watching.pop(number))
        told.clear()
        run(database, insert("Plain", None, i=1, si=["set", [1, 2]]))
        assert set(told) <= set(watching)
    assert not told


def _deletions(names: list[UUID]) -> list[Any]:
    return [delete("Plain", ["_uuid", "==", ["uuid", str(name)]]) for name in names]


def _same(told: list[tuple[int, Any]], apart: list[View], outcome: Any) -> None:
    assert outcome.error is None
    texts = [(number, view.changes(outcome.changes)) for number, view in enumerate(apart)]
    assert sorted(told, key=lambda one: one[0]) == [(n, decode(text)) for n, text in texts if text]
    told.clear()


def test_a_text_is_kept_until_its_table_changes() -> None:
    database = make()
    for number in range(200):
        run(database, insert("Plain", number, name="x" * 50))
    contents = Contents()
    view = parse_view(database, {"Plain": {"columns": ["name"]}}, {}, differences=True)
    [shown] = view.by_table.values()
    text = contents.of(shown)
    assert contents.of(shown) is text
    contents.changed(database.transact([insert("Pair", a=1)]).changes)
    assert contents.of(shown) is text
    contents.changed(database.transact([insert("Plain", name="new")]).changes)
    assert b"new" in contents.of(shown)
    assert decode(b"".join(view.initial(contents.of))) == decode(b"".join(view.initial()))


def test_a_view_that_asks_for_nothing_may_go_last() -> None:
    monitors = Monitors(make())
    requests = [{"Plain": [{"columns": ["i"], "where": where}]} for where in ([False], [["i", "==", 1]])]
    nothing, something = [monitors.add(lambda _data: None, n, 2, r) for n, r in enumerate(requests)]
    monitors.remove(something)
    monitors.remove(nothing)
