"""The audit: a sample of what is remembered is worked out again and compared.

The engine's promise is that what it keeps is what a run from scratch would make.  It rests on derivations
that read nothing but their arguments and the engine.  One that breaks the rule (a global, a clock, a list
that is changed in place) is wrong without an error, and only working it out again can tell.  The audit does
that, some derivations at a time, round and round, and compares

* the value, and what was read: with other reads the next change would pass the derivation by;
* that each item of a derived relation is in the union, and that nobody who is gone still has a derivation;
* the places of elements in indexes, folds and allotments.

What it finds wrong it names in ``findings``, and marks to be run again in the next pass: a difference is
repaired where that is possible and told in any case.  A finding is withdrawn when the same derivation is
looked at again and is right.

It runs between passes only, and never settles anything itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.incremental.derived import Derived
from pyovn.incremental.grouping import Grouping
from pyovn.incremental.memo import Memo
from pyovn.incremental.node import FRESH, Node, mark
from pyovn.incremental.noted import Noted
from pyovn.incremental.tracking import ALL, STATE, Source, untracked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental.engine import Engine
    from pyovn.incremental.family import Family

Subject = tuple[str, Any]
"""What was looked at: a family's name and a key or an element of it."""


class Audit:
    """Goes round all derivations of an engine.  ``looked`` counts them, ``rounds`` how often it got round."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.looked = self.rounds = 0
        self.findings: Noted[Subject, str] = Noted()
        self._way = self._walk()

    def look(self, most: int) -> int:
        """Look at up to ``most`` derivations, at none while something waits; returns how many it were."""
        looked = 0
        while looked < most and self._engine.is_settled:
            try:
                subject, wrong = next(self._way)
            except StopIteration:
                self.rounds += 1
                self._way = self._walk()
                break  # once through is enough for one call
            looked += 1
            if wrong is not None:
                self.findings[subject] = wrong
            elif subject in self.findings:
                del self.findings[subject]
        self.looked += looked
        return looked

    def _walk(self) -> Iterator[tuple[Subject, str | None]]:
        """Each derivation of each family, with what is wrong with it."""
        for subject in list(self.findings):  # first, and so that what is gone is withdrawn
            if not self._exists(subject):
                yield subject, None
        for family in list(self._engine.families):
            if isinstance(family, Derived | Memo):
                for node in family.derivations():
                    if node.state == FRESH and node.error is None:
                        yield (family.name, node.key), self._look_at(family, node)
            elif isinstance(family, Grouping):
                for element in family.placed():
                    if family.is_placed(element):
                        yield (family.name, element), self._look_at_place(family, element)

    def _exists(self, subject: Subject) -> bool:
        name, key = subject
        for family in self._engine.families:
            if family.name == name:
                if isinstance(family, Derived | Memo):
                    return family.node_of(key) is not None
                return isinstance(family, Grouping) and family.is_placed(key)
        return False

    def start_over(self) -> None:
        """Begin the round anew."""
        self._way = self._walk()

    def _look_at(self, family: Family, node: Node) -> str | None:
        value, reads, error = _run_again(family, node)
        wrong = None
        if error is not None:
            wrong = f"a new run fails: {error}"
        elif value != node.value:
            wrong = _difference(node.value, value)
        elif reads != set(node.sources):
            wrong = f"a new run reads {len(reads)} things, {len(set(node.sources))} are recorded"
        elif isinstance(family, Derived) and not all(item in family for item in node.value or ()):
            wrong = "what it yields is not in the union"
        if wrong is not None and node.state == FRESH:
            mark({node: ALL}, ALL)
            self._engine.input_changes()
        return wrong

    def _look_at_place(self, family: Grouping[Any, Any, Any], element: Any) -> str | None:
        try:
            places, _mask = untracked(element, family.places_of)
        except Exception:  # noqa: BLE001  such an element is nowhere, and listed as failed by the family itself
            places = frozenset()
        if places == family.placed_at(element):
            return None
        family.refile(element)
        self._engine.input_changes()
        return "it is filed where it no longer belongs"


def _run_again(family: Family, node: Node) -> tuple[Any, set[Source], BaseException | None]:
    """The value, the reads and the error of a run that leaves no trace."""
    saved_reads, saved_node = STATE.reads, STATE.node
    reads: dict[Source, int] = {}
    STATE.reads, STATE.node = reads, None
    try:
        value = family.compute(node.key)
    except Exception as error:  # noqa: BLE001  whatever it is, it is what the audit is for
        return None, set(), error
    finally:
        STATE.reads, STATE.node = saved_reads, saved_node
    return value, set(reads), None


def _difference(remembered: Any, value: Any) -> str:
    """One example of each kind, or the two values."""
    if isinstance(remembered, dict) and isinstance(value, dict):
        lacking = [item for item in value if item not in remembered]
        extra = [item for item in remembered if item not in value]
        told = [f"lacks {lacking[0]!r}"] if lacking else []
        told += [f"has {extra[0]!r} too much"] if extra else []
        return "what is remembered " + (" and ".join(told) or "has other reasons")
    return f"{remembered!r} is remembered, {value!r} is right"
