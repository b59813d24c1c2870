"""A deployment with sockets, pid files and logs in a directory, so that every tool finds its daemon.

::

    DIR/ovnnb_db.sock, ovnsb_db.sock     the central server; OVN_RUNDIR is DIR
    DIR/ovsdb-server.pid, ovn-northd.pid and their control sockets and logs
    DIR/hv1/db.sock, br-int.mgmt         a hypervisor; its OVS_RUNDIR and OVN_RUNDIR
    DIR/hv1/{ovsdb-server,ovs-vswitchd,ovn-controller}.pid and so on
    DIR/sandbox.PID.ctl, sandbox.pid     the sandbox's own control commands; its log is DIR/sandbox.log
    DIR/bin/hv1                          runs a command on hv1

All daemons live in one process and on one runtime; each is a ``daemon.Daemon`` of its own, so that
``ovs-appctl -t ovn-northd`` does what it does elsewhere.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pyovn.controller import main as controller_main
from pyovn.daemon.log import Log
from pyovn.daemon.main import Daemon, DaemonSpec
from pyovn.daemon.paths import Directories
from pyovn.dbserver.main import SPEC as SERVER_SPEC
from pyovn.dbserver.main import Program
from pyovn.northd import main as northd_main
from pyovn.ovsdb.engine import Database
from pyovn.sandbox import wrappers
from pyovn.sandbox.deployment import DeploymentError, Makers
from pyovn.vswitch import main as vswitch_main
from pyovn.vswitch.control import Commands
from pyovn.vswitch.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.controller.controller import Controller
    from pyovn.northd.northd import Northd
    from pyovn.ovsdb.local import LocalClient
    from pyovn.ovsdb.server import Server
    from pyovn.schemas.columns import Database as TypedDatabase
    from pyovn.sim.runtime import Runtime
    from pyovn.sim.underlay import Underlay
    from pyovn.sync.database import DatabaseClient

CENTRAL = "central"


class HostedMakers(Makers):
    """Makes daemons whose files are in ``directory``."""

    def __init__(self, runtime: Runtime, directory: str) -> None:
        super().__init__(runtime)
        self.directory = directory
        self._daemons: dict[str, list[Daemon]] = {}

    def rundir(self, hypervisor: str) -> str:
        """Where a daemon's files are: the central ones in the directory itself."""
        return self.directory if hypervisor == CENTRAL else os.path.join(self.directory, hypervisor)  # noqa: PTH118

    def daemon(self, place: str, spec: DaemonSpec) -> Daemon:
        """Open a daemon in the run directory of ``place``."""
        run = self.rundir(place)
        Path(run).mkdir(exist_ok=True)
        directories = Directories(run=run, log=run, db=run, sysconf=run, pkgdata=run)
        log = Log(spec.name, wall=self.runtime.wall)
        log.open_file(directories.log_file(spec.name))
        daemon = Daemon(spec, self.runtime, directories=directories, log=log, directory=run)
        daemon.open(pidfile=directories.pidfile(spec.name))
        self._daemons.setdefault(place, []).append(daemon)
        return daemon

    def server(self, name: str, schemas: Sequence[TypedDatabase]) -> Server:
        """A server with the usual sockets."""
        program = Program(self.daemon(name, SERVER_SPEC))
        for schema in schemas:
            program.server.add_database(Database(schema.schema, self.runtime.random))
        sockets = ("ovnnb_db.sock", "ovnsb_db.sock") if name == CENTRAL else ("db.sock",)
        for socket in sockets:
            program.remotes.add(f"punix:{self.rundir(name)}/{socket}")
        program.register()
        return program.server

    def northd(self, nb_client: DatabaseClient, sb_client: DatabaseClient) -> Northd:
        """An ovn-northd with its control commands."""
        return northd_main.build(self.daemon(CENTRAL, northd_main.SPEC), nb_client, sb_client)

    def switch(self, hypervisor: str, client: LocalClient, underlay: Underlay) -> Switch:
        """An ovs-vswitchd with its control commands."""
        daemon = self.daemon(hypervisor, vswitch_main.SPEC)
        log = daemon.log.module("bridge").line
        switch = Switch(self.runtime, client, underlay, self.rundir(hypervisor), log)
        Commands(switch).register(daemon.control)
        return switch

    def controller(
        self, hypervisor: str, client: DatabaseClient, connect_sb: Callable[[str], DatabaseClient]
    ) -> Controller:
        """An ovn-controller with its control commands; with it the hypervisor is whole."""
        wrappers.write(self.directory, hypervisor, self.rundir(hypervisor))
        return controller_main.build(
            self.daemon(hypervisor, controller_main.SPEC),
            client,
            connect_sb,
            switch_rundir=self.rundir(hypervisor),
            hostname=hypervisor,
        )

    def check(self, hypervisor: str) -> None:
        """A hypervisor has a directory, and takes nobody else's."""
        if hypervisor == CENTRAL or os.path.lexists(os.path.join(self.directory, hypervisor)):  # noqa: PTH118
            raise DeploymentError(
                f"{hypervisor} cannot name a hypervisor: {self.directory} needs it otherwise"
            )

    def remove(self, hypervisor: str) -> None:
        """Close the daemons of a hypervisor and remove its directory and its command."""
        wrappers.remove(self.directory, hypervisor)
        for daemon in self._daemons.pop(hypervisor, ()):
            daemon.close()
        shutil.rmtree(self.rundir(hypervisor), ignore_errors=True)

    def close(self) -> None:
        """Close all daemons."""
        for daemons in self._daemons.values():
            for daemon in daemons:
                daemon.close()
        self._daemons.clear()
