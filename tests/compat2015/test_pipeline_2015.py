"""Pipeline: the rules of 21 April 2015, and the faults of the day that are not reproduced."""

from __future__ import annotations

import json
from typing import Any

import pytest
from compat_kit import Old, texts

ONE, TWO, THREE = (f"00:00:00:00:00:0{n}" for n in (1, 2, 3))

ARTICLE = {
    (0, 100, "eth.src[40]", "drop"),
    (0, 100, "vlan.present", "drop"),
    (0, 50, 'inport == "sw0-port1"', "resubmit"),
    (0, 50, 'inport == "sw0-port2"', "resubmit"),
    (0, 0, "1", "drop"),
    (1, 100, "eth.dst[40]", 'outport = "sw0-port2"; resubmit; outport = "sw0-port1"; resubmit;'),
    (1, 50, "eth.dst == 00:00:00:00:00:01", 'outport = "sw0-port1"; resubmit;'),
    (1, 50, "eth.dst == 00:00:00:00:00:02", 'outport = "sw0-port2"; resubmit;'),
    (2, 0, "1", "resubmit"),
    (3, 50, 'outport == "sw0-port1"', 'output("sw0-port1")'),
    (3, 50, 'outport == "sw0-port2"', 'output("sw0-port2")'),
}
"""The listing of the article of that day."""


@pytest.fixture
def old() -> Old:
    made = Old()
    made.switch("sw0")
    return made


def test_the_articles_switch_has_the_articles_flows(old: Old) -> None:
    old.add("sw0", "sw0-port1", addresses=ONE)
    old.add("sw0", "sw0-port2", addresses=TWO)
    assert old.flows("sw0") == ARTICLE
    assert len(old.rows("ovn", "Pipeline")) == len(ARTICLE)


def test_a_switch_without_ports(old: Old) -> None:
    assert old.flows("sw0") == {
        (0, 100, "eth.src[40]", "drop"),
        (0, 100, "vlan.present", "drop"),
        (0, 0, "1", "drop"),
        (1, 100, "eth.dst[40]", ""),
        (2, 0, "1", "resubmit"),
    }
    old.delete("nb", "Logical_Switch", name="sw0")
    assert old.rows("ovn", "Pipeline") == []


def test_port_security_is_in_the_matches_of_tables_0_and_3(old: Old) -> None:
    old.add("sw0", "p", port_security=texts(TWO, f"{ONE} 10.0.0.1", "10.0.0.9", "nonsense"))
    assert old.flow("sw0", 0, 50) == {(f'inport == "p" && eth.src == {{{ONE} {TWO} }}', "resubmit")}
    assert old.flow("sw0", 3, 50) == {(f'outport == "p" && eth.dst == {{{ONE} {TWO} }}', 'output("p")')}
    old.update("nb", "Logical_Switch_Port", {"port_security": "10.0.0.9"}, name="p")
    assert old.flow("sw0", 0, 50) == {('inport == "p"', "resubmit")}
    assert old.flow("sw0", 3, 50) == {('outport == "p"', 'output("p")')}


def test_port_security_does_not_keep_broadcasts_from_a_port(old: Old) -> None:
    """The fault of the day: a broadcast's destination is none of the port's addresses."""
    old.add("sw0", "secure", port_security=ONE)
    old.add("sw0", "free")
    assert old.flow("sw0", 3, 100) == {('outport == "secure" && eth.dst[40]', 'output("secure")')}


def test_unknown_addresses_are_each_switchs_own(old: Old) -> None:
    """The fault of the day: one chain for all switches, with a port that was nobody's."""
    old.switch("sw1")
    old.add("sw0", "a", addresses=texts("unknown", ONE))
    old.add("sw0", "b", addresses="unknown")
    old.add("sw1", "c", addresses=TWO)
    assert old.flow("sw0", 1, 0) == {("1", 'outport = "b"; resubmit; outport = "a"; resubmit;')}
    assert old.flow("sw1", 1, 0) == set()
    old.update("nb", "Logical_Switch_Port", {"addresses": TWO}, name="b")
    old.update("nb", "Logical_Switch_Port", {"addresses": texts("unknown")}, name="c")
    assert old.flow("sw0", 1, 0) == {("1", 'outport = "a"; resubmit;')}
    assert old.flow("sw1", 1, 0) == {("1", 'outport = "c"; resubmit;')}


def test_addresses_that_are_none_make_no_flow(old: Old) -> None:
    old.add("sw0", "p", addresses=texts("0:0:0:0:0:A 10.0.0.1", "dynamic", "nonsense", ""))
    assert old.flow("sw0", 1, 50) == {("eth.dst == 00:00:00:00:00:0a", 'outport = "p"; resubmit;')}


def test_two_ports_with_one_address_have_a_flow_each(old: Old) -> None:
    old.add("sw0", "a", addresses=ONE)
    old.add("sw0", "b", addresses=ONE)
    assert {actions for _match, actions in old.flow("sw0", 1, 50)} == {
        'outport = "a"; resubmit;',
        'outport = "b"; resubmit;',
    }


def test_names_are_strings_of_json(old: Old) -> None:
    name = 'a"b\\c\n'
    old.add("sw0", name)
    assert old.flow("sw0", 3, 50) == {(f"outport == {json.dumps(name)}", f"output({json.dumps(name)})")}


@pytest.mark.parametrize(
    ("action", "becomes"),
    [
        ("allow", "resubmit"),
        ("allow-related", "resubmit"),
        ("allow-stateless", "resubmit"),
        ("drop", "drop"),
        ("reject", "drop"),
    ],
)
@pytest.mark.parametrize("direction", ["from-lport", "to-lport"])
def test_acls_are_in_table_2(old: Old, action: str, becomes: str, direction: str) -> None:
    rule = {"priority": 1001, "match": "ip4", "action": action, "direction": direction, "log": True}
    old.transact(
        "nb",
        {"op": "insert", "table": "ACL", "uuid-name": "a", "row": rule},
        {"op": "update", "table": "Logical_Switch", "where": [], "row": {"acls": ["named-uuid", "a"]}},
    )
    assert old.flow("sw0", 2, 1001) == {("ip4", becomes)}
    assert old.flow("sw0", 2, 0) == {("1", "resubmit")}
    old.update("nb", "Logical_Switch", {"acls": texts()}, name="sw0")
    assert old.flow("sw0", 2, 1001) == set()


def test_a_chain_stays_the_same_row(old: Old) -> None:
    old.add("sw0", "a")
    before = old.row("ovn", "Pipeline", match="eth.dst[40]")["_uuid"]
    old.add("sw0", "b")
    assert old.row("ovn", "Pipeline", match="eth.dst[40]")["_uuid"] == before


def test_what_is_edited_by_hand_is_put_right(old: Old) -> None:
    old.add("sw0", "a", addresses=ONE)
    want = old.flows("sw0")
    old.update("ovn", "Pipeline", {"actions": "drop"}, match="eth.dst[40]")
    old.delete("ovn", "Pipeline", match="vlan.present")
    row = {"table_id": 1, "priority": 100, "match": "eth.dst[40]", "actions": "drop"}
    row["logical_datapath"] = ["uuid", old.switch_uuid("sw0")]
    old.transact("ovn", {"op": "insert", "table": "Pipeline", "row": row})
    assert old.flows("sw0") == want


def test_every_row_says_why(old: Old) -> None:
    old.add("sw0", "a", addresses=texts(ONE, "unknown"), port_security=ONE)
    port = old.row("nb", "Logical_Switch_Port", name="a")["_uuid"][1]
    reasons: dict[Any, str] = {}
    for table in ("Pipeline", "Bindings"):
        for row in old.rows("ovn", table):
            (line,) = old.compat.why(row["_uuid"][1])
            reasons[row.get("match")] = line
    assert f"(Logical_Switch_Port {port}; pipeline_ports)" in reasons[f"eth.dst == {ONE}"]
    assert "there are no VLANs" in reasons["vlan.present"]
    assert all("not made by" not in line for line in reasons.values())
