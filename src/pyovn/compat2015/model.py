"""What the derivations read and where their rows go.

Inputs are rows of the northbound, of the southbound and of the ``OVN`` database itself, because
``Bindings.chassis`` is written from outside, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyovn.schemas import northbound as nb
from pyovn.schemas import ovn2015 as old
from pyovn.schemas import southbound as sb
from pyovn.sync.inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyovn.incremental import Derived, Engine, Relation
    from pyovn.ovsdb.values import UUID

    Yields = Callable[[Any], Iterable[tuple[Any, str]]]

NB_INPUTS: Final = (nb.LogicalSwitch, nb.LogicalSwitchPort, nb.ACL)
SB_INPUTS: Final = (sb.Chassis, sb.ChassisPrivate, sb.Encap, sb.PortBinding)
OLD_INPUTS: Final = (old.Chassis, old.Bindings)


class Model:
    """The network as relations; ``output_sb`` and ``output_ovn`` collect what is wanted of databases."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.northbound = Inputs(engine, "nb", NB_INPUTS)
        self.southbound = Inputs(engine, "sb", SB_INPUTS)
        self.ovn2015 = Inputs(engine, "ovn", OLD_INPUTS)
        self.switches = self.northbound.table(nb.LogicalSwitch)
        self.ports = self.northbound.table(nb.LogicalSwitchPort)
        self.acls = self.northbound.table(nb.ACL)
        self.chassis = self.southbound.table(sb.Chassis)
        self.switch_of_port = engine.index("switch_of_port", self.switches, lambda s: s.ports)
        self.switches_of_acl = engine.index("switches_of_acl", self.switches, lambda s: s.acls)
        self.output_sb: list[Derived[Any, Any]] = []
        self.output_ovn: list[Derived[Any, Any]] = []

    def want_sb(self, name: str, source: Relation[Any], function: Yields) -> None:
        """Rows of the southbound: the union of ``function`` over ``source``."""
        self.output_sb.append(self.engine.derive(name, source, function))

    def want_ovn(self, name: str, source: Relation[Any], function: Yields) -> None:
        """Rows of the OVN database: the union of ``function`` over ``source``."""
        self.output_ovn.append(self.engine.derive(name, source, function))

    def datapath_of(self, port: nb.LogicalSwitchPort) -> UUID | None:
        """What 2015 calls the logical datapath of a port: its switch.  None for a port on no switch."""
        switch = self.switch_of_port.one(port.uuid)
        return None if switch is None else switch.uuid
