"""What the controller's features share: inputs, who we are, and what is on this hypervisor.

Two databases are inputs: the hypervisor's own (``Open_vSwitch``) and the part of the southbound that
concerns it.  Three relations are the hinge between them:

``vifs``              interfaces of the integration bridge that carry an ``iface-id``
``local_datapaths``   logical datapaths with such a port
``local_ports``       port bindings that the southbound says are here

Features read rows inside of derivations only; ``config()`` is a memo like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.handwritten import decimal
from pyovn.incremental import Engine, Record, column
from pyovn.ovn.ports import LOCALNET, LOCALPORT, VIF
from pyovn.ovn.stages import PROFILE_2303, Profile
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs
from pyovn.sync.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pyovn.incremental import Derived, Relation
    from pyovn.ovsdb.values import UUID

VS_INPUTS: Final = (vs.OpenVSwitch, vs.Bridge, vs.Port, vs.Interface)
SB_INPUTS: Final = (
    sb.SBGlobal,
    sb.Chassis,
    sb.ChassisPrivate,
    sb.Encap,
    sb.DatapathBinding,
    sb.PortBinding,
    sb.MulticastGroup,
    sb.LogicalDPGroup,
    sb.LogicalFlow,
    sb.AddressSet,
    sb.PortGroup,
    sb.FDB,
)

LEAST_PROBE: Final = 5
"""Seconds; what is less, but not 0, counts as this (ovn-controller(8)).  It is the default, too."""

SELF: Final = "self"
"""The key of everything of which there is one."""

IFACE_ID: Final = "iface-id"
"""Interface.external_ids: the logical port that an interface is."""

ENCAP_TYPES: Final = ("geneve", "vxlan")
"""Encapsulations that this controller can set up, best first."""


@dataclass(frozen=True, slots=True)
class Config:
    """What Open_vSwitch.external_ids says about this chassis (ovn-controller(8), Configuration)."""

    chassis: str
    bridge: str
    encap_types: tuple[str, ...]
    encap_ips: tuple[str, ...]
    encap_csum: str
    hostname: str
    """Empty: the system's."""
    monitor_all: bool
    transport_zones: frozenset[str]
    openflow_probe: float
    """Seconds; 0: the switch is not probed."""
    southbound_probe: float | None
    """The same for the southbound; None: what is usual for its kind of address."""


class Process(Record):
    """What the daemon tells the derivations about itself; key ``SELF``."""

    __slots__ = ()
    hostname = column(0, "hostname")
    exiting = column(1, "exiting")
    nb_cfg = column(2, "nb_cfg")
    """The southbound's nb_cfg up to which all flows are installed, and when that was (ms)."""
    nb_cfg_timestamp = column(3, "nb_cfg_timestamp")
    names = column(4, "names")
    """All names that this chassis has had."""


@dataclass(frozen=True, slots=True)
class Vif:
    """An interface of the integration bridge that says which logical port it is."""

    iface_id: str
    ofport: int
    interface: UUID


@dataclass(frozen=True, slots=True)
class LocalPort:
    """A logical port that is here: bound here, or one that every chassis has (localnet, localport)."""

    binding: UUID
    name: str
    datapath: UUID
    key: int
    ofport: int
    interface: UUID
    kind: str = VIF
    """Port_Binding.type."""
    parent: str | None = None
    """The port of the VM that a container is in."""
    tag: int | None = None
    passthru: bool = False
    """Frames keep the tags that they have."""

    @property
    def is_vif(self) -> bool:
        """The interface is this port's own, and is claimed by it."""
        return self.kind == VIF and self.parent is None


class Model:
    """``output_sb`` and ``output_vs`` collect wanted rows, ``output_flows`` OpenFlow flows."""

    def __init__(self, engine: Engine, profile: Profile = PROFILE_2303, system_id: str = "") -> None:
        self.engine = engine
        self.system_id = system_id
        """The name of the chassis when it is not the database that says it (``-n``)."""
        self.profile = profile
        self.vswitch = Inputs(engine, "vs", VS_INPUTS)
        self.southbound = Inputs(engine, "sb", SB_INPUTS)
        self.process = engine.table("process", Process)
        self.output_sb: list[Derived[Any, Any]] = []
        self.output_vs: list[Derived[Any, Any]] = []
        self.output_flows: list[Derived[Any, Any]] = []
        self._indexes()
        self.setting = engine.memo(self._setting)
        self.config = engine.memo(self._config)
        self.our_chassis = engine.memo(self._our_chassis)
        self.vifs = engine.derive("vifs", self.vswitch.table(vs.Interface), self._vif)
        self.vif_by_id = engine.index("vif_by_id", self.vifs, lambda vif: [vif.iface_id])
        self.bindings = self.southbound.table(sb.PortBinding)
        self.local_datapaths = engine.derive("local_datapaths", self.bindings, self._local_datapath)
        southbound_datapaths = self.southbound.table(sb.DatapathBinding)
        self.local_datapath = engine.index("local_datapath", self.local_datapaths, lambda uuid: [uuid])
        self.local_keys = engine.derive("local_datapath_keys", southbound_datapaths, self._local_datapath_key)
        self.local_datapath_key = engine.index("local_datapath_key", self.local_keys, lambda key: [key])
        self.local_ports = engine.derive("local_ports", self.bindings, self._local_port)
        self.local_port = engine.index("local_port", self.local_ports, lambda port: [port.binding])
        self.children = engine.index(
            "children",
            self.local_ports,
            lambda port: [(port.parent, port.datapath)] if port.parent is not None else [],
        )
        self.localnets = engine.index(
            "localnets", self.local_ports, lambda port: [port.datapath] if port.kind == LOCALNET else []
        )

    def _indexes(self) -> None:
        engine, vswitch, southbound = self.engine, self.vswitch, self.southbound
        self.root = engine.index("root", vswitch.table(vs.OpenVSwitch), lambda _row: [SELF])
        self.bridge_by_name = engine.index("bridge_by_name", vswitch.table(vs.Bridge), lambda b: [b.name])
        self.bridge_of_port = engine.index("bridge_of_port", vswitch.table(vs.Bridge), lambda b: b.ports)
        self.port_of_interface = engine.index(
            "port_of_interface", vswitch.table(vs.Port), lambda p: p.interfaces
        )
        self.interface_by_name = engine.index(
            "interface_by_name", vswitch.table(vs.Interface), lambda i: [i.name]
        )
        self.process_of = engine.index("process_of", self.process, lambda _row: [SELF])
        self.chassis_by_name = engine.index(
            "chassis_by_name", southbound.table(sb.Chassis), lambda c: [c.name]
        )
        self.chassis_by_uuid = engine.index(
            "chassis_by_uuid", southbound.table(sb.Chassis), lambda c: [c.uuid]
        )
        self.encap_by_uuid = engine.index("encap_by_uuid", southbound.table(sb.Encap), lambda e: [e.uuid])
        self.datapath_by_uuid = engine.index(
            "datapath_by_uuid", southbound.table(sb.DatapathBinding), lambda d: [d.uuid]
        )
        self.binding_by_name = engine.index(
            "binding_by_name", southbound.table(sb.PortBinding), lambda b: [b.logical_port]
        )
        self.global_row = engine.index("global_row", southbound.table(sb.SBGlobal), lambda _row: [SELF])

    # -- declaring outputs ---------------------------------------------------------------------

    def want(
        self,
        outputs: list[Derived[Any, Any]],
        name: str,
        source: Relation[Any],
        function: Callable[[Any], Iterable[tuple[Any, str]]],
    ) -> Derived[Any, Any]:
        """The union of ``function`` over ``source``, as one of the outputs."""
        relation = self.engine.derive(name, source, function)
        outputs.append(relation)
        return relation

    # -- who we are ----------------------------------------------------------------------------

    def _setting(self, key: str) -> str:
        """``external_ids:KEY-CHASSIS``, else ``external_ids:KEY`` of Open_vSwitch, else nothing."""
        root = self.root.one(SELF)
        if root is None:
            return ""
        ids = root.external_ids
        return ids.get(f"{key}-{self._name(ids)}") or ids.get(key, "")

    def _name(self, ids: Mapping[str, str]) -> str:
        return self.system_id or ids.get("system-id", "")

    def _config(self) -> Config | None:
        root = self.root.one(SELF)
        name = "" if root is None else self._name(root.external_ids)
        if not name:
            return None
        return Config(
            chassis=name,
            bridge=self.setting("ovn-bridge") or "br-int",
            encap_types=_words(self.setting("ovn-encap-type")),
            encap_ips=_words(self.setting("ovn-encap-ip")),
            encap_csum=self.setting("ovn-encap-csum") or "true",
            hostname=self.setting("hostname"),
            monitor_all=self.setting("ovn-monitor-all") == "true",
            transport_zones=frozenset(_words(self.setting("ovn-transport-zones"))),
            openflow_probe=_openflow_probe(self.setting("ovn-openflow-probe-interval")),
            southbound_probe=_southbound_probe(self.setting("ovn-remote-probe-interval")),
        )

    def _our_chassis(self) -> UUID | None:
        """The UUID of our Chassis row, once it is there."""
        config = self.config()
        row = None if config is None else self.chassis_by_name.one(config.chassis)
        return None if row is None else row.uuid

    # -- what is here --------------------------------------------------------------------------

    def on_bridge(self, interface: UUID) -> bool:
        """Whether an interface belongs to the integration bridge."""
        config = self.config()
        port = self.port_of_interface.one(interface)
        bridge = None if port is None else self.bridge_of_port.one(port.uuid)
        return config is not None and bridge is not None and bridge.name == config.bridge

    def _vif(self, interface: vs.Interface) -> Iterator[tuple[Vif, str]]:
        iface_id = interface.external_ids.get(IFACE_ID)
        ofport = interface.ofport
        if iface_id and ofport is not None and ofport > 0 and self.on_bridge(interface.uuid):
            yield Vif(iface_id, ofport, interface.uuid), "an interface names its logical port"

    def _local_datapath(self, binding: sb.PortBinding) -> Iterator[tuple[UUID, str]]:
        # A localport alone has nobody here to talk to.
        if binding.type == VIF and self.vif_of(binding) is not None:
            yield binding.datapath, "a port of the datapath is here"

    def _local_datapath_key(self, datapath: sb.DatapathBinding) -> Iterator[tuple[int, str]]:
        if self.is_local(datapath.uuid):
            yield datapath.tunnel_key, "the datapath is here"

    def vif_of(self, binding: sb.PortBinding) -> Vif | None:
        """The interface by which a port is reached: its own, or for a container its parent's."""
        return self.vif_by_id.one(binding.parent_port or binding.logical_port)

    def _local_port(self, binding: sb.PortBinding) -> Iterator[tuple[LocalPort, str]]:
        kind, chassis = binding.type, binding.chassis
        if kind == LOCALNET:
            vif = self._patch_of(binding)
        elif kind == LOCALPORT:
            vif = self.vif_of(binding) if self.is_local(binding.datapath) else None
        elif chassis is not None and chassis == self.our_chassis():
            vif = self.vif_of(binding)
        else:
            return
        if vif is None or (binding.parent_port and binding.tag is None):
            return
        port = LocalPort(
            binding.uuid,
            binding.logical_port,
            binding.datapath,
            binding.tunnel_key,
            vif.ofport,
            vif.interface,
            kind,
            binding.parent_port or None,
            binding.tag,
            binding.options.get("vlan-passthru") == "true",
        )
        yield port, "the southbound says that the port is here"

    def _patch_of(self, binding: sb.PortBinding) -> Vif | None:
        """The patch port that leads to a localnet's physical network, once it is made."""
        config = self.config()
        if config is None or not self.is_local(binding.datapath):
            return None
        interface = self.interface_by_name.one(f"patch-{config.bridge}-to-{binding.logical_port}")
        ofport = None if interface is None else interface.ofport
        if interface is None or ofport is None or ofport <= 0 or not self.on_bridge(interface.uuid):
            return None
        return Vif(binding.logical_port, ofport, interface.uuid)

    def interface_name(self, uuid: UUID) -> str | None:
        """The name of an interface; outside of derivations."""
        row = self.vswitch.table(vs.Interface).peek(uuid)
        return None if row is None else row.name

    def is_local(self, datapath: UUID) -> bool:
        """Whether a datapath has a port here."""
        return self.local_datapath.one(datapath) is not None


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())


def _openflow_probe(text: str) -> float:
    """``ovn-openflow-probe-interval``, in seconds."""
    seconds = decimal(text)
    return 0 if seconds == 0 else max(seconds or LEAST_PROBE, LEAST_PROBE)


def _southbound_probe(text: str) -> float | None:
    """``ovn-remote-probe-interval``, in milliseconds, as seconds; at least one."""
    milliseconds = decimal(text)
    return None if milliseconds is None else max(milliseconds / 1000, 1.0) if milliseconds else 0.0
