from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, delete, insert, run, update, uuid

from pyovn.daemon.log import Log
from pyovn.daemon.main import Daemon, StartError
from pyovn.daemon.options import parse
from pyovn.daemon.paths import ovs
from pyovn.daemon.unixctl import CommandError
from pyovn.dbserver import main
from pyovn.ovsdb.journal import create, read_records
from pyovn.ovsdb.journal_file import framed
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from pathlib import Path


class World:
    """A server in virtual time on real files."""

    def __init__(self, directory: Path, *words: str, runtime: VirtualRuntime | None = None) -> None:
        self.runtime = runtime or VirtualRuntime()
        directories = ovs({"OVS_RUNDIR": str(directory), "OVS_DBDIR": str(directory)})
        self.daemon = Daemon(
            main.SPEC,
            self.runtime,
            directories=directories,
            log=Log("ovsdb-server"),
            command_line=parse(list(words), main.SPEC.all_options()),
            directory=str(directory),
        )
        self.daemon.open(unixctl=f"{directory}/ctl")
        self.program = main.start(self.daemon)

    def command(self, name: str, *args: str) -> Any:
        return self.daemon.control.run(f"ovsdb-server/{name}", list(args))

    def reaches(self, address: str) -> bool:
        got: list[Any] = []
        self.runtime.connect(address, got.append, lambda _why: None)
        self.runtime.settle()
        return bool(got)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    create(str(tmp_path / "conf.db"), DatabaseSchema.from_json(SCHEMA))
    create(str(tmp_path / "nb.db"), NORTHBOUND.schema)
    return tmp_path


def test_the_default_database_and_databases_that_come_and_go(directory: Path) -> None:
    world = World(directory)
    assert world.command("list-dbs") == "T\n_Server\n"
    world.command("add-db", "nb.db")
    assert world.command("list-dbs") == "OVN_Northbound\nT\n_Server\n"
    with pytest.raises(CommandError, match=r"nb\.db: already open"):
        world.command("add-db", "nb.db")
    world.command("remove-db", "OVN_Northbound")
    with pytest.raises(CommandError):
        world.command("remove-db", "OVN_Northbound")
    world.command("add-db", "nb.db")
    world.daemon.exit()
    world.runtime.settle()
    again = World(directory)
    again.command("add-db", "nb.db")


def test_what_is_written_is_there_after_a_restart_and_a_compaction(directory: Path) -> None:
    world = World(directory)
    for number in range(5):
        run(world.program.server.databases["T"].database, insert("Plain", number, name="x"))
    assert len(list(read_records(str(directory / "conf.db")))) == 6
    answers: list[Any] = []
    world.command("compact", "T").when_settled(lambda *answer: answers.append(answer))
    world.runtime.settle()
    assert answers == [(True, "")]
    assert len(list(read_records(str(directory / "conf.db")))) == 2
    world.program.stop()
    assert len(World(directory).program.server.databases["T"].database.tables["Plain"].rows) == 5


def test_remotes_by_hand(directory: Path) -> None:
    world = World(directory, "--remote=punix:/a")
    assert world.reaches("unix:/a")
    world.command("add-remote", "punix:/b")
    assert world.command("list-remotes") == "punix:/a\npunix:/b\n"
    world.command("remove-remote", "punix:/a")
    assert not world.reaches("unix:/a")
    assert world.reaches("unix:/b")
    for bad, why in (
        ("bad", "not a valid remote"),
        ("db:T,No,x", "no table"),
    ):
        with pytest.raises(CommandError, match=why):
            world.command("add-remote", bad)
    with pytest.raises(CommandError):
        world.command("remove-remote", "punix:/zz")


def test_remotes_in_a_database_follow_it(directory: Path) -> None:
    world = World(directory, "--remote=db:OVN_Northbound,NB_Global,connections", "nb.db")
    database = world.program.server.databases["OVN_Northbound"].database
    named = {"op": "insert", "table": "Connection", "uuid-name": "c"}
    run(
        database,
        insert("NB_Global", 1, connections=["set", [["named-uuid", "c"], ["named-uuid", "d"]]]),
        {**named, "row": {"target": "punix:/db", "inactivity_probe": 0}},
        {**named, "uuid-name": "d", "row": {"target": "pssl:6641"}},
    )
    world.runtime.settle()
    assert world.reaches("unix:/db")
    assert world.command("list-remotes") == "db:OVN_Northbound,NB_Global,connections\n"
    run(database, delete("NB_Global"))
    world.runtime.settle()
    assert not world.reaches("unix:/db")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["none.db"], "I/O error: none.db: open failed .No such file"),
        (["--remote=nonsense:6640"], "not a valid remote"),
        (["--sync-exclude-tables=nonsense"], "nonsense: invalid syntax"),
        (["--record"], "--record: recording of sessions is"),
        (["--replay=here"], "--replay: replaying of sessions is"),
        (["relay:OVN_Southbound:tcp:127.0.0.1:6642"], "tcp:127.0.0.1:6642: relays are"),
        (["cluster.db"], "cluster.db: cannot .*: clusters are"),
        (["conf.db", "conf.db"], "conf.db: already open"),
    ],
)
def test_what_cannot_start_says_why(directory: Path, words: list[str], why: str) -> None:
    (directory / "cluster.db").write_bytes(framed(b"{}\n").replace(b"JSON", b"CLUSTER", 1))
    with pytest.raises(StartError, match=why):
        World(directory, *words)
    World(directory)


@pytest.mark.parametrize(("command", "status"), [("true", 0), ("exit 3", 1)])
def test_a_server_for_one_command(short_tmp: Path, command: str, status: int) -> None:
    words = ["--no-dbs", "-vconsole:off", f"--unixctl={short_tmp}/ctl", f"--remote=punix:{short_tmp}/s"]
    done = subprocess.run(
        [sys.executable, "-m", "pyovn.dbserver.main", *words, f"--run=test -S {short_tmp}/s && {command}"],
        check=False,
        timeout=30,
    )
    assert done.returncode == status
    assert not (short_tmp / "s").exists()


def test_changes_of_chosen_tables_are_logged(directory: Path) -> None:
    world = World(directory)
    world.daemon.log.open_file(str(directory / "log"))
    database = world.program.server.databases["T"].database
    for words, why in (
        (("T", "on"), "invalid DB:TABLE argument"),
        (("U:Plain", "on"), "no such database"),
        (("T:Nope", "on"), "no such table"),
        (("T:Plain", "maybe"), "invalid command argument"),
    ):
        with pytest.raises(CommandError, match=why):
            world.command("tlog-set", *words)
    run(database, insert("Plain", name="before"))
    world.command("tlog-set", "T:Plain", "on")
    assert "\n                Plain                       ON\n" in world.command("tlog-list")
    assert world.command("tlog-list").count(" ON\n") == 1
    run(database, insert("Plain", 7, name="a b", m=["map", [["k", 1]]]), insert("Pair", a=9))
    run(database, update("Plain", ["name", "==", "a b"], i=3))
    run(database, delete("Plain", ["name", "==", "a b"]))
    world.command("tlog-set", "T:Plain", "off")
    run(database, insert("Plain", name="after"))
    shown = (directory / "log").read_text().splitlines()
    lines = [line.partition("table:")[2] for line in shown if "table:" in line]
    operations = [line.split(",")[:2] for line in lines]
    assert operations == [["Plain", f"op:{word}"] for word in ("inserted", "updated", "deleted")]
    assert all(f"_uuid:{uuid(7)}," in line and 'name:"a b"' in line and "m:{k=1}" in line for line in lines)
    assert ["i:3" in line.split(",") for line in lines] == [False, True, True]


def test_control_commands_refuse_what_is_wrong(directory: Path) -> None:
    world = World(directory)
    for words, why in (
        (("add-db", "relay:T:tcp:127.0.0.1:1"), "relays are"),
        (("memory-trim-on-compaction", "maybe"), "invalid argument"),
        (("remove-db", "_Server"), "Cannot remove reserved database."),
        (("remove-db", "U"), "Failed to find the database."),
        (("compact", "U"), "no database by that name"),
        (("compact", "_Server"), "cannot compact built-in databases"),
        (("get-db-storage-status", "U"), "Failed to find the database."),
        (("add-remote", "ptcp:70000"), "ptcp:70000: listen failed .Invalid argument"),
    ):
        with pytest.raises(CommandError, match=why):
            world.command(*words)
    assert world.command("memory-trim-on-compaction", "on") == ""
