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

from pyovn.controller.lflow import cookie_of
from pyovn.controller.zones import Zones, dnat, snat
from pyovn.ovn import registers as reg
from pyovn.schemas import southbound as sb
from pyovn.wire.openflow.actions import (
    PORT_NONE,
    Move,
    Output,
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
_TUNNEL_ID: Final = FIELDS["tun_id"]
_TUNNEL_PORTS: Final = FIELDS["tun_metadata0"]
_LOOPBACK: Final = reg.flag("allow_loopback")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a multicast group: a port here (its key and name), or on ``chassis``."""

    group: UUID
    chassis: UUID | None
    port: tuple[int, str] | None


class Physical:
    """The derivations of this module."""

    def __init__(self, model: Model, zones: Zones, tunnels: Tunnels) -> None:
        self._model, self._zones, self._tunnels = model, zones, tunnels
        self._tables = model.profile.oftables
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
        """Geneve: the VNI is the datapath, the option holds both ports."""
        actions = (
            Move(Subfield(_TUNNEL_ID, 0, 24), Subfield(_DATAPATH, 0, 24)),
            Move(Subfield(_TUNNEL_PORTS, 16, 15), Subfield(_INPORT, 0, 15)),
            Move(Subfield(_TUNNEL_PORTS, 0, 16), Subfield(_OUTPORT, 0, 16)),
            Resubmit(self._tables.local_output),
        )
        match = Match.of({_IN_PORT: tunnel.ofport})
        yield Flow(self._tables.phy_to_log, 100, match, actions), "from another chassis"

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
        enter = (SetField(_DATAPATH, key), SetField(_INPORT, port.key), Resubmit(t.log_ingress))
        yield (
            Flow(t.phy_to_log, 100, Match.of({_IN_PORT: port.ofport}), (*zones, *enter), cookie),
            "from the port's interface",
        )
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
        in_port = Subfield.whole(_IN_PORT)
        yield (
            Flow(
                t.save_inport,
                100,
                Match.of({**to_port, _FLAGS: (_LOOPBACK, _LOOPBACK)}),
                (Push(in_port), SetField(_IN_PORT, PORT_NONE), Resubmit(t.log_to_phy), Pop(in_port)),
                cookie,
            ),
            "a reply may leave where the request came in",
        )
        yield (
            Flow(t.log_to_phy, 100, Match.of(to_port), (Output(port.ofport),), cookie),
            "out of the port's interface",
        )

    def _remote(self, binding: sb.PortBinding) -> Iterator[FlowItem]:
        chassis = binding.chassis
        if (
            chassis is None
            or not self._model.is_local(binding.datapath)
            or chassis == self._model.our_chassis()
        ):
            return
        datapath, tunnel = self._model.datapath_by_uuid.one(binding.datapath), self._tunnels.to.one(chassis)
        if datapath is None or tunnel is None:
            return
        match = Match.of({_DATAPATH: datapath.tunnel_key, _OUTPORT: binding.tunnel_key})
        actions = (*_encapsulate(datapath.tunnel_key, binding.tunnel_key), Output(tunnel.ofport))
        yield (
            Flow(self._tables.remote_output, 100, match, actions, cookie_of(binding.uuid)),
            "the port is on another chassis",
        )

    # -- multicast groups ----------------------------------------------------------------------

    def _members(self, binding: sb.PortBinding) -> Iterator[tuple[Member, str]]:
        chassis = binding.chassis
        if chassis is None:
            return
        here = self._model.local_port.one(binding.uuid)
        ours = chassis == self._model.our_chassis()
        for group in self._groups_of.all(binding.uuid):
            if here is not None:
                yield Member(group.uuid, None, (here.key, here.name)), "a member here"
            elif not ours:
                yield Member(group.uuid, chassis, None), "a member on another chassis"

    def _multicast(self, group: sb.MulticastGroup) -> Iterator[FlowItem]:
        datapath = self._model.datapath_by_uuid.one(group.datapath)
        if datapath is None or not self._model.is_local(group.datapath):
            return
        key, cookie, t = datapath.tunnel_key, cookie_of(group.uuid), self._tables
        match = Match.of({_DATAPATH: key, _OUTPORT: group.tunnel_key})
        ports = self._ports_of_group.value(group.uuid)
        found = [self._tunnels.to.one(chassis) for chassis in self._chassis_of_group.value(group.uuid)]
        outputs = sorted({tunnel.ofport for tunnel in found if tunnel is not None})
        if outputs:
            remote: list[Action] = [*_encapsulate(key, group.tunnel_key), *map(Output, outputs)]
            if ports:
                remote.append(Resubmit(t.local_output))
            yield Flow(t.remote_output, 100, match, tuple(remote), cookie), "members on other chassis"
        if ports:
            local: list[Action] = []
            for port_key, name in ports:
                zone = self._zones.of(name)
                if zone is not None:
                    local.append(SetField(_ZONE, zone))
                local += (SetField(_OUTPORT, port_key), Resubmit(t.check_loopback))
            local.append(SetField(_OUTPORT, group.tunnel_key))
            yield Flow(t.local_output, 100, match, tuple(local), cookie), "members here"


def _encapsulate(datapath: int, port: int) -> tuple[Action, ...]:
    """Geneve metadata: VNI and option (ovn-architecture(7), "Tunnel Encapsulations")."""
    return (
        SetField(_TUNNEL_ID, datapath, 0xFFFFFF),
        SetField(_TUNNEL_PORTS, port),
        Move(Subfield(_INPORT, 0, 15), Subfield(_TUNNEL_PORTS, 16, 15)),
    )


def _count_up(counts: dict[Any, int], value: Any) -> dict[Any, int]:
    counts[value] = counts.get(value, 0) + 1
    return counts


def _count_down(counts: dict[Any, int], value: Any) -> dict[Any, int]:
    if counts[value] == 1:
        del counts[value]
    else:
        counts[value] -= 1
    return counts
