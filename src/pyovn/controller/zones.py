"""Connection-tracking zones: one per local port, two per local datapath (DNAT and SNAT).

A zone is allotted, kept in the integration bridge's ``external_ids:ct-zone-NAME`` and read back from
there, so that connections survive a restart of the controller.

A zone that was given out anew may hold connections of whoever had it before, which would let packets pass
that no ACL allows.  So the switch is told to forget them before the flows that use the zone come, and only
when it has done so is the zone recorded: a zone that is found recorded is clean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.incremental import Record, column
from pyovn.ovn.ports import VIF
from pyovn.sync.wants import Element

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyovn.controller.model import Model
    from pyovn.incremental import Allotment, Table
    from pyovn.ovsdb.values import UUID
    from pyovn.schemas import southbound as sb

POOL: Final = "ct"
PREFIX: Final = "ct-zone-"
LAST: Final = 0xFFFF


class Clean(Record):
    """The switch has forgotten what it knew in a zone; the key is the name of its owner."""

    __slots__ = ()
    zone = column(0, "zone")


class Zones:
    """``of(name)`` reads a zone inside of a derivation."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._clean: Table[Clean] = model.engine.table("clean_zones", Clean)
        self._fresh: dict[str, None] = {}
        """Owners that have come, and whose zone is not known to be clean."""
        self._left: list[str] = []
        clean_by_name = model.engine.index("clean_zone", self._clean, lambda row: [row.key])
        names = model.engine.derive("zone_of_port", model.bindings, self._port_zone)
        datapath_names = model.engine.derive("zone_of_datapath", model.local_datapaths, _datapath_zones)
        owners = model.engine.union("zone_owners", (names, datapath_names))
        self._allotment: Allotment[str, str] = model.engine.allot(
            "ct_zones", owners, lambda name: [(POOL, (name, None))], lambda _pool: (1, LAST)
        )

        def kept(name: str) -> Iterator[tuple[Any, str]]:
            config = model.config()
            zone, clean = self.of(name), clean_by_name.one(name)
            if config is not None and zone is not None and clean is not None and clean.zone == zone:
                yield (
                    Element("Bridge", config.bridge, "external_ids", (PREFIX + name, str(zone))),
                    "zones survive a restart",
                )

        model.want(model.output_vs, "zone_records", owners, kept)
        owners.subscribe(self)

    def _port_zone(self, binding: sb.PortBinding) -> Iterator[tuple[str, str]]:
        """A port keeps its zone while it is not bound: between an exit and the next start."""
        if self._model.local_port.one(binding.uuid) is not None:
            yield binding.logical_port, "a local port has a zone"
        elif binding.type == VIF and self._model.vif_of(binding) is not None:
            yield binding.logical_port, "a port with an interface here has a zone"

    def of(self, name: str) -> int | None:
        """The zone of a port's name or of ``DATAPATH_dnat`` / ``DATAPATH_snat``."""
        return self._allotment.number(POOL, name)

    def adopt(self, name: str, zone: int) -> bool:
        """Read one back, before the first pass; False if it cannot be the zone of ``name``."""
        adopted = self._allotment.adopt(POOL, name, zone)
        if adopted:
            self._clean.put(name, (zone,))
        return adopted

    # -- cleaning, outside of passes -----------------------------------------------------------

    def insert(self, element: str) -> None:
        """An owner has come."""
        self._fresh[element] = None

    def remove(self, element: str) -> None:
        """An owner has gone: its zone is somebody else's next."""
        self._fresh.pop(element, None)
        self._left.append(element)

    def change(self, element: str, mask: int) -> None:
        """Names are values: they do not change."""

    def note_moves(self) -> None:
        """After a pass: what was known of the zones of owners that have gone is forgotten.

        One that came back in the same pass may have kept its zone, and its connections; if it has not, the
        zone that it has is fresh, whichever was told first, that it came or that it went.
        """
        for name in self._left:
            clean, zone = self._clean.peek(name), self._allotment.peek(POOL, name)
            if clean is not None and clean.zone != zone:
                self._clean.delete(name)
                clean = None
            if clean is None and zone is not None:
                self._fresh[name] = None
        self._left.clear()

    def unclean(self) -> dict[str, int]:
        """The zones that the switch has to forget before they are used.

        What was read back for an owner that had gone before the start says nothing of its next zone.
        """
        numbers = {name: self._allotment.peek(POOL, name) for name in self._fresh}
        for name, zone in numbers.items():
            clean = self._clean.peek(name)
            if clean is not None and clean.zone == zone:
                del self._fresh[name]
        return {name: zone for name, zone in numbers.items() if zone is not None and name in self._fresh}

    def cleaned(self, zones: Mapping[str, int]) -> None:
        """The switch has forgotten ``zones``."""
        for name, zone in zones.items():
            if name in self._fresh and self._allotment.peek(POOL, name) == zone:
                self._clean.put(name, (zone,))
                del self._fresh[name]

    def listing(self) -> list[tuple[str, int]]:
        """(name, zone) of all, for ``ct-zone-list``."""
        return sorted((str(name), zone) for _pool, name, zone in self._allotment.items())


def dnat(datapath: UUID) -> str:
    """The name of a datapath's DNAT zone."""
    return f"{datapath}_dnat"


def snat(datapath: UUID) -> str:
    """The name of a datapath's SNAT zone."""
    return f"{datapath}_snat"


def _datapath_zones(datapath: UUID) -> Iterator[tuple[str, str]]:
    yield dnat(datapath), "a local datapath has a zone for DNAT"
    yield snat(datapath), "a local datapath has a zone for SNAT"
