"""ovs-ofctl: look at a switch's flows and change them, over OpenFlow (ovs-ofctl(8)).

Blocking and without an event loop, as scripts run it many times: a connection, one request after
another, the answers printed as the C program prints them.  A switch is ``BRIDGE`` (its management
socket in the run directory), a socket's path, or ``unix:``/``tcp:``.

As C's, it speaks OpenFlow 1.0 with Open vSwitch's extensions unless ``-O`` says otherwise; 1.3, 1.4 and 1.5
are there, too.  Not here: queues, meters, IPFIX, and reading captures.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

import pyovn
from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.tools.ofctl_commands import COMMANDS, USAGE
from pyovn.tools.ofctl_connection import CommandError, RefusedError, UnreachableError
from pyovn.tools.ofctl_protocols import VERSIONS
from pyovn.tools.ofctl_settings import Settings
from pyovn.wire.openflow.codec import DIALECTS
from pyovn.wire.openflow.errors import CodecError
from pyovn.wire.openflow.fields import FieldError
from pyovn.wire.openflow.text_values import TextError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = "ovs-ofctl"

OPTIONS: Final = (
    opt.Option("strict", help="use strict match for flow commands"),
    opt.Option("readd", help="replace flows that haven't changed"),
    opt.Option("flow-format", "F", "required", help="force particular flow format", metavar="FORMAT"),
    opt.Option("packet-in-format", "P", "required", help="force particular packet in format", metavar="FRMT"),
    opt.Option("more", "m", help="be more verbose printing OpenFlow"),
    opt.Option("timestamp"),
    opt.Option("timeout", "t", "required", help="give up after SECS seconds", metavar="SECS"),
    opt.Option("sort", "", "optional", help="sort in ascending order", metavar="field"),
    opt.Option("rsort", "", "optional", help="sort in descending order", metavar="field"),
    opt.Option("names", help="show port names instead of numbers"),
    opt.Option("no-names", help="show port numbers, but not names"),
    opt.Option("stats"),
    opt.Option("no-stats", help="do not show statistics"),
    opt.Option("bundle", help="commit all flow mods of a file or none"),
    opt.Option("may-create", help="let mod-group create a group"),
    opt.Option("color", "", "optional"),
    opt.Option("read-only"),
    opt.Option(
        "protocols", "O", "required", help="set allowed OpenFlow versions", metavar="VERSION[,VERSION]..."
    ),
    *opt.VLOG,
    *opt.COMMON,
)


def _versions(text: str) -> tuple[int, ...]:
    """The versions that -O names, as wire numbers; exits when none of them is spoken here."""
    words = [word.strip() for word in text.replace(" ", ",").split(",") if word.strip()]
    for word in words:
        if word not in VERSIONS:
            opt.fatal(PROGRAM, f'Unknown OpenFlow version: "{word}"')
    spoken = tuple(sorted({VERSIONS[word] for word in words} & DIALECTS.keys()))
    if not spoken:
        opt.fatal(PROGRAM, f"none of {', '.join(words)} is supported; OpenFlow 1.0 and 1.3 to 1.5 are")
    return spoken


def settings_of(line: opt.CommandLine) -> Settings:
    """What the options ask for; exits on values that make no sense."""
    protocols = line.value("protocols")
    versions = (1,) if protocols is None else _versions(protocols)
    if "bundle" in line and versions == (1,):
        versions = (5,)  # bundles came with 1.4
    names = sys.stdout.isatty()
    stats = True
    for given in line:
        if given.name in ("names", "no-names"):
            names = given.name == "names"
        elif given.name in ("stats", "no-stats"):
            stats = given.name == "stats"
    order = next((given for given in line if given.name in ("sort", "rsort")), None)
    timeout = line.value("timeout")
    if timeout is not None and not timeout.isdigit():
        opt.fatal(PROGRAM, f"value {timeout} on -t or --timeout is invalid")
    return Settings(
        rundir=paths.ovs().run,
        strict="strict" in line,
        readd="readd" in line,
        names=names,
        stats=stats,
        bundle="bundle" in line,
        may_create="may-create" in line,
        sort=None if order is None else order.value or "priority",
        descending=order is not None and order.name == "rsort",
        timeout=float(timeout) if timeout else None,
        versions=versions,
        packet_in_format=line.value("packet-in-format"),
        timestamp="timestamp" in line,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program; exits with 1 on any error, and as the command says otherwise."""
    words = list(sys.argv[1:] if argv is None else argv)
    line = opt.parse_or_exit(PROGRAM, words, OPTIONS)
    if "version" in line:
        sys.stdout.write(f"{PROGRAM} (pyovn) {pyovn.__version__}\nOpenFlow versions 0x1:0x6\n")
        return
    if "help" in line:
        sys.stdout.write(USAGE + opt.format_options("Options", OPTIONS))
        return
    if not line.arguments:
        opt.fatal(PROGRAM, "missing command name; use --help for help")
    name, *arguments = line.arguments
    command = COMMANDS.get(name)
    if command is None:
        opt.fatal(PROGRAM, f"unknown command '{name}'; use --help for help")
    if len(arguments) < command.least:
        opt.fatal(PROGRAM, f"'{name}' command requires at least {command.least} arguments")
    if len(arguments) > command.most:
        opt.fatal(PROGRAM, f"'{name}' command takes at most {command.most} arguments")
    try:
        status = command.run(settings_of(line), arguments)
        sys.stdout.flush()
    except RefusedError as error:
        sys.stdout.flush()
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    except (TextError, FieldError, CodecError, CommandError, UnreachableError) as error:
        sys.stdout.flush()
        opt.fatal(PROGRAM, str(error))
    except BrokenPipeError:
        # Whoever read is gone; a second attempt at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(1) from None
    if status:
        raise SystemExit(status)
