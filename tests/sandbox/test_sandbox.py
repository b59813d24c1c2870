"""The sandbox as a user meets it: the tour, the tools of others in it, and nothing left behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyovn.sandbox.main import SandboxError, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = Path(sys.executable).parent


def run(environ: dict[str, str], *command: str) -> str:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, ""), (command, done.stdout, done.stderr)
    return done.stdout


def refused(environ: dict[str, str], *command: str) -> tuple[int, str]:
    """The exit status and the message of a command that fails, and says nothing else."""
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no sandbox is, though the tests may run in the shell of one."""
    monkeypatch.delenv("PYOVN_SANDBOX", raising=False)


@pytest.fixture
def sandbox(short_tmp: Path) -> Iterator[dict[str, str]]:
    with running(str(short_tmp / "s"), 2) as environ:
        yield environ


def hosts(directory: Path) -> set[str]:
    """Processes that host a sandbox in ``directory``."""
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                line = (process / "cmdline").read_bytes()
            except OSError:
                continue  # it has just ended
            if b"pyovn.sandbox.host" in line and bytes(directory) in line.split(b"\0"):
                found.add(process.name)
    return found


@pytest.mark.usefixtures("outside")
def test_the_tour_is_green_and_leaves_nothing(short_tmp: Path) -> None:
    done = subprocess.run(
        [PROGRAMS / "pyovn", "sandbox", "-o", "--directory", short_tmp / "tour"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert "delivered to vm2 on hv2" in done.stdout
    assert "delivered nowhere" in done.stdout
    assert done.stderr == ""
    assert list(short_tmp.iterdir()) == []
    assert hosts(short_tmp / "tour") == set()


def test_a_healthy_run_logs_no_warning(sandbox: dict[str, str]) -> None:
    run(sandbox, "ovn-nbctl", "ls-add", "sw0", "--", "lsp-add", "sw0", "vm1")
    run(sandbox, "pyovn", "sandbox", "plug", "hv1", "vif1", "vm1")
    run(sandbox, "ovn-nbctl", "--wait=hv", "--timeout=60", "sync")
    logs = sorted(Path(sandbox["PYOVN_SANDBOX"]).rglob("*.log"))
    assert len(logs) == 10
    loud = [
        line for log in logs for line in log.read_text().splitlines() if "|WARN|" in line or "|ERR|" in line
    ]
    assert loud == []


def test_a_directory_that_exists_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(SandboxError, match="exists already"), running(str(tmp_path), 1):
        pass
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_mistake_is_one_message(sandbox: dict[str, str]) -> None:
    for command, message in (
        (("plug", "hv9", "vif1", "vm1"), "there is no hypervisor hv9"),
        (("unplug", "hv1", "vif1"), "hv1 has no port vif1"),
        (("send", "vm1", "vm2"), "there is no logical port vm1"),
        (("add-hypervisor", "hv1"), "there is a hypervisor hv1 already"),
        (("add-hypervisor", "a b/../c"), '"a b/../c" cannot name a hypervisor'),
        (("plugg", "hv1"), 'there is no verb "plugg"; the verbs are: status, list, add-hypervisor,'),
        ((), "this is the shell of a sandbox; the verbs are: status, list, add-hypervisor,"),
        (("--hypervisors", "3"), "this is the shell of a sandbox; the verbs are: status, list,"),
    ):
        status, said = refused(sandbox, "pyovn", "sandbox", *command)
        assert status == 2
        assert message in said
    assert refused(sandbox, "hv1") == (
        2,
        "usage: hv1 COMMAND [ARGUMENTS]    run COMMAND on hv1, such as: hv1 ovs-vsctl show\n",
    )
    assert "hv2 (192.168.0.2)" in run(sandbox, "pyovn", "sandbox", "list")


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (("sandbox", "plugg"), 2, 'pyovn: there is no verb "plugg"; the verbs are: status, list,'),
        (("sandbox", "tour"), 1, "pyovn: this is not the shell of a sandbox; start one with: pyovn sandbox"),
        (("foo",), 2, "pyovn: foo is unknown\nusage: pyovn COMMAND"),
        (("status",), 1, "pyovn: ovn-northd cannot be asked in /nowhere (No such file or directory)\n"),
    ],
)
def test_a_mistake_outside_of_a_sandbox(command: tuple[str, ...], status: int, message: str) -> None:
    done = refused({**os.environ, "OVN_RUNDIR": "/nowhere"}, str(PROGRAMS / "pyovn"), *command)
    assert done[0] == status
    assert done[1].startswith(message)


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--hypervisors", "0"), "pyovn sandbox: 1 to 1000 hypervisors, not 0\n"),
        (("--directory", "/tmp/" + "x" * 90), "sockets in it would have more than 107 bytes"),
        (("--directory", "/proc/nowhere/s"), "pyovn sandbox: /proc/nowhere/s cannot be made: "),
        (("--restore", "/nowhere/file"), "pyovn sandbox: /nowhere/file cannot be read: No such file"),
        (("--hypervisors", "x"), "argument --hypervisors: invalid int value: 'x'"),
    ],
)
def test_a_sandbox_that_cannot_start_says_why(options: tuple[str, ...], message: str) -> None:
    status, said = refused(dict(os.environ), str(PROGRAMS / "pyovn"), "sandbox", *options)
    assert status in {1, 2}
    assert message in said


def test_plugging_twice_is_refused_and_what_is_unusual_is_said(sandbox: dict[str, str]) -> None:
    assert run(sandbox, "pyovn", "sandbox", "plug", "hv1", "vif1", "nosuch") == "no logical port nosuch yet\n"
    again = refused(sandbox, "pyovn", "sandbox", "plug", "hv1", "vif1", "nosuch")
    assert again == (2, "hv1 has an interface vif1 already\n")
    assert "    vif1: nosuch\n" in run(sandbox, "pyovn", "sandbox", "list")
    assert run(sandbox, "pyovn", "sandbox", "unplug", "hv1", "vif1") == ""
    assert "vif1" not in run(sandbox, "pyovn", "sandbox", "list")


def test_hypervisors_come_and_go(sandbox: dict[str, str]) -> None:
    run(sandbox, "pyovn", "sandbox", "add-hypervisor", "hv3")
    run(sandbox, "ovn-sbctl", "--timeout=60", "wait-until", "Chassis", "hv3", "hostname=hv3")
    assert "hv3 (192.168.0.3)" in run(sandbox, "pyovn", "sandbox", "list")
    assert run(sandbox, "hv3", "ovn-appctl", "-t", "ovn-controller", "debug/status") == "running\n"
    run(sandbox, "pyovn", "sandbox", "remove-hypervisor", "hv3")
    assert "hv3" not in run(sandbox, "ovn-sbctl", "show")
    directory = Path(sandbox["PYOVN_SANDBOX"])
    assert not (directory / "hv3").exists()
    assert sorted(path.name for path in (directory / "bin").iterdir()) == ["hv1", "hv2"]


def test_why_a_flow_is_there_and_what_is_no_flow(sandbox: dict[str, str]) -> None:
    run(sandbox, "ovn-nbctl", "--wait=sb", "ls-add", "sw0")
    northd, controller = ("ovn-appctl", "-t", "ovn-northd"), ("hv1", "ovn-appctl", "-t", "ovn-controller")
    datapath = run(sandbox, "ovn-sbctl", "--bare", "--columns=_uuid", "list", "Datapath_Binding").strip()
    assert "Logical_Switch" in run(sandbox, *northd, "flow/why", datapath)
    for daemon, argument, message in (
        (northd, "zz", "zz is no UUID, nor the beginning of one\n"),
        (northd, "00000000-0", "no southbound row has a UUID that begins with 00000000-0\n"),
        (controller, "zz", "zz is no cookie: that is a hexadecimal number, or a UUID\n"),
        (controller, "0x12g", "0x12g is no cookie: that is a hexadecimal number, or a UUID\n"),
        (controller, datapath, f"no flow with cookie {datapath} is wanted\n"),
    ):
        status, said = refused(sandbox, *daemon, "flow/why", argument)
        assert status == 2
        assert said.startswith(message)
    assert run(sandbox, *controller, "debug/status") == "running\n"


def test_the_tour_wants_its_names_for_itself(sandbox: dict[str, str]) -> None:
    run(sandbox, "ovn-nbctl", "ls-add", "sw0")
    said = (
        "pyovn sandbox tour: there is a logical switch sw0 already, and the tour makes its own: "
        "run it in a new sandbox (pyovn sandbox --tour)\n"
    )
    assert refused(sandbox, "pyovn", "sandbox", "tour") == (1, said)
    run(sandbox, "ovn-nbctl", "ls-del", "sw0")
    run(sandbox, "pyovn", "sandbox", "remove-hypervisor", "hv2")
    said = "pyovn sandbox tour: the tour needs the hypervisors hv1 and hv2\n"
    assert refused(sandbox, "pyovn", "sandbox", "tour") == (1, said)


def test_the_end_of_the_host_is_one_message(sandbox: dict[str, str]) -> None:
    directory = sandbox["PYOVN_SANDBOX"]
    pid = int(Path(directory, "sandbox.pid").read_text())
    descriptor = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([descriptor], [], [], 20)[0]
    finally:
        os.close(descriptor)
    ended = f"this sandbox has ended, its log is {directory}/sandbox.log"
    for command in (("status",), ("sandbox", "list"), ("sandbox", "plug", "hv1", "vif1", "vm1")):
        assert refused(sandbox, "pyovn", *command) == (
            1,
            f"pyovn: {ended}; leave the shell and start another\n",
        )
    assert ended in refused(sandbox, "pyovn", "sandbox", "tour")[1]


def test_what_is_not_served_is_named(sandbox: dict[str, str]) -> None:
    run(sandbox, "ovn-nbctl", "create", "Logical_Router", "name=r0")
    run(sandbox, "ovn-nbctl", "--wait=sb", "sync")
    assert "router r0: only its rows are served, no flows" in run(sandbox, "pyovn", "status")
    run(sandbox, "ovn-nbctl", "--all", "destroy", "Logical_Router")
    run(sandbox, "ovn-nbctl", "--wait=sb", "sync")
    assert run(sandbox, "pyovn", "status") == ""


def test_databases_are_served_where_their_rows_say(sandbox: dict[str, str], short_tmp: Path) -> None:
    for words in (
        ("ovn-nbctl", "set-connection", "get-connection"),
        ("ovn-sbctl", "set-connection", "get-connection"),
        ("hv2", "ovs-vsctl", "set-manager", "get-manager"),
    ):
        *place, tool, write, read = words
        target = f"unix:{short_tmp}/{tool}.sock"
        run(sandbox, *place, tool, write, f"p{target}")
        assert f"p{target}\n" in run(sandbox, tool, f"--db={target}", read)
    assert run(sandbox, "ovs-vsctl", "get-manager") == ""  # that of hv1


@pytest.mark.peers
def test_debians_tools_work_in_the_sandbox(sandbox: dict[str, str], peer: Callable[[str], str]) -> None:
    nbctl, sbctl, vsctl = peer("ovn-nbctl"), peer("ovn-sbctl"), peer("ovs-vsctl")
    trace, appctl, ofctl = peer("ovn-trace"), peer("ovs-appctl"), peer("ovs-ofctl")
    run(sandbox, nbctl, "ls-add", "sw0")
    for port, mac in (("vm1", "00:00:00:00:00:01"), ("vm2", "00:00:00:00:00:02")):
        run(sandbox, nbctl, "lsp-add", "sw0", port, "--", "lsp-set-addresses", port, mac)
        run(sandbox, nbctl, "lsp-set-port-security", port, mac)
    for hypervisor, interface, port in (("hv1", "vif1", "vm1"), ("hv2", "vif2", "vm2")):
        there = {**sandbox, "OVS_RUNDIR": f"{sandbox['PYOVN_SANDBOX']}/{hypervisor}"}
        ids = f"external_ids:iface-id={port}"
        run(there, vsctl, "add-port", "br-int", interface, "--", "set", "Interface", interface, ids)
    run(sandbox, nbctl, "--wait=hv", "--timeout=60", "sync")
    assert run(sandbox, nbctl, "lsp-get-up", "vm2") == "up\n"
    assert "Port_Binding vm2" in run(sandbox, sbctl, "show")
    flow = 'inport == "vm1" && eth.src == {} && eth.dst == 00:00:00:00:00:02'
    good, spoofed = (flow.format(mac) for mac in ("00:00:00:00:00:01", "00:00:00:00:00:99"))
    for packet, says in ((good, 'output("vm2");'), (spoofed, "")):
        ours = run(sandbox, "ovn-trace", "--minimal", "sw0", packet)
        assert says in ours
        assert run(sandbox, trace, "--minimal", "sw0", packet) == ours
    assert "delivered to vm2" in run(sandbox, "pyovn", "sandbox", "send", "vm1", "vm2")
    assert (
        run(sandbox, "pyovn", "sandbox", "send", "vm1", "vm2", "00:00:00:00:00:99") == "delivered nowhere\n"
    )
    assert "Status: active" in run(
        sandbox, appctl, "-t", f"{sandbox['OVN_RUNDIR']}/{northd(sandbox)}", "status"
    )
    assert "tun_metadata0" in run(sandbox, ofctl, "-O", "OpenFlow15", "dump-flows", "br-int", "table=39")


def northd(environ: dict[str, str]) -> str:
    """The name of northd's control socket."""
    return f"ovn-northd.{Path(environ['OVN_RUNDIR'], 'ovn-northd.pid').read_text().strip()}.ctl"


@pytest.mark.usefixtures("outside")
def test_a_terminal_that_is_closed_leaves_nothing(short_tmp: Path) -> None:
    with subprocess.Popen(
        [PROGRAMS / "pyovn", "sandbox", "--tour", "--directory", short_tmp / "s"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as sandbox:
        assert sandbox.stdout is not None
        assert sandbox.stdout.read(1) == b"\n", "the tour has begun"
        sandbox.send_signal(signal.SIGHUP)
        assert sandbox.wait(60) == 128 + signal.SIGHUP
    assert list(short_tmp.iterdir()) == []
    assert hosts(short_tmp / "s") == set()


def test_the_parents_death_ends_the_sandbox(short_tmp: Path) -> None:
    """A parent that is killed closes the pipe: the host goes, whatever the parent wanted to do."""
    code = (
        "import sys, os; from pyovn.sandbox.main import running\n"
        f"with running({str(short_tmp / 's')!r}, 1): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, stdout=subprocess.DEVNULL)
    assert done.returncode == -9
    for left in hosts(short_tmp / "s"):
        descriptor = os.pidfd_open(int(left))
        try:
            assert select.select([descriptor], [], [], 20)[0], f"process {left} is still there"
        finally:
            os.close(descriptor)
