"""Every match field and every action, traced through our switch and Debian's: the same way, the same end.

The cases are in ``semantics_cases``.  A trace is compared whole, but for what the two are free to differ in:
numbers of recirculations, the order in which ``all`` and ``flood`` name ports, and what a userspace action
tells the datapath.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
from peer_host import Host, hosts
from semantics_cases import ACTION_CASES, Case, match_cases

from pyovn.vswitch.flowkey import SLOTS
from pyovn.vswitch.program import _MAKERS
from pyovn.wire.openflow.fields import ALL_FIELDS
from pyovn.wire.openflow.text import parse_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.wire.openflow.flow import Flow

__all__ = ["hosts"]

GROUP: Final = "group_id=1,type=all,bucket=set_field:5->reg2,output:2,bucket=output:local"
FIELDS_NOT_TRACED: Final = frozenset(
    (
        # Metadata of tunnels that come from the wire, and what only instructions and conjunctions set.
        "tun_ipv6_src", "tun_ipv6_dst", "tun_flags", "tun_gbp_id", "tun_gbp_flags", "tun_metadata0",
        "actset_output", "conj_id", "packet_type",
        # A trace starts before tracking; the original tuple comes with it (test_conntrack_peers).
        "ct_nw_src", "ct_nw_dst", "ct_ipv6_src", "ct_ipv6_dst", "ct_nw_proto", "ct_tp_src", "ct_tp_dst",
        # Kept by the switch, but no packet that it reads has them.
        "mpls_label", "mpls_tc", "mpls_bos", "mpls_ttl", "nd_reserved", "nd_options_type",
    )
)  # fmt: skip
ACTIONS_NOT_TRACED: Final = frozenset(
    (
        "CheckPktLarger",  # C traces both outcomes, for a trace has no length; test_pipeline has packets
        "Meter", "WriteActions", "ClearActions",  # refused
        "SetQueue", "PopQueue", "Sample",  # without effect in either
        "SetVlanVid", "SetVlanPcp", "Enqueue",  # spelt as others in the version that is used here
    )
)  # fmt: skip
IGNORED: Final = (
    "Megaflow",
    "This flow is handled",
    "  - ",
    "     -> queue =",
    "     -> output to kernel tunnel",
)
REPLACED: Final = (
    (re.compile(r"recirc\(0x[0-9a-f]+\)"), "recirc(#)"),
    (re.compile(r"recirc_id=0x[0-9a-f]+,|(?<=[:,= ])eth,"), ""),
    (re.compile(r"userspace\(pid=0,controller\(reason=(\d),.*?controller_id=(\d+),.*?\)\)"), r"up(\1,\2)"),
    (re.compile(r"set\(skb_priority\(\w+\)\),"), ""),
    (re.compile(r"ct_clear,"), ""),
    (re.compile(r"tun_ipv6_src=::.*?tun_flags=0,"), ""),
)  # fmt: skip


def comparable(trace: str) -> list[str]:
    lines = []
    for line in trace.splitlines():
        if line.startswith(IGNORED):
            continue
        for pattern, replacement in REPLACED:
            line = pattern.sub(replacement, line)  # noqa: PLW2901 - the line, step by step
        if line.startswith("Datapath actions:"):
            line = "Datapath actions: " + " ".join(sorted(re.split(r",(?![^(]*\))", line[18:])))  # noqa: PLW2901
        lines.append(line.rstrip())
    return lines


def install(host: Host, case: Case) -> None:
    host.ofctl("del-flows", "br0")
    subprocess.run(
        [host.peer("ovs-ofctl"), "-O", "OpenFlow15", "add-flows", "br0", "-"],
        input="\n".join(case.flows), env=host.env, check=True, text=True, timeout=20,
    )  # fmt: skip


@pytest.mark.peers
def test_traces_are_those_of_debians_switch(hosts: Callable[..., Host]) -> None:
    pair = hosts("ours"), hosts("theirs", ours=False)
    for host in pair:
        host.vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure")
        for number in (1, 2, 3):
            name = f"p{number}"
            host.vsctl("add-port", "br0", name, "--", "set", "interface", name, f"ofport_request={number}")
        host.ofctl("add-group", "br0", GROUP)
    traced = 0
    for case in (*match_cases(), *ACTION_CASES):
        for host in pair:
            install(host, case)
        for packet in case.packets:
            given = packet if "in_port=" in packet else f"in_port=1,{packet}"
            ours, theirs = (comparable(host.appctl("ofproto/trace", "br0", given)) for host in pair)
            assert ours == theirs, (case.about, given)
            assert any("Datapath actions" in line for line in theirs), theirs
            traced += 1
    assert traced > 130


def _flows(cases: Iterable[Case]) -> list[Flow]:
    return [parse_flow(text) for case in cases for text in case.flows]


def test_every_match_field_is_covered() -> None:
    used = {field.name for flow in _flows(match_cases()) for field, _, _ in flow.match.terms}
    have = {field.name for field in ALL_FIELDS if field.name in SLOTS and not field.views}
    assert have - used == FIELDS_NOT_TRACED & have
    assert not used & FIELDS_NOT_TRACED


def test_every_action_is_covered() -> None:
    used: set[str] = set()

    def note(actions: Iterable[object]) -> None:
        for action in actions:
            used.add(type(action).__name__)
            note(getattr(action, "actions", ()))

    for flow in _flows(ACTION_CASES):
        note(flow.actions)
    have = {kind.__name__ for kind in _MAKERS}
    assert have - used <= ACTIONS_NOT_TRACED
    assert {case.about.partition(" ")[0] for case in ACTION_CASES} <= used
