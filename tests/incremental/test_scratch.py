"""For every history of changes: incremental == from scratch.

A state is what the input tables hold.  A list of states is expanded mechanically, as Calico Felix does it
with its calculation graph: as it is, reversed, with duplicates; settled after every state, after every
single change, or only at the end; with changed rows put or deleted and inserted again.  Whatever the
history, the result is that of a new engine that is given the last state and the numbers that were allotted.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.incremental import Engine, Record, column


class Member(Record):
    __slots__ = ()
    name = column(0, "name")
    group = column(1, "group")
    next = column(2, "next")
    weight = column(3, "weight")


class Group(Record):
    __slots__ = ()
    name = column(0, "name")
    mode = column(1, "mode")


State = tuple[dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]]]
"""Members and groups by their keys."""


class World:
    """One of everything that the engine offers, and each reading the others."""

    def __init__(self) -> None:
        engine = self.engine = Engine()
        self.members = engine.table("member", Member)
        self.groups = engine.table("group", Group)
        self.member_by_name = engine.index("member_by_name", self.members, lambda m: [m.name])
        self.group_by_name = engine.index("group_by_name", self.groups, lambda g: [g.name])
        self.chase = engine.memo(self._chase)
        self.mode = engine.memo(self._mode)
        self.links = engine.derive("links", self.members, self._links)
        self.weights = engine.fold(
            "weights",
            self.members,
            lambda m: [(m.group, m.weight)] if m.weight else [],
            empty=list,
            add=lambda weights, w: [*weights, w],
            take=lambda weights, w: weights[: weights.index(w)] + weights[weights.index(w) + 1 :],
            view=lambda weights: tuple(sorted(weights)),
        )
        self.pairs = engine.derive("pairs", self.links, self._pairs)
        self.totals = engine.derive("totals", self.groups, self._totals)
        self.both = engine.union("both", [self.pairs, self.totals])
        self.keys = engine.allot(
            "keys", self.both, lambda item: [(item[0], (item, item[1] or None))], lambda _pool: (1, 40)
        )
        self.numbered = engine.derive("numbered", self.both, self._numbered)
        self.count = engine.derive("count", self.groups, self._count)
        self.derived = [self.links, self.pairs, self.totals, self.numbered, self.count]

    def _chase(self, name: str) -> Any:
        """The weights along the chain; a ring is a cycle."""
        member = self.member_by_name.one(name)
        if member is None:
            return ()
        return (member.weight, *self.chase(member.next)) if member.next else (member.weight,)

    def _mode(self, name: str) -> str:
        return ",".join(g.mode.lower() for g in self.group_by_name.all(name))

    def _links(self, member: Member) -> Any:
        mode = self.mode(member.group)
        if mode == "broken":
            raise ValueError(f"{member.group} is broken")
        if member.weight != 1:
            yield (member.group, mode, self.chase(member.name)), f"of {member.name}"
        yield (member.group, mode, ()), f"any {member.name}"

    def _pairs(self, link: Any) -> Any:
        group, mode, chain = link
        yield (group, len(chain), mode), "pair"
        if mode == "x":
            yield (group, 0, self.weights.value(group)), "weights"

    def _totals(self, group: Group) -> Any:
        total = sum(self.weights.value(group.name))
        if total == 3:
            raise ArithmeticError(f"{group.name} weighs 3")
        yield (group.name, 0, total), "total"

    def _numbered(self, item: Any) -> Any:
        yield (item, self.keys.number(item[0], item)), "number"

    def _count(self, group: Group) -> Any:
        if group.mode == "count":
            yield (group.name, tuple(sorted(map(repr, self.both)))), "all of them"

    def inject(self, before: State, after: State, *, renew: bool = False, settle: bool = False) -> None:
        """Change the tables from one state to another."""
        tables: tuple[Any, ...] = (self.members, self.groups)
        for table, old, new in zip(tables, before, after, strict=True):
            for key in [*old, *(k for k in new if k not in old)]:
                if old.get(key) == new.get(key):
                    continue
                if key in old and (key not in new or renew):
                    table.delete(key)
                if key in new:
                    table.put(key, new[key])
                if settle:
                    self.engine.settle()

    def result(self) -> Any:
        """Everything that can be seen."""
        return {
            **{relation.name: set(relation.elements()) for relation in self.derived},
            "why": {
                (item, reason.owner.key, reason.why)
                for item in self.links.elements()
                for reason in self.links.why(item)
            },
            "failures": {node.label(): repr(error) for node, error in self.engine.failures.items()},
            "memos": {m.name: {k: n.value for k, n in m._nodes.items()} for m in (self.chase, self.mode)},
        }


EMPTY: State = ({}, {})
names = st.sampled_from("abcd")
members = st.dictionaries(
    st.sampled_from("12345"),
    st.tuples(names, st.sampled_from("gh"), st.sampled_from(["", "a", "b", "c"]), st.integers(0, 3)),
)
groups = st.dictionaries(
    st.sampled_from("678"), st.tuples(st.sampled_from("gh"), st.sampled_from(["X", "x", "BROKEN", "count"]))
)
states = st.lists(st.tuples(members, groups), min_size=1, max_size=6)


def expansions(history: list[State]) -> dict[str, list[State]]:
    last = history[-1]
    return {
        "as is": history,
        "reversed": [*reversed(history), last],
        "twice": list(itertools.chain.from_iterable((state, state) for state in history)),
        "back and forth": [s for state in history for s in (state, EMPTY, state)],
    }


def check(history: list[State], *, every: str, renew: bool) -> None:
    world = World()
    before = EMPTY
    for state in history:
        with world.engine.batch() if every != "change" else world.engine.recording():
            world.inject(before, state, renew=renew, settle=every == "change")
        if every == "state":
            world.engine.settle()
        before = state
    world.engine.settle()
    scratch = World()
    for pool, owner, number in world.keys.items():
        assert scratch.keys.adopt(pool, owner, number)
    with scratch.engine.batch():
        scratch.inject(EMPTY, before)
    scratch.engine.settle()
    assert world.result() == scratch.result()
    with world.engine.recording() as ran:
        world.engine.settle()
    assert ran == []


@pytest.mark.parametrize("every", ["state", "change", "end"])
@pytest.mark.parametrize("renew", [False, True])
@settings(deadline=None, max_examples=40)
@given(states)
def test_incremental_is_from_scratch(every: str, renew: bool, history: list[State]) -> None:
    for expanded in expansions(history).values():
        check(expanded, every=every, renew=renew)


@settings(deadline=None, max_examples=40)
@given(states)
def test_each_derivation_runs_once_per_pass(history: list[State]) -> None:
    """Once every family has been seen to read what it reads, that is after the first passes."""
    world = World()
    before = EMPTY
    for state in history:
        with world.engine.batch():
            world.inject(before, state)
        with world.engine.recording() as ran:
            world.engine.settle()
        if before is not EMPTY and not world.engine.failures:
            assert len(ran) == len({(name, repr(key)) for name, key in ran})
        before = state


def test_a_ring_that_takes_another_way() -> None:
    """Found by the property: a member that was being verified kept its old failure, for ever longer."""
    before: State = (
        {"4": ("b", "g", "c", 3), "5": ("a", "g", "c", 0), "2": ("c", "g", "a", 2), "3": ("d", "h", "b", 2)},
        {},
    )
    after: State = ({**before[0], "3": ("a", "h", "b", 3)}, {})
    check([before, after], every="state", renew=False)
