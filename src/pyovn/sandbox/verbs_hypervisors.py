"""Verbs on hypervisors and what is plugged in there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.daemon.unixctl import Deferred
from pyovn.sandbox import claims, wrappers
from pyovn.sandbox.answers import finish_when, tell
from pyovn.sandbox.deployment import DeploymentError
from pyovn.sandbox.network import logical_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyovn.sandbox.deployment import Deployment, Hypervisor
    from pyovn.sandbox.host import Host

MOVE_TIMEOUT: Final = 10.0
"""Seconds that a target has to claim a port that moves there."""


def list_all(host: Host, _args: Sequence[str]) -> str:
    """``list``."""
    lines = []
    for hypervisor in host.deployment.hypervisors.values():
        lines.append(f"{hypervisor.name} ({hypervisor.ip})")
        lines += [f"    {i}: {port}" for i, port in sorted(hypervisor.interfaces().items())]
    return "".join(line + "\n" for line in lines)


def status(host: Host, _args: Sequence[str]) -> str:
    """``status``."""
    deployment = host.deployment
    lines = [f"central: {_daemons(deployment.central_daemons())}"]
    bindings = deployment.bindings()
    for hypervisor in deployment.hypervisors.values():
        lines.append(f"{hypervisor.name} ({hypervisor.ip}): {_daemons(hypervisor.daemons())}")
        lines += _interfaces(hypervisor, bindings)
    lines += [f"cut: {one} - {other}" for one, other in deployment.links.cut_links()]
    lines += claims.notices(deployment)
    return "".join(line + "\n" for line in lines)


def _daemons(slots: Sequence[object]) -> str:
    dead = [slot.name for slot in slots if not slot.is_running]  # type: ignore[attr-defined]  # slots of any program
    return "all daemons run" if not dead else f"dead: {', '.join(dead)}"


def _interfaces(hypervisor: Hypervisor, bindings: dict[str, tuple[str | None, bool]]) -> Iterator[str]:
    for interface, port in sorted(hypervisor.interfaces().items()):
        holder, up = bindings.get(port, (None, False))
        if port not in bindings:
            state = "no such logical port"
        elif holder == hypervisor.name:
            state = "up" if up else "bound, not up"
        else:
            state = "not bound" if holder is None else f"bound on {holder}"
        yield f"    {interface}: {port} ({state})"


def add(host: Host, args: Sequence[str]) -> Deferred:
    """``add-hypervisor``."""
    hidden = wrappers.hides(args[0])
    if hidden is not None:
        raise DeploymentError(f"{args[0]} cannot name a hypervisor: its command would hide {hidden}")
    answer = Deferred()
    host.deployment.add_hypervisor(args[0], tell(answer))
    return answer


def remove(host: Host, args: Sequence[str]) -> Deferred:
    """``remove-hypervisor``; a chassis that nobody has removed is named."""
    answer, name = Deferred(), args[0]

    def gone() -> None:
        stays = name in host.deployment.chassis_names()
        answer.resolve(
            f"the chassis {name} is still in the southbound: ovn-sbctl chassis-del {name}\n" if stays else ""
        )

    host.deployment.remove_hypervisor(name, gone)
    return answer


def plug(host: Host, args: Sequence[str]) -> Deferred:
    """``plug``: answers when the rows are written; what the user may not expect is said with it."""
    hypervisor, *middle, port = args
    deployment = host.deployment
    answer = Deferred()
    remarks = _remarks(deployment, hypervisor, port)
    deployment.plug(hypervisor, middle[0] if middle else port, port, tell(answer, remarks))
    return answer


def _remarks(deployment: Deployment, hypervisor: str, port: str) -> str:
    """What is unusual about a port that is about to be plugged."""
    found = logical_ports(deployment).get(port)
    if found is None:
        return f"no logical port {port} yet\n"
    if found.parent is not None:
        return f"{port} is a container's port: it is plugged with its parent {found.parent}\n"
    elsewhere = [place for place in deployment.places(port) if place[0] != hypervisor]
    holder = deployment.bound_on(port)
    if elsewhere:
        name, interface = elsewhere[0]
        return f"{port} is claimed by {name} ({interface}) too: unplug one, or use pyovn sandbox move\n"
    if holder is not None and holder != hypervisor:
        return f"{port} is bound on {holder}: {hypervisor} takes it over\n"
    return ""


def unplug(host: Host, args: Sequence[str]) -> Deferred:
    """``unplug``."""
    hypervisor, interface = args if len(args) == 2 else host.deployment.find(args[0])
    if interface in host.deployment.hypervisor(hypervisor).own_interfaces():
        raise DeploymentError(f"{interface} is no VM's: {hypervisor} has it for itself")
    answer = Deferred()
    host.deployment.unplug(hypervisor, interface, tell(answer))
    return answer


def move(host: Host, args: Sequence[str]) -> Deferred:
    """``move``: plug there, wait until it is claimed there, unplug here."""
    answer = Deferred()
    deployment = host.deployment
    port, target = args[0], args[1]
    source, interface = deployment.find(port)
    if source == target:
        raise DeploymentError(f"{port} is on {target} already")
    if len(deployment.places(port)) > 1:
        raise DeploymentError(claims.notices(deployment)[0])
    if port not in logical_ports(deployment):
        raise DeploymentError(f"there is no logical port {port}")
    arrived = args[2] if len(args) > 2 else interface

    def leave(error: str | None) -> None:
        """The target claims it, or cannot."""
        if error is not None:
            deployment.unplug(target, arrived, lambda _error: answer.fail(error))
        else:
            done = f"{port} has moved from {source} ({interface}) to {target} ({arrived})\n"
            deployment.unplug(source, interface, tell(answer, done))

    def plugged(error: str | None) -> None:
        if error is not None:
            answer.fail(error)
            return
        finish_when(
            host.runtime,
            lambda: deployment.bindings().get(port) == (target, True),
            MOVE_TIMEOUT,
            f"{target} has not claimed {port} within {MOVE_TIMEOUT:g} s: it stays on {source}",
            leave,
        )

    deployment.plug(target, arrived, port, plugged)
    return answer
