"""The flow table: which flow of a table a packet matches (tuple-space search).

Flows are grouped by mask.  All flows with one mask live in one dictionary from masked value to flow,
so a look-up costs one probe per distinct mask, however many flows there are; adding and deleting cost
one dictionary operation.  Groups are searched from the highest priority they hold downward, and the
search ends as soon as no remaining group can beat what was found.

Conjunctive matches (ovs-fields(7), "Conjunctive Match Fields"): a flow whose actions are
``conjunction(id, k/n)`` never wins by itself.  When for one id all n clauses are met by flows of one
priority, the search is repeated with ``conj_id`` set to the id.  A table without such flows does not
pay for them.

Every look-up adds the masks that it consulted to the caller's ``wc``: a packet that agrees with this
one in those bits gets the same answer.  That is what makes the datapath's cache correct.

Invariants: ``(priority, value, mask)`` is unique within a table; within one dictionary entry flows are
chained by falling priority.  Not here: OpenFlow's flow mods (``flowmods``).
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Final, Protocol

from pyovn.vswitch.flowkey import SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.vswitch.program import Program
    from pyovn.wire.openflow.actions import Action
    from pyovn.wire.openflow.match import Match

_CONJ_ID: Final = SLOTS["conj_id"].offset


class Looking(Protocol):
    """Who looks up: the key, and the bits of it that mattered so far."""

    key: int
    wc: int


class Rule:
    """A flow of a table with its compiled actions and its statistics.

    ``clauses`` holds (id, clause, number of clauses) when the flow is conjunctive, else it is empty.
    Times are the runtime's ``now``.  ``alive`` turns false when the flow leaves its table.
    """

    __slots__ = (
        "actions", "alive", "bytes", "clauses", "cookie", "created", "flags", "hard_timeout",
        "idle_timeout", "importance", "lower", "mask", "match", "modified", "packets", "priority",
        "program", "table", "used", "value",
    )  # fmt: skip

    def __init__(
        self, table: int, priority: int, match: Match, packed: tuple[int, int], actions: tuple[Action, ...],
        program: Program, clauses: tuple[tuple[int, int, int], ...] = (), now: float = 0.0,
    ) -> None:  # fmt: skip
        self.table = table
        self.priority = priority
        self.match = match
        self.value, self.mask = packed
        self.actions = actions
        self.program = program
        self.clauses = clauses
        self.cookie = 0
        self.idle_timeout = 0
        self.hard_timeout = 0
        self.importance = 0
        self.flags = 0
        self.packets = 0
        self.bytes = 0
        self.created = self.modified = self.used = now
        self.lower: Rule | None = None
        self.alive = False

    def covered_by(self, value: int, mask: int) -> bool:
        """Tell whether a non-strict criterion selects this flow: it is at least as specific."""
        return self.mask & mask == mask and self.value & mask == value

    def overlaps(self, other: Rule) -> bool:
        """Tell whether some packet could match both."""
        common = self.mask & other.mask
        return self.value & common == other.value & common


class _Group:
    """The flows of one mask."""

    __slots__ = ("mask", "priorities", "rules", "top")

    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.rules: dict[int, Rule] = {}
        self.priorities: dict[int, int] = {}
        self.top = -1


class FlowTable:
    """One OpenFlow table."""

    __slots__ = ("_groups", "_search", "conjunctive", "count", "lookups", "matches", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0
        self.conjunctive = 0
        self.lookups = 0
        self.matches = 0
        self._groups: dict[int, _Group] = {}
        # What a look-up walks: (highest priority, mask, flows), highest first.
        self._search: list[tuple[int, int, dict[int, Rule]]] = []

    def __iter__(self) -> Iterator[Rule]:
        for group in self._groups.values():
            for head in group.rules.values():
                rule: Rule | None = head
                while rule is not None:
                    yield rule
                    rule = rule.lower

    def __len__(self) -> int:
        return self.count

    def find(self, priority: int, value: int, mask: int) -> Rule | None:
        """The flow with exactly this priority and match."""
        group = self._groups.get(mask)
        rule = group.rules.get(value) if group else None
        while rule is not None and rule.priority > priority:
            rule = rule.lower
        return rule if rule is not None and rule.priority == priority else None

    def add(self, rule: Rule) -> None:
        """Insert a flow; the caller has made sure that ``find`` does not find its like."""
        group = self._groups.get(rule.mask)
        if group is None:
            group = self._groups[rule.mask] = _Group(rule.mask)
        head = group.rules.get(rule.value)
        if head is None or head.priority < rule.priority:
            rule.lower = head
            group.rules[rule.value] = rule
        else:
            while head.lower is not None and head.lower.priority > rule.priority:
                head = head.lower
            rule.lower = head.lower
            head.lower = rule
        rule.alive = True
        self.count += 1
        if rule.clauses:
            self.conjunctive += 1
        group.priorities[rule.priority] = group.priorities.get(rule.priority, 0) + 1
        if rule.priority > group.top:
            group.top = rule.priority
            self._reorder()

    def remove(self, rule: Rule) -> None:
        """Take out a flow of this table."""
        group = self._groups[rule.mask]
        head = group.rules[rule.value]
        if head is rule:
            if rule.lower is None:
                del group.rules[rule.value]
            else:
                group.rules[rule.value] = rule.lower
        else:
            while head.lower is not rule:
                assert head.lower is not None, "the rule is not in its table"
                head = head.lower
            head.lower = rule.lower
        rule.lower = None
        rule.alive = False
        self.count -= 1
        if rule.clauses:
            self.conjunctive -= 1
        left = group.priorities[rule.priority] - 1
        if left:
            group.priorities[rule.priority] = left
            return
        del group.priorities[rule.priority]
        if not group.priorities:
            del self._groups[rule.mask]
            self._reorder()
        elif rule.priority == group.top:
            group.top = max(group.priorities)
            self._reorder()

    def _reorder(self) -> None:
        self._search = [(g.top, g.mask, g.rules) for g in self._groups.values()]
        self._search.sort(key=itemgetter(0), reverse=True)

    def lookup(self, x: Looking) -> Rule | None:
        """The flow that ``x.key`` matches with the highest priority."""
        if self.conjunctive:
            return self._lookup_conjunctive(x)
        best: Rule | None = None
        best_priority = -1
        key, wc = x.key, x.wc
        for top, mask, rules in self._search:
            if top <= best_priority:
                break
            wc |= mask
            rule = rules.get(key & mask)
            if rule is not None and rule.priority > best_priority:
                best = rule
                best_priority = rule.priority
        x.wc = wc
        return best

    def _lookup_conjunctive(self, x: Looking) -> Rule | None:
        best, soft = self._collect(x, x.key)
        floor = best.priority if best is not None else -1
        for priority in sorted({r.priority for r in soft if r.priority > floor}, reverse=True):
            for conj_id in _satisfied(r for r in soft if r.priority == priority):
                found, _ = self._collect(x, x.key | conj_id << _CONJ_ID, required=True)
                if found is not None:
                    return found
        return best

    def _collect(self, x: Looking, key: int, *, required: bool = False) -> tuple[Rule | None, list[Rule]]:
        """The best ordinary flow, and all conjunctive flows that might beat it.

        With ``required`` only flows that match on ``conj_id`` count.
        """
        best: Rule | None = None
        best_priority = -1
        soft: list[Rule] = []
        conj_bits = SLOTS["conj_id"].mask
        for top, mask, rules in self._search:
            if top <= best_priority:
                break
            if required and not mask & conj_bits:
                continue
            x.wc |= mask & ~conj_bits
            rule = rules.get(key & mask)
            while rule is not None and rule.priority > best_priority:
                if not rule.clauses:
                    best = rule
                    best_priority = rule.priority
                    break
                soft.append(rule)
                rule = rule.lower
        return best, soft


def _satisfied(soft: Iterator[Rule]) -> list[int]:
    """The ids all of whose clauses are met, smallest first."""
    met: dict[tuple[int, int], set[int]] = {}
    for rule in soft:
        for conj_id, clause, total in rule.clauses:
            met.setdefault((conj_id, total), set()).add(clause)
    return sorted(conj_id for (conj_id, total), clauses in met.items() if len(clauses) >= total)
