"""Daemons that are killed and started again, and links that are cut, in virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deployment_lab import BROADCAST, Lab, datagram
from pyovn.sandbox.deployment import DeploymentError
from pyovn.sandbox.links import LinkError

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_DAEMON = [
    ("central", "ovsdb-server"),
    ("central", "ovn-northd"),
    ("hv1", "ovsdb-server"),
    ("hv1", "ovs-vswitchd"),
    ("hv1", "ovn-controller"),
]


@pytest.fixture
def lab() -> Lab:
    made = Lab("hv1", "hv2")
    made.build("sw0", {1: "hv1", 2: "hv2", 3: "hv1"}, "ip")
    return made


def assert_works(lab: Lab) -> None:
    assert lab.frames("hv1", 1, datagram(1, BROADCAST)) == [("hv1", "vm3"), ("hv2", "vm2")]
    assert lab.frames("hv2", 2, datagram(2, 1)) == [("hv1", "vm1")]
    assert lab.notices() == {}


@pytest.mark.parametrize(("place", "daemon"), EVERY_DAEMON)
def test_every_daemon_may_die_and_come_back(lab: Lab, place: str, daemon: str) -> None:
    slot = lab.deployment.daemon(place, daemon)
    for _ in range(2):
        lab.deployment.kill(place, daemon)
        assert not slot.is_running
        lab.runtime.advance(3)
        lab.deployment.start(place, daemon)
        lab.runtime.advance(3)
        lab.sync()
        assert_works(lab)
    assert slot.lives == 3


@pytest.mark.parametrize(("place", "daemon"), EVERY_DAEMON)
def test_what_changes_while_a_daemon_is_dead_is_made_good(lab: Lab, place: str, daemon: str) -> None:
    lab.deployment.kill(place, daemon)
    if (place, daemon) != ("central", "ovsdb-server"):
        lab.port("sw0", 4)
    if (place, daemon) != ("hv1", "ovsdb-server"):
        lab.unplug("hv1", 3)
    lab.runtime.advance(3)
    lab.deployment.start(place, daemon)
    lab.runtime.advance(3)
    if (place, daemon) == ("central", "ovsdb-server"):
        lab.port("sw0", 4)
    if (place, daemon) == ("hv1", "ovsdb-server"):
        lab.unplug("hv1", 3)
    lab.plug("hv2", 4)
    lab.sync()
    assert lab.frames("hv1", 1, datagram(1, BROADCAST)) == [("hv2", "vm2"), ("hv2", "vm4")]
    assert lab.bindings()["vm3"] is None


@pytest.mark.parametrize(("place", "daemon"), EVERY_DAEMON)
def test_a_daemon_may_die_at_any_moment_of_a_change(place: str, daemon: str) -> None:
    """Killed after each number of callbacks that the change takes, it always comes back to the same end."""
    done = False
    after = 0
    while not done:
        lab = Lab("hv1", "hv2")
        lab.build("sw0", {1: "hv1", 2: "hv2"}, "ip")
        lab.port("sw0", 3)
        lab.deployment.plug("hv1", "vif3", "vm3", lambda _error: None)
        done = not _run(lab, after)
        lab.deployment.kill(place, daemon)
        lab.runtime.advance(1)
        lab.deployment.start(place, daemon)
        lab.runtime.advance(20)
        if "vif3" not in lab.deployment.hypervisor("hv1").interface_names():
            lab.plug("hv1", 3)  # the answer was "connection lost", and it was
        lab.sync()
        assert lab.frames("hv2", 2, datagram(2, BROADCAST)) == [("hv1", "vm1"), ("hv1", "vm3")], after
        assert lab.up(3)
        after += 7


def _run(lab: Lab, callbacks: int) -> bool:
    """Run some callbacks; False when there are not so many."""
    ready = lab.runtime._ready
    for _ in range(callbacks):
        if not ready:
            return False
        ready.popleft()()
    return True


def test_the_dead_say_nothing(lab: Lab) -> None:
    lines = lab.makers.lines
    for place, daemon in EVERY_DAEMON:
        lab.deployment.kill(place, daemon)
        count = len(lines)
        lab.runtime.settle()
        name = daemon if place == "central" else f"{place}/{daemon}"
        assert not [line for line in lines[count:] if line[0] == name]
    assert lab.deployment.underlay.in_flight == 0
    before = lab.deployment.underlay.lost
    assert lab.frames("hv2", 2, datagram(2, 1)) == []
    assert lab.deployment.underlay.lost == before + 1, "nobody is at hv1's address"


def test_what_is_ephemeral_is_gone_with_its_server(lab: Lab) -> None:
    connection = {"op": "insert", "table": "Connection", "uuid-name": "c", "row": {"target": "ptcp:1",
                  "is_connected": True}}  # fmt: skip
    refer = {"op": "update", "table": "NB_Global", "where": [], "row": {"connections": ["named-uuid", "c"]}}
    lab.transact("nb", connection, refer)
    assert lab.row("nb", "Connection")["is_connected"] is True
    lab.deployment.kill("central", "ovsdb-server")
    lab.deployment.start("central", "ovsdb-server")
    assert lab.row("nb", "Connection")["is_connected"] is False
    assert lab.row("nb", "Connection")["target"] == "ptcp:1"


def refusal(act: Callable[[], None]) -> str:
    with pytest.raises((DeploymentError, LinkError)) as caught:
        act()
    return str(caught.value)


def test_what_cannot_be_killed_started_or_cut_is_said(lab: Lab) -> None:
    deployment = lab.deployment
    assert (
        refusal(lambda: deployment.start("hv1", "ovs-vswitchd")) == "ovs-vswitchd of hv1 is running already"
    )
    deployment.kill("hv1", "ovs-vswitchd")
    assert refusal(lambda: deployment.kill("hv1", "ovs-vswitchd")) == "ovs-vswitchd of hv1 is not running"
    assert refusal(lambda: deployment.send("hv1", "vif1", b"")) == (
        "ovs-vswitchd of hv1 is not running: its ports carry nothing"
    )
    assert refusal(lambda: deployment.kill("hv1", "northd")) == (
        "there is no daemon northd on hv1; there are: ovsdb-server, ovs-vswitchd, ovn-controller"
    )
    assert refusal(lambda: deployment.kill("hv9", "x")) == "there is no hypervisor hv9; there are: hv1, hv2"
    deployment.kill("hv1", "ovsdb-server")
    assert refusal(lambda: deployment.plug("hv1", "vif9", "vm9")) == "ovsdb-server of hv1 is not running"
    assert refusal(lambda: deployment.links.cut("hv1", "hv1")) == "a link has two ends, and hv1 is one"
    assert refusal(lambda: deployment.links.cut("hv1", "hv9")) == (
        "there is no link between hv1 and hv9; there are: hv1 hv2, hv1/ovn-controller hv1/db, "
        "hv1/ovn-controller sb, hv1/ovs-vswitchd hv1/db, hv2/ovn-controller hv2/db, hv2/ovn-controller sb, "
        "hv2/ovs-vswitchd hv2/db, ovn-northd nb, ..."
    )


@pytest.mark.parametrize(
    ("one", "other", "cut"),
    [
        ("hv1", "central", [("hv1/ovn-controller", "sb")]),
        ("sb", "hv1/ovn-controller", [("hv1/ovn-controller", "sb")]),
        ("central", "ovn-northd", [("ovn-northd", "nb"), ("ovn-northd", "sb")]),
        ("ovn-northd", "sb", [("ovn-northd", "sb")]),
        ("hv1/db", "hv1/ovs-vswitchd", [("hv1/ovs-vswitchd", "hv1/db")]),
        ("hv1/ovn-controller", "hv1/db", [("hv1/ovn-controller", "hv1/db")]),
        ("hv2", "hv1", [("hv1", "hv2")]),
    ],
)
def test_every_link_may_be_cut_and_mended(lab: Lab, one: str, other: str, cut: list[tuple[str, str]]) -> None:
    links = lab.deployment.links
    links.cut(one, other)
    links.cut(one, other)
    assert links.cut_links() == cut
    lab.runtime.advance(3)
    lab.port("sw0", 4)
    lab.plug("hv1", 4)
    lab.runtime.advance(3)
    expected = [] if "hv2" in {one, other} else [("hv2", "vm2")]
    assert lab.frames("hv1", 1, datagram(1, 2)) == expected, "what was installed still works"
    assert lab.frames("hv1", 1, datagram(1, 4)) == ([("hv1", "vm4")] if "hv2" in {one, other} else [])
    links.mend(other, one)
    assert links.cut_links() == []
    lab.runtime.advance(3)
    lab.sync()
    assert lab.frames("hv1", 1, datagram(1, 4)) == [("hv1", "vm4")]
    assert lab.frames("hv1", 1, datagram(1, 2)) == [("hv2", "vm2")]


def test_a_hypervisor_whose_controller_is_dead_can_be_removed(lab: Lab) -> None:
    lab.deployment.kill("hv1", "ovn-controller")
    lab.deployment.links.cut("hv1", "hv2")
    gone: list[bool] = []
    lab.deployment.remove_hypervisor("hv1", lambda: gone.append(True))
    lab.runtime.settle()
    assert gone == [True]
    assert list(lab.deployment.hypervisors) == ["hv2"]
    assert lab.deployment.links.cut_links() == []
    assert {row["name"] for row in lab.rows("sb", "Chassis")} == {"hv1", "hv2"}, "as a crash leaves it"


def test_a_hypervisor_that_cannot_reach_the_southbound_is_removed_all_the_same(lab: Lab) -> None:
    lab.deployment.links.cut("hv1", "central")
    gone: list[bool] = []
    lab.deployment.remove_hypervisor("hv1", lambda: gone.append(True))
    assert refusal(lambda: lab.deployment.remove_hypervisor("hv1")) == "hv1 is being removed"
    lab.runtime.advance(6)
    assert gone == [True]
    assert list(lab.deployment.hypervisors) == ["hv2"]
