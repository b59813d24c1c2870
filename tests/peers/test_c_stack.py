"""The whole C stack on our ovsdb-server: nobody in it can tell.

Northbound, southbound, each hypervisor's Open_vSwitch database and those of the switches inside the VMs
are served by our program; ovn-controller and ovs-vswitchd are Debian's, ovn-northd is Debian's or ours.
Two hypervisors with user-space datapaths are joined by Geneve.  Each has a VM, and each VM a container
behind a switch of its own that only tags, as OVN has it for containers in VMs (ovn-architecture(7), "Life
Cycle of a Container Interface Inside a VM").
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest
from real_kit import MASK, Hypervisor, Stack, Vm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.peers, pytest.mark.root]

PROGRAMS: Final = (
    "ovn-northd", "ovn-controller", "ovs-vswitchd", "ovsdb-tool", "ovn-nbctl", "ovn-sbctl", "ovs-vsctl",
    "ovs-ofctl", "ovs-appctl", "ip", "ping", "ethtool",
)  # fmt: skip
VMS: Final = {
    "vm1": ("10.0.0.1", "00:00:00:00:01:01"),
    "vm2": ("10.0.0.2", "00:00:00:00:01:02"),
}
CONTAINERS: Final = {
    "c1": ("vm1", 42, "10.0.0.11", "00:00:00:00:02:01"),
    "c2": ("vm2", 43, "10.0.0.12", "00:00:00:00:02:02"),
}
DEADLINE: Final = 15.0


@pytest.fixture
def stack(peer: Callable[[str], str], root: None) -> Iterator[Stack]:  # noqa: ARG001  skips without root
    for program in PROGRAMS:
        peer(program)
    made = Stack(peer)
    try:
        yield made
    finally:
        made.close()


def reaches(stack: Stack, namespace: str, target: str) -> bool:
    """Ping until an answer comes; the first packets may be lost while addresses are learned."""
    deadline = time.monotonic() + DEADLINE
    enter = ("ip", "netns", "exec", namespace)
    while time.monotonic() < deadline:
        answer = stack.run(*enter, "ping", "-c", "1", "-W", "1", target, check=False)
        if " 0% packet loss" in answer:
            return True
    return False


def network(stack: Stack) -> None:
    """One switch with the VMs' ports, and below them those of the containers."""
    words: list[object] = ["ls-add", "sw0"]
    for name, (ip, mac) in VMS.items():
        words += ["--", "lsp-add", "sw0", name, "--", "lsp-set-addresses", name, f"{mac} {ip}"]
    for name, (parent, tag, ip, mac) in CONTAINERS.items():
        words += ["--", "lsp-add", "sw0", name, parent, tag, "--", "lsp-set-addresses", name, f"{mac} {ip}"]
    stack.nbctl(*words)


def put_container(stack: Stack, vm: Vm, mac: str, container: str) -> None:
    """A switch in the VM: its uplink a trunk, the VM's address on the bridge, the container behind a tag."""
    _vm, tag, ip, container_mac = CONTAINERS[container]
    place = stack.directory / vm.namespace
    place.mkdir()
    inside = Hypervisor(vm.port, vm.namespace, place, vm.ip)
    schema = "/usr/share/openvswitch/vswitch.ovsschema"
    stack.run(stack.program("ovsdb-tool", "debian"), "create", place / "conf.db", schema)
    stack.daemon("ovsdb-server", "ours", place, f"--remote=punix:{place}/db.sock", place / "conf.db")
    stack.vsctl(inside, "--no-wait", "init")
    stack.daemon("ovs-vswitchd", "debian", place, "--disable-system", inside.database, namespace=vm.namespace)
    stack.vsctl(
        inside, "add-br", "br-vm", "--", "set", "bridge", "br-vm", "datapath_type=netdev",
        f'other-config:hwaddr="{mac}"', "--", "add-port", "br-vm", "eth0",
        "--", "add-port", "br-vm", "cont", f"tag={tag}",
        "--", "set", "interface", "cont", "type=internal", f'mac="{container_mac}"',
    )  # fmt: skip
    ip_in = ("ip", "-n", vm.namespace)
    stack.run(*ip_in, "address", "flush", "dev", "eth0")
    # A namespace for the container: otherwise the VM would answer itself.
    home = stack.namespace(container)
    stack.run(*ip_in, "link", "set", "cont", "netns", home)
    for namespace, device, address in ((vm.namespace, "br-vm", vm.ip), (home, "cont", ip)):
        stack.run("ip", "-n", namespace, "address", "add", f"{address}/{MASK}", "dev", device)
        stack.run("ip", "-n", namespace, "link", "set", device, "up")
        stack.run("ip", "netns", "exec", namespace, "ethtool", "-K", device, "tx", "off")


def assert_forgeries_are_dropped(stack: Stack, vm: Vm, other: Vm) -> None:
    """Port security: what is sent from an address that is not the VM's goes nowhere, while it is set."""
    secure = f"{VMS[vm.port][1]} {vm.ip}"
    inside = ("ip", "-n", vm.namespace, "address")
    cases = ((secure, "10.0.0.77", False), ("", "10.0.0.77", True), (secure, vm.ip, True))
    for security, address, passes in cases:
        stack.nbctl("--wait=hv", "lsp-set-port-security", vm.port, *([security] if security else []))
        stack.run(*inside, "flush", "dev", "eth0")
        stack.run(*inside, "add", f"{address}/{MASK}", "dev", "eth0")
        if passes:
            assert reaches(stack, vm.namespace, other.ip), (security, address)
        else:
            assert not stack.ping(vm, other.ip, count=2), (security, address)
    stack.nbctl("--wait=hv", "lsp-set-port-security", vm.port)


@pytest.mark.parametrize("northd", ["debian", "ours"])
def test_vms_and_containers_in_vms_reach_each_other_over_geneve(stack: Stack, northd: str) -> None:
    stack.central(server="ours", northd=northd)
    hosts = [stack.hypervisor(f"hv{n}", n, server="ours", controller="debian") for n in (1, 2)]
    stack.link(*hosts)
    network(stack)
    vms = [stack.vm(hosts[n], name, *VMS[name]) for n, name in enumerate(VMS)]
    for host in hosts:
        stack.sbctl("wait-until", "Chassis", host.name, f"name={host.name}")
    for name in VMS:
        stack.nbctl("wait-until", "Logical_Switch_Port", name, "up=true")
    stack.nbctl("--wait=hv", "sync")
    assert reaches(stack, vms[0].namespace, vms[1].ip)
    assert reaches(stack, vms[1].namespace, vms[0].ip)
    assert_forgeries_are_dropped(stack, vms[0], vms[1])

    for vm, container in zip(vms, CONTAINERS, strict=True):
        put_container(stack, vm, VMS[vm.port][1], container)
    for name in CONTAINERS:
        stack.nbctl("wait-until", "Logical_Switch_Port", name, "up=true")
    stack.nbctl("--wait=hv", "sync")
    homes = {name: stack.namespaces[-2 + n] for n, name in enumerate(CONTAINERS)}
    assert reaches(stack, homes["c1"], CONTAINERS["c2"][2]), "container to container"
    assert reaches(stack, homes["c2"], vms[0].ip), "container to the other VM"
    assert reaches(stack, vms[0].namespace, vms[1].ip), "VM to VM through their switches"

    for log in stack.directory.rglob("ovsdb-server.log"):
        text = log.read_text()
        assert "|WARN|" not in text, text
        assert "|ERR|" not in text, text
