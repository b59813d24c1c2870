"""A backup in virtual time: it repeats, refuses, takes over and comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, insert
from test_ovsdb_main import World as Machine

from pyovn.daemon.unixctl import CommandError
from pyovn.ovsdb.journal import create
from pyovn.ovsdb.schema import DatabaseSchema

if TYPE_CHECKING:
    from pathlib import Path

    from pyovn.ovsdb.engine import Database
    from pyovn.sim.virtual import VirtualRuntime


class World:
    """An active server and its backup on one network."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.directory = directory
        self.active = self.machine("a", "--remote=ptcp:1:a")
        self.runtime: VirtualRuntime = self.active.runtime
        self.backup = self.machine(
            "b", "--remote=ptcp:2:b", "--sync-from=tcp:a:1", *words, runtime=self.runtime
        )
        self.runtime.settle()

    def machine(self, name: str, *words: str, **options: Any) -> Machine:
        place = self.directory / name
        if not place.exists():
            place.mkdir()
            create(str(place / "conf.db"), DatabaseSchema.from_json(SCHEMA))
        return Machine(place, *words, **options)

    def write(self, machine: Machine, *operations: Any) -> str:
        server = machine.program.server
        sent: list[Any] = []
        session = server.connect(lambda _data: None)
        server.transact(base(machine), operations, lambda _name: False, sent.append, session.authority)
        session.drop("done")
        self.runtime.settle()
        return "" if sent[0].error is None else str(sent[0].error)


def base(machine: Machine) -> Database:
    return machine.program.server.databases["T"].database


def contents(machine: Machine) -> dict[str, Any]:
    return {
        table.name: {uuid: row.values for uuid, row in table.rows.items()}
        for table in base(machine).tables.values()
    }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_backup_repeats_and_refuses(world: World) -> None:
    for number in range(5):
        assert world.write(world.active, insert("Plain", number)) == ""
    one = str(min(contents(world.active)["Plain"]))
    world.write(world.active, {"op": "delete", "table": "Plain", "where": [["_uuid", "==", ["uuid", one]]]})
    assert contents(world.backup) == contents(world.active)
    assert len(contents(world.backup)["Plain"]) == 4
    assert world.write(world.backup, insert("Plain", 9)).startswith("insert operation not allowed when")
    assert world.backup.command("sync-status") == "state: backup\nreplicating: tcp:a:1\ndatabase: T\n"


def test_what_was_there_before_is_replaced(tmp_path: Path) -> None:
    world = World(tmp_path, "--active")
    assert world.backup.command("sync-status") == "state: active\n"
    assert world.write(world.backup, insert("Plain", 1)) == ""
    assert world.write(world.active, insert("Plain", 2)) == ""
    world.backup.command("connect-active-ovsdb-server")
    world.runtime.settle()
    assert contents(world.backup) == contents(world.active)


def test_a_failure_and_the_way_back(world: World) -> None:
    world.write(world.active, insert("Plain", 1))
    world.active.daemon.exit()
    world.runtime.settle()
    assert world.backup.command("sync-status") == "state: backup\nconnecting: tcp:a:1\n"
    world.backup.command("disconnect-active-ovsdb-server")
    assert world.write(world.backup, insert("Plain", 2)) == ""
    old = world.machine("a", "--remote=ptcp:1:a", "--sync-from=tcp:b:2", runtime=world.runtime)
    world.runtime.advance(1)
    assert contents(old) == contents(world.backup)
    assert len(contents(old)["Plain"]) == 2
    assert world.write(old, insert("Plain", 3)) != ""


def test_a_lost_connection_is_made_up_for_and_all_of_it_is_in_the_file(world: World) -> None:
    world.write(world.active, insert("Plain", 1))
    world.active.command("reconnect")
    world.write(world.active, insert("Plain", 2))
    world.runtime.advance(10)
    assert contents(world.backup) == contents(world.active)
    expected = contents(world.backup)
    world.backup.daemon.exit()
    world.active.daemon.exit()
    world.runtime.settle()
    assert contents(world.machine("b")) == expected


def test_excluded_tables_are_left_alone(tmp_path: Path) -> None:
    world = World(tmp_path, "--sync-exclude-tables=T:Plain")
    world.write(world.active, insert("Plain", 1), insert("Pair", 1))
    assert contents(world.backup)["Plain"] == {}
    assert len(contents(world.backup)["Pair"]) == 1
    assert world.backup.command("get-sync-exclude-tables") == "T:Plain\n"
    assert world.backup.command("sync-status").endswith("exclude: T:Plain\n")
    world.backup.command("set-sync-exclude-tables", "")
    world.runtime.settle()
    assert contents(world.backup) == contents(world.active)
    with pytest.raises(CommandError, match="nonsense: invalid syntax"):
        world.backup.command("set-sync-exclude-tables", "nonsense")


def test_references_are_repeated_in_one_transaction(world: World) -> None:
    root = {"op": "insert", "table": "Root", "row": {"name": "r", "kids": ["set", [["named-uuid", "k"]]]}}
    kid = {"op": "insert", "table": "Kid", "uuid-name": "k", "row": {"name": "k"}}
    assert world.write(world.active, root, kid) == ""
    assert contents(world.backup) == contents(world.active)
    assert world.write(world.active, {"op": "delete", "table": "Root", "where": []}) == ""
    assert contents(world.backup)["Kid"] == {}


def test_a_server_that_follows_itself_becomes_active(world: World) -> None:
    world.active.command("set-active-ovsdb-server", "tcp:a:1")
    assert world.active.command("get-active-ovsdb-server") == "tcp:a:1"
    world.active.command("connect-active-ovsdb-server")
    world.runtime.advance(1)
    assert world.active.command("sync-status") == "state: active\n"


def test_another_schema_is_not_followed(tmp_path: Path) -> None:
    world = World(tmp_path, "--active")
    schema = {**SCHEMA, "tables": {name: t for name, t in SCHEMA["tables"].items() if name != "Plain"}}
    (tmp_path / "c").mkdir()
    references = schema["tables"]["Root"]["columns"]
    schema["tables"]["Root"] = {
        "columns": {k: v for k, v in references.items() if k != "must"},
        "isRoot": True,
    }
    create(str(tmp_path / "c" / "conf.db"), DatabaseSchema.from_json(schema))
    small = world.machine("c", "--sync-from=tcp:a:1", runtime=world.runtime)
    world.runtime.settle()
    assert "error: T: schema mismatch" in small.command("sync-status")


def test_commands_without_a_server(tmp_path: Path) -> None:
    machine = World(tmp_path, "--active").active
    assert machine.command("get-active-ovsdb-server") == ""
    with pytest.raises(CommandError, match="Unable to connect: active server is not specified"):
        machine.command("connect-active-ovsdb-server")
    with pytest.raises(CommandError, match="integer value expected"):
        machine.command("set-active-ovsdb-server-probe-interval", "x")
    machine.command("set-active-ovsdb-server-probe-interval", "7000")
    assert machine.command("sync-status") == "state: active\n"
