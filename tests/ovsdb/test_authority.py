"""Roles and read-only connections; the errors are worded as ovsdb-server's own, which a peers test shows."""

from __future__ import annotations

from typing import Any

import pytest

from pyovn.ovsdb.authority import ROOT, Authority
from pyovn.ovsdb.engine import Database
from pyovn.ovsdb.errors import OvsdbError
from pyovn.schemas.northbound import NORTHBOUND
from pyovn.schemas.southbound import SOUTHBOUND

Operation = dict[str, Any]


def op(kind: str, table: str, **members: Any) -> Operation:
    where: Operation = {} if kind == "insert" else {"where": []}
    return {"op": kind, "table": table, **where, **members}


@pytest.fixture
def database() -> Database:
    made = Database(SOUTHBOUND.schema)
    permissions: dict[str, Operation] = {
        "Chassis": {
            "authorization": ["set", ["name", "external_ids:owner"]],
            "insert_delete": True,
            "update": ["set", ["nb_cfg", "external_ids:a", "transport_zones"]],
        },
        "FDB": {"authorization": "", "insert_delete": True, "update": "mac"},
        "SB_Global": {"authorization": "", "insert_delete": False, "update": "nb_cfg"},
    }
    rows = [
        op("insert", "RBAC_Permission", row={"table": table, **row}, **{"uuid-name": f"p{table}"})
        for table, row in permissions.items()
    ]
    role = {
        "name": "r",
        "permissions": ["map", [[table, ["named-uuid", f"p{table}"]] for table in permissions]],
    }
    error = made.transact(
        [*rows, op("insert", "RBAC_Role", row=role), op("insert", "SB_Global", row={})]
    ).error
    assert error is None
    return made


def write(database: Database, operation: Operation, who: str | None = "hv1", role: str = "r") -> str:
    error = database.transact([operation], authority=Authority(role=role, identity=who)).error
    if error is None:
        return ""
    prefix = f'RBAC rules for client "{who or "(null)"}" role "{role}" prohibit '
    assert error.tag == "permission error", error.details
    assert error.details.startswith(prefix)
    return error.details.removeprefix(prefix)


def chassis(name: str, **columns: Any) -> Operation:
    return op("insert", "Chassis", row={"name": name, **columns})


def only(name: str, kind: str, **members: Any) -> Operation:
    return op(kind, "Chassis", **{"where": [["name", "==", name]], **members})


@pytest.fixture
def chassis_database(database: Database) -> Database:
    encaps = [
        op("insert", "Encap", row={"type": "geneve", "ip": ip}, **{"uuid-name": f"e{ip[-1]}"})
        for ip in ("1.1.1.1", "1.1.1.2")
    ]
    rows = [
        chassis(name, encaps=["named-uuid", f"e{number}"], external_ids=["map", [["owner", owner]]])
        for number, (name, owner) in enumerate({"hv1": "x", "hv2": "admin"}.items(), 1)
    ]
    assert database.transact([*encaps, *rows]).error is None
    return database


def test_a_role_writes_what_its_permissions_say_and_its_own_rows_only(chassis_database: Database) -> None:
    database = chassis_database
    assert write(database, only("hv1", "update", row={"nb_cfg": 4})) == ""
    assert write(database, only("hv1", "update", row={"hostname": "x"})) == 'modification of table "Chassis".'
    assert write(database, only("hv1", "update", row={"nb_cfg": 5}), "hv2") == (
        'modification of table "Chassis".'
    )
    assert write(database, only("hv2", "update", row={"nb_cfg": 5}), "admin") == ""
    assert write(database, op("update", "Chassis", row={"nb_cfg": 5})) == 'modification of table "Chassis".'
    more = [["nb_cfg", "+=", 1]]
    assert write(database, only("hv1", "mutate", mutations=more)) == ""
    assert write(database, only("hv1", "mutate", mutations=more), "hv2") == (
        'mutate operation on table "Chassis".'
    )
    pair = [["external_ids", "insert", ["map", [["a", "b"]]]]]
    assert write(database, only("hv1", "mutate", mutations=pair)) == 'mutate operation on table "Chassis".'
    assert write(database, only("hv1", "delete"), "hv2") == 'row deletion from table "Chassis".'
    assert write(database, only("hv1", "delete")) == ""


def test_insertions_are_judged_by_the_new_row(database: Database) -> None:
    assert write(database, chassis("hv2")) == 'row insertion into table "Chassis".'
    fdb = op("insert", "FDB", row={"mac": "a", "dp_key": 1, "port_key": 1})
    assert write(database, fdb, "anybody") == ""
    assert write(database, fdb, None) == 'row insertion into table "FDB".'
    assert write(database, op("insert", "SB_Global", row={})) == 'row insertion into table "SB_Global".'


def test_without_a_row_columns_do_not_matter_but_tables_do(database: Database) -> None:
    assert write(database, op("update", "Chassis", row={"hostname": "x"})) == ""
    assert write(database, op("update", "DNS", row={})) == 'modification of table "DNS".'
    assert write(database, op("delete", "DNS")) == 'row deletion from table "DNS".'
    assert write(database, only("none", "delete")) == ""
    assert write(database, op("delete", "SB_Global")) == 'row deletion from table "SB_Global".'
    assert write(database, op("update", "SB_Global", row={"nb_cfg": 1})) == ""


def test_a_role_that_does_not_exist_may_only_read(database: Database) -> None:
    assert write(database, op("delete", "FDB"), role="none") == 'row deletion from table "FDB".'
    outcome = database.transact([op("select", "SB_Global")], authority=Authority(role="none"))
    assert outcome.error is None


def test_a_database_without_roles_is_not_restricted() -> None:
    database = Database(NORTHBOUND.schema)
    row = op("insert", "Logical_Switch", row={"name": "s"})
    assert database.transact([row], authority=Authority(role="r")).error is None


def test_read_only(database: Database) -> None:
    authority = Authority(read_only=True)
    writes = [
        op("insert", "SB_Global", row={}),
        op("update", "SB_Global", row={}),
        op("mutate", "SB_Global", mutations=[]),
        op("delete", "SB_Global"),
        {"op": "commit", "durable": False},
    ]
    for operation in writes:
        error = database.transact([operation], authority=authority).error
        assert error is not None
        assert error.to_json() == {
            "error": "not allowed",
            "details": f"{operation['op']} operation not allowed when database server is in read only mode",
        }
    reads = [op("select", "SB_Global"), {"op": "comment", "comment": ""}]
    assert database.transact(reads, authority=authority).error is None


def test_who_may_convert() -> None:
    ROOT.check_convert("D")
    with pytest.raises(OvsdbError, match=r'"convert" of database D \(only the root role may convert'):
        Authority(role="r", identity="x").check_convert("D")
    with pytest.raises(OvsdbError, match="convert operation not allowed"):
        Authority(read_only=True).check_convert("D")
