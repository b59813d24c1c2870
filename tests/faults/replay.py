"""Runs schedules of random faults: many from one booted state, or one again.

::

    replay.py --count 200 --first 1     schedules 1 to 200, on all cores; failing ones are printed
    replay.py 4711                      schedule 4711 again, with all that was done

A deployment boots once; each schedule is a forked copy of it.  The exit code says whether all were right.
"""

# ruff: noqa: T201 - a program

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from fault_schedule import Schedule, boot  # noqa: E402  - its directory is in the path only now

ACTIONS = 30
TAIL = 60


def outcome(schedule: Schedule, seed: int, actions: int) -> dict[str, Any]:
    """What came of one schedule."""
    failure = None
    try:
        schedule.run(seed, actions)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        failure = "".join(traceback.format_exception(error))
    text = "\n".join(f"{line}" for line in (*schedule.trace, *schedule.lab.makers.lines))
    digest = hashlib.sha256(f"{text}{schedule.lab.runtime.callbacks_run}".encode()).hexdigest()[:16]
    return {
        "seed": seed,
        "failure": failure,
        "trace": schedule.trace,
        "digest": digest,
        "cpu": time.process_time(),
    }


class Child(NamedTuple):
    """A copy of this process that runs a schedule and writes what came of it."""

    seed: int
    pid: int
    reader: int


def forked(schedule: Schedule, seed: int, actions: int) -> Child:
    """Run a schedule in a copy of this process."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return Child(seed, pid, reader)
    code = 1
    try:
        os.close(reader)
        with os.fdopen(writer, "w") as out:
            json.dump(outcome(schedule, seed, actions), out)
        code = 0
    except BaseException:  # noqa: BLE001 - the copy ends here, with whatever it has to say
        traceback.print_exc()
    finally:
        os._exit(code)


def collect(child: Child) -> dict[str, Any]:
    """Wait for one outcome.  A child that dies before it has said all, by whatever, has failed."""
    with os.fdopen(child.reader) as source:
        text = source.read()
    _, status = os.waitpid(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return dict(json.loads(text))
    how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    return {"seed": child.seed, "failure": f"its process {how} and left no outcome", "trace": []}


def show(found: dict[str, Any], command: str, *, whole: bool) -> None:
    """Print a failure, and how to see it again."""
    print(f"schedule {found['seed']} failed; again: {command} {found['seed']}")
    trace = found["trace"] if whole else found["trace"][-TAIL:]
    print("\n".join(f"  {line}" for line in trace))
    print(found["failure"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Schedules of random faults in virtual time.")
    parser.add_argument("seed", nargs="?", type=int, help="one schedule, with its whole trace")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--local", action="store_true", help="daemons without streams, as in the sandbox")
    parser.add_argument("--times", type=int, default=1, help="run the one schedule so often")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets is a part of the schedule.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})
    started = time.monotonic()
    schedule = boot(wire=not options.local)
    gc.collect()
    gc.freeze()
    gc.disable()
    booted = time.monotonic()
    flags = f"{' --local' if options.local else ''}"
    command = f"python tests/faults/replay.py{flags} --actions {options.actions}"
    seeds = (
        [options.seed] * options.times
        if options.seed is not None
        else [*range(options.first, options.first + options.count)]
    )
    failed, cpu = 0, 0.0
    under_way: list[Child] = []
    digests: list[str] = []
    while seeds or under_way:
        while seeds and len(under_way) < options.jobs:
            under_way.append(forked(schedule, seeds.pop(0), options.actions))
        found = collect(under_way.pop(0))
        cpu += found.get("cpu", 0.0)
        digests.append(str(found.get("digest")))
        if found["failure"] is not None:
            failed += 1
            show(found, command, whole=options.seed is not None)
        elif options.seed is not None:
            print("\n".join(found["trace"]))
    seconds = time.monotonic() - booted
    count = len(digests)
    print(
        f"{count} schedules, {failed} failed; {60 * count / seconds:.0f} a minute"
        f" ({cpu / count:.2f} s CPU each; boot {booted - started:.1f} s)"
    )
    if options.seed is not None:
        print(f"digest {' '.join(sorted(set(digests)))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
