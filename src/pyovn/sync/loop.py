"""The main loop of a daemon that derives: collect, settle, send; and again when something came in.

All inputs that arrive in one turn of the runtime are taken in before anything is derived; ``wake``
asks for one run after the current callbacks.  A run that fails to write is repeated after a pause that
doubles up to a limit, and at once when anything changes.  So is a run that raises: its daemon stays, says
where it failed, and tries again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.sim.runtime import Runtime, Timer

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 16.0


def _say_nothing(_level: str, _text: str) -> None:
    """Stand in for a log."""


class Loop:
    """Runs ``step`` once after each burst of ``wake`` calls."""

    def __init__(
        self, runtime: Runtime, step: Callable[[], None], log: Callable[[str, str], None] = _say_nothing
    ) -> None:
        self._runtime = runtime
        self._step = step
        self._log = log
        self._told: set[str] = set()
        self._scheduled = False
        self._stopped = False
        self._pause = FIRST_PAUSE
        self._timer: Timer | None = None
        self.runs = 0

    def wake(self) -> None:
        """Something has changed: run the step soon."""
        if not self._scheduled and not self._stopped:
            self._scheduled = True
            self._runtime.call_soon(self._run)

    def retry(self) -> None:
        """Writing failed: run the step again after a pause, longer each time."""
        if self._timer is None and not self._stopped:
            self._timer = self._runtime.call_later(self._pause, self._wake_from_pause)
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def succeeded(self) -> None:
        """Writing worked: the next failure pauses shortly again."""
        self._pause = FIRST_PAUSE

    def written(self, error: str | None) -> None:
        """A transaction was answered: look again, at once or after a pause."""
        if error is None:
            self.succeeded()
            self.wake()
        else:
            self._log("warn", f"a transaction failed and will be repeated: {error}")
            self.retry()

    def tell(self, notices: Iterable[str]) -> None:
        """Log what does not work: once when it comes, and once when it is no longer so."""
        now = set(notices)
        self.tell_news(sorted(now - self._told), sorted(self._told - now))
        self._told = now

    def tell_news(self, came: Iterable[str], went: Iterable[str]) -> None:
        """The same for who knows what has changed (``sync.notices``)."""
        for line in came:
            self._log("warn", line)
        for line in went:
            self._log("info", f"no longer: {line}")

    def stop(self) -> None:
        """Run nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake_from_pause(self) -> None:
        self._timer = None
        self.wake()

    def _run(self) -> None:
        self._scheduled = False
        if not self._stopped:
            self.runs += 1
            try:
                self._step()
            except Exception:  # noqa: BLE001  a pass that fails must not end the daemon: it is repeated
                import traceback  # most daemons never need it

                for line in traceback.format_exc().splitlines():
                    self._log("err", line)
                self.retry()
