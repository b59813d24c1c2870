"""Cost follows the change: what runs, what is sent and what changes when a large network grows by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from northd_kit import NB, SB, World, mac, mutate, port, switch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.ovsdb.engine import Commit

PORTS, SWITCHES = 10_000, 2_000


class Meter:
    """What one change of the northbound costs."""

    def __init__(self, world: World, *operations: dict[str, Any]) -> None:
        self.changes: list[tuple[str, str]] = []
        daemon = world.daemon
        del daemon.sent[:]
        database = world.server.databases[SB].database
        database.followers.append(self._follow)
        try:
            with daemon.northd.engine.recording() as ran:
                world.nb(*operations)
        finally:
            database.followers.remove(self._follow)
        self.ran = sorted(name for name, _key in ran)
        self.sent = len(json.dumps(daemon.sent))
        self.operations = sorted(f"{op['op']} {op['table']}" for sent in daemon.sent for op in sent)

    def _follow(self, commit: Commit) -> None:
        for table, _uuid, old, new in commit.changes:
            verb = "insert" if old is None else "delete" if new is None else "update"
            self.changes.append((verb, table.name))


@pytest.fixture(scope="module")
def large() -> World:
    """A switch with 10,000 ports, made by one transaction."""
    world = World()
    ports = ({"name": f"p{n}", "addresses": {mac(n), "unknown"}} for n in range(PORTS))
    world.nb(*switch("big", *ports))
    assert len(world.find("Port_Binding")) == PORTS
    return world


@pytest.fixture(scope="module")
def many() -> World:
    """2,000 switches with a port each, made by one transaction."""
    world = World()

    def operations() -> Iterator[dict[str, Any]]:
        for n in range(SWITCHES):
            row = {"name": f"p{n}", "addresses": mac(n)}
            yield {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"p{n}", "row": row}
            columns = {"name": f"sw{n}", "ports": ["named-uuid", f"p{n}"]}
            yield {"op": "insert", "table": "Logical_Switch", "row": columns}

    world.nb(*operations())
    assert len(world.find("Datapath_Binding")) == SWITCHES
    return world


PLAIN = [
    "arp_nd_ports",
    "l2_lookup_ports",
    "multicast_members",
    "port_bindings",
    "port_up",
    "present_groups",
    "special_ports",
    "switch_ports",
    "unserved_ports",
]
"""What runs for a port."""

SPECIAL = [
    *PLAIN,
    "admission_disabled",
    "containers",
    "fdb_ports",
    "provider_ports",
    "tags_granted",
    "virtual_parents",
    "vtep_ports",
    "vtep_switches",
]
"""What runs for a port that is more than an interface with addresses."""


def test_a_port_more_on_a_switch_with_ten_thousand(large: World) -> None:
    meter = Meter(large, *port("big", "new", addresses={mac(60_000), "unknown"}))
    assert set(meter.ran) == set(SPECIAL)
    # What reads the binding runs once more when the row that was written comes back.
    assert len(meter.ran) <= len(SPECIAL) + 1
    assert sorted(meter.changes) == [
        *[("insert", "Logical_Flow")] * 3,  # its address, and two for learning
        ("insert", "Port_Binding"),
        *[("update", "Multicast_Group")] * 3,
    ]
    assert meter.operations == [
        *["insert Logical_Flow"] * 3,
        "insert Port_Binding",
        *["mutate Multicast_Group"] * 3,
        "update Logical_Switch_Port",  # it is down
    ]
    assert meter.sent < 3_000


def test_a_port_less(large: World) -> None:
    uuid = next(u for u, r in large.rows(NB, "Logical_Switch_Port").items() if r["name"] == "p77")
    meter = Meter(large, mutate("Logical_Switch", [], "ports", "delete", ["uuid", str(uuid)]))
    assert meter.ran == []
    assert sorted(meter.changes) == [
        *[("delete", "Logical_Flow")] * 3,
        ("delete", "Port_Binding"),
        *[("update", "Multicast_Group")] * 3,
    ]
    assert meter.sent < 2_000


def test_a_plain_port_runs_what_concerns_plain_ports(many: World) -> None:
    meter = Meter(many, *port("sw9", "plain", addresses=f"{mac(62_000)} 10.0.0.1"))
    assert set(meter.ran) == set(PLAIN)
    assert meter.operations.count("insert Logical_Flow") == 3  # its MAC, its IP, and its own question


def test_a_changed_address(large: World) -> None:
    where = [["name", "==", "p88"]]
    meter = Meter(large, mutate("Logical_Switch_Port", where, "addresses", "insert", mac(61_000)))
    assert len(meter.ran) <= len(SPECIAL)
    assert sorted(meter.changes) == [("insert", "Logical_Flow"), ("update", "Port_Binding")]
    assert meter.sent < 1_500


def test_what_nobody_reads_costs_nothing(large: World) -> None:
    where = [["name", "==", "p99"]]
    meter = Meter(large, mutate("Logical_Switch_Port", where, "dynamic_addresses", "insert", "x"))
    assert (meter.ran, meter.changes, meter.sent) == ([], [], len("[]"))


def test_a_switch_more_among_two_thousand(many: World) -> None:
    meter = Meter(many, *switch("new"))
    assert sorted(set(meter.changes)) == [
        ("insert", "Datapath_Binding"),
        ("update", "Logical_DP_Group"),
    ]
    assert len(meter.ran) <= 10
    assert meter.sent < 2_000


def test_a_switch_less(many: World) -> None:
    meter = Meter(many, {"op": "delete", "table": "Logical_Switch", "where": [["name", "==", "sw7"]]})
    assert meter.ran == []
    assert sorted(set(meter.changes)) == [
        ("delete", "Datapath_Binding"),
        ("delete", "Logical_Flow"),
        ("delete", "Multicast_Group"),
        ("delete", "Port_Binding"),
        ("update", "Logical_DP_Group"),
    ]
    assert len(meter.changes) < 12


@pytest.mark.parametrize("network", ["large", "many"])
def test_a_restart_sends_nothing(network: str, request: pytest.FixtureRequest) -> None:
    world: World = request.getfixturevalue(network)
    before = {table: world.rows(SB, table) for table in ("Logical_Flow", "Port_Binding", "Multicast_Group")}
    assert world.restart().sent == []
    assert all(world.rows(SB, table) == rows for table, rows in before.items())
