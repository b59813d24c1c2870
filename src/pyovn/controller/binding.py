"""Which logical ports this hypervisor claims, and when they are up.

ovn-architecture(7), "Life Cycle of a VIF".  An interface with ``iface-id`` claims the port of that name by
writing Port_Binding.chassis; without the interface a port that is bound here is released.  A port that
another chassis holds is taken over once, when its interface appears (that is how a VM moves): a port
that we held and lost is not fought for (``Held``), but claimed again as soon as it is free.

``up`` and the interface's ``ovn-installed`` follow when the switch has confirmed the port's flows; the
daemon tells so through ``Installed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.model import SELF, Model
from pyovn.incremental import Record, Table, column
from pyovn.sync.wants import Element, Existing, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.controller.model import LocalPort
    from pyovn.schemas import southbound as sb

INSTALLED: Final = "ovn-installed"
INSTALLED_TS: Final = "ovn-installed-ts"


class Held(Record):
    """The claim (binding, interface) was ours at some time, or must not be made; the key is the pair."""

    __slots__ = ()


class Installed(Record):
    """The switch has confirmed all flows of a binding; the key is its UUID."""

    __slots__ = ()
    since = column(0, "since")
    """Milliseconds since 1970."""


class Binding:
    """The two tables through which the daemon reports; see the module."""

    def __init__(self, model: Model) -> None:
        engine = model.engine
        self.held: Table[Held] = engine.table("held", Held)
        self.installed: Table[Installed] = engine.table("installed", Installed)
        held_by = engine.index("held_by", self.held, lambda h: [h.key])
        installed_by = engine.index("installed_by", self.installed, lambda i: [i.key])

        def claims(binding: sb.PortBinding) -> Iterator[tuple[Any, str]]:
            process = model.process_of.one(SELF)
            ours = model.our_chassis()
            if binding.type != "" or ours is None or process is None:
                return
            row = Existing(binding.uuid)
            vif = None if process.exiting else model.vif_by_id.one(binding.logical_port)
            if vif is None or not _is_wanted_here(binding, ours):
                if binding.chassis == ours:
                    yield want("Port_Binding", row, chassis=None, up=False), "nothing here carries the port"
                return
            if binding.chassis == ours:
                up = installed_by.one(binding.uuid) is not None
                yield want("Port_Binding", row, up=up), "up when its flows are installed"
            elif binding.chassis is None or held_by.one((binding.uuid, vif.interface)) is None:
                yield want("Port_Binding", row, chassis=ours), "an interface here carries the port"

        def told(port: LocalPort) -> Iterator[tuple[Any, str]]:
            done = installed_by.one(port.binding)
            vif = model.vif_by_id.one(port.name)
            if done is None or vif is None:
                return
            yield want("Interface", Existing(vif.interface)), "an interface with a logical port"
            for key, value in ((INSTALLED, "true"), (INSTALLED_TS, str(done.since))):
                yield (
                    Element("Interface", Existing(vif.interface), "external_ids", (key, value)),
                    "its flows are installed",
                )

        model.want(model.output_sb, "port_claims", model.bindings, claims)
        model.want(model.output_vs, "port_installed", model.local_ports, told)


def _is_wanted_here(binding: sb.PortBinding, ours: Any) -> bool:
    """``requested-chassis`` names another chassis: not ours to claim (ovn-nb(5))."""
    return binding.requested_chassis in (None, ours)
