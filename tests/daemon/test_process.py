"""Real processes: detaching, pidfile and lock, monitor, ways out; Debian's tools see what we do."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyovn.daemon.ctlclient import control_request, find_socket
from pyovn.daemon.log import Log
from pyovn.daemon.main import Daemon, DaemonSpec
from pyovn.daemon.paths import Directories, ovn, ovs
from pyovn.daemon.pidfile import Pidfile, PidfileError, read_pidfile
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLE = Path(__file__).with_name("sample_daemon.py")
TICK = 0.02
PATIENCE = 60.0


class Rundir:
    """A directory with daemons, all of which are gone at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {**os.environ, "OVS_RUNDIR": str(path), "OVS_LOGDIR": str(path)}

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(SAMPLE), *args],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            cwd=self.path,
        )

    def start(self, *args: str) -> int:
        done = self.run("--detach", "--pidfile", "--log-file", "--syslog-method=null", *args)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return self.pid()

    def pid(self) -> int:
        return read_pidfile(str(self.path / "sampled.pid"))

    def ask(self, method: str, *args: str) -> tuple[bool, str]:
        return control_request(find_socket("sampled", str(self.path)), method, list(args))

    def log(self) -> list[str]:
        """The log without times and serial numbers."""
        lines = (self.path / "sampled.log").read_text().splitlines()
        return ["|".join(line.split("|")[2:]) if line.count("|") > 3 else line for line in lines]

    def names(self) -> set[str]:
        return {entry.name for entry in self.path.iterdir()}


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what another process does; on a busy machine that takes its time."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / TICK)):
        if condition():
            return
        pause.wait(TICK)
    pytest.fail("it never happened")


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def rundir(tmp_path: Path) -> Iterator[Rundir]:
    made = Rundir(tmp_path)
    yield made
    for _ in range(3):
        try:
            os.kill(made.pid(), signal.SIGTERM)
        except (PidfileError, ProcessLookupError):
            return
        wait_for(lambda: not (tmp_path / "sampled.pid").exists())


def test_detached_silent_and_ready(rundir: Rundir) -> None:
    pid = rundir.start()
    assert rundir.names() == {"sampled.pid", f"sampled.{pid}.ctl", "sampled.log"}
    assert rundir.ask("version") == (True, "sampled (Open vSwitch, pyovn) 0.1.0\n")
    assert rundir.ask("pwd") == (True, "/\n")
    assert rundir.ask("exit") == (True, "")
    wait_for(lambda: not alive(pid))
    assert rundir.names() == {"sampled.log"}
    log = rundir.log()
    assert log[0].startswith("vlog|INFO|opened log file")
    assert log[1:] == ["main|INFO|started", "main|INFO|exiting"]


def test_a_signal_ends_it_the_same_way(rundir: Rundir) -> None:
    pid = rundir.start("--no-chdir", f"--unixctl={rundir.path}/my.ctl")
    assert control_request(str(rundir.path / "my.ctl"), "pwd", []) == (True, f"{rundir.path}\n")
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not alive(pid))
    assert rundir.names() == {"sampled.log"}
    assert rundir.log()[-2:] == [
        "fatal_signal|INFO|terminating with signal 15 (Terminated)",
        "main|INFO|exiting",
    ]


def test_a_second_one_is_refused_and_a_stale_pidfile_is_not(rundir: Rundir) -> None:
    (rundir.path / "sampled.pid").write_text("1\n")
    pid = rundir.start()
    second = rundir.run("--detach", "--pidfile", "--syslog-method=null")
    assert second.returncode == 1
    assert second.stderr == f"sampled: {rundir.path}/sampled.pid: already running as pid {pid}, aborting\n"
    assert rundir.pid() == pid


def test_a_daemon_that_cannot_start_says_so_and_its_starter_fails(rundir: Rundir) -> None:
    done = rundir.run("--detach", "--pidfile", "--monitor", "--refuse", "--syslog-method=null", "-voff")
    assert (done.returncode, done.stderr) == (1, "sampled: I was told to refuse\n")
    assert rundir.names() == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_becomes_another_user() -> None:
    # pytest's own directories are closed to others.
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        _check_another_user(Rundir(Path(name)))


def _check_another_user(rundir: Rundir) -> None:
    pid = rundir.start("--user=nobody")
    uid = pwd.getpwnam("nobody").pw_uid
    assert Path(f"/proc/{pid}").stat().st_uid == uid
    assert {entry.stat().st_uid for entry in rundir.path.iterdir()} == {uid}
    assert rundir.ask("vlog/reopen") == (True, "")
    assert rundir.ask("exit") == (True, "")
    wait_for(lambda: not alive(pid))


@pytest.mark.parametrize(
    ("args", "status", "stderr"),
    [
        (["--foo"], 1, "sampled: unrecognized option '--foo'\n"),
        (["-vnope"], 1, 'sampled: processing "nope": no destination, level, or module "nope"\n'),
        (
            ["--pidfile=/nonexistent/x"],
            1,
            "sampled: /nonexistent/x.tmp: create failed (No such file or directory)\n",
        ),
        (["--syslog-method=foo"], 1, "sampled: unsupported syslog method 'foo'\n"),
        (["argument"], 1, "sampled: too many non-option arguments; use --help for usage\n"),
        (["--user=nobody-of-this-name"], 1, "sampled: user nobody-of-this-name not found, aborting.\n"),
    ],
)
def test_refusals(rundir: Rundir, args: list[str], status: int, stderr: str) -> None:
    done = rundir.run(*args)
    assert (done.returncode, done.stderr) == (status, stderr)


def test_help_and_version(rundir: Rundir) -> None:
    assert rundir.run("--version").stdout == "sampled (Open vSwitch, pyovn) 0.1.0\n"
    text = rundir.run("--help").stdout
    assert text.startswith(
        "sampled: a daemon that does nothing\nusage: sampled [OPTIONS]\n\nOptions:\n  --refuse"
    )
    assert "\nDaemon options:\n  --detach" in text


@pytest.mark.parametrize(
    ("how", "died"),
    [("exception", "exit status 70"), ("SIGSEGV", "killed (Segmentation fault)")],
)
def test_the_monitor_starts_it_again(rundir: Rundir, how: str, died: str) -> None:
    first = rundir.start("--monitor")
    if how == "exception":
        rundir.ask("crash", how)
    else:
        os.kill(first, signal.Signals[how])

    def restarted() -> bool:
        # The pidfile comes before the control socket, and nobody reports that a restart is complete.
        try:
            return rundir.pid() != first and rundir.ask("version")[0]
        except OSError:
            return False

    wait_for(restarted)
    log = "\n".join(rundir.log())
    assert f"daemon_unix(monitor)|ERR|1 crashes: pid {first} died, {died}" in log
    if how == "exception":
        assert "ZeroDivisionError" in log
    second = rundir.pid()
    os.kill(second, signal.SIGTERM)
    wait_for(
        lambda: rundir.log()[-1] == f"daemon_unix(monitor)|INFO|pid {second} died, exit status 0, exiting"
    )


def test_a_signal_during_the_start_is_not_lost(rundir: Rundir) -> None:
    """It comes after the handlers are there and before the loop runs."""
    done = rundir.run("--pidfile", "--log-file", "--syslog-method=null", "-vconsole:off", "--impatient")
    assert done.returncode == 0
    assert rundir.names() == {"sampled.log"}
    assert rundir.log()[-2:] == [
        "fatal_signal|INFO|terminating with signal 15 (Terminated)",
        "main|INFO|exiting",
    ]


def test_two_daemons_in_one_process_each_with_its_own_files(tmp_path: Path) -> None:
    runtime = VirtualRuntime()
    daemons = []
    for name in ("a", "b"):
        home = tmp_path / name
        home.mkdir()
        places = Directories(*(str(home),) * 5)
        log = Log("sampled", wall=runtime.wall)
        log.open_file(places.log_file("sampled"))
        spec = DaemonSpec("sampled", "ovn", "", lambda daemon: daemon.log.module("main").info("hello"))
        daemon = Daemon(spec, runtime, directories=places, log=log)
        daemon.open(pidfile=places.pidfile("sampled"))
        daemon.start()
        daemons.append(daemon)
    for name in ("a", "b"):
        assert (tmp_path / name / "sampled.log").read_text().count("hello") == 1
        assert (tmp_path / name / "sampled.pid").read_text() == f"{os.getpid()}\n"
    daemons[0].exit()
    runtime.settle()
    assert not (tmp_path / "a" / "sampled.pid").exists()
    assert (tmp_path / "b" / "sampled.pid").exists()
    daemons[1].close()


def test_exit_waits_for_its_functions_but_not_for_ever(tmp_path: Path) -> None:
    runtime = VirtualRuntime()
    seen: list[object] = []
    spec = DaemonSpec("sampled", "ovn", "", lambda _: None, exit_usage="[--restart]")
    daemon = Daemon(
        spec,
        runtime,
        directories=Directories(*(str(tmp_path),) * 5),
        log=Log("sampled"),
        on_stopped=lambda: seen.append("stopped"),
    )
    daemon.open()
    daemon.on_exit_later(lambda args, _never: seen.append(args))
    daemon.on_exit(lambda: seen.append("first"))
    daemon.control.run("exit", ["--restart"])
    runtime.settle()
    assert seen == ["first", ["--restart"]]
    runtime.advance(11)
    assert seen == ["first", ["--restart"], "stopped"]


def test_pidfiles(tmp_path: Path) -> None:
    path = str(tmp_path / "x.pid")
    with pytest.raises(PidfileError, match=r"x\.pid: open: No such file or directory"):
        read_pidfile(path)
    (tmp_path / "x.pid").write_text("1\n")
    with pytest.raises(PidfileError) as caught:
        read_pidfile(path)
    assert caught.value.strerror == "No such process"
    held = Pidfile(path)
    assert (tmp_path / "x.pid").read_text() == f"{os.getpid()}\n"
    held.remove()
    held.remove()
    assert list(tmp_path.iterdir()) == []


def test_directories_come_from_the_environment() -> None:
    assert ovs({}) == Directories(
        "/var/run/openvswitch",
        "/var/log/openvswitch",
        "/etc/openvswitch",
        "/etc",
        "/usr/share/openvswitch",
    )
    assert ovs({"OVS_SYSCONFDIR": "/x"}).db == "/x/openvswitch"
    places = ovn({"OVN_RUNDIR": "/r", "OVN_LOGDIR": "/l", "OVN_DBDIR": "/d"})
    assert (places.control_socket("ovn-northd", 5), places.log_file("ovn-northd"), places.db) == (
        "/r/ovn-northd.5.ctl",
        "/l/ovn-northd.log",
        "/d",
    )
    assert (places.run_file("x.pid"), places.run_file("/y.pid")) == ("/r/x.pid", "/y.pid")


@pytest.mark.peers
def test_debians_appctl_finds_and_asks_us(rundir: Rundir, peer: Callable[[str], str]) -> None:
    pid = rundir.start()

    def appctl(*args: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [peer("ovs-appctl"), *args],
            env=rundir.environ,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    assert appctl("-t", "sampled", "version") == (0, "sampled (Open vSwitch, pyovn) 0.1.0\n", "")
    by_path = ("-t", f"{rundir.path}/sampled.{pid}.ctl")
    assert "  pwd                     \n" in appctl(*by_path, "list-commands")[1]
    assert appctl(*by_path, "vlog/set", "main:dbg") == (0, "", "")
    assert "main               DBG        DBG        DBG\n" in appctl(*by_path, "vlog/list")[1]
    status, _, stderr = appctl(*by_path, "nope")
    assert status == 2
    assert stderr.startswith('"nope" is not a valid command')
    (rundir.path / "stale.pid").write_text(f"{pid}\n")
    assert appctl("-t", "stale", "version")[0] == 1
    assert appctl("-t", "sampled", "exit") == (0, "", "")
    wait_for(lambda: not alive(pid))


def test_a_daemon_without_control_socket(rundir: Rundir) -> None:
    rundir.start("--unixctl=none")
    assert {path.suffix for path in rundir.path.iterdir()} == {".pid", ".log"}
