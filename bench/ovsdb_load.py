"""Load for database servers: rows of a southbound database, servers as processes, clients as bare sockets.

A generator must cost less than what it measures.  So requests are encoded beforehand, replies are not
parsed (a message ends where its braces do; ours and C's rows have none in strings that do not match), and
many clients are served by one epoll loop.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

DEBIAN: Final = "/usr/sbin/ovsdb-server"
SCHEMA: Final = Path("/usr/share/ovn/ovn-sb.ovsschema")
OURS: Final = str(Path(sys.executable).parent / "ovsdb-server")
DATABASE: Final = "OVN_Southbound"
PROGRAMS: Final = {"ours": OURS, "C": DEBIAN}
_READ: Final = 1 << 20
_CPUS: Final = sorted(os.sched_getaffinity(0))
SERVERS_CPU: Final = _CPUS[-1] if len(_CPUS) > 1 else None
"""Where the servers run, ours and C's; the clients run elsewhere (``keep_clients_away``)."""
_STAGES: Final = (
    "ls_in_check_port_sec", "ls_in_lookup_fdb", "ls_in_pre_acl", "ls_in_pre_lb", "ls_in_acl_hint",
    "ls_in_acl", "ls_in_qos_mark", "ls_in_arp_rsp", "ls_in_dhcp_options", "ls_in_l2_lkup",
)  # fmt: skip


def keep_clients_away() -> None:
    """Leave the servers' processor to them.

    Left alone, the system wakes the clients on the processor of the server that sends, or on another, as it
    happens: for a whole run one server works beside its clients and the other in turn with them.
    """
    if SERVERS_CPU is not None:
        os.sched_setaffinity(0, set(_CPUS) - {SERVERS_CPU})


def dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class Rows:
    """Logical flows, the ports that they are about, and their datapaths: nine flows per port."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self.datapaths = [self.uuid() for _ in range(100)]

    def uuid(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

    def _datapath(self, number: int) -> list[str]:
        return ["uuid", self.datapaths[number % len(self.datapaths)]]

    @staticmethod
    def mac(number: int) -> str:
        return f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"

    @staticmethod
    def ip(number: int) -> str:
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def flow(self, number: int) -> dict[str, Any]:
        port, stage = divmod(number, 9)
        ids = {
            "source": f"northd.c:{5000 + stage * 37}",
            "stage-hint": f"{self._random.getrandbits(32):08x}",
            "stage-name": _STAGES[stage],
        }
        return {
            "logical_datapath": self._datapath(port),
            "pipeline": "ingress" if stage % 3 else "egress",
            "table_id": stage,
            "priority": 50 + stage * 10,
            "match": f'inport == "lsp-{port}" && eth.src == {self.mac(port)} && ip4.src == {self.ip(port)}',
            "actions": f'outport = "lsp-{port}"; reg0[{stage}] = 1; next(pipeline=ingress,table={stage});',
            "external_ids": ["map", list(ids.items())],
        }

    def port(self, number: int, kind: str = "") -> dict[str, Any]:
        address = f"{self.mac(number)} {self.ip(number)}"
        ids = {"neutron:device_owner": "compute:nova", "neutron:revision_number": "4"}
        return {
            "datapath": self._datapath(number),
            "logical_port": f"lsp-{number}",
            "tunnel_key": 1 + number // len(self.datapaths),
            "type": kind,
            "mac": address,
            "up": True,
            "options": ["map", [["requested-chassis", f"hv{number % 200}"]]],
            "external_ids": ["map", [["name", f"port{number}"], *ids.items()]],
        }

    def contents(self, rows: int) -> dict[str, dict[str, Any]]:
        """About ``rows`` rows by table and name."""
        ports = rows // 10
        return {
            "Datapath_Binding": {
                name: {"tunnel_key": number + 1, "external_ids": ["map", [["name", f"ls{number}"]]]}
                for number, name in enumerate(self.datapaths)
            },
            "Port_Binding": {self.uuid(): self.port(number) for number in range(ports)},
            "Logical_Flow": {self.uuid(): self.flow(number) for number in range(rows - ports)},
        }


def insert(table: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"op": "insert", "table": table, "row": row}


def request(number: int, method: str, params: Sequence[Any]) -> bytes:
    return dump({"id": number, "method": method, "params": params})


def transact(number: int, *operations: dict[str, Any]) -> bytes:
    return request(number, "transact", [DATABASE, *operations])


def write_file(path: Path, contents: dict[str, dict[str, Any]]) -> None:
    """A database file as it is after a compaction."""
    with path.open("wb") as file:
        for text in (SCHEMA.read_bytes().replace(b"\n", b" "), dump({"_date": 1, **contents})):
            line = text + b"\n"
            file.write(b"OVSDB JSON %d %s\n" % (len(line), hashlib.sha1(line).hexdigest().encode()) + line)


class Wire:
    """One client."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.settimeout(60)
        self._depth = 0
        self.tail = b""

    def ask(self, data: bytes) -> bytes:
        """Send and wait for one message; its last piece."""
        self.socket.sendall(data)
        while not self.read():
            pass
        return self.tail

    def read(self) -> bool:
        """Read once; whether that ends a message."""
        data = self.socket.recv(_READ)
        if not data:
            raise ConnectionError("the server has closed the connection")
        self._depth += data.count(b"{") - data.count(b"}")
        self.tail = data
        return self._depth == 0

    def checked(self, data: bytes) -> None:
        """Ask, and see that there is no error in the answer; for what is not measured."""
        answer = self.ask(data)
        if b'"error":null' not in answer.replace(b" ", b"") or b'"details"' in answer:
            raise RuntimeError(f"{data[:300]!r}: {answer[:500]!r}")

    def close(self) -> None:
        self.socket.close()


class Crowd:
    """Many clients on one epoll."""

    def __init__(self, path: str, count: int) -> None:
        self.clients = [Wire(path) for _ in range(count)]
        self._poll = select.epoll()
        self._by_fd = {client.socket.fileno(): client for client in self.clients}
        for fd in self._by_fd:
            self._poll.register(fd, select.EPOLLIN)

    def wait(self, count: int, seconds: float = 60.0) -> None:
        """Until so many messages have come."""
        by_fd = self._by_fd
        while count:
            events = self._poll.poll(seconds)
            if not events:
                raise TimeoutError(f"{count} messages have not come")
            for fd, _event in events:
                count -= by_fd[fd].read()

    def exchange(self, requests: Sequence[Sequence[bytes]]) -> None:
        """Each client its own requests, the next when the answer is there."""
        left = {
            client.socket.fileno(): iter(some) for client, some in zip(self.clients, requests, strict=True)
        }
        open_count = 0
        for fd, some in left.items():
            self._by_fd[fd].socket.sendall(next(some))
            open_count += 1
        while open_count:
            for fd, _event in self._poll.poll():
                client = self._by_fd[fd]
                if client.read():
                    following = next(left[fd], None)
                    if following is None:
                        open_count -= 1
                    else:
                        client.socket.send(following)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self._poll.close()


class Server:
    """A server as a process on its own copy of a file."""

    def __init__(self, which: str, directory: Path, file: Path) -> None:
        self.which = which
        self.path = f"{directory}/{which}.sock"
        database = directory / f"{which}.db"
        Path(f"{directory}/.{which}.db.~lock~").unlink(missing_ok=True)
        shutil.copyfile(file, database)
        Path(self.path).unlink(missing_ok=True)
        self._log = (directory / f"{which}.log").open("wb")
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [
                PROGRAMS[which], "-vconsole:off", "-vsyslog:off", "--no-chdir",
                f"--unixctl={directory}/{which}.ctl", f"--remote=punix:{self.path}", str(database),
            ],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log,
            env={**os.environ, "OVS_RUNDIR": str(directory)},
        )  # fmt: skip
        if SERVERS_CPU is not None:
            os.sched_setaffinity(self._process.pid, {SERVERS_CPU})
        self.first = self._await()
        self.seconds_to_answer = time.perf_counter() - self.started

    def _await(self) -> Wire:
        while time.perf_counter() - self.started < 120:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.which} ends with {self._process.returncode}, see {self._log.name}")
            try:
                wire = Wire(self.path)
            except OSError:
                time.sleep(0.002)
                continue
            wire.checked(request(0, "list_dbs", []))
            return wire
        raise TimeoutError(f"{self.which} does not answer")

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")

    @property
    def cpu(self) -> float:
        """Seconds of processor time that its main thread, which does all the work, has had.

        The system adds up what a process has had when it goes to sleep, so that is waited for.
        """
        stat = Path(f"/proc/{self._process.pid}/stat")
        while stat.read_text().rpartition(")")[2].split()[0] != "S":
            pass
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0]) / 1e9

    def crowd(self, count: int, conditions: Iterable[dict[str, Any] | None]) -> Crowd:
        """Clients that follow ports and flows, each under its condition (where per table)."""
        crowd = Crowd(self.path, count)
        for client, where in zip(crowd.clients, conditions, strict=False):
            client.checked(monitor(where))
        return crowd

    def stop(self) -> None:
        self.first.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


_COLUMNS: Final = {
    "Logical_Flow": [
        "logical_datapath", "logical_dp_group", "pipeline", "table_id", "priority", "match", "actions",
        "controller_meter", "tags", "external_ids",
    ],
    "Port_Binding": [
        "datapath", "logical_port", "tunnel_key", "type", "mac", "up", "options", "external_ids", "chassis",
        "parent_port", "tag", "nat_addresses",
    ],
    "Datapath_Binding": ["tunnel_key", "external_ids"],
}  # fmt: skip


def monitor(where: dict[str, Any] | None = None, number: int = 1) -> bytes:
    """monitor_cond of what a controller looks at."""
    requests = {
        table: [{"columns": columns, **({"where": where[table]} if where and table in where else {})}]
        for table, columns in _COLUMNS.items()
    }
    return request(number, "monitor_cond", [DATABASE, ["bench", DATABASE], requests])
