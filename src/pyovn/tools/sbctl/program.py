"""The ``Program`` of ovn-sbctl: names of records, overview and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.tools.ctl.connections import Place, connection_verbs, ssl_verbs
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.ctl.grammar import Command, Verb
from pyovn.tools.ctl.naming import RecordId, RecordIds
from pyovn.tools.ctl.program import Program, Settings
from pyovn.tools.ctl.show import Shown, show_verb
from pyovn.tools.sbctl import chassis, flows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.tools.ctl.context import Context

OPTIONS: Final = (
    opt.Option("wait", "", "optional"),
    opt.Option("no-wait"),
    opt.Option("leader-only"),
    opt.Option("no-leader-only", help="accept any cluster member, not just the leader"),
    opt.Option("shuffle-remotes"),
    opt.Option("no-shuffle-remotes"),
    opt.Option("u", "u", "required", short_only=True),
    *opt.DAEMON,
    opt.UNIXCTL,
)

SHOW: Final = (
    Shown("Chassis", "name", ("hostname", "encaps"), ("Port_Binding", "chassis", "logical_port")),
    Shown("Encap", "type", ("ip", "options")),
)


def _by(table: str, *columns: str) -> tuple[RecordId, ...]:
    """Names by columns; ``COLUMN:KEY`` looks into a map."""
    return tuple(RecordId(table, *column.split(":", 1)) for column in columns)


_NAMED: Final = (
    "Address_Set", "Chassis", "Chassis_Private", "DHCP_Options", "DHCPv6_Options", "Gateway_Chassis",
    "HA_Chassis_Group", "Load_Balancer", "Meter", "Mirror", "Port_Group", "RBAC_Role",
)  # fmt: skip

RECORD_IDS: Final[RecordIds] = {
    **{table: _by(table, "name") for table in _NAMED},
    "Chassis_Template_Var": _by("Chassis_Template_Var", "chassis"),
    "Connection": _by("Connection", "target"),
    "Datapath_Binding": _by(
        "Datapath_Binding",
        "external_ids:name",
        "external_ids:name2",
        "external_ids:logical-switch",
        "external_ids:logical-router",
    ),
    "MAC_Binding": _by("MAC_Binding", "logical_port"),
    "Port_Binding": _by("Port_Binding", "logical_port", "external_ids:name"),
    "RBAC_Permission": _by("RBAC_Permission", "table"),
    "SB_Global": (RecordId("SB_Global", None),),
    "SSL": (RecordId("SSL", None),),
    "Service_Monitor": _by("Service_Monitor", "logical_port"),
}


def _default_remote(environ: Mapping[str, str]) -> str:
    return environ.get("OVN_SB_DB") or f"unix:{paths.ovn(environ).run_file('ovnsb_db.sock')}"


def _configure(_settings: Settings, line: opt.CommandLine) -> None:
    for given in line:
        if given.name == "wait":
            raise CtlError("--wait not supported")


def run_init(_context: Context, _command: Command) -> None:
    """Every command creates the singleton row if need be; this one does nothing else."""


PROGRAM: Final = Program(
    name="ovn-sbctl",
    module="ovn_dbctl",
    title="OVN southbound DB management utility",
    database="OVN_Southbound",
    singleton="SB_Global",
    verbs=(
        Verb("init", 0, 0, run_init),
        show_verb(SHOW),
        *chassis.VERBS,
        *flows.VERBS,
        *connection_verbs(
            Place("SB_Global", "connections", "Connection", "sbctl", access=True), "connection"
        ),
        *ssl_verbs("SB_Global", 5),
    ),
    ids=RECORD_IDS,
    default_remote=_default_remote,
    options=OPTIONS,
    configure=_configure,
    environment="OVN_SBCTL_OPTIONS",
    daemon_environment="OVN_SB_DAEMON",
)
