"""The way through the logical flows as steps, and where each copy of the packet ends there.

``Simulation`` (what ovn-trace does) executes the flows; this turns its tree into data.  Each flow that does
more than pass the packet on becomes a step with northd's reason for it and the northbound rows that it was
made of.  Each end becomes a ``Leaf``; ``reasons`` says what the drops among them mean.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pyovn.explain.model import Layer, RowRef, Step
from pyovn.explain.report import Event, Kind, Node
from pyovn.explain.simulation import Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.explain.evidence import Evidence
    from pyovn.explain.microflow import Microflow
    from pyovn.explain.network import Datapath, Flow

DELIVERED: Final = "delivered"
DROPPED: Final = "dropped"
RETURNED: Final = "returned"
"""Not sent back where it came from."""
BEYOND: Final = "beyond"
"""Into a router."""

_WHY: Final = re.compile(r"^\S+ \S+: (.*) \((\S*) ([^;]*); [^)]*\)$")
_LOOPBACK: Final = "flags.loopback = 1"
_ACTIONS: Final = re.compile(r"\s*/\*.*?\*/\s*")


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a copy of the packet in the logical network."""

    kind: str
    event: Event
    answered: bool = False
    """A flow turned the packet around and made it the answer."""

    @property
    def port(self) -> str:
        """The logical port that it was for, or empty."""
        return "" if self.event.port is None else self.event.port.name


@dataclass(frozen=True, slots=True)
class _Context:
    place: Event
    depth: int
    answered: bool = False


class Walk:
    """Steps and leaves of one packet."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.steps: list[Step] = []
        self.leaves: list[Leaf] = []
        self.unserved: list[str] = []
        """Actions that are not simulated, once each."""
        self._why: dict[str, tuple[str, tuple[RowRef, ...]]] = {}

    def run(self, datapath: Datapath, packet: Microflow) -> None:
        """From the inport on."""
        root = Simulation(self.evidence.network).trace(datapath, dict(packet))
        for node in root.subs:
            assert node.event is not None
            self._pipeline(node, _Context(node.event, 0))

    def _pipeline(self, node: Node, context: _Context) -> None:
        for sub in node.subs:
            self._node(sub, context)

    def _node(self, node: Node, context: _Context) -> None:
        event = node.event
        match node.kind:
            case Kind.TABLE if event is not None:
                self._table(node, event, context)
            case Kind.PIPELINE if event is not None and self._is_beyond(event, context):
                self.leaves.append(Leaf(BEYOND, context.place))
            case Kind.PIPELINE if event is not None:
                self._pipeline(node, _Context(event, context.depth + 1, context.answered))
            case Kind.PIPELINE | Kind.TRANSFORMATION:
                answered = context.answered or node.kind is Kind.TRANSFORMATION
                self._pipeline(node, _Context(context.place, context.depth, answered))
            case Kind.DELIVER if event is not None:
                self.leaves.append(Leaf(DELIVERED, event, context.answered))
            case Kind.OUTCOME if node.text.startswith("/* omitting"):
                self.leaves.append(Leaf(RETURNED, context.place))
            case Kind.ERROR if node.text.startswith("output to"):
                self.leaves.append(Leaf(DROPPED, context.place))
            case Kind.ERROR if node.text not in self.unserved:
                self.unserved.append(node.text)
            case _:
                pass

    @staticmethod
    def _is_beyond(event: Event, context: _Context) -> bool:
        """Whether a router begins here: its flows are not northd's yet, and say nothing."""
        return event.datapath.is_router and event.datapath is not context.place.datapath

    def _table(self, node: Node, event: Event, context: _Context) -> None:
        self.steps.append(self._step(event, context))
        flow = event.flow
        here = event
        if event.pipeline == context.place.pipeline == "egress":
            here = replace(event, port=context.place.port)
        answered = context.answered or (flow is not None and _LOOPBACK in flow.actions)
        if flow is None or _is_drop(flow):
            self.leaves.append(Leaf(DROPPED, here, answered))
            return
        inner = _Context(replace(here, port=context.place.port), context.depth, answered)
        for sub in node.subs:
            self._node(sub, inner)

    def _step(self, event: Event, context: _Context) -> Step:
        flow, datapath = event.flow, event.datapath
        title = f"{event.pipeline}, {_ports(datapath, event, context)}"
        if flow is None:
            return Step(
                Layer.LOGICAL, datapath.shown, title, "no flow matches", table=event.table,
                why="a packet that matches nothing is dropped", depth=context.depth,
            )  # fmt: skip
        why, rows = self._provenance(flow)
        friendly = self.evidence.network.friendly
        return Step(
            Layer.LOGICAL,
            datapath.shown,
            title,
            flow.stage,
            detail=(friendly(_ACTIONS.sub(" ", flow.actions).strip()),),
            why=why,
            rows=rows,
            table=flow.table,
            stage=flow.stage,
            priority=flow.priority,
            match=friendly(flow.match),
            flow=flow.uuid,
            depth=context.depth,
        )

    def _provenance(self, flow: Flow) -> tuple[str, tuple[RowRef, ...]]:
        """Why northd made a flow, and of what."""
        known = self._why.get(flow.uuid)
        if known is None:
            known = self._why[flow.uuid] = provenance(self.evidence.why(flow.uuid), self.evidence.name_of)
        return known


def provenance(lines: list[str], name_of: Callable[[str], str]) -> tuple[str, tuple[RowRef, ...]]:
    """What northd's ``flow/why`` says: the reason, and the northbound rows."""
    reasons, rows = [], []
    for line in lines:
        found = _WHY.match(line)
        if found is None:
            continue
        why, table, key = found.groups()
        if why not in reasons:
            reasons.append(why)
        if table:
            rows.append(RowRef("NB", table, name_of(key) or key, key))
    return "; ".join(reasons), tuple(dict.fromkeys(rows))


def _is_drop(flow: Flow) -> bool:
    return _ACTIONS.sub(" ", flow.actions).strip() in {"drop;", ""}


def _ports(datapath: Datapath, event: Event, context: _Context) -> str:
    port = context.place.port
    if event.pipeline == "egress" and port is not None:
        return f"to {port.name}"
    return f"from {datapath.name_of(event.packet.get('reg14', 0)) or 'nowhere'}"
