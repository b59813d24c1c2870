"""Several of our ctl programs at once, and beside Debian's daemons."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ctl_twin import Side, run_here

from pyovn.tools.nbctl.program import PROGRAM as NBCTL
from pyovn.tools.vsctl.program import PROGRAM as VSCTL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers
ENTRY = "import sys; from pyovn.tools.{} import main; sys.exit(main())"
NB_SCHEMA = "/usr/share/ovn/ovn-nb.ovsschema"
SB_SCHEMA = "/usr/share/ovn/ovn-sb.ovsschema"
VS_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


def start(tool: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ENTRY.format(tool), *words]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)


@pytest.fixture
def switch(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Side]:
    side = Side(tmp_path / "vs", peer, "Open_vSwitch", VS_SCHEMA)
    yield side
    side.stop()


def vsctl(side: Side, *words: str) -> str:
    done = run_here(VSCTL, [f"--db={side.remote}", "--no-wait", *words])
    assert (done.status, done.stderr) == (0, "")
    return done.stdout


def test_programs_that_meet_on_one_bridge_all_succeed(switch: Side) -> None:
    vsctl(switch, "add-br", "br0")
    names = [f"p{n}" for n in range(8)]
    racers = [start("vsctl", f"--db={switch.remote}", "--no-wait", "add-port", "br0", name) for name in names]
    for racer in racers:
        assert racer.communicate(timeout=30) == ("", "")
        assert racer.returncode == 0
    assert vsctl(switch, "list-ports", "br0").split() == names


def test_wait_until_holds_back_the_line(switch: Side) -> None:
    line = ["wait-until", "bridge", "late", "--", "get", "bridge", "late", "name"]
    waiter = start("vsctl", f"--db={switch.remote}", "--no-wait", *line)
    vsctl(switch, "add-br", "early")
    assert waiter.poll() is None
    vsctl(switch, "add-br", "late")
    assert waiter.communicate(timeout=30) == ("late\n", "")


def test_the_timeout_ends_the_process_by_its_signal(switch: Side) -> None:
    waiter = start("vsctl", f"--db={switch.remote}", "-t", "1", "wait-until", "bridge", "never")
    waiter.communicate(timeout=30)
    assert waiter.returncode == -14


def test_the_switch_is_waited_for_and_its_complaints_are_printed(
    switch: Side, peer: Callable[[str], str], tmp_path: Path
) -> None:
    environ = os.environ | {"OVS_RUNDIR": str(tmp_path), "OVS_LOGDIR": str(tmp_path)}
    command = [peer("ovs-vswitchd"), "--detach", "--no-chdir", f"--pidfile={tmp_path}/vswitchd.pid"]
    command += ["-vconsole:off", "--enable-dummy=override", "--disable-system", switch.remote]
    vsctl(switch, "init")
    subprocess.run(command, check=True, env=environ)
    try:
        add = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy"]
        assert run_here(VSCTL, [f"--db={switch.remote}", "-t", "20", *add]).status == 0
        assert (
            run_here(VSCTL, [f"--db={switch.remote}", "get", "interface", "br0", "ofport"]).stdout
            == "65534\n"
        )
        bad = ["add-port", "br0", "bad", "--", "set", "interface", "bad", "type=nonsense"]
        done = run_here(VSCTL, [f"--db={switch.remote}", "-t", "20", *bad])
        assert done.status == 0
        assert done.stderr.startswith("ovs-vsctl: Error detected while setting up 'bad': ")
        assert "The default log directory is " in done.stderr
    finally:
        os.kill(int((tmp_path / "vswitchd.pid").read_text()), 15)


def test_northd_is_waited_for(tmp_path: Path, peer: Callable[[str], str]) -> None:
    northbound = Side(tmp_path / "nb", peer, "OVN_Northbound", NB_SCHEMA)
    southbound = Side(tmp_path / "sb", peer, "OVN_Southbound", SB_SCHEMA)
    pidfile = tmp_path / "northd.pid"
    command = [peer("ovn-northd"), "--detach", "--no-chdir", f"--pidfile={pidfile}", "-vconsole:off"]
    command += [f"--ovnnb-db={northbound.remote}", f"--ovnsb-db={southbound.remote}"]
    subprocess.run([*command, f"--unixctl={tmp_path}/northd.ctl"], check=True)
    try:
        words = [f"--db={northbound.remote}", "-t", "20", "--wait=sb", "--print-wait-time", "ls-add", "sw"]
        done = run_here(NBCTL, words)
        assert done.status == 0
        first, delay, completion = done.stdout.splitlines()
        assert first.startswith("Time spent on processing nb_cfg ")
        assert delay.startswith("\tovn-northd delay before processing:\t")
        assert completion.startswith("\tovn-northd completion:\t\t\t")
        assert len(southbound.contents()["Datapath_Binding"]) == 1
    finally:
        os.kill(int(pidfile.read_text()), 15)
        northbound.stop()
        southbound.stop()


NAMES_2015 = [
    ("lswitch-add sw", ""),
    ("lswitch-add sw", ""),
    ("lswitch-add other", ""),
    ("lport-add other p1", ""),
    ("lport-add other c1 p1 5", ""),
    ("lport-get-parent c1", "p1\n"),
    ("lport-get-parent p1", ""),
    ("lport-get-tag p1", ""),
    ("lport-set-macs p1 00:00:00:00:00:01 unknown", ""),
    ("lport-get-macs p1", "00:00:00:00:00:01\nunknown\n"),
    ("lport-set-port-security p1 00:00:00:00:00:01", ""),
    ("lport-get-port-security p1", "00:00:00:00:00:01\n"),
    ("lport-get-up p1", "down\n"),
    ("lport-set-external-id p1 a b", ""),
    ("lport-set-external-id p1 c d", ""),
    ("lport-get-external-id p1", "a=b\nc=d\n"),
    ("lport-get-external-id p1 a", "b\n"),
    ("lport-set-external-id p1 a", ""),
    ("lport-get-external-id p1", "c=d\n"),
    ("lswitch-set-external-id other x y", ""),
    ("lswitch-get-external-id other x", "y\n"),
    ("lport-del c1", ""),
    ("lport-add p2 other", ""),  # the order of arguments until 17 April
    ("lport-get-up p2", "down\n"),
    ("lport-del p2", ""),
    ("lport-add other c2 p1 7", ""),
    ("lport-get-tag c2", "7\n"),
    ("lport-del c2", ""),
]

REFUSED_2015 = [
    ("lport-add nosuch p3", "nosuch: switch name not found"),
    ("lport-add p1 other", "p1: a port with this name already exists"),
    ("lport-add p3 sw", "Multiple logical switches named 'sw'.  Use a UUID."),
    ("lport-add other p3 p1", "lport-add with parent must also specify a tag"),
    ("lport-add other p3 p1 4096", "4096: invalid tag (must be in range 0 to 4095)"),
    ("lport-add p3 other p1 5", "p3: switch name not found"),
    ("--2015 show nosuch", "nosuch: switch name not found"),
]


def test_the_commands_of_2015(tmp_path: Path, peer: Callable[[str], str]) -> None:
    side = Side(tmp_path / "nb", peer, "OVN_Northbound", NB_SCHEMA)
    try:
        for line, output in NAMES_2015:
            done = run_here(NBCTL, [f"--db={side.remote}", *line.split()])
            assert (done.status, done.stdout, done.stderr) == (0, output, ""), line
        for line, message in REFUSED_2015:
            done = run_here(NBCTL, [f"--db={side.remote}", *line.split()])
            assert (done.status, done.stdout, done.stderr) == (1, "", f"ovn-nbctl: {message}\n"), line
        contents = side.contents()
        (port,) = contents["Logical_Switch_Port"]
        listed = run_here(NBCTL, [f"--db={side.remote}", "lport-list", "other"])
        assert listed.stdout == f"{port} (p1)\n"
        listed = run_here(NBCTL, [f"--db={side.remote}", "lswitch-list"])
        names = [line.split()[1] for line in listed.stdout.splitlines()]
        assert names == ["(other)", "(sw)", "(sw)"]
        assert run_here(NBCTL, [f"--db={side.remote}", "lswitch-del", "sw"]).status == 1
        assert run_here(NBCTL, [f"--db={side.remote}", "lswitch-del", "other"]).status == 0
        assert side.contents()["Logical_Switch_Port"] == {}
    finally:
        side.stop()


def test_a_line_sees_its_own_changes(tmp_path: Path, peer: Callable[[str], str]) -> None:
    side = Side(tmp_path / "nb", peer, "OVN_Northbound", NB_SCHEMA)
    try:
        words = (
            "ls-add s -- lsp-add s p -- lsp-set-addresses p unknown -- lsp-list s -- lsp-del p -- lsp-list s"
        )
        done = run_here(NBCTL, [f"--db={side.remote}", *words.split()])
        assert done.status == 0
        assert [line.split()[1] for line in done.stdout.splitlines()] == ["(p)"]
        assert side.contents()["Logical_Switch_Port"] == {}
    finally:
        side.stop()
