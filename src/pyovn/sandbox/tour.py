"""The guided tour: one packet from ``ovn-nbctl`` to the wire, step by step.

Each step is a command that a user could type, shown with its output, and a check of that output.  The tour
stops at nothing: every check is made and told, and the result is whether all of them hold.

Its commands are what a user would type, with the usual names, so it needs a sandbox in which nobody has used
these names yet, and says so before it begins.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHOWN_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class Step:
    """A command, what the reader should see in it, and how that is checked."""

    title: str
    command: str
    expect: str
    check: Callable[[str], bool]


def _has(*parts: str) -> Callable[[str], bool]:
    return lambda output: all(part in output for part in parts)


def _lines(*expected: str) -> Callable[[str], bool]:
    """The output is exactly these lines, in any order; each is given by how it starts."""

    def check(output: str) -> bool:
        lines = sorted(output.splitlines())
        starts = sorted(expected)
        return len(lines) == len(starts) and all(a.startswith(b) for a, b in zip(lines, starts, strict=True))

    return check


def _empty(output: str) -> bool:
    return not output.strip()


STEPS: Final = (
    Step(
        "Two hypervisors have joined: each is a chassis with a Geneve address.",
        "ovn-sbctl show",
        "Chassis hv1 and hv2",
        _has("Chassis hv1", "Chassis hv2", "Encap geneve"),
    ),
    Step(
        "A logical switch with three ports; every port may only send from its own address.",
        "ovn-nbctl ls-add sw0"
        " -- lsp-add sw0 vm1 -- lsp-set-addresses vm1 00:00:00:00:00:01"
        " -- lsp-set-port-security vm1 00:00:00:00:00:01"
        " -- lsp-add sw0 vm2 -- lsp-set-addresses vm2 00:00:00:00:00:02"
        " -- lsp-set-port-security vm2 00:00:00:00:00:02"
        " -- lsp-add sw0 vm3 -- lsp-set-addresses vm3 00:00:00:00:00:03"
        " -- lsp-set-port-security vm3 00:00:00:00:00:03",
        "no output",
        _empty,
    ),
    Step(
        "Nothing carries the ports yet: they are down.",
        "ovn-nbctl lsp-get-up vm1",
        "down",
        _lines("down"),
    ),
    Step(
        "vm1 starts on hv1: its interface names the logical port.",
        "hv1 ovs-vsctl add-port br-int vif1 -- set Interface vif1 external_ids:iface-id=vm1",
        "no output",
        _empty,
    ),
    Step(
        "vm2 starts on hv2.",
        "hv2 ovs-vsctl add-port br-int vif2 -- set Interface vif2 external_ids:iface-id=vm2",
        "no output",
        _empty,
    ),
    Step(
        "vm3 starts on hv2, by the sandbox's own words.",
        "pyovn sandbox plug hv2 vif3 vm3",
        "no output",
        _empty,
    ),
    Step(
        "Wait until every hypervisor has installed what this needs.",
        "ovn-nbctl --wait=hv --timeout=20 sync",
        "no output",
        _empty,
    ),
    Step(
        "Now the port is up.",
        "ovn-nbctl --timeout=20 wait-until Logical_Switch_Port vm1 up=true",
        "no output",
        _empty,
    ),
    Step("", "ovn-nbctl lsp-get-up vm1", "up", _lines("up")),
    Step(
        "northd made logical flows; this is where known addresses are looked up.",
        "ovn-sbctl lflow-list sw0 | grep ls_in_l2_lkup",
        "a flow for each address and one for multicast",
        _has("eth.dst == 00:00:00:00:00:02", 'outport = "vm2"; output;', "_MC_flood"),
    ),
    Step(
        "The controller of hv1 made OpenFlow of them; vm2 is reached through the tunnel.",
        "hv1 ovs-ofctl -O OpenFlow15 dump-flows br-int table=39",
        "a flow that sets the tunnel's key and goes out of a tunnel port",
        _has("tun_id", "output:"),
    ),
    Step(
        "A frame from vm1 to vm2: over the tunnel, to vm2 and to nobody else.",
        "pyovn sandbox send vm1 vm2",
        "delivered to vm2 on hv2",
        _lines("delivered to vm2 on hv2 (vif2): 00:00:00:00:00:01 -> 00:00:00:00:00:02"),
    ),
    Step(
        "A broadcast from vm2: to everyone but its sender.",
        "pyovn sandbox send vm2 broadcast",
        "delivered to vm1 on hv1 and to vm3 on hv2",
        _lines("delivered to vm1 on hv1 (vif1)", "delivered to vm3 on hv2 (vif3)"),
    ),
    Step(
        "vm1 pretends to be another: port security drops the frame.",
        "pyovn sandbox send vm1 vm2 00:00:00:00:00:99",
        "delivered nowhere",
        _lines("delivered nowhere"),
    ),
    Step(
        "ovn-trace says the same from the logical flows alone.",
        'ovn-trace --minimal sw0 \'inport == "vm1" && eth.src == 00:00:00:00:00:01'
        " && eth.dst == 00:00:00:00:00:02'",
        'output to "vm2"',
        _has('output("vm2")'),
    ),
    Step(
        "Why is there a flow to vm2's address?  northd knows.",
        "ovn-appctl -t ovn-northd flow/why $(ovn-sbctl --bare --columns=_uuid find Logical_Flow"
        " 'match=\"eth.dst == 00:00:00:00:00:02\"')",
        "the port that it was made for",
        _has("an address of the port", "Logical_Switch_Port"),
    ),
)


_NAMES: Final = (
    ("pyovn sandbox list", "interface", ("vif1", "vif2", "vif3")),
    ("ovn-nbctl --bare --columns=name list Logical_Switch", "logical switch", ("sw0",)),
    ("ovn-nbctl --bare --columns=name list Logical_Switch_Port", "logical port", ("vm1", "vm2", "vm3")),
)
"""What the tour makes: where its names would be seen, and the names."""


def obstacle(environ: Mapping[str, str]) -> str | None:
    """Why the tour cannot be run in this sandbox, if so."""
    for command, kind, names in _NAMES:
        done = _run(command, environ)
        if done.returncode:
            return done.stderr.strip()
        seen = {line.strip().partition(":")[0] for line in done.stdout.splitlines()}
        taken = [name for name in names if name in seen]
        if taken:
            return (
                f"there is a {kind} {taken[0]} already, and the tour makes its own: "
                "run it in a new sandbox (pyovn sandbox --tour)"
            )
        if kind == "interface" and not {"hv1", "hv2"} <= {line.partition(" ")[0] for line in seen}:
            return "the tour needs the hypervisors hv1 and hv2"
    return None


def _run(command: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, shell=True, env=dict(environ), capture_output=True, text=True, check=False, timeout=60
    )


def run_tour(environ: Mapping[str, str]) -> int:
    """Run all steps; 0 if every check holds."""
    reason = obstacle(environ)
    if reason is not None:
        print(f"pyovn sandbox tour: {reason}", file=sys.stderr)
        return 1
    failed = 0
    for step in STEPS:
        if step.title:
            print(f"\n{step.title}", flush=True)
        print(f"  $ {step.command}")
        done = _run(step.command, environ)
        lines = done.stdout.splitlines()
        for line in lines[:SHOWN_LINES]:
            print(f"    {line}")
        if len(lines) > SHOWN_LINES:
            print(f"    ... {len(lines) - SHOWN_LINES} more lines")
        for line in done.stderr.splitlines():
            print(f"    {line}", file=sys.stderr)
        holds = done.returncode == 0 and step.check(done.stdout)
        print(f"  {'ok' if holds else 'FAILED'}: {step.expect}")
        failed += not holds
    print(f"\n{len(STEPS) - failed} of {len(STEPS)} checks hold.")
    return 1 if failed else 0
