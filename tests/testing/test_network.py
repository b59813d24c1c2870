"""The fixture ``ovn`` as tests of other projects use it; it comes from the installed plugin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from pyovn.sandbox.deployment import DeploymentError
from pyovn.testing.lines import LineError
from pyovn.testing.network import Ovn

if TYPE_CHECKING:
    from collections.abc import Callable


def build(ovn: Ovn, count: int = 2) -> None:
    ovn.nbctl("ls-add sw0")
    for n in range(1, count + 1):
        ovn.nbctl(f"lsp-add sw0 vm{n} -- lsp-set-addresses vm{n} '02:00:00:00:00:0{n} 10.0.0.{n}'")


def test_the_example(ovn: Ovn) -> None:
    build(ovn)
    assert ovn.ping("vm1", "vm2")
    assert [ovn.bound_on(port) for port in ("vm1", "vm2")] == ["hv1", "hv2"], "plugged in turn"
    assert ovn.up("vm1")


def test_lines_of_all_three_programs(ovn: Ovn) -> None:
    build(ovn)
    ovn.plug("hv2", "vm1", "vif1")
    assert ovn.nbctl("lsp-get-addresses vm1") == "02:00:00:00:00:01 10.0.0.1\n"
    assert ovn.nbctl("--wait=hv", "--bare", "--columns=up", "list", "Logical_Switch_Port", "vm1") == "true\n"
    assert "Port_Binding vm1" in ovn.sbctl("show")
    assert ovn.vsctl("hv2", "get Interface vif1 external_ids:iface-id") == "vm1\n"
    assert ovn.vsctl("hv2", "add-port br-int vif2 -- set Interface vif2 external_ids:iface-id=vm2") == ""
    assert ovn.ping("vm1", "vm2")


@pytest.mark.ovn(hypervisors=5, seed=3)
def test_more_hypervisors(ovn: Ovn) -> None:
    build(ovn, 6)
    assert all(ovn.ping("vm1", f"vm{n}") for n in range(2, 7))
    assert [ovn.bound_on(f"vm{n}") for n in range(1, 7)] == ["hv1", "hv2", "hv3", "hv4", "hv5", "hv1"]
    ovn.add_hypervisor("hv6")
    ovn.move("vm6", "hv6")
    assert ovn.ping("vm6", "vm1")
    ovn.remove_hypervisor("hv6")
    assert "hv6" not in ovn.sbctl("show")


def test_arrivals(ovn: Ovn) -> None:
    build(ovn, 3)
    ovn.nbctl("lsp-add sw0 c1 vm2 42 -- lsp-set-addresses c1 '02:00:00:00:00:0c 10.0.0.12'")
    for port in ("vm1", "vm2", "vm3"):
        ovn.plug("hv1", port)
    assert [a.port for a in ovn.send("vm1", "vm2")] == ["vm2"]
    assert sorted(a.port for a in ovn.send("vm1", "broadcast")) == ["c1", "vm2", "vm3"]
    assert [a.port for a in ovn.send("c1", "vm3")] == ["vm3"]
    flow = 'inport == "vm1" && eth.src == 02:00:00:00:00:01 && eth.dst == 02:00:00:00:00:0c'
    assert [(a.port, a.interface) for a in ovn.send(flow)] == [("c1", "vm2")]
    assert 'output("c1")' in ovn.trace(flow, form="minimal")
    ovn.nbctl("lsp-set-port-security vm1 02:00:00:00:00:01")
    assert ovn.send("vm1", "vm2", source="02:00:00:00:00:99") == []
    assert len(ovn.deliveries) == 6


@pytest.mark.parametrize(
    "daemon",
    [
        ("ovn-northd",),
        ("ovsdb-server",),
        ("hv1", "ovn-controller"),
        ("hv1", "ovs-vswitchd"),
        ("hv1", "ovsdb-server"),
    ],
)
def test_daemons_die_and_come_back(ovn: Ovn, daemon: tuple[str, ...]) -> None:
    build(ovn)
    assert ovn.ping("vm1", "vm2")
    ovn.kill(*daemon)
    if daemon != ("hv1", "ovs-vswitchd"):
        assert ovn.ping("vm1", "vm2"), "what is installed works on"
    ovn.start(*daemon)
    assert ovn.ping("vm2", "vm1")


def test_links_and_time(ovn: Ovn) -> None:
    build(ovn)
    assert ovn.ping("vm1", "vm2")
    ovn.cut("hv1", "hv2")
    assert not ovn.ping("vm1", "vm2")
    ovn.mend("hv1", "hv2")
    assert ovn.ping("vm1", "vm2")
    ovn.at(1000)
    assert ovn.now == 1000
    ovn.cut("hv1", "central")
    ovn.advance(30)
    assert ovn.ping("vm1", "vm2")
    assert ovn.hv("hv1").controller.connection_status == "not connected"
    with pytest.raises(ValueError, match="time does not go back"):
        ovn.at(5)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda ovn: ovn.nbctl("ls-add sw0"), "ovn-nbctl: sw0: a switch with this name already exists"),
        (lambda ovn: ovn.nbctl("frob"), "ovn-nbctl: unknown command 'frob'; use --help for help"),
        (lambda ovn: ovn.sbctl("wait-until SB_Global . nb_cfg=99999"), "not done after 60 s of virtual time"),
        (lambda ovn: ovn.vsctl("hv9", "show"), "there is no hypervisor hv9; there are: hv1, hv2"),
        (lambda ovn: ovn.ping("vm1", "vm9"), "there is no logical port vm9"),
        (lambda ovn: ovn.plug("hv9", "vm1"), "there is no hypervisor hv9; there are: hv1, hv2"),
        (lambda ovn: ovn.send("nonsense"), "error parsing flow"),
        (lambda ovn: ovn.kill("hv1", "x"), "there is no daemon x on hv1"),
    ],
)
def test_what_cannot_be_done_says_why(ovn: Ovn, act: Callable[[Ovn], object], said: str) -> None:
    build(ovn)
    with pytest.raises((LineError, DeploymentError)) as caught:
        act(ovn)
    assert said in str(caught.value)


def test_it_is_ready_at_once(ovn: Ovn) -> None:
    """The work is bounded: a network of two hypervisors takes some hundred callbacks and no sockets."""
    assert ovn.runtime.callbacks_run < 2_000
    begun = time.process_time()
    Ovn(2).close()
    assert time.process_time() - begun < 0.5


def test_two_runs_are_the_same() -> None:
    def run() -> object:
        ovn = Ovn(2, seed=7)
        build(ovn)
        result = ovn.ping("vm1", "vm2"), ovn.now, ovn.runtime.callbacks_run, ovn.sbctl("show")
        ovn.close()
        return repr(result)

    assert run() == run()
