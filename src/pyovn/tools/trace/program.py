"""The program ovn-trace: options, connection, and what to say when a microflow makes no sense.

The exit status is 0 even then, as it is in C: the text says what is wrong.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from pyovn import __version__
from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.tools.ctl.errors import Console, warn
from pyovn.tools.tlskeys import tls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.logical.ast import Expr
    from pyovn.logical.errors import LflowError
    from pyovn.tools.trace.network import Datapath, Network
    from pyovn.tools.trace.report import Node

PROGRAM: Final = "ovn-trace"
FORMS: Final = ("detailed", "summary", "minimal")

OPTIONS: Final = (
    opt.Option("detailed", help='table-by-table "backtrace" (default)'),
    opt.Option("summary", help="less detailed, more parseable"),
    opt.Option("minimal", help="minimum to explain externally visible behavior"),
    opt.Option("all", help="provide all forms of output"),
    opt.Option("friendly-names"),
    opt.Option("no-friendly-names", help="do not substitute human friendly names for UUIDs"),
    opt.Option("db", "", "required", "connect to DATABASE", "DATABASE"),
    opt.Option("leader-only"),
    opt.Option("no-leader-only", help="accept any cluster member, not just the leader"),
    opt.Option("ovs", "", "optional"),
    opt.Option("ct", "", "required"),
    opt.Option("lb-dst", "", "required"),
    opt.Option("select-id", "", "required"),
    *opt.DAEMON,
    opt.UNIXCTL,
    *opt.VLOG,
    *opt.TLS,
    *opt.COMMON,
)
NOT_SERVED: Final = frozenset(("ovs", "ct", "lb-dst", "select-id", "detach"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    line = opt.parse_or_exit(PROGRAM, arguments, OPTIONS)
    if "help" in line:
        print("ovn-trace: OVN trace utility\nusage: ovn-trace [OPTIONS] [DATAPATH] MICROFLOW\n")
        print(opt.format_options("Options", OPTIONS), end="")
        return 0
    if "version" in line:
        print(f"{PROGRAM} (pyovn) {__version__}")
        return 0
    for given in line:
        if given.name in NOT_SERVED:
            opt.fatal(PROGRAM, f"--{given.name} is not available")
        if given.name == "verbose" and given.value in {"console:off", "off", "console:err", "err"}:
            Console.quiet = True
    if len(line.arguments) not in {1, 2}:
        opt.fatal(PROGRAM, "one or two non-option arguments are required (use --help for help)")
    default = os.environ.get("OVN_SB_DB") or f"unix:{paths.ovn().run_file('ovnsb_db.sock')}"
    network = _load(line, line.value("db", default) or default)
    *name, microflow = line.arguments
    sys.stdout.write(_trace(network, name[0] if name else None, microflow, _forms(line)))
    return 0


def _forms(line: opt.CommandLine) -> list[str]:
    asked = [form for form in FORMS if form in line or "all" in line]
    return asked or ["detailed"]


def _load(line: opt.CommandLine, remote: str) -> Network:
    from pyovn.ovsdb.blocking import BlockingClient, BlockingError
    from pyovn.tools.trace.network import TABLES, Network

    try:
        leader_only = "no-leader-only" not in line
        with BlockingClient(remote, leader_only=leader_only, tls=tls_of(line)) as client:
            replica = client.fetch("OVN_Southbound", TABLES)
    except BlockingError as error:
        opt.fatal(PROGRAM, str(error))
    return Network(replica, friendly_names="no-friendly-names" not in line)


def _trace(network: Network, name: str | None, text: str, forms: list[str]) -> str:
    """The whole output."""
    from pyovn.logical.errors import LflowError
    from pyovn.logical.parse import parse_expr
    from pyovn.tools.trace.microflow import MicroflowError, format_microflow, parse_microflow
    from pyovn.tools.trace.simulation import Simulation

    try:
        expr = parse_expr(text, address_sets=network.address_sets, port_groups=network.port_groups)
    except LflowError as error:
        return f"error parsing flow: {_syntax_error(error)}\n"
    datapath, complaint = _find_datapath(network, name, expr)
    if datapath is None:
        return complaint
    try:
        flow = parse_microflow(expr, _warning_ports(datapath))
    except MicroflowError as error:
        return f"error parsing flow: {error}\n"
    if not flow.get("reg14"):
        warn("ovntrace", "microflow does not specify ingress port")
    heading = f"# {format_microflow(flow)}\n"
    root = Simulation(network).trace(datapath, dict(flow))
    return heading + _report(root, forms)


def _find_datapath(network: Network, name: str | None, expr: Expr) -> tuple[Datapath | None, str]:
    """The datapath that is named, or that of the inport; else what to say."""
    from pyovn.tools.trace.microflow import inport_of

    if name is not None:
        return network.datapath(name), f'unknown datapath "{name}"\n'
    port = inport_of(expr)
    if port is None:
        return None, "error parsing flow: flow match expression does not match on inport\n"
    return network.datapath_of_port(port), f'unknown port "{port}"\n'


def _warning_ports(datapath: Datapath) -> Callable[[str], int | None]:
    def key_of(name: str) -> int | None:
        key = datapath.key_of(name)
        if key is None:
            warn("ovntrace", f"{name}: unknown logical port")
        return key

    return key_of


def _syntax_error(error: LflowError) -> str:
    return str(error)


def _report(root: Node, forms: list[str]) -> str:
    from pyovn.tools.trace import report

    writers = {"detailed": report.detailed, "summary": report.summary, "minimal": report.minimal}
    parts = []
    for form in forms:
        if len(forms) > 1:
            parts.append(f"# {form.capitalize()} trace.\n")
        parts.append(writers[form](root))
    return "".join(parts)
