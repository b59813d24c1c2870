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
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pyovn.incremental import DerivationError
from pyovn.logical.actions import encode_actions, parse_actions, prerequisites
from pyovn.logical.actions_base import EncodeContext
from pyovn.logical.ast import And, Expr
from pyovn.logical.parse import expand, parse_text
from pyovn.logical.to_matches import conjunctions, to_matches
from pyovn.ovn.registers import LOG_DATAPATH
from pyovn.schemas import southbound as sb
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyovn.controller.model import Model
    from pyovn.incremental import Index
    from pyovn.logical.actions_base import Action
    from pyovn.ovsdb.values import UUID

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
        self._port_groups = _Members(self._ports)
        self._local_members = engine.memo(self._members_here)
        model.want(model.output_flows, "logical_flows", southbound.table(sb.LogicalFlow), self._flows)

    def _flows(self, row: sb.LogicalFlow) -> Iterator[tuple[Flow, str]]:
        why = row.external_ids.get("stage-name", "a logical flow")
        if row.logical_datapath is not None and self._model.is_local(row.logical_datapath):
            yield from self._translate(row, row.logical_datapath, why)
        if row.logical_dp_group is not None:
            for datapath in self._local_members(row.logical_dp_group):
                yield from self._translate(row, datapath, why)

    def _members_here(self, group: UUID) -> tuple[UUID, ...]:
        """The datapaths of a group that are here; equal again when a group gains one elsewhere."""
        row = self._group.one(group)
        if row is None:
            return ()
        return tuple(sorted(uuid for uuid in row.datapaths if self._model.is_local(uuid)))

    def _translate(self, row: sb.LogicalFlow, datapath: UUID, why: str) -> Iterator[tuple[Flow, str]]:
        binding = self._model.datapath_by_uuid.one(datapath)
        if binding is None:
            return
        expr, steps = _parsed(row.match, row.actions)
        if "$" in row.match or "@" in row.match:
            expr = expand(expr, self._address_sets, self._port_groups, row.match)

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
        matches = to_matches(expr, port_key, self._is_resident)
        if conjunctions(matches):
            raise DerivationError("a match that needs conjunctions is not served yet")
        actions = encode_actions(steps, context)
        here = Match.of({LOG_DATAPATH: binding.tunnel_key})
        cookie = cookie_of(row.uuid)
        for found in matches:
            match = here.merge(found.match)
            if match is not None:
                yield Flow(context.openflow_table, row.priority, match, actions, cookie), why

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

    def _addresses(self, name: str) -> Iterable[str] | None:
        row = self._address_set.one(name)
        return None if row is None else row.addresses

    def _ports(self, name: str) -> Iterable[str] | None:
        row = self._port_group.one(name)
        return None if row is None else row.ports
