"""Conjunction ids: allotted, and read back from the switch after a restart.

A logical flow whose match has two or more many-valued fields becomes a conjunctive match (ovs-fields(7),
``conj_id``): flows that each say "clause k of n of conjunction ID is true" and one flow that matches the ID.
The id is a number of this bridge alone, so it is allotted here, per (logical flow, datapath, which one).

A switch that keeps its flows over a restart keeps their ids: the flow that matches ``conj_id`` tells, by
its place and the rest of its match, whose the id is (``Place``), and the owner asks for it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.incremental import Record, column
from pyovn.wire.openflow.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.incremental import Allotment, Engine, Relation
    from pyovn.ovsdb.values import UUID
    from pyovn.wire.openflow.flow import Flow
    from pyovn.wire.openflow.match import Match

CONJ_ID: Final = FIELDS["conj_id"]
_POOL: Final = "conjunctions"
_LAST: Final = 0xFFFF_FFFF
_MANY: Final = ("{", "$", "@", "||", "<", ">", "!")


class Place(NamedTuple):
    """What identifies the flow that a completed conjunction reaches, but for its id."""

    table: int
    priority: int
    match: Match
    cookie: int


class Conjunctive(NamedTuple):
    """One conjunction of a logical flow on a datapath, and its id in the switch, if it has one."""

    flow: UUID
    datapath: UUID
    number: int
    known: int | None


class Remembered(Record):
    """An id that the switch had when this process started; the key is its ``Place``."""

    __slots__ = ()
    conj_id = column(0, "conj_id")


class Conjunctions:
    """``of(flow, datapath, number)`` reads an id inside of a derivation."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._remembered = engine.table("remembered_conjunctions", Remembered)
        self._by_place = engine.index("conjunction_by_place", self._remembered, lambda r: [r.key])
        self._allotment: Allotment[Conjunctive, str] | None = None

    def declare(
        self, source: Relation[Any], function: Callable[[Any], Iterable[tuple[Conjunctive, str]]]
    ) -> None:
        """``function`` yields the conjunctions of an element of ``source``."""
        owners = self._engine.derive("conjunctive_flows", source, function)
        self._allotment = self._engine.allot(
            "conjunction_ids", owners, lambda c: [(_POOL, (c[:3], c.known))], lambda _pool: (1, _LAST)
        )

    def of(self, flow: UUID, datapath: UUID, number: int) -> int | None:
        """The id; None while there is none."""
        assert self._allotment is not None
        return self._allotment.number(_POOL, (flow, datapath, number))

    def listing(self) -> list[tuple[UUID, UUID, int, int]]:
        """(logical flow, datapath, number, id) of all."""
        assert self._allotment is not None
        return [(*owner, number) for _pool, owner, number in self._allotment.items()]  # type: ignore[misc]  # as declared

    def known(self, place: Place) -> int | None:
        """The id that the switch had for a place when this process started."""
        found = self._by_place.one(place)
        return None if found is None else found.conj_id

    def adopt(self, flows: Iterable[Flow]) -> None:
        """Before the first pass: remember the ids of the flows that the switch has."""
        for flow in flows:
            conj_id = flow.match.exact(CONJ_ID)
            if conj_id is not None:
                place = Place(flow.table, flow.priority, flow.match.without([CONJ_ID]), flow.cookie)
                self._remembered.put(place, (conj_id,))


def may_need(match: str) -> bool:
    """Whether a match could need conjunctions at all, from a look at its text: two things of many values."""
    return sum(match.count(sign) for sign in _MANY) > 1
