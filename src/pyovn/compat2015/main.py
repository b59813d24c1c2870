"""``ovn-compat2015``: the daemon as a program.

The northbound and the southbound are found as ovn-northd finds them.  The database ``OVN`` is at
``--ovn-db``, else OVN_2015_DB, else at ``db.sock`` in the run directory, the one socket of 2015.
``--print-schema`` prints what ``ovsdb-tool create`` needs to make that database.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final

from pyovn.compat2015.compat import (
    NB_COLUMNS,
    NB_REQUIRED,
    OVN_COLUMNS,
    OVN_REQUIRED,
    SB_COLUMNS,
    SB_REQUIRED,
    Compat2015,
)
from pyovn.daemon.main import DaemonSpec, run
from pyovn.daemon.options import Option
from pyovn.daemon.unixctl import CommandError, Deferred
from pyovn.ovsdb.client import Client
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.ovn2015 import OVN_2015
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.schemas.columns import Database
    from pyovn.sync.database import DatabaseClient

PRINT_SCHEMA: Final = "--print-schema"

OPTIONS: Final = (
    Option("ovnnb-db", "", "required", "connect to ovn-nb database at DATABASE", "DATABASE"),
    Option("ovnsb-db", "", "required", "connect to ovn-sb database at DATABASE", "DATABASE"),
    Option("ovn-db", "", "required", "connect to the OVN database of 2015 at DATABASE", "DATABASE"),
    Option(PRINT_SCHEMA[2:], "", "none", "print the schema of the OVN database and exit"),
)

_UUID_PREFIX: Final = re.compile("[0-9a-fA-F-]{1,36}")


def build(
    daemon: Daemon, nb_client: DatabaseClient, sb_client: DatabaseClient, ovn_client: DatabaseClient
) -> Compat2015:
    """An ovn-compat2015 that is part of ``daemon``; the caller starts it."""
    clients = {"nb": nb_client, "sb": sb_client, "ovn": ovn_client}
    for client in clients.values():
        client.log = daemon.log.module("reconnect").line
    compat = Compat2015(
        daemon.runtime, nb_client, sb_client, ovn_client, daemon.log.module("compat2015").line
    )
    register = daemon.control.register

    def why(args: Sequence[str]) -> str:
        if _UUID_PREFIX.fullmatch(args[0]) is None:
            raise CommandError(f"{args[0]} is no UUID, nor the beginning of one")
        lines = compat.why(args[0].lower())
        if not lines:
            raise CommandError(f"no row of the OVN database has a UUID that begins with {args[0]}")
        return _text(lines)

    def sync(_args: Sequence[str]) -> Deferred:
        """Answer when everything is taken in and written: for scripts that look at what follows."""
        if compat.status != "active":
            raise CommandError("on standby, or not connected to the OVN database")
        answer = Deferred()
        compat.sync(answer.resolve)
        return answer

    register("sync", "", 0, 0, sync)
    register("status", "", 0, 0, lambda _args: f"Status: {compat.status}\n")
    register("notices", "", 0, 0, lambda _args: _text(compat.notices()))
    register("connection-status", "", 0, 0, lambda _args: _connections(clients))
    register("flow/why", "UUID", 1, 1, why)
    daemon.on_exit(compat.stop)
    return compat


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _connections(clients: Mapping[str, DatabaseClient]) -> str:
    words = {True: "connected", False: "not connected"}
    return _text(f"{name}: {words[client.state == 'live']}" for name, client in clients.items())


def start(daemon: Daemon) -> None:
    """Set everything up."""

    def client(
        option: str,
        variable: str,
        socket: str,
        database: Database,
        columns: Mapping[str, Sequence[str]],
        required: Mapping[str, Sequence[str]],
    ) -> Client:
        remote = daemon.command_line.value(option) or os.environ.get(variable)
        remote = remote or f"unix:{daemon.directories.run_file(socket)}"
        return Client(
            daemon.runtime, remote, database.name, columns, expected=database.schema, required=required
        )

    build(
        daemon,
        client("ovnnb-db", "OVN_NB_DB", "ovnnb_db.sock", NORTHBOUND, NB_COLUMNS, NB_REQUIRED),
        client("ovnsb-db", "OVN_SB_DB", "ovnsb_db.sock", SOUTHBOUND, SB_COLUMNS, SB_REQUIRED),
        client("ovn-db", "OVN_2015_DB", "db.sock", OVN_2015, OVN_COLUMNS, OVN_REQUIRED),
    ).start()


SPEC: Final = DaemonSpec(
    name="ovn-compat2015",
    family="ovn",
    summary="the OVN database of 2015",
    start=start,
    own_options=OPTIONS,
    unixctl_short="u",
)


def main() -> int:
    """The program."""
    if PRINT_SCHEMA in sys.argv[1:]:
        from pyovn.wire.jsonrpc import encode

        sys.stdout.write(encode(OVN_2015.schema.to_json()).decode() + "\n")
        return 0
    return run(SPEC)


if __name__ == "__main__":
    raise SystemExit(main())
