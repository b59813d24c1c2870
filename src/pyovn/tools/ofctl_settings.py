"""The options of ovs-ofctl, read once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
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
