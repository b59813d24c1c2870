"""A northd with two databases in one process, in virtual time; ``World`` is what the tests talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.northd.northd import NB_COLUMNS, SB_COLUMNS, Northd
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.local import LocalClient
from pyovn.ovsdb.server import Server
from pyovn.ovsdb.values import FrozenMap
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND
from pyovn.sim.virtual import VirtualRuntime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyovn.ovsdb.requests import Reply
    from pyovn.ovsdb.values import UUID

NB, SB = NORTHBOUND.name, SOUTHBOUND.name
SCHEMAS = {NB: NORTHBOUND, SB: SOUTHBOUND}
Row = dict[str, Any]
Operation = dict[str, Any]


class Daemon:
    """One northd with its clients."""

    def __init__(self, world: World, log: list[str]) -> None:
        server = world.server
        runtime = self.process = world.runtime.process("ovn-northd")
        self.nb = LocalClient(runtime, server, NB, NB_COLUMNS, expected=NORTHBOUND.schema)
        self.sb = LocalClient(runtime, server, SB, SB_COLUMNS, expected=SOUTHBOUND.schema)
        self.northd = Northd(runtime, self.nb, self.sb, lambda level, text: log.append(f"{level}: {text}"))
        self.sent: list[list[Operation]] = []
        """Transactions, to either database."""
        self.northd.sb_reconciler.sent = self.northd.nb_reconciler.sent = self.sent
        self.northd.start()

    def stop(self) -> None:
        self.northd.stop()

    def kill(self) -> None:
        """As SIGKILL would: what was not sent is lost, and the server hears that it is gone."""
        self.process.kill()
        self.nb.stop()
        self.sb.stop()


class World:
    """Two databases and, unless ``idle``, a northd."""

    def __init__(self, *, idle: bool = False) -> None:
        self.runtime = VirtualRuntime(seed=1)
        self.server = Server(self.runtime)
        for schema in SCHEMAS.values():
            self.server.add_database(Database(schema.schema, self.runtime.random))
        self.log: list[str] = []
        if not idle:
            self.daemon = self.start()

    def start(self) -> Daemon:
        """A northd more; the first is ``daemon``."""
        daemon = self.begin()
        self.runtime.settle()
        return daemon

    def begin(self) -> Daemon:
        """The same before it has done anything."""
        return Daemon(self, self.log)

    def restart(self) -> Daemon:
        self.daemon.stop()
        self.runtime.settle()
        self.daemon = self.start()
        return self.daemon

    @property
    def northd(self) -> Northd:
        return self.daemon.northd

    # -- the databases -------------------------------------------------------------------------

    def write(self, database: str, *operations: Operation, settle: bool = True) -> Reply:
        """One transaction, which must succeed."""
        client = LocalClient(self.runtime, self.server, database, {})
        replies: list[Reply] = []
        client.start()
        client.transact(operations, replies.append)
        if settle:
            self.runtime.settle()
        else:
            assert self.runtime.run_until(lambda: bool(replies), 0)
        client.stop()
        (reply,) = replies
        assert reply.error is None, reply.error
        return reply

    def nb(self, *operations: Operation) -> Reply:
        return self.write(NB, *operations)

    def sb(self, *operations: Operation) -> Reply:
        return self.write(SB, *operations)

    def rows(self, database: str, table: str) -> dict[UUID, Row]:
        """The rows of a table as the server has them."""
        columns = self.server.databases[database].database.tables[table]
        return {
            uuid: {column.name: row.values[column.position] for column in columns.columns}
            for uuid, row in columns.rows.items()
        }

    def only(self, table: str, **wanted: Any) -> Row:
        """The one southbound row with these values; its UUID is ``_uuid``."""
        (row,) = self.find(table, **wanted)
        return row

    def find(self, table: str, **wanted: Any) -> list[Row]:
        return [
            {**row, "_uuid": uuid}
            for uuid, row in self.rows(SB, table).items()
            if all(row[name] == value for name, value in wanted.items())
        ]

    # -- a network -----------------------------------------------------------------------------

    def add_switch(self, name: str, *ports: Row, **columns: Any) -> None:
        self.nb(*switch(name, *ports, **columns))

    def add_port(self, switch_name: str, name: str, **columns: Any) -> None:
        self.nb(*port(switch_name, name, **columns))

    def change_port(self, name: str, **columns: Any) -> None:
        self.nb(update("Logical_Switch_Port", name, **columns))

    def remove_port(self, name: str) -> None:
        uuid = next(u for u, r in self.rows(NB, "Logical_Switch_Port").items() if r["name"] == name)
        self.nb(mutate("Logical_Switch", [], "ports", "delete", ["uuid", str(uuid)]))

    def remove_switch(self, name: str) -> None:
        self.nb({"op": "delete", "table": "Logical_Switch", "where": [["name", "==", name]]})

    # -- what came of it -----------------------------------------------------------------------

    def flows(self, switch_name: str) -> set[tuple[str, int, str, str]]:
        """(stage, priority, match, actions) of all flows of a switch."""
        return flows_of(self.rows(SB, "Datapath_Binding"), self.tables(), switch_name)

    def tables(self) -> Mapping[str, Mapping[Any, Row]]:
        return {name: self.rows(SB, name) for name in ("Logical_Flow", "Logical_DP_Group")}

    def southbound(self) -> dict[str, Any]:
        """The contents without UUIDs and tunnel keys: two worlds with the same network have the same."""
        datapaths = self.rows(SB, "Datapath_Binding")
        names = {uuid: row["external_ids"]["name"] for uuid, row in datapaths.items()}
        bindings = self.rows(SB, "Port_Binding")
        ports = {uuid: row["logical_port"] for uuid, row in bindings.items()}
        return {
            "flows": {name: self.flows(name) for name in names.values()},
            "ports": {
                row["logical_port"]: {
                    **{k: v for k, v in row.items() if k not in {"tunnel_key", "datapath"}},
                    "datapath": names[row["datapath"]],
                }
                for row in bindings.values()
            },
            "groups": {
                (names[row["datapath"]], row["name"], row["tunnel_key"]): {ports[u] for u in row["ports"]}
                for row in self.rows(SB, "Multicast_Group").values()
            },
            "datapaths": sorted(names.values()),
            "addresses": {r["name"]: r["addresses"] for r in self.rows(SB, "Address_Set").values()},
        }

    def tunnel_keys(self) -> dict[str, int]:
        """Tunnel keys by the name of the switch or port."""
        found = {
            row["external_ids"]["name"]: row["tunnel_key"]
            for row in self.rows(SB, "Datapath_Binding").values()
        }
        found.update((r["logical_port"], r["tunnel_key"]) for r in self.rows(SB, "Port_Binding").values())
        return found


def flows_of(
    datapaths: Mapping[Any, Row], tables: Mapping[str, Mapping[Any, Row]], switch_name: str
) -> set[tuple[str, int, str, str]]:
    """(stage, priority, match, actions) of the flows of the switch of that name, groups expanded."""
    wanted = {uuid for uuid, row in datapaths.items() if row["external_ids"].get("name") == switch_name}
    groups = {uuid for uuid, row in tables["Logical_DP_Group"].items() if wanted & set(row["datapaths"])}
    return {
        (row["external_ids"].get("stage-name", "?"), row["priority"], row["match"], row["actions"])
        for row in tables["Logical_Flow"].values()
        if row["logical_datapath"] in wanted or row["logical_dp_group"] in groups
    }


# -- operations --------------------------------------------------------------------------------


def value(native: Any) -> Any:
    """A column's value as JSON: sets and maps from Python's."""
    if isinstance(native, dict | FrozenMap):
        return ["map", [[k, v] for k, v in native.items()]]
    if isinstance(native, set | frozenset | tuple):
        return ["set", list(native)]
    return ["set", []] if native is None else native


def row(columns: Mapping[str, Any]) -> Row:
    return {name: value(v) for name, v in columns.items()}


def insert(table: str, **columns: Any) -> Operation:
    return {"op": "insert", "table": table, "row": row(columns)}


def update(table: str, name: str, **columns: Any) -> Operation:
    column = "logical_port" if table == "Port_Binding" else "name"
    return {"op": "update", "table": table, "where": [[column, "==", name]], "row": row(columns)}


def mutate(table: str, where: list[Any], column: str, mutator: str, argument: Any) -> Operation:
    return {"op": "mutate", "table": table, "where": where, "mutations": [[column, mutator, argument]]}


def switch(name: str, *ports: Row, **columns: Any) -> Iterable[Operation]:
    """A switch with ports."""
    for i, columns_of_port in enumerate(ports):
        yield {
            "op": "insert",
            "table": "Logical_Switch_Port",
            "uuid-name": f"p{i}",
            "row": row(columns_of_port),
        }
    refs = ["set", [["named-uuid", f"p{i}"] for i in range(len(ports))]]
    yield {
        "op": "insert",
        "table": "Logical_Switch",
        "row": {**row({"name": name, **columns}), "ports": refs},
    }


def port(switch_name: str, name: str, **columns: Any) -> Iterable[Operation]:
    """A port more on a switch."""
    yield {
        "op": "insert",
        "table": "Logical_Switch_Port",
        "uuid-name": "p",
        "row": row({"name": name, **columns}),
    }
    yield mutate("Logical_Switch", [["name", "==", switch_name]], "ports", "insert", ["named-uuid", "p"])


def mac(n: int) -> str:
    return f"00:00:00:00:{n >> 8:02x}:{n & 255:02x}"
