"""Virtual ports: taken by who announces the address, given back when the parent goes.

The course is that which Debian's ovn-controller 23.03 takes.
"""

from __future__ import annotations

from typing import Any

import pytest

from deployment_lab import Lab, arp_request, ip, mac
from pyovn.wire.packet import Arp, Ethernet

VIP = 99


def announce(number: int) -> bytes:
    """VM ``number`` says that it has the virtual address."""
    arp = Arp(1, mac(number), ip(VIP), 0, ip(VIP))
    return Ethernet(0xFFFF_FFFF_FFFF, mac(number), 0x0806).build(arp.build())


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1", "hv2")
    lab.build("sw0", {1: "hv1", 2: "hv2", 3: "hv2"})
    options = [["virtual-ip", "10.0.0.99"], ["virtual-parents", "vm1,vm2"]]
    lab.port("sw0", VIP, type="virtual", options=["map", options])
    lab.sync()
    return lab


def held(lab: Lab) -> tuple[str | None, Any, bool]:
    """Chassis, parent, up."""
    row = lab.row("sb", "Port_Binding", logical_port=f"vm{VIP}")
    parent = row["virtual_parent"]
    return lab.bindings()[f"vm{VIP}"], None if parent == ["set", []] else parent, row["up"] is True


FREE = (None, None, False)


def say(lab: Lab, hypervisor: str, number: int, frame: bytes | None = None) -> None:
    lab.deployment.send(hypervisor, f"vif{number}", frame or announce(number))
    lab.runtime.advance(1)


def test_the_address_goes_to_who_announces_it(lab: Lab) -> None:
    assert held(lab) == FREE
    say(lab, "hv1", 1)
    assert held(lab) == ("hv1", "vm1", True)
    assert lab.row("nb", "Logical_Switch_Port", name=f"vm{VIP}")["up"] is True
    say(lab, "hv2", 2)
    assert held(lab) == ("hv2", "vm2", True)
    lab.runtime.advance(20)
    assert held(lab) == ("hv2", "vm2", True)
    say(lab, "hv1", 1)
    assert held(lab) == ("hv1", "vm1", True)
    assert lab.controller_notices() == {}


def test_it_is_given_back_when_the_parent_goes(lab: Lab) -> None:
    say(lab, "hv2", 2)
    lab.unplug("hv2", 2)
    lab.runtime.advance(1)
    assert held(lab) == FREE
    lab.plug("hv2", 2)
    lab.runtime.advance(1)
    assert held(lab) == FREE
    say(lab, "hv2", 2)
    assert held(lab) == ("hv2", "vm2", True)


def test_a_parent_that_moves_takes_it_along_when_it_speaks(lab: Lab) -> None:
    say(lab, "hv1", 1)
    lab.plug("hv2", 1)
    lab.runtime.advance(1)
    assert lab.bindings()["vm1"] == "hv2"
    assert held(lab) == FREE
    say(lab, "hv2", 1)
    assert held(lab) == ("hv2", "vm1", True)


def test_others_do_not_get_it(lab: Lab) -> None:
    say(lab, "hv2", 3)
    say(lab, "hv1", 1, arp_request(1, VIP))
    assert held(lab) == FREE


def test_what_is_held_is_not_written_again(lab: Lab) -> None:
    say(lab, "hv1", 1)
    before = lab.row("sb", "Port_Binding", logical_port=f"vm{VIP}")["_version"]
    for _ in range(5):
        say(lab, "hv1", 1)
    assert lab.row("sb", "Port_Binding", logical_port=f"vm{VIP}")["_version"] == before


def test_a_restart_keeps_it_and_an_exit_gives_it_back(lab: Lab) -> None:
    say(lab, "hv1", 1)
    lab.deployment.kill("hv1", "ovn-controller")
    lab.deployment.start("hv1", "ovn-controller")
    lab.runtime.advance(3)
    assert held(lab) == ("hv1", "vm1", True)
    lab.controller("hv1").exit(lambda: None)
    lab.runtime.advance(3)
    assert held(lab) == FREE


def test_a_virtual_port_that_is_none_any_more_is_given_back(lab: Lab) -> None:
    say(lab, "hv1", 1)
    lab.update("nb", "Logical_Switch_Port", {"type": ""}, name=f"vm{VIP}")
    lab.runtime.advance(1)
    assert lab.bindings()[f"vm{VIP}"] is None
