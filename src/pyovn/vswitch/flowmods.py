"""Changes of a bridge's flows, groups and tunnel options, each of which can be taken back.

Every change appends its undoing to a journal; a request that fails half-way, and a bundle of which one
message fails, is undone in reverse order, so that it leaves no trace.  A callback runs to its end
before a packet is looked at, so no packet ever sees half of a bundle (OpenFlow 1.5.1, section 6.9.4).

The meaning of the commands, of cookies and of counters is that of OpenFlow 1.5.1, section 6.4.

Not here: messages and connections (``ofserver``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from pyovn.vswitch import errors, groups
from pyovn.vswitch.classifier import FlowTable, Rule
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowkey import UnknownFieldError, pack_match
from pyovn.vswitch.program import EMPTY, TABLE_COUNT, check_order, clauses_of, compile_actions, compile_shared
from pyovn.vswitch.tunnels import TlvMapping
from pyovn.wire.openflow import actions as of
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.flow import (
    CHECK_OVERLAP,
    NO_BYTE_COUNTS,
    NO_PACKET_COUNTS,
    RESET_COUNTS,
    SEND_FLOW_REM,
)
from pyovn.wire.openflow.match import ANY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyovn.vswitch.pipeline import Pipeline
    from pyovn.wire.openflow.actions import Action
    from pyovn.wire.openflow.match import Match

    Journal = list[Callable[[], None]]
    FlowEvent: TypeAlias = tuple[int, Rule, int]
    """What happened (``multiparts.FLOW_*``), to which flow, and the reason of a removal."""

REMOVED_IDLE, REMOVED_HARD, REMOVED_DELETED, REMOVED_GROUP = 0, 1, 2, 3
FAIL_OPEN_PRIORITY: Final = 0xF0F0F0
"""Above what OpenFlow can say; flows up there are the switch's own and no request sees them."""

_KEPT_FLAGS: Final = SEND_FLOW_REM | NO_PACKET_COUNTS | NO_BYTE_COUNTS
"""The others say how to add a flow; they are no part of it."""

_MAX_PRIORITY: Final = 0xFFFF
_TLV_LENGTH: Final = 4


def groups_of(actions: Iterable[Action]) -> set[int]:
    """The groups that a list of actions refers to, in clones too."""
    found: set[int] = set()
    for action in actions:
        if isinstance(action, of.Group):
            found.add(action.id)
        elif isinstance(action, of.Clone):
            found |= groups_of(action.actions)
    return found


def outputs_to(actions: Iterable[Action], port: int) -> bool:
    """Tell whether a list of actions names ``port``."""
    return any(
        (isinstance(a, of.Output | of.OutputTruncated) and a.port == port)
        or (isinstance(a, of.Clone) and outputs_to(a.actions, port))
        for a in actions
    )


class Changes:
    """The changes of one request or bundle.

    ``removed`` lists flows that are gone and whose removal is to be told, with the reason; ``events`` lists
    all that happened to flows, for monitors; ``outputs`` is what to do once all changes
    have been made.
    """

    __slots__ = ("events", "journal", "outputs", "removed", "touched")

    def __init__(self) -> None:
        self.journal: Journal = []
        self.events: list[FlowEvent] = []
        self.removed: list[tuple[Rule, int]] = []
        self.outputs: list[Callable[[], None]] = []
        self.touched = False

    def undo(self) -> None:
        """Take everything back."""
        for step in reversed(self.journal):
            step()
        self.journal.clear()
        self.removed.clear()
        self.events.clear()
        self.outputs.clear()


class FlowState:
    """The flows, groups and tunnel options of one bridge."""

    __slots__ = ("_now", "pipeline", "timed", "tlv")

    def __init__(self, pipeline: Pipeline, now: Callable[[], float]) -> None:
        self.pipeline = pipeline
        self.tlv: dict[int, TlvMapping] = {}
        self.timed: set[Rule] = set()
        self._now = now

    # -- flows -----------------------------------------------------------------------------------

    def flow_mod(self, mod: msg.FlowMod, changes: Changes) -> None:
        """Carry out a flow mod; raises ``OpenFlowError`` with nothing changed."""
        command = mod.command
        if command == msg.ADD:
            self._add(mod, changes)
        elif command in {msg.MODIFY, msg.MODIFY_STRICT}:
            self._modify(mod, changes)
        elif command in {msg.DELETE, msg.DELETE_STRICT}:
            for rule in list(self._addressed(mod)):
                self._remove(rule, REMOVED_DELETED, changes)
        else:
            raise OpenFlowError(errors.FLOW_BAD_COMMAND, f"flow mod command {command}")

    def make_rule(self, table: int, priority: int, match: Match, actions: tuple[Action, ...]) -> Rule:
        """Check and compile a flow; raises ``OpenFlowError``."""
        packed = _pack(match)
        for group in groups_of(actions):
            if group not in self.pipeline.groups:
                raise OpenFlowError(errors.ACTION_BAD_OUT_GROUP, f"there is no group {group}")
        for action in actions:
            if isinstance(action, of.GotoTable) and action.table <= table:
                raise OpenFlowError(errors.INSTRUCTION_BAD_TABLE, f"goto_table:{action.table} goes back")
        check_order(actions)
        program = compile_shared(actions, match) if actions else EMPTY
        clauses = clauses_of(actions) if actions and isinstance(actions[0], of.Conjunction | of.Note) else ()
        return Rule(table, priority, match, packed, actions, program, clauses, self._now())

    def _table(self, number: int) -> FlowTable:
        table = self.pipeline.tables[number]
        if table is None:
            table = self.pipeline.tables[number] = FlowTable(number)
        return table

    def _add(self, mod: msg.FlowMod, changes: Changes) -> None:
        flow = mod.flow
        number = 0 if flow.table == mp.ALL_TABLES else flow.table
        if number >= TABLE_COUNT:
            raise OpenFlowError(errors.FLOW_BAD_TABLE, f"there is no table {number}")
        rule = self.make_rule(number, flow.priority, flow.match, flow.actions)
        rule.cookie, rule.flags, rule.importance = flow.cookie, flow.flags & _KEPT_FLAGS, flow.importance
        rule.idle_timeout, rule.hard_timeout = flow.idle_timeout, flow.hard_timeout
        table = self._table(number)
        old = table.find(rule.priority, rule.value, rule.mask)
        if flow.flags & CHECK_OVERLAP:
            for other in table:
                if other is not old and other.priority == rule.priority and other.overlaps(rule):
                    raise OpenFlowError(errors.FLOW_OVERLAP, "the flow overlaps one of the same priority")
        if old is not None:
            if not flow.flags & RESET_COUNTS:
                rule.packets, rule.bytes = old.packets, old.bytes
            self._take_out(old, changes)
        self._put_in(rule, changes)
        changes.events.append((mp.FLOW_ADDED, rule, 0))

    def _modify(self, mod: msg.FlowMod, changes: Changes) -> None:
        flow = mod.flow
        addressed = list(self._addressed(mod))
        if not addressed and mod.modify_cookie:
            self._add(mod, changes)
            return
        for rule in addressed:
            new = self.make_rule(rule.table, rule.priority, rule.match, flow.actions)
            new.cookie = flow.cookie if mod.modify_cookie else rule.cookie
            new.flags, new.importance = rule.flags, rule.importance
            new.idle_timeout, new.hard_timeout = rule.idle_timeout, rule.hard_timeout
            new.created, new.used = rule.created, rule.used
            if not flow.flags & RESET_COUNTS:
                new.packets, new.bytes = rule.packets, rule.bytes
            self._take_out(rule, changes)
            self._put_in(new, changes)
            changes.events.append((mp.FLOW_MODIFIED, new, 0))

    def _addressed(self, mod: msg.FlowMod) -> Iterator[Rule]:
        """The flows that a modify or delete means."""
        flow = mod.flow
        value, mask = _pack(flow.match)
        strict = mod.command in {msg.MODIFY_STRICT, msg.DELETE_STRICT}
        if strict and flow.table != mp.ALL_TABLES:
            table = self.pipeline.tables[flow.table]
            rule = table.find(flow.priority, value, mask) if table is not None else None
            if rule is not None and _selected(rule, mod):
                yield rule
            return
        for rule in self.select(flow.table, value, mask, mod):
            if not strict or (rule.priority == flow.priority and rule.mask == mask):
                yield rule

    def select(
        self, table: int, value: int, mask: int, by: msg.FlowMod | mp.FlowDescRequest | mp.AggregateRequest
    ) -> Iterator[Rule]:
        """The flows that a non-strict criterion means, in table order."""
        tables = self.pipeline.tables if table == mp.ALL_TABLES else (self.pipeline.tables[table],)
        for flows in tables:
            if flows is None:
                continue
            for rule in flows:
                if rule.priority > _MAX_PRIORITY:
                    continue
                if rule.mask & mask == mask and rule.value & mask == value and _selected(rule, by):
                    yield rule

    def _put_in(self, rule: Rule, changes: Changes) -> None:
        self._table(rule.table).add(rule)
        changes.touched = True
        changes.journal.append(lambda: self._drop(rule))
        if rule.idle_timeout or rule.hard_timeout:
            self.timed.add(rule)

    def _drop(self, rule: Rule) -> None:
        self._table(rule.table).remove(rule)
        self.timed.discard(rule)

    def _take_out(self, rule: Rule, changes: Changes) -> None:
        self._drop(rule)
        changes.touched = True
        changes.journal.append(lambda: self._restore(rule))

    def _restore(self, rule: Rule) -> None:
        self._table(rule.table).add(rule)
        if rule.idle_timeout or rule.hard_timeout:
            self.timed.add(rule)

    def _remove(self, rule: Rule, reason: int, changes: Changes) -> None:
        self._take_out(rule, changes)
        changes.events.append((mp.FLOW_DELETED, rule, reason))
        if rule.flags & SEND_FLOW_REM:
            changes.removed.append((rule, reason))

    def expire(self, changes: Changes) -> None:
        """Remove the flows whose time is over; counters must be up to date."""
        now = self._now()
        for rule in list(self.timed):
            if rule.hard_timeout and now >= rule.modified + rule.hard_timeout:
                self._remove(rule, REMOVED_HARD, changes)
            elif rule.idle_timeout and now >= rule.used + rule.idle_timeout:
                self._remove(rule, REMOVED_IDLE, changes)

    def set_default(self, *, normal: bool) -> None:
        """Install or remove the flow that a standalone bridge without flows has: NORMAL at priority 0."""
        table = self._table(0)
        old = table.find(0, 0, 0)
        if normal and old is None and not any(self.pipeline.tables):
            table.add(self.make_rule(0, 0, ANY, (of.Output(of.PORT_NORMAL),)))
        elif not normal and old is not None and old.actions == (of.Output(of.PORT_NORMAL),):
            table.remove(old)

    def flush(self) -> None:
        """Remove every flow and group, as when a bridge gets its first controller or loses its last."""
        for number in range(len(self.pipeline.tables)):
            self.pipeline.tables[number] = None
        self.pipeline.groups.clear()
        self.timed.clear()

    def set_fail_open(self, *, on: bool) -> bool:
        """Have NORMAL above all flows, or not; tells whether that is a change."""
        table = self._table(0)
        old = table.find(FAIL_OPEN_PRIORITY, 0, 0)
        if on == (old is not None):
            return False
        if old is None:
            table.add(self.make_rule(0, FAIL_OPEN_PRIORITY, ANY, (of.Output(of.PORT_NORMAL),)))
        else:
            table.remove(old)
        return True

    # -- groups ----------------------------------------------------------------------------------

    def group_mod(self, mod: msg.GroupMod, changes: Changes) -> None:
        """Carry out a group mod; raises ``OpenFlowError`` with nothing changed."""
        entry, have = mod.group, self.pipeline.groups.get(mod.group.id)
        command = mod.command
        if command == msg.GROUP_ADD_OR_MODIFY:
            command = msg.GROUP_ADD if have is None else msg.GROUP_MODIFY
        if command == msg.GROUP_DELETE:
            chosen = list(self.pipeline.groups) if entry.id == mp.ALL_GROUPS else [entry.id]
            for number in chosen:
                self._delete_group(number, changes)
            return
        if entry.id >= 0xFFFFFF00:
            raise OpenFlowError(errors.GROUP_INVALID, f"group number {entry.id:#x} is reserved")
        if command == msg.GROUP_ADD:
            if have is not None:
                raise OpenFlowError(errors.GROUP_EXISTS, f"group {entry.id} exists")
        elif have is None:
            raise OpenFlowError(errors.GROUP_UNKNOWN, f"there is no group {entry.id}")
        elif command == msg.GROUP_INSERT_BUCKET:
            entry = _with_buckets(have.entry, mod)
        elif command == msg.GROUP_REMOVE_BUCKET:
            entry = _without_bucket(have.entry, mod.bucket_id)
        elif command != msg.GROUP_MODIFY:
            raise OpenFlowError(errors.GROUP_BAD_COMMAND, f"group mod command {mod.command}")
        self._set_group(entry.id, self._make_group(entry), changes)

    def _make_group(self, entry: mp.GroupEntry) -> groups.SwitchGroup:
        if entry.type not in {groups.ALL, groups.SELECT, groups.INDIRECT, groups.FAST_FAILOVER}:
            raise OpenFlowError(errors.GROUP_BAD_TYPE, f"group type {entry.type}")
        if entry.type == groups.INDIRECT and len(entry.buckets) != 1:
            raise OpenFlowError(errors.GROUP_INVALID, "an indirect group has one bucket")
        if len({b.id for b in entry.buckets}) != len(entry.buckets):
            raise OpenFlowError(errors.GROUP_BUCKET_EXISTS, "two buckets have one number")
        buckets = []
        for bucket in entry.buckets:
            if entry.id in groups_of(bucket.actions):
                raise OpenFlowError(errors.GROUP_LOOP, f"group {entry.id} would call itself")
            weight = bucket.weight if bucket.weight is not None else 1
            program = compile_actions(bucket.actions, None)
            buckets.append(groups.Bucket(bucket.id, weight, bucket.watch_port, bucket.watch_group, program))
        return groups.SwitchGroup(entry.id, entry.type, tuple(buckets), entry, self._now())

    def _set_group(self, number: int, group: groups.SwitchGroup | None, changes: Changes) -> None:
        table = self.pipeline.groups
        old = table.get(number)

        def put(value: groups.SwitchGroup | None) -> None:
            if value is None:
                table.pop(number, None)
            else:
                table[number] = value

        put(group)
        changes.touched = True
        changes.journal.append(lambda: put(old))

    def group_references(self) -> dict[int, int]:
        """How many flows name each group."""
        count: dict[int, int] = {}
        for table in self.pipeline.tables:
            for rule in table or ():
                for number in groups_of(rule.actions):
                    count[number] = count.get(number, 0) + 1
        return count

    def _delete_group(self, number: int, changes: Changes) -> None:
        if number not in self.pipeline.groups:
            return
        for flows in self.pipeline.tables:
            if flows is not None:
                for rule in [r for r in flows if r.actions and number in groups_of(r.actions)]:
                    self._remove(rule, REMOVED_GROUP, changes)
        self._set_group(number, None, changes)

    # -- tunnel options --------------------------------------------------------------------------

    def tlv_mod(self, mod: msg.TlvTableMod, changes: Changes) -> None:
        """Change the TLV table; the switch has ``tun_metadata0`` of 4 bytes, which is what OVN uses."""
        before = dict(self.tlv)
        if mod.command == msg.TLV_CLEAR:
            after: dict[int, TlvMapping] = {}
        elif mod.command == msg.TLV_DELETE:
            gone = {(m.option_class, m.option_type) for m in mod.maps}
            after = {i: m for i, m in before.items() if m[:2] not in gone}
        elif mod.command != msg.TLV_ADD:
            raise OpenFlowError(errors.TLV_BAD_COMMAND, f"tlv table command {mod.command}")
        else:
            after = dict(before)
            for entry in mod.maps:
                mapping = TlvMapping(entry.option_class, entry.option_type, entry.length, entry.index)
                if entry.length != _TLV_LENGTH:
                    raise OpenFlowError(errors.TLV_BAD_LENGTH, "the switch has options of 4 bytes only")
                if entry.index != 0:
                    raise OpenFlowError(errors.TLV_BAD_INDEX, "the switch has tun_metadata0 only")
                if entry.index in after:
                    raise OpenFlowError(errors.TLV_ALREADY_MAPPED, f"tun_metadata{entry.index} is mapped")
                after[entry.index] = mapping

        def put(value: dict[int, TlvMapping]) -> None:
            self.tlv.clear()
            self.tlv.update(value)

        put(after)
        changes.touched = True
        changes.journal.append(lambda: put(before))


def _pack(match: Match) -> tuple[int, int]:
    try:
        packed = pack_match(match)
    except UnknownFieldError as e:
        raise OpenFlowError(errors.MATCH_BAD_FIELD, str(e)) from None
    return packed


def _selected(rule: Rule, by: msg.FlowMod | mp.FlowDescRequest | mp.AggregateRequest) -> bool:
    """The criteria other than the match."""
    cookie = by.flow.cookie if isinstance(by, msg.FlowMod) else by.cookie
    if by.cookie_mask and (rule.cookie ^ cookie) & by.cookie_mask:
        return False
    if by.out_port != mp.ANY_PORT and not outputs_to(rule.actions, by.out_port):
        return False
    return by.out_group == mp.ANY_GROUP or by.out_group in groups_of(rule.actions)


def _with_buckets(entry: mp.GroupEntry, mod: msg.GroupMod) -> mp.GroupEntry:
    """Insert buckets: 0xfffffffe puts them last, 0xfffffffd first, else after that bucket."""
    old = list(entry.buckets)
    if mod.bucket_id == 0xFFFFFFFE:
        at = len(old)
    elif mod.bucket_id == 0xFFFFFFFD:
        at = 0
    else:
        at = _place(entry, mod.bucket_id) + 1
    buckets = (*old[:at], *mod.group.buckets, *old[at:])
    return _replaced(entry, buckets)


def _without_bucket(entry: mp.GroupEntry, number: int) -> mp.GroupEntry:
    """Remove a bucket: 0xffffffff all, 0xfffffffe the last, 0xfffffffd the first."""
    if number == 0xFFFFFFFF:
        return _replaced(entry, ())
    if not entry.buckets:
        raise OpenFlowError(errors.GROUP_UNKNOWN_BUCKET, "the group has no bucket")
    at = {0xFFFFFFFE: len(entry.buckets) - 1, 0xFFFFFFFD: 0}.get(number)
    if at is None:
        at = _place(entry, number)
    return _replaced(entry, entry.buckets[:at] + entry.buckets[at + 1 :])


def _place(entry: mp.GroupEntry, number: int) -> int:
    for at, bucket in enumerate(entry.buckets):
        if bucket.id == number:
            return at
    raise OpenFlowError(errors.GROUP_UNKNOWN_BUCKET, f"the group has no bucket {number}")


def _replaced(entry: mp.GroupEntry, buckets: tuple[mp.Bucket, ...]) -> mp.GroupEntry:
    return mp.GroupEntry(
        entry.id, entry.type, buckets, entry.selection_method, entry.selection_parameter, entry.fields
    )
