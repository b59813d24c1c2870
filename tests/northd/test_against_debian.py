"""Debian's ovn-northd and ours on the same northbound contents.

Debian's runs over its own ``ovsdb-server``.  Ours gets the same contents and its southbound is compared
with what Debian's wrote: up to UUIDs and tunnel keys, flows per switch with datapath groups expanded.
``KNOWN`` lists what differs, and why.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from northd_kit import NB, SB, World, flows_of, mac, row, switch

from pyovn.ovsdb.blocking import BlockingClient
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Flow = tuple[str, int, str, str]
Columns = dict[str, Any]
Network = dict[str, tuple[Columns, list[Columns]]]
"""Switches by name: their columns and their ports."""

KNOWN: Final[tuple[tuple[str, str, Callable[[Flow], bool]], ...]] = ()


class Debian:
    """Debian's ovsdb-server and ovn-northd in a directory."""

    def __init__(self, directory: Path, peer: Callable[[str], str]) -> None:
        self.pids: list[Path] = []
        self.socket = f"unix:{directory}/db.sock"
        for name in ("nb", "sb"):
            schema = f"/usr/share/ovn/ovn-{name}.ovsschema"
            self._run([peer("ovsdb-tool"), "create", f"{directory}/{name}.db", schema], directory)
        server = [f"--remote=p{self.socket}", f"{directory}/nb.db", f"{directory}/sb.db"]
        self._start(peer("ovsdb-server"), directory, *server)
        self._start(peer("ovn-northd"), directory, f"--ovnnb-db={self.socket}", f"--ovnsb-db={self.socket}")
        with BlockingClient(self.socket, timeout=10) as client:
            client.fetch(NB, {"NB_Global": ("nb_cfg",)})
            client.wait_for(lambda replica: bool(replica.table("NB_Global").rows))

    def _start(self, program: str, directory: Path, *arguments: str) -> None:
        name = Path(program).name
        pid = directory / f"{name}.pid"
        self.pids.append(pid)
        common = ["--detach", "--no-chdir", f"--pidfile={pid}", f"--unixctl={directory}/{name}.ctl"]
        self._run([program, *common, "-vconsole:off", "-vsyslog:off", *arguments], directory)

    def _run(self, command: list[str], directory: Path) -> None:
        environment = {**os.environ, "OVS_RUNDIR": str(directory), "OVN_RUNDIR": str(directory)}
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=10)

    def replace_northd(self, directory: Path) -> None:
        """Stop Debian's ovn-northd and start ours in its place."""
        os.kill(int(self.pids.pop().read_text()), signal.SIGTERM)
        pid = directory / "ours.pid"
        self.pids.append(pid)
        options = ["--detach", "--no-chdir", f"--pidfile={pid}", f"--unixctl={directory}/ours.ctl"]
        options += [f"--log-file={directory}/ours.log", "-vconsole:off", "-vsyslog:off"]
        options += [f"--ovnnb-db={self.socket}", f"--ovnsb-db={self.socket}"]
        self._run([sys.executable, "-m", "pyovn.northd.main", *options], directory)

    def stop(self) -> None:
        for pid in reversed(self.pids):
            if pid.exists():
                os.kill(int(pid.read_text()), signal.SIGTERM)

    def derive(self, operations: list[Columns], *, clear: bool = True) -> dict[str, dict[Any, Columns]]:
        """Replace the northbound's switches; the southbound's rows by table when northd has caught up."""
        tables = ("Logical_Flow", "Logical_DP_Group", "Datapath_Binding", "Port_Binding", "Multicast_Group")
        wanted = {name: SOUTHBOUND.tables[name].COLUMNS for name in tables}
        with BlockingClient(self.socket, timeout=10) as client:
            if clear:
                operations = [{"op": "delete", "table": "Logical_Switch", "where": []}, *operations]
            mutation = ["nb_cfg", "+=", 1]
            bump = {"op": "mutate", "table": "NB_Global", "where": [], "mutations": [mutation]}
            read = {"op": "select", "table": "NB_Global", "where": [], "columns": ["nb_cfg"]}
            reply = client.transact(NB, [*operations, bump, read])
            assert reply.error is None, reply
            cfg = reply.results[-1]["rows"][0]["nb_cfg"]
            columns = {"SB_Global": ("nb_cfg", "options"), **wanted}
            present = client.get_schema(SB)
            replica = client.fetch(
                SB,
                {
                    table: [c for c in names if c in present.tables[table].columns]
                    for table, names in columns.items()
                },
            )
            client.wait_for(lambda r: any(values[0] == cfg for values in r.table("SB_Global").rows.values()))
            return {
                name: {
                    uuid: dict(zip(replica.table(name).columns, values, strict=True))
                    for uuid, values in replica.table(name).rows.items()
                }
                for name in tables
            }


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[Debian]:
    daemons = Debian(tmp_path_factory.mktemp("debian"), peer)
    yield daemons
    daemons.stop()


def operations(network: Network) -> list[Columns]:
    made: list[Columns] = []
    for number, (name, (columns, ports)) in enumerate(network.items()):
        for operation in switch(name, *ports, **columns):
            text = re.sub(r"\bp(\d+)\b", rf"s{number}p\1", operation.get("uuid-name", ""))
            if text:
                operation["uuid-name"] = text
            else:
                operation["row"]["ports"] = [
                    "set",
                    [["named-uuid", f"s{number}p{i}"] for i in range(len(ports))],
                ]
            made.append(operation)
    return made


def ours(network: Network) -> dict[str, dict[Any, Columns]]:
    world = World()
    world.nb(*operations(network))
    return southbound_of(world)


def southbound_of(world: World) -> dict[str, dict[Any, Columns]]:
    tables = ("Logical_Flow", "Logical_DP_Group", "Datapath_Binding", "Port_Binding", "Multicast_Group")
    return {name: world.rows(SB, name) for name in tables}


def without_hints(found: Mapping[str, Mapping[Any, Columns]]) -> Any:
    """The southbound up to UUIDs, keys and hints; flows by switch."""
    datapaths = found["Datapath_Binding"]
    names = {uuid: columns["external_ids"]["name"] for uuid, columns in datapaths.items()}
    bindings = found["Port_Binding"]
    compared = ("up", "type", "mac", "port_security", "parent_port", "tag", "options", "external_ids")
    return {
        "flows": {name: flows_of(datapaths, found, name) for name in names.values()},
        "ports": {
            (names[columns["datapath"]], columns["logical_port"]): {c: columns[c] for c in compared}
            for columns in bindings.values()
        },
        "groups": {
            (names[columns["datapath"]], columns["name"], columns["tunnel_key"]): {
                bindings[uuid]["logical_port"] for uuid in columns["ports"]
            }
            for columns in found["Multicast_Group"].values()
        },
        "datapaths": {
            columns["external_ids"]["name"]: {
                key: value for key, value in columns["external_ids"].items() if key != "logical-switch"
            }
            for columns in datapaths.values()
        },
    }


def compare(debian: Debian, network: Network) -> None:
    theirs, mine = without_hints(debian.derive(operations(network))), without_hints(ours(network))
    flows, flows_of_ours = theirs.pop("flows"), mine.pop("flows")
    assert mine == theirs
    for name in flows:
        unknown = {
            f"{sign} {flow}"
            for sign, some, others in (
                ("missing", flows[name], flows_of_ours[name]),
                ("surplus", flows_of_ours[name], flows[name]),
            )
            for flow in some - others
            if not any(sign == known and test(flow) for known, _why, test in KNOWN)
        }
        assert unknown == set()


TYPES = ["", "router", "localport", "localnet", "l2gateway", "vtep", "external", "virtual", "remote"]
KINDS: list[Columns] = [
    {"type": "localnet", "options": {"network_name": "phys"}, "tag": 7},
    {
        "type": "localnet",
        "options": {"network_name": "p", "localnet_learn_fdb": "true", "qdisc_queue_id": "5"},
    },
    {"type": "localport"},
    {"type": "l2gateway", "options": {"network_name": "phys", "l2gateway-chassis": "hv1"}},
    {"type": "vtep", "options": {"vtep-physical-switch": "br0", "vtep-logical-switch": "ls0"}},
    {"type": "external"},
    {"type": "virtual", "options": {"virtual-ip": "10.0.0.9", "virtual-parents": "port1,port2, port3"}},
    {"type": "virtual", "options": {"virtual-ip": "fd00::0009", "virtual-parents": "port1,port2"}},
    {"type": "virtual", "options": {"virtual-ip": "nowhere", "virtual-parents": "port1"}},
    {"type": "remote"},
    {"options": {"qdisc_queue_id": "3"}},
]
ADDRESSES = [
    mac(1),
    f"{mac(2)} 10.0.0.2",
    f"{mac(3)} 10.0.0.3 fd00::3",
    "unknown",
    f"{mac(0xAB)} 10.0.0.171 10.0.0.172",
    f"  {mac(0xAC).upper()}  10.0.0.16/24 fd00::00AC/64 10.0.0.17 bad 10.0.0.18",
    "0:0:0:0:1:2 10.0.0.20,10.0.0.21",
    f"{mac(0xAD)} 10.0.0.0/24 1.2.3 fd01::1",
    "router",
    "dynamic",
]
SECURITY = [mac(1), f"{mac(2)} 10.0.0.2", f"{mac(3)} 10.0.0.0/24 fd00::3"]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    network: Network = {}
    number = 0
    for n in range(draw(st.integers(1, 3))):
        ports: list[Columns] = []
        for _ in range(draw(st.integers(0, 4))):
            number += 1
            columns: Columns = {"name": f"port{number}"}
            columns["addresses"] = draw(st.frozensets(st.sampled_from(ADDRESSES), max_size=2))
            if draw(st.booleans()):
                columns["port_security"] = draw(st.frozensets(st.sampled_from(SECURITY), max_size=2))
            if draw(st.integers(0, 3)) == 0:
                columns["enabled"] = draw(st.booleans())
            if ports and draw(st.integers(0, 2)) == 0:
                columns |= {"parent_name": ports[0]["name"], "tag": draw(st.integers(1, 3)) + number}
            if draw(st.integers(0, 3)) == 0:
                columns["options"] = {"requested-chassis": "hv1"}
            if draw(st.integers(0, 2)) == 0:
                columns |= draw(st.sampled_from(KINDS))
            if draw(st.integers(0, 3)) == 0:
                columns["external_ids"] = {"neutron:port_name": "web", "x": "y"}
            ports.append(columns)
        switch_columns: Columns = {}
        if draw(st.integers(0, 3)) == 0:
            switch_columns["other_config"] = {"vlan-passthru": "true"}
        if draw(st.integers(0, 3)) == 0:
            switch_columns["external_ids"] = {"neutron:network_name": "blue"}
        network[f"sw{n}"] = (switch_columns, ports)
    return network


@pytest.mark.peers
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(networks())
def test_the_same_southbound(debian: Debian, network: Network) -> None:
    compare(debian, network)


@pytest.mark.peers
def test_a_plain_switch(debian: Debian) -> None:
    ports = [{"name": f"p{n}", "addresses": {mac(n)}} for n in range(3)]
    compare(debian, {"sw0": ({}, ports)})


@pytest.mark.peers
def test_ours_takes_over_from_debians(tmp_path: Path, peer: Callable[[str], str]) -> None:
    """On Debian's server, with rows that Debian's northd and a controller have left there."""
    daemons = Debian(tmp_path, peer)
    try:
        some: Network = {f"sw{n}": ({}, [{"name": f"p{n}", "addresses": {mac(n)}}]) for n in range(3)}
        before = daemons.derive(operations(some))
        datapath = next(iter(before["Datapath_Binding"]))
        neighbour = {"datapath": ["uuid", datapath], "logical_port": "p0", "ip": "10.0.0.1", "mac": mac(1)}
        with BlockingClient(daemons.socket, timeout=10) as client:
            reply = client.transact(SB, [{"op": "insert", "table": "MAC_Binding", "row": neighbour}])
            assert reply.error is None, reply
        daemons.replace_northd(tmp_path)
        taken = daemons.derive([], clear=False)
        assert without_hints(taken) == without_hints(ours(some))
        assert keys(taken) == keys(before)
        other: Network = {"other": ({}, [{"name": "q", "addresses": {"unknown"}}])}
        assert without_hints(daemons.derive(operations(other))) == without_hints(ours(other))
    finally:
        daemons.stop()
    assert "failed" not in (tmp_path / "ours.log").read_text()


def keys(found: Mapping[str, Mapping[Any, Columns]]) -> dict[Any, int]:
    """Tunnel keys of ports and datapaths by their UUIDs."""
    return {
        uuid: columns["tunnel_key"]
        for table in ("Datapath_Binding", "Port_Binding")
        for uuid, columns in found[table].items()
    }


def test_the_same_operations_for_both() -> None:
    made = operations({"a": ({}, [{"name": "x"}]), "b": ({}, [{"name": "y"}])})
    assert [operation.get("uuid-name") for operation in made] == ["s0p0", None, "s1p0", None]
    assert made[0]["row"] == row({"name": "x"})


@pytest.mark.peers
@pytest.mark.parametrize("options", [{"ignore_lsp_down": "false"}, {"ignore_lsp_down": "true"}, {}])
def test_ports_that_are_down(debian: Debian, options: dict[str, str]) -> None:
    ports = [{"name": f"p{n}", "addresses": {f"{mac(n)} 10.0.0.{n}"}, "type": t} for n, t in enumerate(TYPES)]
    network: Network = {"sw0": ({}, ports)}
    setting = {"op": "update", "table": "NB_Global", "where": [], "row": row({"options": options})}
    debian.derive([*operations(network), setting])
    theirs = without_hints(debian.derive([], clear=False))  # now it has seen that they are down
    world = World()
    world.nb(setting)
    world.nb(*operations(network))
    assert without_hints(southbound_of(world))["flows"]["sw0"] ^ theirs["flows"]["sw0"] == set()
    debian.derive([{**setting, "row": row({"options": {}})}])
