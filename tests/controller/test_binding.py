"""Claims: who has a port, what is told about it, and what a restart does not change."""

from __future__ import annotations

from typing import Any

import pytest

from deployment_lab import Lab, datagram

CLAIMED = "pyovn-claimed"


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1", "hv2")
    lab.build("sw0", {1: "hv1", 2: "hv2"})
    return lab


def chassis(lab: Lab, name: str) -> Any:
    return lab.row("sb", "Chassis", name=name)["_uuid"]


def test_an_interface_claims_its_port_and_the_port_is_up_when_its_flows_are(lab: Lab) -> None:
    lab.port("sw0", 3)
    lab.runtime.advance(1)
    assert lab.bindings()["vm3"] is None
    lab.plug("hv1", 3)
    lab.sync()
    assert lab.bindings() == {"vm1": "hv1", "vm2": "hv2", "vm3": "hv1"}
    assert lab.up(3)
    assert lab.notes("hv1", 3)["ovn-installed"] == "true"
    assert lab.row("nb", "Logical_Switch_Port", name="vm3")["up"] is True


def test_an_interface_that_goes_releases_its_port(lab: Lab) -> None:
    lab.unplug("hv1", 1)
    lab.runtime.advance(1)
    assert lab.bindings() == {"vm1": None, "vm2": "hv2"}
    assert not lab.up(1)
    assert lab.controller_notices() == {}


def test_an_interface_that_becomes_another_port_is_told_so(lab: Lab) -> None:
    lab.port("sw0", 3)
    lab.update("hv1", "Interface", {"external_ids": ["map", [["iface-id", "vm3"]]]}, name="vif1")
    lab.sync()
    assert lab.bindings() == {"vm1": None, "vm2": "hv2", "vm3": "hv1"}
    vm3 = lab.row("sb", "Port_Binding", logical_port="vm3")["_uuid"][1]
    assert lab.notes("hv1", 1)[CLAIMED] == vm3
    assert lab.notes("hv1", 1)["ovn-installed"] == "true"


def test_ovn_installed_goes_when_the_interface_names_no_port_any_more(lab: Lab) -> None:
    external_ids = [["external_ids", "delete", ["set", ["iface-id"]]]]
    lab.transact(
        "hv1",
        {"op": "mutate", "table": "Interface", "where": [["name", "==", "vif1"]], "mutations": external_ids},
    )
    lab.runtime.advance(1)
    assert lab.bindings()["vm1"] is None
    assert "ovn-installed" not in lab.notes("hv1", 1)
    assert "ovn-installed-ts" not in lab.notes("hv1", 1)


def test_a_port_that_moves_is_taken_over_once_and_not_fought_for(lab: Lab) -> None:
    sent = lab.watch("hv1")
    lab.deployment.plug("hv2", "vif1", "vm1")
    lab.runtime.advance(10)
    assert lab.bindings()["vm1"] == "hv2"
    assert lab.up(1)
    assert sent.southbound == []
    assert "ovn-installed" not in lab.notes("hv1", 1)
    assert lab.notes("hv2", 1)["ovn-installed"] == "true"
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv2", "vm1")]


def test_a_port_that_was_lost_is_claimed_again_when_it_is_free(lab: Lab) -> None:
    lab.deployment.plug("hv2", "vif1", "vm1")
    lab.runtime.advance(1)
    lab.deployment.unplug("hv2", "vif1")
    lab.runtime.advance(1)
    assert lab.bindings()["vm1"] == "hv1"
    assert lab.up(1)
    assert lab.notes("hv1", 1)["ovn-installed"] == "true"


def test_a_restarted_controller_does_not_take_back_a_port_that_it_had_lost(lab: Lab) -> None:
    lab.deployment.plug("hv2", "vif1", "vm1")
    lab.runtime.advance(1)
    sent = lab.restart_controller("hv1")
    assert lab.bindings()["vm1"] == "hv2"
    assert sent.nothing


def test_a_port_that_is_lost_while_the_controller_is_away_is_not_taken_back(lab: Lab) -> None:
    lab.kill_controller("hv1")
    lab.deployment.plug("hv2", "vif1", "vm1")
    lab.runtime.advance(1)
    assert lab.bindings()["vm1"] == "hv2"
    lab.start_controller("hv1")
    lab.runtime.advance(5)
    assert lab.bindings()["vm1"] == "hv2"
    assert "ovn-installed" not in lab.notes("hv1", 1)
    assert lab.notes("hv1", 1)[CLAIMED]


def test_a_vm_that_comes_while_the_controller_is_away_is_taken_over(lab: Lab) -> None:
    lab.kill_controller("hv2")
    lab.deployment.plug("hv2", "vif1", "vm1")
    lab.runtime.advance(1)
    lab.start_controller("hv2")
    lab.runtime.advance(5)
    assert lab.bindings()["vm1"] == "hv2"


def test_a_new_interface_may_take_a_lost_port_back(lab: Lab) -> None:
    lab.deployment.plug("hv2", "vif1", "vm1")
    lab.runtime.advance(1)
    lab.unplug("hv1", 1)
    lab.runtime.advance(1)
    lab.plug("hv1", 1)
    lab.runtime.advance(1)
    assert lab.bindings()["vm1"] == "hv1"


def test_a_port_that_vanishes_while_the_controller_is_away_is_released(lab: Lab) -> None:
    lab.kill_controller("hv1")
    lab.unplug("hv1", 1)
    lab.start_controller("hv1")
    lab.runtime.advance(5)
    assert lab.bindings()["vm1"] is None
    assert not lab.up(1)


def test_requested_chassis_decides(lab: Lab) -> None:
    lab.port("sw0", 3)
    lab.runtime.advance(1)
    lab.update("sb", "Port_Binding", {"requested_chassis": chassis(lab, "hv2")}, logical_port="vm3")
    # northd would repair what it did not ask for.
    lab.kill_northd()
    lab.update("sb", "Port_Binding", {"requested_chassis": chassis(lab, "hv2")}, logical_port="vm3")
    lab.plug("hv1", 3)
    lab.runtime.advance(1)
    assert lab.bindings()["vm3"] is None
    lab.plug("hv2", 3)
    lab.runtime.advance(1)
    assert lab.bindings()["vm3"] == "hv2"
    lab.update("sb", "Port_Binding", {"requested_chassis": chassis(lab, "hv1")}, logical_port="vm3")
    lab.runtime.advance(1)
    assert lab.bindings()["vm3"] == "hv1"


def test_a_port_down_is_told_before_it_is_up_again(lab: Lab) -> None:
    """Losing its flows for a moment (a new ofport) takes ``ovn-installed`` away until they are back."""
    before = int(lab.notes("hv1", 1)["ovn-installed-ts"])
    lab.runtime.advance(10)
    lab.unplug("hv1", 1)
    lab.plug("hv1", 1)
    lab.runtime.advance(1)
    assert int(lab.notes("hv1", 1)["ovn-installed-ts"]) > before


def test_ports_of_other_types_are_left_alone(lab: Lab) -> None:
    lab.kill_northd()
    lab.port("sw0", 3)
    datapath = lab.row("sb", "Datapath_Binding")["_uuid"]
    row = {"logical_port": "vm3", "type": "localport", "datapath": datapath, "tunnel_key": 77}
    lab.transact("sb", {"op": "insert", "table": "Port_Binding", "row": row})
    lab.plug("hv1", 3)
    lab.runtime.advance(1)
    assert lab.bindings()["vm3"] is None
