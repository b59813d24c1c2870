"""The logging options of a command line applied to a ``Log``; daemons and tools share it.

Tools call ``quiet`` first: they are heard on the console from WARN on, and not in the system log.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyovn.daemon.log import OFF, WARN, Log, LogSpecError, process_log

if TYPE_CHECKING:
    from pyovn.daemon.options import CommandLine
    from pyovn.daemon.paths import Directories


def quiet(program: str) -> Log:
    """``process_log()`` with the name and the levels of a tool."""
    log = process_log()
    log.program = program
    log.set_levels(None, "console", WARN)
    log.set_levels(None, "syslog", OFF)
    return log


def configure(log: Log, line: CommandLine, directories: Directories) -> None:
    """Apply -v, --log-file, --syslog-method and --syslog-target.

    Raises ``ValueError`` with the text for the user, or ``OSError`` after the log has warned that the file
    cannot be opened.
    """
    senders = list(log.senders)
    for given in line:
        if given.name == "verbose":
            try:
                log.set_spec(given.value or "dbg")
            except LogSpecError as error:
                raise ValueError(f'processing "{given.value}": {error}') from error
        elif given.name in {"syslog-method", "syslog-target"}:
            from pyovn.daemon import syslog

            if given.name == "syslog-method":
                senders[:1] = [syslog.by_method(given.value or "")]
            else:
                senders.append(syslog.by_target(given.value or ""))
    log.senders = senders
    if "log-file" in line:
        name = line.value("log-file") or directories.log_file(log.program)
        log.open_file(os.path.join(directories.log, name))  # noqa: PTH118 - pathlib is slow to import
