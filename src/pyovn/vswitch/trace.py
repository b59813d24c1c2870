"""``ofproto/trace``: the way of one packet through the flows, as text in Open vSwitch's shape.

A ``Tracer`` is handed to a ``Translation`` and grows a tree: tables, with the actions carried out in
them and what those led to.  The text keeps OVS's indentation: a table that is the last thing its
parent did goes on at the parent's level, so that a pipeline reads straight down, and only side trips
are indented (ovs-appctl(8), "ofproto/trace").

Connection tracking ends one pass; the trace goes on with the packet as it would come back, in state
``trk|new`` unless ``--ct-next`` says otherwise.  Nothing is sent and nothing is tracked.

Not here: flows' provenance (``explain``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.vswitch import conntrack
from pyovn.vswitch.flowkey import CT_BITS, FULL, HEADER_BITS, SLOTS, pack_match
from pyovn.vswitch.keytext import format_key, format_megaflow
from pyovn.vswitch.steps import PacketIn, Send, Track
from pyovn.vswitch.translate import Translation
from pyovn.wire.openflow.text import format_actions, format_match, format_subfield
from pyovn.wire.openflow.text_values import format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pyovn.vswitch.classifier import Rule
    from pyovn.vswitch.pipeline import Pipeline
    from pyovn.vswitch.steps import Step
    from pyovn.wire.openflow.actions import Action, Subfield

MAX_PASSES: Final = 64
_STATE, _ZONE, _FIRST_TABLE = SLOTS["ct_state"], SLOTS["ct_zone"], SLOTS["first_table"]
_STATES: Final = {"new": 1, "est": 2, "rel": 4, "rpl": 8, "inv": 16, "trk": 32, "snat": 64, "dnat": 128}


def port_names(pipeline: Pipeline) -> Mapping[int, str]:
    """The names of a bridge's ports, by number."""
    return {number: port.name for number, port in pipeline.ports.items()}


def _no_names(_pipeline: Pipeline) -> Mapping[int, str]:
    return {}


class Node:
    """A line of the trace; a header (``subs`` not None) has lines of its own."""

    __slots__ = ("subs", "text")

    def __init__(self, text: str, subs: list[Node] | None = None) -> None:
        self.text = text
        self.subs = subs


class Tracer:
    """What a translation tells about itself; ``nodes`` is the list that is being written."""

    __slots__ = ("_names", "nodes", "root")

    def __init__(self, names: Callable[[Pipeline], Mapping[int, str]]) -> None:
        self.root: list[Node] = []
        self.nodes = self.root
        self._names = names

    def _open(self, text: str) -> list[Node]:
        subs: list[Node] = []
        self.nodes.append(Node(text, subs))
        return subs

    def table(self, number: int, rule: Rule | None, pipeline: Pipeline) -> list[Node]:
        """The look-up in a table and its result; returns the list for the flow's actions."""
        if rule is None:
            subs = self._open(f"{number:2d}. No match.")
            subs.append(Node("drop"))
            return subs
        match = format_match(rule.match, self._names(pipeline))
        text = f"{number:2d}. {match}{', ' if match else ''}priority {rule.priority}"
        if rule.cookie:
            text += f", cookie {rule.cookie:#x}"
        subs = self._open(text)
        if not rule.actions:
            subs.append(Node("drop"))
        return subs

    def bridge(self, name: str) -> None:
        """The packet crosses to another bridge."""
        title = f'bridge("{name}")'
        self.nodes = self._open(f"\n{title}\n{'-' * len(title)}")

    def bucket(self, number: int) -> list[Node]:
        """A bucket of a group runs; returns the list for its actions."""
        return self._open(f"bucket {number}")

    def action(self, action: Action, pipeline: Pipeline) -> None:
        """An action is carried out."""
        self.nodes.append(Node(format_actions((action,), self._names(pipeline))))

    def detail(self, text: str) -> None:
        """A remark about the action before."""
        self.nodes.append(Node(f" -> {text}"))

    def warn(self, text: str) -> None:
        """Something went wrong."""
        self.nodes.append(Node(f" >> {text}"))

    def moved(self, destination: Subfield, value: int) -> None:
        """The outcome of a move."""
        field = destination.field
        text = format_value(field, value, field.full) if destination.bits == field.bits else f"{value:#x}"
        self.detail(f"{format_subfield(destination)} is now {'0' if value == 0 else text}")

    def tracked(self, table: int | None) -> None:
        """A ct action."""
        if table is not None:
            self.nodes.append(Node("drop"))
            self.detail(
                "A clone of the packet is forked to recirculate. "
                f"The forked pipeline will be resumed at table {table}."
            )
        self.detail("Sets the packet to an untracked state, and clears all the conntrack fields.")

    def render(self) -> list[str]:
        """The lines."""
        return list(_render(self.root, 0))


def _render(nodes: list[Node], level: int) -> Iterable[str]:
    last = len(nodes) - 1
    for index, node in enumerate(nodes):
        inner = level if index == last and node.subs is not None else level + 1
        for line in node.text.split("\n"):
            yield " " * 4 * inner + line if line else ""
        if node.subs is not None:
            yield from _render(node.subs, inner if inner == level else level + 2)


def parse_state(text: str) -> int:
    """``trk,est`` or ``trk|est`` as bits; raises ``ValueError``."""
    state = 0
    for word in text.replace("|", ",").split(","):
        if word not in _STATES:
            raise ValueError(f"{word}: unknown connection tracking state flag")
        state |= _STATES[word]
    return state


def _format_state(state: int) -> str:
    return "|".join(name for name, bit in _STATES.items() if state & bit)


def _pass(
    pipeline: Pipeline, key: int, length: int, resume: int | None, *, named: bool
) -> tuple[list[str], list[Step]]:
    """One pass through the pipeline: its lines, and the steps that it came to."""
    name_of = port_names if named else _no_names
    names = name_of(pipeline)
    title = f'bridge("{pipeline.name}")'
    lines = [f"Flow: {format_key(key, names)}", "", title, "-" * len(title)]
    if resume is not None:
        lines += ["    thaw", f"        Resuming from table {resume}"]
    tracer = Tracer(name_of)
    x = Translation(pipeline, key, length, tracer)
    x.run_table(_FIRST_TABLE.read(key))
    lines += tracer.render()
    changed = (x.key ^ x.base) & ~_FIRST_TABLE.mask
    lines += [
        "",
        f"Final flow: {format_key(x.key, names) if changed else 'unchanged'}",
        f"Megaflow: {format_megaflow(key, x.wc, names)}",
        f"Datapath actions: {format_steps(x.steps, key, named=named)}",
    ]
    return lines, x.steps


def trace(
    pipeline: Pipeline, key: int, length: int = 0, ct_next: list[int] | None = None, *, named: bool = False
) -> str:
    """The text for a packet with ``key`` in ``pipeline``; ``ct_next`` gives the states of later passes.

    ``named`` shows ports by name.
    """
    states = list(ct_next or ())
    key = key & ~SLOTS["bridge"].mask | pipeline.index << SLOTS["bridge"].offset
    out, steps = _pass(pipeline, key, length, None, named=named)
    waiting = [(step, key) for step in steps]
    passes = 0
    while waiting:
        step, base = waiting.pop(0)
        if not isinstance(step, Track) or step.action.table is None:
            continue
        passes += 1
        if passes > MAX_PASSES:
            break
        state = states.pop(0) if states else conntrack.TRK | conntrack.NEW
        table = step.action.table
        key = (base & step.keep | step.value) & (FULL ^ CT_BITS ^ _FIRST_TABLE.mask)
        key |= state << _STATE.offset | step.zone << _ZONE.offset | table << _FIRST_TABLE.offset
        bar = "=" * 79
        title = f"recirc({passes:#x}) - resume conntrack with"
        default = " default" if not ct_next else ""
        words = _format_state(state) if ct_next else "trk|new"
        hint = " (use --ct-next to customize)" if not ct_next else ""
        out += ["", bar, f"{title}{default} ct_state={words}{hint}", bar, ""]
        lines, steps = _pass(step.pipeline, key, length, table, named=named)
        out += lines
        waiting = [(later, key) for later in steps] + waiting
    return "\n".join(out) + "\n"


def trace_match(pipeline: Pipeline, match: object, ct_next: list[int] | None = None) -> str:
    """Trace a packet that is described by a match."""
    value, _ = pack_match(match)  # type: ignore[arg-type]  # a Match; the module does not need its type
    return trace(pipeline, value, 0, ct_next)


_SETS: Final = (
    ("eth", (("src", "eth_src", "mac"), ("dst", "eth_dst", "mac"))),
    ("ipv4", (
        ("src", "ip_src", "ipv4"), ("dst", "ip_dst", "ipv4"), ("tos", "ip_tos", "hex"), ("ttl", "ip_ttl", ""),
    )),
    ("ipv6", (("src", "ipv6_src", "ipv6"), ("dst", "ipv6_dst", "ipv6"), ("hlimit", "ip_ttl", ""))),
    ("arp", (
        ("sip", "arp_spa", "ipv4"), ("tip", "arp_tpa", "ipv4"), ("op", "arp_op", ""),
        ("sha", "arp_sha", "mac"), ("tha", "arp_tha", "mac"),
    )),
    ("tcp", (("src", "tp_src", ""), ("dst", "tp_dst", ""))),
)  # fmt: skip


def _sets(before: int, after: int) -> list[str]:
    """``set(...)`` words for the headers in which two keys differ."""
    from pyovn.vswitch.keytext import format_slot

    words = []
    diff = (before ^ after) & HEADER_BITS
    ipv6 = SLOTS["eth_type"].read(after) == 0x86DD
    for header, fields in _SETS:
        if header == ("ipv4" if ipv6 else "ipv6"):
            continue
        parts = [
            f"{name}={format_slot(form, SLOTS[slot].read(after))}"
            for name, slot, form in fields
            if diff & SLOTS[slot].mask
        ]
        if parts:
            name = "udp" if header == "tcp" and SLOTS["ip_proto"].read(after) == 17 else header
            words.append(f"set({name}({','.join(parts)}))")
    tci, inner = SLOTS["vlan_tci"], SLOTS["vlan2_tci"]
    if diff & tci.mask:
        stacked = inner.read(after) == tci.read(before)
        if tci.read(before) & 0x1000 and not stacked:
            words.append("pop_vlan")
        if tci.read(after) & 0x1000:
            words.append(f"push_vlan(vid={tci.read(after) & 0xFFF},pcp={tci.read(after) >> 13})")
    return words


def format_steps(steps: list[Step], base: int, *, named: bool = False) -> str:
    """The steps as ``Datapath actions`` shows them; ports by number, or by name if ``named``."""
    words: list[str] = []
    now = base
    recirculation = 0
    for step in steps:
        if not isinstance(step, Send | PacketIn | Track):
            continue
        after = base & step.keep | step.value
        words += _sets(now, after)
        now = after
        if isinstance(step, Send):
            if step.max_len:
                words.append(f"trunc({step.max_len})")
            words.append(step.port.name if named else str(step.port.datapath_number))
        elif isinstance(step, PacketIn):
            action = step.action
            words.append(
                f"userspace(pid=0,controller(reason={action.reason},dont_send=0,continuation=0,recirc_id=0,"
                f"rule_cookie={step.cookie:#x},controller_id={action.controller_id},max_len={action.max_len}))"
            )
        else:
            words.append(_format_track(step))
            if step.action.table is not None:
                recirculation += 1
                words.append(f"recirc({recirculation:#x})")
    return ",".join(words) or "drop"


def _format_track(step: Track) -> str:
    parts = []
    if step.action.commit:
        parts.append("force_commit" if step.action.force else "commit")
    parts.append(f"zone={step.zone}")
    for name, (value, mask), ones in (
        ("mark", step.mark, SLOTS["ct_mark"].ones),
        ("label", step.label, SLOTS["ct_label"].ones),
    ):
        if mask:
            parts.append(f"{name}={value & mask:#x}/{mask & ones:#x}")
    if step.action.nat is not None:
        parts.append("nat")
    return f"ct({','.join(parts)})"
