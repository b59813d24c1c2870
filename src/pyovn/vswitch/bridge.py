"""A bridge: its ports by name and number, its flows, its controllers.

Numbers of ports (``ofport``): what ``ofport_request`` asks for, when it is free; else what the database
remembers of an earlier run; else the next number that was not used for longest.  A number stays with its
port for as long as the port is there.  The bridge's own interface is the LOCAL port.

The datapath id is that of ``other_config:datapath-id``, or the bridge's address with zeros in front; the
address comes from ``other_config:hwaddr``, or from the UUID of the bridge's row, so both are the same
after a restart.

Not here: which bridges and ports there are to be (``switch``), what tunnels do (``tunnels``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import structs

from pyovn.vswitch.connection import VERSION_NAMES, VERSIONS
from pyovn.vswitch.controllers import Controllers
from pyovn.vswitch.flowmods import Changes, FlowState
from pyovn.vswitch.normal import AGING, LIMIT, Learning
from pyovn.vswitch.ofserver import OpenFlowServer
from pyovn.vswitch.pipeline import Pipeline
from pyovn.vswitch.ports import CONFIG_PORT_DOWN, SwitchPort
from pyovn.wire.openflow import messages as msg
from pyovn.wire.openflow import multiparts as mp
from pyovn.wire.openflow.actions import PORT_LOCAL, PORT_MAX
from pyovn.wire.openflow.text_values import parse_mac

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyovn.ovsdb.values import UUID
    from pyovn.sim.runtime import Runtime, Timer
    from pyovn.vswitch.confdb import BridgeRow, ControllerRow
    from pyovn.vswitch.datapath import Datapath

LOCAL: Final = PORT_LOCAL
EXPIRY_INTERVAL: Final = 1.0
_HEX_DIGITS: Final = 16
LEAST_LIMIT: Final = 10
"""What ``mac-table-size`` is raised to."""


def address_of(uuid: UUID) -> int:
    """A locally administered unicast address made of a row's name."""
    digits = bytes.fromhex(uuid.replace("-", ""))
    # Open vSwitch reads the UUID as 32-bit words of a little-endian machine; so it is the same address.
    mac = bytearray(digits[3::-1] + digits[7:5:-1])
    mac[0] = mac[0] & 0xFE | 2
    return int.from_bytes(mac, "big")


class Bridge:
    """One bridge; ``log`` takes a level and a text."""

    def __init__(
        self, name: str, index: int, uuid: UUID, runtime: Runtime, datapath: Datapath, rundir: str,
        log: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self.name = name
        self.uuid = uuid
        self.runtime = runtime
        self.datapath = datapath
        self.pipeline = Pipeline(name, index, Learning())
        self.pipeline.fdb.on_news = self.watch_time
        self.state = FlowState(self.pipeline, runtime.now)
        self.ports: dict[str, SwitchPort] = {}
        self.mac = address_of(uuid)
        self.datapath_id = self.mac
        self.fail_mode = ""
        self.versions = VERSIONS
        self.serial = self.description = "None"
        self.fragments = 0
        self.server = OpenFlowServer(self)
        self.controllers = Controllers(name, runtime, self.server, rundir, log)
        self._log = log
        self._fail_open_timer: Timer | None = None
        self._last_number = 0
        self._timer: Timer | None = None

    def log(self, text: str) -> None:
        """Tell the operator."""
        self._log("info", text)

    def configure(self, row: BridgeRow, controllers: Mapping[UUID, ControllerRow]) -> None:
        """Follow the bridge's own columns, and its controllers."""
        config = row.other_config
        mac = _parse_address(config.get("hwaddr", "")) or address_of(self.uuid)
        if mac != self.mac:
            self.mac = mac
            local = self.ports.get(self.name)
            if local is not None:
                local.mac = mac
        given = config.get("datapath-id", "")
        self.datapath_id = _parse_datapath_id(given) or self.mac
        self.serial = config.get("dp-sn", "None")
        self.description = config.get("dp-desc", "None")
        aging = config.get("mac-aging-time", "")
        self.pipeline.fdb.aging = float(aging) if aging.isdigit() else AGING
        size = config.get("mac-table-size", "")
        self.pipeline.fdb.limit = max(LEAST_LIMIT, int(size)) if size.isdigit() else LIMIT
        self._allow(row.protocols)
        fail_mode = row.fail_mode or "standalone"
        turned = self.controllers.follow(controllers)
        if turned:
            self.state.flush()
        if fail_mode != self.fail_mode or turned:
            self.fail_mode = fail_mode
            alone = fail_mode == "standalone" and not self.controllers.primaries
            self.state.set_default(normal=alone)
            self.datapath.invalidate()
        self.watch_controllers()

    def watch_controllers(self) -> None:
        """Switch by itself when the controllers are gone for long, if ``fail_mode`` says so."""
        if self._fail_open_timer is not None:
            self._fail_open_timer.cancel()
            self._fail_open_timer = None
        wait = self.controllers.fail_open_in() if self.fail_mode == "standalone" else None
        if wait:
            self._fail_open_timer = self.runtime.call_later(wait, self.watch_controllers)
        if self.state.set_fail_open(on=wait == 0):
            words = (
                "Could not connect to controller, failing open"
                if wait == 0
                else "No longer in fail-open mode"
            )
            self._log("warn", f"{self.name}: {words}")
            self.datapath.invalidate()

    def _allow(self, protocols: frozenset[str]) -> None:
        """Speak the versions that the column names, or all; a change ends what other versions have going."""
        named = {VERSION_NAMES[name] for name in protocols if name in VERSION_NAMES}
        if protocols and not named:
            self._log("err", f"bridge {self.name}: none of the protocols {sorted(protocols)} is spoken here")
        versions = tuple(sorted(named)) or VERSIONS
        if versions != self.versions:
            self.versions = versions
            self.server.hang_up(versions)

    # -- ports -----------------------------------------------------------------------------------

    def is_free(self, number: int | None) -> bool:
        """Tell whether a port could have ``number``."""
        return number is not None and 0 < number < PORT_MAX and number not in self.pipeline.ports

    def pick_number(self, name: str, request: int | None, remembered: int | None) -> int:
        """A number for a new port."""
        if name == self.name:
            return LOCAL
        for wish in (request, remembered):
            if wish is not None and self.is_free(wish):
                return wish
        number = self._last_number
        for _ in range(PORT_MAX):
            number = number + 1 if number + 1 < PORT_MAX else 1
            if number not in self.pipeline.ports:
                self._last_number = number
                return number
        raise OverflowError(f"bridge {self.name} has no number left for port {name}")

    def add_port(self, port: SwitchPort) -> None:
        """Put a port in and tell the controllers."""
        port.created = self.runtime.now()
        port.settle()
        self.ports[port.name] = port
        self.pipeline.ports[port.number] = port
        self.datapath.invalidate()
        self.server.port_status(msg.PORT_ADDED, port)

    def remove_port(self, port: SwitchPort) -> None:
        """Take a port out and tell the controllers."""
        del self.ports[port.name]
        del self.pipeline.ports[port.number]
        self.pipeline.fdb.forget_port(port.number)
        port.up = port.usable = False
        self.datapath.invalidate()
        self.server.port_status(msg.PORT_DELETED, port)

    def port_changed(self, port: SwitchPort) -> None:
        """A port's state or configuration is other than before."""
        port.settle()
        self.datapath.invalidate()
        self.server.port_status(msg.PORT_MODIFIED, port)

    def port_mod(self, port: SwitchPort, config: int) -> None:
        """OFPT_PORT_MOD has changed the configuration; the bit for "down" is the device's own state."""
        up = not config & CONFIG_PORT_DOWN
        config &= ~CONFIG_PORT_DOWN
        if up != port.up:
            # First the configuration changes, then the state that follows from it: two messages.
            down = CONFIG_PORT_DOWN if not up else 0
            now = self.port_desc(port)
            before = structs.replace(now, config=config | down, state=now.state & ~msg.PORT_LIVE)
            port.config, port.up = config, up
            self.server.tell_port(msg.PORT_MODIFIED, before)
            self.port_changed(port)
        elif config != port.config:
            port.config = config
            self.port_changed(port)

    def port_desc(self, port: SwitchPort) -> mp.PortDesc:
        """A port as OpenFlow describes it."""
        down = not port.up
        state = msg.PORT_LIVE if port.up and port.link else msg.PORT_LINK_DOWN
        config = port.config | (CONFIG_PORT_DOWN if down else 0)
        return mp.PortDesc(port.number, port.name, port.mac, config, state)

    # -- time ------------------------------------------------------------------------------------

    def watch_time(self) -> None:
        """Have timeouts looked at while any flow or learned address has one."""
        if self._timer is None and (self.state.timed or self.pipeline.fdb.entries):
            self._timer = self.runtime.call_later(EXPIRY_INTERVAL, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self.state.timed:
            self.datapath.collect()
            changes = Changes()
            self.state.expire(changes)
            self.server.finish(changes)
        if self.pipeline.fdb.expire(self.runtime.now()):
            self.datapath.invalidate()
        self.watch_time()

    def close(self) -> None:
        """End everything that the bridge has going."""
        self.controllers.close()
        self.server.close()
        if self._fail_open_timer is not None:
            self._fail_open_timer.cancel()
            self._fail_open_timer = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _parse_address(text: str) -> int:
    """An Ethernet address as a number; 0 for none or a bad one."""
    try:
        return parse_mac(text) if text else 0
    except ValueError:
        return 0


def _parse_datapath_id(text: str) -> int:
    """A datapath id of up to 16 hexadecimal digits; 0 for none or a bad one."""
    digits = text.removeprefix("0x")
    try:
        return int(digits, 16) if len(digits) <= _HEX_DIGITS else 0
    except ValueError:
        return 0
