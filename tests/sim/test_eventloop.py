"""The loop keeps its order, forgets what it is told to forget, and sleeps when there is nothing to do."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pyovn.sim.eventloop import FORGOTTEN, EventLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Pairs = Callable[[], tuple[socket.socket, socket.socket]]


@pytest.fixture
def loop() -> Iterator[EventLoop]:
    made = EventLoop()
    yield made
    made.close()


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    made: list[socket.socket] = []

    def pair() -> tuple[socket.socket, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        made.extend((ours, theirs))
        return ours, theirs

    yield pair
    for one in made:
        one.close()


def test_callbacks_in_the_order_of_asking_and_new_ones_in_the_next_round(loop: EventLoop) -> None:
    seen: list[str] = []

    def first() -> None:
        seen.append("first")
        loop.call_soon(lambda: seen.append("later"))
        loop.stop()

    loop.call_soon(first)
    loop.call_soon(lambda: seen.append("second"))
    loop.run_forever()
    assert seen == ["first", "second"]
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == ["first", "second", "later"]


def test_stop_before_the_run_is_one_round(loop: EventLoop) -> None:
    seen: list[str] = []
    loop.stop()
    loop.call_soon(lambda: seen.append("called"))
    loop.run_forever()
    assert seen == ["called"]


def test_an_exception_leaves_and_the_others_are_called_by_the_next_run(loop: EventLoop) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise LookupError("lost")

    loop.call_soon(fail)
    loop.call_soon(lambda: seen.append("other"))
    loop.call_soon(loop.stop)
    with pytest.raises(LookupError, match="lost"):
        loop.run_forever()
    assert seen == []
    loop.run_forever()
    assert seen == ["other"]


def test_timers_of_one_moment_keep_their_order(loop: EventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    with monkeypatch.context() as frozen:
        now = time.monotonic()
        frozen.setattr(time, "monotonic", lambda: now)
        for number in range(10):
            loop.call_later(0, lambda n=number: seen.append(n))  # type: ignore[misc]
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert seen == list(range(10))


def test_cancelled_timers_are_thrown_away_and_the_others_stay(loop: EventLoop) -> None:
    seen: list[str] = []
    loop.call_later(0.002, lambda: seen.append("stays"))
    for _ in range(50 * FORGOTTEN):
        loop.call_later(1000, lambda: seen.append("never")).cancel()
    assert len(loop._timers) <= FORGOTTEN + 2
    timer = loop.call_later(0.001, lambda: seen.append("not either"))
    timer.cancel()
    timer.cancel()
    loop.call_later(0.003, loop.stop)
    loop.run_forever()
    assert seen == ["stays"]


def test_a_timer_that_was_called_can_be_cancelled(loop: EventLoop) -> None:
    timer = loop.call_later(0, loop.stop)
    loop.run_forever()
    timer.cancel()
    assert loop._cancelled == 0


def test_readers_and_writers_of_one_file(loop: EventLoop, pairs: Pairs) -> None:
    ours, theirs = pairs()
    seen: list[str] = []

    def read() -> None:
        seen.append(ours.recv(10).decode())
        assert loop.remove_reader(ours.fileno())
        loop.stop()

    def write() -> None:
        seen.append("writable")
        assert loop.remove_writer(ours.fileno())
        theirs.send(b"data")

    loop.add_reader(ours.fileno(), read)
    loop.add_writer(ours.fileno(), write)
    loop.run_forever()
    assert seen == ["writable", "data"]
    assert not loop.remove_reader(ours.fileno())
    assert not loop.remove_writer(ours.fileno())
    theirs.send(b"nobody listens")
    loop.call_later(0.001, loop.stop)
    loop.run_forever()
    assert len(seen) == 2


def test_the_last_reader_counts(loop: EventLoop, pairs: Pairs) -> None:
    ours, theirs = pairs()
    seen: list[str] = []
    loop.add_reader(ours.fileno(), lambda: seen.append("first"))
    loop.add_reader(ours.fileno(), lambda: seen.append("second"))
    theirs.send(b"x")
    loop.stop()
    loop.run_forever()
    assert seen == ["second"]


def test_who_is_removed_by_another_one_of_the_same_round_is_not_called(loop: EventLoop, pairs: Pairs) -> None:
    one, two = pairs(), pairs()
    seen: list[int] = []

    def ready(me: socket.socket, other: socket.socket) -> None:
        seen.append(me.fileno())
        loop.remove_reader(other.fileno())
        other.close()
        # The next file gets the number that is free; what was ready is the one before.
        loop.add_reader(pairs()[0].fileno(), lambda: seen.append(-1))
        loop.stop()

    loop.add_reader(one[0].fileno(), lambda: ready(one[0], two[0]))
    loop.add_reader(two[0].fileno(), lambda: ready(two[0], one[0]))
    one[1].send(b"x")
    two[1].send(b"x")
    loop.run_forever()
    assert len(seen) == 1
    assert seen[0] > 0


def test_files_are_looked_at_although_callbacks_ask_for_callbacks(loop: EventLoop, pairs: Pairs) -> None:
    ours, theirs = pairs()

    def again() -> None:
        loop.call_soon(again)

    again()
    loop.add_reader(ours.fileno(), loop.stop)
    theirs.send(b"x")
    loop.run_forever()


def test_another_thread_wakes_a_loop_that_sleeps(loop: EventLoop) -> None:
    thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(loop.stop))
    loop.call_soon(thread.start)
    loop.run_forever()
    thread.join()


def test_a_loop_that_is_woken_more_often_than_it_runs(loop: EventLoop) -> None:
    seen: list[int] = []
    for number in range(100_000):
        loop.call_soon_threadsafe(lambda n=number: seen.append(n))  # type: ignore[misc]
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == list(range(100_000))


def test_a_closed_loop_hears_nobody(loop: EventLoop) -> None:
    loop.close()
    loop.call_soon_threadsafe(loop.stop)
    loop.close()


def test_sleeping_takes_no_time_of_the_processor(loop: EventLoop) -> None:
    begun = time.process_time()
    loop.call_later(0.2, loop.stop)
    loop.run_forever()
    assert time.process_time() - begun < 0.1
