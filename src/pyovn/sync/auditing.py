"""The engine's audit in a daemon: a little every second, and all of it when somebody asks.

A second's share costs about a millisecond of a core, and 200,000 derivations are through in half an hour.
The daemon's programs start it; deployments in virtual time do not, they ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.incremental import Audit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.incremental import Engine
    from pyovn.sim.runtime import Runtime

PAUSE: Final = 1.0
"""Seconds between two shares."""
SHARE: Final = 100
"""Derivations in a share."""


class Auditor:
    """Audits whatever ``engine()`` is at the time: a daemon that starts over has another one.

    ``wake`` asks the daemon for a pass, in which what was found wrong is run again; ``log(level, text)``.
    """

    def __init__(
        self,
        runtime: Runtime,
        engine: Callable[[], Engine],
        wake: Callable[[], None],
        log: Callable[[str, str], None],
    ) -> None:
        self._runtime, self._engine, self._wake, self._log = runtime, engine, wake, log
        self._of = engine()
        self._audit = Audit(self._of)
        self._found = 0

    def start(self) -> None:
        """Look at a share now and then from now on."""
        self._runtime.call_later(PAUSE, self._share)

    def _share(self) -> None:
        self.look(SHARE)
        self._runtime.call_later(PAUSE, self._share)

    def look(self, most: int) -> int:
        """Look at up to ``most`` derivations; returns how many it were."""
        engine = self._engine()
        if engine is not self._of:
            self._of, self._audit = engine, Audit(engine)
        looked = self._audit.look(most)
        for subject in self._audit.findings.take_touched():
            name, key = subject
            wrong = self._audit.findings.get(subject)
            if wrong is None:
                self._log("info", f"audit: {name}({key!r}) is right again")
            else:
                self._found += 1
                self._log("err", f"audit: {name}({key!r}): {wrong}; it is run again")
                self._wake()
        return looked

    def show(self, _args: Sequence[str] = ()) -> str:
        """``audit/show``: what was looked at and found so far."""
        lines = [f"{self._audit.looked} derivations looked at, {self._audit.rounds} times round"]
        still = len(self._audit.findings)
        lines.append(f"{self._found} differences found, {still} of them not seen right again")
        lines += [f"{name}({key!r}): {wrong}" for (name, key), wrong in self._audit.findings.items()]
        return "".join(line + "\n" for line in lines)

    def run(self, _args: Sequence[str] = ()) -> str:
        """``audit/run``: a whole round now.  It ends at the first difference, which is run again first."""
        self._audit.start_over()
        rounds = self._audit.rounds
        while self._audit.rounds == rounds and self.look(10_000):
            pass
        return self.show()
