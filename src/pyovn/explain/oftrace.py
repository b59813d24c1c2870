"""What ``ofproto/trace`` says, read back: tables, actions and outputs, with the packet at each output.

The text is the same from Open vSwitch's switch and from ours (ovs-vswitchd(8), "ofproto/trace"): a table
with its flow, then the actions that were carried out.  The actions are carried out here once more, on a
flow key, because the text does not say what a packet looked like when it was sent.  The packet in the
question is text, too (``question``): a frame in hexadecimal would lose the metadata of its tunnel.

Conntrack starts new passes; their text follows and is read on.  Not here: hypervisors (``physical``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from pyovn.vswitch.flowkey import SLOTS, UnknownFieldError, slot_of
from pyovn.vswitch.keytext import format_key
from pyovn.wire.openflow import actions as act
from pyovn.wire.openflow.text import TextError, parse_actions

_BRIDGE: Final = re.compile(r' *bridge\("(.*)"\)$')
_TABLE: Final = re.compile(
    r"( *)(\d+)\. (?:(No match)\.|(.*?)(?:, )?priority (\d+)(?:, cookie (0x[0-9a-f]+))?)$"
)
_ICMPV6: Final = re.compile(r"(?<![a-z0-9_])icmp_(type|code)=")
NEIGHBOR_SOLICITATION: Final = 135
_END: Final = "Final flow:"
PRESENT: Final = 0x1000
"""The bit of vlan_tci that says that there is a tag."""
_UNKNOWN: Final = -1
_ACROSS_PATCH: Final = ("metadata", "xxreg0", "xxreg1", "xxreg2", "xxreg3", "tun_id", "tun_metadata0")


@dataclass(slots=True)
class Hit:
    """A table and the flow that the packet met in it."""

    bridge: str
    table: int
    match: str = ""
    priority: int | None = None
    """None: no flow matched."""
    cookie: int = 0
    key: int = 0
    """The packet when it came here."""
    actions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_drop(self) -> bool:
        """A flow says so."""
        return self.priority is not None and self.actions in ([], ["drop"])

    @property
    def is_passage(self) -> bool:
        """The packet is only passed on."""
        return self.priority is not None and all(a.startswith("resubmit(") for a in self.actions)


@dataclass(slots=True)
class Sending:
    """An output, or a copy to the controller (``port`` None)."""

    bridge: str
    hit: Hit
    port: int | None
    key: int
    userdata: bytes = b""
    normal: bool = False
    """The bridge forwards it like any switch."""
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """The whole of a trace."""

    hits: list[Hit] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)


def question(key: int) -> str:
    """A packet and its metadata as the flow that ``ofproto/trace`` takes."""
    text = format_key(key)
    words = [word for word in text.split(",") if not word.startswith("vlan_tci1=")]
    if "icmp6" in words:
        # A solicitation has no target's address, an advertisement no source's; neither may be asked about.
        missing = "nd_tll=" if SLOTS["icmp_type"].read(key) == NEIGHBOR_SOLICITATION else "nd_sll="
        words = [_ICMPV6.sub(r"icmpv6_\1=", word) for word in words if not word.startswith(missing)]
    return ",".join(words)


def read(text: str, key: int) -> Reading:
    """The trace of a packet with ``key``."""
    reader = _Reader(key)
    for line in text.splitlines():
        reader.line(line)
    return reader.reading


@dataclass(slots=True)
class _Scope:
    """Something that ends with the packet as it was: a clone, or another bridge."""

    indent: int
    """Of the tables within; what is less indented is outside."""
    key: int
    stack: list[int]
    bridge: str
    clone: Hit | None = None
    """The flow that a clone is an action of; None: another bridge."""
    left: int = 0
    """Actions that the clone still has."""


class _Reader:
    def __init__(self, key: int) -> None:
        self.reading = Reading()
        self.key = key
        self.stack: list[int] = []
        self.bridge = ""
        self.hits: dict[int, Hit] = {}
        self.scopes: list[_Scope] = []
        self.reads = False

    def line(self, line: str) -> None:
        found = _BRIDGE.match(line)
        if found is not None:
            self._enter(found[1])
            return
        if line.startswith(_END):
            self.reads = False
            self.scopes.clear()
            self.hits.clear()
        if not self.reads or not line.strip() or set(line.strip()) == {"-"}:
            return
        found = _TABLE.match(line)
        indent = len(line) - len(line.lstrip(" "))
        text = line.strip()
        if found is not None:
            self._table(found)
        elif text.startswith(("->", ">>")):
            self._note(text[2:].strip())
        elif text.startswith("Resuming from table") or text == "thaw":
            return
        else:
            self._leave_bridges(indent)
            self._action(indent, text)

    def _enter(self, name: str) -> None:
        if self.reads and self.bridge:
            self.scopes.append(_Scope(_UNKNOWN, self.key, list(self.stack), self.bridge))
            for slot in _ACROSS_PATCH:
                self.key &= ~SLOTS[slot].mask
        self.bridge = name
        self.reads = True

    def _leave_bridges(self, indent: int) -> None:
        while self.scopes and self.scopes[-1].clone is None and indent < self.scopes[-1].indent:
            self._restore()

    def _restore(self) -> None:
        scope = self.scopes.pop()
        self.key, self.stack, self.bridge = scope.key, scope.stack, scope.bridge

    def _table(self, found: re.Match[str]) -> None:
        # A number of one digit stands one column to the right of the others.
        level = found.end(1) - (1 if len(found[2]) == 1 else 0)
        if self.scopes and self.scopes[-1].indent == _UNKNOWN:
            self.scopes[-1].indent = level
        self._leave_bridges(level)
        hit = Hit(self.bridge, int(found[2]), key=self.key)
        if not found[3]:
            hit.match, hit.priority = found[4], int(found[5])
            hit.cookie = int(found[6] or "0", 16)
        self.reading.hits.append(hit)
        self.hits = {at: known for at, known in self.hits.items() if at < level}
        self.hits[level] = hit

    def _note(self, text: str) -> None:
        if self.reading.hits:
            self.reading.hits[-1].notes.append(text)
        if self.reading.sendings:
            self.reading.sendings[-1].notes.append(text)

    def _action(self, indent: int, text: str) -> None:
        below = [at for at in self.hits if at < indent]
        if not below:
            return
        level = max(below)
        hit = self.hits[level]
        hit.actions.append(text)
        self._count_clone(hit, level)
        try:
            actions = parse_actions(text) if text != "drop" else ()
        except (TextError, ValueError):
            return  # the switch did something that has no effect on where the packet goes
        for action in actions:
            self._execute(action, hit, level)

    def _count_clone(self, hit: Hit, level: int) -> None:
        """The actions of a clone stand after it, beside it; with the last one the packet is as before."""
        while self.scopes and (clone := self.scopes[-1]).clone is not None:
            if clone.clone is hit and clone.left > 0:
                clone.left -= 1
                return
            if clone.clone is not hit and level >= clone.indent:
                return
            self._restore()

    def _execute(self, action: act.Action, hit: Hit, level: int) -> None:
        match action:
            case act.SetField(field=target, value=value, mask=mask):
                self._set(target, value, mask)
            case act.Move(src=src, dst=dst):
                self._write(dst, self._read(src))
            case act.Push(subfield=subfield):
                self.stack.append(self._read(subfield))
            case act.Pop(subfield=subfield):
                if self.stack:
                    self._write(subfield, self.stack.pop())
            case act.PushVlan(ethertype=ethertype):
                self._push_vlan(ethertype)
            case act.PopVlan():
                self._pop_vlan()
            case act.SetVlanVid(vid=vid):
                self._set_vlan(vid, 0xFFF)
            case act.SetVlanPcp(pcp=pcp):
                self._set_vlan(pcp << 13, 0xE000)
            case act.Clone(actions=actions):
                scope = _Scope(level, self.key, list(self.stack), self.bridge, hit, len(actions))
                self.scopes.append(scope)
            case act.Output(port=port):
                normal = port == act.PORT_NORMAL
                number = SLOTS["in_port"].read(self.key) if port == act.PORT_IN_PORT else port
                self.reading.sendings.append(Sending(self.bridge, hit, number, self.key, normal=normal))
            case act.Controller(userdata=userdata):
                self.reading.sendings.append(Sending(self.bridge, hit, None, self.key, userdata))
            case _:
                pass

    def _set(self, target: object, value: int, mask: int | None) -> None:
        try:
            slot = slot_of(target)  # type: ignore[arg-type]
        except UnknownFieldError:
            return
        care = slot.ones if mask is None else mask & slot.ones
        self.key = self.key & ~(care << slot.offset) | (value & care) << slot.offset

    def _read(self, subfield: act.Subfield) -> int:
        return slot_of(subfield.field).read(self.key) >> subfield.ofs & ((1 << subfield.bits) - 1)

    def _write(self, subfield: act.Subfield, value: int) -> None:
        self._set(subfield.field, value << subfield.ofs, ((1 << subfield.bits) - 1) << subfield.ofs)

    # Two tags are known, the outer one first.

    def _push_vlan(self, ethertype: int) -> None:
        tci, tpid = SLOTS["vlan_tci"].read(self.key), SLOTS["vlan_tpid"].read(self.key)
        if not tci & PRESENT:
            tci, tpid = 0, 0
        self._put(vlan_tci=tci | PRESENT, vlan_tpid=ethertype, vlan2_tci=tci, vlan2_tpid=tpid)

    def _pop_vlan(self) -> None:
        tci, tpid = SLOTS["vlan2_tci"].read(self.key), SLOTS["vlan2_tpid"].read(self.key)
        self._put(vlan_tci=tci, vlan_tpid=tpid, vlan2_tci=0, vlan2_tpid=0)

    def _set_vlan(self, bits: int, mask: int) -> None:
        """OpenFlow 1.0's way: a tag is put on if there is none."""
        if not SLOTS["vlan_tci"].read(self.key) & PRESENT:
            self._push_vlan(0x8100)
        self._put(vlan_tci=SLOTS["vlan_tci"].read(self.key) & ~mask | bits)

    def _put(self, **values: int) -> None:
        for name, value in values.items():
            slot = SLOTS[name]
            self.key = self.key & ~slot.mask | value << slot.offset
