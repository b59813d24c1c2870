"""backup, restore, convert and needs-conversion: both clients against both servers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from test_ovsdb_tool_peers import HISTORY, SCHEMAS, U1, U2, files

from pyovn.ovsdb.journal import read_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers

OUR_CLIENT = [sys.executable, "-c", "from pyovn.tools.ovsdb_client import main; main()"]
OUR_SERVER = [sys.executable, "-m", "pyovn.dbserver.main"]


def in_order(value: Any) -> Any:
    """Lists as sets: only their members count."""
    if isinstance(value, dict):
        return {name: in_order(member) for name, member in value.items()}
    return sorted(map(in_order, value), key=json.dumps) if isinstance(value, list) else value


class World:
    def __init__(self, folder: Path, server: list[str], client: list[str]) -> None:
        files(folder)
        self.folder = folder
        self.client = client
        self.environment = os.environ | {"OVS_RUNDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
        options = ["--unixctl=c", "-vconsole:off", "--no-chdir", f"--remote=punix:{folder}/s"]
        command = [*server, *options, f"--pidfile={folder}/pid", "--detach", "h.db"]
        subprocess.run(command, cwd=folder, env=self.environment, check=True)
        self.pid = int((folder / "pid").read_text())

    def run(self, *words: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
        (self.folder / "stdin").write_bytes(stdin)
        done = subprocess.run(
            [*self.client, *(word.replace("S", f"unix:{self.folder}/s") for word in words)],
            cwd=self.folder,
            env=self.environment,
            stdin=(self.folder / "stdin").open("rb"),
            capture_output=True,
            timeout=30,
            check=False,
        )
        errors = done.stderr.decode().replace(str(self.folder), "F").replace("-c: ", "ovsdb-client: ")
        return done.returncode, done.stdout, re.sub(r"\d{4}-\S+Z", "NOW", errors)

    def contents(self) -> Any:
        """All rows without their UUIDs, references replaced by the names of what they refer to."""
        select: list[Any] = [{"op": "select", "table": table, "where": []} for table in ("A", "K")]
        code, shown, _errors = self.run("transact", "S", json.dumps(["T", *select]))
        assert code == 0
        tables = [result["rows"] for result in json.loads(shown)]
        names = {row["_uuid"][1]: row["name"] for rows in tables for row in rows}
        text = json.dumps(
            [[{k: v for k, v in row.items() if k[0] != "_"} for row in rows] for rows in tables]
        )
        for uuid, name in names.items():
            text = text.replace(uuid, f"<{name}>")
        return in_order(json.loads(text))

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


@pytest.fixture
def worlds(peer: Callable[[str], str], short_tmp: Path) -> Iterator[list[World]]:
    servers, clients = ([peer("ovsdb-server")], OUR_SERVER), ([peer("ovsdb-client")], OUR_CLIENT)
    pairs = [(server, client) for server in servers for client in clients]
    made = [World(short_tmp / str(n), server, client) for n, (server, client) in enumerate(pairs)]
    yield made
    for world in made:
        world.stop()


def same(worlds: list[World], *words: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    first, *others = [world.run(*words, stdin=stdin) for world in worlds]
    for other in others:
        assert other == first, words
    return first


def as_file(folder: Path, text: bytes) -> list[Any]:
    path = folder / "backup"
    path.write_bytes(text)
    found = [record for _end, record in read_records(str(path))]
    found[1].pop("_date")
    return found


def test_four_combinations_agree(worlds: list[World], peer: Callable[[str], str]) -> None:
    backups = [world.run("backup", "S", "T") for world in worlds]
    parsed = [as_file(world.folder, backup[1]) for world, backup in zip(worlds, backups, strict=True)]
    for schema, contents in parsed:
        assert schema == parsed[0][0] == HISTORY[0]
        assert contents == parsed[0][1]
        assert set(contents["A"]) == {U1}
        assert U2 in contents["K"]
    before = worlds[0].contents()
    other = json.dumps(["T", {"op": "insert", "table": "A", "row": {"name": "other"}}])
    for world, (_code, backup, _errors) in zip(worlds, backups, strict=True):
        assert world.contents() == before
        world.run("transact", "S", other)
        assert world.contents() != before
        assert world.run("restore", "S", "T", stdin=backup) == (0, b"", "")
        assert world.contents() == before
        (world.folder / "served.db").write_bytes(backup)
        assert b"T" in subprocess.check_output([peer("ovsdb-tool"), "db-name", world.folder / "served.db"])
    code, _out, errors = same(worlds, "restore", "S", "T", stdin=b"SQLite")
    assert (code, errors) == (1, "ovsdb-client: ovsdb error: /dev/stdin: unexpected file format\n")
    for cut in (0, 20, 300, -5):
        assert same(worlds, "restore", "S", "T", stdin=backups[0][1][:cut])[0] == 1
    for words in (
        ("backup", "S", "Nope"),
        ("restore", "S", "T", "x"),
        ("convert", "S"),
        ("convert", "S", "a", "b"),
    ):
        assert same(worlds, *words)[0] == 1


@pytest.mark.parametrize(
    "schema", ["more", "two", "less", "bare", "enum", "int", "range", "bad-max", "bad-name", "nope"]
)
def test_conversions(worlds: list[World], schema: str) -> None:
    file = f"{schema}.json"
    before = same(worlds, "needs-conversion", "S", file)
    backups = [world.run("backup", "S", "T")[1] for world in worlds]
    code, _out, _errors = same(worlds, "convert", "S", file)
    after = same(worlds, "needs-conversion", "S", file)
    if code == 0:
        assert (before[1], after[1]) == (b"yes\n", b"no\n")
        assert same(worlds, "get-schema-version", "S", "T")[1].decode().strip() == SCHEMAS[schema].get(
            "version", ""
        )
        refused = [world.run("restore", "S", "T", stdin=b) for world, b in zip(worlds, backups, strict=True)]
        assert {r[0] for r in refused} == {1}
        assert len({r[2] for r in refused}) == 1
        forced = [
            world.run("--force", "restore", "S", "T", stdin=b)
            for world, b in zip(worlds, backups, strict=True)
        ]
        assert len({r[0] for r in forced}) == 1
    else:
        assert before == after
    if schema != "less":
        contents = [world.contents() for world in worlds]
        assert all(found == contents[0] for found in contents)


def test_a_database_that_the_server_has_not_is_an_error(worlds: list[World]) -> None:
    """C's client dies of it."""
    for world in worlds:
        if world.client is OUR_CLIENT:
            for verb in ("convert", "needs-conversion"):
                code, _out, errors = world.run(verb, "S", "named.json")
                assert code == 1
                assert "unknown database" in errors
