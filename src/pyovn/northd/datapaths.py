"""Datapath_Binding: each logical switch or router is a datapath, with a tunnel key that it keeps.

The key is allotted (``other_config:requested-tnl-key`` asks for one, ovn-nb(5)); it is read back from
the southbound at the start, so a restart moves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.northd.model import DATAPATH, Datapath, Item, Model
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.sync.wants import want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.incremental import Allotment
    from pyovn.schemas import northbound as nb
    from pyovn.schemas import southbound as sb

_POOL = "datapath"


def declare(model: Model) -> Allotment[Datapath, str]:
    """Make Datapath_Binding rows; returns the keys, for adoption and for ``status``."""
    keys = model.engine.allot(
        "datapath_keys",
        model.engine.union("all_datapaths", (model.datapaths, model.router_datapaths)),
        lambda datapath: [(_POOL, (datapath.uuid, datapath.requested_key))],
        lambda _pool: (model.key_space.datapath_local.first, model.key_space.datapath_local.last),
    )

    def binding(switch: nb.LogicalSwitch) -> Iterator[tuple[Item, str]]:
        key = keys.number(_POOL, switch.uuid)
        if key is None:
            return
        ids = {"logical-switch": str(switch.uuid), "name": switch.name}
        nickname = switch.external_ids.get("neutron:network_name")
        if nickname:
            ids["name2"] = nickname
        yield (
            want(DATAPATH, switch.uuid, tunnel_key=key, external_ids=FrozenMap(ids)),
            "a logical switch is a datapath",
        )

    def router_binding(router: nb.LogicalRouter) -> Iterator[tuple[Item, str]]:
        key = keys.number(_POOL, router.uuid)
        if key is None:
            return
        ids = {"logical-router": str(router.uuid), "name": router.name}
        nickname = router.external_ids.get("neutron:router_name")
        if nickname:
            ids["name2"] = nickname
        if router.options.get("always_learn_from_arp_request", "").lower() == "false":
            ids["always_learn_from_arp_request"] = "false"
        age = router.options.get("mac_binding_age_threshold", "")
        if age.isdecimal() and int(age) > 0:
            ids["mac_binding_age_threshold"] = age
        yield (
            want(DATAPATH, router.uuid, tunnel_key=key, external_ids=FrozenMap(ids)),
            "a logical router is a datapath",
        )

    model.want_sb("datapath_bindings", model.switches, binding)
    model.want_sb("router_datapath_bindings", model.routers, router_binding)
    return keys


def identify(row: sb.DatapathBinding) -> Any:
    """The northbound UUID that a Datapath_Binding row is for; itself if it names none."""
    text = row.external_ids.get("logical-switch") or row.external_ids.get("logical-router") or ""
    return UUID.parse(text) if UUID.is_valid(text) else row.uuid


def adopt(keys: Allotment[Datapath, str], row: sb.DatapathBinding) -> None:
    """Read one key back."""
    keys.adopt(_POOL, identify(row), row.tunnel_key)


def agrees(keys: Allotment[Datapath, str], row: sb.DatapathBinding) -> bool:
    """Whether the row's key is the one that we have given out."""
    return keys.peek(_POOL, identify(row)) == row.tunnel_key
