"""Verbs that break things, and mend them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.sandbox.deployment import DeploymentError
from pyovn.sandbox.links import CENTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.sandbox.deployment import Deployment
    from pyovn.sandbox.host import Host


def cut(host: Host, args: Sequence[str]) -> str:
    """``cut``."""
    host.deployment.links.cut(args[0], args[1])
    return ""


def mend(host: Host, args: Sequence[str]) -> str:
    """``mend``."""
    host.deployment.links.mend(args[0], args[1])
    return ""


def kill(host: Host, args: Sequence[str]) -> str:
    """``kill``."""
    host.deployment.kill(*_daemon(host.deployment, args))
    return ""


def start(host: Host, args: Sequence[str]) -> str:
    """``start``."""
    host.deployment.start(*_daemon(host.deployment, args))
    return ""


def _daemon(deployment: Deployment, args: Sequence[str]) -> tuple[str, str]:
    """Place and name; one word names a daemon of the central node."""
    if len(args) == 2:
        return args[0], args[1]
    name = args[0]
    if name in deployment.hypervisors:
        names = ", ".join(slot.name for slot in deployment.hypervisors[name].daemons())
        raise DeploymentError(f"{name} is a hypervisor: name one of its daemons: {names}")
    return CENTRAL, name
