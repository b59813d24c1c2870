from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from engine_kit import SCHEMA, delete, insert, run

from pyovn.daemon.log import Log
from pyovn.daemon.main import Daemon, StartError
from pyovn.daemon.options import parse
from pyovn.daemon.paths import ovs
from pyovn.daemon.unixctl import CommandError
from pyovn.dbserver import main
from pyovn.ovsdb.journal import create, read_records
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
    with pytest.raises(CommandError, match="locked by another"):
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
        (["none.db"], "none.db: No such file"),
        (["--remote=nonsense:6640"], "not a valid remote"),
        (["--sync-exclude-tables=nonsense"], "nonsense: invalid syntax"),
        (["--config-file=x"], "--config-file is not served yet"),
        (["conf.db", "conf.db"], "locked"),
    ],
)
def test_what_cannot_start_says_why(directory: Path, words: list[str], why: str) -> None:
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
