"""The loop under the real runtime: callbacks in the order of asking, timers, and files that are ready.

It does what a runtime asks of a loop and nothing else, under asyncio's names, so that a caller may bring a
loop of asyncio's instead (``Loop`` is what both have).  A daemon that has this one never loads asyncio, whose
import alone was a tenth of ovn-northd's CPU time from its start to the acknowledgement of 1,000 ports.

One round: wait until a file is ready, a timer is due or somebody wakes the loop; call the owners of the files
that are ready; call what has been asked for so far.  What these ask for belongs to the next round, so files
are looked at again however much is asked.  An exception leaves ``run_forever``, and what was not called yet
is called by the next run.

Not here: sockets (``sockets``), and what a signal means (``daemon``).
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.sim.runtime import Timer

    Callback = Callable[[], object]

_READ: Final = selectors.EVENT_READ
_WRITE: Final = selectors.EVENT_WRITE

FORGOTTEN: Final = 100
"""Cancelled timers that may wait for their time before they are looked through."""


class Loop(Protocol):
    """What ``EventLoop`` and asyncio's loops have in common, as far as it is used."""

    def call_soon(self, callback: Callback) -> Any:
        """Run ``callback`` in the next round."""

    def call_soon_threadsafe(self, callback: Callback) -> Any:
        """Do so from another thread or from a signal handler."""

    def call_later(self, delay: float, callback: Callback) -> Timer:
        """Run ``callback`` in ``delay`` seconds."""

    def add_reader(self, fd: int, callback: Callback) -> Any:
        """Run ``callback`` whenever there is something to read, instead of what was said before."""

    def remove_reader(self, fd: int) -> bool:
        """Do so no longer; whether there was somebody."""

    def add_writer(self, fd: int, callback: Callback) -> Any:
        """Run ``callback`` whenever something can be written."""

    def remove_writer(self, fd: int) -> bool:
        """Do so no longer; whether there was somebody."""

    def run_forever(self) -> None:
        """Run until ``stop``."""

    def stop(self) -> None:
        """Let ``run_forever`` return after this round."""

    def close(self) -> None:
        """Give up what the loop itself has open."""


class _File:
    """Who wants to know when a descriptor is ready."""

    __slots__ = ("reader", "writer")

    def __init__(self) -> None:
        self.reader: Callback | None = None
        self.writer: Callback | None = None

    def mask(self) -> int:
        """For what somebody waits."""
        return (_READ if self.reader is not None else 0) | (_WRITE if self.writer is not None else 0)


class _Timer:
    """Implements ``runtime.Timer``; those of one moment are called in the order of asking."""

    __slots__ = ("_loop", "callback", "number", "when")

    def __init__(self, loop: EventLoop, when: float, number: int, callback: Callback) -> None:
        self._loop = loop
        self.when = when
        self.number = number
        self.callback: Callback | None = callback

    def __lt__(self, other: _Timer) -> bool:
        return (self.when, self.number) < (other.when, other.number)

    def cancel(self) -> None:
        """Forget the call."""
        if self.callback is not None:
            self.callback = None
            self._loop.timer_cancelled()


class EventLoop:
    """Implements ``Loop``; see the module."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._files: dict[int, _File] = {}
        self._ready: deque[Callback] = deque()
        self._timers: list[_Timer] = []
        self._timers_made = 0
        self._cancelled = 0
        self._stopping = False
        self._ear, self._waker = socket.socketpair()
        self._ear.setblocking(False)
        self._waker.setblocking(False)
        self.add_reader(self._ear.fileno(), self._hear)

    # -- callbacks and timers ------------------------------------------------------------------

    def call_soon(self, callback: Callback) -> None:
        """Run ``callback`` in the next round."""
        self._ready.append(callback)

    def call_soon_threadsafe(self, callback: Callback) -> None:
        """Run ``callback`` in the next round, although the loop may be asleep."""
        self._ready.append(callback)
        with suppress(OSError):  # full: it will wake up anyway; closed: there is no next round
            self._waker.send(b"\0")

    def call_later(self, delay: float, callback: Callback) -> Timer:
        """Run ``callback`` in ``delay`` seconds."""
        self._timers_made += 1
        timer = _Timer(self, time.monotonic() + delay, self._timers_made, callback)
        heappush(self._timers, timer)
        return timer

    def timer_cancelled(self) -> None:
        """One of the timers has nothing to do any more; when they are many, they are thrown away."""
        self._cancelled += 1
        if self._cancelled > FORGOTTEN and self._cancelled * 2 > len(self._timers):
            self._timers = [timer for timer in self._timers if timer.callback is not None]
            heapify(self._timers)
            self._cancelled = 0

    # -- files ---------------------------------------------------------------------------------

    def add_reader(self, fd: int, callback: Callback) -> None:
        """Run ``callback`` whenever there is something to read."""
        file = self._files.get(fd) or _File()
        before, file.reader = file.mask(), callback
        self._follow(fd, file, before)

    def add_writer(self, fd: int, callback: Callback) -> None:
        """Run ``callback`` whenever something can be written."""
        file = self._files.get(fd) or _File()
        before, file.writer = file.mask(), callback
        self._follow(fd, file, before)

    def remove_reader(self, fd: int) -> bool:
        """Do so no longer."""
        file = self._files.get(fd)
        if file is None or file.reader is None:
            return False
        before, file.reader = file.mask(), None
        self._follow(fd, file, before)
        return True

    def remove_writer(self, fd: int) -> bool:
        """Do so no longer."""
        file = self._files.get(fd)
        if file is None or file.writer is None:
            return False
        before, file.writer = file.mask(), None
        self._follow(fd, file, before)
        return True

    def _follow(self, fd: int, file: _File, before: int) -> None:
        """Tell the system what is waited for now, where that is something else than before."""
        mask = file.mask()
        if mask == before:
            return
        if not before:
            self._selector.register(fd, mask, file)
            self._files[fd] = file
        elif mask:
            self._selector.modify(fd, mask, file)
        else:
            self._selector.unregister(fd)
            del self._files[fd]

    def _hear(self) -> None:
        self._ear.recv(4096)

    # -- running -------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Run until ``stop``."""
        try:
            while True:
                self._round()
                if self._stopping:
                    break
        finally:
            self._stopping = False

    def stop(self) -> None:
        """Let ``run_forever`` return after this round."""
        self._stopping = True

    def close(self) -> None:
        """Give up what the loop itself has open."""
        self._ready.clear()
        self._timers.clear()
        self._files.clear()
        self._selector.close()
        self._ear.close()
        self._waker.close()

    def _round(self) -> None:
        for key, events in self._selector.select(self._patience()):
            # Somebody who was called before may have removed, or replaced, who comes now.
            file: _File = key.data
            if events & _READ and file.reader is not None:
                file.reader()
            if events & _WRITE and file.writer is not None:
                file.writer()
        timers = self._timers
        if timers:
            self._collect_due(time.monotonic())
        ready = self._ready
        for _ in range(len(ready)):
            ready.popleft()()

    def _patience(self) -> float | None:
        """How long there is nothing to do; None: until somebody comes."""
        if self._ready or self._stopping:
            return 0
        timers = self._timers
        while timers and timers[0].callback is None:
            heappop(timers)
            self._cancelled -= 1
        return max(0.0, timers[0].when - time.monotonic()) if timers else None

    def _collect_due(self, now: float) -> None:
        timers = self._timers
        while timers and timers[0].when <= now:
            timer = heappop(timers)
            callback, timer.callback = timer.callback, None
            if callback is None:
                self._cancelled -= 1
            else:
                self._ready.append(callback)
