"""The virtual runtime keeps its word: one order, time only when asked, streams like sockets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyovn.sim.memory import MemoryStream
from pyovn.sim.virtual import EPOCH, RunawayError, VirtualRuntime

if TYPE_CHECKING:
    from pyovn.sim.runtime import Stream


class Peer:
    """The owner of one end of a stream, who notes what happens to it."""

    def __init__(self, stream: Stream | None = None) -> None:
        self.data = b""
        self.chunks: list[bytes] = []
        self.closed: list[str] = []
        self.failed: list[str] = []
        self.stream: Stream
        if stream is not None:
            self.take(stream)

    def take(self, stream: Stream) -> None:
        self.stream = stream
        stream.on_data = self.receive
        stream.on_close = self.closed.append

    def receive(self, data: bytes) -> None:
        self.data += data
        self.chunks.append(data)


def connected(
    runtime: VirtualRuntime, passive: str = "punix:/a", active: str = "unix:/a"
) -> tuple[Peer, Peer]:
    server, client = Peer(), Peer()
    runtime.listen(passive, server.take)
    runtime.connect(active, client.take, client.failed.append)
    runtime.settle()
    assert client.failed == []
    return client, server


def test_time_moves_only_when_advanced() -> None:
    runtime = VirtualRuntime()
    fired: list[float] = []
    runtime.call_later(2.0, lambda: fired.append(runtime.now()))
    runtime.call_later(1.0, lambda: fired.append(runtime.now()))
    runtime.settle()
    assert (fired, runtime.now()) == ([], 0.0)
    runtime.advance(1.5)
    assert (fired, runtime.now(), runtime.wall()) == ([1.0], 1.5, EPOCH + 1.5)
    runtime.advance(0.5)
    assert fired == [1.0, 2.0]
    assert runtime.idle()


def test_order_is_the_order_of_asking() -> None:
    runtime = VirtualRuntime()
    seen: list[str] = []

    def fire_and_ask() -> None:
        seen.append("timer b")
        runtime.call_soon(lambda: seen.append("soon b"))

    runtime.call_later(1, lambda: seen.append("timer a"))
    runtime.call_later(1, fire_and_ask)
    runtime.call_later(1, lambda: seen.append("timer c"))
    runtime.call_soon(lambda: seen.append("soon"))
    runtime.advance(1)
    assert seen == ["soon", "timer a", "timer b", "soon b", "timer c"]


def test_a_cancelled_timer_never_fires() -> None:
    runtime = VirtualRuntime()
    runtime.call_later(1, lambda: pytest.fail("fired")).cancel()
    assert runtime.idle()
    runtime.advance(2)


def test_run_until_stops_at_the_instant() -> None:
    runtime = VirtualRuntime()
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(runtime.now())
        runtime.call_later(1.0, tick)

    tick()
    assert runtime.run_until(lambda: len(ticks) == 4, timeout=10)
    assert runtime.now() == 3.0
    assert not runtime.run_until(lambda: False, timeout=2.5)
    assert runtime.now() == 5.5


def test_a_livelock_is_an_error() -> None:
    runtime = VirtualRuntime(runaway_limit=1000)

    def again() -> None:
        runtime.call_soon(again)

    again()
    with pytest.raises(RunawayError, match=r"1000 callbacks at 0\.000 s"):
        runtime.settle()


def test_what_was_written_at_once_arrives_joined_and_in_order() -> None:
    runtime = VirtualRuntime()
    client, server = connected(runtime)
    client.stream.write(b"one ")
    client.stream.write(b"two")
    assert client.stream.backlog() == 7
    runtime.settle()
    assert server.chunks == [b"one two"]
    assert client.stream.backlog() == 0
    server.stream.write(b"back")
    runtime.settle()
    assert client.data == b"back"


def test_bytes_wait_for_the_owner() -> None:
    runtime = VirtualRuntime()
    accepted: list[Stream] = []
    client = Peer()
    runtime.listen("punix:/a", accepted.append)
    runtime.connect("unix:/a", client.take, client.failed.append)
    runtime.settle()
    client.stream.write(b"early")
    client.stream.close()
    runtime.settle()
    server = Peer(accepted[0])
    assert server.data == b""
    runtime.settle()
    assert (server.data, server.closed) == (b"early", ["connection closed by peer"])


def test_backlog_counts_what_the_owner_has_not_taken() -> None:
    runtime = VirtualRuntime()
    accepted: list[Stream] = []
    client = Peer()
    runtime.listen("punix:/a", accepted.append)
    runtime.connect("unix:/a", client.take, client.failed.append)
    runtime.settle()
    client.stream.write(b"x" * 10)
    runtime.advance(5)
    assert client.stream.backlog() == 10
    Peer(accepted[0])
    runtime.settle()
    assert client.stream.backlog() == 0


def test_close_sends_what_is_queued_and_tells_only_the_other_side() -> None:
    runtime = VirtualRuntime()
    client, server = connected(runtime)
    client.stream.write(b"last words")
    client.stream.close()
    client.stream.write(b"too late")
    server.stream.write(b"nobody reads this")
    runtime.settle()
    assert server.data == b"last words"
    assert server.closed == ["connection closed by peer"]
    assert (client.closed, client.data) == ([], b"")


def test_latency_delays_each_write() -> None:
    runtime = VirtualRuntime()
    runtime.set_latency("unix:/a", 0.1)
    server, client = Peer(), Peer()
    runtime.listen("punix:/a", server.take)
    runtime.connect("unix:/a", client.take, client.failed.append)
    runtime.advance(0.1)
    client.stream.write(b"a")
    runtime.advance(0.05)
    client.stream.write(b"b")
    client.stream.close()
    runtime.advance(0.06)
    assert server.chunks == [b"a"]
    runtime.advance(0.06)
    assert (server.chunks, server.closed) == ([b"a", b"b"], ["connection closed by peer"])


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("unix:/none", "No such file or directory"),
        ("tcp:127.0.0.1:6640", "Connection refused"),
        ("mem:none", "Connection refused"),
        ("carrier-pigeon:coo", "Address family not supported by protocol"),
        ("tcp:127.0.0.1:70000", "Invalid argument"),
    ],
)
def test_nobody_there(address: str, why: str) -> None:
    runtime = VirtualRuntime()
    client = Peer()
    runtime.connect(address, client.take, client.failed.append)
    assert client.failed == []
    runtime.settle()
    assert client.failed == [why]


@pytest.mark.parametrize(
    ("passive", "active"),
    [
        ("ptcp:6641", "tcp:10.0.0.1:6641"),
        ("ptcp:6641:0.0.0.0", "tcp:10.0.0.1:6641"),
        ("ptcp:6641:10.0.0.1", "tcp:10.0.0.1:6641"),
        ("ptcp:", "tcp:127.0.0.1"),
        ("ptcp:6641:[::1]", "tcp:[::1]:6641"),
        ("mem:nb", "mem:nb"),
    ],
)
def test_addresses_meet(passive: str, active: str) -> None:
    connected(VirtualRuntime(), passive, active)


def test_port_zero_gets_a_free_port() -> None:
    runtime = VirtualRuntime()
    first = runtime.listen("ptcp:0:127.0.0.1", lambda _: None)
    second = runtime.listen("ptcp:0:127.0.0.1", lambda _: None)
    assert (first.address, second.address) == ("ptcp:49152:127.0.0.1", "ptcp:49153:127.0.0.1")


def test_an_address_in_use_and_one_set_free() -> None:
    runtime = VirtualRuntime()
    listener = runtime.listen("ptcp:6641", lambda _: None)
    with pytest.raises(OSError, match="Address already in use"):
        runtime.listen("ptcp:6641", lambda _: None)
    listener.close()
    runtime.listen("ptcp:6641", lambda _: None)


def test_a_killed_process_is_silent_and_its_peers_see_a_reset() -> None:
    runtime = VirtualRuntime()
    daemon = runtime.process("daemon")
    server, client = Peer(), Peer()
    daemon.listen("punix:/a", server.take)
    daemon.call_later(1, lambda: pytest.fail("a dead timer fired"))
    runtime.connect("unix:/a", client.take, client.failed.append)
    runtime.settle()
    server.stream.write(b"never sent")
    client.stream.write(b"never read")
    daemon.kill()
    runtime.advance(5)
    assert (server.data, client.data) == (b"", b"")
    assert client.closed == ["connection dropped (Connection reset by peer)"]
    runtime.connect("unix:/a", client.take, client.failed.append)
    runtime.settle()
    assert client.failed == ["No such file or directory"]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.integers(0, 5), max_size=20))
def test_one_seed_is_one_run(seed: int, steps: list[int]) -> None:
    def run() -> list[object]:
        runtime = VirtualRuntime(seed)
        client, server = connected(runtime)
        trace: list[object] = []
        for step in steps:
            delay = runtime.random.choice([0.0, 0.5, 1.0])
            runtime.call_later(delay, partial(client.stream.write, bytes([step])))
            runtime.advance(runtime.random.random())
            trace += [list(server.chunks), runtime.now()]
        return trace

    assert run() == run()


@settings(max_examples=50, deadline=None)
@given(writes=st.lists(st.binary(max_size=8), max_size=20), pauses=st.lists(st.booleans(), max_size=20))
def test_bytes_are_neither_lost_nor_reordered(writes: list[bytes], pauses: list[bool]) -> None:
    runtime = VirtualRuntime()
    client, server = connected(runtime)
    for index, data in enumerate(writes):
        client.stream.write(data)
        if index < len(pauses) and pauses[index]:
            runtime.settle()
    assert client.stream.backlog() + len(server.data) == sum(map(len, writes))
    client.stream.close()
    runtime.settle()
    assert server.data == b"".join(writes)
    assert len(server.closed) == 1


def note(arrived: list[str], name: str, data: bytes) -> None:
    arrived.extend(name + chr(byte) for byte in data)


def test_delays_reorder_between_streams_and_never_within_one() -> None:
    orders = set()
    for seed in range(20):
        runtime = VirtualRuntime(seed)
        arrived: list[str] = []
        runtime.disturbance.delay = partial(runtime.random.choice, (0.0, 0.1, 2.0))
        pairs = []
        for name in "ab":
            server, client = Peer(), Peer()
            runtime.listen(f"punix:/{name}", server.take)
            runtime.connect(f"unix:/{name}", client.take, client.failed.append)
            runtime.advance(5)
            server.stream.on_data = partial(note, arrived, name)
            pairs.append(client)
        for number in b"123":
            for client in pairs:
                client.stream.write(bytes([number]))
        for client in pairs:
            client.stream.close()
        runtime.advance(10)
        for name in "ab":
            assert [word for word in arrived if word[0] == name] == [name + n for n in "123"]
        orders.add(tuple(arrived))
    assert len(orders) > 3


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_both_ends_learn_of_a_severed_stream_after_what_has_still_arrived(kept: int) -> None:
    runtime = VirtualRuntime()
    client, server = connected(runtime)
    client.stream.write(b"1")
    client.stream.write(b"2")
    assert isinstance(client.stream, MemoryStream)
    runtime.disturbance.arriving = lambda count: min(kept, count)
    assert runtime.connections() == [client.stream]
    client.stream.sever("cable")
    client.stream.write(b"3")
    server.stream.write(b"4")
    runtime.settle()
    assert (server.data, server.closed) == (b"12"[:kept], ["cable"])
    assert (client.data, client.closed) == (b"", ["cable"])


def test_a_killed_process_may_have_got_a_part_of_its_messages_out() -> None:
    runtime = VirtualRuntime()
    process = runtime.process("p")
    server, client = Peer(), Peer()
    runtime.listen("punix:/a", server.take)
    process.connect("unix:/a", client.take, client.failed.append)
    runtime.settle()
    assert [stream.peer for stream in runtime.connections()] == ["unix:/a"]
    for text in (b"1", b"2", b"3"):
        client.stream.write(text)
    runtime.disturbance.arriving = lambda count: count - 1
    process.kill()
    runtime.settle()
    assert server.data == b"12"
    assert server.closed == ["connection dropped (Connection reset by peer)"]
    assert client.closed == []
    assert runtime.connections() == []


def test_one_step_is_one_callback() -> None:
    runtime = VirtualRuntime()
    seen: list[str] = []
    runtime.call_later(1.0, lambda: seen.append("late"))
    runtime.call_soon(lambda: seen.append("soon"))
    runtime.call_soon(lambda: seen.append("next"))
    assert runtime.step(until=0.5)
    assert seen == ["soon"]
    assert runtime.step(until=0.5)
    assert not runtime.step(until=0.5)
    assert runtime.now() == 0.5
    assert runtime.step(until=1.0)
    assert (seen, runtime.now()) == (["soon", "next", "late"], 1.0)
