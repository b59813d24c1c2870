"""``pyovn explain``: a packet's whole way, where it ends, why, and the row to change.

What a person types is a microflow as ovn-trace(8) takes it, or a short form (``vm1 vm2 --tcp 80``).  Evidence
comes from the databases and the control sockets in reach; the rest is derived.  Exit status: 0 the packet
arrives (at a port, a physical network, or somebody who answers), 1 it arrives nowhere, 2 the question or the
databases do not let it be explained.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.tools.tlskeys import tls_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.explain.evidence import Evidence
    from pyovn.explain.model import Explanation

PROGRAM: Final = "pyovn explain"
ARRIVES, LOST, CANNOT = 0, 1, 2
FORMS: Final = ("brief", "verdict", "json", "mermaid", "dot")
"""Options of which one can be given."""

OPTIONS: Final = (
    opt.Option("brief", "b", help="one line for each copy of the packet"),
    opt.Option("verdict", help="the verdicts, the rows and the remedies, not the way"),
    opt.Option("all", "a", help="also the tables that only pass the packet on"),
    opt.Option("json", help="for programs; docs/explain.md describes it"),
    opt.Option("mermaid", help="a picture of the way, for Mermaid"),
    opt.Option("dot", help="a picture of the way, for Graphviz"),
    opt.Option("pcap", "", "required", help="write the frame at each hop to FILE (pcapng)", metavar="FILE"),
    opt.Option("arp", help="a request for the target's address (ARP, or neighbour discovery for IPv6)"),
    opt.Option("icmp", help="an echo request (the default, if both ports have IP addresses)"),
    opt.Option("udp", "", "required", help="a UDP datagram to PORT", metavar="PORT"),
    opt.Option("tcp", "", "required", help="a TCP segment to PORT", metavar="PORT"),
    opt.Option(
        "on", "", "required", help="where a packet of a localnet or localport starts", metavar="CHASSIS"
    ),
    opt.Option("nb", "", "required", help="the northbound", metavar="DATABASE"),
    opt.Option("sb", "", "required", help="the southbound", metavar="DATABASE"),
    opt.Option("no-derive", help="do not stand in for daemons that cannot be asked"),
    opt.Option("color", "", "required", help="always, never or auto", metavar="WHEN"),
    *opt.TLS,
    *opt.COMMON,
)

USAGE: Final = """usage: pyovn explain [OPTIONS] [DATAPATH] MICROFLOW
       pyovn explain [OPTIONS] PORT (PORT | broadcast | MAC | IP)

Shows the way of a packet: northbound rows, logical flows, OpenFlow flows, hypervisors and tunnels; where it
ends, why, and the row to change.  Exit status: 0 it arrives, 1 it does not, 2 it cannot be explained.
"""


def main(arguments: Sequence[str]) -> int:
    """Run the program; the exit status."""
    try:
        line = opt.parse(arguments, OPTIONS)
    except opt.OptionError as error:
        return _fail(str(error))
    if "help" in line:
        print(f"{USAGE}\n{opt.format_options('Options', OPTIONS)}", end="")
        return ARRIVES
    if not 1 <= len(line.arguments) <= 2:
        return _fail("a microflow is needed, or a port and where the packet goes (use --help for help)")
    forms = [f"--{name}" for name in FORMS if name in line]
    if len(forms) > 1:
        return _fail(f"{' and '.join(forms)}: one form of the answer at a time")
    from pyovn.explain.evidence import EvidenceError

    try:
        evidence = _gather(line)
        explanation = _explain(evidence, line)
        _write(explanation, line)
    except (EvidenceError, ValueError, OSError) as error:
        return _fail(str(error))
    return ARRIVES if explanation.arrives else LOST


def _fail(text: str) -> int:
    print(f"{PROGRAM}: {text}", file=sys.stderr)
    return CANNOT


def _gather(line: opt.CommandLine) -> Evidence:
    from pyovn.explain import derived, live

    rundir = paths.ovn().run
    nb = line.value("nb") or os.environ.get("OVN_NB_DB") or f"unix:{rundir}/ovnnb_db.sock"
    sb = line.value("sb") or os.environ.get("OVN_SB_DB") or f"unix:{rundir}/ovnsb_db.sock"
    connection = live.Connection(tls=tls_of(line))
    evidence = live.gather(connection, nb, sb, rundir, [paths.ovs().run])
    if "no-derive" not in line:
        derived.complete(evidence)
    return evidence


def _explain(evidence: Evidence, line: opt.CommandLine) -> Explanation:
    from pyovn.explain import explain as explaining
    from pyovn.explain.question import Wish, is_microflow, microflow

    *first, last = line.arguments
    if is_microflow(last):
        datapath = first[0] if first else None
        return explaining.explain(evidence, last, datapath=datapath, on=line.value("on"))
    if not first:
        raise ValueError(f'"{last}" is no microflow; a short form names two: pyovn explain {last} TARGET')
    wish = Wish("arp" in line, "icmp" in line, _port(line, "udp"), _port(line, "tcp"))
    return explaining.explain(evidence, microflow(evidence, first[0], last, wish), on=line.value("on"))


def _port(line: opt.CommandLine, name: str) -> int | None:
    text = line.value(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) > 0xFFFF:
        raise ValueError(f"--{name}={text}: a port is a number up to 65535")
    return int(text)


def _write(explanation: Explanation, line: opt.CommandLine) -> None:
    from pyovn.explain import capture, pictures, render
    from pyovn.explain.model import as_json

    file = line.value("pcap")
    if file is not None:
        _capture(file, capture.pcapng(explanation.hops))
    if "json" in line:
        import json

        print(json.dumps(as_json(explanation), indent=2))
        return
    if "mermaid" in line or "dot" in line:
        print(pictures.mermaid(explanation) if "mermaid" in line else pictures.dot(explanation), end="")
        return
    paint = render.Painter(colour=_colour(line))
    if "brief" in line:
        text = render.brief(explanation, paint)
    elif "verdict" in line:
        text = render.verdicts(explanation, paint)
    else:
        text = render.full(explanation, paint, everything="all" in line)
    print(text, end="")


def _capture(file: str, frames: bytes) -> None:
    try:
        with open(file, "wb") as out:  # noqa: PTH123 - tools start fast
            out.write(frames)
    except OSError as error:
        raise ValueError(f"{file} cannot be written: {error.strerror}") from error


def _colour(line: opt.CommandLine) -> bool:
    """In a terminal, unless NO_COLOR is set (no-color.org)."""
    when = line.value("color", "auto")
    if when not in {"always", "never", "auto"}:
        raise ValueError(f"--color={when}: always, never or auto")
    if when != "auto":
        return when == "always"
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
