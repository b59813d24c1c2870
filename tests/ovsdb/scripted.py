"""A small OVSDB server for tests of clients: one table, monitors with conditions, faults on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.wire import jsonrpc

if TYPE_CHECKING:
    from pyovn.sim.runtime import Listener, Runtime, Stream

SCHEMA: dict[str, Any] = {
    "name": "D",
    "version": "1.0.0",
    "tables": {"T": {"columns": {"name": {"type": "string"}, "n": {"type": "integer"}}, "isRoot": True}},
}
ZERO = "00000000-0000-0000-0000-000000000000"


def uuid(number: int) -> str:
    return f"{number:08x}-0000-0000-0000-000000000000"


class Server:
    """Rows by name; ``history`` maps transaction ids to the rows at that time, when it is kept."""

    def __init__(self, runtime: Runtime, address: str = "punix:/db") -> None:
        self.runtime = runtime
        self.address = address
        self.rows: dict[str, dict[str, Any]] = {}
        self.schema = SCHEMA
        self.status: dict[str, Any] = {"name": "D", "model": "standalone", "connected": True, "leader": True}
        self.unknown: set[str] = set()
        self.silent: set[str] = set()
        self.history: dict[str, dict[str, dict[str, Any]]] = {}
        self.keep_history = False
        self.last_id = ZERO
        self.log: list[Any] = []
        self.streams: list[Stream] = []
        self.lock_owner: Stream | None = None
        self.conditions: dict[int, list[Any]] = {}
        self.listener: Listener | None = None
        self.up()

    def up(self) -> None:
        self.listener = self.runtime.listen(self.address, self.accept)

    def down(self) -> None:
        assert self.listener is not None
        self.listener.close()
        self.drop()

    def drop(self) -> None:
        streams, self.streams = self.streams, []
        self.lock_owner = None
        for stream in streams:
            stream.close()

    def accept(self, stream: Stream) -> None:
        decoder = jsonrpc.Decoder()
        self.streams.append(stream)

        def received(data: bytes) -> None:
            for message in decoder.feed(data):
                self.receive(stream, message)

        stream.on_data = received
        stream.on_close = lambda _reason: self.streams.remove(stream) if stream in self.streams else None

    def methods(self) -> list[str]:
        return [message.get("method", "reply") for message in self.log]

    def sent(self, method: str) -> list[Any]:
        return [message["params"] for message in self.log if message.get("method") == method]

    def send(self, stream: Stream, message: Any) -> None:
        stream.write(jsonrpc.encode(message))

    def notify(self, method: str, params: Any) -> None:
        for stream in self.streams:
            self.send(stream, jsonrpc.notification(method, params))

    def visible(self, condition: list[Any], rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        def matches(row: dict[str, Any]) -> bool:
            return not condition or any(
                c is True or (c is not False and row["name"] == c[2]) for c in condition
            )

        return {name: row for name, row in rows.items() if matches(row)}

    def difference(self, old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
        table: dict[str, Any] = {name: {"delete": None} for name in old if name not in new}
        table |= {name: {"insert": row} for name, row in new.items() if name not in old}
        for name in old.keys() & new.keys():
            changed = {c: v for c, v in new[name].items() if old[name][c] != v}
            if changed:
                table[name] = {"modify": changed}
        return {"T": table} if table else {}

    def commit(self, rows: dict[str, dict[str, Any]]) -> None:
        """Replace the contents, and tell the monitors."""
        old, self.rows = self.rows, rows
        if self.keep_history:
            self.last_id = uuid(0xF0000000 + len(self.history))
            self.history[self.last_id] = rows
        for stream in self.streams:
            condition = self.conditions.get(id(stream))
            if condition is not None:
                update = self.difference(self.visible(condition, old), self.visible(condition, rows))
                if update:
                    self.update(stream, update)

    def update(self, stream: Stream, update: Any) -> None:
        self.send(stream, jsonrpc.notification("update3", [["monid", "D"], self.last_id, update]))

    def receive(self, stream: Stream, message: Any) -> None:
        self.log.append(message)
        method, name = message.get("method"), message["id"]
        if method is None or method in self.silent:
            return
        if method in self.unknown:
            self.send(stream, {"id": name, "error": "unknown method"})
            return
        result = getattr(self, method)(stream, message["params"])
        self.send(stream, jsonrpc.response(name, result))

    def echo(self, _stream: Stream, params: Any) -> Any:
        return params

    def get_schema(self, _stream: Stream, _params: Any) -> Any:
        return self.schema

    def monitor_cond(self, stream: Stream, params: Any) -> Any:
        if params[0] == "_Server":
            return {"Database": {uuid(0xD): {"initial": self.status}}}
        return self.monitor_cond_since(stream, [*params, ZERO])[2]

    def monitor(self, _stream: Stream, _params: Any) -> Any:
        return {"T": {name: {"new": row} for name, row in self.rows.items()}}

    def monitor_cond_since(self, stream: Stream, params: Any) -> Any:
        condition = params[2]["T"][0].get("where", [])
        self.conditions[id(stream)] = condition
        now = self.visible(condition, self.rows)
        if params[3] in self.history:
            then = self.visible(condition, self.history[params[3]])
            return [True, self.last_id, self.difference(then, now)]
        return [False, self.last_id, {"T": {name: {"initial": row} for name, row in now.items()}}]

    def monitor_cond_change(self, stream: Stream, params: Any) -> Any:
        old, new = self.conditions[id(stream)], params[2]["T"][0]["where"]
        self.conditions[id(stream)] = new
        update = self.difference(self.visible(old, self.rows), self.visible(new, self.rows))
        if update:
            self.update(stream, update)
        return {}

    def transact(self, _stream: Stream, params: Any) -> Any:
        rows = dict(self.rows)
        results: list[Any] = []
        for operation in params[1:]:
            if operation["op"] != "insert":
                return [{"error": "not supported", "details": operation["op"]}]
            rows[uuid(len(rows) + 1)] = {"name": "", "n": 0} | operation["row"]
            results.append({"uuid": ["uuid", uuid(len(rows))]})
        self.commit(rows)
        return results

    def lock(self, stream: Stream, _params: Any) -> Any:
        self.lock_owner = self.lock_owner or stream
        return {"locked": self.lock_owner is stream}

    def unlock(self, _stream: Stream, _params: Any) -> Any:
        self.lock_owner = None
        return {}
