"""Random transactions against a model that is as simple as can be: dictionaries, and full scans."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from engine_kit import delete, dump, insert, make, mutate, ref, refs, update, uuid
from hypothesis import given, settings
from hypothesis import strategies as st

Rows = dict[str, dict[str, Any]]
COUNT = 5
NUMBERS = st.integers(1, COUNT)
SETS = st.lists(NUMBERS, max_size=3, unique=True)


class ModelError(Exception):
    pass


class Model:
    """Tables Root (root set; kids strong, friends weak) and Kid (next strong, unique name)."""

    def __init__(self) -> None:
        self.roots: Rows = {}
        self.kids: Rows = {}

    def targets(self, name: str, row: dict[str, Any]) -> set[str]:
        return set(row["kids"]) | set(row["map"].values()) if name == "Root" else row["next"] - {row["uuid"]}

    def referred(self) -> set[str]:
        found: set[str] = set()
        for name, table in (("Root", self.roots), ("Kid", self.kids)):
            for row in table.values():
                found |= self.targets(name, row)
        return found

    def settle(self) -> None:
        missing = self.referred() - self.kids.keys()
        if missing:
            raise ModelError
        while garbage := self.kids.keys() - self.referred():
            for key in garbage:
                del self.kids[key]
        for row in self.roots.values():
            row["friends"] &= self.kids.keys()
        names = [row["name"] for row in self.kids.values()]
        if len(set(names)) != len(names):
            raise ModelError


OPERATIONS = st.one_of(
    st.tuples(st.just("root"), NUMBERS, SETS, SETS, st.dictionaries(st.sampled_from("xy"), NUMBERS)),
    st.tuples(st.just("kid"), NUMBERS, st.one_of(st.none(), NUMBERS), st.sampled_from("abc")),
    st.tuples(st.just("drop root"), NUMBERS),
    st.tuples(st.just("drop kid"), NUMBERS),
    st.tuples(st.just("set kids"), NUMBERS, SETS),
    st.tuples(st.just("add kids"), SETS),
    st.tuples(st.just("del kids"), SETS),
    st.tuples(st.just("friends"), NUMBERS, SETS),
    st.tuples(st.just("next"), NUMBERS, st.one_of(st.none(), NUMBERS)),
    st.tuples(st.just("rename"), NUMBERS, st.sampled_from("abc")),
    st.tuples(st.just("by name"), st.sampled_from("abc")),
)


def names(numbers: list[int]) -> set[str]:
    return {uuid(100 + n) for n in numbers}


def kid_refs(numbers: list[int]) -> Any:
    return refs(*(100 + n for n in numbers))


def to_json(op: Any) -> Any:
    match op:
        case "root", n, kids, friends, by_key:
            pairs = [[k, ref(100 + v)] for k, v in by_key.items()]
            return insert("Root", n, kids=kid_refs(kids), friends=kid_refs(friends), by_key=["map", pairs])
        case "kid", n, following, name:
            return insert("Kid", 100 + n, name=name, next=kid_refs([following] if following else []))
        case "drop root", n:
            return delete("Root", ["_uuid", "==", ref(n)])
        case "drop kid", n:
            return delete("Kid", ["_uuid", "==", ref(100 + n)])
        case "set kids", n, kids:
            return update("Root", ["_uuid", "==", ref(n)], kids=kid_refs(kids))
        case "add kids", kids:
            return mutate("Root", ("kids", "insert", kid_refs(kids)))
        case "del kids", kids:
            return mutate("Root", ("kids", "delete", kid_refs(kids)))
        case "friends", n, friends:
            return update("Root", ["_uuid", "==", ref(n)], friends=kid_refs(friends))
        case "next", n, following:
            return update(
                "Kid", ["_uuid", "==", ref(100 + n)], next=kid_refs([following] if following else [])
            )
        case "rename", n, name:
            return update("Kid", ["_uuid", "==", ref(100 + n)], name=name)
        case _:
            return delete("Kid", ["name", "==", op[1]])


def to_model(model: Model, op: Any, gone: set[str]) -> None:
    match op:
        case "root", n, kids, friends, by_key:
            if uuid(n) in model.roots or uuid(n) in gone:
                raise ModelError
            by = {k: uuid(100 + v) for k, v in by_key.items()}
            model.roots[uuid(n)] = {"kids": names(kids), "friends": names(friends), "map": by}
        case "kid", n, following, name:
            key = uuid(100 + n)
            if key in model.kids or key in gone:
                raise ModelError
            model.kids[key] = {"uuid": key, "name": name, "next": names([following] if following else [])}
        case "drop root", n:
            if model.roots.pop(uuid(n), None):
                gone.add(uuid(n))
        case "drop kid", n:
            if model.kids.pop(uuid(100 + n), None):
                gone.add(uuid(100 + n))
        case "by name", name:
            for key in [key for key, row in model.kids.items() if row["name"] == name]:
                del model.kids[key]
                gone.add(key)
        case "add kids", kids:
            for row in model.roots.values():
                row["kids"] |= names(kids)
        case "del kids", kids:
            for row in model.roots.values():
                row["kids"] -= names(kids)
        case ("set kids" | "friends") as kind, n, kids:
            if uuid(n) in model.roots:
                model.roots[uuid(n)]["kids" if kind == "set kids" else kind] = names(kids)
        case "next", n, following:
            if uuid(100 + n) in model.kids:
                model.kids[uuid(100 + n)]["next"] = names([following] if following else [])
        case "rename", n, name:
            if uuid(100 + n) in model.kids:
                model.kids[uuid(100 + n)]["name"] = name


def seen(database: Any) -> tuple[Rows, Rows]:
    tables = database.tables
    roots = {
        key: {"kids": set(row.values[1]), "friends": set(row.values[2]), "map": dict(row.values[5])}
        for key, row in tables["Root"].rows.items()
    }
    kids = {
        key: {"uuid": key, "name": row.values[0], "next": {row.values[1]} - {None}}
        for key, row in tables["Kid"].rows.items()
    }
    return roots, kids


def has_cycle(model: Model) -> bool:
    """Circles of several rows keep each other; the model does not say how, so they are left out."""
    for key in model.kids:
        at, steps = key, 0
        while at in model.kids and model.kids[at]["next"] - {at} and steps <= COUNT:
            (at,) = model.kids[at]["next"]
            steps += 1
        if steps > COUNT:
            return True
    return False


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(OPERATIONS, min_size=1, max_size=5), max_size=8))
def test_the_engine_does_what_the_model_does(history: list[list[Any]]) -> None:
    database, model = make(), Model()
    for script in history:
        after = copy.deepcopy(model)
        gone: set[str] = set()
        accepted = True
        try:
            for op in script:
                to_model(after, op, gone)
                gone &= model.roots.keys() | model.kids.keys()
            if has_cycle(after):
                continue
            after.settle()
        except ModelError:
            accepted = False
        before = dump(database)
        outcome = database.transact([to_json(op) for op in script])
        assert (outcome.error is None) == accepted, (script, outcome.results)
        if accepted:
            model = after
            assert seen(database) == (model.roots, model.kids)
        else:
            assert dump(database) == before
        check_derived(database)


def check_derived(database: Any) -> None:
    """Counts, weak sources and indexes are what a scan of the rows finds."""
    counts: dict[str, int] = {}
    for table in database.tables.values():
        for reference in table.strong_references:
            for row in table.rows.values():
                for target in reference.targets(row):
                    counts[target] = counts.get(target, 0) + 1
        for reference in table.weak_references:
            found: dict[str, set[str]] = {}
            for row in table.rows.values():
                for target in reference.targets(row):
                    found.setdefault(target, set()).add(row.uuid)
            assert {t: set(reference.sources_of(t)) for t in reference.sources} == found
        for index in table.unique:
            assert index.rows == {index.key(row): row.uuid for row in table.rows.values()}
    assert database.tables["Kid"].strong == counts


def test_the_model_refuses_something() -> None:
    model = Model()
    to_model(model, ("root", 1, [1], [], {}), set())
    with pytest.raises(ModelError):
        model.settle()
