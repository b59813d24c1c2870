"""A pipeline with ports and flows from text, and a whole switch in virtual time, for this room's tests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import UUID
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.underlay import Underlay
from pyovn.sim.virtual import VirtualRuntime
from pyovn.vswitch.compose import compose
from pyovn.vswitch.confdb import TABLES
from pyovn.vswitch.datapath import Datapath
from pyovn.vswitch.flowkey import SLOTS, pack_match
from pyovn.vswitch.flowmods import Changes, FlowState
from pyovn.vswitch.normal import Learning
from pyovn.vswitch.pipeline import Pipeline
from pyovn.vswitch.ports import SwitchPort
from pyovn.vswitch.switch import Switch
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow.text import parse_flow, parse_match

if TYPE_CHECKING:
    from pyovn.vswitch.steps import PacketIn

OVN_FLOWS = Path(__file__).parent / "data" / "ovn_hv1.flows"


def frame(flow: str, payload: bytes = b"") -> bytes:
    """A frame with the headers of a flow text."""
    key, _ = pack_match(parse_match(flow))
    return compose(key & ~SLOTS["in_port"].mask, payload)


class FlowLab:
    """One bridge ``br`` with ports p1 to p4; ``sent`` is what went out, as (port, frame)."""

    def __init__(self, *flows: str) -> None:
        self.time = 0.0
        self.datapath = Datapath(lambda: self.time)
        self.pipeline = Pipeline("br", 1, Learning())
        self.state = FlowState(self.pipeline, lambda: self.time)
        self.sent: list[tuple[int, bytes]] = []
        self.packet_ins: list[tuple[PacketIn, bytes, int, bytes]] = []
        self.datapath.packet_in = lambda *args: self.packet_ins.append(args)
        for number in range(1, 5):
            self.port(number)
        self.add(*flows)

    def port(self, number: int, pipeline: Pipeline | None = None) -> SwitchPort:
        pipeline = pipeline or self.pipeline
        port = pipeline.ports[number] = SwitchPort(pipeline, number, f"p{number}", "")
        port.datapath_number = number
        port.transmit = lambda data, _key: self.sent.append((number, data))
        return port

    def add(self, *flows: str, state: FlowState | None = None) -> None:
        changes = Changes()
        for text in flows:
            (state or self.state).flow_mod(msg.FlowMod(msg.ADD, parse_flow(text)), changes)
        self.datapath.invalidate()

    def delete(self, text: str, command: int = msg.DELETE) -> None:
        self.state.flow_mod(msg.FlowMod(command, parse_flow(f"{text} actions=drop")), Changes())
        self.datapath.invalidate()

    def send(self, port: int, data: bytes) -> list[tuple[int, bytes]]:
        """What comes out when ``data`` comes in at ``port``."""
        self.sent.clear()
        self.datapath.receive(self.pipeline.ports[port], data)
        return list(self.sent)

    def outs(self, port: int, flow: str) -> list[int]:
        """The ports where a frame comes out, sorted."""
        return sorted(number for number, _ in self.send(port, frame(flow)))


class SwitchLab:
    """A switch with its database in virtual time; share ``runtime`` and ``underlay`` for several."""

    def __init__(
        self, name: str = "hv", runtime: VirtualRuntime | None = None, underlay: Underlay | None = None
    ) -> None:
        self.runtime = runtime or VirtualRuntime()
        self.underlay = underlay or Underlay(self.runtime)
        self.database = Database(OPEN_VSWITCH.schema)
        self.server = Server(self.runtime)
        self.server.add_database(self.database)
        client = LocalClient(self.runtime, self.server, "Open_vSwitch", TABLES)
        self.rundir = f"/run/{name}"
        self.logs: list[str] = []
        self.switch = Switch(
            self.runtime, client, self.underlay, self.rundir, lambda _l, t: self.logs.append(t)
        )
        self.replies: list[Any] = []
        self.transact({"op": "insert", "table": "Open_vSwitch", "row": {}})
        self.switch.start()
        self.runtime.settle()
        self.got: dict[str, list[bytes]] = {}

    def transact(self, *operations: Any) -> list[Any]:
        outcome = self.database.transact(list(operations))
        assert not any(r and "error" in r for r in outcome.results), outcome.results
        self.runtime.settle()
        return list(outcome.results)

    def root(self) -> dict[str, Any]:
        (row,) = self.rows("Open_vSwitch")
        return row

    def rows(self, table: str) -> list[dict[str, Any]]:
        result = self.transact({"op": "select", "table": table, "where": []})
        return list(result[0]["rows"])

    def interface(self, name: str) -> dict[str, Any]:
        (row,) = [r for r in self.rows("Interface") if r["name"] == name]
        return row

    def add_bridge(self, name: str, **columns: Any) -> None:
        """As ``ovs-vsctl add-br``, which counts ``next_cfg`` up."""
        self.transact(
            {
                "op": "insert", "table": "Interface", "uuid-name": "i",
                "row": {"name": name, "type": "internal"},
            },
            {
                "op": "insert", "table": "Port", "uuid-name": "p",
                "row": {"name": name, "interfaces": ["named-uuid", "i"]},
            },
            {
                "op": "insert", "table": "Bridge", "uuid-name": "b",
                "row": {"name": name, "ports": ["named-uuid", "p"], **columns},
            },
            {
                "op": "mutate", "table": "Open_vSwitch", "where": [],
                "mutations": [["bridges", "insert", ["named-uuid", "b"]], ["next_cfg", "+=", 1]],
            },
        )  # fmt: skip

    def add_port(self, bridge: str, name: str, port: dict[str, Any] | None = None, **interface: Any) -> None:
        """As ``ovs-vsctl add-port``."""
        self.transact(
            {"op": "insert", "table": "Interface", "uuid-name": "i", "row": {"name": name, **interface}},
            {
                "op": "insert", "table": "Port", "uuid-name": "p",
                "row": {"name": name, "interfaces": ["named-uuid", "i"], **(port or {})},
            },
            {
                "op": "mutate", "table": "Bridge", "where": [["name", "==", bridge]],
                "mutations": [["ports", "insert", ["named-uuid", "p"]]],
            },
            {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]]},
        )  # fmt: skip
        self.got[name] = []
        self.switch.on_transmit(name, self.got[name].append)

    def delete_port(self, bridge: str, name: str) -> None:
        (row,) = [r for r in self.rows("Port") if r["name"] == name]
        self.transact(
            {
                "op": "mutate", "table": "Bridge", "where": [["name", "==", bridge]],
                "mutations": [["ports", "delete", row["_uuid"]]],
            },
        )  # fmt: skip

    def set_root(self, **columns: Any) -> None:
        self.transact({"op": "update", "table": "Open_vSwitch", "where": [], "row": columns})

    def add_flows(self, bridge: str, *flows: str) -> None:
        """Straight into the tables, without a controller."""
        state = self.switch.bridges[bridge].state
        changes = Changes()
        for text in flows:
            state.flow_mod(msg.FlowMod(msg.ADD, parse_flow(text)), changes)
        self.switch.bridges[bridge].server.finish(changes)

    def inject(self, port: str, flow: str) -> None:
        self.switch.inject(port, frame(flow))
        self.runtime.settle()


def is_uuid(text: str) -> bool:
    return UUID.is_valid(text)
