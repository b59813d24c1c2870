"""ovn-northd: ours and Debian's in turn, on the same northbound, each over a Debian ovsdb-server of its own.

For each network: the time from the start of the daemon until NB_Global.sb_cfg acknowledges the contents, and
the latency of single changes from the northbound transaction to sb_cfg (for "port up": from the southbound
transaction to Logical_Switch_Port.up), with the daemon's CPU time, and the rows and bytes by which the
southbound's journal grew.  Prints a table in Markdown; ``--quick`` leaves the large networks out.

Latency includes the database servers' part, which is the same program on both sides.  Ours runs as pip
installs it, from compiled bytecode and without what only developers have.  ``--check`` exits with 1 when a
target of docs/performance.md is missed both by the clock and by the CPU time of the daemon and its servers:
on a busy machine the clock shows who had to wait, and CPU time is what each has worked.  ``JITTER`` is
allowed where two of our own latencies of some milliseconds are compared, and nowhere else.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyovn.ovsdb.blocking import BlockingClient, ConnectionFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NB, SB = "OVN_Northbound", "OVN_Southbound"
NETWORKS: Final = {
    "1,000 ports": (20, 50),
    "5,000 ports": (100, 50),
    "20,000 ports": (400, 50),
    "one switch of 10,000": (1, 10_000),
    "2,000 switches of 5": (2_000, 5),
}
"""Switches and ports per switch."""
REQUIRED: Final = ("pyovn", "msgspec")
"""What pip installs for a user."""
SCRIPT: Final = "import sys\nfrom pyovn.northd.main import main\nsys.exit(main())\n"
QUICK: Final = ("1,000 ports", "5,000 ports")
COLD_STARTS: Final = 3
"""Cold starts of a network of up to ``SMALL`` ports: the median counts."""
SMALL: Final = 5_000
FASTER: Final = {"1,000 ports": 8, "5,000 ports": 60, "20,000 ports": 400}
"""How many times faster than Debian's adding a port has to be."""
FLAT: Final = 1.5
"""The most that adding a port may take in a larger network of these, in times of the smallest's."""
COLD: Final = 1.5
"""The most that a cold start may take, in times of Debian's."""
MEMORY: Final = 2.0
"""The same for memory."""
JITTER: Final = 1.25
"""By how much ``FLAT`` may be missed: a wake-up more or less is a fifth of what adding a port takes."""
Operation = dict[str, Any]


@dataclass
class Cost:
    """What one change has cost, or the median of several."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of ovn-northd alone."""
    work: list[float] = field(default_factory=list)
    """CPU of all: the servers, too."""
    rows: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)


def installed(place: Path) -> list[str]:
    """Our program in an environment of its own, as pip makes it."""
    venv.create(place, symlinks=True)
    (site,) = place.glob("lib/python*/site-packages")
    for name in REQUIRED:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        (site / name).symlink_to(Path(spec.origin).parent)
    script = place / "bin" / "ovn-northd"
    script.write_text(SCRIPT)
    return [str(place / "bin" / "python"), str(script)]


class Side:
    """A database server and one of the two daemons."""

    def __init__(self, side: str, directory: Path) -> None:
        self.side, self.directory = side, directory
        self.socket = f"unix:{directory}/db.sock"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._northd = ["/usr/bin/ovn-northd"] if side == "theirs" else installed(directory / "installed")
        for name in ("nb", "sb"):
            schema = f"/usr/share/ovn/ovn-{name}.ovsschema"
            self._run("/usr/bin/ovsdb-tool", "create", f"{directory}/{name}.db", schema)
        files = [f"{directory}/nb.db", f"{directory}/sb.db"]
        self._daemon("server", "/usr/sbin/ovsdb-server", f"--remote=p{self.socket}", *files)
        self.client = BlockingClient(self.socket, timeout=600)
        self._connect(self.client)
        if side == "ours":
            self._run(*self._northd, "--version")  # writes the bytecode

    def _connect(self, client: BlockingClient) -> None:
        """When the server listens: its socket is there a little earlier."""
        while True:
            try:
                client.connect()
            except ConnectionFailedError:
                if self.processes[0].poll() is not None:
                    raise
                time.sleep(0.01)
            else:
                return

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, env=self._environment(), capture_output=True, timeout=60)

    def _environment(self) -> dict[str, str]:
        run = {"OVS_RUNDIR": str(self.directory), "OVN_RUNDIR": str(self.directory)}
        bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.directory / "bytecode")}
        return {**os.environ, **run, **bytecode}

    def _daemon(self, name: str, *command: str) -> None:
        """Start it without ``--detach``, so that its CPU time is all of it."""
        control = self.directory / f"{name}.ctl"
        full = [*command, f"--unixctl={control}", "-vconsole:off", "-vsyslog:off"]
        self.processes.append(subprocess.Popen(full, env=self._environment()))

    def start_northd(self) -> None:
        self._daemon("northd", *self._northd, f"--ovnnb-db={self.socket}", f"--ovnsb-db={self.socket}")

    def close(self) -> None:
        self.client.close()
        for process in reversed(self.processes):
            process.terminate()
            process.wait(60)

    # -- asking --------------------------------------------------------------------------------

    def transact(self, database: str, *operations: Operation) -> list[Any]:
        reply = self.client.transact(database, operations)
        errors = [r for r in reply.results or () if isinstance(r, dict) and "error" in r]
        if reply.error or errors:
            raise RuntimeError(f"{reply.error} {errors}")
        return reply.results or []

    def follow(self) -> None:
        """Follow what is waited for."""
        self.watch = BlockingClient(self.socket, timeout=600)
        self.watch.connect()
        columns = {"NB_Global": ("sb_cfg",), "Logical_Switch_Port": ("name", "up")}
        self.replica = self.watch.fetch(NB, columns)

    def acknowledged(self, cfg: int) -> None:
        rows = self.replica.table("NB_Global").rows
        self.watch.wait_for(lambda _replica: any(values[0] == cfg for values in rows.values()))

    def cpu(self) -> tuple[float, float]:
        """CPU seconds so far: of ovn-northd, and of the servers and it together."""
        server, *northd = (_cpu_of(process.pid) for process in self.processes)
        return sum(northd), server + sum(northd)

    def memory(self) -> float:
        """Megabytes resident at the most."""
        lines = Path(f"/proc/{self.processes[-1].pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def journal(self, start: int) -> tuple[int, int]:
        """Rows in, and length of, what the southbound's file has beyond ``start``."""
        data = (self.directory / "sb.db").read_bytes()[start:]
        rows, place = 0, 0
        while place < len(data):
            end = data.index(b"\n", place)
            length = int(data[place:end].split()[2])
            record = json.loads(data[end + 1 : end + 1 + length])
            rows += sum(len(table) for name, table in record.items() if not name.startswith("_"))
            place = end + 1 + length
            place += data[place : place + 1] == b"\n"
        return rows, len(data)


def _cpu_of(pid: int) -> float:
    """proc(5), schedstat: nanoseconds on a CPU, of each thread."""
    return (
        sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    )


# -- networks ----------------------------------------------------------------------------------


def port_row(switch: int, port: int) -> Operation:
    mac = "02:" + bytes([*switch.to_bytes(2, "big"), *port.to_bytes(3, "big")]).hex(":")
    address = f"{mac} 10.{switch & 255}.{port >> 8 & 255}.{port & 255}"
    return {"name": f"p{switch}-{port}", "addresses": address, "port_security": address}


def switch_operations(number: int, ports: int) -> Iterator[Operation]:
    for n in range(ports):
        row = port_row(number, n)
        yield {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"s{number}p{n}", "row": row}
    refs = ["set", [["named-uuid", f"s{number}p{n}"] for n in range(ports)]]
    yield {"op": "insert", "table": "Logical_Switch", "row": {"name": f"sw{number}", "ports": refs}}


def fill(side: Side, switches: int, ports: int) -> None:
    """The network, in transactions of some thousand rows."""
    side.transact(NB, {"op": "insert", "table": "NB_Global", "row": {"nb_cfg": 1}})
    batch: list[Operation] = []
    for number in range(switches):
        batch += switch_operations(number, ports)
        if len(batch) > 5_000:
            side.transact(NB, *batch)
            batch = []
    if batch:
        side.transact(NB, *batch)


def add_port(name: str) -> list[Operation]:
    row = port_row(0xFFF, int(name[3:])) | {"name": name}
    mutation = ["ports", "insert", ["named-uuid", "new"]]
    where = [["name", "==", "sw0"]]
    return [
        {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": "new", "row": row},
        {"op": "mutate", "table": "Logical_Switch", "where": where, "mutations": [mutation]},
    ]


def delete_port(side: Side, name: str) -> list[Operation]:
    read = {
        "op": "select",
        "table": "Logical_Switch_Port",
        "where": [["name", "==", name]],
        "columns": ["_uuid"],
    }
    uuid = side.transact(NB, read)[0]["rows"][0]["_uuid"]
    where = [["name", "==", "sw0"]]
    mutations = [["ports", "delete", uuid]]
    return [{"op": "mutate", "table": "Logical_Switch", "where": where, "mutations": mutations}]


def delete_switch(number: int) -> list[Operation]:
    return [{"op": "delete", "table": "Logical_Switch", "where": [["name", "==", f"sw{number}"]]}]


# -- measuring ---------------------------------------------------------------------------------


class Bench:
    """One network on one side."""

    def __init__(self, side: Side, repeats: int) -> None:
        self.side, self.repeats = side, repeats
        self.cfg = 1
        self.costs: dict[str, Cost] = {}

    def note(self, name: str, change: Callable[[], None]) -> None:
        side, cost = self.side, self.costs.setdefault(name, Cost())
        size, (cpu, work) = (side.directory / "sb.db").stat().st_size, side.cpu()
        started = time.perf_counter()
        change()
        cost.seconds.append(time.perf_counter() - started)
        now = side.cpu()
        cost.cpu.append(now[0] - cpu)
        cost.work.append(now[1] - work)
        rows, length = side.journal(size) if (side.directory / "sb.db").stat().st_size > size else (0, 0)
        cost.rows.append(rows)
        cost.bytes.append(length)

    def northbound(self, name: str, operations: Sequence[Operation]) -> None:
        self.cfg += 1
        bump = {"op": "update", "table": "NB_Global", "where": [], "row": {"nb_cfg": self.cfg}}

        def change() -> None:
            self.side.transact(NB, *operations, bump)
            self.side.acknowledged(self.cfg)

        self.note(name, change)

    def cold(self) -> None:
        before = self.side.cpu()[1]
        started = time.perf_counter()
        self.side.start_northd()
        self.side.follow()
        self.side.acknowledged(1)
        seconds = time.perf_counter() - started
        cpu, work = self.side.cpu()
        rows, length = self.side.journal(0)
        self.costs["cold start"] = Cost([seconds], [cpu], [work - before], [rows], [length])

    def changes(self) -> None:
        side = self.side
        side.transact(SB, *chassis())
        self.northbound("warm up", [])
        del self.costs["warm up"]
        for n in range(self.repeats):
            self.northbound("nb_cfg alone", [])
            self.northbound("add a port", add_port(f"new{n}"))
            self.northbound("delete a port", delete_port(side, f"new{n}"))
            self.northbound("add a switch of 5", list(switch_operations(5_000 + n, 5)))
            self.northbound("delete a switch", delete_switch(5_000 + n))
            self.note("port up", lambda name=f"p0-{n % 5}": self._up(name))  # type: ignore[misc]
            side.transact(SB, bound(f"p0-{n % 5}", ["set", []]))
            self._wait_up(f"p0-{n % 5}", up=False)

    def _up(self, name: str) -> None:
        self.side.transact(SB, bound(name, self._chassis()))
        self._wait_up(name, up=True)

    def _chassis(self) -> Any:
        if not hasattr(self, "_uuid"):
            read = {"op": "select", "table": "Chassis", "where": [], "columns": ["_uuid"]}
            self._uuid = self.side.transact(SB, read)[0]["rows"][0]["_uuid"]
        return self._uuid

    def _wait_up(self, name: str, *, up: bool) -> None:
        side = self.side
        table = side.replica.table("Logical_Switch_Port")
        key = next(uuid for uuid, values in table.rows.items() if values[0] == name)
        side.watch.wait_for(lambda _replica: table.rows[key][1] is up)


def chassis() -> list[Operation]:
    features = ("port-up-notif", "ct-no-masked-label", "ovn-ct-lb-related", "mac-binding-timestamp")
    config = ["map", [[name, "true"] for name in features]]
    encap = {"type": "geneve", "ip": "192.0.2.1", "chassis_name": "hv1"}
    row = {"name": "hv1", "encaps": ["named-uuid", "e"], "other_config": config}
    return [
        {"op": "insert", "table": "Encap", "uuid-name": "e", "row": encap},
        {"op": "insert", "table": "Chassis", "row": row},
    ]


def bound(name: str, where: Any) -> Operation:
    row = {"chassis": where, "up": where[0] == "uuid"}
    return {"op": "update", "table": "Port_Binding", "where": [["logical_port", "==", name]], "row": row}


def measure(side: str, switches: int, ports: int, repeats: int) -> tuple[dict[str, Cost], float]:
    cold: list[Cost] = []
    for last in [False] * (COLD_STARTS - 1 if switches * ports <= SMALL else 0) + [True]:
        with tempfile.TemporaryDirectory(prefix="po-") as directory:
            daemons = Side(side, Path(directory))
            try:
                fill(daemons, switches, ports)
                bench = Bench(daemons, repeats)
                bench.cold()
                cold.append(bench.costs["cold start"])
                if last:
                    bench.changes()
                    memory = daemons.memory()
            finally:
                daemons.close()
    starts = bench.costs["cold start"]
    starts.seconds = [cost.seconds[0] for cost in cold]
    starts.cpu = [cost.cpu[0] for cost in cold]
    starts.work = [cost.work[0] for cost in cold]
    return bench.costs, memory


Found = dict[str, tuple[dict[str, Cost], float]]
"""Costs and megabytes by side."""


def times(one: Cost, other: Cost) -> float:
    """How many times what ``other`` cost ``one`` cost: by the clock or by CPU, whichever is kinder."""
    return min(
        statistics.median(one.seconds) / statistics.median(other.seconds),
        statistics.mean(one.work) / statistics.mean(other.work),
    )


def misses(results: dict[str, Found]) -> Iterator[str]:
    """The targets that are missed."""
    for name, found in results.items():
        ours, theirs = found["ours"][0], found["theirs"][0]
        starts = times(ours["cold start"], theirs["cold start"])
        faster = 1 / times(ours["add a port"], theirs["add a port"])
        memory = found["ours"][1] / found["theirs"][1]
        if starts > COLD:
            yield f"{name}: a cold start takes {starts:.2f} times Debian's, target {COLD}"
        if memory > MEMORY:
            yield f"{name}: memory is {memory:.2f} times Debian's, target {MEMORY}"
        if name in FASTER and faster < FASTER[name]:
            yield f"{name}: adding a port is {faster:.1f} times faster, target {FASTER[name]}"
    sizes = [name for name in FASTER if name in results]
    if sizes:
        adds = [results[name]["ours"][0]["add a port"] for name in sizes]
        for name, cost in zip(sizes[1:], adds[1:], strict=True):
            longer = times(cost, adds[0])
            if longer > FLAT * JITTER:
                yield f"{name}: adding a port takes {longer:.2f} times that at {sizes[0]}, target {FLAT}"


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def table(name: str, found: Found) -> Iterator[str]:
    yield f"\n### {name}\n"
    one_side = "median, p95 (ms) | CPU (ms) | rows, bytes"
    yield f"| change | ours: {one_side} | Debian's: {one_side} | ratio |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    ours, theirs = found["ours"][0], found["theirs"][0]
    for change, cost in ours.items():
        cells = []
        for one in (cost, theirs[change]):
            middle = statistics.median(one.seconds)
            cells.append(f"{middle * 1e3:,.1f}, {p95(one.seconds) * 1e3:,.1f}")
            cells.append(f"{statistics.mean(one.cpu) * 1e3:,.1f}")
            cells.append(f"{statistics.median(one.rows):,.0f}, {statistics.median(one.bytes):,.0f}")
        ratio = statistics.median(theirs[change].seconds) / statistics.median(cost.seconds)
        yield f"| {change} | {' | '.join(cells)} | {ratio:.3g} |"
    mine, other = found["ours"][1], found["theirs"][1]
    yield f"| memory (MB) | {mine:,.0f} | | | {other:,.0f} | | | {other / mine:.3g} |"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="our ovn-northd and Debian's, in turn")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}, few repeats")
    parser.add_argument(
        "--network", action="append", choices=list(NETWORKS), help="only this one (repeatable)"
    )
    parser.add_argument("--ports", type=int, help="another size: this many ports on switches of 50")
    parser.add_argument("--repeats", type=int, help="single changes of each kind")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--only", choices=["ours", "theirs"], help="one side, as plain figures")
    line = parser.parse_args()
    networks = {name: NETWORKS[name] for name in line.network or (QUICK if line.quick else NETWORKS)}
    if line.ports:
        networks = {f"{line.ports:,} ports": (max(line.ports // 50, 1), 50)}
    repeats = line.repeats or (5 if line.quick else 20)
    results: dict[str, Found] = {}
    for name, (switches, ports) in networks.items():
        sides = [line.only] if line.only else ["ours", "theirs"]
        found: Found = {}
        for side in sides:
            slow = side == "theirs" and switches * ports > 5_000
            found[side] = measure(side, switches, ports, min(repeats, 4) if slow else repeats)
        if line.only:
            for change, cost in found[line.only][0].items():
                print(
                    name,
                    change,
                    f"{statistics.median(cost.seconds) * 1e3:.2f} ms",
                    cost.rows[0],
                    cost.bytes[0],
                )
            print(name, "memory", f"{found[line.only][1]:.0f} MB", flush=True)
        else:
            results[name] = found
            print("\n".join(table(name, found)), flush=True)
    missed = list(misses(results))
    for text in missed:
        print(f"missed: {text}")
    return 1 if missed and line.check else 0


if __name__ == "__main__":
    sys.exit(main())
