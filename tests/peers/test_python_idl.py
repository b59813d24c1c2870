"""The Python IDL of Open vSwitch, which OpenStack's libraries stand on, against our server."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import ovs.db.idl
import ovs.poller
import pytest
from process_kit import BIN, NORTHBOUND, SOUTHBOUND, ServerProcess, run, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers


@pytest.fixture
def server(short_tmp: Path, peer: Callable[[str], str]) -> Iterator[ServerProcess]:
    databases = []
    for name, schema in (("nb", NORTHBOUND), ("sb", SOUTHBOUND)):
        databases.append(short_tmp / f"{name}.db")
        run(peer("ovsdb-tool"), "create", databases[-1], schema)
    made = ServerProcess(str(BIN / "ovsdb-server"), short_tmp, tuple(databases))
    made.start()
    yield made
    made.stop()


class Watcher(ovs.db.idl.Idl):  # type: ignore[misc]  # the library has no types
    """An IDL that notes events, and can be followed until something holds."""

    def __init__(
        self, remote: str, schema: str = NORTHBOUND, tables: dict[str, list[str]] | None = None
    ) -> None:
        helper = ovs.db.idl.SchemaHelper(schema)
        if tables is None:
            helper.register_all()
        else:
            for table, columns in tables.items():
                helper.register_columns(table, columns)
        self.events: list[tuple[str, str]] = []
        super().__init__(remote, helper)

    def notify(self, event: str, row: Any, updates: Any = None) -> None:
        del updates
        self.events.append((event, row._table.name))

    def step(self, seconds: float) -> None:
        """Wait for input for a while, unless there is some, and act on it."""
        self.run()
        poller = ovs.poller.Poller()
        self.wait(poller)
        poller.timer_wait(int(seconds * 1000))
        poller.block()
        self.run()

    def follow(self, condition: Callable[[], bool]) -> Watcher:
        until(condition, self.step)
        return self

    def ready(self) -> Watcher:
        return self.follow(lambda: self.change_seqno > 0)

    def names(self, table: str = "Logical_Switch") -> list[str]:
        return sorted(row.name for row in self.tables[table].rows.values())

    def commit(self, write: Callable[[ovs.db.idl.Transaction], None]) -> str:
        """Run a transaction to its end; how it ended."""
        transaction = ovs.db.idl.Transaction(self)
        write(transaction)
        status = transaction.commit_block()
        return str(ovs.db.idl.Transaction.status_to_string(status))


def add_switch(idl: Watcher, *names: str) -> str:
    def write(transaction: ovs.db.idl.Transaction) -> None:
        for name in names:
            transaction.insert(idl.tables["Logical_Switch"]).name = name

    return idl.commit(write)


@pytest.fixture
def idls() -> Iterator[Callable[..., Watcher]]:
    made: list[Watcher] = []

    def make(remote: str, *args: Any, **names: Any) -> Watcher:
        made.append(Watcher(remote, *args, **names))
        return made[-1].ready()

    yield make
    for idl in made:
        idl.close()


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_contents_and_transactions(kind: str, server: ServerProcess, idls: Callable[..., Watcher]) -> None:
    remote = getattr(server, kind)
    writer, reader = idls(remote), idls(remote, tables={"Logical_Switch": ["name", "ports", "external_ids"]})
    assert add_switch(writer, "a", "b") == "success"
    reader.follow(lambda: reader.names() == ["a", "b"])
    (switch,) = [row for row in writer.tables["Logical_Switch"].rows.values() if row.name == "a"]

    def write(transaction: ovs.db.idl.Transaction) -> None:
        port = transaction.insert(writer.tables["Logical_Switch_Port"])
        port.name = "p"
        port.addresses = ["dynamic"]
        switch.addvalue("ports", port)
        switch.setkey("external_ids", "key", "value")
        transaction.add_comment("a port with a key")

    assert writer.commit(write) == "success"
    (port,) = switch.ports
    assert (port.name, port.addresses, switch.external_ids) == ("p", ["dynamic"], {"key": "value"})
    reader.follow(lambda: any(row.external_ids for row in reader.tables["Logical_Switch"].rows.values()))

    def unwrite(_transaction: ovs.db.idl.Transaction) -> None:
        switch.delvalue("ports", port)
        switch.delkey("external_ids", "key")

    assert writer.commit(unwrite) == "success"
    assert not writer.tables["Logical_Switch_Port"].rows
    assert writer.commit(lambda _transaction: None) == "unchanged"
    assert ("delete", "Logical_Switch_Port") in writer.events


def test_a_row_with_a_chosen_uuid_and_a_counter(server: ServerProcess, idls: Callable[..., Watcher]) -> None:
    idl = idls(server.unix)
    chosen = ovs.db.idl.ovs.ovsuuid.from_string("11111111-2222-3333-4444-555555555555")

    def write(transaction: ovs.db.idl.Transaction) -> None:
        transaction.insert(idl.tables["NB_Global"], new_uuid=chosen, persist_uuid=True)

    assert idl.commit(write) == "success"
    assert list(idl.tables["NB_Global"].rows) == [chosen]
    transaction = ovs.db.idl.Transaction(idl)
    row = idl.tables["NB_Global"].rows[chosen]
    row.name = "counted"
    row.increment("nb_cfg")
    assert transaction.commit_block() == ovs.db.idl.Transaction.SUCCESS
    assert transaction.get_increment_new_value() == 1


def test_a_verified_value_that_has_changed_asks_for_another_try(
    server: ServerProcess, idls: Callable[..., Watcher]
) -> None:
    one, two = idls(server.unix), idls(server.tcp)
    assert add_switch(one, "sw") == "success"
    two.follow(lambda: two.names() == ["sw"])

    def rename(idl: Watcher, name: str) -> Callable[[ovs.db.idl.Transaction], None]:
        def write(_transaction: ovs.db.idl.Transaction) -> None:
            (row,) = idl.tables["Logical_Switch"].rows.values()
            row.verify("name")
            row.name = name

        return write

    stale = ovs.db.idl.Transaction(two)
    rename(two, "theirs")(stale)
    assert one.commit(rename(one, "ours")) == "success"
    assert stale.commit_block() == ovs.db.idl.Transaction.TRY_AGAIN
    two.follow(lambda: two.names() == ["ours"])
    assert two.commit(rename(two, "theirs")) == "success"


def test_an_error_of_a_transaction_is_told(server: ServerProcess, idls: Callable[..., Watcher]) -> None:
    idl = idls(server.unix)

    def write(transaction: ovs.db.idl.Transaction) -> None:
        for _ in range(2):
            transaction.insert(idl.tables["Address_Set"]).name = "same"

    assert idl.commit(write) == "error"
    assert not idl.tables["Address_Set"].rows


def test_conditions_and_their_change(server: ServerProcess, idls: Callable[..., Watcher]) -> None:
    writer, idl = idls(server.unix), idls(server.tcp, tables={"Logical_Switch": ["name"]})
    idl.cond_change("Logical_Switch", [["name", "==", "b"]])
    idl.follow(lambda: idl.tables["Logical_Switch"].condition_state.acked == [["name", "==", "b"]])
    assert add_switch(writer, "a", "b", "c") == "success"
    idl.follow(lambda: idl.names() == ["b"])
    idl.cond_change("Logical_Switch", [["name", "==", "c"], ["name", "==", "a"]])
    idl.follow(lambda: idl.names() == ["a", "c"])
    idl.cond_change("Logical_Switch", [True])
    idl.follow(lambda: idl.names() == ["a", "b", "c"])
    idl.cond_change("Logical_Switch", [False])
    idl.follow(lambda: idl.names() == [])


def test_locks_are_handed_on(server: ServerProcess, idls: Callable[..., Watcher]) -> None:
    first, second = idls(server.unix), idls(server.tcp)
    first.set_lock("one")
    first.follow(lambda: bool(first.has_lock))
    second.set_lock("one")
    second.follow(lambda: bool(second.is_lock_contended))
    assert add_switch(second, "no") == "not locked"
    assert add_switch(first, "yes") == "success"
    first.set_lock(None)
    first.step(0)
    second.follow(lambda: bool(second.has_lock))
    assert add_switch(second, "now") == "success"


def index_by_key(idl: Watcher) -> Any:
    """An index over a column that refers to rows; made before there are any."""
    index = idl.index_create("Port_Binding", "by key")
    index.add_columns("datapath", "tunnel_key")
    return index


def test_an_index_over_references_is_kept(server: ServerProcess, idls: Callable[..., Watcher]) -> None:
    """Comparing rows by reference fails in the IDL for a row that comes before the one it refers to."""
    writer = idls(server.unix, SOUTHBOUND)
    reader = Watcher(server.tcp, SOUTHBOUND)
    index = index_by_key(reader)
    reader.ready()
    late = Watcher(server.tcp, SOUTHBOUND)
    try:
        for number in range(1, 11, 2):

            def write(transaction: ovs.db.idl.Transaction, first: int = number) -> None:
                for key in (first, first + 1):
                    binding = transaction.insert(writer.tables["Port_Binding"])
                    datapath = transaction.insert(writer.tables["Datapath_Binding"])
                    datapath.tunnel_key = key
                    binding.logical_port, binding.tunnel_key, binding.datapath = f"p{key}", key, datapath

            assert writer.commit(write) == "success"
        reader.follow(lambda: len(reader.tables["Port_Binding"].rows) == 10)
        bindings = list(reader.tables["Port_Binding"].rows.values())
        for binding in bindings:
            entry = index.index_entry_from_row(binding)
            assert [row.logical_port for row in index.irange(entry, entry)] == [binding.logical_port]
        from_contents = index_by_key(late)
        late.ready()
        assert sorted(row.tunnel_key for row in from_contents) == list(range(1, 11))
    finally:
        reader.close()
        late.close()


def test_a_restart_of_the_server(server: ServerProcess, idls: Callable[..., Watcher]) -> None:
    idl = idls(f"{server.unix},{server.tcp}")
    idl.set_lock("mine")
    idl.follow(lambda: bool(idl.has_lock))
    assert add_switch(idl, "before") == "success"
    idl.cond_change("Logical_Switch", [["name", "!=", "hidden"]])
    idl.follow(lambda: idl.tables["Logical_Switch"].condition_state.acked == [["name", "!=", "hidden"]])
    server.stop(signal.SIGTERM)
    idl.step(0.1)
    server.start()
    idl.events.clear()
    idl.follow(lambda: ("create", "Logical_Switch") in idl.events and bool(idl.has_lock))
    assert idl.names() == ["before"]
    assert add_switch(idl, "after", "hidden") == "success"
    assert idl.names() == ["after", "before"]


def test_a_forced_reconnect_brings_every_row_again(
    server: ServerProcess, idls: Callable[..., Watcher]
) -> None:
    idl = idls(server.unix)
    assert add_switch(idl, "a") == "success"
    idl.events.clear()
    idl.force_reconnect()
    idl.follow(lambda: idl.events == [("create", "Logical_Switch")])
