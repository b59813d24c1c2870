"""The ``Program`` of ovn-nbctl: options, names of records, and waiting for the network to follow.

``--wait`` (ovn-nbctl(8), "OPTIONS"): each waiting command raises ``NB_Global.nb_cfg`` by one in its own
transaction.  ovn-northd copies the number to ``sb_cfg`` once the southbound database is as new, and to
``hv_cfg`` once every chassis has reported it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.tools.ctl.connections import Place, connection_verbs, ssl_verbs
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.naming import RecordId, RecordIds
from pyovn.tools.ctl.program import Follow, Program, Settings
from pyovn.tools.nbctl import verbs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.ovsdb.replica import Replica
    from pyovn.tools.ctl.context import Context, Needs

COLUMNS: Final = ("nb_cfg", "nb_cfg_timestamp", "sb_cfg", "sb_cfg_timestamp", "hv_cfg", "hv_cfg_timestamp")

OPTIONS: Final = (
    opt.Option("wait", "", "required", "wait for chassis or southbound database", "{none|sb|hv}"),
    opt.Option("no-wait", help="do not wait for OVN reconfiguration (default)"),
    opt.Option("print-wait-time", help="print time spent on waiting"),
    opt.Option("leader-only"),
    opt.Option("no-leader-only", help="accept any cluster member, not just the leader"),
    opt.Option("shuffle-remotes"),
    opt.Option("no-shuffle-remotes", help="do not shuffle the order of remotes"),
    opt.Option("u", "u", "required", short_only=True),
    *opt.DAEMON,
    opt.UNIXCTL,
)


def _by(table: str, *columns: str) -> tuple[RecordId, ...]:
    """Names by columns; ``COLUMN:KEY`` looks into a map."""
    return tuple(RecordId(table, *column.split(":", 1)) for column in columns)


def _dhcp_options() -> tuple[RecordId, ...]:
    port = "Logical_Switch_Port"
    return tuple(
        by._replace(via=via)
        for via in ("dhcpv4_options", "dhcpv6_options")
        for by in _by(port, "name", "external_ids:neutron:port_name")
    )


RECORD_IDS: Final[RecordIds] = {
    "ACL": _by("ACL", "name"),
    "Address_Set": _by("Address_Set", "name"),
    "Chassis_Template_Var": _by("Chassis_Template_Var", "chassis"),
    "Connection": _by("Connection", "target"),
    "DHCP_Options": _dhcp_options(),
    "Forwarding_Group": _by("Forwarding_Group", "name"),
    "HA_Chassis": _by("HA_Chassis", "chassis_name"),
    "HA_Chassis_Group": _by("HA_Chassis_Group", "name"),
    "Load_Balancer": _by("Load_Balancer", "name"),
    "Load_Balancer_Group": _by("Load_Balancer_Group", "name"),
    "Load_Balancer_Health_Check": _by("Load_Balancer_Health_Check", "vip"),
    "Logical_Router": _by("Logical_Router", "name", "external_ids:neutron:router_name"),
    "Logical_Router_Port": _by("Logical_Router_Port", "name"),
    "Logical_Switch": _by("Logical_Switch", "name", "external_ids:neutron:network_name"),
    "Logical_Switch_Port": _by("Logical_Switch_Port", "name", "external_ids:neutron:port_name"),
    "Meter": _by("Meter", "name"),
    "NAT": _by("NAT", "external_ip"),
    "NB_Global": (RecordId("NB_Global", None),),
    "Port_Group": _by("Port_Group", "name"),
    "SSL": (RecordId("SSL", None),),
}


def _default_remote(environ: Mapping[str, str]) -> str:
    return environ.get("OVN_NB_DB") or f"unix:{paths.ovn(environ).run_file('ovnnb_db.sock')}"


def _configure(settings: Settings, line: opt.CommandLine) -> None:
    for given in line:
        if given.name == "wait":
            if given.value not in {"none", "sb", "hv"}:
                raise CtlError('argument to --wait must be "none", "sb", or "hv"')
            settings.wait = "" if given.value == "none" else given.value
        elif given.name == "no-wait":
            settings.wait = ""


def _need(needs: Needs, _settings: Settings) -> None:
    needs.add("NB_Global", *COLUMNS)


def _before_commit(context: Context, settings: Settings) -> None:
    if not settings.wait or settings.dry_run or not (context.model.changed or context.sync):
        return
    singleton = context.model.first("NB_Global")
    assert singleton is not None
    context.model.increment(singleton, "nb_cfg")


def _follow(settings: Settings, _context: Context, counter: int) -> Follow:
    """Wait until the stage that was asked for has reached the new number."""
    from time import time

    start = int(time() * 1000)
    row: dict[str, int] = {}

    def reached(replica: Replica) -> bool:
        table = replica.table("NB_Global")
        for values in table.rows.values():
            row.update(zip(table.columns, values, strict=True))  # type: ignore[arg-type]  # those read are integers
        return row[f"{settings.wait}_cfg"] >= counter

    def report(_replica: Replica) -> None:
        if "print-wait-time" in settings.flags:
            _print_times(settings.wait, counter, start, row)

    return Follow(reached, report)


def _print_times(wait: str, counter: int, start: int, row: Mapping[str, int]) -> None:
    print(f"Time spent on processing nb_cfg {counter}:")
    print(f"\tovn-northd delay before processing:\t{_since(start, row['nb_cfg_timestamp'])}ms")
    print(f"\tovn-northd completion:\t\t\t{_since(start, row['sb_cfg_timestamp'])}ms")
    if wait == "hv":
        print(f"\tovn-controller(s) completion:\t\t{_since(start, row['hv_cfg_timestamp'])}ms")


def _since(start: int, end: int) -> int:
    return max(end - start, 0)


PROGRAM: Final = Program(
    name="ovn-nbctl",
    module="ovn_dbctl",
    title="OVN northbound DB management utility",
    database="OVN_Northbound",
    singleton="NB_Global",
    verbs=(
        *verbs.VERBS,
        *connection_verbs(Place("NB_Global", "connections", "Connection", "nbctl"), "connection"),
        *ssl_verbs("NB_Global", 5),
    ),
    ids=RECORD_IDS,
    default_remote=_default_remote,
    options=OPTIONS,
    configure=_configure,
    need=_need,
    before_commit=_before_commit,
    follow=_follow,
    environment="OVN_NBCTL_OPTIONS",
    daemon_environment="OVN_NB_DAEMON",
)
