"""Logical routers: datapaths, port bindings and who may be their gateway.  Their flows are not served yet.

ovn-northd(8) and ovn-sb(5), Port_Binding: a router port is a ``patch``, or an ``l3gateway`` when its router
sits on one chassis (``options:chassis``).  A distributed gateway port has besides a ``chassisredirect``
port that is where the gateway is, by an HA_Chassis_Group: the northbound's, or one made of its
Gateway_Chassis rows.

Not here: logical flows, NAT addresses to announce, ``ref_chassis`` of a group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.northd.model import DATAPATH, PORT, Item, Model, requested_key
from pyovn.northd.ports import PortKey
from pyovn.ovn.ports import CHASSISREDIRECT, L3GATEWAY, PATCH, ROUTER, chassisredirect_name
from pyovn.ovsdb.values import FrozenMap
from pyovn.schemas import northbound as nb
from pyovn.schemas import southbound as sb
from pyovn.sync.wants import Element, Ref, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental import Allotment, Derived
    from pyovn.ovsdb.values import UUID
    from pyovn.sync.database import DatabaseClient

GROUP: Final = sb.HAChassisGroup.TABLE
MEMBER: Final = sb.HAChassis.TABLE


NO_SWITCH_PORT: Final[dict[str, Any]] = {
    "port_security": frozenset(),
    "parent_port": None,
    "tag": None,
    "requested_chassis": None,
    "requested_additional_chassis": frozenset(),
}
"""What a binding has that was a switch port's before, by the same name, and has no longer."""


class Candidate(NamedTuple):
    """A chassis that may be the gateway of a group; ``group`` is the group's name."""

    group: str
    chassis: str
    priority: int


class Routers:
    """Relations of routers, to be declared in two steps: keys are allotted between them."""

    def __init__(self, model: Model) -> None:
        self._model = model
        engine, northbound = model.engine, model.northbound
        self.ports = northbound.table(nb.LogicalRouterPort)
        self._router_of = engine.index("router_of_port", model.routers, lambda router: router.ports)
        self._switch_side = engine.index(
            "switch_side",
            model.special_ports,
            lambda port: [port.options.get("router-port", "")] if port.type == ROUTER else [],
        )
        self._groups = engine.index("nb_ha_groups", northbound.table(nb.HAChassisGroup), lambda g: [g.uuid])
        self._members = engine.index("nb_ha_members", northbound.table(nb.HAChassis), lambda m: [m.uuid])
        self._gateways = engine.index("nb_gateways", northbound.table(nb.GatewayChassis), lambda g: [g.uuid])
        self._nats = engine.index("nats", northbound.table(nb.NAT), lambda nat: [nat.uuid])
        self.port_keys: Derived[Any, PortKey] = engine.derive("router_port_keys", self.ports, self._keys)

    def router_of(self, port: nb.LogicalRouterPort) -> nb.LogicalRouter | None:
        """The router of a port, if it is enabled."""
        router = self._router_of.one(port.uuid)
        return None if router is None or router.enabled is False else router

    def chassis_of(self, port: nb.LogicalRouterPort | None) -> str | None:
        """The chassis that the whole router of a port sits on, if it does."""
        router = None if port is None else self.router_of(port)
        return None if router is None else router.options.get("chassis")

    def group_of(self, port: nb.LogicalRouterPort) -> str | None:
        """The name of the group of chassis of a distributed gateway port; None for other ports."""
        if self.chassis_of(port) is not None:
            return None
        if port.ha_chassis_group is not None:
            group = self._groups.one(port.ha_chassis_group)
            return None if group is None else group.name
        return port.name if port.gateway_chassis else None

    def is_taken(self, name: str) -> bool:
        """Whether a switch port has the name: then it has the binding, and a router's port of it has none."""
        return self._model.port_by_name.one(name) is not None

    def _keys(self, port: nb.LogicalRouterPort) -> Iterator[tuple[PortKey, str]]:
        router = self.router_of(port)
        if router is None:
            return
        if not self.is_taken(port.name):
            yield PortKey(router.uuid, port.name, requested_key(port.options)), "a port of a router"
        redirect = chassisredirect_name(port.name)
        if self.group_of(port) is not None and not self.is_taken(redirect):
            yield PortKey(router.uuid, redirect, None), "where its gateway is"

    # -- rows ----------------------------------------------------------------------------------

    def declare(self, keys: Allotment[PortKey, UUID]) -> None:
        """Want the rows."""

        def bindings(port: nb.LogicalRouterPort) -> Iterator[tuple[Item, str]]:
            router = self.router_of(port)
            if router is None:
                return
            common: dict[str, Any] = {
                "datapath": Ref(DATAPATH, router.uuid),
                "mac": frozenset([" ".join([port.mac, *sorted(port.networks)])]),
                "external_ids": port.external_ids,
                "ha_chassis_group": None,
                **NO_SWITCH_PORT,
            }
            chassis, group = self.chassis_of(port), self.group_of(port)
            redirect = chassisredirect_name(port.name)
            key = keys.number(router.uuid, port.name)
            if key is not None:
                options = self._options(port, chassis)
                if group is not None and "peer" in options:
                    options["chassis-redirect-port"] = redirect
                kind = PATCH if chassis is None else L3GATEWAY
                names: dict[str, Any] = {"logical_port": port.name, "tunnel_key": key, "type": kind}
                yield want(PORT, port.name, **names, options=FrozenMap(options), **common), "a router port"
            key = keys.number(router.uuid, redirect)
            if group is not None and key is not None:
                names = {"logical_port": redirect, "tunnel_key": key, "type": CHASSISREDIRECT}
                names["options"] = FrozenMap(self._redirect(port, router))
                common["ha_chassis_group"] = Ref(GROUP, group)
                yield want(PORT, redirect, **names, **common), "where the gateway is"

        def groups(port: nb.LogicalRouterPort) -> Iterator[tuple[Item, str]]:
            name = self.group_of(port)
            if name is None or self.router_of(port) is None:
                return
            yield want(GROUP, name, name=name), "the chassis that may be the gateway"
            for candidate in self._candidates(port, name):
                chassis = self._model.chassis_by_name.one(candidate.chassis)
                yield (
                    want(
                        MEMBER,
                        candidate,
                        chassis=None if chassis is None else chassis.uuid,
                        priority=candidate.priority,
                        external_ids=FrozenMap({"chassis-name": candidate.chassis}),
                    ),
                    "may be the gateway",
                )
                yield Element(GROUP, name, "ha_chassis", Ref(MEMBER, candidate)), "may be the gateway"

        self._model.want_sb("ha_chassis_groups", self.ports, groups)
        self._model.want_sb("router_port_bindings", self.ports, bindings)

    def _options(self, port: nb.LogicalRouterPort, chassis: str | None) -> dict[str, str]:
        options = {} if chassis is None else {"l3gateway-chassis": chassis}
        other = self._model.router_port_by_name.one(port.peer) if port.peer else None
        if other is not None:
            if self.router_of(other) is not None:
                options["peer"] = other.name
        else:
            switch_port = self._switch_side.one(port.name)
            if switch_port is not None:
                options["peer"] = switch_port.name
        return options

    def _redirect(self, port: nb.LogicalRouterPort, router: nb.LogicalRouter) -> dict[str, str]:
        options = {"distributed-port": port.name}
        kind = port.options.get("redirect-type")
        if kind:
            options["redirect-type"] = kind
        nats = [self._nats.one(uuid) for uuid in router.nat]
        distributed = any(nat is not None and nat.external_mac and nat.logical_port for nat in nats)
        if not distributed and kind != "bridged":
            options["always-redirect"] = "true"
        return options

    def _candidates(self, port: nb.LogicalRouterPort, name: str) -> Iterator[Candidate]:
        if port.ha_chassis_group is not None:
            group = self._groups.one(port.ha_chassis_group)
            for uuid in () if group is None else group.ha_chassis:
                member = self._members.one(uuid)
                if member is not None:
                    yield Candidate(name, member.chassis_name, member.priority)
            return
        for uuid in port.gateway_chassis:
            gateway = self._gateways.one(uuid)
            if gateway is not None:
                yield Candidate(name, gateway.chassis_name, gateway.priority)


def members_of(client: DatabaseClient) -> Iterator[tuple[Candidate, UUID]]:
    """The HA_Chassis rows that are there: a row does not tell its group, but its group tells its rows."""
    members = client.replica.table(MEMBER).rows
    for uuid, values in client.replica.table(GROUP).rows.items():
        group = sb.HAChassisGroup(uuid, values)
        for member in group.ha_chassis:
            if member in members:
                row = sb.HAChassis(member, members[member])
                yield Candidate(group.name, row.external_ids.get("chassis-name", ""), row.priority), member


def identify_group(row: sb.HAChassisGroup) -> str:
    """The key of an actual group."""
    return row.name
