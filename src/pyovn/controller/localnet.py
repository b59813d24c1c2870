"""Localnets: a patch between the integration bridge and the bridge of a physical network.

ovn-controller(8), ``ovn-bridge-mappings``; ovn-architecture(7), "Localnet".  Each localnet port of a
datapath that is here gets a pair of patch ports, if its ``network_name`` is mapped to a bridge that exists.
Both ports carry ``ovn-localnet-port``; others are never touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.ovn.ports import LOCALNET
from pyovn.ovsdb.values import FrozenMap
from pyovn.sync.wants import Element, Existing, Ref, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.controller.model import Model
    from pyovn.schemas import southbound as sb
    from pyovn.schemas import vswitch as vs

OWNER: Final = "ovn-localnet-port"
_PREFIX: Final = "patch-"


def patch_name(here: str, there: str) -> str:
    """The name of the patch port on ``here`` that leads to ``there``."""
    return f"{_PREFIX}{here}-to-{there}"


def is_patch(row: vs.Interface) -> bool:
    """Whether an interface may be one of ours; it goes with its port."""
    return row.type == "patch" and row.name.startswith(_PREFIX)


def mapping(text: str) -> dict[str, str]:
    """``ovn-bridge-mappings``: networks to bridges, as ``NETWORK:BRIDGE,...``."""
    pairs = (pair.strip().partition(":") for pair in text.split(","))
    return {network: bridge for network, colon, bridge in pairs if colon and network and bridge}


def declare(model: Model) -> None:
    """Want the patches."""
    bridges = model.engine.memo(lambda: _mappings(model))

    def patches(binding: sb.PortBinding) -> Iterator[tuple[Any, str]]:
        config = model.config()
        if binding.type != LOCALNET or config is None:
            return
        if not model.is_local(binding.datapath):
            return
        name = dict(bridges()).get(binding.options.get("network_name", ""))
        physical = None if name is None else model.bridge_by_name.one(name)
        if physical is None:
            return
        port, inner = binding.logical_port, config.bridge
        ends = ((inner, patch_name(inner, port)), (Existing(physical.uuid), patch_name(port, inner)))
        yield want("Bridge", Existing(physical.uuid)), "the bridge of a physical network"
        for (bridge, made), (_other, peer) in zip(ends, reversed(ends), strict=True):
            options = FrozenMap({"peer": peer})
            yield want("Interface", made, name=made, type="patch", options=options), "to a physical network"
            yield (
                want(
                    "Port",
                    made,
                    name=made,
                    interfaces=frozenset([Ref("Interface", made)]),
                    external_ids=FrozenMap({OWNER: port}),
                ),
                "to a physical network",
            )
            yield Element("Bridge", bridge, "ports", Ref("Port", made)), "to a physical network"

    model.want(model.output_vs, "localnet_patches", model.bindings, patches)


def _mappings(model: Model) -> tuple[tuple[str, str], ...]:
    """Memoized: another key of external_ids that changes disturbs nobody."""
    return tuple(sorted(mapping(model.setting("ovn-bridge-mappings")).items()))
