"""A hypervisor's directory with Debian's database server and tools, and a switch, ours or Debian's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from switch_kit import OVN_FLOWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OVS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PIPE_PORTS = ("ovn-hv2-0", "vif1", "vif3")


class Host:
    """One hypervisor's directory with a database and a switch, ours or Debian's."""

    def __init__(self, root: Path, peer: Callable[[str], str], *, ours: bool) -> None:
        self.root = root
        self.peer = peer
        root.mkdir(parents=True)
        self.env = {
            k: str(root) for k in ("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVN_RUNDIR", "OVN_LOGDIR")
        }
        self.env |= {"PATH": os.environ["PATH"], "OVS_SYSLOG_METHOD": "null"}
        self.db = f"unix:{root}/db.sock"
        self.run("ovsdb-tool", "create", f"{root}/conf.db", OVS_SCHEMA)
        common = ("--detach", "--no-chdir", "-vconsole:off", "--log-file")
        self.run(
            "ovsdb-server",
            *common,
            f"--pidfile={root}/db.pid",
            f"--remote=punix:{root}/db.sock",
            f"{root}/conf.db",
        )
        self.run("ovs-vsctl", f"--db={self.db}", "--no-wait", "init")
        program = [sys.executable, "-m", "pyovn.vswitch.main"] if ours else [peer("ovs-vswitchd")]
        options = (*common, f"--pidfile={root}/sw.pid", f"--unixctl={root}/sw.ctl", "--enable-dummy=override")
        subprocess.run(
            [*program, *options, "--disable-system", self.db], env=self.env, check=True, timeout=20
        )

    def run(self, program: str, *args: str, check: bool = True) -> str:
        done = subprocess.run(
            [self.peer(program), *args], env=self.env, capture_output=True, text=True, check=False, timeout=30
        )
        assert not check or done.returncode == 0, (program, args, done.stderr)
        return done.stdout

    def vsctl(self, *args: str) -> str:
        return self.run("ovs-vsctl", f"--db={self.db}", "--timeout=10", *args)

    def ofctl(self, *args: str) -> str:
        return self.run("ovs-ofctl", "-O", "OpenFlow15", *args)

    def appctl(self, *args: str) -> str:
        return self.run("ovs-appctl", "-t", f"{self.root}/sw.ctl", *args)

    def stop(self) -> None:
        for pidfile in self.root.glob("*.pid"):
            os.kill(int(pidfile.read_text()), signal.SIGTERM)

    def pipeline(self) -> None:
        """br-int with the ports and flows of a live OVN hypervisor."""
        self.vsctl(
            "add-br", "br-int", "--", "set", "bridge", "br-int", "fail-mode=secure", "datapath_type=dummy"
        )
        for number, name in enumerate(PIPE_PORTS, 1):
            self.vsctl("add-port", "br-int", name, "--", "set", "interface", name, f"ofport_request={number}")
        self.ofctl("add-tlv-map", "br-int", "{class=0x102,type=0x80,len=4}->tun_metadata0")
        self.ofctl("replace-flows", "br-int", str(OVN_FLOWS))

    def sent(self) -> dict[str, int]:
        """Packets that left by each port."""
        counts = {}
        for line in self.ofctl("dump-ports", "br-int").splitlines():
            words = line.replace(":", " ").replace(",", " ").split()
            if words[:1] == ["port"]:
                port = words[1]
            elif words[:1] == ["tx"]:
                counts[port] = int(words[1].removeprefix("pkts="))
        return counts


@pytest.fixture
def hosts(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Callable[..., Host]]:
    for program in ("ovsdb-server", "ovs-vsctl", "ovs-ofctl", "ovs-appctl", "ovsdb-tool", "ovs-vswitchd"):
        peer(program)
    made: list[Host] = []

    def make(name: str, *, ours: bool = True) -> Host:
        made.append(Host(tmp_path / name, peer, ours=ours))
        return made[-1]

    yield make
    for host in made:
        host.stop()
