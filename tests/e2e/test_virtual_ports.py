"""Virtual ports with our controllers and with Debian's: the same rows, and then the same flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from delivery_worlds import RealWorld
from known_differences import canonical, unexplained

from deployment_lab import arp_request, ip, mac, mac_text
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.wire.packet import Arp, Ethernet

if TYPE_CHECKING:
    from collections.abc import Callable

VIRTUAL, ADDRESS = "virtual", "10.0.0.99"

pytestmark = pytest.mark.peers


def announce(number: int) -> bytes:
    """VM ``number`` says that it has the virtual address."""
    arp = Arp(1, mac(number), ip(99), 0, ip(99))
    return Ethernet(0xFFFF_FFFF_FFFF, mac(number), 0x0806).build(arp.build())


def build(world: RealWorld) -> None:
    """vm1 on hv1 and vm2 on hv2 may hold the address."""
    options = [["virtual-ip", ADDRESS], ["virtual-parents", "vm1,vm2"]]
    rows: list[dict[str, Any]] = [
        {"name": f"vm{number}", "addresses": f"{mac_text(number)} 10.0.0.{number}"} for number in (1, 2)
    ]
    rows.append({"name": VIRTUAL, "type": "virtual", "options": ["map", options]})
    names = ("a", "b", "c")
    world.transact(
        *(
            {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": name, "row": row}
            for name, row in zip(names, rows, strict=True)
        ),
        {
            "op": "insert", "table": "Logical_Switch",
            "row": {"name": "sw0", "ports": ["set", [["named-uuid", name] for name in names]]},
        },
    )  # fmt: skip
    for number in (1, 2):
        world.plug(f"hv{number}", f"vif{number}", f"vm{number}")
    world.ready(["vm1", "vm2"])


def held(world: RealWorld) -> tuple[Any, Any, Any]:
    """Chassis, parent, up."""
    names = {row["_uuid"][1]: row["name"] for row in world.rows(SOUTHBOUND, "Chassis")}
    bindings = world.rows(SOUTHBOUND, "Port_Binding")
    (row,) = (row for row in bindings if row["logical_port"] == VIRTUAL)
    return names.get(str(row["chassis"][1])), row["virtual_parent"], row["up"]


def reaches(world: RealWorld, expected: tuple[Any, Any, Any]) -> None:
    world.until(lambda: held(world) == expected, lambda: (held(world), expected))


NOBODY = (None, ["set", []], False)


@pytest.mark.parametrize("controllers", ["ours", "debian"])
def test_who_announces_the_address_holds_it(peer: Callable[[str], str], controllers: str) -> None:
    world = RealWorld(2, "geneve", peer, controllers=controllers)
    try:
        build(world)
        reaches(world, NOBODY)
        world.deployment.send("hv1", "vif1", announce(1))
        reaches(world, ("hv1", "vm1", True))
        world.deployment.send("hv2", "vif2", announce(2))
        reaches(world, ("hv2", "vm2", True))
        world.unplug("hv2", "vif2")
        reaches(world, NOBODY)
        world.plug("hv2", "vif2", "vm2")
        world.ready(["vm2"])
        world.deployment.send("hv1", "vif1", arp_request(1, 99))
        world.deployment.send("hv1", "vif1", announce(1))
        reaches(world, ("hv1", "vm1", True))
        world.sync()
        if controllers == "debian":
            debians = {name: canonical(world.flows(name)) for name in world.names}
            world.take_over()
            reaches(world, ("hv1", "vm1", True))
            for name in world.names:
                unknown = unexplained(debians[name], canonical(world.flows(name)))
                assert not unknown, "\n".join([name, *unknown])
    finally:
        world.close()
