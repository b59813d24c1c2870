"""Sockets keep the promises of streams, and the virtual runtime makes the same ones."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyovn.sim.address import Address, parse_active, parse_passive
from pyovn.sim.eventloop import EventLoop
from pyovn.sim.real import RealRuntime
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyovn.sim.eventloop import Loop
    from pyovn.sim.runtime import Listener, Stream

AnyRuntime = RealRuntime | VirtualRuntime


class Peer:
    def __init__(self) -> None:
        self.data = b""
        self.closed: list[str] = []
        self.failed: list[str] = []
        self.streams: list[Stream] = []

    @property
    def stream(self) -> Stream:
        return self.streams[-1]

    def take(self, stream: Stream) -> None:
        self.streams.append(stream)
        stream.on_data = self.receive
        stream.on_close = self.closed.append

    def receive(self, data: bytes) -> None:
        self.data += data


@pytest.fixture
def real() -> Iterator[RealRuntime]:
    runtime = RealRuntime()
    yield runtime
    runtime.close()


@pytest.fixture(params=["real", "asyncio", "virtual"])
def runtime(request: pytest.FixtureRequest) -> Iterator[AnyRuntime]:
    """The virtual runtime, and the real one on its own loop and on asyncio's own."""
    if request.param == "virtual":
        yield VirtualRuntime()
        return
    loop = asyncio.new_event_loop() if request.param == "asyncio" else None
    made = RealRuntime(loop)
    yield made
    made.close()
    if loop is not None:
        loop.close()


@pytest.fixture(params=["unix", "tcp", "tcp6", "mem", "long"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    return {
        "unix": f"punix:{tmp_path}/s",
        "tcp": "ptcp:0:127.0.0.1",
        "tcp6": "ptcp:0:[::1]",
        "mem": "mem:here",
        "long": f"punix:{long}/s",
    }[request.param]


def join(runtime: AnyRuntime, place: str) -> tuple[Peer, Peer, Listener]:
    server, client = Peer(), Peer()
    listener = runtime.listen(place, server.take)
    called = runtime.now()
    runtime.connect(parse_passive(listener.address).active(), client.take, client.failed.append)
    assert not client.streams, "callbacks come later"
    assert runtime.now() >= called
    assert runtime.run_until(lambda: bool((client.streams and server.streams) or client.failed)), place
    assert client.failed == []
    return client, server, listener


def test_both_directions_and_close(runtime: AnyRuntime, place: str) -> None:
    client, server, listener = join(runtime, place)
    client.stream.write(b"to ")
    client.stream.write(b"server")
    server.stream.write(b"to client")
    assert client.stream.backlog() == 9
    assert runtime.run_until(lambda: (server.data, client.data) == (b"to server", b"to client"))
    assert client.stream.backlog() == 0
    client.stream.write(b" and bye")
    client.stream.close()
    assert runtime.run_until(lambda: bool(server.closed))
    assert (server.data, server.closed, client.closed) == (
        b"to server and bye",
        ["connection closed by peer"],
        [],
    )
    server.stream.write(b"into the void")
    listener.close()


def test_a_large_message_leaves_in_parts(runtime: AnyRuntime, tmp_path: Path) -> None:
    client, server, _ = join(runtime, f"punix:{tmp_path}/s")
    data = os.urandom(1 << 16) * 100
    client.stream.write(data)
    client.stream.write(b"end")
    assert client.stream.backlog() == len(data) + 3
    client.stream.close()
    assert runtime.run_until(lambda: bool(server.closed))
    assert server.data == data + b"end"


def test_bytes_wait_for_the_owner(runtime: AnyRuntime, place: str) -> None:
    accepted: list[Stream] = []
    client, server = Peer(), Peer()
    listener = runtime.listen(place, accepted.append)
    runtime.connect(parse_passive(listener.address).active(), client.take, client.failed.append)
    assert runtime.run_until(lambda: bool(client.streams and accepted))
    client.stream.write(b"early")
    client.stream.close()
    server.take(accepted[0])
    assert runtime.run_until(lambda: bool(server.closed))
    assert server.data == b"early"


def test_what_the_peer_said_last_is_read_although_it_hears_no_more(real: RealRuntime, tmp_path: Path) -> None:
    client, server, _ = join(real, f"punix:{tmp_path}/s")
    server.stream.write(b"go away")
    server.stream.close()
    real.run_until(lambda: False, timeout=0.02)
    assert client.data == b"go away"
    client2, server2, _ = join(real, f"punix:{tmp_path}/s2")
    server2.stream.write(b"go away")
    server2.stream.close()
    for _ in range(100):
        client2.stream.write(b"x" * 1000)
    assert real.run_until(lambda: bool(client2.closed))
    assert client2.data == b"go away"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("unix:{}/none", "No such file or directory"),
        ("tcp:127.0.0.1:1", "Connection refused"),
        ("mem:none", "Connection refused"),
        ("unix:{}", "Connection refused"),
        ("bogus", "Address family not supported by protocol"),
    ],
)
def test_nobody_there(real: RealRuntime, address: str, why: str, tmp_path: Path) -> None:
    client = Peer()
    real.connect(address.format(tmp_path), client.take, client.failed.append)
    assert client.failed == []
    assert real.run_until(lambda: bool(client.failed))
    assert client.failed == [why]


def test_a_name_that_cannot_be_one(real: RealRuntime) -> None:
    client = Peer()
    real.connect("tcp:x\0y:1", client.take, client.failed.append)
    assert real.run_until(lambda: bool(client.failed))
    assert len(client.failed) == 1


def test_a_name_is_resolved(real: RealRuntime) -> None:
    client, server = Peer(), Peer()
    port = parse_passive(real.listen("ptcp:0:127.0.0.1", server.take).address).port
    real.connect(f"tcp:localhost:{port}", client.take, client.failed.append)
    assert real.run_until(lambda: bool(client.streams or client.failed))
    assert client.failed == []


def test_the_socket_file(real: RealRuntime, tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("left by somebody")
    mask = os.umask(0o022)
    try:
        listener = real.listen(f"punix:{path}", lambda _: None)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    listener.close()
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        real.listen(f"punix:{tmp_path}/none/s", lambda _: None)


def test_a_port_in_use(real: RealRuntime) -> None:
    address = real.listen("ptcp:0:127.0.0.1", lambda _: None).address
    with pytest.raises(OSError, match="Address already in use"):
        real.listen(address, lambda _: None)


def test_an_exception_ends_the_run(real: RealRuntime) -> None:
    def fail() -> None:
        raise LookupError("lost")

    real.call_soon(fail)
    with pytest.raises(LookupError, match="lost"):
        real.run_forever()


def test_signals_and_stop(real: RealRuntime) -> None:
    seen: list[str] = []

    def on_signal() -> None:
        seen.append("signal")
        real.call_soon(real.stop)

    real.add_signal_handler(signal.SIGUSR1, on_signal)
    real.call_soon(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    real.run_forever()
    assert seen == ["signal"]


@pytest.mark.parametrize("make_loop", [EventLoop, asyncio.new_event_loop])
def test_a_signal_is_heard_before_the_loop_runs_and_while_it_sleeps(
    make_loop: Callable[[], Loop],
) -> None:
    loop = make_loop()
    runtime = RealRuntime(loop)
    seen: list[str] = []

    def on_signal() -> None:
        seen.append("signal")
        runtime.stop()

    before = signal.getsignal(signal.SIGTERM)
    runtime.add_signal_handler(signal.SIGTERM, on_signal)
    os.kill(os.getpid(), signal.SIGTERM)
    runtime.run_forever()
    assert seen == ["signal"]
    # Nothing else wakes this loop up: another process sends the signal while it sleeps.
    with subprocess.Popen(["sh", "-c", f"kill -TERM {os.getpid()}"]):
        runtime.run_forever()
    assert seen == ["signal", "signal"]
    runtime.close()
    loop.close()
    assert signal.getsignal(signal.SIGTERM) == before


def test_closing_the_runtime_sends_what_was_written(tmp_path: Path) -> None:
    runtime = RealRuntime()
    accepted: list[Stream] = []
    runtime.listen(f"punix:{tmp_path}/s", accepted.append)
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(f"{tmp_path}/s")
        assert runtime.run_until(lambda: bool(accepted))
        accepted[0].write(b"goodbye")
        runtime.close()
        assert raw.recv(100) == b"goodbye"
    assert not (tmp_path / "s").exists()


def test_timers_fire_in_time_and_cancelled_ones_do_not(runtime: AnyRuntime) -> None:
    seen: list[str] = []
    note: Callable[[str], Callable[[], None]] = lambda word: lambda: seen.append(word)  # noqa: E731 - a table of one-liners
    runtime.call_later(0.02, note("second"))
    runtime.call_later(0.001, note("first"))
    runtime.call_later(0.01, note("never")).cancel()
    assert runtime.run_until(lambda: len(seen) == 2)
    assert seen == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:a:b", Address("unix", "a:b")),
        ("tcp:h", Address("tcp", "h", 6640)),
        ("tcp:h:1", Address("tcp", "h", 1)),
        ("tcp:[fe80::1]:1", Address("tcp", "fe80::1", 1)),
        ("tcp:[fe80::1]", Address("tcp", "fe80::1", 6640)),
    ],
)
def test_active_addresses(text: str, address: Address) -> None:
    assert parse_active(text) == address
    assert parse_active(address.active()) == address


@pytest.mark.parametrize(
    "text", ["", "tcp:", "tcp::1", "ssl:h:1", "unix:", "ptcp:1", "tcp:h:x", "tcp:h:99999"]
)
def test_not_active(text: str) -> None:
    with pytest.raises(OSError, match=r"Address family not supported|Invalid argument"):
        parse_active(text)
