"""The options of ovs-ofctl, read once."""

from __future__ import annotations

from msgspec import Struct


class Settings(Struct, frozen=True):
    """What the command line says besides the command."""

    rundir: str
    strict: bool = False
    readd: bool = False
    names: bool = False
    stats: bool = True
    bundle: bool = False
    may_create: bool = False
    sort: str | None = None
    descending: bool = False
    timeout: float | None = None
    versions: tuple[int, ...] = (1,)
    packet_in_format: str | None = None
    timestamp: bool = False
