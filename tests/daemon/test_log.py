"""Lines, levels, destinations and rate limits as vlog's users know them; one log per daemon."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from pyovn.daemon.log import DBG, Limit, Log, LogSpecError
from pyovn.daemon.syslog import Datagram, by_method, by_target
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from pathlib import Path

    from pyovn.daemon.logpattern import Record

LIMIT = Limit(per_minute=60, burst=2)


class Bench:
    """A log with a console to read and virtual time."""

    def __init__(self) -> None:
        self.runtime = VirtualRuntime()
        self.console = io.StringIO()
        self.log = Log("ovn-northd", wall=self.runtime.wall, console=self.console)

    def lines(self) -> list[str]:
        text = self.console.getvalue()
        self.console.truncate(0)
        self.console.seek(0)
        return text.splitlines()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_console_and_file_lines(bench: Bench, tmp_path: Path) -> None:
    name = tmp_path / "northd.log"
    bench.runtime.advance(0.123)
    bench.log.open_file(str(name))
    bench.log.module("main").warn("%d of %s", 3, "them")
    assert bench.lines() == [
        f"2023-11-14T22:13:20Z|00001|vlog|INFO|opened log file {name}",
        "2023-11-14T22:13:20Z|00002|main|WARN|3 of them",
    ]
    assert name.read_text() == (
        f"2023-11-14T22:13:20.123Z|00001|vlog|INFO|opened log file {name}\n"
        "2023-11-14T22:13:20.123Z|00002|main|WARN|3 of them\n"
    )


def test_two_daemons_in_one_process_keep_apart(tmp_path: Path) -> None:
    logs = [Log(name) for name in ("a", "b")]
    for log in logs:
        log.open_file(str(tmp_path / log.program))
        log.module("main").info("I am %s", log.program)
    logs[0].set_spec("main:off")
    for log in logs:
        log.module("main").info("again")
        log.close_file()
    assert "again" not in (tmp_path / "a").read_text()
    assert [line.split("|", 1)[1] for line in (tmp_path / "b").read_text().splitlines()] == [
        f"00001|vlog|INFO|opened log file {tmp_path / 'b'}",
        "00002|main|INFO|I am b",
        "00003|main|INFO|again",
    ]


def test_a_percent_sign_without_arguments_is_text(bench: Bench) -> None:
    bench.log.module("main").info("100%")
    assert bench.lines() == ["2023-11-14T22:13:20Z|00001|main|INFO|100%"]


@pytest.mark.parametrize(
    ("spec", "module", "levels"),
    [
        ("dbg", "main", "DBG        DBG        DBG"),
        ("main", "main", "DBG        DBG        DBG"),
        ("main:file:err", "main", "INFO       INFO        ERR"),
        ("console,WARN", "later", "WARN       INFO       INFO"),
        ("syslog off any", "main", "INFO        OFF       INFO"),
    ],
)
def test_levels(bench: Bench, spec: str, module: str, levels: str) -> None:
    bench.log.module("main")
    bench.log.set_spec(spec)
    bench.log.module(module)
    line = next(line for line in bench.log.format_levels().splitlines() if line.startswith(module))
    assert line.split(None, 1)[1] == levels


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("foo", 'no destination, level, or module "foo"'),
        ("a:b:c", 'no destination, level, or module "a"'),
        ("dbg:err", "cannot specify multiple levels"),
        ("file:console", "cannot specify multiple destinations"),
        ("PATTERN:nofile:x", 'unknown destination "nofile"'),
        ("FACILITY:foo", "invalid facility"),
    ],
)
def test_bad_specs(bench: Bench, spec: str, text: str) -> None:
    with pytest.raises(LogSpecError) as caught:
        bench.log.set_spec(spec)
    assert str(caught.value) == text


def test_patterns(bench: Bench) -> None:
    logger = bench.log.module("main")
    bench.runtime.advance(1.5)
    for pattern in ("%A %-6p%%|%6c|%03N %r %t%T %B", "%D", "%D{%H:%M:%S.#}%n%m", "plain", "%Q%"):
        bench.log.set_spec(f"PATTERN:console:{pattern}")
        logger.info("text")
    assert bench.lines() == [
        "ovn-northd INFO  %|  main|001 1500 main 30",
        "2023-11-14 22:13:21",
        "22:13:21.5",
        "text",
        "plain",
        "",
    ]


def test_rate_limit_says_what_it_held_back(bench: Bench) -> None:
    logger = bench.log.module("main")
    for _ in range(5):
        logger.info("again", limit=LIMIT)
    assert len(bench.lines()) == 2
    bench.runtime.advance(1)
    logger.info("again", limit=LIMIT)
    assert [line.split("|", 3)[3] for line in bench.lines()] == [
        "INFO|Dropped 3 log messages in last 1 seconds (most recently, 1 seconds ago) due to excessive rate",
        "INFO|again",
    ]
    bench.log.set_rate_limits(["main"], enabled=False)
    for _ in range(5):
        logger.info("again", limit=LIMIT)
    assert len(bench.lines()) == 5
    with pytest.raises(LogSpecError, match="unknown module"):
        bench.log.set_rate_limits(["nobody"], enabled=True)


def test_what_nobody_wants_costs_no_formatting(bench: Bench) -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError

    logger = bench.log.module("main")
    logger.dbg("%s", Costly())
    assert not logger.enabled(DBG)


def test_rotation(bench: Bench, tmp_path: Path) -> None:
    name = tmp_path / "x.log"
    bench.log.open_file(str(name))
    name.rename(tmp_path / "x.log.1")
    bench.log.module("main").info("old")
    bench.log.reopen_file()
    bench.log.module("main").info("new")
    bench.log.close_file()
    bench.log.module("main").info("nowhere")
    assert "old" in (tmp_path / "x.log.1").read_text()
    assert name.read_text().count("\n") == 2


def test_a_file_that_cannot_be_opened(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        bench.log.open_file(str(tmp_path / "none" / "x.log"))
    assert bench.lines()[0].endswith("/none/x.log for logging: No such file or directory")


def test_syslog_gets_prefix_and_text() -> None:
    sent: list[tuple[str, str]] = []

    class Catcher:
        def send(self, record: Record, prefix: str, text: str) -> None:
            sent.append((prefix.split(maxsplit=1)[0], text))
            assert record.level

    log = Log("ovs-vswitchd", syslog=Catcher())
    log.set_spec("FACILITY:local0")
    log.module("bridge").err("no")
    assert sent == [("<131>", "ovs|00001|bridge|ERR|no")]


def test_syslog_methods() -> None:
    assert by_target("[::1]:99") == Datagram(by_target("[::1]").family, ("::1", 99))  # type: ignore[attr-defined] # a Datagram, as its equality shows
    assert by_method("udp:127.0.0.1:514") == by_target("127.0.0.1")
    for method in ("libc", "null", "unix:/x"):
        by_method(method)
    with pytest.raises(ValueError, match="unsupported syslog method 'foo'"):
        by_method("foo")
