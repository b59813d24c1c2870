"""A packet's way through the logical flows, as a tree of ``Node``.

In each table the flow of highest priority that matches is executed (its actions' prerequisites count as
part of the match).  ``next`` goes on below the node of its table; ``output`` starts the egress pipeline of
the port, or of every port of a multicast group, each with a packet of its own.

State outside the southbound database is answered as ovn-trace(8), "STATEFUL ACTIONS", says; an action
that is not simulated says so by its name where it would be executed, and the trace goes on without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.explain.port_security import permits_input, permits_output
from pyovn.explain.report import Event, Kind, Node
from pyovn.logical import (
    actions_controller,
    actions_ct,
    actions_field,
    actions_flow,
    actions_lookup,
    actions_packet,
    actions_reply,
    actions_report,
)
from pyovn.logical.actions import parse_actions, prerequisites
from pyovn.logical.ast import FieldRef, PortName
from pyovn.logical.errors import LflowError, NotServedError
from pyovn.logical.evaluate import evaluate, read_field, write_field
from pyovn.logical.lexer import DECIMAL, IPV4, IPV6, MAC, Constant, format_integer
from pyovn.logical.parse import parse_expr
from pyovn.ovn.keys import NO_PORT, NO_PORT_NAME

if TYPE_CHECKING:
    from pyovn.explain.microflow import Microflow
    from pyovn.explain.network import Datapath, Flow, Network, Port
    from pyovn.logical.actions_base import Action
    from pyovn.logical.ast import Expr

INGRESS: Final = "ingress"
EGRESS: Final = "egress"
LOOPBACK: Final = 1
"""The bit flags.loopback of reg10."""
DEPTH_LIMIT: Final = 128
_LOGICAL_REGISTERS: Final = ("xxreg0", "xxreg1", "xreg4")
_METADATA: Final = frozenset(
    (*_LOGICAL_REGISTERS, "reg10", "reg14", "reg15", "pkt_mark", "ct_mark", "ct_label")
)
_OMITTED: Final = "/* omitting output because inport == outport && !flags.loopback */"
_FORMS: Final = {
    "eth.src": MAC, "eth.dst": MAC, "arp.sha": MAC, "arp.tha": MAC, "nd.sll": MAC, "nd.tll": MAC,
    "ip4.src": IPV4, "ip4.dst": IPV4, "arp.spa": IPV4, "arp.tpa": IPV4,
    "ip6.src": IPV6, "ip6.dst": IPV6, "nd.target": IPV6,
}  # fmt: skip
_TRACKED: Final = ("ct_state", "ct_mark", "ct_label")
_SILENT_HANDLERS: Final = frozenset(("put_fdb", "put_arp", "put_nd"))


class Simulation:
    """Traces packets through one network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.warned: set[str] = set()
        self.depth = 0

    def trace(self, datapath: Datapath, flow: Microflow) -> Node:
        """The whole way of ``flow`` from its inport on."""
        root = Node(Kind.ACTION, "")
        inport = datapath.name_of(flow.get("reg14", 0))
        text = f'ingress(dp="{datapath.shown}", inport="{self._shown(inport)}")'
        event = Event(datapath, INGRESS, dict(flow), port=datapath.ports_by_key.get(flow.get("reg14", 0)))
        _Walk(self, datapath, INGRESS).enter_table(flow, 0, root.add(Kind.PIPELINE, text, event=event))
        return root

    def _shown(self, name: str) -> str:
        return self.network.friendly(f'"{name}"')[1:-1]

    def expression(self, text: str) -> Expr | None:
        """The parsed match; None with a warning when it cannot be read."""
        try:
            return parse_expr(
                text, address_sets=self.network.address_sets, port_groups=self.network.port_groups
            )
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
            node.add(Kind.NOTE, "/* *** output to null logical port */")
        else:
            node.add(Kind.NOTE, f"/* *** unknown port or multicast group (key={key}) */")

    @staticmethod
    def _returns(flow: Microflow, port: Port) -> bool:
        return flow.get("reg14", 0) == port.key and not flow.get("reg10", 0) & LOOPBACK

    def _egress(
        self, datapath: Datapath, flow: Microflow, port: Port, node: Node, *, always_indent: bool = False
    ) -> None:
        inport = self._shown(datapath.name_of(flow.get("reg14", 0)))
        text = f'egress(dp="{datapath.shown}", inport="{inport}", outport="{self._shown(port.name)}")'
        event = Event(datapath, EGRESS, dict(flow), port=port)
        inner = node.add(Kind.PIPELINE, text, always_indent=always_indent, event=event)
        if self._returns(flow, port):
            inner.always_indent = False
            inner.add(Kind.OUTCOME, _OMITTED)
            return
        fresh = flow | dict.fromkeys(_LOGICAL_REGISTERS, 0)
        _Walk(self, datapath, EGRESS).enter_table(fresh, 0, inner)

    def deliver(self, datapath: Datapath, flow: Microflow, node: Node) -> None:
        """``output`` in the egress pipeline: the packet leaves the datapath."""
        port = datapath.ports_by_key.get(flow.get("reg15", 0))
        if port is None:
            node.add(Kind.NOTE, "/* *** output to a port that does not exist */")
            return
        shown = self._shown(port.name)
        node.add(Kind.OUTCOME, f'/* output to "{shown}", type "{port.type}" */')
        if port.type in {"patch", "l3gateway"}:
            node.add(Kind.NOTE, f"/* *** {port.type} ports are not simulated: the trace ends here */")
        else:
            event = Event(datapath, EGRESS, dict(flow), port=port)
            node.add(Kind.DELIVER, f'output("{shown}")', event=event)


class _Walk:
    """One pipeline of one datapath; the packet is changed in place."""

    def __init__(self, simulation: Simulation, datapath: Datapath, pipeline: str) -> None:
        self.simulation = simulation
        self.datapath = datapath
        self.pipeline = pipeline

    def enter_table(self, flow: Microflow, table: int, node: Node) -> None:
        """Execute the flow that matches in ``table``; what it does is appended to ``node``."""
        simulation = self.simulation
        if simulation.depth >= DEPTH_LIMIT:
            node.add(Kind.NOTE, "/* *** too many tables in a row */")
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
            stage = flows[0].stage if flows else ""
            event = Event(self.datapath, self.pipeline, dict(flow), table)
            stage = f"{stage}: " if stage else ""
            node.add(Kind.TABLE, f"{table:2}. {stage}no match (implicit drop)", event=event)
            return
        if not (lflow.match == "1" and lflow.actions == "next;"):
            match = self.simulation.network.friendly(lflow.match)
            source = f" ({lflow.source})" if lflow.source else ""
            stage = f"{lflow.stage}{source}: " if lflow.stage or source else ""
            heading = f"{table:2}. {stage}{match}, priority {lflow.priority}"
            event = Event(self.datapath, self.pipeline, dict(flow), table, lflow)
            node = node.add(Kind.TABLE, f"{heading}, uuid {lflow.uuid[:8]}", event=event)
            show = True
        else:
            show = False
        try:
            actions = parse_actions(lflow.actions)
        except LflowError as error:
            node.add(Kind.NOTE, f"/* *** {error} */")
            return
        if not actions:
            node.add(Kind.ACTION, "drop;")
        self._execute(actions, flow, table, node, show=show)

    def _matches(self, lflow: Flow, flow: Microflow) -> bool:
        expr = self.simulation.expression(lflow.match)
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

    def _execute(
        self, actions: tuple[Action, ...], flow: Microflow, table: int, node: Node, *, show: bool = True
    ) -> None:
        for action in actions:
            if show:
                node.add(Kind.ACTION, self.simulation.network.friendly(str(action)))
            match action:
                case actions_flow.Next():
                    self._next(action, flow, table, node)
                case actions_flow.Output():
                    if self.pipeline == INGRESS:
                        self.simulation.output(self.datapath, flow, node)
                    else:
                        self.simulation.deliver(self.datapath, flow, node)
                case actions_flow.Clone():
                    self._execute(action.actions, dict(flow), table, node.add(Kind.PIPELINE, "clone"))
                case actions_reply.Reply(name="nd_na" | "nd_na_router"):
                    below = node.add(Kind.TRANSFORMATION, action.name)
                    self._execute(action.actions, _advertisement(flow), table, below)
                case actions_lookup.Lookup():
                    self._look_up(action, flow, node)
                case actions_controller.ToController() if action.handler.name in _SILENT_HANDLERS:
                    pass
                case _:
                    self._change(action, flow, node)

    def _next(self, action: actions_flow.Next, flow: Microflow, table: int, node: Node) -> None:
        target = table + 1 if action.table is None else action.table
        walk = self
        if action.pipeline is not None and action.pipeline != self.pipeline:
            walk = _Walk(self.simulation, self.datapath, action.pipeline)
        walk.enter_table(flow, target, node)

    def _change(self, action: Action, flow: Microflow, node: Node) -> None:
        """Assignments; everything else is not simulated."""
        match action:
            case actions_field.SetConstant(target=target, value=value):
                self._set(flow, target, value, node)
            case actions_field.MoveField(target=target, source=source):
                write_field(flow, target, read_field(flow, source))
                _note_change(flow, target, node)
            case actions_field.Exchange(left=left, right=right):
                old = read_field(flow, left), read_field(flow, right)
                write_field(flow, left, old[1])
                write_field(flow, right, old[0])
                _note_change(flow, left, node)
                _note_change(flow, right, node)
            case actions_field.DecrementTtl():
                flow["nw_ttl"] = max(flow.get("nw_ttl", 0) - 1, 0)
                node.add(Kind.MODIFY, "ip.ttl--")
            case actions_ct.ClearCt():
                for field in _TRACKED:
                    flow.pop(field, None)
            case actions_packet.SetQueue() | actions_report.BindVport():
                pass  # neither changes the packet or its way
            case _:
                name = str(action).split("(")[0].split(" ")[0].rstrip(";")
                node.add(Kind.NOTE, f"/* *** {name} is not simulated */")

    def _set(self, flow: Microflow, target: FieldRef, value: Constant | PortName, node: Node) -> None:
        if isinstance(value, PortName):
            key = NO_PORT if value.name == NO_PORT_NAME else self.datapath.key_of(value.name)
            write_field(flow, target, key or NO_PORT)
            return
        if value.mask is None:
            write_field(flow, target, value.value)
        else:
            write_field(flow, target, read_field(flow, target) & ~value.mask | value.value)
        _note_change(flow, target, node)

    def _look_up(self, action: actions_lookup.Lookup, flow: Microflow, node: Node) -> None:
        """Answer a question from the southbound database."""
        name, result = action.question.name, action.result
        arguments = [read_field(flow, ref) for ref in action.arguments]
        answer: int | None
        match name:
            case "check_in_port_sec":
                answer = int(not permits_input(self._security(flow.get("reg14", 0)), flow))
            case "check_out_port_sec":
                answer = int(not permits_output(self._security(flow.get("reg15", 0)), flow))
            case "get_fdb":
                answer = self._fdb(arguments[0]) or NO_PORT
            case "lookup_fdb":
                found = self._fdb(arguments[1]) == arguments[0]
                answer = int(found)
                mac = format_integer(arguments[1], MAC)
                node.add(
                    Kind.NOTE,
                    f"/* MAC lookup for {mac} found in FDB. */"
                    if found
                    else "/* lookup mac failed in mac learning table. */",
                )
            case _:
                answer = None
        if answer is None or result is None:
            node.add(Kind.NOTE, f"/* *** {name} is not simulated */")
            return
        write_field(flow, result, answer)

    def _fdb(self, mac: int) -> int | None:
        return self.simulation.network.fdb.get((self.datapath.key, format_integer(mac, MAC)))

    def _security(self, key: int) -> tuple[str, ...]:
        port = self.datapath.ports_by_key.get(key)
        return () if port is None else port.security


def _advertisement(flow: Microflow) -> Microflow:
    """The neighbour advertisement that answers a solicitation, before the nested actions (ovn-sb(5))."""
    made = dict(flow)
    made.update(
        eth_src=flow.get("eth_dst", 0),
        eth_dst=flow.get("eth_src", 0),
        ipv6_src=flow.get("nd_target", 0),
        ipv6_dst=flow.get("ipv6_src", 0),
        icmpv6_type=136,
        nd_sll=0,
        nd_tll=flow.get("eth_dst", 0),
    )
    return made


def _note_change(flow: Microflow, target: FieldRef, node: Node) -> None:
    """Tell the minimal form about a change of the packet itself."""
    if target.symbol.base not in _METADATA:
        form = _FORMS.get(target.symbol.name, DECIMAL)
        node.add(Kind.MODIFY, f"{target} = {format_integer(read_field(flow, target), form)}")
