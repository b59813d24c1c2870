"""Every program of ours on the schemas of OVN 23.03 with Open vSwitch 3.1, and on those of 26.03 with 3.7."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from process_kit import BIN, NORTHBOUND, SOUTHBOUND, VSWITCH, ServerProcess, end, run, until

from pyovn.schemas import northbound, southbound, vswitch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.peers

OLD: Final = {"nb": NORTHBOUND, "sb": SOUTHBOUND, "conf": VSWITCH}
NEW: Final = {
    "nb": northbound.NORTHBOUND.schema.to_json(),
    "sb": southbound.SOUTHBOUND.schema.to_json(),
    "conf": vswitch.OPEN_VSWITCH.schema.to_json(),
}


class Host:
    """Databases, ovn-northd and one hypervisor, all of them our programs."""

    def __init__(self, directory: Path, peer: Callable[[str], str], schemas: dict[str, Any]) -> None:
        self.directory = directory
        self.environment = {
            f"{family}_{name}": str(directory) for family in ("OVS", "OVN") for name in ("RUNDIR", "LOGDIR")
        }
        self.daemons: list[Path] = []
        files = []
        for name, schema in schemas.items():
            files.append(directory / f"{name}.db")
            run(peer("ovsdb-tool"), "create", files[-1], self.schema_file(name, schema))
        self.server = ServerProcess(str(BIN / "ovsdb-server"), directory, tuple(files))
        self.environment |= {"OVN_NB_DB": self.server.unix, "OVN_SB_DB": self.server.unix}

    def schema_file(self, name: str, schema: str | dict[str, Any]) -> str:
        if isinstance(schema, str):
            return schema
        path = self.directory / f"{name}.ovsschema"
        path.write_text(json.dumps(schema))
        return str(path)

    def run(self, program: str, *words: object) -> str:
        return run(BIN / program, *words, env=self.environment)

    def nbctl(self, *words: object) -> str:
        return self.run("ovn-nbctl", "-t", "15", *words)

    def vsctl(self, *words: object) -> str:
        return self.run("ovs-vsctl", "-t", "15", f"--db={self.server.unix}", *words)

    def daemon(self, program: str, *words: object) -> None:
        pidfile = self.directory / f"{program}.pid"
        self.daemons.append(pidfile)
        self.run(
            program, "--detach", "--no-chdir", f"--pidfile={pidfile}", "-vconsole:off", "--log-file", *words
        )

    def log(self, program: str) -> str:
        return (self.directory / f"{program}.log").read_text()

    def complaints(self) -> list[str]:
        """Warnings and errors in the logs of all daemons."""
        return [
            line
            for path in self.directory.glob("*.log")
            for line in path.read_text().splitlines()
            if "|WARN|" in line or "|ERR|" in line
        ]

    def close(self) -> None:
        for pidfile in self.daemons:
            if pidfile.exists():
                end(int(pidfile.read_text()))
        self.server.stop()


@pytest.fixture
def hosts(short_tmp: Path, peer: Callable[[str], str]) -> Iterator[Callable[[dict[str, Any]], Host]]:
    made: list[Host] = []

    def make(schemas: dict[str, Any]) -> Host:
        made.append(Host(short_tmp, peer, schemas))
        return made[-1]

    yield make
    for host in made:
        host.close()


@pytest.mark.parametrize("schemas", [OLD, NEW], ids=["23.03", "26.03"])
def test_a_port_comes_up(schemas: dict[str, Any], hosts: Callable[[dict[str, Any]], Host]) -> None:
    host = hosts(schemas)
    host.server.start()
    host.vsctl("--no-wait", "init")
    host.daemon("ovs-vswitchd", "--enable-dummy=override", host.server.unix)
    host.daemon("ovn-northd")
    host.vsctl(
        "set", "open", ".", "external_ids:system-id=hv1", f"external_ids:ovn-remote={host.server.unix}",
        "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.1",
    )  # fmt: skip
    host.daemon("ovn-controller", host.server.unix)
    host.nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--", "lsp-add", "sw0", "p2")
    host.nbctl("lsp-set-addresses", "p1", "00:00:00:00:00:01 10.0.0.1")
    host.nbctl("lsp-set-port-security", "p1", "00:00:00:00:00:01 10.0.0.1")
    host.nbctl("lsp-set-addresses", "p2", "00:00:00:00:00:02 10.0.0.2")
    host.run("ovn-sbctl", "-t", "15", "wait-until", "Chassis", "hv1", "name=hv1")
    host.vsctl("add-port", "br-int", "vif1", "--", "set", "interface", "vif1", "external_ids:iface-id=p1")
    host.nbctl("wait-until", "Logical_Switch_Port", "p1", "up=true")
    host.nbctl("--wait=hv", "sync")
    assert "hv1" in host.run("ovn-sbctl", "show")
    assert "Port_Binding p1" in host.run("ovn-sbctl", "show")
    flows = host.run("ovn-sbctl", "lflow-list", "sw0")
    assert "ls_in_l2_lkup" in flows
    assert "10.0.0.1" in host.nbctl("show")
    assert "vif1" in host.vsctl("show")
    assert host.vsctl("get", "interface", "vif1", "external_ids:ovn-installed").strip() == '"true"'
    flow = 'inport == "p1" && eth.src == 00:00:00:00:00:01 && eth.dst == 00:00:00:00:00:02'
    assert 'output("p2")' in host.run("ovn-trace", "--minimal", "sw0", flow)
    host.vsctl("del-port", "vif1")
    host.nbctl("wait-until", "Logical_Switch_Port", "p1", "up=false")
    host.nbctl("--wait=hv", "ls-del", "sw0")
    assert host.complaints() == []


def await_text(host: Host, program: str, text: str) -> None:
    until(lambda: text in host.log(program), lambda _seconds: None)


def without(schema: str, table: str, column: str) -> dict[str, Any]:
    json_schema: dict[str, Any] = json.loads(Path(schema).read_text())
    del json_schema["tables"][table]["columns"][column]
    json_schema.pop("cksum", None)
    return json_schema


def test_a_column_that_is_lacking_is_named_until_the_database_is_converted(
    hosts: Callable[[dict[str, Any]], Host], peer: Callable[[str], str]
) -> None:
    host = hosts(
        {
            "nb": NORTHBOUND,
            "sb": without(SOUTHBOUND, "Logical_Flow", "actions"),
            "conf": without(VSWITCH, "Interface", "options"),
        }
    )
    host.server.start()
    host.vsctl("--no-wait", "init")
    host.vsctl(
        "--no-wait", "set", "open", ".", "external_ids:system-id=hv1",
        f"external_ids:ovn-remote={host.server.unix}", "external_ids:ovn-encap-type=geneve",
        "external_ids:ovn-encap-ip=127.0.0.1",
    )  # fmt: skip
    lacks = {
        "ovn-northd": "lacks Logical_Flow.actions, which this program requires",
        "ovs-vswitchd": "lacks Interface.options, which this program requires",
        "ovn-controller": "lacks Interface.options, which this program requires",
    }
    host.daemon("ovn-northd")
    host.daemon("ovs-vswitchd", "--enable-dummy=override", host.server.unix)
    host.daemon("ovn-controller", host.server.unix)
    for program, text in lacks.items():
        await_text(host, program, text)
    assert all(sum("|ERR|" in line for line in host.log(p).splitlines()) == 1 for p in lacks)
    run(peer("ovsdb-client"), "convert", host.server.unix, VSWITCH)
    await_text(host, "ovn-controller", "lacks Logical_Flow.actions")
    run(peer("ovsdb-client"), "convert", host.server.unix, SOUTHBOUND)
    host.nbctl("--wait=sb", "ls-add", "sw0")
    host.run("ovn-sbctl", "-t", "15", "wait-until", "Chassis", "hv1", "name=hv1")
    host.nbctl("--wait=hv", "sync")


def test_tools_name_the_column_that_they_would_write(hosts: Callable[[dict[str, Any]], Host]) -> None:
    host = hosts({"nb": without(NORTHBOUND, "Logical_Switch", "ports"), "sb": SOUTHBOUND, "conf": VSWITCH})
    host.server.start()
    host.nbctl("ls-add", "sw0")
    assert "sw0" in host.nbctl("ls-list")
    with pytest.raises(AssertionError, match="Logical_Switch has no column ports in this version"):
        host.nbctl("lsp-add", "sw0", "p1")
