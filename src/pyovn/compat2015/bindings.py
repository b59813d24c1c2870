"""Bindings: which port is on which chassis, in both directions.

In 2015 the name in ``Bindings.chassis`` *was* the binding, and ovn-northd set the port's ``up`` by it.  Today
the binding is ``Port_Binding.chassis``, a reference to a Chassis that exists, and ovn-northd derives ``up``
from that.  Both columns have writers of their own, so it is fixed who follows whom:

===========================  ============================  ===========================================
Port_Binding.chassis         Bindings.chassis              what is done
===========================  ============================  ===========================================
a chassis                    anything                      Bindings.chassis becomes its name
nobody, or ELSEWHERE         a name of no controller's     Port_Binding.chassis becomes ELSEWHERE
nobody                       a controller's name           Bindings.chassis becomes ""
ELSEWHERE                    "", or a controller's name    Port_Binding.chassis becomes nobody
===========================  ============================  ===========================================

A chassis with a controller (it has a row in Chassis_Private) speaks for itself: what somebody writes over its
name is put right, as the controllers of 2015 did.  Any other name is somebody's claim that the port is up on
a hypervisor that we cannot see.  The southbound says this with one Chassis row, ``ELSEWHERE``, that exists as
long as there is such a claim.  It is marked ``is-remote``: it is not asked for features, and no tunnel is
made to it.  ovn-northd, ours or C's, sees a port that is bound to a chassis which does not report ``up``
itself, and sets it up.  So nobody but ovn-northd writes ``up``, and nobody but controllers writes the chassis
of a port that has a real one: a claim is given up the moment a controller takes the port.  A transaction that
changes Port_Binding.chassis first waits (with no time) for the value that it was decided upon, so it cannot
overwrite a controller's that came in between.

A chassis that leaves takes its name out of Bindings: "a controller's name" is asked of the OVN database's
own Chassis table as well, whose row goes in the same transaction in which the name is cleared.  So a port of
a hypervisor that is gone does not look like a claim, also when this daemon was away meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyovn.ovn.ports import VIF
from pyovn.ovsdb.values import UUID, FrozenMap
from pyovn.schemas import ovn2015 as old
from pyovn.schemas import southbound as sb
from pyovn.sync.wants import Existing, Ref, want

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyovn.compat2015.model import Model
    from pyovn.incremental import Derived
    from pyovn.schemas import northbound as nb

ELSEWHERE: Final = "ovn-2015"
"""The name of the Chassis that stands for all that are named in Bindings and are no chassis."""

NOWHERE: Final = "0.0.0.0"  # noqa: S104  an address that nobody has: nothing is sent to it, and nobody listens


class Claim(NamedTuple):
    """Port_Binding.chassis of the row ``binding`` is ``held`` and is to be ELSEWHERE, or nobody."""

    binding: UUID
    held: UUID | None
    is_elsewhere: bool


class Notice(NamedTuple):
    """A name in Bindings that has no effect."""

    port: str
    chassis: str
    kind: str

    def __str__(self) -> str:
        return f'Bindings of {self.port}: a port of type "{self.kind}" is not bound to "{self.chassis}"'


class Bindings:
    """Declares the derivations of this module."""

    def __init__(self, model: Model) -> None:
        self._model = model
        engine = model.engine
        bindings = model.ovn2015.table(old.Bindings)
        self._binding_of = engine.index(
            "port_binding_of", model.southbound.table(sb.PortBinding), lambda row: [row.logical_port]
        )
        self._old_of = engine.index("bindings_of", bindings, lambda row: [row.logical_port])
        self._chassis = engine.index("chassis_by_uuid", model.chassis, lambda row: [row.uuid])
        self._by_name = engine.index("chassis_by_name", model.chassis, lambda row: [row.name])
        self._private = engine.index(
            "chassis_private_by_name", model.southbound.table(sb.ChassisPrivate), lambda row: [row.name]
        )
        self._old_by_name = engine.index(
            "old_chassis_by_name", model.ovn2015.table(old.Chassis), lambda row: [row.name]
        )
        self.claims: Derived[Any, Claim] = engine.derive("claims", model.ports, self._claim)
        """What is to become of Port_Binding.chassis, also where it is so already."""
        self.notices: Derived[Any, Notice] = engine.derive("ineffective_names", model.ports, self._useless)
        model.want_ovn("bindings", model.ports, self._row)
        model.want_ovn("bindings_chassis", model.ports, self._name)
        model.want_sb("port_binding_chassis", self.claims, _bound)
        model.want_sb("elsewhere", self.claims, _elsewhere)

    def _row(self, port: nb.LogicalSwitchPort) -> Iterator[tuple[Any, str]]:
        datapath = self._model.datapath_of(port)
        if datapath is None:
            return
        parent, tag = _container(port)
        yield (
            want(
                old.Bindings.TABLE,
                port.name,
                logical_datapath=datapath,
                logical_port=port.name,
                mac=port.addresses,
                parent_port=parent,
                tag=tag,
            ),
            "a logical port is bound somewhere",
        )

    def _name(self, port: nb.LogicalSwitchPort) -> Iterator[tuple[Any, str]]:
        """``chassis`` where it is ours to say."""
        if self._model.datapath_of(port) is None:
            return
        binding = self._binding_of.one(port.name)
        holder = self._holder(binding)
        if holder not in (None, ELSEWHERE):
            yield want(old.Bindings.TABLE, port.name, chassis=holder), "the chassis that has the port"
        elif self._is_controllers(self._written(port)):
            yield want(old.Bindings.TABLE, port.name, chassis=""), "the chassis does not have the port"

    def _claim(self, port: nb.LogicalSwitchPort) -> Iterator[tuple[Claim, str]]:
        binding = self._binding_of.one(port.name)
        if binding is None:
            return
        holder, name = self._holder(binding), self._written(port)
        if holder not in (None, ELSEWHERE) or (holder is None and binding.chassis is not None):
            return
        if name and port.type == VIF and not self._is_controllers(name):
            yield Claim(binding.uuid, binding.chassis, True), "Bindings names who has no controller"
        elif holder == ELSEWHERE:
            yield Claim(binding.uuid, binding.chassis, False), "nobody claims the port any more"

    def _useless(self, port: nb.LogicalSwitchPort) -> Iterator[tuple[Notice, str]]:
        name = self._written(port)
        if name and port.type != VIF and not self._is_controllers(name):
            yield Notice(port.name, name, port.type), "only a virtual machine's port is claimed"

    def _written(self, port: nb.LogicalSwitchPort) -> str:
        """What Bindings says at present."""
        row = self._old_of.one(port.name)
        return "" if row is None else row.chassis

    def _holder(self, binding: sb.PortBinding | None) -> str | None:
        """The name of the chassis that has a port."""
        chassis = None if binding is None or binding.chassis is None else self._chassis.one(binding.chassis)
        return None if chassis is None else chassis.name

    def _is_controllers(self, name: str) -> bool:
        """Whether a name is that of a chassis with a controller, or of one that has just left."""
        if name in {"", ELSEWHERE}:
            return False
        if self._by_name.one(name) is not None:
            return self._private.one(name) is not None
        return self._old_by_name.one(name) is not None


def pending(claims: Derived[Any, Claim]) -> list[Claim]:
    """The claims that the southbound does not show yet."""
    return [claim for claim in claims.elements() if claim.held is None or not claim.is_elsewhere]


def _container(port: nb.LogicalSwitchPort) -> tuple[str | None, int | None]:
    """Parent and tag of a container's port, or neither; a tag that was asked for counts until it is given."""
    tag = port.tag if port.tag is not None else port.tag_request or None
    return (port.parent_name, tag) if port.parent_name and tag is not None else (None, None)


def _bound(claim: Claim) -> Iterator[tuple[Any, str]]:
    chassis = Ref(sb.Chassis.TABLE, ELSEWHERE) if claim.is_elsewhere else None
    yield want(sb.PortBinding.TABLE, Existing(claim.binding), chassis=chassis), "Bindings.chassis"


def _elsewhere(claim: Claim) -> Iterator[tuple[Any, str]]:
    if claim.is_elsewhere:
        encap = Ref(sb.Encap.TABLE, ELSEWHERE)
        yield (
            want(sb.Encap.TABLE, ELSEWHERE, type="geneve", ip=NOWHERE, chassis_name=ELSEWHERE),
            "a chassis has an encapsulation",
        )
        yield (
            want(
                sb.Chassis.TABLE,
                ELSEWHERE,
                name=ELSEWHERE,
                encaps=frozenset([encap]),
                other_config=FrozenMap({"is-remote": "true"}),
            ),
            "Bindings names who has no controller",
        )
