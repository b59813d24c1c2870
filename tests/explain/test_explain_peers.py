"""``pyovn explain`` on Debian's daemons: northd, controllers and switches are C's, and traffic is real.

What it says is compared with what a ping finds.  C's northd and controllers know no ``flow/why``; the reasons
are derived.  A hypervisor that is out of reach is derived as a whole, and the answer is the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from real_kit import Stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.peers, pytest.mark.root]

PROGRAMS = (
    "ovn-northd",
    "ovn-controller",
    "ovs-vswitchd",
    "ovsdb-server",
    "ovsdb-tool",
    "ovn-nbctl",
    "ovs-vsctl",
)
VMS = {"vm1": ("10.0.0.1", "00:00:00:00:01:01"), "vm2": ("10.0.0.2", "00:00:00:00:01:02")}


@pytest.fixture
def stack(peer: Callable[[str], str], root: None) -> Iterator[Stack]:  # noqa: ARG001  skips without root
    for program in PROGRAMS:
        peer(program)
    made = Stack(peer)
    try:
        yield made
    finally:
        made.close()


def ask(stack: Stack, *words: str, rundir: str = "") -> tuple[int, dict[str, Any]]:
    """The exit status and the JSON form."""
    place = rundir or str(stack.directory)
    environment = {
        **os.environ, "OVN_RUNDIR": place, "OVS_RUNDIR": f"{place}/none",
        "OVN_NB_DB": stack.database, "OVN_SB_DB": stack.database,
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pyovn.tools.pyovn", "explain", "--json", *words],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, json.loads(done.stdout)


def verdicts(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(v["fate"], v["port"], v["place"]) for v in found["verdicts"]]


def test_on_daemons_of_c(stack: Stack) -> None:
    stack.central(server="debian", northd="debian")
    hosts = [stack.hypervisor(f"hv{n}", n, server="debian", controller="debian") for n in (1, 2)]
    stack.link(*hosts)
    words: list[object] = ["ls-add", "sw0"]
    for name, (ip, mac) in VMS.items():
        words += ["--", "lsp-add", "sw0", name, "--", "lsp-set-addresses", name, f"{mac} {ip}"]
        words += ["--", "lsp-set-port-security", name, f"{mac} {ip}"]
    stack.nbctl(*words)
    vms = [stack.vm(hosts[n], name, *VMS[name]) for n, name in enumerate(VMS)]
    for name in VMS:
        stack.nbctl("wait-until", "Logical_Switch_Port", name, "up=true")
    stack.nbctl("--wait=hv", "sync")
    assert stack.until(lambda: bool(stack.ping(vms[0], vms[1].ip, 1)))

    status, found = ask(stack, "vm1", "vm2")
    assert (status, verdicts(found)) == (0, [("delivered", "vm2", "hv2")]), found
    logical = [s for s in found["steps"] if s["layer"] == "logical"]
    assert {"ls_in_l2_lkup", "ls_out_apply_port_sec"} <= {s["stage"] for s in logical}
    why = {s["stage"]: (s["why"], s["rows"]) for s in logical}
    assert why["ls_in_l2_lkup"][0] == "an address of the port"
    assert why["ls_in_l2_lkup"][1][0]["name"] == "vm2"
    assert {s["place"] for s in found["steps"] if s["layer"] == "openflow"} == {"hv1", "hv2"}
    assert any("derived" in source for source in found["sources"])
    assert any("ofproto/trace" in source for source in found["sources"])

    status, found = ask(stack, "vm1", "vm2", "--arp")
    assert (status, verdicts(found)) == (0, [("answered", "vm1", "hv1")])
    status, found = ask(stack, "vm1", "broadcast")
    assert (status, verdicts(found)) == (0, [("delivered", "vm2", "hv2")])
    spoofed = 'inport == "vm1" && eth.src == 00:00:00:00:00:66 && eth.dst == 00:00:00:00:01:02'
    status, found = ask(stack, spoofed)
    assert status == 1
    assert "may not send as 00:00:00:00:00:66" in found["verdicts"][0]["reason"]

    # Out of reach: the same from databases alone, and marked so.
    status, found = ask(stack, "vm1", "vm2", rundir="/nonexistent")
    assert (status, verdicts(found)) == (0, [("delivered", "vm2", "hv2")])
    assert any("what should be there" in source for source in found["sources"])

    # A container behind a VM, and a localnet with a tag, as C's controllers make them.
    c2 = "00:00:00:00:02:02"
    stack.nbctl("lsp-add", "sw0", "c2", "vm2", "43", "--", "lsp-set-addresses", "c2", f"{c2} 10.0.0.12")
    stack.nbctl("wait-until", "Logical_Switch_Port", "c2", "up=true")
    stack.nbctl("--wait=hv", "sync")
    status, found = ask(stack, "vm1", "c2")
    assert (status, verdicts(found)) == (0, [("delivered", "c2", "hv2")])
    last = next(h for h in reversed(found["hops"]) if h["direction"] == "out")
    assert bytes.fromhex(last["frame"])[12:16] == b"\x81\x00\x00\x2b"
    stack.vsctl(hosts[0], "add-br", "br-ex", "--", "set", "bridge", "br-ex", "datapath_type=netdev")
    stack.vsctl(hosts[0], "set", "open", ".", "external_ids:ovn-bridge-mappings=ex:br-ex")
    stack.nbctl(
        "lsp-add", "sw0", "ln", "", "42", "--", "lsp-set-type", "ln", "localnet",
        "--", "lsp-set-options", "ln", "network_name=ex", "--", "lsp-set-addresses", "ln", "unknown",
    )  # fmt: skip
    stack.nbctl("--wait=hv", "sync")
    status, found = ask(stack, "vm1", "00:00:00:00:00:99")
    assert status == 1, "a bare frame: C's ovn-controller lets only ARP and IP pass, C's ovn-trace everything"
    assert "vm1 may send only ARP and IP, from 10.0.0.1" in found["verdicts"][0]["reason"]
    beyond = 'inport == "vm1" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:00:99'
    beyond += " && ip4.src == 10.0.0.1"
    status, found = ask(stack, beyond)
    assert (status, verdicts(found)) == (0, [("left", "ln", "hv1")]), found["verdicts"]
    last = next(h for h in reversed(found["hops"]) if h["direction"] == "out")
    assert bytes.fromhex(last["frame"])[12:16] == b"\x81\x00\x00\x2a"
    status, found = ask(stack, "vm1", "vm2")
    assert status == 1
    assert "hv2 has no way onto ex, the network of ln" in found["verdicts"][0]["reason"]
    stack.nbctl("lsp-del", "ln", "--", "lsp-del", "c2")

    # An ACL is served by C's northd, and named.
    stack.nbctl("--wait=hv", "acl-add", "sw0", "to-lport", "1000", 'outport == "vm2" && icmp', "drop")
    assert not stack.ping(vms[0], vms[1].ip, 1)
    status, found = ask(stack, "vm1", "vm2")
    assert status == 1, found["verdicts"]
    assert "an ACL of sw0 says drop: to-lport, priority 1000" in found["verdicts"][0]["reason"]

    # The other controller is dead when its port is moved away and back.
    stack.nbctl("acl-del", "sw0")
    stack.kill("ovn-controller", hosts[1].directory)
    stack.vsctl(hosts[1], "del-port", "br-int", "vvm2")
    status, found = ask(stack, "vm1", "vm2")
    assert status == 1
    assert "ovn-controller of hv2 is not running" in found["verdicts"][0]["reason"], found["verdicts"]
