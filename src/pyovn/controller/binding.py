"""Which logical ports this hypervisor claims, and when they are up.

ovn-architecture(7), "Life Cycle of a VIF".  An interface with ``iface-id`` claims the port of that name by
writing Port_Binding.chassis; without the interface a port that is bound here is released.  A port that
another chassis holds is taken over once, when its interface appears (that is how a VM moves): a port
that we held and lost is not fought for (``Held``), but claimed again as soon as it is free.  That we held
it is written beside the interface (``MARK``): it is known after a restart, as long as the interface lives.

``up`` and the interface's ``ovn-installed`` follow when the switch has confirmed the port's flows; the
daemon tells so through ``Installed``.  Both are read back at start, so a restart does not take a port down.
An exit gives ports back and leaves ``up`` as it is, as C's does: a port on no chassis is not up for northd,
and whoever claims it next begins with ``up`` false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.controller.handwritten import decimal
from pyovn.controller.model import IFACE_ID, SELF, Model
from pyovn.incremental import Record, Table, column
from pyovn.schemas import vswitch as vs
from pyovn.sync.wants import Element, Existing, want

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyovn.controller.model import LocalPort
    from pyovn.ovsdb.values import UUID
    from pyovn.schemas import southbound as sb

INSTALLED: Final = "ovn-installed"
INSTALLED_TS: Final = "ovn-installed-ts"
MARK: Final = "pyovn-claimed"
"""Interface.external_ids: the Port_Binding that this interface claimed."""

_OURS: Final = frozenset({IFACE_ID, INSTALLED, INSTALLED_TS, MARK})


class Held(Record):
    """An interface has claimed a binding and was given it; the key is the interface's UUID."""

    __slots__ = ()
    binding = column(0, "binding")


class Installed(Record):
    """The switch has confirmed all flows of a binding; the key is its UUID."""

    __slots__ = ()
    since = column(0, "since")
    """Milliseconds since 1970."""


class Binding:
    """The two tables through which the daemon reports; see the module."""

    def __init__(self, model: Model) -> None:
        self._model = model
        engine = model.engine
        self.held: Table[Held] = engine.table("held", Held)
        self.installed: Table[Installed] = engine.table("installed", Installed)
        held_by = self.held_by = engine.index("held_by", self.held, lambda h: [h.key])
        interface_of = engine.index("held_interface", model.vswitch.table(vs.Interface), lambda i: [i.uuid])
        installed_by = engine.index("installed_by", self.installed, lambda i: [i.key])

        def claims(binding: sb.PortBinding) -> Iterator[tuple[Any, str]]:
            process = model.process_of.one(SELF)
            ours = model.our_chassis()
            if binding.type != "" or ours is None or process is None:
                return
            row = Existing(binding.uuid)
            vif = None if process.exiting else model.vif_of(binding)
            if binding.parent_port:
                parent = model.binding_by_name.one(binding.parent_port)
                vif = vif if parent is not None and parent.chassis == ours else None
            if vif is None or not _is_wanted_here(binding, ours):
                if binding.chassis != ours:
                    return
                if process.exiting:
                    yield want("Port_Binding", row, chassis=None), "we leave, and its interface stays"
                else:
                    yield want("Port_Binding", row, chassis=None, up=False), "nothing here carries the port"
                return
            up = installed_by.one(binding.uuid) is not None
            if binding.chassis == ours:
                yield want("Port_Binding", row, up=up), "up when its flows are installed"
                return
            held = None if binding.parent_port else held_by.one(vif.interface)
            if binding.chassis is None or held is None or held.binding != binding.uuid:
                yield want("Port_Binding", row, chassis=ours, up=up), "an interface here carries the port"

        def written(interface: vs.Interface) -> Iterator[tuple[Any, str]]:
            if not _OURS.isdisjoint(interface.external_ids):
                yield want("Interface", Existing(interface.uuid)), "an interface with a logical port"

        def mark(held: Held) -> Iterator[tuple[Any, str]]:
            interface = interface_of.one(held.key)
            name = None if interface is None else interface.external_ids.get(IFACE_ID)
            binding = None if name is None else model.binding_by_name.one(name)
            if binding is not None and binding.uuid == held.binding:
                yield _note(held.key, MARK, str(held.binding)), "the port was ours"

        def told(port: LocalPort) -> Iterator[tuple[Any, str]]:
            done = installed_by.one(port.binding) if port.is_vif else None
            if done is not None:
                yield _note(port.interface, INSTALLED, "true"), "its flows are installed"
                yield _note(port.interface, INSTALLED_TS, str(done.since)), "since when"

        self.claims = model.want(model.output_sb, "port_claims", model.bindings, claims)
        model.want(model.output_vs, "interface_notes", model.vswitch.table(vs.Interface), written)
        model.want(model.output_vs, "claim_marks", self.held, mark)
        model.want(model.output_vs, "port_installed", model.local_ports, told)

    # -- what the daemon tells -----------------------------------------------------------------

    def adopt(self, ours: UUID | None, log: Callable[[str, str], None]) -> None:
        """Before the first pass: read back what the interfaces say that we held and had installed."""
        binding_of = {row.logical_port: row for row in self._model.bindings.peek_all()}
        for interface in self._model.vswitch.table(vs.Interface).peek_all():
            ids = interface.external_ids
            mark, since = ids.get(MARK), ids.get(INSTALLED_TS, "")
            binding = binding_of.get(ids.get(IFACE_ID, ""))
            if binding is None:
                continue
            if mark == str(binding.uuid):
                self.held.put(interface.uuid, (binding.uuid,))
            if ids.get(INSTALLED) == "true" and binding.chassis == ours:
                when = decimal(since)
                if when is None:
                    log("warn", f"{INSTALLED_TS} of {interface.name} is {since[:40]!r}: told anew")
                else:
                    self.installed.put(binding.uuid, (when,))

    def leftovers(self) -> Iterator[Element]:
        """After the first pass: what stands beside interfaces from a life before, and is not so any more."""
        here = {port.interface for port in self._model.local_ports.elements() if port.is_vif}
        for interface in self._model.vswitch.table(vs.Interface).peek_all():
            stale = [] if interface.uuid in here else [INSTALLED, INSTALLED_TS]
            if self.held.peek(interface.uuid) is None:
                stale.append(MARK)
            for key in stale:
                value = interface.external_ids.get(key)
                if value is not None:
                    yield _note(interface.uuid, key, value)

    def came(self, port: LocalPort) -> None:
        """The port is ours."""
        if not port.is_vif:
            return
        self.held.put(port.interface, (port.binding,))

    def went(self, port: LocalPort) -> None:
        """The port is not here any more, or is another one: its flows are not installed."""
        if self.installed.peek(port.binding) is not None:
            self.installed.delete(port.binding)

    def interface_gone(self, interface: UUID) -> None:
        """An interface was deleted: one that comes after it may take its port over again."""
        if self.held.peek(interface) is not None:
            self.held.delete(interface)

    def is_up(self, port: LocalPort) -> bool:
        """Whether the port's flows are installed, or were when it came up."""
        return self.installed.peek(port.binding) is not None

    def confirmed(self, ports: list[LocalPort], now: int) -> None:
        """The switch has all flows of ``ports``; some of them may have gone since."""
        here = self._model.local_ports.elements()
        for port in ports:
            if port in here and self.installed.peek(port.binding) is None:
                self.installed.put(port.binding, (now,))


def _note(interface: UUID, key: str, value: str) -> Element:
    return Element("Interface", Existing(interface), "external_ids", (key, value))


def _is_wanted_here(binding: sb.PortBinding, ours: Any) -> bool:
    """``requested-chassis`` names another chassis: not ours to claim (ovn-nb(5))."""
    return binding.requested_chassis in (None, ours)
