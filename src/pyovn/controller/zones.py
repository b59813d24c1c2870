"""Connection-tracking zones: one per local port, two per local datapath (DNAT and SNAT).

A zone is allotted, kept in the integration bridge's ``external_ids:ct-zone-NAME`` and read back from
there, so that connections survive a restart of the controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.sync.wants import Element

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.controller.model import LocalPort, Model
    from pyovn.incremental import Allotment
    from pyovn.ovsdb.values import UUID

POOL: Final = "ct"
PREFIX: Final = "ct-zone-"
LAST: Final = 0xFFFF


class Zones:
    """``of(name)`` reads a zone inside of a derivation."""

    def __init__(self, model: Model) -> None:
        self._model = model
        names = model.engine.derive("zone_of_port", model.local_ports, _port_zone)
        datapath_names = model.engine.derive("zone_of_datapath", model.local_datapaths, _datapath_zones)
        owners = model.engine.union("zone_owners", (names, datapath_names))
        self._allotment: Allotment[str, str] = model.engine.allot(
            "ct_zones", owners, lambda name: [(POOL, (name, None))], lambda _pool: (1, LAST)
        )

        def kept(name: str) -> Iterator[tuple[Any, str]]:
            config = model.config()
            zone = self.of(name)
            if config is not None and zone is not None:
                yield (
                    Element("Bridge", config.bridge, "external_ids", (PREFIX + name, str(zone))),
                    "zones survive a restart",
                )

        model.want(model.output_vs, "zone_records", owners, kept)

    def of(self, name: str) -> int | None:
        """The zone of a port's name or of ``DATAPATH_dnat`` / ``DATAPATH_snat``."""
        return self._allotment.number(POOL, name)

    def adopt(self, name: str, zone: int) -> bool:
        """Read one back, before the first pass; False if it cannot be the zone of ``name``."""
        return self._allotment.adopt(POOL, name, zone)

    def listing(self) -> list[tuple[str, int]]:
        """(name, zone) of all, for ``ct-zone-list``."""
        return sorted((str(name), zone) for _pool, name, zone in self._allotment.items())


def dnat(datapath: UUID) -> str:
    """The name of a datapath's DNAT zone."""
    return f"{datapath}_dnat"


def snat(datapath: UUID) -> str:
    """The name of a datapath's SNAT zone."""
    return f"{datapath}_snat"


def _port_zone(port: LocalPort) -> Iterator[tuple[str, str]]:
    yield port.name, "a local port has a zone"


def _datapath_zones(datapath: UUID) -> Iterator[tuple[str, str]]:
    yield dnat(datapath), "a local datapath has a zone for DNAT"
    yield snat(datapath), "a local datapath has a zone for SNAT"
