"""ovn-nbctl's verbs on meters and on what is protected by them, the control plane (ovn-nbctl(8), "Meter
Commands" and "Control Plane Protection Policy commands").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError
from pyovn.tools.nbctl.lookup import find_named, named, needer, referred, router, switch
from pyovn.tools.nbctl.numbers import UINT32_MAX, in_range

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context
    from pyovn.tools.ctl.grammar import Command

UNITS: Final = {"kbps": "kilobit", "pktps": "packet"}
PROTOCOLS: Final = (
    "arp", "arp-resolve", "dhcpv4-opts", "dhcpv6-opts", "dns", "event-elb", "icmp4-error", "icmp6-error",
    "igmp", "nd-na", "nd-ns", "nd-ns-resolve", "nd-ra-opts", "tcp-reset", "bfd", "reject", "svc-monitor",
)  # fmt: skip

need_meters = needer(Meter="name unit fair bands", Meter_Band="action rate burst_size")
need_copp = needer(Copp="name meters")
need_switch_copp = needer(Copp="name", Logical_Switch="name copp")
need_router_copp = needer(Copp="name", Logical_Router="name copp")


def run_add(context: Context, command: Command) -> None:
    """Create a meter with one band; ``--may-exist`` gives an existing one that band."""
    name, action, rate_text, unit = command.arguments[:4]
    rows = context.model.where("Meter", lambda row: row.get("name") == name)
    if rows and not command.given("--may-exist"):
        raise CtlError(f'meter with name "{name}" already exists')
    if name.startswith("__"):
        raise CtlError('meter names that begin with "__" are reserved')
    if action != "drop":
        raise CtlError('action must be "drop"')
    rate = in_range(rate_text, 1, UINT32_MAX)
    if rate is None:
        raise CtlError(f"rate must be in the range 1...{UINT32_MAX}")
    if unit not in UNITS:
        raise CtlError('unit must be "kbps" or "pktps"')
    burst_text = command.argument(4)
    burst = 0 if burst_text is None else in_range(burst_text, 0, UINT32_MAX)
    if burst is None:
        raise CtlError(f"burst must be in the range 0...{UINT32_MAX}")
    band = context.model.insert("Meter_Band")
    band.put("action", action)
    band.put("rate", rate)
    band.put("burst_size", burst)
    meter = rows[0] if rows else context.model.insert("Meter")
    meter.put("name", name)
    meter.put("unit", unit)
    meter.put("bands", frozenset((band.uuid,)))
    if command.given("--fair"):
        meter.put("fair", True)


def run_delete(context: Context, command: Command) -> None:
    """Delete a meter or all; one that does not exist is no error."""
    name = command.argument(0)
    for row in context.model.where("Meter", lambda row: name in {None, row.text("name")}):
        context.model.delete(row)


def run_list(context: Context, command: Command) -> None:
    """Print all meters, by name."""
    for row in sorted(context.model.rows("Meter"), key=lambda row: row.text("name")):
        command.write(f"{row.text('name')}: {'(fair) ' if row.get('fair') else ''}bands:")
        unit = row.text("unit")
        for band in referred(context, row, "bands", "Meter_Band"):
            line = f"  {band.text('action')}: {band.get('rate')} {unit}"
            if band.get("burst_size"):
                line += f", {band.get('burst_size')} {UNITS.get(unit, '')} burst"
            command.write(line)


def _check_protocol(protocol: str) -> None:
    if protocol not in PROTOCOLS:
        raise CtlError(f"Invalid control protocol. Allowed values: {', '.join(PROTOCOLS)}.")


def run_copp_add(context: Context, command: Command) -> None:
    """Name the meter of a protocol in a policy, which is created if need be."""
    name, protocol, meter = command.arguments
    _check_protocol(protocol)
    row = find_named(context, "Copp", name)
    if row is None:
        row = context.model.insert("Copp")
        row.put("name", name)
    row.insert_atoms("meters", [(protocol, meter)])


def run_copp_delete(context: Context, command: Command) -> None:
    """Forget a policy, or its meter for one protocol."""
    row = find_named(context, "Copp", command.arguments[0])
    protocol = command.argument(1)
    if protocol is not None:
        _check_protocol(protocol)
    if row is None:
        return
    if protocol is None:
        context.model.delete(row)
    elif protocol in row.strings("meters"):
        row.delete_atoms("meters", [protocol])


def run_copp_list(context: Context, command: Command) -> None:
    """Print the meters of a policy."""
    row = find_named(context, "Copp", command.arguments[0])
    for protocol, meter in row.strings("meters").items() if row is not None else ():
        command.write(f"{protocol}: {meter}")


def run_switch_copp(context: Context, command: Command) -> None:
    """Give a switch its policy."""
    owner = switch(context, command.arguments[1])
    owner.put("copp", named(context, "Copp", command.arguments[0], "copp").uuid)


def run_router_copp(context: Context, command: Command) -> None:
    """Give a router its policy."""
    owner = router(context, command.arguments[1])
    owner.put("copp", named(context, "Copp", command.arguments[0], "copp").uuid)
