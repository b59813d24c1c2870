"""What a start finds, taken over before anything is written.

A controller that starts is most often one that was restarted: the switch forwards, the rows stand.  So what
the process before this one allotted is asked for again (zones, tunnel numbers), what it reported is
believed (who was claimed and installed, nb_cfg), and a first pass then finds next to nothing to change.

The order matters, and ``Controller`` keeps it:

1. ``read_back`` and ``former_names``, before the first pass: they only put inputs;
2. the first pass, which derives what is wanted;
3. ``leave_behind``: what was wanted by the process before and is not wanted any more.  Shared columns
   are only cleared of what we are known to have written, so each piece is wanted for a moment and then not;
4. the reconcilers follow what is wanted, and from then on things are written.

Steps 1 to 3 may be repeated, so a failure in one of them leaves nothing half done.

Everything read here may have been written by hand: what makes no sense is logged, and made anew.

Not here: flows.  The switch tells them, ``sync.flowtable`` compares them, ``conjunctions`` keeps their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.controller.bridge import OWNER
from pyovn.controller.bridge import adopt as adopt_tunnel
from pyovn.controller.chassis import encaps_of
from pyovn.controller.handwritten import decimal
from pyovn.controller.model import SELF
from pyovn.controller.zones import PREFIX
from pyovn.schemas import southbound as sb
from pyovn.schemas import vswitch as vs
from pyovn.sync.wants import Element, Existing, want

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.controller.binding import Binding
    from pyovn.controller.bridge import Tunnels
    from pyovn.controller.model import Model
    from pyovn.controller.zones import Zones
    from pyovn.sync.reconcile import Reconciler

    Log = Callable[[str, str], None]


class Adoption:
    """The steps of the module's docstring, over what allots and what is bound."""

    def __init__(self, model: Model, zones: Zones, tunnels: Tunnels, binding: Binding, log: Log) -> None:
        self._model = model
        self._zones = zones
        self._tunnels = tunnels
        self._binding = binding
        self._log = log

    # -- before the first pass -----------------------------------------------------------------

    def read_back(self) -> None:
        """Ask for the numbers that we had, and believe what we reported."""
        for port in self._model.vswitch.table(vs.Port).peek_all():
            adopt_tunnel(self._model, self._tunnels, port, self._log)
        for _bridge, name, value in self._zone_records():
            zone = decimal(value)
            if zone is None or not self._zones.adopt(name, zone):
                self._log(
                    "warn", f"{PREFIX}{name} is {value[:40]!r}, which cannot be its zone: it gets another"
                )
        self._binding.adopt(self._model.our_chassis(), self._log)

    def reported(self) -> tuple[int, int] | None:
        """The nb_cfg that Chassis_Private says we have reached, and when."""
        config = self._model.config()
        for row in self._model.southbound.table(sb.ChassisPrivate).peek_all():
            if config is not None and row.name == config.chassis:
                return row.nb_cfg, row.nb_cfg_timestamp
        return None

    def former_names(self, known: set[str]) -> set[str]:
        """A chassis of this host with our tunnel endpoint is ourselves under an old system-id: it goes.

        Its Encap row would keep ours out for ever (type and IP are unique).  On another host the same
        endpoint is a mistake in the configuration, and not ours to decide.
        """
        config, process = self._model.config(), self._model.process.peek(SELF)
        if config is None or process is None:
            return set()
        hostname = config.hostname or process.hostname
        ours = set(encaps_of(config))
        southbound = self._model.southbound
        taken = {e.uuid for e in southbound.table(sb.Encap).peek_all() if (e.type, e.ip) in ours}
        names = {
            row.name
            for row in southbound.table(sb.Chassis).peek_all()
            if row.name not in known and row.hostname == hostname and not taken.isdisjoint(row.encaps)
        }
        for name in sorted(names):
            self._log("info", f"chassis {name} was this hypervisor's before system-id was changed")
        return names

    # -- after it ------------------------------------------------------------------------------

    def leave_behind(self, reconciler: Reconciler) -> None:
        """Take away what stands in the hypervisor's database from a life before."""
        known = {name for name, _zone in self._zones.listing()}
        stale = [
            Element("Bridge", bridge, "external_ids", (PREFIX + name, value))
            for bridge, name, value in self._zone_records()
            if name not in known
        ]
        for element in (*self._binding.leftovers(), *stale):
            self._disown(reconciler, element)
        self._leave_other_bridges(reconciler)

    def _zone_records(self) -> Iterator[tuple[str, str, str]]:
        """(bridge, name, value) of the zones that stand beside the integration bridge."""
        config = self._model.config()
        for row in self._model.vswitch.table(vs.Bridge).peek_all():
            if config is not None and row.name == config.bridge:
                for key, value in row.external_ids.items():
                    if key.startswith(PREFIX):
                        yield row.name, key.removeprefix(PREFIX), value

    def _disown(self, reconciler: Reconciler, element: Element) -> None:
        """What was wanted and is not any more is removed."""
        reconciler.came(element, self._model.output_vs[0])
        reconciler.went(element)

    def _leave_other_bridges(self, reconciler: Reconciler) -> None:
        """Take our tunnels out of what was the integration bridge before ``ovn-bridge`` was changed."""
        config, vswitch = self._model.config(), self._model.vswitch
        tunnels = {port.uuid for port in vswitch.table(vs.Port).peek_all() if OWNER in port.external_ids}
        for row in vswitch.table(vs.Bridge).peek_all():
            stray = tunnels.intersection(row.ports)
            if stray and config is not None and row.name != config.bridge:
                reconciler.came(want("Bridge", Existing(row.uuid)), self._model.output_vs[0])
                for port in stray:
                    self._disown(reconciler, Element("Bridge", Existing(row.uuid), "ports", port))
