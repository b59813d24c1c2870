"""From a datapath and a microflow, as a person writes them, to what ovn-trace prints (ovn-trace(8)).

What makes no sense is part of that text, as it is in C.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.explain import report
from pyovn.explain.constraints import MicroflowError, inport_of, parse_microflow
from pyovn.explain.microflow import format_microflow
from pyovn.explain.simulation import Simulation
from pyovn.logical.errors import LflowError
from pyovn.logical.parse import parse_expr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyovn.explain.network import Datapath, Network
    from pyovn.explain.tracking import World
    from pyovn.logical.ast import Expr

WRITERS: Final = {"detailed": report.detailed, "summary": report.summary, "minimal": report.minimal}


def trace(
    network: Network,
    name: str | None,
    text: str,
    forms: Sequence[str],
    world: World | None = None,
    openflow: Callable[[str], Sequence[str]] | None = None,
) -> str:
    """The whole output, in each of the forms (names of ``WRITERS``); the rest as ``Simulation`` has it."""
    try:
        expr = parse_expr(text, address_sets=network.address_sets, port_groups=network.port_groups)
    except LflowError as error:
        return f"error parsing flow: {error}\n"
    datapath, complaint = find_datapath(network, name, expr)
    if datapath is None:
        return complaint
    try:
        flow = parse_microflow(expr, _warning_ports(network, datapath))
    except MicroflowError as error:
        return f"error parsing flow: {error}\n"
    if not flow.get("reg14"):
        network.warn("microflow does not specify ingress port")
    heading = f"# {format_microflow(flow)}\n"
    root = Simulation(network, world, openflow).trace(datapath, dict(flow))
    parts = [heading]
    for form in forms:
        if len(forms) > 1:
            parts.append(f"# {form.capitalize()} trace.\n")
        parts.append(WRITERS[form](root))
    return "".join(parts)


def find_datapath(network: Network, name: str | None, expr: Expr) -> tuple[Datapath | None, str]:
    """The datapath that is named, or that of the inport; else what to say."""
    if name is not None:
        return network.datapath(name), f'unknown datapath "{name}"\n'
    port = inport_of(expr)
    if port is None:
        return None, "error parsing flow: flow match expression does not match on inport\n"
    return network.datapath_of_port(port), f'unknown port "{port}"\n'


def _warning_ports(network: Network, datapath: Datapath) -> Callable[[str], int | None]:
    def key_of(name: str) -> int | None:
        key = datapath.key_of(name)
        if key is None:
            network.warn(f"{name}: unknown logical port")
        return key

    return key_of
