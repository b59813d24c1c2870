"""What OpenFlow costs: medians in microseconds, with the memories warm and cold.

Run: ``python bench/bench_openflow.py``.  "warm" is a controller whose flows share matches and action
lists' parts with what it sent before; "cold" clears every memory first, as the worst case.
"""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from pyovn.wire.openflow import codec_actions, codec_actions_decode, codec_match
from pyovn.wire.openflow import messages as ofp
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.actions import Output, Resubmit, SetField
from pyovn.wire.openflow.codec import decode, encode, encode_reply
from pyovn.wire.openflow.fields import FIELDS
from pyovn.wire.openflow.flow import Flow
from pyovn.wire.openflow.match import Match
from pyovn.wire.openflow.text import format_flow, parse_flow

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
COUNT = 20_000


# ruff: noqa: SLF001 - a cold start is one whose memories are empty


def forget() -> None:
    for memory in (
        codec_actions.OF15._lists,
        codec_actions.OF15._instructions,
        codec_actions_decode.OF15._lists,
        codec_actions_decode.OF15._instructions,
        codec_match._terms,
        codec_match._headers,
    ):
        memory.clear()


def flows(count: int) -> list[Flow]:
    """Port-security and forwarding flows of many ports: unique matches, few different lists of actions."""
    reg0 = FIELDS["reg0"]
    return [
        Flow(
            n % 30 + 8,
            100,
            Match.of({"metadata": n % 50, "reg14": n & 0xFFFF, "eth_type": 0x800, "ip_src": n, "eth_src": n}),
            (SetField(reg0, n & 7, 7), Output(n % 40 + 1), Resubmit(n % 30 + 9)),
            n,
        )
        for n in range(count)
    ]


def measure(
    name: str, count: int, run: Callable[[], object], prepare: Callable[[], object] = lambda: None
) -> None:
    rounds = []
    for _ in range(ROUNDS):
        prepare()
        start = time.perf_counter()
        run()
        rounds.append((time.perf_counter() - start) / count * 1e6)
    print(f"{name:<44} {statistics.median(rounds):8.2f} us")


def main() -> None:
    sample = flows(COUNT)
    mods = [ofp.FlowMod(ofp.ADD, flow) for flow in sample]

    def unwire() -> None:
        for flow in sample:
            flow.match.wire = None

    def cold() -> None:
        forget()
        unwire()

    def send() -> None:
        for xid, mod in enumerate(mods):
            encode(mod, xid)

    descs = [mp.FlowDesc(flow, 1, 2, 3, 4) for flow in sample]
    replies = encode_reply(mp.FlowDescReply, descs, 1)
    bundle = [encode(ofp.BundleAdd(1, mod), 1) for mod in mods]
    text = [format_flow(flow) for flow in sample]
    measure("make a match of 5 fields", COUNT, lambda: flows(COUNT))
    measure("encode a flow_mod, match known", COUNT, send)
    measure("encode a flow_mod, new match, known terms", COUNT, send, unwire)
    measure("encode a flow_mod, everything new", COUNT, send, cold)
    measure("encode a bundle add", COUNT, lambda: [encode(ofp.BundleAdd(1, mod), 1) for mod in mods])
    measure("decode a bundle add", COUNT, lambda: [decode(each) for each in bundle])
    measure("encode a flow description", COUNT, lambda: encode_reply(mp.FlowDescReply, descs, 1))
    measure("decode a flow description, warm", COUNT, lambda: [decode(each) for each in replies])
    measure("decode a flow description, cold", COUNT, lambda: [decode(each) for each in replies], forget)
    measure("print a flow", COUNT, lambda: [format_flow(flow) for flow in sample])
    measure("parse a flow's text", 2000, lambda: [parse_flow(each) for each in text[:2000]])
    measure(
        "make two actions", COUNT, lambda: [(Resubmit(1), SetField(FIELDS["reg0"], 5)) for _ in range(COUNT)]
    )


if __name__ == "__main__":
    main()
