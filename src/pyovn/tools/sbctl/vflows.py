"""What besides logical flows becomes OpenFlow flows, for ``lflow-list --vflows``: ports, neighbours,
multicast groups, chassis and load balancers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row
    from pyovn.tools.sbctl.openflow import Switch


class Section(NamedTuple):
    """One kind of rows."""

    title: str
    table: str
    columns: str
    describe: Callable[[Context, Row], str]
    datapaths: str = "datapath"
    """The column that says where a row belongs; without one it belongs everywhere."""


def _port(_context: Context, row: Row) -> str:
    return f"logical_port={row.text('logical_port')}, tunnel_key={row.integer('tunnel_key'):<5}"


def _neighbour(_context: Context, row: Row) -> str:
    return f"logical_port={row.text('logical_port')}, ip={row.text('ip')}, mac={row.text('mac')}"


def _group(context: Context, row: Row) -> str:
    ports = [context.model.find("Port_Binding", uuid) for uuid in row.atoms("ports")]
    names = ", ".join(port.text("logical_port") for port in ports if port is not None)
    return f"name={row.text('name')}, tunnel_key={row.integer('tunnel_key'):<5}, ports=({names})"


SECTIONS = (
    Section("Port Bindings", "Port_Binding", "datapath logical_port tunnel_key", _port),
    Section("MAC Bindings", "MAC_Binding", "datapath logical_port ip mac", _neighbour),
    Section("MC Groups", "Multicast_Group", "datapath name tunnel_key ports", _group),
    Section("Chassis", "Chassis", "name", lambda _context, row: f"name={row.text('name')}", ""),
)
BALANCERS = "name protocol vips datapaths"
BALANCER_GROUPS = ("datapath_group", "ls_datapath_group", "lr_datapath_group")
"""Columns with the datapaths of a load balancer as a group; which there are depends on the release."""


def need_vflows(needs: Needs) -> None:
    """Everything that ``write_vflows`` shows."""
    for section in SECTIONS:
        needs.add(section.table, *section.columns.split())
    groups = [name for name in BALANCER_GROUPS if name in needs.schema.tables["Load_Balancer"].columns]
    needs.add("Load_Balancer", *BALANCERS.split(), *groups)
    needs.add("Logical_DP_Group", "datapaths")


def write_vflows(context: Context, command: Command, datapath: Row | None, switch: Switch | None) -> None:
    """Print each kind that has rows; those of one datapath if one is given."""
    for section in SECTIONS:
        rows = [
            row
            for row in context.model.rows(section.table)
            if datapath is None or not section.datapaths or datapath.uuid in row.atoms(section.datapaths)
        ]
        _heading(command, section.title, rows)
        for row in rows:
            here = row.atoms(section.datapaths) if datapath is None and section.datapaths else ()
            where = _datapath(context, here)
            command.write(f"  {_name(command, row)}{where}{section.describe(context, row)}")
            _flows(command, row, switch)
    _write_balancers(context, command, datapath, switch)


def _heading(command: Command, title: str, rows: list[Row]) -> None:
    if rows:
        command.write(f"\n{title}:")


def _name(command: Command, row: Row) -> str:
    return f"uuid=0x{row.uuid[:8]}, " if command.given("--uuid") else ""


def _datapath(context: Context, uuids: Iterable[object]) -> str:
    found = (context.model.find("Datapath_Binding", uuid) for uuid in uuids)
    return "".join(
        f'datapath="{d.strings("external_ids").get("name", "")}", ' for d in found if d is not None
    )


def _flows(command: Command, row: Row, switch: Switch | None) -> None:
    lines: Iterable[str] = switch.lines(row.uuid) if switch is not None else ()
    for line in lines:
        command.write(f"    {line}")


def _write_balancers(context: Context, command: Command, datapath: Row | None, switch: Switch | None) -> None:
    places = {row: _places(context, row) for row in context.model.rows("Load_Balancer")}
    rows = [row for row, uuids in places.items() if datapath is None or datapath.uuid in uuids]
    _heading(command, "Load Balancers", rows)
    for row in rows:
        where = _datapath(context, places[row]) if datapath is None else ""
        protocol = row.text("protocol") or "(null)"
        command.write(f'  {_name(command, row)}name="{row.text("name")}", protocol="{protocol}", {where}')
        command.write("  vips:")
        for vip, backends in row.strings("vips").items():
            command.write(f"    {vip} = {backends}")
        command.write("")
        _flows(command, row, switch)


def _places(context: Context, row: Row) -> list[object]:
    """The datapaths of a load balancer, its own and those of its groups."""
    uuids: list[object] = list(row.atoms("datapaths"))
    for column in BALANCER_GROUPS:
        for uuid in row.atoms(column) if column in row.table.columns else ():
            group = context.model.find("Logical_DP_Group", uuid)
            uuids += group.atoms("datapaths") if group is not None else ()
    return uuids
