"""Daemon mode of the ctl programs: our client on our daemon, and each beside Debian's other half."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ctl_twin import Side, run_here

from pyovn.daemon.ctlclient import control_request
from pyovn.tools.nbctl.program import PROGRAM as NBCTL
from pyovn.tools.sbctl.program import PROGRAM as SBCTL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers
ENTRY = "import sys; sys.argv[0] = '{0}'; from pyovn.tools.{1} import main; sys.exit(main())"
SCHEMA = "/usr/share/ovn/ovn-{}.ovsschema"


@pytest.fixture
def side(short_tmp: Path, peer: Callable[[str], str]) -> Iterator[Side]:
    side = Side(short_tmp / "nb", peer, "OVN_Northbound", SCHEMA.format("nb"))
    yield side
    side.stop()


def start(directory: Path, side: Side, name: str = "ovn-nbctl", *words: str) -> str:
    code = ENTRY.format(name, name.removeprefix("ovn-"))
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OVN_RUNDIR": str(directory)}
    command = [sys.executable, "-c", code, f"--db={side.remote}", "--detach", "--pidfile", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.removesuffix("\n")


@pytest.fixture
def daemon(short_tmp: Path, side: Side, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    path = start(short_tmp, side)
    monkeypatch.setenv("OVN_NB_DAEMON", path)
    yield path
    control_request(path, "exit", [])


def test_the_path_of_the_control_socket_is_printed(daemon: str, short_tmp: Path) -> None:
    pid = (short_tmp / "ovn-nbctl.pid").read_text().strip()
    assert daemon == f"{short_tmp}/ovn-nbctl.{pid}.ctl"


def test_lines_are_carried_out_by_the_daemon(daemon: str) -> None:
    assert daemon
    assert run_here(NBCTL, ["ls-add", "sw0"]) == (0, "", "")
    assert run_here(NBCTL, ["--bare", "--columns=name", "list", "logical_switch"]).stdout == "sw0\n"
    assert run_here(NBCTL, ["--may-exist", "ls-add", "sw0", "--", "lsp-add", "sw0", "p"]) == (0, "", "")
    assert run_here(NBCTL, ["ls-del", "no"]) == (1, "", "ovn-nbctl: no: switch name not found\n")
    assert run_here(NBCTL, ["--no", "ls-list"]).stderr == "ovn-nbctl: unrecognized option '--no'\n"
    assert run_here(NBCTL, ["--dry-run", "ls-add", "x", "--", "ls-del", "sw0"]).status == 0
    assert run_here(NBCTL, ["get", "logical_switch", "sw0", "name"]).stdout == "sw0\n"


def test_one_that_waits_holds_back_nobody(daemon: str, side: Side) -> None:
    words = ["wait-until", "logical_switch", "late", "--", "get", "logical_switch", "late", "name"]
    code = "import sys; from pyovn.tools.nbctl import main; sys.exit(main())"
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OVN_NB_DAEMON": daemon}
    waiter = subprocess.Popen(
        [sys.executable, "-c", code, "--timeout=30", *words], stdout=subprocess.PIPE, text=True, env=environ
    )
    assert run_here(NBCTL, ["ls-add", "early"]).status == 0
    assert waiter.poll() is None
    # Whoever makes the switch: the daemon hears of it.
    assert run_here(NBCTL, [f"--db={side.remote}", "ls-add", "late"]).status == 0
    assert waiter.communicate(timeout=30)[0] == "late\n"


def test_debians_client_on_our_daemon(daemon: str, peer: Callable[[str], str]) -> None:
    def theirs(*words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [peer("ovn-nbctl"), "-u", daemon, *words], capture_output=True, text=True, check=False, timeout=30
        )
        return done.returncode, done.stdout, done.stderr

    assert theirs("lr-add", "lr0") == (0, "", "")
    assert theirs("--oneline", "get", "logical_router", "lr0", "name", "options") == (0, "lr0\\n{}\n", "")
    assert theirs("lr-del", "no") == (1, "", "ovn-nbctl: no: router name not found\n")


def test_our_client_on_debians_daemon(short_tmp: Path, side: Side, peer: Callable[[str], str]) -> None:
    environ = os.environ | {"OVN_RUNDIR": str(short_tmp)}
    command = [peer("ovn-nbctl"), f"--db={side.remote}", "--detach", f"--unixctl={short_tmp}/c.ctl"]
    path = subprocess.check_output(command, text=True, env=environ, timeout=30).strip()
    try:
        assert run_here(NBCTL, ["-u", path, "ls-add", "sw0"]) == (0, "", "")
        assert run_here(NBCTL, ["-u", path, "ls-add", "sw0"]).status == 1
    finally:
        control_request(path, "exit", [])


def test_without_a_daemon_the_variable_is_named(monkeypatch: pytest.MonkeyPatch, side: Side) -> None:
    monkeypatch.setenv("OVN_NB_DAEMON", "/nowhere")
    done = run_here(NBCTL, ["ls-list"])
    assert done.status == 1
    assert "unset OVN_NB_DAEMON to avoid using daemon" in done.stderr
    done = run_here(NBCTL, [f"--db={side.remote}", "ls-list"])
    assert done.status == 0
    assert done.stderr.endswith("|ovn_dbctl|WARN|not using ovn-nbctl daemon because of db option\n")


def test_the_southbound_has_a_daemon_too(
    short_tmp: Path, peer: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    side = Side(short_tmp / "sb", peer, "OVN_Southbound", SCHEMA.format("sb"))
    try:
        path = start(short_tmp, side, "ovn-sbctl", "-u", f"{short_tmp}/s.ctl")
        assert path == f"{short_tmp}/s.ctl"
        monkeypatch.setenv("OVN_SB_DAEMON", path)
        assert run_here(SBCTL, ["chassis-add", "c1", "geneve", "1.2.3.4"]) == (0, "", "")
        assert run_here(SBCTL, ["show"]).stdout.startswith("Chassis c1\n")
        control_request(path, "exit", [])
    finally:
        side.stop()
