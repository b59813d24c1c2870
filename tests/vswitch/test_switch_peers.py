"""The switch against Debian's Open vSwitch and OVN: driven by their tools, compared with their switch."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from peer_host import PIPE_PORTS, Host, hosts
from switch_kit import OVN_FLOWS, frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.peers
__all__ = ["hosts"]  # the fixture is used by its name

Peer = "Callable[[str], str]"


def test_debians_tools_configure_the_switch(hosts: Callable[..., Host]) -> None:
    host = hosts("a")
    host.vsctl("add-br", "br0", "--", "add-port", "br0", "p1", "--", "add-port", "br0", "p2")
    assert host.vsctl("get", "interface", "p1", "ofport", "admin_state", "link_state").split() == [
        "1",
        "up",
        "up",
    ]
    assert "1(p1): addr:aa:55:aa:55:00" in host.ofctl("show", "br0")
    assert "LOCAL(br0)" in host.ofctl("dump-ports-desc", "br0")
    assert (
        host.ofctl("dump-flows", "--no-stats", "br0").splitlines()[-1].strip() == "priority=0 actions=NORMAL"
    )
    host.ofctl("add-flow", "br0", "table=3,priority=7,tcp,actions=set_field:1->reg0,output:2")
    assert " table=3, priority=7,tcp actions=set_field:0x1->reg0,output:2" in host.ofctl(
        "dump-flows", "--no-stats", "br0"
    )
    host.vsctl("del-br", "br0")
    assert not (host.root / "br0.mgmt").exists()


def _flow_lines(text: str) -> list[str]:
    """Flows, sorted; --no-stats leaves out cookies and tables that are 0."""
    return sorted(
        line.strip().removeprefix("cookie=0x0, ").replace("table=0, ", "") for line in text.splitlines()
    )


def test_flows_survive_installation_and_dump(hosts: Callable[..., Host]) -> None:
    host = hosts("a")
    host.pipeline()
    dumped = host.ofctl("dump-flows", "--no-stats", "br-int")
    assert _flow_lines(dumped) == _flow_lines(OVN_FLOWS.read_text())
    host.ofctl("--bundle", "del-flows", "br-int")
    assert "flow_count=0" in host.ofctl("dump-aggregate", "br-int")


ETH = "dl_src=00:00:00:00:00:01,dl_dst={dst}"
FRAMES = [
    (port, kind.replace("{dst}", dst))
    for port in ("vif1", "vif3")
    for dst in (*(f"00:00:00:00:00:{n:02}" for n in (1, 2, 3, 99)), "ff:ff:ff:ff:ff:ff")
    for kind in (
        f"icmp,{ETH},nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,icmp_type=8",
        f"udp,{ETH},nw_src=10.0.0.1,nw_dst=10.0.0.3,nw_ttl=64,udp_src=68,udp_dst=67",
        f"arp,{ETH},arp_op=1,arp_sha=00:00:00:00:00:01,arp_spa=10.0.0.1,arp_tpa=10.0.0.1",
        f"arp,{ETH},arp_op=1,arp_sha=00:00:00:00:00:09,arp_spa=10.0.0.1,arp_tpa=10.0.0.3",
        f"icmp6,{ETH},ipv6_src=fe80::1,ipv6_dst=ff02::1,nw_ttl=255,icmp_type=135,icmp_code=0,nd_target=fe80::3",
        f"tcp,{ETH},vlan_tci=0x1005,nw_src=10.0.0.1,nw_dst=10.0.0.3,nw_ttl=64,tcp_src=1,tcp_dst=2",
    )
]  # fmt: skip


def _comparable(trace: str) -> list[str]:
    """A trace without what the two switches are free to differ in."""
    lines = [
        line
        for line in trace.splitlines()
        if not line.startswith(("Megaflow", "Datapath actions", "Final flow", "This flow is handled", "  - "))
    ]
    return [line for line in lines if "tunnel" not in line and "tnl" not in line]


def test_traces_and_deliveries_equal_those_of_debians_switch(hosts: Callable[..., Host]) -> None:
    ours, theirs = hosts("ours"), hosts("theirs", ours=False)
    for host in (ours, theirs):
        host.pipeline()
    for port, flow in FRAMES:
        data = frame(flow).hex()
        before = [host.sent() for host in (ours, theirs)]
        for host in (ours, theirs):
            host.appctl("netdev-dummy/receive", port, data)
        deadline = time.monotonic() + 5
        while True:
            gained = [
                {p: n - old[p] for p, n in host.sent().items() if n != old[p]}
                for host, old in zip((ours, theirs), before, strict=True)
            ]
            if gained[0] == gained[1] or time.monotonic() > deadline:
                break
        assert gained[0] == gained[1], (port, flow)
        number = PIPE_PORTS.index(port) + 1
        traces = [
            host.appctl("ofproto/trace", "br-int", f"in_port={number}", data) for host in (ours, theirs)
        ]
        assert _comparable(traces[0]) == _comparable(traces[1])


def _central(root: Path, peer: Callable[[str], str], env: dict[str, str]) -> str:
    """Northbound and southbound databases and northd; the address of the databases."""
    for name in ("nb", "sb"):
        schema = f"/usr/share/ovn/ovn-{name}.ovsschema"
        subprocess.run(
            [peer("ovsdb-tool"), "create", f"{root}/{name}.db", schema], env=env, check=True, timeout=20
        )
    common = ["--detach", "--no-chdir", "-vconsole:off", "--log-file"]
    server = [peer("ovsdb-server"), *common, f"--pidfile={root}/db.pid", f"--remote=punix:{root}/db.sock"]
    subprocess.run([*server, f"{root}/nb.db", f"{root}/sb.db"], env=env, check=True, timeout=20)
    db = f"unix:{root}/db.sock"
    northd = [
        peer("ovn-northd"),
        *common,
        f"--pidfile={root}/northd.pid",
        f"--ovnnb-db={db}",
        f"--ovnsb-db={db}",
    ]
    subprocess.run(northd, env=env, check=True, timeout=20)
    return db


def test_debians_ovn_controller_drives_the_switch(
    hosts: Callable[..., Host], tmp_path: Path, peer: Callable[[str], str]
) -> None:
    for program in ("ovn-controller", "ovn-northd", "ovn-nbctl"):
        peer(program)
    host = hosts("hv1")
    central = tmp_path / "c"
    central.mkdir()
    env = {k: (str(central) if k.endswith("DIR") else v) for k, v in host.env.items()}
    try:
        db = _central(central, peer, env)
        host.vsctl(
            "set", "open", ".", "external_ids:system-id=hv1", f"external_ids:ovn-remote={db}",
            "external_ids:ovn-encap-type=geneve", "external_ids:ovn-encap-ip=127.0.0.1",
            "--", "add-br", "br-int", "--", "set", "bridge", "br-int", "fail-mode=secure",
        )  # fmt: skip
        host.run(
            "ovn-controller", "--detach", "--no-chdir", "-vconsole:off", "--log-file",
            f"--pidfile={host.root}/controller.pid", host.db,
        )  # fmt: skip

        def nbctl(*args: str) -> None:
            command = [peer("ovn-nbctl"), f"--db={db}", "--timeout=20", *args]
            subprocess.run(command, env=env, check=True, timeout=30)

        nbctl("ls-add", "sw0")
        for number in (1, 2):
            nbctl("lsp-add", "sw0", f"p{number}")
            nbctl("lsp-set-addresses", f"p{number}", f"00:00:00:00:00:0{number} 10.0.0.{number}")
            host.vsctl(
                "add-port",
                "br-int",
                f"v{number}",
                "--",
                "set",
                "interface",
                f"v{number}",
                f"external_ids:iface-id=p{number}",
            )
        nbctl("acl-add", "sw0", "to-lport", "1000", 'outport == "p2" && udp.dst == 7', "allow-related")
        nbctl("acl-add", "sw0", "to-lport", "900", 'outport == "p2" && ip4', "drop")
        nbctl("--wait=hv", "sync")
        udp = "udp,dl_src=00:00:00:00:00:0{a},dl_dst=00:00:00:00:00:0{b},nw_src=10.0.0.{a},nw_dst=10.0.0.{b}"
        there, back = udp.format(a=1, b=2), udp.format(a=2, b=1)
        host.appctl("netdev-dummy/receive", "v1", frame(f"{there},udp_src=5,udp_dst=8").hex())
        assert host.sent().get("2") == 0
        host.appctl("netdev-dummy/receive", "v1", frame(f"{there},udp_src=5,udp_dst=7").hex())
        assert host.sent().get("2") == 1
        host.appctl("netdev-dummy/receive", "v2", frame(f"{back},udp_src=7,udp_dst=5").hex())
        assert host.sent().get("1") == 1
        log = (host.root / "ovn-controller.log").read_text()
        assert "|ERR|" not in log
        assert "ofp_msgs|WARN" not in log
        assert "OFPT_ERROR" not in log
    finally:
        for pidfile in central.glob("*.pid"):
            os.kill(int(pidfile.read_text()), signal.SIGTERM)
