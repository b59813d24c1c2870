"""Evidence of a deployment in the same process: nothing is asked over sockets.

``sandbox.Deployment`` stands beside this room, not below it; what is needed of one is ``Deployed``.  Daemons
that are stopped show as stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyovn.daemon.unixctl import CommandError
from pyovn.explain.evidence import (
    NB_COLUMNS,
    SB_COLUMNS,
    VS_COLUMNS,
    Evidence,
    EvidenceError,
    Hypervisor,
)
from pyovn.explain.explain import explain as explain_microflow
from pyovn.explain.question import Wish, is_microflow, microflow
from pyovn.ovsdb.replica import Replica
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.vswitch.control import Commands
from pyovn.wire.openflow.text import format_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyovn.controller.controller import Controller
    from pyovn.explain.model import Explanation
    from pyovn.northd.northd import Northd
    from pyovn.ovsdb.server import Server
    from pyovn.schemas.columns import Database
    from pyovn.sim.underlay import Underlay
    from pyovn.vswitch.switch import Switch

CENTRAL = "central"
SAME_PROCESS = "ovs-vswitchd's ofproto/trace"
ASKED = "ovn-northd's flow/why"


class DeployedHypervisor(Protocol):
    """What is needed of a hypervisor."""

    name: str

    @property
    def server(self) -> Server:
        """The server of its own database."""

    @property
    def switch(self) -> Switch:
        """Its switch."""

    @property
    def controller(self) -> Controller:
        """Its ovn-controller, which runs or ran last."""


class Deployed(Protocol):
    """What is needed of a deployment."""

    underlay: Underlay

    @property
    def central(self) -> Server:
        """The server of the northbound and the southbound."""

    @property
    def northd(self) -> Northd:
        """The one that runs, or ran last."""

    @property
    def hypervisors(self) -> Mapping[str, Any]:
        """``DeployedHypervisor`` by name."""

    def daemon(self, place: str, name: str) -> Any:
        """The life of a daemon: it has ``is_running``."""


def copy(server: Server, database: Database, columns: Mapping[str, Sequence[str]]) -> Replica:
    """The contents of a database of a server in this process."""
    replica = Replica(columns, database.schema)
    hosted = server.databases[database.name].database
    replica.bind(hosted.schema)
    for name, table in replica.tables.items():
        source = hosted.tables.get(name)
        if source is None:
            continue
        places = [source.by_name[c].position if c in source.by_name else None for c in table.columns]
        for uuid, row in source.rows.items():
            values = [
                default if place is None else row.values[place]
                for place, default in zip(places, table.defaults, strict=True)
            ]
            table.put(uuid, tuple(values))
    return replica


def gather(deployment: Deployed) -> Evidence:
    """Everything, as it is now."""
    northd, runs = deployment.northd, deployment.daemon(CENTRAL, "ovn-northd").is_running
    return Evidence(
        southbound=copy(deployment.central, SOUTHBOUND, SB_COLUMNS),
        northbound=copy(deployment.central, NORTHBOUND, NB_COLUMNS),
        hypervisors={name: _hypervisor(deployment, place) for name, place in deployment.hypervisors.items()},
        northd=northd.status if runs else "not running",
        why=northd.why if runs else _nothing,
        why_source=ASKED,
        is_cut=deployment.underlay.is_cut,
    )


def explain(deployment: Deployed, *words: str, on: str | None = None, **wish: bool | int) -> Explanation:
    """Explain a packet in a deployment: ``explain(deployment, "vm1", "vm2", tcp=80)``, or a microflow.

    ``words`` are the arguments of ``pyovn explain``, ``wish`` the options of its short forms
    (``question.Wish``).  Raises ``EvidenceError`` when the question makes no sense.
    """
    evidence = gather(deployment)
    *first, last = words
    if is_microflow(last):
        return explain_microflow(evidence, last, datapath=first[0] if first else None, on=on)
    if len(first) != 1:
        raise EvidenceError("a short form names a port and where the packet goes")
    text = microflow(evidence, first[0], last, Wish(**wish))  # type: ignore[arg-type]  # named by Wish
    return explain_microflow(evidence, text, on=on)


def _nothing(_prefix: str) -> list[str]:
    return []


def _hypervisor(deployment: Deployed, place: DeployedHypervisor) -> Hypervisor:
    commands = Commands(place.switch)
    traces = deployment.daemon(place.name, "ovs-vswitchd").is_running
    controller = place.controller
    made = Hypervisor(
        place.name,
        copy(place.server, OPEN_VSWITCH, VS_COLUMNS),
        tracer(commands) if traces else _dead(place.name),
        reasons_of(controller),
        _state(controller, runs=deployment.daemon(place.name, "ovn-controller").is_running),
        SAME_PROCESS,
    )
    made.name = made.settings.get("system-id", place.name)
    return made


def tracer(commands: Commands) -> Callable[[str, str], str]:
    """``ofproto/trace`` of a switch in this process."""

    def trace(bridge: str, flow: str) -> str:
        try:
            return commands.trace([bridge, flow])
        except CommandError as error:
            raise EvidenceError(str(error)) from error

    return trace


def _dead(name: str) -> Callable[[str, str], str]:
    def trace(_bridge: str, _flow: str) -> str:
        raise EvidenceError(f"ovs-vswitchd of {name} is not running")

    return trace


def reasons_of(controller: Controller) -> Callable[[int], list[str]]:
    """``flow/why`` of a controller in this process."""
    return lambda cookie: [
        f"{format_flow(flow)}: {reason.why} ({reason.derivation} of {reason.owner!r})"
        for flow, reasons in controller.flow_table.why(cookie)
        for reason in reasons
    ]


def _state(controller: Controller, *, runs: bool) -> str:
    if not runs:
        return "not running"
    return "paused" if controller.paused else controller.connection_status
