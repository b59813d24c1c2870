"""Each feature of northd, by what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from northd_kit import NB, SB, insert, mac, mutate, update

if TYPE_CHECKING:
    from northd_kit import World

BOOKS = {"name": "p1", "addresses": {mac(1)}}


def test_datapath_and_port_bindings(world: World) -> None:
    ids = {"neutron:network_name": "blue"}
    world.add_switch(
        "sw0",
        {
            "name": "p1",
            "addresses": {f" {mac(1)} 10.0.0.1", "unknown", "dynamic", "router"},
            "port_security": {mac(1)},
            "options": {"requested-chassis": "hv1"},
            "external_ids": {"neutron:port_name": "web", "a": "b"},
        },
        {"name": "c1", "parent_name": "p1", "tag_request": 5, "tag": 5, "addresses": {mac(2)}},
        external_ids=ids,
    )
    datapath = world.only("Datapath_Binding")
    (switch,) = world.rows(NB, "Logical_Switch")
    assert datapath["external_ids"] == {"logical-switch": switch, "name": "sw0", "name2": "blue"}
    binding = world.only("Port_Binding", logical_port="p1")
    assert binding["datapath"] == datapath["_uuid"]
    assert binding["mac"] == {f" {mac(1)} 10.0.0.1", "unknown", "dynamic", "router"}  # as they stand
    assert binding["port_security"] == {mac(1)}
    assert binding["options"] == {"requested-chassis": "hv1"}
    assert binding["external_ids"] == {"neutron:port_name": "web", "a": "b", "name": "web"}
    assert binding["up"] is False
    child = world.only("Port_Binding", logical_port="c1")
    assert (child["parent_port"], child["tag"]) == ("p1", 5)


def test_requested_keys(world: World) -> None:
    world.add_switch("a", BOOKS)
    world.add_switch("b", other_config={"requested-tnl-key": "1"})
    assert world.tunnel_keys() == {"a": 2, "b": 1, "p1": 1}
    world.add_port("a", "p2", options={"requested-tnl-key": "1"})
    assert world.tunnel_keys() == {"a": 2, "b": 1, "p1": 2, "p2": 1}


def test_two_that_request_one_key(world: World) -> None:
    """Both are served; the conflict is told and heals."""
    for name in "ab":
        world.add_switch(
            name, {"name": f"p{name}", "addresses": {mac(1)}}, other_config={"requested-tnl-key": "7"}
        )
    keys = world.tunnel_keys()
    assert keys["a"] == 7
    assert keys["b"] not in {7, None}
    assert any("tunnel key 7" in notice for notice in world.northd.notices())
    world.remove_switch("a")
    assert world.tunnel_keys()["b"] == 7
    assert world.northd.notices() == []
    assert not [line for line in world.log if "failed" in line]


def test_a_request_that_comes_to_an_existing_switch(world: World) -> None:
    world.add_switch("a", BOOKS)
    world.add_switch("b", {"name": "p2", "addresses": {mac(2)}})
    keys = world.tunnel_keys()
    world.nb(update("Logical_Switch", "a", other_config={"requested-tnl-key": str(keys["b"])}))
    assert world.tunnel_keys()["a"] == keys["b"]
    assert world.tunnel_keys()["b"] != keys["b"]
    assert not [line for line in world.log if "failed" in line]


def test_multicast_groups(world: World) -> None:
    world.add_switch("sw0", BOOKS, {"name": "r", "type": "router"}, {"name": "off", "enabled": False})
    assert world.southbound()["groups"] == {
        ("sw0", "_MC_flood", 32768): {"p1", "r"},
        ("sw0", "_MC_flood_l2", 32772): {"p1"},
    }
    world.change_port("p1", addresses={"unknown"})
    assert world.southbound()["groups"]["sw0", "_MC_unknown", 32769] == {"p1"}
    world.change_port("p1", addresses={mac(1)})
    assert ("sw0", "_MC_unknown", 32769) not in world.southbound()["groups"]


def test_admission(world: World) -> None:
    world.add_switch("sw0", BOOKS, {"name": 'a "quoted" port', "enabled": False})
    flows = world.flows("sw0")
    check = {flow[1:] for flow in flows if flow[0] == "ls_in_check_port_sec"}
    assert (100, "vlan.present", "drop;") in check
    assert (100, 'inport == "a \\"quoted\\" port"', "reg0[15] = 1; next;") in check
    world.nb(update("Logical_Switch", "sw0", other_config={"vlan-passthru": "true"}))
    assert not [flow for flow in world.flows("sw0") if flow[2] == "vlan.present"]
    assert world.only("Port_Binding", logical_port="p1")["options"] == {"vlan-passthru": "true"}


def test_l2_lookup(world: World) -> None:
    world.add_switch("sw0", {"name": "p1", "addresses": {f"{mac(1)} 10.0.0.1", mac(0xABC).upper()}})
    flows = world.flows("sw0")
    assert ("ls_in_l2_lkup", 50, f"eth.dst == {mac(1)}", 'outport = "p1"; output;') in flows
    assert ("ls_in_l2_lkup", 50, f"eth.dst == {mac(0xABC)}", 'outport = "p1"; output;') in flows
    assert ("ls_in_l2_unknown", 50, 'outport == "none"', "drop;") in flows
    world.change_port("p1", addresses={"unknown"})
    flows = world.flows("sw0")
    unknown = ("ls_in_l2_unknown", 50, 'outport == "none"', 'outport = "_MC_unknown"; output;')
    assert unknown in flows
    assert ("ls_in_l2_unknown", 50, 'outport == "none"', "drop;") not in flows
    world.change_port("p1", enabled=False, addresses={mac(1)})
    assert ("ls_in_l2_lkup", 50, f"eth.dst == {mac(1)}", "drop;") in world.flows("sw0")


def test_every_stage_has_a_flow(world: World) -> None:
    world.add_switch("sw0", BOOKS)
    profile = world.northd.model.profile
    stages = {stage.name for stages in (profile.switch_in, profile.switch_out) for stage in stages.values()}
    assert {flow[0] for flow in world.flows("sw0")} == stages


def test_two_addresses_of_one_port_give_one_flow(world: World) -> None:
    world.add_switch("sw0", {"name": "p1", "addresses": {mac(1), f"{mac(1)} 10.0.0.1"}})
    world.change_port("p1", addresses={mac(1)})
    assert [flow for flow in world.flows("sw0") if flow[2] == f"eth.dst == {mac(1)}"]


def test_port_status(world: World) -> None:
    world.add_switch("sw0", BOOKS, {"name": "r", "type": "router"})
    up = {row["name"]: row["up"] for row in world.rows(NB, "Logical_Switch_Port").values()}
    assert up == {"p1": False, "r": True}
    chassis = world.sb(insert("Chassis", name="hv1", encaps=()) | {"row": chassis_row()}, encap()).results
    reference = chassis[0]["uuid"]
    world.sb(update("Port_Binding", "p1", chassis=reference and None))
    world.sb(update("Port_Binding", "p1") | {"row": {"chassis": reference, "up": True}})
    assert all(row["up"] for row in world.rows(NB, "Logical_Switch_Port").values())
    world.sb(update("Port_Binding", "p1", up=False))
    assert {r["up"] for r in world.rows(NB, "Logical_Switch_Port").values()} == {True, False}


def chassis_row() -> dict[str, object]:
    return {
        "name": "hv1",
        "encaps": ["named-uuid", "e"],
        "other_config": ["map", [["port-up-notif", "true"]]],
    }


def encap() -> dict[str, object]:
    columns = {"type": "geneve", "ip": "192.168.0.1", "chassis_name": "hv1"}
    return {"op": "insert", "table": "Encap", "uuid-name": "e", "row": columns}


def test_progress(world: World) -> None:
    world.nb(mutate("NB_Global", [], "nb_cfg", "+=", 1))
    (row,) = world.rows(NB, "NB_Global").values()
    assert (row["nb_cfg"], row["sb_cfg"], row["hv_cfg"]) == (1, 1, 1)
    assert row["nb_cfg_timestamp"] > 0
    assert row["sb_cfg_timestamp"] >= row["nb_cfg_timestamp"]
    world.sb(insert("Chassis_Private", name="hv1", nb_cfg=1, nb_cfg_timestamp=5))
    world.sb(insert("Chassis_Private", name="hv2", nb_cfg=1, nb_cfg_timestamp=7))
    world.nb(mutate("NB_Global", [], "nb_cfg", "+=", 1))
    (row,) = world.rows(NB, "NB_Global").values()
    assert (row["sb_cfg"], row["hv_cfg"], row["hv_cfg_timestamp"]) == (2, 1, 7)
    world.sb(update("Chassis_Private", "hv1", nb_cfg=2, nb_cfg_timestamp=9))
    (row,) = world.rows(NB, "NB_Global").values()
    assert (row["hv_cfg"], row["hv_cfg_timestamp"]) == (1, 7)
    world.sb(update("Chassis_Private", "hv2", nb_cfg=2, nb_cfg_timestamp=8))
    (row,) = world.rows(NB, "NB_Global").values()
    assert (row["hv_cfg"], row["hv_cfg_timestamp"]) == (2, 9)


def test_globals(world: World) -> None:
    (nb_row,) = world.rows(NB, "NB_Global").values()
    (sb_row,) = world.rows(SB, "SB_Global").values()
    options = dict(nb_row["options"])
    assert {"mac_prefix", "svc_monitor_mac", "max_tunid", "northd_internal_version"} == set(options)
    assert dict(sb_row["options"]) == options
    monitor = options["svc_monitor_mac"]
    assert world.only("Address_Set")["addresses"] == {monitor}
    world.nb(mutate("NB_Global", [], "options", "insert", ["map", [["northd_probe_interval", "7"]]]))
    (nb_row,) = world.rows(NB, "NB_Global").values()
    (sb_row,) = world.rows(SB, "SB_Global").values()
    assert dict(nb_row["options"]) == dict(sb_row["options"]) == {**options, "northd_probe_interval": "7"}
    world.nb(mutate("NB_Global", [], "options", "delete", ["set", ["svc_monitor_mac", "mac_prefix"]]))
    (nb_row,) = world.rows(NB, "NB_Global").values()
    assert set(nb_row["options"]) == {*options, "northd_probe_interval"}
    assert world.only("Address_Set")["addresses"] == {nb_row["options"]["svc_monitor_mac"]}


def test_unserved(world: World) -> None:
    world.add_switch(
        "sw0",
        {"name": "p1", "addresses": {"nonsense"}},
        {"name": "p2", "parent_name": "nobody"},
        {"name": "p3", "type": "marvel"},
    )
    notices = world.northd.notices()
    assert notices == [
        'port p1: address "nonsense" is not understood: it does not begin with an Ethernet address',
        'port p2: parent "nobody" does not exist',
        'port p3: unknown type "marvel"',
    ]
    assert f"warn: {notices[0]}" in world.log
    world.change_port("p1", addresses={mac(1)})
    assert f"info: no longer: {notices[0]}" in world.log


@pytest.mark.parametrize("table", ["Logical_Flow", "Port_Binding", "Datapath_Binding", "Multicast_Group"])
def test_every_row_can_say_why(world: World, table: str) -> None:
    world.add_switch("sw0", BOOKS)
    for uuid in world.rows(SB, table):
        lines = world.northd.why(uuid[:13])
        assert lines
        assert all(".py:" in line and "not made by" not in line for line in lines)


def other_chassis(name: str, kind: str, number: int, **features: str) -> list[dict[str, object]]:
    """Operations for a chassis with one encapsulation."""
    encap_row = {"type": kind, "ip": f"192.168.0.{number}", "chassis_name": name}
    config = ["map", list(features.items())]
    columns = {"name": name, "encaps": ["named-uuid", "e"], "other_config": config}
    return [
        {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap_row},
        {"op": "insert", "table": "Chassis", "row": columns},
    ]


def test_keys_have_twelve_bits_while_a_chassis_has_only_vxlan(world: World) -> None:
    asked = {"requested-tnl-key": "70000"}
    world.add_switch("far", {"name": "p1", "options": {"requested-tnl-key": "3000"}}, other_config=asked)
    world.add_switch("near", {"name": "p2"})
    assert world.tunnel_keys() == {"far": 70_000, "p1": 3_000, "near": 1, "p2": 1}
    world.sb(*other_chassis("hv9", "vxlan", 9))
    keys = world.tunnel_keys()
    assert keys["far"] < 4_096
    assert keys["p1"] < 2_048
    assert (keys["near"], keys["p2"]) == (1, 1)
    assert len([notice for notice in world.northd.notices() if "tunnel key" in notice]) == 2
    world.sb({"op": "delete", "table": "Chassis", "where": []})
    assert world.tunnel_keys() == {"far": 70_000, "p1": 3_000, "near": 1, "p2": 1}
    assert [notice for notice in world.northd.notices() if "tunnel key" in notice] == []


def test_only_what_all_chassis_understand(world: World) -> None:
    world.add_switch("sw0", BOOKS)

    def marks() -> bool:
        return any("ct_mark.blocked" in actions for _stage, _priority, _match, actions in world.flows("sw0"))

    assert marks()
    world.sb(*other_chassis("new", "geneve", 1, **{"ct-no-masked-label": "true"}))
    assert marks()
    world.sb(*other_chassis("old", "geneve", 2))
    assert not marks()
    world.sb({"op": "delete", "table": "Chassis", "where": [["name", "==", "old"]]})
    assert marks()


def test_tags_of_containers(world: World) -> None:
    world.add_switch(
        "sw0",
        BOOKS,
        {"name": "c1", "parent_name": "p1", "tag_request": 0},
        {"name": "c2", "parent_name": "p1", "tag_request": 1},
        {"name": "c3", "parent_name": "p1", "tag_request": 0},
        {"name": "ln", "type": "localnet", "tag_request": 7},
    )

    def tags() -> dict[str, int | None]:
        return {row["name"]: row["tag"] for row in world.rows(NB, "Logical_Switch_Port").values()}

    before = tags()
    assert {before["c1"], before["c3"]} == {2, 3}
    assert (before["c2"], before["ln"], before["p1"]) == (1, 7, None)
    assert {row["logical_port"]: row["tag"] for row in world.find("Port_Binding")} == before
    assert world.restart().sent == []
    assert tags() == before


def test_a_switch_port_that_goes_to_another_port_of_a_router(world: World) -> None:
    """The router's ports know it, and at once."""
    names = ("rp1", "rp2")
    rows = [{"name": name, "mac": mac(9)} for name in names]
    ports = [{"op": "insert", "table": "Logical_Router_Port", "uuid-name": r["name"], "row": r} for r in rows]
    refs = ["set", [["named-uuid", name] for name in names]]
    world.nb(*ports, {"op": "insert", "table": "Logical_Router", "row": {"name": "r", "ports": refs}})
    world.add_switch("sw0", {"name": "p1", "type": "router", "options": {"router-port": "rp1"}})
    world.change_port("p1", options={"router-port": "rp2"})
    peers = {row["logical_port"]: dict(row["options"]) for row in world.find("Port_Binding")}
    assert peers == {"p1": {"peer": "rp2"}, "rp1": {}, "rp2": {"peer": "p1"}}
    assert world.restart().sent == []
