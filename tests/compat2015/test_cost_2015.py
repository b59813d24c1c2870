"""Cost: what one port more on a large switch runs and writes, and what is bounded by the one long string."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from compat_kit import Old, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.ovsdb.requests import Reply

PORTS = 2_000


@pytest.fixture(scope="module")
def large() -> Old:
    made = Old()
    rows: list[dict[str, Any]] = [
        {
            "op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"p{n}",
            "row": {"name": f"p{n}", "addresses": f"00:00:00:00:{n >> 8:02x}:{n & 255:02x}"},
        }
        for n in range(PORTS)
    ]  # fmt: skip
    ports = ["set", [["named-uuid", f"p{n}"] for n in range(PORTS)]]
    made.transact(
        "nb", *rows, {"op": "insert", "table": "Logical_Switch", "row": {"name": "big", "ports": ports}}
    )
    made.runtime.advance(1)
    assert len(made.rows("ovn", "Bindings")) == PORTS
    return made


class Meter:
    """What a change costs the daemon."""

    def __init__(self, old: Old) -> None:
        self.old = old
        self.sent: list[list[dict[str, Any]]] = []
        old.compat.ovn_reconciler.sent = self.sent

    def operations(self) -> list[str]:
        return sorted(f"{op['op']} {op['table']}" for sent in self.sent for op in sent)

    def size(self) -> int:
        return len(json.dumps(self.sent))


def test_a_port_more_and_a_port_less(large: Old) -> None:
    meter = Meter(large)
    with large.compat.engine.recording() as ran:
        large.add("big", "new", addresses="00:00:00:ff:ff:ff")
        large.runtime.advance(1)
    assert meter.operations() == ["insert Bindings", *["insert Pipeline"] * 3, "update Pipeline"]
    # Twice where the rows that others write are read: ovn-northd's binding, and our own when it comes back.
    assert len(ran) <= 20
    chain = sum(len(json.dumps(f'outport = "p{n}"; resubmit; ')) for n in range(PORTS))
    assert meter.size() < chain + 2_000, "the chain is written once, and little else"
    meter.sent.clear()
    large.transact("nb", {
        "op": "mutate", "table": "Logical_Switch", "where": [],
        "mutations": [["ports", "delete", large.row("nb", "Logical_Switch_Port", name="new")["_uuid"]]],
    })  # fmt: skip
    assert meter.operations() == ["delete Bindings", *["delete Pipeline"] * 3, "update Pipeline"]


def test_a_hundred_ports_at_once_write_the_chain_once(large: Old) -> None:
    meter = Meter(large)
    rows: list[dict[str, Any]] = [
        {"op": "insert", "table": "Logical_Switch_Port", "uuid-name": f"q{n}", "row": {"name": f"q{n}"}}
        for n in range(100)
    ]
    ports = ["set", [["named-uuid", f"q{n}"] for n in range(100)]]
    mutation = {
        "op": "mutate",
        "table": "Logical_Switch",
        "where": [],
        "mutations": [["ports", "insert", ports]],
    }
    large.transact("nb", *rows, mutation)
    assert meter.operations().count("update Pipeline") == 1


def test_ports_that_come_faster_than_the_chain_is_written_are_put_together(large: Old) -> None:
    """A transaction that takes 50 ms is followed by a rest; what comes meanwhile is one pass."""
    meter = Meter(large)
    client, transact = large.compat._ovn, large.compat._ovn.transact

    def slowly(operations: Sequence[Any], done: Callable[[Reply], None]) -> None:
        large.runtime.call_later(0.05, lambda: transact(operations, done))

    client.transact = slowly  # type: ignore[method-assign]
    try:
        for number in range(100):
            large.add("big", f"r{number}")
            large.runtime.advance(0.01)
        large.runtime.advance(2)
    finally:
        client.transact = transact  # type: ignore[method-assign]
    names = large.names()
    assert all(f"r{number}" in names for number in range(100))
    assert meter.operations().count("update Pipeline") <= 6  # without rests 20 and more


def test_a_changed_address_writes_no_chain(large: Old) -> None:
    meter = Meter(large)
    with large.compat.engine.recording() as ran:
        large.update("nb", "Logical_Switch_Port", {"addresses": "00:00:00:ff:00:01"}, name="p7")
        large.runtime.advance(1)
    assert meter.operations() == ["delete Pipeline", "insert Pipeline", "update Bindings"]
    assert meter.size() < 2_000
    assert len(ran) <= 10


def test_a_port_that_comes_up_costs_nothing_here(large: Old) -> None:
    """What nobody reads: ``up``, and the columns that 2015 did not have."""
    meter = Meter(large)
    with large.compat.engine.recording() as ran:
        options = ["map", [["mcast_flood", "true"]]]
        large.update("nb", "Logical_Switch_Port", {"up": True, "options": options}, name="p8")
        large.runtime.advance(1)
    assert (ran, meter.sent) == ([], [])


def test_a_claim_costs_a_claim(large: Old) -> None:
    meter = Meter(large)
    with large.compat.engine.recording() as ran:
        large.claim("p9", "hostname")
    assert large.is_up("p9")
    assert len(ran) <= 12
    assert meter.sent == []


def test_an_acl_costs_one_row(large: Old) -> None:
    meter = Meter(large)
    rule = {"priority": 7, "match": "ip6", "action": "drop", "direction": "to-lport"}
    large.transact(
        "nb",
        {"op": "insert", "table": "ACL", "uuid-name": "a", "row": rule},
        {"op": "update", "table": "Logical_Switch", "where": [], "row": {"acls": ["named-uuid", "a"]}},
    )
    assert meter.operations() == ["insert Pipeline"]
    large.update("nb", "Logical_Switch", {"acls": texts()}, name="big")
