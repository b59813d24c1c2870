"""Chassis and Encap: those of the southbound.  A chassis has no gateways, as none had in 2015."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.compat2015.bindings import ELSEWHERE
from pyovn.ovsdb.values import EMPTY_MAP, FrozenMap
from pyovn.schemas import ovn2015 as old
from pyovn.schemas import southbound as sb
from pyovn.sync.wants import Ref, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.compat2015.model import Model

LATER_OPTIONS: Final = frozenset({"csum", "is_default"})
"""Options of tunnels that 2015 did not have."""


def identify_encap(row: old.Encap) -> tuple[str, str]:
    """An Encap is its type and address, which are unique in the southbound."""
    return row.type, row.ip


def declare(model: Model) -> None:
    """Write both tables."""
    encap_by_uuid = model.engine.index(
        "encap_by_uuid", model.southbound.table(sb.Encap), lambda encap: [encap.uuid]
    )

    def rows(chassis: sb.Chassis) -> Iterator[tuple[Any, str]]:
        if chassis.name == ELSEWHERE:
            return
        encaps = [encap for uuid in chassis.encaps if (encap := encap_by_uuid.one(uuid)) is not None]
        if not encaps:
            return
        refs = []
        for encap in encaps:
            key = encap.type, encap.ip
            options = {name: value for name, value in encap.options.items() if name not in LATER_OPTIONS}
            yield (
                want(old.Encap.TABLE, key, type=encap.type, ip=encap.ip, options=FrozenMap(options)),
                "the chassis is reached so",
            )
            refs.append(Ref(old.Encap.TABLE, key))
        yield (
            want(
                old.Chassis.TABLE,
                chassis.name,
                name=chassis.name,
                encaps=frozenset(refs),
                gateway_ports=EMPTY_MAP,
            ),
            "a chassis of the southbound",
        )

    model.want_ovn("chassis", model.chassis, rows)
