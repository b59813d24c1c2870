"""What stays as it is: restarts, lost connections, ``recompute``; and what is repaired."""

from __future__ import annotations

from typing import Any

import pytest

from deployment_lab import Lab, datagram
from pyovn.vswitch.flowmods import Changes
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1", "hv2")
    lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"}, "ip")
    return lab


def assert_works(lab: Lab) -> None:
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv1", "vm1")]
    assert lab.frames("hv1", 1, datagram(1, 3)) == [("hv1", "vm3")]
    assert lab.controller_notices() == {}


def test_a_restart_with_nothing_to_change_sends_nothing(lab: Lab) -> None:
    before = lab.installed("hv1")
    sent = lab.restart_controller("hv1")
    assert sent.nothing, sent
    assert lab.installed("hv1") == before
    assert_works(lab)
    lab.sync()


def test_recompute_changes_nothing(lab: Lab) -> None:
    sent = lab.watch("hv1")
    lab.controller("hv1").recompute()
    lab.runtime.advance(1)
    assert sent.nothing, sent


def test_recompute_repairs_flows_that_somebody_deleted(lab: Lab) -> None:
    before = lab.installed("hv1")
    delete_all(lab)
    assert lab.installed("hv1") == set()
    lab.controller("hv1").recompute()
    lab.runtime.advance(1)
    assert lab.installed("hv1") == before
    assert_works(lab)


def delete_all(lab: Lab) -> None:
    bridge = lab.hypervisor("hv1").switch.bridges["br-int"]
    changes = Changes()
    bridge.state.flow_mod(ofp.FlowMod(ofp.DELETE, Flow(0xFF, 0, Match.of({}), ())), changes)
    bridge.server.finish(changes)


def test_a_restart_takes_over_what_changed_meanwhile(lab: Lab) -> None:
    lab.kill_controller("hv1")
    lab.unplug("hv1", 3)
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.start_controller("hv1")
    lab.sync()
    assert lab.bindings() == {"vm1": "hv1", "vm2": "hv2", "vm3": None, "vm4": "hv1"}
    assert lab.frames("hv2", 2, datagram(2, 4)) == [("hv1", "vm4")]
    ids = dict(lab.row("hv1", "Bridge")["external_ids"][1])
    assert "ct-zone-vm3" not in ids
    assert "ct-zone-vm4" in ids


def test_zones_are_the_same_after_a_restart(lab: Lab) -> None:
    lab.unplug("hv1", 1)  # the lowest number becomes free, so a fresh start would count otherwise
    lab.runtime.advance(1)
    before = dict(lab.controller("hv1").zones.listing())
    lab.restart_controller("hv1")
    assert dict(lab.controller("hv1").zones.listing()) == before
    assert len(set(before.values())) == len(before) == 3


def test_the_switch_comes_back_without_flows(lab: Lab) -> None:
    before = lab.installed("hv1")
    delete_all(lab)
    lab.controller("hv1").switch._lost("test")
    lab.runtime.advance(5)
    assert lab.installed("hv1") == before
    assert_works(lab)


def test_a_lost_openflow_connection_costs_nothing(lab: Lab) -> None:
    sent = lab.watch("hv1")
    lab.controller("hv1").switch._lost("test")
    assert lab.controller("hv1").connection_status == "not connected"
    lab.runtime.advance(5)
    assert lab.controller("hv1").connection_status == "connected"
    assert sent.nothing, sent


def test_flows_change_while_the_switch_is_away(lab: Lab) -> None:
    lab.controller("hv1").switch._lost("test")
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.runtime.settle()
    assert not lab.up(4)
    lab.sync()
    assert lab.up(4)
    assert_works(lab)


def test_chassis_rows_that_somebody_deleted_are_made_again(lab: Lab) -> None:
    for table in ("Chassis_Private", "Chassis"):
        lab.delete("sb", table, name="hv1")
    lab.sync()
    assert lab.bindings()["vm1"] == "hv1"
    chassis = lab.row("sb", "Chassis", name="hv1")
    assert chassis["encaps"] != ["set", []]
    assert lab.row("sb", "Chassis_Private", name="hv1")["chassis"] == chassis["_uuid"]
    assert lab.up(1)
    assert_works(lab)


def test_a_chassis_that_was_edited_is_repaired(lab: Lab) -> None:
    before = lab.row("sb", "Chassis", name="hv1")
    lab.update("sb", "Chassis", {"hostname": "other", "other_config": ["map", []]}, name="hv1")
    lab.runtime.advance(1)
    after = lab.row("sb", "Chassis", name="hv1")
    assert {**before, "_version": 0} == {**after, "_version": 0}


def test_br_int_that_was_deleted_is_made_again(lab: Lab) -> None:
    lab.update("hv1", "Open_vSwitch", {"bridges": ["set", []]})
    lab.runtime.advance(3)
    bridge = lab.row("hv1", "Bridge", name="br-int")
    assert bridge["fail_mode"] == "secure"
    assert lab.bindings()["vm1"] is None
    for number in (1, 3):
        lab.plug("hv1", number)
    lab.sync()
    assert lab.bindings()["vm1"] == "hv1"
    assert_works(lab)


def test_a_bridge_that_is_made_is_met_at_once() -> None:
    lab = Lab()
    before = lab.runtime.now()
    for name in ("hv1", "hv2"):
        lab.deployment.add_hypervisor(name)
    lab.runtime.settle()
    assert [lab.controller(name).switch.state for name in ("hv1", "hv2")] == ["ready", "ready"]
    assert lab.runtime.now() == before


def test_a_new_system_id_is_a_new_chassis(lab: Lab) -> None:
    set_ids(lab, **{"system-id": "renamed"})
    assert_renamed(lab)
    assert_works(lab)


def set_ids(lab: Lab, **changes: str) -> None:
    ids = dict(lab.row("hv1", "Open_vSwitch")["external_ids"][1])
    pairs = [list(item) for item in {**ids, **changes}.items()]
    lab.update("hv1", "Open_vSwitch", {"external_ids": ["map", pairs]})
    lab.runtime.advance(3)


def assert_renamed(lab: Lab) -> None:
    assert {row["name"] for row in lab.rows("sb", "Chassis")} == {"renamed", "hv2"}
    assert {row["name"] for row in lab.rows("sb", "Chassis_Private")} == {"renamed", "hv2"}
    assert len(lab.rows("sb", "Encap")) == 2
    assert lab.bindings() == {"vm1": "renamed", "vm2": "hv2", "vm3": "renamed"}
    lab.sync()


def test_a_system_id_that_changed_while_the_controller_was_away(lab: Lab) -> None:
    lab.kill_controller("hv1")
    set_ids(lab, **{"system-id": "renamed"})
    lab.start_controller("hv1")
    lab.runtime.advance(5)
    assert_renamed(lab)
    assert_works(lab)


def test_a_tunnel_endpoint_of_another_host_is_not_taken_away(lab: Lab) -> None:
    """The newcomer has no chassis and says so; who was there first goes on."""
    endpoint = {"type": "geneve", "ip": "192.168.9.9", "chassis_name": "first"}
    lab.transact(
        "sb",
        {"op": "insert", "table": "Encap", "uuid-name": "e", "row": endpoint},
        {"op": "insert", "table": "Chassis", "row": {"name": "first", "encaps": ["named-uuid", "e"]}},
    )
    set_ids(lab, **{"ovn-encap-ip": "192.168.9.9"})
    lab.restart_controller("hv1")
    assert lab.row("sb", "Chassis", name="first")["encaps"] != ["set", []]
    assert any("Encap" in text for _who, level, text in lab.makers.lines if level == "warn")


def test_a_system_id_taken_away_and_given_back_changes_nothing(lab: Lab) -> None:
    before = lab.installed("hv1")
    ids = lab.row("hv1", "Open_vSwitch")["external_ids"]
    sent = lab.watch("hv1")
    lab.update("hv1", "Open_vSwitch", {"external_ids": ["map", []]})
    lab.runtime.advance(5)
    assert lab.controller("hv1").connection_status == "not connected"
    lab.update("hv1", "Open_vSwitch", {"external_ids": ids})
    lab.runtime.advance(5)
    assert lab.installed("hv1") == before
    assert sent.nothing, sent
    assert_works(lab)


def test_another_integration_bridge_gets_the_tunnels(lab: Lab) -> None:
    set_ids(lab, **{"ovn-bridge": "br-new"})
    names = {row["_uuid"][1]: row["name"] for row in lab.rows("hv1", "Port")}
    bridges = {row["name"]: {names[ref[1]] for ref in row["ports"][1]} for row in lab.rows("hv1", "Bridge")}
    assert bridges == {"br-new": {"br-new", "ovn-hv2-0"}, "br-int": {"br-int", "vif1", "vif3"}}
    assert lab.bindings()["vm1"] is None


def test_exit_takes_chassis_bindings_and_tunnels_away(lab: Lab) -> None:
    done: list[bool] = []
    lab.controller("hv1").exit(lambda: done.append(True))
    lab.runtime.advance(2)
    assert done == [True]
    assert [row["name"] for row in lab.rows("sb", "Chassis")] == ["hv2"]
    assert [row["name"] for row in lab.rows("sb", "Chassis_Private")] == ["hv2"]
    assert len(lab.rows("sb", "Encap")) == 1
    assert lab.bindings() == {"vm1": None, "vm2": "hv2", "vm3": None}
    (asked,) = (row for row in lab.rows("nb", "Logical_Switch_Port") if row["name"] == "vm1")
    assert lab.up(1)
    assert asked["up"] is False
    assert {row["name"] for row in lab.rows("hv1", "Port")} == {"br-int", "vif1", "vif3"}
    assert {row["name"] for row in lab.rows("hv2", "Port")} == {"br-int", "vif2"}


def test_exit_leaves_what_the_switch_forwards_with_and_a_start_takes_it_over(lab: Lab) -> None:
    before, notes = lab.installed("hv1"), lab.notes("hv1", 1)
    lab.controller("hv1").exit(lab.hypervisor("hv1").ovn_controller.ended)
    lab.runtime.advance(2)
    assert lab.installed("hv1") == before
    assert lab.notes("hv1", 1) == notes
    assert lab.frames("hv1", 1, datagram(1, 3)) == [("hv1", "vm3")]
    sent = lab.start_controller("hv1")
    lab.runtime.advance(5)
    lab.sync()
    assert_works(lab)
    # The tunnel is another one, with other flows; what concerns ports here was never taken away.
    deleted = [mod.flow for mod in sent.flow_mods if mod.command != ofp.ADD]
    assert {flow.table for flow in deleted} <= {0}
    assert lab.notes("hv1", 1)["ovn-installed"] == "true"


def test_who_claims_a_port_after_an_exit_begins_with_up_false(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.controller("hv1").exit(lab.hypervisor("hv1").ovn_controller.ended)
    lab.runtime.advance(2)
    seen: list[tuple[str | None, bool]] = []
    database = type(lab.deployment.central.databases["OVN_Southbound"].database)
    transact = database.transact

    def watched(*args: Any, **options: Any) -> Any:
        outcome = transact(*args, **options)
        seen.append(lab.deployment.bindings()["vm1"])
        return outcome

    monkeypatch.setattr(database, "transact", watched)
    lab.plug("hv2", 1)
    lab.runtime.advance(2)
    assert [*dict.fromkeys(seen)] == [(None, True), ("hv2", False), ("hv2", True)]


def test_exit_twice_in_a_row_with_a_start_between(lab: Lab) -> None:
    lab.controller("hv1").exit(lab.hypervisor("hv1").ovn_controller.ended)
    lab.runtime.advance(2)
    lab.start_controller("hv1")
    lab.runtime.advance(5)
    lab.sync()
    assert lab.bindings()["vm1"] == "hv1"
    assert_works(lab)


def wired() -> Lab:
    lab = Lab("hv1", "hv2", wire=True)
    lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"}, "ip")
    return lab


@pytest.mark.parametrize("place", ["central", "hv1"])
def test_a_database_connection_lost_and_regained_changes_nothing(place: str) -> None:
    lab = wired()
    sent = lab.watch("hv1")
    lab.makers.remotes[place].close()
    lab.runtime.advance(3)
    assert_frames(lab)
    lab.makers.listen(place)
    lab.runtime.advance(20)
    assert lab.controller("hv1").connection_status == "connected"
    assert sent.nothing, sent
    lab.sync()
    assert_works(lab)


def assert_frames(lab: Lab) -> None:
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]


def test_what_changed_while_the_southbound_was_away_is_taken_over() -> None:
    lab = wired()
    lab.makers.remotes["central"].close()
    lab.runtime.advance(1)
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.unplug("hv1", 3)
    lab.runtime.advance(1)
    assert_frames(lab)
    lab.makers.listen("central")
    lab.runtime.advance(20)
    lab.sync()
    assert lab.bindings() == {"vm1": "hv1", "vm2": "hv2", "vm3": None, "vm4": "hv1"}
    assert lab.frames("hv2", 2, datagram(2, 4)) == [("hv1", "vm4")]


def test_another_southbound_does_not_clear_the_switch_before_it_is_known() -> None:
    lab = wired()
    before = lab.installed("hv1")
    lab.makers.remotes["central"].close()
    set_ids(lab, **{"ovn-remote": "elsewhere"})
    lab.runtime.advance(5)
    assert lab.installed("hv1") == before
    sent: Any = lab.watch("hv1")
    lab.makers.listen("central")
    lab.runtime.advance(20)
    assert not sent.flow_mods
    assert not sent.local
    assert lab.up(1)
    assert_works(lab)
