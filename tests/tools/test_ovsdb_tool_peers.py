"""Our ovsdb-tool and Debian's, line by line: the same words in two equal folders, the same answers.

Normalized are dates, process ids and version numbers; what follows the order of C's hash tables (the rows
of one record) is sorted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peers

OURS = [sys.executable, "-c", "from pyovn.tools.ovsdb_tool import main; main()"]
U1, U2, U3 = (f"{n * 8}-0000-4000-8000-000000000000" for n in "123")
STRINGS = {"key": "string", "min": 0, "max": "unlimited"}
KIDS = {"key": {"type": "uuid", "refTable": "K"}, "min": 0, "max": "unlimited"}
ONE: dict[str, Any] = {
    "name": "T",
    "version": "1.0.0",
    "cksum": "12345 678",
    "tables": {
        "A": {
            "isRoot": True,
            "columns": {
                "name": {"type": "string"},
                "n": {"type": "integer"},
                "r": {"type": "real"},
                "s": {"type": STRINGS},
                "m": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
                "k": {"type": KIDS},
                "e": {"type": "integer", "ephemeral": True},
            },
        },
        "K": {"columns": {"name": {"type": "string"}}},
    },
}


def changed(*path: str, to: Any) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(json.dumps(ONE))
    place = schema
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    return schema


COLUMNS = ("tables", "A", "columns")
SCHEMAS: dict[str, Any] = {
    "one": ONE,
    "two": changed(*COLUMNS, "s", to={"type": {"key": "string", "min": 0}}) | {"version": "2.0.0"},
    "more": changed(*COLUMNS, "new", to={"type": "integer"}),
    "less": changed("tables", "A", "columns", to={"name": {"type": "string"}}),
    "named": changed("name", to="U"),
    "bare": {"name": "T", "tables": ONE["tables"]},
    "index": changed("tables", "A", "indexes", to=[["n"]]),
    "limit": changed("tables", "A", "maxRows", to=1),
    "enum": changed(*COLUMNS, "name", to={"type": {"key": {"type": "string", "enum": ["set", ["a", "b"]]}}}),
    "int": changed(*COLUMNS, "name", to={"type": "integer"}),
    "range": changed(*COLUMNS, "n", to={"type": {"key": {"type": "integer", "maxInteger": 5}}}),
    "no-k": changed("tables", to={"A": changed(*COLUMNS, "k", to={"type": STRINGS})["tables"]["A"]}),
    "bad-name": changed("name", to="a b"),
    "bad-version": changed("version", to="1.2"),
    "bad-type": changed(*COLUMNS, "n", to={"type": "foo"}),
    "bad-table": changed("tables", "A", "foo", to=1),
    "bad-max": changed(*COLUMNS, "n", to={"type": {"key": "string", "max": 0}}),
    "bad-reference": changed(*COLUMNS, "n", to={"type": {"key": {"type": "uuid", "refTable": "Q"}}}),
    "bad-list": [],
}


def record(value: Any) -> bytes:
    line = (value if isinstance(value, str) else json.dumps(value)).encode() + b"\n"
    return b"OVSDB JSON %d %s\n%s" % (len(line), hashlib.sha1(line).hexdigest().encode(), line)


DATE = 1_795_341_760_554
ROW = {"name": "a", "n": 5, "s": ["set", ["x", "y y"]], "k": ["uuid", U2]}
HISTORY = [
    ONE,
    {"_date": DATE, "_comment": 'hi "x"\nline', "A": {U1: ROW}, "K": {U2: {"name": "kid"}}},
    {"_date": DATE + 5, "A": {U1: {"name": "b", "n": 6, "r": 1.5}}},
    {"_date": DATE // 1000, "_is_diff": True, "A": {U1: {"name": "c", "s": ["set", ["x", "z"]]}}},
    {"_date": DATE, "A": {U3: {}}},
    {"_date": DATE, "_is_diff": True, "A": {U3: {"m": ["map", [["k", "v"], ["l", ""]]]}}},
    {"_comment": "no date", "A": {U3: None}},
    {"_date": DATE, "_comment": "nothing else"},
    {"_date": DATE, "_is_diff": True, "A": {U1: {"k": ["uuid", U3]}}, "K": {U3: {"name": "new"}}},
]
STRANGE = [
    ONE,
    {"_date": "x", "_comment": 5, "A": {U1: {"n": "text", "bogus": 4}}},
    {"Zed": {U2: {"s": "q"}}},
    {"A": {"xx": {"name": 3}}},
]


def files(folder: Path) -> None:
    folder.mkdir()
    for name, schema in SCHEMAS.items():
        (folder / f"{name}.json").write_text(json.dumps(schema))
    (folder / "broken.json").write_text('{"name": "T",\n "x" 3}')
    (folder / "empty").write_bytes(b"")
    (folder / "text").write_bytes(b"SQLite format 3\n")
    whole = b"".join(map(record, HISTORY))
    (folder / "h.db").write_bytes(whole)
    (folder / "flat.db").write_bytes(b"".join(map(record, HISTORY[:2])))
    (folder / "new.db").write_bytes(record(ONE))
    (folder / "strange.db").write_bytes(b"".join(map(record, STRANGE)))
    (folder / "cut-header.db").write_bytes(whole + record({})[:20])
    (folder / "cut-body.db").write_bytes(whole[:-5])
    (folder / "flipped.db").write_bytes(whole.replace(b'"n": 6', b'"n": 7'))
    (folder / "array.db").write_bytes(record(ONE) + record("[1]") + record({}))
    (folder / "not-schema.db").write_bytes(record({"name": "T"}))
    (folder / "garbage.db").write_bytes(record(ONE) + b"OVSDB FOO 3 xx\n" + record({}))
    (folder / "unversioned.db").write_bytes(record(SCHEMAS["bare"]))


class Twins:
    def __init__(self, folder: Path, tool: str) -> None:
        self.programs = {"ours": OURS, "theirs": [tool]}
        self.folder = folder
        for name in self.programs:
            files(folder / name)

    def run(self, whose: str, *words: str) -> tuple[int, str, str]:
        folder = self.folder / whose
        told = [word for word in words if not word.startswith("OVS_")]
        environment = os.environ | {
            "OVS_DBDIR": "/nonexistent",
            "OVS_PKGDATADIR": "/nonexistent",
            "PYTHONPATH": os.pathsep.join(sys.path),
            **dict(word.split("=") for word in words if word.startswith("OVS_")),
        }
        done = subprocess.run(
            [*self.programs[whose], *told],
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
            timeout=30,
        )
        return done.returncode, normal(done.stdout.decode()), normal(done.stderr.decode())

    def both(self, *words: str) -> tuple[int, str, str]:
        expected = self.run("theirs", *words)
        assert self.run("ours", *words) == expected, words
        return expected


def normal(text: str) -> str:
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "NOW", text).replace("/usr/bin/", "")
    text = re.sub(r"by ovsdb-tool [\d.]+", "by ovsdb-tool V", text)
    text = re.sub(r"record (\d+): 20(?!26-11-22 10:02:40)\S+ [\d:.]+", r"record \1: NOW", text)
    text = re.sub(r"by pid \d+", "by pid P", text).replace("-c: ", "ovsdb-tool: ")
    parts = re.split(r"(?m)^(?=record |  table )", text)
    return "".join(
        "\n".join(sorted(part.split("\n"))) if part.startswith("  ") else part for part in ordered(parts)
    )


def ordered(parts: list[str]) -> list[str]:
    """Tables in a fixed order within their record; the blank line after the last belongs to none."""
    result: list[str] = []
    rows: list[str] = []
    for part in parts:
        if part.startswith("  table"):
            rows.append(part.rstrip("\n"))
        else:
            result += [*sorted(rows), part]
            rows = []
    return result + sorted(rows)


@pytest.fixture(scope="module")
def twins(peer: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Twins:
    return Twins(tmp_path_factory.mktemp("twins"), peer("ovsdb-tool"))


@pytest.fixture
def fresh(peer: Callable[[str], str], tmp_path: Path) -> Twins:
    return Twins(tmp_path, peer("ovsdb-tool"))


SELECT = '["T",{"op":"select","table":"A","where":[["n","==",6]],"columns":["name","n","r","s","m"]}]'
READ_ONLY = [
    "",
    "frobnicate",
    "--bogus",
    "-m",
    "--more=3 show-log h.db",
    "--mor show-log h.db",
    "create a b c",
    "create",
    "create x.db nope.json",
    "create x.db broken.json",
    "create x.db bad-list.json",
    "create no/x.db one.json",
    "create h.db one.json",
    *(f"schema-{what} {name}.json" for what in ("name", "version", "cksum") for name in ("one", "bare")),
    *(f"schema-name {name}.json" for name in SCHEMAS if name.startswith("bad")),
    "schema-name",
    "schema-name h.db",
    "schema-name empty",
    *(f"db-{what} {name}.db" for what in ("name", "version", "cksum") for name in ("h", "unversioned")),
    "db-name",
    "db-name a b",
    *(f"db-name {name}" for name in ("text", "empty", "not-schema.db", "cut-header.db", "one.json")),
    *(f"db-is-{kind} {name}" for kind in ("clustered", "standalone") for name in ("h.db", "text", "nope")),
    "db-is-standalone",
    *(f"db-{what} h.db" for what in ("cid", "sid", "local-address")),
    "db-cid",
    *(f"compare-versions 1.2.3 {op} 1.10.0" for op in ("<", "<=", "==", ">=", ">", "!=", "<>", "=")),
    *(f"compare-versions {a} == {b}" for a, b in (("1.2", "1.2.3"), ("1.2.3", "1.2.x"), ("1.2.3", "1.2.3"))),
    "compare-versions 1 2",
    *(f"needs-conversion h.db {name}.json" for name in ("one", "two", "bare", "bad-max")),
    "needs-conversion h.db",
    "needs-conversion nope.db one.json",
    *(f"{m}show-log {name}.db" for m in ("", "-m ", "-mm ", "-m -m -m ") for name in ("h", "strange", "new")),
    *(
        f"{verb} {name}"
        for verb in ("-mm show-log", "compact", "convert")
        for name in (
            "cut-header.db",
            "cut-body.db",
            "flipped.db",
            "array.db",
            "garbage.db",
            "text",
            "nope.db",
        )
        if verb != "convert"
    ),
    "show-log",
    "show-log not-schema.db",
    "show-log a b",
    "query",
    "query a b c",
    "check-cluster",
    "join-cluster a",
    "create-cluster a",
    "compact a b c",
    "help-me",
]
WAIT = {"op": "wait", "table": "A", "where": [], "columns": ["n"], "until": "==", "rows": []}
QUERIES = [
    "[]",
    "{}",
    "3",
    "",
    "[",
    "xx",
    '["T"',
    '["T"]',
    '["U"]',
    '["T",{}]',
    '["T",3]',
    SELECT,
    '["T",{"op":"delete","table":"A","where":[["n","==",99]]},{"op":"select","table":"K","where":[["name","==",""]]}]',
    '["T",{"op":"abort"},{"op":"comment","comment":"x"}]',
    '["T",{"op":"assert","lock":"l"}]',
    json.dumps(["T", {"op": "comment", "comment": "x"}, WAIT, {"op": "comment", "comment": "x"}]),
    json.dumps(["T", WAIT | {"timeout": 0}]),
    json.dumps(["T", {"op": "insert", "table": "A", "uuid": U3, "row": {"k": ["uuid", U1]}}]),
]


@pytest.mark.parametrize("words", READ_ONLY)
def test_command_lines_that_change_nothing(twins: Twins, words: str) -> None:
    twins.both(*words.split())


@pytest.mark.parametrize("query", QUERIES)
def test_queries(twins: Twins, query: str) -> None:
    twins.both("query", "h.db", query)


def test_roles_restrict_nobody_where_there_are_no_rules(twins: Twins) -> None:
    insert = {"op": "insert", "table": "A", "row": {}}
    for operations in (
        [],
        [{"op": "select", "table": "K", "where": [["name", "==", ""]]}],
        [{"op": "abort"}, insert],
    ):
        twins.both("--rbac-role=x", "query", "h.db", json.dumps(["T", *operations]))


@pytest.mark.parametrize("name", ["cut-header.db", "flipped.db", "text", "nope.db"])
def test_files_that_cannot_be_read(twins: Twins, name: str) -> None:
    for words in (("query", name, '["T"]'), ("transact", name, '["T"]'), ("convert", name, "one.json")):
        assert twins.both(*words)[0] == 1


def test_default_files(fresh: Twins) -> None:
    for name in ("ours", "theirs"):
        (fresh.folder / name / "conf.db").write_bytes(b"".join(map(record, HISTORY)))
        (fresh.folder / name / "vswitch.ovsschema").write_text(json.dumps(SCHEMAS["more"]))
    here = ("OVS_DBDIR=.", "OVS_PKGDATADIR=.")
    for words in (
        "db-name",
        "db-version",
        "show-log",
        "needs-conversion",
        "compact",
        "convert",
        "needs-conversion",
        "schema-version",
    ):
        assert fresh.both(words, *here)[0] == 0
    assert fresh.both("transact", SELECT, *here)[0] == 0


def test_a_life_of_a_file(fresh: Twins) -> None:
    fresh.both("create", "x.db", "one.json")
    fresh.both("create", "x.db", "one.json")
    insert = {"op": "insert", "table": "A", "uuid": U1, "row": {"name": "hé\x01\x7f/\\", "n": 6, "r": 2.0}}
    kid = {"op": "insert", "table": "K", "uuid": U2, "row": {"name": "kid"}}
    keep = {"op": "mutate", "table": "A", "where": [], "mutations": [["k", "insert", ["uuid", U2]]]}
    mutate = {"op": "mutate", "table": "A", "where": [], "mutations": [["r", "/=", 3], ["s", "insert", "q"]]}
    for operations in (
        [insert, {"op": "comment", "comment": "first"}],
        [kid, keep, {"op": "commit", "durable": True}],
        [mutate],
        [{"op": "update", "table": "A", "where": [], "row": {"r": 1e17, "n": -4}}],
        [{"op": "update", "table": "A", "where": [], "row": {"n": "x"}}],
        [insert],
    ):
        fresh.both("transact", "x.db", json.dumps(["T", *operations]))
        fresh.both(
            "query", "x.db", '["T",{"op":"select","table":"A","where":[],"columns":["name","n","r","s","k"]}]'
        )
        fresh.both("-mm", "show-log", "x.db")
    fresh.both("compact", "x.db")
    fresh.both("-mm", "show-log", "x.db")
    fresh.both("compact", "x.db", "y.db")
    fresh.both("-mm", "show-log", "y.db")


@pytest.mark.parametrize(
    "schema",
    ["one", "two", "more", "less", "named", "bare", "index", "limit", "enum", "int", "range", "no-k"],
)
def test_conversion(fresh: Twins, schema: str) -> None:
    """Of a file without history: C's tool wants every past state to be valid under the new schema."""
    fresh.both("convert", "flat.db", f"{schema}.json", "target.db")
    fresh.both("convert", "flat.db", f"{schema}.json")
    fresh.both("needs-conversion", "flat.db", f"{schema}.json")
    fresh.both("-mm", "show-log", "flat.db")


def test_a_file_that_is_in_use(fresh: Twins, peer: Callable[[str], str]) -> None:
    server = peer("ovsdb-server")
    started = []
    for name in ("ours", "theirs"):
        folder = fresh.folder / name
        options = ["--unixctl=c", "-vconsole:off", "--no-chdir", "--remote=punix:s"]
        environment = os.environ | {"OVS_RUNDIR": str(folder)}
        options += [f"--pidfile={folder}/pid", "--detach"]
        subprocess.run([server, *options, "h.db"], cwd=folder, env=environment, check=True)
        started.append(int((folder / "pid").read_text()))
    try:
        for words in ("compact h.db", "convert h.db more.json", 'transact h.db ["T"]', 'query h.db ["T"]'):
            fresh.both(*words.split())
        fresh.both("compact", "h.db", "other.db")
    finally:
        for pid in started:
            os.kill(pid, signal.SIGTERM)


def test_each_reads_what_the_other_wrote(fresh: Twins) -> None:
    every = '["T",{"op":"select","table":"A","where":[]}]'
    for whose in ("ours", "theirs"):
        assert fresh.run(whose, "compact", "h.db")[0] == 0
    mine, other = (fresh.folder / whose / "h.db" for whose in ("ours", "theirs"))
    text = mine.read_bytes()
    mine.write_bytes(other.read_bytes())
    other.write_bytes(text)
    _code, shown, _errors = fresh.run("theirs", "query", "h.db", every)
    assert re.sub(r'"_version":\["uuid","[^"]*"\]', "", shown) == re.sub(
        r'"_version":\["uuid","[^"]*"\]', "", fresh.run("ours", "query", "h.db", every)[1]
    )
