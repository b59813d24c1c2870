"""Debian's daemons beside ours, and networks as data: what the comparing tests share."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from northd_kit import NB, SB, flows_of, switch

from pyovn.ovsdb.blocking import BlockingClient
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Flow = tuple[str, int, str, str]
"""Stage, priority, match, actions."""
Columns = dict[str, Any]
Network = dict[str, tuple[Columns, list[Columns]]]
"""Switches by name: their columns and their ports."""


class Debian:
    """Debian's ovsdb-server and ovn-northd in a directory."""

    def __init__(self, directory: Path, peer: Callable[[str], str], *, northd: str = "theirs") -> None:
        self.pids: list[Path] = []
        self.directory = directory
        self.socket = f"unix:{directory}/db.sock"
        for name in ("nb", "sb"):
            schema = f"/usr/share/ovn/ovn-{name}.ovsschema"
            self._run([peer("ovsdb-tool"), "create", f"{directory}/{name}.db", schema], directory)
        server = [f"--remote=p{self.socket}", f"{directory}/nb.db", f"{directory}/sb.db"]
        self._start(peer("ovsdb-server"), directory, *server)
        if northd == "theirs":
            databases = [f"--ovnnb-db={self.socket}", f"--ovnsb-db={self.socket}"]
            self._start(peer("ovn-northd"), directory, *databases)
        else:
            self._start_ours(directory)
        with BlockingClient(self.socket, timeout=60) as client:
            client.fetch(NB, {"NB_Global": ("nb_cfg",)})
            client.wait_for(lambda replica: bool(replica.table("NB_Global").rows))

    def _start(self, program: str, directory: Path, *arguments: str) -> None:
        name = Path(program).name
        pid = directory / f"{name}.pid"
        self.pids.append(pid)
        common = ["--detach", "--no-chdir", f"--pidfile={pid}", f"--unixctl={directory}/{name}.ctl"]
        self._run([program, *common, "-vconsole:off", "-vsyslog:off", *arguments], directory)

    def _run(self, command: list[str], directory: Path) -> None:
        environment = {**os.environ, "OVS_RUNDIR": str(directory), "OVN_RUNDIR": str(directory)}
        subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)

    def replace_northd(self, directory: Path) -> None:
        """Stop Debian's ovn-northd and start ours in its place."""
        os.kill(int(self.pids.pop().read_text()), signal.SIGTERM)
        self._start_ours(directory)

    def _start_ours(self, directory: Path) -> None:
        pid = directory / "ours.pid"
        self.pids.append(pid)
        options = ["--detach", "--no-chdir", f"--pidfile={pid}", f"--unixctl={directory}/ours.ctl"]
        options += [f"--log-file={directory}/ours.log", "-vconsole:off", "-vsyslog:off"]
        options += [f"--ovnnb-db={self.socket}", f"--ovnsb-db={self.socket}"]
        self._run([sys.executable, "-m", "pyovn.northd.main", *options], directory)

    def stop(self) -> None:
        for pid in reversed(self.pids):
            if pid.exists():
                os.kill(int(pid.read_text()), signal.SIGTERM)

    def derive(self, operations: list[Columns], *, clear: bool = True) -> dict[str, dict[Any, Columns]]:
        """Replace the northbound's switches; the southbound's rows by table when northd has caught up."""
        tables = ("Logical_Flow", "Logical_DP_Group", "Datapath_Binding", "Port_Binding", "Multicast_Group")
        wanted = {name: SOUTHBOUND.tables[name].COLUMNS for name in tables}
        with BlockingClient(self.socket, timeout=60) as client:
            if clear:
                operations = [{"op": "delete", "table": "Logical_Switch", "where": []}, *operations]
            mutation = ["nb_cfg", "+=", 1]
            bump = {"op": "mutate", "table": "NB_Global", "where": [], "mutations": [mutation]}
            read = {"op": "select", "table": "NB_Global", "where": [], "columns": ["nb_cfg"]}
            reply = client.transact(NB, [*operations, bump, read])
            assert reply.error is None, reply
            cfg = reply.results[-1]["rows"][0]["nb_cfg"]
            columns = {"SB_Global": ("nb_cfg", "options"), **wanted}
            present = client.get_schema(SB)
            replica = client.fetch(
                SB,
                {
                    table: [c for c in names if c in present.tables[table].columns]
                    for table, names in columns.items()
                },
            )
            client.wait_for(lambda r: any(values[0] == cfg for values in r.table("SB_Global").rows.values()))
            return {
                name: {
                    uuid: dict(zip(replica.table(name).columns, values, strict=True))
                    for uuid, values in replica.table(name).rows.items()
                }
                for name in tables
            }


def operations(network: Network) -> list[Columns]:
    made: list[Columns] = []
    for number, (name, (columns, ports)) in enumerate(network.items()):
        for operation in switch(name, *ports, **columns):
            text = re.sub(r"\bp(\d+)\b", rf"s{number}p\1", operation.get("uuid-name", ""))
            if text:
                operation["uuid-name"] = text
            else:
                operation["row"]["ports"] = [
                    "set",
                    [["named-uuid", f"s{number}p{i}"] for i in range(len(ports))],
                ]
            made.append(operation)
    return made


def without_hints(found: Mapping[str, Mapping[Any, Columns]]) -> Any:
    """The southbound up to UUIDs, keys and hints; flows by switch."""
    datapaths = found["Datapath_Binding"]
    names = {uuid: columns["external_ids"]["name"] for uuid, columns in datapaths.items()}
    bindings = found["Port_Binding"]
    compared = ("up", "type", "mac", "port_security", "parent_port", "tag", "options", "external_ids")
    return {
        "flows": {name: flows_of(datapaths, found, name) for name in names.values()},
        "ports": {
            (names[columns["datapath"]], columns["logical_port"]): {c: columns[c] for c in compared}
            for columns in bindings.values()
        },
        "groups": {
            (names[columns["datapath"]], columns["name"], columns["tunnel_key"]): {
                bindings[uuid]["logical_port"] for uuid in columns["ports"]
            }
            for columns in found["Multicast_Group"].values()
        },
        "datapaths": {
            columns["external_ids"]["name"]: {
                key: value for key, value in columns["external_ids"].items() if key != "logical-switch"
            }
            for columns in datapaths.values()
        },
    }
