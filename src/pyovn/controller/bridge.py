"""The integration bridge and its tunnel ports, as rows of the hypervisor's own database.

A tunnel port for each other chassis with an encapsulation that both have (ovn-architecture(7),
"Tunnel Encapsulations").  Ports that we made carry ``ovn-chassis-id`` (CHASSIS@IP); others are never
touched.  Port and Interface rows live by reference, so a tunnel goes when its port leaves the bridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller import localnet
from pyovn.controller.chassis import encaps_of, in_one_zone
from pyovn.controller.handwritten import hexadecimal
from pyovn.controller.model import ENCAP_TYPES, SELF, Config, Model, Process
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs
from pyovn.sync.wants import Element, Existing, Ref, want

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.incremental import Allotment, Derived

OWNER: Final = "ovn-chassis-id"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A tunnel port that exists and has an OpenFlow port."""

    chassis: UUID
    kind: str
    ofport: int


class Tunnels:
    """What others ask about tunnels."""

    def __init__(self, model: Model, numbers: Allotment[sb.Chassis, str]) -> None:
        self.numbers = numbers
        self.relation: Derived[vs.Port, Tunnel] = declare_made(model)
        self.to = model.engine.index("tunnel_to", self.relation, lambda tunnel: [tunnel.chassis])


def declare(model: Model) -> Tunnels:
    """Want the bridge and the tunnels."""
    _want_bridge(model)
    return Tunnels(model, _want_tunnels(model))


def _want_bridge(model: Model) -> None:
    """The integration bridge and its own port, on the switch."""

    def bridge(_process: Process) -> Iterator[tuple[Any, str]]:
        config = model.config()
        root = model.root.one(SELF)
        if config is None or root is None:
            return
        name = config.bridge
        interface, port = Ref("Interface", name), Ref("Port", name)
        yield want("Interface", name, name=name, type="internal"), "a bridge has a port of its own"
        yield want("Port", name, name=name, interfaces=frozenset([interface])), "as above"
        kind = model.setting("ovn-bridge-datapath-type")
        columns = {"datapath_type": kind} if kind else {}
        yield want("Bridge", name, name=name, **columns), "the integration bridge"
        yield Element("Bridge", name, "ports", port), "a bridge has a port of its own"
        yield want("Open_vSwitch", Existing(root.uuid)), "the switch's configuration"
        yield (
            Element("Open_vSwitch", Existing(root.uuid), "bridges", Ref("Bridge", name)),
            "the integration bridge",
        )

    def reached(process: Process) -> Iterator[tuple[Any, str]]:
        """For those who watch the hypervisor's database only (ovn-controller(8), ``ovn-nb-cfg``)."""
        config, why = model.config(), "all flows up to this nb_cfg are installed"
        if config is not None and process.nb_cfg_timestamp:
            for key, value in (("ovn-nb-cfg", process.nb_cfg), ("ovn-nb-cfg-ts", process.nb_cfg_timestamp)):
                yield Element("Bridge", config.bridge, "external_ids", (key, str(value))), why

    model.want(model.output_vs, "integration_bridge", model.process, bridge)
    model.want(model.output_vs, "reached_nb_cfg", model.process, reached)


def _want_tunnels(model: Model) -> Allotment[sb.Chassis, str]:
    """A port for each other chassis; gives the numbers in the ports' names."""
    why = "a tunnel to another chassis"

    def tunnels(chassis: sb.Chassis) -> Iterator[tuple[Any, str]]:
        config, process = model.config(), model.process_of.one(SELF)
        if config is None or process is None or process.exiting or chassis.name == config.chassis:
            return
        if chassis.other_config.get("is-remote") == "true" and model.setting("ovn-is-interconn") != "true":
            return  # of another availability zone: only gateways between zones go there
        common = _options(model, config)
        for rank, (kind, ip, csum) in enumerate(_endpoints(model, config, chassis)):
            number = numbers.number(_prefix(chassis.name), _owner(chassis.name, rank))
            if number is None:
                continue
            name = f"{_prefix(chassis.name)}{number:x}"
            options = {"remote_ip": ip, "key": "flow", **common}
            if kind == "geneve" or csum:
                options["csum"] = csum or "true"
            yield want("Interface", name, name=name, type=kind, options=FrozenMap(options)), why
            yield (
                want(
                    "Port",
                    name,
                    name=name,
                    interfaces=frozenset([Ref("Interface", name)]),
                    external_ids=FrozenMap({OWNER: f"{chassis.name}@{ip}"}),
                ),
                why,
            )
            yield Element("Bridge", config.bridge, "ports", Ref("Port", name)), why

    def demand(chassis: sb.Chassis) -> Iterator[tuple[str, tuple[str, int | None]]]:
        """A number for each endpoint that a tunnel may lead to."""
        for rank in range(max(1, len(chassis.encaps))):
            yield _prefix(chassis.name), (_owner(chassis.name, rank), None)

    numbers = model.engine.allot(
        "tunnel_numbers",
        model.southbound.table(sb.Chassis),
        demand,
        lambda _prefix: (0, 0xFFF),
    )
    model.want(model.output_vs, "tunnel_ports", model.southbound.table(sb.Chassis), tunnels)
    return numbers


def declare_made(model: Model) -> Derived[vs.Port, Tunnel]:
    """The tunnel ports that have been made and work."""
    interface_by_uuid = model.engine.index(
        "interface_by_uuid", model.vswitch.table(vs.Interface), lambda i: [i.uuid]
    )

    def made(port: vs.Port) -> Iterator[tuple[Tunnel, str]]:
        name, _at, _ip = port.external_ids.get(OWNER, "").partition("@")
        chassis = model.chassis_by_name.one(name) if name else None
        if chassis is None:
            return
        for uuid in port.interfaces:
            interface = interface_by_uuid.one(uuid)
            if interface is not None and interface.ofport is not None and interface.ofport > 0:
                yield Tunnel(chassis.uuid, interface.type, interface.ofport), "the tunnel is up"

    return model.engine.derive("tunnels", model.vswitch.table(vs.Port), made)


def _endpoints(model: Model, config: Config, chassis: sb.Chassis) -> list[tuple[str, str, str]]:
    """(type, IP, csum) of the endpoints of the best type that both chassis have, in the order of addresses.

    A chassis with several addresses may send from any of them, so there is a tunnel to each.
    """
    if not in_one_zone(config, chassis):
        return []
    ours = {kind for kind, _ip in encaps_of(config)}
    found = [encap for encap in map(model.encap_by_uuid.one, chassis.encaps) if encap is not None]
    usable = [encap for encap in found if encap.type in ours and encap.ip not in config.encap_ips]
    best = min((ENCAP_TYPES.index(encap.type) for encap in usable), default=None)
    if best is None:
        return []
    kind = ENCAP_TYPES[best]
    return sorted((kind, encap.ip, encap.options.get("csum", "")) for encap in usable if encap.type == kind)


def _options(model: Model, config: Config) -> dict[str, str]:
    """Options of all tunnels of this chassis (ovn-controller(8), ``ovn-encap-tos`` and the following)."""
    options = {}
    for option, key in (("tos", "ovn-encap-tos"), ("df_default", "ovn-encap-df_default")):
        value = model.setting(key)
        if value:
            options[option] = value
    if model.setting("ovn-set-local-ip") == "true":
        local = next((ip for _kind, ip in encaps_of(config)), None)
        if local is not None:
            options["local_ip"] = local
    return options


def _owner(chassis: str, rank: int) -> str:
    """Who has the number of a tunnel: a chassis, and for further endpoints their rank."""
    return f"{chassis}#{rank}" if rank else chassis


def _prefix(chassis: str) -> str:
    """The start of a tunnel port's name; device names have at most 15 characters."""
    return f"ovn-{chassis[:6]}-"


def identify_port(row: vs.Port, bridge: str | None) -> str | None:
    """The key of a Port row that is ours: a tunnel, or the integration bridge's own port."""
    ours = OWNER in row.external_ids or localnet.OWNER in row.external_ids
    return row.name if ours or row.name == bridge else None


def identify_interface(row: vs.Interface, bridge: str | None) -> str | None:
    """The key of an Interface row that may be ours; it goes with its port."""
    tunnel = "remote_ip" in row.options and row.name.startswith("ovn-")
    return row.name if tunnel or localnet.is_patch(row) or row.name == bridge else None


def adopt(model: Model, tunnels: Tunnels, row: vs.Port, log: Callable[[str, str], None]) -> None:
    """Read the number of a tunnel port back from its name."""
    name, _at, ip = row.external_ids.get(OWNER, "").partition("@")
    if not name:
        return
    config, chassis = model.config(), model.chassis_by_name.one(name)
    endpoints = [] if config is None or chassis is None else _endpoints(model, config, chassis)
    rank = next((rank for rank, (_kind, found, _csum) in enumerate(endpoints) if found == ip), 0)
    prefix = _prefix(name)
    suffix = row.name.removeprefix(prefix)
    number = hexadecimal(suffix) if suffix != row.name else None
    if number is None or not tunnels.numbers.adopt(prefix, _owner(name, rank), number):
        log("warn", f"tunnel port {row.name} has a name that is not ours: it is made anew")
