"""``pyovn``: what the C programs have no name for.

``pyovn sandbox [OPTIONS]`` starts a sandbox; within its shell, ``pyovn sandbox VERB ...`` acts on it.
``pyovn explain`` shows a packet's whole way, and why it ends where it does.
``pyovn status`` lists what is configured and has no effect, and what failed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE: Final = """usage: pyovn COMMAND [ARGUMENTS]

commands:
  sandbox [--hypervisors N] [--directory DIR] [--restore FILE] [--tour]
                        a whole deployment, without root
  sandbox VERB ...      act on it, within its shell (pyovn sandbox --help lists the verbs)
  explain [DATAPATH] MICROFLOW, explain PORT TARGET
                        the whole way of a packet, where it ends and why (explain --help)
  status                what is configured and has no effect, and what failed
  version               print the version
"""


def _fail(text: str, status: int = 1) -> int:
    print(f"pyovn: {text}", file=sys.stderr)
    return status


def _control(target: str, method: str, arguments: Sequence[str]) -> int:
    """Send one command to a daemon in the run directory; print the answer."""
    from pyovn.daemon.ctlclient import ControlError, control_request, find_socket
    from pyovn.sim.address import reason

    rundir = _rundir()
    try:
        accepted, text = control_request(find_socket(target, rundir), method, list(arguments))
    except (ControlError, OSError) as error:
        if _has_ended():
            return _fail(_epitaph(os.environ["PYOVN_SANDBOX"]))
        why = reason(error) if isinstance(error, OSError) else str(error)
        return _fail(f"{target} cannot be asked in {rundir} ({why})")
    print(text, end="", file=sys.stdout if accepted else sys.stderr)
    return 0 if accepted else 2


def _has_ended() -> bool:
    """This is the shell of a sandbox whose process is gone."""
    from pyovn.daemon.pidfile import PidfileError, read_pidfile

    sandbox = os.environ.get("PYOVN_SANDBOX")
    if sandbox is None:
        return False
    try:
        read_pidfile(f"{sandbox}/sandbox.pid")
    except PidfileError:
        return True
    return False


def _epitaph(sandbox: str) -> str:
    log = f"{sandbox}/sandbox.log"
    where = f"its log is {log}" if os.path.exists(log) else f"{sandbox} is gone"  # noqa: PTH110 - tools start fast
    return f"this sandbox has ended, {where}; leave the shell and start another"


def _rundir() -> str:
    from pyovn.daemon import paths

    return paths.ovn().run


def _sandbox(arguments: Sequence[str]) -> int:
    from pyovn.tools import sandbox_verbs

    status = sandbox_verbs.run(arguments, _control)
    if status is not None:
        return status
    from pyovn.sandbox.main import main as sandbox_main

    return sandbox_main(arguments)


def _status() -> int:
    """Print what northd, ovn-compat2015, the sandbox and each ovn-controller in reach cannot serve."""
    status = _control("ovn-northd", "notices", ())
    if os.path.exists(f"{_rundir()}/ovn-compat2015.pid"):  # noqa: PTH110 - start-up
        for line in _notices(_rundir(), "ovn-compat2015"):
            print(line)
    if "PYOVN_SANDBOX" in os.environ and not _has_ended():
        status = _control("sandbox", "notices", ()) or status
    for directory in _controllers():
        lines = _notices(directory, "ovn-controller")
        name = os.path.basename(directory)  # noqa: PTH119 - a name, not a file
        for line in lines:
            print(f"{name}: {line}")
    return status


def _controllers() -> list[str]:
    """The run directories of ovn-controllers: OVN's own, and those of a sandbox's hypervisors."""
    places = [_rundir()]
    sandbox = os.environ.get("PYOVN_SANDBOX")
    if sandbox:
        places += sorted(entry.path for entry in os.scandir(sandbox) if entry.is_dir())
    return [place for place in places if os.path.exists(f"{place}/ovn-controller.pid")]  # noqa: PTH110 - start-up


def _notices(directory: str, daemon: str) -> list[str]:
    """What one daemon says; one that does not answer is named."""
    from pyovn.daemon.ctlclient import ControlError, control_request, find_socket

    try:
        accepted, text = control_request(find_socket(daemon, directory), "notices", [])
    except (ControlError, OSError) as error:
        return [f"{daemon} does not answer ({error})"]
    # Debian's ovn-controller has no such command, and nothing that it could say.
    return text.splitlines() if accepted else []


def main() -> int:
    """The program."""
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else ""
    if command == "sandbox":
        return _sandbox(arguments[1:])
    if command == "explain":
        from pyovn.tools.explain import main as explain

        return explain(arguments[1:])
    if command == "status":
        return _status()
    if command in {"version", "--version", "-V"}:
        from pyovn import __version__

        print(f"pyovn {__version__}")
        return 0
    if command in {"-h", "--help", "help"}:
        print(USAGE, end="")
        return 0
    if command:
        print(f"pyovn: {command} is unknown", file=sys.stderr)
    print(USAGE, end="", file=sys.stderr)
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
