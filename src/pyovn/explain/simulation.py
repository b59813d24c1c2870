"""A packet's way through the logical flows, as a tree of ``Node``.

In each table the flow of highest priority that matches is executed (its actions' prerequisites count as
part of the match).  ``next`` goes on below the node of its table; ``output`` starts the egress pipeline of
the port, or of every port of a multicast group, each with a packet of its own.

What an action does is in ``effects`` and beside it.  State outside the southbound database is answered as
ovn-trace(8), "STATEFUL ACTIONS", says; an action that cannot be read says so by its name where it would
be executed, and the trace goes on without the flow's others.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from pyovn.explain import effects, lookups, replies, tracking
from pyovn.explain.effects import Place
from pyovn.explain.report import Event, Kind, Node
from pyovn.explain.tracking import World
from pyovn.logical.actions import parse_actions, prerequisites
from pyovn.logical.actions_flow import Next
from pyovn.logical.errors import LflowError, NotServedError
from pyovn.logical.evaluate import evaluate
from pyovn.logical.parse import parse_expr
from pyovn.ovn.ports import CHASSISREDIRECT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.explain.microflow import Microflow
    from pyovn.explain.network import Datapath, Flow, Network, Port
    from pyovn.logical.actions_base import Action
    from pyovn.logical.ast import Expr

INGRESS: Final = "ingress"
EGRESS: Final = "egress"
LOOPBACK: Final = 1
"""The bit flags.loopback of reg10."""
DEPTH_LIMIT: Final = 640
"""Tables in a row: ten pipelines, twice what a packet meets on its way through three routers and back."""
FRAMES: Final = 12 * DEPTH_LIMIT
"""How deep Python may call for that; a trace is a tree as deep as the packet's way is long."""
EFFECTS: Final[dict[type, Callable[[Place, Any], None]]] = {
    **effects.EFFECTS,
    **lookups.EFFECTS,
    **replies.EFFECTS,
    **tracking.EFFECTS,
}
_LOGICAL_REGISTERS: Final = ("xxreg0", "xxreg1", "xreg4")
_OMITTED: Final = "/* omitting output because inport == outport && !flags.loopback */"


class Simulation:
    """Traces packets through one network."""

    def __init__(
        self,
        network: Network,
        world: World | None = None,
        openflow: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self.network = network
        self.world = World() if world is None else world
        self.openflow = openflow
        """The OpenFlow flows of a logical flow, by its UUID; None: they are not asked for."""
        self.warned: set[str] = set()
        self.depth = 0

    def trace(self, datapath: Datapath, flow: Microflow) -> Node:
        """The whole way of ``flow`` from its inport on."""
        root = Node(Kind.ACTION, "")
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(max(before, FRAMES))
        try:
            self._ingress(datapath, flow, root)
        finally:
            sys.setrecursionlimit(before)
        return root

    def _ingress(self, datapath: Datapath, flow: Microflow, node: Node) -> None:
        key = flow.get("reg14", 0)
        inport = self.shown(datapath.name_of(key)) or "(unnamed)"
        text = f'ingress(dp="{datapath.shown}", inport="{inport}")'
        event = Event(datapath, INGRESS, dict(flow), port=datapath.ports_by_key.get(key))
        Walk(self, datapath, INGRESS).enter_table(flow, 0, node.add(Kind.PIPELINE, text, event=event))

    def shown(self, name: str) -> str:
        """A port's name as it is printed."""
        return self.network.friendly(f'"{name}"')[1:-1]

    def expression(self, text: str, datapath: Datapath) -> Expr | None:
        """The parsed match; None with a warning when it cannot be read."""
        try:
            return parse_expr(text, address_sets=self.network.address_sets, port_groups=datapath.port_groups)
        except LflowError as error:
            self.warn(f"{text}: parsing expression failed ({error})")
            return None

    def actions(self, text: str) -> tuple[Action, ...] | None:
        """The parsed actions; None with a warning when they cannot be read; raises ``NotServedError``."""
        try:
            return parse_actions(text)
        except NotServedError:
            raise
        except LflowError as error:
            self.warn(f"{text}: parsing actions failed ({error})")
            return None

    def warn(self, text: str) -> None:
        """Say it once."""
        if text not in self.warned:
            self.warned.add(text)
            self.network.warn(text)

    def output(self, datapath: Datapath, flow: Microflow, node: Node) -> None:
        """``output`` in the ingress pipeline."""
        key = flow.get("reg15", 0)
        port = datapath.ports_by_key.get(key)
        group = datapath.groups_by_key.get(key)
        if port is not None and port.type == CHASSISREDIRECT and port.distributed in datapath.ports:
            shown, port = self.shown(port.name), datapath.ports[port.distributed]
            node.add(
                Kind.OUTCOME,
                f'/* Replacing type "{CHASSISREDIRECT}" outport "{shown}" '
                f'with distributed port "{self.shown(port.name)}". */',
            )
            flow = flow | {"reg15": port.key}
        if port is not None:
            if self._returns(flow, port):
                node.add(Kind.OUTCOME, _OMITTED)
                return
            self._egress(datapath, flow, port, node)
        elif group is not None:
            text = f'multicast(dp="{datapath.shown}", mcgroup="{group.name}")'
            inner = node.add(Kind.PIPELINE, text)
            for member in group.ports:
                copy = flow | {"reg15": member.key}
                self._egress(datapath, copy, member, inner, always_indent=True)
        elif key == 0:
            node.add(Kind.ERROR, "output to null logical port")
        else:
            node.add(Kind.ERROR, f"unknown port or multicast group {key}")

    @staticmethod
    def _returns(flow: Microflow, port: Port) -> bool:
        return flow.get("reg14", 0) == port.key and not flow.get("reg10", 0) & LOOPBACK

    def _egress(
        self, datapath: Datapath, flow: Microflow, port: Port, node: Node, *, always_indent: bool = False
    ) -> None:
        inport = self.shown(datapath.name_of(flow.get("reg14", 0)))
        text = f'egress(dp="{datapath.shown}", inport="{inport}", outport="{self.shown(port.name)}")'
        event = Event(datapath, EGRESS, dict(flow), port=port)
        inner = node.add(Kind.PIPELINE, text, always_indent=always_indent, event=event)
        if self._returns(flow, port):
            inner.always_indent = False
            inner.add(Kind.OUTCOME, _OMITTED)
            return
        fresh = flow | dict.fromkeys(_LOGICAL_REGISTERS, 0)
        Walk(self, datapath, EGRESS).enter_table(fresh, 0, inner)

    def deliver(self, datapath: Datapath, flow: Microflow, node: Node) -> None:
        """``output`` in the egress pipeline: the packet leaves the datapath."""
        port = datapath.ports_by_key.get(flow.get("reg15", 0))
        if port is None:
            node.add(Kind.ERROR, "output to a port that does not exist")
            return
        shown = self.shown(port.name)
        node.add(Kind.OUTCOME, f'/* output to "{shown}", type "{port.type}" */')
        beyond = self.network.peer_of(port)
        if beyond is None:
            event = Event(datapath, EGRESS, dict(flow), port=port)
            node.add(Kind.DELIVER, f'output("{shown}")', event=event)
            return
        next_datapath, peer = beyond
        fresh = flow | dict.fromkeys((*_LOGICAL_REGISTERS, "reg10", "reg15"), 0) | {"reg14": peer.key}
        self._ingress(next_datapath, fresh, node)


class Walk:
    """One pipeline of one datapath; the packet is changed in place."""

    def __init__(self, simulation: Simulation, datapath: Datapath, pipeline: str) -> None:
        self.simulation = simulation
        self.datapath = datapath
        self.pipeline = pipeline
        self.network = simulation.network
        self.world = simulation.world

    @property
    def is_ingress(self) -> bool:
        """Whether this is the ingress pipeline."""
        return self.pipeline == INGRESS

    def enter_table(self, flow: Microflow, table: int, node: Node) -> None:
        """Execute the flow that matches in ``table``; what it does is appended to ``node``."""
        simulation = self.simulation
        if simulation.depth >= DEPTH_LIMIT:
            node.add(Kind.ERROR, "too many tables in a row")
            return
        simulation.depth += 1
        try:
            self._execute_table(flow, table, node)
        finally:
            simulation.depth -= 1

    def _execute_table(self, flow: Microflow, table: int, node: Node) -> None:
        flows = self.datapath.flows.get((self.pipeline, table), [])
        lflow = next((f for f in flows if self._matches(f, flow)), None)
        if lflow is None:
            stage = next((f.stage for f in flows if self._is_readable(f)), "")
            event = Event(self.datapath, self.pipeline, dict(flow), table)
            stage = f"{stage}: " if stage else ""
            node.add(Kind.TABLE, f"{table:2}. {stage}no match (implicit drop)", event=event)
            return
        actions: tuple[Action, ...] = ()
        unread: NotServedError | None = None
        try:
            actions = parse_actions(lflow.actions)
        except NotServedError as error:
            unread = error
        trivial = lflow.match == "1" and actions == (Next(),)
        if not trivial:
            match = self.network.friendly(lflow.match)
            source = f" ({lflow.source})" if lflow.source else ""
            stage = f"{lflow.stage}{source}: " if lflow.stage or source else ""
            heading = f"{table:2}. {stage}{match}, priority {lflow.priority}"
            event = Event(self.datapath, self.pipeline, dict(flow), table, lflow)
            node = node.add(Kind.TABLE, f"{heading}, uuid {lflow.uuid[:8]}", event=event)
            self._show_openflow(lflow, node)
        if unread is not None:
            node.add(Kind.ERROR, str(unread))
            return
        self.execute(actions, Place(self, flow, table, node, []), show=not trivial)

    def _show_openflow(self, lflow: Flow, node: Node) -> None:
        if self.simulation.openflow is None:
            return
        lines = self.simulation.openflow(lflow.uuid)
        for line in lines:
            node.add(Kind.ACTION, line)
        if not lines:
            node.add(Kind.ERROR, "no OpenFlow flows")

    def _is_readable(self, lflow: Flow) -> bool:
        simulation = self.simulation
        if simulation.expression(lflow.match, self.datapath) is None:
            return False
        try:
            return simulation.actions(lflow.actions) is not None
        except NotServedError:
            return True

    def _matches(self, lflow: Flow, flow: Microflow) -> bool:
        expr = self.simulation.expression(lflow.match, self.datapath)
        if expr is None or not self._holds(expr, flow):
            return False
        try:
            actions = self.simulation.actions(lflow.actions)
        except NotServedError:
            return True
        if actions is None:
            return False
        needs = prerequisites(actions)
        return needs is None or self._holds(needs, flow)

    def _holds(self, expr: Expr, flow: Microflow) -> bool:
        return evaluate(expr, flow, self.datapath.key_of, lambda _port: True)

    def execute(self, actions: tuple[Action, ...], place: Place, *, show: bool = True) -> None:
        """The actions of a flow, or those nested in another action."""
        if not actions:
            place.node.add(Kind.ACTION, "drop;")
        for action in actions:
            if show:
                place.node.add(Kind.ACTION, self.network.friendly(str(action)))
            effect = EFFECTS.get(type(action))
            if effect is not None:
                effect(place, action)

    def key_of(self, port: str) -> int | None:
        """The key of a port or group; one that is unknown is told."""
        key = self.datapath.key_of(port)
        if key is None:
            self.simulation.warn(f"{port}: unknown logical port")
        return key

    def go(self, packet: Microflow, table: int, pipeline: str | None, node: Node) -> None:
        """To another table, perhaps of the other pipeline."""
        if pipeline is None or pipeline == self.pipeline:
            self.enter_table(packet, table, node)
            return
        name, key = ("outport", "reg15") if pipeline == EGRESS else ("inport", "reg14")
        port = self.datapath.ports_by_key.get(packet.get(key, 0))
        shown = self.simulation.shown(self.datapath.name_of(packet.get(key, 0)))
        event = Event(self.datapath, pipeline, dict(packet), port=port)
        title = f'{pipeline}(dp="{self.datapath.shown}", {name}="{shown}")'
        inner = node.add(Kind.PIPELINE, title, event=event)
        Walk(self.simulation, self.datapath, pipeline).enter_table(packet, table, inner)

    def output(self, packet: Microflow, node: Node) -> None:
        """On to the egress pipeline, or out of it."""
        if self.is_ingress:
            self.simulation.output(self.datapath, packet, node)
        else:
            self.simulation.deliver(self.datapath, packet, node)
