"""The way as a picture: text for Mermaid, or for Graphviz's ``dot``.

Nodes are the stations of the packet (logical ports and switches, hypervisors, interfaces), edges what takes
it from one to the next; a copy that is lost ends in a node that says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyovn.explain.model import GOOD, Layer

if TYPE_CHECKING:
    from pyovn.explain.model import Explanation


@dataclass(frozen=True, slots=True)
class Node:
    """A station."""

    id: str
    label: str
    kind: str
    """``port``, ``switch``, ``host``, ``good`` or ``bad``."""


@dataclass(slots=True)
class Graph:
    """Stations and what connects them, each once, in the order in which the packet meets them."""

    nodes: dict[str, Node]
    edges: dict[tuple[str, str], str]

    def add(self, name: str, label: str, kind: str) -> str:
        """A station; the same name is the same station."""
        if name not in self.nodes:
            self.nodes[name] = Node(f"n{len(self.nodes)}", label, kind)
        return name

    def join(self, one: str, other: str, label: str = "") -> None:
        """An edge."""
        if one != other:
            self.edges.setdefault((one, other), label)


def graph(explanation: Explanation) -> Graph:
    """The stations of an explanation."""
    found = Graph({}, {})
    start = found.add(f"port {explanation.inport}", explanation.inport, "port")
    last = start
    hosts = [step.place for step in explanation.steps if step.layer is Layer.OPENFLOW]
    if hosts:
        last = found.add(f"host {hosts[0]}", hosts[0], "host")
        found.join(start, last, explanation.datapath)
    for step in explanation.steps:
        if step.layer is Layer.WIRE and " to " in step.title and step.detail:
            kind, _, target = step.title.partition(" to ")
            here = found.add(f"host {step.place}", step.place, "host")
            there = found.add(f"host {target}", target, "host")
            found.join(here, there, f"{kind} {step.detail[0]}")
    for number, verdict in enumerate(explanation.verdicts):
        origin = (
            found.add(f"host {verdict.place}", verdict.place, "host")
            if _is_host(found, verdict.place)
            else last
        )
        if verdict.fate in GOOD:
            target = found.add(f"end {verdict.port}", verdict.port, "good")
            found.join(origin, target, verdict.interface)
        else:
            target = found.add(f"end {number}", explanation.brief[number], "bad")
            found.join(origin, target)
    return found


def _is_host(found: Graph, place: str) -> bool:
    return f"host {place}" in found.nodes


def mermaid(explanation: Explanation) -> str:
    """A Mermaid flowchart."""
    picture = graph(explanation)
    shapes = {
        "port": '("{}")',
        "switch": '["{}"]',
        "host": '[["{}"]]',
        "good": '(["{}"])',
        "bad": '{{{{"{}"}}}}',
    }
    lines = ["flowchart LR"]
    lines += [f"    {n.id}{shapes[n.kind].format(_plain(n.label))}" for n in picture.nodes.values()]
    for (one, other), label in picture.edges.items():
        arrow = f'-- "{_plain(label)}" -->' if label else "-->"
        lines.append(f"    {picture.nodes[one].id} {arrow} {picture.nodes[other].id}")
    for kind, style in (("good", "fill:#dfd,stroke:#080"), ("bad", "fill:#fdd,stroke:#800")):
        members = [node.id for node in picture.nodes.values() if node.kind == kind]
        if members:
            lines += [f"    classDef {kind} {style}", f"    class {','.join(members)} {kind}"]
    return "".join(f"{line}\n" for line in lines)


def dot(explanation: Explanation) -> str:
    """A Graphviz digraph."""
    picture = graph(explanation)
    looks = {
        "port": "shape=ellipse",
        "switch": "shape=box",
        "host": "shape=box3d",
        "good": 'shape=ellipse, color="#008000"',
        "bad": 'shape=octagon, color="#800000"',
    }
    lines = ["digraph explain {", "    rankdir=LR;"]
    lines += [f"    {n.id} [label={_quoted(n.label)}, {looks[n.kind]}];" for n in picture.nodes.values()]
    for (one, other), label in picture.edges.items():
        shown = f" [label={_quoted(label)}]" if label else ""
        lines.append(f"    {picture.nodes[one].id} -> {picture.nodes[other].id}{shown};")
    return "".join(f"{line}\n" for line in [*lines, "}"])


def _plain(text: str) -> str:
    """Mermaid takes quotes as an entity."""
    return text.replace('"', "#quot;")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
