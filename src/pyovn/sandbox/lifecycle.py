"""The life of a daemon: started, killed, started again on what it left behind.

A ``DaemonSlot`` is a daemon's place in a deployment.  Each ``start`` gives it a new process (a view of the
runtime, ``sim.process``) and a new program in it; ``kill`` takes the process away as SIGKILL does: no
callback of it runs again, its sockets break off, and nothing is said or written.  What only exists because
all daemons share one Python process (clients without a wire, an address on the underlay, open files) is let
go by the program's own ``stop``, which by then nobody can hear.

What a program is made of is not known here: ``make`` builds it in a process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from pyovn.sim.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Runtime


class LifeError(Exception):
    """A daemon cannot be started or killed; the message says why."""


class Program(Protocol):
    """What runs in a process."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Let go of everything and say nothing."""


P = TypeVar("P", bound=Program)


class DaemonSlot(Generic[P]):
    """A daemon's place.  ``make(process)`` builds a program, not started.

    ``on_end(crashed)`` is called when a program is gone; files that a crash leaves behind are to stay then.
    """

    def __init__(
        self,
        runtime: Runtime,
        place: str,
        name: str,
        make: Callable[[Runtime], P],
        on_end: Callable[[bool], None] = lambda _crashed: None,
    ) -> None:
        self.place = place
        self.name = name
        self.lives = 0
        self._runtime = runtime
        self._make = make
        self._on_end = on_end
        self._process: Process | None = None
        self._program: P | None = None

    def __str__(self) -> str:
        return f"{self.name} of {self.place}"

    @property
    def program(self) -> P:
        """The program that runs, or the last one that did."""
        assert self._program is not None, f"{self} has never been started"
        return self._program

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process is not None

    def start(self) -> P:
        """Start it; raises ``LifeError`` when it runs already, and what ``make`` raises."""
        if self._process is not None:
            raise LifeError(f"{self} is running already")
        process = Process(self._runtime, self.name)
        try:
            program = self._make(process)
        except BaseException:
            process.kill()
            raise
        self._process, self._program = process, program
        self.lives += 1
        program.start()
        return program

    def kill(self) -> None:
        """Have it die without a word; raises ``LifeError`` when it does not run."""
        if self._process is None:
            raise LifeError(f"{self} is not running")
        self._end(crashed=True)

    def ended(self) -> None:
        """It has ended by itself, in good order; harmless when it is known."""
        if self._process is not None:
            self._end(crashed=False)

    def _end(self, *, crashed: bool) -> None:
        assert self._process is not None
        assert self._program is not None
        process, self._process = self._process, None
        process.kill()
        self._program.stop()
        self._on_end(crashed)
