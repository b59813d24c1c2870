from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.vswitch.classifier import FlowTable, Rule
from pyovn.vswitch.program import EMPTY
from pyovn.wire.openflow.match import ANY

MASKS = st.sampled_from((0, 0xF, 0xF0, 0xFF, 0x3, 0xF00))


class Looker:
    def __init__(self, key: int) -> None:
        self.key = key
        self.wc = 0


def rule(priority: int, value: int, mask: int, clauses: tuple[tuple[int, int, int], ...] = ()) -> Rule:
    return Rule(0, priority, ANY, (value & mask, mask), (), EMPTY, clauses)


flows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 0xFFF), MASKS), max_size=30)


@given(flows, st.lists(st.integers(0, 0xFFF), max_size=20), st.data())
@settings(max_examples=200, deadline=None)
def test_a_lookup_finds_the_highest_priority_and_its_wildcards_are_honest(
    specs: list[tuple[int, int, int]], keys: list[int], data: st.DataObject
) -> None:
    table = FlowTable(0)
    live: dict[tuple[int, int, int], Rule] = {}
    for priority, value, mask in specs:
        identity = (priority, value & mask, mask)
        if identity in live and data.draw(st.booleans()):
            table.remove(live.pop(identity))
        elif identity not in live:
            live[identity] = rule(priority, value, mask)
            table.add(live[identity])
    assert len(table) == len(live)
    assert set(table) == set(live.values())
    for identity, one in live.items():
        assert table.find(*identity) is one
    for key in keys:
        x = Looker(key)
        found = table.lookup(x)
        best = max((r.priority for r in live.values() if key & r.mask == r.value), default=None)
        assert (found.priority if found else None) == best
        for other in range(0, 0x1000, 7):
            twin = Looker(key & x.wc | other & ~x.wc & 0xFFF)
            again = table.lookup(twin)
            assert (again.priority if again else None) == best


def conj_flow(conj_id: int) -> Rule:
    from pyovn.vswitch.flowkey import SLOTS

    slot = SLOTS["conj_id"]
    return rule(9, conj_id << slot.offset, slot.mask)


def test_a_conjunction_matches_when_every_clause_is_met() -> None:
    table = FlowTable(0)
    final = conj_flow(7)
    for one in (
        final,
        rule(5, 0x1, 0xF, ((7, 0, 2),)),
        rule(5, 0x2, 0xF, ((7, 0, 2),)),
        rule(5, 0x10, 0xF0, ((7, 1, 2),)),
        rule(1, 0, 0),
    ):
        table.add(one)
    assert table.lookup(Looker(0x12)) is final
    assert table.lookup(Looker(0x11)) is final
    low = table.lookup(Looker(0x02))
    assert low is not None
    assert low.priority == 1


def test_a_conjunction_yields_to_a_higher_ordinary_flow() -> None:
    table = FlowTable(0)
    high = rule(6, 0x12, 0xFF)
    for one in (conj_flow(7), rule(5, 0x2, 0xF, ((7, 0, 2),)), rule(5, 0x10, 0xF0, ((7, 1, 2),)), high):
        table.add(one)
    assert table.lookup(Looker(0x12)) is high


def test_a_conjunctive_flow_does_not_hide_a_lower_one_with_the_same_match() -> None:
    table = FlowTable(0)
    low = rule(1, 0x2, 0xF)
    table.add(rule(5, 0x2, 0xF, ((7, 0, 2),)))
    table.add(low)
    assert table.lookup(Looker(0x2)) is low


def test_clauses_of_different_priorities_do_not_add_up() -> None:
    table = FlowTable(0)
    for one in (conj_flow(7), rule(5, 0x2, 0xF, ((7, 0, 2),)), rule(4, 0x10, 0xF0, ((7, 1, 2),))):
        table.add(one)
    assert table.lookup(Looker(0x12)) is None
