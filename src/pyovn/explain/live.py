"""Evidence from sockets: the databases' remotes and the daemons' control sockets.

Hypervisors are found by their run directories: the local one, and each directory below OVN's run directory
with a database socket (a sandbox has one per hypervisor).  A chassis without a directory here is out of
reach; ``derived`` may stand in for it.  Nothing is written anywhere.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from pyovn.daemon.ctlclient import ControlError, control_request, find_socket
from pyovn.daemon.pidfile import PidfileError
from pyovn.explain.evidence import NB_COLUMNS, SB_COLUMNS, VS_COLUMNS, Evidence, EvidenceError, Hypervisor
from pyovn.ovsdb.blocking import BlockingClient, BlockingError
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.schemas.vswitch import OPEN_VSWITCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from pyovn.ovsdb.replica import Replica
    from pyovn.schemas.columns import Database

NORTHD: Final = "ovn-northd"
CONTROLLER: Final = "ovn-controller"
SWITCH: Final = "ovs-vswitchd"
_PLACE: Final = re.compile(r"^(\S+) \(([0-9a-fA-F.:]+)\)", re.MULTILINE)
_CUT: Final = re.compile(r"^cut: (\S+) - (\S+)$", re.MULTILINE)
ASKED_NORTHD: Final = "ovn-northd's flow/why"
ASKED_SWITCH: Final = "ovs-vswitchd's ofproto/trace"


class Connection:
    """How databases are reached: ``connect(remote)`` opens a client."""

    def __init__(self, **options: Any) -> None:
        self._options = options

    def fetch(self, remote: str, database: Database, columns: Mapping[str, Sequence[str]]) -> Replica:
        """The contents of a database; raises ``EvidenceError``."""
        try:
            with BlockingClient(remote, **self._options) as client:
                return client.fetch(database.name, columns, expected=database.schema)
        except BlockingError as error:
            raise EvidenceError(str(error)) from error


def ask(directory: str, daemon: str, method: str, arguments: Iterable[str] = ()) -> tuple[bool, str]:
    """One command to a daemon's control socket; raises ``EvidenceError`` when nobody answers."""
    try:
        return control_request(find_socket(daemon, directory), method, list(arguments))
    except (ControlError, PidfileError, OSError) as error:
        raise EvidenceError(f"{daemon} in {directory} cannot be asked: {error}") from error


def gather(connection: Connection, nb: str, sb: str, rundir: str, switch_rundirs: Iterable[str]) -> Evidence:
    """Everything in reach.  Without the southbound there is nothing to explain; all else may be missing."""
    southbound = connection.fetch(sb, SOUTHBOUND, SB_COLUMNS)
    trouble = []
    try:
        northbound: Replica | None = connection.fetch(nb, NORTHBOUND, NB_COLUMNS)
    except EvidenceError as error:
        northbound, trouble = None, [f"the northbound is out of reach: {error}"]
    evidence = Evidence(southbound, northbound, is_cut=_cuts(rundir))
    evidence.trouble += trouble
    evidence.northd = northd_state(rundir)
    if evidence.northd not in {"", "not running"} and _knows_why(rundir):
        evidence.why, evidence.why_source = _asker(rundir), ASKED_NORTHD
    for directory in dict.fromkeys([*switch_rundirs, *below(rundir)]):
        hypervisor = hypervisor_in(connection, directory, rundir)
        if hypervisor is not None:
            evidence.hypervisors[hypervisor.name] = hypervisor
    for chassis in evidence.chassis():
        evidence.hypervisors.setdefault(chassis.name, Hypervisor(chassis.name))
    return evidence


def below(rundir: str) -> list[str]:
    """Directories of hypervisors within a run directory."""
    try:
        entries = sorted(entry.path for entry in os.scandir(rundir) if entry.is_dir())
    except OSError:
        return []
    return [path for path in entries if _has_database(path)]


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - pathlib is slow to import


def _has_database(directory: str) -> bool:
    return _exists(f"{directory}/db.sock")


def northd_state(rundir: str) -> str:
    """What ovn-northd says of itself; ``not running`` if it left a pidfile, empty if none ran here."""
    try:
        accepted, text = ask(rundir, NORTHD, "status")
    except EvidenceError:
        there = _exists(f"{rundir}/{NORTHD}.pid")
        return "not running" if there else ""
    return text.partition(":")[2].strip() if accepted else ""


def _knows_why(rundir: str) -> bool:
    """C's ovn-northd has no such command."""
    try:
        accepted, text = ask(rundir, NORTHD, "list-commands")
    except EvidenceError:
        return False
    return accepted and "flow/why" in text


def _asker(rundir: str) -> Callable[[str], list[str]]:
    def why(uuid: str) -> list[str]:
        try:
            accepted, text = ask(rundir, NORTHD, "flow/why", [uuid])
        except EvidenceError:
            return []
        return text.splitlines() if accepted else []

    return why


def hypervisor_in(connection: Connection, directory: str, rundir: str) -> Hypervisor | None:
    """The hypervisor of a run directory; None when there is none."""
    if not _has_database(directory):
        return None
    try:
        vswitch = connection.fetch(
            f"unix:{directory}/db.sock",
            OPEN_VSWITCH,
            VS_COLUMNS,
        )
    except EvidenceError:
        return None
    found = Hypervisor("", vswitch)
    found.name = found.settings.get("system-id", "")
    if not found.name:
        return None
    found.trace, found.source = _tracer(directory, found.name), ASKED_SWITCH
    found.controller, place = _controller(directory, rundir)
    if place is not None:
        found.why = _cookie_asker(place)
    return found


def _tracer(directory: str, name: str) -> Callable[[str, str], str]:
    def trace(bridge: str, flow: str) -> str:
        try:
            accepted, text = ask(directory, SWITCH, "ofproto/trace", [bridge, flow])
        except EvidenceError as error:
            if _exists(f"{directory}/{SWITCH}.pid"):
                raise EvidenceError(f"{SWITCH} of {name} is not running") from error
            raise
        if not accepted:
            raise EvidenceError(f"{SWITCH} of {name} does not trace: {text.strip()}")
        return text

    return trace


def _controller(directory: str, rundir: str) -> tuple[str, str | None]:
    """The state of the ovn-controller beside a switch, and where it can be asked for reasons."""
    # Below OVN's run directory a hypervisor has everything in its own; else that is OVN's.
    has_own = directory.startswith(f"{rundir}/")
    for place in (directory,) if has_own else dict.fromkeys((directory, rundir)):
        if not _exists(f"{place}/{CONTROLLER}.pid"):
            continue
        try:
            _accepted, status = ask(place, CONTROLLER, "debug/status")
            if status.strip() == "paused":
                return "paused", None
            _accepted, text = ask(place, CONTROLLER, "connection-status")
            _accepted, commands = ask(place, CONTROLLER, "list-commands")
        except EvidenceError:
            return "not running", None
        return text.strip(), place if "flow/why" in commands else None
    return "", None


def _cookie_asker(directory: str) -> Callable[[int], list[str]]:
    known: dict[int, list[str]] = {}

    def why(cookie: int) -> list[str]:
        if cookie not in known:
            try:
                accepted, text = ask(directory, CONTROLLER, "flow/why", [f"{cookie:#x}"])
            except EvidenceError:
                return []
            known[cookie] = text.splitlines() if accepted else []
        return known[cookie]

    return why


def _cuts(rundir: str) -> Callable[[str, str], bool]:
    """A sandbox knows which links of its underlay are cut; a real network does not say."""
    try:
        accepted, text = ask(rundir, "sandbox", "status")
    except EvidenceError:
        accepted, text = False, ""
    pairs = cut_links(text) if accepted else frozenset()
    return lambda a, b: frozenset((a, b)) in pairs


def cut_links(listing: str) -> frozenset[frozenset[str]]:
    """The pairs of addresses between which nothing goes, from what ``pyovn sandbox status`` prints."""
    addresses = {found[1]: found[2] for found in _PLACE.finditer(listing)}
    return frozenset(
        frozenset((addresses[found[1]], addresses[found[2]]))
        for found in _CUT.finditer(listing)
        if found[1] in addresses and found[2] in addresses
    )
