"""``ovn-controller [DATABASE]``: the daemon as a program (ovn-controller(8)).

The hypervisor's database is the argument, else ``db.sock`` in Open vSwitch's run directory; everything else
(who we are, where the southbound is) stands in that database.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Final

from pyovn.controller import interest
from pyovn.controller.controller import SB_COLUMNS, VS_COLUMNS, Controller
from pyovn.controller.required import SB_REQUIRED, VS_REQUIRED
from pyovn.daemon import paths
from pyovn.daemon.main import DaemonSpec, run
from pyovn.daemon.unixctl import CommandError
from pyovn.ovsdb.client import Client
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sync import tlskeys
from pyovn.wire.openflow.text import format_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyovn.daemon.main import Daemon
    from pyovn.sync.database import DatabaseClient

_COOKIE: Final = re.compile("(?:0x)?([0-9a-fA-F]{1,16})|([0-9a-fA-F]{8})-[0-9a-fA-F-]{0,27}")
"""A number, or the UUID of the southbound row whose first 32 bits the cookie is."""


def build(
    daemon: Daemon,
    vs_client: DatabaseClient,
    connect_sb: Callable[[str], DatabaseClient],
    *,
    switch_rundir: str,
    hostname: str,
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
    )
    tlskeys.follow(vs_client, daemon.runtime)
    register = daemon.control.register
    register("connection-status", "", 0, 0, lambda _args: controller.connection_status + "\n")
    register(
        "ct-zone-list", "", 0, 0, lambda _args: _lines(f"{n} {z}" for n, z in controller.zones.listing())
    )
    register("debug/status", "", 0, 0, lambda _args: "paused\n" if controller.paused else "running\n")
    register("debug/pause", "", 0, 0, lambda _args: _pause(controller))
    register("debug/resume", "", 0, 0, lambda _args: _resume(controller))
    register("recompute", "", 0, 0, lambda _args: _recompute(controller))
    register("notices", "", 0, 0, lambda _args: _lines(controller.status()))
    register("flow/why", "COOKIE", 1, 1, lambda args: _lines(_why(controller, args)))

    def leave(args: Sequence[str], done: Callable[[], None]) -> None:
        if "--restart" in args or daemon.signalled:
            controller.stop()
            done()
        else:
            controller.exit(done)

    daemon.on_exit_later(leave)
    return controller


def _recompute(controller: Controller) -> str:
    controller.recompute()
    return ""


def _pause(controller: Controller) -> str:
    controller.pause()
    return ""


def _resume(controller: Controller) -> str:
    controller.resume()
    return ""


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _why(controller: Controller, args: Sequence[str]) -> list[str]:
    """Why the flows with a cookie are there: the derivation, its row and its one line."""
    given = _COOKIE.fullmatch(args[0])
    if given is None:
        raise CommandError(f"{args[0]} is no cookie: that is a hexadecimal number, or a UUID")
    found = controller.flow_table.why(int(given[1] or given[2], 16))
    lines = [
        f"{format_flow(flow)}: {reason.why} ({reason.derivation} of {reason.owner!r})"
        for flow, reasons in found
        for reason in reasons
    ]
    if not lines:
        raise CommandError(f"no flow with cookie {args[0]} is wanted")
    return lines


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

    build(
        daemon,
        Client(
            runtime, remote, OPEN_VSWITCH.name, VS_COLUMNS, expected=OPEN_VSWITCH.schema, required=VS_REQUIRED
        ),
        connect_sb,
        switch_rundir=switch_rundir,
        hostname=socket.gethostname(),
    ).start()


SPEC: Final = DaemonSpec(
    name="ovn-controller",
    family="ovn",
    summary="OVN controller",
    usage="[OPTIONS] [OVS-DATABASE]",
    start=start,
    max_args=1,
    unixctl_short="u",
    exit_usage="[--restart]",
)


def main() -> int:
    """The program."""
    return run(SPEC)


if __name__ == "__main__":
    raise SystemExit(main())
