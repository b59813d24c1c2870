"""Monitors of flows: who is told which changes of the flow tables (ovs-ofctl(8), "monitor watch:").

A controller starts a monitor with NXST_FLOW_MONITOR (OpenFlow 1.0) or OFPMP_FLOW_MONITOR (1.4 and later); the
answer lists what is there, and then every change is told in order.  Of changes that the controller made
itself, only the number of its message is told unless it asks for its own in full.

Not here: buffering for a controller that does not read; its connection's backlog is the limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.vswitch.flowkey import pack_match
from pyovn.vswitch.flowmods import outputs_to
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.vswitch.classifier import Rule
    from pyovn.vswitch.flowmods import FlowEvent

_FLAGS = {
    mp.FLOW_ADDED: mp.MONITOR_ADD,
    mp.FLOW_DELETED: mp.MONITOR_DELETE,
    mp.FLOW_MODIFIED: mp.MONITOR_MODIFY,
}


class Monitor:
    """One monitor, with its match packed as flows' are."""

    __slots__ = ("_mask", "_value", "request")

    def __init__(self, request: mp.FlowMonitor) -> None:
        """Raises ``UnknownFieldError`` for a match that no flow here can have."""
        self.request = request
        self._value, self._mask = pack_match(request.match)

    def covers(self, rule: Rule) -> bool:
        """Whether a flow is one of those watched."""
        wanted = self.request
        if wanted.table not in {mp.ALL_TABLES, rule.table}:
            return False
        if rule.mask & self._mask != self._mask or rule.value & self._mask != self._value:
            return False
        return wanted.out_port == mp.ANY_PORT or outputs_to(rule.actions, wanted.out_port)


def shown(rule: Rule, *, actions: bool) -> Flow:
    """A flow as an update describes it."""
    return Flow(
        rule.table, rule.priority, rule.match, rule.actions if actions else (), rule.cookie,
        rule.idle_timeout, rule.hard_timeout,
    )  # fmt: skip


class Monitors:
    """The monitors of one controller."""

    __slots__ = ("_by_id",)

    def __init__(self) -> None:
        self._by_id: dict[int, Monitor] = {}

    def __bool__(self) -> bool:
        return bool(self._by_id)

    def __contains__(self, ident: int) -> bool:
        return ident in self._by_id

    def start(self, request: mp.FlowMonitor, rules: Iterable[Rule]) -> list[mp.FlowUpdate]:
        """Add a monitor; what it covers of ``rules``, if it asks for that."""
        monitor = self._by_id[request.id] = Monitor(request)
        if not request.flags & mp.MONITOR_INITIAL:
            return []
        actions = bool(request.flags & mp.MONITOR_ACTIONS)
        return [
            mp.FlowUpdate(mp.FLOW_INITIAL, shown(rule, actions=actions))
            for rule in rules
            if monitor.covers(rule)
        ]

    def cancel(self, ident: int) -> bool:
        """End a monitor; tells whether there was one."""
        return self._by_id.pop(ident, None) is not None

    def updates(self, events: Iterable[FlowEvent], own_xid: int | None) -> list[mp.FlowUpdate]:
        """What to tell of ``events``; ``own_xid`` is the controller's message that caused them, if it did."""
        found: list[mp.FlowUpdate] = []
        abbreviated = False
        for event, rule, reason in events:
            covering = [
                m.request.flags
                for m in self._by_id.values()
                if m.request.flags & _FLAGS[event] and m.covers(rule)
            ]
            if not covering:
                continue
            if own_xid is not None and not any(flags & mp.MONITOR_OWN for flags in covering):
                abbreviated = True
                continue
            actions = any(flags & mp.MONITOR_ACTIONS for flags in covering)
            found.append(mp.FlowUpdate(event, shown(rule, actions=actions), reason))
        if abbreviated:
            nothing = Flow(0, 0, ANY, ())
            found.append(mp.FlowUpdate(mp.FLOW_ABBREVIATED, nothing, 0, own_xid or 0))
        return found
