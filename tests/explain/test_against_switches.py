"""Random networks in random trouble: the explanation is what happens, and every loss has a reason.

Packets that were explained are sent.  Where they arrive, and with which bytes, is what the explanation said;
and whatever does not arrive has a reason that names its cause: "the flows are not what the southbound asks
for" would be no answer, since here nothing of the kind is ever the case.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Final

from case_kit import Scene

from pyovn.explain.deployed import explain
from pyovn.explain.model import Fate

ROUNDS: Final = 40 if os.environ.get("PYOVN_PROFILE") == "acceptance" else 3
PACKETS: Final = 30
PORTS: Final = 8
NO_ANSWER: Final = ("are not what the southbound asks for", "no logical flow sends it there", "says so:")


def mac(number: int) -> str:
    return f"00:00:00:00:00:{number:02x}"


def build(rng: random.Random) -> Scene:
    """Two switches over three hypervisors, and something wrong with a few ports."""
    scene = Scene(["hv1", "hv2", "hv3"])
    if rng.random() < 0.3:
        scene.run("hv3 ovs-vsctl set Open_vSwitch . external_ids:ovn-encap-type=vxlan")
    elif rng.random() < 0.3:
        for place in ("hv1", "hv2", "hv3"):
            scene.run(f"{place} ovs-vsctl set Open_vSwitch . external_ids:ovn-encap-type=vxlan")
    words = ["ovn-nbctl ls-add sw0 -- ls-add sw1"]
    for number in range(1, PORTS + 1):
        switch, name = f"sw{number % 2}", f"vm{number}"
        parent = f" vm{number - 2} {number}" if number > 4 and rng.random() < 0.25 else ""
        words.append(f"lsp-add {switch} {name}{parent}")
        addresses = f"'{mac(number)} 10.0.0.{number}'"
        words.append(f"lsp-set-addresses {name} {addresses}" + (" unknown" if rng.random() < 0.15 else ""))
        if rng.random() < 0.4:
            words.append(f"lsp-set-port-security {name} {addresses}")
        if rng.random() < 0.1:
            words.append(f"lsp-set-enabled {name} disabled")
        if not parent and rng.random() < 0.85:
            scene.run(f"pyovn sandbox plug hv{rng.randint(1, 3)} vif{number} {name}")
    scene.run(" -- ".join(words))
    scene.run("ovn-nbctl --wait=hv sync")
    if rng.random() < 0.3:
        scene.run("pyovn sandbox cut hv1 hv2")
    return scene


def packet(rng: random.Random) -> str:
    """A microflow; one in five is somebody else's address."""
    source, target = rng.sample(range(1, PORTS + 1), 2)
    sender = rng.randint(1, PORTS) if rng.random() < 0.2 else source
    to = rng.choice([mac(target), mac(target), mac(0x99), "ff:ff:ff:ff:ff:ff"])
    terms = [f'inport == "vm{source}"', f"eth.src == {mac(sender)}", f"eth.dst == {to}"]
    kind = rng.randrange(4)
    if kind == 0:
        terms += ["arp.op == 1", f"arp.sha == {mac(sender)}", f"arp.spa == 10.0.0.{sender}"]
        terms += [f"arp.tpa == 10.0.0.{target}", f"arp.tha == {mac(0)}"]
    elif kind < 3:
        terms += [
            f"ip4.src == 10.0.0.{sender}",
            f"ip4.dst == 10.0.0.{target}",
            "ip.ttl == 64",
            "udp.dst == 53",
        ]
    if rng.random() < 0.1:
        terms.append("vlan.vid == 5")
    return " && ".join(terms)


def compare(scene: Scene, text: str, where: object) -> list[Fate]:
    """Explain a packet, send it, and compare; the fates of its copies."""
    found = explain(scene.deployment, text)
    about = (where, text, found.brief)
    scene.deployment.deliveries.clear()
    if found.hops:
        first = found.hops[0]
        scene.deployment.send(first.place, first.interface, first.frame)
        scene.runtime.advance(0.2)
    there = sorted((d.hypervisor, d.interface, d.frame) for d in scene.deployment.deliveries)
    ends = [hop for hop in found.hops if hop.direction == "out" and not hop.wire]
    assert there == sorted((h.place, h.interface, h.frame) for h in ends), about
    arrived = [v for v in found.verdicts if v.fate in {Fate.DELIVERED, Fate.ANSWERED}]
    assert len(arrived) == len(there), about
    for verdict in found.verdicts:
        assert verdict in arrived or verdict.reason, about
        assert not any(words in verdict.reason for words in NO_ANSWER), about
    return [verdict.fate for verdict in found.verdicts]


def test_what_is_said_happens(seed: int) -> None:
    fates: Counter[Fate] = Counter()
    for number in range(ROUNDS):
        rng = random.Random(seed + number)
        scene = build(rng)
        for _ in range(PACKETS):
            fates.update(compare(scene, packet(rng), seed + number))
    assert min(fates[Fate.DELIVERED], fates[Fate.ANSWERED], fates[Fate.DROPPED]) > 0, fates
