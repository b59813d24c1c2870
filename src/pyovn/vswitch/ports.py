"""A port of a bridge as the datapath sees it: a number, a way out, and counters.

What stands behind a port is its ``transmit``: a dummy device hands the frame to whoever listens, a
tunnel port encapsulates it, an internal port is the host's and swallows it.  Patch ports have no
``transmit``; they have a ``peer``, and a packet that is sent there goes on in the peer's bridge.

Not here: where ports come from (``bridge``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyovn.vswitch.flowkey import SLOTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyovn.vswitch.pipeline import Pipeline

    Transmit = Callable[[bytes, int], None]
    """Called with the frame and the flow key (for tunnels: tun_id, tun_dst, ... are set there)."""

_IN_PORT = SLOTS["in_port"].offset
_BRIDGE = SLOTS["bridge"].offset

CONFIG_PORT_DOWN = 1 << 0
CONFIG_NO_RECV = 1 << 2
CONFIG_NO_FWD = 1 << 5
CONFIG_NO_PACKET_IN = 1 << 6


def _swallow(_frame: bytes, _key: int) -> None:
    """The way out of a port that leads nowhere."""


class SwitchPort:
    """One port.  ``number`` is its OpenFlow number, ``datapath_number`` the datapath's (0: none).

    ``tag``, ``trunks`` and ``vlan_mode`` are read by NORMAL only.  ``key`` is the metadata that a frame
    received here starts with.
    """

    __slots__ = (
        "config", "created", "datapath_number", "is_tunnel", "key", "kind", "link", "mac", "name", "number",
        "peer", "pipeline", "rx_bytes", "rx_dropped", "rx_packets", "tag", "transmit", "trunks", "tx_bytes",
        "tx_packets", "up", "usable", "vlan_mode",
    )  # fmt: skip

    def __init__(self, pipeline: Pipeline, number: int, name: str, kind: str, mac: int = 0) -> None:
        self.pipeline = pipeline
        self.number = number
        self.name = name
        self.kind = kind
        self.mac = mac
        self.created = 0.0
        self.datapath_number = 0
        self.peer: SwitchPort | None = None
        self.transmit: Transmit = _swallow
        self.is_tunnel = False
        self.config = 0
        self.up = True
        self.link = True
        self.usable = True
        self.tag: int | None = None
        self.trunks: frozenset[int] = frozenset()
        self.vlan_mode: str | None = None
        self.key = number << _IN_PORT | pipeline.index << _BRIDGE
        self.rx_packets = self.rx_bytes = self.rx_dropped = 0
        self.tx_packets = self.tx_bytes = 0

    def settle(self) -> None:
        """Recompute ``usable`` after ``up``, ``link`` or ``config`` changed."""
        self.usable = self.up and self.link and not self.config & (CONFIG_PORT_DOWN | CONFIG_NO_FWD)

    def send(self, frame: bytes, key: int) -> None:
        """Send a frame out, counted."""
        self.tx_packets += 1
        self.tx_bytes += len(frame)
        self.transmit(frame, key)

    def carries(self, vlan: int) -> bool:
        """Tell whether NORMAL may send packets of ``vlan`` here."""
        if self.vlan_mode in {None, "access"} and self.tag is not None:
            return vlan == self.tag
        if self.vlan_mode == "trunk" or self.tag is None:
            return not self.trunks or vlan in self.trunks
        return vlan == self.tag or not self.trunks or vlan in self.trunks

    def is_untagged(self, vlan: int) -> bool:
        """Tell whether packets of ``vlan`` leave here without a tag."""
        if vlan == 0:
            return True
        return self.tag == vlan and self.vlan_mode in {None, "access", "native-untagged"}
