"""Between logical and physical ports.

ovn-architecture(7), "Architectural Physical Life Cycle of a Packet":

* table 0 gives a packet from an interface or a tunnel its logical datapath and ports;
* the output tables send it to tunnels (``remote_output``), to ports here (``local_output``), and drop what
  would go back where it came from (``check_loopback``);
* after the egress pipeline, ``log_to_phy`` sends it out of the port's interface.

Multicast groups are folds over the port bindings: a port more or less is one step, and the flow of a group
changes only if a chassis or a port *here* comes or goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller import encap, vlan
from pyovn.controller.lflow import cookie_of
from pyovn.controller.zones import Zones, dnat, snat
from pyovn.ovn import registers as reg
from pyovn.ovn.ports import LOCALNET, LOCALPORT
from pyovn.schemas import southbound as sb
from pyovn.wire.openflow.actions import (
    PORT_NONE,
    Pop,
    Push,
    Resubmit,
    SetField,
    Subfield,
)
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.controller.bridge import Tunnel, Tunnels
    from pyovn.controller.model import LocalPort, Model, Process
    from pyovn.ovsdb.values import UUID
    from pyovn.wire.openflow.actions import Action
    from pyovn.wire.openflow.fields import Field

FlowItem = tuple[Flow, str]

_IN_PORT: Final = FIELDS["in_port"]
_DATAPATH: Final = FIELDS[reg.LOG_DATAPATH]
_FLAGS: Final = FIELDS[reg.LOG_FLAGS]
_INPORT: Final = FIELDS[reg.LOG_INPORT]
_OUTPORT: Final = FIELDS[reg.LOG_OUTPORT]
_ZONE: Final = FIELDS[reg.LOG_CT_ZONE]
_LOOPBACK: Final = reg.flag("allow_loopback")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a multicast group: a port here (its key, its name and ...), or on ``chassis``."""

    group: UUID
    chassis: UUID | None
    port: tuple[int, str, bool] | None
    """The last: it is a localport, which hears only what comes from this chassis."""


class Physical:
    """The derivations of this module."""

    def __init__(self, model: Model, zones: Zones, tunnels: Tunnels) -> None:
        self._model, self._zones, self._tunnels = model, zones, tunnels
        self._tables = model.profile.oftables
        in_port = Subfield.whole(_IN_PORT)
        self._return: tuple[Action, ...] = (
            Push(in_port), SetField(_IN_PORT, PORT_NONE), Resubmit(self._tables.log_to_phy), Pop(in_port),
        )  # fmt: skip
        engine = model.engine
        groups = model.southbound.table(sb.MulticastGroup)
        self._groups_of = engine.index("groups_of_port", groups, lambda group: group.ports)
        members = engine.derive("multicast_members", model.bindings, self._members)
        self._chassis_of_group = engine.fold(
            "group_chassis",
            members,
            lambda m: [(m.group, m.chassis)] if m.chassis is not None else [],
            empty=dict,
            add=_count_up,
            take=_count_down,
            view=frozenset,
        )
        self._ports_of_group = engine.fold(
            "group_ports",
            members,
            lambda m: [(m.group, m.port)] if m.port is not None else [],
            empty=dict,
            add=_count_up,
            take=_count_down,
            view=lambda counts: tuple(sorted(counts)),
        )
        flows = model.output_flows
        model.want(flows, "fixed_flows", model.process, self._fixed)
        model.want(flows, "tunnel_flows", tunnels.relation, self._from_tunnel)
        model.want(flows, "local_port_flows", model.local_ports, self._local)
        model.want(flows, "remote_port_flows", model.bindings, self._remote)
        model.want(flows, "multicast_flows", groups, self._multicast)

    # -- what does not depend on anything ------------------------------------------------------

    def _fixed(self, _process: Process) -> Iterator[FlowItem]:
        t = self._tables
        any_packet = Match.of({})
        drop: tuple[Action, ...] = ()
        to_local, to_remote = Resubmit(t.local_output), Resubmit(t.remote_output)
        flags = {
            name: Match.of({_FLAGS: (reg.flag(name), reg.flag(name))})
            for name in ("allow_loopback", "local_only")
        }
        ramp = reg.flag("rcv_from_ramp")
        from_ramp = Match.of({_FLAGS: (ramp, ramp | _LOOPBACK)})
        clear: tuple[Action, ...] = tuple(
            SetField(FIELDS[f"reg{i}"], 0) for i in range(reg.LOGICAL_REGISTERS)
        )
        lines: tuple[tuple[int, int, Match, tuple[Action, ...], str], ...] = (
            (t.phy_to_log, 0, any_packet, drop, "a port that is not ours"),
            (t.output_large_pkt_detect, 0, any_packet, (to_remote,), "no packet is too large"),
            (t.output_large_pkt_process, 10, flags["allow_loopback"], (to_local,), "a reply to the sender"),
            (t.output_large_pkt_process, 0, any_packet, (to_remote,), "on to the tunnels"),
            (t.remote_output, 150, flags["local_only"], (to_local,), "must not leave this chassis"),
            (t.remote_output, 150, from_ramp, (to_local,), "came from a gateway, does not go back"),
            (t.remote_output, 0, any_packet, (to_local,), "not for another chassis"),
            (t.local_output, 0, any_packet, drop, "no such port here"),
            (
                t.check_loopback,
                0,
                any_packet,
                (*clear, Resubmit(t.log_egress)),
                "the egress pipeline starts with clean registers",
            ),
            (t.save_inport, 0, any_packet, (Resubmit(t.log_to_phy),), "out of the port"),
            (t.log_to_phy, 0, any_packet, drop, "no such port here"),
        )
        for table, priority, match, actions, why in lines:
            yield Flow(table, priority, match, actions), why

    def _from_tunnel(self, tunnel: Tunnel) -> Iterator[FlowItem]:
        t = self._tables
        for priority, terms, actions in encap.arrivals(tunnel):
            match = Match.of({_IN_PORT: tunnel.ofport, **terms})
            yield (
                Flow(t.phy_to_log, priority, match, (*actions, Resubmit(t.local_output))),
                "from another chassis",
            )

    # -- ports ---------------------------------------------------------------------------------

    def _local(self, port: LocalPort) -> Iterator[FlowItem]:
        datapath = self._model.datapath_by_uuid.one(port.datapath)
        if datapath is None:
            return
        t, key, cookie = self._tables, datapath.tunnel_key, cookie_of(port.binding)
        zones = tuple(
            SetField(FIELDS[name], zone)
            for name, zone in (
                (reg.LOG_CT_ZONE, self._zones.of(port.name)),
                (reg.LOG_DNAT_ZONE, self._zones.of(dnat(port.datapath))),
                (reg.LOG_SNAT_ZONE, self._zones.of(snat(port.datapath))),
            )
            if zone is not None
        )
        to_port: dict[Field, int | tuple[int, int]] = {_DATAPATH: key, _OUTPORT: port.key}
        enter = (SetField(_DATAPATH, key), SetField(_INPORT, port.key))
        for priority, terms, first, last in vlan.entrances(port):
            match = Match.of({_IN_PORT: port.ofport, **terms})
            actions = (*first, *zones, *enter, *last, Resubmit(t.log_ingress))
            yield Flow(t.phy_to_log, priority, match, actions, cookie), "from the port's interface"
        yield (
            Flow(t.local_output, 100, Match.of(to_port), (*zones, Resubmit(t.check_loopback)), cookie),
            "the port is here",
        )
        yield (
            Flow(
                t.check_loopback,
                100,
                Match.of({**to_port, _INPORT: port.key, _FLAGS: (0, _LOOPBACK)}),
                (),
                cookie,
            ),
            "nothing goes back to its sender",
        )
        for flags, why in self._returns(port):
            match = Match.of({**to_port, **({_FLAGS: (flags, flags)} if flags else {})})
            yield Flow(t.save_inport, 100, match, self._return, cookie), why
        yield (
            Flow(t.log_to_phy, 100, Match.of(to_port), vlan.way_out(port), cookie),
            "out of the port's interface",
        )
        if port.kind == LOCALPORT:
            own = Match.of({_DATAPATH: key, _INPORT: port.key})
            yield (
                Flow(t.remote_output, 150, own, (Resubmit(t.local_output),), cookie),
                "every chassis has this port: what it sends stays",
            )
        if port.kind == LOCALNET:
            for name in ("localport", "local_only"):
                match = Match.of({**to_port, _FLAGS: (reg.flag(name), reg.flag(name))})
                yield (
                    Flow(t.check_loopback, 160, match, (), cookie),
                    "every chassis has the sender: it stays off the wire",
                )

    def _returns(self, port: LocalPort) -> Iterator[tuple[int, str]]:
        """Flags with which a frame may go to the interface that it came from, and why."""
        if port.parent is not None:
            yield 0, "a VM and its containers share an interface"
            return
        yield _LOOPBACK, "a reply may leave where the request came in"
        if self._model.children.one((port.name, port.datapath)) is not None:
            yield reg.flag("nested_container"), "a VM and its containers share an interface"

    def _remote(self, binding: sb.PortBinding) -> Iterator[FlowItem]:
        chassis = binding.chassis
        if (
            chassis is None
            or not self._model.is_local(binding.datapath)
            or chassis == self._model.our_chassis()
        ):
            return
        datapath, tunnel = self._model.datapath_by_uuid.one(binding.datapath), self._tunnels.to.one(chassis)
        if datapath is None:
            return
        match = Match.of({_DATAPATH: datapath.tunnel_key, _OUTPORT: binding.tunnel_key})
        localnet = self._model.localnets.one(binding.datapath)
        if localnet is not None:
            to = (SetField(_OUTPORT, localnet.key), Resubmit(self._tables.local_output))
            yield (
                Flow(self._tables.local_output, 100, match, to, cookie_of(binding.uuid)),
                "the port is beyond the physical network",
            )
            return
        if tunnel is None:
            return
        actions = encap.departure([tunnel], datapath.tunnel_key, binding.tunnel_key)
        yield (
            Flow(self._tables.remote_output, 100, match, actions, cookie_of(binding.uuid)),
            "the port is on another chassis",
        )

    # -- multicast groups ----------------------------------------------------------------------

    def _members(self, binding: sb.PortBinding) -> Iterator[tuple[Member, str]]:
        chassis = binding.chassis
        here = self._model.local_port.one(binding.uuid)
        if here is None and chassis is None:
            return
        ours = chassis == self._model.our_chassis()
        for group in self._groups_of.all(binding.uuid):
            if here is not None:
                yield (
                    Member(group.uuid, None, (here.key, here.name, here.kind == LOCALPORT)),
                    "a member here",
                )
            elif not ours:
                yield Member(group.uuid, chassis, None), "a member on another chassis"

    def _multicast(self, group: sb.MulticastGroup) -> Iterator[FlowItem]:
        datapath = self._model.datapath_by_uuid.one(group.datapath)
        if datapath is None or not self._model.is_local(group.datapath):
            return
        key, cookie, t = datapath.tunnel_key, cookie_of(group.uuid), self._tables
        match = Match.of({_DATAPATH: key, _OUTPORT: group.tunnel_key})
        members = self._ports_of_group.value(group.uuid)
        ports = [(port_key, name) for port_key, name, is_localport in members if not is_localport]
        remote: list[Action] = []
        for port_key, _name, is_localport in members:
            if is_localport:
                remote += (SetField(_OUTPORT, port_key), Resubmit(t.check_loopback))
        if remote:
            remote.append(SetField(_OUTPORT, group.tunnel_key))
        if self._model.localnets.one(group.datapath) is None:
            found = [self._tunnels.to.one(chassis) for chassis in self._chassis_of_group.value(group.uuid)]
            remote += encap.departure([tunnel for tunnel in found if tunnel], key, group.tunnel_key)
        if remote:
            if ports:
                remote.append(Resubmit(t.local_output))
            yield (
                Flow(t.remote_output, 100, match, tuple(remote), cookie),
                "members on other chassis, localports",
            )
        if ports:
            local: list[Action] = []
            for port_key, name in ports:
                zone = self._zones.of(name)
                if zone is not None:
                    local.append(SetField(_ZONE, zone))
                local += (SetField(_OUTPORT, port_key), Resubmit(t.check_loopback))
            local.append(SetField(_OUTPORT, group.tunnel_key))
            yield Flow(t.local_output, 100, match, tuple(local), cookie), "members here"


def _count_up(counts: dict[Any, int], value: Any) -> dict[Any, int]:
    counts[value] = counts.get(value, 0) + 1
    return counts


def _count_down(counts: dict[Any, int], value: Any) -> dict[Any, int]:
    if counts[value] == 1:
        del counts[value]
    else:
        counts[value] -= 1
    return counts
