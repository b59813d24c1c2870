"""A dummy ovs-vswitchd of Debian's in a directory of its own, for the tests that need a peer."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PORTS = ("p1", "p2")


class PeerSwitch:
    """ovsdb-server and ovs-vswitchd with a bridge ``br`` and ports p1 (1), p2 (2) and a Geneve port (3)."""

    def __init__(self, peer: Callable[[str], str], directory: Path) -> None:
        self.directory = directory
        self.peer = peer
        self.environment = {**os.environ, "OVS_RUNDIR": str(directory), "OVS_LOGDIR": str(directory)}
        database = f"unix:{directory}/db.sock"
        self.run("ovsdb-tool", "create", f"{directory}/conf.db", SCHEMA)
        quiet = ("--detach", "--no-chdir", "--pidfile", "-vconsole:off")
        self.run("ovsdb-server", *quiet, f"--remote=p{database}", f"{directory}/conf.db")
        self.run("ovs-vsctl", f"--db={database}", "--no-wait", "init")
        self.run("ovs-vswitchd", *quiet, "--enable-dummy=override", "--disable-system", database)
        command = ["add-br", "br", "--", "set", "bridge", "br", "datapath_type=dummy", "fail-mode=secure"]
        for number, name in enumerate(PORTS, 1):
            command += ["--", "add-port", "br", name, "--", "set", "interface", name, "type=dummy"]
            command += [f"ofport_request={number}"]
        command += ["--", "add-port", "br", "gen", "--", "set", "interface", "gen", "type=geneve"]
        command += ["options:remote_ip=1.2.3.4", "options:key=flow", "ofport_request=3"]
        self.run("ovs-vsctl", f"--db={database}", "--", *command)

    @property
    def socket(self) -> str:
        return str(self.directory / "br.mgmt")

    def run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self.peer(program), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stderr}"
        return done.stdout

    def ofctl(self, *arguments: str) -> str:
        return self.run("ovs-ofctl", "-O", "OpenFlow15", *arguments)

    def stop(self) -> None:
        for name in ("ovs-vswitchd", "ovsdb-server"):
            pidfile = self.directory / f"{name}.pid"
            if pidfile.exists():
                os.kill(int(pidfile.read_text()), signal.SIGTERM)
