"""Two hosts with one system-id: noticed, named, and not fought over.

The chassis row of a hypervisor is its own.  If it says another hostname or other tunnel endpoints time and
again after it was made right, then another controller believes that it is *its* own: both would write it, and
release each other's ports, as fast as the southbound answers.  So after some rounds a controller gives way:
for a time, longer each time, it writes nothing to the southbound, and says why.  Its switch goes on.

One edit, by a person or by the same host under another name, is repaired at once, as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.chassis import encaps_of
from pyovn.schemas import southbound as sb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyovn.controller.model import Config
    from pyovn.ovsdb.replica import Change
    from pyovn.ovsdb.values import UUID
    from pyovn.sim.runtime import Runtime

ROUNDS: Final = 3
"""How often the row may be lost before somebody must be behind it."""
MEMORY: Final = 120.0
"""Seconds for which a loss counts."""
FIRST_PAUSE: Final = 8.0
LONGEST_PAUSE: Final = 64.0
QUIET: Final = 1.25
"""Pauses for which the row must be ours for the rival to be gone: one that is there has come back by then."""


class Rivals:
    """``give_way`` says whether to write now; ``line`` what to tell."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._losses: list[float] = []
        self._has_it = False
        """The row was ours when it was last seen."""
        self._pause = FIRST_PAUSE
        self._until = 0.0
        self._rival = ""

    def observe(
        self,
        changes: Iterable[Change],
        encaps: Mapping[UUID, tuple[Any, ...]],
        config: Config | None,
        hostname: str,
    ) -> None:
        """Look at changes of the southbound; ``encaps`` are its Encap rows after them."""
        for table, uuid, _old, new in changes:
            if table != sb.Chassis.TABLE or new is None or config is None:
                continue
            row = sb.Chassis(uuid, new)
            if row.name != config.chassis:
                continue
            known = [sb.Encap(e, encaps[e]) for e in row.encaps if e in encaps]
            endpoints = {(encap.type, encap.ip) for encap in known}
            if row.hostname == hostname and endpoints == set(encaps_of(config)):
                self._has_it = True
            elif self._has_it:
                self._has_it = False
                self._lost(f"host {row.hostname} ({', '.join(sorted(ip for _kind, ip in endpoints))})")

    def _lost(self, rival: str) -> None:
        now = self._runtime.now()
        self._forget(now)
        self._losses.append(now)
        if len(self._losses) >= ROUNDS:
            self._rival = rival
            self._until = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _forget(self, now: float) -> None:
        since = now - (min(MEMORY, QUIET * self._pause) if self._has_it else MEMORY)
        self._losses = [at for at in self._losses if at > since]
        if not self._losses:
            self._pause = FIRST_PAUSE
            self._rival = ""

    def begin_again(self) -> None:
        """This chassis has another name, or another southbound."""
        self._losses.clear()
        self._has_it = False
        self._until = 0.0
        self._forget(self._runtime.now())

    @property
    def are_there(self) -> bool:
        """Whether a rival was seen lately."""
        self._forget(self._runtime.now())
        return bool(self._rival)

    def give_way(self) -> float:
        """Seconds for which nothing shall be written; 0: none."""
        return max(0.0, self._until - self._runtime.now())

    def line(self, name: str) -> str:
        """For ``notices``."""
        return f"system-id {name} is used by {self._rival}, too: each chassis needs its own"
