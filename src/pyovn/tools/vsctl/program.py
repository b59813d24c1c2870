"""The ``Program`` of ovs-vsctl: names of records, and waiting for the switch to follow.

A line that changes something raises ``Open_vSwitch.next_cfg`` in its own transaction; ovs-vswitchd copies
the number to ``cur_cfg`` when it has carried the change out (ovs-vswitchd.conf.db(5)).  Then new
interfaces without an OpenFlow port are reported: the line is done, but not all of it has worked.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.tools.ctl.connections import Place, connection_verbs, ssl_verbs
from pyovn.tools.ctl.grammar import Command, Verb
from pyovn.tools.ctl.naming import RecordId, RecordIds
from pyovn.tools.ctl.program import Follow, Program, Settings
from pyovn.tools.ctl.show import Shown, show_verb
from pyovn.tools.vsctl import attach, bridges, datapaths, ports, reset
from pyovn.tools.vsctl.layout import BRIDGE, INTERFACE, PORT, SWITCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.ovsdb.replica import Replica
    from pyovn.tools.ctl.context import Context, Needs

OPTIONS: Final = (
    opt.Option("no-wait", help="do not wait for ovs-vswitchd to reconfigure"),
    opt.Option("retry", help="keep trying to connect to server forever"),
)

SHOW: Final = (
    Shown(SWITCH, None, ("manager_options", "bridges", "ovs_version")),
    Shown(BRIDGE, "name", ("controller", "fail_mode", "datapath_type", "ports")),
    Shown(PORT, "name", ("tag", "trunks", "interfaces")),
    Shown(INTERFACE, "name", ("type", "options", "error")),
    Shown("Controller", "target", ("is_connected",)),
    Shown("Manager", "target", ("is_connected",)),
)


def _via_bridge(column: str) -> tuple[RecordId, ...]:
    return (RecordId(BRIDGE, "name", via=column),)


RECORD_IDS: Final[RecordIds] = {
    "AutoAttach": _via_bridge("auto_attach"),
    BRIDGE: (RecordId(BRIDGE, "name"),),
    "Controller": _via_bridge("controller"),
    "Flow_Sample_Collector_Set": (RecordId("Flow_Sample_Collector_Set", "id"),),
    "Flow_Table": (RecordId("Flow_Table", "name"),),
    "IPFIX": _via_bridge("ipfix"),
    INTERFACE: (RecordId(INTERFACE, "name"),),
    "Manager": (RecordId("Manager", "target"),),
    "Mirror": (RecordId("Mirror", "name"),),
    "NetFlow": _via_bridge("netflow"),
    SWITCH: (RecordId(SWITCH, None),),
    PORT: (RecordId(PORT, "name"),),
    "QoS": (RecordId(PORT, "name", via="qos"),),
    "SSL": (RecordId("SSL", None),),
    "sFlow": _via_bridge("sflow"),
}


def _default_remote(environ: Mapping[str, str]) -> str:
    return f"unix:{paths.ovs(environ).run_file('db.sock')}"


def _need(needs: Needs, settings: Settings) -> None:
    if "no-wait" not in settings.flags:
        needs.add(SWITCH, "cur_cfg", "next_cfg")
        needs.add(INTERFACE, "name", "ofport", "error")


def _before_commit(context: Context, settings: Settings) -> None:
    if "no-wait" in settings.flags or settings.dry_run or not context.model.changed:
        return
    switch = context.model.first(SWITCH)
    assert switch is not None
    context.model.increment(switch, "next_cfg")


def _follow(_settings: Settings, context: Context, counter: int) -> Follow:
    """Wait for the switch, then look at the new interfaces."""

    def reached(replica: Replica) -> bool:
        table = replica.table(SWITCH)
        position = table.columns.index("cur_cfg")
        return any(row[position] >= counter for row in table.rows.values())  # type: ignore[operator]  # integers

    return Follow(reached, lambda replica: _report_interfaces(replica, context))


def _report_interfaces(replica: Replica, context: Context) -> None:
    table = replica.table(INTERFACE)
    name, ofport, error = (table.columns.index(column) for column in ("name", "ofport", "error"))
    failed = False
    for row in context.model.rows(INTERFACE):
        values = table.rows.get(row.uuid) if row.original is None else None
        if values is None or values[ofport] not in {None, -1}:
            continue
        reason = f": {values[error]}" if values[error] else ""
        sys.stderr.write(
            f"ovs-vsctl: Error detected while setting up '{values[name]}'{reason}.  "
            "See ovs-vswitchd log for details.\n"
        )
        failed = True
    if failed:
        sys.stderr.write(f'ovs-vsctl: The default log directory is "{paths.ovs().log}".\n')


def run_init(_context: Context, _command: Command) -> None:
    """Every command creates the singleton row if need be; this one does nothing else."""


PROGRAM: Final = Program(
    name="ovs-vsctl",
    module="vsctl",
    title="ovs-vswitchd management utility",
    database="Open_vSwitch",
    singleton=SWITCH,
    verbs=(
        Verb("init", 0, 0, run_init),
        show_verb(SHOW),
        *bridges.VERBS,
        *ports.VERBS,
        *attach.VERBS,
        *datapaths.VERBS,
        *reset.VERBS,
        *connection_verbs(Place(SWITCH, "manager_options", "Manager", "vsctl"), "manager"),
        *ssl_verbs(SWITCH, 3),
    ),
    ids=RECORD_IDS,
    default_remote=_default_remote,
    options=OPTIONS,
    need=_need,
    before_commit=_before_commit,
    follow=_follow,
)
