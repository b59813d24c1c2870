"""``ovs-vswitchd [DATABASE]``: the switch as a program (ovs-vswitchd(8)).

It takes the options of Open vSwitch's daemon; those that choose a kind of datapath are accepted, since
there is only the one in user space.  Without a DATABASE it connects to the socket in the run directory.
Tunnels of switches in different processes do not meet: their underlay is within the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon.main import DaemonSpec, StartError, run
from pyovn.daemon.options import Option
from pyovn.ovsdb.client import Client
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.sim.underlay import Underlay
from pyovn.sync import tlskeys
from pyovn.vswitch.confdb import REQUIRED, TABLES
from pyovn.vswitch.control import Commands
from pyovn.vswitch.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.daemon.log import Logger
    from pyovn.daemon.main import Daemon
    from pyovn.sim.runtime import Runtime

OPTIONS: Final = (
    Option("enable-dummy", "", "optional", "accepted: all devices are dummies here", "LEVEL"),
    Option("disable-system", "", "none", "accepted: there is no system datapath here"),
    Option("disable-system-route", "", "none", "accepted: there are no routes here"),
    Option("mlockall", "", "none", "accepted and not done"),
    Option("dpdk", "", "none", "refused: there is no DPDK here"),
)


def _logs_to(logger: Logger) -> Callable[[str, str], None]:
    """A log function by level for a part of the daemon."""

    def log(level: str, text: str) -> None:
        write = {"dbg": logger.dbg, "info": logger.info, "warn": logger.warn, "err": logger.err}[level]
        write("%s", text)

    return log


def build(runtime: Runtime, daemon: Daemon, remote: str, underlay: Underlay) -> Switch:
    """A switch that is part of ``daemon``; the caller starts it."""
    tables = {**TABLES, **tlskeys.COLUMNS}
    client = Client(runtime, remote, "Open_vSwitch", tables, expected=OPEN_VSWITCH.schema, required=REQUIRED)
    client.log = _logs_to(daemon.log.module("reconnect"))
    switch = Switch(runtime, client, underlay, daemon.directories.run, _logs_to(daemon.log.module("bridge")))
    tlskeys.follow(client, daemon.runtime)
    Commands(switch).register(daemon.control)
    daemon.on_exit(switch.stop)
    return switch


def start(daemon: Daemon) -> None:
    """Set everything up."""
    line = daemon.command_line
    if "dpdk" in line:
        raise StartError("DPDK support not built into this copy of Open vSwitch.")
    remote = line.arguments[0] if line.arguments else f"unix:{daemon.directories.run_file('db.sock')}"
    build(daemon.runtime, daemon, remote, Underlay(daemon.runtime)).start()


SPEC: Final = DaemonSpec(
    name="ovs-vswitchd",
    family="ovs",
    summary="Open vSwitch daemon",
    usage="[OPTIONS] [DATABASE]",
    start=start,
    own_options=OPTIONS,
    max_args=1,
    exit_usage="[--cleanup]",
)


def main() -> int:
    """The program."""
    return run(SPEC)


if __name__ == "__main__":
    raise SystemExit(main())
