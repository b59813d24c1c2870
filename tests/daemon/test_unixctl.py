"""The control socket: commands and their refusals, order, and answers that come later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pyovn.daemon.log import Log
from pyovn.daemon.unixctl import CommandError, ControlServer, Deferred
from pyovn.sim.virtual import VirtualRuntime
from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyovn.sim.runtime import Stream


class Client:
    def __init__(self, runtime: VirtualRuntime) -> None:
        self.runtime = runtime
        self.replies: list[Any] = []
        self.closed: list[str] = []
        self.stream: Stream
        self._decoder = jsonrpc.Decoder()
        runtime.connect("unix:/x.ctl", self._connected, pytest.fail)
        runtime.settle()

    def _connected(self, stream: Stream) -> None:
        self.stream = stream
        stream.on_data = lambda data: self.replies.extend(self._decoder.feed(data))
        stream.on_close = self.closed.append

    def ask(self, method: str, *args: object) -> Any:
        self.stream.write(jsonrpc.encode(jsonrpc.request(7, method, args)))
        self.runtime.settle()
        return self.replies.pop() if self.replies else None


class Bench:
    def __init__(self) -> None:
        self.runtime = VirtualRuntime()
        self.log = Log("testd")
        self.server = ControlServer(self.runtime, "/x.ctl", "testd", version="testd 1", log=self.log)
        self.client = Client(self.runtime)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def result(text: str) -> dict[str, Any]:
    return {"id": 7, "result": text, "error": None}


def refusal(text: str) -> dict[str, Any]:
    return {"id": 7, "result": None, "error": text}


def test_a_command_gets_its_arguments(bench: Bench) -> None:
    bench.server.register("echo", "WORD...", 1, 2, " ".join)
    assert bench.client.ask("echo", "a", "b") == result("a b\n")
    assert bench.client.ask("echo") == refusal('"echo" command requires at least 1 arguments\n')
    assert bench.client.ask("echo", "a", "b", "c") == refusal('"echo" command takes at most 2 arguments\n')
    assert bench.client.ask("echo", 1) == refusal('"echo" command has non-string argument\n')
    assert bench.client.ask("nope") == refusal(
        '"nope" is not a valid command (use "list-commands" to see a list of valid commands)\n'
    )


def test_a_command_that_fails(bench: Bench) -> None:
    def fail(_args: Sequence[str]) -> str:
        raise CommandError("no such port")

    bench.server.register("fail", "", 0, 0, fail)
    assert bench.client.ask("fail") == refusal("no such port\n")


def test_a_defect_of_a_handler_is_answered_and_logged_and_survived(bench: Bench, tmp_path: Path) -> None:
    def defect(args: Sequence[str]) -> str:
        return str(int(args[0], 16))

    bench.log.open_file(str(tmp_path / "testd.log"))
    bench.server.register("defect", "NUMBER", 1, 1, defect)
    refused = '"defect" command failed: ValueError (the log says more)\n'
    assert bench.client.ask("defect", "zz") == refusal(refused)
    assert bench.client.ask("defect", "ff") == result("255\n")
    bench.log.close_file()
    logged = (tmp_path / "testd.log").read_text()
    assert '|unixctl|ERR|"defect" command failed: Traceback' in logged
    assert "invalid literal for int() with base 16: 'zz'" in logged


def test_a_later_answer_holds_up_only_its_own_connection(bench: Bench) -> None:
    answers = [Deferred(), Deferred()]
    waiting = iter(answers)
    bench.server.register("wait", "", 0, 0, lambda _: next(waiting))
    other = Client(bench.runtime)
    assert bench.client.ask("wait") is None
    assert bench.client.ask("version") is None
    assert other.ask("version") == result("testd 1\n")
    answers[0].resolve("done")
    bench.runtime.settle()
    assert bench.client.replies == [result("done\n"), result("testd 1\n")]
    bench.client.replies.clear()
    answers[1].fail("at once")
    assert bench.client.ask("wait") == refusal("at once\n")


def test_an_answer_to_nobody_is_dropped(bench: Bench) -> None:
    answer = Deferred()
    bench.server.register("wait", "", 0, 0, lambda _: answer)
    bench.client.ask("wait")
    bench.client.stream.close()
    bench.runtime.settle()
    answer.resolve("too late")
    bench.runtime.settle()


@pytest.mark.parametrize("data", [b"[]", b'{"method":"version"}', b'{"id":1}', b"x", b"[" * 1000])
def test_what_is_no_request_ends_the_connection(bench: Bench, data: bytes) -> None:
    bench.client.stream.write(data)
    bench.runtime.settle()
    assert bench.client.closed == ["connection closed by peer"]
    assert Client(bench.runtime).ask("version") == result("testd 1\n")


def test_the_common_commands(bench: Bench, tmp_path: Path) -> None:
    ask = bench.client.ask
    bench.server.coverage.update(hit=3, never=0)
    bench.server.memory += [lambda: {"rows": 2}, lambda: {"atoms": 1}]
    assert ask("coverage/read-counter", "hit") == result("3\n")
    assert ask("coverage/read-counter", "x") == refusal("No such counter\n")
    assert ask("coverage/show")["result"].endswith("total: 3\n1 events never hit\n")
    assert ask("memory/show") == result("atoms:1 rows:2\n")
    commands = ask("list-commands")["result"].splitlines()
    assert commands[0] == "The available commands are:"
    assert "  coverage/read-counter   COUNTER" in commands
    bench.log.module("main")
    assert ask("vlog/set", "main:file:off", "syslog:err") == result("")
    assert "main              INFO        ERR        OFF" in ask("vlog/list")["result"]
    assert ask("vlog/set", "nope") == refusal('no destination, level, or module "nope"\n')
    assert "FILE     none" in ask("vlog/list-pattern")["result"]
    assert ask("vlog/reopen") == refusal("Logging to file not configured\n")
    bench.log.open_file(str(tmp_path / "log"))
    assert ask("vlog/close") == result("")
    assert ask("vlog/reopen") == result("")
    assert ask("vlog/disable-rate-limit", "main") == result("")
    assert ask("vlog/enable-rate-limit", "nope") == refusal("unknown module\n")
    assert ask("vlog/enable-rate-limit", "any") == result("")
    assert ask("vlog/disable-rate-limit", "fatal-signal", "jsonrpc") == result("")
    bench.log.close_file()


def test_closing_answers_first(bench: Bench) -> None:
    bench.server.register("exit", "", 0, 0, lambda _: bench.runtime.call_soon(bench.server.close))
    assert bench.client.ask("exit") == result("")
    assert bench.client.closed == ["connection closed by peer"]
