"""What ``explain`` finds: the steps of a packet's way, what became of it, why, and which row to change.

An ``Explanation`` is plain data; the writers (``render``, ``pictures``, ``capture``, ``as_json``) only show
it.  A *step* is a place on the way: a northbound row, a logical flow, an OpenFlow flow on a hypervisor, a
crossing of the wire.  A *verdict* is what became of one copy of the packet: broadcast has many.

The JSON form is stable: members are added, never renamed or removed, within ``FORMAT``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

FORMAT: Final = 1
"""Counts up when a reader of the JSON form would have to change."""


class Layer(StrEnum):
    """Where a step is."""

    NORTHBOUND = "northbound"
    LOGICAL = "logical"
    OPENFLOW = "openflow"
    WIRE = "wire"


@dataclass(frozen=True, slots=True)
class RowRef:
    """A row of a database; ``name`` is what people call it."""

    database: str
    table: str
    name: str
    uuid: str = ""

    def __str__(self) -> str:
        return f"{self.table} {self.name}"


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``place`` is a datapath for logical steps, else a hypervisor."""

    layer: Layer
    place: str
    title: str
    """Of the part of the way that the step belongs to: a pipeline, a bridge."""
    what: str
    detail: tuple[str, ...] = ()
    """What it does: actions, columns."""
    why: str = ""
    rows: tuple[RowRef, ...] = ()
    table: int | None = None
    stage: str = ""
    priority: int | None = None
    match: str = ""
    flow: str = ""
    """The UUID of a logical flow, the cookie of an OpenFlow flow."""
    notable: bool = True
    """False for a table that only passes the packet on."""
    depth: int = 0


class Fate(StrEnum):
    """What became of a copy of the packet."""

    DELIVERED = "delivered"
    ANSWERED = "answered"
    """OVN itself replied; the reply was delivered."""
    LEFT = "left"
    """It is on a physical network now, where OVN sees it no more."""
    DROPPED = "dropped"
    UNKNOWN = "unknown"
    """It goes on where ``explain`` does not see."""


GOOD: Final = frozenset((Fate.DELIVERED, Fate.ANSWERED, Fate.LEFT))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one copy, why, and what to change if that is not wanted."""

    fate: Fate
    port: str
    """The logical port it is for, or where it was dropped; empty when there is none."""
    place: str
    """The hypervisor, if it is known; else the datapath."""
    interface: str = ""
    reason: str = ""
    rows: tuple[RowRef, ...] = ()
    change: tuple[str, ...] = ()
    """What to do, best as commands."""


@dataclass(frozen=True, slots=True)
class Hop:
    """The frame as it was at one place, for a capture; ``wire``: with the headers of a tunnel."""

    place: str
    interface: str
    direction: str
    """``in`` or ``out`` as the hypervisor sees it."""
    frame: bytes
    wire: bytes = b""


@dataclass(slots=True)
class Explanation:
    """Everything about one packet."""

    question: str
    """The microflow, as ovn-trace takes it."""
    packet: str
    """The packet in ovs-ofctl's words."""
    datapath: str
    inport: str
    steps: list[Step] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What is not as it should be, whether or not it concerns the packet."""
    sources: list[str] = field(default_factory=list)
    """Where each part of this comes from."""
    hops: list[Hop] = field(default_factory=list)

    @property
    def arrives(self) -> bool:
        """At least one copy reached a port, a physical network, or somebody who answered."""
        return any(verdict.fate in GOOD for verdict in self.verdicts)

    @property
    def brief(self) -> list[str]:
        """One line per verdict, after one another in the order in which they came about."""
        return [_sentence(verdict) for verdict in self.verdicts]


def _sentence(verdict: Verdict) -> str:
    where = f" on {verdict.place}" if verdict.place else ""
    by = f" ({verdict.interface})" if verdict.interface else ""
    because = f": {verdict.reason}" if verdict.reason else ""
    match verdict.fate:
        case Fate.DELIVERED:
            return f"delivered to {verdict.port}{where}{by}{because}"
        case Fate.ANSWERED:
            return f"answered to {verdict.port}{where}{by}{because}"
        case Fate.LEFT:
            return f"onto the physical network by {verdict.port}{where}{by}{because}"
        case Fate.UNKNOWN:
            return f"not known what becomes of it{f' at {verdict.port}' if verdict.port else ''}{because}"
    target = f"not delivered to {verdict.port}" if verdict.port else "dropped"
    return f"{target}{because}"


def as_json(explanation: Explanation) -> dict[str, Any]:
    """The form for programs; docs/explain.md describes it."""
    return {
        "format": FORMAT,
        "microflow": explanation.question,
        "packet": explanation.packet,
        "datapath": explanation.datapath,
        "inport": explanation.inport,
        "arrives": explanation.arrives,
        "verdicts": [
            {
                "fate": v.fate.value,
                "port": v.port,
                "place": v.place,
                "interface": v.interface,
                "reason": v.reason,
                "rows": [_row(row) for row in v.rows],
                "change": list(v.change),
            }
            for v in explanation.verdicts
        ],
        "steps": [
            {
                "layer": s.layer.value,
                "place": s.place,
                "title": s.title,
                "what": s.what,
                "detail": list(s.detail),
                "why": s.why,
                "rows": [_row(row) for row in s.rows],
                "table": s.table,
                "stage": s.stage,
                "priority": s.priority,
                "match": s.match,
                "flow": s.flow,
                "notable": s.notable,
                "depth": s.depth,
            }
            for s in explanation.steps
        ],
        "warnings": explanation.warnings,
        "sources": explanation.sources,
        "hops": [
            {
                "place": h.place,
                "interface": h.interface,
                "direction": h.direction,
                "frame": h.frame.hex(),
                "wire": h.wire.hex(),
            }
            for h in explanation.hops
        ],
    }


def _row(row: RowRef) -> dict[str, str]:
    return {"database": row.database, "table": row.table, "name": row.name, "uuid": row.uuid}
