"""Logical flows and the flows between logical and physical ports."""

from __future__ import annotations

from typing import Any

import pytest

from deployment_lab import BROADCAST, Lab, datagram, mac
from pyovn.wire.openflow.text import format_flow
from pyovn.wire.packet import Ethernet


@pytest.fixture
def lab() -> Lab:
    """A deployment whose northd has gone, so that the southbound is the test's."""
    lab = Lab("hv1", "hv2")
    lab.build("red", {1: "hv1", 2: "hv2", 3: "hv1"})
    lab.build("blue", {4: "hv1"})
    lab.kill_northd()
    return lab


def datapath(lab: Lab, name: str) -> Any:
    for row in lab.rows("sb", "Datapath_Binding"):
        if dict(row["external_ids"][1])["name"] == name:
            return row
    raise AssertionError(name)


def insert_flow(lab: Lab, match: str, actions: str = "next;", **where: Any) -> str:
    """A Logical_Flow of ls_in_qos_mark, where northd has a default only; its UUID."""
    row = {"table_id": 9, "pipeline": "ingress", "priority": 77, "match": match, "actions": actions, **where}
    (result,) = lab.transact("sb", {"op": "insert", "table": "Logical_Flow", "row": row})
    lab.runtime.advance(1)
    return str(result["uuid"][1])


def flows_of(lab: Lab, name: str, uuid: str) -> list[str]:
    """What a logical flow became, as text without the cookie."""
    wanted = lab.controller(name).flow_table.why(int(uuid[:8], 16))
    return sorted(format_flow(flow).partition("table=")[2] for flow, _reasons in wanted)


def test_a_flow_of_one_datapath(lab: Lab) -> None:
    red = datapath(lab, "red")
    uuid = insert_flow(lab, 'inport == "vm1" && ip4', "next;", logical_datapath=red["_uuid"])
    vm1 = lab.row("sb", "Port_Binding", logical_port="vm1")["tunnel_key"]
    (text,) = flows_of(lab, "hv1", uuid)
    assert (
        text == f"17, priority=77,ip,reg14=0x{vm1:x},metadata=0x{red['tunnel_key']:x} actions=resubmit(,18)"
    )
    ((_flow, (reason,)),) = lab.controller("hv1").flow_table.why(int(uuid[:8], 16))
    assert reason.derivation == "logical_flows"


def test_a_flow_of_a_group_is_on_the_datapaths_that_are_here(lab: Lab) -> None:
    red, blue = datapath(lab, "red"), datapath(lab, "blue")
    group = {"datapaths": ["set", [red["_uuid"], blue["_uuid"]]]}
    flow = {"table_id": 9, "pipeline": "ingress", "priority": 77, "match": "ip4", "actions": "next;"}
    made = lab.transact(
        "sb",
        {"op": "insert", "table": "Logical_DP_Group", "uuid-name": "g", "row": group},
        {"op": "insert", "table": "Logical_Flow", "row": {**flow, "logical_dp_group": ["named-uuid", "g"]}},
    )
    lab.runtime.advance(1)
    uuid = made[1]["uuid"][1]
    keys = sorted(f"metadata=0x{row['tunnel_key']:x}" for row in (red, blue))
    assert [text.split(" ")[1].split(",")[-1] for text in flows_of(lab, "hv1", uuid)] == keys
    assert len(flows_of(lab, "hv2", uuid)) == 1
    where = [["_uuid", "==", made[0]["uuid"]]]
    row = {"datapaths": red["_uuid"]}
    lab.transact("sb", {"op": "update", "table": "Logical_DP_Group", "where": where, "row": row})
    lab.runtime.advance(1)
    assert len(flows_of(lab, "hv1", uuid)) == 1


def test_a_flow_of_a_port_is_where_the_port_is(lab: Lab) -> None:
    """northd marks it with the tag ``in_out_port``; it comes and goes with the port."""
    red = datapath(lab, "red")
    tags: dict[str, Any] = {"tags": ["map", [["in_out_port", "vm3"]]]}
    uuid = insert_flow(lab, 'inport == "vm3" && ip4', logical_datapath=red["_uuid"], **tags)
    assert (len(flows_of(lab, "hv1", uuid)), len(flows_of(lab, "hv2", uuid))) == (1, 0)
    lab.unplug("hv1", 3)
    lab.plug("hv2", 3)
    lab.runtime.advance(2)
    assert (len(flows_of(lab, "hv1", uuid)), len(flows_of(lab, "hv2", uuid))) == (0, 1)


def test_a_flow_that_does_not_parse_fails_alone_and_is_named(lab: Lab) -> None:
    red = datapath(lab, "red")
    before = lab.installed("hv1")
    uuid = insert_flow(lab, "ip4 &&& tcp", logical_datapath=red["_uuid"])
    assert lab.installed("hv1") == before
    (notice,) = lab.controller("hv1").notices()
    assert "logical_flows" in notice
    lab.transact(
        "sb",
        {
            "op": "update", "table": "Logical_Flow", "where": [["_uuid", "==", ["uuid", uuid]]],
            "row": {"match": "tcp"},
        },
    )  # fmt: skip
    lab.runtime.advance(1)
    assert lab.controller("hv1").notices() == []
    assert len(flows_of(lab, "hv1", uuid)) == 2


def test_an_unknown_port_is_false_until_it_is_known(lab: Lab) -> None:
    red = datapath(lab, "red")
    uuid = insert_flow(lab, 'outport == "later"', logical_datapath=red["_uuid"])
    assert flows_of(lab, "hv1", uuid) == []
    row = {"logical_port": "later", "datapath": red["_uuid"], "tunnel_key": 99}
    lab.transact("sb", {"op": "insert", "table": "Port_Binding", "row": row})
    lab.runtime.advance(1)
    (text,) = flows_of(lab, "hv1", uuid)
    assert "reg15=0x63" in text


def test_address_sets_and_port_groups(lab: Lab) -> None:
    red = datapath(lab, "red")
    sets = {"name": "as1", "addresses": ["set", ["10.0.0.1", "10.0.0.2"]]}
    lab.transact("sb", {"op": "insert", "table": "Address_Set", "row": sets})
    for key, port in ((red["tunnel_key"], "vm1"), (red["tunnel_key"] + 1, "elsewhere")):
        group = {"name": f"{key}_pg1", "ports": port}  # ovn-sb(5), Port_Group: one row for each datapath
        lab.transact("sb", {"op": "insert", "table": "Port_Group", "row": group})
    uuid = insert_flow(lab, "inport == @pg1 && ip4.src == $as1", logical_datapath=red["_uuid"])
    assert len(flows_of(lab, "hv1", uuid)) == 2
    lab.update("sb", "Address_Set", {"addresses": "10.0.0.9"}, name="as1")
    lab.runtime.advance(1)
    (text,) = flows_of(lab, "hv1", uuid)
    assert "nw_src=10.0.0.9" in text


MANY = "ip4.src == {10.0.0.1, 10.0.0.3, 10.0.0.5} && udp.dst == {1000, 2000, 3000, 4000}"


def conjunctive(lab: Lab, name: str) -> set[Any]:
    return {flow for flow in lab.installed(name) if flow[1] == 77}


def test_many_values_in_two_fields_become_a_conjunction(lab: Lab) -> None:
    red = datapath(lab, "red")
    insert_flow(lab, MANY, "drop;", logical_datapath=red["_uuid"])
    assert len(conjunctive(lab, "hv1")) == 3 + 4 + 1
    assert lab.controller_notices() == {}
    assert lab.frames("hv1", 1, datagram(1, 3)) == []
    assert lab.frames("hv1", 3, datagram(3, 2)) == []
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv1", "vm1")]


def test_conjunction_ids_are_the_same_after_a_restart(lab: Lab) -> None:
    red = datapath(lab, "red")
    first = insert_flow(lab, MANY, "drop;", logical_datapath=red["_uuid"])
    for port in range(3):
        insert_flow(lab, MANY.replace("1000", str(5000 + port)), logical_datapath=red["_uuid"])
    lab.transact("sb", {"op": "delete", "table": "Logical_Flow", "where": [["_uuid", "==", ["uuid", first]]]})
    lab.runtime.advance(1)
    before = lab.installed("hv1")
    assert lab.restart_controller("hv1").nothing
    assert lab.installed("hv1") == before


def test_two_flows_may_share_parts_of_their_conjunctions(lab: Lab) -> None:
    red = datapath(lab, "red")
    uuids = [
        insert_flow(lab, MANY.replace("4000", other), "drop;", logical_datapath=red["_uuid"])
        for other in ("4000", "5000")
    ]
    assert len(conjunctive(lab, "hv1")) == 3 + 5 + 2
    assert lab.frames("hv1", 1, datagram(1, 3)) == []
    lab.transact(
        "sb", {"op": "delete", "table": "Logical_Flow", "where": [["_uuid", "==", ["uuid", uuids[0]]]]}
    )
    lab.runtime.advance(1)
    assert len(conjunctive(lab, "hv1")) == 3 + 4 + 1
    assert lab.frames("hv1", 1, datagram(1, 3)) == []


# -- physical ------------------------------------------------------------------------------------


def test_unicast_to_a_port_here_and_on_another_chassis(lab: Lab) -> None:
    assert lab.frames("hv1", 1, datagram(1, 3)) == [("hv1", "vm3")]
    assert lab.deployment.underlay.delivered == 0
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    assert lab.deployment.underlay.delivered == 1


def test_multicast_crosses_a_tunnel_once_and_never_comes_back(lab: Lab) -> None:
    assert lab.frames("hv1", 1, datagram(1, BROADCAST)) == [("hv1", "vm3"), ("hv2", "vm2")]
    assert lab.deployment.underlay.delivered == 1
    assert lab.frames("hv2", 2, datagram(2, BROADCAST)) == [("hv1", "vm1"), ("hv1", "vm3")]
    assert lab.deployment.underlay.delivered == 2


def test_nothing_comes_back_to_its_sender_unless_it_may(lab: Lab) -> None:
    """``flags.loopback`` in a flow of the ingress pipeline lets a packet out where it came in."""
    to_self = Ethernet(mac(1), mac(1), 0x88B5).build(b"x" * 46)
    assert lab.frames("hv1", 1, to_self) == []
    red = datapath(lab, "red")
    insert_flow(
        lab, 'inport == "vm1" && eth.type == 0x88b5', 'flags.loopback = 1; outport = "vm1"; output;',
        logical_datapath=red["_uuid"],
    )  # fmt: skip
    assert lab.frames("hv1", 1, to_self) == [("hv1", "vm1")]


def test_a_member_more_elsewhere_changes_no_flow_of_the_group(lab: Lab) -> None:
    """The group's flow names chassis, not their ports."""
    lab.start_northd()
    sent = lab.watch("hv1")
    lab.port("red", 5)
    lab.plug("hv2", 5)
    lab.sync()
    groups = [mod for mod in sent.flow_mods if str(mod.flow.match).count("reg15=0x8")]
    assert groups == []
    assert lab.frames("hv1", 1, datagram(1, BROADCAST)) == [("hv1", "vm3"), ("hv2", "vm2"), ("hv2", "vm5")]


def test_a_port_costs_what_it_costs_however_many_there_are(lab: Lab) -> None:
    """Flow mods for one port more do not grow with the ports that are there."""
    lab.start_northd()
    costs = []
    for number in range(10, 40):
        lab.port("red", number)
        lab.sync()
        sent = lab.watch("hv1")
        lab.plug("hv2", number)
        lab.sync()
        costs.append(len(sent.flow_mods))
    assert max(costs[-5:]) <= max(costs[:5])


def test_an_action_that_is_not_carried_out_yet_is_named(lab: Lab) -> None:
    red = datapath(lab, "red")
    actions = "reg0[0] = put_dhcp_opts(offerip = 10.0.0.1); next;"
    uuid = insert_flow(lab, "udp", actions, logical_datapath=red["_uuid"])
    assert flows_of(lab, "hv1", uuid) == []
    (notice,) = lab.controller("hv1").notices()
    assert "action put_dhcp_opts is not served yet" in notice
