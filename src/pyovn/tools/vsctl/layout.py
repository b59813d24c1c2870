"""Bridges, ports and interfaces by name, as ovs-vsctl shows them (ovs-vsctl(8), "Linux VLAN Bridging
Compatibility").

A port with ``fake_bridge`` is a *fake bridge* of the VLAN in its tag: it counts as a bridge, and the ports
with that tag on the same bridge count as its own.  A bridge's local port, which has its name, is no port to
these commands.  Names are one space: a bridge, a port of another name and an interface cannot share one.

A ``Layout`` is read from the model when a verb runs, and so sees what earlier verbs of the line did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyovn.tools.ctl.errors import CtlError

if TYPE_CHECKING:
    from pyovn.tools.ctl.context import Context, Needs
    from pyovn.tools.ctl.grammar import Command
    from pyovn.tools.ctl.model import Model, Row

SWITCH: Final = "Open_vSwitch"
BRIDGE: Final = "Bridge"
PORT: Final = "Port"
INTERFACE: Final = "Interface"


class Bridge:
    """A real bridge, or a fake one with its real ``parent`` and its ``vlan``."""

    __slots__ = ("children", "name", "parent", "ports", "row", "vlan")

    def __init__(self, name: str, row: Row, parent: Bridge | None = None, vlan: int = 0) -> None:
        self.name = name
        self.row = row
        """The row in table Bridge; of a fake bridge, its parent's."""
        self.parent = parent
        self.vlan = vlan
        self.children: dict[int, Bridge] = {}
        self.ports: list[Port] = []
        """All its ports, local ones and fake bridges too."""


class Port:
    """A port on a real or fake bridge, and its interfaces."""

    __slots__ = ("bridge", "interfaces", "is_local", "row")

    def __init__(self, row: Row, bridge: Bridge, interfaces: list[Row], *, is_local: bool) -> None:
        self.row = row
        self.bridge = bridge
        self.interfaces = interfaces
        self.is_local = is_local
        """Whether it stands for a bridge rather than being a port of one."""

    @property
    def name(self) -> str:
        """The port's name."""
        return self.row.text("name")


def need_layout(needs: Needs, _command: Command) -> None:
    """Ask for what ``Layout`` reads."""
    needs.add(SWITCH, "bridges")
    needs.add(BRIDGE, "name", "ports")
    needs.add(PORT, "name", "fake_bridge", "tag", "interfaces")
    needs.add(INTERFACE, "name")


class Layout:
    """The names of a switch."""

    def __init__(self, context: Context) -> None:
        model = context.model
        self.model = model
        switch = model.first(SWITCH)
        assert switch is not None
        self.switch: Row = switch
        self.switch.verify("bridges")
        self.bridges: dict[str, Bridge] = {}
        self.ports: dict[str, Port] = {}
        """Every port, local ones and fake bridges too."""
        self.interfaces: dict[str, tuple[Row, Port]] = {}
        for uuid in self.switch.atoms("bridges"):
            row = model.find(BRIDGE, uuid)
            if row is not None:
                self._add_bridge(model, row)

    def _add_bridge(self, model: Model, row: Row) -> None:
        row.verify("ports")
        bridge = self.bridges[row.text("name")] = Bridge(row.text("name"), row)
        rows = [port for port in (model.find(PORT, uuid) for uuid in row.atoms("ports")) if port is not None]
        for port in rows:
            if port.get("fake_bridge") and port.integer("tag") is not None:
                vlan = port.integer("tag") or 0
                fake = Bridge(port.text("name"), row, bridge, vlan)
                self.bridges[fake.name] = bridge.children[vlan] = fake
        for port in rows:
            tag = port.integer("tag")
            owner = bridge if tag is None else bridge.children.get(tag, bridge)
            interfaces = [model.find(INTERFACE, uuid) for uuid in port.atoms("interfaces")]
            is_local = port.text("name") == row.text("name") or bool(port.get("fake_bridge"))
            entry = Port(port, owner, [i for i in interfaces if i is not None], is_local=is_local)
            owner.ports.append(entry)
            self.ports[entry.name] = entry
            for interface in entry.interfaces:
                self.interfaces[interface.text("name")] = (interface, entry)

    def bridge(self, name: str) -> Bridge:
        """The real or fake bridge; raises ``CtlError``."""
        found = self.bridges.get(name)
        if found is None:
            raise CtlError(f"no bridge named {name}")
        return found

    def real_bridge(self, name: str) -> Bridge:
        """A bridge that is not fake; raises ``CtlError``."""
        found = self.bridge(name)
        if found.parent is not None:
            raise CtlError(f"{name} is a fake bridge")
        return found

    def find_port(self, name: str) -> Port | None:
        """The port, if it is not just a bridge's own."""
        found = self.ports.get(name)
        return None if found is None or found.is_local else found

    def port(self, name: str) -> Port:
        """Likewise; raises ``CtlError``."""
        found = self.find_port(name)
        if found is None:
            raise CtlError(f"no port named {name}")
        return found

    def find_interface(self, name: str) -> tuple[Row, Port] | None:
        """The interface and its port, if that is not just a bridge's own."""
        found = self.interfaces.get(name)
        return None if found is None or found[1].is_local else found

    def check_free(self, name: str, what: str) -> None:
        """Raise ``CtlError`` when something is called ``name`` already."""
        message = f"cannot create {what} named {name} because"
        if name in self.bridges:
            raise CtlError(f"{message} a bridge named {name} already exists")
        port = self.ports.get(name)
        if port is not None:
            raise CtlError(f"{message} a port named {name} already exists on bridge {port.bridge.name}")
        interface = self.interfaces.get(name)
        if interface is not None:
            raise CtlError(
                f"{message} an interface named {name} already exists on bridge {interface[1].bridge.name}"
            )

    def delete_port(self, port: Port) -> None:
        """Delete a port with its interfaces."""
        for interface in port.interfaces:
            self.model.delete(interface)
        self.model.delete(port.row)
        port.bridge.row.delete_atoms("ports", [port.row.uuid])

    def delete_bridge(self, bridge: Bridge) -> None:
        """Delete a bridge with its ports; a real one takes its fake ones along."""
        if bridge.parent is not None:
            # The port that is the fake bridge has the bridge's VLAN, hence is among its ports.
            for port in bridge.ports:
                self.delete_port(port)
            return
        for owner in (bridge, *bridge.children.values()):
            for port in owner.ports:
                for interface in port.interfaces:
                    self.model.delete(interface)
                self.model.delete(port.row)
        self.model.delete(bridge.row)
        self.switch.delete_atoms("bridges", [bridge.row.uuid])
