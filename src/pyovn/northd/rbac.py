"""The role ``ovn-controller``: what a hypervisor's certificate lets its controller write (ovn-sb(5)).

A Connection row with ``role=ovn-controller`` makes the database server hold its clients to RBAC_Role and
RBAC_Permission, so a hypervisor that was broken into cannot speak for another one: rows that name a chassis
are written by the client whose certificate has that name.  Which columns are listed is what controllers of
the profile write, the same as ovn-northd's own, so either's rows are the other's.

The two tables are northd's alone: a row that is not listed here is deleted, as ovn-northd does.

Not here: enforcing it, which is the server's (``ovsdb.authority``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.schemas import northbound as nb
from pyovn.schemas import southbound as sb
from pyovn.sync.wants import Element, Ref, Want, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.northd.model import Item, Model

ROLE: Final = "ovn-controller"
PERMISSION: Final = sb.RBACPermission.TABLE
ANYBODY: Final = ""


class Permission(NamedTuple):
    """One row of RBAC_Permission."""

    table: str
    authorization: str
    insert_delete: bool
    update: str
    """Columns, by spaces."""


PERMISSIONS: Final = (
    Permission("Chassis", "name", True,
               "nb_cfg external_ids encaps vtep_logical_switches other_config transport_zones"),
    Permission("Chassis_Private", "name", True, "nb_cfg nb_cfg_timestamp chassis external_ids"),
    Permission("Encap", "chassis_name", True, "type options ip"),
    Permission("Port_Binding", ANYBODY, False,
               "chassis additional_chassis encap additional_encap up virtual_parent options"),
    Permission("MAC_Binding", ANYBODY, True, "logical_port ip mac datapath timestamp"),
    Permission("FDB", ANYBODY, True, "dp_key mac port_key"),
    Permission("IGMP_Group", ANYBODY, True, "address chassis datapath ports"),
    Permission("Controller_Event", ANYBODY, True, "chassis event_info event_type seq_num"),
    Permission("Service_Monitor", ANYBODY, False, "status"),
    Permission("BFD", ANYBODY, False, "status"),
)  # fmt: skip


def identify_permission(row: sb.RBACPermission) -> str:
    """The key of an actual row."""
    return row.table


def identify_role(row: sb.RBACRole) -> str:
    """The key of an actual row."""
    return row.name


def declare(model: Model) -> None:
    """Write the role and its permissions."""

    def rows(_row: nb.NBGlobal) -> Iterator[tuple[Item, str]]:
        yield want("RBAC_Role", ROLE, name=ROLE), "hypervisors may be held to this role"
        for permission in PERMISSIONS:
            columns: dict[str, Any] = {
                "table": permission.table,
                "authorization": frozenset([permission.authorization]),
                "insert_delete": permission.insert_delete,
                "update": frozenset(permission.update.split()),
            }
            yield Want(PERMISSION, permission.table, tuple(columns.items())), "a controller writes this table"
            reference = permission.table, Ref(PERMISSION, permission.table)
            yield Element("RBAC_Role", ROLE, "permissions", reference), "a controller writes this table"

    model.want_sb("rbac", model.northbound.table(nb.NBGlobal), rows)
