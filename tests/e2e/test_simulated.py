"""The whole deployment in virtual time while parts of it move, leave, die and come back.

What arrives where in a deployment at rest: ``test_delivery``.
"""

from __future__ import annotations

import pytest

from deployment_lab import BROADCAST, Lab, datagram


def spread(hypervisors: int, machines: int) -> dict[int, str]:
    """VM numbers to hypervisors, in turn."""
    return {number: f"hv{(number - 1) % hypervisors + 1}" for number in range(1, machines + 1)}


class Net:
    """Two switches, so that every broadcast has somewhere to leak to."""

    def __init__(self, hypervisors: int, machines: int) -> None:
        self.lab = Lab(*(f"hv{i}" for i in range(1, hypervisors + 1)))
        self.where = spread(hypervisors, machines)
        half = machines // 2
        self.members = {"red": range(1, half + 1), "blue": range(half + 1, machines + 1)}
        for name, numbers in self.members.items():
            self.lab.build(name, {number: self.where[number] for number in numbers}, "ip")

    def place(self, number: int) -> tuple[str, str]:
        return self.where[number], f"vm{number}"

    def send(self, number: int, frame: bytes) -> list[tuple[str, str]]:
        return self.lab.frames(self.where[number], number, frame)

    def others(self, number: int) -> list[tuple[str, str]]:
        (group,) = [numbers for numbers in self.members.values() if number in numbers]
        return sorted(self.place(other) for other in group if other != number)


@pytest.fixture(params=[2, 10], ids=["two", "ten"])
def net(request: pytest.FixtureRequest) -> Net:
    return Net(request.param, request.param + 4)


def test_a_vm_that_moves_takes_its_traffic_along(net: Net) -> None:
    assert net.where[1] == "hv1"
    net.lab.deployment.plug("hv2", "vif1", "vm1")
    net.lab.sync()
    net.lab.unplug("hv1", 1)
    net.lab.sync()
    net.where[1] = "hv2"
    for other in net.members["red"][1:]:
        assert net.send(other, datagram(other, 1)) == [("hv2", "vm1")]
        assert net.send(1, datagram(1, other)) == [net.place(other)]
    assert net.send(1, datagram(1, BROADCAST)) == net.others(1)


def test_a_link_that_is_cut_loses_only_what_crosses_it(net: Net) -> None:
    a, b = (net.lab.hypervisor(name).ip for name in ("hv1", "hv2"))
    net.lab.deployment.underlay.cut(a, b)
    assert net.send(1, datagram(1, BROADCAST)) == [p for p in net.others(1) if p[0] != "hv2"]
    net.lab.deployment.underlay.mend(a, b)
    assert net.send(1, datagram(1, BROADCAST)) == net.others(1)


def test_a_hypervisor_that_leaves_takes_its_ports_along(net: Net) -> None:
    done: list[bool] = []
    net.lab.deployment.remove_hypervisor("hv2", lambda: done.append(True))
    net.lab.runtime.advance(3)
    assert done == [True]
    net.lab.sync()
    assert "hv2" not in {row["name"] for row in net.lab.rows("sb", "Chassis")}
    assert net.send(1, datagram(1, BROADCAST)) == [p for p in net.others(1) if p[0] != "hv2"]
    assert net.send(1, datagram(1, 2)) == []
    assert net.lab.notices() == {}


def test_a_deleted_port_is_out_at_once(net: Net) -> None:
    uuid = net.lab.row("nb", "Logical_Switch_Port", name="vm2")["_uuid"]
    mutation = {
        "op": "mutate",
        "table": "Logical_Switch",
        "where": [],
        "mutations": [["ports", "delete", uuid]],
    }
    net.lab.transact("nb", mutation)
    net.lab.sync()
    assert net.send(1, datagram(1, 2)) == []
    assert net.send(2, datagram(2, 1)) == []
    assert net.send(1, datagram(1, BROADCAST)) == [p for p in net.others(1) if p != net.place(2)]


def test_controllers_that_die_cost_no_flow_and_come_back_silently(net: Net) -> None:
    lab = net.lab
    before = {name: lab.installed(name) for name in lab.deployment.hypervisors}
    for name in lab.deployment.hypervisors:
        lab.kill_controller(name)
    lab.runtime.advance(60)
    assert net.send(1, datagram(1, BROADCAST)) == net.others(1)
    sent = [lab.start_controller(name) for name in lab.deployment.hypervisors]
    lab.runtime.advance(10)
    assert all(each.nothing for each in sent)
    assert {name: lab.installed(name) for name in lab.deployment.hypervisors} == before
    lab.sync()
    assert net.send(1, datagram(1, BROADCAST)) == net.others(1)


def test_northd_that_dies_costs_no_flow_and_comes_back_silently(net: Net) -> None:
    lab = net.lab
    before = {name: lab.installed(name) for name in lab.deployment.hypervisors}
    sent = [lab.watch(name) for name in lab.deployment.hypervisors]
    lab.restart_northd()
    assert net.send(1, datagram(1, BROADCAST)) == net.others(1)
    assert all(not each.flow_mods for each in sent)
    assert {name: lab.installed(name) for name in lab.deployment.hypervisors} == before
    lab.sync()


def test_what_changes_while_northd_or_a_controller_is_away_is_made_good(net: Net) -> None:
    lab = net.lab
    lab.kill_northd()
    lab.kill_controller("hv1")
    new = 100
    lab.port("red", new)
    lab.plug("hv1", new)
    net.where[new] = "hv1"
    lab.runtime.advance(10)
    assert net.send(1, datagram(1, 2)) == [net.place(2)]
    lab.start_northd()
    lab.start_controller("hv1")
    lab.sync()
    assert net.send(2, datagram(2, new)) == [net.place(new)]
    assert net.send(new, datagram(new, 1)) == [net.place(1)]


def test_one_seed_is_one_history() -> None:
    histories = [
        [(line, lab.runtime.now()) for line in lab.makers.lines] for lab in (Net(2, 6).lab, Net(2, 6).lab)
    ]
    assert histories[0] == histories[1]
