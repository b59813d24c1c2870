"""Announcements: which frames, where, and when.

The times and bytes are those that Debian's ovn-controller 23.03 sends for the same ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployment_lab import Lab
from pyovn.controller.garp import Announcement, Announcer
from pyovn.ovsdb.values import UUID
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from pyovn.wire.openflow.messages import PacketOut

GARP = "ffffffffffff020000000001080600010800060400010200000000010a0000010000000000000a000001"
RARP = "ffffffffffff020000000002803500010800060400030200000000020000000002000000000200000000"


class Heard:
    """What leaves a hypervisor by its physical network, and when."""

    def __init__(self, lab: Lab, hypervisor: str) -> None:
        self.frames: list[tuple[float, str]] = []
        self._lab = lab
        self._before = lab.hypervisor(hypervisor).switch.on_frame
        lab.hypervisor(hypervisor).switch.on_frame = self._left

    def _left(self, interface: str, frame: bytes) -> None:
        if interface == "wire":
            self.frames.append((round(self._lab.runtime.now(), 3), frame.hex()))
        else:
            self._before(interface, frame)

    def since(self, start: float) -> list[tuple[float, str]]:
        found, self.frames = self.frames, []
        return [(round(at - start, 3), frame) for at, frame in found]


def with_wire(lab: Lab, name: str) -> Heard:
    """Give a hypervisor a bridge to the physical network ``phys``."""
    ids = dict(lab.row(name, "Open_vSwitch")["external_ids"][1]) | {"ovn-bridge-mappings": "phys:br-phys"}
    lab.transact(
        name,
        {"op": "insert", "table": "Interface", "uuid-name": "i", "row": {"name": "wire"}},
        {
            "op": "insert", "table": "Port", "uuid-name": "p",
            "row": {"name": "wire", "interfaces": ["named-uuid", "i"]},
        },
        {
            "op": "insert", "table": "Bridge", "uuid-name": "b",
            "row": {"name": "br-phys", "ports": ["named-uuid", "p"]},
        },
        {
            "op": "mutate", "table": "Open_vSwitch", "where": [],
            "mutations": [["bridges", "insert", ["named-uuid", "b"]]],
        },
        {
            "op": "update", "table": "Open_vSwitch", "where": [],
            "row": {"external_ids": ["map", [list(item) for item in ids.items()]]},
        },
    )  # fmt: skip
    lab.runtime.advance(0.1)
    return Heard(lab, name)


def localnet(lab: Lab, switch: str) -> None:
    row = {
        "name": f"ln-{switch}", "type": "localnet", "addresses": "unknown",
        "options": ["map", [["network_name", "phys"]]],
    }  # fmt: skip
    lab.transact(
        "nb",
        {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "p", "row": row},
        {
            "op": "mutate", "table": "Logical_Switch", "where": [["name", "==", switch]],
            "mutations": [["ports", "insert", ["named-uuid", "p"]]],
        },
    )  # fmt: skip


@pytest.fixture
def lab() -> Lab:
    lab = Lab("hv1")
    lab.switch("sw0")
    localnet(lab, "sw0")
    return lab


def addressed(lab: Lab, *addresses: str) -> Any:
    """A port with ``addresses``, plugged; and when that was."""
    lab.port("sw0", 1, addresses=["set", list(addresses)])
    start = lab.runtime.now()
    lab.plug("hv1", 1)
    return start


@pytest.mark.parametrize(
    ("addresses", "frame"),
    [
        (["02:00:00:00:00:01 10.0.0.1"], GARP),
        (["02:00:00:00:00:01 fd00::1 10.0.0.1 10.0.0.9"], GARP),
        (["02:00:00:00:00:01 10.0.0.1", "02:00:00:00:00:09 10.0.0.9"], GARP),
        (["unknown", "02:00:00:00:00:01 10.0.0.1"], GARP),
        (["02:00:00:00:00:02"], RARP),
        (["02:00:00:00:00:02 fd00::1"], RARP),
    ],
)
def test_a_port_is_announced_five_times(lab: Lab, addresses: list[str], frame: str) -> None:
    heard = with_wire(lab, "hv1")
    start = addressed(lab, *addresses)
    lab.runtime.advance(100)
    assert heard.since(start) == [(at, frame) for at in (1, 3, 7, 15, 31)]


@pytest.mark.parametrize("why", ["unknown only", "no localnet here", "no localnet at all", "a container"])
def test_what_needs_no_announcement_has_none(lab: Lab, why: str) -> None:
    addresses = ["unknown"] if why == "unknown only" else ["02:00:00:00:00:01 10.0.0.1"]
    heard = with_wire(lab, "hv1")
    if why == "no localnet here":
        lab.update("hv1", "Open_vSwitch", {"external_ids": ids_without_mapping(lab)})
    lab.switch("plain")
    start = lab.runtime.now()
    if why == "no localnet at all":
        lab.port("plain", 1)
        lab.plug("hv1", 1)
    elif why == "a container":
        lab.port("plain", 1)
        lab.port("sw0", 2, parent_name="vm1", tag_request=7)
        lab.plug("hv1", 1)
    else:
        start = addressed(lab, *addresses)
    lab.runtime.advance(100)
    assert lab.up(1)
    assert heard.since(start) == []


def ids_without_mapping(lab: Lab) -> Any:
    ids = dict(lab.row("hv1", "Open_vSwitch")["external_ids"][1])
    del ids["ovn-bridge-mappings"]
    return ["map", [list(item) for item in ids.items()]]


def test_a_port_that_goes_is_announced_no_more_and_one_that_changes_anew(lab: Lab) -> None:
    heard = with_wire(lab, "hv1")
    addressed(lab, "02:00:00:00:00:01 10.0.0.1")
    lab.runtime.advance(5)
    start = lab.runtime.now()
    lab.update("nb", "Logical_Switch_Port", {"addresses": "02:00:00:00:00:02"}, name="vm1")
    heard.since(0)
    lab.runtime.advance(4)
    assert heard.since(start) == [(1, RARP), (3, RARP)]
    lab.unplug("hv1", 1)
    lab.runtime.advance(100)
    assert heard.since(start) == []


def test_a_restart_announces_again_and_a_controller_that_ends_no_more(lab: Lab) -> None:
    heard = with_wire(lab, "hv1")
    addressed(lab, "02:00:00:00:00:01 10.0.0.1")
    lab.runtime.advance(2)
    lab.deployment.kill("hv1", "ovn-controller")
    heard.since(0)
    lab.runtime.advance(50)
    assert heard.since(0) == []
    start = lab.runtime.now()
    lab.deployment.start("hv1", "ovn-controller")
    lab.runtime.advance(100)
    assert [frame for _at, frame in heard.since(start)] == [GARP] * 5


def test_without_a_switch_an_announcement_waits() -> None:
    runtime = VirtualRuntime()
    sent: list[float] = []
    away = [True]

    def send(message: PacketOut) -> bool:
        assert message.data.hex() == RARP
        if not away[0]:
            sent.append(runtime.now())
        return not away[0]

    announcer = Announcer(runtime, 8, send)
    start = runtime.now()
    announcer.insert(Announcement(UUID("00000000-0000-0000-0000-000000000001"), 1, 2, 0x0200_0000_0002, None))
    runtime.advance(4.5)
    away[0] = False
    runtime.advance(100)
    assert [at - start for at in sent] == [5, 7, 11, 19, 35]
