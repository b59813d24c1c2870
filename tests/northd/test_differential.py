"""Generated networks and packets: both ovn-northds by one ovn-trace, one southbound by both ovn-traces.

For each network Debian's ovn-northd writes one southbound and ours another one.  Debian's ovn-trace, as a
daemon, says for each packet where it ends and with which header: the same on both.  On ours, Debian's
ovn-trace and our own take the same stages and priorities in the same order, and print
the same minimal text.  The logical flows are equal
stage by stage; what is not would stand in ``KNOWN`` of ``test_against_debian``, which is empty.

A generator that delivers little or misses a feature proves little: that is checked, too.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from debian_kit import Debian, Network, operations, without_hints
from northd_kit import SB, mac

from pyovn.explain.network import TABLES
from pyovn.explain.network import Network as Traced
from pyovn.explain.trace import trace
from pyovn.ovsdb.blocking import BlockingClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers

BROADCAST: Final = "ff:ff:ff:ff:ff:ff"
FEATURES: Final[dict[str, str]] = {
    "known address": r"ls_in_l2_lkup[^\n]*: eth\.dst == [^\n]*priority 50",
    "broadcast": r'multicast\(dp="[^"]*", mcgroup="_MC_flood"\)',
    "unknown address": r'mcgroup="_MC_unknown"',
    "nobody takes unknown addresses": r"ls_in_l2_unknown[^\n]*priority 50[^\n]*\n +drop;",
    "learning": r"ls_in_put_fdb[^\n]*priority 100",
    "learnt": r"get_fdb\([^\n]*; /\* MAC lookup[^\n]*|ls_in_l2_unknown[^\n]*priority 0",
    "ARP answered": r"ls_in_arp_rsp[^\n]*arp\.op == 1, priority 50",
    "neighbour answered": r"ls_in_arp_rsp[^\n]*nd_ns[^\n]*priority 50",
    "own address asked for": r"ls_in_arp_rsp[^\n]*arp\.tpa[^\n]*inport[^\n]*priority 100",
    "virtual address announced": r"bind_vport",
    "localnet not answered": r"ls_in_arp_rsp[^\n]*: inport == [^\n]*priority 100",
    "queue": r"set_queue",
    "VTEP": r"ls_in_hairpin[^\n]*priority 1000",
    "untracked": r"ls_(in|out)_pre_lb[^\n]*ip && (in|out)port[^\n]*priority 110",
    "sender refused": r"ls_in_apply_port_sec[^\n]*priority 50",
    "receiver refused": r"ls_out_apply_port_sec[^\n]*priority 50",
    "tag refused": r"vlan\.present, priority 100",
    "port disabled": r"ls_in_check_port_sec[^\n]*inport == [^\n]*priority 100",
}
"""What has to be met, as a pattern in the detailed trace."""


# -- networks and packets ----------------------------------------------------------------------


def network_of(rng: random.Random) -> Network:
    """One to three switches with up to eight ports of any kind that is served."""
    network: Network = {}
    number = 0
    for n in range(rng.randint(1, 3)):
        ports: list[dict[str, Any]] = []
        for _ in range(rng.randint(2, 8)):
            number += 1
            ports.append(port_of(rng, number, [port["name"] for port in ports]))
        columns: dict[str, Any] = {}
        if rng.random() < 0.15:
            columns["other_config"] = {"vlan-passthru": "true"}
        network[f"sw{n}"] = (columns, ports)
    return network


def port_of(rng: random.Random, number: int, others: list[str]) -> dict[str, Any]:
    address = f"{mac(number)} 10.0.0.{number}" + (f" fd00::{number:x}" if rng.random() < 0.5 else "")
    port: dict[str, Any] = {"name": f"port{number}", "addresses": {address}}
    kind = rng.random()
    if kind < 0.12:
        port["addresses"] = {"unknown"} if rng.random() < 0.5 else {mac(number), "unknown"}
    elif kind < 0.2:
        learn = {"localnet_learn_fdb": "true"} if rng.random() < 0.5 else {}
        queue = {"qdisc_queue_id": "7"} if rng.random() < 0.3 else {}
        options = {"network_name": "phys", **learn, **queue}
        port |= {"type": "localnet", "addresses": {"unknown"}, "options": options}
        if rng.random() < 0.3:
            port["tag"] = number
    elif kind < 0.25:
        port["type"] = "localport"
    elif kind < 0.3 and others:
        parents = ",".join(others[:2])
        port |= {"type": "virtual", "options": {"virtual-ip": f"10.0.0.{number}", "virtual-parents": parents}}
    elif kind < 0.35:
        port |= {"type": "l2gateway", "addresses": {"unknown"}, "options": {"network_name": "phys"}}
    elif kind < 0.4:
        port |= {"type": "vtep", "options": {"vtep-physical-switch": "v", "vtep-logical-switch": "l"}}
    elif kind < 0.45:
        port["options"] = {"qdisc_queue_id": "3"}
    elif kind < 0.55 and others:
        port |= {"parent_name": others[0], "tag": number}
    elif kind < 0.75:
        port["port_security"] = {address if rng.random() < 0.6 else mac(number)}
    if rng.random() < 0.06:
        port["enabled"] = False
    return port


@dataclass(frozen=True)
class Place:
    """A port as the generator of packets sees it."""

    name: str
    mac: str
    ipv4: str
    ipv6: str | None
    enabled: bool
    virtual: bool


def places(ports: list[dict[str, Any]]) -> list[Place]:
    found = []
    for port in ports:
        number = int(port["name"][4:])
        words = next((a for a in port["addresses"] if a != "unknown"), "").split()
        ipv6 = words[2] if len(words) > 2 else None
        found.append(
            Place(
                port["name"],
                mac(number),
                f"10.0.0.{number}",
                ipv6,
                port.get("enabled", True),
                port.get("type") == "virtual",
            )
        )
    return found


def packet_of(rng: random.Random, members: list[Place]) -> str:
    """A microflow: mostly honest traffic between the ports, and every kind of exception."""
    sender, target = rng.choice(members), rng.choice(members)
    source = sender.mac if rng.random() < 0.93 else mac(200 + rng.randrange(3))
    if rng.random() < 0.03 and any(member.virtual for member in members):
        sender = rng.choice(members[:2])
        held = next(member for member in members if member.virtual).ipv4
        rest = f"arp.op == 1 && arp.sha == {sender.mac} && arp.spa == {held} && arp.tpa == {held}"
        return f'inport == "{sender.name}" && eth.src == {sender.mac} && eth.dst == {BROADCAST} && {rest}'
    base = f'inport == "{sender.name}" && eth.src == {source} && '
    kind = rng.random()
    if kind < 0.04 and sender.enabled:  # a tag and a disabled port tie: either drops
        return base + f"eth.dst == {target.mac} && vlan.present && vlan.vid == 5"
    if kind < 0.24:
        asked = sender.ipv4 if rng.random() < 0.15 else target.ipv4
        said = asked if rng.random() < 0.15 else sender.ipv4
        rest = f"arp.op == {rng.choice([1, 1, 1, 2])} && arp.sha == {source} && arp.spa == {said}"
        return base + f"eth.dst == {BROADCAST} && {rest} && arp.tpa == {asked}"
    if kind < 0.34 and target.ipv6 is not None:
        low = target.ipv6.rpartition(":")[2]
        ask = f"ip6.src == {sender.ipv6 or '::'} && ip6.dst == ff02::1:ff00:{low} && ip.ttl == 255"
        nd = f"icmp6.type == 135 && icmp6.code == 0 && nd.target == {target.ipv6} && nd.sll == {source}"
        return base + f"eth.dst == 33:33:ff:00:00:01 && {ask} && {nd}"
    if kind < 0.4:
        return base + f"eth.dst == {BROADCAST}"
    if kind < 0.5:
        return base + f"eth.dst == {mac(220 + rng.randrange(4))}"  # learnt, if somebody learns
    if kind < 0.54:
        return base + f"eth.dst == {mac(0x300)}"
    said = sender.ipv4 if rng.random() < 0.9 else "10.0.0.250"
    meant = target.ipv4 if rng.random() < 0.9 else "10.0.0.251"
    ip = f"ip4.src == {said} && ip4.dst == {meant} && ip.ttl == 64"
    return base + f"eth.dst == {target.mac} && {ip} && " + rng.choice(["icmp4.type == 8", "udp.dst == 53"])


# -- asking ------------------------------------------------------------------------------------


class Tracer:
    """Debian's ovn-trace as a daemon over one connection; it reads the southbound once, at its start."""

    def __init__(self, program: str, central: Debian) -> None:
        self._pid = central.directory / "trace.pid"
        control = central.directory / "trace.ctl"
        options = [f"--pidfile={self._pid}", f"--unixctl={control}", "--detach", "--no-chdir"]
        command = [program, *options, f"--db={central.socket}", "-vconsole:off", "-vsyslog:off"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        self._client = BlockingClient(f"unix:{control}", timeout=300)
        self._client.connect()

    def ask(self, *words: str) -> str:
        return str(self._client.request("trace", list(words)))

    def close(self) -> None:
        self._client.close()
        os.kill(int(self._pid.read_text()), signal.SIGTERM)


def verdict(minimal: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """What is changed on the way, and where it goes."""
    lines = [line for line in minimal.splitlines() if not line.startswith("#")]
    outputs = frozenset(line for line in lines if line.startswith("output("))
    return tuple(line for line in lines if line not in outputs), outputs


def matched(detailed: str) -> list[str]:
    """Datapaths, ports, stages and priorities in order; of two flows that tie, either may be taken."""
    return [
        re.sub(r" \(.*, (priority \d+), .*", r" \1", line).strip()
        for line in detailed.splitlines()
        if re.search(r"priority \d+, uuid|(in|e)gress\(dp=|^ *output|^ */\*", line)
    ]


def with_learnt(central: Debian, network: Network, southbound: dict[str, dict[Any, Any]]) -> None:
    """FDB rows for the first port of each switch, by the keys of that southbound."""
    rows = []
    bindings = {b["logical_port"]: b for b in southbound["Port_Binding"].values()}
    for number, (_columns, ports) in enumerate(network.values()):
        binding = bindings[ports[0]["name"]]
        datapath = southbound["Datapath_Binding"][binding["datapath"]]["tunnel_key"]
        cells = {"mac": mac(220 + number), "dp_key": datapath, "port_key": binding["tunnel_key"]}
        rows.append({"op": "insert", "table": "FDB", "row": cells})
    with BlockingClient(central.socket, timeout=60) as client:
        reply = client.transact(SB, [{"op": "delete", "table": "FDB", "where": []}, *rows])
        assert reply.error is None, reply


class Comparison:
    """Both centrals, and what was seen."""

    def __init__(self, theirs: Debian, ours: Debian, program: str) -> None:
        self.theirs, self.ours, self.program = theirs, ours, program
        self.seen: Counter[str] = Counter()
        self.packets = self.delivered = 0

    def compare(self, rng: random.Random, packets: int) -> None:
        network = network_of(rng)
        found = [central.derive(operations(network)) for central in (self.theirs, self.ours)]
        theirs, ours = map(without_hints, found)
        for name, flows in theirs["flows"].items():
            assert ours["flows"][name] ^ flows == set(), network
        assert ours == theirs
        for central, southbound in zip((self.theirs, self.ours), found, strict=True):
            with_learnt(central, network, southbound)
        tracers = [Tracer(self.program, central) for central in (self.theirs, self.ours)]
        try:
            with BlockingClient(self.ours.socket, timeout=60) as client:
                traced = Traced(client.fetch(SB, TABLES))
            for _ in range(packets):
                name, (_columns, ports) = rng.choice(list(network.items()))
                self._packet(network, traced, tracers, name, packet_of(rng, places(ports)))
        finally:
            for tracer in tracers:
                tracer.close()

    def _packet(
        self, network: Network, traced: Traced, tracers: list[Tracer], switch: str, packet: str
    ) -> None:
        on_theirs = tracers[0].ask("--minimal", switch, packet)
        on_ours = tracers[1].ask("--minimal", switch, packet)
        assert verdict(on_ours) == verdict(on_theirs), (network, switch, packet)
        detailed = tracers[1].ask("--detailed", switch, packet)
        assert trace(traced, switch, packet, ["minimal"]) == on_ours, (network, switch, packet)
        way = matched(trace(traced, switch, packet, ["detailed"]))
        assert way == matched(detailed), (network, switch, packet)
        self.packets += 1
        self.delivered += bool(verdict(on_ours)[1])
        self.seen.update(name for name, pattern in FEATURES.items() if re.search(pattern, detailed))


@pytest.fixture(scope="module")
def centrals(
    tmp_path_factory: pytest.TempPathFactory, peer: Callable[[str], str]
) -> Iterator[tuple[Debian, Debian]]:
    def directory(name: str) -> Path:
        return tmp_path_factory.mktemp(name)

    theirs, ours = Debian(directory("theirs"), peer), Debian(directory("ours"), peer, northd="ours")
    yield theirs, ours
    theirs.stop()
    ours.stop()


@pytest.mark.parametrize(
    ("networks", "packets", "least"),
    [(20, 50, 1), pytest.param(500, 200, 50, marks=pytest.mark.acceptance)],
)
def test_both_deliver_alike(
    centrals: tuple[Debian, Debian],
    peer: Callable[[str], str],
    seed: int,
    networks: int,
    packets: int,
    least: int,
) -> None:
    comparison = Comparison(*centrals, peer("ovn-trace"))
    for number in range(networks):
        comparison.compare(random.Random(f"{seed}.{number}"), packets)
    assert comparison.delivered >= 0.4 * comparison.packets, comparison.delivered
    rare = {name: comparison.seen[name] for name in FEATURES if comparison.seen[name] < least}
    if least > 1:
        assert not rare
    else:
        assert len(rare) <= len(FEATURES) // 4, rare
