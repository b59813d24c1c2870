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


def need_vflows(needs: Needs) -> None:
    """Everything that ``write_vflows`` shows."""
    for section in SECTIONS:
        needs.add(section.table, *section.columns.split())
    needs.add("Load_Balancer", *BALANCERS.split())


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
            where = _datapath(context, row, section.datapaths) if datapath is None else ""
            command.write(f"  {_name(command, row)}{where}{section.describe(context, row)}")
            _flows(command, row, switch)
    _write_balancers(context, command, datapath, switch)


def _heading(command: Command, title: str, rows: list[Row]) -> None:
    if rows:
        command.write(f"\n{title}:")


def _name(command: Command, row: Row) -> str:
    return f"uuid=0x{row.uuid[:8]}, " if command.given("--uuid") else ""


def _datapath(context: Context, row: Row, column: str) -> str:
    found = (context.model.find("Datapath_Binding", uuid) for uuid in (row.atoms(column) if column else ()))
    return "".join(
        f'datapath="{d.strings("external_ids").get("name", "")}", ' for d in found if d is not None
    )


def _flows(command: Command, row: Row, switch: Switch | None) -> None:
    lines: Iterable[str] = switch.lines(row.uuid) if switch is not None else ()
    for line in lines:
        command.write(f"    {line}")


def _write_balancers(context: Context, command: Command, datapath: Row | None, switch: Switch | None) -> None:
    rows = [
        row
        for row in context.model.rows("Load_Balancer")
        if datapath is None or datapath.uuid in row.atoms("datapaths")
    ]
    _heading(command, "Load Balancers", rows)
    for row in rows:
        where = _datapath(context, row, "datapaths") if datapath is None else ""
        protocol = row.text("protocol") or "(null)"
        command.write(f'  {_name(command, row)}name="{row.text("name")}", protocol="{protocol}", {where}')
        command.write("  vips:")
        for vip, backends in row.strings("vips").items():
            command.write(f"    {vip} = {backends}")
        command.write("")
        _flows(command, row, switch)
