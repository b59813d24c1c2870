"""Real packets through Debian's ovs-vswitchd, with our daemons and Debian's in every mix.

Virtual machines are network namespaces, the datapath is Open vSwitch's in userspace.  What is compared of
flows is what ``ovs-ofctl dump-flows`` prints, so it has survived Open vSwitch.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from known_differences import canonical, unexplained
from real_kit import Hypervisor, Stack, Vm

from pyovn.controller.ofswitch import Switch
from pyovn.incremental import Engine, Record, column
from pyovn.sim.real import RealRuntime
from pyovn.sync.flowtable import FlowTable
from pyovn.wire.openflow.text import parse_flow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.wire.openflow.flow import Flow

pytestmark = [
    pytest.mark.peers,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]


@pytest.fixture
def stack(peer: Callable[[str], str]) -> Iterator[Stack]:
    stack = Stack(peer)
    try:
        yield stack
    finally:
        stack.close()


def mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def add_vm(stack: Stack, hypervisor: Hypervisor, number: int, *, secure: bool = True) -> Vm:
    port, ip = f"p{number}", f"10.0.0.{number}"
    addresses = f"{mac(number)} {ip}"
    secured = ("--", "lsp-set-port-security", port, addresses) if secure else ()
    stack.nbctl("lsp-add", "sw0", port, "--", "lsp-set-addresses", port, addresses, *secured)
    return stack.vm(hypervisor, port, ip, mac(number))


def one_hypervisor(stack: Stack, server: str, northd: str, controller: str) -> tuple[Hypervisor, Vm, Vm]:
    """A switch with two VMs on one hypervisor, up."""
    stack.central(server=server, northd=northd)
    place = stack.hypervisor("hv1", 1, server=server, controller=controller)
    stack.nbctl("ls-add", "sw0")
    first, second = add_vm(stack, place, 1), add_vm(stack, place, 2)
    stack.nbctl("--wait=hv", "sync")
    return place, first, second


def assert_pings(stack: Stack, a: Vm, b: Vm) -> None:
    """The first packet may be lost while tunnels and ARP settle."""
    assert len(stack.ping(a, b.ip, count=4)) >= 3, stack.logs()


@pytest.mark.parametrize(
    ("server", "northd", "controller"),
    [
        ("ours", "ours", "ours"),
        ("debian", "ours", "ours"),
        ("ours", "debian", "ours"),
        ("ours", "ours", "debian"),
        ("debian", "debian", "ours"),
        ("debian", "ours", "debian"),
    ],
)
def test_two_vms_ping_through_br_int(stack: Stack, server: str, northd: str, controller: str) -> None:
    _place, first, second = one_hypervisor(stack, server, northd, controller)
    assert_pings(stack, first, second)
    assert "up" in stack.nbctl("lsp-get-up", "p1")
    bound = stack.sbctl("--bare", "--columns=logical_port,up", "find", "Port_Binding", "up=true")
    assert {"p1", "p2"} <= set(bound.split())


def test_a_forged_sender_is_dropped_by_real_flows(stack: Stack) -> None:
    _place, first, second = one_hypervisor(stack, "ours", "ours", "ours")
    assert_pings(stack, first, second)
    inside = ("ip", "-n", first.namespace)
    for address, passes in (("10.0.0.77", False), (first.ip, True)):
        stack.run(*inside, "address", "flush", "dev", "eth0")
        stack.run(*inside, "address", "add", f"{address}/24", "dev", "eth0")
        assert bool(stack.ping(first, second.ip, count=2)) is passes


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "exit --restart", "exit"])
def test_our_controller_restarts_under_traffic(stack: Stack, how: str) -> None:
    """The switch goes on forwarding whatever ends the controller; only ``exit`` gives the chassis up."""
    place, first, second = one_hypervisor(stack, "ours", "ours", "ours")
    before = stack.flows(place)
    if how.startswith("SIG"):
        stack.kill("ovn-controller", place.directory, signal.Signals[how])
    else:
        stack.leave("ovn-controller", place, *how.split())
    assert stack.flows(place) == before
    assert_pings(stack, first, second)
    assert ("hv1" in stack.sbctl("show")) is (how != "exit")
    stack.start_controller(place, "ours")
    stack.nbctl("--wait=hv", "sync")
    assert stack.flows(place) == before
    assert_pings(stack, first, second)


def test_open_vswitch_restarts_without_flows(stack: Stack) -> None:
    place, first, second = one_hypervisor(stack, "ours", "ours", "ours")
    before = stack.flows(place)
    stack.kill("ovs-vswitchd", place.directory)
    stack.start_switch(place)
    assert stack.until(lambda: stack.flows(place) == before)
    assert_pings(stack, first, second)


class Wanted(Record):
    __slots__ = ()
    text = column(0, "text")


def test_a_flow_that_open_vswitch_refuses_costs_only_itself(stack: Stack) -> None:
    """Then it is repaired, and put in."""
    place = stack.hypervisor("hv1", 1, server="debian", controller=None)
    runtime, table, engine = RealRuntime(), FlowTable(), Engine()
    switch = Switch(runtime, table, lambda _level, _text: None)
    wanted = engine.table("wanted", Wanted)

    def flows(row: Wanted) -> Iterator[tuple[Flow, str]]:
        yield parse_flow(row.text), "test"

    table.follow(engine.derive("flows", wanted, flows))

    def want(**texts: str) -> None:
        for key, text in texts.items():
            wanted.put(key, (text,))
        engine.settle()

    def sync() -> set[str]:
        guard = runtime.call_later(5, runtime.stop)
        switch.sync()
        runtime.run_forever()
        guard.cancel()
        lines = stack.flows(place)
        return {line.partition("priority=")[2].partition(" ")[0] for line in lines}

    want(
        a="table=1, priority=1 actions=drop",
        b="table=1, priority=2 actions=group:77",
        c="table=1, priority=3 actions=drop",
    )
    switch.on_state = switch.sync
    switch.on_synced = runtime.stop
    switch.set_address(f"unix:{place.directory}/br-int.mgmt")
    assert sync() == {"1", "3"}
    assert [flow.priority for flow in table.refusals()] == [2]
    want(b="table=1, priority=2 actions=drop", d="table=1, priority=4 actions=drop")
    assert sync() == {"1", "2", "3", "4"}
    assert table.refusals() == {}
    switch.stop()


def test_our_flows_are_debians(stack: Stack) -> None:
    """Debian's controller makes way for ours on a live hypervisor: the same flows, and no packet lost."""
    stack.central(server="debian", northd="debian")
    places = [stack.hypervisor(f"hv{i}", i, server="debian", controller="debian") for i in (1, 2)]
    stack.link(*places)
    stack.nbctl("ls-add", "sw0")
    vms = [
        add_vm(stack, places[0], 1),
        add_vm(stack, places[0], 2, secure=False),
        add_vm(stack, places[1], 3),
    ]
    six = f"{mac(1)} 10.0.0.1 fd00::1"
    stack.nbctl("lsp-set-addresses", "p1", six, "--", "lsp-set-port-security", "p1", six)
    stack.nbctl(
        "acl-add",
        "sw0",
        "to-lport",
        1000,
        "ip4.src == {10.0.0.1, 10.0.0.2, 10.0.0.9} && tcp.dst == {80, 443, 8080}",
        "allow",
    )
    stack.nbctl("acl-add", "sw0", "to-lport", 900, "udp", "drop")
    stack.nbctl("--wait=hv", "sync")
    assert_pings(stack, vms[0], vms[2])
    debians = canonical(stack.flows(places[0]))
    ports = stack.vsctl(places[0], "--columns=name,ofport,type,options", "list", "interface")
    stack.kill("ovn-controller", places[0].directory)
    stack.start_controller(places[0], "ours")
    stack.nbctl("--wait=hv", "sync")
    ours = canonical(stack.flows(places[0]))
    unknown = unexplained(debians, ours)
    assert not unknown, "\n".join(unknown)
    assert stack.vsctl(places[0], "--columns=name,ofport,type,options", "list", "interface") == ports
    assert len(debians & ours) > 150
    assert_pings(stack, vms[0], vms[2])


@pytest.mark.parametrize(
    ("northd", "left", "right"),
    [("ours", "ours", "ours"), ("ours", "ours", "debian"), ("debian", "debian", "ours")],
)
def test_two_hypervisors_ping_over_geneve(stack: Stack, northd: str, left: str, right: str) -> None:
    stack.central(server="ours", northd=northd)
    a = stack.hypervisor("hv1", 1, server="ours", controller=left)
    b = stack.hypervisor("hv2", 2, server="ours", controller=right)
    stack.link(a, b)
    stack.nbctl("ls-add", "sw0")
    first, second, third = add_vm(stack, a, 1), add_vm(stack, b, 2), add_vm(stack, b, 3)
    stack.nbctl("--wait=hv", "sync")
    assert_pings(stack, first, second)
    assert_pings(stack, third, first)
    assert_pings(stack, second, third)


@pytest.mark.parametrize("encap", ["geneve", "vxlan"])
def test_containers_in_vms_on_two_hypervisors(stack: Stack, encap: str) -> None:
    """Each container is on a logical switch that is not its VM's; its VLAN tag names it within the VM."""
    stack.central(server="ours", northd="ours")
    places = [stack.hypervisor(f"hv{i}", i, server="ours", controller="ours", encap=encap) for i in (1, 2)]
    stack.link(*places)
    stack.nbctl("ls-add", "sw0", "--", "ls-add", "sw1")
    vms = [add_vm(stack, place, number) for number, place in enumerate(places, 1)]
    containers = []
    for vm, number, tag in ((vms[0], 11, 42), (vms[1], 12, 43)):
        address, port = f"10.1.0.{number}", f"c{number}"
        both = f"{mac(number)} {address}"
        stack.nbctl(
            "lsp-add", "sw1", port, vm.port, tag, "--", "lsp-set-addresses", port, both,
            "--", "lsp-set-port-security", port, both,
        )  # fmt: skip
        containers.append(stack.nest(vm, mac(number - 10), tag, address, mac(number)))
    stack.nbctl("--wait=hv", "sync")
    assert_pings(stack, vms[0], vms[1])
    assert_pings(stack, containers[0], containers[1])
    assert_pings(stack, containers[1], containers[0])
    bound = stack.sbctl("--bare", "--columns=logical_port,up", "find", "Port_Binding", "up=true")
    assert {"p1", "p2", "c11", "c12"} <= set(bound.split())
    # Another tag than its own: nobody's.
    inside = Hypervisor("p1", vms[0].namespace, stack.directory / "vm-p1", vms[0].ip)
    stack.vsctl(inside, "set", "port", "cont", "tag=44")
    assert stack.ping(containers[0], containers[1].ip, count=2) == []
    stack.vsctl(inside, "set", "port", "cont", "tag=42")
    assert_pings(stack, containers[0], containers[1])


@pytest.mark.parametrize("tag", [None, 7])
def test_a_localnet_joins_two_hypervisors(stack: Stack, tag: int | None) -> None:
    """There is no tunnel: what crosses, crosses the physical network."""
    stack.central(server="ours", northd="ours")
    places = [stack.hypervisor(f"hv{i}", i, server="ours", controller="ours") for i in (1, 2)]
    stack.physical(places[0], places[1], "phys")
    stack.nbctl("ls-add", "sw0")
    vms = [add_vm(stack, place, number) for number, place in enumerate(places, 1)]
    stack.nbctl(
        "lsp-add", "sw0", "ln", *(() if tag is None else ("", tag)), "--", "lsp-set-type", "ln", "localnet",
        "--", "lsp-set-addresses", "ln", "unknown", "--", "lsp-set-options", "ln", "network_name=phys",
    )  # fmt: skip
    stack.nbctl("--wait=hv", "sync")
    assert stack.until(lambda: "patch-ln-to-br-int" in stack.vsctl(places[1], "list-ports", "br-ex"))
    stack.nbctl("--wait=hv", "sync")
    assert_pings(stack, vms[0], vms[1])
    assert_pings(stack, vms[1], vms[0])
    assert stack.appctl(places[0], "ovn-controller", "notices") == ""
    learnt = stack.appctl(places[0], "ovs-vswitchd", "fdb/show", "br-ex")
    vlans = {line.split()[1] for line in learnt.splitlines() if mac(1) in line or mac(2) in line}
    assert vlans == {str(tag or 0)}


@pytest.mark.parametrize("order", [("hv1", "hv2"), ("hv2", "hv1")], ids=["ours first", "debians first"])
def test_a_port_that_ours_and_debians_claim_is_not_fought_for(stack: Stack, order: tuple[str, str]) -> None:
    """Debian's takes a port back whenever it can; ours takes it over once at most, and says who has it."""
    stack.central(server="ours", northd="ours")
    places = {
        name: stack.hypervisor(name, number, server="ours", controller=side)
        for number, (name, side) in enumerate((("hv1", "ours"), ("hv2", "debian")), 1)
    }
    stack.nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p1")
    for name in order:
        stack.vsctl(
            places[name], "add-port", "br-int", "v1", "--", "set", "interface", "v1", "type=internal",
            "external_ids:iface-id=p1",
        )  # fmt: skip
        stack.nbctl("--timeout=60", "wait-until", "Logical_Switch_Port", "p1", "up=true")
        stack.nbctl("--wait=hv", "sync")
    said = "interface v1 has iface-id p1, bound on chassis hv2: it is not used\n"
    assert stack.until(lambda: stack.appctl(places["hv1"], "ovn-controller", "notices") == said), stack.logs()
    for _ in range(3):
        stack.nbctl("--wait=hv", "sync")
    assert stack.appctl(places["hv1"], "ovn-controller", "notices") == said
    log = (places["hv1"].directory / "ovn-controller.log").read_text()
    assert log.count("p1 is taken over") <= 1
    stack.vsctl(places["hv2"], "del-port", "v1")
    assert stack.until(lambda: stack.appctl(places["hv1"], "ovn-controller", "notices") == "")
    stack.nbctl("--timeout=60", "wait-until", "Logical_Switch_Port", "p1", "up=true")
    assert "hv1" in stack.sbctl("show")


def test_the_control_commands_of_our_controller(stack: Stack) -> None:
    place, _first, _second = one_hypervisor(stack, "ours", "ours", "ours")

    def ask(*words: object) -> str:
        return stack.appctl(place, "ovn-controller", *words)

    assert ask("connection-status") == "connected\n"
    for command, status in (("pause", "paused"), ("resume", "running")):
        assert ask(f"debug/{command}") == ""
        assert ask("debug/status") == f"{status}\n"
    assert ask("notices") == ""
    zones = dict(line.split() for line in ask("ct-zone-list").splitlines())
    assert {"p1", "p2"} <= set(zones)
    kept = stack.vsctl(place, "get", "bridge", "br-int", "external_ids:ct-zone-p1")
    assert kept.strip().strip('"') == zones["p1"]
    before = stack.flows(place)
    port = stack.sbctl("--bare", "--columns=_uuid", "find", "Port_Binding", "logical_port=p1").strip()
    assert "local_port_flows" in ask("flow/why", f"0x{port[:8]}")
    stack.run(
        stack.peer("ovs-ofctl"), "-O", "OpenFlow15", "del-flows",
        f"unix:{place.directory}/br-int.mgmt", "table=65", directory=place.directory,
    )  # fmt: skip
    assert stack.flows(place) != before
    ask("recompute")
    assert stack.until(lambda: stack.flows(place) == before)
