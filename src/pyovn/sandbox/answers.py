"""How verbs answer that take their time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.daemon.unixctl import Deferred
    from pyovn.sim.runtime import Runtime

POLL: Final = 0.005


def tell(answer: Deferred, text: str = "") -> Callable[[str | None], None]:
    """Turn the outcome of a change into the answer to the command that asked for it."""

    def done(error: str | None) -> None:
        if error is None:
            answer.resolve(text)
        else:
            answer.fail(error)

    return done


def finish_when(
    runtime: Runtime,
    holds: Callable[[], bool],
    seconds: float,
    otherwise: str,
    done: Callable[[str | None], None],
) -> None:
    """Call ``done`` when something holds, or after ``seconds`` with what is to be said then."""
    deadline = runtime.now() + seconds

    def look() -> None:
        if holds():
            done(None)
        elif runtime.now() >= deadline:
            done(otherwise)
        else:
            runtime.call_later(POLL, look)

    look()
