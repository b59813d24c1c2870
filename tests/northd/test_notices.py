"""What northd tells: a line for each mistake, gone with its cause, at the cost of the change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from northd_kit import insert, mac, update

from pyovn.northd.unserved import Notice

if TYPE_CHECKING:
    from northd_kit import World


def routers(count: int) -> list[dict[str, Any]]:
    return [insert("Logical_Router", name=f"r{n}") for n in range(count)]


def test_standing_notices_cost_a_pass_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.nb(*routers(3_000))
    world.add_switch("s1", {"name": "p1", "addresses": {mac(1)}})
    assert len(world.northd.notices()) == 3_000
    made: list[Notice] = []
    monkeypatch.setattr(Notice, "__str__", lambda notice: made.append(notice) or notice.reason)  # type: ignore[func-returns-value]
    world.add_port("s1", "p2", addresses={mac(2)})
    world.change_port("p2", addresses={mac(3)})
    world.remove_port("p2")
    assert made == []
    world.change_port("p1", addresses={"nonsense"})
    assert [notice.subject for notice in made] == ["port p1"]
    assert len(world.northd.notices()) == 3_001


def test_each_is_told_once_and_taken_back_once(world: World) -> None:
    world.nb(*routers(1))
    line = "router r0: only its rows are served, no flows"
    world.add_switch("s1", {"name": "p1", "addresses": {mac(1)}})
    world.change_port("p1", addresses={mac(2)})
    world.nb({"op": "delete", "table": "Logical_Router", "where": []})
    assert [entry for entry in world.log if line in entry] == [f"warn: {line}", f"info: no longer: {line}"]
    assert world.northd.notices() == []


def test_starting_over_tells_nothing_twice(world: World) -> None:
    """Another northd was active meanwhile and gave out keys; what stands was told already."""
    world.nb(*routers(1))
    engine = world.northd.engine
    second = world.start()
    world.daemon.sb.reconnect()
    world.runtime.settle()
    world.add_switch("s1", {"name": "p1"})
    second.stop()
    del world.log[:]
    world.runtime.settle()
    assert world.northd.engine is not engine
    assert world.northd.status == "active"
    assert [line for line in world.log if "router" in line] == []
    assert len(world.northd.notices()) == 1


@pytest.fixture
def pair(world: World) -> World:
    """Two switches, with two ports and one."""
    world.add_switch("s1", {"name": "a", "addresses": {mac(1)}}, {"name": "b", "addresses": {mac(2)}})
    world.add_switch("s2", {"name": "c", "addresses": {mac(1)}})
    return world


def test_two_ports_with_one_address(pair: World) -> None:
    assert pair.northd.notices() == []  # another switch is another place
    pair.change_port("b", addresses={f"{mac(1)} 10.0.0.1"})
    line = f"ports a, b of switch s1 have the same address {mac(1)}"
    assert pair.northd.notices() == [line]
    assert f"warn: {line}" in pair.log
    pair.add_port("s1", "d", addresses={mac(1)})
    assert pair.northd.notices() == [f"ports a, b, d of switch s1 have the same address {mac(1)}"]
    pair.remove_port("a")
    assert pair.northd.notices() == [f"ports b, d of switch s1 have the same address {mac(1)}"]
    pair.change_port("d", addresses={mac(9)})
    assert pair.northd.notices() == []
    assert pair.restart().sent == []


def test_two_that_ask_for_one_tunnel_key(pair: World) -> None:
    for name in ("a", "b"):
        pair.change_port(name, options={"requested-tnl-key": "7"})
    assert pair.northd.notices() == ["port b: tunnel key 7 is not to be had in switch s1"]
    pair.change_port("a", options={})
    assert pair.northd.notices() == []
    for name in ("s1", "s2"):
        pair.nb(update("Logical_Switch", name, other_config={"requested-tnl-key": "9"}))
    assert pair.northd.notices() == ["switch s2: tunnel key 9 is not to be had"]
    pair.remove_switch("s1")
    assert pair.northd.notices() == []


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"addresses": {"dynamic"}}, "port a: dynamic addresses are not served"),
        *(
            ({"addresses": {text}}, f'port a: address "{text}" is not understood: {why}')
            for text, why in {
                "00:00:00:00:00": "it does not begin with an Ethernet address",
                f"{mac(1)} 10.0.0.300": "10.0.0.300 is no IP address",
                f"{mac(1)} 10.0.0.1/33": "10.0.0.1/33 is no IP address",
                f"{mac(1)} fe80::x": "fe80::x is no IP address",
                "unknown 10.0.0.1": "it does not begin with an Ethernet address",
                "": "it does not begin with an Ethernet address",
            }.items()
        ),
        *(
            ({"port_security": {text}}, f'port a: port security "{text}" is not understood: {why}')
            for text, why in {
                "10.0.0.1": "it does not begin with an Ethernet address",
                f"{mac(1)},10.0.0.0/x": "10.0.0.0/x is no IP address",
            }.items()
        ),
        ({"options": {"requested-tnl-key": "x"}}, 'port a: requested-tnl-key "x" is no tunnel key'),
        ({"type": "nonsense"}, 'port a: unknown type "nonsense"'),
        ({"parent_name": "nobody", "tag": 3}, 'port a: parent "nobody" does not exist'),
    ],
)
def test_a_mistake_in_a_port(pair: World, columns: dict[str, Any], line: str) -> None:
    pair.change_port("a", **columns)
    assert line in pair.northd.notices()
    assert f"warn: {line}" in pair.log
    blank: dict[str, Any] = {"addresses": {mac(1)}, "type": "", "parent_name": None}
    blank |= {"tag": None, "port_security": set(), "options": {}}
    pair.change_port("a", **blank)
    assert pair.northd.notices() == []
    assert f"info: no longer: {line}" in pair.log


@pytest.mark.parametrize(
    "columns",
    [
        {"addresses": {f"{mac(1)} 10.0.0.1/24 fd00::1/64", "unknown"}},
        {"addresses": {"router"}},
        {"port_security": {f"{mac(1)}, 10.0.0.0/24 10.0.0.0/255.255.255.0", "0:0:0:0:0:1"}},
    ],
)
def test_what_is_documented_is_no_mistake(pair: World, columns: dict[str, Any]) -> None:
    pair.change_port("a", **columns)
    assert pair.northd.notices() == []


def test_a_router_port_with_the_name_of_a_switch_port(world: World) -> None:
    """The switch port has the binding, and nobody the key that the other asks for, restart or not."""
    key = {"requested-tnl-key": "4"}
    rows = [
        {"name": name, "mac": mac(9), "options": ["map", [*map(list, key.items())]]} for name in ("p1", "rp2")
    ]
    ports = [{"op": "insert", "table": "Logical_Router_Port", "uuid-name": r["name"], "row": r} for r in rows]
    refs = ["set", [["named-uuid", "p1"], ["named-uuid", "rp2"]]]
    world.add_switch("sw0", {"name": "p1"})
    world.nb(*ports, {"op": "insert", "table": "Logical_Router", "row": {"name": "r", "ports": refs}})
    line = 'router port p1: has no binding "p1": that is the name of a switch port'
    assert line in world.northd.notices()
    assert world.only("Port_Binding", logical_port="p1")["type"] == ""
    assert world.tunnel_keys()["rp2"] == 4
    assert world.restart().sent == []
    world.remove_port("p1")
    assert line not in world.northd.notices()
    assert world.only("Port_Binding", logical_port="p1")["type"] == "patch"


def test_a_binding_whose_name_goes_from_a_gateway_to_a_switch_port_and_back(world: World) -> None:
    """Found by a random history: the row stayed, and with it what only the one before has."""
    gateway = {"name": "gw", "chassis_name": "hv1", "priority": 1}
    row = {"name": "rp", "mac": mac(9), "gateway_chassis": ["named-uuid", "gw"]}
    world.nb(
        {"op": "insert", "table": "Gateway_Chassis", "uuid-name": "gw", "row": gateway},
        {"op": "insert", "table": "Logical_Router_Port", "uuid-name": "rp", "row": row},
        {"op": "insert", "table": "Logical_Router", "row": {"name": "r", "ports": ["named-uuid", "rp"]}},
    )
    before = world.only("Port_Binding", logical_port="cr-rp")
    assert before["ha_chassis_group"] is not None
    named = {"parent_name": "vm", "tag_request": 5, "port_security": {mac(1)}}
    world.add_switch("sw0", {"name": "cr-rp", **named})
    port = world.only("Port_Binding", logical_port="cr-rp")
    assert (port["ha_chassis_group"], port["parent_port"], port["tag"]) == (None, "vm", 5)
    assert world.restart().sent == []
    world.remove_port("cr-rp")
    after = world.only("Port_Binding", logical_port="cr-rp")
    changing = ("_uuid", "tunnel_key", "ha_chassis_group")
    assert {c: v for c, v in after.items() if c not in changing} == {
        c: v for c, v in before.items() if c not in changing
    }
    assert after["ha_chassis_group"] is not None
    assert world.restart().sent == []
    assert not [line for line in world.log if "failed" in line]
