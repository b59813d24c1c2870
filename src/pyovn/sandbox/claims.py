"""Logical ports that more than one interface claims: a VM cannot be in two places.

ovn-controllers take such a port from each other or leave it with the first (ovn-controller(8)); whoever looks
at one hypervisor alone cannot see why.  Here all of them are seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyovn.sandbox.deployment import Deployment


def claims(deployment: Deployment) -> dict[str, list[tuple[str, str]]]:
    """(hypervisor, interface) by logical port, where there are two or more."""
    found: dict[str, list[tuple[str, str]]] = {}
    for hypervisor in deployment.hypervisors.values():
        for interface, port in sorted(hypervisor.interfaces().items()):
            found.setdefault(port, []).append((hypervisor.name, interface))
    return {port: places for port, places in found.items() if len(places) > 1}


def notices(deployment: Deployment) -> list[str]:
    """A line for each such port; empty when nothing is wrong."""
    lines = []
    for port, places in sorted(claims(deployment).items()):
        shown = " and ".join(f"{hypervisor} ({interface})" for hypervisor, interface in places)
        holder = deployment.bound_on(port)
        bound = f"it is bound on {holder}" if holder is not None else "it is bound nowhere"
        lines.append(f"logical port {port} is claimed by {shown}: {bound}; unplug all but one")
    return lines
