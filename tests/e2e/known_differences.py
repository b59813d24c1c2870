"""Flows of our controller beside those of Debian's: what is only written otherwise, what differs, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


_IDLE = re.compile(r"set_field:0x[0-9a-f]+->reg13,(?=set_field:0x[0-9a-f]+->reg13|set_field:0x8...->reg15)")


def canonical(flows: Iterable[str]) -> set[str]:
    """The members of a multicast group stand in the order of their keys, or of their UUIDs in Debian's.

    Debian's loads the zones of localports, too, which are then overwritten before they are of use.
    """
    found = set()
    for raw in flows:
        flow = _IDLE.sub("", raw)
        head, _, last = flow.partition(" actions=")
        members = [member.strip(",") for member in last.split("resubmit(,41)")]
        found.add(f"{head} actions={' '.join(sorted(members))}" if len(members) > 2 else flow)
    return found


def reason(flow: str, *, ours: bool) -> str | None:
    """Why a flow differs from Debian's; None: for no known reason."""
    if "table=39," in flow and "output:" in flow:
        return "Debian looks up a remote port among the local ones too, where nothing can be found"
    if "table=74," in flow and "icmp6" in flow:
        return "hop limit 255 (RFC 4861) where 23.03 has 225; a forged solicitation is refused"
    if not ours and "table=64," in flow and "reg10=0x20/0x20" in flow:
        return (
            "Debian names the VM of a container by its key on the container's switch: another port's, or none"
        )
    return None


def unexplained(debians: set[str], ours: set[str]) -> list[str]:
    """Flows of one side only for which no reason is known, as lines of a difference."""
    lines = [f"- {flow}" for flow in sorted(debians - ours) if reason(flow, ours=False) is None]
    return lines + [f"+ {flow}" for flow in sorted(ours - debians) if reason(flow, ours=True) is None]
