"""Logical flows to OpenFlow flows.

For each Logical_Flow and each datapath that is here: the match (with the prerequisites of the actions)
becomes OpenFlow matches within ``metadata`` = the datapath's tunnel key, the actions become OpenFlow
actions, the table and the pipeline name the OpenFlow table, and the first 32 bits of the row's UUID are the
cookie, by which a flow is traced back (ovn-architecture(7)).

A flow that does not parse or is not served fails alone: the engine remembers the reason, ``notices`` shows
it, all other flows stand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pyovn.controller.conjunctions import CONJ_ID, Conjunctions, Conjunctive, Place, may_need
from pyovn.incremental import DerivationError
from pyovn.logical.actions import encode_actions, parse_actions, prerequisites
from pyovn.logical.actions_base import EncodeContext
from pyovn.logical.ast import And, Expr
from pyovn.logical.parse import expand, parse_text
from pyovn.logical.to_matches import conjunctions, to_matches
from pyovn.ovn.ports import VIF
from pyovn.ovn.registers import LOG_DATAPATH
from pyovn.schemas import southbound as sb
from pyovn.wire.openflow.actions import Conjunction
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match, shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyovn.controller.model import Model
    from pyovn.incremental import Index
    from pyovn.logical.actions_base import Action
    from pyovn.logical.to_matches import ExprMatch
    from pyovn.ovsdb.values import UUID
    from pyovn.wire.openflow import actions as openflow

_CACHE: Final = 65536


def cookie_of(uuid: UUID) -> int:
    """The first 32 bits of a row's UUID."""
    return int(uuid[:8], 16)


@lru_cache(maxsize=_CACHE)
def _parsed(match: str, actions: str) -> tuple[Expr, tuple[Action, ...]]:
    """Match with the actions' prerequisites, and actions; raises what the parsers raise."""
    expr = parse_text(match)
    steps = parse_actions(actions)
    needs = prerequisites(steps)
    return (expr if needs is None else And((expr, needs))), steps


_most = 0


def cache_size() -> tuple[int, int]:
    """Entries of the cache of parsed flows, now and at most since it was last asked for or flushed."""
    global _most  # noqa: PLW0603 - the cache is the process's, as its high-water mark is
    entries = _parsed.cache_info().currsize
    _most = max(_most, entries)
    return entries, _most


def flush_cache() -> None:
    """Forget all parsed flows; what is derived stays."""
    cache_size()
    _parsed.cache_clear()


class _Members(Mapping[str, "Iterable[str]"]):
    """Address sets (or port groups) by name, reading through the engine."""

    def __init__(self, find: Callable[[str], Iterable[str] | None]) -> None:
        self._find = find

    def __getitem__(self, name: str) -> Iterable[str]:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        raise TypeError("sets are looked up by name, never listed")

    def __len__(self) -> int:
        raise TypeError("sets are looked up by name, never listed")


@dataclass(frozen=True, slots=True)
class Translated:
    """A logical flow on one datapath; conjunctions are numbered from 0."""

    table: int
    priority: int
    metadata: Match
    matches: tuple[ExprMatch, ...]
    actions: tuple[openflow.Action, ...]
    cookie: int

    def ends(self) -> Iterator[tuple[int, Place]]:
        """The conjunctions, and the places of the flows that they reach."""
        for found in self.matches:
            if found.conjunction is not None:
                match = self.metadata.merge(found.match)
                if match is not None:
                    yield found.conjunction, Place(self.table, self.priority, match, self.cookie)


class LogicalFlows:
    """The derivation and the look-ups that it needs."""

    def __init__(self, model: Model) -> None:
        self._model = model
        engine, southbound = model.engine, model.southbound
        self._group: Index[sb.LogicalDPGroup, UUID] = engine.index(
            "dp_group", southbound.table(sb.LogicalDPGroup), lambda g: [g.uuid]
        )
        self._multicast: Index[sb.MulticastGroup, tuple[UUID, str]] = engine.index(
            "multicast_by_name", southbound.table(sb.MulticastGroup), lambda g: [(g.datapath, g.name)]
        )
        self._address_set = engine.index("address_set", southbound.table(sb.AddressSet), lambda a: [a.name])
        self._port_group = engine.index("port_group", southbound.table(sb.PortGroup), lambda g: [g.name])
        self._address_sets = _Members(self._addresses)
        self._local_members = engine.memo(self._members_here)
        self._translated = engine.memo(self._translate)
        self.conjunctions = Conjunctions(engine)
        self.conjunctions.declare(southbound.table(sb.LogicalFlow), self._conjunctive)
        model.want(model.output_flows, "logical_flows", southbound.table(sb.LogicalFlow), self._flows)

    def _datapaths(self, row: sb.LogicalFlow) -> Iterator[UUID]:
        """Where the flow applies, of what is here."""
        port = row.tags.get("in_out_port")
        if port is not None and self._is_elsewhere(port):
            return
        if row.logical_datapath is not None and self._model.is_local(row.logical_datapath):
            yield row.logical_datapath
        if row.logical_dp_group is not None:
            yield from self._local_members(row.logical_dp_group)

    def _members_here(self, group: UUID) -> tuple[UUID, ...]:
        """The datapaths of a group that are here; equal again when a group gains one elsewhere."""
        row = self._group.one(group)
        if row is None:
            return ()
        return tuple(sorted(uuid for uuid in row.datapaths if self._model.is_local(uuid)))

    def _conjunctive(self, row: sb.LogicalFlow) -> Iterator[tuple[Conjunctive, str]]:
        if may_need(row.match):
            for datapath in self._datapaths(row):
                translated = self._translated(row, datapath)
                for number, place in translated.ends() if translated is not None else ():
                    known = self.conjunctions.known(place)
                    yield Conjunctive(row.uuid, datapath, number, known), "fields with many values"

    def _flows(self, row: sb.LogicalFlow) -> Iterator[tuple[Flow, str]]:
        why = row.external_ids.get("stage-name", "a logical flow")
        # Both derivations of a flow with conjunctions share one translation; others need none to be kept.
        translate = self._translated if may_need(row.match) else self._translate
        for datapath in self._datapaths(row):
            translated = translate(row, datapath)
            if translated is not None:
                for flow in self._emit(row, datapath, translated):
                    yield flow, why

    def _emit(self, row: sb.LogicalFlow, datapath: UUID, translated: Translated) -> Iterator[Flow]:
        count = conjunctions(translated.matches)
        if count and not may_need(row.match):
            raise DerivationError("a match that needs conjunctions without looking like it")
        ids = [self.conjunctions.of(row.uuid, datapath, number) for number in range(count)]
        for found in translated.matches:
            match = translated.metadata.merge(found.match)
            actions: tuple[openflow.Action, ...] = translated.actions
            cookie = translated.cookie
            if found.clauses:
                cookie = 0  # several logical flows may share it
                chosen = [(ids[number], clause, n) for number, clause, n in found.clauses]
                actions = tuple([Conjunction(i, clause, n) for i, clause, n in chosen if i is not None])
                if len(actions) < len(chosen):
                    continue
            elif found.conjunction is not None:
                conj_id = ids[found.conjunction]
                if match is None or conj_id is None:
                    continue
                match = match.merge(Match.of({CONJ_ID: conj_id}))
            if match is not None:
                yield Flow(translated.table, translated.priority, shared(match), actions, cookie)

    def _translate(self, row: sb.LogicalFlow, datapath: UUID) -> Translated | None:
        binding = self._model.datapath_by_uuid.one(datapath)
        if binding is None:
            return None
        expr, steps = _parsed(row.match, row.actions)
        if "$" in row.match or "@" in row.match:
            groups = _Members(lambda name: self._ports(binding.tunnel_key, name))
            expr = expand(expr, self._address_sets, groups, row.match)

        def port_key(name: str) -> int | None:
            return self._key(datapath, name)

        context = EncodeContext(
            table=row.table_id,
            pipeline=row.pipeline,
            profile=self._model.profile,
            ports=port_key,
            is_switch="logical-router" not in binding.external_ids,
            datapath=binding.tunnel_key,
        )
        return Translated(
            context.openflow_table,
            row.priority,
            Match.of({LOG_DATAPATH: binding.tunnel_key}),
            to_matches(expr, port_key, self._is_resident),
            encode_actions(steps, context),
            cookie_of(row.uuid),
        )

    # -- names ---------------------------------------------------------------------------------

    def _key(self, datapath: UUID, name: str) -> int | None:
        """The tunnel key of a port or multicast group of a datapath."""
        binding = self._model.binding_by_name.one(name)
        if binding is not None:
            return binding.tunnel_key if binding.datapath == datapath else None
        group = self._multicast.one((datapath, name))
        return None if group is None else group.tunnel_key

    def _is_resident(self, name: str) -> bool:
        binding = self._model.binding_by_name.one(name)
        return (
            binding is not None
            and binding.chassis is not None
            and binding.chassis == self._model.our_chassis()
        )

    def _is_elsewhere(self, name: str) -> bool:
        """Whether the port of a flow is on another chassis (ovn-sb(5), Logical_Flow.tags:in_out_port)."""
        binding = self._model.binding_by_name.one(name)
        return (
            binding is not None and binding.type == VIF and self._model.local_port.one(binding.uuid) is None
        )

    def _addresses(self, name: str) -> Iterable[str] | None:
        row = self._address_set.one(name)
        return None if row is None else row.addresses

    def _ports(self, key: int, name: str) -> Iterable[str] | None:
        """The ports of a port group on one datapath: its row is named by tunnel key and name, ``3_group``."""
        row = self._port_group.one(f"{key}_{name}")
        return None if row is None else row.ports
