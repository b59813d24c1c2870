"""200 switches of 50 ports, each over 4 of 200 hypervisors, in one process: start, memory, one port more.

``--check`` fails above 2 minutes (of this process's CPU, which on an idle machine is the time that passes),
above 4 GiB, and when a hypervisor that the new port does not concern does anything.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "e2e")]

from scale_kit import Scale  # noqa: E402  the path is set above

from pyovn.daemon import collector  # noqa: E402

SECONDS = 120.0
MEGABYTES = 4096


def memory() -> int:
    """The most that was resident, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main() -> int:
    """Measure and print; 1 if ``--check`` and a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail above the bounds")
    parser.add_argument("--switches", type=int, default=200)
    parser.add_argument("--ports", type=int, default=50, help="of each switch")
    parser.add_argument("--hypervisors", type=int, default=200)
    parser.add_argument("--spread", type=int, default=4, help="hypervisors that a switch is on")
    options = parser.parse_args()
    collector.begin()
    began, wall = time.process_time(), time.perf_counter()
    scale = Scale(options.switches, options.ports, options.hypervisors, options.spread)
    start = time.process_time() - began
    print(f"{options.switches * options.ports} ports on {options.hypervisors} hypervisors")
    print(f"started in {start:.1f} s of CPU ({time.perf_counter() - wall:.1f} s), {memory()} MB resident")
    down = scale.down()
    busy = 0
    times, works = [], []
    for switch in range(min(5, options.switches)):
        began = time.process_time()
        _, costs = scale.add_port(switch, scale.where(switch, 0))
        times.append(time.process_time() - began)
        concerned = scale.hypervisors_of(switch)
        busy += sum(not cost.is_nothing for name, cost in costs.items() if name not in concerned)
        works.append(max(cost.derivations for cost in costs.values()))
    print(
        f"one port more: {median(times) * 1e3:.0f} ms of CPU in all, with the counting of every hypervisor;"
    )
    print(f"    at most {max(works)} derivations on a hypervisor that has its switch")
    print(f"    hypervisors without it that did anything: {busy}")
    if not options.check:
        return 0
    broken = [
        text
        for holds, text in (
            (start <= SECONDS, f"the start took more than {SECONDS:.0f} s"),
            (memory() <= MEGABYTES, f"more than {MEGABYTES} MB"),
            (down == 0, f"{down} ports did not come up"),
            (busy == 0, "hypervisors worked for a port that does not concern them"),
        )
        if not holds
    ]
    for text in broken:
        print(f"FAILED: {text}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
