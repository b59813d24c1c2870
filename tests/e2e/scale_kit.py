"""A deployment of many hypervisors in one process and in virtual time, and what one port more costs in it.

``Scale(200, 50, 200, 4)``: 200 switches of 50 ports, each switch over 4 of 200 hypervisors.  The ports are
plugged before anything runs, so that all hypervisors come up at once, as after a power cut.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployment_lab import Lab, ip_text, mac_text

if TYPE_CHECKING:
    from deployment_lab import Sent


@dataclass(frozen=True, slots=True)
class Cost:
    """What adding a port made one hypervisor do."""

    passes: int
    derivations: int
    input_changes: int
    flow_mods: int
    southbound: int
    """Transactions to the southbound."""
    local: int
    """Transactions to its own database."""

    @property
    def is_nothing(self) -> bool:
        """Nothing ran, nothing came in, nothing was sent."""
        return self == Cost(0, 0, 0, 0, 0, 0)


class Scale:
    """See the module.  Ports are ``vm1`` and so on; those of a switch go round its hypervisors in turn."""

    def __init__(self, switches: int, ports: int, hypervisors: int, spread: int) -> None:
        self.names = [f"hv{number}" for number in range(1, hypervisors + 1)]
        self.spread = spread
        self.ports = ports
        self.lab = Lab(*self.names)
        for switch in range(switches):
            self._build(switch)
        for switch in range(switches):
            for place in range(ports):
                number = switch * ports + place + 1
                self.lab.deployment.plug(self.where(switch, place), f"vif{number}", f"vm{number}")
        self.lab.sync()

    def where(self, switch: int, place: int) -> str:
        """The hypervisor of a switch's port."""
        return self.names[(switch * self.spread + place % self.spread) % len(self.names)]

    def hypervisors_of(self, switch: int) -> set[str]:
        """The hypervisors that a switch is on."""
        return {self.where(switch, place) for place in range(self.spread)}

    def _build(self, switch: int) -> None:
        rows: list[dict[str, Any]] = []
        for place in range(self.ports):
            number = switch * self.ports + place + 1
            address = f"{mac_text(number)} {ip_text(number)}"
            row = {"name": f"vm{number}", "addresses": address, "port_security": address}
            rows.append(
                {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"p{place}", "row": row}
            )
        members = ["set", [["named-uuid", f"p{place}"] for place in range(self.ports)]]
        rows.append(
            {
                "op": "insert",
                "table": "Logical_Switch",
                "row": {"name": f"sw{switch}", "ports": members},
            }
        )
        self.lab.deployment.transact(rows)

    def down(self) -> int:
        """How many ports are not up."""
        return sum(row["up"] is not True for row in self.lab.rows("nb", "Logical_Switch_Port"))

    def add_port(self, switch: int, hypervisor: str) -> tuple[str, dict[str, Cost]]:
        """A port more, plugged; its name and what that cost each hypervisor."""
        number = len(self.lab.rows("nb", "Logical_Switch_Port")) + 1
        engines = {name: self.lab.controller(name).engine for name in self.names}
        loops = {name: self.lab.controller(name)._loop for name in self.names}
        runs = {name: loop.runs for name, loop in loops.items()}
        before = {name: engine.revision for name, engine in engines.items()}
        sent: dict[str, Sent] = {name: self.lab.watch(name) for name in self.names}
        with ExitStack() as stack:
            ran = {name: stack.enter_context(engine.recording()) for name, engine in engines.items()}
            name = self.lab.port(f"sw{switch}", number, security=f"{mac_text(number)} {ip_text(number)}")
            self.lab.deployment.plug(hypervisor, f"vif{number}", name)
            self.lab.runtime.advance(1)
        return name, {
            place: Cost(
                loops[place].runs - runs[place],
                len(ran[place]),
                engines[place].revision - before[place],
                len(sent[place].flow_mods),
                len(sent[place].southbound),
                len(sent[place].local),
            )
            for place in self.names
        }
