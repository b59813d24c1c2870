"""Twenty switches, each over four of twenty hypervisors: one port more is work for its own hypervisors only.

What runs is counted: passes, transactions and flow mods of each controller.
"""

from __future__ import annotations

from deployment_lab import Lab

SWITCHES = HYPERVISORS = 20
PORTS = 10
SPREAD = 4
"""Hypervisors that a switch has ports on."""


def host(switch: int, port: int) -> str:
    return f"hv{(switch + port % SPREAD) % HYPERVISORS}"


def test_a_port_more_is_work_for_the_hypervisors_of_its_switch() -> None:
    lab = Lab(*[f"hv{number}" for number in range(HYPERVISORS)])
    for switch in range(SWITCHES):
        lab.switch(f"s{switch}")
        for port in range(PORTS):
            number = switch * PORTS + port + 1
            lab.port(f"s{switch}", number)
            lab.deployment.plug(host(switch, port), f"vif{number}", f"vm{number}")
    lab.sync()
    lab.runtime.advance(3)
    runs = {name: lab.controller(name)._loop.runs for name in lab.deployment.hypervisors}
    sent = {name: lab.watch(name) for name in runs}
    number = SWITCHES * PORTS + 1
    lab.port("s0", number)
    lab.plug("hv0", number)
    lab.runtime.advance(3)
    assert lab.up(number)
    concerned = {f"hv{number}" for number in range(SPREAD)}
    for name, before in runs.items():
        if name in concerned:
            assert 0 < lab.controller(name)._loop.runs - before <= 10
            assert 0 < len(sent[name].flow_mods) <= 12
        else:
            assert lab.controller(name)._loop.runs == before
            assert sent[name].nothing
