"""Verbs that break things, and mend them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.sandbox.links import CENTRAL

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    host.deployment.kill(*_daemon(args))
    return ""


def start(host: Host, args: Sequence[str]) -> str:
    """``start``."""
    host.deployment.start(*_daemon(args))
    return ""


def _daemon(args: Sequence[str]) -> tuple[str, str]:
    """Place and name."""
    return (args[0], args[1]) if len(args) == 2 else (CENTRAL, args[0])
