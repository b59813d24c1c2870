"""``pyovn explain`` as a program, in a sandbox of its own process: statuses, forms, what goes wrong."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest

from pyovn.sandbox.main import running
from pyovn.tools.explain import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SPOOFED = 'inport == "vm1" && eth.src == 00:00:00:00:00:03 && eth.dst == 00:00:00:00:00:02'


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    directory = tmp_path_factory.mktemp("x")
    with running(str(directory / "s"), 2) as environ:
        setup = (
            "ovn-nbctl ls-add sw0 -- lsp-add sw0 vm1 -- lsp-add sw0 vm2",
            "ovn-nbctl lsp-set-addresses vm1 00:00:00:00:00:01 -- lsp-set-addresses vm2 00:00:00:00:00:02",
            "ovn-nbctl lsp-set-port-security vm1 00:00:00:00:00:01",
            "pyovn sandbox plug hv1 vif1 vm1",
            "pyovn sandbox plug hv2 vif2 vm2",
            "ovn-nbctl --wait=hv sync",
        )
        for line in setup:
            subprocess.run(line.split(), env=environ, check=True, capture_output=True, timeout=30)
        yield environ


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(
    sandbox: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """The program in this process: its start-up would cost more than all that it does."""
    for name in ("OVN_RUNDIR", "OVS_RUNDIR", "OVN_NB_DB", "OVN_SB_DB"):
        if name in sandbox:
            monkeypatch.setenv(name, sandbox[name])
        else:
            monkeypatch.delenv(name, raising=False)

    def call(*words: str) -> Done:
        status = main(words)
        return Done(status, *capsys.readouterr())

    return call


def test_what_arrives_is_0_what_does_not_is_1(run: Callable[..., Done]) -> None:
    done = run("--brief", "vm1", "vm2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "delivered to vm2 on hv2 (vif2)\n", "")
    done = run("--brief", SPOOFED)
    assert done.returncode == 1
    assert done.stdout.startswith("dropped: vm1 may not send as 00:00:00:00:00:03")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "a microflow is needed"),
        (("vm1",), '"vm1" is no microflow'),
        (("vm1", "nobody"), 'there is no logical port "nobody"'),
        (("vm1", "vm2", "--udp=x"), "--udp=x: a port is a number"),
        (("vm1", "vm2", "--tcp=80"), "the sender has no IP address: --tcp needs one"),
        (("vm1", "vm2", "--color=blue"), "--color=blue: always, never or auto"),
        (("vm1", "vm2", "--on=hv9"), "there is no hypervisor hv9; there are: hv1, hv2"),
        (("vm1", "vm2", "--frobnicate"), "frobnicate"),
        (
            ("vm1", "vm2", "--pcap=/nonexistent/x"),
            "/nonexistent/x cannot be written: No such file or directory",
        ),
        (("vm1", "vm2", "--json", "--dot"), "--json and --dot: one form of the answer at a time"),
        (("--sb=unix:/nonexistent", "vm1", "vm2"), "/nonexistent"),
        (('inport == "vm1" &&',), "the microflow cannot be read"),
    ],
)
def test_what_cannot_be_explained_is_2(
    run: Callable[..., Done], words: tuple[str, ...], complaint: str
) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pyovn explain: ")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_forms(run: Callable[..., Done], tmp_path: Path) -> None:
    file = tmp_path / "x.pcapng"
    found = json.loads(run("--json", f"--pcap={file}", "vm1", "vm2").stdout)
    assert found["sources"] == [
        "reasons of logical flows: ovn-northd's flow/why",
        "OpenFlow of hv1, hv2: ovs-vswitchd's ofproto/trace",
    ]
    assert file.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert run("--mermaid", "vm1", "vm2").stdout.startswith("flowchart")
    assert run("--dot", "vm1", "vm2").stdout.startswith("digraph")
    assert "usage: pyovn explain" in run("--help").stdout


def test_colours(run: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in run("vm1", "vm2").stdout
    assert "\x1b[32;1mdelivered" in run("--color=always", "vm1", "vm2").stdout
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" in run("-b", "vm1", "vm2").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run("-b", "vm1", "vm2").stdout


def command(environ: dict[str, str], line: str) -> None:
    done = subprocess.run(line.split(), env=environ, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (line, done.stderr)


@pytest.mark.parametrize(
    ("trouble", "remedy", "status", "said"),
    [
        (
            "ovn-appctl -t ovn-northd pause",
            "ovn-appctl -t ovn-northd resume",
            0,
            "note: ovn-northd is paused: changes of the northbound have no effect meanwhile",
        ),
        (
            "pyovn sandbox cut hv1 hv2",
            "pyovn sandbox mend hv1 hv2",
            1,
            "not delivered to vm2: the link between hv1 (192.168.0.1) and hv2 (192.168.0.2) is cut",
        ),
        (
            "pyovn sandbox kill ovn-northd",
            "pyovn sandbox start ovn-northd",
            0,
            "note: ovn-northd is not running: changes of the northbound have no effect meanwhile",
        ),
        (
            "pyovn sandbox kill hv1 ovs-vswitchd",
            "pyovn sandbox start hv1 ovs-vswitchd",
            1,
            "not delivered to vm2: ovs-vswitchd of hv1 is not running",
        ),
    ],
)  # fmt: skip
def test_what_is_broken_is_seen_and_what_is_mended(
    sandbox: dict[str, str], run: Callable[..., Done], trouble: str, remedy: str, status: int, said: str
) -> None:
    command(sandbox, trouble)
    try:
        done = run("--verdict", "vm1", "vm2")
        assert (done.returncode, said in done.stdout) == (status, True), done
    finally:
        command(sandbox, remedy)
    command(sandbox, "ovn-nbctl --wait=hv sync")
    assert run("--verdict", "vm1", "vm2").stdout == "delivered to vm2 on hv2 (vif2)\n"


def test_as_a_command(sandbox: dict[str, str]) -> None:
    done = subprocess.run(
        ["pyovn", "explain", "-b", "vm2", "vm1"],
        env=sandbox,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (0, "delivered to vm1 on hv1 (vif1)\n")
