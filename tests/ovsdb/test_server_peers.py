"""The same transactions to Debian's ovsdb-server and to ours: the same replies, the same contents."""

from __future__ import annotations

import random
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from engine_kit import SCHEMA, delete, insert, make, mutate, ref, refs, select, update
from server_kit import ServedProcess

from pyovn.wire.jsonrpc import Decoder, encode, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers

STRINGS = ["", "a", "b", "ab", "abcde", "é", "zz"]
INTEGERS = [-7, -1, 0, 1, 2, 3, 7, 50, 51, 2**63 - 1]
REALS = [-2.0, -1.5, 0.0, 0.25, 2.5, 3.0]


class Peer:
    """Debian's server with the kit's schema."""

    def __init__(self, directory: Path, server: str, tool: str) -> None:
        (directory / "schema").write_bytes(msgspec.json.encode(SCHEMA))
        database, path = directory / "db", directory / "sock"
        subprocess.run([tool, "create", str(database), str(directory / "schema")], check=True)
        options = (f"--pidfile={directory}/pid", "--detach", "--no-chdir", "-vconsole:off", "-vsyslog:off")
        listen = (f"--remote=punix:{path}", f"--unixctl={directory}/ctl")
        subprocess.run([server, *options, *listen, str(database)], check=True)  # it listens from here on
        self.process = ServedProcess(directory / "pid")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.socket.settimeout(10)
        self.decoder = Decoder()

    def transact(self, operations: list[Any]) -> Any:
        self.socket.sendall(encode(request(1, "transact", ["T", *operations])))
        while True:
            for message in self.decoder.feed(self.socket.recv(1 << 20)):
                if message.get("id") == 1:
                    return message["result"]


@pytest.fixture
def debian(tmp_path: Path, peer: Callable[[str], str]) -> Iterator[Peer]:
    found = Peer(tmp_path, peer("ovsdb-server"), peer("ovsdb-tool"))
    yield found
    found.socket.close()
    found.process.kill()


class Scripts:
    """Random operations, most of them sensible."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, column: str) -> Any:
        pick, some = self.random.choice, self.random.sample
        by_column: dict[str, Callable[[], Any]] = {
            "name": lambda: pick(STRINGS),
            "i": lambda: pick(INTEGERS),
            "r": lambda: pick(REALS),
            "b": lambda: pick([True, False]),
            "u": lambda: ref(pick([1, 2])),
            "si": lambda: ["set", some(INTEGERS, self.random.randrange(5))],
            "s3": lambda: ["set", some(INTEGERS, self.random.randrange(5))],
            "m": lambda: ["map", [[k, pick(INTEGERS)] for k in some(STRINGS, self.random.randrange(5))]],
            "oi": lambda: pick([["set", []], *INTEGERS]),
            "os": lambda: pick([["set", []], *STRINGS]),
            "len": lambda: pick([["set", []], *STRINGS]),
            "rr": lambda: pick(REALS),
            "fixed": lambda: 0,
        }
        return by_column[column]()

    def where(self) -> list[Any]:
        if self.random.random() < 0.4:
            return []
        if self.random.random() < 0.3:
            return [["_uuid", "==", ref(self.random.randrange(1, 6))]]
        column = self.random.choice(["name", "i", "r", "b", "si", "s3", "m", "oi", "os", "len"])
        function = self.random.choice(["==", "!=", "includes", "excludes", "<", "<=", ">", ">="])
        return [[column, function, self.value(column)]]

    def plain(self) -> Any:
        columns = ["name", "i", "r", "b", "si", "s3", "m", "oi", "os", "len", "rr", "u"]
        match self.random.randrange(6):
            case 0:
                chosen = self.random.sample(columns, 1)
                return insert("Plain", self.random.randrange(1, 6), **{c: self.value(c) for c in chosen})
            case 1:
                return update(
                    "Plain", *self.where(), **{c: self.value(c) for c in self.random.sample(columns, 1)}
                )
            case 2 | 3:
                column = self.random.choice(columns)
                mutator = self.random.choice(["+=", "-=", "*=", "/=", "%=", "insert", "delete"])
                argument = self.value(column)
                if mutator == "delete" and column == "m":
                    argument = self.random.choice([argument, ["set", ["a", "b"]]])
                if mutator[-1] == "=":
                    argument = self.random.choice(REALS if column in {"r", "rr"} else INTEGERS)
                return mutate("Plain", (column, mutator, argument), where=tuple(self.where()))
            case 4:
                return select("Plain", *self.where())
            case _:
                return delete("Plain", ["name", "==", self.random.choice(STRINGS)])

    def family(self) -> Any:
        number = self.random.randrange(1, 4)
        kids = self.random.sample([11, 12, 13, 14], self.random.randrange(3))
        kid = self.random.choice([11, 12, 13, 14])
        match self.random.randrange(8):
            case 0:
                return insert("Root", number, name="r", kids=refs(*kids), friends=refs(kid), best=ref(number))
            case 1:
                following = refs(*kids[:1])
                return insert("Kid", kid, name=self.random.choice("abcd"), next=following)
            case 2:
                return mutate("Root", ("kids", self.random.choice(["insert", "delete"]), refs(*kids)))
            case 3:
                return mutate("Root", ("friends", self.random.choice(["insert", "delete"]), refs(*kids)))
            case 4:
                return delete("Root", ["_uuid", "==", ref(number)])
            case 5:
                return update("Kid", ["_uuid", "==", ref(kid)], next=refs(*kids[:1]))
            case 6:
                return update("Root", ["_uuid", "==", ref(number)], best=refs(*range(1, number)))
            case _:
                number = self.random.randrange(4)
                return self.random.choice([insert("Pair", 20 + number, a=number), update("Pair", a=number)])


def canonical(reply: Any) -> Any:
    """Order of rows, versions, the JSON at fault, which of two equal rows is named: nobody's business."""
    for result in reply:
        if isinstance(result, dict):
            result.pop("syntax", None)
        if isinstance(result, dict) and "rows" in result:
            for row in result["rows"]:
                row.pop("_version", None)
            result["rows"].sort(key=lambda row: msgspec.json.encode(row, order="sorted"))
        if isinstance(result, dict) and result.get("details", "").startswith(
            ("Transaction causes multiple rows", "cannot delete", "Table ")
        ):
            result["details"] = " ".join(result["details"].split()[:3])
    return reply


@pytest.mark.parametrize("seed", range(4))
def test_random_transactions_side_by_side(debian: Peer, seed: int) -> None:
    scripts, ours = Scripts(seed), make()
    tables = list(SCHEMA["tables"])
    for number in range(400):
        maker = scripts.plain if number % 2 else scripts.family
        script = [maker() for _ in range(scripts.random.randrange(1, 4))]
        theirs = canonical(debian.transact(script))
        assert canonical(msgspec.json.decode(encode(ours.transact(script).results))) == theirs, script
        if number % 10 == 0:
            everything = [select(table) for table in tables]
            mine = canonical(msgspec.json.decode(encode(ours.transact(everything).results)))
            assert mine == canonical(debian.transact(everything)), script
