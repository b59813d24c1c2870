"""A database under another schema, and what becomes of those who watch it."""

from __future__ import annotations

from typing import Any

import pytest
from engine_kit import SCHEMA, dump, insert, refs, run, uuid
from misbehaviour_kit import Peer, World

from pyovn.ovsdb.conversion import converted, parse_schema
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.errors import OvsdbError
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.wire.jsonrpc import encode


def with_columns(table: str, **columns: Any) -> dict[str, Any]:
    """The schema with some columns of a table changed; None removes one."""
    known = SCHEMA["tables"][table]
    changed = {name: column for name, column in (known["columns"] | columns).items() if column is not None}
    tables = SCHEMA["tables"] | {table: known | {"columns": changed}}
    return SCHEMA | {"tables": tables, "version": "2.0.0"}


FIVE = {"type": {"key": "integer", "min": 0, "max": 5}}
SMALL = {"type": {"key": {"type": "integer", "maxInteger": 3}}}
NEW = with_columns("Plain", i=None, extra={"type": "string"}, si=FIVE)
ONE_KID = {"columns": {"x": {"type": "string"}}, "maxRows": 1}


def filled() -> Database:
    database = Database(DatabaseSchema.from_json(SCHEMA))
    run(
        database,
        insert("Plain", 1, name="a", i=4, si=["set", [1, 2]], eph=7),
        insert("Kid", 2, name="k"),
        insert("Kid", 3, name="l"),
        insert("Root", 4, kids=refs(2, 3), friends=refs(2), best=refs(4)),
    )
    return database


def test_what_both_schemas_have_is_kept_and_the_rest_has_its_default() -> None:
    source = filled()
    before = dump(source)
    result = converted(source, parse_schema(NEW))
    (row,) = dump(result)["Plain"]
    assert (row["name"], row["extra"], row["si"], row["eph"]) == ("a", "", ["set", [1, 2]], 7)
    assert "i" not in row
    assert dump(result)["Root"] == before["Root"]
    assert result.tables["Kid"].strong == source.tables["Kid"].strong
    assert dump(source) == before
    assert dump(converted(result, source.schema))["Plain"][0]["i"] == 0


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (with_columns("Plain", si={"type": {"key": "integer", "min": 0}}), "set must have 0 to 1 members"),
        (with_columns("Plain", name={"type": "integer"}), "expected integer"),
        (
            with_columns("Plain", i={"type": {"key": {"type": "integer", "maxInteger": 3}}}),
            "greater than maximum",
        ),
        (
            SCHEMA | {"tables": SCHEMA["tables"] | {"Kid": ONE_KID}},
            "2 rows",
        ),
    ],
)
def test_data_that_would_break_is_a_reason_to_refuse(schema: dict[str, Any], reason: str) -> None:
    source = filled()
    with pytest.raises(OvsdbError, match=reason):
        converted(source, parse_schema(schema))


def test_versions_of_rows_are_new_ones() -> None:
    source = filled()
    before = {row.uuid: source.version(row) for row in source.tables["Kid"].rows.values()}
    source.adopt(converted(source, source.schema))
    after = {row.uuid: source.version(row) for row in source.tables["Kid"].rows.values()}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_clients_are_told_or_let_go() -> None:
    world = World()
    aware, requester = Peer(world), Peer(world)
    aware.call("set_db_change_aware", [True])
    aware.call("monitor", ["T", "m", {"Plain": {}}])
    aware.call("monitor", ["_Server", "s", {"Database": {"columns": ["schema"]}}])
    aware.call("lock", ["l"])
    aware.send(b'{"id":"w","method":"transact","params":["T",{"op":"wait","table":"Plain","where":[],')
    aware.send(b'"columns":["i"],"until":"==","rows":[{"i":9}]}]}')
    aware.messages.clear()
    requester.messages.clear()
    requester.send(b'{"id":1,"method":"convert","params":["T",%s]}' % encode(NEW))
    assert requester.messages[-1] == {"id": 1, "result": {}, "error": None}
    assert requester.closed
    assert world.witness.closed
    assert not aware.closed
    told = [message.get("method") or message["error"] for message in aware.messages]
    assert told == ["monitor_canceled", "canceled", "update"]
    assert aware.call("get_schema", ["T"])["version"] == "2.0.0"
    assert aware.call("monitor", ["T", "m", {"Plain": {"columns": ["extra"]}}]) == {}
    assert "uuid" in aware.call("transact", ["T", insert("Plain", extra="x")])[0]
    assert aware.call("unlock", ["l"]) == {}


def test_a_file_that_cannot_be_written_leaves_all_as_it_was() -> None:
    world = World()
    run(world.database, insert("Plain", 1, name="a"))

    def refuse(_database: Database) -> None:
        raise OSError(28, "No space left on device")

    world.server.databases["T"].rewrite = refuse
    error = Peer(world).call("convert", ["T", NEW])
    assert error["error"] == "I/O error"
    assert world.is_well()
    assert world.database.schema.version == "1.0.0"
    refused = Peer(world).call("convert", ["T", with_columns("Plain", name={"type": "integer"})])
    assert refused["details"] == "expected integer"
    assert world.is_well()


def test_a_client_in_the_same_process_begins_again() -> None:
    world = World()
    client = LocalClient(world.runtime, world.server, "T", {"Plain": ("name", "extra")})
    client.start()
    world.runtime.settle()
    run(world.database, insert("Plain", 1, name="a"))
    world.runtime.settle()
    world.server.convert(world.server.databases["T"], parse_schema(NEW))()
    run(world.database, {"op": "update", "table": "Plain", "where": [], "row": {"extra": "new"}})
    world.runtime.settle()
    assert client.state == "live"
    assert dict(client.replica.table("Plain").rows) == {uuid(1): ("a", "new")}
    assert client.schema is not None
    assert client.schema.version == "2.0.0"
