"""Verbs that save the whole and bring it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.daemon.unixctl import Deferred
from pyovn.sandbox import saved
from pyovn.sandbox.answers import finish_when, tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyovn.sandbox.host import Host


def save(host: Host, args: Sequence[str]) -> str:
    """``save``."""
    saved.write(args[0], saved.take(host.deployment))
    return ""


def restore(host: Host, args: Sequence[str]) -> Deferred:
    """``restore``: answers when the hypervisors that live have joined."""
    host.replace(saved.read(args[0], host.runtime.random))
    answer = Deferred()
    late = f"restored, but not every hypervisor has joined within {host.JOIN_TIMEOUT:g} s"
    finish_when(host.runtime, host.is_ready, host.JOIN_TIMEOUT, late, tell(answer))
    return answer
