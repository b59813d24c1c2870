"""ovn-sbctl's verbs on logical flows: lflow-list (dump-flows) and count-flows.

Flows are listed as a packet meets them: by datapath, ingress before egress, table, falling priority.  A
flow of a datapath group is listed under each of its datapaths.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import MANY, Command, Verb
from pyovn.tools.ctl.naming import find_row, needed_columns

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.model import Row
    from pyovn.tools.sbctl.openflow import Switch

FLOW: Final = "Logical_Flow"
DATAPATH: Final = "Datapath_Binding"
GROUP: Final = "Logical_DP_Group"
_UUID_DIGITS: Final = frozenset("0123456789abcdef-")
_PIPELINES: Final = ("ingress", "egress")
COLUMNS: Final = (
    "logical_datapath", "logical_dp_group", "pipeline", "table_id", "priority", "match", "actions",
    "external_ids",
)  # fmt: skip


class Flow(NamedTuple):
    """One flow on one datapath; sorts as flows are listed."""

    datapath_name: str
    datapath: str
    pipeline: int
    table: int
    falling_priority: int
    match: str
    actions: str
    uuid: str
    stage: str

    @property
    def heading(self) -> str:
        """The line above the flows of one pipeline."""
        return f'Datapath: "{self.datapath_name}" ({self.datapath})  Pipeline: {_PIPELINES[self.pipeline]}'


def datapath_name(row: Row) -> str:
    """What northd says the datapath is called."""
    return row.strings("external_ids").get("name", "")


def need_flows(needs: Needs, _command: Command) -> None:
    """Flows and the names of datapaths."""
    needs.add(FLOW, *COLUMNS)
    needs.add(DATAPATH, "external_ids")
    needs.add(GROUP, "datapaths")
    for table, columns in needed_columns(needs.ids, DATAPATH).items():
        needs.add(table, *columns)


def flows(context: Context, datapath: Row | None, prefixes: list[str]) -> list[Flow]:
    """The flows of one datapath or of all, whose UUIDs begin with any of ``prefixes`` if there are some."""
    found = []
    for row in context.model.rows(FLOW):
        if prefixes and not any(row.uuid.startswith(prefix) for prefix in prefixes):
            continue
        owners = row.atoms("logical_datapath")
        group = context.model.find(GROUP, row.get("logical_dp_group"))
        if group is not None:
            owners += group.atoms("datapaths")
        for uuid in owners:
            owner = context.model.find(DATAPATH, uuid)
            if owner is not None and datapath in {None, owner}:
                found.append(_flow(row, owner))
    return sorted(found)


def _flow(row: Row, owner: Row) -> Flow:
    return Flow(
        datapath_name(owner),
        owner.uuid,
        _PIPELINES.index(row.text("pipeline")),
        row.integer("table_id") or 0,
        -(row.integer("priority") or 0),
        row.text("match"),
        row.text("actions"),
        row.uuid,
        row.strings("external_ids").get("stage-name", ""),
    )


def _parse_arguments(context: Context, command: Command) -> tuple[Row | None, list[str]]:
    """The datapath, if the first argument names one, and beginnings of flows' UUIDs."""
    words = list(command.arguments)
    datapath = None
    if words:
        datapath = find_row(context.model, context.ids, DATAPATH, words[0], must_exist=False)
        if datapath is not None:
            del words[0]
    prefixes = [word.lower().removeprefix("0x") for word in words]
    for word, prefix in zip(words, prefixes, strict=True):
        if not prefix or not _UUID_DIGITS.issuperset(prefix):
            raise CtlError(f"{word} is not a UUID or the beginning of a UUID")
    return datapath, prefixes


def need_list(needs: Needs, command: Command) -> None:
    """Flows, and with ``--vflows`` what else becomes flows."""
    need_flows(needs, command)
    if command.given("--vflows"):
        from pyovn.tools.sbctl.vflows import need_vflows

        need_vflows(needs)


def _switch(command: Command) -> Switch | None:
    """The switch whose flows ``--ovs`` or ``--vflows`` asks for; ``--vflows`` alone needs none."""
    if not command.given("--ovs"):
        return None
    from pyovn.tools.sbctl.openflow import Switch

    return Switch(command.options["--ovs"], stats=command.given("--stats"))


def run_list(context: Context, command: Command) -> None:
    """Print logical flows, and with ``--ovs`` the OpenFlow flows that they have become."""
    datapath, prefixes = _parse_arguments(context, command)
    switch = _switch(command)
    for heading, group in groupby(flows(context, datapath, prefixes), key=lambda flow: flow.heading):
        command.write(heading)
        for flow in group:
            name = f"uuid=0x{flow.uuid[:8]}, " if command.given("--uuid") else ""
            command.write(
                f"  {name}table={flow.table:<2}({flow.stage:<19}), priority={-flow.falling_priority:<5}, "
                f"match=({flow.match}), action=({flow.actions})"
            )
            for line in switch.lines(flow.uuid) if switch is not None else ():
                command.write(f"    {line}")
    if command.given("--vflows"):
        from pyovn.tools.sbctl.vflows import write_vflows

        write_vflows(context, command, datapath, switch)


def need_multicast(needs: Needs, _command: Command) -> None:
    """Datapaths by name, and their multicast configuration."""
    needs.add("IP_Multicast", "datapath", "seq_no")
    for table, columns in needed_columns(needs.ids, DATAPATH).items():
        needs.add(table, *columns)


def run_flush_multicast(context: Context, command: Command) -> None:
    """Have the chassis forget what they learnt of multicast groups, on one datapath or on all."""
    datapath = None
    if command.arguments:
        name = command.arguments[0]
        datapath = find_row(context.model, context.ids, DATAPATH, name, must_exist=False)
        if datapath is None:
            raise CtlError(f"{name} is not a valid datapath")
    for row in context.model.rows("IP_Multicast"):
        if datapath is None or row.get("datapath") == datapath.uuid:
            row.put("seq_no", (row.integer("seq_no") or 0) + 1)


def run_count(context: Context, command: Command) -> None:
    """Print the number of logical flows by table."""
    datapath = None
    if command.arguments:
        name = command.arguments[0]
        datapath = find_row(context.model, context.ids, DATAPATH, name, must_exist=False)
        if datapath is None:
            command.write("Total number of logical flows = 0")
            return
    total = 0
    found = flows(context, datapath, [])
    for heading, group in groupby(found, key=lambda flow: flow.heading):
        in_pipeline = list(group)
        command.write(heading)
        for (table, stage), in_table in groupby(in_pipeline, key=lambda flow: (flow.table, flow.stage)):
            command.write(f"  table={table:<2}({stage:<19}) lflows={len(list(in_table))}")
        summary = heading.replace("Datapath: ", "in the datapath ").replace(")  Pipeline", ") Pipeline")
        command.write(f"Total number of logical flows {summary} = {len(in_pipeline)}\n")
        total += len(in_pipeline)
    command.write(f"Total number of logical flows = {total}")


_OPTIONS: Final = "--uuid --ovs? --stats --vflows?"
VERBS: Final = (
    Verb("lflow-list", 0, MANY, run_list, need_list, options=_OPTIONS, syntax="[DATAPATH] [LFLOW]..."),
    Verb("dump-flows", 0, MANY, run_list, need_list, options=_OPTIONS, syntax="[DATAPATH] [LFLOW]..."),
    Verb("count-flows", 0, 1, run_count, need_flows, syntax="[DATAPATH]"),
    Verb("ip-multicast-flush", 0, 1, run_flush_multicast, need_multicast, syntax="[SWITCH]"),
)
