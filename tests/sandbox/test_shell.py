"""The shell of a sandbox: its prompt, its PATH, and interrupts that reach what runs in it."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from pyovn.sandbox.main import environment, open_shell, shell_command


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / ".bashrc").write_text("PS1='mine> '; PATH=/usr/bin:/bin; MINE=read\n")
    return {**environment(str(tmp_path)), "HOME": str(tmp_path)}


def test_interrupts_are_not_ignored_in_the_shell(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shell = tmp_path / "shell"
    (tmp_path / "bin").mkdir()
    shell.write_text("#!/bin/sh\nkill -INT $PPID\ngrep SigIgn /proc/self/status\n")
    shell.chmod(0o755)
    monkeypatch.setenv("SHELL", str(shell))
    before = signal.getsignal(signal.SIGINT)
    assert open_shell(environ) == 0
    assert signal.getsignal(signal.SIGINT) is before
    said = capfd.readouterr().out
    assert "hv1 ovn-appctl -t ovn-controller" in said
    assert "talk to hv1" in said
    ignored = int(said.rpartition("SigIgn:")[2], 16)
    assert not ignored & 1 << (signal.SIGINT - 1)


def test_bash_has_our_prompt_and_path_whatever_its_own_file_says(
    environ: dict[str, str], tmp_path: Path
) -> None:
    if not Path("/bin/bash").exists():
        pytest.skip("bash is not installed")
    command, environ = shell_command("/bin/bash", environ)
    done = subprocess.run(
        [*command, "-i"],
        input='echo "prompt=$PS1" "mine=$MINE" "path=$PATH"\n',
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        start_new_session=True,  # without a terminal of its own it leaves ours alone
    )
    assert f"prompt=[pyovn] \\w\\$  mine=read path={tmp_path}/bin:" in done.stdout


def test_other_shells_get_the_prompt_from_the_environment(environ: dict[str, str]) -> None:
    command, environ = shell_command("/bin/dash", environ)
    assert command == ["/bin/dash"]
    assert environ["PS1"] == "[pyovn] \\w\\$ "
    assert environ["PATH"].split(os.pathsep)[0] == f"{environ['PYOVN_SANDBOX']}/bin"
