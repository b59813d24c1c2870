"""Random faults on random histories end where fresh daemons begin, and let nothing through meanwhile.

The schedules run in a process of their own (``replay.py``): one that fails is printed with the command that
runs it again, step by step.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import replay

from deployment_lab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable

REPLAY = Path(__file__).parent / "replay.py"


CPU_OF_A_SCHEDULE = 0.6
"""Seconds of CPU: 200 schedules a minute on two idle cores.  Wall time would depend on who shares them."""


def schedules(first: int, count: int, *flags: str) -> float:
    """Run them; the seconds of CPU that one took."""
    command = [sys.executable, str(REPLAY), "--first", str(first), "--count", str(count), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    summary = done.stdout.splitlines()[-1]
    print(summary)  # noqa: T201 - for whoever asks pytest for what was printed
    assert f"{count} schedules, 0 failed" in summary
    found = re.search(r"\(([0-9.]+) s CPU each", summary)
    assert found is not None, summary
    return float(found[1])


@pytest.mark.parametrize("flags", [(), ("--local",)], ids=["streams", "local"])
def test_random_faults_leave_no_trace(seed: int, flags: tuple[str, ...]) -> None:
    schedules(seed, 30, "--jobs", "1", *flags)


@pytest.mark.acceptance
@pytest.mark.parametrize("flags", [(), ("--local",)], ids=["streams", "local"])
def test_many_random_faults_leave_no_trace(seed: int, flags: tuple[str, ...]) -> None:
    assert schedules(seed, 1000, *flags) <= CPU_OF_A_SCHEDULE


@pytest.mark.parametrize("flags", [(), ("--local",)], ids=["streams", "local"])
def test_a_schedule_is_the_same_each_time(seed: int, flags: tuple[str, ...]) -> None:
    command = [sys.executable, str(REPLAY), str(seed), "--times", "3", *flags]
    lines = {
        line
        for _ in range(2)
        for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
        if line.startswith("digest")
    }
    assert len(lines) == 1
    assert len(lines.pop().split()) == 2


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (
            lambda: os.kill(os.getpid(), signal.SIGKILL),
            "its process was killed by signal 9 and left no outcome",
        ),
        (lambda: os._exit(3), "its process ended with exit code 3 and left no outcome"),
    ],
)
def test_a_schedule_whose_process_dies_has_failed_and_keeps_its_seed(
    end: Callable[[], None], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Dying:
        def run(self, _seed: int, _actions: int) -> None:
            end()

    found = replay.collect(replay.forked(Dying(), 4711, 30))  # type: ignore[arg-type]  # all that is asked of it
    assert (found["seed"], found["failure"]) == (4711, said)
    replay.show(found, "replay.py", whole=False)
    assert "schedule 4711 failed; again: replay.py 4711" in capsys.readouterr().out


def test_what_a_lost_connection_still_carries_does_not_reach_the_switch() -> None:
    lab = Lab("hv1")
    lab.switch("red")
    lab.port("red", 1)
    lab.runtime.advance(5)
    before = lab.installed("hv1")
    lab.runtime.disturbance.delay = lambda: 3.0
    lab.plug("hv1", 1)
    lab.runtime.advance(1)
    assert lab.controller("hv1").switch._bundle is not None
    lab.runtime.disturbance.delay = lambda: 0.0
    lab.controller("hv1").switch._lost("test")
    lab.unplug("hv1", 1)
    lab.runtime.advance(1.5)
    assert lab.controller("hv1").switch.state == "ready"
    lab.runtime.advance(10)
    assert lab.installed("hv1") == before


def test_a_port_made_anew_after_a_restart_gets_a_zone_that_survives_the_next_one() -> None:
    lab = Lab("hv1")
    lab.build("red", {1: "hv1", 2: "hv1"})
    lab.kill_controller("hv1")
    uuid = lab.row("nb", "Logical_Switch_Port", name="vm1")["_uuid"]
    mutation = {"table": "Logical_Switch", "where": [], "mutations": [["ports", "delete", uuid]]}
    lab.transact("nb", {"op": "mutate", **mutation})
    lab.start_controller("hv1")
    lab.runtime.advance(5)
    lab.port("red", 1)
    lab.runtime.advance(5)
    zone = dict(lab.controller("hv1").zones.listing())["vm1"]
    assert ["ct-zone-vm1", str(zone)] in lab.row("hv1", "Bridge", name="br-int")["external_ids"][1]
    assert lab.restart_controller("hv1").nothing
