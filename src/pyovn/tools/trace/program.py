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
from pyovn.tools.trace.asked import DIRECT, MODULE, TRACE, QuestionError, forms_of, friendly_names, world_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.explain.network import Network

PROGRAM: Final = "ovn-trace"

CONNECTION: Final = (
    opt.Option("db", "", "required", "connect to DATABASE", "DATABASE"),
    opt.Option("leader-only"),
    opt.Option("no-leader-only", help="accept any cluster member, not just the leader"),
)
OWN: Final = (*TRACE, *DIRECT, *CONNECTION)
OPTIONS: Final = (*OWN, *opt.DAEMON, opt.UNIXCTL, *opt.VLOG, *opt.TLS, *opt.COMMON)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; the exit status."""
    arguments = sys.argv[1:] if argv is None else argv
    line = opt.parse_or_exit(PROGRAM, arguments, OPTIONS)
    if "help" in line:
        print("ovn-trace: OVN trace utility\nusage: ovn-trace [OPTIONS] [DATAPATH] MICROFLOW")
        print("       ovn-trace [OPTIONS] --detach\n")
        print(opt.format_options("Options", OPTIONS), end="")
        return 0
    if "version" in line:
        print(f"{PROGRAM} (pyovn) {__version__}")
        return 0
    Console.quiet |= bool({"console:off", "off", "console:err", "err"} & set(line.values("verbose")))
    remote = os.environ.get("OVN_SB_DB") or f"unix:{paths.ovn().run_file('ovnsb_db.sock')}"
    remote = line.value("db", remote) or remote
    try:
        if "detach" in line:
            return _serve(line, arguments, remote)
        return _trace(line, remote)
    except QuestionError as error:
        opt.fatal(PROGRAM, str(error))


def _serve(line: opt.CommandLine, arguments: Sequence[str], remote: str) -> int:
    if line.arguments:
        opt.fatal(PROGRAM, "non-option arguments not supported with --detach (use --help for help)")
    from pyovn.tools.trace.served import serve

    return serve(arguments, OWN, remote, leader_only="no-leader-only" not in line)


def _trace(line: opt.CommandLine, remote: str) -> int:
    world = world_of(line)
    if len(line.arguments) not in {1, 2}:
        opt.fatal(PROGRAM, "one or two non-option arguments are required (use --help for help)")
    network = _load(line, remote)
    *name, microflow = line.arguments
    openflow = None
    if "ovs" in line:
        from pyovn.tools.sbctl.openflow import Switch

        switch = Switch(line.value("ovs"), stats=True, module=MODULE)
        openflow = switch.lines if switch.connection is not None else None
    from pyovn.explain.trace import trace

    text = trace(network, name[0] if name else None, microflow, forms_of(line), world, openflow)
    sys.stdout.write(text)
    return 0


def _load(line: opt.CommandLine, remote: str) -> Network:
    from pyovn.explain.network import TABLES, Network
    from pyovn.ovsdb.blocking import BlockingClient, BlockingError

    try:
        leader_only = "no-leader-only" not in line
        with BlockingClient(remote, leader_only=leader_only, tls=tls_of(line)) as client:
            replica = client.fetch("OVN_Southbound", TABLES)
    except BlockingError as error:
        opt.fatal(PROGRAM, str(error))
    return Network(replica, friendly_names=friendly_names(line), warn=lambda text: warn(MODULE, text))
