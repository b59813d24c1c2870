"""A command for each hypervisor that runs another command there: ``hv1 ovs-vsctl show``.

They are files in ``DIR/bin``, which is first in the PATH of the sandbox's shell; a hypervisor brings its own
and takes it with it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

_TEXT: Final = """#!/bin/sh
# Run a command on hypervisor {name}.
if [ $# = 0 ]; then
    echo "usage: {name} COMMAND [ARGUMENTS]    run COMMAND on {name}, such as: {name} ovs-vsctl show" >&2
    exit 2
fi
OVS_RUNDIR='{run}' OVN_RUNDIR='{run}' exec "$@"
"""


def directory_of(sandbox: str) -> str:
    """Where the wrappers of a sandbox are."""
    return f"{sandbox}/bin"


def hides(name: str) -> str | None:
    """The program that a wrapper called ``name`` would hide in the sandbox's shell."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def write(sandbox: str, name: str, run: str) -> None:
    """Make the command of hypervisor ``name``, whose run directory is ``run``."""
    programs = Path(directory_of(sandbox))
    programs.mkdir(exist_ok=True)
    wrapper = programs / name
    wrapper.write_text(_TEXT.format(name=name, run=run.replace("'", "'\\''")))
    wrapper.chmod(0o755)


def remove(sandbox: str, name: str) -> None:
    """Take the command of a hypervisor away."""
    Path(directory_of(sandbox), name).unlink(missing_ok=True)
