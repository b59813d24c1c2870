"""A deployment with sockets, pid files and logs in a directory, so that every tool finds its daemon.

::

    DIR/ovnnb_db.sock, ovnsb_db.sock     the central server; OVN_RUNDIR is DIR
    DIR/db.sock                          the central server, too, by the name of 2015
    DIR/ovnnb_db.db, ovnsb_db.db, ovn.db its databases; the last one is that of 2015
    DIR/ovsdb-server.pid, ovn-northd.pid and their control sockets and logs
    DIR/hv1/db.sock, conf.db, br-int.mgmt
                                         a hypervisor; its OVS_RUNDIR and OVN_RUNDIR
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

from pyovn.compat2015 import main as compat_main
from pyovn.controller import program as controller_program
from pyovn.daemon.log import Log
from pyovn.daemon.main import Daemon, DaemonSpec
from pyovn.daemon.paths import Directories
from pyovn.dbserver.main import SPEC as SERVER_SPEC
from pyovn.dbserver.main import Program
from pyovn.northd import program as northd_program
from pyovn.ovsdb.disk import Disk
from pyovn.ovsdb.journal import create
from pyovn.sandbox import wrappers
from pyovn.sandbox.deployment import DeploymentError
from pyovn.sandbox.links import CENTRAL
from pyovn.sandbox.makers import Makers
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.ovn2015 import OVN_2015
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH
from pyovn.vswitch import main as vswitch_main
from pyovn.vswitch.control import Commands
from pyovn.vswitch.switch import Switch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.compat2015.compat import Compat2015
    from pyovn.controller.controller import Controller
    from pyovn.northd.northd import Northd
    from pyovn.ovsdb.client import Client
    from pyovn.ovsdb.hosting import Files
    from pyovn.ovsdb.local import LocalClient
    from pyovn.ovsdb.server import Server
    from pyovn.schemas.columns import Database as TypedDatabase
    from pyovn.sim.runtime import Runtime
    from pyovn.sim.underlay import Underlay
    from pyovn.sync.database import DatabaseClient

FILES = {NORTHBOUND.name: "ovnnb_db.db", SOUTHBOUND.name: "ovnsb_db.db", OVN_2015.name: "ovn.db"}
SOCKETS = {NORTHBOUND.name: "ovnnb_db.sock", SOUTHBOUND.name: "ovnsb_db.sock"}
"""The names of the central databases' files and sockets; others are conf.db and db.sock."""
REMOTES = {
    NORTHBOUND.name: "NB_Global,connections",
    SOUTHBOUND.name: "SB_Global,connections",
    OPEN_VSWITCH.name: "Open_vSwitch,manager_options",
}
"""Where a database names further remotes: what ``set-connection`` and ``set-manager`` write."""


class _Unsynced(Disk):
    """A disk whose contents outlive the daemons, which is all that a sandbox asks, and not the machine."""

    def sync(self, descriptor: int) -> None:
        """Leave it to the kernel."""

    def sync_directory(self, path: str) -> None:
        """Leave it to the kernel."""


class HostedMakers(Makers):
    """Makes daemons whose files are in ``directory``."""

    def __init__(self, runtime: Runtime, directory: str) -> None:
        super().__init__(runtime)
        self.directory = directory
        self._daemons: dict[tuple[str, str], Daemon] = {}
        self._files: dict[str, Files] = {}

    def rundir(self, hypervisor: str) -> str:
        """Where a daemon's files are: the central ones in the directory itself."""
        return self.directory if hypervisor == CENTRAL else os.path.join(self.directory, hypervisor)  # noqa: PTH118

    def daemon(self, runtime: Runtime, place: str, spec: DaemonSpec) -> Daemon:
        """Open a daemon in the run directory of ``place``."""
        run = self.rundir(place)
        Path(run).mkdir(exist_ok=True)
        directories = Directories(run=run, log=run, db=run, sysconf=run, pkgdata=run)
        log = Log(spec.name, wall=runtime.wall)
        log.open_file(directories.log_file(spec.name))
        daemon = Daemon(
            spec,
            runtime,
            directories=directories,
            log=log,
            directory=run,
            on_stopped=lambda: self.exited(place, spec.name),
        )
        daemon.open(pidfile=directories.pidfile(spec.name))
        self._daemons[place, spec.name] = daemon
        return daemon

    def server(self, runtime: Runtime, place: str, databases: Sequence[TypedDatabase]) -> Server:
        """A server with the usual sockets and files."""
        run = self.rundir(place)
        daemon = self.daemon(runtime, place, SERVER_SPEC)
        program = Program(daemon)
        for database in databases:
            path = f"{run}/{FILES.get(database.name, 'conf.db')}"
            seed = self.seeds.pop((place, database.name), None)
            if seed is not None:
                Path(path).write_bytes(seed)
            elif not os.path.exists(path):  # noqa: PTH110 - a string for messages
                create(path, self.schema(database), _Unsynced())
            program.files.open(path)
            program.remotes.add(f"punix:{run}/{SOCKETS.get(database.name, 'db.sock')}")
            if database.name in REMOTES:
                program.remotes.add(f"db:{database.name},{REMOTES[database.name]}")
        self._files[place] = program.files
        program.register()
        daemon.on_exit(program.remotes.close)
        return program.server

    def northd(self, runtime: Runtime, nb_client: DatabaseClient, sb_client: DatabaseClient) -> Northd:
        """An ovn-northd with its control commands."""
        return northd_program.build(self.daemon(runtime, CENTRAL, northd_program.SPEC), nb_client, sb_client)

    def compat2015(
        self,
        runtime: Runtime,
        nb_client: DatabaseClient,
        sb_client: DatabaseClient,
        ovn_client: DatabaseClient,
    ) -> Compat2015:
        """An ovn-compat2015 with its control commands."""
        daemon = self.daemon(runtime, CENTRAL, compat_main.SPEC)
        return compat_main.build(daemon, nb_client, sb_client, ovn_client)

    def switch(
        self, runtime: Runtime, hypervisor: str, client: Client | LocalClient, underlay: Underlay
    ) -> Switch:
        """An ovs-vswitchd with its control commands."""
        daemon = self.daemon(runtime, hypervisor, vswitch_main.SPEC)
        log = daemon.log.module("bridge").line
        switch = Switch(runtime, client, underlay, self.rundir(hypervisor), log)
        Commands(switch).register(daemon.control)
        return switch

    def controller(
        self,
        runtime: Runtime,
        hypervisor: str,
        client: DatabaseClient,
        connect_sb: Callable[[str], DatabaseClient],
    ) -> Controller:
        """An ovn-controller with its control commands; with it the hypervisor is whole."""
        wrappers.write(self.directory, hypervisor, self.rundir(hypervisor))
        return controller_program.build(
            self.daemon(runtime, hypervisor, controller_program.SPEC),
            client,
            connect_sb,
            switch_rundir=self.rundir(hypervisor),
            hostname=hypervisor,
        )

    def ended(self, place: str, daemon: str, *, crashed: bool) -> None:
        """Let go of a daemon's files; one that crashed leaves them."""
        gone = self._daemons.pop((place, daemon))
        if daemon == SERVER_SPEC.name:
            for journal in self._files.pop(place).journals.values():
                journal.close()
        if crashed:
            gone.abandon()
        else:
            gone.close()

    def check(self, hypervisor: str) -> None:
        """A hypervisor has a directory, and takes nobody else's."""
        if hypervisor == CENTRAL or os.path.lexists(os.path.join(self.directory, hypervisor)):  # noqa: PTH118
            raise DeploymentError(
                f"{hypervisor} cannot name a hypervisor: {self.directory} needs it otherwise"
            )

    def remove(self, hypervisor: str) -> None:
        """Remove the directory and the command of a hypervisor, whose daemons are gone."""
        wrappers.remove(self.directory, hypervisor)
        for key in [key for key in self._daemons if key[0] == hypervisor]:
            self._daemons.pop(key).close()  # one that could not be made whole
        shutil.rmtree(self.rundir(hypervisor), ignore_errors=True)

    def reset(self) -> None:
        """Remove the databases and the hypervisors' directories; logs of central daemons stay."""
        for name in FILES.values():
            Path(self.directory, name).unlink(missing_ok=True)

    def close(self) -> None:
        """Close all daemons."""
        for daemon in self._daemons.values():
            daemon.close()
        self._daemons.clear()
