"""Wanted flows against the switch's flows: the smallest bundle that makes the switch so.

Like ``reconcile``, for OpenFlow: it follows derived relations of ``Flow`` items and knows what the switch
has (read back once after each connect, then by what was confirmed).  A flow's identity in the switch is
(table, priority, match); when several wanted flows share it, one of them counts, whichever came first,
except that flows which only take part in conjunctions add up, as they must.

A flow that the switch refuses is set aside with the reason until it changes; the rest is sent again
without it, and another wanted flow of its identity takes its place.  So is a flow that the switch does not
let go of.  Nothing is deleted before ``ready``: the picture of what is wanted must be complete first.

No I/O here: ``plan`` gives flow mods, ``confirmed`` and ``failed`` take what the switch said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.actions import Conjunction
from pyovn.wire.openflow.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyovn.incremental import Derived, Reason
    from pyovn.wire.openflow.match import Match

Key = tuple[int, int, "Match"]


class FlowTable:
    """What one bridge shall have and has."""

    def __init__(self) -> None:
        self._alone: dict[Key, tuple[Flow, Derived[Any, Any]]] = {}
        """What is wanted once, as almost everything is."""
        self._several: dict[Key, dict[Flow, list[Derived[Any, Any]]]] = {}
        """What shares its key, or is wanted by several derivations."""
        self._installed: dict[Key, Flow] = {}
        self._dirty: dict[Key, None] = {}
        self._refused: dict[Flow, str] = {}
        self._stuck: dict[Key, str] = {}
        """Flows that the switch does not delete, and its reason."""
        self.known = False
        """Whether we know what the switch has."""

    # -- what is wanted ------------------------------------------------------------------------

    def follow(self, relation: Derived[Any, Flow]) -> None:
        """Make the flows of ``relation`` wanted, now and from now on."""
        relation.subscribe(_Follower(self, relation))

    def came(self, flow: Flow, relation: Derived[Any, Any]) -> None:
        """``flow`` is wanted."""
        key = flow.key
        several = self._several.get(key)
        if several is not None:
            several.setdefault(flow, []).append(relation)
        elif key in self._alone:
            first, other = self._alone.pop(key)
            several = self._several[key] = {first: [other]}
            several.setdefault(flow, []).append(relation)
        else:
            self._alone[key] = flow, relation
        self._stuck.pop(key, None)
        self._dirty[key] = None

    def went(self, flow: Flow, relation: Derived[Any, Any]) -> None:
        """``relation`` wants ``flow`` no longer."""
        key = flow.key
        several = self._several.get(key)
        if several is None:
            del self._alone[key]
        else:
            several[flow].remove(relation)
            if several[flow]:
                return
            del several[flow]
            if not several:
                del self._several[key]
        self._refused.pop(flow, None)
        self._dirty[key] = None

    def wanted(self, key: Key) -> Flow | None:
        """The one flow that the switch shall have at ``key``."""
        flows = [flow for flow in self._candidates(key) if flow not in self._refused]
        if len(flows) < 2:
            return flows[0] if flows else None
        others = [flow for flow in flows if not _is_conjunctive(flow)]
        if others:
            return min(others, key=repr)
        actions = sorted({action for flow in flows for action in flow.actions}, key=repr)
        first = min(flows, key=repr)
        return Flow(first.table, first.priority, first.match, tuple(actions), first.cookie)

    def _candidates(self, key: Key) -> Iterable[Flow]:
        """The flows that are wanted at ``key``."""
        alone = self._alone.get(key)
        return self._several.get(key, ()) if alone is None else alone[:1]

    def _claims(self) -> Iterator[tuple[Flow, Sequence[Derived[Any, Any]]]]:
        """All that is wanted, and by which relations."""
        for flow, relation in self._alone.values():
            yield flow, (relation,)
        for flows in self._several.values():
            yield from flows.items()

    def why(self, cookie: int) -> list[tuple[Flow, list[Reason]]]:
        """The wanted flows with a cookie and the derivations that want them."""
        return [
            (flow, [reason for relation in relations for reason in relation.why(flow)])
            for flow, relations in self._claims()
            if flow.cookie == cookie
        ]

    # -- what is there -------------------------------------------------------------------------

    def forget(self) -> None:
        """The connection is gone: what the switch has is unknown until it is read back."""
        self.known = False
        self._installed.clear()

    def read_back(self, flows: Iterable[Flow]) -> None:
        """The switch has exactly ``flows``: compare everything with it."""
        self._installed = {flow.key: flow for flow in flows}
        self._refused.clear()
        self._stuck.clear()
        self.known = True
        self._dirty = dict.fromkeys(self._installed)
        self._dirty.update(dict.fromkeys(self._alone))
        self._dirty.update(dict.fromkeys(self._several))

    @property
    def is_clean(self) -> bool:
        """Nothing is to be sent."""
        return self.known and not self._dirty

    def plan(self) -> list[ofp.FlowMod]:
        """The difference, as flow mods in the order in which they are to be applied."""
        mods: list[ofp.FlowMod] = []
        for key in self._dirty:
            have, want = self._installed.get(key), self.wanted(key)
            if want is None:
                if have is not None and key not in self._stuck:
                    mods.append(
                        ofp.FlowMod(ofp.DELETE_STRICT, Flow(have.table, have.priority, have.match, ()))
                    )
            elif have is None or have.actions != want.actions or have.cookie != want.cookie:
                # An add replaces a flow with the same key, cookie and all (OpenFlow 1.5.1, 6.4).
                mods.append(ofp.FlowMod(ofp.ADD, want))
        self._dirty.clear()
        return mods

    def confirmed(self, mods: Iterable[ofp.FlowMod]) -> None:
        """The switch has applied ``mods``."""
        for mod in mods:
            if mod.command == ofp.DELETE_STRICT:
                self._installed.pop(mod.flow.key, None)
            else:
                self._installed[mod.flow.key] = mod.flow

    def failed(self, mods: Iterable[ofp.FlowMod], refused: ofp.FlowMod | None, reason: str) -> None:
        """The switch has applied none of ``mods``, because of ``refused`` if it named one."""
        for mod in mods:
            self._dirty[mod.flow.key] = None
        if refused is None:
            return
        sent = refused.flow
        if refused.command == ofp.ADD:
            for flow in self._candidates(sent.key):
                if flow == sent or _is_part(flow, sent):
                    self._refused[flow] = reason
        else:
            self._stuck[sent.key] = reason

    def refusals(self) -> dict[Flow, str]:
        """Wanted flows that the switch has refused, and its reason."""
        return dict(self._refused)

    def leftovers(self) -> dict[Flow, str]:
        """Flows that the switch has refused to delete, and its reason."""
        return {self._installed[key]: why for key, why in self._stuck.items() if key in self._installed}

    def __len__(self) -> int:
        return len(self._alone) + len(self._several)


class _Follower:
    """Connects a derived relation to a flow table."""

    __slots__ = ("_relation", "_table")

    def __init__(self, table: FlowTable, relation: Derived[Any, Any]) -> None:
        self._table = table
        self._relation = relation

    def insert(self, element: Flow) -> None:
        self._table.came(element, self._relation)

    def remove(self, element: Flow) -> None:
        self._table.went(element, self._relation)

    def change(self, element: Flow, mask: int) -> None:
        """Flows are values: they do not change."""


def _is_conjunctive(flow: Flow) -> bool:
    """The flow's actions are all ``conjunction(...)``."""
    return bool(flow.actions) and all(isinstance(action, Conjunction) for action in flow.actions)


def _is_part(flow: Flow, whole: Flow) -> bool:
    """``whole`` was sent for ``flow``, among other flows that take part in conjunctions."""
    return _is_conjunctive(flow) and _is_conjunctive(whole) and set(flow.actions) <= set(whole.actions)
