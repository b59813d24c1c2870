"""``ovn-northd``: the daemon as a program (ovn-northd(8)).

Databases come from ``--ovnnb-db`` and ``--ovnsb-db``, then OVN_NB_DB and OVN_SB_DB, then the sockets in the
run directory.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from pyovn.daemon.main import DaemonSpec, StartError, run
from pyovn.daemon.options import Option
from pyovn.daemon.unixctl import CommandError
from pyovn.northd.northd import NB_COLUMNS, SB_COLUMNS, Northd
from pyovn.northd.required import NB_REQUIRED, SB_REQUIRED
from pyovn.ovsdb.client import Client
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.sync.database import DatabaseClient

MOST_THREADS: Final = 256

OPTIONS: Final = (
    Option("ovnnb-db", "", "required", "connect to ovn-nb database at DATABASE", "DATABASE"),
    Option("ovnsb-db", "", "required", "connect to ovn-sb database at DATABASE", "DATABASE"),
    Option("dry-run", "", "none", "start in paused state"),
    Option("n-threads", "", "required", "accepted: derivations run in one thread", "N"),
)

_UUID_PREFIX: Final = re.compile("[0-9a-fA-F-]{1,36}")


class Threads:
    """What scripts have set as the number of threads: it is remembered, and derivations run in one."""

    number = 1

    def set(self, text: str) -> str:
        """``parallel-build/set-n-threads``."""
        if not text.isdecimal() or not 1 <= int(text) <= MOST_THREADS:
            raise CommandError(f"invalid n_threads: {text if text.isdecimal() else 0}")
        self.number = int(text)
        return ""


def build(daemon: Daemon, nb_client: DatabaseClient, sb_client: DatabaseClient) -> Northd:
    """An ovn-northd that is part of ``daemon``; the caller starts it."""
    nb_client.log = sb_client.log = daemon.log.module("reconnect").line
    northd = Northd(daemon.runtime, nb_client, sb_client, daemon.log.module("northd").line)
    register = daemon.control.register
    register("status", "", 0, 0, lambda _args: f"Status: {northd.status}\n")
    register("is-paused", "", 0, 0, lambda _args: f"{str(northd.paused).lower()}\n")
    register("pause", "", 0, 0, lambda _args: _do(northd.pause))
    register("resume", "", 0, 0, lambda _args: _do(northd.resume))
    register("nb-connection-status", "", 0, 0, lambda _args: _connection(nb_client))
    register("sb-connection-status", "", 0, 0, lambda _args: _connection(sb_client))
    threads = Threads()
    register("parallel-build/get-n-threads", "", 0, 0, lambda _args: f"{threads.number}\n")
    register("parallel-build/set-n-threads", "N_THREADS", 1, 1, lambda args: threads.set(args[0]))
    register("debug/chassis-features-list", "", 0, 0, lambda _args: _lines(northd.chassis_features()))
    register("notices", "", 0, 0, lambda _args: _lines(northd.notices()))
    register("audit/show", "", 0, 0, northd.auditor.show)
    register("audit/run", "", 0, 0, northd.auditor.run)
    register("flow/why", "UUID", 1, 1, lambda args: _lines(_why(northd, args[0])))
    daemon.on_exit(northd.stop)
    return northd


def _do(function: Callable[[], None]) -> str:
    function()
    return ""


def _connection(client: DatabaseClient) -> str:
    return "connected\n" if client.state == "live" else "not connected\n"


def _lines(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _why(northd: Northd, prefix: str) -> list[str]:
    """Why rows of the southbound are there; one that is not there has no reason."""
    if _UUID_PREFIX.fullmatch(prefix) is None:
        raise CommandError(f"{prefix} is no UUID, nor the beginning of one")
    lines = northd.why(prefix.lower())
    if not lines:
        raise CommandError(f"no southbound row has a UUID that begins with {prefix}")
    return lines


def start(daemon: Daemon) -> None:
    """Set everything up."""
    line, directories = daemon.command_line, daemon.directories
    threads = line.value("n-threads")
    if threads is not None and not threads.isdecimal():
        raise StartError(f"invalid number of threads: {threads}")
    nb = (
        line.value("ovnnb-db")
        or os.environ.get("OVN_NB_DB")
        or f"unix:{directories.run_file('ovnnb_db.sock')}"
    )
    sb = (
        line.value("ovnsb-db")
        or os.environ.get("OVN_SB_DB")
        or f"unix:{directories.run_file('ovnsb_db.sock')}"
    )
    northd = build(
        daemon,
        Client(
            daemon.runtime, nb, NORTHBOUND.name, NB_COLUMNS, expected=NORTHBOUND.schema, required=NB_REQUIRED
        ),
        Client(
            daemon.runtime, sb, SOUTHBOUND.name, SB_COLUMNS, expected=SOUTHBOUND.schema, required=SB_REQUIRED
        ),
    )
    if "dry-run" in line:
        northd.pause()
    northd.start()
    northd.auditor.start()


SPEC: Final = DaemonSpec(
    name="ovn-northd", family="ovn", summary="OVN northd", start=start, own_options=OPTIONS, unixctl_short="u"
)


def main() -> int:
    """The program."""
    return run(SPEC)
