"""After any history a restart has nothing to change: what was built step by step is what a start builds.

The restarted controller adopts the numbers that were allotted, derives everything anew from the databases,
compares it with the switch and the databases, and must find no difference.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployment_lab import BROADCAST, Lab, datagram, ip_text, mac_text

HYPERVISORS = ("hv1", "hv2", "hv3")
PORTS = tuple(range(1, 7))
SWITCHES = ("red", "blue")

STEPS = st.one_of(
    st.tuples(st.just("plug"), st.sampled_from(HYPERVISORS), st.sampled_from(PORTS)),
    st.tuples(st.just("unplug"), st.sampled_from(HYPERVISORS), st.sampled_from(PORTS)),
    st.tuples(st.just("delete"), st.just(""), st.sampled_from(PORTS)),
    st.tuples(st.just("create"), st.sampled_from(SWITCHES), st.sampled_from(PORTS)),
    st.tuples(st.just("secure"), st.sampled_from(("none", "mac", "ip")), st.sampled_from(PORTS)),
    st.tuples(st.just("enable"), st.sampled_from(("true", "false")), st.sampled_from(PORTS)),
    st.tuples(st.just("lose"), st.sampled_from(HYPERVISORS), st.just(0)),
    st.tuples(st.just("restart"), st.sampled_from(HYPERVISORS), st.just(0)),
    st.tuples(st.just("wait"), st.just(""), st.just(0)),
)


class History:
    """Steps that make no sense where they stand are left out."""

    def __init__(self) -> None:
        self.lab = Lab(*HYPERVISORS)
        for name in SWITCHES:
            self.lab.switch(name)
        self.ports: dict[int, str] = {}
        self.plugged: set[tuple[str, int]] = set()
        for number in PORTS[:4]:
            self.create("red" if number % 2 else "blue", number)
            self.plug(HYPERVISORS[number % 3], number)

    def create(self, switch: str, number: int) -> None:
        if number not in self.ports:
            self.ports[number] = switch
            self.lab.port(switch, number)

    def delete(self, _place: str, number: int) -> None:
        if self.ports.pop(number, None) is not None:
            uuid = self.lab.row("nb", "Logical_Switch_Port", name=f"vm{number}")["_uuid"]
            mutation = {"table": "Logical_Switch", "where": [], "mutations": [["ports", "delete", uuid]]}
            self.lab.transact("nb", {"op": "mutate", **mutation})

    def plug(self, hypervisor: str, number: int) -> None:
        if (hypervisor, number) not in self.plugged:
            self.plugged.add((hypervisor, number))
            self.lab.plug(hypervisor, number)

    def unplug(self, hypervisor: str, number: int) -> None:
        if (hypervisor, number) in self.plugged:
            self.plugged.remove((hypervisor, number))
            self.lab.unplug(hypervisor, number)

    def secure(self, how: str, number: int) -> None:
        rules: dict[str, Any] = {
            "none": ["set", []],
            "mac": mac_text(number),
            "ip": f"{mac_text(number)} {ip_text(number)}",
        }
        self.lab.update("nb", "Logical_Switch_Port", {"port_security": rules[how]}, name=f"vm{number}")

    def enable(self, value: str, number: int) -> None:
        self.lab.update("nb", "Logical_Switch_Port", {"enabled": value == "true"}, name=f"vm{number}")

    def lose(self, hypervisor: str, _number: int) -> None:
        self.lab.controller(hypervisor).switch._lost("test")

    def restart(self, hypervisor: str, _number: int) -> None:
        self.lab.kill_controller(hypervisor)
        self.lab.start_controller(hypervisor)

    def wait(self, _place: str, _number: int) -> None:
        self.lab.runtime.advance(0.7)


@settings(max_examples=20)
@given(st.lists(STEPS, max_size=14))
def test_a_restart_after_any_history_changes_nothing(steps: list[tuple[str, str, int]]) -> None:
    history = History()
    lab = history.lab
    for verb, place, number in steps:
        getattr(history, verb)(place, number)
    lab.runtime.advance(10)
    lab.sync()
    lab.runtime.advance(1)
    for name in HYPERVISORS:
        before = lab.installed(name)
        sent = lab.restart_controller(name)
        assert sent.nothing, (name, sent)
        assert lab.installed(name) == before
    told = [line for lines in lab.controller_notices().values() for line in lines]
    assert [line for line in told if "bound on chassis" not in line] == []
    # Each bound port is where an interface carries it, and nobody hears a foreign switch.
    for name, chassis in lab.bindings().items():
        number = int(name.removeprefix("vm"))
        assert (chassis is None) == (not any(port == number for _place, port in history.plugged))
        assert chassis is None or (chassis, number) in history.plugged
    for hypervisor, number in sorted(history.plugged):
        for _place, heard in lab.frames(hypervisor, number, datagram(number, BROADCAST)):
            assert history.ports[int(heard.removeprefix("vm"))] == history.ports[number]
