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
    from collections.abc import Sequence

    from pyovn.explain.network import Network

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
    from pyovn.explain.trace import trace

    sys.stdout.write(trace(network, name[0] if name else None, microflow, _forms(line)))
    return 0


def _forms(line: opt.CommandLine) -> list[str]:
    asked = [form for form in FORMS if form in line or "all" in line]
    return asked or ["detailed"]


def _load(line: opt.CommandLine, remote: str) -> Network:
    from pyovn.explain.network import TABLES, Network
    from pyovn.ovsdb.blocking import BlockingClient, BlockingError

    try:
        leader_only = "no-leader-only" not in line
        with BlockingClient(remote, leader_only=leader_only, tls=tls_of(line)) as client:
            replica = client.fetch("OVN_Southbound", TABLES)
    except BlockingError as error:
        opt.fatal(PROGRAM, str(error))
    return Network(replica, friendly_names="no-friendly-names" not in line, warn=_warn)


def _warn(text: str) -> None:
    warn("ovntrace", text)
