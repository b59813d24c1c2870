"""Chassis, tunnels and the rows that a hypervisor asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from deployment_lab import Lab, datagram
from pyovn.controller.interest import NOTHING
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.schemas.southbound import SOUTHBOUND


def ports(lab: Lab, name: str) -> dict[str, str]:
    """Tunnel ports: name to the chassis."""
    found = {}
    for row in lab.rows(name, "Port"):
        ids = dict(row["external_ids"][1])
        if "ovn-chassis-id" in ids:
            found[row["name"]] = ids["ovn-chassis-id"].partition("@")[0]
    return found


def options(lab: Lab, name: str, interface: str) -> dict[str, str]:
    return dict(lab.row(name, "Interface", name=interface)["options"][1])


def set_ids(lab: Lab, name: str, **ids: str) -> None:
    known = dict(lab.row(name, "Open_vSwitch")["external_ids"][1])
    known.update({key if "-" in key else key.replace("_", "-"): value for key, value in ids.items()})
    lab.update(name, "Open_vSwitch", {"external_ids": ["map", [list(item) for item in known.items()]]})
    lab.runtime.advance(3)


def foreign_chassis(lab: Lab, name: str, kind: str, ip: str) -> None:
    """A chassis of somebody else's controller."""
    lab.transact(
        "sb",
        {
            "op": "insert",
            "table": "Encap",
            "uuid-name": "e",
            "row": {"type": kind, "ip": ip, "chassis_name": name},
        },
        {"op": "insert", "table": "Chassis", "row": {"name": name, "encaps": ["named-uuid", "e"]}},
    )
    lab.runtime.advance(2)


def test_the_chassis_says_who_and_what_it_is() -> None:
    lab = Lab("hv1")
    row = lab.row("sb", "Chassis")
    other = dict(row["other_config"][1])
    assert (row["name"], row["hostname"]) == ("hv1", "hv1")
    assert other["ovn-monitor-all"] == "false"
    assert "geneve" in other["iface-types"]
    encap = lab.row("sb", "Encap")
    assert (encap["type"], encap["ip"], encap["chassis_name"]) == ("geneve", lab.hypervisor("hv1").ip, "hv1")
    assert lab.row("sb", "Chassis_Private")["chassis"] == row["_uuid"]


def test_what_the_configuration_says_reaches_the_chassis() -> None:
    lab = Lab("hv1")
    set_ids(lab, "hv1", hostname="rack-7", ovn_bridge_mappings="phy:br-ex", ovn_cms_options="gw")
    row = lab.row("sb", "Chassis")
    other = dict(row["other_config"][1])
    assert row["hostname"] == "rack-7"
    assert (other["ovn-bridge-mappings"], other["ovn-cms-options"]) == ("phy:br-ex", "gw")


def test_every_pair_of_chassis_has_a_tunnel() -> None:
    lab = Lab("hv1", "hv2", "hv3")
    for name in ("hv1", "hv2", "hv3"):
        assert sorted(ports(lab, name).values()) == sorted({"hv1", "hv2", "hv3"} - {name})
    assert options(lab, "hv1", "ovn-hv2-0") == {
        "remote_ip": lab.hypervisor("hv2").ip,
        "key": "flow",
        "csum": "true",
    }


def test_names_that_begin_alike_have_tunnels_of_their_own_and_keep_them() -> None:
    lab = Lab("hv1", "hypervisor-a", "hypervisor-b", "hypervisor-c")
    before = ports(lab, "hv1")
    assert sorted(before.values()) == ["hypervisor-a", "hypervisor-b", "hypervisor-c"]
    assert all(name.startswith("ovn-hyperv-") and len(name) <= 15 for name in before)
    lab.deployment.remove_hypervisor("hypervisor-a")
    lab.runtime.advance(2)
    left = {name: chassis for name, chassis in before.items() if chassis != "hypervisor-a"}
    assert ports(lab, "hv1") == left
    assert lab.restart_controller("hv1").nothing
    assert ports(lab, "hv1") == left


def test_a_tunnel_follows_its_chassis() -> None:
    lab = Lab("hv1", "hv2")
    set_ids(lab, "hv2", ovn_encap_ip="192.168.7.7")
    assert options(lab, "hv1", "ovn-hv2-0")["remote_ip"] == "192.168.7.7"
    assert len(lab.rows("sb", "Encap")) == 2


def test_ports_of_others_are_left_alone() -> None:
    lab = Lab("hv1")
    before = {row["name"] for row in lab.rows("hv1", "Port")}
    lab.deployment.plug("hv1", "ovn-strange-0", "nothing")
    lab.runtime.advance(1)
    lab.restart_controller("hv1")
    assert {row["name"] for row in lab.rows("hv1", "Port")} == before | {"ovn-strange-0"}


def test_a_tunnel_that_somebody_deleted_is_made_again() -> None:
    lab = Lab("hv1", "hv2")
    lab.deployment.unplug("hv1", "ovn-hv2-0")
    lab.runtime.advance(2)
    assert list(ports(lab, "hv1").values()) == ["hv2"]
    lab.build("sw0", {1: "hv1", 2: "hv2"})
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]


def test_a_tunnel_that_the_switch_has_not_made_holds_hv_cfg_back() -> None:
    """``--wait=hv`` must not answer while frames to the new chassis have no way yet."""
    lab = Lab("hv1")
    lab.build("sw0", {1: "hv1"})
    lab.deployment.links.cut("hv1/ovs-vswitchd", "hv1/db")
    foreign_chassis(lab, "friend", "geneve", "192.168.9.8")
    count = {"op": "mutate", "table": "NB_Global", "where": [], "mutations": [["nb_cfg", "+=", 1]]}
    lab.transact("nb", count)
    lab.runtime.advance(30)
    (row,) = lab.rows("nb", "NB_Global")
    assert (row["sb_cfg"], row["hv_cfg"]) == (row["nb_cfg"], row["nb_cfg"] - 1)
    lab.deployment.links.mend("hv1/ovs-vswitchd", "hv1/db")
    lab.runtime.advance(10)
    (row,) = lab.rows("nb", "NB_Global")
    assert row["hv_cfg"] == row["nb_cfg"]


def test_a_chassis_without_a_common_encapsulation_has_no_tunnel() -> None:
    lab = Lab("hv1")
    foreign_chassis(lab, "stranger", "vxlan", "192.168.9.9")
    assert ports(lab, "hv1") == {}
    foreign_chassis(lab, "friend", "geneve", "192.168.9.8")
    assert list(ports(lab, "hv1").values()) == ["friend"]


def remote_ips(lab: Lab, name: str) -> dict[str, str]:
    """Tunnel interfaces: the address that they lead to, by name."""
    return {tunnel: options(lab, name, tunnel)["remote_ip"] for tunnel in ports(lab, name)}


def test_a_chassis_with_several_addresses_has_a_tunnel_to_each() -> None:
    lab = Lab("hv1", "hv2")
    set_ids(lab, "hv2", ovn_encap_ip="192.168.7.2,192.168.7.1", ovn_encap_type="vxlan,geneve")
    encaps = {(row["type"], row["ip"]) for row in lab.rows("sb", "Encap") if row["chassis_name"] == "hv2"}
    assert len(encaps) == 4
    before = remote_ips(lab, "hv1")
    assert sorted(before.values()) == ["192.168.7.1", "192.168.7.2"]
    lab.build("sw0", {1: "hv1", 2: "hv2"}, "ip")
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv1", "vm1")]
    assert lab.restart_controller("hv1").nothing
    set_ids(lab, "hv2", ovn_encap_ip="192.168.7.2")
    assert list(remote_ips(lab, "hv1").values()) == ["192.168.7.2"]
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv1", "vm1")]


def test_tunnels_join_chassis_of_one_transport_zone_only() -> None:
    lab = Lab("hv1", "hv2", "hv3", "hv4")
    for name, zones in (("hv1", "a,b"), ("hv2", "b"), ("hv3", "c")):
        set_ids(lab, name, ovn_transport_zones=zones)
    found = {name: sorted(ports(lab, name).values()) for name in ("hv1", "hv2", "hv3", "hv4")}
    assert found == {"hv1": ["hv2"], "hv2": ["hv1"], "hv3": [], "hv4": []}
    assert lab.row("sb", "Chassis", name="hv1")["transport_zones"] == ["set", ["a", "b"]]
    assert lab.notices() == {}


def test_only_a_gateway_between_zones_has_a_tunnel_to_another_availability_zone() -> None:
    lab = Lab("hv1", "hv2")
    foreign_chassis(lab, "far", "geneve", "192.168.9.9")
    lab.update("sb", "Chassis", {"other_config": ["map", [["is-remote", "true"]]]}, name="far")
    set_ids(lab, "hv1", ovn_is_interconn="true")
    assert sorted(ports(lab, "hv1").values()) == ["far", "hv2"]
    assert list(ports(lab, "hv2").values()) == ["hv1"]
    assert dict(lab.row("sb", "Chassis", name="hv1")["other_config"][1])["is-interconn"] == "true"


def test_options_of_all_tunnels() -> None:
    lab = Lab("hv1", "hv2")
    chosen = {"ovn-encap-tos": "inherit", "ovn-encap-df_default": "false", "ovn-set-local-ip": "true"}
    set_ids(lab, "hv1", **chosen)
    assert options(lab, "hv1", "ovn-hv2-0") == {
        "remote_ip": lab.hypervisor("hv2").ip,
        "local_ip": lab.hypervisor("hv1").ip,
        "key": "flow",
        "csum": "true",
        "tos": "inherit",
        "df_default": "false",
    }


def test_a_setting_for_one_chassis_goes_before_that_for_all() -> None:
    lab = Lab("hv1", "hv2")
    set_ids(lab, "hv1", ovn_cms_options="all", ovn_cms_options_hv1="mine", ovn_cms_options_hv2="other")
    assert dict(lab.row("sb", "Chassis", name="hv1")["other_config"][1])["ovn-cms-options"] == "mine"
    ids = dict(lab.row("hv1", "Open_vSwitch")["external_ids"][1])
    ids["ovn-encap-ip-hv1"] = "192.168.7.7"
    lab.update("hv1", "Open_vSwitch", {"external_ids": ["map", [list(item) for item in ids.items()]]})
    lab.runtime.advance(3)
    assert remote_ips(lab, "hv2") == {"ovn-hv1-0": "192.168.7.7"}


def test_the_bridge_says_what_is_reached() -> None:
    lab = Lab("hv1")
    set_ids(lab, "hv1", ovn_bridge_datapath_type="netdev")
    lab.sync()
    lab.runtime.advance(1)
    bridge, private = lab.row("hv1", "Bridge", name="br-int"), lab.row("sb", "Chassis_Private")
    noted = dict(bridge["external_ids"][1])
    assert (noted["ovn-nb-cfg"], noted["ovn-nb-cfg-ts"]) == (
        str(private["nb_cfg"]),
        str(private["nb_cfg_timestamp"]),
    )
    assert bridge["datapath_type"] == "netdev"
    assert lab.restart_controller("hv1").nothing


# -- interest ------------------------------------------------------------------------------------


def replica(lab: Lab, hypervisor: str, table: str) -> set[str]:
    client: Any = lab.controller(hypervisor)._sb
    return set(client.replica.table(table).rows)


def uuids(lab: Lab, table: str) -> set[str]:
    return {row["_uuid"][1] for row in lab.rows("sb", table)}


@pytest.fixture(params=[False, True], ids=["local", "wire"])
def two(request: pytest.FixtureRequest) -> Lab:
    """red on hv1 alone, blue on hv2 alone."""
    lab = Lab("hv1", "hv2", wire=request.param)
    lab.build("red", {1: "hv1", 2: "hv1"})
    lab.build("blue", {3: "hv2"})
    return lab


def datapath(lab: Lab, switch: str) -> str:
    for row in lab.rows("sb", "Datapath_Binding"):
        if dict(row["external_ids"][1])["name"] == switch:
            return str(row["_uuid"][1])
    raise AssertionError(switch)


def test_only_the_needed_rows_arrive(two: Lab) -> None:
    red = datapath(two, "red")
    assert replica(two, "hv1", "Datapath_Binding") == {red}
    of_red = {row["_uuid"][1] for row in two.rows("sb", "Port_Binding") if row["datapath"][1] == red}
    assert replica(two, "hv1", "Port_Binding") == of_red
    groups = {row["_uuid"][1] for row in two.rows("sb", "Multicast_Group") if row["datapath"][1] == red}
    assert replica(two, "hv1", "Multicast_Group") == groups
    here = {
        row["_uuid"][1]
        for row in two.rows("sb", "Logical_DP_Group")
        if ["uuid", red] in (row["datapaths"][1] if row["datapaths"][0] == "set" else [row["datapaths"]])
    }
    flows = {
        row["_uuid"][1]
        for row in two.rows("sb", "Logical_Flow")
        if row["logical_datapath"] == ["uuid", red] or str(row["logical_dp_group"][1]) in here
    }
    assert replica(two, "hv1", "Logical_Flow") == flows
    assert replica(two, "hv1", "Chassis") == uuids(two, "Chassis")
    assert len(replica(two, "hv1", "Chassis_Private")) == 1


def test_rows_go_when_their_last_port_goes(two: Lab) -> None:
    for number in (1, 2):
        two.unplug("hv1", number)
    two.runtime.advance(2)
    for table in ("Datapath_Binding", "Port_Binding", "Multicast_Group", "Logical_Flow", "Logical_DP_Group"):
        assert replica(two, "hv1", table) == set()


def test_conditions_come_to_rest(two: Lab) -> None:
    two.runtime.advance(1)
    controller = two.controller("hv1")
    runs = controller._loop.runs
    two.runtime.advance(30)
    assert controller._loop.runs - runs <= 1
    assert controller._complete


def test_all_rows_arrive_when_all_are_asked_for(two: Lab) -> None:
    set_ids(two, "hv1", ovn_monitor_all="true")
    for table in NOTHING:
        assert replica(two, "hv1", table) == uuids(two, table)
    assert dict(two.row("sb", "Chassis", name="hv1")["other_config"][1])["ovn-monitor-all"] == "true"
    assert two.frames("hv1", 1, datagram(1, 2)) == [("hv1", "vm2")]


@pytest.mark.parametrize("wire", [False, True])
@pytest.mark.peers
def test_the_schemas_of_23_03(*, wire: bool) -> None:
    path = Path("/usr/share/ovn/ovn-sb.ovsschema")
    if not path.exists():
        pytest.skip("ovn-common is not installed")
    old = DatabaseSchema.from_json(msgspec.json.decode(path.read_bytes()))
    lab = Lab("hv1", "hv2", wire=wire, schemas={SOUTHBOUND.name: old})
    lab.build("sw0", {1: "hv1", 2: "hv2"}, "ip")
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    assert lab.controller_notices() == {}
    if not wire:
        assert lab.restart_controller("hv1").nothing
