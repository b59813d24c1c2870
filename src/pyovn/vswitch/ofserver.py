"""The controllers of a bridge: where they connect, and what the switch tells them by itself.

Packet-ins, port status and flow removed messages go to the connections that asked for them (see
``connection``), in the order in which things happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyovn.vswitch.connection import FLOW_REMOVED, PACKET_IN, PORT_STATUS, Connection
from pyovn.vswitch.multipart import describe
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp

if TYPE_CHECKING:
    from pyovn.sim.runtime import Listener, Runtime, Stream
    from pyovn.vswitch.classifier import Rule
    from pyovn.vswitch.datapath import Datapath
    from pyovn.vswitch.flowmods import Changes, FlowState
    from pyovn.vswitch.ports import SwitchPort
    from pyovn.vswitch.steps import PacketIn


class Host(Protocol):
    """What a server needs of its bridge."""

    name: str
    datapath_id: int
    versions: tuple[int, ...]
    serial: str
    description: str
    fragments: int
    state: FlowState
    datapath: Datapath
    runtime: Runtime

    def port_desc(self, port: SwitchPort) -> mp.PortDesc:
        """A port as OpenFlow describes it."""

    def port_mod(self, port: SwitchPort, config: int) -> None:
        """Change a port's configuration bits."""

    def watch_time(self) -> None:
        """Something may have come that ends by itself."""

    def log(self, text: str) -> None:
        """Tell the operator."""


class OpenFlowServer:
    """The controllers of one bridge."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.connections: set[Connection] = set()
        self.generation: int | None = None
        self._listeners: list[Listener] = []

    def listen(self, address: str) -> None:
        """Accept controllers at a passive address; raises ``OSError``."""
        self._listeners.append(self.host.runtime.listen(address, self.serve))

    def accept(self, stream: Stream, *, primary: bool = False) -> Connection:
        """Serve a controller on ``stream``."""
        connection = Connection(self, stream, primary=primary)
        self.connections.add(connection)
        return connection

    def serve(self, stream: Stream) -> None:
        """Serve whoever has connected to a listener."""
        self.accept(stream)

    def close(self) -> None:
        """Hang up on everybody and stop listening."""
        for listener in self._listeners:
            listener.close()
        for connection in list(self.connections):
            connection.close()

    def hang_up(self, versions: tuple[int, ...]) -> None:
        """Hang up on controllers of other versions."""
        for connection in list(self.connections):
            if connection.version not in versions:
                connection.close()

    def finish(self, changes: Changes, by: Connection | None = None, xid: int = 0) -> None:
        """After a successful change: the datapath forgets, and who wants to know is told.

        ``by`` and ``xid`` name the controller whose message it was, and that message.
        """
        if changes.touched:
            self.host.datapath.invalidate()
            self.host.watch_time()
        for connection in [c for c in self.connections if c.monitors]:
            connection.tell(changes.events, xid if connection is by else None)
        for rule, reason in changes.removed:
            self.flow_removed(rule, reason)
        for output in changes.outputs:
            output()

    def flow_removed(self, rule: Rule, reason: int) -> None:
        """Tell that a flow is gone."""
        desc = describe(rule, self.host.runtime.now())
        for connection in list(self.connections):
            if connection.wants(FLOW_REMOVED, reason):
                connection.flow_removed(desc, reason)

    def port_status(self, reason: int, port: SwitchPort) -> None:
        """Tell that a port came, went or changed."""
        self.tell_port(reason, self.host.port_desc(port))

    def tell_port(self, reason: int, desc: mp.PortDesc) -> None:
        """Send a port status to who wants it."""
        for connection in list(self.connections):
            if connection.wants(PORT_STATUS, reason):
                connection.send(msg.PortStatus(reason, desc))

    def packet_in(self, step: PacketIn, frame: bytes, key: int, continuation: bytes) -> bool:
        """Hand a packet to the controllers that it is for; tells whether there was one."""
        found = False
        for connection in list(self.connections):
            if connection.controller_id == step.action.controller_id and connection.wants(
                PACKET_IN, step.action.reason
            ):
                connection.packet_in(step, frame, key, continuation)
                found = True
        return found
