"""appctl asks daemons, ours and Debian's, and ends the way scripts expect."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyovn.daemon.pidfile import read_pidfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAMPLE = Path(__file__).parents[1] / "daemon" / "sample_daemon.py"


class Bench:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {
            **os.environ,
            "OVS_RUNDIR": str(path),
            "OVN_RUNDIR": str(path),
            "OVS_SYSCONFDIR": str(path),
            "OVS_CTL_TIMEOUT": "20",
        }

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=self.path,
        )

    def appctl(self, *args: str, entry: str = "main", **environ: str) -> tuple[int, str, str]:
        """Status, output and errors, with the log's times taken out."""
        name = {"main": "ovs-appctl", "ovn_main": "ovn-appctl"}[entry]
        code = (
            f"import sys; from pyovn.tools import appctl; sys.exit(appctl.{entry}(['{name}', *sys.argv[1:]]))"
        )
        return self._told(self.run(sys.executable, "-c", code, *args, **environ))

    def peer(self, path: str, *args: str) -> tuple[int, str, str]:
        # Called by its name alone: getopt's messages begin with all that the program was called by.
        return self._told(self.run(Path(path).name, *args, PATH=str(Path(path).parent)))

    @staticmethod
    def _told(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
        return done.returncode, done.stdout, re.sub(r"^[-\dT:]+Z\|", "", done.stderr, flags=re.MULTILINE)

    def end(self, program: str) -> None:
        try:
            os.kill(read_pidfile(str(self.path / f"{program}.pid")), signal.SIGTERM)
        except FileNotFoundError:
            return


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for pidfile in tmp_path.glob("*.pid"):
        if pidfile.stem in {"sampled", "ovsdb-server"}:
            made.end(pidfile.stem)


def start_sample(bench: Bench) -> None:
    done = bench.run(sys.executable, str(SAMPLE), "--detach", "--pidfile", "--syslog-method=null")
    assert done.returncode == 0, done.stderr


def test_an_answer_and_a_refusal(bench: Bench) -> None:
    start_sample(bench)
    assert bench.appctl("-t", "sampled", "pwd") == (0, "/\n", "")
    assert bench.appctl("--target=sampled", "--", "pwd") == (0, "/\n", "")
    assert bench.appctl("-t", "sampled", "pwd", "--all") == (
        2,
        "",
        '"pwd" command takes at most 0 arguments\novs-appctl: sampled: server returned an error\n',
    )
    assert bench.appctl("-t", "sampled", "exit") == (0, "", "")


@pytest.mark.parametrize(
    ("args", "errors"),
    [
        ((), "ovs-appctl: at least one non-option argument is required (use --help for help)\n"),
        (("--foo",), "ovs-appctl: unrecognized option '--foo'\n"),
        (("-T", "0", "x"), "ovs-appctl: value 0 on -T or --timeout is invalid\n"),
        (("-vfoo", "x"), 'ovs-appctl: processing "foo": no destination, level, or module "foo"\n'),
        (
            ("-t", "none", "x"),
            (
                "00001|daemon_unix|WARN|{0}/none.pid: open: No such file or directory\n"
                'ovs-appctl: cannot read pidfile "{0}/none.pid" (No such file or directory)\n'
            ),
        ),
        (
            ("-t", "/nonexistent.ctl", "x"),
            (
                "00001|unixctl|WARN|failed to connect to /nonexistent.ctl\n"
                'ovs-appctl: cannot connect to "/nonexistent.ctl" (No such file or directory)\n'
            ),
        ),
        (
            ("-voff", "version"),
            'ovs-appctl: cannot read pidfile "{0}/ovs-vswitchd.pid" (No such file or directory)\n',
        ),
    ],
)
def test_nobody_to_ask(bench: Bench, args: tuple[str, ...], errors: str) -> None:
    assert bench.appctl(*args) == (1, "", errors.format(bench.path))


def test_ovn_appctl_asks_ovn_controller(bench: Bench) -> None:
    status, _, errors = bench.appctl("-voff", "version", entry="ovn_main")
    assert (status, errors) == (
        1,
        f'ovn-appctl: cannot read pidfile "{bench.path}/ovn-controller.pid" (No such file or directory)\n',
    )


def test_a_stale_pidfile_is_not_believed(bench: Bench) -> None:
    (bench.path / "stale.pid").write_text("1\n")
    status, _, errors = bench.appctl("-voff", "-t", "stale", "version")
    assert (status, errors) == (
        1,
        f'ovs-appctl: cannot read pidfile "{bench.path}/stale.pid" (No such process)\n',
    )


@pytest.mark.parametrize("given", ["option", "environment"])
def test_the_timeout_ends_by_sigalrm(bench: Bench, given: str) -> None:
    start_sample(bench)
    pid = read_pidfile(str(bench.path / "sampled.pid"))
    os.kill(pid, signal.SIGSTOP)
    try:
        if given == "option":
            told = bench.appctl("-t", "sampled", "-T1", "version")
        else:
            told = bench.appctl("-t", "sampled", "version", OVS_CTL_TIMEOUT="1")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert told == (
        -signal.SIGALRM,
        "",
        "00001|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n",
    )


def test_help_and_version(bench: Bench) -> None:
    assert bench.appctl("--version") == (0, "ovs-appctl (Open vSwitch, pyovn) 0.1.0\n", "")
    assert bench.appctl("-h")[1].startswith("ovs-appctl: ask and control a running Open vSwitch daemon\n")


def test_it_starts_fast(bench: Bench) -> None:
    modules = bench.run(
        sys.executable, "-c", "import sys; from pyovn.tools import appctl; print(*sys.modules)"
    ).stdout.split()
    assert not {"asyncio", "uvloop", "msgspec", "pathlib"} & set(modules)


@pytest.mark.peers
def test_we_ask_debians_daemon_and_hear_what_debians_appctl_hears(
    bench: Bench, peer: Callable[[str], str]
) -> None:
    schema = bench.path / "s.ovsschema"
    schema.write_text('{"name": "Simple", "version": "1.0.0", "tables": {}}')
    bench.run(peer("ovsdb-tool"), "create", "c.db", str(schema))
    started = bench.run(peer("ovsdb-server"), "--detach", "--pidfile", "--remote=punix:db.sock", "c.db")
    assert started.returncode == 0, started.stderr
    theirs = peer("ovs-appctl")
    asked: tuple[tuple[str, ...], ...] = (
        ("version",),
        ("ovsdb-server/list-dbs",),
        ("list-commands",),
        ("vlog/list",),
        ("nope",),
        ("version", "x"),
        ("vlog/set", "a:b"),
    )
    for args in asked:
        words = ("-t", "ovsdb-server", *args)
        assert bench.appctl(*words) == bench.peer(theirs, *words), args
    in_vain: tuple[tuple[str, ...], ...] = (
        (),
        ("-t", "none", "x"),
        ("-T", "x", "y"),
        ("-t", str(bench.path), "x"),
        ("--t",),
    )
    for args in in_vain:
        assert bench.appctl(*args) == bench.peer(theirs, *args), args
