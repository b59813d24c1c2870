"""Bad configuration: one clear line where the operator looks, the rest works, and it goes with its cause."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from deployment_lab import Lab, datagram
from pyovn.controller.rivals import LONGEST_PAUSE
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.schemas.southbound import SOUTHBOUND


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1", "hv2")
    lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"})
    return lab


def ids(lab: Lab, name: str, **changes: str | None) -> None:
    """Change ``external_ids`` of Open_vSwitch; None takes a key away."""
    known = dict(lab.row(name, "Open_vSwitch")["external_ids"][1])
    for key, value in changes.items():
        known[key.replace("_", "-")] = value
    pairs = [[key, value] for key, value in known.items() if value is not None]
    lab.update(name, "Open_vSwitch", {"external_ids": ["map", pairs]})
    lab.runtime.advance(3)


def complaint(lab: Lab, name: str) -> str:
    """The one notice of a controller, which its log has, too."""
    (line,) = lab.controller(name).notices()
    assert (f"{name}/ovn-controller", "warn", line) in lab.makers.lines
    return line


def assert_works(lab: Lab) -> None:
    lab.sync()
    assert lab.notices() == {}
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    assert lab.frames("hv2", 2, datagram(2, 3)) == [("hv1", "vm3")]


# -- interfaces ----------------------------------------------------------------------------------


def test_a_port_that_two_hypervisors_claim_is_the_later_ones(lab: Lab) -> None:
    lab.deployment.plug("hv2", "vif1", "vm1")
    lab.runtime.advance(2)
    assert lab.bindings()["vm1"] == "hv2"
    assert complaint(lab, "hv1") == "interface vif1 has iface-id vm1, bound on chassis hv2: it is not used"
    assert lab.controller("hv2").notices() == []
    taken = "vm1 is taken over from hv1: an interface is here"
    assert ("hv2/ovn-controller", "info", taken) in lab.makers.lines
    # Nobody fights: nothing is sent and nothing runs until something changes.
    runs = [lab.controller(name)._loop.runs for name in ("hv1", "hv2")]
    watched = [lab.watch(name) for name in ("hv1", "hv2")]
    lab.runtime.advance(300)
    assert all(sent.nothing for sent in watched)
    assert [lab.controller(name)._loop.runs for name in ("hv1", "hv2")] == runs
    lab.unplug("hv1", 1)
    lab.sync()
    assert lab.notices() == {}
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv2", "vm1")]


def test_two_interfaces_for_one_port(lab: Lab) -> None:
    lab.deployment.plug("hv1", "other1", "vm1")
    lab.runtime.advance(2)
    line = complaint(lab, "hv1")
    assert "vif1" in line
    assert "other1" in line
    assert lab.up(1)
    lab.unplug("hv1", 1)
    lab.runtime.advance(2)
    assert lab.controller("hv1").notices() == []
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv1", "vm1")]


# -- tunnels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ovn_encap_type": "geneve,gre"}, "ovn-encap-type gre is not supported: geneve and vxlan are"),
        ({"ovn_encap_ip": "192.168.0.1,here"}, "ovn-encap-ip here is no IP address"),
    ],
)
def test_an_endpoint_that_cannot_be_used_does_not_disturb_the_others(
    lab: Lab, changes: dict[str, str], said: str
) -> None:
    ids(lab, "hv1", **changes)
    assert complaint(lab, "hv1") == said
    assert lab.controller("hv2").notices() == []
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    ids(lab, "hv1", ovn_encap_type="geneve", ovn_encap_ip=lab.hypervisor("hv1").ip)
    assert_works(lab)


@pytest.mark.parametrize("key", ["ovn-encap-type", "ovn-encap-ip"])
def test_no_endpoint_is_no_chassis(lab: Lab, key: str) -> None:
    before = dict(lab.row("hv1", "Open_vSwitch")["external_ids"][1])[key]
    ids(lab, "hv1", **{key: None})
    assert (
        complaint(lab, "hv1")
        == f"external_ids:{key} is missing in Open_vSwitch: this hypervisor is no chassis"
    )
    assert {row["name"] for row in lab.rows("sb", "Chassis")} == {"hv2"}
    ids(lab, "hv1", **{key: before})
    assert_works(lab)


def test_two_chassis_with_one_endpoint(lab: Lab) -> None:
    before = lab.hypervisor("hv2").ip
    ids(lab, "hv2", ovn_encap_ip=lab.hypervisor("hv1").ip)
    assert complaint(lab, "hv2").startswith(
        f"ovn-encap-ip {lab.hypervisor('hv1').ip} is the geneve endpoint of chassis hv1"
    )
    assert lab.controller("hv1").notices() == []
    sent = lab.watch("hv2")
    lab.runtime.advance(300)
    assert len(sent.southbound) < 30
    assert lab.frames("hv1", 1, datagram(1, 3)) == [("hv1", "vm3")]
    ids(lab, "hv2", ovn_encap_ip=before)
    assert_works(lab)


def test_a_chassis_that_cannot_be_reached_is_named(lab: Lab) -> None:
    ids(lab, "hv2", ovn_encap_type="vxlan")
    assert complaint(lab, "hv1") == "no tunnel to chassis hv2: it has vxlan, and here is geneve"
    assert complaint(lab, "hv2") == "no tunnel to chassis hv1: it has geneve, and here is vxlan"
    ids(lab, "hv2", ovn_encap_type="geneve")
    assert_works(lab)


def test_a_chassis_at_our_own_address(lab: Lab) -> None:
    """VXLAN there and Geneve here: the database allows it, and a tunnel would lead to ourselves."""
    ids(lab, "hv1", ovn_encap_type="geneve,vxlan")
    own = lab.hypervisor("hv1").ip
    lab.delete("sb", "Encap", chassis_name="nobody")
    ids(lab, "hv1", ovn_encap_type="geneve")
    lab.transact(
        "sb",
        {
            "op": "insert",
            "table": "Encap",
            "uuid-name": "e",
            "row": {"type": "vxlan", "ip": own, "chassis_name": "x"},
        },
        {"op": "insert", "table": "Chassis", "row": {"name": "x", "encaps": ["named-uuid", "e"]}},
    )
    ids(lab, "hv1", ovn_encap_type="geneve,vxlan")
    assert "chassis x, too" in "".join(lab.controller("hv1").notices())
    assert not [
        row for row in lab.rows("hv1", "Interface") if dict(row["options"][1]).get("remote_ip") == own
    ]
    lab.delete("sb", "Chassis", name="x")
    lab.runtime.advance(30)
    assert_works(lab)


# -- localnets -----------------------------------------------------------------------------------


def test_a_localnet_without_a_bridge(lab: Lab) -> None:
    options: Any = ["map", [["network_name", "phys"]]]
    lab.port("sw0", 50, type="localnet", addresses="unknown", options=options)
    lab.sync()
    said = "localnet port vm50: ovn-bridge-mappings names no bridge for physical network phys"
    assert complaint(lab, "hv1") == complaint(lab, "hv2") == said
    assert lab.frames("hv1", 1, datagram(1, 3)) == [("hv1", "vm3")]
    for name in ("hv1", "hv2"):
        ids(lab, name, ovn_bridge_mappings="phys:brphys")
        assert (
            complaint(lab, name)
            == "localnet port vm50: bridge brphys of physical network phys does not exist"
        )
    lab.update("nb", "Logical_Switch_Port", {"options": ["map", []]}, name="vm50")
    lab.sync()
    assert complaint(lab, "hv1") == "localnet port vm50 names no physical network (options:network_name)"
    lab.update("nb", "Logical_Switch_Port", {"type": "", "addresses": ["set", []]}, name="vm50")
    assert_works(lab)


# -- who we are ----------------------------------------------------------------------------------


def test_no_name(lab: Lab) -> None:
    ids(lab, "hv1", system_id=None)
    assert (
        complaint(lab, "hv1")
        == "external_ids:system-id is missing in Open_vSwitch: this hypervisor has no name"
    )
    ids(lab, "hv1", system_id="hv1")
    assert_works(lab)


def test_no_southbound(lab: Lab) -> None:
    ids(lab, "hv1", ovn_remote=None)
    assert complaint(lab, "hv1") == (
        "external_ids:ovn-remote is missing in Open_vSwitch: there is no southbound to follow"
    )
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]
    ids(lab, "hv1", ovn_remote="local")
    assert_works(lab)


def test_two_hosts_with_one_name_do_not_fight_and_are_told(lab: Lab) -> None:
    ids(lab, "hv2", system_id="hv1")
    lab.runtime.advance(10)
    said = "system-id hv1 is used by host {} ({}), too: each chassis needs its own"
    for name, other in (("hv1", "hv2"), ("hv2", "hv1")):
        assert said.format(other, lab.hypervisor(other).ip) in lab.controller(name).notices()
    watched = [lab.watch(name) for name in ("hv1", "hv2")]
    minutes = 10
    for _ in range(12 * minutes):
        lab.runtime.advance(5)
        assert [name for name in ("hv1", "hv2") if said[:21] in "".join(lab.controller(name).notices())]
    writes = sum(len(sent.southbound) for sent in watched)
    assert writes < 12 * minutes, writes
    # One of them gets its own name: the other keeps what is its own.
    ids(lab, "hv2", system_id="hv2")
    lab.runtime.advance(3 * LONGEST_PAUSE)
    assert_works(lab)
    assert {row["name"] for row in lab.rows("sb", "Chassis")} == {"hv1", "hv2"}
    assert lab.bindings() == {"vm1": "hv1", "vm2": "hv2", "vm3": "hv1"}
    assert lab.controller("hv1").notices() == lab.controller("hv2").notices() == []


def test_a_name_that_was_shared_for_a_moment_is_soon_forgotten(lab: Lab) -> None:
    ids(lab, "hv2", system_id="hv1")
    lab.runtime.advance(2)
    assert [line for line in lab.controller("hv1").notices() if "system-id hv1" in line]
    ids(lab, "hv2", system_id="hv2")
    lab.runtime.advance(30)
    assert lab.controller("hv1").notices() == lab.controller("hv2").notices() == []
    assert_works(lab)


# -- connections ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("remote", "reason"),
    [
        ("nonsense", "Address family not supported by protocol"),
        ("unix:/nowhere/db.sock", "No such file or directory"),
    ],
)
def test_a_southbound_that_cannot_be_reached(remote: str, reason: str) -> None:
    lab = Lab("hv1", "hv2", wire=True)
    lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"})
    before = lab.installed("hv1")
    ids(lab, "hv1", ovn_remote=remote)
    lab.runtime.advance(20)
    (line,) = lab.controller("hv1").status()
    assert line == f"no connection to the southbound {remote}: connection attempt failed ({reason})"
    assert lab.controller("hv1").connection_status == "not connected"
    assert lab.installed("hv1") == before
    ids(lab, "hv1", ovn_remote="local")
    lab.runtime.advance(20)
    assert_works(lab)
    assert lab.controller("hv1").status() == []


def test_a_southbound_whose_schema_is_too_old() -> None:
    old = msgspec.json.decode(msgspec.json.encode(SOUTHBOUND.schema.to_json()))
    del old["tables"]["Port_Binding"]["columns"]["tunnel_key"]
    old["tables"]["Port_Binding"]["indexes"] = [["logical_port"]]
    lab = Lab("hv1", wire=True, schemas={SOUTHBOUND.name: DatabaseSchema.from_json(old)})
    lab.runtime.advance(20)
    (line,) = lab.controller("hv1").status()
    assert line.startswith("no connection to the southbound ")
    assert "Port_Binding" in line
    assert "tunnel_key" in line


def test_a_switch_that_is_not_there(lab: Lab) -> None:
    lab.deployment.kill("hv1", "ovs-vswitchd")
    lab.runtime.advance(5)
    (line,) = lab.controller("hv1").status()
    assert line.startswith("no connection to the switch's bridge br-int")
    lab.deployment.start("hv1", "ovs-vswitchd")
    lab.runtime.advance(20)
    assert lab.controller("hv1").status() == []
    assert_works(lab)
