"""Debian's tools on our server: every command of ovsdb-client says what it says on the C server; daemon
mode of ovn-nbctl; the waits of ovs-vsctl and ovn-nbctl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
from process_kit import BIN, NORTHBOUND, SOUTHBOUND, VSWITCH, ServerProcess, end, run, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self

pytestmark = pytest.mark.peers

CONTENTS: Final = (
    "ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--", "lsp-set-addresses", "p1",
    "00:00:00:00:00:01 10.0.0.1",
    "--", "set", "Logical_Switch", "sw0", 'external_ids:a="quoted, text"', "external_ids:b=<&>",
    "--", "lsp-add", "sw0", "p2", "--", "lr-add", "r", "--", "acl-add", "sw0", "to-lport", "1", "ip4", "drop",
)  # fmt: skip


class Follower:
    """A command that goes on until it is ended, with its output in a file."""

    def __init__(self, output: Path, *words: str) -> None:
        self.output = output
        with output.open("w") as out:
            self.process = subprocess.Popen(
                words, stdout=out, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

    def until(self, text: str, times: int = 1) -> None:
        until(lambda: self.output.read_text().count(text) >= times, lambda _seconds: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        end(self.process.pid)
        self.process.wait()


class Twins:
    """The C server and ours on copies of one database, and Debian's tools."""

    def __init__(self, directory: Path, peer: Callable[[str], str]) -> None:
        self.peer = peer
        self.directory = directory
        self.servers: list[ServerProcess] = []
        first = directory / "first.db"
        run(peer("ovsdb-tool"), "create", first, NORTHBOUND)
        for name, program in (("c", peer("ovsdb-server")), ("ours", str(BIN / "ovsdb-server"))):
            place = directory / name
            place.mkdir()
            if self.servers:
                shutil.copy(self.servers[0].databases[0], place / "nb.db")
            else:
                shutil.copy(first, place / "nb.db")
            server = ServerProcess(program, place, (place / "nb.db",))
            self.servers.append(server)
            server.start()
            if name == "c":
                run(peer("ovn-nbctl"), f"--db={server.unix}", "init", "--", *CONTENTS)

    def both(
        self, *words: str, check: bool = True, kind: str = "unix", timeout: int = 10, sort: bool = False
    ) -> str:
        """What ovsdb-client says on either; SERVER stands for the server."""
        said = []
        for server in self.servers:
            remote = getattr(server, kind)
            line = [remote if word == "SERVER" else word for word in words]
            done = subprocess.run(
                [self.peer("ovsdb-client"), f"--timeout={timeout}", *line],
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            error = re.sub(r"^[-\d]+T[:.\d]+Z\|\d+\|", "", done.stderr, flags=re.MULTILINE)
            # Tables and columns come in the order of the client's hash table,
            # which depends on the order in which the server named them.
            output = "".join(sorted(done.stdout.splitlines(keepends=True))) if sort else done.stdout
            said.append((done.returncode, output, error.replace(remote, "SERVER")))
        assert said[0] == said[1], words
        assert not check or said[0][0] == 0, said[0]
        return said[0][1]

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


@pytest.fixture
def twins(short_tmp: Path, peer: Callable[[str], str]) -> Iterator[Twins]:
    for program in ("ovsdb-client", "ovsdb-server", "ovsdb-tool", "ovn-nbctl"):
        peer(program)
    made = Twins(short_tmp, peer)
    try:
        yield made
    finally:
        made.stop()


DATABASE: Final = "OVN_Northbound"


def test_commands_that_look(twins: Twins) -> None:
    for kind in ("unix", "tcp"):
        assert DATABASE in twins.both("list-dbs", "SERVER", kind=kind)
    twins.both("get-schema", "SERVER", DATABASE)
    twins.both("get-schema", "SERVER", "_Server")
    for command in ("get-schema-version", "get-schema-cksum", "list-tables", "list-columns"):
        assert twins.both(command, "SERVER", DATABASE, sort=True)
    twins.both("list-columns", "SERVER", DATABASE, "Logical_Switch", sort=True)
    twins.both("list-columns", "SERVER", DATABASE, "Nonsense", check=False)
    for form in ("table", "list", "html", "csv", "json"):
        assert "sw0" in twins.both("-f", form, "dump", "SERVER", DATABASE)
    assert "p1" in twins.both("dump", "SERVER", DATABASE, "Logical_Switch_Port", "name", "addresses")
    twins.both("dump", "SERVER", "Nonsense", check=False)
    twins.both("needs-conversion", "SERVER", NORTHBOUND)
    twins.both("wait", "SERVER", DATABASE, "connected")
    twins.both("wait", "SERVER", "Nonsense", "removed")


def test_queries_and_transactions(twins: Twins) -> None:
    select = '{"op":"select","table":"Logical_Switch","where":[],"columns":["name","external_ids"]}'
    assert "sw0" in twins.both("query", "SERVER", f'["{DATABASE}",{select}]')
    assert "sw0" in twins.both("transact", "SERVER", f'["{DATABASE}",{select}]')
    chosen = "11111111-2222-3333-4444-555555555555"
    insert = f'{{"op":"insert","table":"Logical_Switch","uuid":"{chosen}","row":{{"name":"x"}}}}'
    twins.both("query", "SERVER", f'["{DATABASE}",{insert}]')
    assert "x" not in twins.both("dump", "SERVER", DATABASE, "Logical_Switch", "name").split()
    assert chosen in twins.both("transact", "SERVER", f'["{DATABASE}",{insert}]')
    assert "x" in twins.both("dump", "SERVER", DATABASE, "Logical_Switch", "name").split()
    mutate = '{"op":"mutate","table":"NB_Global","where":[],"mutations":[["nb_cfg","+=",3]]}'
    twins.both("transact", "SERVER", f'["{DATABASE}",{mutate},{{"op":"comment","comment":"three"}}]')
    for broken in (
        '["Nonsense"]', f'["{DATABASE}",{{"op":"fly"}}]', f'["{DATABASE}",{insert}]', '{"a":1}', "[3]",
        f'["{DATABASE}",{{"op":"insert","table":"Logical_Switch","row":{{"name":3}}}}]',
        f'["{DATABASE}",{{"op":"abort"}}]', f'["{DATABASE}",{{"op":"assert","lock":"l"}}]',
    ):  # fmt: skip
        twins.both("transact", "SERVER", broken, check=False)


@pytest.mark.parametrize("command", ["monitor", "monitor-cond", "monitor-cond-since"])
def test_monitors(command: str, twins: Twins) -> None:
    words = {
        "monitor": ["SERVER", DATABASE, "Logical_Switch", "name,external_ids"],
        "monitor-cond": ["SERVER", DATABASE, '[["name","!=","hidden"]]', "Logical_Switch", "name"],
        "monitor-cond-since": [
            "SERVER", DATABASE, "00000000-0000-0000-0000-000000000000", '[["name","!=","hidden"]]',
            "Logical_Switch", "name",
        ],
    }[command]  # fmt: skip
    said = []
    for server in twins.servers:
        line = [server.unix if word == "SERVER" else word for word in words]
        output = server.directory / "out"
        options = ("--no-headings", "-f", "csv", "-vconsole:off")
        with Follower(output, twins.peer("ovsdb-client"), *options, command, *line) as follower:
            follower.until("sw0")
            nbctl = (twins.peer("ovn-nbctl"), f"--db={server.unix}")
            run(*nbctl, "ls-add", "hidden")
            run(*nbctl, "set", "logical_switch", "sw0", "external_ids:c=d")
            run(*nbctl, "ls-add", "seen", "--", "set", "logical_switch", "sw0", "name=renamed")
            follower.until("renamed")
        # UUIDs of rows that were made apart differ, and so do transaction ids.
        lines = output.read_text().splitlines()
        said.append(sorted(",".join(x for x in line.split(",") if x.count("-") != 4) for line in lines))
    assert said[0] == said[1]


def test_backup_and_restore(twins: Twins, peer: Callable[[str], str]) -> None:
    saved = []
    for server in twins.servers:
        backup = server.directory / "backup"
        with backup.open("wb") as out:
            subprocess.run(
                [peer("ovsdb-client"), "backup", server.unix, DATABASE], stdout=out, check=True, timeout=10
            )
        saved.append(run(peer("ovsdb-tool"), "query", backup, f'["{DATABASE}",{SELECT_ALL}]'))
        run(peer("ovn-nbctl"), f"--db={server.unix}", "ls-del", "sw0")
        with backup.open("rb") as content:
            subprocess.run(
                [peer("ovsdb-client"), "restore", server.unix, DATABASE], stdin=content, check=True
            )
    assert saved[0] == saved[1]
    assert "sw0" in twins.both("dump", "SERVER", DATABASE, "Logical_Switch", "name")
    assert "p1" in twins.both("dump", "SERVER", DATABASE, "Logical_Switch_Port", "name")


SELECT_ALL: Final = '{"op":"select","table":"Logical_Switch","where":[],"columns":["_uuid","name","ports"]}'


def test_conversion(twins: Twins) -> None:
    newer = twins.directory / "newer.ovsschema"
    text = run(twins.peer("ovsdb-client"), "get-schema", twins.servers[0].unix, DATABASE)
    newer.write_text(text.replace('"version":"', '"version":"9'))
    assert twins.both("needs-conversion", "SERVER", str(newer)).strip() == "yes"
    twins.both("convert", "SERVER", str(newer))
    assert twins.both("needs-conversion", "SERVER", str(newer)).strip() == "no"
    assert twins.both("get-schema-version", "SERVER", DATABASE).startswith("9")
    assert "sw0" in twins.both("dump", "SERVER", DATABASE)


def test_locks(twins: Twins) -> None:
    """lock and steal print what becomes of the lock, and stay; it goes back when the thief is gone."""
    twins.both("unlock", "SERVER", "mine", check=False, timeout=1)
    said = []
    for server in twins.servers:
        held, stolen = server.directory / "held", server.directory / "stolen"
        with Follower(held, twins.peer("ovsdb-client"), "lock", server.unix, "mine") as holder:
            holder.until("locked")
            with Follower(stolen, twins.peer("ovsdb-client"), "steal", server.unix, "mine") as thief:
                thief.until("locked")
                holder.until("stolen")
            holder.until('"mine"', times=2)
        said.append((held.read_text(), stolen.read_text()))
    assert said[0] == said[1]


def test_ovn_nbctl_as_a_daemon(short_tmp: Path, peer: Callable[[str], str]) -> None:
    database = short_tmp / "nb.db"
    run(peer("ovsdb-tool"), "create", database, NORTHBOUND)
    server = ServerProcess(str(BIN / "ovsdb-server"), short_tmp, (database,))
    nbctl, pidfile = peer("ovn-nbctl"), short_tmp / "nbctl.pid"
    environment = {"OVN_RUNDIR": str(short_tmp), "OVN_NB_DB": server.unix}
    try:
        server.start()
        control = run(
            nbctl, "--detach", "--no-chdir", f"--pidfile={pidfile}", "--log-file=/dev/null", env=environment
        )
        client = {"OVN_NB_DAEMON": control.strip()}
        run(nbctl, "ls-add", "sw0", env=client)
        for number in range(20):
            run(nbctl, "lsp-add", "sw0", f"p{number}", env=client)
        assert len(run(nbctl, "lsp-list", "sw0", env=client).splitlines()) == 20
        run(nbctl, f"--db={server.unix}", "ls-add", "from-outside")
        until(lambda: "from-outside" in run(nbctl, "ls-list", env=client), lambda _seconds: None)
        server.stop()
        server.start()
        run(nbctl, "-t", "15", "--", "ls-add", "after-restart", env=client)
        assert "after-restart" in run(nbctl, f"--db={server.unix}", "ls-list")
    finally:
        if pidfile.exists():
            end(int(pidfile.read_text()))
        server.stop()


def test_tools_wait_for_daemons(short_tmp: Path, peer: Callable[[str], str]) -> None:
    """ovs-vsctl waits for ovs-vswitchd, ovn-nbctl for ovn-northd and the hypervisors; all Debian's."""
    files = []
    for name, schema in (("nb", NORTHBOUND), ("sb", SOUTHBOUND), ("conf", VSWITCH)):
        files.append(short_tmp / f"{name}.db")
        run(peer("ovsdb-tool"), "create", files[-1], schema)
    server = ServerProcess(str(BIN / "ovsdb-server"), short_tmp, tuple(files))
    environment = {
        **{f"{family}_{kind}": str(short_tmp) for family in ("OVS", "OVN") for kind in ("RUNDIR", "LOGDIR")},
        "OVN_NB_DB": server.unix, "OVN_SB_DB": server.unix,
    }  # fmt: skip
    pidfiles = []

    def daemon(name: str, *words: str) -> None:
        pidfiles.append(short_tmp / f"{name}.pid")
        options = ("--detach", "--no-chdir", f"--pidfile={pidfiles[-1]}", "-vconsole:off")
        run(peer(name), *options, *words, env=environment)

    def vsctl(*words: str) -> str:
        return run(peer("ovs-vsctl"), "-t", "15", f"--db={server.unix}", *words, env=environment)

    def nbctl(*words: str) -> str:
        return run(peer("ovn-nbctl"), "-t", "15", *words, env=environment)

    try:
        server.start()
        vsctl("--no-wait", "init")
        daemon("ovs-vswitchd", "--enable-dummy=override", "--disable-system", server.unix)
        vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy")
        vsctl("add-port", "br0", "p0")
        assert int(vsctl("get", "interface", "p0", "ofport")) > 0
        vsctl("wait-until", "interface", "p0", "ofport>0")
        done = subprocess.run(
            [peer("ovs-vsctl"), "-t", "1", f"--db={server.unix}", "wait-until", "bridge", "never"],
            check=False, capture_output=True, env={**os.environ, **environment},
        )  # fmt: skip
        assert done.returncode < 0  # SIGALRM
        daemon("ovn-northd")
        nbctl("--wait=sb", "ls-add", "sw0")
        vsctl(
            "set", "open", ".", "external_ids:system-id=hv1", f"external_ids:ovn-remote={server.unix}",
            "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.1",
        )  # fmt: skip
        daemon("ovn-controller", server.unix)
        run(peer("ovn-sbctl"), "-t", "15", "wait-until", "Chassis", "hv1", "name=hv1", env=environment)
        nbctl("--wait=hv", "lsp-add", "sw0", "p1")
        vsctl("add-port", "br-int", "v1", "--", "set", "interface", "v1", "external_ids:iface-id=p1")
        nbctl("wait-until", "logical_switch_port", "p1", "up=true")
        nbctl("--wait=hv", "sync")
    finally:
        for pidfile in reversed(pidfiles):
            if pidfile.exists():
                end(int(pidfile.read_text()))
        server.stop()
