"""What the chassis can do: northd emits only what all of them understand.

A controller lists its abilities in Chassis.other_config (ovn-sb(5)); during an upgrade some chassis lack one.
Chassis of other availability zones (``is-remote``) are not ours to consider.  Who lacks what is counted, so a
chassis more or less costs the same however many there are.

Also here: whether the deployment has a VXLAN tunnel, in which case keys have 12 bits (``ovn.keys``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.ovn.keys import GENEVE_KEYS, VXLAN_KEYS, KeySpace
from pyovn.schemas import southbound as sb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.northd.model import Model
    from pyovn.ovsdb.values import UUID

CT_MARK: Final = "ct-no-masked-label"
"""``ct_mark.blocked`` and ``ct_lb_mark`` instead of ``ct_label.blocked`` and ``ct_lb``."""
PORT_UP: Final = "port-up-notif"
"""The chassis writes Port_Binding.up."""
CT_LB_RELATED: Final = "ovn-ct-lb-related"
MAC_BINDING_TIMESTAMP: Final = "mac-binding-timestamp"

FEATURES: Final = (CT_MARK, PORT_UP, CT_LB_RELATED, MAC_BINDING_TIMESTAMP)
_VXLAN: Final = "vxlan"


def has(chassis: sb.Chassis, feature: str) -> bool:
    """Whether one chassis has a feature."""
    return chassis.other_config.get(feature, "").lower() == "true"


class Features:
    """Questions to be asked inside of derivations."""

    def __init__(self, model: Model) -> None:
        engine, southbound = model.engine, model.southbound
        chassis = southbound.table(sb.Chassis)

        def lacks(row: sb.Chassis) -> Iterator[tuple[str, int]]:
            if not has(row, "is-remote"):
                for feature in FEATURES:
                    if not has(row, feature):
                        yield feature, 1

        self._lacking = engine.fold(
            "chassis_lacking",
            chassis,
            lacks,
            empty=int,
            add=lambda count, _one: count + 1,
            take=lambda count, _one: count - 1,
            view=bool,
        )
        self._encaps = engine.fold(
            "encap_types",
            southbound.table(sb.Encap),
            lambda row: [(row.type, 1)],
            empty=int,
            add=lambda count, _one: count + 1,
            take=lambda count, _one: count - 1,
            view=bool,
        )
        self._by_uuid = engine.index("chassis_by_uuid", chassis, lambda c: [c.uuid])
        self.all_have = engine.memo(self._all_have)
        self.keys = engine.memo(self._keys)

    def _all_have(self, feature: str) -> bool:
        """Whether no chassis lacks a feature; memoized, so a chassis more that has it disturbs nobody."""
        return not self._lacking.value(feature)

    def _keys(self) -> KeySpace:
        """The room for tunnel keys."""
        return VXLAN_KEYS if self._encaps.value(_VXLAN) else GENEVE_KEYS

    def tells_up(self, chassis: UUID) -> bool:
        """Whether the chassis of that UUID writes Port_Binding.up."""
        row = self._by_uuid.one(chassis)
        return row is not None and has(row, PORT_UP)
