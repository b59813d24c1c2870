"""Which rows of both databases are ours, and how each table is kept (``sync.reconcile``).

In the hypervisor's database we share rows with the CMS: tunnels and patches are ours by the mark that they
carry, the integration bridge by its name, and of shared columns only what we put there.  In the southbound
our rows carry one of the names that this chassis has had; claims are columns of northd's Port_Binding rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyovn.controller.bridge import identify_interface, identify_port
from pyovn.ovsdb.values import FrozenMap
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs
from pyovn.sync.reconcile import Managed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pyovn.controller.model import Model
    from pyovn.incremental import Reason
    from pyovn.sync.wants import RowItem


def vs_managed(model: Model, bridge: Callable[[], str | None]) -> tuple[Managed, ...]:
    """The hypervisor's database; ``bridge()`` is the integration bridge's name as of now."""
    ids = frozenset({"external_ids"})

    def new_bridge(_item: RowItem, _reasons: list[Reason]) -> Mapping[str, Any]:
        """A bridge that we make lets nothing through until there are flows."""
        return {
            "fail_mode": "secure",
            "datapath_type": model.setting("ovn-bridge-datapath-type"),
            "other_config": FrozenMap({"disable-in-band": "true"}),
        }

    return (
        Managed(
            vs.Interface,
            lambda row: identify_interface(row, bridge()),
            shared=ids,
            collected=True,
        ),
        Managed(vs.Port, lambda row: identify_port(row, bridge()), holder=("Bridge", "ports")),
        Managed(
            vs.Bridge,
            lambda row: row.name if row.name == bridge() else None,
            annotate=new_bridge,
            shared=ids | {"ports"},
            collected=True,
        ),
        Managed(vs.OpenVSwitch, shared=ids | {"bridges"}),
    )


def sb_managed(names: Collection[str]) -> tuple[Managed, ...]:
    """The southbound; ``names`` may grow."""
    return (
        Managed(
            sb.Encap,
            lambda row: (row.chassis_name, row.type, row.ip) if row.chassis_name in names else None,
            collected=True,
        ),
        Managed(sb.Chassis, lambda row: row.name if row.name in names else None),
        Managed(sb.ChassisPrivate, lambda row: row.name if row.name in names else None),
        Managed(sb.PortBinding),
    )
