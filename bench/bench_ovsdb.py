"""The database server against Debian's ovsdb-server, line by line in one run; replica and tools besides.

Both servers run at the same time on copies of one file, and each measurement takes them in turn, so that a
busy machine is busy for both.  A line gives both medians and the ratio, which is below 1 where ours is
better; ``--check`` ends with status 1 when a ratio is clearly above its target.  ``--quick`` takes small
counts and tells nothing of targets.  Figures are explained in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ovsdb_load import (
    DATABASE,
    DEBIAN,
    SCHEMA,
    Crowd,
    Rows,
    Server,
    Wire,
    insert,
    keep_clients_away,
    monitor,
    transact,
    write_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EQUAL: Final = 1.1
"""Machines are noisy: up to this ratio counts as equal."""
NOISE: Final = 1.1
"""``--check`` fails above the target by more than this; what is above it by less is marked."""
TRANSACTIONS: Final = 4.0
"""Seconds per transaction may be so many times C's."""
MEMORY: Final = 2.5
REPLICA_TIME: Final = 1 / 5
REPLICA_MEMORY: Final = 1 / 2
TOOL_SECONDS: Final = 0.080
NEWEST_C_SECOND_CLIENT: Final = 0.08 / 2.3
"""The newest C server's time for a second client, as a part of Debian's, which keeps no text for it."""

BIN: Final = Path(sys.executable).parent
SERVERS: Final = ("ours", "C")


class Counts(NamedTuple):
    """How much is measured."""

    rows: int
    rounds: int
    inserts: int
    batch: int
    updates: int
    """More than the others: they take milliseconds, and what else the machine does shows in each."""
    crowds: tuple[int, ...]
    tools: int


FULL: Final = Counts(100_000, 5, 2_000, 10_000, 61, (200, 500), 20)
QUICK: Final = Counts(5_000, 3, 300, 1_000, 5, (20, 50), 5)


class Report:
    """Lines, and whether all targets were reached."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def line(self, what: str, ours: list[float], other: list[float], unit: str, target: float) -> None:
        """One criterion; the values are such that less is better."""
        first, second = statistics.median(ours), statistics.median(other)
        ratio = first / second
        over = ratio > target * NOISE
        verdict = "  MISSED" if over else "  over" if ratio > target else ""
        print(
            f"{what:48s} {_shown(first, unit):>12s} {_shown(second, unit):>12s} {ratio:7.2f}  "
            f"(<= {target:.2f}){verdict}",
            flush=True,
        )
        if over:
            self.missed.append(what)


def _shown(value: float, unit: str) -> str:
    if unit == "/s":
        return f"{1 / value:.0f}/s"
    if unit == "MB":
        return f"{value:.0f} MB"
    return f"{value * 1000:.2f} ms" if value < 1 else f"{value:.2f} s"


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


class Bench:
    """All measurements of the servers."""

    def __init__(self, counts: Counts, directory: Path, report: Report) -> None:
        self.counts = counts
        self.directory = directory
        self.report = report
        self.rows = Rows()
        self.small, self.large = directory / "small.db", directory / "large.db"
        write_file(self.small, self.rows.contents(1_000))
        contents = Rows().contents(counts.rows)
        self.flow = next(iter(contents["Logical_Flow"]))
        write_file(self.large, contents)
        self.next_flow = 10_000_000

    @contextmanager
    def servers(self, file: Path) -> Iterator[list[Server]]:
        running: list[Server] = []
        try:
            running.extend(Server(which, self.directory, file) for which in SERVERS)
            yield running
        finally:
            for server in running:
                server.stop()

    def turns(
        self, servers: list[Server], measure: Callable[[Server], float], rounds: int = 0
    ) -> list[list[float]]:
        """Medians need rounds, and rounds take the servers in turn, each first every other time."""
        found: list[list[float]] = [[] for _ in servers]
        for number in range(rounds or self.counts.rounds):
            order = list(enumerate(servers))
            for index, server in order if number % 2 else reversed(order):
                found[index].append(measure(server))
        return found

    def _inserts(self, count: int) -> list[bytes]:
        first = self.next_flow
        self.next_flow += count
        return [transact(n, insert("Logical_Flow", self.rows.flow(n))) for n in range(first, first + count)]

    def transactions(self) -> None:
        counts = self.counts
        with self.servers(self.small) as servers:
            for clients in (1, 8):

                def single(server: Server, clients: int = clients) -> float:
                    each = [self._inserts(counts.inserts // clients) for _ in range(clients)]
                    if clients == 1:
                        wire = Wire(server.path)
                        wire.checked(self._inserts(1)[0])
                        seconds = timed(lambda: [wire.ask(data) for data in each[0]])
                        wire.close()
                    else:
                        crowd = Crowd(server.path, clients)
                        seconds = timed(lambda: crowd.exchange(each))
                        crowd.close()
                    return seconds / counts.inserts

                ours, other = self.turns(servers, single)
                plural = "s" if clients > 1 else ""
                self.report.line(f"single inserts, {clients} client{plural}", ours, other, "/s", TRANSACTIONS)

            def many(server: Server) -> float:
                first = self.next_flow
                self.next_flow += counts.batch
                rows = range(first, first + counts.batch)
                data = transact(1, *[insert("Logical_Flow", self.rows.flow(n)) for n in rows])
                return timed(lambda: server.first.checked(data))

            ours, other = self.turns(servers, many)
            self.report.line(f"{counts.batch} rows in one transaction", ours, other, "s", TRANSACTIONS)

    def restart(self) -> None:
        found: list[list[float]] = [[], []]
        for _ in range(self.counts.rounds):
            for index, which in enumerate(SERVERS):
                server = Server(which, self.directory, self.large)
                found[index].append(server.seconds_to_answer)
                server.stop()
        self.report.line(f"restart from {self.counts.rows} rows", found[0], found[1], "s", EQUAL)

    def snapshots(self) -> None:
        counts = self.counts
        with self.servers(self.large) as servers:
            loaded = [[server.megabytes] for server in servers]
            first: list[list[float]] = [[], []]
            second: list[list[float]] = [[], []]
            for number in range(min(counts.rounds, 3)):
                for index, server in enumerate(servers):
                    change = {
                        "op": "update",
                        "table": "Logical_Flow",
                        "where": [["_uuid", "==", ["uuid", self.flow]]],
                    }
                    server.first.checked(transact(1, {**change, "row": {"priority": number}}))
                    for times in (first, second):
                        wire = Wire(server.path)
                        times[index].append(timed(lambda wire=wire: wire.ask(monitor())))  # type: ignore[misc]  # a lambda with a default
                        wire.close()
            self.report.line(f"snapshot of {counts.rows} rows, first client", first[0], first[1], "s", EQUAL)
            self.report.line("snapshot, second client", second[0], second[1], "s", EQUAL)
            if counts is FULL:
                newest = [statistics.median(second[1]) * NEWEST_C_SECOND_CLIENT]
                self.report.line("snapshot, second client, newest C", second[0], newest, "s", EQUAL)
            self.report.line(f"memory with {counts.rows} rows", loaded[0], loaded[1], "MB", MEMORY)
            after = [[server.megabytes] for server in servers]
            self.report.line("memory after snapshots", after[0], after[1], "MB", MEMORY)

    @staticmethod
    def _update(names: list[str], number: int) -> bytes:
        """One transaction: ports go up or down."""
        operations = [
            {
                "op": "update",
                "table": "Port_Binding",
                "where": [["logical_port", "==", name]],
                "row": {
                    "up": number % 2 == 0,
                    "external_ids": ["map", [["name", name], ["revision", str(number)]]],
                },
            }
            for name in names
        ]
        return transact(number, *operations)

    def _until_last(
        self, what: str, crowds: list[Crowd], servers: list[Server], ports: list[str], count: int
    ) -> None:
        """Seconds from an update of ``ports`` until ``count`` clients have heard of it; the server's own."""
        number = 0
        work: list[list[float]] = [[] for _ in servers]

        def one(server: Server) -> float:
            nonlocal number
            number += 1
            data = self._update(ports, number)
            index = servers.index(server)
            crowd = crowds[index]
            before = server.cpu

            def run() -> None:
                server.first.socket.sendall(data)
                crowd.wait(count)

            seconds = timed(run)
            while not server.first.read():
                pass
            work[index].append(server.cpu - before)
            return seconds

        times = self.turns(servers, one, self.counts.updates)
        self.report.line(what, times[0], times[1], "s", EQUAL)
        self.report.line("  the server's processor time", work[0], work[1], "s", EQUAL)

    def fan_out(self) -> None:
        with self.servers(self.small) as servers:
            for size in self.counts.crowds:
                crowds = [server.crowd(size, [None] * size) for server in servers]
                self._until_last(f"one row to {size} clients", crowds, servers, ["lsp-7"], size)
                for crowd in crowds:
                    crowd.close()

    def conditions(self) -> None:
        """Each client as the controller of one hypervisor: its ports, their datapath, what is for all."""
        size = self.counts.crowds[-1]
        with self.servers(self.small) as servers:
            for server in servers:
                for number in range(200, 200 + size):
                    server.first.checked(transact(number, insert("Port_Binding", self.rows.port(number))))
                shared = {**self.rows.port(1_000), "type": "localport"}
                server.first.checked(transact(1, insert("Port_Binding", shared)))

            def where(number: int) -> dict[str, Any]:
                name = self.rows.uuid()  # a datapath of which there is nothing yet
                return {
                    "Port_Binding": [
                        ["logical_port", "==", f"lsp-{200 + number}"], ["type", "==", "localport"],
                        ["datapath", "==", ["uuid", name]],
                    ],
                    "Logical_Flow": [
                        ["logical_datapath", "==", ["uuid", name]],
                        ["logical_datapath", "==", ["uuid", self.rows.datapaths[number % 100]]],
                    ],
                    "Datapath_Binding": [["_uuid", "==", ["uuid", name]]],
                }  # fmt: skip

            crowds = [server.crowd(size, [where(number) for number in range(size)]) for server in servers]
            ports = [f"lsp-{200 + number}" for number in range(size)]
            for what, changed, count in (
                ("one client concerned", ["lsp-203"], 1),
                ("a row concerns all", ["lsp-1000"], size),
                ("a row for each", ports, size),
            ):
                self._until_last(f"{size} conditions, {what}", crowds, servers, changed, count)
            for crowd in crowds:
                crowd.close()

    # Clients

    def replica(self) -> None:
        found: dict[str, list[list[float]]] = {"ours": [[], []], "idl": [[], []]}
        server = Server("ours", self.directory, self.large)
        try:
            for _ in range(min(3, self.counts.rounds)):
                for which, (seconds, memory) in found.items():
                    words = [sys.executable, __file__, "--replica", which, f"unix:{server.path}"]
                    done = subprocess.run(words, check=True, capture_output=True, text=True)
                    figures = json.loads(done.stdout)
                    seconds.append(figures[0])
                    memory.append(figures[1])
        finally:
            server.stop()
        rows = self.counts.rows
        ours, idl = found["ours"], found["idl"]
        self.report.line(
            f"replica of {rows} rows, against the Python IDL", ours[0], idl[0], "s", REPLICA_TIME
        )
        self.report.line("memory of the replica, against the IDL", ours[1], idl[1], "MB", REPLICA_MEMORY)

    def tools(self) -> None:
        """Whole processes, against a limit."""
        server = Server("ours", self.directory, self.small)
        try:
            name = f"unix:{server.path}"
            control = f"{self.directory}/ours.ctl"
            self._tool("ovsdb-client list-dbs", ["list-dbs", name])
            self._tool("ovs-appctl version", ["-t", control, "version"])
        finally:
            server.stop()
        for tool, file, rest in (
            ("ovn-nbctl", "/usr/share/ovn/ovn-nb.ovsschema", ["ls-list"]),
            (
                "ovs-vsctl",
                "/usr/share/openvswitch/vswitch.ovsschema",
                ["--no-wait", "get", "Open_vSwitch", ".", "_uuid"],
            ),
        ):
            path = self.directory / "tool.db"
            path.unlink(missing_ok=True)
            subprocess.run([BIN / "ovsdb-tool", "create", path, file], check=True)
            server = Server("ours", self.directory, path)
            try:
                words = [f"--db=unix:{server.path}", *rest]
                if tool == "ovs-vsctl":
                    subprocess.run([BIN / tool, words[0], "--no-wait", "init"], check=True)
                self._tool(f"{tool} {' '.join(w for w in rest[:2] if not w.startswith('-'))}", words)
            finally:
                server.stop()

    def _tool(self, what: str, words: list[str]) -> None:
        program = what.split(maxsplit=1)[0]

        def run() -> None:
            subprocess.run([BIN / program, *words], check=True, stdout=subprocess.DEVNULL)

        times = [timed(run) for _ in range(self.counts.tools)]
        self.report.line(f"{what}, against the limit", times, [TOOL_SECONDS], "s", 1.0)


# The process that loads a replica


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def load_replica(which: str, remote: str) -> None:
    """Print seconds and megabytes that a replica of the whole database takes."""
    if which == "idl":
        from ovs.db import idl
        from ovs.poller import Poller

        helper = idl.SchemaHelper(str(SCHEMA))
        helper.register_all()
        before = _resident()
        start = time.perf_counter()
        database = idl.Idl(remote, helper)
        while not database.has_ever_connected():
            database.run()
            poller = Poller()
            database.wait(poller)
            poller.timer_wait(10)
            poller.block()
        count = sum(len(table.rows) for table in database.tables.values())
    else:
        from pyovn.ovsdb.client import Client
        from pyovn.ovsdb.schema import DatabaseSchema
        from pyovn.sim.real import RealRuntime

        schema = DatabaseSchema.from_json(json.loads(SCHEMA.read_text()))
        runtime = RealRuntime()
        before = _resident()
        start = time.perf_counter()
        client = Client(
            runtime, remote, DATABASE, {name: tuple(t.columns) for name, t in schema.tables.items()}
        )
        client.on_state = lambda client: runtime.stop() if client.state == "live" else None
        client.start()
        runtime.run_forever()
        count = sum(len(table.rows) for table in client.replica.tables.values())
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, _resident() - before, count]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    parser.add_argument("--quick", action="store_true", help="small counts")
    parser.add_argument("--only", default="", help="names of measurements, by commas")
    parser.add_argument("--replica", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.replica:
        load_replica(*options.replica)
        return 0
    if not os.access(DEBIAN, os.X_OK) or not SCHEMA.exists():
        print(f"{DEBIAN} and {SCHEMA} are needed: apt-get install openvswitch-switch ovn-common")
        return 1
    keep_clients_away()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="ob-", dir="/tmp") as name:
        bench = Bench(QUICK if options.quick else FULL, Path(name), report)
        parts: dict[str, Callable[[], None]] = {
            "transactions": bench.transactions, "restart": bench.restart, "snapshots": bench.snapshots,
            "fan_out": bench.fan_out, "conditions": bench.conditions, "replica": bench.replica,
            "tools": bench.tools,
        }  # fmt: skip
        print(f"{'':48s} {'ours':>12s} {'C':>12s}   ratio  (target)")
        for part in options.only.split(",") if options.only else parts:
            parts[part]()
    if report.missed:
        print(f"{len(report.missed)} targets missed: {', '.join(report.missed)}")
    return 1 if options.check and report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
