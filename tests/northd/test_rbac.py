from __future__ import annotations

from typing import TYPE_CHECKING

from northd_kit import SB

from pyovn.northd.rbac import PERMISSIONS

if TYPE_CHECKING:
    from northd_kit import World


def test_the_role_and_nothing_else(world: World) -> None:
    role = world.only("RBAC_Role")
    assert role["name"] == "ovn-controller"
    rows = {row["table"]: uuid for uuid, row in world.rows(SB, "RBAC_Permission").items()}
    assert role["permissions"] == rows
    assert set(rows) == {permission.table for permission in PERMISSIONS}
    encap = world.rows(SB, "RBAC_Permission")[rows["Encap"]]
    assert encap["authorization"] == {"chassis_name"}
    assert encap["update"] == {"type", "options", "ip"}
    assert encap["insert_delete"] is True


def test_what_others_do_to_it_is_repaired(world: World) -> None:
    before = world.only("RBAC_Role")
    world.sb(
        {"op": "insert", "table": "RBAC_Role", "row": {"name": "mine"}},
        {"op": "insert", "table": "RBAC_Permission", "row": {"table": "DNS"}},
        {"op": "delete", "table": "RBAC_Permission", "where": [["table", "==", "FDB"]]},
    )
    role = world.only("RBAC_Role")
    assert set(role["permissions"]) == set(before["permissions"])
    rows = world.rows(SB, "RBAC_Permission")
    assert {uuid: rows[uuid]["table"] for uuid in rows} == {u: t for t, u in role["permissions"].items()}


def test_a_restart_changes_nothing(world: World) -> None:
    before = world.rows(SB, "RBAC_Permission"), world.rows(SB, "RBAC_Role")
    world.restart()
    assert (world.rows(SB, "RBAC_Permission"), world.rows(SB, "RBAC_Role")) == before
