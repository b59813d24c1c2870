"""What an explanation is made of: the databases, and the daemons that can be asked.

``Evidence`` is filled by whoever can reach them: ``live`` from sockets, ``deployed`` from a deployment in
the same process, ``derived`` by running our own daemons on copies.  Each part says where it comes from; a
part that is missing is ``None`` and the explanation goes on without it, and says so.

Everything here is read only, and taken once: a network that changes meanwhile is explained as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pyovn.controller import controller as controller_module
from pyovn.explain.model import RowRef
from pyovn.explain.network import TABLES, Network
from pyovn.incremental import Record
from pyovn.northd import northd as northd_module
from pyovn.schemas import northbound as nb
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs
from pyovn.sync.inputs import wanted_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pyovn.explain.network import Datapath, Flow
    from pyovn.ovsdb.replica import Replica
    from pyovn.sync.rows import RowClass

R = TypeVar("R", bound=Record)

MAX_PRIORITY: Final = 65535


def _union(*parts: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """All tables with all columns that any of ``parts`` has; the longest list gives the order."""
    found: dict[str, tuple[str, ...]] = {}
    for part in parts:
        for table, columns in part.items():
            first, second = sorted((tuple(columns), found.get(table, ())), key=len, reverse=True)
            found[table] = (*first, *(column for column in second if column not in first))
    return found


NB_COLUMNS: Final = _union(northd_module.NB_COLUMNS, wanted_columns((nb.NBGlobal, nb.PortGroup)))
SB_COLUMNS: Final = _union(northd_module.SB_COLUMNS, controller_module.SB_COLUMNS, TABLES)
VS_COLUMNS: Final = _union(
    controller_module.VS_COLUMNS, wanted_columns((vs.OpenVSwitch, vs.Bridge, vs.Port, vs.Interface))
)


class EvidenceError(Exception):
    """Something cannot be had; the text says what and why."""


def rows(replica: Replica | None, row_class: RowClass[R]) -> list[R]:
    """The typed rows of a table, in order of UUID; none of a database that is not there."""
    if replica is None or row_class.TABLE not in replica.tables:
        return []
    content = replica.table(row_class.TABLE)
    return [row_class(uuid, values) for uuid, values in sorted(content.rows.items())]


@dataclass(slots=True)
class Hypervisor:
    """One hypervisor, as far as it can be reached."""

    name: str
    """The chassis."""
    vswitch: Replica | None = None
    trace: Callable[[str, str], str] | None = None
    """(bridge, flow) to the text of ``ofproto/trace``; raises ``EvidenceError``."""
    why: Callable[[int], list[str]] | None = None
    """``flow/why`` of its ovn-controller; no line for a cookie that it does not know."""
    controller: str = ""
    """``connected``, ``not connected``, ``not running``, ``paused``; empty: not known."""
    source: str = ""
    """Where its flows come from, as a person reads it."""
    chassis: str = ""
    """``system-id`` of its database, if that is another name."""

    def root(self) -> vs.OpenVSwitch | None:
        """The row of Open_vSwitch."""
        return next(iter(rows(self.vswitch, vs.OpenVSwitch)), None)

    @property
    def settings(self) -> Mapping[str, str]:
        """Open_vSwitch.external_ids."""
        root = self.root()
        return {} if root is None else root.external_ids

    @property
    def bridge(self) -> str:
        """The integration bridge."""
        return self.settings.get("ovn-bridge", "br-int")

    def interfaces(self) -> list[vs.Interface]:
        """Those of all bridges."""
        return rows(self.vswitch, vs.Interface)

    def interface_for(self, port: str) -> vs.Interface | None:
        """The interface that names a logical port."""
        return next((i for i in self.interfaces() if i.external_ids.get("iface-id") == port), None)

    def interfaces_of(self, bridge: str) -> dict[int, vs.Interface]:
        """By OpenFlow port."""
        found: dict[int, vs.Interface] = {}
        ports = {port.uuid: port for port in rows(self.vswitch, vs.Port)}
        interfaces = {interface.uuid: interface for interface in self.interfaces()}
        for row in rows(self.vswitch, vs.Bridge):
            if row.name == bridge:
                for port in (ports[uuid] for uuid in row.ports if uuid in ports):
                    for uuid in port.interfaces:
                        interface = interfaces.get(uuid)
                        if interface is not None and interface.ofport is not None:
                            found[interface.ofport] = interface
        return found

    def owner_of(self, interface: vs.Interface, key: str) -> str:
        """What a Port row's external_ids say about an interface, under ``key``."""
        for port in rows(self.vswitch, vs.Port):
            if interface.uuid in port.interfaces:
                return port.external_ids.get(key, "")
        return ""

    def encaps(self) -> list[tuple[str, str]]:
        """(type, IP) as configured."""
        ids = self.settings
        kinds = ids.get("ovn-encap-type", "").replace(",", " ").split()
        return [(kind, ip) for kind in kinds for ip in ids.get("ovn-encap-ip", "").replace(",", " ").split()]


def _cookie(uuid: str) -> int:
    """The first 32 bits, as controllers put them on their flows."""
    return int(uuid[:8], 16)


def _nothing(_prefix: str) -> list[str]:
    return []


def _never(_a: str, _b: str) -> bool:
    return False


@dataclass(slots=True)
class Evidence:
    """Everything that can be known."""

    southbound: Replica
    northbound: Replica | None = None
    hypervisors: dict[str, Hypervisor] = field(default_factory=dict)
    """By chassis name."""
    northd: str = ""
    """``active``, ``standby``, ``paused``, ``not running``; empty: not known."""
    why: Callable[[str], list[str]] = _nothing
    """``flow/why`` of ovn-northd, by the beginning of a UUID."""
    why_source: str = ""
    is_cut: Callable[[str, str], bool] = _never
    """Whether the link between two addresses is cut; only a simulated network knows."""
    derive: Callable[[Hypervisor], None] | None = None
    """Fills in a hypervisor that is out of reach, when it is needed."""
    trouble: list[str] = field(default_factory=list)
    """What could not be had, a line each."""
    network: Network = field(init=False)
    _rows: dict[str, list[Any]] = field(init=False, default_factory=dict)
    """By database and table."""
    _cookies: dict[int, tuple[RowRef, str]] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Index the southbound."""
        self.network = Network(self.southbound)

    def _nb(self, row_class: RowClass[R]) -> list[R]:
        return self._made(self.northbound, row_class)

    def _sb(self, row_class: RowClass[R]) -> list[R]:
        return self._made(self.southbound, row_class)

    def _made(self, replica: Replica | None, row_class: RowClass[R]) -> list[R]:
        """``rows``, made once."""
        key = f"{replica is self.southbound}.{row_class.TABLE}"
        known = self._rows.get(key)
        if known is None:
            known = self._rows[key] = rows(replica, row_class)
        return cast("list[R]", known)

    def reach(self, name: str) -> Hypervisor | None:
        """A hypervisor, derived if it is out of reach and that is wanted."""
        found = self.hypervisors.get(name)
        if found is not None and found.vswitch is None and found.trace is None and self.derive is not None:
            self.derive(found)
        return found

    # -- northbound ----------------------------------------------------------------------------

    def switches(self) -> list[nb.LogicalSwitch]:
        """All logical switches."""
        return self._nb(nb.LogicalSwitch)

    def port(self, name: str) -> nb.LogicalSwitchPort | None:
        """A northbound port."""
        return next((row for row in self._nb(nb.LogicalSwitchPort) if row.name == name), None)

    def switch_of(self, port: nb.LogicalSwitchPort) -> nb.LogicalSwitch | None:
        """The switch that a port is on."""
        return next((row for row in self.switches() if port.uuid in row.ports), None)

    def ports_of(self, switch: nb.LogicalSwitch) -> list[nb.LogicalSwitchPort]:
        """The ports on a switch."""
        return [row for row in self._nb(nb.LogicalSwitchPort) if row.uuid in switch.ports]

    # -- southbound ----------------------------------------------------------------------------

    def binding(self, name: str) -> sb.PortBinding | None:
        """The southbound's row of a port."""
        return next((row for row in self._sb(sb.PortBinding) if row.logical_port == name), None)

    def chassis(self) -> list[sb.Chassis]:
        """All chassis."""
        return self._sb(sb.Chassis)

    def chassis_of(self, name: str) -> str | None:
        """The name of the chassis that a port is bound on; a container's is its VM's."""
        binding = self.binding(name)
        if binding is None or binding.chassis is None:
            return None
        return next((row.name for row in self.chassis() if row.uuid == binding.chassis), None)

    def encaps(self, chassis: str) -> list[sb.Encap]:
        """The encapsulations of a chassis."""
        wanted = {uuid for row in self.chassis() if row.name == chassis for uuid in row.encaps}
        return [row for row in self._sb(sb.Encap) if row.uuid in wanted]

    def chassis_at(self, ip: str) -> str | None:
        """The chassis with a tunnel endpoint at ``ip``."""
        return next((row.name for row in self.chassis() for e in self.encaps(row.name) if e.ip == ip), None)

    def progress(self) -> tuple[int, int, dict[str, int]]:
        """nb_cfg of the northbound and of the southbound, and what each chassis has reached."""
        wanted = max((row.nb_cfg for row in self._nb(nb.NBGlobal)), default=0)
        written = max((row.nb_cfg for row in self._sb(sb.SBGlobal)), default=0)
        reached = {row.name: row.nb_cfg for row in self._sb(sb.ChassisPrivate)}
        return wanted, written, reached

    def name_of(self, uuid: str) -> str:
        """What people call a northbound row; empty when it has no name."""
        named: list[nb.LogicalSwitchPort | nb.LogicalSwitch | nb.LogicalRouter | nb.LogicalRouterPort] = [
            *self._nb(nb.LogicalSwitchPort),
            *self._nb(nb.LogicalSwitch),
            *self._nb(nb.LogicalRouter),
            *self._nb(nb.LogicalRouterPort),
        ]
        return next((row.name for row in named if str(row.uuid) == uuid), "")

    def port_by_keys(self, datapath: int, port: int) -> str:
        """The logical port with these tunnel keys; empty when there is none."""
        for known in self.network.datapaths.values():
            if known.key == datapath:
                found = known.ports_by_key.get(port)
                return "" if found is None else found.name
        return ""

    def port_with_mac(self, datapath: Datapath, mac: str) -> str:
        """The port of a datapath with an Ethernet address; empty when there is none."""
        names = (row.logical_port for row in self.bindings() if any(m.startswith(mac) for m in row.mac))
        return next((name for name in names if name in datapath.ports), "")

    @staticmethod
    def flow_of_cookie(datapath: Datapath, cookie: int) -> tuple[str, Flow] | None:
        """The pipeline and the logical flow of a datapath that has a cookie."""
        for (pipeline, _table), flows in datapath.flows.items():
            for flow in flows:
                if _cookie(flow.uuid) == cookie:
                    return pipeline, flow
        return None

    def row_of_cookie(self, cookie: int) -> tuple[RowRef, str] | None:
        """The southbound row whose UUID begins with a cookie, and what it is, in a few words."""
        if self._cookies is None:
            self._cookies = dict(self._name_cookies())
        return self._cookies.get(cookie)

    def _name_cookies(self) -> Iterator[tuple[int, tuple[RowRef, str]]]:
        for flow in self._sb(sb.LogicalFlow):
            stage = flow.external_ids.get("stage-name", "")
            name = f"{stage or flow.table_id}: {flow.match}, priority {flow.priority}"
            yield _cookie(flow.uuid), (RowRef("SB", "Logical_Flow", name, str(flow.uuid)), "")
        for binding in self.bindings():
            ref = RowRef("SB", "Port_Binding", binding.logical_port, str(binding.uuid))
            yield _cookie(binding.uuid), (ref, "")
        for group in self._sb(sb.MulticastGroup):
            yield _cookie(group.uuid), (RowRef("SB", "Multicast_Group", group.name, str(group.uuid)), "")

    def bindings(self) -> list[sb.PortBinding]:
        """All rows of Port_Binding."""
        return self._sb(sb.PortBinding)

    def acl(self, hint: str) -> nb.ACL | None:
        """The ACL whose UUID begins with ``hint``."""
        return next(
            (row for row in self._nb(nb.ACL) if hint and str(row.uuid).startswith(hint)),
            None,
        )

    def owner_of_acl(self, acl: nb.ACL) -> str:
        """The switch that has an ACL, else the port group."""
        owner = next((row.name for row in self.switches() if acl.uuid in row.acls), None)
        groups = (row.name for row in self._nb(nb.PortGroup) if acl.uuid in row.acls)
        return owner or next(groups, "nobody")

    def router_of(self, port: str) -> str | None:
        """The router with a port of this name."""
        uuid = next(
            (row.uuid for row in self._nb(nb.LogicalRouterPort) if row.name == port),
            None,
        )
        routers = self._nb(nb.LogicalRouter)
        return next((row.name for row in routers if uuid is not None and uuid in row.ports), None)

    def serves_routers(self) -> bool:
        """Whether routers have logical flows."""
        routers = [d for d in self.network.datapaths.values() if d.is_router]
        return any(datapath.flows for datapath in routers)

    def stage_is_used(self, datapath: Datapath, stage: str) -> bool:
        """Whether a stage does more than its defaults: each feature adds flows of other priorities."""
        flows = [flow for table in datapath.flows.values() for flow in table if flow.stage == stage]
        return any(flow.hint for flow in flows if 0 < flow.priority < MAX_PRIORITY)
