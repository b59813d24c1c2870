"""The control commands of a sandbox, in virtual time: when they answer, and what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyovn.daemon.unixctl import CommandError
from pyovn.sandbox.deployment import DeploymentError
from pyovn.schemas.vswitch import OPEN_VSWITCH

if TYPE_CHECKING:
    from sandbox_bench import Bench


def test_plug_and_unplug_answer_when_the_rows_are_written(bench: Bench) -> None:
    bench.add_ports("vm1")
    pending = bench.ask("plug hv1 vif1 vm1")
    assert "vif1" not in bench.interfaces("hv1")
    assert bench.answers(pending) == [(True, "")]
    assert "vif1" in bench.interfaces("hv1")
    pending = bench.ask("unplug hv1 vif1")
    assert "vif1" in bench.interfaces("hv1")
    assert bench.answers(pending) == [(True, "")]
    assert "vif1" not in bench.interfaces("hv1")


def test_an_interface_that_exists_is_refused_also_while_it_is_made(bench: Bench) -> None:
    bench.add_ports("vm1")
    first, second = bench.answers(bench.ask("plug hv1 vif1 vm1"), bench.ask("plug hv1 vif1 vm1"))
    assert first == (True, "")
    assert not second[0]
    assert second[1].startswith("constraint violation: ")
    assert bench.refusal("plug hv1 vif1 vm1") == "hv1 has an interface vif1 already"
    assert bench.refusal("plug hv1 br-int vm1") == "hv1 has an interface br-int already"


def test_what_is_unusual_about_a_port_is_said(bench: Bench) -> None:
    assert bench.say("plug hv1 vif1 nosuch") == (True, "no logical port nosuch yet\n")
    bench.add_ports("vm1")
    assert bench.say("plug hv1 vif2 vm1") == (True, "")
    bench.runtime.advance(1)
    assert bench.host.deployment.bound_on("vm1") == "hv1"
    assert bench.say("plug hv2 vif2 vm1") == (
        True,
        "vm1 is claimed by hv1 (vif2) too: unplug one, or use pyovn sandbox move\n",
    )


def test_a_new_hypervisor_can_be_used_at_once(bench: Bench) -> None:
    bench.add_ports("vm1")
    add = bench.ask("add-hypervisor hv3")
    plug = bench.ask("plug hv3 vif1 vm1")  # its controller has not made the bridge yet
    assert bench.answers(add, plug, seconds=1) == [(True, ""), (True, "")]
    bench.runtime.advance(3)
    assert bench.host.deployment.bound_on("vm1") == "hv3"


def test_a_hypervisor_without_its_bridge_takes_no_vm(bench: Bench) -> None:
    place = bench.host.deployment.hypervisor("hv1")
    place.controller.stop()
    database = place.server.databases[OPEN_VSWITCH.name].database
    database.transact(
        [{"op": "update", "table": "Open_vSwitch", "where": [], "row": {"bridges": ["set", []]}}]
    )
    ((accepted, text),) = bench.answers(bench.ask("plug hv1 vif1 vm1"), seconds=6)
    assert not accepted
    assert "timed out" in text


@pytest.mark.parametrize("name", ["a b", "a/b", "..", ".x", "-t", "", "x" * 33, "hv1\n"])
def test_names_that_cannot_be_are_refused(bench: Bench, name: str) -> None:
    for command in (["add-hypervisor", name], ["plug", "hv1", name, "vm1"]):
        with pytest.raises(CommandError, match="cannot name a"):
            bench.host.daemon.control.run(command[0], command[1:])
    assert list(bench.host.deployment.hypervisors) == ["hv1", "hv2"]
    assert bench.say("add-hypervisor " + "x" * 32) == (True, "")


def test_names_that_belong_to_others_are_refused(bench: Bench) -> None:
    for name in ("central", "bin", "sandbox.pid", "sandbox.log"):
        assert "cannot name a hypervisor" in bench.refusal(f"add-hypervisor {name}")
    assert "its command would hide" in bench.refusal("add-hypervisor ls")
    assert "its command would hide" in bench.refusal("add-hypervisor ovn-nbctl")


def test_a_hypervisor_that_cannot_be_made_leaves_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(path.name for path in bench.directory.rglob("*"))
    monkeypatch.setattr(bench.host.makers, "switch", fail)
    assert "hypervisor hv3 cannot be made" in bench.refusal("add-hypervisor hv3")
    assert sorted(path.name for path in bench.directory.rglob("*")) == before
    monkeypatch.undo()
    assert bench.say("add-hypervisor hv3") == (True, "")
    assert (bench.directory / "bin" / "hv3").exists()
    assert bench.say("remove-hypervisor hv3")[0]
    assert not (bench.directory / "bin" / "hv3").exists()


def test_nobody_asked_and_it_fails_is_heard(bench: Bench) -> None:
    bench.host.deployment.transact([{"op": "comment"}])
    with pytest.raises(DeploymentError):
        bench.runtime.settle()
