"""Daemons that cannot be asked are stood in for by ours on copies, and say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from case_kit import Scene

from pyovn.explain import derived
from pyovn.explain.deployed import gather
from pyovn.explain.evidence import Hypervisor
from pyovn.explain.explain import explain
from pyovn.explain.live import cut_links
from pyovn.explain.model import Layer
from pyovn.explain.question import Wish, microflow

if TYPE_CHECKING:
    from pyovn.explain.evidence import Evidence
    from pyovn.explain.model import Explanation


@pytest.fixture(scope="module")
def scene() -> Scene:
    scene = Scene(["hv1", "hv2"])
    scene.run(
        "ovn-nbctl ls-add sw0 -- lsp-add sw0 c1 vm2 7 -- lsp-set-addresses c1 '00:00:00:00:00:0c 10.0.0.12'"
    )
    for number, place in ((1, "hv1"), (2, "hv2"), (3, "hv1")):
        mac = f"00:00:00:00:00:0{number} 10.0.0.{number}"
        scene.run(
            f"ovn-nbctl lsp-add sw0 vm{number} -- lsp-set-addresses vm{number} '{mac}' "
            f"-- lsp-set-port-security vm{number} '{mac}'"
        )
        scene.run(f"pyovn sandbox plug {place} vif{number} vm{number}")
    scene.run("ovn-nbctl --wait=hv sync")
    return scene


def databases_only(evidence: Evidence) -> Evidence:
    """What is known of a deployment out of reach."""
    evidence.hypervisors = {name: Hypervisor(name) for name in evidence.hypervisors}
    evidence.why, evidence.why_source, evidence.northd = (lambda _prefix: []), "", ""
    derived.complete(evidence)
    return evidence


def way(found: Explanation) -> list[tuple[str, str, int | None, str]]:
    """What does not depend on the numbers that each switch gives its ports."""
    return [
        (step.layer.value, step.place, step.table, step.why)
        for step in found.steps
        if step.layer is not Layer.WIRE
    ]


@pytest.mark.parametrize("target", ["vm2", "vm3", "broadcast", "c1", "00:00:00:00:00:99"])
def test_what_is_derived_is_what_is_there(scene: Scene, target: str) -> None:
    asked = gather(scene.deployment)
    text = microflow(asked, "vm1", target, Wish())
    told, derived_way = explain(asked, text), explain(databases_only(gather(scene.deployment)), text)
    assert way(told) == way(derived_way)
    assert [(v.fate, v.port, v.place) for v in told.verdicts] == [
        (v.fate, v.port, v.place) for v in derived_way.verdicts
    ]
    assert [h.frame for h in told.hops] == [h.frame for h in derived_way.hops]
    assert any("derived" in source for source in derived_way.sources)


def test_copies_are_copies(scene: Scene) -> None:
    before = scene.deployment.central.databases["OVN_Southbound"].database.serial
    evidence = databases_only(gather(scene.deployment))
    explain(evidence, microflow(evidence, "vm1", "vm2", Wish()))
    scene.runtime.advance(5)
    assert scene.deployment.central.databases["OVN_Southbound"].database.serial == before


def test_without_any_stand_in_it_says_what_it_does_not_know(scene: Scene) -> None:
    evidence = gather(scene.deployment)
    evidence.hypervisors["hv2"] = Hypervisor("hv2")
    found = explain(evidence, microflow(evidence, "vm1", "vm2", Wish()))
    assert not found.arrives
    assert found.brief == ["not known what becomes of it at vm2: hv2 is out of reach"]


def test_the_links_that_a_sandbox_says_are_cut() -> None:
    status = (
        "central: all daemons run\nhv1 (192.168.0.1): all daemons run\n    vif1: vm1\nhv2 (192.168.0.2): ok\n"
    )
    assert cut_links(status) == frozenset()
    assert cut_links(f"{status}cut: hv1 - hv2\ncut: central - hv1\n") == {
        frozenset(("192.168.0.1", "192.168.0.2"))
    }
