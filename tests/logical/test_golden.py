"""The flows that C's ovn-controller 23.03 made of a switch with three ports, line by line.

``data/`` holds what a live deployment showed: ``ovn-sbctl lflow-list`` and each hypervisor's
``ovs-ofctl -O OpenFlow15 dump-flows br-int``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyovn.logical.actions import (
    EncodeContext,
    encode_actions,
    format_actions,
    parse_actions,
    prerequisites,
)
from pyovn.logical.ast import all_of, format_expr, references
from pyovn.logical.parse import parse_expr, parse_text
from pyovn.logical.to_matches import to_matches
from pyovn.ovn.keys import MULTICAST_GROUPS
from pyovn.ovn.stages import PROFILE_2303
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match
from pyovn.wire.openflow.text import format_flow, parse_flow

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent / "data"
PORTS = {"p1": 3, "p2": 1, "p3": 2} | {group.name: group.key for group in MULTICAST_GROUPS.values()}
SETS = {"svc_monitor_mac": ["6e:40:ed:fd:3d:99"]}
LOCAL = {"l2_hv1_flows.txt": {"p1", "p3"}, "l2_hv2_flows.txt": {"p2"}}
LINE = re.compile(r"table=(\d+) *\(\S+ *\), priority=(\d+) *, match=\((.*)\), action=\((.*)\)$")


def logical_flows() -> Iterator[tuple[str, int, int, str, str]]:
    pipeline = ""
    for line in (DATA / "l2_lflows.txt").read_text().splitlines():
        if line.startswith("Datapath"):
            pipeline = line.rpartition(" ")[2]
            continue
        found = LINE.search(line)
        assert found is not None, line
        yield pipeline, int(found[1]), int(found[2]), found[3], found[4]


def translate(pipeline: str, table: int, priority: int, match: str, actions: str) -> Iterator[Flow]:
    parsed = parse_actions(actions)
    expr = parse_expr(match, address_sets=SETS)
    needs = prerequisites(parsed)
    if needs is not None:
        expr = all_of([expr, needs])
    ctx = EncodeContext(table, pipeline, ports=PORTS.get, datapath=1)
    encoded = encode_actions(parsed, ctx)
    datapath = Match.of({"metadata": 1})
    for each in to_matches(expr, PORTS.get, lambda _port: False):
        assert not each.clauses
        both = each.match.merge(datapath)
        assert both is not None
        yield Flow(ctx.openflow_table, priority, both, encoded)


@pytest.mark.parametrize("dump", sorted(LOCAL))
def test_flows_equal_those_of_c(dump: str) -> None:
    stages = {stage.openflow_table for stage in PROFILE_2303.stages.values()}
    expected = set()
    for line in (DATA / dump).read_text().splitlines()[1:]:
        flow = parse_flow(line)
        if flow.table in stages:
            expected.add(format_flow(Flow(flow.table, flow.priority, flow.match, flow.actions)))
    made = set()
    for pipeline, table, priority, match, actions in logical_flows():
        # A flow for a port of another chassis is never made (ovn-sb(5), tags:in_out_port).
        if (
            pipeline == "ingress"
            and 'inport == "' in match
            and not references(parse_text(match)).ports <= LOCAL[dump]
        ):
            continue
        made |= {format_flow(flow) for flow in translate(pipeline, table, priority, match, actions)}
    assert made == expected
    assert len(expected) > 90


def test_text_survives_parsing_and_printing() -> None:
    for _, _, _, match, actions in logical_flows():
        expr = parse_text(match)
        assert parse_text(format_expr(expr)) == expr
        parsed = parse_actions(actions)
        assert parse_actions(format_actions(parsed)) == parsed
        without_comments = re.sub(r"/\*.*?\*/ ", "", actions)
        assert format_actions(parsed) == without_comments
