"""Where OVS and OVN keep their files, from the environment that packages and test suites set.

Each program belongs to one of two families, "ovs" or "ovn", which differ in the variables' prefix and
in the defaults (those of Debian's packages).  A daemon gets a ``Directories`` as a parameter and never
asks the environment itself, so several daemons in one process can live in different directories.
"""

# ruff: noqa: PTH100, PTH118 - tools import this and start in under 60 ms, so without pathlib

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Directories(NamedTuple):
    """One family's directories; all absolute."""

    run: str
    """Sockets and pidfiles."""
    log: str
    db: str
    """Database files."""
    sysconf: str
    """The parent of the family's own configuration directory, as in C: /etc."""
    pkgdata: str
    """Schemas."""

    def run_file(self, name: str) -> str:
        """Resolve ``name`` against the run directory; an absolute one stays."""
        return os.path.join(self.run, name)

    def pidfile(self, program: str) -> str:
        """The default pidfile of ``program``."""
        return os.path.join(self.run, f"{program}.pid")

    def control_socket(self, program: str, pid: int) -> str:
        """The default control socket of ``program`` running as ``pid``."""
        return os.path.join(self.run, f"{program}.{pid}.ctl")

    def log_file(self, program: str) -> str:
        """The default log file of ``program``."""
        return os.path.join(self.log, f"{program}.log")


def ovs(environ: Mapping[str, str] = os.environ) -> Directories:
    """Directories of Open vSwitch's programs: OVS_RUNDIR, OVS_LOGDIR, OVS_DBDIR and so on."""
    database = "/etc/openvswitch"
    if environ.get("OVS_SYSCONFDIR"):
        database = os.path.join(environ["OVS_SYSCONFDIR"], "openvswitch")
    return Directories(
        run=_directory(environ, "OVS_RUNDIR", "/var/run/openvswitch"),
        log=_directory(environ, "OVS_LOGDIR", "/var/log/openvswitch"),
        db=_directory(environ, "OVS_DBDIR", database),
        sysconf=_directory(environ, "OVS_SYSCONFDIR", "/etc"),
        pkgdata=_directory(environ, "OVS_PKGDATADIR", "/usr/share/openvswitch"),
    )


def ovn(environ: Mapping[str, str] = os.environ) -> Directories:
    """Directories of OVN's programs: OVN_RUNDIR, OVN_LOGDIR, OVN_DBDIR and so on."""
    return Directories(
        run=_directory(environ, "OVN_RUNDIR", "/var/run/ovn"),
        log=_directory(environ, "OVN_LOGDIR", "/var/log/ovn"),
        db=_directory(environ, "OVN_DBDIR", "/var/lib/ovn"),
        sysconf=_directory(environ, "OVN_SYSCONFDIR", "/etc"),
        pkgdata=_directory(environ, "OVN_PKGDATADIR", "/usr/share/ovn"),
    )


def _directory(environ: Mapping[str, str], variable: str, default: str) -> str:
    # Absolute at once: a daemon leaves the directory it was started in.
    return os.path.abspath(environ.get(variable) or default)
