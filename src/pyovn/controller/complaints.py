"""What in the configuration has no effect here, one line each, and gone with its cause.

Nothing here changes what is done: each feature does without what it cannot do, and this module says so where
the operator looks (``notices``, the log, ``pyovn status``).  Bad configuration is what a person can mend:

* the hypervisor's own (ovn-controller(8), "CONFIGURATION"): no system-id, no southbound, no usable tunnel
  endpoint, an endpoint that another chassis has;
* an interface whose logical port is bound elsewhere, or that names the same port as another one;
* a localnet whose physical network has no bridge here;
* a chassis to which there can be no tunnel.

Not here: what fails rather than is misconfigured (flows that do not parse or are refused, rows that a
database refuses), and two hosts that share a system-id (``rivals``).
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller import localnet
from pyovn.controller.chassis import encaps_of, in_one_zone
from pyovn.controller.model import ENCAP_TYPES, IFACE_ID, SELF
from pyovn.ovn.ports import LOCALNET, VIF
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.controller.binding import Binding
    from pyovn.controller.model import Config, Model, Vif
    from pyovn.incremental import Derived

    Line = tuple[str, str]

_WHY: Final = "somebody has to mend it"


class Complaints:
    """``lines()`` is for outside of passes, also before the first one."""

    def __init__(self, model: Model, binding: Binding) -> None:
        self._model = model
        self._binding = binding
        engine, southbound = model.engine, model.southbound
        self._interface = engine.index("complained_interface", model.vswitch.table(vs.Interface), _uuid)
        self._endpoint = engine.index(
            "encap_by_endpoint", southbound.table(sb.Encap), lambda e: [(e.type, e.ip)]
        )
        self._own = engine.memo(lambda: tuple(self._configuration()))
        self._relations: tuple[Derived[Any, str], ...] = (
            engine.derive("contested_ports", model.vifs, self._contested),
            engine.derive("unmapped_localnets", model.bindings, self._unmapped),
            engine.derive("unreachable_chassis", southbound.table(sb.Chassis), self._unreachable),
        )

    def lines(self) -> list[str]:
        """All complaints."""
        return [*self._own(), *(line for relation in self._relations for line in relation.elements())]

    # -- this hypervisor -----------------------------------------------------------------------

    def _configuration(self) -> Iterator[str]:
        root, config = self._model.root.one(SELF), self._model.config()
        if root is None:
            yield "the hypervisor's database has no Open_vSwitch row: ovs-vsctl init makes it"
            return
        if config is None:
            yield "external_ids:system-id is missing in Open_vSwitch: this hypervisor has no name"
            return
        if not self._model.setting("ovn-remote"):
            yield "external_ids:ovn-remote is missing in Open_vSwitch: there is no southbound to follow"
        yield from _endpoints(config)
        process = self._model.process_of.one(SELF)
        for kind, ip in encaps_of(config):
            for encap in self._endpoint.all((kind, ip)):
                if process is not None and encap.chassis_name not in {config.chassis, *process.names}:
                    yield (
                        f"ovn-encap-ip {ip} is the {kind} endpoint of chassis {encap.chassis_name}, too: "
                        "this hypervisor cannot be a chassis until one of them has another"
                    )

    # -- interfaces ----------------------------------------------------------------------------

    def _contested(self, vif: Vif) -> Iterator[Line]:
        """Of two interfaces for a port one has no effect."""
        name = self._name(vif)
        first = self._model.vif_by_id.one(vif.iface_id)
        if first is not None and first != vif:
            other = self._name(first)
            yield f"interface {name} has {IFACE_ID} {vif.iface_id}, as {other} has: it is not used", _WHY
            return
        binding, ours = self._model.binding_by_name.one(vif.iface_id), self._model.our_chassis()
        held = self._binding.held_by.one(vif.interface)
        if binding is None or binding.type != VIF or binding.requested_chassis not in (None, ours):
            return
        # A port that we have not had yet is taken over, and nothing is wrong with that.
        if binding.chassis in (None, ours) or held is None or held.binding != binding.uuid:
            return
        chassis = self._model.chassis_by_uuid.one(binding.chassis)
        holder = "?" if chassis is None else chassis.name
        yield (
            f"interface {name} has {IFACE_ID} {vif.iface_id}, bound on chassis {holder}: it is not used",
            _WHY,
        )

    def _name(self, vif: Vif) -> str:
        interface = self._interface.one(vif.interface)
        return "?" if interface is None else interface.name

    # -- the southbound ------------------------------------------------------------------------

    def _unmapped(self, binding: sb.PortBinding) -> Iterator[Line]:
        """A localnet of a datapath that is here has a bridge, or frames for it are lost."""
        if binding.type != LOCALNET or not self._model.is_local(binding.datapath):
            return
        network, what = binding.options.get("network_name", ""), f"localnet port {binding.logical_port}"
        if not network:
            yield f"{what} names no physical network (options:network_name)", _WHY
            return
        bridge = localnet.mapping(self._model.setting("ovn-bridge-mappings")).get(network)
        if bridge is None:
            yield f"{what}: ovn-bridge-mappings names no bridge for physical network {network}", _WHY
        elif self._model.bridge_by_name.one(bridge) is None:
            yield f"{what}: bridge {bridge} of physical network {network} does not exist", _WHY

    def _unreachable(self, chassis: sb.Chassis) -> Iterator[Line]:
        """A chassis with endpoints, none of which we can reach."""
        config, process = self._model.config(), self._model.process_of.one(SELF)
        if config is None or process is None or chassis.name in {config.chassis, *process.names}:
            return
        if not in_one_zone(config, chassis) or chassis.other_config.get("is-remote") == "true":
            return
        ours = [kind for kind in ENCAP_TYPES if kind in config.encap_types]
        found = [encap for encap in map(self._model.encap_by_uuid.one, chassis.encaps) if encap is not None]
        if found and ours and not any(encap.type in ours for encap in found):
            offered = ", ".join(sorted({encap.type for encap in found}))
            yield (
                f"no tunnel to chassis {chassis.name}: it has {offered}, and here is {', '.join(ours)}",
                _WHY,
            )


def _endpoints(config: Config) -> Iterator[str]:
    """What is wrong with ``ovn-encap-type`` and ``ovn-encap-ip`` as they are written."""
    for key, values in (("ovn-encap-type", config.encap_types), ("ovn-encap-ip", config.encap_ips)):
        if not values:
            yield f"external_ids:{key} is missing in Open_vSwitch: this hypervisor is no chassis"
    for kind in config.encap_types:
        if kind not in ENCAP_TYPES:
            yield f"ovn-encap-type {kind} is not supported: {' and '.join(ENCAP_TYPES)} are"
    for ip in config.encap_ips:
        try:
            ipaddress.ip_address(ip)
        except ValueError:
            yield f"ovn-encap-ip {ip} is no IP address"


def _uuid(interface: vs.Interface) -> Iterator[object]:
    yield interface.uuid
