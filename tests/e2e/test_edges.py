"""What edges of a network leave behind in the databases; what they deliver: ``test_delivery``."""

from __future__ import annotations

from typing import Any

import pytest

from deployment_lab import Lab, datagram, mac, mac_text


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1", "hv2")
    lab.build("red", {1: "hv1", 2: "hv2", 3: "hv1"})
    return lab


def test_a_learnt_address_goes_with_its_port(lab: Lab) -> None:
    for number in (2, 3):
        lab.update("nb", "Logical_Switch_Port", {"addresses": "unknown"}, name=f"vm{number}")
    lab.sync()
    for hypervisor, number in (("hv2", 2), ("hv1", 3)):
        lab.deployment.send(hypervisor, f"vif{number}", datagram(number, 1, src=mac(77)))
        lab.sync()
        (row,) = lab.rows("sb", "FDB")
        key = lab.row("sb", "Port_Binding", logical_port=f"vm{number}")["tunnel_key"]
        assert (row["mac"], row["port_key"]) == (mac_text(77), key)
    port = lab.row("nb", "Logical_Switch_Port", name="vm3")["_uuid"]
    mutation = {"op": "mutate", "table": "Logical_Switch", "where": []}
    lab.transact("nb", {**mutation, "mutations": [["ports", "delete", port]]})
    lab.sync()
    assert lab.rows("sb", "FDB") == []


def test_containers_are_bound_with_their_vm(lab: Lab) -> None:
    lab.port("red", 11, parent_name="vm1", tag=5)
    lab.port("red", 12, parent_name="vm2", tag=6)
    lab.port("red", 13, parent_name="vm1", tag=7)
    lab.sync()
    assert {lab.bindings()[name] for name in ("vm11", "vm13")} == {"hv1"}
    assert lab.bindings()["vm12"] == "hv2"
    assert lab.up(11)
    lab.unplug("hv1", 1)
    lab.sync()
    assert lab.bindings()["vm11"] is None
    assert not lab.up(11)


def localnet(lab: Lab, **columns: Any) -> None:
    """A localnet on the switch red, and on each hypervisor a physical bridge with a port ``wire``."""
    options = ["map", [["network_name", "phys"]]]
    lab.port("red", 50, type="localnet", addresses="unknown", options=options, **columns)
    for name in ("hv1", "hv2"):
        interfaces = [
            {"op": "insert", "table": "Interface", "uuid-name": i, "row": {"name": i, "type": kind}}
            for i, kind in (("brphys", "internal"), ("wire", "system"))
        ]
        ports = [
            {
                "op": "insert", "table": "Port", "uuid-name": f"p{i}",
                "row": {"name": i, "interfaces": ["named-uuid", i]},
            }
            for i in ("brphys", "wire")
        ]  # fmt: skip
        row = {"name": "brphys", "ports": ["set", [["named-uuid", "pbrphys"], ["named-uuid", "pwire"]]]}
        lab.transact(
            name,
            *interfaces,
            *ports,
            {"op": "insert", "table": "Bridge", "uuid-name": "b", "row": row},
            {
                "op": "mutate", "table": "Open_vSwitch", "where": [],
                "mutations": [
                    ["bridges", "insert", ["named-uuid", "b"]],
                    ["external_ids", "insert", ["map", [["ovn-bridge-mappings", "phys:brphys"]]]],
                ],
            },
        )  # fmt: skip
    lab.runtime.advance(3)
    lab.sync()


@pytest.mark.parametrize("tag", [None, 7])
def test_the_patches_of_a_localnet_come_and_go_with_it(lab: Lab, tag: int | None) -> None:
    localnet(lab, **({} if tag is None else {"tag": tag}))
    names = {row["name"] for row in lab.rows("hv1", "Port")}
    assert {"patch-br-int-to-vm50", "patch-vm50-to-br-int"} <= names
    assert lab.notices() == {}

    restarted = lab.restart_controller("hv1")
    assert restarted.nothing
    lab.transact(
        "nb",
        {
            "op": "update",
            "table": "Logical_Switch_Port",
            "where": [["name", "==", "vm50"]],
            "row": {"type": ""},
        },
    )
    lab.sync()
    assert not {row["name"] for row in lab.rows("hv1", "Port")} & {
        "patch-br-int-to-vm50",
        "patch-vm50-to-br-int",
    }


def test_a_localport_is_bound_nowhere(lab: Lab) -> None:
    lab.port("red", 60, type="localport")
    for name in ("hv1", "hv2"):
        lab.deployment.plug(name, "vif60", "vm60")
    lab.sync()
    assert lab.bindings()["vm60"] is None


def test_vxlan_leaves_twelve_bits_for_keys(lab: Lab) -> None:
    for name in ("hv1", "hv2"):
        pairs = ["map", [["ovn-encap-type", "vxlan"]]]
        mutation = [
            ["external_ids", "delete", ["set", ["ovn-encap-type"]]],
            ["external_ids", "insert", pairs],
        ]
        lab.transact(name, {"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": mutation})
    lab.runtime.advance(5)
    lab.sync()
    assert {row["type"] for row in lab.rows("sb", "Encap")} == {"vxlan"}
    assert dict(lab.row("nb", "NB_Global")["options"][1])["max_tunid"] == "4095"
