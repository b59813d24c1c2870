"""The switch: what the ``Open_vSwitch`` database asks for, made so, and what became of it written back.

Level-triggered: after any change the whole configuration is compared with what exists, and only the
difference is made.  Then the switch's state (port numbers, addresses, errors) and ``cur_cfg`` are
compared with the database, and only the difference is written, in one transaction.  One transaction is
under way at a time; what happens meanwhile is looked at when it has been answered.  ``cur_cfg`` is
written together with the state that it vouches for, so ``ovs-vsctl`` waits for exactly that.

Everything runs in callbacks of the runtime, real or virtual.  Frames come in by ``inject`` and through
tunnels, and leave by the callbacks of ``on_transmit`` and through tunnels.

Not here: bonds (each member is a port by itself), QoS, mirrors, STP, sFlow, system devices.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from pyovn.vswitch.bridge import Bridge
from pyovn.vswitch.capture import CAPTURE_OPTIONS, PortCaptures
from pyovn.vswitch.confdb import DATAPATH_TYPES, INTERFACE_TYPES, View, Writer
from pyovn.vswitch.datapath import Datapath
from pyovn.vswitch.devices import DUMMY_KINDS, INTERNAL_KINDS, Device, check_kind, interface_columns, keeps
from pyovn.vswitch.multipart import SOFTWARE
from pyovn.vswitch.ports import SwitchPort
from pyovn.vswitch.tunnels import Tunnels
from pyovn.wire.openflow.text_values import parse_mac

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.ovsdb.client import Client
    from pyovn.ovsdb.local import LocalClient
    from pyovn.ovsdb.replica import Change
    from pyovn.ovsdb.requests import Reply
    from pyovn.ovsdb.values import UUID, Value
    from pyovn.sim.runtime import Runtime, Timer
    from pyovn.sim.underlay import Underlay
    from pyovn.vswitch.confdb import BridgeRow, InterfaceRow, PortRow, RootRow
    from pyovn.vswitch.devices import Wanted
    from pyovn.vswitch.steps import PacketIn

STATISTICS_INTERVAL: Final = 10.0
_FIRST_BRIDGE_NUMBER: Final = 100
_LAST_DATAPATH_NUMBER: Final = 0xFFFF
_FIRST_DUMMY_MAC: Final = 0xAA55AA550001


class Switch:
    """One hypervisor's switch.  ``client`` is an ``ovsdb`` client over ``confdb.TABLES``."""

    def __init__(
        self,
        runtime: Runtime,
        client: Client | LocalClient,
        underlay: Underlay | None,
        rundir: str,
        log: Callable[[str, str], None] | None = None,
    ) -> None:
        self.runtime = runtime
        self.client = client
        self.rundir = rundir
        self.datapath = Datapath(runtime.now)
        self.datapath.packet_in = self._packet_in
        self.bridges: dict[str, Bridge] = {}
        self.tunnels = Tunnels(underlay, self.datapath.receive, lambda port: self._owner(port).state.tlv)
        self.log = log if log is not None else _say_nothing
        self.on_frame: Callable[[str, bytes], None] = _drop
        """Given the port's name and the frame, for every frame that leaves by a device."""
        self._view = View(client.replica)
        self._devices: dict[str, Device] = {}
        self._listeners: dict[str, list[Callable[[bytes], None]]] = {}
        self._by_index: dict[int, Bridge] = {}
        self._next_index = 1
        self._next_mac = _FIRST_DUMMY_MAC
        self._uuids: dict[str, UUID] = {}
        self._controller_rows: dict[str, frozenset[UUID]] = {}
        self._refused: set[str] = set()
        self._warned: dict[str, str] = {}
        self._writing = False
        self._dirty = False
        self._scheduled = False
        self._timer: Timer | None = None
        self._stopped = True

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow the database."""
        self._stopped = False
        self.client.on_changes = self._changed
        self.client.on_state = lambda _client: self._schedule()
        self.client.start()
        self._timer = self.runtime.call_later(STATISTICS_INTERVAL, self._tick)

    def stop(self) -> None:
        """Leave the database, the underlay and the controllers."""
        self._stopped = True
        self.client.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for device in self._devices.values():
            if device.captures is not None:
                device.captures.close()
        for bridge in self.bridges.values():
            bridge.close()
        self.bridges.clear()
        self._by_index.clear()
        self._devices.clear()
        self.tunnels.close()

    def _tick(self) -> None:
        self._timer = self.runtime.call_later(STATISTICS_INTERVAL, self._tick)
        self._set_local(self.tunnels.local_ips)
        self._write_back()

    def _set_local(self, addresses: tuple[str, ...]) -> None:
        """The underlay's addresses; one that another switch has is told once, and tried again."""
        before = set(self.tunnels.taken)
        self.tunnels.set_local(addresses)
        for address in sorted(self.tunnels.taken - before):
            self.log(
                "warn", f"{address} is another hypervisor's on the underlay: no tunnel packet arrives there"
            )

    def _changed(self, _changes: list[Change]) -> None:
        self._schedule()

    def _schedule(self) -> None:
        """Look at the configuration once everything that came together is in."""
        if not self._scheduled and not self._stopped:
            self._scheduled = True
            self.runtime.call_soon(self._reconcile)

    # -- frames ----------------------------------------------------------------------------------

    def inject(self, port_name: str, frame: bytes) -> None:
        """A frame arrives at a port; raises ``KeyError`` when there is no such port."""
        device = self._devices.get(port_name)
        if device is None or device.port is None:
            raise KeyError(port_name)
        for capture in device.captures.received if device.captures is not None else ():
            capture.write(frame)
        self.datapath.receive(device.port, frame)

    def on_transmit(self, port_name: str, callback: Callable[[bytes], None]) -> None:
        """Have every frame that leaves by a port given to ``callback``; the port may come later."""
        self._listeners.setdefault(port_name, []).append(callback)

    def port(self, name: str) -> SwitchPort | None:
        """A port of any bridge."""
        device = self._devices.get(name)
        return None if device is None else device.port

    def set_admin_state(self, names: list[str], *, up: bool) -> None:
        """Take ports up or down; no names means all of them."""
        for name in names or list(self._devices):
            device = self._devices[name]
            if device.port is not None and device.port.up != up:
                device.port.up = up
                device.bridge.port_changed(device.port)
        self._schedule()

    def _transmitter(self, name: str, captures: PortCaptures | None) -> Callable[[bytes, int], None]:
        listeners = self._listeners.setdefault(name, [])
        sent = captures.sent if captures is not None else []

        def transmit(frame: bytes, _key: int) -> None:
            for capture in sent:
                capture.write(frame)
            for listener in listeners:
                listener(frame)
            self.on_frame(name, frame)

        return transmit

    def _capture(self, row: InterfaceRow) -> PortCaptures | None:
        """The capture files that a dummy device's options ask for."""
        if row.type not in DUMMY_KINDS or not CAPTURE_OPTIONS & row.options.keys():
            return None
        try:
            return PortCaptures(row.options, self.runtime.wall)
        except OSError as e:
            self.log("warn", f"{e.filename}: failed to open pcap file for appending ({e.strerror})")
            return None

    def _owner(self, port: SwitchPort) -> Bridge:
        return self._by_index[port.pipeline.index]

    def _packet_in(self, step: PacketIn, frame: bytes, key: int, continuation: bytes) -> None:
        bridge = self._by_index.get(step.pipeline.index)
        if bridge is not None:
            bridge.server.packet_in(step, frame, key, continuation)

    # -- configuration ---------------------------------------------------------------------------

    def _reconcile(self) -> None:
        self._scheduled = False
        found = self._view.root()
        if found is None or self._stopped or self.client.state != "live":
            return
        _, root = found
        wanted = self._wanted_bridges(root)
        for name in [n for n in self.bridges if n not in wanted]:
            self._remove_bridge(self.bridges[name])
        addresses = root.external_ids.get("ovn-encap-ip", "")
        self._set_local(tuple(a.strip() for a in addresses.split(",") if a.strip()))
        devices: dict[str, Wanted] = {}
        for name, (uuid, row) in sorted(wanted.items()):
            bridge = self.bridges.get(name) or self._add_bridge(name, uuid)
            bridge.configure(row, self._view.controllers(row.controller))
            self._controller_rows[name] = row.controller
            self._wanted_interfaces(bridge, row, devices)
        self._uuids = {name: uuid for name, (_, _, uuid, _) in devices.items()}
        for name in [n for n in self._devices if n not in devices]:
            self._remove_device(name)
            self._warned.pop(name, None)
        for name in [n for n, d in self._devices.items() if not keeps(d, devices.get(n))]:
            self._remove_device(name)
        for name, (bridge, port_row, _, interface) in sorted(devices.items(), key=_creation_order):
            device = self._devices.get(name)
            if device is None:
                device = self._devices[name] = self._add_device(bridge, interface)
            self._configure_device(device, port_row, interface)
        self._join_patches()
        self._write_back()

    def _wanted_bridges(self, root: RootRow) -> dict[str, tuple[UUID, BridgeRow]]:
        wanted = {}
        refused: set[str] = set()
        for uuid in root.bridges:
            row = self._view.bridge(uuid)
            if row is not None and "/" in row.name:
                refused.add(row.name)
                if row.name not in self._refused:
                    self.log("warn", f'ignoring bridge with invalid name "{row.name}"')
            elif row is not None:
                wanted[row.name] = (uuid, row)
        self._refused = refused
        return wanted

    def _wanted_interfaces(self, bridge: Bridge, row: BridgeRow, devices: dict[str, Wanted]) -> None:
        for port_uuid in row.ports:
            port_row = self._view.port(port_uuid)
            if port_row is None:
                continue
            for uuid in port_row.interfaces:
                interface = self._view.interface(uuid)
                if interface is not None:
                    devices[interface.name] = (bridge, port_row, uuid, interface)

    def _add_bridge(self, name: str, uuid: UUID) -> Bridge:
        index = self._next_index
        self._next_index += 1
        bridge = Bridge(name, index, uuid, self.runtime, self.datapath, self.rundir, self.log)
        bridge.controllers.on_change = lambda: self._controllers_changed(bridge)
        self.bridges[name] = bridge
        self._by_index[index] = bridge
        for suffix in ("mgmt", "snoop"):
            address = f"punix:{self.rundir}/{name}.{suffix}"
            try:
                bridge.server.listen(address)
            except OSError as e:
                self.log("err", f"failed to listen on {address}: {e}")
        self.log("info", f"bridge {name}: using datapath ID {bridge.datapath_id:016x}")
        return bridge

    def _remove_bridge(self, bridge: Bridge) -> None:
        for name in [n for n, d in self._devices.items() if d.bridge is bridge]:
            self._remove_device(name)
        bridge.close()
        del self.bridges[bridge.name]
        del self._by_index[bridge.pipeline.index]
        self.datapath.invalidate()

    def _controllers_changed(self, bridge: Bridge) -> None:
        bridge.watch_controllers()
        self._schedule()

    # -- interfaces ------------------------------------------------------------------------------

    def _add_device(self, bridge: Bridge, row: InterfaceRow) -> Device:
        device = Device(bridge, row)
        kind = "internal" if row.name == bridge.name else row.type
        try:
            tunnel = check_kind(kind, row)
        except ValueError as e:
            device.error = str(e)
            self._warn_once(row.name, device.error)
            return device
        number = bridge.pick_number(row.name, row.ofport_request, row.ofport)
        port = SwitchPort(bridge.pipeline, number, row.name, kind, self._address(bridge, row))
        port.datapath_number = 0 if kind == "patch" else self._pick_datapath_number(row.name)
        device.captures = self._capture(row)
        port.transmit = self._transmitter(row.name, device.captures)
        if tunnel is not None:
            try:
                self.tunnels.add(port, tunnel)
            except ValueError as e:
                device.error = f"could not add network device {row.name} to ofproto (File exists)"
                device.clashes = True
                self._warn_once(row.name, str(e))
                return device
        self._warned.pop(row.name, None)
        device.port = port
        bridge.add_port(port)
        self.log("info", f"bridge {bridge.name}: added interface {row.name} on port {number}")
        return device

    def _warn_once(self, name: str, text: str) -> None:
        """Log what is wrong with an interface, unless that is what was said of it last."""
        if self._warned.get(name) != text:
            self._warned[name] = text
            self.log("warn", text)

    def _pick_datapath_number(self, name: str) -> int:
        """As the dummy datapath does: what the name's digits say, from 100 for ``br...``, or what is free."""
        used = {device.port.datapath_number for device in self._devices.values() if device.port is not None}
        digits = re.search(r"\d+", name)
        if digits is not None:
            number = int(digits[0]) + (_FIRST_BRIDGE_NUMBER if name.startswith("br") else 0)
            if 0 < number < _LAST_DATAPATH_NUMBER and number not in used:
                return number
        return next(n for n in itertools.count(1) if n not in used)

    def _address(self, bridge: Bridge, row: InterfaceRow) -> int:
        """The Ethernet address of a device."""
        if row.name == bridge.name:
            return bridge.mac
        if row.mac and row.type in INTERNAL_KINDS:
            try:
                return parse_mac(row.mac)
            except ValueError:
                self.log("warn", f"interface {row.name}: bad address {row.mac!r}")
        self._next_mac += 1
        return self._next_mac

    def _remove_device(self, name: str) -> None:
        device = self._devices.pop(name)
        if device.captures is not None:
            device.captures.close()
        port = device.port
        if port is None:
            return
        self.tunnels.remove(port)
        if port.peer is not None:
            port.peer.peer = None
        if device.bridge.ports.get(name) is port:
            device.bridge.remove_port(port)
        self.log("info", f"bridge {device.bridge.name}: deleted interface {name} on port {port.number}")

    def _configure_device(self, device: Device, port_row: PortRow, row: InterfaceRow) -> None:
        device.row = row
        port = device.port
        if port is None:
            return
        vlan = (port_row.tag, port_row.trunks, port_row.vlan_mode)
        if (port.tag, port.trunks, port.vlan_mode) != vlan:
            port.tag, port.trunks, port.vlan_mode = vlan
            self.datapath.invalidate()

    def _join_patches(self) -> None:
        """Connect patch ports that name each other."""
        for device in self._devices.values():
            port = device.port
            if port is None or port.kind != "patch":
                continue
            other = self._devices.get(device.row.options.get("peer", ""))
            peer = None if other is None or other.port is None or other.port.kind != "patch" else other.port
            if other is not None and other.row.options.get("peer") != port.name:
                peer = None
            device.error = None
            if peer is None:
                wish = device.row.options.get("peer", "")
                device.error = f"No usable peer '{wish}' exists in 'dummy' datapath."
            if port.peer is not peer:
                port.peer = peer
                self.datapath.invalidate()

    # -- writing back ----------------------------------------------------------------------------

    def _write_back(self) -> None:
        """Write what differs; if a transaction is under way, when it is done."""
        if self._writing:
            self._dirty = True
            return
        found = self._view.root()
        if found is None or self.client.state != "live":
            return
        uuid, root = found
        writer = Writer(self.client.replica)
        self._write_root(writer, uuid, root)
        for bridge in self.bridges.values():
            columns: dict[str, Value] = {
                "datapath_id": f"{bridge.datapath_id:016x}",
                "datapath_version": "<built-in>",
            }
            writer.update("Bridge", bridge.uuid, columns)
            rows = self._view.controllers(self._controller_rows.get(bridge.name, frozenset()))
            for controller, row in rows.items():
                writer.update("Controller", controller, bridge.controllers.columns(row.target))
        for name, device in self._devices.items():
            interface = self._uuids.get(name)
            if interface is not None:
                writer.update("Interface", interface, interface_columns(device))
        if writer.operations:
            self._writing = True
            self.client.transact(writer.operations, self._written)

    def _write_root(self, writer: Writer, uuid: UUID, root: RootRow) -> None:
        columns: dict[str, Value] = {
            "datapath_types": DATAPATH_TYPES,
            "iface_types": INTERFACE_TYPES,
            "dpdk_initialized": False,
            "dpdk_version": "none",
            "cur_cfg": root.next_cfg,
        }
        if root.ovs_version is None:
            columns["ovs_version"] = SOFTWARE
        schema = self.client.schema
        if root.db_version is None and schema is not None:
            columns["db_version"] = schema.version
        writer.update("Open_vSwitch", uuid, columns)
        kinds = set()
        for bridge_uuid in root.bridges:
            row = self._view.bridge(bridge_uuid)
            if row is not None:
                kinds.add(row.datapath_type or "system")
        for kind in sorted(kinds - set(root.datapaths)):
            if kind in DATAPATH_TYPES:
                writer.add_datapath(uuid, kind)

    def _written(self, reply: Reply) -> None:
        self._writing = False
        if reply.error is not None:
            self.log("warn", f"failed to write to the database: {reply.error}")
        if self._dirty and not self._stopped:
            self._dirty = False
            self._schedule()


def _creation_order(item: tuple[str, Wanted]) -> tuple[bool, str]:
    """Ports that ask for a number come first, so that no other takes it; then by name."""
    name, (_, _, _, row) = item
    return row.ofport_request is None, name


def _say_nothing(_level: str, _text: str) -> None:
    """Where logs go when nobody asked for them."""


def _drop(_port: str, _frame: bytes) -> None:
    """Stand in for a listener that nobody has set."""
