"""``ovn-controller [DATABASE]``: the daemon as a program (ovn-controller(8)).

The hypervisor's database is the argument, else ``db.sock`` in Open vSwitch's run directory; everything else
(who we are, where the southbound is) stands in that database.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyovn.controller import interest
from pyovn.controller.commands import Commands
from pyovn.controller.controller import SB_COLUMNS, VS_COLUMNS, Controller
from pyovn.controller.required import SB_REQUIRED, VS_REQUIRED
from pyovn.daemon import paths
from pyovn.daemon.main import DaemonSpec, StartError, run
from pyovn.daemon.options import Option
from pyovn.ovsdb.client import Client
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sync import tlskeys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.sync.database import DatabaseClient


def build(
    daemon: Daemon,
    vs_client: DatabaseClient,
    connect_sb: Callable[[str], DatabaseClient],
    *,
    switch_rundir: str,
    hostname: str,
    system_id: str = "",
) -> Controller:
    """An ovn-controller that is part of ``daemon``; the caller starts it."""
    reconnect = daemon.log.module("reconnect").line
    vs_client.log = reconnect

    def connect(remote: str) -> DatabaseClient:
        client = connect_sb(remote)
        client.log = reconnect
        return client

    controller = Controller(
        daemon.runtime,
        vs_client,
        connect,
        rundir=switch_rundir,
        hostname=hostname,
        log=daemon.log.module("main").line,
        system_id=system_id,
    )
    tlskeys.follow(vs_client, daemon.runtime)
    Commands(controller).register(daemon.control)

    def leave(args: Sequence[str], done: Callable[[], None]) -> None:
        if "--restart" in args or daemon.signalled:
            controller.stop()
            done()
        else:
            controller.exit(done)

    daemon.on_exit_later(leave)
    return controller


def _system_id(daemon: Daemon) -> str:
    """``-n``, else the file ``system-id-override``; empty when it is the database that says it."""
    given = daemon.command_line.value("n") if "n" in daemon.command_line else None
    if given:
        return given
    file = Path(daemon.directories.sysconf, "system-id-override")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{file}: {error}") from error
    return lines[0].strip() if lines else ""


def start(daemon: Daemon) -> None:
    """Set everything up."""
    line, runtime = daemon.command_line, daemon.runtime
    switch_rundir = paths.ovs().run
    remote = line.arguments[0] if line.arguments else f"unix:{switch_rundir}/db.sock"

    def connect_sb(southbound: str) -> Client:
        return Client(
            runtime,
            southbound,
            SOUTHBOUND.name,
            SB_COLUMNS,
            conditions=interest.NOTHING,
            expected=SOUTHBOUND.schema,
            required=SB_REQUIRED,
        )

    controller = build(
        daemon,
        Client(
            runtime, remote, OPEN_VSWITCH.name, VS_COLUMNS, expected=OPEN_VSWITCH.schema, required=VS_REQUIRED
        ),
        connect_sb,
        switch_rundir=switch_rundir,
        hostname=socket.gethostname(),
        system_id=_system_id(daemon),
    )
    controller.start()
    controller.auditor.start()


SPEC: Final = DaemonSpec(
    name="ovn-controller",
    family="ovn",
    summary="OVN controller",
    usage="[OPTIONS] [OVS-DATABASE]",
    start=start,
    max_args=1,
    own_options=(
        Option("n", "n", "required", "the chassis' name, instead of system-id", "ID", short_only=True),
    ),
    unixctl_short="u",
    exit_usage="[--restart]",
)


def main() -> int:
    """The program."""
    return run(SPEC)
