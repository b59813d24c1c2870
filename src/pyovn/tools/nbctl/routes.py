"""ovn-nbctl's verbs on static routes: lr-route-add, lr-route-del, lr-route-list (ovn-nbctl(8), "Logical
Router Static Route Commands").

A route is identified by its table, its policy (``dst-ip`` unless ``src-ip``) and its prefix; with ``--ecmp``
also by its next hop.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import needer, referred, router, router_port
from pyovn.tools.nbctl.networks import Network, parse_ipv4, parse_ipv6, parse_network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

ROUTE: Final = "Logical_Router_Static_Route"
DISCARD: Final = "discard"
POLICIES: Final = ("dst-ip", "src-ip")
SYMMETRIC: Final = "ecmp_symmetric_reply"

need_routes = needer(
    Logical_Router="name static_routes",
    Logical_Router_Port="name",
    BFD="logical_port dst_ip",
    Logical_Router_Static_Route="ip_prefix nexthop output_port policy route_table options bfd external_ids",
)


class Route(NamedTuple):
    """One route, in the order in which routes are listed."""

    table: str
    falling_priority: int
    """Longer prefixes first, and among equals those for destinations."""
    address: int
    nexthop: str
    no_port: bool
    port: str
    uuid: str
    row: Row

    @property
    def identity(self) -> tuple[str, int, int]:
        """What routes of one ECMP group have in common."""
        return self.table, self.falling_priority, self.address


def _is_src(row: Row) -> bool:
    return row.text("policy") == "src-ip"


def _parse_policy(command: Command) -> str | None:
    policy = command.options.get("--policy")
    if policy is not None and policy not in POLICIES:
        raise CtlError(f"bad policy: {policy}")
    return policy


def _normalized(text: str) -> str | None:
    """The canonical text of a prefix, an address or ``discard``."""
    if text == DISCARD:
        return text
    network = parse_network(text)
    return None if network is None else str(network)


def _parse_prefix(text: str) -> Network:
    network = parse_network(text)
    if network is None:
        raise CtlError(f"bad prefix argument: {text}")
    return network


def _parse_nexthop(version: int, text: str) -> str:
    if text == DISCARD:
        return text
    address = parse_ipv4(text) if version == 4 else parse_ipv6(text)
    if address is None:
        raise CtlError(f"bad IPv{version} nexthop argument: {text}")
    return str(address)


def _routes(context: Context, owner: Row) -> list[Row]:
    return referred(context, owner, "static_routes", ROUTE)


def run_add(context: Context, command: Command) -> None:
    """Add a route; ``--may-exist`` changes the existing one."""
    owner = router(context, command.arguments[0])
    policy = _parse_policy(command)
    network = _parse_prefix(command.arguments[1])
    nexthop = _parse_nexthop(network.version, command.arguments[2])
    port = command.argument(3)
    if port is not None:
        router_port(context, port)
    bfd = _bfd_session(context, command, nexthop, port) if command.given("--bfd") else None
    symmetric = command.given("--ecmp-symmetric-reply")
    ecmp = command.given("--ecmp") or symmetric
    if nexthop == DISCARD and ecmp:
        raise CtlError("ecmp is not valid for discard routes.")
    if nexthop == DISCARD and port is not None:
        raise CtlError("outport is not valid for discard routes.")
    table = command.options.get("--route-table") or ""
    wanted = table, policy == "src-ip", str(network)
    rows = [row for row in _routes(context, owner) if _identity(row) == wanted]
    if ecmp:
        rows = [row for row in rows if _normalized(row.text("nexthop")) == nexthop]
    row = rows[0] if rows else None
    if row is None:
        row = context.model.insert(ROUTE)
        owner.insert_atoms("static_routes", [row.uuid])
    elif not command.given("--may-exist"):
        if ecmp:
            raise CtlError("duplicate nexthop for the same ECMP route")
        raise CtlError(
            f"duplicate prefix: {network} (policy: {POLICIES[policy == 'src-ip']}). "
            "Use option --ecmp to allow this for ECMP routing."
        )
    elif ecmp:
        return
    row.put("ip_prefix", str(network))
    row.put("nexthop", nexthop)
    for column, value in (("output_port", port), ("policy", policy), ("bfd", bfd), ("route_table", table)):
        if value:
            row.put(column, value)
    if symmetric:
        row.put("options", FrozenMap({SYMMETRIC: "true"}))


def _identity(row: Row) -> tuple[str, bool, str | None]:
    return row.text("route_table"), _is_src(row), _normalized(row.text("ip_prefix"))


def _bfd_session(context: Context, command: Command, nexthop: str, port: str | None) -> UUID:
    """The session that ``--bfd`` means: by UUID, by next hop and port, or a new one."""
    if nexthop == DISCARD:
        raise CtlError("bfd dst_ip cannot be discard.")
    name = command.options.get("--bfd")
    if name is not None:
        row = context.model.find("BFD", UUID.parse(name)) if UUID.is_valid(name) else None
        if row is None:
            raise CtlError("no entry found in the BFD table")
        return row.uuid
    rows = context.model.where(
        "BFD", lambda row: row.get("dst_ip") == nexthop and port in {None, row.get("logical_port")}
    )
    if rows:
        return rows[0].uuid
    if port is None:
        raise CtlError("insert entry in the BFD table failed")
    row = context.model.insert("BFD")
    row.put("dst_ip", nexthop)
    row.put("logical_port", port)
    return row.uuid


def run_delete(context: Context, command: Command) -> None:
    """Take all routes, or those that agree with everything that is given."""
    owner = router(context, command.arguments[0])
    policy = _parse_policy(command)
    table = command.options.get("--route-table")
    prefix, nexthop, port = (command.argument(n) for n in (1, 2, 3))
    if policy is None and prefix is None:
        # Whatever --route-table says: so does the C program.
        owner.put("static_routes", frozenset())
        return
    if prefix is not None:
        prefix = str(_parse_prefix(prefix))
    if nexthop is not None:
        nexthop = _normalized(nexthop)
        if nexthop is None:
            raise CtlError(f"bad nexthop argument: {command.arguments[2]}")
    gone = [
        row.uuid
        for row in _routes(context, owner)
        if (policy is None or _is_src(row) == (policy == "src-ip"))
        and (table or "") == row.text("route_table")
        and prefix in {None, _normalized(row.text("ip_prefix"))}
        and nexthop in {None, _normalized(row.text("nexthop"))}
        and port in {None, row.text("output_port")}
    ]
    if gone:
        owner.delete_atoms("static_routes", gone)
    elif not command.given("--if-exists"):
        raise CtlError(
            f"no matching route: policy '{policy or 'any'}', prefix '{prefix or '(null)'}', "
            f"nexthop '{nexthop or 'any'}', output_port '{port or 'any'}'."
        )


def run_list(context: Context, command: Command) -> None:
    """Print the routes of a router by version and table."""
    owner = router(context, command.arguments[0])
    table = command.options.get("--route-table")
    found: dict[int, list[Route]] = {4: [], 6: []}
    for row in _routes(context, owner):
        network = parse_network(row.text("ip_prefix"))
        if network is None or table not in {None, row.text("route_table")}:
            continue
        found[network.version].append(
            Route(
                row.text("route_table"),
                -(network.length * 2 + (not _is_src(row))),
                network.first,
                row.text("nexthop"),
                row.get("output_port") is None,
                row.text("output_port"),
                row.uuid,
                row,
            )
        )
    if found[4]:
        command.write("IPv4 Routes")
        _write_tables(command, sorted(found[4]))
    if found[6]:
        command.write(("\n" if found[4] else "") + "IPv6 Routes")
        _write_tables(command, sorted(found[6]))


def _write_tables(command: Command, routes: Iterable[Route]) -> None:
    first = True
    for table, in_table in groupby(routes, key=lambda route: route.table):
        command.write(("" if first else "\n") + f"Route Table {table or '<main>'}:")
        first = False
        for _, group in groupby(in_table, key=lambda route: route.identity):
            members = list(group)
            for route in members:
                command.write(_describe(route.row, is_ecmp=len(members) > 1))


def _describe(row: Row, *, is_ecmp: bool) -> str:
    network = parse_network(row.text("ip_prefix"))
    nexthop = _normalized(row.text("nexthop")) or row.text("nexthop")
    line = f"{network!s:>25} {nexthop:>25} {row.text('policy') or POLICIES[0]}"
    if row.get("output_port") is not None:
        line += f" {row.text('output_port')}"
    if "ic-learned-route" in row.strings("external_ids"):
        line += " (learned)"
    if is_ecmp:
        line += " ecmp"
    if row.strings("options").get(SYMMETRIC) == "true":
        line += " ecmp-symmetric-reply"
    if row.get("bfd") is not None:
        line += " bfd"
    return line
