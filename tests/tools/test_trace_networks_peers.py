"""Generated packets through a network of Debian's ovn-northd with everything in it: byte for byte in all forms.

ACLs, load balancers, DHCP, DNS, a router with NAT and ECMP: what our own northd does not write yet.  Flows of one
priority that match one packet are many there, and any of them may be executed; both take the same.
"""

# ruff: noqa: E501 - a command line is one line

from __future__ import annotations

import os
import random
import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from pyovn.daemon.ctlclient import control_request
from pyovn.explain.network import TABLES, Network
from pyovn.explain.trace import WRITERS, trace
from pyovn.explain.tracking import World
from pyovn.ovsdb.blocking import BlockingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.peers

NETWORK: Final = """
ls-add sw0 -- ls-add sw1 -- ls-add pub
lsp-add sw0 vm1 -- lsp-set-addresses vm1 "00:00:00:00:01:01 10.0.0.1 fd00::1" -- lsp-add sw0 vm2 -- lsp-set-addresses vm2 "00:00:00:00:01:02 10.0.0.2 fd00::2" -- lsp-add sw0 vm3 -- lsp-set-addresses vm3 unknown -- lsp-set-port-security vm1 "00:00:00:00:01:01 10.0.0.1 fd00::1"
lsp-add sw1 vm4 -- lsp-set-addresses vm4 "00:00:00:00:02:01 20.0.0.1 fd01::1" -- lsp-add sw1 vip -- lsp-set-type vip virtual -- lsp-set-options vip virtual-ip=20.0.0.99 virtual-parents=vm4 -- lsp-set-addresses vip "00:00:00:00:02:99 20.0.0.99" -- lsp-add sw1 cont vm4 5 -- lsp-set-addresses cont "00:00:00:00:02:05 20.0.0.5"
lr-add r0 -- lrp-add r0 r0-sw0 00:00:00:00:ff:01 10.0.0.254/24 fd00::fe/64 -- lrp-add r0 r0-sw1 00:00:00:00:ff:02 20.0.0.254/24 fd01::fe/64 -- lrp-add r0 r0-pub 00:00:00:00:ff:03 172.16.0.1/24
lsp-add sw0 sw0-r0 -- lsp-set-type sw0-r0 router -- lsp-set-addresses sw0-r0 router -- lsp-set-options sw0-r0 router-port=r0-sw0
lsp-add sw1 sw1-r0 -- lsp-set-type sw1-r0 router -- lsp-set-addresses sw1-r0 router -- lsp-set-options sw1-r0 router-port=r0-sw1
lsp-add pub pub-r0 -- lsp-set-type pub-r0 router -- lsp-set-addresses pub-r0 router -- lsp-set-options pub-r0 router-port=r0-pub
lsp-add pub ext -- lsp-set-type ext localnet -- lsp-set-addresses ext unknown -- lsp-set-options ext network_name=phys
lr-route-add r0 0.0.0.0/0 172.16.0.254 -- lrp-set-gateway-chassis r0-pub hv1 -- lr-nat-add r0 snat 172.16.0.1 10.0.0.0/24 -- lr-nat-add r0 dnat_and_snat 172.16.0.10 10.0.0.1
create address_set name=as addresses='"10.0.0.1","10.0.0.7"' -- pg-add pg vm1 vm2
acl-add sw0 from-lport 1000 'inport == @pg && ip4.src == $as && tcp.dst == 80' allow-related -- --log --name=x --severity=alert acl-add sw0 to-lport 1001 'outport == "vm2" && ip4 && udp.dst == 53' drop
--log acl-add sw0 to-lport 900 'outport == @pg && ip4 && icmp4' reject -- acl-add sw0 to-lport 800 'ip' allow -- acl-add pg from-lport 1002 'inport == @pg && ip6' allow-stateless
lb-add lb0 10.0.0.100:80 10.0.0.1:8080 tcp -- ls-lb-add sw0 lb0 -- lb-add lb1 20.0.0.100:53 20.0.0.1:53 udp -- ls-lb-add sw1 lb1 -- lr-lb-add r0 lb0 -- set load_balancer lb1 options:affinity_timeout=30
--id=@d create dhcp_options cidr=10.0.0.0/24 options='server_id=10.0.0.254 server_mac="00:00:00:00:ff:01" lease_time=3600 router=10.0.0.254' -- set logical_switch_port vm1 dhcpv4_options=@d
--id=@n create dns records='vm2.ovn.org=10.0.0.2' -- set logical_switch sw0 dns_records=@n -- qos-add sw0 from-lport 100 'inport == "vm1"' rate=1000 dscp=10
"""
PORTS: Final = {
    "vm1": "01:01",
    "vm2": "01:02",
    "vm3": "01:03",
    "vm4": "02:01",
    "cont": "02:05",
    "vip": "02:99",
    "ext": "09:09",
    "sw0-r0": "ff:01",
}
MACS: Final = ["01:01", "01:02", "02:01", "ff:01", "ff:02", "ff:03", "07:07"]
IPV4: Final = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.0.7",
    "20.0.0.1",
    "10.0.0.100",
    "20.0.0.100",
    "172.16.0.1",
    "172.16.0.10",
    "10.0.0.254",
    "8.8.8.8",
    "255.255.255.255",
    "0.0.0.0",
    "224.0.0.1",
    "20.0.0.99",
]
IPV6: Final = ["fd00::1", "fd00::2", "fd01::1", "fd00::fe", "ff02::1", "ff02::2", "fe80::1", "ff02::1:ff00:2"]
OVER4: Final = [
    "tcp.dst == 80",
    "tcp.dst == 90 && tcp.flags == 2",
    "udp.src == 68 && udp.dst == 67",
    "udp.dst == 53",
    "icmp4.type == 8",
    "icmp4.type == 3",
    "sctp",
    "igmp",
]
OVER6: Final = [
    "tcp.dst == 80",
    "udp.dst == 547",
    "icmp6.type == 128",
    "nd_ns && nd.target == fd00::2",
    "nd_na && nd.target == fd00::1",
    "nd_rs",
    "udp.dst == 53",
]
COUNT: Final = 150
THEIRS: Final = re.compile(r" nd_ns \{")
"""Where Debian's is wrong on the way: a solicitation that it makes keeps the protocol of the packet it is made for."""


class Traces(NamedTuple):
    """Debian's ovn-trace, and the southbound that it reads as ours has it."""

    control: str
    network: Network


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]) -> Iterator[Traces]:
    directory = tmp_path_factory.mktemp("networks")
    remote, control = f"unix:{directory}/db.sock", f"{directory}/trace.ctl"
    for name in ("nb", "sb"):
        subprocess.run(
            [peer("ovsdb-tool"), "create", directory / name, f"/usr/share/ovn/ovn-{name}.ovsschema"],
            check=True,
        )

    def start(program: str, *arguments: str) -> None:
        common = ["--detach", "--no-chdir", "-voff", f"--pidfile={directory}/{program}.pid"]
        subprocess.run([peer(program), *common, *arguments], check=True)

    try:
        databases = [f"{directory}/nb", f"{directory}/sb"]
        start("ovsdb-server", f"--remote=p{remote}", f"--unixctl={directory}/server.ctl", *databases)
        northd = [f"--ovnnb-db={remote}", f"--ovnsb-db={remote}", f"--unixctl={directory}/northd.ctl"]
        start("ovn-northd", *northd)
        chassis = [peer("ovn-sbctl"), f"--db={remote}", "chassis-add", "hv1", "geneve", "127.0.0.1"]
        subprocess.run(chassis, check=True)
        for line in NETWORK.strip().splitlines():
            command = [peer("ovn-nbctl"), f"--db={remote}", "-t", "60", "--", *shlex.split(line)]
            subprocess.run(command, check=True, capture_output=True)
        subprocess.run([peer("ovn-nbctl"), f"--db={remote}", "-t", "60", "--wait=sb", "sync"], check=True)
        start("ovn-trace", f"--db={remote}", f"--unixctl={control}")
        with BlockingClient(remote, timeout=20) as client:
            yield Traces(control, Network(client.fetch("OVN_Southbound", TABLES)))
    finally:
        for pid in [int(pidfile.read_text()) for pidfile in directory.glob("*.pid")]:
            os.kill(pid, 15)


def packet_of(rng: random.Random) -> str:
    port = rng.choice(list(PORTS))
    source = f"00:00:00:00:{PORTS[port] if rng.random() < 0.9 else rng.choice(MACS)}"
    target = rng.choice(
        [
            *(f"00:00:00:00:{mac}" for mac in MACS),
            "ff:ff:ff:ff:ff:ff",
            "33:33:00:00:00:01",
            "01:00:5e:00:00:01",
        ]
    )
    text = f'inport == "{port}" && eth.src == {source} && eth.dst == {target}'
    match rng.choices(("ip4", "ip6", "arp", "vlan", ""), (50, 25, 15, 5, 5))[0]:
        case "ip4":
            ttl, over = rng.choice([1, 64, 64]), rng.choice(OVER4)
            text += f" && ip4.src == {rng.choice(IPV4)} && ip4.dst == {rng.choice(IPV4)} && ip.ttl == {ttl} && {over}"
        case "ip6":
            over = rng.choice(OVER6)
            text += f" && ip6.src == {rng.choice(IPV6)} && ip6.dst == {rng.choice(IPV6)} && {over}"
            text += "" if "nd_" in over else " && ip.ttl == 64"
        case "arp":
            text += f" && arp.op == {rng.choice([1, 2])} && arp.sha == {source} && arp.spa == {rng.choice(IPV4)} && arp.tpa == {rng.choice(IPV4)}"
        case "vlan":
            text += " && vlan.present && vlan.vid == 5"
    return text


def _untied(text: str) -> str:
    """A trace without what tells flows of one stage and priority apart.

    Which of several is taken is chance where C's hash table has them in one bucket, once in about 1,000 times.
    """
    return re.sub(r"^( *\d+\. \w+) \(.*\): .*(, priority \d+), uuid \w+$", r"\1\2", text, flags=re.MULTILINE)


def test_generated_packets_print_the_same(traces: Traces, seed: int) -> None:
    rng = random.Random(seed)
    problems, seen = [], set()
    for _ in range(COUNT):
        packet = packet_of(rng)
        accepted, theirs = control_request(traces.control, "trace", ["--all", packet])
        assert accepted, theirs
        if THEIRS.search(theirs):
            continue
        ours = trace(traces.network, None, packet, list(WRITERS), World())
        if ours != theirs and _untied(ours) != _untied(theirs):
            problems.append(packet)
        seen.update(re.findall(r"^ +(?:\S+ = )?([a-z_0-9]+)(?:;|[({ ])", theirs, re.MULTILINE))
    assert not problems, problems
    assert {"check_in_port_sec", "get_fdb", "ct_lb", "multicast"} <= seen, seen
