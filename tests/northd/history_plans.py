"""Mechanical expansion: one history is played in many ways.

A ``Plan`` says in which order states and changes come, when northd gets to run, whether it is killed, and
whether what changes is changed or made anew.  ``play`` makes of a history what a plan says.  Where all of
these have to end is in ``history_ends``.
"""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from history_kit import EMPTY, Player, State
from northd_kit import World

if TYPE_CHECKING:
    from northd_kit import Daemon

Order = Literal["as it is", "reversed", "shuffled", "twice", "back and forth"]
Flush = Literal["change", "state", "free", "end"]
Kill = Literal["never", "each", "between", "away"]
ORDERS: Final[tuple[Order, ...]] = ("as it is", "reversed", "shuffled", "twice", "back and forth")
FLUSHES: Final[tuple[Flush, ...]] = ("change", "state", "free", "end")
KILLS: Final[tuple[Kill, ...]] = ("never", "each", "between", "away")


class Plan(NamedTuple):
    """How a history is played.

    ``order``  of states; the last one stays the last.  Changes within a state are reversed or shuffled, too.
    ``flush``  northd is through after each change, or after each state (one transaction), or is left to run
               as it will while changes come, or is paused until all have come.
    ``kill``   after each of these (and then the new one must send nothing), between any two of its callbacks,
               or away while things change.  A killed one is followed by a new one or by one that stood by.
    ``renew``  what changes is deleted and made anew, with another UUID.
    """

    order: Order = "as it is"
    flush: Flush = "state"
    kill: Kill = "never"
    renew: bool = False


PLANS: Final = tuple(Plan(*parts) for parts in itertools.product(ORDERS, FLUSHES, KILLS, (False, True)))


def expand(history: list[State], order: Order, rng: random.Random) -> list[State]:
    """The states in the order of a plan."""
    last = history[-1]
    if order == "reversed":
        return [*reversed(history), last]
    if order == "shuffled":
        return [*rng.sample(history[:-1], len(history) - 1), last]
    if order == "twice":
        return [state for state in history for _time in range(2)]
    if order == "back and forth":
        return [each for state in history for each in (state, EMPTY, state)]
    return history


def play(history: list[State], plan: Plan, seed: int) -> World:
    """A world in which the history has happened."""
    world = World()
    _Run(world, plan, random.Random(seed)).play(history)
    return world


class _Run:
    def __init__(self, world: World, plan: Plan, rng: random.Random) -> None:
        self.world, self.plan, self.rng = world, plan, rng
        self.player = Player(world, rng, renew=plan.renew, again=plan.order == "twice")
        self.second: Daemon | None = None

    def play(self, history: list[State]) -> None:
        world, rng = self.world, self.rng
        if self.plan.flush == "end":
            world.northd.pause()
        for state in expand(history, self.plan.order, rng):
            away = self.plan.kill == "away" and rng.random() < 0.5
            if away:
                self.die()
            self.change(state, away=away)
            if away:
                world.daemon = world.start()
                if self.plan.flush == "end":
                    world.northd.pause()
        if self.second is not None:
            self.second.kill()
        world.northd.resume()
        world.runtime.settle()
        world.runtime.advance(60)
        self.player.take_tags_back()
        self.player.claim(history[-1])
        world.runtime.advance(60)

    def change(self, state: State, *, away: bool) -> None:
        player = self.player
        changes = player.differing(state) or (["s1"] if self.plan.order == "twice" else [])
        while changes:
            if self.plan.order == "reversed":
                changes.reverse()
            elif self.plan.order == "shuffled":
                self.rng.shuffle(changes)
            for symbol in changes:
                player.make(symbol, state)
                if self.plan.flush != "state":
                    player.commit()
                    self.let_run(state, away=away)
            if self.plan.flush == "state":
                player.commit()
                self.let_run(state, away=away)
            changes = player.differing(state)

    def let_run(self, state: State, *, away: bool) -> None:
        """After a transaction."""
        world, rng, plan = self.world, self.rng, self.plan
        if away:
            return
        if plan.kill == "between" and rng.random() < 0.4:
            self.steps(rng.randrange(25))
            self.follow_up()
        if plan.flush == "free":
            self.steps(rng.randrange(12))
            if rng.random() < 0.3:
                self.player.claim(state)
        elif plan.flush != "end":
            world.runtime.settle()
            if self.player.claim(state):
                world.runtime.settle()
        if plan.kill == "each" and plan.flush in {"change", "state"}:
            self.die()
            world.daemon = world.start()
            assert world.daemon.sent == []

    def steps(self, count: int) -> None:
        """Let so many callbacks run, whoever's they are."""
        runtime = self.world.runtime
        for _number in range(count):
            if not runtime.step(runtime.now()):
                return

    def die(self) -> None:
        self.world.daemon.kill()
        self.world.runtime.settle()

    def follow_up(self) -> None:
        """Killed between two callbacks; a new one comes, or one that stood by has the lock now."""
        world = self.world
        world.daemon.kill()
        world.daemon = self.second or world.begin()
        self.second = world.begin() if self.rng.random() < 0.5 else None
        if self.plan.flush == "end":
            world.northd.pause()
