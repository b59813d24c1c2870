"""Debian's clients against our ovsdb-server, and Debian's server on the files that it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pyovn.ovsdb.journal import create
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peers


class World:
    def __init__(self, directory: Path, peer: Callable[[str], str]) -> None:
        self.directory = directory
        self.peer = peer
        self.remote = f"unix:{directory}/db.sock"
        self.environment = {**os.environ, "OVS_RUNDIR": str(directory), "OVN_NB_DB": self.remote}

    def run(self, *words: str) -> str:
        done = subprocess.run(
            words, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def tool(self, program: str, *words: str) -> str:
        return self.run(self.peer(program), "--timeout=10", *words)

    def start(self, *command: str) -> None:
        remote = f"--remote=p{self.remote}"
        common = (remote, "--detach", f"--pidfile={self.directory}/pid", f"--unixctl={self.directory}/ctl")
        self.run(*command, *common, str(self.directory / "nb.db"), str(self.directory / "vs.db"))

    def stop(self) -> None:
        self.run(self.peer("ovs-appctl"), "-t", str(self.directory / "ctl"), "exit")
        while (self.directory / "pid").exists():
            pass


def test_debians_clients_and_server_take_turns_with_ours(tmp_path: Path, peer: Callable[[str], str]) -> None:
    create(str(tmp_path / "nb.db"), NORTHBOUND.schema)
    create(str(tmp_path / "vs.db"), OPEN_VSWITCH.schema)
    world = World(tmp_path, peer)
    world.start(sys.executable, "-m", "pyovn.dbserver.main")
    assert world.tool("ovsdb-client", "list-dbs", world.remote).split() == [
        "OVN_Northbound",
        "Open_vSwitch",
        "_Server",
    ]
    world.tool("ovn-nbctl", "ls-add", "s0", "--", "lsp-add", "s0", "p0", "--", "lsp-add", "s0", "p1")
    world.tool("ovn-nbctl", "lsp-set-addresses", "p0", "00:00:00:00:00:01 10.0.0.1")
    world.tool("ovn-nbctl", "acl-add", "s0", "to-lport", "1000", "ip4", "allow")
    vsctl = ("ovs-vsctl", f"--db={world.remote}", "--no-wait")
    world.tool(*vsctl, "init", "--", "add-br", "br0", "--", "add-port", "br0", "v0")
    world.stop()
    world.start(peer("ovsdb-server"))
    assert "port p1" in world.tool("ovn-nbctl", "show", "s0")
    assert world.tool(*vsctl, "list-ports", "br0") == "v0\n"
    world.tool("ovn-nbctl", "lsp-del", "p1")
    world.stop()
    world.start(sys.executable, "-m", "pyovn.dbserver.main")
    assert world.tool("ovn-nbctl", "acl-list", "s0") == "  to-lport  1000 (ip4) allow\n"
    assert world.tool("ovn-nbctl", "--bare", "--columns=name", "list", "Logical_Switch_Port") == "p0\n"
    world.stop()
