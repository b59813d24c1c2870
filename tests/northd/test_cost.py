"""Cost follows the change: what runs, what is sent and what changes when a large network grows by one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from northd_kit import NB, SB, World, mac, mutate, port, switch, update

from pyovn.incremental import Record
from pyovn.northd.multicast import Group

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.ovsdb.engine import Commit

PORTS, SWITCHES = 10_000, 2_000


class Meter:
    """What one change costs, of the northbound unless ``database`` says otherwise."""

    def __init__(self, world: World, *operations: dict[str, Any], database: str = NB) -> None:
        self.changes: list[tuple[str, str]] = []
        daemon = world.daemon
        del daemon.sent[:]
        southbound = world.server.databases[SB].database
        southbound.followers.append(self._follow)
        try:
            with daemon.northd.engine.recording() as ran:
                world.write(database, *operations)
        finally:
            southbound.followers.remove(self._follow)
        self.ran = sorted((name, _named(world, key)) for name, key in ran)
        """(derivation, what it ran for), as often as it ran."""
        self.sent = len(json.dumps(daemon.sent))
        self.operations = sorted(f"{op['op']} {op['table']}" for sent in daemon.sent for op in sent)

    def _follow(self, commit: Commit) -> None:
        for table, _uuid, old, new in commit.changes:
            verb = "insert" if old is None else "delete" if new is None else "update"
            self.changes.append((verb, table.name))


def _named(world: World, key: Any) -> str:
    """What a derivation ran for: a row by its name, a group by its name and its switch."""
    if isinstance(key, Record):
        return getattr(key, "name", "") or type(key).__name__
    if isinstance(key, Group):
        owner = world.northd.model.switches.peek(key.datapath.key)
        return f"{key.name} of {'?' if owner is None else owner.name}"
    return str(key)


def runs(name: str, *derivations: str) -> list[tuple[str, str]]:
    """Each of these once for ``name``."""
    return [(derivation, name) for derivation in derivations]


@pytest.fixture(scope="module")
def large() -> World:
    """A switch with 10,000 ports, made by one transaction; one of them has no unknown address."""
    world = World()
    ports = ({"name": f"p{n}", "addresses": {mac(n), "unknown"}} for n in range(1, PORTS))
    world.nb(*switch("big", {"name": "p0", "addresses": mac(0)}, *ports))
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

SWITCH = ["datapath_bindings", "datapath_group_members", "datapaths", "switch_classes", "unserved_switches"]
"""What runs for a switch."""

OF_ADDRESSES = [
    "arp_nd_ports",
    "l2_lookup_ports",
    "multicast_members",
    "port_bindings",
    "present_groups",
    "special_ports",
    "unserved_ports",
]
"""What reads the addresses of a port."""

OF_UNKNOWN = ["fdb_ports"]
"""What does so besides when one of them is ``unknown``."""

PLACES = [("large", "big", "p99"), ("many", "sw9", "p9")]
"""A network, one of its switches, and a port there; those of the large switch have an unknown address."""


def test_a_port_more_on_a_switch_with_ten_thousand(large: World) -> None:
    meter = Meter(large, *port("big", "new", addresses={mac(60_000), "unknown"}))
    # What reads the binding runs once more when the row that was written comes back.
    assert meter.ran == sorted(runs("new", *SPECIAL, "port_up"))
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
    assert meter.ran == sorted(runs("plain", *PLAIN, "port_up"))
    assert meter.operations.count("insert Logical_Flow") == 3  # its MAC, its IP, and its own question


def test_a_changed_address(large: World) -> None:
    where = [["name", "==", "p88"]]
    meter = Meter(large, mutate("Logical_Switch_Port", where, "addresses", "insert", mac(61_000)))
    assert meter.ran == sorted(runs("p88", *OF_ADDRESSES, *OF_UNKNOWN))
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
    assert meter.ran == sorted(runs("new", *SWITCH))
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


class Place:
    """Where something is changed, in either network."""

    def __init__(self, world: World, switch_name: str, name: str) -> None:
        self.world, self.switch, self.name = world, switch_name, name
        self.learns = switch_name == "big"

    def change(self, **columns: Any) -> Meter:
        return Meter(self.world, update("Logical_Switch_Port", self.name, **columns))

    def remove(self, name: str) -> Meter:
        ports = self.world.rows(NB, "Logical_Switch_Port").items()
        uuid = next(u for u, r in ports if r["name"] == name)
        where = [["name", "==", self.switch]]
        return Meter(self.world, mutate("Logical_Switch", where, "ports", "delete", ["uuid", str(uuid)]))


@pytest.fixture(params=PLACES, ids=lambda place: place[0])
def place(request: pytest.FixtureRequest) -> Place:
    network, switch_name, name = request.param
    return Place(request.getfixturevalue(network), switch_name, name)


def test_a_port_comes_and_goes(place: Place) -> None:
    meter = Meter(place.world, *port(place.switch, "guest", addresses=mac(62_001)))
    assert meter.ran == sorted(runs("guest", *PLAIN, "port_up"))
    assert place.remove("guest").ran == []


def test_a_container_comes_and_goes_and_so_does_its_parent(place: Place) -> None:
    Meter(place.world, *port(place.switch, "vm", addresses=mac(62_002)))
    columns = {"addresses": mac(62_003), "parent_name": "vm", "tag_request": 0}
    meter = Meter(place.world, *port(place.switch, "container", **columns))
    # The tag that it was given is written into its row, and comes back.
    again = ("containers", "port_bindings", "port_up", "tags_granted")
    assert set(meter.ran) == set(runs("container", *SPECIAL))
    assert len(meter.ran) <= len(SPECIAL) + len(again)
    assert place.remove("vm").ran == runs("container", "unserved_ports")
    assert Meter(place.world, *port(place.switch, "vm")).ran == sorted(
        [*runs("vm", *PLAIN, "port_up"), *runs("container", "unserved_ports")]
    )
    assert place.remove("container").ran == []
    assert place.remove("vm").ran == []


def test_a_port_that_is_bound_comes_up_and_goes_down(place: Place) -> None:
    encap = {"type": "geneve", "ip": "192.0.2.77", "chassis_name": "hv77"}
    features = ["map", [["port-up-notif", "true"]]]
    row = {"name": "hv77", "encaps": ["named-uuid", "e"], "other_config": features}
    place.world.sb(
        {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap},
        {"op": "insert", "table": "Chassis", "row": row},
    )
    chassis = ["uuid", str(place.world.only("Chassis", name="hv77")["_uuid"])]
    for columns, status in (
        ({"chassis": chassis}, False),
        ({"up": True}, True),
        ({"up": False}, False),
        ({"chassis": ["set", []]}, False),
    ):
        where = [["logical_port", "==", place.name]]
        operation = {"op": "update", "table": "Port_Binding", "where": where, "row": columns}
        meter = Meter(place.world, operation, database=SB)
        assert meter.ran == runs(place.name, "port_up")
        ports = place.world.rows(NB, "Logical_Switch_Port").values()
        assert [r["up"] for r in ports if r["name"] == place.name] == [status]
    place.world.sb({"op": "delete", "table": "Chassis", "where": [["name", "==", "hv77"]]})


def test_columns_of_one_port(place: Place) -> None:
    """Each runs what reads it, for this port."""
    learning = OF_UNKNOWN if place.learns else []
    before = next(r for r in place.world.rows(NB, "Logical_Switch_Port").values() if r["name"] == place.name)[
        "addresses"
    ]
    for addresses in ({*before, mac(62_010)}, before):
        assert place.change(addresses=addresses).ran == sorted(runs(place.name, *OF_ADDRESSES, *learning))
    for security in ({mac(62_010)}, set()):
        assert place.change(port_security=security).ran == sorted(
            runs(place.name, "port_bindings", "unserved_ports", *learning)
        )
    for options in ({"hostname": "web"}, {}):
        meter = place.change(options=options)
        assert ("port_bindings", place.name) in meter.ran
        assert set(meter.ran) <= set(
            runs(
                place.name,
                "port_bindings",
                "switch_ports",
                "unserved_ports",
                "special_ports",
                "provider_ports",
            )
        )
    for ids in ({"owner": "me"}, {}):
        assert place.change(external_ids=ids).ran == runs(place.name, "port_bindings")


def test_nb_cfg_alone(place: Place) -> None:
    for number in (1, 2):
        meter = Meter(
            place.world, {"op": "update", "table": "NB_Global", "where": [], "row": {"nb_cfg": number}}
        )
        # sb_cfg follows when the southbound's row comes back.
        assert meter.ran == runs("NBGlobal", "progress_backward", "progress_backward", "progress_forward")
        assert meter.changes == [("update", "SB_Global")]
        assert meter.operations in (["update NB_Global"] * times + ["update SB_Global"] for times in (1, 2))


def test_the_first_unknown_address_of_a_switch_concerns_the_switch(many: World) -> None:
    """And no other: its group comes, and it is in another class of switches, where there is one already."""
    many.change_port("p10", addresses={mac(10), "unknown"})
    meter = Meter(many, update("Logical_Switch_Port", "p11", addresses={mac(11), "unknown"}))
    special = [name for name in SPECIAL if name not in {"port_up", "switch_ports"}]
    assert meter.ran == sorted([
        *runs("p11", *special),
        *runs("sw11", "datapath_group_members", "switch_classes"),
        *runs("_MC_unknown of sw11", "multicast_groups"),
    ])  # fmt: skip


def test_a_port_that_goes_to_another_router_port_concerns_both(many: World) -> None:
    def router_port(name: str) -> dict[str, Any]:
        columns = {"name": name, "mac": mac(62_020)}
        return {"op": "insert", "table": "Logical_Router_Port", "uuid-name": name, "row": columns}

    names = [["named-uuid", "lrp0"], ["named-uuid", "lrp1"]]
    row = {"name": "r0", "ports": ["set", names]}
    many.nb(router_port("lrp0"), router_port("lrp1"), {"op": "insert", "table": "Logical_Router", "row": row})
    many.nb(*port("sw12", "to-r0", type="router", options={"router-port": "lrp0"}, addresses="router"))
    meter = Meter(many, update("Logical_Switch_Port", "to-r0", options={"router-port": "lrp1"}))
    own = {(derivation, name) for derivation, name in meter.ran if name == "to-r0"}
    assert own <= set(runs("to-r0", *SPECIAL))
    assert set(meter.ran) - own == {("router_port_bindings", "lrp0"), ("router_port_bindings", "lrp1")}


@pytest.mark.parametrize("network", ["large", "many"])
def test_a_restart_sends_nothing(network: str, request: pytest.FixtureRequest) -> None:
    world: World = request.getfixturevalue(network)
    before = {table: world.rows(SB, table) for table in ("Logical_Flow", "Port_Binding", "Multicast_Group")}
    assert world.restart().sent == []
    assert all(world.rows(SB, table) == rows for table, rows in before.items())
