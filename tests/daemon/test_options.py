"""Command lines are read, and refused, as getopt_long does it."""

from __future__ import annotations

import pytest

from pyovn.daemon import options
from pyovn.daemon.options import Given, Option, OptionError

OWN = (
    Option("db", "", "required", help="connect to DATABASE", metavar="DATABASE"),
    Option("timeout", "t", "required"),
    Option("dry-run"),
    Option("dbg", "x"),
)
ALL = (*options.COMMON, *options.VLOG, *options.DAEMON, options.UNIXCTL, *options.TLS, *OWN)


@pytest.mark.parametrize(
    ("argv", "given", "arguments"),
    [
        ([], [], []),
        (["--db", "unix:x", "show"], [("db", "unix:x")], ["show"]),
        (["--db=unix:x=y"], [("db", "unix:x=y")], []),
        (["--db="], [("db", "")], []),
        (["--db", "--dry-run"], [("db", "--dry-run")], []),
        (["--time", "5"], [("timeout", "5")], []),
        (["-t5", "-t", "6"], [("timeout", "5"), ("timeout", "6")], []),
        (["-xht7"], [("dbg", None), ("help", None), ("timeout", "7")], []),
        (["-v", "dbg"], [("verbose", None)], ["dbg"]),
        (["-vjsonrpc:dbg"], [("verbose", "jsonrpc:dbg")], []),
        (["--log-file", "x"], [("log-file", None)], ["x"]),
        (["--log-file=x"], [("log-file", "x")], []),
        (["a", "--dry-run", "b", "--", "--db"], [("dry-run", None)], ["a", "b", "--db"]),
        (["-", "--dry"], [("dry-run", None)], ["-"]),
        (
            ["-p", "k", "-c", "c", "-C", "ca"],
            [("private-key", "k"), ("certificate", "c"), ("ca-cert", "ca")],
            [],
        ),
    ],
)
def test_read(argv: list[str], given: list[tuple[str, str | None]], arguments: list[str]) -> None:
    line = options.parse(argv, ALL)
    assert list(line) == [Given(*pair) for pair in given]
    assert list(line.arguments) == arguments


def test_in_order_stops_at_the_first_argument() -> None:
    line = options.parse(["--dry-run", "ls-add", "--db", "x"], ALL, in_order=True)
    assert line.arguments == ("ls-add", "--db", "x")
    assert options.parse(["--dry-run", "--", "--may-exist"], ALL, in_order=True).arguments == ("--may-exist",)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--foo"], "unrecognized option '--foo'"),
        (["-Z"], "invalid option -- 'Z'"),
        (["-xZ"], "invalid option -- 'Z'"),
        (["--version=3"], "option '--version' doesn't allow an argument"),
        (["--vers=3"], "option '--version' doesn't allow an argument"),
        (["--db"], "option '--db' requires an argument"),
        (["--tim"], "option '--timeout' requires an argument"),
        (["-t"], "option requires an argument -- 't'"),
        (
            ["--p"],
            "option '--p' is ambiguous; possibilities: '--pidfile' '--peer-ca-cert' '--private-key'",
        ),
    ],
)
def test_refuse(argv: list[str], text: str) -> None:
    with pytest.raises(OptionError) as caught:
        options.parse(argv, ALL)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--foo"], "unrecognized option '--foo'"),
        (["--p"], "unrecognized option '--p'"),
        (["-Z"], "unrecognized option 'Z'"),
        (["-t"], "option '-t' requires an argument"),
        (["--db"], "option '--db' requires an argument"),
        (["--version=3"], "option '--version=3' doesn't allow an argument"),
    ],
)
def test_refuse_tersely(argv: list[str], text: str) -> None:
    with pytest.raises(OptionError) as caught:
        options.parse(argv, ALL, terse=True)
    assert str(caught.value) == text


def test_values_and_defaults() -> None:
    line = options.parse(["--db=a", "--db=b", "--log-file"], ALL)
    assert line.value("db") == "b"
    assert line.values("db") == ["a", "b"]
    assert line.value("log-file", "default.log") == "default.log"
    assert line.value("timeout") is None
    assert "log-file" in line
    assert "timeout" not in line


def test_the_program_ends_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        options.parse_or_exit("ovn-nbctl", ["--foo"], ALL)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "ovn-nbctl: unrecognized option '--foo'\n"


def test_help_lists_options_with_a_text() -> None:
    text = options.format_options("Options", OWN)
    assert text == "Options:\n  --db=DATABASE           connect to DATABASE\n"
