"""What clients have come to count on in updates, beyond what the protocol promises."""

from __future__ import annotations

from typing import Any

import msgspec
from engine_kit import SCHEMA, insert, ref, uuid

from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.schema import DatabaseSchema
from pyovn.ovsdb.server import Server
from pyovn.sim.virtual import VirtualRuntime

ZERO = "00000000-0000-0000-0000-000000000000"
PYTHON_IDL = "8d0f6a0e-5b1c-11ef-9d0a-0242ac120002"


class Client:
    def __init__(self, server: Server) -> None:
        self.got: list[Any] = []
        self.session = server.connect(lambda data: self.got.append(msgspec.json.decode(data)))

    def call(self, method: str, *params: Any) -> Any:
        self.session.receive({"method": method, "params": list(params), "id": 1})
        return self.got.pop()["result"]


def served() -> Server:
    server = Server(VirtualRuntime())
    server.add_database(Database(DatabaseSchema.from_json(SCHEMA)))
    return server


def test_rows_stand_before_those_that_refer_to_them() -> None:
    server = served()
    client = Client(server)
    request: dict[str, Any] = {"Root": {}, "Plain": {}, "Kid": {}}
    client.call("monitor_cond", "T", "m", request)
    client.call(
        "transact", "T", insert("Root", 1, kids=ref(2), must=ref(3)), insert("Kid", 2), insert("Plain", 3)
    )
    (_monitor, updates) = client.got.pop()["params"]
    contents = Client(server).call("monitor", "T", "m", request)
    assert list(updates)[-1] == list(contents)[-1] == "Root"
    assert set(updates) == set(contents) == set(request)


def test_the_python_idl_is_told_everything_after_a_reconnect() -> None:
    server = served()
    writer = Client(server)
    writer.call("transact", "T", insert("Pair", 1, a=1))
    last = writer.call("monitor_cond_since", "T", "m", {"Pair": {}}, ZERO)[1]
    assert Client(server).call("monitor_cond_since", "T", "m", {"Pair": {}}, last)[0] is True
    found, again, contents = Client(server).call("monitor_cond_since", "T", PYTHON_IDL, {"Pair": {}}, last)
    assert (found, again) == (False, last)
    assert list(contents["Pair"]) == [uuid(1)]
