"""docs/pipeline.py tells of every stage and every OpenFlow table, in the code's own words."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "path", [str(DOCS), *sys.path])
    return import_module("pipeline")


def test_the_network_makes_every_stage_and_every_rule_of_a_switch_speak(pipeline: ModuleType) -> None:
    deployment = pipeline.network()
    profile = deployment.northd.model.profile
    reasons = pipeline.logical_reasons(deployment)
    of_switches = {stage.name for stage in (*profile.switch_in.values(), *profile.switch_out.values())}
    assert reasons.keys() == of_switches
    modules = {module for lines in reasons.values() for _, _, module in lines}
    features = ("admission", "arp_nd", "fdb", "l2_lookup", "provider", "virtual", "vtep")
    assert {f"{feature}.py" for feature in features} < modules
    lookups = {why for _, why, _ in reasons["ls_in_l2_lkup"]}
    assert "an address of a port that is disabled" in lookups
    assert deployment.northd.notices() == []


def test_the_tables_around_the_pipelines_are_told_by_name(pipeline: ModuleType) -> None:
    deployment = pipeline.network()
    profile = deployment.northd.model.profile
    text = "\n".join(pipeline.openflow_table(profile, pipeline.openflow_reasons(deployment)))
    for name in ("phy_to_log", "remote_output", "local_output", "log_to_phy", "chk_in_port_sec"):
        assert f"`{name}`" in text
