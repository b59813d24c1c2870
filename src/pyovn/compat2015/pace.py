"""Rest after work: a bound on what a daemon costs whose passes cannot all be cheap.

Pipeline's chains are strings over all ports of a switch, so on a large switch a pass costs what the switch is
large.  ``Pace`` lets passes come at once while they are short and puts them together when they are not: after
a pass, its transaction included, the next one begins no sooner than ``REST`` times as long as that took.  So
the daemon has at most a tenth of the time, however large the network and however fast it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Runtime, Timer

REST: Final = 9.0
LONGEST: Final = 5.0
"""Seconds that a rest has at most: a pass may have waited for a server that did not answer."""


class Pace:
    """``wake`` is passed on at once, or at the end of the rest."""

    def __init__(self, runtime: Runtime, wake: Callable[[], None]) -> None:
        self._runtime = runtime
        self._wake = wake
        self._begun = 0.0
        self._until = 0.0
        self._timer: Timer | None = None

    def begin(self) -> None:
        """A pass begins."""
        self._begun = self._runtime.now()

    def end(self) -> None:
        """The pass is over, and what it wrote is written."""
        now = self._runtime.now()
        self._until = now + min(REST * (now - self._begun), LONGEST)

    def wake(self) -> None:
        """Something has changed."""
        left = self._until - self._runtime.now()
        if left <= 0:
            self._wake()
        elif self._timer is None:
            self._timer = self._runtime.call_later(left, self._rested)

    def stop(self) -> None:
        """Wake nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rested(self) -> None:
        self._timer = None
        self._wake()
