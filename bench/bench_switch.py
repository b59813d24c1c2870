"""Frames through a hypervisor's OVN pipeline: the embedded switch, and Debian's with its userspace datapath.

Run: ``python bench/bench_switch.py``.  Two VMs with port security on one hypervisor send each other UDP
datagrams, through the flows that our ovn-controller installs for them.  Figures are processor time of the
switch for a frame, since a busy machine does not change what that is:

* *remembered*: the datapath knows the way of such frames from one before;
* *new*: it does not, and the frame goes through all tables.  For ours the memory is emptied before each
  frame; Open vSwitch has its megaflows switched off and gets a datagram from another UDP port each time.

Ours is given frames in its process, as a sandbox does.  Open vSwitch gets them as its dummy devices do, over
a socket (``options:pstream``), which costs it a system call for each frame in and out: the first line of its
figures, a bridge with one flow, tells how much.  The device of its kernel module or DPDK has no such cost;
nothing here is about them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from deployment_lab import Lab, ip_text, mac_text  # noqa: E402  the path is set above
from pyovn.vswitch.compose import compose  # noqa: E402
from pyovn.vswitch.flowkey import pack_match  # noqa: E402
from pyovn.wire.openflow.flow import Flow  # noqa: E402
from pyovn.wire.openflow.multiparts import FlowDescRequest  # noqa: E402
from pyovn.wire.openflow.text import format_flow, parse_match  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BRIDGE: Final = "br-int"
DEBIAN: Final = "/usr/sbin/ovs-vswitchd"
TICKS: Final = os.sysconf("SC_CLK_TCK")
PATIENCE: Final = 60.0
"""Seconds after which a frame is lost."""
FIRST_PORT: Final = 1024


def datagram(port: int) -> bytes:
    """A frame from vm1 to vm2, from a UDP port."""
    key, _ = pack_match(
        parse_match(
            f"udp,dl_src={mac_text(1)},dl_dst={mac_text(2)},nw_src={ip_text(1)},nw_dst={ip_text(2)},"
            f"nw_ttl=64,tp_src={port},tp_dst=53"
        )
    )
    return compose(key, bytes(22))


class Ours:
    """The switch of hv1 in a deployment in virtual time."""

    def __init__(self) -> None:
        lab = Lab("hv1", "hv2")
        lab.build("sw0", {1: "hv1", 2: "hv1", 3: "hv2"}, "ip")
        self._lab = lab
        self._switch = lab.hypervisor("hv1").switch
        state = self._switch.bridges[BRIDGE].state
        self.flows = [
            format_flow(Flow(rule.table, rule.priority, rule.match, rule.actions, rule.cookie))
            for rule in state.select(0xFF, 0, 0, FlowDescRequest())
        ]
        self.ports = {name: port.number for name in ("vif1", "vif2") if (port := self._switch.port(name))}

    def run(self, frames: Sequence[bytes], *, remembered: bool) -> float:
        """Seconds of processor time for a frame."""
        deliveries = self._lab.deployment.deliveries
        deliveries.clear()
        datapath, inject = self._switch.datapath, self._switch.inject
        began = time.process_time()
        for frame in frames:
            if not remembered:
                datapath.invalidate()
            inject("vif1", frame)
        took = time.process_time() - began
        if [delivery.logical_port for delivery in deliveries] != ["vm2"] * len(frames):
            raise SystemExit(f"ours: {len(deliveries)} of {len(frames)} frames arrived")
        return took / len(frames)


class Theirs:
    """Debian's ovs-vswitchd with a bridge on dummy devices, and sockets at two of them."""

    def __init__(self, place: str, flows: Sequence[str], ports: dict[str, int]) -> None:
        self._place = place
        self._environment = {**os.environ, **{f"OVS_{n}DIR": place for n in ("RUN", "LOG", "DB")}}
        database = f"unix:{place}/db.sock"
        self._run("ovsdb-tool", "create", f"{place}/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        self._run("ovsdb-server", "--detach", "--pidfile", f"--remote=p{database}", f"{place}/conf.db")
        self._run("ovs-vsctl", f"--db={database}", "--no-wait", "init")
        self._run(DEBIAN, "--enable-dummy", "--detach", "--pidfile", database)
        command = ["add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=dummy"]
        for name, number in ports.items():
            options = (f"options:pstream=punix:{place}/{name}.sock", f"ofport_request={number}")
            command += ["--", "add-port", BRIDGE, name]
            command += ["--", "set", "interface", name, "type=dummy", *options]
        self._run("ovs-vsctl", f"--db={database}", *command)
        self._run("ovs-ofctl", "add-tlv-map", BRIDGE, "{class=0x102,type=0x80,len=4}->tun_metadata0")
        self._run("ovs-ofctl", "-O", "OpenFlow15", "add-flows", BRIDGE, "-", given="\n".join(flows))
        self._sender, self._receiver = (self._connect(name) for name in ports)
        self._stat = Path("/proc", Path(place, "ovs-vswitchd.pid").read_text().strip(), "stat")

    def _run(self, *command: str, given: str = "") -> None:
        subprocess.run(
            command, input=given, text=True, env=self._environment, check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _connect(self, name: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(f"{self._place}/{name}.sock")
        return connection

    def _cpu(self) -> float:
        """proc(5): user and system time, over all threads."""
        words = self._stat.read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / TICKS

    def megaflows(self, *, on: bool) -> None:
        """Forget all, and remember only single connections or not."""
        self._run("ovs-appctl", f"upcall/{'enable' if on else 'disable'}-megaflows")
        self._run("ovs-appctl", "revalidator/purge")

    def run(self, frames: Sequence[bytes]) -> float:
        """Seconds of processor time for a frame."""
        wanted = sum(len(frame) + 2 for frame in frames)
        arrived = 0

        def receive() -> None:
            nonlocal arrived
            while arrived < wanted and (data := self._receiver.recv(1 << 16)):
                arrived += len(data)

        receiver = threading.Thread(target=receive)
        receiver.start()
        began = self._cpu()
        for frame in frames:
            self._sender.sendall(struct.pack("!H", len(frame)) + frame)
        receiver.join()
        if arrived != wanted:
            raise SystemExit(f"Open vSwitch: {arrived} of {wanted} bytes arrived")
        return (self._cpu() - began) / len(frames)

    def close(self) -> None:
        """End its processes."""
        for connection in (self._sender, self._receiver):
            connection.close()
        for name in ("ovs-vswitchd", "ovsdb-server"):
            os.kill(int(Path(self._place, f"{name}.pid").read_text()), 15)


@contextmanager
def theirs(flows: Sequence[str], ports: dict[str, int]) -> Iterator[Theirs]:
    """A switch of Debian's with ``flows``."""
    with tempfile.TemporaryDirectory(prefix="sw", dir="/tmp", ignore_cleanup_errors=True) as place:
        switch = Theirs(place, flows, ports)
        try:
            yield switch
        finally:
            switch.close()


def line(what: str, figures: Sequence[float]) -> None:
    """One line: the median, and what that is in frames a second."""
    median = statistics.median(figures)
    print(f"{what:<44} {median * 1e6:8.1f} us {1 / median:10,.0f}/s")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20_000, help="for each figure")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ours = Ours()
    same = [datagram(FIRST_PORT)] * options.frames
    new = [datagram(FIRST_PORT + number) for number in range(min(options.frames, 10_000))]
    rounds = range(options.rounds)
    print(f"{len(ours.flows)} flows; processor time for a frame, and frames for a second of it")
    line("ours, remembered", [ours.run(same, remembered=True) for _ in rounds])
    line("ours, new", [ours.run(new, remembered=False) for _ in rounds])
    if shutil.which(DEBIAN) is None:
        print(f"{DEBIAN} is not installed: its figures are missing")
        return 0
    wire = [f"in_port={number},actions=output:{other}" for number, other in _crossed(ours.ports)]
    with theirs(wire, ours.ports) as switch:
        line("Open vSwitch, one flow from port to port", [switch.run(same) for _ in rounds])
    with theirs(ours.flows, ours.ports) as switch:
        line("Open vSwitch, remembered", [switch.run(same) for _ in rounds])
        figures = []
        for _ in rounds:
            switch.megaflows(on=False)
            figures.append(switch.run(new))
        line("Open vSwitch, new", figures)
    return 0


def _crossed(ports: dict[str, int]) -> list[tuple[int, int]]:
    one, other = ports.values()
    return [(one, other), (other, one)]


if __name__ == "__main__":
    sys.exit(main())
