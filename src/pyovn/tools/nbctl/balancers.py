"""ovn-nbctl's verbs on load balancers: lb-*, ls-lb-*, lr-lb-* (ovn-nbctl(8), "Load Balancer Commands")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import find_named, named, needer, referred, router, switch
from pyovn.tools.nbctl.vips import Vip, parse_endpoint, parse_template, parse_vip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Row

BALANCER: Final = "Load_Balancer"
PLURAL: Final = "load balancers"
PROTOCOLS: Final = frozenset(("tcp", "udp", "sctp"))
FAMILIES: Final = ("ipv4", "ipv6")
COLUMNS: Final = "name vips protocol options"

need_balancers = needer(Load_Balancer=COLUMNS)
need_switches = needer(Load_Balancer=COLUMNS, Logical_Switch="name load_balancer")
need_routers = needer(Load_Balancer=COLUMNS, Logical_Router="name load_balancer")


def _parse_protocol(text: str | None) -> str | None:
    if text is not None and text not in PROTOCOLS:
        raise CtlError(f'{text}: protocol must be one of "tcp", "udp",  or "sctp".')
    return text


def run_add(context: Context, command: Command) -> None:
    """Create a load balancer, or add a virtual address to one."""
    name, vip_text, backends = command.arguments[:3]
    if command.given("--reject") and command.given("--event"):
        raise CtlError("--reject and --event can't specified at the same time")
    protocol = _parse_protocol(command.argument(3))
    template = command.given("--template")
    vip = (parse_template if template else parse_vip)(vip_text, backends)
    if protocol is not None and not vip.has_port:
        raise CtlError("Protocol is unnecessary when no port of vip is given.")
    row = None
    if not command.given("--add-duplicate"):
        row = find_named(context, BALANCER, name, PLURAL)
    if row is not None:
        _add_to(row, command, vip, protocol)
        return
    row = context.model.insert(BALANCER)
    row.put("name", name)
    row.insert_atoms("vips", [(vip.address, vip.backends)])
    row.put("protocol", protocol or "tcp")
    options = {flag: "true" for flag in ("reject", "event", "template") if command.given(f"--{flag}")}
    if command.given("--add-route"):
        options["add_route"] = "true"
    if template:
        options["address-family"] = command.argument(4) or FAMILIES[0]
    row.insert_atoms("options", options.items())


def _add_to(row: Row, command: Command, vip: Vip, protocol: str | None) -> None:
    if vip.address in row.strings("vips") and not command.given("--may-exist"):
        raise CtlError(
            f"{command.arguments[0]}: a load balancer with this vip ({vip.address}) already exists"
        )
    row.insert_atoms("vips", [(vip.address, vip.backends)])
    if protocol is not None:
        row.put("protocol", protocol)


def run_delete(context: Context, command: Command) -> None:
    """Delete a load balancer, or a virtual address of one; one that does not exist is no error."""
    row = find_named(context, BALANCER, command.arguments[0], PLURAL)
    vip = command.argument(1)
    if row is None:
        return
    vips = row.strings("vips")
    if vip is None or list(vips) == [vip]:
        context.model.delete(row)
    elif vip in vips:
        row.delete_atoms("vips", [vip])
    elif not command.given("--if-exists"):
        raise CtlError(f"vip {vip} is not part of the load balancer.")


def run_list(context: Context, command: Command) -> None:
    """Print one load balancer, or all."""
    name = command.argument(0)
    write_balancers(
        command,
        context.model.where(BALANCER, lambda row: name in {None, row.text("name"), row.uuid}),
    )


def write_balancers(command: Command, rows: Iterable[Row]) -> None:
    """Print load balancers by name, one line per virtual address."""
    shown = [row for row in sorted(rows, key=lambda row: (row.text("name"), row.uuid)) if row.strings("vips")]
    if not shown:
        return
    width = max(len(vip) for row in shown for vip in row.strings("vips")) + 4
    command.write(f"{'UUID':<40}{'LB':<20}{'PROTO':<11}{'VIP':<{width}}IPs")
    for row in shown:
        head = f"{row.uuid}    {row.text('name'):<20.16}"
        for vip, backends in row.strings("vips").items():
            endpoint = None if vip.startswith("^") else parse_endpoint(vip)
            if endpoint is None and not vip.startswith("^"):
                continue  # written by other means; the log says what is wrong with it
            protocol = row.text("protocol") if endpoint is None or endpoint.port else ""
            command.write(f"{head:<60}{protocol:<11.7}{vip:<{width}}{backends}")
            head = ""


def _add(context: Context, owner: Row, command: Command) -> None:
    row = named(context, BALANCER, command.arguments[1], "load balancer", PLURAL)
    if row.uuid in owner.atoms("load_balancer"):
        if not command.given("--may-exist"):
            raise CtlError(f"{row.uuid} : a load balancer with this UUID already exists")
        return
    owner.insert_atoms("load_balancer", [row.uuid])


def _delete(context: Context, owner: Row, command: Command, where: str) -> None:
    name = command.argument(1)
    if name is None:
        owner.put("load_balancer", frozenset())
        return
    row = named(context, BALANCER, name, "load balancer", PLURAL)
    if row.uuid in owner.atoms("load_balancer"):
        owner.delete_atoms("load_balancer", [row.uuid])
    elif not command.given("--if-exists"):
        raise CtlError(f"load balancer {name} is not part of any logical {where}.")


def run_switch_add(context: Context, command: Command) -> None:
    """Give a switch a load balancer."""
    _add(context, switch(context, command.arguments[0]), command)


def run_switch_delete(context: Context, command: Command) -> None:
    """Take load balancers from a switch."""
    _delete(context, switch(context, command.arguments[0]), command, "switch")


def run_switch_list(context: Context, command: Command) -> None:
    """Print the load balancers of a switch."""
    owner = switch(context, command.arguments[0])
    write_balancers(command, referred(context, owner, "load_balancer", BALANCER))


def run_router_add(context: Context, command: Command) -> None:
    """Give a router a load balancer."""
    _add(context, router(context, command.arguments[0]), command)


def run_router_delete(context: Context, command: Command) -> None:
    """Take load balancers from a router."""
    _delete(context, router(context, command.arguments[0]), command, "router")


def run_router_list(context: Context, command: Command) -> None:
    """Print the load balancers of a router."""
    owner = router(context, command.arguments[0])
    write_balancers(command, referred(context, owner, "load_balancer", BALANCER))
