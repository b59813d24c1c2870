"""Named locks between clients of one server (RFC 7047 sections 4.1.8 to 4.1.11).

Each lock has a queue; its head is the owner.  ``steal`` puts a client at the head: the victim is told
and stays second, so it gets the lock back when the thief lets go.  Locks are a convention between
clients; only a transaction's ``assert`` looks at them.
"""

from __future__ import annotations

from typing import Protocol


class Waiter(Protocol):
    """A client, as the table of locks sees it."""

    def lock_event(self, method: str, name: str) -> None:
        """Take notice that lock ``name`` was ``locked`` or ``stolen``."""


class Locks:
    """All locks of a server."""

    def __init__(self) -> None:
        self._queues: dict[str, list[Waiter]] = {}

    def waits(self, name: str, waiter: Waiter) -> bool:
        """Whether ``waiter`` owns or waits for the lock."""
        return waiter in self._queues.get(name, ())

    def holds(self, name: str, waiter: Waiter) -> bool:
        """Whether ``waiter`` owns the lock."""
        queue = self._queues.get(name)
        return queue is not None and queue[0] is waiter

    def lock(self, name: str, waiter: Waiter) -> bool:
        """Queue for the lock; whether it is owned at once."""
        queue = self._queues.setdefault(name, [])
        queue.append(waiter)
        return len(queue) == 1

    def steal(self, name: str, waiter: Waiter) -> None:
        """Own the lock at once."""
        queue = self._queues.setdefault(name, [])
        victim = queue[0] if queue else None
        queue.insert(0, waiter)
        if victim is not None:
            victim.lock_event("stolen", name)

    def unlock(self, name: str, waiter: Waiter) -> None:
        """Let go of the lock or of the place in its queue; the next one is told."""
        queue = self._queues[name]
        was_owner = queue[0] is waiter
        queue.remove(waiter)
        if not queue:
            del self._queues[name]
        elif was_owner:
            queue[0].lock_event("locked", name)

    def of(self, waiter: Waiter) -> tuple[list[str], list[str]]:
        """The locks that ``waiter`` holds, and those that it waits for."""
        mine = sorted(name for name, queue in self._queues.items() if waiter in queue)
        held = [name for name in mine if self.holds(name, waiter)]
        return held, [name for name in mine if name not in held]

    def release_all(self, waiter: Waiter) -> None:
        """Forget a client that is gone."""
        for name in [name for name, queue in self._queues.items() if waiter in queue]:
            self.unlock(name, waiter)
