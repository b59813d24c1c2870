"""A server whose schema lacks what a program requires."""

from __future__ import annotations

import copy
from typing import Any

from engine_kit import SCHEMA

from pyovn.ovsdb.client import Client
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.listen import Remote
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.ovsdb.server import Server
from pyovn.sim.virtual import VirtualRuntime

REQUIRED = {"Pair": ("a", "b"), "Kid": ("name",), "Root": ("kids",)}


def schema(without: dict[str, str]) -> DatabaseSchema:
    json: Any = copy.deepcopy(SCHEMA)
    for table, column in without.items():
        if column:
            del json["tables"][table]["columns"][column]
        else:
            del json["tables"][table]
    json["tables"]["Pair"].pop("indexes", None)
    return DatabaseSchema.from_json(json)


def test_it_is_refused_by_name_until_it_is_converted() -> None:
    runtime = VirtualRuntime()
    server = Server(runtime)
    server.add_database(Database(schema({"Pair": "b", "Root": "kids"})))
    Remote(runtime, server, "punix:/db")
    lines: list[tuple[str, str]] = []
    client = Client(
        runtime, "unix:/db", "T", {"Pair": ["a", "b"]}, required=REQUIRED,
        expected=DatabaseSchema.from_json(SCHEMA),
    )  # fmt: skip
    client.log = lambda level, text: lines.append((level, text))
    client.start()
    runtime.settle()
    runtime.advance(60)
    states = [client.state]
    (error,) = [text for level, text in lines if level == "err"]
    assert "T 1.0.0 on this server lacks Pair.b, Root.kids, which this program requires" in error

    server.remove_database("T")
    server.add_database(Database(schema({"Kid": "next"})))
    runtime.advance(10)
    states.append(client.state)
    assert states == ["connecting", "live"]
    assert [level for level, _text in lines].count("err") == 1
    client.stop()


def test_what_is_not_required_may_be_lacking() -> None:
    runtime = VirtualRuntime()
    server = Server(runtime)
    server.add_database(Database(schema({"Pair": "b"})))
    Remote(runtime, server, "punix:/db")
    client = Client(
        runtime, "unix:/db", "T", {"Pair": ["a", "b"]}, expected=DatabaseSchema.from_json(SCHEMA)
    )  # fmt: skip
    client.start()
    runtime.settle()
    assert client.state == "live"
    assert client.missing(REQUIRED) == ["Pair.b"]
