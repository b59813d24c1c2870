"""A deployment of real processes: databases, northd, and hypervisors in network namespaces.

Each role is played by our program or by Debian's, as the test says.  Every daemon detaches, so it is ready
when its parent returns, and nothing has to be waited for by time; it is ended by its pidfile, and its
end is awaited on a pidfd.  All namespaces and files carry a name of their own and go with the stack.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BIN: Final = Path(sys.executable).parent
MASK: Final = 24


@dataclass(slots=True)
class Hypervisor:
    """A hypervisor: a namespace and a run directory."""

    name: str
    namespace: str
    directory: Path
    underlay: str
    """Its address on the physical network, without the prefix length."""

    @property
    def database(self) -> str:
        return f"unix:{self.directory}/db.sock"


@dataclass(slots=True)
class Vm:
    """A namespace with ``eth0``, a port of a hypervisor's br-int."""

    namespace: str
    ip: str
    port: str


@dataclass(slots=True)
class Stack:
    """``peer`` finds Debian's programs; ``close`` must be called, whatever happened."""

    peer: Callable[[str], str]
    directory: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="pyovn-")))
    pids: dict[Path, int] = field(default_factory=dict)
    namespaces: list[str] = field(default_factory=list)

    # -- programs ------------------------------------------------------------------------------

    def program(self, name: str, side: str) -> str:
        """The path of our or of Debian's program."""
        return str(BIN / name) if side == "ours" else self.peer(name)

    def run(self, *words: object, directory: Path | None = None, check: bool = True) -> str:
        """Run a command with the run directories set; its standard output."""
        place = str(directory or self.directory)
        names = ("RUNDIR", "LOGDIR", "DBDIR")
        environment = {**os.environ, **{f"{f}_{n}": place for f in ("OVS", "OVN") for n in names}}
        done = subprocess.run(
            [str(word) for word in words],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(
                f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}\n{self.logs()}"
            )
        return done.stdout

    def daemon(
        self, name: str, side: str, directory: Path, *arguments: object, namespace: str | None = None
    ) -> None:
        """Start a daemon; it listens when this returns."""
        pidfile = directory / f"{name}.pid"
        enter = ("ip", "netns", "exec", namespace) if namespace else ()
        options = ("--detach", "--no-chdir", f"--pidfile={pidfile}", "-vconsole:off")
        log = f"--log-file={directory / f'{name}.log'}"
        self.run(*enter, self.program(name, side), *options, log, *arguments, directory=directory)
        self.pids[pidfile] = int(pidfile.read_text())

    def kill(self, name: str, directory: Path, sign: int = signal.SIGKILL) -> None:
        """End one daemon and wait until it is gone."""
        _end(self.pids.pop(directory / f"{name}.pid"), sign)

    def leave(self, name: str, place: Hypervisor, *command: str) -> None:
        """End a hypervisor's daemon by its control command and wait until it is gone."""
        pid = self.pids[place.directory / f"{name}.pid"]
        handle = os.pidfd_open(pid)
        self.appctl(place, name, *command)
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        assert waiting.poll(5000), f"{name} does not end"
        os.close(handle)
        del self.pids[place.directory / f"{name}.pid"]

    def logs(self) -> str:
        """The end of every log, for a test that fails."""
        return "\n".join(
            f"== {path}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-15:])
            for path in sorted(self.directory.rglob("*.log"))
        )

    def close(self) -> None:
        """End every process, delete every namespace and file."""
        for pid in reversed(self.pids.values()):
            _end(pid, signal.SIGKILL)
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)
        shutil.rmtree(self.directory)

    # -- parts ---------------------------------------------------------------------------------

    def namespace(self, name: str) -> str:
        full = f"{self.directory.name}-{name}"
        self.run("ip", "netns", "add", full)
        self.namespaces.append(full)
        self.run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def central(self, *, server: str, northd: str) -> None:
        """Northbound, southbound and northd."""
        place = self.directory
        for name in ("nb", "sb"):
            schema = f"/usr/share/ovn/ovn-{name}.ovsschema"
            self.run(self.program("ovsdb-tool", "debian"), "create", place / f"{name}.db", schema)
        databases = (place / "nb.db", place / "sb.db")
        self.daemon("ovsdb-server", server, place, f"--remote=punix:{place}/db.sock", *databases)
        self.start_northd(northd)

    def start_northd(self, side: str) -> None:
        both = (f"--ovnnb-db={self.database}", f"--ovnsb-db={self.database}")
        self.daemon("ovn-northd", side, self.directory, *both)

    @property
    def database(self) -> str:
        return f"unix:{self.directory}/db.sock"

    def hypervisor(
        self, name: str, number: int, *, server: str, controller: str | None, encap: str = "geneve"
    ) -> Hypervisor:
        """A hypervisor with Debian's ovs-vswitchd and the userspace datapath."""
        directory = self.directory / name
        directory.mkdir()
        found = Hypervisor(name, self.namespace(name), directory, f"172.16.0.{number}")
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        self.run(self.program("ovsdb-tool", "debian"), "create", directory / "conf.db", schema)
        socket = f"--remote=punix:{directory}/db.sock"
        self.daemon("ovsdb-server", server, directory, socket, directory / "conf.db")
        ids = {
            "system-id": name,
            "ovn-remote": self.database,
            "ovn-encap-type": encap,
            "ovn-encap-ip": found.underlay,
        }
        self.vsctl(
            found, "--no-wait", "--", "init", "--", "set", "open", ".",
            *(f"external_ids:{k}={v}" for k, v in ids.items()),
        )  # fmt: skip
        self.start_switch(found)
        self.vsctl(
            found,
            "add-br",
            "br-int",
            "--",
            "set",
            "bridge",
            "br-int",
            "datapath_type=netdev",
            "fail-mode=secure",
        )
        if controller is not None:
            self.start_controller(found, controller)
        return found

    def start_switch(self, place: Hypervisor) -> None:
        """Debian's ovs-vswitchd."""
        options = ("--disable-system", place.database)
        self.daemon("ovs-vswitchd", "debian", place.directory, *options, namespace=place.namespace)

    def start_controller(self, hypervisor: Hypervisor, side: str) -> None:
        place = hypervisor.directory
        # ovn-controller 23.03 dies of a southbound database to which northd has not written yet.
        assert self.until(lambda: bool(self.sbctl("--bare", "--columns=_uuid", "list", "SB_Global")))
        self.daemon("ovn-controller", side, place, hypervisor.database, namespace=hypervisor.namespace)
        # Without a chassis, `--wait=hv` waits for nobody.
        self.sbctl("wait-until", "Chassis_Private", hypervisor.name)

    def link(self, a: Hypervisor, b: Hypervisor) -> None:
        """A physical network: a veth pair whose ends are ports of a bridge with the underlay address."""
        self.run(
            "ip", "link", "add", "phy", "netns", a.namespace, "type", "veth",
            "peer", "name", "phy", "netns", b.namespace,
        )  # fmt: skip
        for place in (a, b):
            self.vsctl(
                place, "add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
                "--", "add-port", "br-phy", "phy",
            )  # fmt: skip
            inside = ("ip", "-n", place.namespace)
            self.run(*inside, "link", "set", "phy", "up")
            self.run(*inside, "address", "add", f"{place.underlay}/{MASK}", "dev", "br-phy")
            self.run(*inside, "link", "set", "br-phy", "up")

    def physical(self, a: Hypervisor, b: Hypervisor, network: str) -> None:
        """A physical network for localnets: a veth pair whose ends are ports of bridges mapped to it."""
        self.run(
            "ip", "link", "add", "wire", "netns", a.namespace, "type", "veth",
            "peer", "name", "wire", "netns", b.namespace,
        )  # fmt: skip
        for place in (a, b):
            self.vsctl(
                place, "add-br", "br-ex", "--", "set", "bridge", "br-ex", "datapath_type=netdev",
                "--", "add-port", "br-ex", "wire",
                "--", "set", "open", ".", f"external_ids:ovn-bridge-mappings={network}:br-ex",
            )  # fmt: skip
            self.run("ip", "-n", place.namespace, "link", "set", "wire", "up")

    def nest(self, vm: Vm, mac: str, tag: int, ip: str, container_mac: str) -> Vm:
        """A container in a VM: an Open vSwitch in the VM that only tags (the kernel may know no VLANs)."""
        inside = Hypervisor(vm.port, vm.namespace, self.directory / f"vm-{vm.port}", vm.ip)
        inside.directory.mkdir()
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        self.run(self.program("ovsdb-tool", "debian"), "create", inside.directory / "conf.db", schema)
        socket = f"--remote=punix:{inside.directory}/db.sock"
        self.daemon("ovsdb-server", "debian", inside.directory, socket, inside.directory / "conf.db")
        self.vsctl(inside, "--no-wait", "init")
        self.start_switch(inside)
        self.vsctl(
            inside, "add-br", "br-vm", "--", "set", "bridge", "br-vm", "datapath_type=netdev",
            f'other-config:hwaddr="{mac}"', "--", "add-port", "br-vm", "eth0",
            "--", "add-port", "br-vm", "cont", f"tag={tag}",
            "--", "set", "interface", "cont", "type=internal", f'mac="{container_mac}"',
        )  # fmt: skip
        enter = ("ip", "-n", vm.namespace)
        self.run(*enter, "address", "flush", "dev", "eth0")
        for device, address in (("br-vm", vm.ip), ("cont", ip)):
            self.run(*enter, "address", "add", f"{address}/{MASK}", "dev", device)
            self.run(*enter, "link", "set", device, "up")
            self.run("ip", "netns", "exec", vm.namespace, "ethtool", "-K", device, "tx", "off")
        return Vm(vm.namespace, ip, vm.port)

    def vm(self, hypervisor: Hypervisor, port: str, ip: str, mac: str) -> Vm:
        """A namespace that is a VM, plugged into br-int."""
        vm = Vm(self.namespace(port), ip, port)
        vif = f"v{port}"
        self.run(
            "ip", "link", "add", vif, "netns", hypervisor.namespace, "type", "veth",
            "peer", "name", "eth0", "netns", vm.namespace,
        )  # fmt: skip
        self.run("ip", "-n", hypervisor.namespace, "link", "set", vif, "up")
        inside = ("ip", "-n", vm.namespace)
        self.run(*inside, "link", "set", "eth0", "address", mac)
        self.run(*inside, "address", "add", f"{ip}/{MASK}", "dev", "eth0")
        self.run(*inside, "link", "set", "eth0", "up")
        # The userspace datapath does not fill in checksums that were left to the device.
        self.run("ip", "netns", "exec", vm.namespace, "ethtool", "-K", "eth0", "tx", "off")
        self.vsctl(
            hypervisor,
            "add-port",
            "br-int",
            vif,
            "--",
            "set",
            "interface",
            vif,
            f"external_ids:iface-id={port}",
        )
        return vm

    # -- tools ---------------------------------------------------------------------------------

    def nbctl(self, *words: object) -> str:
        return self.run(self.peer("ovn-nbctl"), "-t", "15", f"--db={self.database}", *words)

    def sbctl(self, *words: object) -> str:
        return self.run(self.peer("ovn-sbctl"), "-t", "15", f"--db={self.database}", *words)

    def vsctl(self, place: Hypervisor, *words: object) -> str:
        return self.run(
            self.peer("ovs-vsctl"), "-t", "15", f"--db={place.database}", *words, directory=place.directory
        )

    def flows(self, place: Hypervisor) -> set[str]:
        """br-int's flows, without statistics."""
        text = self.run(
            self.peer("ovs-ofctl"), "-O", "OpenFlow15", "--no-stats", "dump-flows",
            f"unix:{place.directory}/br-int.mgmt", directory=place.directory,
        )  # fmt: skip
        return {line.strip() for line in text.splitlines() if "actions=" in line}

    def appctl(self, place: Hypervisor, target: str, *words: object) -> str:
        """Ask one of the hypervisor's daemons, by its control socket."""
        pid = self.pids[place.directory / f"{target}.pid"]
        return self.run(self.peer("ovs-appctl"), "-t", place.directory / f"{target}.{pid}.ctl", *words)

    def until(self, predicate: Callable[[], bool], seconds: float = 60) -> bool:
        """Ask again and again, at most so long; each asking is a program's run, which paces the loop."""
        deadline = time.monotonic() + seconds
        while not predicate():
            if time.monotonic() > deadline:
                return False
        return True

    def ping(self, vm: Vm, target: str, count: int = 3) -> list[float]:
        """Round-trip times in ms; fewer than ``count`` when some were lost."""
        text = self.run(
            "ip",
            "netns",
            "exec",
            vm.namespace,
            "ping",
            "-c",
            count,
            "-i",
            "0.05",
            "-W",
            "1",
            target,
            check=False,
        )
        return [float(line.split("time=")[1].split()[0]) for line in text.splitlines() if "time=" in line]


def _end(pid: int, sign: int) -> None:
    """Signal a process that we started, and wait until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            signal.pidfd_send_signal(handle, sign)
            waiting = select.poll()
            waiting.register(handle, select.POLLIN)
            waiting.poll(5000)
        finally:
            os.close(handle)
