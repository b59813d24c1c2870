"""Bindings: names of chassis in both directions, and nobody fights over ``up``."""

from __future__ import annotations

import pytest
from compat_kit import Old, texts

from pyovn.compat2015.bindings import ELSEWHERE


@pytest.fixture
def old() -> Old:
    made = Old()
    made.switch("sw0")
    made.add("sw0", "p0", addresses="00:00:00:00:00:01")
    made.add("sw0", "p1")
    made.runtime.advance(1)
    return made


@pytest.fixture
def real() -> Old:
    """With two hypervisors."""
    made = Old("hv1", "hv2")
    made.switch("sw0")
    made.add("sw0", "vm1", addresses="00:00:00:00:00:01")
    made.add("sw0", "vm2", addresses="00:00:00:00:00:02")
    made.runtime.advance(1)
    return made


def southbound(old: Old) -> dict[str, str | None]:
    return old.bindings()


def test_each_port_has_a_row(old: Old) -> None:
    rows = {row.pop("logical_port"): row for row in old.rows("ovn", "Bindings")}
    for row in rows.values():
        del row["_uuid"], row["_version"]
    none = ["set", []]
    datapath = ["uuid", old.switch_uuid("sw0")]
    blank = {"chassis": "", "logical_datapath": datapath, "mac": none, "parent_port": none, "tag": none}
    assert rows == {"p0": {**blank, "mac": "00:00:00:00:00:01"}, "p1": blank}
    assert not old.is_up("p0")


def test_parent_and_tag_come_together(old: Old) -> None:
    old.add("sw0", "c", parent_name="p0", tag_request=42)
    row = old.row("ovn", "Bindings", logical_port="c")
    assert (row["parent_port"], row["tag"]) == ("p0", 42)
    old.update("nb", "Logical_Switch_Port", {"parent_name": texts()}, name="c")
    row = old.row("ovn", "Bindings", logical_port="c")
    assert (row["parent_port"], row["tag"]) == (texts(), texts())


def test_a_name_that_is_no_chassis_sets_the_port_up_and_taking_it_back_sets_it_down(old: Old) -> None:
    old.claim("p0", "hostname")
    assert (old.is_up("p0"), old.is_up("p1")) == (True, False)
    assert old.names() == {"p0": "hostname", "p1": ""}
    assert southbound(old) == {"p0": ELSEWHERE, "p1": None}
    old.claim("p1", "another")
    old.claim("p0", "")
    assert (old.is_up("p0"), old.is_up("p1")) == (False, True)
    old.claim("p1", "")
    assert southbound(old) == {"p0": None, "p1": None}
    assert old.rows("sb", "Chassis") == old.rows("sb", "Encap") == old.rows("ovn", "Chassis") == []


def test_a_claim_survives_a_restart_which_sends_nothing(old: Old) -> None:
    old.claim("p0", "hostname")
    assert old.restart_compat() == ([], [])
    old.restart_northd()
    assert old.is_up("p0")
    assert old.names()["p0"] == "hostname"


def test_a_claim_that_was_made_while_the_daemon_was_away(old: Old) -> None:
    old.kill_compat()
    old.claim("p0", "hostname")
    assert not old.is_up("p0")
    old.start_compat()
    assert old.is_up("p0")


def test_a_claim_costs_the_network_nothing(real: Old) -> None:
    """The chassis that stands for it is asked for no feature, has no tunnel and is waited for by nobody."""
    flows = {row["_uuid"][1] for row in real.rows("sb", "Logical_Flow")}
    tunnels = {row["name"] for row in real.rows("hv1", "Interface")}
    real.claim("vm1", "hostname")
    assert real.is_up("vm1")
    assert {row["_uuid"][1] for row in real.rows("sb", "Logical_Flow")} == flows
    assert {row["name"] for row in real.rows("hv1", "Interface")} == tunnels
    real.sync()
    assert real.notices() == {}
    assert real.compat.notices() == []


def test_a_chassis_that_binds_a_port_is_named_and_one_that_leaves_is_not(real: Old) -> None:
    real.plug("hv1", 1)
    real.sync()
    assert real.names() == {"vm1": "hv1", "vm2": ""}
    real.unplug("hv1", 1)
    real.sync()
    assert real.names() == {"vm1": "", "vm2": ""}
    assert not real.is_up("vm1")


@pytest.mark.parametrize("away", [False, True])
def test_a_hypervisor_that_is_gone_leaves_no_claim(real: Old, away: bool) -> None:
    real.plug("hv2", 2)
    real.sync()
    assert real.names()["vm2"] == "hv2"
    if away:
        real.kill_compat()
    real.deployment.remove_hypervisor("hv2")
    real.runtime.advance(5)
    if away:
        real.start_compat()
    assert real.names()["vm2"] == ""
    assert not real.is_up("vm2")
    assert [row["name"] for row in real.rows("ovn", "Chassis")] == ["hv1"]


@pytest.mark.parametrize("away", [False, True])
def test_a_chassis_row_that_is_deleted_leaves_no_claim(real: Old, away: bool) -> None:
    """In one transaction the chassis and the reference to it are gone: what is left is its name."""
    real.plug("hv2", 2)
    real.sync()
    real.kill_controller("hv2")
    if away:
        real.kill_compat()
    real.delete("sb", "Chassis", name="hv2")
    real.runtime.advance(1)
    if away:
        real.start_compat()
    assert real.names()["vm2"] == ""
    assert southbound(real)["vm2"] is None
    assert not real.is_up("vm2")


def test_what_is_written_over_a_chassiss_name_is_put_right(real: Old) -> None:
    real.plug("hv1", 1)
    real.sync()
    for name in ("hostname", "hv2", ""):
        real.claim("vm1", name)
        assert real.names()["vm1"] == "hv1"
        assert southbound(real)["vm1"] == "hv1"
        assert real.is_up("vm1")


def test_the_name_of_a_chassis_that_does_not_have_the_port_is_taken_out(real: Old) -> None:
    real.claim("vm1", "hv1")
    assert real.names()["vm1"] == ""
    assert southbound(real)["vm1"] is None
    assert not real.is_up("vm1")


def test_a_chassis_without_a_controller_is_claimed_for(old: Old) -> None:
    """One that was added by hand: nobody else could say that it has the port."""
    encap = {"type": "geneve", "ip": "10.0.0.9", "chassis_name": "hostname"}
    old.transact(
        "sb",
        {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap},
        {"op": "insert", "table": "Chassis", "row": {"name": "hostname", "encaps": ["named-uuid", "e"]}},
    )
    old.claim("p0", "hostname")
    assert old.is_up("p0")
    assert old.names()["p0"] == "hostname"
    chassis = old.row("sb", "Chassis", name="hostname")["_uuid"]
    old.update("sb", "Port_Binding", {"chassis": chassis}, logical_port="p1")  # ovn-sbctl lsp-bind
    assert old.names()["p1"] == "hostname"
    old.claim("p0", "")
    assert not old.is_up("p0")


def test_a_controller_takes_a_claimed_port(real: Old) -> None:
    real.claim("vm1", "hostname")
    real.plug("hv1", 1)
    real.sync()
    real.runtime.advance(1)
    assert real.names()["vm1"] == "hv1"
    assert southbound(real)["vm1"] == "hv1"
    assert real.is_up("vm1")
    assert [row["name"] for row in real.rows("sb", "Chassis", name=ELSEWHERE)] == []


def test_a_chassis_that_comes_under_the_name_of_a_claim(real: Old) -> None:
    real.claim("vm1", "hv3")
    assert southbound(real)["vm1"] == ELSEWHERE
    real.deployment.add_hypervisor("hv3")
    real.runtime.advance(3)
    assert real.names()["vm1"] == ""
    assert southbound(real)["vm1"] is None
    assert not real.is_up("vm1")


def test_a_claim_never_overwrites_a_controller_that_was_first(real: Old) -> None:
    """The claim is decided upon before the controller's write has reached the daemon."""
    chassis = real.row("sb", "Chassis", name="hv1")["_uuid"]
    sent: list[list[dict[str, object]]] = []
    real.compat.sb_reconciler.sent = sent
    transact = real.compat._sb.transact

    def delayed(operations: object, done: object) -> None:
        real.compat._sb.transact = transact  # type: ignore[method-assign]
        database = real.database("sb")
        database.transact([
            {
                "op": "update", "table": "Port_Binding",
                "where": [["logical_port", "==", "vm1"]], "row": {"chassis": chassis},
            }
        ])  # fmt: skip
        transact(operations, done)  # type: ignore[arg-type]

    real.kill_controller("hv1")  # it would release what it does not have
    real.compat._sb.transact = delayed  # type: ignore[method-assign]
    real.claim("vm1", "hostname")
    assert sent, "the claim was decided upon"
    assert southbound(real)["vm1"] == "hv1"
    assert real.names()["vm1"] == "hv1"
    assert real.rows("sb", "Chassis", name=ELSEWHERE) == []


def test_ports_that_are_no_machines_are_not_claimed_and_it_is_said(old: Old) -> None:
    old.add("sw0", "ln", type="localnet", options=["map", [["network_name", "phys"]]])
    old.claim("ln", "hostname")
    assert southbound(old)["ln"] is None
    assert old.compat.notices() == ['Bindings of ln: a port of type "localnet" is not bound to "hostname"']
    old.claim("ln", "")
    assert old.compat.notices() == []


def test_a_port_that_goes_takes_its_claim_with_it(old: Old) -> None:
    old.claim("p0", "hostname")
    old.update("nb", "Logical_Switch", {"ports": texts()}, name="sw0")
    old.runtime.advance(1)
    assert old.names() == {}
    assert old.rows("sb", "Chassis") == []


def test_rows_that_are_edited_by_hand_are_put_right(old: Old) -> None:
    want = old.names()
    old.delete("ovn", "Bindings", logical_port="p0")
    row = {"logical_port": "stranger", "logical_datapath": ["uuid", old.switch_uuid("sw0")]}
    old.transact("ovn", {"op": "insert", "table": "Bindings", "row": row})
    assert old.names() == want


def test_sync_answers_when_what_was_written_is_taken_in(old: Old) -> None:
    """Also when it is asked before the daemon has heard of anything."""
    seen: list[dict[str, str]] = []
    where, row = [["name", "==", "p0"]], {"name": "q"}
    update = {"op": "update", "table": "Logical_Switch_Port", "where": where, "row": row}
    old.database("nb").transact([update])
    old.compat.sync(lambda: seen.append(old.names()))
    assert seen == []
    old.runtime.settle()
    assert seen == [{"q": "", "p1": ""}]
    old.compat.sync(lambda: seen.append(old.names()))
    old.runtime.settle()
    assert len(seen) == 2


def test_the_lock_lets_one_of_two_write(old: Old) -> None:
    first = old.compat
    second = old.deployment._make_compat2015(old.runtime)
    sent: list[list[dict[str, object]]] = []
    second.sb_reconciler.sent = second.ovn_reconciler.sent = sent
    second.start()
    old.runtime.settle()
    assert (first.status, second.status) == ("active", "standby")
    old.claim("p0", "hostname")
    assert old.is_up("p0")
    assert sent == []
    old.kill_compat()
    assert second.status == "active"
    old.claim("p0", "")
    assert not old.is_up("p0")


def test_chassis_and_encaps_are_those_of_the_southbound(real: Old) -> None:
    uuids = {row["_uuid"][1]: row for row in real.rows("ovn", "Encap")}
    shown = {
        row["name"]: [
            (uuids[uuid]["type"], uuids[uuid]["ip"], uuids[uuid]["options"]) for uuid in row["encaps"][1:]
        ]
        for row in real.rows("ovn", "Chassis")
    }
    none = ["map", []]
    assert shown == {"hv1": [("geneve", "192.168.0.1", none)], "hv2": [("geneve", "192.168.0.2", none)]}
    assert all(row["gateway_ports"] == none for row in real.rows("ovn", "Chassis"))
