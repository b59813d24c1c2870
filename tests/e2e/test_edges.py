"""Edges of a network in virtual time: learnt addresses, containers, localnets, localports, VXLAN."""

from __future__ import annotations

from typing import Any

import pytest

from deployment_lab import BROADCAST, Lab, arp_request, datagram, ip, mac, mac_text
from pyovn.wire.packet import Arp, parse_frame

Arrivals = list[tuple[str, str]]


def tagged(frame: bytes, tag: int) -> bytes:
    return frame[:12] + bytes([0x81, 0x00]) + tag.to_bytes(2, "big") + frame[12:]


def arrivals(lab: Lab, hypervisor: str, interface: str, frame: bytes) -> list[tuple[str, str, bytes]]:
    """(hypervisor, interface, frame) of everything that left, sorted."""
    lab.deployment.deliveries.clear()
    lab.deployment.send(hypervisor, interface, frame)
    lab.runtime.advance(0.2)
    return sorted((d.hypervisor, d.interface, d.frame) for d in lab.deployment.deliveries)


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1", "hv2")
    lab.build("red", {1: "hv1", 2: "hv2", 3: "hv1"})
    return lab


def test_the_switch_answers_for_an_address_it_knows(lab: Lab) -> None:
    ((hypervisor, interface, frame),) = arrivals(lab, "hv1", "vif1", arp_request(1, 2))
    assert (hypervisor, interface) == ("hv1", "vif1")
    answer = parse_frame(frame).arp
    assert answer == Arp(2, mac(2), ip(2), mac(1), ip(1))
    # Its owner's own question, and one for an address that nobody has, reach everybody.
    for question in (arp_request(2, 2), arp_request(2, 99)):
        assert [a[:2] for a in arrivals(lab, "hv2", "vif2", question)] == [("hv1", "vif1"), ("hv1", "vif3")]


def test_an_address_is_learnt_moves_and_goes_with_its_port(lab: Lab) -> None:
    for number in (2, 3):
        lab.update("nb", "Logical_Switch_Port", {"addresses": "unknown"}, name=f"vm{number}")
    lab.sync()
    stranger = mac(77)
    assert len(arrivals(lab, "hv1", "vif1", datagram(1, 77))) == 2  # to all that take unknown addresses
    arrivals(lab, "hv2", "vif2", datagram(2, 1, src=stranger))
    lab.sync()
    (row,) = lab.rows("sb", "FDB")
    assert row["mac"] == mac_text(77)
    assert [a[:2] for a in arrivals(lab, "hv1", "vif1", datagram(1, 77))] == [("hv2", "vif2")]
    arrivals(lab, "hv1", "vif3", datagram(3, 1, src=stranger))
    lab.sync()
    assert len(lab.rows("sb", "FDB")) == 1
    assert [a[:2] for a in arrivals(lab, "hv1", "vif1", datagram(1, 77))] == [("hv1", "vif3")]
    port = lab.row("nb", "Logical_Switch_Port", name="vm3")["_uuid"]
    mutation = {"op": "mutate", "table": "Logical_Switch", "where": []}
    lab.transact("nb", {**mutation, "mutations": [["ports", "delete", port]]})
    lab.sync()
    assert lab.rows("sb", "FDB") == []


def test_containers_behind_their_vms(lab: Lab) -> None:
    lab.port("red", 11, parent_name="vm1", tag=5)
    lab.port("red", 12, parent_name="vm2", tag=6)
    lab.port("red", 13, parent_name="vm1", tag=7)
    lab.sync()
    assert {lab.bindings()[name] for name in ("vm11", "vm13")} == {"hv1"}
    assert lab.bindings()["vm12"] == "hv2"
    assert lab.up(11)
    # Across hypervisors, within the VM, between VM and container: each tag is put on and taken off.
    assert arrivals(lab, "hv1", "vif1", tagged(datagram(11, 12), 5)) == [
        ("hv2", "vif2", tagged(datagram(11, 12), 6))
    ]
    assert arrivals(lab, "hv1", "vif1", tagged(datagram(11, 13), 5)) == [
        ("hv1", "vif1", tagged(datagram(11, 13), 7))
    ]
    assert arrivals(lab, "hv1", "vif1", tagged(datagram(11, 1), 5)) == [("hv1", "vif1", datagram(11, 1))]
    assert arrivals(lab, "hv1", "vif1", datagram(1, 11)) == [("hv1", "vif1", tagged(datagram(1, 11), 5))]
    assert arrivals(lab, "hv1", "vif1", tagged(datagram(11, 12), 9)) == []  # nobody's tag
    lab.unplug("hv1", 1)
    lab.sync()
    assert lab.bindings()["vm11"] is None


WIRE = {"external_ids": ["map", [["iface-id", "wire"]]]}
"""So that the lab tells what leaves by it."""


def localnet(lab: Lab, **columns: Any) -> None:
    """A localnet on the switch red, and on each hypervisor a physical bridge with a port ``wire``."""
    options = ["map", [["network_name", "phys"]]]
    lab.port("red", 50, type="localnet", addresses="unknown", options=options, **columns)
    for name in ("hv1", "hv2"):
        interfaces = [
            {"op": "insert", "table": "Interface", "uuid-name": i, "row": {"name": i, "type": kind, **ids}}
            for i, kind, ids in (("brphys", "internal", {}), ("wire", "system", WIRE))
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
def test_a_localnet_reaches_the_physical_network(lab: Lab, tag: int | None) -> None:
    localnet(lab, **({} if tag is None else {"tag": tag}))
    names = {row["name"] for row in lab.rows("hv1", "Port")}
    assert {"patch-br-int-to-vm50", "patch-vm50-to-br-int"} <= names
    assert lab.notices() == {}

    def on_the_wire(frame: bytes) -> bytes:
        return frame if tag is None else tagged(frame, tag)

    assert arrivals(lab, "hv1", "vif1", datagram(1, 77)) == [("hv1", "wire", on_the_wire(datagram(1, 77)))]
    # A port of another hypervisor is reached by the physical network, not by a tunnel.
    assert arrivals(lab, "hv1", "vif1", datagram(1, 2)) == [("hv1", "wire", on_the_wire(datagram(1, 2)))]
    assert arrivals(lab, "hv2", "wire", on_the_wire(datagram(1, 2))) == [("hv2", "vif2", datagram(1, 2))]
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


def test_a_localport_is_on_every_hypervisor_and_stays_there(lab: Lab) -> None:
    lab.port("red", 60, type="localport")
    for name in ("hv1", "hv2"):
        lab.deployment.plug(name, "vif60", "vm60")
    lab.sync()
    assert lab.bindings()["vm60"] is None
    for name, number in (("hv1", 1), ("hv2", 2)):
        assert [a[:2] for a in arrivals(lab, name, f"vif{number}", datagram(number, 60))] == [(name, "vif60")]
    assert [a[:2] for a in arrivals(lab, "hv1", "vif60", datagram(60, 1))] == [("hv1", "vif1")]
    assert arrivals(lab, "hv1", "vif60", datagram(60, 2)) == []
    # A broadcast of a VM is heard by the localport of its hypervisor only.
    heard = [a[:2] for a in arrivals(lab, "hv1", "vif1", datagram(1, BROADCAST))]
    assert heard == [("hv1", "vif3"), ("hv1", "vif60"), ("hv2", "vif2")]


def test_vxlan_between_hypervisors(lab: Lab) -> None:
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
    assert [a[:2] for a in arrivals(lab, "hv1", "vif1", datagram(1, 2))] == [("hv2", "vif2")]
    heard = [a[:2] for a in arrivals(lab, "hv2", "vif2", datagram(2, BROADCAST))]
    assert heard == [("hv1", "vif1"), ("hv1", "vif3")]
