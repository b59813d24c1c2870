"""Connection states of our tracker against those of Debian's user-space datapath, packet by packet."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from peer_host import Host, hosts
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peers
__all__ = ["hosts"]  # the fixture is used by its name

A, B = "10.0.0.1", "10.0.0.2"
ETHER = Ether(src="00:00:00:00:00:01", dst="00:00:00:00:00:02")
STATES = ("new", "est", "rel", "rpl", "inv", "trk")


def there(inner: object) -> tuple[str, bytes]:
    return "p1", bytes(ETHER / IP(src=A, dst=B) / inner)


def back(inner: object) -> tuple[str, bytes]:
    return "p2", bytes(ETHER / IP(src=B, dst=A) / inner)


def tcp(port: int, flags: str) -> tuple[str, bytes]:
    return there(TCP(sport=port, dport=2, flags=flags, seq=100, ack=100))


def tcp_back(port: int, flags: str) -> tuple[str, bytes]:
    return back(TCP(sport=2, dport=port, flags=flags, seq=100, ack=101))


QUOTED = bytes(IP(src=A, dst=B) / UDP(sport=7, dport=2) / b"abcdefgh")
UNKNOWN = bytes(IP(src=A, dst=B) / UDP(sport=99, dport=2) / b"abcdefgh")
HISTORIES = {
    "udp without answer": [there(UDP(sport=1, dport=2))] * 3,
    "udp": [there(UDP(sport=3, dport=2)), back(UDP(sport=2, dport=3)), there(UDP(sport=3, dport=2))],
    "tcp syn twice": [tcp(10, "S"), tcp(10, "S")],
    "tcp": [tcp(11, "S"), tcp_back(11, "SA"), tcp(11, "A"), tcp_back(11, "A")],
    "tcp begins with syn-ack": [tcp_back(12, "SA")],
    "tcp begins with ack": [tcp(13, "A")],
    "tcp begins with fin": [tcp(14, "FA")],
    "tcp begins with rst": [tcp(15, "R")],
    "tcp without flags": [tcp(16, "")],
    "tcp with syn and fin": [tcp(17, "SF")],
    "icmp begins with its answer": [back(ICMP(type=0, id=5))],
    "icmp": [
        *[there(ICMP(type=8, id=6))] * 2, back(ICMP(type=0, id=6)), there(ICMP(type=8, id=6)),
    ],
    "icmp error about nothing": [back(ICMP(type=3, code=1) / UNKNOWN)],
    "icmp error": [there(UDP(sport=7, dport=2) / b"abcdefgh"), back(ICMP(type=3, code=1) / QUOTED)],
}  # fmt: skip


def flows() -> list[str]:
    """A flow for every state that there can be; what is new is committed."""
    lines = ["table=0,ip,actions=ct(table=1)"]
    for bits in range(32, 64):
        new, est, rel, rpl, inv = (bool(bits >> n & 1) for n in range(5))
        if (new and (est or rpl)) or (inv and (new or est or rel or rpl)):
            continue
        state = "".join(("+" if bits >> n & 1 else "-") + name for n, name in enumerate(STATES))
        lines.append(f"table=1,ip,ct_state={state},actions={'ct(commit)' if new else 'drop'}")
    return lines


def counts(host: Host) -> dict[str, int]:
    dump = host.ofctl("dump-flows", "br-int", "table=1")
    return {state: int(n) for n, state in re.findall(r"n_packets=(\d+).*?ct_state=([^,]*)", dump)}


def state_of(host: Host, port: str, data: bytes) -> str:
    before = counts(host)
    host.appctl("netdev-dummy/receive", port, data.hex())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        hit = [state for state, n in counts(host).items() if n != before[state]]
        if hit:
            return hit[0]
    return "none"


def test_states_equal_those_of_debians_datapath(hosts: Callable[..., Host], tmp_path: Path) -> None:
    file = tmp_path / "flows"
    file.write_text("\n".join(flows()))
    pair = (hosts("ours"), hosts("theirs", ours=False))
    for host in pair:
        host.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "fail-mode=secure")
        for name in ("p1", "p2"):
            host.vsctl("add-port", "br-int", name)
        host.ofctl("add-flows", "br-int", str(file))
    for name, history in HISTORIES.items():
        ours, theirs = ([state_of(host, port, data) for port, data in history] for host in pair)
        assert ours == theirs, name
