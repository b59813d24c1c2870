"""``ovsdb-client`` against Debian's, on one server of Debian's; and what needs no server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyovn.daemon.ctlclient import control_request
from pyovn.ovsdb.schema import ColumnType
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools import ovsdb_client
from pyovn.tools.table import Cell, Datum, Json, Printer, Style, format_table, pretty_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

START = "import sys; sys.argv[0] = 'ovsdb-client'; from pyovn.tools.ovsdb_client import main; main()"
OURS = [sys.executable, "-c", START]
SCHEMA = Path("/usr/share/ovn/ovn-nb.ovsschema")
UUIDS = ColumnType.from_json({"key": "uuid", "min": 0, "max": "unlimited"})
STRINGS = ColumnType.from_json({"key": "string", "value": "string", "min": 0, "max": "unlimited"})

CONTENTS: list[Any] = [
    {
        "op": "insert",
        "table": "Logical_Switch",
        "row": {
            "name": "sw <1>",
            "other_config": ["map", [["a", "b c"], ["x", "true"], ["", 'q"uote'], ["1", "2"]]],
            "external_ids": ["map", [["k", "<v&>"]]],
            "ports": ["named-uuid", "p"],
        },
    },
    {
        "op": "insert",
        "table": "Logical_Switch_Port",
        "uuid-name": "p",
        "row": {
            "name": "p,1",
            "addresses": [
                "set",
                ["00:00:00:00:00:01 10.0.0.1", "na\u00efve", "12", "a_b-c.d", "false", "x:y", "[a"],
            ],
            "tag": 5,
            "enabled": True,
        },
    },
    {"op": "insert", "table": "Logical_Switch", "row": {"name": "2f77b348-9768-4866-b761-89d5177ecdab"}},
    {"op": "insert", "table": "Address_Set", "row": {"name": "a\tb\n\u0001\u00e9\u007f", "addresses": ""}},
    {"op": "insert", "table": "Address_Set", "row": {"name": '  lead "q"'}},
    {"op": "insert", "table": "Address_Set", "row": {"name": "two\nlines"}},
]

KINDS = {
    "s": "string", "i": "integer", "r": "real", "b": "boolean", "u": "uuid",
    **{f"o{k[0]}": {"key": k, "min": 0, "max": 1} for k in ("string", "integer", "real", "boolean", "uuid")},
    **{f"s{k[0]}": {"key": k, "min": 0, "max": "unlimited"} for k in ("string", "integer", "real", "uuid")},
    "ms": {"key": "string", "value": "string", "min": 0, "max": "unlimited"},
    "mr": {"key": "integer", "value": "real", "min": 0, "max": "unlimited"},
    "mb": {"key": "boolean", "value": "uuid", "min": 0, "max": 2},
    "e": {"key": {"type": "string", "enum": ["set", ["a", "b c"]]}, "min": 0, "max": 1},
}  # fmt: skip
ODD_SCHEMA = {
    "name": "Odd",
    "version": "1.2.3",
    "tables": {"T": {"columns": {name: {"type": kind} for name, kind in KINDS.items()}, "isRoot": True}},
}
ONE, TWO = ["uuid", "11111111-2222-4333-8444-555555555555"], ["uuid", "99999999-2222-4333-8444-555555555555"]
ODD_STRINGS = [
    "", "a", "true", "12", " lead", "x,y", "[q]", "{k=v}", 'q"q', "two\nlines", "na\u00efve",
    "\u6f22\u5b57", "1-2", 'he said "hi", <b>&amp;</b>\ttab\\back\r\n \u20ac\U0001f600 \u007f\u0001',
    "=cmd()", " \n ", ONE[1],
]  # fmt: skip
ODD_REALS = [
    0.5,
    -0.0,
    1e-7,
    123456789012345680,
    3.141592653589793,
    1e20,
    1e15,
    999999999999999,
    -3.0,
    5e-300,
]
ODD_ROWS: list[dict[str, Any]] = [
    {},
    {
        "i": -(2**63), "r": 1e300, "b": True, "u": ONE, "os": "", "oi": 0, "ob": False, "or": 0.1, "ou": TWO,
        "ss": ["set", ODD_STRINGS], "si": ["set", [3, -1, 2**63 - 1]], "sr": ["set", ODD_REALS],
        "su": ["set", [ONE, TWO]], "ms": ["map", [[key, key[::-1]] for key in ODD_STRINGS]],
        "mr": ["map", [[1, 1.0], [-5, 2.5e-5], [7, 1e16]]], "mb": ["map", [[True, ONE], [False, TWO]]],
        "e": "b c",
    },
    {"ss": "single", "si": 7, "sr": 2, "su": ONE, "ms": ["map", [["only", "one"]]], "or": 1e15},
    *({"s": text, "os": text, "ss": text} for text in ODD_STRINGS),
    *({"r": real} for real in ODD_REALS),
]  # fmt: skip


class Bench:
    """A server of Debian's, Debian's client and ours."""

    def __init__(self, client: str, folder: Path) -> None:
        self.theirs = [client]
        self.folder = folder
        self.server = f"unix:{folder}/s"
        self.environ = os.environ | {"OVS_RUNDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(self, program: Sequence[str], *words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [*program, *words], check=False, capture_output=True, text=True, env=self.environ, timeout=30
        )
        return done.returncode, done.stdout, done.stderr.replace("/usr/bin/", "")

    def both(self, *words: str) -> tuple[int, str, str]:
        """Run both and expect the same; the words ``S`` and ``D`` stand for server and database."""
        told = [{"S": self.server, "D": "OVN_Northbound"}.get(word, word) for word in words]
        expected = self.run(self.theirs, *told)
        assert self.run(OURS, *told) == expected
        return expected

    def transact(self, *operations: Any, database: str = "OVN_Northbound") -> None:
        text = json.dumps([database, *operations])
        code, shown, _ = self.run(self.theirs, "transact", self.server, text)
        assert code == 0
        assert "error" not in shown

    def steal(self, lock: str) -> None:
        """Take a lock away from who has it, and end: it gets it back."""
        with subprocess.Popen(
            [*OURS, "steal", self.server, lock], stdout=subprocess.PIPE, text=True, env=self.environ
        ) as thief:
            assert thief.stdout is not None
            assert thief.stdout.readline() == '{"locked":true}\n'
            thief.kill()

    def watch(self, program: Sequence[str], lines: int, *words: str) -> list[str]:
        """Run a monitor while one row lives and dies; its first lines, names of rows replaced."""
        with subprocess.Popen(
            [*program, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=self.environ
        ) as process:
            assert process.stdout is not None
            watchdog = threading.Timer(20, process.kill)
            watchdog.start()
            shown = [process.stdout.readline()]
            name = [["name", "==", "sw <1>"]]
            add = ["external_ids", "insert", ["map", [["n", "m"]]]]
            remove = ["external_ids", "delete", ["set", ["n"]]]
            self.transact({"op": "mutate", "table": "Logical_Switch", "where": name, "mutations": [add]})
            self.transact({"op": "mutate", "table": "Logical_Switch", "where": name, "mutations": [remove]})
            shown += [process.stdout.readline() for _ in range(lines - 1)]
            watchdog.cancel()
            process.kill()
        return shown


@pytest.fixture(scope="module")
def bench(peer: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    tool, server, client = peer("ovsdb-tool"), peer("ovsdb-server"), peer("ovsdb-client")
    if not SCHEMA.exists():
        pytest.skip("ovn-nb.ovsschema is not installed")
    folder = tmp_path_factory.mktemp("s")
    made = Bench(client, folder)
    subprocess.run([tool, "create", "nb.db", SCHEMA], check=True, cwd=folder)
    (folder / "odd.ovsschema").write_text(json.dumps(ODD_SCHEMA))
    subprocess.run([tool, "create", "odd.db", "odd.ovsschema"], check=True, cwd=folder)
    options = ["--remote=punix:s", "--unixctl=c", "-vconsole:off", "--no-chdir", f"--pidfile={folder}/p"]
    subprocess.run(
        [server, *options, "--detach", "nb.db", "odd.db"], check=True, cwd=folder, env=made.environ
    )
    made.transact(*CONTENTS)
    made.transact(*[{"op": "insert", "table": "T", "row": row} for row in ODD_ROWS], database="Odd")
    yield made
    os.kill(int((folder / "p").read_text()), signal.SIGTERM)


@pytest.mark.peers
@pytest.mark.parametrize("form", ["table", "list", "csv", "html", "json"])
@pytest.mark.parametrize("more", ["--data=string", "--data=bare", "--data=json", "--no-headings", "--pretty"])
def test_dump_looks_the_same(bench: Bench, form: str, more: str) -> None:
    bench.both("dump", "-f", form, more, "S", "D", "Logical_Switch", "name", "ports", "other_config", "_uuid")
    bench.both("dump", "-f", form, more, "S", "D", "Address_Set")
    assert bench.both("dump", "-f", form, more, "S", "D")[1]


@pytest.mark.peers
@pytest.mark.parametrize("form", ["table", "list", "csv", "html", "json"])
def test_odd_values_of_every_type_look_the_same(bench: Bench, form: str) -> None:
    for more in ("--data=string", "--data=bare", "--data=json", "--pretty", "--max-column-width=9"):
        assert bench.both("dump", "-f", form, more, "S", "Odd")[1]


@pytest.mark.peers
def test_odd_values_in_answers_and_schemas_look_the_same(bench: Bench) -> None:
    select = json.dumps(["Odd", {"op": "select", "table": "T", "where": []}])
    bench.both("query", "S", select)
    bench.both("--pretty", "transact", "S", select)
    assert bench.both("needs-conversion", "S", str(bench.folder / "odd.ovsschema"))[1] == "no\n"


@pytest.mark.peers
@pytest.mark.parametrize(
    "words",
    [
        ("dump", "--bare", "S", "D", "Logical_Switch_Port", "name", "tag", "addresses"),
        ("dump", "--max-column-width=12", "S", "D", "Logical_Switch_Port"),
        ("dump", "S"),
        ("dump", "S", "Nope"),
        ("dump", "S", "D", "Nope"),
        ("dump", "S", "D", "QoS", "nope"),
        ("list-dbs", "S"),
        ("list-dbs", "S", "x"),
        ("list-dbs",),
        ("list-dbs", "tcp:127.0.0.1:1"),
        ("get-schema", "S", "D"),
        ("get-schema", "--pretty", "S", "D"),
        ("get-schema", "S", "Odd"),
        ("get-schema", "S", "D", "x"),
        ("get-schema-version", "S", "D"),
        ("get-schema-cksum", "S", "_Server"),
        ("list-columns", "S", "D", "Nope"),
        (
            "transact",
            "S",
            '["OVN_Northbound",{"op":"select","table":"Logical_Switch","where":[],"columns":["name"]}]',
        ),
        ("--pretty", "transact", "S", '["OVN_Northbound",{"op":"comment","comment":"x"}]'),
        ("transact", "S", '["OVN_Northbound",{"op":"foo"}]'),
        ("transact", "S", '["Nope"]'),
        ("transact", "S", "[]"),
        ("transact", "S", '{"a"'),
        ("query", "S", '["OVN_Northbound",{"op":"delete","table":"Logical_Switch","where":[]}]'),
        ("query", "S", '["OVN_Northbound",{"op":"foo"}]'),
        ("needs-conversion", "S", str(SCHEMA)),
        ("convert", "S", str(SCHEMA)),
        ("monitor", "S", "D", "Nope"),
        ("monitor", "S", "D", "QoS", "nope"),
        ("wait", "S", "D", "nonsense"),
        (),
        ("nope",),
        ("-f", "nope", "list-dbs", "S"),
        ("-d", "nope", "list-dbs", "S"),
        ("-t", "x", "list-dbs", "S"),
        ("--nope",),
    ],
)
def test_one_answer(bench: Bench, words: tuple[str, ...]) -> None:
    bench.both(*words)


@pytest.mark.peers
@pytest.mark.parametrize(
    "words", [("list-tables", "S", "D"), ("list-columns", "S", "D", "QoS"), ("list-columns", "S")]
)
def test_the_same_in_another_order(bench: Bench, words: tuple[str, ...]) -> None:
    told = [{"S": bench.server, "D": "OVN_Northbound"}.get(word, word) for word in words]
    theirs, ours = bench.run(bench.theirs, *told), bench.run(OURS, *told)
    assert sorted(ours[1].splitlines()) == sorted(theirs[1].splitlines())


@pytest.mark.peers
@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (12, ("monitor", "S", "D", "Logical_Switch", "name,external_ids")),
        (12, ("monitor", "S", "D", "Logical_Switch", "!insert,name", "external_ids,!delete")),
        (10, ("-f", "csv", "monitor", "S", "D", "Logical_Switch", "name,external_ids")),
        (9, ("monitor-cond", "S", "D", '[["name","==","sw <1>"]]', "Logical_Switch", "name,external_ids")),
        (11, ("monitor-cond-since", "S", "D", "[]", "Logical_Switch", "name,external_ids")),
        (10, ("monitor-cond-since", "S", "D", "[]", "Logical_Switch", "!initial,name,external_ids")),
    ],
)
def test_monitors_show_the_same(bench: Bench, lines: int, words: tuple[str, ...]) -> None:
    told = [{"S": bench.server, "D": "OVN_Northbound"}.get(word, word) for word in words]
    ours, theirs = bench.watch(OURS, lines, *told), bench.watch(bench.theirs, lines, *told)
    assert sorted(ours) == sorted(theirs)


@pytest.mark.peers
def test_locks(bench: Bench) -> None:
    with subprocess.Popen(
        [*OURS, "lock", bench.server, "l"], stdout=subprocess.PIPE, text=True, env=bench.environ
    ) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == '{"locked":true}\n'
        bench.steal("l")
        assert [one.stdout.readline() for _ in range(4)] == ["stolen\n", '["l"]\n', "locked\n", '["l"]\n']
        one.kill()


@pytest.mark.peers
def test_waiting(bench: Bench) -> None:
    assert bench.run(OURS, "wait", bench.server, "OVN_Northbound", "connected")[0] == 0
    assert bench.run(OURS, "wait", bench.server, "Nope", "removed")[0] == 0
    assert bench.run(OURS, "-t", "1", "wait", "unix:/nowhere", "Nope", "added")[0] == -signal.SIGALRM


def test_a_table_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    name = UUID("aef5a6b0-5095-43f4-b01f-7712bcde28cd")
    printer = Printer(sys.stdout.write, Style("table"))
    rows: list[list[Cell]] = [["x", Datum(UUIDS, frozenset((name,)))], ["", Json({"b": [], "a": 1})]]
    printer.print(["c", "value"], rows, "caption", "now")
    printer.print(["c"], [], None)
    assert capsys.readouterr().out == (
        "now\ncaption\nc value\n- --------------------------------------\n"
        f"x [{name}]\n" + '  {"a":1,"b":[]}\n\nc\n-\n'
    )
    shown = format_table(["m"], [[Datum(STRINGS, FrozenMap({"a": "b"}))]], Style("json"), "c", "t")
    assert json.loads(shown) == {
        "caption": "c",
        "time": "t",
        "headings": ["m"],
        "data": [[["map", [["a", "b"]]]]],
    }
    assert pretty_json({"a": {}, "b": [1, []]}) == '{\n  "a": {\n    },\n  "b": [\n    1,\n    []]}'


def test_help_and_version(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    ovsdb_client.main(["--help"])
    ovsdb_client.main(["help"])
    ovsdb_client.main(["-V"])
    shown = capsysbinary.readouterr().out.decode()
    assert all(f" {command.name} [SERVER]" in shown for command in ovsdb_client.COMMANDS)
    assert shown.count("usage: ovsdb-client") == 2
    assert "ovsdb-client (pyovn)" in shown


class Detached:
    """A command of ours in the background: its output is read from a pipe, its control socket is asked."""

    def __init__(self, bench: Bench, *words: str) -> None:
        self.directory = bench.folder
        self.started = subprocess.Popen(
            [*OURS, "--detach", "--no-chdir", "--pidfile=background.pid", "--unixctl=background", *words],
            stdout=subprocess.PIPE, text=True, env=bench.environ, cwd=bench.folder,
        )  # fmt: skip
        assert self.started.stdout is not None
        self.output = self.started.stdout
        assert self.started.wait(20) == 0

    def lines(self, count: int) -> list[str]:
        watchdog = threading.Timer(20, os.kill, (int((self.directory / "background.pid").read_text()), 9))
        watchdog.start()
        shown = [self.output.readline() for _ in range(count)]
        watchdog.cancel()
        return shown

    def ask(self, *words: str) -> tuple[bool, str]:
        return control_request(str(self.directory / "background"), words[0], list(words[1:]))

    def exit(self) -> None:
        """End it: then its output ends, too."""
        assert self.ask("exit") == (True, "")
        assert self.output.read() == ""
        assert not (self.directory / "background.pid").exists()
        self.output.close()


@pytest.mark.peers
def test_a_monitor_goes_on_in_the_background(bench: Bench) -> None:
    words = ("-f", "csv", "monitor", bench.server, "OVN_Northbound", "Address_Set", "!initial,name")
    detached = Detached(bench, *words)
    bench.transact({"op": "insert", "table": "Address_Set", "row": {"name": "late"}})
    bench.transact({"op": "delete", "table": "Address_Set", "where": [["name", "==", "late"]]})
    shown = [line.partition(",")[2] for line in detached.lines(5)]
    assert shown == ["action,name\n", "insert,late\n", "", "action,name\n", "delete,late\n"]
    detached.exit()


@pytest.mark.peers
def test_locks_are_taken_on_the_connection_in_the_background(bench: Bench) -> None:
    detached = Detached(bench, "lock", bench.server, "one")
    assert detached.ask("lock", "two") == (True, "")
    bench.steal("two")
    shown = ['{"locked":true}\n'] * 2 + ["stolen\n", '["two"]\n', "locked\n", '["two"]\n']
    assert detached.lines(6) == shown
    assert detached.ask("unlock", "one") == (True, "")
    assert detached.lines(1) == ["{}\n"]
    accepted, why = detached.ask("unlock", "one")
    assert not accepted
    assert '\\"unlock\\" without \\"lock\\"' in why
    detached.exit()


@pytest.mark.peers
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("lock", "S", "1x"), "lock returned error: {"),
        (("monitor", "S", "D", "Nope"), 'OVN_Northbound does not have a table named "Nope"'),
        (("monitor", "unix:/nowhere", "D", "Nope"), 'failed to connect to "unix:/nowhere" (No such file'),
        (("-vnonsense", "lock", "S", "x"), 'processing "nonsense": no destination, level, or module'),
    ],
)
def test_what_cannot_begin_in_the_background_says_so(bench: Bench, words: tuple[str, ...], why: str) -> None:
    told = [{"S": bench.server, "D": "OVN_Northbound"}.get(word, word) for word in words]
    code, shown, complaint = bench.run(OURS, "--detach", "--unixctl=background", *told)
    assert (code, shown) == (1, "")
    assert why in complaint


@pytest.mark.peers
def test_a_server_that_connects_is_waited_for(bench: Bench, peer: Callable[[str], str]) -> None:
    """C's server connects out, again and again, until we listen; tcp and ssl are in test_tls_peers."""
    appctl = (peer("ovs-appctl"), "-t", str(bench.folder / "c"))
    subprocess.run([*appctl, "ovsdb-server/add-remote", f"unix:{bench.folder}/waiting"], check=True)
    try:
        shown = bench.run(OURS, "list-dbs", f"punix:{bench.folder}/waiting")
    finally:
        subprocess.run([*appctl, "ovsdb-server/remove-remote", f"unix:{bench.folder}/waiting"], check=True)
    assert shown == (0, "OVN_Northbound\nOdd\n_Server\n", "")
    assert not (bench.folder / "waiting").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-vnonsense", "list-dbs", "unix:/nowhere"], 'processing "nonsense": no destination, level'),
        (["list-dbs", "tcp:127.0.0.1:port"], 'failed to connect to "tcp:127.0.0.1:port" (Invalid argument)'),
        (["list-dbs", "ssl:127.0.0.1:1"], "Private key must be configured to use SSL\n"),
        (["-p", "/no", "-c", "/no", "-C", "/no", "list-dbs", "ssl:127.0.0.1:1"], "(Protocol error)"),
        (["list-dbs", "punix:/nowhere/s"], 'failed to connect to "punix:/nowhere/s" (No such file'),
    ],
)
def test_bad_arguments_are_told(capsys: pytest.CaptureFixture[str], words: list[str], why: str) -> None:
    with pytest.raises(SystemExit):
        ovsdb_client.main(words)
    assert why in capsys.readouterr().err


@pytest.mark.peers
def test_a_path_may_be_longer_than_a_socket_address(bench: Bench, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    (long / "s").symlink_to(bench.folder / "s")
    assert bench.run(OURS, "list-dbs", f"unix:{long}/s")[1].split() == ["OVN_Northbound", "Odd", "_Server"]
