"""What ovn-northd tells people about: mistakes, what is not served, and what it could not do.

Each is one line that comes and goes with its cause (``sync.notices``); the log, ``ovn-appctl notices`` and
``pyovn status`` show them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.incremental import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyovn.incremental import Allotment, Node, Relation
    from pyovn.northd.duplicates import Duplicates
    from pyovn.northd.model import Datapath, Model
    from pyovn.northd.ports import PortKey
    from pyovn.ovsdb.values import UUID
    from pyovn.sync.notices import Notices


def watch(notices: Notices, model: Model, unserved: Iterable[Relation[Any]], duplicates: Duplicates) -> None:
    """Everything but keys and what the databases refuse."""
    for relation in unserved:
        notices.follow(relation)
    failures = model.engine.failures

    def failed(node: Node) -> str | None:
        error = failures[node]
        return None if isinstance(error, UpstreamError) else f"{node.label()}: {error}"

    notices.watch(failures, failed)
    notices.watch(duplicates.found, duplicates.line)


def watch_datapath_keys(notices: Notices, model: Model, keys: Allotment[Datapath, str]) -> None:
    """Datapaths that have not the tunnel key that they ask for, or none."""

    def denied(key: tuple[str, Any]) -> str:
        return f"{_datapath(model, key[1])}: tunnel key {keys.wanted(*key)} is not to be had"

    notices.watch(keys.denied, denied)
    notices.watch(keys.owed, lambda key: f"{_datapath(model, key[1])}: no tunnel key is left")


def watch_port_keys(notices: Notices, model: Model, keys: Allotment[PortKey, UUID]) -> None:
    """Ports that have not the tunnel key that they ask for, or none."""

    def denied(key: tuple[UUID, Any]) -> str:
        wanted = keys.wanted(*key)
        return f"port {key[1]}: tunnel key {wanted} is not to be had in {_datapath(model, key[0])}"

    notices.watch(keys.denied, denied)
    notices.watch(
        keys.owed, lambda key: f"port {key[1]}: no tunnel key is left in {_datapath(model, key[0])}"
    )


def _datapath(model: Model, uuid: UUID) -> str:
    """``switch s1``, ``router r0``."""
    switch = model.switches.peek(uuid)
    if switch is not None:
        return f"switch {switch.name or uuid}"
    router = model.routers.peek(uuid)
    return f"router {uuid if router is None else router.name or uuid}"
