"""Medians of the logical-flow language: what one logical flow costs a controller.

    python bench/bench_logical.py

``cold``: every text is new, as at start-up; ``warm``: the text was seen before with other ports.
The flows are those that ovn-northd makes of a switch (tests/logical/data/l2_lflows.txt).
"""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path

from pyovn.logical import actions, parse, to_matches
from pyovn.logical.ast import all_of
from pyovn.ovn.keys import MULTICAST_GROUPS

PORTS = {"p1": 3, "p2": 1, "p3": 2} | {group.name: group.key for group in MULTICAST_GROUPS.values()}
SETS = {"svc_monitor_mac": ["6e:40:ed:fd:3d:99"], "as": [f"10.0.{i // 256}.{i % 256}" for i in range(1000)]}
LINE = re.compile(r"table=(\d+) *\(\S+ *\), priority=(\d+) *, match=\((.*)\), action=\((.*)\)$")
DATA = Path(__file__).parent.parent / "tests/logical/data/l2_lflows.txt"
ROUNDS = 50


def forget() -> None:
    """Empty what is remembered by text, not what is built once per process."""
    parse._parsed.clear()  # noqa: SLF001
    actions._parsed.clear()  # noqa: SLF001
    to_matches._remembered.clear()  # noqa: SLF001


def translate(table: int, match: str, action: str) -> int:
    """One logical flow, all the way."""
    parsed = actions.parse_actions(action)
    expr = parse.parse_expr(match, address_sets=SETS)
    needs = actions.prerequisites(parsed)
    if needs is not None:
        expr = all_of([expr, needs])
    ctx = actions.EncodeContext(table, ports=PORTS.get)
    actions.encode_actions(parsed, ctx)
    return len(to_matches.to_matches(expr, PORTS.get, lambda _port: False))


def main() -> None:
    flows = [
        (int(found[1]), found[3], found[4])
        for line in DATA.read_text().splitlines()
        if (found := LINE.search(line))
    ]
    for name in ("cold", "warm"):
        times: list[float] = []
        for _ in range(ROUNDS):
            for flow in flows:
                if name == "cold":
                    forget()
                start = time.perf_counter()
                translate(*flow)
                times.append(time.perf_counter() - start)
        times.sort()
        print(
            f"{name}: median {statistics.median(times) * 1e6:.1f} us,"
            f" mean {statistics.fmean(times) * 1e6:.1f} us,"
            f" worst percentile {times[-len(times) // 100] * 1e6:.1f} us per logical flow"
        )
    for text in (
        'inport == "p1" && ip4 && ip4.dst == 10.0.0.5 && tcp.dst == 80',
        "ip4.src == $as && tcp.dst == {80, 443, 8080}",
        "ip6.dst != {2001:db8::/64, 2001:db8:1::/64, fd00::/64}",
        "ip4.src != $as",
    ):
        times = []
        for _ in range(ROUNDS):
            forget()
            start = time.perf_counter()
            count = translate(0, text, "next;")
            times.append(time.perf_counter() - start)
        print(f"{text}: {count} flows, median {statistics.median(times) * 1e6:.0f} us")


if __name__ == "__main__":
    main()
