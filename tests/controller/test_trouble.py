"""Trouble around the controller: databases away, a switch that refuses, notes that somebody has edited."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from deployment_lab import Lab, datagram, mac
from pyovn.controller.handwritten import decimal, hexadecimal
from pyovn.ovsdb import server_session
from pyovn.vswitch import errors
from pyovn.vswitch.errors import OpenFlowError
from pyovn.vswitch.flowmods import Changes, FlowState
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_TO_PHY = 65


def build(*, wire: bool = False) -> Lab:
    lab = Lab("hv1", "hv2", wire=wire)
    lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"}, "ip")
    return lab


def forget_flows(lab: Lab) -> None:
    """As a switch that is restarted does: it comes back empty, on a new connection."""
    bridge = lab.hypervisor("hv1").switch.bridges["br-int"]
    changes = Changes()
    bridge.state.flow_mod(ofp.FlowMod(ofp.DELETE, Flow(0xFF, 0, Match.of({}), ())), changes)
    bridge.server.finish(changes)
    lab.controller("hv1").switch._lost("test")


# -- the southbound is away ----------------------------------------------------------------------


def test_a_switch_that_comes_back_empty_gets_its_flows_without_a_southbound() -> None:
    lab = build(wire=True)
    before = lab.installed("hv1")
    lab.makers.remotes["central"].close()
    lab.runtime.advance(1)
    forget_flows(lab)
    assert lab.installed("hv1") == set()
    lab.runtime.advance(5)
    assert lab.installed("hv1") == before
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    lab.makers.listen("central")
    sent = lab.watch("hv1")
    lab.runtime.advance(20)
    assert sent.nothing, sent
    lab.sync()


def test_an_interface_that_goes_takes_its_flows_away_without_a_southbound() -> None:
    lab = build(wire=True)
    lab.makers.remotes["central"].close()
    lab.runtime.advance(1)
    sent = lab.watch("hv1")
    before = lab.installed("hv1")
    lab.unplug("hv1", 3)
    lab.runtime.advance(5)
    assert len(lab.installed("hv1")) < len(before)
    assert not sent.southbound
    assert not any("failed" in text for _who, _level, text in lab.makers.lines)


def test_a_start_without_a_southbound_touches_nothing_and_can_be_ended() -> None:
    lab = build(wire=True)
    before = lab.installed("hv1")
    lab.kill_controller("hv1")
    lab.makers.remotes["central"].close()
    lab.runtime.advance(1)
    lab.start_controller("hv1")
    controller = lab.controller("hv1")
    lab.runtime.advance(10)
    assert lab.installed("hv1") == before
    done: list[bool] = []
    controller.exit(lambda: done.append(True))
    lab.runtime.advance(1)
    assert done == [True]
    assert lab.installed("hv1") == before


def test_what_a_database_refused_is_tried_again_once_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lab = build(wire=True)
    controller = lab.controller("hv1")
    calls: list[str] = []
    vs_reconciler, sb_reconciler = controller.vs_reconciler, controller.sb_reconciler
    assert sb_reconciler is not None
    for name, reconciler in (("vs", vs_reconciler), ("sb", sb_reconciler)):
        monkeypatch.setattr(reconciler, "reconnected", partial(calls.append, name))
    for remote in ("central", "hv1"):
        lab.makers.remotes[remote].close()
    lab.runtime.advance(1)
    assert calls == []
    for remote in ("central", "hv1"):
        lab.makers.listen(remote)
    lab.runtime.advance(20)
    assert sorted(calls) == ["sb", "vs"]
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.sync()
    assert sorted(calls) == ["sb", "vs"]


def test_a_server_that_knows_no_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends everything at once and calls nobody back when conditions change."""
    for method in ("monitor_cond", "monitor_cond_since", "monitor_cond_change"):
        monkeypatch.delitem(server_session.METHODS, method)
    lab = build(wire=True)
    lab.runtime.advance(5)
    assert lab.bindings() == {"vm1": "hv1", "vm2": "hv2", "vm3": "hv1"}
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    assert lab.restart_controller("hv1").nothing
    lab.plug("hv1", 9)  # a port that there is not: new conditions, and nothing that follows from them
    lab.runtime.advance(5)
    assert lab.controller("hv1")._complete


# -- a switch that refuses -----------------------------------------------------------------------


def refuse(lab: Lab, monkeypatch: pytest.MonkeyPatch, test: Callable[[Flow], bool]) -> list[bool]:
    """``hv1`` refuses flows for which ``test`` holds, until the list that is returned is emptied."""
    state = lab.hypervisor("hv1").switch.bridges["br-int"].state
    flow_mod, on = FlowState.flow_mod, [True]

    def refusing(self: FlowState, mod: ofp.FlowMod, changes: Changes) -> None:
        if self is state and on and mod.command == ofp.ADD and test(mod.flow):
            raise OpenFlowError(errors.FLOW_BAD_COMMAND, "test")
        flow_mod(self, mod, changes)

    monkeypatch.setattr(FlowState, "flow_mod", refusing)
    return on


def to_port(key: int) -> Callable[[Flow], bool]:
    return lambda flow: flow.table == LOG_TO_PHY and flow.match.exact("reg15") == key


def key_of(lab: Lab, number: int) -> int:
    return int(lab.row("sb", "Port_Binding", logical_port=f"vm{number}")["tunnel_key"])


def test_a_port_whose_flow_is_refused_is_not_called_up(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = build()
    for number in (4, 5):
        lab.port("sw0", number)
    lab.runtime.settle()
    on = refuse(lab, monkeypatch, to_port(key_of(lab, 4)))
    for number in (4, 5):
        lab.plug("hv1", number)
    lab.sync()
    lab.runtime.advance(1)
    assert (lab.up(1), lab.up(4), lab.up(5)) == (True, False, True)
    assert "ovn-installed" not in lab.notes("hv1", 4)
    (notice,) = lab.controller("hv1").notices()
    assert notice.startswith("refused by the switch: ")
    assert f"table={LOG_TO_PHY}" in notice
    assert notice.endswith("; not up: vm4")
    on.clear()
    lab.controller("hv1").recompute()
    lab.runtime.advance(1)
    assert lab.up(4)
    assert lab.notes("hv1", 4)["ovn-installed"] == "true"
    assert lab.controller("hv1").notices() == []


def test_a_logical_flow_of_a_port_that_is_refused_holds_it_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = build()
    refuse(lab, monkeypatch, lambda flow: flow.match.exact("eth_dst") == mac(4))
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.runtime.advance(2)
    assert lab.controller("hv1").notices() != []
    assert not lab.up(4)


def test_a_port_that_is_up_stays_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused later is told; a VM that runs is not reported down for it."""
    lab = build()
    refuse(lab, monkeypatch, to_port(key_of(lab, 1)))
    forget_flows(lab)
    lab.runtime.advance(5)
    assert lab.up(1)
    (notice,) = lab.controller("hv1").notices()
    assert "not up" not in notice


def test_a_switch_that_refuses_everything_is_in_the_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = build()
    controller = lab.controller("hv1")
    monkeypatch.setattr(controller.switch, "trouble", "the switch refuses all changes of flows: error 17/15")
    assert controller.notices() == ["the switch refuses all changes of flows: error 17/15"]


# -- adoption ------------------------------------------------------------------------------------


def test_notes_that_somebody_has_edited_stop_nothing() -> None:
    lab = build()
    lab.kill_controller("hv1")
    ids = dict(lab.row("hv1", "Bridge", name="br-int")["external_ids"][1])
    zones = sorted(key for key in ids if key.startswith("ct-zone-"))
    wrong = ["9" * 5000, "\u0663", "70000", "-1", "", "1_0", "zone"]
    edited = {**ids, **dict(zip(zones, wrong, strict=False))}
    lab.update("hv1", "Bridge", {"external_ids": ["map", [list(i) for i in edited.items()]]}, name="br-int")
    notes = {**lab.notes("hv1", 1), "ovn-installed-ts": "9" * 5000}
    lab.update("hv1", "Interface", {"external_ids": ["map", [list(i) for i in notes.items()]]}, name="vif1")
    lab.start_controller("hv1")
    lab.runtime.advance(5)
    lab.sync()
    after = dict(lab.row("hv1", "Bridge", name="br-int")["external_ids"][1])
    assert {key: decimal(after[key]) for key in zones} == {
        f"ct-zone-{name}": zone for name, zone in lab.controller("hv1").zones.listing()
    }
    assert decimal(lab.notes("hv1", 1)["ovn-installed-ts"]) is not None
    assert len([text for _who, _level, text in lab.makers.lines if "gets another" in text]) == len(zones)
    assert lab.up(1)
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    assert lab.frames("hv1", 1, datagram(1, 3)) == [("hv1", "vm3")]


def test_an_adoption_that_fails_is_repeated_and_deletes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = build()
    before = lab.installed("hv1")
    lab.kill_controller("hv1")
    failures = [ValueError("one"), ValueError("two")]
    sent = lab.start_controller("hv1")
    controller = lab.controller("hv1")
    leftovers = controller.binding.leftovers

    def failing() -> Any:
        if failures:
            raise failures.pop()
        return leftovers()

    monkeypatch.setattr(type(controller.binding), "leftovers", lambda _self: failing())
    lab.runtime.advance(0.3)
    assert len(failures) == 1
    lab.runtime.advance(10)
    assert failures == []
    assert lab.installed("hv1") == before
    assert sent.nothing, sent
    lab.unplug("hv1", 3)
    lab.runtime.advance(1)
    assert len(lab.installed("hv1")) < len(before)
    lab.sync()


def test_numbers_are_read_as_they_are_written() -> None:
    assert [decimal(text) for text in ("0", "17", "", "-1", "1_0", " 1", "\u0663", "9" * 20)] == [
        0, 17, None, None, None, None, None, None,
    ]  # fmt: skip
    assert [hexadecimal(text) for text in ("0", "1f", "0x1", "1F", "-1", "01", "", "f" * 5000)] == [
        0, 31, None, None, None, None, None, None,
    ]  # fmt: skip


# -- by command ----------------------------------------------------------------------------------


def test_a_paused_controller_does_nothing_until_it_is_resumed() -> None:
    lab = build()
    lab.controller("hv1").pause()
    sent = lab.watch("hv1")
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.runtime.advance(60)
    assert sent.nothing
    assert lab.bindings()["vm4"] is None
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    lab.controller("hv1").resume()
    lab.sync()
    assert lab.bindings()["vm4"] == "hv1"


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 5), ("0", 0), ("3", 5), ("60", 60), ("soon", 5), ("-1", 5)]
)
def test_the_openflow_probe_is_configured(text: str, seconds: float) -> None:
    lab = Lab("hv1")
    ids = dict(lab.row("hv1", "Open_vSwitch")["external_ids"][1])
    ids["ovn-openflow-probe-interval"] = text
    pairs = [list(item) for item in ids.items()]
    lab.update("hv1", "Open_vSwitch", {"external_ids": ["map", pairs]})
    lab.runtime.advance(1)
    assert lab.controller("hv1").switch._probe_interval == seconds
