"""Debian's ovn-northd and ours on the same northbound contents.

Debian's runs over its own ``ovsdb-server``.  Ours gets the same contents and its southbound is compared
with what Debian's wrote: up to UUIDs and tunnel keys, flows per switch with datapath groups expanded.
``KNOWN`` lists what differs, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from debian_kit import Columns, Debian, Flow, Network, operations, without_hints
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from northd_kit import SB, World, mac, row

from pyovn.ovsdb.blocking import BlockingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

KNOWN: Final[tuple[tuple[str, str, Callable[[Flow], bool]], ...]] = ()


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[Debian]:
    daemons = Debian(tmp_path_factory.mktemp("debian"), peer)
    yield daemons
    daemons.stop()


def ours(network: Network) -> dict[str, dict[Any, Columns]]:
    world = World()
    world.nb(*operations(network))
    return southbound_of(world)


def southbound_of(world: World) -> dict[str, dict[Any, Columns]]:
    tables = ("Logical_Flow", "Logical_DP_Group", "Datapath_Binding", "Port_Binding", "Multicast_Group")
    return {name: world.rows(SB, name) for name in tables}


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


def routers() -> list[Columns]:
    """A router with a distributed gateway, one on a chassis, one that is disabled, and their switches."""

    def port(name: str, number: int, **columns: Any) -> Columns:
        cells = {"name": name, "mac": mac(number), "networks": f"10.{number}.0.1/24", **columns}
        return {
            "op": "insert",
            "table": "Logical_Router_Port",
            "uuid-name": name.replace("-", "_"),
            "row": cells,
        }

    def router(name: str, ports: list[str], **columns: Any) -> Columns:
        refs = ["set", [["named-uuid", port.replace("-", "_")] for port in ports]]
        return {"op": "insert", "table": "Logical_Router", "row": {"name": name, "ports": refs, **columns}}

    def gateway(label: str, table: str, **columns: Any) -> Columns:
        return {"op": "insert", "table": table, "uuid-name": label, "row": columns}

    def pairs(**options: str) -> list[Any]:
        return ["map", list(options.items())]

    group = {"name": "grp", "ha_chassis": ["set", [["named-uuid", "m1"], ["named-uuid", "m2"]]]}
    sides = {"r0-s": "r0-s", "r0-out": "r0-out", "gw-s": "gw-s", "off-s": "off-s", "nothing": "nowhere"}
    network: Network = {
        "sw": (
            {},
            [
                {
                    "name": f"to-{name}",
                    "type": "router",
                    "addresses": {"router"},
                    "options": {"router-port": to},
                }
                for name, to in sides.items()
            ],
        )
    }
    return [
        {"op": "delete", "table": "Logical_Router", "where": []},
        gateway("m1", "HA_Chassis", chassis_name="hv1", priority=5),
        gateway("m2", "HA_Chassis", chassis_name="nobody", priority=7),
        {"op": "delete", "table": "HA_Chassis_Group", "where": []},
        gateway("grp", "HA_Chassis_Group", **group),
        gateway("g1", "Gateway_Chassis", name="g1", chassis_name="hv1", priority=20),
        port("r0-s", 1, external_ids=pairs(a="b")),
        port(
            "r0-out", 2, gateway_chassis=["named-uuid", "g1"], options=pairs(**{"redirect-type": "bridged"})
        ),
        port("r0-ha", 3, ha_chassis_group=["named-uuid", "grp"]),
        port("r0-gw", 4, peer="gw-r0", enabled=False),
        port("r0-off", 7, peer="off-s"),
        port("gw-s", 5),
        port("gw-r0", 6, peer="r0-gw"),
        port("off-s", 8, peer="r0-off"),
        router(
            "r0",
            ["r0-s", "r0-out", "r0-ha", "r0-gw", "r0-off"],
            external_ids=pairs(**{"neutron:router_name": "n"}),
        ),
        router("gw", ["gw-s", "gw-r0"], options=pairs(chassis="hv1", always_learn_from_arp_request="false")),
        router("off", ["off-s"], enabled=False),
        *operations(network),
    ]


def gateways(socket: str) -> Any:
    """HA_Chassis_Group rows by name, with their members."""
    with BlockingClient(socket, timeout=10) as client:
        found = client.fetch(
            SB,
            {
                "HA_Chassis_Group": ("name", "ha_chassis"),
                "HA_Chassis": ("priority", "external_ids", "chassis"),
            },
        )
    members: dict[Any, Any] = dict(found.table("HA_Chassis").rows)
    groups: dict[Any, Any] = dict(found.table("HA_Chassis_Group").rows)
    return {
        values[0]: {(members[u][0], members[u][1]["chassis-name"], members[u][2] is None) for u in values[1]}
        for values in groups.values()
    }


@pytest.mark.peers
def test_the_rows_of_routers(tmp_path: Path, peer: Callable[[str], str]) -> None:
    found = []
    for northd in ("theirs", "ours"):
        directory = tmp_path / northd
        directory.mkdir()
        daemons = Debian(directory, peer, northd=northd)
        try:
            southbound = without_hints(daemons.derive(routers()))
            del southbound["flows"]
            for columns in southbound["datapaths"].values():
                columns.pop("logical-router", None)
            found.append((southbound, gateways(daemons.socket)))
        finally:
            daemons.stop()
    (theirs, their_groups), (ours, our_groups) = found
    assert our_groups == their_groups
    for kind in theirs:
        assert {k: v for k, v in ours[kind].items() if theirs[kind].get(k) != v} == {}, kind
        assert ours[kind].keys() == theirs[kind].keys()


def test_routers_survive_a_restart() -> None:
    world = World()
    world.nb(*routers())
    assert len(world.find("HA_Chassis")) == 3
    assert world.restart().sent == []
    assert any("router r0" in notice for notice in world.northd.notices())
