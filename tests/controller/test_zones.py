"""Connection-tracking zones: given out clean, recorded when they are, and left alone by restarts."""

from __future__ import annotations

import pytest

from deployment_lab import Lab
from pyovn.vswitch.conntrack import Tracker


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1", "hv2")
    lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"})
    return lab


def records(lab: Lab) -> dict[str, int]:
    """What stands beside the integration bridge of hv1."""
    ids = dict(lab.row("hv1", "Bridge", name="br-int")["external_ids"][1])
    zones = {key.removeprefix("ct-zone-"): int(value) for key, value in ids.items() if "ct-zone-" in key}
    assert zones == dict(lab.controller("hv1").zones.listing())
    return zones


@pytest.fixture
def flushed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """The zones that the switch of hv1 is told to forget from now on."""
    found: list[int | None] = []
    own, flush = lab.hypervisor("hv1").switch.datapath.tracker, Tracker.flush

    def noting(self: Tracker, zone: int | None = None) -> None:
        if self is own:
            found.append(zone)
        flush(self, zone)

    monkeypatch.setattr(Tracker, "flush", noting)
    return found


def test_a_zone_is_forgotten_by_the_switch_before_it_is_used(lab: Lab, flushed: list[int | None]) -> None:
    before = records(lab)
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.sync()
    after = records(lab)
    assert flushed == [after["vm4"]]
    assert {name: zone for name, zone in after.items() if name != "vm4"} == before


def test_a_port_that_comes_back_gets_a_clean_zone(lab: Lab, flushed: list[int | None]) -> None:
    lab.unplug("hv1", 3)
    lab.sync()
    assert "vm3" not in records(lab)
    assert flushed == []
    lab.plug("hv1", 3)
    lab.sync()
    assert flushed == [records(lab)["vm3"]]


def test_connections_survive_a_restart_and_a_recompute(lab: Lab, flushed: list[int | None]) -> None:
    before = records(lab)
    lab.restart_controller("hv1")
    lab.controller("hv1").recompute()
    lab.runtime.advance(2)
    assert flushed == []
    assert records(lab) == before


def test_a_zone_is_not_recorded_before_the_switch_has_forgotten_it(
    lab: Lab, flushed: list[int | None]
) -> None:
    """A controller that dies in between finds nothing recorded, and begins anew."""
    controller = lab.controller("hv1")
    controller._rundir = "/nowhere"
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.runtime.advance(2)
    names = {name for name, _zone in controller.zones.listing()}
    ids = dict(lab.row("hv1", "Bridge", name="br-int")["external_ids"][1])
    assert "vm4" in names
    assert "ct-zone-vm4" not in ids
    lab.restart_controller("hv1")
    lab.sync()
    assert flushed == [records(lab)["vm4"]]
