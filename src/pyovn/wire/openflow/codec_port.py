"""Ports on the wire (OpenFlow 1.5.1, sections 7.2.1, 7.3.4.4, 7.3.5.8 and 7.4.3)."""

from __future__ import annotations

import struct
from typing import Final

from pyovn.wire.openflow.codec_group import properties
from pyovn.wire.openflow.codec_match import narrow_port, wide_port
from pyovn.wire.openflow.messages import PortMod
from pyovn.wire.openflow.multiparts import PortDesc, PortStats

_DESC: Final = struct.Struct("!IH2x6s2x16sII")
_ETHERNET: Final = struct.Struct("!4xIIIIII")
_STATS: Final = struct.Struct("!H2xIIIQQQQQQQQ")
_UNKNOWN: Final = 0xFFFFFFFFFFFFFFFF
_SECOND: Final = 1_000_000_000


def encode_port(port: PortDesc) -> bytes:
    """ofp_port with the Ethernet property."""
    return (
        _DESC.pack(
            wide_port(port.port), 72, port.hw_addr.to_bytes(6, "big"), port.name.encode()[:15], port.config,
            port.state,
        )
        + b"\0\0\0\x20"
        + _ETHERNET.pack(
            port.current, port.advertised, port.supported, port.peer, port.current_speed, port.max_speed
        )
    )  # fmt: skip


def decode_port(data: bytes) -> PortDesc:
    """One ofp_port, cut to its length."""
    number, _, hw_addr, name, config, state = _DESC.unpack_from(data)
    numbers: tuple[int, ...] = (0,) * 6
    for kind, value in properties(data[_DESC.size :]):
        if kind == 0:
            numbers = _ETHERNET.unpack_from(value)
    text = name.split(b"\0", 1)[0].decode("utf-8", "replace")
    return PortDesc(narrow_port(number), text, int.from_bytes(hw_addr, "big"), config, state, *numbers)


def encode_port_mod(mod: PortMod) -> bytes:
    """Body of OFPT_PORT_MOD."""
    hw_addr = mod.hw_addr.to_bytes(6, "big")
    head = struct.pack("!I4x6s2xII", wide_port(mod.port), hw_addr, mod.config, mod.mask)
    return head + struct.pack("!HHI", 0, 8, mod.advertise)


def decode_port_mod(body: bytes) -> PortMod:
    """Body of OFPT_PORT_MOD."""
    port, hw_addr, config, mask = struct.unpack_from("!I4x6s2xII", body)
    advertise = 0
    for kind, value in properties(body[24:]):
        if kind == 0:
            (advertise,) = struct.unpack("!I", value)
    return PortMod(narrow_port(port), int.from_bytes(hw_addr, "big"), config, mask, advertise)


def encode_port_stats(stats: PortStats) -> bytes:
    """One entry of OFPMP_PORT_STATS, without properties."""
    seconds, rest = divmod(stats.duration, _SECOND)
    counters = (
        stats.rx_packets, stats.tx_packets, stats.rx_bytes, stats.tx_bytes, stats.rx_dropped,
        stats.tx_dropped, stats.rx_errors, stats.tx_errors,
    )  # fmt: skip
    known = [_UNKNOWN if counter is None else counter for counter in counters]
    return _STATS.pack(_STATS.size, wide_port(stats.port), seconds, rest, *known)


def decode_port_stats(data: bytes) -> PortStats:
    """One entry of OFPMP_PORT_STATS; properties are skipped."""
    _, port, seconds, rest, *counters = _STATS.unpack_from(data)
    known = [None if counter == _UNKNOWN else counter for counter in counters]
    return PortStats(narrow_port(port), seconds * _SECOND + rest, *known)
