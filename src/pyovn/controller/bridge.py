"""The integration bridge and its tunnel ports, as rows of the hypervisor's own database.

A tunnel port for each other chassis with an encapsulation that both have (ovn-architecture(7),
"Tunnel Encapsulations").  Ports that we made carry ``ovn-chassis-id`` (CHASSIS@IP); others are never
touched.  Port and Interface rows live by reference, so a tunnel goes when its port leaves the bridge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller import localnet
from pyovn.controller.chassis import encaps_of
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
        yield want("Bridge", name, name=name), "the integration bridge"
        yield Element("Bridge", name, "ports", port), "a bridge has a port of its own"
        yield want("Open_vSwitch", Existing(root.uuid)), "the switch's configuration"
        yield (
            Element("Open_vSwitch", Existing(root.uuid), "bridges", Ref("Bridge", name)),
            "the integration bridge",
        )

    model.want(model.output_vs, "integration_bridge", model.process, bridge)


def _want_tunnels(model: Model) -> Allotment[sb.Chassis, str]:
    """A port for each other chassis; gives the numbers in the ports' names."""
    why = "a tunnel to another chassis"

    def tunnels(chassis: sb.Chassis) -> Iterator[tuple[Any, str]]:
        config, process = model.config(), model.process_of.one(SELF)
        if config is None or process is None or process.exiting or chassis.name == config.chassis:
            return
        if chassis.other_config.get("is-remote") == "true":
            return  # of another availability zone: only gateways between zones, which we are not, go there
        best = _best_encap(model, config, chassis)
        if best is None:
            return
        kind, ip, csum = best
        number = numbers.number(_prefix(chassis.name), chassis.name)
        if number is None:
            return
        name = f"{_prefix(chassis.name)}{number:x}"
        options = {"remote_ip": ip, "key": "flow"}
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

    numbers = model.engine.allot(
        "tunnel_numbers",
        model.southbound.table(sb.Chassis),
        lambda chassis: [(_prefix(chassis.name), (chassis.name, None))],
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


def _best_encap(model: Model, config: Config, chassis: sb.Chassis) -> tuple[str, str, str] | None:
    """(type, IP, csum) of the best encapsulation that both chassis have; None if there is none."""
    ours = {kind for kind, _ip in encaps_of(config)}
    candidates = []
    for uuid in chassis.encaps:
        encap = model.encap_by_uuid.one(uuid)
        if encap is not None and encap.type in ours and encap.ip not in config.encap_ips:
            rank = ENCAP_TYPES.index(encap.type)
            candidates.append((rank, encap.type, encap.ip, encap.options.get("csum", "")))
    return min(candidates)[1:] if candidates else None


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


def adopt(numbers: Allotment[sb.Chassis, str], row: vs.Port, log: Callable[[str, str], None]) -> None:
    """Read the number of a tunnel port back from its name."""
    chassis = row.external_ids.get(OWNER, "").partition("@")[0]
    prefix = _prefix(chassis)
    suffix = row.name.removeprefix(prefix)
    number = hexadecimal(suffix) if suffix != row.name else None
    if chassis and (number is None or not numbers.adopt(prefix, chassis, number)):
        log("warn", f"tunnel port {row.name} has a name that is not ours: it is made anew")
