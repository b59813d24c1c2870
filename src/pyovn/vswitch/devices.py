"""What an interface of the database becomes, and what the database is told of it.

Kinds (column ``type``): the empty one, ``system`` and ``dummy`` are dummy devices here; ``internal`` is
the host's side of a bridge; ``patch`` leads to another bridge; ``geneve`` and ``vxlan`` are tunnels.
Every other kind is an error that is written into the row, as Open vSwitch does for a device that it
cannot open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyovn.ovsdb.values import FrozenMap
from pyovn.vswitch.tunnels import KINDS, TunnelConfig
from pyovn.wire.openflow.text_values import format_mac

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyovn.ovsdb.values import UUID, Value
    from pyovn.vswitch.bridge import Bridge
    from pyovn.vswitch.capture import PortCaptures
    from pyovn.vswitch.confdb import InterfaceRow, PortRow
    from pyovn.vswitch.ports import SwitchPort

    Wanted: TypeAlias = tuple[Bridge, PortRow, UUID, InterfaceRow]
    """An interface that is to be: its bridge, its port's row, and its own."""

MTU: Final = 1500
DUMMY_KINDS: Final = frozenset(("", "system", "dummy"))
INTERNAL_KINDS: Final = frozenset(("internal", "dummy-internal"))


class Device:
    """What an interface of the database became: a port, or the reason why not.

    ``clashes`` when the reason is another port, with which it may go away.
    """

    __slots__ = ("bridge", "captures", "clashes", "error", "port", "row")

    def __init__(self, bridge: Bridge, row: InterfaceRow) -> None:
        self.bridge = bridge
        self.row = row
        self.port: SwitchPort | None = None
        self.error: str | None = None
        self.clashes = False
        self.captures: PortCaptures | None = None


def check_kind(kind: str, row: InterfaceRow) -> TunnelConfig | None:
    """The configuration of a tunnel, None for other kinds; raises ``ValueError`` with the row's error."""
    if kind in DUMMY_KINDS or kind in INTERNAL_KINDS:
        return None
    if kind == "patch":
        if not row.options.get("peer"):
            raise ValueError(f"{row.name}: patch type requires valid 'peer' argument")
        if row.options["peer"] == row.name:
            raise ValueError(f"{row.name}: patch peer must not be self")
        return None
    if kind not in KINDS:
        raise ValueError(
            f"could not open network device {row.name} (Address family not supported by protocol)"
        )
    try:
        return TunnelConfig.parse(kind, row.options)
    except ValueError as e:
        raise ValueError(f"{row.name}: {e}") from None


def keeps(device: Device, wanted: Wanted | None) -> bool:
    """Tell whether a device serves the configuration as it is now."""
    if wanted is None or wanted[0] is not device.bridge:
        return False
    old, new = device.row, wanted[3]
    if device.port is None:
        # What failed is tried again when it is configured otherwise; a clash, when others may have gone.
        return not device.clashes and old.type == new.type and old.options == new.options
    same_number = new.ofport_request in {None, device.port.number}
    if not same_number and new.ofport_request == old.ofport_request:
        same_number = not device.bridge.is_free(new.ofport_request)
    return same_number and old.type == new.type and (old.options == new.options or old.type == "patch")


def interface_columns(device: Device) -> Mapping[str, Value]:
    """What the database is told of an interface."""
    port = device.port
    if port is None:
        return {"ofport": -1, "error": device.error, **_ABSENT}
    statistics: FrozenMap[Any, Any] = FrozenMap(
        {
            "rx_bytes": port.rx_bytes,
            "rx_dropped": port.rx_dropped,
            "rx_packets": port.rx_packets,
            "tx_bytes": port.tx_bytes,
            "tx_packets": port.tx_packets,
        }
    )
    return {
        "ofport": port.number,
        "error": device.error,
        "mac_in_use": format_mac(port.mac),
        "admin_state": "up" if port.up else "down",
        "link_state": "up" if port.link and port.up else "down",
        "link_resets": 0,
        "ifindex": 0,
        "mtu": None if port.kind == "patch" else device.row.mtu_request or MTU,
        "status": FrozenMap(),
        "statistics": statistics,
    }


_ABSENT: Final[Mapping[str, Value]] = {
    "mac_in_use": None,
    "admin_state": None,
    "link_state": None,
    "link_resets": None,
    "ifindex": None,
    "mtu": None,
    "status": FrozenMap(),
    "statistics": FrozenMap(),
}
