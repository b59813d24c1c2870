"""ovn-detrace: say which logical flows and which northbound rows the flows of a trace come from
(ovn-detrace(1)).

Reads the output of ``ovs-appctl ofproto/trace`` on standard input and copies it line by line.  The cookie
of an OpenFlow flow is the beginning of the UUID of the southbound row that it was made for; behind
the lines of each flow the rows are named, and behind logical flows the northbound rows that northd
hints at (``external_ids:stage-hint``, the beginning of a UUID too).  With ``--ovs`` a port is followed to
its interface on this hypervisor.

Lists and maps are written as the first ovn-detrace, a Python script, wrote them.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.daemon import options as opt
from pyovn.daemon import paths
from pyovn.ovsdb.blocking import BlockingClient, BlockingError
from pyovn.tools.ctl.model import Model
from pyovn.tools.tlskeys import tls_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pyovn.tools.ctl.model import Row

OPTIONS: Final = (
    opt.Option("ovnsb", "", "required", "use DATABASE as southbound DB", "DATABASE"),
    opt.Option("ovnnb", "", "required", "use DATABASE as northbound DB", "DATABASE"),
    opt.Option("ovs", help="also decode flow information from the OVS DB"),
    opt.Option("ovsdb", "", "required", "use DATABASE as OVS DB", "DATABASE"),
    opt.Option("no-leader-only", help="accept any cluster member, not just the leader"),
)
COOKIE: Final = re.compile(r".*cookie 0x([0-9a-fA-F]+)")
PORT: Final = re.compile(r"(?:\d+\. in_port=|output:)(\d+)")
FLOW: Final = re.compile(r"\s*\d+\.\s")
SOUTHBOUND: Final = {
    "Logical_Flow": (
        "logical_datapath", "logical_dp_group", "pipeline", "table_id", "priority", "match", "actions",
        "external_ids",
    ),
    "Port_Binding": ("datapath", "logical_port", "tunnel_key", "chassis"),
    "MAC_Binding": ("datapath", "logical_port", "ip", "mac"),
    "Multicast_Group": ("datapath", "name", "tunnel_key", "ports"),
    "Chassis": ("name", "hostname"),
    "Load_Balancer": ("name", "protocol", "vips"),
    "Datapath_Binding": ("external_ids",),
    "Logical_DP_Group": ("datapaths",),
}  # fmt: skip
NORTHBOUND: Final = {
    "ACL": ("direction", "priority", "match", "action"),
    "Load_Balancer": ("name", "protocol", "vips", "ip_port_mappings"),
    "NAT": ("external_ip", "external_mac", "logical_ip", "logical_port", "type"),
    "Logical_Router_Port": ("name", "mac", "networks", "ipv6_ra_configs"),
    "Logical_Router_Policy": ("priority", "match", "action", "nexthop"),
    "Logical_Router_Static_Route": ("ip_prefix", "nexthop", "output_port", "policy"),
    "Logical_Switch_Port": ("name", "type", "addresses", "dynamic_addresses", "port_security"),
}
SWITCH: Final = {"Interface": ("name", "external_ids", "ofport")}
DIGITS: Final = 8
"""Of a UUID, in a cookie."""


class Sources(NamedTuple):
    """The databases, each fetched once."""

    southbound: Model
    northbound: Model
    switch: Model | None

    def rows(self, table: str, uuids: Iterable[object]) -> Iterator[Row]:
        """Southbound rows by UUID."""
        for uuid in uuids:
            row = self.southbound.find(table, uuid)
            if row is not None:
                yield row


def _datapath(row: Row) -> str:
    return f'"{row.strings("external_ids").get("name", "")}" ({row.uuid})'


def _of_datapath(sources: Sources, row: Row) -> list[str]:
    found = sources.rows("Datapath_Binding", row.atoms("datapath"))
    return [f"  * Logical datapath: {_datapath(datapath)}" for datapath in found]


def _flow(sources: Sources, row: Row) -> list[str]:
    pipeline = row.text("pipeline")
    datapaths = list(sources.rows("Datapath_Binding", row.atoms("logical_datapath")))
    for group in sources.rows("Logical_DP_Group", row.atoms("logical_dp_group")):
        datapaths += sources.rows("Datapath_Binding", group.atoms("datapaths"))
    ids = row.strings("external_ids")
    lines = ["  * Logical datapaths:"]
    lines += [f"  *     {_datapath(datapath)} [{pipeline}]" for datapath in datapaths]
    lines.append(
        f"  * Logical flow: table={row.get('table_id')} ({ids.get('stage-name', '')}), "
        f"priority={row.get('priority')}, match=({row.text('match')}), actions=({row.text('actions')})"
    )
    hint = ids.get("stage-hint")
    if hint:
        for table, describe in NORTHBOUND_ROWS.items():
            lines += [f"   * {describe(found)}" for found in _beginning(sources.northbound, table, hint)]
    return lines


def _chassis(row: Row) -> str:
    return f'chassis-name "{row.text("name")}", chassis-str "{row.text("hostname")}"'


def _port(sources: Sources, row: Row) -> list[str]:
    where = ", ".join(map(_chassis, sources.rows("Chassis", row.atoms("chassis"))))
    name = row.text("logical_port")
    lines = _of_datapath(sources, row)
    lines.append(f'  * Port Binding: logical_port "{name}", tunnel_key {row.get("tunnel_key")}, {where}')
    return lines


def _interfaces(sources: Sources, port: int) -> list[str]:
    """What an OpenFlow port is on this hypervisor."""
    if sources.switch is None:
        return []
    rows = sources.switch.where("Interface", lambda row: row.get("ofport") == port)
    return [
        f"  * OVS Interface: {row.text('name')} ({row.strings('external_ids').get('iface-id')})"
        for row in rows
    ]


def _mac_binding(sources: Sources, row: Row) -> list[str]:
    ip, port, mac = row.text("ip"), row.text("logical_port"), row.text("mac")
    return [*_of_datapath(sources, row), f'  * MAC Binding: ip "{ip}", logical_port "{port}", mac "{mac}"']


def _multicast_group(sources: Sources, row: Row) -> list[str]:
    ports = ", ".join(port.text("logical_port") for port in sources.rows("Port_Binding", row.atoms("ports")))
    what = f'name "{row.text("name")}", tunnel_key {row.get("tunnel_key")} ports: ({ports})'
    return [*_of_datapath(sources, row), f"  * Multicast Group: {what}"]


def _balancer(row: Row) -> str:
    return f"Load Balancer: {row.text('name')} protocol {row.atoms('protocol')} vips {row.strings('vips')}"


def _nat(row: Row) -> str:
    return (
        f"NAT: external IP {row.text('external_ip')} external_mac {row.atoms('external_mac')} "
        f"logical_ip {row.text('logical_ip')} logical_port {row.atoms('logical_port')} "
        f"type {row.text('type')}"
    )


def _router_port(row: Row) -> str:
    return (
        f"Logical Router Port: {row.text('name')} mac {row.text('mac')} networks {row.atoms('networks')} "
        f"ipv6_ra_configs {row.strings('ipv6_ra_configs')}"
    )


def _policy(row: Row) -> str:
    return (
        f"Logical Router Policy: priority {row.get('priority')} match {row.text('match')} "
        f"action {row.text('action')} nexthop {row.atoms('nexthop')}"
    )


def _switch_port(row: Row) -> str:
    return (
        f"Logical Switch Port: {row.text('name')} type {row.text('type')} "
        f"(addresses {row.atoms('addresses')}, "
        f"dynamic addresses {row.atoms('dynamic_addresses')}, security {row.atoms('port_security')}"
    )


SOUTHBOUND_ROWS: Final[dict[str, Callable[[Sources, Row], list[str]]]] = {
    "Logical_Flow": _flow,
    "Port_Binding": _port,
    "MAC_Binding": _mac_binding,
    "Multicast_Group": _multicast_group,
    "Chassis": lambda _sources, row: [f"  * Chassis: {_chassis(row)}"],
    "Load_Balancer": lambda _sources, row: [f"  * {_balancer(row)}"],
}
NORTHBOUND_ROWS: Final[dict[str, Callable[[Row], str]]] = {
    "ACL": lambda row: (
        f"ACL: {row.text('direction')}, priority={row.get('priority')}, match=({row.text('match')}), "
        f"{row.text('action')}"
    ),
    "Load_Balancer": lambda row: f"{_balancer(row)} ip_port_mappings {row.strings('ip_port_mappings')}",
    "NAT": _nat,
    "Logical_Router_Port": _router_port,
    "Logical_Router_Policy": _policy,
    "Logical_Router_Static_Route": lambda row: (
        f"Route: {row.text('ip_prefix')} via {row.text('nexthop')} (port {row.atoms('output_port')}), "
        f"policy={row.atoms('policy')}"
    ),
    "Logical_Switch_Port": _switch_port,
}


def _beginning(model: Model, table: str, digits: str) -> list[Row]:
    return model.where(table, lambda row: row.uuid.startswith(digits.lower()))


def explain(sources: Sources, cookie: str) -> list[str]:
    """What the rows are whose UUIDs begin with ``cookie``."""
    digits = cookie.lower().zfill(DIGITS)
    lines: list[str] = []
    for table, describe in SOUTHBOUND_ROWS.items():
        for number, row in enumerate(_beginning(sources.southbound, table, digits)):
            lines += ["   * [Duplicate uuid cookie]"] if number else []
            lines += describe(sources, row)
    return lines


def annotate(sources: Sources, lines: Iterable[str]) -> Iterator[str]:
    """The lines, and behind those of each flow what its cookies stand for."""
    notes: list[str] = []
    for raw in (*lines, ""):
        line = raw.strip()
        if not line or FLOW.match(raw):
            yield from notes
            notes.clear()
        cookie, port = COOKIE.match(line), PORT.match(line)
        if cookie is not None:
            notes += explain(sources, cookie[1])
        if port is not None:
            notes += _interfaces(sources, int(port[1]))
        yield line


def _fetch(line: opt.CommandLine, remote: str, database: str, tables: Mapping[str, tuple[str, ...]]) -> Model:
    leader_only = "no-leader-only" not in line
    with BlockingClient(remote, leader_only=leader_only, tls=tls_of(line)) as client:
        schema = client.get_schema(database)
        known = {
            table: [column for column in columns if column in schema.tables[table].columns]
            for table, columns in tables.items()
            if table in schema.tables
        }
        model = Model(schema)
        model.load(client.fetch(database, known), known)
        return model


def _sources(line: opt.CommandLine) -> Sources:
    ovn, ovs = paths.ovn(), paths.ovs()
    sb = line.value("ovnsb") or os.environ.get("OVN_SB_DB") or f"unix:{ovn.run_file('ovnsb_db.sock')}"
    nb = line.value("ovnnb") or os.environ.get("OVN_NB_DB") or f"unix:{ovn.run_file('ovnnb_db.sock')}"
    vs = line.value("ovsdb") or f"unix:{ovs.run_file('db.sock')}"
    return Sources(
        _fetch(line, sb, "OVN_Southbound", SOUTHBOUND),
        _fetch(line, nb, "OVN_Northbound", NORTHBOUND),
        _fetch(line, vs, "Open_vSwitch", SWITCH) if "ovs" in line else None,
    )


def main() -> int:
    """The program."""
    program = "ovn-detrace"
    line = opt.parse_or_exit(program, sys.argv[1:], (*OPTIONS, *opt.TLS, *opt.COMMON))
    if "help" in line:
        print(f"{program}: name the logical flows of a trace\nusage: {program} < FILE")
        print("where FILE is output from ovs-appctl ofproto/trace.\n")
        for title, group in (("Options", OPTIONS), ("PKI configuration", opt.TLS), ("Other", opt.COMMON)):
            print(opt.format_options(title, group))
        return 0
    if "version" in line:
        from pyovn import __version__

        print(f"{program} (OVN, pyovn) {__version__}")
        return 0
    if line.arguments:
        opt.fatal(program, "non-option argument not supported (use --help for help)")
    try:
        sources = _sources(line)
    except BlockingError as error:
        opt.fatal(program, str(error))
    for text in annotate(sources, sys.stdin):
        print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
