"""``pyovn sandbox``: a deployment on this machine, without root, for as long as a shell or the tour runs.

The deployment lives in a child process (``host``) whose standard input is a pipe from here: however this
process ends, the pipe closes and the child cleans up and goes.  The directory is removed at the end.

With a terminal a shell is opened in which every tool works without options; without one the guided tour
runs, and the exit status is 0 if every check of it holds.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyovn.sandbox import wrappers
from pyovn.sandbox.host import NO_2015, READY
from pyovn.sandbox.tour import run_tour

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BASH_START: Final = """\
# What bash reads in a sandbox: the user's own file, then what that must not undo.
[ -f ~/.bashrc ] && . ~/.bashrc
PATH={path}
PS1='{prompt}'
"""

_PROMPT: Final = "[pyovn] \\w\\$ "

_BANNER: Final = """
You are in a pyovn sandbox: one central node and {count} hypervisors, as an ordinary user.

    ovn-nbctl show                  the network that is asked for
    ovn-sbctl show                  where it is
    ovn-nbctl ls-add sw0            a logical switch
    hv1 ovs-vsctl show              a hypervisor's switch: hv1 COMMAND runs there
    hv1 ovn-appctl -t ovn-controller connection-status
                                    ask a daemon of a hypervisor; without hv1, those of the central node
    pyovn sandbox plug hv1 vif1 vm1 start a VM that is logical port vm1
    pyovn sandbox send vm1 vm2      a frame, and where it arrives
    pyovn sandbox --help            ping, move, cut, kill, save and the other verbs
    pyovn sandbox tour              the guided tour, in this sandbox

Without hv1, hv2, ... before them ovs-vsctl, ovs-ofctl and ovs-appctl talk to hv1.
Logs are in {directory}.  Leaving the shell ends the sandbox.
"""


MOST_HYPERVISORS: Final = 1000


class SandboxError(Exception):
    """The sandbox cannot be started; the message says why."""


def environment(directory: str) -> dict[str, str]:
    """What tools need to work without options; on top of the caller's own environment."""
    programs = str(Path(sys.executable).parent)
    first = f"{directory}/hv1"
    changes = {
        "PATH": os.pathsep.join(
            [wrappers.directory_of(directory), programs, os.environ.get("PATH", "/usr/bin:/bin")]
        ),
        "OVN_RUNDIR": directory,
        "OVN_LOGDIR": directory,
        "OVN_NB_DB": f"unix:{directory}/ovnnb_db.sock",
        "OVN_SB_DB": f"unix:{directory}/ovnsb_db.sock",
        "OVS_RUNDIR": first,
        "OVS_LOGDIR": first,
        "PYOVN_SANDBOX": directory,
        "sandbox": directory,  # as ovs-sandbox calls it
    }
    return {**os.environ, **changes}


LONGEST_PATH: Final = 107 - len("/hv1000/ovn-controller.1234567.ctl")
"""Bytes of a directory in which sockets still have names: they have 107 at most (unix(7))."""


def make_directory(directory: str) -> None:
    """Make the sandbox's directory; raises ``SandboxError``."""
    if len(os.fsencode(directory)) > LONGEST_PATH and not os.path.lexists(directory):
        raise SandboxError(
            f"{directory} is too long a name: sockets in it would have more than 107 bytes; "
            f"{LONGEST_PATH} can be used"
        )
    try:
        Path(directory).mkdir(parents=True)
    except FileExistsError:
        raise SandboxError(f"{directory} exists already: another sandbox, or something of yours") from None
    except OSError as error:
        raise SandboxError(f"{directory} cannot be made: {error.strerror}") from error


@contextmanager
def running(
    directory: str, hypervisors: int, restore: str | None = None, *, names2015: bool = True
) -> Iterator[dict[str, str]]:
    """A sandbox in ``directory``; yields the environment for tools.  Gone at the end, files and all."""
    make_directory(directory)
    host = None
    try:
        words = [directory, str(hypervisors), *([] if names2015 else [NO_2015])]
        host = subprocess.Popen(
            [
                *(sys.executable, "-m", "pyovn.sandbox.host"),
                *words,
                *([] if restore is None else [restore]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert host.stdout is not None
        line = host.stdout.readline().strip()
        if line != READY:
            raise SandboxError(line or "the sandbox died while starting: see the messages above")
        yield environment(directory)
    finally:
        if host is not None:
            _end(host)
        shutil.rmtree(directory, ignore_errors=True)


def _end(host: subprocess.Popen[str]) -> None:
    """Close the pipe; a host that does not go by itself is made to."""
    assert host.stdin is not None
    host.stdin.close()
    try:
        host.wait(10)
    except subprocess.TimeoutExpired:
        host.kill()
        host.wait()


def shell_command(shell: str, environ: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """How to start a shell with the sandbox's prompt, and in which environment.

    bash's own files set the prompt after the environment has, so bash is given a file that comes last.
    """
    environ = {**environ, "PS1": _PROMPT}
    if Path(shell).name != "bash":
        return [shell], environ
    start = Path(environ["PYOVN_SANDBOX"], "bashrc")
    start.write_text(_BASH_START.format(path=shlex.quote(environ["PATH"]), prompt=_PROMPT))
    return [shell, "--rcfile", str(start)], environ


def open_shell(environ: dict[str, str]) -> int:
    """Open the user's shell; returns when it is left."""
    directory = environ["PYOVN_SANDBOX"]
    names = sorted(os.listdir(wrappers.directory_of(directory)))  # noqa: PTH208
    print(_BANNER.format(count=len(names), directory=directory), flush=True)
    command, environ = shell_command(os.environ.get("SHELL") or "/bin/sh", environ)
    # Interrupts belong to what runs in the shell, not to the sandbox under it.  They are handled and not
    # ignored here, because what is ignored stays ignored in a child.
    before = signal.signal(signal.SIGINT, lambda _signum, _frame: None)
    try:
        subprocess.run(command, env=environ, check=False)
    finally:
        signal.signal(signal.SIGINT, before)
    return 0


def temporary_directory() -> str:
    """A new directory with a short name, as sockets need it; raises ``SandboxError``."""
    try:
        return tempfile.mkdtemp(prefix="pyovn-", dir="/tmp")
    except OSError as error:
        raise SandboxError(f"no directory can be made in /tmp: {error.strerror}; see --directory") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pyovn sandbox", description="A whole OVN deployment, without root."
    )
    parser.add_argument("--hypervisors", type=int, default=2, metavar="N", help="how many (default: 2)")
    parser.add_argument("--directory", metavar="DIR", help="for its sockets and logs (default: temporary)")
    parser.add_argument("--restore", metavar="FILE", help="begin with what pyovn sandbox save has written")
    parser.add_argument("--tour", action="store_true", help="run the guided tour, also with a terminal")
    parser.add_argument(NO_2015, action="store_true", help="without the database of 2015 and its daemon")
    parser.add_argument("-o", "--ovn", action="store_true", help="accepted: a sandbox of OVN is what this is")
    return parser


def main(argv: Sequence[str]) -> int:
    """Start a sandbox, run a shell or the tour in it, clean up."""
    options = _parser().parse_args(argv)
    if not 1 <= options.hypervisors <= MOST_HYPERVISORS:
        wrong = f"1 to {MOST_HYPERVISORS} hypervisors, not {options.hypervisors}"
        print(f"pyovn sandbox: {wrong}", file=sys.stderr)
        return 2
    for signum in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed leaves nothing either
        signal.signal(signum, lambda number, _frame: sys.exit(128 + number))
    restore = None if options.restore is None else os.path.abspath(options.restore)  # noqa: PTH100
    parent = None
    try:
        if not options.directory:
            parent = temporary_directory()
        directory = os.path.abspath(options.directory or f"{parent}/sandbox")  # noqa: PTH100
        with running(directory, options.hypervisors, restore, names2015=not options.no_2015) as environ:
            if options.tour or (restore is None and not sys.stdin.isatty()):
                return run_tour(environ)
            return open_shell(environ)
    except SandboxError as error:
        print(f"pyovn sandbox: {error}", file=sys.stderr)
        return 1
    finally:
        if parent is not None:
            shutil.rmtree(parent, ignore_errors=True)
