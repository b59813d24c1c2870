"""``pyovn status`` asks northd and every ovn-controller in reach."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pyovn.tools import pyovn

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS = {
    "ovn-northd": (True, "router r0: not served\n"),
    "ovn-controller": (True, "port p: no such bridge\n"),
}


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run directories with pidfiles; the daemons' answers are made up."""
    asked = "pyovn.daemon.ctlclient."
    monkeypatch.setenv("PYOVN_SANDBOX", str(tmp_path))
    monkeypatch.setenv("OVN_RUNDIR", str(tmp_path))
    for name in ("hv1", "hv2", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "hv1" / "ovn-controller.pid").touch()
    (tmp_path / "hv2" / "ovn-controller.pid").touch()
    monkeypatch.setattr(asked + "find_socket", lambda target, rundir: f"{rundir}/{target}")

    def answer(path: str, method: str, args: list[str]) -> tuple[bool, str]:
        assert (method, args) == ("notices", [])
        if "hv2" in path:
            raise ConnectionRefusedError(111, "Connection refused")
        return ANSWERS[os.path.basename(path)]  # noqa: PTH119 - a name, not a file

    monkeypatch.setattr(asked + "control_request", answer)
    return tmp_path


def test_every_daemon_is_asked(sandbox: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sandbox.exists()
    assert pyovn._status() == 0
    assert capsys.readouterr().out.splitlines() == [
        "router r0: not served",
        "hv1: port p: no such bridge",
        "hv2: ovn-controller does not answer ([Errno 111] Connection refused)",
    ]
