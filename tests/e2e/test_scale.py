"""Many hypervisors in one process: a port more is work where its switch is, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scale_kit import Scale

BENCH = Path(__file__).parent.parent.parent / "bench" / "bench_scale.py"


@pytest.fixture(scope="module")
def scale() -> Scale:
    return Scale(20, 10, 20, 4)


def test_all_ports_come_up(scale: Scale) -> None:
    assert scale.down() == 0
    assert scale.lab.notices() == {}


def test_a_port_more_is_work_where_its_switch_is_and_nowhere_else(scale: Scale) -> None:
    target = scale.where(3, 0)
    before = {name: len(scale.lab.installed(name)) for name in scale.names}
    name, costs = scale.add_port(3, target)
    assert scale.lab.bindings()[name] == target
    assert scale.down() == 0
    concerned = scale.hypervisors_of(3)
    assert len(concerned) == 4
    for place, cost in costs.items():
        gained = len(scale.lab.installed(place)) - before[place]
        if place not in concerned:
            assert cost.is_nothing, (place, cost)
            assert gained == 0
        else:
            assert gained > 0, place
            assert cost.passes <= 10, (place, cost)
            assert cost.flow_mods <= 30, (place, cost)
            assert cost.derivations <= 60, (place, cost)


def test_work_for_a_port_does_not_grow_with_the_hypervisors(scale: Scale) -> None:
    few = Scale(4, 10, 4, 4)
    _, small = few.add_port(1, few.where(1, 0))
    _, large = scale.add_port(1, scale.where(1, 0))
    assert large[scale.where(1, 0)].flow_mods == small[few.where(1, 0)].flow_mods
    assert large[scale.where(1, 0)].derivations <= small[few.where(1, 0)].derivations + 5


@pytest.mark.acceptance
def test_two_hundred_hypervisors_in_two_minutes_and_four_gigabytes() -> None:
    done = subprocess.run(
        [sys.executable, BENCH, "--check"], capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, done.stdout + done.stderr
