"""A whole sandbox in one file, and back.

The file is a gzipped tar archive of ``manifest.json`` and, for each database, its contents in the format of
database files (ovsdb(5)), as ``PLACE/DATABASE.db``: ``ovsdb-tool`` reads what is taken out of it.  All of it
is of one instant.  Not in it: connection tracking, MACs that switches have learned, frames under way.

A file is checked whole before anything is done with it; what is wrong with it is one message.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

import pyovn
from pyovn.ovsdb.journal import JournalError
from pyovn.ovsdb.journal_file import record
from pyovn.sandbox.makers import load, records_of

if TYPE_CHECKING:
    import random

    from pyovn.sandbox.deployment import Deployment

FORMAT: Final = "pyovn sandbox"
VERSION: Final = 1
_MANIFEST: Final = "manifest.json"


class SavedError(Exception):
    """A file that cannot be written or used; the message names it and says why."""


class Manifest(msgspec.Struct, frozen=True):
    """What is saved beside the databases."""

    format: str
    version: int
    pyovn: str = ""
    hypervisors: dict[str, str] = {}
    """Underlay address by name, in the order in which they were added."""
    cut: list[tuple[str, str]] = []
    dead: list[tuple[str, str]] = []
    """Place and name of daemons that do not run."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A file's contents; ``databases`` by place and name, as files."""

    manifest: Manifest
    databases: dict[tuple[str, str], bytes]


def take(deployment: Deployment) -> Saved:
    """All of a deployment, as it is now."""
    places = {slot.place: slot.program.server for slot in deployment.servers()}
    return Saved(
        Manifest(
            FORMAT,
            VERSION,
            pyovn.__version__,
            {hypervisor.name: hypervisor.ip for hypervisor in deployment.hypervisors.values()},
            deployment.links.cut_links(),
            [(slot.place, slot.name) for slot in deployment.daemons() if not slot.is_running],
        ),
        {
            (place, name): b"".join(record(json) for json in records_of(hosted.database))
            for place, server in places.items()
            for name, hosted in server.databases.items()
            if name != "_Server"
        },
    )


def write(path: str, saved: Saved) -> None:
    """Write a file, whole or not at all; raises ``SavedError``."""
    temporary = f"{path}.tmp"
    try:
        with tarfile.open(temporary, "w:gz") as archive:
            _add(archive, _MANIFEST, msgspec.json.encode(saved.manifest))
            for (place, name), data in saved.databases.items():
                _add(archive, f"{place}/{name}.db", data)
        os.replace(temporary, path)  # noqa: PTH105 - the path is text for messages
    except OSError as error:
        if os.path.exists(temporary):  # noqa: PTH110
            os.unlink(temporary)  # noqa: PTH108
        raise SavedError(f"{path} cannot be written: {error.strerror or error}") from error


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def read(path: str, random: random.Random) -> Saved:
    """Read a file and check all of it; raises ``SavedError``."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SavedError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        members = _members(gzip.decompress(data))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise SavedError(f"{path} is damaged, or no saved sandbox: {error}") from error
    manifest = _manifest(path, members.pop(_MANIFEST, None))
    databases = {}
    for name, data in members.items():
        place, _, file = name.partition("/")
        databases[place, file.removesuffix(".db")] = data
        try:
            load(name, data, random, strict=True)
        except (JournalError, ValueError) as error:
            raise SavedError(f"{path} is damaged: {error}") from error
    wanted = {("central", "OVN_Northbound"), ("central", "OVN_Southbound")}
    wanted |= {(name, "Open_vSwitch") for name in manifest.hypervisors}
    missing = sorted(wanted - databases.keys())
    if missing:
        raise SavedError(f"{path} is damaged: it lacks the database {missing[0][1]} of {missing[0][0]}")
    return Saved(manifest, databases)


def _members(data: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                found[member.name] = file.read()
    return found


def _manifest(path: str, data: bytes | None) -> Manifest:
    if data is None:
        raise SavedError(f"{path} is no saved sandbox")
    try:
        head: dict[str, Any] = msgspec.json.decode(data, type=dict)
        if head.get("format") != FORMAT:
            raise SavedError(f"{path} is no saved sandbox")
        if head.get("version") != VERSION:
            raise SavedError(
                f"{path} was saved in version {head.get('version')} of the format, by pyovn "
                f"{head.get('pyovn')}; this is pyovn {pyovn.__version__}, which reads version {VERSION}"
            )
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise SavedError(f"{path} is damaged: {error}") from error
