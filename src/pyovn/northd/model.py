"""What northd's features share: the inputs, the network as relations, and the making of logical flows.

A *switch class* is a named set of switches, such as "all" or "has unknown ports".  A flow that is
the same for every switch of a class is made once and given to the class's Logical_DP_Group, so a
switch more is one membership more, whatever the number of flows.  Each class is a datapath group
with the class's name as its symbolic key: a group's identity is its rule, not its contents.

Features read rows through ``Model`` only, and only inside of derivations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.northd.addresses import Addresses, addresses_of, is_unknown, link_local
from pyovn.northd.features import Features
from pyovn.ovn.keys import GENEVE_KEYS
from pyovn.ovn.ports import ROUTER, ROUTER_ADDRESS, VIF
from pyovn.ovn.stages import PROFILE_2303, Profile, Stage
from pyovn.ovsdb.values import EMPTY_MAP, UUID, FrozenMap
from pyovn.schemas import northbound as nb
from pyovn.schemas import southbound as sb
from pyovn.sync.inputs import Inputs
from pyovn.sync.wants import Element, Ref, Want

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pyovn.incremental import Derived, Engine, Relation
    from pyovn.sync.wants import RowItem

DATAPATH: Final = sb.DatapathBinding.TABLE
GROUP: Final = sb.LogicalDPGroup.TABLE
PORT: Final = sb.PortBinding.TABLE
MULTICAST: Final = sb.MulticastGroup.TABLE

PORT_TAG: Final = "in_out_port"
"""The tag of a flow that matters only where this port is (ovn-sb(5), Logical_Flow.tags)."""

GLOBAL: Final = "global"
"""The key of the one row of NB_Global and of SB_Global."""

NB_INPUTS: Final = (
    nb.NBGlobal,
    nb.LogicalSwitch,
    nb.LogicalSwitchPort,
    nb.LogicalRouter,
    nb.LogicalRouterPort,
    nb.ACL,
    nb.NAT,
    nb.GatewayChassis,
    nb.HAChassisGroup,
    nb.HAChassis,
)
SB_INPUTS: Final = (sb.SBGlobal, sb.Chassis, sb.ChassisPrivate, sb.Encap, sb.PortBinding)

Item = Any
"""A row or an element that is wanted (``sync.wants.RowItem`` or ``Element``)."""


class LogicalFlow(NamedTuple):
    """A wanted row of Logical_Flow.  The tuple is its own key: flows have no name but their content."""

    datapath: Ref | None
    group: Ref | None
    pipeline: str
    table_id: int
    priority: int
    match: str
    actions: str
    meter: str | None
    port: str | None
    """The logical port in the tag ``in_out_port``."""
    stage: str

    @property
    def table(self) -> str:
        """Logical_Flow."""
        return "Logical_Flow"

    @property
    def key(self) -> LogicalFlow:
        """Itself."""
        return self

    @property
    def columns(self) -> tuple[tuple[str, Any], ...]:
        """The columns that make the flow; hints are written by ``annotate``."""
        return (
            ("logical_datapath", self.datapath),
            ("logical_dp_group", self.group),
            ("pipeline", self.pipeline),
            ("table_id", self.table_id),
            ("priority", self.priority),
            ("match", self.match),
            ("actions", self.actions),
            ("controller_meter", self.meter),
            ("tags", EMPTY_MAP if self.port is None else FrozenMap({PORT_TAG: self.port})),
        )


def identify_flow(row: sb.LogicalFlow) -> tuple[Any, ...]:
    """The key of an actual Logical_Flow row, as ``LogicalFlow`` with UUIDs for references."""
    return (
        row.logical_datapath,
        row.logical_dp_group,
        row.pipeline,
        row.table_id,
        row.priority,
        row.match,
        row.actions,
        row.controller_meter,
        _port_in(row.tags),
        row.external_ids.get("stage-name"),
    )


def _port_in(tags: FrozenMap[str, str]) -> str | FrozenMap[str, str] | None:
    """What ``LogicalFlow.port`` has where tags are ours; others stay what they are and equal no port."""
    if not tags:
        return None
    return tags[PORT_TAG] if len(tags) == 1 and PORT_TAG in tags else tags


def logical_flow(
    where: Ref, stage: Stage, priority: int, match: str, actions: str, *, port: str | None = None
) -> LogicalFlow:
    """A flow of one datapath or of one class.

    ``port``: the flow matters only to chassis where this logical port is; controllers that know the
    tag ``in_out_port`` skip it elsewhere (ovn-sb(5), Logical_Flow.tags).
    """
    grouped = where.table == GROUP
    return LogicalFlow(
        None if grouped else where,
        where if grouped else None,
        stage.pipeline.value,
        stage.table,
        priority,
        match,
        actions,
        None,
        port,
        stage.name,
    )


class Datapath(NamedTuple):
    """A logical switch or router that has a datapath."""

    uuid: UUID
    is_switch: bool
    requested_key: int | None


def requested_key(options: FrozenMap[str, str]) -> int | None:
    """``requested-tnl-key`` as a number; None when it is absent or no number."""
    text = options.get("requested-tnl-key", "")
    return int(text) if text.isdecimal() and int(text) > 0 else None


def is_enabled(port: nb.LogicalSwitchPort) -> bool:
    """A port is enabled unless it says otherwise (ovn-nb(5), Logical_Switch_Port.enabled)."""
    return port.enabled is not False


def quoted(name: str) -> str:
    """A name as a string of the flow language."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Model:
    """The network as relations.  ``output`` collects the derived relations that make rows."""

    def __init__(self, engine: Engine, profile: Profile = PROFILE_2303) -> None:
        self.engine = engine
        self.profile = profile
        self.northbound = Inputs(engine, "nb", NB_INPUTS)
        self.southbound = Inputs(engine, "sb", SB_INPUTS)
        self.switches = self.northbound.table(nb.LogicalSwitch)
        self.routers = self.northbound.table(nb.LogicalRouter)
        self.ports = self.northbound.table(nb.LogicalSwitchPort)
        self.switch_of_port = engine.index("switch_of_port", self.switches, lambda s: s.ports)
        self.port_by_uuid = engine.index("port_by_uuid", self.ports, lambda p: [p.uuid])
        self.port_by_name = engine.index("port_by_name", self.ports, lambda p: [p.name])
        self.binding_by_port = engine.index(
            "binding_by_port", self.southbound.table(sb.PortBinding), lambda b: [b.logical_port]
        )
        self.chassis_by_name = engine.index(
            "chassis_by_name",
            self.southbound.table(sb.Chassis),
            lambda c: [c.name, *([c.hostname] if c.hostname else [])],
        )
        self.nb_global = engine.index("nb_global", self.northbound.table(nb.NBGlobal), lambda _row: [GLOBAL])
        self.router_port_by_name = engine.index(
            "router_port_by_name", self.northbound.table(nb.LogicalRouterPort), lambda p: [p.name]
        )
        self.ignores_down = engine.memo(self._ignores_down)
        self.features = Features(self)
        self.key_space = GENEVE_KEYS
        """What the daemon has found ``features.keys`` to be: keys are allotted within it."""
        self.special_ports = engine.derive("special_ports", self.ports, _special)
        """Ports that are more than an interface with addresses: what concerns few need not ask all."""
        self.output_nb: list[Derived[Any, Any]] = []
        self.output_sb: list[Derived[Any, Any]] = []
        self.sources: dict[str, str] = {}
        self._classifiers: list[Callable[[nb.LogicalSwitch], Iterable[str]]] = []
        self.datapaths = engine.derive("datapaths", self.switches, _switch_datapath)
        self.router_datapaths = engine.derive("router_datapaths", self.routers, _router_datapath)
        self.classes = engine.derive("switch_classes", self.switches, self._classify)
        self.want_sb("datapath_groups", self.classes, _group_row)
        self.want_sb("datapath_group_members", self.switches, self._memberships)

    # -- declaring outputs ---------------------------------------------------------------------

    def want_sb(
        self, name: str, source: Relation[Any], function: Callable[[Any], Iterable[tuple[Item, str]]]
    ) -> Derived[Any, Any]:
        """Rows of the southbound: the union of ``function`` over ``source``."""
        return self._want(self.output_sb, name, source, function)

    def want_nb(
        self, name: str, source: Relation[Any], function: Callable[[Any], Iterable[tuple[Item, str]]]
    ) -> Derived[Any, Any]:
        """Columns of the northbound: the union of ``function`` over ``source``."""
        return self._want(self.output_nb, name, source, function)

    def _want(
        self, outputs: list[Derived[Any, Any]], name: str, source: Relation[Any], function: Any
    ) -> Derived[Any, Any]:
        code = getattr(function, "__func__", function).__code__
        self.sources[name] = f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"
        relation = self.engine.derive(name, source, function)
        outputs.append(relation)
        return relation

    # -- switch classes ------------------------------------------------------------------------

    def classify(self, classifier: Callable[[nb.LogicalSwitch], Iterable[str]]) -> None:
        """Let ``classifier`` name further classes that a switch is in; before the first pass."""
        self._classifiers.append(classifier)

    def _classes_of(self, switch: nb.LogicalSwitch) -> Iterator[str]:
        for classifier in self._classifiers:
            yield from classifier(switch)

    def _classify(self, switch: nb.LogicalSwitch) -> Iterator[tuple[str, str]]:
        for name in self._classes_of(switch):
            yield name, "a switch is in this class"

    def _memberships(self, switch: nb.LogicalSwitch) -> Iterator[tuple[Item, str]]:
        for name in self._classes_of(switch):
            yield Element(GROUP, name, "datapaths", Ref(DATAPATH, switch.uuid)), "the switch is in the class"

    def want_class_flows(
        self, name: str, function: Callable[[str, Ref], Iterable[tuple[LogicalFlow, str]]]
    ) -> None:
        """Flows of whole classes: ``function(class name, its group)`` for every class with a switch."""

        def flows(switch_class: str) -> Iterable[tuple[LogicalFlow, str]]:
            return function(switch_class, Ref(GROUP, switch_class))

        self.want_sb(name, self.classes, flows)
        code = getattr(function, "__func__", function).__code__
        self.sources[name] = f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"

    # -- asking --------------------------------------------------------------------------------

    def _ignores_down(self) -> bool:
        """Whether ports that are down are answered for (ovn-nb(5), NB_Global ``ignore_lsp_down``)."""
        row = self.nb_global.one(GLOBAL)
        return row is None or row.options.get("ignore_lsp_down", "true").lower() == "true"

    def peer_of(self, port: nb.LogicalSwitchPort) -> nb.LogicalRouterPort | None:
        """The router port that a switch port of type ``router`` is connected to, if it exists."""
        name = port.options.get("router-port") if port.type == ROUTER else None
        return self.router_port_by_name.one(name) if name else None

    def addresses_of(self, port: nb.LogicalSwitchPort) -> Iterator[Addresses]:
        """The addresses of a port; those of a router's port that says ``router`` are the router port's."""
        for text in port.addresses:
            found = addresses_of(text)
            if found is None and port.type == ROUTER and text.strip() == ROUTER_ADDRESS:
                peer = self.peer_of(port)
                found = None if peer is None else addresses_of(" ".join([peer.mac, *sorted(peer.networks)]))
                if found is not None:
                    found = found._replace(ipv6=(*found.ipv6, link_local(found.mac)))
            if found is not None:
                yield found

    def datapath_of(self, port: nb.LogicalSwitchPort) -> Ref | None:
        """The datapath of the switch that ``port`` is on; None for a port on no switch."""
        switch = self.switch_of_port.one(port.uuid)
        return None if switch is None else Ref(DATAPATH, switch.uuid)


def _special(port: nb.LogicalSwitchPort) -> Iterator[tuple[nb.LogicalSwitchPort, str]]:
    if (
        port.type != VIF
        or not is_enabled(port)
        or port.parent_name
        or port.tag_request is not None
        or "qdisc_queue_id" in port.options
        or any(map(is_unknown, port.addresses))
    ):
        yield port, "more than an interface with addresses"


def _switch_datapath(switch: nb.LogicalSwitch) -> Iterator[tuple[Datapath, str]]:
    yield Datapath(switch.uuid, True, requested_key(switch.other_config)), "a logical switch"


def _router_datapath(router: nb.LogicalRouter) -> Iterator[tuple[Datapath, str]]:
    if router.enabled is not False:
        yield Datapath(router.uuid, False, requested_key(router.options)), "a logical router"


def _group_row(switch_class: str) -> Iterator[tuple[RowItem, str]]:
    yield Want(GROUP, switch_class, ()), "flows that all switches of a class share"
