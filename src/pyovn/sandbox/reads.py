"""What the southbound says, read where it is: from the central server's own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.ovsdb.values import UUID
from pyovn.schemas.southbound import SOUTHBOUND

if TYPE_CHECKING:
    from pyovn.ovsdb.server import Server


def chassis_names(server: Server) -> dict[str, str]:
    """Names of chassis by UUID."""
    table = server.databases[SOUTHBOUND.name].database.tables["Chassis"]
    name = table.by_name["name"].position
    return {str(uuid): str(row.values[name]) for uuid, row in table.rows.items()}


def bindings(server: Server) -> dict[str, tuple[str | None, bool]]:
    """The chassis of each bound logical port, None for one that is not, and whether it is up."""
    names = chassis_names(server)
    table = server.databases[SOUTHBOUND.name].database.tables["Port_Binding"]
    columns = [table.by_name[column].position for column in ("logical_port", "chassis", "up")]
    found = {}
    for row in table.rows.values():
        port, chassis, up = (row.values[place] for place in columns)
        holder = names.get(str(chassis)) if isinstance(chassis, UUID) else None
        found[str(port)] = (holder, up is True)
    return found
