"""``ovn-compat2015`` as a program: real processes, their deaths, and Debian's ovn-northd beside it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.ovn2015 import OVN_2015
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BIN = Path(sys.executable).parent


class Place:
    """A run directory with three databases on one socket."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        names = [f"{family}_{kind}" for family in ("OVS", "OVN") for kind in ("RUNDIR", "LOGDIR", "DBDIR")]
        socket = f"unix:{directory}/db.sock"
        self.environ = {**os.environ, **dict.fromkeys(names, str(directory))}
        self.environ |= {"OVN_NB_DB": socket, "OVN_SB_DB": socket}
        for name, schema in (("nb", NORTHBOUND), ("sb", SOUTHBOUND)):
            (directory / f"{name}.schema").write_text(json.dumps(schema.schema.to_json()))
        (directory / "ovn.schema").write_text(self.run("ovn-compat2015", "--print-schema"))
        for name in ("nb", "sb", "ovn"):
            self.run("ovsdb-tool", "create", directory / f"{name}.db", directory / f"{name}.schema")

    def run(self, *words: object) -> str:
        program, *arguments = map(str, words)
        command = [program if program.startswith("/") else str(BIN / program), *arguments]
        done = subprocess.run(
            command, env=self.environ, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, ""), (command, done.stdout, done.stderr)
        return done.stdout

    def start(self, program: str, *options: str) -> None:
        self.run(program, "-vconsole:off", "--detach", "--pidfile", "--log-file", *options)

    def start_server(self) -> None:
        databases = [f"{self.directory}/{name}.db" for name in ("nb", "sb", "ovn")]
        self.start("ovsdb-server", f"--remote=punix:{self.directory}/db.sock", *databases)

    def kill(self, program: str, number: int = signal.SIGKILL) -> None:
        pid = int((self.directory / f"{program}.pid").read_text())
        descriptor = os.pidfd_open(pid)
        try:
            os.kill(pid, number)
            assert select.select([descriptor], [], [], 20)[0]
        finally:
            os.close(descriptor)

    def close(self) -> None:
        for pidfile in self.directory.glob("*.pid"):
            try:
                self.kill(pidfile.stem)
            except ProcessLookupError:
                continue

    def claim(self, port: str, chassis: str) -> None:
        where = [["logical_port", "==", port]]
        update = {"op": "update", "table": "Bindings", "where": where, "row": {"chassis": chassis}}
        done = self.run("ovsdb-client", "transact", json.dumps(["OVN", update]))
        assert done == '[{"count":1}]\n'

    def until(self, table: str, where: list[Any], **columns: Any) -> None:
        operation = {
            "op": "wait", "timeout": 20_000, "table": table, "where": [where],
            "columns": list(columns), "until": "==", "rows": [columns],
        }  # fmt: skip
        assert self.run("ovsdb-client", "transact", json.dumps(["OVN", operation])) == "[{}]\n"

    def until_up(self, port: str, state: str) -> None:
        self.run("ovn-nbctl", "--timeout=20", "wait-until", "Logical_Switch_Port", port, f"up={state}")


@pytest.fixture
def place(short_tmp: Path) -> Iterator[Place]:
    made = Place(short_tmp)
    yield made
    made.close()


def test_the_printed_schema_is_the_schema() -> None:
    printed = subprocess.run(
        [BIN / "ovn-compat2015", "--print-schema"], capture_output=True, text=True, check=True
    ).stdout
    assert DatabaseSchema.from_json(json.loads(printed)) == OVN_2015.schema
    assert "cksum" not in json.loads(printed)


def test_it_lives_and_its_peers_die(place: Place) -> None:
    place.start("ovn-compat2015")  # before anybody is there
    place.start_server()
    place.start("ovn-northd")
    place.run("ovn-nbctl", "lswitch-add", "sw0", "--", "lport-add", "sw0", "p0")
    place.until("Bindings", ["logical_port", "==", "p0"], chassis="")
    place.claim("p0", "hostname")
    place.until_up("p0", "true")

    place.kill("ovsdb-server")
    place.start_server()
    place.kill("ovn-northd")
    place.claim("p0", "")
    place.run("ovn-nbctl", "lport-add", "sw0", "p1")
    place.until("Bindings", ["logical_port", "==", "p1"], chassis="")
    place.start("ovn-northd")
    place.until_up("p0", "false")

    place.kill("ovn-compat2015")
    place.claim("p1", "another")
    place.start("ovn-compat2015")
    place.until_up("p1", "true")
    assert place.run("ovn-appctl", "-t", "ovn-compat2015", "status") == "Status: active\n"
    assert place.run("ovn-appctl", "-t", "ovn-compat2015", "connection-status") == (
        "nb: connected\nsb: connected\novn: connected\n"
    )
    assert place.run("ovn-appctl", "-t", "ovn-compat2015", "notices") == ""
    row = place.run("ovsdb-client", "--bare", "--no-headings", "dump", "OVN", "Bindings", "_uuid").split()[-1]
    assert "a logical port is bound" in place.run("ovn-appctl", "-t", "ovn-compat2015", "flow/why", row)
    place.run("ovn-appctl", "-t", "ovn-compat2015", "exit")
    log = (place.directory / "ovn-compat2015.log").read_text()
    assert [line for line in log.splitlines() if "|ERR|" in line or "|EMER|" in line] == []


@pytest.mark.peers
def test_debians_northd_sets_a_claimed_port_up(place: Place, peer: Callable[[str], str]) -> None:
    """Its flows stay as they are, too: the chassis that stands for the claim is asked for no feature."""
    place.start_server()
    place.start(peer("ovn-northd"))
    place.start("ovn-compat2015")
    place.run("ovn-nbctl", "--wait=sb", "lswitch-add", "sw0", "--", "lport-add", "sw0", "p0")
    place.until("Bindings", ["logical_port", "==", "p0"], chassis="")
    flows = place.run("ovn-sbctl", "lflow-list")
    place.claim("p0", "hostname")
    place.until_up("p0", "true")
    place.run("ovn-nbctl", "--wait=hv", "--timeout=20", "sync")
    assert place.run("ovn-sbctl", "lflow-list") == flows
    place.claim("p0", "")
    place.until_up("p0", "false")
