"""Have a daemon of the same program carry out the line (ovn-nbctl(8), "DAEMON MODE").

The options and commands go to its control command ``run`` as they are; what comes back is printed.  No
event loop, no database.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.daemon.options import CommandLine
    from pyovn.tools.ctl.program import Program

FORWARDED: Final = frozenset((
    "timeout", "dry-run", "oneline", "format", "data", "no-headings", "pretty", "bare", "max-column-width",
    "wait", "no-wait", "print-wait-time",
))  # fmt: skip
"""The others concern a connection or a log, which are the daemon's."""


def ask(program: Program, path: str, line: CommandLine, local: Mapping[str, str | None]) -> int:
    """Send the line to the daemon at ``path``; the exit status."""
    from pyovn.daemon.ctlclient import ControlError, control_request

    words = [_word(f"--{given.name}", given.value) for given in line if given.name in FORWARDED]
    words += [_word(name, value) for name, value in local.items()]
    seconds = line.value("timeout") or os.environ.get("OVS_CTL_TIMEOUT") or "0"
    if seconds.isdigit() and int(seconds):
        from signal import alarm

        alarm(int(seconds))
    try:
        accepted, text = control_request(path, "run", [*words, "--", *line.arguments])
    except OSError as error:
        warn("unixctl", f"failed to connect to {path}")
        message = (
            f"{path}: could not connect to {program.name} daemon ({error.strerror}); "
            f"unset {program.daemon_environment} to avoid using daemon"
        )
        warn(program.module, message, "ERR")
        raise CtlError(message) from None
    except ControlError as error:
        raise CtlError(f"{path}: transaction error ({error})") from None
    if accepted:
        sys.stdout.write(text)
    else:
        sys.stderr.write(f"{program.name}: {text}")
    return 0 if accepted else 1


def _word(name: str, value: str | None) -> str:
    return name if value is None else f"{name}={value}"
