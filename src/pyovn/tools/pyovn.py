"""``pyovn``: what the C programs have no name for.

``pyovn sandbox [OPTIONS]`` starts a sandbox; within its shell, ``pyovn sandbox VERB ...`` acts on it.
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
  sandbox [--hypervisors N] [--directory DIR] [--tour]   a whole deployment, without root
  sandbox VERB ...      within a sandbox: list, add-hypervisor, remove-hypervisor, plug, unplug,
                        send, cut, mend, tour
  status                what is configured and has no effect, and what failed
  version               print the version
"""

VERBS: Final = frozenset(
    {"list", "add-hypervisor", "remove-hypervisor", "plug", "unplug", "send", "cut", "mend"}
)


def _control(target: str, method: str, arguments: Sequence[str]) -> int:
    """Send one command to a daemon in the run directory; print the answer."""
    from pyovn.daemon.ctlclient import ControlError, control_request, find_socket

    try:
        accepted, text = control_request(find_socket(target, _rundir()), method, list(arguments))
    except (ControlError, OSError) as error:
        print(f"pyovn: {target}: {error}", file=sys.stderr)
        return 1
    print(text, end="", file=sys.stdout if accepted else sys.stderr)
    return 0 if accepted else 2


def _rundir() -> str:
    from pyovn.daemon import paths

    return paths.ovn().run


def _sandbox(arguments: Sequence[str]) -> int:
    inside = "PYOVN_SANDBOX" in os.environ
    if arguments and arguments[0] in VERBS:
        if not inside:
            print("pyovn: this is not the shell of a sandbox; start one with: pyovn sandbox", file=sys.stderr)
            return 1
        return _control("sandbox", arguments[0], arguments[1:])
    if arguments[:1] == ["tour"] and inside:
        from pyovn.sandbox.tour import run_tour

        return run_tour(os.environ)
    from pyovn.sandbox.main import main as sandbox_main

    return sandbox_main(arguments)


def _status() -> int:
    """Print what northd cannot serve, then what each ovn-controller in reach cannot."""
    status = _control("ovn-northd", "notices", ())
    for directory in _controllers():
        lines = _notices(directory)
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


def _notices(directory: str) -> list[str]:
    """What one ovn-controller says; one that does not answer is named."""
    from pyovn.daemon.ctlclient import ControlError, control_request, find_socket

    try:
        accepted, text = control_request(find_socket("ovn-controller", directory), "notices", [])
    except (ControlError, OSError) as error:
        return [f"ovn-controller does not answer ({error})"]
    # Debian's ovn-controller has no such command, and nothing that it could say.
    return text.splitlines() if accepted else []


def main() -> int:
    """The program."""
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else ""
    if command == "sandbox":
        return _sandbox(arguments[1:])
    if command == "status":
        return _status()
    if command in {"version", "--version", "-V"}:
        from pyovn import __version__

        print(f"pyovn {__version__}")
        return 0
    print(USAGE, end="", file=sys.stdout if command in {"-h", "--help", "help"} else sys.stderr)
    return 0 if command in {"-h", "--help", "help"} else 2


if __name__ == "__main__":
    raise SystemExit(main())
