"""Port_Binding: each logical switch port, with a tunnel key that is unique in its datapath.

northd decides what a port *is* (type, addresses, port security, parent and tag); where it is (chassis,
encap, up) is the controllers' to write and is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.northd.model import DATAPATH, PORT, Item, Model, requested_key
from pyovn.ovn.ports import EXTERNAL, ROUTER, southbound_type
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.sync.wants import Ref, want

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyovn.incremental import Allotment, Reason
    from pyovn.northd.routers import Routers
    from pyovn.northd.tags import Tags
    from pyovn.schemas import northbound as nb
    from pyovn.schemas import southbound as sb
    from pyovn.sync.wants import RowItem


PASSTHRU: Final = "vlan-passthru"
NO_GATEWAY: Final[Mapping[str, Any]] = {"ha_chassis_group": None}
"""What a binding has that was a router's gateway before, by the same name, and has no longer."""


class PortKey(NamedTuple):
    """A port that needs a tunnel key."""

    datapath: UUID
    name: str
    requested: int | None


def declare(model: Model, tags: Tags, routers: Routers) -> Allotment[PortKey, UUID]:
    """Make Port_Binding rows; returns the keys, for adoption and for ``status``."""

    def on_switch(port: nb.LogicalSwitchPort) -> Iterator[tuple[PortKey, str]]:
        switch = model.switch_of_port.one(port.uuid)
        if switch is not None:
            yield PortKey(switch.uuid, port.name, requested_key(port.options)), "a port of a switch"

    keys = model.engine.allot(
        "port_keys",
        model.engine.union(
            "all_port_keys", (model.engine.derive("switch_ports", model.ports, on_switch), routers.port_keys)
        ),
        lambda p: [(p.datapath, (p.name, p.requested))],
        lambda _datapath: (model.key_space.port.first, model.key_space.port.last),
    )

    def binding(port: nb.LogicalSwitchPort) -> Iterator[tuple[Item, str]]:
        switch = model.switch_of_port.one(port.uuid)
        if switch is None:
            return
        key = keys.number(switch.uuid, port.name)
        if key is None:
            return
        wished = _wished(model, port)
        gateway = routers.chassis_of(model.peer_of(port)) if port.type == ROUTER else None
        yield (
            want(
                PORT,
                port.name,
                logical_port=port.name,
                datapath=Ref(DATAPATH, switch.uuid),
                tunnel_key=key,
                type=southbound_type(port.type, on_gateway=gateway is not None),
                options=_options(port, switch, gateway),
                mac=port.addresses,
                port_security=port.port_security,
                parent_port=port.parent_name or None,
                tag=tags.of(port),
                requested_chassis=next(iter(wished), None),
                requested_additional_chassis=frozenset(wished[1:]),
                external_ids=_external_ids(port),
                **({} if port.type == EXTERNAL else NO_GATEWAY),
            ),
            "a logical switch port is bound somewhere",
        )

    model.want_sb("port_bindings", model.ports, binding)
    return keys


def annotate(_item: RowItem, _reasons: list[Reason]) -> Mapping[str, Any]:
    """A new port is down until its chassis says otherwise."""
    return {"up": False}


def adopt(keys: Allotment[PortKey, UUID], row: sb.PortBinding, datapath: UUID) -> None:
    """Read one key back; ``datapath`` is the northbound UUID of the row's datapath."""
    keys.adopt(datapath, row.logical_port, row.tunnel_key)


def agrees(keys: Allotment[PortKey, UUID], row: sb.PortBinding, datapath: UUID) -> bool:
    """Whether the row's key is the one that we have given out."""
    return keys.peek(datapath, row.logical_port) == row.tunnel_key


def _wished(model: Model, port: nb.LogicalSwitchPort) -> list[UUID]:
    """The chassis that ``requested-chassis`` names, by name or host name, as far as they exist."""
    names = port.options.get("requested-chassis", "")
    found = [model.chassis_by_name.one(name) for name in names.split(",")] if names else []
    return list(dict.fromkeys(chassis.uuid for chassis in found if chassis is not None))


def _options(
    port: nb.LogicalSwitchPort, switch: nb.LogicalSwitch, gateway: str | None
) -> FrozenMap[str, str]:
    """The port's own, and ``vlan-passthru`` of its switch, which controllers look for here."""
    if port.type == ROUTER:
        peer = port.options.get("router-port")
        found = {"peer": peer, "l3gateway-chassis": gateway}
        return FrozenMap({name: value for name, value in found.items() if value})
    if switch.other_config.get(PASSTHRU) == "true":
        return FrozenMap({**port.options, PASSTHRU: "true"})
    return port.options


def _external_ids(port: nb.LogicalSwitchPort) -> FrozenMap[str, str]:
    name = port.external_ids.get("neutron:port_name")
    return FrozenMap({**port.external_ids, "name": name}) if name else port.external_ids
